//! What the forms of the alerts send: what somebody does to one alert, or to several.

use crate::App;
use crate::auth::Principal;
use crate::dashboard::layout::{self, Tab, Waiting};
use crate::dashboard::{frame, html_page, text};
use crate::http::Problem;
use crate::http::alert_changes::{Doing, change, owner};
use crate::http::hold_decisions::{Decided, Way, decide, quantity};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use axum::{Extension, Form, Router};
use ledger::{AlertStep, Position, Timestamp};
use maud::{Markup, html};

/// The longest form that is read, in bytes.
const FORM_BYTES_MAX: usize = 64 << 10;
const MINUTE_MICROS: i64 = 60_000_000;
const HOUR_MICROS: i64 = 60 * MINUTE_MICROS;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// When a snooze until tomorrow ends.
const MORNING_MICROS: i64 = 8 * HOUR_MICROS;
/// No place on earth is further from UTC, in minutes.
const ZONE_MINUTES_MAX: i64 = 14 * 60;

/// What each button sends, and the words for what it did.
const DONE: [(&str, &str); 8] = [
    ("acknowledge", "acknowledged"),
    ("hour", "snoozed for an hour"),
    ("tomorrow", "snoozed until tomorrow"),
    ("snooze", "snoozed"),
    ("note", "noted"),
    ("resolve", "resolved"),
    ("release", "decided: released"),
    ("scrap", "decided: scrapped"),
];

