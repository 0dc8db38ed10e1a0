//! The excursions of one sensor: a fold over its readings.
//!
//! Between two readings the figure is taken to have gone in a straight line, so the time outside begins and ends where the line
//! crosses a limit, not at a reading. Where readings are further apart than `gap_micros_max` nothing is known: that time is
//! not counted, and an excursion that was on ends as lost. Readings that come late, or twice, change nothing and are counted.

use super::{Limits, as_float, as_micros, minutes};
use ledger::Timestamp;
use smallvec::SmallVec;

/// What is further from zero is no figure that a sensor means.
pub(super) const VALUE_MAX: f64 = 1e9;

/// How readings are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What the figure must stay between.
    pub limits: Limits,
    /// How far inside it must be again for an excursion to end, so that one that trembles at a limit is one. At most half of the
    /// width between the limits counts.
    pub hysteresis: f64,
    /// How long it must have been outside for an excursion to begin, in microseconds; zero or less to begin with the first
    /// reading outside.
    pub begins_after_micros: i64,
    /// How far apart two readings may be for what lies between them to be known, in microseconds.
    pub gap_micros_max: i64,
}

impl Settings {
    /// Limits with half a degree of hysteresis, excursions from five minutes on, and gaps of an hour at most.
    pub fn new(limits: Limits) -> Self {
        Self { limits, hysteresis: 0.5, begins_after_micros: 5 * super::MINUTE, gap_micros_max: 60 * super::MINUTE }
    }
}

/// An excursion, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Episode {
    /// When the figure crossed a limit, on the line between two readings; the reading's time when there was none before.
    pub since: Timestamp,
    /// When it was last outside.
    pub until: Timestamp,
    /// The figure that was furthest outside.
    pub peak: f64,
    /// How long it was outside, in microseconds: less than from `since` to `until` when it was inside between, though not by
    /// the hysteresis.
    pub outside_micros: i64,
    /// How far outside times how long: for a temperature in degree minutes.
    pub degree_minutes: f64,
}

impl Episode {
    /// How long it was outside, in minutes.
    pub fn minutes_outside(&self) -> f64 {
        minutes(self.outside_micros)
    }
}

/// How an excursion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The figure is inside again.
    Returned,
    /// No reading came for longer than the gap allows; what the figure did is not known.
    SensorLost,
}

/// What became of an excursion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It has lasted for as long as one must.
    Began {
        /// When the figure crossed the limit.
        since: Timestamp,
        /// The figure that was furthest outside so far.
        peak: f64,
    },
    /// It is over.
    Ended {
        /// How.
        by: End,
        /// All of it.
        episode: Episode,
    },
}

/// What a reading changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// What became of excursions, in order: at most one end as lost, one beginning and one end.
    pub changes: SmallVec<[Change; 2]>,
    /// How long the figure was outside since the reading before, in microseconds, also when no excursion came of it. A budget
    /// is spent by it.
    pub outside_micros: i64,
}

/// What is open: an excursion, or what may become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Open {
    pub(super) episode: Episode,
    pub(super) has_begun: bool,
}

/// What is known of one sensor against its limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposure {
    pub(super) settings: Settings,
    pub(super) last: Option<(Timestamp, f64)>,
    pub(super) open: Option<Open>,
    pub(super) total: Total,
}

/// What was added up since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Total {
    pub(super) outside_micros: i64,
    pub(super) degree_minutes: f64,
    pub(super) late: u64,
    pub(super) duplicates: u64,
    pub(super) unusable: u64,
}

impl Exposure {
    /// A sensor of which nothing was read.
    pub fn new(settings: Settings) -> Self {
        Self { settings, last: None, open: None, total: Total::default() }
    }

    /// Takes a reading.
    ///
    /// One that is earlier than the newest is late: the time that it lies in was judged already, so it is counted and
    /// otherwise ignored. So is one of the same time as the newest, as a duplicate, and one that is no number or further from zero
    /// than 10⁹, as unusable.
    pub fn take(&mut self, at: Timestamp, value: f64) -> Taken {
        let mut taken = Taken::default();
        if value.is_nan() || value.abs() > VALUE_MAX {
            self.total.unusable += 1;
            return taken;
        }
        let before = match self.last {
            Some((last, _)) if at < last => {
                self.total.late += 1;
                return taken;
            }
            Some((last, _)) if at == last => {
                self.total.duplicates += 1;
                return taken;
            }
            Some((last, _)) if self.is_gap(last, at) => {
                taken.changes.extend(self.lose());
                None
            }
            before => before,
        };
        let part = before.map_or(Part::default(), |before| Part::between(before, (at, value), &self.settings.limits));
        self.last = Some((at, value));
        self.total.outside_micros = self.total.outside_micros.saturating_add(part.outside_micros);
        self.total.degree_minutes += part.degree_minutes;
        taken.outside_micros = part.outside_micros;
        self.go_on(at, value, &part);
        self.begin_and_end(value, &mut taken.changes);
        taken
    }

