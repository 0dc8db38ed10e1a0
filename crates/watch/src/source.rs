//! Sources watched: devices and systems that should speak and do not, whose batteries run down, whose messages come late.

use crate::condition::Condition;
use crate::desk::{Desk, Wanted};
use crate::own::DeviceFacts;
use crate::rule::{Rule, whole};
use crate::scope::Covered;
use crate::stock::duration;
use crate::timers::Timer;
use ledger::{AlertSubject, Decision, Effect, ImageError, Name, PartyId, RuleCard, Sink, Source, State, Timestamp};

const SILENT: u8 = 1;
const BATTERY: u8 = 2;
const LAG: u8 = 4;

/// How far beyond its limit a battery must be charged to be well again, in thousandths.
const BATTERY_CLEAR_PERMILLE: u16 = 50;

/// A source.
#[derive(Clone, Debug, Default)]
struct SourceWatch {
    last_heard: Timestamp,
    /// Silence after which it is told, in microseconds; 0 when it may be silent.
    silent_after: i64,
    /// The usual delay of its messages, an exponential mean, in microseconds.
    lag: i64,
    /// The delay of its last message, in microseconds; not in images, for it is asked about what was just heard.
    lag_last: i64,
    /// The longest usual delay, in microseconds; 0 for any.
    lag_max: i64,
    /// The charge below which its battery is low, in thousandths; 0 for none.
    battery_min: u16,
    /// What is left in its battery, in thousandths; `u16::MAX` for unknown.
    battery: u16,
    /// Failures that it reported of itself, in all.
    failures: u64,
    /// The newest count of its messages; `None` before the first.
    sequence: Option<u64>,
    /// Messages that its count says were sent and that never came, in all.
    gaps: u64,
    holds: u8,
    is_timed: bool,
    /// Whether it ever sent anything; who only acts is a party, too.
    is_heard: bool,
}

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its name, by number.
    pub party: PartyId,
    /// When it was last heard; `None` for never.
    pub last_heard: Option<Timestamp>,
    /// The silence after which somebody is told, in microseconds; `None` when nobody is.
    pub silent_after: Option<i64>,
    /// Whether it has been silent for that long, which was told.
    pub is_silent: bool,
    /// What is left in its battery, in thousandths; `None` for unknown.
    pub battery_permille: Option<u16>,
}

/// Every source, by the number of its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources(Vec<SourceWatch>);

/// A device, a system: what a rule is looked for.
pub(crate) fn covered<'s>(state: &'s State, device: &'s str) -> Covered<'s> {
    let catalog = state.catalog();
    let location = catalog.device(device).map_or("", |card| &card.location);
    let warehouse = location.split('/').next().and_then(|warehouse| catalog.find_location(warehouse));
    let card = warehouse.and_then(|warehouse| catalog.location(warehouse).card.as_ref());
    Covered { location, region: card.map_or("", |card| &card.region), device, ..Covered::default() }
}

pub(crate) fn about(device: &str) -> AlertSubject {
    AlertSubject { device: device.into(), ..AlertSubject::default() }
}

impl SourceWatch {
    /// Takes in a message's number, and the failures that it reports. A lower number than before says that the device
    /// began to count anew.
    fn count(&mut self, sequence: Option<u64>, failures: u32) {
        self.failures = self.failures.saturating_add(u64::from(failures));
        if let (Some(sequence), Some(before)) = (sequence, self.sequence) {
            self.gaps = self.gaps.saturating_add(sequence.saturating_sub(before).saturating_sub(1));
        }
        self.sequence = sequence.or(self.sequence);
    }
}

impl Sources {
    /// Takes in who sent the decision, and what it says of devices.
    pub(crate) fn take(&mut self, desk: &mut Desk<'_>, decision: &Decision) {
        for name in &decision.names {
            if let Name::Party(_) = name {
                let party = PartyId::at(self.0.len());
                self.0.push(SourceWatch { last_heard: desk.now, battery: u16::MAX, ..SourceWatch::default() });
                self.resolve(desk, party);
            }
        }
        let source = &mut self.0[decision.source.index()];
        (source.last_heard, source.is_heard) = (desk.now, true);
        source.lag_last = decision.recorded_at.0.saturating_sub(decision.occurred_at.0).max(0);
        if source.holds & SILENT != 0 {
            source.holds &= !SILENT;
            let name = desk.state.catalog().party(decision.source);
            desk.clear(Condition::DeviceSilent, &about(name), "it speaks again");
            self.arm(desk, decision.source);
        }
        if self.0[decision.source.index()].lag_max > 0 {
            self.late(desk, decision);
        }
        for effect in &decision.effects {
            match effect {
                Effect::Device(card) => {
                    if let Some(party) = desk.state.catalog().find_party(&card.device) {
                        self.resolve(desk, party);
                    }
                }
                Effect::Observed(observation) => {
                    self.0[decision.source.index()].count(observation.sequence, observation.failures);
                    if let Some(battery) = observation.battery_permille {
                        self.charged(desk, decision.source, battery);
                    }
                }
                _ => {}
            }
        }
    }

