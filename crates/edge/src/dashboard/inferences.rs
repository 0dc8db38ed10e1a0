//! `/inferences`: what was concluded and waits for a person, with its evidence and the form to confirm or refute it; and
//! what became of the rest.

use crate::app::Sensed;
use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::stock::{pager, product_link};
use crate::dashboard::{Params, text};
use follow::sensing::{InferenceQuery, KeptInference};
use ledger::{Position, Timestamp};
use maud::{Markup, html};
use serde_json::Value;

/// Conclusions a page.
const ROWS: usize = 50;
/// What people call the states.
const STATES: [(&str, &str); 5] = [
    ("quarantined", "waiting"),
    ("applied", "booked"),
    ("confirmed", "confirmed"),
    ("refuted", "refuted"),
    ("noted", "noted"),
];

/// Which conclusions to show.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    state: &'static str,
    cursor: String,
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    pub(crate) fn of(params: &Params) -> Self {
        let known = STATES.iter().find(|(state, _)| *state == params.text("state"));
        Self { state: known.map_or("quarantined", |(state, _)| state), cursor: params.text("cursor").to_owned() }
    }

    pub(crate) fn parameters<'a>(&'a self, cursor: &'a str) -> [(&'static str, &'a str); 2] {
        [("state", self.state), ("cursor", cursor)]
    }

    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// What the page shows.
pub(crate) struct Content {
    rows: Vec<KeptInference>,
    next: Option<String>,
}

/// Reads what the page shows.
///
/// # Errors
/// Those of the index of readings.
pub(crate) fn read(sensed: &Sensed, filter: &Filter) -> Result<Content, engine::Error> {
    let query = InferenceQuery {
        state: Some(filter.state.to_owned()),
        before: filter.cursor.parse().ok().map(Position),
        limit: ROWS,
        ..InferenceQuery::default()
    };
    let rows = sensed.senses.inferences(&query)?;
    let next = rows.last().filter(|_| rows.len() == ROWS).map(|last| last.position.to_string());
    Ok(Content { rows, next })
}

/// The conclusions.
pub(crate) fn render_inferences(content: &Content, filter: &Filter, now: Timestamp) -> Fragment {
    let is_empty = content.rows.is_empty();
    let address = |cursor: &str| text::address("/inferences", &filter.parameters(cursor));
    let foot = pager(content.next.as_deref().map(address), (!filter.cursor.is_empty()).then(|| address("")));
    let parts = content.rows.iter().map(|kept| {
        let key = kept.position.to_string();
        Part::new(
            key.clone(),
            html! { li data-key=(key) data-inference=(kept.id) { (summary(kept, now)) (form(kept, "")) } },
        )
    });
    Fragment::keyed("inferences", parts.collect(), |parts| {
        html! {
            div #inferences {
                @if is_empty {
                    p.nothing {
                        @if filter.state == "quarantined" { "Nothing waits: every movement was clear enough, or is dealt with." }
                        @else { "None." }
                    }
                }
                ul.held data-parts { (parts) }
                (foot)
            }
        }
    })
}

/// What was concluded, on which evidence, and what became of it.
pub(crate) fn summary(kept: &KeptInference, now: Timestamp) -> Markup {
    let record: Value = serde_json::from_str(&kept.record).unwrap_or_default();
    let text_of = |name: &str| record[name].as_str().unwrap_or_default();
    let kind = text_of("kind");
    let at = wire::time::parse_timestamp(text_of("occurred_at")).ok();
    let why = [text_of("problem"), text_of("why_no_event")].into_iter().find(|why| !why.is_empty());
    html! {
        div.head {
            h3 { span.flag .warn[kept.state == "quarantined"] .good[matches!(&*kept.state, "applied" | "confirmed")] { (text::words(kind)) } }
            span { (subject(&record)) }
            @if let Some(place) = place(&record) { span { (place) } }
            @if let Some(at) = at { span.soft { (text::time(at, now)) } }
            @if let Some(position) = record["event_position"].as_u64() { span.soft { "entry " (text::count(position)) } }
        }
        p { (evidence(&record)) }
        @if let Some(why) = why.filter(|_| kept.judgement.is_none()) { p.soft data-reason-why { "Not booked: " (why) "." } }
        @if let Some(judged) = &kept.judgement {
            p {
                (judged.judgement.verdict.name()) " by " strong { (judged.judgement.by) } " " (text::time(judged.at, now))
                @if !judged.judgement.reason.is_empty() { ": “" (judged.judgement.reason) "”" }
            }
        }
    }
}

/// What it is about: the product that its tag names, else the tag; of a scale, what lies on it.
fn subject(record: &Value) -> Markup {
    let event = &record["event"];
    let serial = event["serials"][0].as_str();
    let tag = ["epc_uri", "epc", "site"].into_iter().find_map(|name| record[name].as_str());
    html! {
        @if let Some(product) = event["product_id"].as_str() {
            span.product { (product_link(product)) }
            @if let Some(serial) = serial { " serial " (serial) }
        } @else {
            code { (tag.unwrap_or_default()) }
        }
    }
}

