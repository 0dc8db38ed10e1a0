//! What is told of readings, in words with figures, and what becomes of it.

use super::guard::Guard;
use super::{Readings, Stream};
use crate::cold::{Change, End, Episode, Limits};
use crate::condition::Condition;
use crate::desk::{Desk, Wanted};
use crate::rule::Rule;
use crate::sensor::{self, Judgement};
use crate::source;
use crate::stock::{duration, rounded};
use ledger::{AlertSubject, Severity, State};

/// Alerts of one excursion at most, where each product has one of its own.
const PRODUCTS_MAX: usize = 50;

/// A number of minutes for people.
pub(super) fn for_minutes(minutes: f64) -> String {
    duration(crate::rule::whole(minutes * 60.0e6))
}

/// Limits in words, such as `2 to 8 °C`.
fn allowed(limits: Limits, unit: &str) -> String {
    match (limits.min, limits.max) {
        (Some(min), Some(max)) => format!("{} to {}{unit}", rounded(min), rounded(max)),
        (None, Some(max)) => format!("{}{unit} at most", rounded(max)),
        (Some(min), None) => format!("{}{unit} at least", rounded(min)),
        (None, None) => "anything".into(),
    }
}

const fn unit_of(condition: Condition) -> &'static str {
    match condition {
        Condition::Temperature => " °C",
        Condition::Humidity => " %",
        _ => "",
    }
}

impl Readings {
    /// Device, place and figure of a stream.
    pub(super) fn about(&self, state: &State, index: u32) -> AlertSubject {
        let stream = &self.streams[index as usize];
        AlertSubject {
            device: state.catalog().party(stream.party).into(),
            metric: stream.metric.clone(),
            location: self.path(state, index),
            ..AlertSubject::default()
        }
    }

    /// What an excursion of a guard is about: the figure, or each product of those that it guards and that stand there.
    fn subjects(&self, state: &State, index: u32, guard: &Guard) -> Vec<AlertSubject> {
        let about = self.about(state, index);
        if !guard.is_of_products() {
            return vec![about];
        }
        let catalog = state.catalog();
        let accounts = self.exposed(state, index, guard);
        let mut products: Vec<Box<str>> =
            accounts.iter().map(|account| (*catalog.product(catalog.account(*account).product).name).into()).collect();
        products.sort_unstable();
        products.dedup();
        products.truncate(PRODUCTS_MAX);
        products.into_iter().map(|product| AlertSubject { product, ..about.clone() }).collect()
    }

    /// An excursion begins: it is told, and the stock that stands there is put on hold.
    pub(super) fn begin(&mut self, desk: &mut Desk<'_>, index: u32, guard: usize) {
        let own = &self.streams[index as usize].guards[guard];
        if own.is_told {
            return;
        }
        let rules = desk.rules;
        let Some(rule) = rules.get(&own.rule) else { return };
        let episode = own.far.as_ref().and_then(|far| far.episode()).or_else(|| own.outside.episode());
        let Some(episode) = episode.copied() else { return };
        self.streams[index as usize].guards[guard].is_told = true;
        self.unwarn(desk, index, guard, "excursion");
        let own = &self.streams[index as usize].guards[guard];
        let subjects = self.subjects(desk.state, index, own);
        let (condition, holds_stock) = (own.condition, own.holds_stock);
        let reference = format!("{} {} {}", condition.name(), self.streams[index as usize].metric, episode.since.0);
        let device = desk.state.catalog().party(self.streams[index as usize].party);
        let reference = format!("{reference} {device}");
        let lots = if holds_stock { self.hold_exposed(desk, index, guard, &reference) } else { 0 };
        for subject in subjects {
            let (why, figures) = self.excursion_words(index, guard, &subject, &episode, lots);
            desk.raise(rule, Wanted { subject, why, figures, since: episode.since });
        }
    }

