//! Which fault it is, when it began and whether it lasts: one episode at a time, begun once and ended once.
//!
//! Which of two faults counts when both are seen is the order of [`Fault`]. A reading that leaps is not named at once: a
//! few readings on it is plain whether it was a jump, the beginning of something too fast, or mere noise.

use super::figures::{Figures, LONG, ROUGH, Reckoned, SHORT};
use super::image::{put_float, take_float};
use super::{Fault, Settings};
use ledger::{ImageError, Sink, Source, Timestamp};

/// A leap is less probable than this, by the stream's own sizes.
const LEAP: f64 = 1e-8;
/// A leap is at least so many usual sizes.
const LEAP_USUAL: f64 = 6.0;
/// And so many times the greatest of late.
const LEAP_RECORDS: f64 = 1.5;
/// A step is fast from so many usual steps on.
const FAST_STEPS: f64 = 6.0;
/// So many fast steps on end, the same way, are an implausible rate.
const FAST_ON_END: u8 = 3;
/// Readings after a leap until it is named.
const NAMED_AFTER: u8 = 6;
/// After a leap, readings rougher than so many times the usual are noise.
const NOISY: f64 = 2.5;
/// A mean has departed at so many usual deviations: the short one at once, the long one slowly.
const DEPARTED_SHORT: f64 = 2.0;
const DEPARTED_LONG: f64 = 1.25;
/// Noise has changed at two and a half times the usual, or at that part of it: the natural logarithm.
const NOISE_LOG: f64 = 0.916_290_731_874_155;
/// While the roughness is past this, in natural logarithms, nothing is told of means and leaps.
const UNRESTFUL_LOG: f64 = NOISE_LOG / 2.0;
/// Any of these must also be so many times its own record.
const RECORDS: f64 = 2.0;
/// Readings by which a record is made before it is used.
const RECORD_READINGS: u16 = 256;
/// Readings in which the record of each follows what surpasses it, so that a departure does not hide itself; and in which
/// a record is forgotten.
const RECORD_CLIMB: [f64; 4] = [2.0 * SHORT, 2.0 * LONG, 2.0 * ROUGH, 4.0];
const RECORD_FORGET: f64 = 2_048.0;
/// A departure is abrupt if this share of it came within the remembered residuals.
const ABRUPT: f64 = 0.7;
/// Residuals that are remembered, and how many at each end of them are compared.
const REMEMBERED: usize = 24;
const COMPARED: usize = 6;
/// A run of values that do not move is improbable below this.
const STUCK: f64 = 1e-9;
/// It is at least so many times the longest that was seen.
const STUCK_TIMES: u32 = 3;
/// A value has moved if it is this share of the usual step away.
const MOVED_STEPS: f64 = 0.01;
/// Moves on end after which a value is no longer stuck.
const UNSTUCK_MOVES: u8 = 2;
/// Readings over which it is known how often a value moves.
const MOVED_HORIZON: f64 = 2_000.0;
/// Readings that are out of pattern are named so after this many, if nothing else explains them by then.
const ODD_AFTER: u8 = 30;
/// Below this share of its size at the beginning a fault has gone.
const GONE: f64 = 0.3;
/// Decades of surprise below which a stream is in its pattern again.
const CALM_DECADES: f64 = 3.0;
/// Readings on end that a fault must be gone for.
const CALM_READINGS: u8 = 6;
/// Readings after an episode in which none begins: what ends a fault leaps back.
const REST: u8 = 12;

/// A fault that lasts or lasted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Episode {
    /// What it is.
    pub fault: Fault,
    /// The reading that it began with, which may lie before the one that it was told at.
    pub since: Timestamp,
    /// How large it was when it was told, as its [`Fault`] says.
    pub size: f64,
    /// What is usual instead.
    pub usual: f64,
}

/// What is known of a reading when it is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence<'e> {
    pub(super) at: Timestamp,
    /// Seconds since the reading before.
    pub(super) seconds: f64,
    /// Whether enough readings were seen to judge any.
    pub(super) is_judged: bool,
    /// Whether enough days were seen to tell a pattern from a fault.
    pub(super) knows_days: bool,
    pub(super) reckoned: &'e Reckoned,
    /// As they were before this reading.
    pub(super) usual: &'e Figures,
    /// The probability of so great a leap.
    pub(super) leap: f64,
    /// Whether the residual is among the usual.
    pub(super) is_usual: bool,
    /// Decades, all figures together.
    pub(super) surprise: f64,
    pub(super) score: f64,
}