    /// A rule over devices changed: its device is looked at anew, or every source.
    pub(crate) fn rule_changed(&mut self, desk: &mut Desk<'_>, card: &RuleCard) {
        if card.device.is_empty() {
            for index in 0..self.0.len() {
                self.resolve(desk, PartyId::at(index));
            }
        } else if let Some(party) = desk.state.catalog().find_party(&card.device) {
            self.resolve(desk, party);
        }
    }

    /// Looks up which rules hold for a source.
    pub(crate) fn resolve(&mut self, desk: &mut Desk<'_>, party: PartyId) {
        let name = desk.state.catalog().party(party);
        let covered = covered(desk.state, name);
        let interval = desk.state.catalog().device(name).and_then(|card| card.interval_micros);
        let silent = desk.rules.find(Condition::DeviceSilent, covered);
        let after = |rule: &Rule| {
            if rule.has("after_minutes") {
                return Some(rule.minutes_micros("after_minutes"));
            }
            let intervals = rule.number("intervals")?;
            interval.map(|interval| whole(intervals * crate::rule::float(interval)))
        };
        // A rule without a device says nothing of sources that nobody expects to speak.
        let is_expected = interval.is_some() || silent.is_some_and(|rule| !rule.card.device.is_empty());
        let battery = desk.rules.find(Condition::BatteryLow, covered).and_then(|rule| rule.number("percent"));
        let lag = desk.rules.find(Condition::SourceLag, covered);
        let source = &mut self.0[party.index()];
        source.silent_after = silent.filter(|_| is_expected).and_then(after).unwrap_or(0);
        source.lag_max = lag.map_or(0, |rule| rule.minutes_micros("minutes"));
        source.battery_min = battery.map_or(0, |percent| u16::try_from(whole(percent * 10.0)).unwrap_or(0));
        let ended = [
            (SILENT, Condition::DeviceSilent, source.silent_after == 0),
            (LAG, Condition::SourceLag, source.lag_max == 0),
            (BATTERY, Condition::BatteryLow, source.battery_min == 0),
        ];
        for (bit, condition, is_off) in ended {
            if is_off && self.0[party.index()].holds & bit != 0 {
                self.0[party.index()].holds &= !bit;
                desk.resolve(condition.name(), &about(name), "rule_off", "no rule asks for this any more");
            }
        }
        self.arm(desk, party);
    }

    fn arm(&mut self, desk: &mut Desk<'_>, party: PartyId) {
        let source = &mut self.0[party.index()];
        if source.silent_after > 0 && source.holds & SILENT == 0 && !source.is_timed {
            source.is_timed = true;
            desk.set(source.last_heard.plus(source.silent_after), Timer::Source(party.0));
        }
    }

    /// A timer of a source is due.
    pub(crate) fn due(&mut self, desk: &mut Desk<'_>, party: PartyId, guards: bool) {
        let source = &mut self.0[party.index()];
        source.is_timed = false;
        if guards {
            // A sensor that guards limits is told as lost instead, and looked at again meanwhile.
            source.is_timed = source.silent_after > 0;
            if source.is_timed {
                desk.set(desk.now.plus(source.silent_after), Timer::Source(party.0));
            }
            return;
        }
        if source.silent_after == 0 || source.last_heard.plus(source.silent_after) > desk.now {
            return self.arm(desk, party);
        }
        source.holds |= SILENT;
        let (since, silence) = (source.last_heard, desk.now.0.saturating_sub(source.last_heard.0));
        let name = desk.state.catalog().party(party);
        let rules = desk.rules;
        let Some(rule) = rules.find(Condition::DeviceSilent, covered(desk.state, name)) else { return };
        let location = desk.state.catalog().device(name).map_or("", |card| &card.location);
        let place = if location.is_empty() { String::new() } else { format!(" at {location}") };
        let why = format!(
            "{name}{place} has not been heard for {}; it should speak every {}",
            duration(silence),
            duration(desk.state.catalog().device(name).and_then(|card| card.interval_micros).unwrap_or(silence))
        );
        let figures = vec![("silent_minutes", crate::stock::rounded(crate::rule::float(silence) / 60.0e6))];
        desk.raise(rule, Wanted { subject: about(name), why, figures, since });
    }

