//! Past deliveries, predicted one by one in the order of time, each from what was known before its day.

use super::scms::Line;
use ledger::{Day, Timestamp};
use std::collections::BTreeMap;
use watch::shipment::lateness::score::{Judged, Scores, score};
use watch::shipment::lateness::{Field, Model, Reason, Schema, Term, Value};

/// A line that is not known to be there so many days after its schedule is late as far as anybody knows.
const OVERDUE_DAYS: i32 = 30;
/// As how many lines of the share of all a vendor's smoothed share begins.
const SMOOTHING: f64 = 8.0;
/// After how many days half of a vendor's recent share has faded.
const RECENT_DAYS: f64 = 90.0;
/// Predictions that are shown with their reasons.
const SHOWN_MAX: usize = 3;

/// A way to predict, and how good it was.
#[derive(Clone, Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) scores: Scores,
    pub(super) judged: Vec<Judged>,
}

/// A prediction with its reasons.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) scheduled_on: Day,
    pub(super) probability: f64,
    pub(super) is_late: bool,
    pub(super) reasons: Vec<Reason>,
}

/// How good the methods were: ours first, the vendors' plain share last.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) methods: Vec<Method>,
    /// The lines of the last year that were held most likely late.
    pub(super) shown: Vec<Shown>,
}

/// What of a line the model knows, in the order of the schema's fields.
fn values(line: &Line) -> [Value<'_>; 10] {
    let number = |number: Option<f64>| number.map_or(Value::Missing, Value::Number);
    [
        Value::Text(&line.fulfilment),
        Value::Text(&line.country),
        Value::Text(&line.vendor),
        Value::Text(&line.site),
        Value::Text(&line.inco_term),
        Value::Text(&line.project),
        Value::Text(&line.quote),
        number(line.value),
        number(line.quantity),
        number(line.lead_days.map(f64::from)),
    ]
}

/// The fields and how much each may matter, set once: what the fulfilment and the country have in common may matter
/// most, any other field a little; the level of a year ago counts half, an effect of two years ago.
fn schema() -> Schema {
    let year = Some(365.0);
    let two_years = Some(730.0);
    let mut terms = vec![
        Term::level(1.0, None),
        Term::level(0.5, year),
        Term::of(&[0], 0.5, year),
        Term::of(&[0, 1], 0.5, two_years),
        Term::of(&[6], 0.5, year),
    ];
    terms.extend([2, 3, 4, 5, 7, 8, 9].map(|field| Term::of(&[field], 0.15, two_years)));
    Schema {
        fields: vec![
            Field::text("fulfilment"),
            Field::text("country"),
            Field::text("vendor"),
            Field::text("manufacturing site"),
            Field::text("INCO term"),
            Field::text("project"),
            Field::text("quote"),
            Field::number("value", 2),
            Field::number("quantity", 2),
            Field::number("lead time in days", 3),
        ],
        terms,
        ..Schema::default()
    }
}

/// Late ones of all, fading or not.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    count: f64,
    late: f64,
    on: Day,
}

impl Share {
    fn faded(&self, on: Day, half_life_days: Option<f64>) -> Self {
        let rest = half_life_days.map_or(1.0, |days| (-f64::from((on.0 - self.on.0).max(0)) / days).exp2());
        Self { count: self.count * rest, late: self.late * rest, on }
    }

    fn learn(&mut self, is_late: bool, on: Day, half_life_days: Option<f64>) {
        *self = self.faded(on, half_life_days);
        self.count += 1.0;
        self.late += f64::from(u8::from(is_late));
    }

    /// Drawn towards another share that counts as so many.
    fn drawn(&self, toward: f64, count: f64) -> f64 {
        if self.count + count > 0.0 { (self.late + count * toward) / (self.count + count) } else { toward }
    }
}

/// The plain shares that ours has to beat.
#[derive(Debug, Default)]
struct Shares<'l> {
    all: Share,
    all_recent: Share,
    vendors: BTreeMap<&'l str, Share>,
    vendors_recent: BTreeMap<&'l str, Share>,
}

const NAMES: [&str; 5] = [
    "Stocktide",
    "share of all so far",
    "share of the vendor, half-life 90 days",
    "share of the vendor so far, smoothed",
    "share of the vendor so far",
];

impl<'l> Shares<'l> {
    /// In the order of the names behind ours.
    fn predict(&self, line: &Line, on: Day) -> [f64; NAMES.len() - 1] {
        let all = self.all.drawn(0.1, SMOOTHING);
        let all_recent = self.all_recent.faded(on, Some(RECENT_DAYS)).drawn(0.1, SMOOTHING);
        let of = |shares: &BTreeMap<&str, Share>| shares.get(&*line.vendor).copied().unwrap_or_default();
        let vendor = of(&self.vendors);
        let recent = of(&self.vendors_recent).faded(on, Some(RECENT_DAYS));
        [all, recent.drawn(all_recent, SMOOTHING), vendor.drawn(all, SMOOTHING), vendor.drawn(all, 0.0)]
    }

