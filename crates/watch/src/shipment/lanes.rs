//! How long lanes really take, against what was planned.
//!
//! What is learned of a lane is little at first, so a lane's figures are drawn towards those of its mode, and these towards
//! all: the less, the more was seen, and the more lanes of a mode differ from each other (empirical Bayes).

use super::report::Mode;
use super::route::micros_between;
use ledger::{ImageError, Sink, Source, Timestamp};
use std::collections::BTreeMap;

/// Lanes that are remembered; the one that nothing was learned of for longest goes first.
pub const LANES_MAX: usize = 4_096;
/// Journeys of a lane that count; older ones fade.
const COUNT_MAX: f64 = 100.0;
/// As how many journeys of the level above the level above counts, where the differences at a level cannot be told.
const PRIOR_COUNT: f64 = 5.0;
/// The variance of a journey's logarithm before anything was learned: it takes 25 % more or less.
const PRIOR_WITHIN: f64 = 0.0625;
/// The variance between lanes' means before anything was learned.
const PRIOR_BETWEEN: f64 = 0.02;
/// The least variance of a mean between lanes that is believed: no two lanes are the same.
const BETWEEN_MIN: f64 = 1e-4;
/// Logarithms beyond this are held to be mistakes of a clock or a plan, and drawn in: a factor of 55.
const LOGARITHM_MAX: f64 = 4.0;

/// A way that is gone again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// How.
    pub mode: Mode,
    /// From where.
    pub from: Box<str>,
    /// To where.
    pub to: Box<str>,
    /// By whom.
    pub carrier: Box<str>,
}

/// A journey that is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    /// When it was to leave.
    pub planned_departure_at: Option<Timestamp>,
    /// When it left.
    pub departed_at: Timestamp,
    /// When it arrived.
    pub arrived_at: Timestamp,
    /// How long it was to take, in microseconds.
    pub planned_micros: Option<f64>,
}

/// What a lane's figure is expected to be, as the natural logarithm of a ratio or of hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The variance of one journey around it, that of not knowing the mean included.
    pub variance: f64,
    /// Journeys of the lane itself that it rests on; older ones have faded.
    pub count: f64,
}

/// What is learned of lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The time on the way against the planned time: logarithm of the ratio.
    Transit,
    /// The time from the planned departure to the arrival against the planned time: logarithm of the ratio.
    FromPlan,
    /// The time on the way: logarithm of hours.
    Hours,
}

const FIGURES: usize = 3;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    count: f64,
    mean: f64,
    /// The sum of squared differences from the mean.
    squares: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    learned_at: Timestamp,
    moments: [Moments; FIGURES],
}

/// Sums over lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    lanes: f64,
    count: f64,
    count_squares: f64,
    mean: f64,
    mean_squares: f64,
    squares: f64,
}

/// How long lanes take: an online history in bounded memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lanes {
    lanes: BTreeMap<Lane, Known>,
    /// By mode and figure; follow from the lanes.
    sums: [[Sums; FIGURES]; Mode::ALL.len()],
}

impl Lanes {
    /// Learns from a journey that is over. One that took no time, or less, teaches nothing.
    pub fn learn(&mut self, lane: &Lane, ended: &Ended) {
        if ended.arrived_at <= ended.departed_at {
            return;
        }
        let micros = micros_between(ended.departed_at, ended.arrived_at);
        let planned = ended.planned_micros.filter(|planned| *planned > 0.0);
        let from_plan = ended.planned_departure_at.map(|at| micros_between(at, ended.arrived_at).max(1.0));
        let figures = [
            planned.map(|planned| libm::log(micros / planned)),
            planned.zip(from_plan).map(|(planned, from_plan)| libm::log(from_plan / planned)),
            Some(libm::log(micros / 3.6e9)),
        ];
        let fresh = Known { learned_at: ended.arrived_at, moments: Default::default() };
        let known = self.lanes.entry(lane.clone()).or_insert(fresh);
        known.learned_at = known.learned_at.max(ended.arrived_at);
        for ((moments, figure), index) in known.moments.iter_mut().zip(figures).zip(0..) {
            let bound = if index == FIGURES - 1 { f64::INFINITY } else { LOGARITHM_MAX };
            if let Some(figure) = figure {
                moments.take(figure.clamp(-bound, bound));
            }
        }
        let mut changed = lane.mode;
        if self.lanes.len() > LANES_MAX {
            let oldest = self.lanes.iter().min_by_key(|(lane, known)| (known.learned_at, *lane));
            if let Some(oldest) = oldest.map(|(lane, _)| lane.clone()) {
                changed = oldest.mode;
                self.lanes.remove(&oldest);
            }
        }
        self.sum(lane.mode);
        self.sum(changed);
    }