    fn excursion_words(
        &self,
        index: u32,
        guard: usize,
        subject: &AlertSubject,
        episode: &Episode,
        lots: usize,
    ) -> (String, Vec<(&'static str, String)>) {
        let stream: &Stream = &self.streams[index as usize];
        let own = &stream.guards[guard];
        let unit = unit_of(own.condition);
        let limits = allowed(own.limits(), unit);
        let is_far = own.far.as_ref().is_some_and(|far| far.episode().is_some());
        let tolerated = own.far.as_ref().map_or(String::new(), |far| allowed(far.settings().limits, unit));
        let how = if is_far {
            format!("{limits}, and not beyond {tolerated} even for a moment")
        } else {
            let outside = for_minutes(episode.minutes_outside());
            format!("{limits}; outside for {outside}, {} allowed", for_minutes(own.allowed_minutes))
        };
        let place = if subject.location.is_empty() { String::new() } else { format!(" at {}", subject.location) };
        let of = if subject.product.is_empty() { String::new() } else { format!(" where {} stands", subject.product) };
        let hold = match lots {
            0 => String::new(),
            1 => "; the stock that stands there is on hold".into(),
            lots => format!("; {lots} lots and places are on hold"),
        };
        let peak = rounded(episode.peak);
        let why =
            format!("{} of {}{place}{of}: {peak}{unit} where it should be {how}{hold}", stream.metric, subject.device);
        let mut figures = vec![
            ("peak", peak),
            ("minutes_outside", rounded(episode.minutes_outside())),
            ("allowed_minutes", rounded(own.allowed_minutes)),
        ];
        figures.extend(own.limits().min.map(|min| ("min", rounded(min))));
        figures.extend(own.limits().max.map(|max| ("max", rounded(max))));
        if lots > 0 {
            figures.push(("on_hold", lots.to_string()));
        }
        (why, figures)
    }

    /// Part of an excursion ended; when all of it has, so do its alerts.
    pub(super) fn end(&mut self, desk: &mut Desk<'_>, index: u32, guard: usize, by: End) {
        let own = &self.streams[index as usize].guards[guard];
        let goes_on = own.outside.episode().is_some() || own.far.as_ref().is_some_and(|far| far.episode().is_some());
        if !own.is_told || (goes_on && by == End::Returned) {
            return;
        }
        let outcome = match by {
            End::Returned => "returned",
            End::SensorLost => "sensor_lost",
        };
        self.close(desk, index, guard, outcome);
    }

    /// Closes the alerts of an excursion.
    pub(super) fn close(&mut self, desk: &mut Desk<'_>, index: u32, guard: usize, outcome: &str) {
        let own = &mut self.streams[index as usize].guards[guard];
        own.is_told = false;
        let (rule, condition) = (own.rule.clone(), own.condition);
        self.zones.hot.remove(&(index, rule.clone()));
        let about = self.about(desk.state, index);
        let last = self.streams[index as usize].guards[guard].outside.last();
        let last = last.map_or(String::new(), |(_, value)| format!("{}{} by now", rounded(value), unit_of(condition)));
        // The place of the device may have changed since.
        let alerts = desk.alerts().iter().filter(|(_, open)| {
            let subject = &open.alert.subject;
            *open.alert.condition == *condition.name()
                && open.alert.rule == rule
                && (&subject.device, &subject.metric) == (&about.device, &about.metric)
        });
        let alerts: Vec<AlertSubject> = alerts.map(|(_, open)| open.alert.subject.clone()).collect();
        for subject in alerts {
            desk.resolve(condition.name(), &subject, outcome, &last);
        }
    }

    /// Being outside at all is told after a few minutes, and over when it is inside again or has become an excursion.
    pub(super) fn warned(&mut self, desk: &mut Desk<'_>, index: u32, guard: usize, change: &Change) {
        let own = &self.streams[index as usize].guards[guard];
        let Change::Began { since, .. } = change else {
            return self.unwarn(desk, index, guard, "returned");
        };
        if own.is_told {
            return;
        }
        let subject = self.about(desk.state, index);
        let is_empty = own.is_of_products() && self.exposed(desk.state, index, own).is_empty();
        let rules = desk.rules;
        let (Some(rule), false) = (rules.get(&own.rule), is_empty) else { return };
        let unit = unit_of(own.condition);
        let value = own.outside.last().map_or(String::new(), |(_, value)| rounded(value));
        let left = own.allowed_minutes
            - own.warn.as_ref().and_then(|warn| warn.episode()).map_or(0.0, Episode::minutes_outside);
        let why = format!(
            "{} of {} at {}: {value}{unit} where it should be {}; {} more are allowed",
            subject.metric,
            subject.device,
            subject.location,
            allowed(own.limits(), unit),
            for_minutes(left.max(0.0)),
        );
        let figures = vec![("value", value), ("minutes_left", rounded(left.max(0.0)))];
        let warning = warning_of(own.condition);
        desk.raise_as(
            rule,
            warning,
            Severity::Warning.min(rule.severity),
            Wanted { subject, why, figures, since: *since },
        );
    }

    pub(super) fn unwarn(&mut self, desk: &mut Desk<'_>, index: u32, guard: usize, outcome: &str) {
        let condition = warning_of(self.streams[index as usize].guards[guard].condition);
        let about = self.about(desk.state, index);
        desk.resolve(condition.name(), &about, outcome, "");
    }

    pub(super) fn tell_lost(&self, desk: &mut Desk<'_>, index: u32) {
        let stream = &self.streams[index as usize];
        let subject = self.about(desk.state, index);
        let device = desk.state.catalog().party(stream.party);
        let rules = desk.rules;
        let Some(rule) = rules.find(Condition::SensorLost, source::covered(desk.state, device)) else { return };
        let silence = desk.now.0.saturating_sub(stream.heard_at.0);
        let why = format!(
            "{} of {device}, which guards {}, has not been heard for {}",
            stream.metric,
            if subject.location.is_empty() { "its limits" } else { &subject.location },
            duration(silence)
        );
        let figures = vec![("silent_minutes", rounded(super::guard::minutes(silence)))];
        desk.raise(rule, Wanted { subject, why, figures, since: stream.heard_at });
    }

    pub(super) fn tell_fault(&self, desk: &mut Desk<'_>, index: u32, fault: sensor::Episode, judgement: &Judgement) {
        let stream = &self.streams[index as usize];
        let device = desk.state.catalog().party(stream.party);
        let rules = desk.rules;
        let Some(rule) = rules.find(Condition::SensorFault, source::covered(desk.state, device)) else { return };
        let says = match fault.fault {
            sensor::Fault::Stuck => "does not move any more",
            sensor::Fault::ImplausibleRate => "moves faster than it can",
            sensor::Fault::Jump => "is at once somewhere else",
            sensor::Fault::Noise => "is much rougher, or smoother, than it was",
            sensor::Fault::Drift => "slowly leaves what is usual",
            sensor::Fault::OutOfPattern => "is not as it is at this time",
        };
        let (size, usual) = (rounded(fault.size), rounded(fault.usual));
        let why = format!("{} of {device} {says} ({}: {size}, usual {usual})", stream.metric, fault.fault.name());
        let figures = vec![
            ("fault", fault.fault.name().to_owned()),
            ("size", size),
            ("usual", usual),
            ("expected", rounded(judgement.expected)),
        ];
        let subject = self.about(desk.state, index);
        desk.raise(rule, Wanted { subject, why, figures, since: fault.since });
    }

    pub(super) fn tell_kinetic(&self, desk: &mut Desk<'_>, index: u32, celsius: f64, holds: bool) {
        let stream = &self.streams[index as usize];
        let about = self.about(desk.state, index);
        if !holds {
            return desk.clear(Condition::MeanKinetic, &about, &format!("{} °C by now", rounded(celsius)));
        }
        let rules = desk.rules;
        let of_stream = stream.guards.iter().find(|guard| guard.kinetic.is_some());
        let Some(rule): Option<&Rule> = of_stream.and_then(|guard| rules.get(&guard.rule)) else { return };
        let hours = stream.kinetic.as_ref().map_or(0, |kinetic| kinetic.hours());
        let (mean, max) = (rounded(celsius), rounded(stream.kinetic_max));
        let why = format!(
            "{} of {} at {}: mean kinetic temperature of {mean} °C over {hours} h, {max} °C at most",
            about.metric, about.device, about.location
        );
        let figures = vec![("mean_kinetic_temperature", mean), ("max", max), ("hours", hours.to_string())];
        desk.raise_as(
            rule,
            Condition::MeanKinetic,
            rule.severity,
            Wanted { subject: about, why, figures, since: desk.now },
        );
    }

    /// Takes the guards that rules ask for now; those that no rule asks for any more end.
    pub(super) fn replace_guards(&mut self, desk: &mut Desk<'_>, index: u32, mut fresh: Vec<Guard>) {
        let before = self.streams[index as usize].guards.len();
        for guard in 0..before {
            let own = &self.streams[index as usize].guards[guard];
            if !fresh.iter().any(|new| new.rule == own.rule && new.condition == own.condition) {
                self.unwarn(desk, index, guard, "rule_off");
                if self.streams[index as usize].guards[guard].is_told {
                    self.close(desk, index, guard, "rule_off");
                }
            }
        }
        for before in std::mem::take(&mut self.streams[index as usize].guards) {
            if let Some(new) = fresh.iter_mut().find(|new| new.rule == before.rule && new.condition == before.condition)
            {
                new.go_on_from(before);
            }
        }
        self.streams[index as usize].guards = fresh;
    }
}

const fn warning_of(condition: Condition) -> Condition {
    match condition {
        Condition::Humidity => Condition::HumidityOutside,
        _ => Condition::TemperatureOutside,
    }
}
