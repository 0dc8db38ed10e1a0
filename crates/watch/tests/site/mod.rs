//! A small site: books and watch that move together as they do in the engine, and everything that was decided.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

use ledger::*;
use watch::shipment::{Card, Report};
use watch::{Demand, Fact, SOURCE, Watch};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
/// 2026-01-05, a Monday.
pub const START: i64 = 20_458 * DAY;

/// A fact that owns its texts.
#[derive(Clone, Debug)]
pub enum Said {
    Reading(String, f64, i64),
    Position(f64, f64, i64),
    Plan(String, Card, Vec<(Box<str>, Quantity)>),
    Shipment(String, Report),
}

impl Said {
    pub fn fact(&self) -> Fact<'_> {
        match self {
            Self::Reading(metric, value, at) => Fact::Reading { metric, value: *value, unit: "", at: Timestamp(*at) },
            Self::Position(latitude, longitude, at) => {
                Fact::Position { latitude: *latitude, longitude: *longitude, accuracy_m: 10.0, at: Timestamp(*at) }
            }
            Self::Plan(shipment, card, products) => Fact::Plan { shipment, card, products },
            Self::Shipment(shipment, report) => Fact::Shipment { shipment, report },
        }
    }
}

pub struct Site {
    pub state: State,
    pub watch: Watch,
    pub now: i64,
    ids: u64,
    /// Every decision, with what its observations say.
    pub journal: Vec<(Decision, Vec<Said>)>,
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

impl Site {
    pub fn new() -> Self {
        Self { state: State::new(7), watch: Watch::new(7), now: START, ids: 0, journal: Vec::new() }
    }

    fn decide(&mut self, source: &str, occurred_at: i64, key: Key, body: Body<'_>, said: &[Said]) -> bool {
        let request = Request {
            actor: source,
            source,
            id: "",
            key,
            occurred_at: Timestamp(occurred_at),
            historical: true,
            resolves: None,
            body,
        };
        match self.state.decide(&request, Timestamp(self.now), &Limits::default()) {
            Verdict::Accepted(decision) => {
                self.state.apply(&decision);
                let facts: Vec<Fact<'_>> = said.iter().map(Said::fact).collect();
                self.watch.take(&self.state, &decision, &facts);
                self.journal.push((decision, said.to_vec()));
                true
            }
            _ => false,
        }
    }

    fn key(&mut self) -> Key {
        self.ids += 1;
        Key { id: u128::from(self.ids) << 64 | u128::from(self.ids), content: self.ids }
    }

    /// Hands in one thing and does what the watch wants because of it.
    pub fn hand_in(&mut self, source: &str, occurred_at: i64, body: Body<'_>, said: &[Said]) {
        let key = self.key();
        assert!(self.decide(source, occurred_at, key, body, said), "{body:?} is accepted");
        self.meet();
    }

    pub fn meet(&mut self) {
        while let Some(demand) = self.watch.next_demand() {
            let command = match demand {
                Demand::Raise(alert) => Command::RaiseAlert(alert),
                Demand::Change(change) => Command::ChangeAlert(change),
                Demand::Hold(hold) => {
                    let event = Event {
                        lot: &hold.lot,
                        to_status: Some(Status::Quarantined),
                        reference: &hold.reference,
                        ..Event::new(EventKind::StatusChanged, &hold.product, &hold.location, hold.quantity)
                    };
                    self.decide(SOURCE, self.now, Key::default(), Body::Event(event), &[]);
                    continue;
                }
            };
            self.decide(SOURCE, self.now, Key::default(), Body::Command(&command), &[]);
        }
    }

    pub fn event(&mut self, event: Event<'_>) {
        self.hand_in("dock", self.now, Body::Event(event), &[]);
    }

    pub fn add(&mut self, product: &str, location: &str, quantity: i64) {
        self.event(Event::new(EventKind::ItemAdded, product, location, Quantity::units(quantity)));
    }

    pub fn remove(&mut self, product: &str, location: &str, quantity: i64) {
        self.event(Event::new(EventKind::ItemRemoved, product, location, Quantity::units(quantity)));
    }

    pub fn command(&mut self, command: Command) {
        self.hand_in("anna", self.now, Body::Command(&command), &[]);
    }

    pub fn rule(&mut self, rule: &str, condition: &str, settings: &[(&str, &str)]) {
        self.rule_for(rule, condition, settings, |_| {});
    }

    pub fn rule_for(
        &mut self,
        rule: &str,
        condition: &str,
        settings: &[(&str, &str)],
        with: impl FnOnce(&mut RuleCard),
    ) {
        let mut card = RuleCard {
            rule: rule.into(),
            condition: condition.into(),
            settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            ..RuleCard::default()
        };
        with(&mut card);
        watch::check_rule(&card).unwrap_or_else(|faults| panic!("{faults:?}"));
        self.command(Command::DeclareRule(Box::new(card)));
    }

