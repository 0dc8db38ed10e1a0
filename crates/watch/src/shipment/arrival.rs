//! When a shipment will arrive, and how likely it misses what was promised.
//!
//! The time that remains from the newest evidence (a position, a leg, the departure, the planned departure) is
//! log-normal. Its mean is the planned time of what remains of the way, times how much longer the lane takes than
//! planned, times how this journey itself goes. Two causes make it vary, in equal parts: this journey's own pace, which
//! showing itself makes known, and what happens from here on, which averages out over a long way. That it has not
//! arrived yet cuts off what would have been earlier.

use super::course::Shipment;
use super::journey::{Journey, Stage};
use super::lanes::{Figure, Lane, Lanes, Spread};
use super::route::{later, micros_between};
use ledger::Timestamp;

/// The least part of the way that remains before it has arrived.
const SHARE_MIN: f64 = 0.002;
/// The variance of a journey's logarithm where only the distance to the destination and a usual speed are known.
const SPEED_VARIANCE: f64 = 0.16;
/// Standard deviations past which a tail is taken for exponential.
const TAIL: f64 = 5.0;

/// What an estimate rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// When it is to leave.
    Plan,
    /// When it left.
    Departure,
    /// When a leg last began or ended.
    Leg,
    /// Where it was seen last.
    Position,
}

/// When a shipment will arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// With one chance in ten it arrives before this.
    pub early_at: Timestamp,
    /// It arrives as likely before this as after.
    pub median_at: Timestamp,
    /// With nine chances in ten it arrives before this.
    pub late_at: Timestamp,
    /// How likely it arrives after the promised time, zero to one; `None` without a promise.
    pub late_probability: Option<f64>,
    /// What it rests on.
    pub basis: Basis,
    /// Journeys of its lane that it rests on.
    pub lane_count: f64,
    /// Metres that remain, where a position tells.
    pub remaining_m: Option<f64>,
}

/// When a shipment will arrive, as far as is known at `now`, which is not before anything that was reported. `None` once
/// it has arrived or was cancelled, and when neither a plan, a distance nor a history of the lane tells how long it takes.
pub fn estimate(shipment: &Shipment, journey: &Journey, lanes: &Lanes, now: Timestamp) -> Option<Estimate> {
    if journey.stage().is_none_or(Stage::is_over) {
        return None;
    }
    let lane = lane(shipment);
    let promised_at = shipment.card().and_then(|card| card.promised_at);
    let transit = lanes.expect(&lane, Figure::Transit)?;
    let (ahead, basis) = evidence(shipment, journey, lanes, &lane, transit, now)?;
    let position = journey.standing().filter(|_| basis == Basis::Position);
    Some(Estimate {
        early_at: ahead.quantile(0.1, now),
        median_at: ahead.quantile(0.5, now),
        late_at: ahead.quantile(0.9, now),
        late_probability: promised_at.map(|promised_at| ahead.after(promised_at, now)),
        basis,
        lane_count: transit.count,
        remaining_m: position.map(|standing| standing.remaining_m),
    })
}

/// The lane that a shipment goes.
pub fn lane(shipment: &Shipment) -> Lane {
    shipment.card().map_or_else(Lane::default, |card| Lane {
        mode: card.mode,
        from: card.from.clone(),
        to: card.to.clone(),
        carrier: card.carrier.clone(),
    })
}