/// A leap that is yet to be named.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Leap {
    since: Timestamp,
    readings_left: u8,
    residual: f64,
    /// Steps since, whatever their sign: all, the greatest and the second.
    sum: f64,
    greatest: [f64; 2],
    /// Fast steps on end, with their way.
    fast: u8,
    is_up: bool,
    is_ramp: bool,
}

/// A reading that is out of pattern, and for how many readings that waits for another name.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Odd {
    since: Timestamp,
    residual: f64,
    readings_left: u8,
}

/// Values that do not move.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    since: Timestamp,
    value: f64,
    readings: u32,
    /// The longest that ended without having been a fault.
    longest: u32,
    /// Readings seen while it was not stuck.
    seen: u32,
    /// The share of them that moved.
    moved: f64,
    moves_on_end: u8,
}

/// The greatest short mean, long mean, unrest and leap of late, whatever their signs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Records {
    greatest: [f64; 4],
    readings: u16,
}

impl Records {
    fn take(&mut self, reckoned: &Reckoned) {
        let is_new = self.readings < RECORD_READINGS;
        self.readings = self.readings.saturating_add(1);
        let figures = [reckoned.short, reckoned.long, reckoned.unrest, reckoned.leap];
        for ((record, figure), climb) in self.greatest.iter_mut().zip(figures).zip(RECORD_CLIMB) {
            let past = figure.abs() - *record;
            *record += match (past > 0.0, is_new) {
                (true, true) => past,
                (true, false) => past / climb,
                (false, _) => -*record / RECORD_FORGET,
            };
        }
    }
}

/// The faults of a stream so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watched {
    lasting: Option<Episode>,
    /// How far from what was expected the fault that lasts has been, at most.
    departed_by: f64,
    calm_readings: u8,
    rest_readings: u8,
    leap: Option<Leap>,
    /// Out of pattern, and waiting for another name.
    odd: Option<Odd>,
    run: Run,
    records: Records,
    residuals: [f64; REMEMBERED],
    next_residual: u8,
}

impl Watched {
    pub(super) const NEW: Self = Self {
        lasting: None,
        departed_by: 0.0,
        calm_readings: 0,
        rest_readings: 0,
        leap: None,
        odd: None,
        run: Run { since: Timestamp(0), value: 0.0, readings: 0, longest: 0, seen: 0, moved: 0.0, moves_on_end: 0 },
        records: Records { greatest: [0.0; 4], readings: 0 },
        residuals: [0.0; REMEMBERED],
        next_residual: 0,
    };

    pub(super) fn lasting(&self) -> Option<Episode> {
        self.lasting
    }

    /// Whether what comes is not to be taken for the pattern: the value is somewhere else.
    pub(super) fn is_astray(&self) -> bool {
        let is_astray = |fault| matches!(fault, Fault::Stuck | Fault::ImplausibleRate | Fault::Jump | Fault::Drift);
        self.lasting.is_some_and(|lasting| is_astray(lasting.fault))
    }

    /// Takes a reading; what began and what ended with it.
    pub(super) fn take(&mut self, settings: &Settings, evidence: &Evidence<'_>) -> (Option<Episode>, Option<Episode>) {
        self.residuals[usize::from(self.next_residual)] = evidence.reckoned.clipped;
        self.next_residual = if usize::from(self.next_residual) + 1 < REMEMBERED { self.next_residual + 1 } else { 0 };
        let stuck = self.follow_run(settings, evidence);
        if !evidence.is_judged {
            return (None, None);
        }
        let told = self.tell(settings, evidence, stuck);
        if evidence.knows_days {
            self.records.take(evidence.reckoned);
        }
        told
    }