    pub fn device(&mut self, device: &str, location: &str, interval_micros: Option<i64>) {
        self.command(Command::DeclareDevice(Box::new(DeviceCard {
            device: device.into(),
            kind: "sensor".into(),
            location: location.into(),
            interval_micros,
            ..DeviceCard::default()
        })));
    }

    pub fn observe(&mut self, device: &str, said: &[Said]) {
        let observation = Observation { form: "readings".into(), ..Observation::default() };
        let command = Command::Observe(Box::new(observation));
        self.hand_in(device, self.now, Body::Command(&command), said);
    }

    pub fn reading(&mut self, device: &str, metric: &str, value: f64) {
        self.observe(device, &[Said::Reading(metric.into(), value, self.now)]);
    }

    /// Lets time pass in steps of a second at most, as the engine's ticks do, or in one when nothing is due.
    pub fn wait(&mut self, micros: i64) {
        let end = self.now + micros;
        while self.watch.next_due().is_some_and(|due| due.0 <= end) {
            let due = self.watch.next_due().expect("just seen").0;
            self.now = self.now.max(due);
            self.watch.advance(&self.state, Timestamp(self.now));
            self.meet();
        }
        self.now = end;
        self.watch.advance(&self.state, Timestamp(self.now));
        self.meet();
    }

    /// The open alerts, `condition product location lot device`, in the order in which they were opened.
    pub fn open(&self) -> Vec<String> {
        self.state.alerts().iter().map(|(_, open)| line(&open.alert)).collect()
    }

    /// Why the open alert of this condition was opened.
    pub fn why(&self, condition: &str) -> String {
        let found = self.state.alerts().iter().find(|(_, open)| &*open.alert.condition == condition);
        found.map_or_else(String::new, |(_, open)| open.alert.why.to_string())
    }

    pub fn alert(&self, condition: &str) -> Position {
        let found = self.state.alerts().iter().find(|(_, open)| &*open.alert.condition == condition);
        found.map_or(Position::ZERO, |(position, _)| position)
    }

    /// How often alerts of this condition were opened, and how those that were resolved were.
    pub fn history(&self, condition: &str) -> (usize, Vec<String>) {
        let mut positions = Vec::new();
        let mut outcomes = Vec::new();
        for ((decision, _), at) in self.journal.iter().zip(1..) {
            for effect in &decision.effects {
                match effect {
                    Effect::AlertOpened(alert) if &*alert.condition == condition => positions.push(Position(at)),
                    Effect::AlertChanged(change) if positions.contains(&change.alert) => {
                        if let AlertStep::Resolved { outcome } = &change.step {
                            outcomes.push(outcome.to_string());
                        }
                    }
                    _ => {}
                }
            }
        }
        (positions.len(), outcomes)
    }

    pub fn image(&self) -> Vec<u8> {
        image(&self.state, &self.watch)
    }

    /// Starts anew from what was decided, as after a crash.
    pub fn reload(&mut self) {
        let (state, watch) = self.replayed(self.journal.len() / 2);
        (self.state, self.watch) = (state, watch);
    }

    /// Replays the journal from its start, with the image written and read back after `reload_at` entries, and checks
    /// that nothing differs and nothing is left to do.
    pub fn check_replay(&self, reload_at: usize) {
        let (state, mut watch) = self.replayed(reload_at);
        assert_eq!(watch.demands(), 0, "everything was done: {:?}", watch.next_demand());
        assert!(image(&state, &watch) == self.image(), "replay equals live");
    }

    fn replayed(&self, reload_at: usize) -> (State, Watch) {
        let (mut state, mut watch) = (State::new(7), Watch::new(7));
        for (index, (decision, said)) in self.journal.iter().enumerate() {
            if index == reload_at {
                let bytes = image(&state, &watch);
                let mut rest = &bytes[..];
                state = State::load(&mut rest).expect("an image reads back");
                watch = Watch::load(&state, 7, &mut rest).expect("an image reads back");
                assert!(rest.is_empty(), "the image is read to its end");
                assert!(image(&state, &watch) == bytes, "what is read back is what was written");
            }
            state.apply(decision);
            let facts: Vec<Fact<'_>> = said.iter().map(Said::fact).collect();
            watch.replay(&state, decision, &facts);
        }
        (state, watch)
    }
}

pub fn image(state: &State, watch: &Watch) -> Vec<u8> {
    let mut image = Vec::new();
    state.save(&mut image);
    watch.save(&mut image);
    image
}

fn line(alert: &Alert) -> String {
    let subject = &alert.subject;
    let parts = [
        &alert.condition,
        &subject.product,
        &subject.location,
        &subject.lot,
        &subject.device,
        &subject.metric,
        &subject.shipment,
    ];
    let parts: Vec<&str> = parts.iter().map(|part| &***part).filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}