    fn charged(&mut self, desk: &mut Desk<'_>, party: PartyId, permille: u16) {
        let source = &mut self.0[party.index()];
        source.battery = permille;
        let was = source.holds & BATTERY != 0;
        let least = source.battery_min + if was { BATTERY_CLEAR_PERMILLE } else { 0 };
        let is_low = source.battery_min > 0 && permille < least;
        if is_low == was {
            return;
        }
        let name = desk.state.catalog().party(party);
        let percent = crate::stock::rounded(f64::from(permille) / 10.0);
        if was {
            self.0[party.index()].holds &= !BATTERY;
            return desk.clear(Condition::BatteryLow, &about(name), &format!("{percent} % left"));
        }
        self.0[party.index()].holds |= BATTERY;
        let rules = desk.rules;
        if let Some(rule) = rules.find(Condition::BatteryLow, covered(desk.state, name)) {
            let why = format!("{name} has {percent} % of its battery left");
            let figures = vec![("battery_percent", percent)];
            desk.raise(rule, Wanted { subject: about(name), why, figures, since: desk.now });
        }
    }

    /// How late the source's messages are: by an exponential mean over the last few.
    fn late(&mut self, desk: &mut Desk<'_>, decision: &Decision) {
        let source = &mut self.0[decision.source.index()];
        source.lag = source.lag - source.lag / 5 + source.lag_last / 5;
        let was = source.holds & LAG != 0;
        let is_late = source.lag > if was { source.lag_max / 2 } else { source.lag_max };
        if is_late == was {
            return;
        }
        let usual = duration(source.lag);
        let name = desk.state.catalog().party(decision.source);
        if was {
            self.0[decision.source.index()].holds &= !LAG;
            return desk.clear(Condition::SourceLag, &about(name), &format!("{usual} late by now"));
        }
        source.holds |= LAG;
        let rules = desk.rules;
        if let Some(rule) = rules.find(Condition::SourceLag, covered(desk.state, name)) {
            let why = format!("what {name} sends arrives {usual} late");
            desk.raise(rule, Wanted { subject: about(name), why, figures: vec![("lag", usual)], since: desk.now });
        }
    }

    /// What conditions of users' own can ask about a source; `None` for one that was never heard.
    pub(crate) fn own_facts<'s>(&self, state: &'s State, party: PartyId, now: Timestamp) -> Option<DeviceFacts<'s>> {
        let source = self.0.get(party.index())?;
        let name = state.catalog().party(party);
        let card = state.catalog().device(name);
        let location = card.map_or("", |card| &card.location);
        let silent = crate::rule::float(now.0.saturating_sub(source.last_heard.0).max(0)) / 60.0e6;
        let whole = |count: u64| crate::rule::float(i64::try_from(count).unwrap_or(i64::MAX));
        Some(DeviceFacts {
            name,
            kind: card.map_or("", |card| &card.kind),
            location: (!location.is_empty()).then_some(location),
            minutes_silent: Some(silent),
            battery_percent: (source.battery != u16::MAX).then(|| f64::from(source.battery) / 10.0),
            failures: whole(source.failures),
            sequence_gaps: whole(source.gaps),
        })
    }

    /// The greatest delay of the last message of a source that was heard after `from`, in microseconds; `None` when none
    /// was heard.
    pub(crate) fn lag_max(&self, from: Timestamp) -> Option<i64> {
        let heard = self.0.iter().filter(|source| source.is_heard && source.last_heard > from);
        heard.map(|source| source.lag_last).max()
    }

    /// How a source is; `None` for one that was never named.
    pub(crate) fn facts(&self, party: PartyId) -> Option<SourceFacts> {
        self.0.get(party.index()).map(|source| SourceFacts {
            party,
            last_heard: source.is_heard.then_some(source.last_heard),
            silent_after: (source.silent_after > 0).then_some(source.silent_after),
            is_silent: source.holds & SILENT != 0,
            battery_permille: (source.battery != u16::MAX).then_some(source.battery),
        })
    }

    pub(crate) fn save(&self, to: &mut impl Sink) {
        to.put_length(self.0.len());
        for source in &self.0 {
            to.put_i64(source.last_heard.0);
            to.put_i64(source.lag);
            to.put(&source.battery.to_le_bytes());
            to.put_u64(source.failures);
            to.put_option(source.sequence, |to, sequence| to.put_u64(sequence));
            to.put_u64(source.gaps);
            to.put(&[source.holds, u8::from(source.is_heard)]);
        }
    }

    pub(crate) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let sources = from.take_list(|from| {
            Ok(SourceWatch {
                last_heard: Timestamp(from.take_i64()?),
                lag: from.take_i64()?,
                battery: from.take_array().map(u16::from_le_bytes)?,
                failures: from.take_u64()?,
                sequence: from.take_option(Source::take_u64)?,
                gaps: from.take_u64()?,
                holds: from.take_u8()?,
                is_heard: from.take_bool()?,
                ..SourceWatch::default()
            })
        })?;
        Ok(Self(sources))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