/// Where it was.
fn place(record: &Value) -> Option<String> {
    let text_of = |name: &str| record[name].as_str().filter(|text| !text.is_empty());
    match (text_of("portal"), text_of("from"), text_of("to")) {
        (Some(portal), None, None) => Some(format!("at {portal}")),
        (_, Some(from), Some(to)) => Some(format!("{from} → {to}")),
        (_, None, Some(to)) => Some(format!("at {to}")),
        (_, Some(from), None) => Some(format!("from {from}")),
        (None, None, None) => None,
    }
}

/// What it rests on, in words.
fn evidence(record: &Value) -> String {
    let evidence = &record["evidence"];
    let mut parts = Vec::new();
    if let Some(reads) = evidence["reads"].as_u64() {
        let time = |name: &str| evidence[name].as_str().and_then(|text| wire::time::parse_timestamp(text).ok());
        let heard = time("first_read_at").zip(time("last_read_at")).map(|(first, last)| last.0 - first.0);
        let heard = heard.map(|micros| format!(" in {}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000));
        parts.push(format!(
            "{} {}{}",
            text::count(reads),
            if reads == 1 { "read" } else { "reads" },
            heard.unwrap_or_default()
        ));
    }
    if let Some(best) = evidence["best_rssi_centi_dbm"].as_i64().filter(|best| *best != 0) {
        parts.push(format!(
            "best {}{}.{} dBm",
            if best < 0 { "\u{2212}" } else { "" },
            best.abs() / 100,
            best.abs() % 100 / 10
        ));
    }
    for antenna in evidence["antennas"].as_array().into_iter().flatten() {
        if let (Some(device), Some(number)) = (antenna["device"].as_str(), antenna["antenna"].as_u64()) {
            let reads = antenna["reads"].as_u64().unwrap_or_default();
            parts.push(format!("{device} antenna {number}: {}", text::count(reads)));
        }
    }
    if let Some(weight) = evidence["weight_mg"].as_i64() {
        parts.push(format!("{}.{:03} g", weight / 1_000, weight.unsigned_abs() % 1_000));
    }
    if let (Some(least), Some(greatest)) = (evidence["least"].as_i64(), evidence["greatest"].as_i64()) {
        parts.push(format!("between {least} and {greatest} pieces"));
    }
    // Of a ghost it says how sure it is that nothing moved, which nobody would guess.
    let is_movement = record["kind"] != "ghost";
    if let Some(permille) = record["confidence_permille"].as_u64().filter(|permille| is_movement && *permille > 0) {
        parts.push(format!("{}.{} % sure", permille / 10, permille % 10));
    }
    parts.join(" · ")
}

/// The buttons that can be pressed of a conclusion: what each says, and in which words.
fn buttons(kept: &KeptInference) -> &'static [(&'static str, &'static str)] {
    let record: Value = serde_json::from_str(&kept.record).unwrap_or_default();
    match (&*kept.state, record["kind"].as_str().unwrap_or_default()) {
        ("quarantined", "ghost") if record["portal"].is_string() => {
            &[("passed_in", "It came in"), ("passed_out", "It went out"), ("refuted", "Refute")]
        }
        ("quarantined", "ambiguous_weight") => &[("confirmed", "Counted by hand"), ("refuted", "Refute")],
        ("quarantined" | "applied", _) => &[("confirmed", "Confirm"), ("refuted", "Refute")],
        ("confirmed", _) => &[("refuted", "Refute")],
        _ => &[],
    }
}

/// The form that judges a conclusion; nothing when it is judged for good.
pub(crate) fn form(kept: &KeptInference, reason: &str) -> Markup {
    let buttons = buttons(kept);
    let field = format!("reason-{}", kept.position);
    html! {
        @if !buttons.is_empty() {
            form.verdict method="post" action="/inferences/judge" {
                input type="hidden" name="id" value=(kept.id);
                div.field {
                    label for=(field) { "Why" }
                    input id=(field) name="reason" value=(reason) maxlength="1000" autocomplete="off";
                }
                div.flags {
                    @for (said, words) in buttons { button name="said" value=(said) { (words) } }
                }
            }
        }
    }
}

/// A heading, the states, and the conclusions. `done` is what was just said of one.
pub(crate) fn body(filter: &Filter, done: &str, inferences: &Fragment) -> Markup {
    html! {
        @if matches!(done, "confirmed" | "refuted") {
            p.notice role="status" { "The conclusion is " (done) "." }
        }
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    h1 #heading { "Quarantine" }
                    p.soft { "What readers and scales sensed and nobody should book unseen. A confirmed movement is booked, a refuted one undone." }
                }
                nav.flags aria-label="States" {
                    @for (state, words) in STATES {
                        a.flag href=(text::address("/inferences", &[("state", state)])) aria-current=[(filter.state == state).then_some("true")] { (words) }
                    }
                }
            }
            (inferences)
        }
    }
}

/// The page of one conclusion that could not be judged as asked.
pub(crate) fn again(kept: &KeptInference, reason: &str, problem: &str, now: Timestamp) -> Markup {
    html! {
        section.sheet aria-labelledby="heading" {
            header { h1 #heading { "Not yet" } a href="/inferences" { "Quarantine" } }
            ul.held {
                li data-inference=(kept.id) {
                    div.notice.bad role="alert" { p { "Nothing was changed, because " (problem) "." } }
                    (summary(kept, now))
                    (form(kept, reason))
                }
            }
        }
    }
}
