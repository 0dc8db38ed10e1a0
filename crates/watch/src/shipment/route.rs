//! The way of a shipment, and where on it a position is.

use super::place::Point;
use super::report::{Card, Leg};
use super::site::{Site, Sites};
use ledger::Timestamp;

/// The way from where a shipment comes to where it goes, with the part of the time that each part of it takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    parts: Vec<Part>,
    /// How long all of it is to take, in microseconds, when that was planned.
    planned_micros: Option<f64>,
    /// How long all of it usually takes, in microseconds, going by its length and mode; `None` without a length.
    usual_micros: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    from: Option<Point>,
    to: Option<Point>,
    length_m: f64,
    /// Its part of the time, waiting for the next part included; all parts make one.
    share: f64,
}

/// Where on a way something is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Metres that remain, going straight to the end of the leg and along the others.
    pub remaining_m: f64,
    /// The part of the planned time that remains, zero to one; `None` when the beginning of the way is not known.
    pub remaining_share: Option<f64>,
    /// Metres from the nearest point of the way.
    pub off_m: f64,
}

impl Route {
    /// The way that a card plans, over the sites that are known.
    pub fn new(card: &Card, sites: &Sites) -> Self {
        let one = [Leg {
            from: card.from.clone(),
            to: card.to.clone(),
            departure_at: card.departure_at,
            arrival_at: card.arrival_at.or(card.promised_at),
            mode: card.mode,
        }];
        let legs = if card.legs.is_empty() { &one[..] } else { &card.legs[..] };
        let point = |name: &str| sites.find(name).map(|site| site.centre);
        let mut parts = Vec::with_capacity(legs.len());
        let (mut planned, mut usual) = (Some(0.0), Some(0.0));
        for (index, leg) in legs.iter().enumerate() {
            let ends = (point(&leg.from), point(&leg.to));
            let length_m = if let (Some(from), Some(to)) = ends { from.distance_m(to) } else { 0.0 };
            let travel = (length_m > 0.0).then(|| length_m / card.mode_of(leg).speed_usual() * 1e6);
            // Until the next leg departs is this leg's time.
            let until = legs.get(index + 1).and_then(|next| next.departure_at).or(leg.arrival_at);
            let plan = span(leg.departure_at, until);
            planned = planned.zip(plan).map(|(sum, part)| sum + part);
            usual = usual.zip(travel).map(|(sum, part)| sum + part);
            parts.push((ends, length_m, plan.or(travel)));
        }
        let known: Vec<f64> = parts.iter().filter_map(|(_, _, micros)| *micros).collect();
        let typical = if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / as_float(known.len()) };
        let total: f64 = parts.iter().map(|(_, _, micros)| micros.unwrap_or(typical)).sum();
        let parts = parts.into_iter().map(|((from, to), length_m, micros)| Part {
            from,
            to,
            length_m,
            share: micros.unwrap_or(typical) / total,
        });
        let planned = planned.or_else(|| span(card.departure_at, card.arrival_at.or(card.promised_at)));
        Self { parts: parts.collect(), planned_micros: planned, usual_micros: usual }
    }

    /// The length along great circles, in metres, of the parts whose ends are known.
    pub fn length_m(&self) -> f64 {
        self.parts.iter().map(|part| part.length_m).sum()
    }

    /// How long all of it is planned to take in microseconds, or, if nobody planned, usually takes at its length.
    pub fn micros(&self) -> Option<f64> {
        self.planned_micros.or(self.usual_micros)
    }

    /// Where on the way a point is, past the first `passed` legs; `None` when the end of no leg is known.
    pub fn standing(&self, point: Point, passed: usize) -> Option<Standing> {
        let mut best: Option<(f64, usize)> = None;
        for (index, part) in self.parts.iter().enumerate().skip(passed.min(self.parts.len().saturating_sub(1))) {
            let off_m = match (part.from, part.to) {
                (Some(from), Some(to)) => point.distance_from_way_m(from, to),
                (None, Some(to)) if self.parts.len() == 1 => point.distance_m(to),
                _ => continue,
            };
            if best.is_none_or(|(nearest_m, _)| off_m <= nearest_m) {
                best = Some((off_m, index));
            }
        }
        let (off_m, index) = best?;
        let part = &self.parts[index];
        let ahead_m = point.distance_m(part.to?);
        let later = &self.parts[index + 1..];
        let remaining_m = ahead_m + later.iter().map(|part| part.length_m).sum::<f64>();
        let Some(from) = part.from else {
            return Some(Standing { remaining_m, remaining_share: None, off_m: 0.0 });
        };
        let of_part = if part.length_m > 0.0 { (ahead_m / part.length_m).min(1.0) } else { f64::from(point != from) };
        let share = of_part * part.share + later.iter().map(|part| part.share).sum::<f64>();
        Some(Standing { remaining_m, remaining_share: Some(share.clamp(0.0, 1.0)), off_m })
    }

    /// The part of the planned time that remains once so many legs have ended, zero to one.
    pub fn share_after(&self, legs: usize) -> f64 {
        self.parts.iter().skip(legs).map(|part| part.share).sum()
    }

    /// How many legs it has; one when none was named.
    pub fn legs(&self) -> usize {
        self.parts.len()
    }
}