    fn sum(&mut self, mode: Mode) {
        let mut sums = [Sums::default(); FIGURES];
        for (_, known) in self.lanes.iter().filter(|(lane, _)| lane.mode == mode) {
            for (sums, moments) in sums.iter_mut().zip(&known.moments) {
                sums.take(moments);
            }
        }
        self.sums[index(mode)] = sums;
    }

    /// What a figure of a lane is expected to be. Before anything was learned, journeys take as long as planned, 25 % more
    /// or less; of [`Figure::Hours`] nothing is known then, which is `None`.
    ///
    /// # Source
    /// The variance between lanes is the moment estimate of one-way analysis of variance with unequal counts (S. R. Searle,
    /// G. Casella, C. E. McCulloch, "Variance Components", 1992, section 3.6); a lane's mean is drawn to its mode's by the
    /// credibility n / (n + within / between) (H. Bühlmann, E. Straub, "Glaubwürdigkeit für Schadensätze", 1970).
    pub fn expect(&self, lane: &Lane, figure: Figure) -> Option<Spread> {
        let place = place(figure);
        let mut all = Sums::default();
        for sums in &self.sums {
            all.add(&sums[place]);
        }
        if figure == Figure::Hours && all.count <= 0.0 {
            return None;
        }
        let mode = &self.sums[index(lane.mode)][place];
        let prior_mean = if figure == Figure::Hours { all.mean_of_all() } else { 0.0 };
        let all_mean = drawn(all.count, all.mean_of_all(), PRIOR_COUNT, prior_mean);
        let mode_mean = drawn(mode.count, mode.mean_of_all(), PRIOR_COUNT, all_mean);
        let all_within = drawn(all.freedom(), all.within(), PRIOR_COUNT, PRIOR_WITHIN);
        let within = drawn(mode.freedom(), mode.within(), PRIOR_COUNT, all_within);
        let all_between = drawn((all.lanes - 1.0).max(0.0), all.between(all_within), PRIOR_COUNT, PRIOR_BETWEEN);
        let between = drawn((mode.lanes - 1.0).max(0.0), mode.between(within), PRIOR_COUNT, all_between);
        let own = self.lanes.get(lane).map(|known| known.moments[place]).unwrap_or_default();
        let credibility = own.count / (own.count + within / between.max(BETWEEN_MIN));
        let own_within = if own.count > 0.0 { own.squares / own.count } else { within };
        Some(Spread {
            mean: credibility * own.mean + (1.0 - credibility) * mode_mean,
            variance: drawn(own.count, own_within, PRIOR_COUNT, within) + between * (1.0 - credibility),
            count: own.count,
        })
    }

    /// How many lanes are remembered.
    pub fn len(&self) -> usize {
        self.lanes.len()
    }

    /// Whether nothing was learned yet.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Writes all that was learned.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_length(self.lanes.len());
        for (lane, known) in &self.lanes {
            lane.mode.save(into);
            for text in [&lane.from, &lane.to, &lane.carrier] {
                into.put_text(text);
            }
            into.put_i64(known.learned_at.0);
            for moments in &known.moments {
                for number in [moments.count, moments.mean, moments.squares] {
                    put_float(into, number);
                }
            }
        }
    }

    /// What was learned, as it was saved.
    ///
    /// # Errors
    /// Those of the source; [`ImageError::Damaged`] for what no history of lanes saves.
    pub fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let mut lanes = Self::default();
        for _ in 0..from.take_length()? {
            let mode = Mode::load(from)?;
            let lane = Lane { mode, from: from.take_text()?, to: from.take_text()?, carrier: from.take_text()? };
            let mut known = Known { learned_at: Timestamp(from.take_i64()?), moments: Default::default() };
            for moments in &mut known.moments {
                for number in [&mut moments.count, &mut moments.mean, &mut moments.squares] {
                    *number = take_float(from)?;
                }
            }
            let is_sound = known.moments.iter().all(|of| of.count >= 0.0 && of.squares >= 0.0);
            let is_ordered = lanes.lanes.last_key_value().is_none_or(|(last, _)| *last < lane);
            if !is_sound || !is_ordered || lanes.lanes.len() == LANES_MAX {
                return Err(ImageError::Damaged("a lane"));
            }
            lanes.lanes.insert(lane, known);
        }
        for mode in Mode::ALL {
            lanes.sum(mode);
        }
        Ok(lanes)
    }
}

impl Moments {
    /// # Source
    /// B. P. Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products", Technometrics 4 (1962);
    /// past the greatest count with the weights of an exponential mean.
    fn take(&mut self, value: f64) {
        if self.count >= COUNT_MAX {
            self.squares *= 1.0 - 1.0 / COUNT_MAX;
        } else {
            self.count += 1.0;
        }
        let difference = value - self.mean;
        self.mean += difference / self.count;
        self.squares += difference * (value - self.mean);
    }
}

