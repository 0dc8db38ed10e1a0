//! What a rule would have told, under its form.

use crate::dashboard::text;
use crate::dashboard::{alerts, chart};
use engine::TriedRule;
use ledger::Timestamp;
use maud::{Markup, html};
use watch::Firing;

/// Alerts that are listed at most, of the first and of the last each.
const ROWS: usize = 20;

/// How often a rule would have told something in the last `days`, on which days, and what.
pub(crate) fn render(tried: &TriedRule, days: u32, now: Timestamp) -> Markup {
    let found = &tried.tried;
    let times = match found.fired {
        1 => "once".to_owned(),
        fired => format!("{} times", text::count(fired)),
    };
    let (first, last) = (head(&found.first), tail(found.first.get(ROWS..).unwrap_or_default(), &found.last));
    let left_out = found.fired.saturating_sub((first.len() + last.len()) as u64);
    html! {
        section.trial aria-labelledby="tried" {
            h2 #tried role="status" {
                @if found.fired == 0 { "It would not have fired in the last " (days) " days" }
                @else { "It would have fired " (times) " in the last " (days) " days" }
            }
            p.soft {
                "Of these and of what was open before, " (text::count(found.open_now)) " would be open now. "
                "Nothing was recorded and nobody was told."
            }
            @if let Some(errors) = &found.errors {
                p.notice { "Its condition could not be answered " (text::count(errors.count)) " times, which counts as not met. The last time: " (errors.last) }
            }
            @if found.fired > 0 {
                div.steps { (chart::bars(&found.per_day, &format!("Alerts a day: {times} in all"))) }
                div.scroll {
                    table.cardlike {
                        caption.unseen { "What it would have told, oldest first" }
                        thead { tr { th scope="col" { "When" } th scope="col" { "About" } th scope="col" { "Why" } th scope="col" { "Over" } } }
                        tbody {
                            @for firing in first { (row(firing, now)) }
                            @if left_out > 0 { tr { td colspan="4" { span.soft { (text::count(left_out)) " more" } } } }
                            @for firing in last { (row(firing, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn head(first: &[Firing]) -> &[Firing] {
    &first[..first.len().min(ROWS)]
}

/// The last of those that are not at the head.
fn tail<'f>(rest: &'f [Firing], last: &'f [Firing]) -> Vec<&'f Firing> {
    let all: Vec<&Firing> = rest.iter().chain(last).collect();
    let from = all.len().saturating_sub(ROWS);
    all[from..].to_vec()
}

fn row(firing: &Firing, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" { (text::time(firing.at, now)) }
            td.wide data-label="About" { span.facts { (alerts::subject(&firing.subject)) } }
            td.wide data-label="Why" { (firing.why) }
            td data-label="Over" {
                @match firing.over_at {
                    Some(at) => { "after " (text::span(at.0.saturating_sub(firing.at.0))) }
                    None => { span.flag.warn { "still open" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{AlertSubject, Day, Position, Severity};
    use watch::Tried;

    #[test]
    fn the_first_and_the_last_are_listed_and_the_rest_is_counted() {
        let firing = |number: i64| Firing {
            at: Timestamp(number),
            subject: AlertSubject { product: format!("P{number}").into(), ..AlertSubject::default() },
            why: "few".into(),
            severity: Severity::Warning,
            over_at: None,
        };
        let mut tried = Tried {
            fired: 45,
            open_before: 0,
            open_now: 2,
            per_day: vec![(Day(0), 45)],
            first: (0..45).map(firing).collect(),
            last: Vec::new(),
            errors: None,
        };
        let show = |tried: &Tried| {
            let rule = TriedRule { tried: tried.clone(), since: Timestamp(0), position: Position(1), took_micros: 1 };
            render(&rule, 30, Timestamp(0)).into_string()
        };
        let page = show(&tried);
        assert!(page.contains("fired 45 times") && page.contains("5 more"), "{page}");
        assert!(page.contains("P19<") && !page.contains("P20<") && page.contains("P25<") && page.contains("P44<"));
        (tried.fired, tried.first) = (1, vec![firing(0)]);
        assert!(show(&tried).contains("fired once") && !show(&tried).contains("more<"));
    }
}
