//! The frame of every page: head, navigation, main part, foot.

use crate::App;
use crate::dashboard::alerts::severity_sign;
use crate::dashboard::assets::{Asset, COMMON};
use crate::dashboard::fragment::Fragment;
use crate::dashboard::text;
use ledger::{Severity, Timestamp};
use maud::{DOCTYPE, Markup, html};
use views::AlertState;

/// Which part of the dashboard a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    /// Stock, and the page of a product.
    Stock,
    /// What happened last.
    Movements,
    /// Inputs that could not be used.
    Held,
    /// What somebody should count.
    Recounts,
    /// Alerts and rules.
    Alerts,
    /// Readers, scales and sensors.
    Devices,
    /// What was concluded and waits for a person.
    Inferences,
    /// What is under way.
    Shipments,
    /// Over which people are told of alerts.
    Channels,
    /// What nothing watches.
    Coverage,
    /// The page for a scanner in the hand.
    Scan,
    /// None of them.
    None,
}

/// What the frame of a page says.
pub(crate) struct Frame<'a> {
    /// The page's name, for the window.
    pub(crate) title: &'a str,
    /// The navigation; pages for strangers have none.
    pub(crate) navigation: Option<&'a Fragment>,
    /// Where the page's news come from; empty when it has none.
    pub(crate) live: &'a str,
    /// The time of painting.
    pub(crate) now: Timestamp,
    /// Whether what is shown is made up.
    pub(crate) is_demo: bool,
    /// Whether whoever looks can sign out.
    pub(crate) can_sign_out: bool,
    /// What the page loads beside what every page does.
    pub(crate) assets: &'a [&'a Asset],
}

/// How many things wait in the parts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    /// Inputs.
    pub(crate) held: usize,
    /// Recounts.
    pub(crate) recounts: usize,
    /// Conclusions; `None` where nobody follows what devices say.
    pub(crate) quarantined: Option<usize>,
    /// Notices that were given up; `None` where nobody is told of alerts.
    pub(crate) untold: Option<usize>,
    /// Critical alerts that nobody has acknowledged or put aside.
    pub(crate) critical: usize,
    /// Warnings of that kind.
    pub(crate) warnings: usize,
}

impl Waiting {
    /// What waits now.
    pub(crate) fn of(app: &App) -> Self {
        let (totals, counts) = {
            let views = app.engine().views();
            (views.totals(), views.alert_counts())
        };
        let open = |severity| counts.of(AlertState::Open, severity);
        let (critical, warnings) = (open(Severity::Critical), open(Severity::Warning));
        let quarantined = app.sensed().map(|sensed| sensed.senses.quarantined());
        // A count that can't be read is told by the page itself.
        let untold = app.telling().map(|telling| telling.outbox().dead().unwrap_or(0));
        Self { held: totals.held, recounts: totals.recount_tasks, quarantined, untold, critical, warnings }
    }
}

/// The links to all parts, with how many things wait in each.
pub(crate) fn navigation(tab: Tab, waiting: &Waiting) -> Fragment {
    let link = |of: Tab, address: &str, name: &str, count: usize, what: &str| {
        html! {
            li {
                a href=(address) aria-current=[(of == tab).then_some("page")] {
                    (name)
                    @if count > 0 {
                        " " span.count { (text::length(count)) span.unseen { " " (what) } }
                    }
                }
            }
        }
    };
    Fragment::whole(
        "navigation",
        html! {
            ul #navigation {
                (link(Tab::Stock, "/", "Stock", 0, ""))
                (link(Tab::Movements, "/movements", "Movements", 0, ""))
                (alerts(tab, waiting))
                (link(Tab::Shipments, "/shipments", "Shipments", 0, ""))
                (link(Tab::Held, "/held", "Held", waiting.held, "waiting"))
                (link(Tab::Recounts, "/recounts", "Recounts", waiting.recounts, "open"))
                @if let Some(quarantined) = waiting.quarantined {
                    (link(Tab::Devices, "/devices", "Devices", 0, ""))
                    (link(Tab::Inferences, "/inferences", "Quarantine", quarantined, "waiting"))
                }
                @if let Some(untold) = waiting.untold {
                    (link(Tab::Channels, "/channels", "Channels", untold, "given up"))
                }
                (link(Tab::Coverage, "/coverage", "Coverage", 0, ""))
                (link(Tab::Scan, "/scan", "Scan", 0, ""))
            }
        },
    )
}

/// The link to the alerts, with how many are open of each severity that somebody must hear of.
fn alerts(tab: Tab, waiting: &Waiting) -> Markup {
    html! {
        li {
            a href="/alerts" aria-current=[(tab == Tab::Alerts).then_some("page")] {
                "Alerts"
                @for (severity, count) in [(Severity::Critical, waiting.critical), (Severity::Warning, waiting.warnings)] {
                    @if count > 0 {
                        " " span.count .bad[severity == Severity::Critical] {
                            (severity_sign(severity)) (text::length(count)) span.unseen { " open, " (severity.name()) }
                        }
                    }
                }
            }
        }
    }
}

/// A whole page around its main part.
pub(crate) fn page(frame: &Frame<'_>, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · Stocktide" }
                @for asset in COMMON.iter().chain(frame.assets) { (asset.element()) }
            }
            body data-live=[(!frame.live.is_empty()).then_some(frame.live)] data-now=(frame.now.0 / 1000) {
                a.skip href="#main" { "Skip to content" }
                (header(frame))
                main #main tabindex="-1" { (main) }
                footer.foot {
                    @if frame.live.is_empty() {
                        p { "Stocktide" }
                    } @else {
                        p {
                            "Stocktide · figures as of " (text::absolute(frame.now)) ", renewed as they change · "
                            a href="/openapi.json" { "API" }
                        }
                    }
                }
            }
        }
    }
}

fn header(frame: &Frame<'_>) -> Markup {
    html! {
        header.bar {
            div {
                a.brand href="/" { (wave()) "Stocktide" }
                @if let Some(navigation) = frame.navigation {
                    nav aria-label="Main" { (navigation) }
                }
                div.aside {
                    @if frame.is_demo {
                        span.flag title="What is shown here is simulated" { "demo data" }
                    }
                    @if !frame.live.is_empty() {
                        p.state role="status" data-state="painted" { i {} span { "Not live" } }
                        button type="button" data-pause hidden { "Pause" }
                    }
                    @if frame.can_sign_out {
                        form method="post" action="/sign-out" { button { "Sign out" } }
                    }
                }
            }
        }
    }
}

fn wave() -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" {
            g fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" {
                path d="M2 8.5c2.5-3.4 5-3.4 7.5 0s5 3.4 7.5 0 4-2.6 5-1" {}
                path opacity=".55" d="M2 15.5c2.5-3.4 5-3.4 7.5 0s5 3.4 7.5 0 4-2.6 5-1" {}
            }
        }
    }
}

/// A page that says one thing.
pub(crate) fn message(title: &str, words: &Markup) -> Markup {
    html! {
        div.alone {
            h1 { (title) }
            (words)
            p { a href="/" { "To the stock" } }
        }
    }
}
