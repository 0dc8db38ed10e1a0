//! How well a device is, from its messages.
//!
//! A [`Device`] is a fold over what was received of one sender: [`Device::take`] for each message, [`Device::health`] for a
//! point in time. It never asks for the time, keeps a few dozen numbers however long it runs, and says what is wrong with
//! the figures that show it.

mod image;
mod sequence;

pub use sequence::Step;

use ledger::Timestamp;
use sequence::Sequence;
use smallvec::SmallVec;

/// Clock readings that are remembered; odd, so that one is in the middle.
const CLOCK_SAMPLES: usize = 15;
/// A message changes a recent rate by this part of the way to it: the last 32 make up two thirds of it.
const RECENT_MESSAGES: i64 = 32;
/// Parts of one, of recent rates.
const BILLION: i64 = 1_000_000_000;

/// How wide a device's sequence numbers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// 0 to 255 and again 0, as in Sparkplug B.
    Eight,
    /// The whole of a `u64`, and again 0.
    #[default]
    SixtyFour,
}

/// What is expected of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often it sends, in microseconds; zero or less when it need not.
    pub interval_micros: i64,
    /// After how many intervals without a message it is silent.
    pub grace_intervals: u16,
    /// How wide its sequence numbers are.
    pub width: Width,
    /// How far its clock may be off, in microseconds, either way.
    pub clock_tolerance_micros: i64,
    /// Below this charge, in thousandths, its battery is low.
    pub battery_low_permille: u16,
    /// Above this recent share of lost messages, in thousandths, it is losing.
    pub lost_permille_max: u16,
    /// Above this recent share of messages with an error, in thousandths, it is failing.
    pub errors_permille_max: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval_micros: 60_000_000,
            grace_intervals: 3,
            width: Width::SixtyFour,
            clock_tolerance_micros: 120_000_000,
            battery_low_permille: 200,
            lost_permille_max: 50,
            errors_permille_max: 50,
        }
    }
}

/// One message of a device, as far as its health goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// When it was received.
    pub received_at: Timestamp,
    /// When it was sent, by the device's clock.
    pub sent_at: Option<Timestamp>,
    /// Its sequence number.
    pub sequence: Option<u64>,
    /// Whether the device says that it starts anew, so that its numbers begin again (a Sparkplug birth).
    pub is_birth: bool,
    /// Its battery's charge in thousandths.
    pub battery_permille: Option<u16>,
    /// Whether it reports an error, or could not be read.
    pub is_error: bool,
}

/// What is wrong with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing was ever received of it.
    NeverSeen,
    /// It has sent nothing for longer than its grace.
    Silent {
        /// Since its last message, in microseconds.
        for_micros: i64,
        /// How long it may be, in microseconds.
        grace_micros: i64,
    },
    /// Its clock runs ahead.
    ClockAhead {
        /// By so many microseconds.
        micros: i64,
    },
    /// Its clock runs behind, or its messages take long.
    ClockBehind {
        /// By so many microseconds.
        micros: i64,
    },
    /// Its battery is low.
    BatteryLow {
        /// Its charge in thousandths.
        permille: u16,
    },
    /// Messages are lost.
    Losing {
        /// Their recent share in thousandths.
        permille: u16,
    },
    /// Messages with errors.
    Failing {
        /// Their recent share in thousandths.
        permille: u16,
    },
}

/// How a device is at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// What is wrong, in the order of [`Reason`]; empty when nothing is.
    pub reasons: SmallVec<[Reason; 4]>,
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Whether nothing was heard for longer than expected, or ever.
    pub fn is_silent(&self) -> bool {
        self.reasons.iter().any(|reason| matches!(reason, Reason::NeverSeen | Reason::Silent { .. }))
    }
}

/// A share of recent messages, each counting less by 1/32 with every later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Recent {
    billionths: i64,
}

impl Recent {
    /// Takes a message of which this share, in billionths, counts.
    fn take(&mut self, share: i64) {
        self.billionths += (share - self.billionths) / RECENT_MESSAGES;
    }

    fn permille(self) -> u16 {
        u16::try_from(self.billionths / 1_000_000).expect("a share is between none and all")
    }
}

/// Counts of a device's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Messages received, duplicates included.
    pub messages: u64,
    /// Sequence numbers that were skipped and have not come since.
    pub lost: u64,
    /// Sequence numbers that came again.
    pub duplicates: u64,
    /// Sequence numbers that came after later ones.
    pub late: u64,
    /// Times that its numbers began anew.
    pub resets: u64,
    /// Messages with an error.
    pub errors: u64,
}