pub(crate) fn router() -> Router<App> {
    Router::new().route("/alerts/act", post(act)).layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// Which alerts a form is about.
#[derive(Clone, Copy)]
pub(crate) enum Whom<'a> {
    /// This one, and whether it waits for somebody to acknowledge it.
    One(&'a str, bool),
    /// Those that are ticked.
    Selected,
}

/// A button that acknowledges one alert.
pub(crate) fn button(alert: &str, back: &str) -> Markup {
    html! {
        form method="post" action="/alerts/act" {
            input type="hidden" name="alert" value=(alert);
            input type="hidden" name="back" value=(back);
            button name="act" value="acknowledge" { "Acknowledge" }
        }
    }
}

/// The form for everything that can be done. What stands in `note` goes with whatever is done.
pub(crate) fn form(whom: Whom<'_>, back: &str) -> Markup {
    let (key, id, is_waiting) = match whom {
        Whom::One(alert, is_waiting) => (alert, None, is_waiting),
        Whom::Selected => ("all", Some("selected"), true),
    };
    let field = |name: &str| format!("{name}-{key}");
    html! {
        form.act method="post" action="/alerts/act" id=[id] {
            // What the enter key means: what the filled field says, not the first button.
            button name="act" value="" hidden {}
            @if let Whom::One(alert, _) = whom { input type="hidden" name="alert" value=(alert); }
            input type="hidden" name="back" value=(back);
            input type="hidden" name="zone" value="";
            div.field.grow {
                label for=(field("note")) { "Note, goes with whatever is done" }
                input id=(field("note")) name="note" maxlength="1000" autocomplete="off";
            }
            button name="act" value="note" { "Only note" }
            div.row {
                @if is_waiting { button.main name="act" value="acknowledge" { "Acknowledge" } }
                button name="act" value="hour" { "Snooze 1 h" }
                button name="act" value="tomorrow" title="In your time zone; without scripts in UTC" { "Snooze until tomorrow 08:00" }
                button name="act" value="resolve" { "Resolve" }
                @if id.is_some() { button type="button" data-tick="alert" { "Select all" } }
            }
            div.field {
                label for=(field("until")) { "Snooze until" }
                input id=(field("until")) type="datetime-local" name="until" autocomplete="off";
            }
            button name="act" value="snooze" { "Snooze" }
            div.field {
                label for=(field("owner")) { "Owner; empty for nobody" }
                input id=(field("owner")) name="owner" maxlength="200" autocomplete="off";
            }
            button name="act" value="assign" { "Assign" }
        }
    }
}

/// The form for stock on hold: who decides, why, and what becomes of it. All that is on hold when no quantity is given.
pub(crate) fn decision(alert: &str, back: &str) -> Markup {
    let field = |name: &str| format!("{name}-{alert}");
    html! {
        form.act method="post" action="/alerts/act" data-decision=(alert) {
            // The enter key decides nothing.
            button name="act" value="" hidden {}
            input type="hidden" name="alert" value=(alert);
            input type="hidden" name="back" value=(back);
            div.field {
                label for=(field("person")) { "Who decides" }
                input id=(field("person")) name="person" required maxlength="200" autocomplete="name";
            }
            div.field.grow {
                label for=(field("reason")) { "Reason" }
                input id=(field("reason")) name="reason" required maxlength="1000" autocomplete="off";
            }
            div.field {
                label for=(field("quantity")) { "Quantity; empty for all" }
                input id=(field("quantity")) name="quantity" inputmode="decimal" maxlength="30" autocomplete="off";
            }
            div.row {
                button.main name="act" value="release" { "Release" }
                button name="act" value="scrap" { "Scrap" }
            }
        }
    }
}

/// What was just done, from the address that [`act`] leads to.
pub(crate) fn notice(done: &str) -> Markup {
    let Some((act, count)) = done.split_once('-') else { return html! {} };
    let words = DONE.iter().find(|(name, _)| *name == act).map(|(_, words)| *words);
    let words = words.or_else(|| (act == "assign").then_some("assigned"));
    let count: usize = count.parse().unwrap_or_default();
    html! {
        @if let Some(words) = words.filter(|_| count > 0) {
            p.notice role="status" {
                @if count == 1 { "The alert is " } @else { (text::length(count)) " alerts are " }
                (words) "."
            }
        }
    }
}

/// What a form asks for.
enum Wanted {
    Step(Doing),
    Decision(Decided),
}

/// A form as it came.
#[derive(Default)]
struct Said {
    alerts: Vec<Position>,
    act: String,
    note: String,
    until: String,
    owner: String,
    person: String,
    reason: String,
    quantity: String,
    zone: String,
    back: String,
}

impl Said {
    fn of(pairs: Vec<(String, String)>) -> Self {
        let mut said = Self::default();
        for (name, value) in pairs {
            match &*name {
                "alert" => said.alerts.extend(value.parse().ok().map(Position)),
                "act" => said.act = value,
                "note" => value.trim().clone_into(&mut said.note),
                "until" => value.trim().clone_into(&mut said.until),
                "owner" => value.trim().clone_into(&mut said.owner),
                "person" => said.person = value,
                "reason" => said.reason = value,
                "quantity" => value.trim().clone_into(&mut said.quantity),
                "zone" => said.zone = value,
                "back" => said.back = value,
                _ => {}
            }
        }
        said.alerts.sort_unstable();
        said.alerts.dedup();
        if said.act.is_empty() {
            said.act = match (said.owner.is_empty(), said.until.is_empty(), said.note.is_empty()) {
                (false, true, _) => "assign",
                (true, false, _) => "snooze",
                (true, true, false) => "note",
                _ => "",
            }
            .to_owned();
        }
        said
    }

    /// What is to become of stock on hold; `None` when the form is about something else.
    fn decided(&self) -> Option<Result<Decided, Problem>> {
        let way = match &*self.act {
            "release" => Way::Release,
            "scrap" => Way::Scrap,
            _ => return None,
        };
        let quantity = (!self.quantity.is_empty()).then(|| quantity(&self.quantity)).transpose();
        let (person, reason) = (self.person.clone(), self.reason.clone());
        Some(quantity.map(|quantity| Decided { way, person, reason, quantity, id: String::new() }))
    }

    /// How far the sender's clock on the wall is ahead of UTC.
    fn zone_micros(&self) -> i64 {
        let minutes: i64 = self.zone.parse().unwrap_or_default();
        minutes.clamp(-ZONE_MINUTES_MAX, ZONE_MINUTES_MAX) * MINUTE_MICROS
    }

    fn doing(&self, now: Timestamp) -> Result<Doing, Problem> {
        let wrong = |field: &'static str, detail: &str| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", detail).of(field)
        };
        Ok(match &*self.act {
            "acknowledge" => Doing::new(AlertStep::Acknowledged, &self.note),
            "hour" => Doing::snooze(60, now, &self.note)?,
            "tomorrow" => {
                let until = tomorrow(now, self.zone_micros());
                Doing::new(AlertStep::Snoozed { until }, &self.note)
            }
            "snooze" => {
                let text =
                    if self.until.len() == 16 { format!("{}:00Z", self.until) } else { format!("{}Z", self.until) };
                let until = wire::time::parse_timestamp(&text)
                    .map_err(|_| wrong("until", "say until when, by date and time of day"))?;
                Doing::new(AlertStep::Snoozed { until: until.minus(self.zone_micros()) }, &self.note)
            }
            "assign" => Doing::new(AlertStep::Assigned { owner: owner(&self.owner)?.into() }, &self.note),
            "note" => Doing::new(AlertStep::Noted, &self.note),
            "resolve" => Doing::new(AlertStep::Resolved { outcome: "by_hand".into() }, &self.note),
            _ => return Err(wrong("act", "say what is to be done: press one of the buttons")),
        })
    }

    /// Where the form came from, and never another site.
    fn back(&self) -> &str {
        let is_ours = self.back == "/alerts" || self.back.starts_with("/alerts/") || self.back.starts_with("/alerts?");
        if is_ours && !self.back.contains(['\\', '\n', '\r']) { &self.back } else { "/alerts" }
    }
}

/// Eight in the morning of the next day, where clocks on the wall are `zone_micros` ahead of UTC.
fn tomorrow(now: Timestamp, zone_micros: i64) -> Timestamp {
    let local = now.0.saturating_add(zone_micros);
    let midnight = local.div_euclid(DAY_MICROS).saturating_add(1).saturating_mul(DAY_MICROS);
    Timestamp(midnight.saturating_add(MORNING_MICROS)).minus(zone_micros)
}

