//! Faulty sensors: whether what a sensor says can be what it measures.
//!
//! A [`Detector`] follows one stream of readings, learns what is normal for it, and judges each new one: how surprising it
//! is, and which [`Fault`] the sensor has, from when to when. One setting serves every stream, since all else is learned:
//! scale, roughness, how heavy the tails are, and what is usual at this time of day and of the week.
//!
//! It never knows what is measured, in which unit, or what the clock says; a stream that is shifted, or scaled up or
//! down, is judged the same. Memory and time a reading are constant. Its parts: `pattern` expects, `figures` reckons
//! how far off a reading is, `tail` how probable that is, `episode` names the fault.

mod episode;
mod figures;
mod image;
mod pattern;
mod settings;
mod tail;
#[cfg(test)]
mod tests;

pub use episode::Episode;
pub use settings::Settings;

use episode::{Evidence, Watched};
use figures::{FIGURES, Figures};
use ledger::Timestamp;
use pattern::Pattern;
use tail::Tail;

/// Greater values, of either sign, are no readings: their squares would be no numbers.
pub const VALUE_MAX: f64 = 1e100;

/// With what haste leaps are learned: those of the days when the pattern was hardly known are forgotten.
const LEAP_HASTE: f64 = 3.0;
/// The share of what is off that the pattern learns while a fault lasts: a shift for good becomes normal, in weeks.
const LEARNED_OF_FAULTS: f64 = 0.25;
const MICROS_PER_SECOND: f64 = 1_000_000.0;
/// Readings over which the usual interval is known.
const INTERVAL_HORIZON: f64 = 256.0;
/// A gap counts as at most so many usual intervals when the interval is learned.
const INTERVAL_CLIP: f64 = 4.0;
/// Decades of surprise more than were held against a reading that make the score one.
const DECADES: f64 = 20.0;
/// More decades than these are not told apart.
const DECADES_MAX: f64 = 30.0;
/// A surprise holds for this share of the readings so far, within these bounds.
const HOLD_SHARE: f64 = 0.5;
const HOLD_READINGS_MIN: f64 = 200.0;
const HOLD_READINGS_MAX: f64 = 1_000.0;

/// What is wrong with a sensor. Where two would do, the first of this order is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The value does not move although it used to. Size: readings without a move; usual: the most there were before.
    Stuck,
    /// Faster than physics or its own history permits, for several readings on end. Size and usual: units a second.
    ImplausibleRate,
    /// At once somewhere else, for a reading (a spike) or for good (a shift). Size: how far from what was expected; usual:
    /// the mean distance.
    Jump,
    /// Much rougher or smoother than it was. Size and usual: the mean of what one reading differs from what the one before
    /// lets expect.
    Noise,
    /// Slowly somewhere else. Size: how far from what was expected, in the mean; usual: the mean distance.
    Drift,
    /// None of the others, and yet not what the stream does. Size: how far from what was expected; usual: the mean distance.
    OutOfPattern,
}

impl Fault {
    /// All, in order.
    pub const ALL: [Self; 6] =
        [Self::Stuck, Self::ImplausibleRate, Self::Jump, Self::Noise, Self::Drift, Self::OutOfPattern];

    /// Its name, which never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::ImplausibleRate => "implausible_rate",
            Self::Jump => "jump",
            Self::Noise => "noise",
            Self::Drift => "drift",
            Self::OutOfPattern => "out_of_pattern",
        }
    }

    /// The fault of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

/// What became of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was judged and learned.
    Judged,
    /// It was learned; too little is known to judge it.
    Learned,
    /// It is no number, or beyond [`VALUE_MAX`]; it does not count.
    NotANumber,
    /// There was a reading at this time; it does not count.
    Repeated,
    /// There was a reading at a later time; it does not count.
    OutOfOrder,
}

/// What is to be said of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// What became of it. Of one that does not count, the rest says how things were before.
    pub taken: Taken,
    /// How anomalous it is, from zero to one: how many decades less probable than anything of late, of twenty. A surprise
    /// that goes on is one surprise, so the readings after it score low.
    pub score: f64,
    /// How improbable it is by itself, in decades: the sum over all figures of minus the decimal logarithm of the
    /// probability of one so far out.
    pub surprise: f64,
    /// The value that was expected.
    pub expected: f64,
    /// The usual distance from what is expected.
    pub deviation: f64,
    /// The fault that lasts.
    pub fault: Option<Fault>,
    /// The episode that began with this reading, or was told with it.
    pub began: Option<Episode>,
    /// The episode that ended with this reading; another may have taken its place.
    pub ended: Option<Episode>,
}

/// Judges one stream. What it says is a function of its settings and readings.
///
/// ```
/// use ledger::Timestamp;
/// use watch::sensor::{Detector, Fault, Settings};
/// let mut detector = Detector::new(Settings::default());
/// for minute in 0..600 {
///     let wobble = f64::from(minute * 7 % 11) / 10.0;
///     detector.observe(Timestamp(i64::from(minute) * 60_000_000), 20.0 + wobble);
/// }
/// let stuck = (600..700).find_map(|minute| detector.observe(Timestamp(minute * 60_000_000), 20.3).began);
/// assert_eq!(stuck.map(|episode| episode.fault.name()), Some("stuck"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Detector {
    settings: Settings,
    /// Readings that counted.
    readings: u32,
    /// The first value. All others are reckoned from it, so that a stream may lie wherever it likes.
    origin: f64,
    first_at: Timestamp,
    last_at: Timestamp,
    /// The usual interval; zero before the second reading.
    interval_micros: f64,
    /// Decades of the surprises of late.
    held: f64,
    pattern: Pattern,
    figures: Figures,
    tails: [Tail; FIGURES],
    /// That of leaps, since days were known.
    leaps: Tail,
    watched: Watched,
}

