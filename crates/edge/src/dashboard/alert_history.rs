//! `/alerts/history`: how many alerts there were, and how quickly they were dealt with.

use crate::dashboard::fragment::Fragment;
use crate::dashboard::{Params, text};
use ledger::Timestamp;
use maud::{Markup, html};
use std::fmt::Write;
use views::{AlertStatistics, ConditionStatistics, Spans, Views};

const DAY_MICROS: i64 = 86_400_000_000;
/// The periods that can be asked for, in days.
const PERIODS: [(&str, i64); 3] = [("7", 7), ("30", 30), ("90", 90)];
// The size of the drawing.
const WIDTH: i64 = 600;
const HEIGHT: i64 = 90;

/// Which period to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    name: &'static str,
    days: i64,
}

impl Filter {
    /// Reads a query; thirty days when it says nothing.
    pub(crate) fn of(params: &Params) -> Self {
        let found = PERIODS.iter().find(|(name, _)| *name == params.text("days")).unwrap_or(&PERIODS[1]);
        Self { name: found.0, days: found.1 }
    }

    pub(crate) const fn parameters(&self) -> [(&'static str, &'static str); 1] {
        [("days", self.name)]
    }
}

/// What the page shows.
pub(crate) struct Content {
    statistics: AlertStatistics,
    /// The first day and the day after the last, since 1970.
    days: (i64, i64),
}

/// Reads what the page shows: whole days in UTC up to today.
pub(crate) fn read(views: &Views, filter: &Filter, now: Timestamp) -> Content {
    let end = now.0.div_euclid(DAY_MICROS) + 1;
    let start = end - filter.days;
    let at = |day: i64| Timestamp(day.saturating_mul(DAY_MICROS));
    Content { statistics: views.alert_statistics(at(start), at(end)), days: (start, end) }
}

/// A span of time by its two greatest units.
fn duration(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => format!("{hours} h {minutes:02} min"),
        _ => format!("{} d {hours} h", text::count(days.unsigned_abs())),
    }
}

fn mean(spans: &Spans) -> String {
    if spans.count == 0 { "–".to_owned() } else { duration(spans.mean_micros) }
}

fn median(spans: &Spans) -> String {
    if spans.count == 0 { "–".to_owned() } else { duration(spans.median_micros) }
}

fn by_hand(statistics: &ConditionStatistics) -> String {
    match statistics.resolved.count {
        0 => "–".to_owned(),
        count => format!("{}\u{202f}%", statistics.by_hand * 100 / count),
    }
}

/// Tenths of alerts a day.
fn a_day(opened: usize, days: i64) -> String {
    let days = usize::try_from(days).unwrap_or(1).max(1);
    let tenths = opened * 10 / days;
    format!("{}.{}", text::length(tenths / 10), tenths % 10)
}

/// The figures.
pub(crate) fn render_history(content: &Content, filter: &Filter) -> Fragment {
    let statistics = &content.statistics;
    let all = &statistics.all;
    let tile = |label: &str, figure: String, note: String| {
        html! { li { span.label { (label) } span.figure { (figure) } span.note { (note) } } }
    };
    Fragment::whole(
        "history",
        html! {
            div #history {
                ul.tiles.even.flush {
                    (tile("Opened", text::length(all.opened), format!("{} a day", a_day(all.opened, filter.days))))
                    (tile("Not over", text::length(all.active), format!("{} escalated", text::length(all.escalated))))
                    (tile("Mean time to acknowledge", mean(&all.acknowledged), format!("median {}", median(&all.acknowledged))))
                    (tile("Mean time to resolve", mean(&all.resolved), format!("median {}", median(&all.resolved))))
                    (tile("Resolved by hand", by_hand(all), format!("of {}", text::length(all.resolved.count))))
                }
                (bars(content))
                @if statistics.is_partial { p.nothing { "Only the newest 100,000 alerts that are over are kept here; older ones of this period are missing." } }
                (table(&statistics.conditions))
            }
        },
    )
}