impl Sums {
    fn take(&mut self, of: &Moments) {
        if of.count > 0.0 {
            self.lanes += 1.0;
            self.count += of.count;
            self.count_squares += of.count * of.count;
            self.mean += of.count * of.mean;
            self.mean_squares += of.count * of.mean * of.mean;
            self.squares += of.squares;
        }
    }

    fn add(&mut self, other: &Self) {
        self.lanes += other.lanes;
        self.count += other.count;
        self.count_squares += other.count_squares;
        self.mean += other.mean;
        self.mean_squares += other.mean_squares;
        self.squares += other.squares;
    }

    fn mean_of_all(&self) -> f64 {
        if self.count > 0.0 { self.mean / self.count } else { 0.0 }
    }

    fn freedom(&self) -> f64 {
        (self.count - self.lanes).max(0.0)
    }

    /// The variance of journeys within their lanes.
    fn within(&self) -> f64 {
        if self.freedom() > 0.0 { self.squares / self.freedom() } else { 0.0 }
    }

    /// The variance of the lanes' means beyond what journeys explain.
    fn between(&self, within: f64) -> f64 {
        let spread = self.count - self.count_squares / self.count.max(1.0);
        if spread <= 0.0 {
            return 0.0;
        }
        let squares = self.mean_squares - self.mean * self.mean / self.count;
        ((squares - (self.lanes - 1.0) * within) / spread).max(0.0)
    }
}

/// A figure from so many observations, drawn towards another that counts as so many.
fn drawn(count: f64, figure: f64, toward_count: f64, toward: f64) -> f64 {
    (count * figure + toward_count * toward) / (count + toward_count)
}

fn index(mode: Mode) -> usize {
    Mode::ALL.iter().position(|other| *other == mode).unwrap_or_default()
}

const fn place(figure: Figure) -> usize {
    match figure {
        Figure::Transit => 0,
        Figure::FromPlan => 1,
        Figure::Hours => 2,
    }
}

pub(super) fn put_float(into: &mut impl Sink, number: f64) {
    into.put_u64(number.to_bits());
}

pub(super) fn take_float(from: &mut impl Source) -> Result<f64, ImageError> {
    let number = f64::from_bits(from.take_u64()?);
    if number.is_finite() { Ok(number) } else { Err(ImageError::Damaged("a number")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn lane(from: &str, mode: Mode) -> Lane {
        Lane { mode, from: from.into(), to: "x".into(), carrier: "c".into() }
    }

    fn took(hours: i64, planned: i64) -> Ended {
        Ended {
            planned_departure_at: Some(Timestamp(-HOUR)),
            departed_at: Timestamp(0),
            arrived_at: Timestamp(hours * HOUR),
            planned_micros: Some(micros_between(Timestamp(0), Timestamp(planned * HOUR))),
        }
    }

    #[test]
    fn a_new_lane_is_expected_as_its_mode_and_an_old_one_as_itself() {
        let mut lanes = Lanes::default();
        let unknown = lanes.expect(&lane("z", Mode::Road), Figure::Transit).unwrap();
        assert!(unknown.mean.abs() < 1e-12 && unknown.count < 0.5);
        assert_eq!(lanes.expect(&lane("z", Mode::Road), Figure::Hours), None);
        for turn in 0..40 {
            for (from, hours) in [("a", 10), ("b", 11), ("c", 12), ("d", 20)] {
                lanes.learn(&lane(from, Mode::Road), &took(hours + turn % 2, 10));
            }
        }
        let expect = |from| lanes.expect(&lane(from, Mode::Road), Figure::Transit).unwrap();
        let (new, slow) = (expect("new"), expect("d"));
        assert!((slow.mean - libm::log(2.05)).abs() < 0.02, "{slow:?}");
        assert!(new.mean > 0.2 && new.mean < 0.5, "{new:?}");
        assert!(new.variance > slow.variance * 5.0, "not knowing the lane is told: {new:?} {slow:?}");
        let other = lanes.expect(&lane("new", Mode::Sea), Figure::Transit).unwrap();
        assert!(other.mean > 0.0 && other.variance >= new.variance * 0.5);
        let from_plan = lanes.expect(&lane("d", Mode::Road), Figure::FromPlan).unwrap();
        assert!(from_plan.mean > slow.mean, "an hour late at departure counts in");
    }

    #[test]
    fn lanes_are_bounded_and_loaded_as_saved() {
        let mut lanes = Lanes::default();
        for number in 0..LANES_MAX + 10 {
            let ended = took(i64::try_from(number).unwrap() + 1, 100);
            lanes.learn(&lane(&number.to_string(), Mode::ALL[number % 5]), &ended);
        }
        assert_eq!(lanes.len(), LANES_MAX);
        let mut image = Vec::new();
        lanes.save(&mut image);
        assert_eq!(Lanes::load(&mut image.as_slice()).unwrap(), lanes);
        assert!(Lanes::load(&mut &image[..image.len() - 1]).is_err());
    }
}