impl Detector {
    /// A detector that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            readings: 0,
            origin: 0.0,
            first_at: Timestamp::MIN,
            last_at: Timestamp::MIN,
            interval_micros: 0.0,
            held: 0.0,
            pattern: Pattern::NEW,
            figures: Figures::default(),
            tails: [Tail::default(); FIGURES],
            leaps: Tail::default(),
            watched: Watched::NEW,
        }
    }

    /// Readings that counted.
    pub fn readings(&self) -> u32 {
        self.readings
    }

    /// The time of the last reading that counted.
    pub fn last_at(&self) -> Option<Timestamp> {
        (self.readings > 0).then_some(self.last_at)
    }

    /// The episode that lasts.
    pub fn lasting(&self) -> Option<Episode> {
        self.watched.lasting()
    }

    /// Takes a reading and judges it by those before.
    pub fn observe(&mut self, at: Timestamp, value: f64) -> Judgement {
        if !(-VALUE_MAX..=VALUE_MAX).contains(&value) {
            return self.unchanged(Taken::NotANumber);
        }
        if self.readings == 0 {
            (self.readings, self.origin, self.first_at, self.last_at) = (1, value, at, at);
            return self.unchanged(Taken::Learned);
        }
        if at <= self.last_at {
            return self.unchanged(if at == self.last_at { Taken::Repeated } else { Taken::OutOfOrder });
        }
        let seconds = self.pass(at);
        let forecast = self.pattern.forecast(at, self.interval_micros);
        let usual = self.figures;
        let reckoned = self.figures.take(value - self.origin, &forecast);
        let is_judged = self.readings > self.settings.probation_readings;

        let mut probabilities = [1.0; FIGURES];
        for ((tail, probability), (figure, independent)) in
            self.tails.iter_mut().zip(&mut probabilities).zip(reckoned.figures())
        {
            *probability = tail.probability(figure, independent);
        }
        let is_usual = [10, 11].iter().all(|tail| self.tails[*tail].is_usual(reckoned.figures()[*tail].0));
        for (tail, (figure, _)) in self.tails.iter_mut().zip(reckoned.figures()) {
            tail.learn(figure, 1.0);
        }
        let learned =
            forecast.value + reckoned.clipped * if self.watched.is_astray() { LEARNED_OF_FAULTS } else { 1.0 };
        self.pattern.learn(at, learned, &forecast, self.interval_micros);
        let (surprise, score) = if is_judged { self.surprise(&probabilities) } else { (0.0, 0.0) };

        let knows_days = at.0.saturating_sub(self.first_at.0) >= self.settings.pattern_micros;
        let leap = if knows_days { self.leaps.probability(reckoned.leap.abs(), 1.0 / LEAP_HASTE) } else { 1.0 };
        if knows_days {
            self.leaps.learn(reckoned.leap.abs(), LEAP_HASTE);
        }
        let evidence = Evidence {
            at,
            seconds,
            is_judged,
            knows_days,
            reckoned: &reckoned,
            usual: &usual,
            leap,
            is_usual,
            surprise,
            score,
        };
        let (began, ended) = self.watched.take(&self.settings, &evidence);
        Judgement {
            taken: if is_judged { Taken::Judged } else { Taken::Learned },
            score,
            surprise,
            expected: self.origin + forecast.value,
            deviation: usual.deviation,
            fault: self.watched.lasting().map(|episode| episode.fault),
            began,
            ended,
        }
    }

    /// Counts a reading; the seconds since the last.
    fn pass(&mut self, at: Timestamp) -> f64 {
        let micros = at.0.saturating_sub(self.last_at.0) as f64;
        if self.interval_micros > 0.0 {
            let rate = (1.0 / f64::from(self.readings)).clamp(1.0 / INTERVAL_HORIZON, 0.5);
            self.interval_micros += (micros.min(INTERVAL_CLIP * self.interval_micros) - self.interval_micros) * rate;
        } else {
            self.interval_micros = micros;
        }
        (self.readings, self.last_at) = (self.readings.saturating_add(1), at);
        micros / MICROS_PER_SECOND
    }

    /// Decades of surprise, and the score: what of it is news after what came of late.
    fn surprise(&mut self, probabilities: &[f64; FIGURES]) -> (f64, f64) {
        let decades: f64 =
            probabilities.iter().map(|probability| 0.0 - libm::log10(probability.max(f64::MIN_POSITIVE))).sum();
        let surprise = decades.min(DECADES_MAX);
        let score = ((surprise - self.held) / DECADES).clamp(0.0, 1.0);
        let span = (f64::from(self.readings) * HOLD_SHARE).clamp(HOLD_READINGS_MIN, HOLD_READINGS_MAX);
        self.held = (self.held * (1.0 - 1.0 / span)).max(surprise);
        (surprise, score)
    }

    fn unchanged(&self, taken: Taken) -> Judgement {
        Judgement {
            taken,
            score: 0.0,
            surprise: 0.0,
            expected: self.origin,
            deviation: self.figures.deviation,
            fault: self.watched.lasting().map(|episode| episode.fault),
            began: None,
            ended: None,
        }
    }
}