fn table(conditions: &[ConditionStatistics]) -> Markup {
    html! {
        @if conditions.is_empty() { p.nothing { "No alert was opened in this time." } }
        @else {
            div.scroll {
                table.cardlike {
                    caption.unseen { "By condition, those with the most alerts first" }
                    thead {
                        tr {
                            th scope="col" { "Condition" }
                            @for name in ["Opened", "Not over", "To acknowledge, mean", "median", "To resolve, mean", "median", "By hand", "Escalated"] {
                                th.number scope="col" { (name) }
                            }
                        }
                    }
                    tbody {
                        @for one in conditions {
                            tr data-condition=(one.condition) {
                                th.wide scope="row" {
                                    a href=(text::address("/alerts", &[("state", "all"), ("condition", &one.condition)])) { (text::words(&one.condition)) }
                                }
                                td.number data-label="Opened" { (text::length(one.opened)) }
                                td.number data-label="Not over" { (text::length(one.active)) }
                                td.number data-label="To acknowledge, mean" { (mean(&one.acknowledged)) }
                                td.number data-label="median" { (median(&one.acknowledged)) }
                                td.number data-label="To resolve, mean" { (mean(&one.resolved)) }
                                td.number data-label="median" { (median(&one.resolved)) }
                                td.number data-label="By hand" { (by_hand(one)) }
                                td.number data-label="Escalated" { (text::length(one.escalated)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A bar for each day.
fn bars(content: &Content) -> Markup {
    let (start, end) = content.days;
    let days = &content.statistics.days;
    let most = days.iter().map(|(_, count)| *count).max().unwrap_or_default();
    if most == 0 {
        return html! {};
    }
    let (most_tall, width) = (i64::try_from(most).unwrap_or(i64::MAX).max(1), WIDTH * 100 / (end - start).max(1));
    let mut path = String::new();
    for (day, count) in days {
        let tall = (i64::try_from(*count).unwrap_or(most_tall) * (HEIGHT - 4) / most_tall).max(1);
        let left = (i64::from(day.0) - start) * width;
        let (left, wide) = (left + width / 10, width - width / 5);
        // Writing to a string can't fail.
        let hundredths = |number: i64| format!("{}.{:02}", number / 100, number % 100);
        let _ = write!(path, "M{} {HEIGHT}v-{tall}h{}v{tall}z", hundredths(left), hundredths(wide));
    }
    let words = format!("Alerts opened a day, {} at most", text::length(most));
    html! {
        figure.steps {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(words) class="bars" { path.bar d=(path) {} }
            figcaption { (words) ", from " (text::day(ledger::Day(i32::try_from(start).unwrap_or_default()))) " to today (UTC)." }
        }
    }
}

/// A heading, the periods, and the figures.
pub(crate) fn body(filter: &Filter, history: &Fragment) -> Markup {
    html! {
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    a.crumb href="/alerts" { "All alerts" }
                    h1 #heading { "Alert history" }
                    p.soft { "How many there were, and how long until somebody looked after them and until they were over." }
                }
                nav.flags aria-label="Period" {
                    @for (name, _) in PERIODS {
                        a.flag href=(text::address("/alerts/history", &[("days", name)])) aria-current=[(name == filter.name).then_some("true")] { (name) " days" }
                    }
                    a.flag href="/alerts?state=resolved" { "resolved alerts" }
                }
            }
            (history)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_by_their_two_greatest_units() {
        let check = |seconds: i64, expect: &str| assert_eq!(duration(seconds * 1_000_000), expect);
        check(0, "0 s");
        check(59, "59 s");
        check(61, "1 min");
        check(3_600 + 60 * 5, "1 h 05 min");
        check(86_400 * 2 + 3_600 * 7, "2 d 7 h");
        assert_eq!((a_day(7, 30), a_day(45, 30)), ("0.2".to_owned(), "1.5".to_owned()));
    }
}