    /// Adds a part of a line to what is open, or opens what begins with it.
    fn go_on(&mut self, at: Timestamp, value: f64, part: &Part) {
        let limits = &self.settings.limits;
        let is_outside = !limits.contain(value);
        if self.open.is_none() && is_outside {
            // Until now it was inside, so the part outside is the end of the line.
            let since = at.minus(part.outside_micros);
            let episode = Episode { since, until: since, peak: value, outside_micros: 0, degree_minutes: 0.0 };
            self.open = Some(Open { episode, has_begun: false });
        }
        let Some(Open { episode, .. }) = &mut self.open else { return };
        episode.outside_micros = episode.outside_micros.saturating_add(part.outside_micros);
        episode.degree_minutes += part.degree_minutes;
        if limits.beyond(value) > limits.beyond(episode.peak) {
            episode.peak = value;
        }
        if is_outside {
            episode.until = at;
        } else if part.outside_micros > 0 {
            // It came back on this line, so the part outside is the line's beginning.
            episode.until = part.from.plus(part.outside_micros);
        }
    }

    /// Tells that what is open has begun, and that it ended.
    fn begin_and_end(&mut self, value: f64, changes: &mut SmallVec<[Change; 2]>) {
        let Some(open) = &mut self.open else { return };
        let episode = open.episode;
        if !open.has_begun && episode.outside_micros >= self.settings.begins_after_micros {
            open.has_begun = true;
            changes.push(Change::Began { since: episode.since, peak: episode.peak });
        }
        if self.settings.limits.contain_by(value, self.settings.hysteresis) {
            if open.has_begun {
                changes.push(Change::Ended { by: End::Returned, episode });
            }
            self.open = None;
        }
    }

    /// Judges by other settings from the next reading on; what is open goes on under them.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// After which time without a reading [`Self::lapse`] ends what is open; `None` when nothing is.
    pub fn lapses_after(&self) -> Option<Timestamp> {
        let (last, _) = self.last?;
        self.open.map(|_| last.plus(self.settings.gap_micros_max))
    }

    /// Ends an excursion when nothing has come for too long; otherwise changes nothing.
    pub fn lapse(&mut self, now: Timestamp) -> Option<Change> {
        let (last, _) = self.last?;
        if self.is_gap(last, now) { self.lose() } else { None }
    }

    fn is_gap(&self, last: Timestamp, at: Timestamp) -> bool {
        at.0.saturating_sub(last.0) > self.settings.gap_micros_max
    }

    fn lose(&mut self) -> Option<Change> {
        let Open { episode, has_begun } = self.open.take()?;
        has_begun.then_some(Change::Ended { by: End::SensorLost, episode })
    }

    /// The excursion that is on, if one has begun.
    pub fn episode(&self) -> Option<&Episode> {
        self.open.as_ref().filter(|open| open.has_begun).map(|open| &open.episode)
    }

    /// The newest reading.
    pub fn last(&self) -> Option<(Timestamp, f64)> {
        self.last
    }

    /// How it is judged.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How long it was outside in all, in minutes, also when no excursion came of it.
    pub fn minutes_outside(&self) -> f64 {
        minutes(self.total.outside_micros)
    }

    /// How far outside times how long, in all.
    pub fn degree_minutes(&self) -> f64 {
        self.total.degree_minutes
    }

    /// How many readings came late.
    pub fn late(&self) -> u64 {
        self.total.late
    }

    /// How many readings had the time of the one before.
    pub fn duplicates(&self) -> u64 {
        self.total.duplicates
    }

    /// How many readings were no number, or none that a sensor means.
    pub fn unusable(&self) -> u64 {
        self.total.unusable
    }
}

/// What of the line between two readings is outside.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    from: Timestamp,
    outside_micros: i64,
    degree_minutes: f64,
}

impl Part {
    fn between((from, one): (Timestamp, f64), (to, other): (Timestamp, f64), limits: &Limits) -> Self {
        let span_micros = to.0.saturating_sub(from.0);
        let above = positive(limits.above(one), limits.above(other));
        let below = positive(limits.below(one), limits.below(other));
        let share = (above.0 + below.0).min(1.0);
        Self {
            from,
            outside_micros: as_micros(as_float(span_micros) * share),
            degree_minutes: minutes(span_micros) * (above.1 + below.1),
        }
    }
}

/// Of a line from one height to another: the share of it above zero, and the area there, for a line of length 1.
fn positive(one: f64, other: f64) -> (f64, f64) {
    match (one > 0.0, other > 0.0) {
        (true, true) => (1.0, f64::midpoint(one, other)),
        (false, false) => (0.0, 0.0),
        _ => {
            let (high, low) = if one > 0.0 { (one, other) } else { (other, one) };
            // Without a limit the lower end is endlessly far below; then the higher is too, and we are not here.
            let share = high / (high - low);
            (share, share * high / 2.0)
        }
    }
}
