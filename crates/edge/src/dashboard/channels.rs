//! `/channels`: over which channels people are told of alerts, whether that works, and what could not be told.

use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::stock::pager;
use crate::dashboard::{Params, text};
use crate::notify::{ChannelStatus, Telling};
use follow::notices::{KeptNotice, NoticeQuery, NoticeState};
use ledger::{Severity, Timestamp};
use maud::{Markup, html};

/// Notices a page.
const ROWS: usize = 50;

/// Which notices to show.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    state: NoticeState,
    cursor: String,
}

impl Default for Filter {
    fn default() -> Self {
        Self { state: NoticeState::Dead, cursor: String::new() }
    }
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    pub(crate) fn of(params: &Params) -> Self {
        let known = NoticeState::ALL.iter().find(|(name, _)| *name == params.text("state"));
        let state = known.map_or(NoticeState::Dead, |(_, state)| *state);
        Self { state, cursor: params.text("cursor").to_owned() }
    }

    pub(crate) fn parameters<'a>(&'a self, cursor: &'a str) -> [(&'static str, &'a str); 2] {
        [("state", self.state.name()), ("cursor", cursor)]
    }

    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// What people call the states.
const fn words(state: NoticeState) -> &'static str {
    match state {
        NoticeState::Pending => "waiting",
        NoticeState::Delivered => "told",
        NoticeState::Dead => "given up",
    }
}

/// What the page shows.
pub(crate) struct Content<'t> {
    channels: Vec<ChannelStatus<'t>>,
    rows: Vec<KeptNotice>,
    next: Option<String>,
}

/// Reads what the page shows.
///
/// # Errors
/// Those of the outbox.
pub(crate) fn read<'t>(telling: &'t Telling, filter: &Filter) -> Result<Content<'t>, engine::Error> {
    let before = filter.cursor.parse().ok();
    let query = NoticeQuery { state: Some(filter.state), before, limit: ROWS, ..NoticeQuery::default() };
    let rows = telling.outbox().notices(&query)?;
    let next = rows.last().filter(|_| rows.len() == ROWS).map(|last| last.sequence.to_string());
    Ok(Content { channels: telling.statuses()?, rows, next })
}

/// The channels.
pub(crate) fn render_channels(content: &Content<'_>, now: Timestamp) -> Fragment {
    let is_empty = content.channels.is_empty();
    Fragment::keyed("channels", content.channels.iter().map(|status| channel(status, now)).collect(), |parts| {
        html! {
            div #channels {
                @if is_empty {
                    p.nothing { "Nobody is told of alerts: name a channel in the configuration, as docs/notifications.md shows." }
                }
                ul.held data-parts { (parts) }
            }
        }
    })
}

fn channel(status: &ChannelStatus<'_>, now: Timestamp) -> Part {
    let (route, record) = (&status.channel.route, &status.record);
    let failed_last = record.failed_at.is_some_and(|failed| record.succeeded_at.is_none_or(|at| at < failed));
    let (word, is_good) = match (&status.disabled, failed_last, record.succeeded_at) {
        (Some(_), _, _) => ("disabled", false),
        (None, true, _) => ("failing", false),
        (None, false, Some(_)) => ("good", true),
        (None, false, None) => ("not used yet", true),
    };
    let wants = wants(status);
    let markup = html! {
        li data-key=(route.name) data-channel=(route.name) {
            div.head {
                h2 { (route.name) }
                span.flag .good[word == "good"] .bad[!is_good] { (word) }
                span { (status.channel.kind()) " to " strong { (status.channel.destination()) } }
                @if record.pending > 0 { span.soft { (text::count(record.pending)) " waiting" } }
                @if record.dead > 0 { span.soft { (text::count(record.dead)) " given up" } }
                @if let Some(at) = record.succeeded_at { span.soft { "last taken " (text::time(at, now)) } }
            }
            @if !wants.is_empty() { p.soft { (wants) } }
            @if let Some(why) = &status.disabled {
                p data-reason { (why) ". Nothing is sent until the next start; what waits is kept." }
            } @else if let Some((at, why)) = record.failed_at.zip(record.last_error.as_ref()).filter(|_| failed_last) {
                p data-reason { "Not taken " (text::time(at, now)) ": " (why) }
            }
            form.verdict method="post" action={ "/channels/" (text::encoded(&route.name)) "/test" } {
                button aria-label={ "Send a test to " (route.name) } { "Send a test" }
            }
        }
    };
    Part::new(&*route.name, markup)
}