/// What remains, by the newest evidence.
fn evidence(
    shipment: &Shipment,
    journey: &Journey,
    lanes: &Lanes,
    lane: &Lane,
    transit: Spread,
    now: Timestamp,
) -> Option<(Ahead, Basis)> {
    let by_hours = || lanes.expect(lane, Figure::Hours);
    let planned = journey.route().micros();
    // Without a plan or a length the lane's own hours are the plan, and their spread is that of the ratio.
    let (planned, transit) = match planned {
        Some(planned) => (planned, transit),
        None => match by_hours() {
            Some(hours) => (libm::exp(hours.mean) * 3.6e9, Spread { mean: 0.0, ..hours }),
            None => return by_speed(shipment, journey).map(|ahead| (ahead, Basis::Position)),
        },
    };
    let (legs, leg_at) = journey.legs();
    let position_at = journey.position().map(|fix| fix.at);
    let standing = journey.standing().zip(position_at).filter(|(_, at)| leg_at.is_none_or(|leg_at| leg_at <= *at));
    if let Some((standing, at)) = standing {
        if let Some(share) = standing.remaining_share {
            return Some((Ahead::new(at, planned, share, transit, journey.pace()), Basis::Position));
        }
        if let Some(ahead) = by_speed(shipment, journey) {
            return Some((ahead, Basis::Position));
        }
    }
    if let Some(leg_at) = leg_at {
        let share = journey.route().share_after(legs);
        return Some((Ahead::new(leg_at, planned, share, transit, None), Basis::Leg));
    }
    if let Some(departed) = journey.milestones().departed {
        return Some((Ahead::new(departed.at, planned, 1.0, transit, None), Basis::Departure));
    }
    match shipment.card()?.departure_at {
        Some(at) if at >= now => {
            let from_plan = lanes.expect(lane, Figure::FromPlan).filter(|_| journey.route().micros().is_some());
            Some((Ahead::new(at, planned, 1.0, from_plan.unwrap_or(transit), None), Basis::Plan))
        }
        // It should have left, so all of the way is still ahead.
        Some(_) => Some((Ahead::new(now, planned, 1.0, transit, None), Basis::Plan)),
        None => None,
    }
}

/// What remains where only the destination is known: the distance at the speed of late, or at the usual one.
fn by_speed(shipment: &Shipment, journey: &Journey) -> Option<Ahead> {
    let (standing, fix) = (journey.standing()?, journey.position()?);
    let usual = lane(shipment).mode.speed_usual();
    // In the middle between the usual speed and its own, as ratios go.
    let speed = journey.speed().map_or(usual, |own| libm::sqrt(usual * own.clamp(usual / 10.0, usual * 10.0)));
    let spread = Spread { mean: 0.0, variance: SPEED_VARIANCE, count: 0.0 };
    Some(Ahead::new(fix.at, standing.remaining_m / speed * 1e6, 1.0, spread, None))
}

/// The time that remains from a point in time on: log-normal.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ahead {
    from_at: Timestamp,
    /// The logarithm of its median in microseconds.
    middle: f64,
    /// The standard deviation of its logarithm.
    sd: f64,
}

impl Ahead {
    /// What remains of a way that is planned to take so long, with this share of it ahead.
    ///
    /// The pace is a normal prior of half of the lane's variance, updated with the pace of late: an observation whose
    /// variance is the other half, spread over the part of the way that it saw.
    fn new(from_at: Timestamp, planned: f64, share: f64, lane: Spread, pace: Option<(f64, f64)>) -> Self {
        let share = share.clamp(SHARE_MIN, 1.0);
        let (seen, own) = match pace {
            Some((micros, covered)) => (covered.min(1.0), libm::log(micros / (covered * planned.max(1.0)))),
            None => (0.0, 0.0),
        };
        let mean = (lane.mean + seen * own.clamp(-2.0, 2.0)) / (1.0 + seen);
        let ratio = libm::expm1(lane.variance);
        let squared = ratio * (0.5 / (1.0 + seen) + 0.5 / share);
        let variance = libm::log1p(squared);
        // With all of the way ahead and nothing seen, the median is what the lane's is.
        let expected = libm::log(planned.max(1.0) * share) + mean + lane.variance / 2.0;
        Self { from_at, middle: expected - variance / 2.0, sd: libm::sqrt(variance).max(1e-6) }
    }

    /// How many standard deviations a time is beyond the median.
    fn deviations(&self, at: Timestamp) -> f64 {
        let micros = micros_between(self.from_at, at);
        if micros <= 0.0 { f64::NEG_INFINITY } else { (libm::log(micros) - self.middle) / self.sd }
    }

    /// The mean time that still passes when a long time has: what the hazard of the far tail leaves.
    fn residual_micros(&self, elapsed_micros: f64, deviations: f64) -> f64 {
        elapsed_micros * self.sd / deviations
    }

