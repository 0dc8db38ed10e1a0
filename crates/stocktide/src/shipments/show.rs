//! How good the methods were, as tables and as JSON.

use super::replay::{Method, Outcome};
use super::scms::History;
use crate::output;
use serde_json::{Value, json};
use watch::shipment::lateness::score::{Class, calibration, calibration_error};

/// Classes of the calibration.
pub(super) const CLASSES: usize = 10;
/// Characters of a bar that means one.
const BAR: f64 = 50.0;

/// A count as the program shows it.
pub(super) fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The share of all so far, which skill is told against.
fn base(outcome: &Outcome) -> Option<&Method> {
    outcome.methods.get(1)
}

/// All tables.
pub(super) fn text(history: &History, outcome: &Outcome) -> String {
    let mut parts = vec![rows(history), scores(outcome)];
    if let Some(ours) = outcome.methods.first() {
        parts.push(classes(&calibration(&ours.judged, CLASSES)));
    }
    parts.push(reasons(outcome));
    parts.join("\n\n")
}

fn rows(history: &History) -> String {
    let count = |count: usize| output::count(whole(count));
    let late = history.lines.iter().filter(|line| line.is_late()).count();
    let mut text = format!(
        "{} rows, {} lines used, {} of them late",
        count(history.rows),
        count(history.lines.len()),
        count(late)
    );
    for (reason, rows) in &history.unusable {
        text.push_str(&format!("\nnot used: {} rows, because the row {reason}", count(*rows)));
    }
    text
}

fn scores(outcome: &Outcome) -> String {
    let mut table = output::table(["method", "AUC", "Brier", "skill", "log loss", "calibration error"]);
    for method in &outcome.methods {
        let skill = base(outcome).map(|base| method.scores.skill_against(&base.scores));
        table.add_row([
            method.name.to_owned(),
            method.scores.auc.map_or_else(|| "-".to_owned(), |auc| format!("{auc:.3}")),
            format!("{:.4}", method.scores.brier),
            skill.map(|skill| format!("{:.1} %", skill * 100.0)).unwrap_or_default(),
            format!("{:.4}", method.scores.log_loss),
            format!("{:.3}", calibration_error(&calibration(&method.judged, CLASSES))),
        ]);
    }
    output::right(&mut table, &[1, 2, 3, 4, 5]);
    format!("{}\nskill: of the Brier score of the share of all so far, what is avoided", table.trim_fmt())
}

fn classes(classes: &[Class]) -> String {
    let mut table = output::table(["lines", "predicted", "late", "predicted (-) and late (#)"]);
    for class in classes {
        table.add_row([
            output::count(whole(class.count)),
            format!("{:.1} %", class.predicted * 100.0),
            format!("{:.1} %", class.late_share * 100.0),
            format!("{}\n{}", bar('-', class.predicted), bar('#', class.late_share)),
        ]);
    }
    output::right(&mut table, &[0, 1, 2]);
    table.trim_fmt()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of one, so at most 50")]
fn bar(of: char, share: f64) -> String {
    let length = (share.clamp(0.0, 1.0) * BAR).round() as usize;
    std::iter::repeat_n(of, length).collect()
}

fn reasons(outcome: &Outcome) -> String {
    let mut text = "Of the last year, most likely late:".to_owned();
    for shown in &outcome.shown {
        let came = if shown.is_late { "late" } else { "in time" };
        let on = wire::time::render_day(shown.scheduled_on);
        text.push_str(&format!("\nline {} for {on}: {:.0} %, came {came}", shown.id, shown.probability * 100.0));
        for reason in &shown.reasons {
            text.push_str(&format!("\n  {reason}"));
        }
    }
    text
}

/// The same as JSON.
pub(super) fn json(history: &History, outcome: &Outcome) -> Value {
    let method = |method: &Method| {
        let classes = calibration(&method.judged, CLASSES);
        json!({
            "name": method.name,
            "auc": method.scores.auc,
            "brier": method.scores.brier,
            "brier_skill": base(outcome).map(|base| method.scores.skill_against(&base.scores)),
            "log_loss": method.scores.log_loss,
            "calibration_error": calibration_error(&classes),
            "calibration": classes.iter().map(|class| json!({
                "count": class.count,
                "predicted": class.predicted,
                "late": class.late_share,
            })).collect::<Vec<_>>(),
        })
    };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "rows": history.rows,
        "lines": history.lines.len(),
        "late": history.lines.iter().filter(|line| line.is_late()).count(),
        "unusable": history.unusable,
        "methods": outcome.methods.iter().map(method).collect::<Vec<_>>(),
        "most_likely_late": outcome.shown.iter().map(|shown| json!({
            "id": shown.id,
            "scheduled_on": wire::time::render_day(shown.scheduled_on),
            "probability": shown.probability,
            "late": shown.is_late,
            "reasons": shown.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_shares() {
        assert_eq!([bar('#', 0.0), bar('#', 0.1), bar('-', 2.0)].map(|bar| bar.len()), [0, 5, 50]);
    }
}