/// What a channel wants to hear, and when.
fn wants(status: &ChannelStatus<'_>) -> String {
    let route = &status.channel.route;
    let filter = &route.filter;
    let mut parts = Vec::new();
    match filter.severity_min {
        Severity::Info => {}
        Severity::Warning => parts.push("warnings and what is critical".to_owned()),
        Severity::Critical => parts.push("only what is critical".to_owned()),
    }
    if !filter.conditions.is_empty() {
        let conditions: Vec<String> = filter.conditions.iter().map(|code| text::words(code)).collect();
        parts.push(format!("only {}", conditions.join(", ")));
    }
    if !filter.locations.is_empty() {
        parts.push(format!("only in {}", filter.locations.join(", ")));
    }
    if let Some(owner) = &filter.owner {
        parts.push(format!("only for {owner}"));
    }
    if let Some(quiet) = &route.quiet {
        parts.push(format!("quiet {quiet}"));
    }
    if let Some(micros) = route.digest_micros {
        parts.push(format!("together after {}", text::span(micros)));
    }
    parts.join(" · ")
}

/// The notices.
pub(crate) fn render_notices(content: &Content<'_>, filter: &Filter, now: Timestamp) -> Fragment {
    let is_empty = content.rows.is_empty();
    let address = |cursor: &str| text::address("/channels", &filter.parameters(cursor));
    let foot = pager(content.next.as_deref().map(address), (!filter.cursor.is_empty()).then(|| address("")));
    Fragment::keyed("notices", content.rows.iter().map(|kept| notice(kept, now)).collect(), |parts| {
        html! {
            div #notices {
                @if is_empty {
                    p.nothing {
                        @if filter.state == NoticeState::Dead { "Nothing was given up." } @else { "None." }
                    }
                }
                ul.held data-parts { (parts) }
                (foot)
            }
        }
    })
}

fn notice(kept: &KeptNotice, now: Timestamp) -> Part {
    let key = kept.sequence.to_string();
    let notice = &kept.notice;
    let is_critical = notice.severity == Severity::Critical;
    let markup = html! {
        li data-key=(key) data-notice=(notice.id) {
            div.head {
                h3 { span.flag .bad[is_critical] .warn[notice.severity == Severity::Warning] { (text::words(&notice.condition)) } }
                span { (notice.what.name()) }
                span { (notice.subject) }
                span.soft { "to " strong { (kept.channel) } }
                span.soft { (text::time(notice.at, now)) }
                @match kept.state {
                    NoticeState::Pending => span.soft { "next " (text::time(kept.next_attempt_at, now)) },
                    _ => @if let Some(at) = kept.settled_at { span.soft { (words(kept.state)) " " (text::time(at, now)) } },
                }
            }
            p { (notice.why) }
            @if let Some(why) = &kept.last_error {
                p.soft { "Not taken in " (kept.attempts) " of " (follow::notices::ATTEMPTS_MAX) " attempts, last: " (why) }
            }
            @if kept.state != NoticeState::Delivered { (form(kept)) }
        }
    };
    Part::new(key.clone(), markup)
}

fn form(kept: &KeptNotice) -> Markup {
    html! {
        form.verdict method="post" action="/channels/notices" {
            input type="hidden" name="id" value=(kept.notice.id);
            input type="hidden" name="channel" value=(kept.channel);
            div.flags {
                button name="said" value="retry" { "Send again" }
                button name="said" value="discard" { "Discard" }
            }
        }
    }
}

/// Headings, the channels, and the notices. `done` is what was just done with one.
pub(crate) fn body(filter: &Filter, done: &str, channels: &Fragment, notices: &Fragment) -> Markup {
    html! {
        @match done {
            "retry" => p.notice role="status" { "The notice is sent again." },
            "discard" => p.notice role="status" { "The notice is forgotten." },
            _ => {}
        }
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    h1 #heading { "Channels" }
                    p.soft { "Over which people and programs are told of alerts, and whether that works." }
                }
            }
            (channels)
        }
        section.sheet aria-labelledby="notices-heading" {
            header {
                div.lead {
                    h2 #notices-heading { "Notices" }
                    p.soft { "What is not taken is sent again for three days, ever more seldom, and then given up." }
                }
                nav.flags aria-label="States" {
                    @for (_, state) in NoticeState::ALL.iter().rev() {
                        a.flag href=(text::address("/channels", &[("state", state.name())])) aria-current=[(filter.state == *state).then_some("true")] { (words(*state)) }
                    }
                }
            }
            (notices)
        }
    }
}