    /// The time before which it arrives with a probability, given that it has not yet at `now`.
    fn quantile(&self, probability: f64, now: Timestamp) -> Timestamp {
        let now = now.max(self.from_at);
        let waited = self.deviations(now);
        let at = if waited > TAIL {
            let elapsed = micros_between(self.from_at, now);
            later(now, -libm::log1p(-probability) * self.residual_micros(elapsed, waited))
        } else {
            let deviations = normal_beyond(beyond(waited) * (1.0 - probability));
            later(self.from_at, libm::exp(self.middle + deviations * self.sd))
        };
        at.max(now)
    }

    /// How likely it arrives after a time, given that it has not yet at `now`.
    fn after(&self, promised_at: Timestamp, now: Timestamp) -> f64 {
        if promised_at <= now || promised_at <= self.from_at {
            return 1.0;
        }
        let (waited, until) = (self.deviations(now), self.deviations(promised_at));
        if waited > TAIL {
            let elapsed = micros_between(self.from_at, now);
            libm::exp(-micros_between(now, promised_at) / self.residual_micros(elapsed, waited))
        } else {
            (beyond(until) / beyond(waited)).clamp(0.0, 1.0)
        }
    }
}

/// The probability that a standard normal is greater.
fn beyond(deviations: f64) -> f64 {
    libm::erfc(deviations / std::f64::consts::SQRT_2) / 2.0
}

/// What a standard normal is greater than with this probability.
fn normal_beyond(probability: f64) -> f64 {
    let (mut low, mut high) = (-10.0, 10.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if beyond(middle) > probability { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: f64 = 3.6e9;

    fn ahead(share: f64, pace: Option<(f64, f64)>) -> Ahead {
        let lane = Spread { mean: 0.1, variance: 0.09, count: 10.0 };
        Ahead::new(Timestamp(0), 10.0 * HOUR, share, lane, pace)
    }

    fn hours(at: Timestamp) -> f64 {
        micros_between(Timestamp(0), at) / HOUR
    }

    #[test]
    fn quantiles_of_the_normal_are_the_published_ones() {
        for (probability, deviations) in [(0.5, 0.0), (0.1, 1.281_551_565_545), (0.025, 1.959_963_984_540)] {
            assert!((normal_beyond(probability) - deviations).abs() < 1e-11);
        }
    }

    #[test]
    fn with_all_of_the_way_ahead_it_is_the_lane() {
        let ahead = ahead(1.0, None);
        let of = |probability| hours(ahead.quantile(probability, Timestamp(0)));
        assert!((of(0.5) - 10.0 * libm::exp(0.1)).abs() < 1e-6);
        assert!((of(0.9) - 10.0 * libm::exp(0.1 + 0.3 * 1.281_551_565_545)).abs() < 1e-6);
    }

    #[test]
    fn more_way_ahead_is_later_at_every_quantile() {
        for pace in [None, Some((4.0 * HOUR, 0.2)), Some((1.0 * HOUR, 0.5))] {
            for probability in [0.1, 0.5, 0.9] {
                let at = |share| ahead(share, pace).quantile(probability, Timestamp(0));
                let times: Vec<Timestamp> = (1..=1_000).map(|part| at(f64::from(part) / 1_000.0)).collect();
                assert!(times.is_sorted(), "{pace:?} {probability}");
            }
        }
    }

    #[test]
    fn a_later_promise_is_missed_less_likely_whatever_has_passed() {
        for now_hours in [0.0, 5.0, 12.0, 40.0, 4_000.0] {
            let now = later(Timestamp(0), now_hours * HOUR);
            let ahead = ahead(1.0, None);
            let late: Vec<f64> =
                (1..500).map(|hour| ahead.after(later(Timestamp(0), f64::from(hour) * HOUR), now)).collect();
            assert!(late.is_sorted_by(|one, next| one >= next), "{now_hours}");
            assert!(ahead.quantile(0.5, now) >= now);
            assert!((ahead.after(ahead.quantile(0.5, now), now) - 0.5).abs() < 1e-3, "{now_hours}");
        }
    }

    #[test]
    fn a_slow_pace_makes_it_later_and_surer() {
        let of = |pace| {
            let ahead = ahead(0.5, pace);
            (hours(ahead.quantile(0.5, Timestamp(0))), ahead.sd)
        };
        let ((lane, lane_sd), (slow, slow_sd)) = (of(None), of(Some((10.0 * HOUR, 0.5))));
        assert!(slow > lane * 1.15 && slow_sd < lane_sd, "{lane} {slow}");
    }
}