/// One device.
///
/// ```
/// use intake::device::{Device, Observation, Settings};
/// use ledger::Timestamp;
/// let mut device = Device::new(Settings::default());
/// let minute = 60_000_000;
/// for number in 0..10 {
///     let received_at = Timestamp(number * minute);
///     device.take(&Observation { received_at, sequence: u64::try_from(number).ok(), ..Observation::default() });
/// }
/// assert!(device.health(Timestamp(11 * minute)).is_good());
/// assert!(device.health(Timestamp(13 * minute)).is_silent());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    settings: Settings,
    last_seen_at: Option<Timestamp>,
    sequence: Sequence,
    tallies: Tallies,
    lost: Recent,
    errors: Recent,
    battery_permille: Option<u16>,
    /// `received_at - sent_at` of the last messages, in a ring.
    offsets: SmallVec<[i64; CLOCK_SAMPLES]>,
    next_offset: usize,
}

impl Device {
    /// A device that nothing was received of.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            last_seen_at: None,
            sequence: Sequence::new(settings.width),
            tallies: Tallies::default(),
            lost: Recent::default(),
            errors: Recent::default(),
            battery_permille: None,
            offsets: SmallVec::new(),
            next_offset: 0,
        }
    }

    /// Expects to hear it every so many microseconds from now on; zero or less: whenever it likes.
    pub fn expect_every(&mut self, interval_micros: i64) {
        self.settings.interval_micros = interval_micros;
    }

    /// Takes a message and says how its number follows the one before; `None` without a number. A duplicate counts as a
    /// sign of life and as nothing else.
    pub fn take(&mut self, observation: &Observation) -> Option<Step> {
        self.last_seen_at = self.last_seen_at.max(Some(observation.received_at));
        self.tallies.messages += 1;
        if observation.is_birth {
            self.tallies.resets += u64::from(self.sequence.is_known());
            self.sequence.forget();
        }
        let step = observation.sequence.map(|number| self.sequence.take(number));
        match step {
            Some(Step::Duplicate) => {
                self.tallies.duplicates += 1;
                return step;
            }
            Some(Step::Gap { missing }) => {
                self.tallies.lost = self.tallies.lost.saturating_add(missing);
                let missing = i64::try_from(missing).expect("a longer gap is a reset");
                self.lost.take(BILLION / (missing + 1) * missing);
            }
            Some(Step::Late { was_missing }) => {
                self.tallies.late += 1;
                self.tallies.lost = self.tallies.lost.saturating_sub(u64::from(was_missing));
            }
            Some(Step::Reset) => self.tallies.resets += 1,
            Some(Step::First | Step::Next) => self.lost.take(0),
            None => {}
        }
        self.tallies.errors += u64::from(observation.is_error);
        self.errors.take(if observation.is_error { BILLION } else { 0 });
        self.battery_permille =
            observation.battery_permille.map(|permille| permille.min(1_000)).or(self.battery_permille);
        if let Some(sent_at) = observation.sent_at {
            self.take_offset(observation.received_at.0.saturating_sub(sent_at.0));
        }
        step
    }

    fn take_offset(&mut self, offset: i64) {
        if self.offsets.len() < CLOCK_SAMPLES {
            self.offsets.push(offset);
        } else {
            self.offsets[self.next_offset] = offset;
            self.next_offset = (self.next_offset + 1) % CLOCK_SAMPLES;
        }
    }

    /// When something was last received of it.
    pub fn last_seen_at(&self) -> Option<Timestamp> {
        self.last_seen_at
    }

    /// Counts since the start.
    pub fn tallies(&self) -> Tallies {
        self.tallies
    }

    /// Its battery's charge in thousandths, when it last said so.
    pub fn battery_permille(&self) -> Option<u16> {
        self.battery_permille
    }

    /// The recent share of messages with an error, in thousandths.
    pub fn errors_permille(&self) -> u16 {
        self.errors.permille()
    }

    /// The recent share of lost messages, in thousandths.
    pub fn lost_permille(&self) -> u16 {
        self.lost.permille()
    }

    /// By how many microseconds its clock is behind ours, below zero ahead: the median of the last 15 messages of
    /// `received_at - sent_at`, which up to seven wrong or delayed ones do not move. The way of a message is in it.
    pub fn clock_offset_micros(&self) -> Option<i64> {
        let mut sorted = self.offsets.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// By how many microseconds a message is typically slower than the fastest of the last 15.
    ///
    /// # Source
    /// RFC 5905 section 10 (the clock filter): of several exchanges, the one with the least delay has the least error.
    pub fn delay_micros(&self) -> Option<i64> {
        let fastest = *self.offsets.iter().min()?;
        Some(self.clock_offset_micros()?.saturating_sub(fastest))
    }

    /// What is wrong with it at a time that is not before its last message.
    pub fn health(&self, now: Timestamp) -> Health {
        let settings = &self.settings;
        let Some(last_seen_at) = self.last_seen_at else {
            return Health { reasons: SmallVec::from_slice(&[Reason::NeverSeen]) };
        };
        let for_micros = now.0.saturating_sub(last_seen_at.0);
        let grace_micros = settings.interval_micros.saturating_mul(i64::from(settings.grace_intervals.max(1)));
        let offset = self.clock_offset_micros().unwrap_or(0);
        let ahead = offset.saturating_neg();
        let above = |permille: u16, most: u16| Some(permille).filter(|permille| *permille > most);
        let low = self.battery_permille.filter(|permille| *permille < settings.battery_low_permille);
        let reasons = [
            (settings.interval_micros > 0 && for_micros > grace_micros)
                .then_some(Reason::Silent { for_micros, grace_micros }),
            (ahead > settings.clock_tolerance_micros).then_some(Reason::ClockAhead { micros: ahead }),
            (offset > settings.clock_tolerance_micros).then_some(Reason::ClockBehind { micros: offset }),
            low.map(|permille| Reason::BatteryLow { permille }),
            above(self.lost_permille(), settings.lost_permille_max).map(|permille| Reason::Losing { permille }),
            above(self.errors_permille(), settings.errors_permille_max).map(|permille| Reason::Failing { permille }),
        ];
        Health { reasons: reasons.into_iter().flatten().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn message(at: i64) -> Observation {
        Observation { received_at: Timestamp(at), ..Observation::default() }
    }

    #[test]
    fn silence_is_told_from_the_interval() {
        let mut device = Device::new(Settings::default());
        assert_eq!(device.health(Timestamp(0)).reasons.as_slice(), [Reason::NeverSeen]);
        device.take(&message(0));
        device.take(&message(-5)); // came earlier, was taken later
        assert!(device.health(Timestamp(3 * MINUTE)).is_good());
        let silent = Reason::Silent { for_micros: 3 * MINUTE + 1, grace_micros: 3 * MINUTE };
        assert_eq!(device.health(Timestamp(3 * MINUTE + 1)).reasons.as_slice(), [silent]);
        let mut on_demand = Device::new(Settings { interval_micros: 0, ..Settings::default() });
        on_demand.take(&message(0));
        assert!(on_demand.health(Timestamp::MAX).is_good());
        on_demand.expect_every(MINUTE);
        assert!(on_demand.health(Timestamp::MAX).is_silent());
    }

    #[test]
    fn a_few_wrong_clocks_do_not_move_the_offset() {
        let mut device = Device::new(Settings::default());
        for number in 0..15 {
            let at = number * MINUTE;
            let sent_at = if number % 2 == 1 { at + 400 * MINUTE } else { at - 50_000 - number };
            device.take(&Observation { sent_at: Some(Timestamp(sent_at)), ..message(at) });
        }
        assert!((50_000..50_020).contains(&device.clock_offset_micros().unwrap()));
        assert!(device.health(Timestamp(15 * MINUTE)).is_good());
        for number in 15..24 {
            let at = number * MINUTE;
            device.take(&Observation { sent_at: Some(Timestamp(at + 5 * MINUTE)), ..message(at) });
        }
        let ahead = Reason::ClockAhead { micros: 5 * MINUTE };
        assert_eq!(device.health(Timestamp(24 * MINUTE)).reasons.as_slice(), [ahead]);
    }

    #[test]
    fn all_that_is_wrong_is_said_with_its_figures() {
        let mut device = Device::new(Settings::default());
        for number in 0..64_i64 {
            device.take(&Observation {
                sequence: u64::try_from(number * 2).ok(),
                is_error: true,
                battery_permille: Some(150),
                ..message(number)
            });
        }
        let health = device.health(Timestamp(100));
        assert!(!health.is_silent());
        let [
            Reason::BatteryLow { permille: 150 },
            Reason::Losing { permille: lost },
            Reason::Failing { permille: errors },
        ] = health.reasons.as_slice()
        else {
            panic!("{health:?}")
        };
        assert!((400..=500).contains(lost), "every other: {lost}");
        assert!((850..=900).contains(errors), "1 - (31/32)^64 is 0.869: {errors}");
        assert_eq!(device.tallies().lost, 63);
        assert_eq!(device.tallies().errors, 64);
    }

    #[test]
    fn a_birth_begins_the_numbers_anew() {
        let mut device = Device::new(Settings { width: Width::Eight, ..Settings::default() });
        for number in 0..200 {
            device.take(&Observation { sequence: Some(number), ..message(0) });
        }
        let birth = Observation { sequence: Some(0), is_birth: true, ..message(0) };
        assert_eq!(device.take(&birth), Some(Step::First));
        assert_eq!((device.tallies().resets, device.tallies().lost), (1, 0));
    }
}