    fn learn(&mut self, line: &'l Line, is_late: bool, on: Day) {
        self.all.learn(is_late, on, None);
        self.all_recent.learn(is_late, on, Some(RECENT_DAYS));
        self.vendors.entry(&line.vendor).or_default().learn(is_late, on, None);
        self.vendors_recent.entry(&line.vendor).or_default().learn(is_late, on, Some(RECENT_DAYS));
    }
}

/// When it becomes known how a line ended, and how it ended as far as is known then.
fn known(line: &Line) -> (Day, bool) {
    let overdue_on = Day(line.scheduled_on.0 + OVERDUE_DAYS);
    if overdue_on < line.recorded_on { (overdue_on, true) } else { (line.recorded_on, line.is_late()) }
}

/// Predicts each line on its day, from what was known before that day.
pub(super) fn replay(lines: &[Line]) -> Outcome {
    let mut to_predict: Vec<&Line> = lines.iter().collect();
    to_predict.sort_by(|one, next| (one.predicted_on, &one.id).cmp(&(next.predicted_on, &next.id)));
    let mut to_learn: Vec<(Day, bool, &Line)> = lines
        .iter()
        .map(|line| {
            let (on, is_late) = known(line);
            (on, is_late, line)
        })
        .collect();
    to_learn.sort_by(|one, next| (one.0, &one.2.id).cmp(&(next.0, &next.2.id)));
    let mut to_learn = to_learn.into_iter().peekable();

    let mut model = Model::new(schema());
    let mut shares = Shares::default();
    let mut judged: [Vec<Judged>; NAMES.len()] = Default::default();
    let mut shown = Vec::new();
    let year_ago = to_predict.last().map_or(0, |line| line.predicted_on.0 - 365);
    for line in to_predict {
        let on = line.predicted_on;
        while let Some((known_on, is_late, known)) = to_learn.next_if(|(known_on, ..)| *known_on < on) {
            model.learn(&values(known), is_late, midnight(known_on));
            shares.learn(known, is_late, known_on);
        }
        let prediction = model.predict(&values(line), midnight(on));
        let probabilities = std::iter::once(prediction.probability).chain(shares.predict(line, on));
        for (judged, probability) in judged.iter_mut().zip(probabilities) {
            judged.push((probability, line.is_late()));
        }
        if on.0 >= year_ago {
            shown.push(Shown {
                id: line.id.clone(),
                scheduled_on: line.scheduled_on,
                probability: prediction.probability,
                is_late: line.is_late(),
                reasons: prediction.reasons,
            });
        }
    }
    shown.sort_by(|one, next| next.probability.total_cmp(&one.probability));
    shown.truncate(SHOWN_MAX);
    let methods = NAMES.into_iter().zip(judged);
    let methods = methods.filter_map(|(name, judged)| score(&judged).map(|scores| Method { name, scores, judged }));
    Outcome { methods: methods.collect(), shown }
}

fn midnight(day: Day) -> Timestamp {
    Timestamp(i64::from(day.0) * 86_400_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: i32, vendor: &str, scheduled_on: i32, late_days: i32, recorded_after: i32) -> Line {
        let delivered_on = Day(scheduled_on + late_days);
        Line {
            id: id.to_string(),
            fulfilment: "Direct".to_owned(),
            country: "X".to_owned(),
            vendor: vendor.to_owned(),
            site: String::new(),
            inco_term: String::new(),
            project: String::new(),
            quote: String::new(),
            value: None,
            quantity: None,
            lead_days: None,
            predicted_on: Day(scheduled_on - 14),
            scheduled_on: Day(scheduled_on),
            delivered_on,
            recorded_on: Day(delivered_on.0 + recorded_after),
        }
    }

    #[test]
    fn nothing_is_used_before_it_was_known() {
        let mut lines: Vec<Line> = (0..200)
            .map(|day| {
                line(day, ["slow", "fast"][usize::from(day % 2 == 0)], 1_000 + day, i32::from(day % 2 == 1) * 5, 3)
            })
            .collect();
        let before = replay(&lines);
        let predicted = |outcome: &Outcome| {
            outcome.methods[0].judged.iter().map(|(probability, _)| *probability).collect::<Vec<_>>()
        };
        // How lines end that are not known yet on any predicted day changes no prediction.
        for line in lines.iter_mut().filter(|line| known(line).0 >= Day(1_199 - 14)) {
            line.delivered_on = line.scheduled_on;
            line.recorded_on = Day(line.recorded_on.0 + 5);
        }
        assert_eq!(predicted(&before), predicted(&replay(&lines)));
        let learned = score(&before.methods[0].judged[100..]);
        assert!(learned.unwrap().auc.unwrap() > 0.99, "{learned:?}");
    }

    #[test]
    fn what_is_long_overdue_is_late_as_far_as_is_known() {
        assert_eq!(known(&line(0, "v", 100, 0, 40)), (Day(130), true));
        assert_eq!(known(&line(0, "v", 100, 0, 30)), (Day(130), false));
        assert_eq!(known(&line(0, "v", 100, 9, 1)), (Day(110), true));
    }
}