async fn act(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let said = Said::of(pairs);
    let mut wrong = Vec::new();
    if said.alerts.is_empty() {
        wrong.push((None, "tick the alerts that are meant".to_owned()));
    }
    let mut count = 0;
    for alert in &said.alerts {
        let wanted = match said.decided() {
            Some(decided) => decided.map(Wanted::Decision),
            None => said.doing(app.engine().now()).map(Wanted::Step),
        };
        let done = match wanted {
            Ok(Wanted::Decision(decided)) => decide(&app, &principal, *alert, decided).await.map(drop),
            Ok(Wanted::Step(doing)) => change(&app, &principal, *alert, doing).await,
            Err(problem) => {
                // The same for all of them.
                wrong.push((None, problem.detail));
                break;
            }
        };
        match done {
            Ok(()) => count += 1,
            Err(problem) => wrong.push((Some(*alert), problem.detail)),
        }
    }
    if wrong.is_empty() {
        let back = said.back();
        let separator = if back.contains('?') { '&' } else { '?' };
        return Redirect::to(&format!("{back}{separator}done={}-{count}", said.act)).into_response();
    }
    again(&app, &said, count, &wrong)
}

/// What was not done, why, and the form to try again with.
fn again(app: &App, said: &Said, count: usize, wrong: &[(Option<Position>, String)]) -> Response {
    let back = said.back();
    let only = if let [alert] = said.alerts[..] { Some(alert.to_string()) } else { None };
    let body = html! {
        section.sheet aria-labelledby="heading" {
            header { h1 #heading { "Not done" } a href=(back) { "Back to the alerts" } }
            div.inset {
                div.notice.bad role="alert" {
                    @if count > 0 { p { (text::length(count)) " of " (text::length(said.alerts.len())) " alerts are done with." } }
                    ul {
                        @for (alert, why) in wrong {
                            li { @if let Some(alert) = alert { a href=(format!("/alerts/{alert}")) { "Alert " (alert) } ": " } (why) }
                        }
                    }
                }
                @if let (Some(alert), Some(_)) = (&only, said.decided()) { (decision(alert, back)) }
                @else if let Some(alert) = only { (form(Whom::One(&alert, true), back)) }
            }
        }
    };
    let navigation = layout::navigation(Tab::Alerts, &Waiting::of(app));
    html_page(StatusCode::UNPROCESSABLE_ENTITY, &layout::page(&frame(app, "Alerts", Some(&navigation), ""), &body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pairs: &[(&str, &str)]) -> Said {
        Said::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn tomorrow_is_the_next_morning_of_whoever_asks() {
        let at = |text: &str| wire::time::parse_timestamp(text).expect("a time");
        let check = |now: &str, zone_minutes: i64, expect: &str| {
            assert_eq!(tomorrow(at(now), zone_minutes * MINUTE_MICROS), at(expect), "{now} {zone_minutes}");
        };
        check("2026-02-16T10:00:00Z", 0, "2026-02-17T08:00:00Z");
        check("2026-02-16T23:30:00Z", 60, "2026-02-18T07:00:00Z");
        check("2026-02-16T03:00:00Z", -480, "2026-02-16T16:00:00Z");
    }

    #[test]
    fn the_enter_key_means_the_field_that_is_filled() {
        assert_eq!(said(&[("act", ""), ("owner", "anna")]).act, "assign");
        assert_eq!(said(&[("act", ""), ("until", "2026-02-17T08:00")]).act, "snooze");
        assert_eq!(said(&[("act", ""), ("note", "seen")]).act, "note");
        assert_eq!(said(&[("act", ""), ("owner", "anna"), ("until", "2026-02-17T08:00")]).act, "");
        assert_eq!(said(&[("act", "resolve"), ("owner", "anna")]).act, "resolve");
    }

    #[test]
    fn a_form_leads_back_to_our_own_pages_only() {
        for (back, expect) in [
            ("/alerts?state=open", "/alerts?state=open"),
            ("/alerts/7", "/alerts/7"),
            ("//elsewhere.example", "/alerts"),
            ("https://elsewhere.example/alerts", "/alerts"),
            ("/alertsx", "/alerts"),
            ("", "/alerts"),
        ] {
            assert_eq!(said(&[("back", back)]).back(), expect);
        }
    }

    #[test]
    fn a_local_time_is_understood_in_its_zone() {
        let said = said(&[("act", "snooze"), ("until", "2026-02-17T08:00"), ("zone", "60")]);
        let Ok(Doing { step: AlertStep::Snoozed { until }, .. }) = said.doing(Timestamp(0)) else {
            panic!("a snooze");
        };
        assert_eq!(until, wire::time::parse_timestamp("2026-02-17T07:00:00Z").expect("a time"));
    }
}