/// The site at an end of a way, if it is known.
pub(super) fn end<'s>(sites: &'s Sites, whole: &str, leg: Option<&str>) -> Option<&'s Site> {
    sites.find(if whole.is_empty() { leg? } else { whole })
}

/// Microseconds from one time to a later one.
pub(super) fn span(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    let (from, to) = (from?, to?);
    (to > from).then(|| micros_between(from, to))
}

/// Microseconds from one time to another, below zero if it is earlier.
#[expect(clippy::cast_precision_loss, reason = "a duration to reckon with; a double is exact over 285 years")]
pub(super) fn micros_between(from: Timestamp, to: Timestamp) -> f64 {
    to.0.saturating_sub(from.0) as f64
}

/// A time so many microseconds later; stays at the end of the range.
#[expect(clippy::cast_possible_truncation, reason = "a cast from a float stays at the end of the range")]
pub(super) fn later(at: Timestamp, micros: f64) -> Timestamp {
    at.plus(micros as i64)
}

#[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
pub(super) fn as_float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipment::Mode;

    const HOUR: i64 = 3_600_000_000;

    fn sites() -> Sites {
        let mut sites = Sites::default();
        for (location, longitude) in [("a", 0.0), ("b", 1.0), ("c", 11.0)] {
            let centre = Point::new(0.0, longitude).unwrap();
            sites.put(Site { location: location.into(), centre, radius_m: 500, polygon: Vec::new() });
        }
        sites
    }

    fn leg(from: &str, to: &str, hours: [i64; 2], mode: Mode) -> Leg {
        let [departure_at, arrival_at] = hours.map(|hour| Some(Timestamp(hour * HOUR)));
        Leg { from: from.into(), to: to.into(), departure_at, arrival_at, mode }
    }

    #[test]
    fn progress_goes_by_the_planned_time_of_each_leg() {
        // A short leg by road and a wait take as long as a long leg by sea.
        let legs = vec![leg("a", "b", [0, 4], Mode::Road), leg("b", "c", [10, 20], Mode::Sea)];
        let card = Card { legs, ..Card::default() };
        let route = Route::new(&card, &sites());
        assert_eq!(route.micros(), Some(20.0 * 3.6e9));
        let at = |longitude| route.standing(Point::new(0.0, longitude).unwrap(), 0).unwrap();
        let share = |longitude| at(longitude).remaining_share.unwrap();
        assert!((share(0.0) - 1.0).abs() < 1e-9);
        assert!((share(0.5) - 0.75).abs() < 1e-9);
        assert!((share(1.0) - 0.5).abs() < 1e-9);
        assert!((share(6.0) - 0.25).abs() < 1e-9);
        assert!((at(6.0).remaining_m - 5.0 * 111_195.0).abs() < 10.0);
        assert!((route.share_after(1) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn without_a_plan_the_length_and_the_mode_tell_the_time() {
        let card = Card { from: "a".into(), to: "c".into(), mode: Mode::Road, ..Card::default() };
        let route = Route::new(&card, &sites());
        assert!((route.micros().unwrap() - 11.0 * 111_195.0 / 14.0 * 1e6).abs() < 1e9);
        let unknown = Card { from: "x".into(), to: "c".into(), ..Card::default() };
        let standing = Route::new(&unknown, &sites()).standing(Point::new(0.0, 10.0).unwrap(), 0).unwrap();
        assert_eq!(standing.remaining_share, None);
        assert!((standing.remaining_m - 111_195.0).abs() < 10.0);
        let nowhere = Card { to: "y".into(), ..Card::default() };
        assert_eq!(Route::new(&nowhere, &sites()).standing(Point::new(0.0, 0.0).unwrap(), 0), None);
    }
}