    /// Ends what is over, or begins what is seen.
    fn tell(
        &mut self,
        settings: &Settings,
        evidence: &Evidence<'_>,
        stuck: Option<Episode>,
    ) -> (Option<Episode>, Option<Episode>) {
        let ended = self.lasting.filter(|episode| self.has_gone(episode, evidence));
        if ended.is_some() {
            (self.lasting, self.calm_readings, self.leap, self.odd) = (None, 0, None, None);
            self.rest_readings = REST;
            return (None, ended);
        }
        self.rest_readings = self.rest_readings.saturating_sub(1);
        let seen = stuck.or_else(|| self.too_fast(settings, evidence)).or_else(|| {
            if self.rest_readings > 0 || !evidence.knows_days {
                return None;
            }
            self.leapt(evidence).or_else(|| self.departed(evidence)).or_else(|| self.is_odd(settings, evidence))
        });
        let Some(seen) = seen.filter(|seen| self.lasting.is_none_or(|lasting| seen.fault < lasting.fault)) else {
            return (None, None);
        };
        (self.calm_readings, self.leap, self.odd) = (0, None, None);
        self.departed_by = match seen.fault {
            Fault::Jump | Fault::Drift => seen.size.abs(),
            _ => evidence.reckoned.residual.abs(),
        };
        (Some(seen), self.lasting.replace(seen))
    }

    /// Counts readings that do not move; a run that is too long is a fault.
    fn follow_run(&mut self, settings: &Settings, evidence: &Evidence<'_>) -> Option<Episode> {
        let run = &mut self.run;
        let value = evidence.reckoned.value;
        let is_stuck = self.lasting.is_some_and(|lasting| lasting.fault == Fault::Stuck);
        let has_moved = (value - run.value).abs() > MOVED_STEPS * evidence.usual.step;
        if has_moved {
            if !is_stuck {
                run.longest = run.longest.max(run.readings);
            }
            run.moves_on_end = run.moves_on_end.saturating_add(1);
            (run.value, run.readings, run.since) = (value, 1, evidence.at);
        } else {
            run.moves_on_end = 0;
            run.readings = run.readings.saturating_add(1);
        }
        if !is_stuck {
            run.seen = run.seen.saturating_add(1);
            run.moved += (if has_moved { 1.0 } else { 0.0 } - run.moved) / f64::from(run.seen).min(MOVED_HORIZON);
        }
        let least = settings.stuck_readings_min.max(run.longest.saturating_mul(STUCK_TIMES));
        if !evidence.is_judged || is_stuck || run.readings < least || run.moved <= 0.0 {
            return None;
        }
        let probability = libm::pow((1.0 - run.moved).max(0.0), f64::from(run.readings));
        let size = f64::from(run.readings);
        (probability < STUCK).then_some(Episode {
            fault: Fault::Stuck,
            since: run.since,
            size,
            usual: f64::from(run.longest),
        })
    }

    /// Faster than physics allows, or several fast steps on end.
    fn too_fast(&mut self, settings: &Settings, evidence: &Evidence<'_>) -> Option<Episode> {
        let Evidence { at, seconds, reckoned, usual, .. } = *evidence;
        let rate = reckoned.step.abs() / seconds;
        if settings.rate_per_second_max.is_some_and(|max| rate > max) {
            let usual = usual.step / seconds;
            return Some(Episode { fault: Fault::ImplausibleRate, since: at, size: rate, usual });
        }
        let leap = self.leap.as_mut()?;
        let is_up = reckoned.step > 0.0;
        let is_fast = reckoned.step.abs() > FAST_STEPS * usual.step;
        leap.fast = match (is_fast, is_up == leap.is_up) {
            (false, _) => 0,
            (true, true) => leap.fast.saturating_add(1),
            (true, false) => 1,
        };
        leap.is_up = is_up;
        leap.is_ramp |= leap.fast >= FAST_ON_END;
        let (is_ramp, since) = (leap.is_ramp, leap.since);
        // told when it has come to rest or the leap is named, so that noise is not taken for it
        (is_ramp && leap.readings_left <= 1).then(|| Episode {
            fault: Fault::ImplausibleRate,
            since,
            size: rate,
            usual: usual.step / seconds,
        })
    }

    /// Follows a leap until it can be named.
    fn leapt(&mut self, evidence: &Evidence<'_>) -> Option<Episode> {
        let Evidence { at, reckoned, usual, .. } = *evidence;
        let size = reckoned.leap.abs();
        let Some(leap) = &mut self.leap else {
            let is_away = reckoned.residual.abs() > reckoned.before.abs();
            let is_leap = evidence.leap < LEAP
                && size > (LEAP_USUAL * usual.change).max(LEAP_RECORDS * self.records.greatest[3])
                && is_away;
            if is_leap && self.lasting.is_none_or(|lasting| lasting.fault > Fault::Noise) {
                let fast = u8::from(reckoned.step.abs() > FAST_STEPS * usual.step);
                let greatest = [reckoned.step.abs(), 0.0];
                let residual = reckoned.residual;
                let is_up = reckoned.step > 0.0;
                let readings_left = NAMED_AFTER;
                self.leap = Some(Leap {
                    since: at,
                    readings_left,
                    residual,
                    sum: reckoned.step.abs(),
                    greatest,
                    fast,
                    is_up,
                    is_ramp: false,
                });
            }
            return None;
        };
        let step = reckoned.step.abs();
        leap.sum += step;
        if step > leap.greatest[0] {
            leap.greatest = [step, leap.greatest[0]];
        } else {
            leap.greatest[1] = leap.greatest[1].max(step);
        }
        leap.readings_left = leap.readings_left.saturating_sub(1);
        if leap.readings_left > 0 {
            return None;
        }
        let leap = self.leap.take()?;
        let others = (leap.sum - leap.greatest[0] - leap.greatest[1]) / f64::from(NAMED_AFTER - 1);
        let is_noise = others > NOISY * usual.step || reckoned.unrest > NOISE_LOG;
        (!is_noise).then_some(Episode {
            fault: Fault::Jump,
            since: leap.since,
            size: leap.residual,
            usual: usual.deviation,
        })
    }

    /// A changed roughness, or a mean that has left where it was, at once or slowly.
    fn departed(&self, evidence: &Evidence<'_>) -> Option<Episode> {
        let Evidence { at, reckoned, usual, .. } = *evidence;
        if self.records.readings < RECORD_READINGS || self.leap.is_some() {
            return None;
        }
        let [short, long, unrest, _] = self.records.greatest.map(|record| RECORDS * record);
        if reckoned.unrest.abs() > unrest.max(NOISE_LOG) {
            let size = libm::exp(reckoned.unrest) * usual.change;
            return Some(Episode { fault: Fault::Noise, since: at, size, usual: usual.change });
        }
        if reckoned.unrest > UNRESTFUL_LOG {
            return None;
        }
        let is_abrupt = self.change().abs() > ABRUPT * reckoned.short.abs();
        let departed = |fault, size| Some(Episode { fault, since: at, size, usual: usual.deviation });
        if reckoned.short.abs() > short.max(DEPARTED_SHORT * usual.deviation) && is_abrupt {
            departed(Fault::Jump, reckoned.short)
        } else if reckoned.long.abs() > long.max(DEPARTED_LONG * usual.deviation) && !is_abrupt {
            departed(Fault::Drift, reckoned.short)
        } else {
            None
        }
    }

    /// How much the residuals changed from the oldest that are remembered to the newest.
    fn change(&self) -> f64 {
        let oldest = usize::from(self.next_residual);
        let mean = |from: usize| {
            let sum: f64 = (from..from + COMPARED).map(|index| self.residuals[index % REMEMBERED]).sum();
            sum / COMPARED as f64
        };
        mean(oldest + REMEMBERED - COMPARED) - mean(oldest)
    }

    /// Out of pattern, and nothing else explains it.
    fn is_odd(&mut self, settings: &Settings, evidence: &Evidence<'_>) -> Option<Episode> {
        if self.lasting.is_some() {
            return None;
        }
        let Some(odd) = &mut self.odd else {
            let odd = Odd { since: evidence.at, residual: evidence.reckoned.residual, readings_left: ODD_AFTER };
            self.odd = (evidence.score >= settings.alarm_score).then_some(odd);
            return None;
        };
        odd.readings_left = odd.readings_left.saturating_sub(1);
        (odd.readings_left == 0 && self.leap.is_none()).then_some(Episode {
            fault: Fault::OutOfPattern,
            since: odd.since,
            size: odd.residual,
            usual: evidence.usual.deviation,
        })
    }

    /// Whether a fault has been gone for long enough.
    fn has_gone(&mut self, lasting: &Episode, evidence: &Evidence<'_>) -> bool {
        let reckoned = evidence.reckoned;
        if lasting.fault == Fault::Drift {
            self.departed_by = self.departed_by.max(reckoned.short.abs());
        }
        let is_calm = match lasting.fault {
            Fault::Stuck => return self.run.moves_on_end >= UNSTUCK_MOVES,
            Fault::ImplausibleRate | Fault::Jump => {
                evidence.is_usual || reckoned.residual.abs() < GONE * self.departed_by
            }
            Fault::Noise => reckoned.unrest.abs() < UNRESTFUL_LOG,
            Fault::Drift => reckoned.short.abs() < GONE * self.departed_by,
            Fault::OutOfPattern => evidence.surprise < CALM_DECADES,
        };
        self.calm_readings = if is_calm { self.calm_readings.saturating_add(1) } else { 0 };
        self.calm_readings >= CALM_READINGS
    }
}

fn put_fault(into: &mut impl Sink, fault: Fault) {
    let place = Fault::ALL.iter().position(|known| *known == fault).expect("all faults are among all");
    into.put_u8(u8::try_from(place).expect("there are six"));
}

fn take_fault(from: &mut impl Source) -> Result<Fault, ImageError> {
    Fault::ALL.get(usize::from(from.take_u8()?)).copied().ok_or(ImageError::Damaged("a sensor's fault"))
}

impl Watched {
    pub(super) fn save(&self, into: &mut impl Sink) {
        into.put_option(self.lasting, |into, episode| {
            put_fault(into, episode.fault);
            into.put_i64(episode.since.0);
            put_float(into, episode.size);
            put_float(into, episode.usual);
        });
        put_float(into, self.departed_by);
        into.put(&[self.calm_readings, self.rest_readings]);
        into.put_option(self.leap, |into, leap| {
            into.put_i64(leap.since.0);
            into.put(&[leap.readings_left, leap.fast, u8::from(leap.is_up), u8::from(leap.is_ramp)]);
            for field in [leap.residual, leap.sum, leap.greatest[0], leap.greatest[1]] {
                put_float(into, field);
            }
        });
        into.put_option(self.odd, |into, odd| {
            into.put_i64(odd.since.0);
            put_float(into, odd.residual);
            into.put_u8(odd.readings_left);
        });
        into.put_i64(self.run.since.0);
        put_float(into, self.run.value);
        into.put_u32(self.run.readings);
        into.put_u32(self.run.longest);
        into.put_u32(self.run.seen);
        put_float(into, self.run.moved);
        into.put_u8(self.run.moves_on_end);
        self.residuals.iter().chain(&self.records.greatest).for_each(|figure| put_float(into, *figure));
        into.put(&self.records.readings.to_le_bytes());
        into.put_u8(self.next_residual);
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let mut watched = Self::NEW;
        watched.lasting = from.take_option(|from| {
            Ok(Episode {
                fault: take_fault(from)?,
                since: Timestamp(from.take_i64()?),
                size: take_float(from)?,
                usual: take_float(from)?,
            })
        })?;
        watched.departed_by = take_float(from)?;
        [watched.calm_readings, watched.rest_readings] = from.take_array()?;
        watched.leap = from.take_option(|from| {
            Ok(Leap {
                since: Timestamp(from.take_i64()?),
                readings_left: from.take_u8()?,
                fast: from.take_u8()?,
                is_up: from.take_bool()?,
                is_ramp: from.take_bool()?,
                residual: take_float(from)?,
                sum: take_float(from)?,
                greatest: [take_float(from)?, take_float(from)?],
            })
        })?;
        watched.odd = from.take_option(|from| {
            let (since, residual) = (Timestamp(from.take_i64()?), take_float(from)?);
            Ok(Odd { since, residual, readings_left: from.take_u8()? })
        })?;
        watched.run = Run {
            since: Timestamp(from.take_i64()?),
            value: take_float(from)?,
            readings: from.take_u32()?,
            longest: from.take_u32()?,
            seen: from.take_u32()?,
            moved: take_float(from)?,
            moves_on_end: from.take_u8()?,
        };
        for figure in watched.residuals.iter_mut().chain(&mut watched.records.greatest) {
            *figure = take_float(from)?;
        }
        watched.records.readings = from.take_array().map(u16::from_le_bytes)?;
        watched.next_residual = from.take_u8()?;
        let is_sound = usize::from(watched.next_residual) < REMEMBERED && (0.0..=1.0).contains(&watched.run.moved);
        if is_sound { Ok(watched) } else { Err(ImageError::Damaged("a sensor's faults")) }
    }
}
