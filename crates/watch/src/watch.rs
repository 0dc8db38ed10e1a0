//! The watch itself: takes in each entry as the state has applied it, lets time pass, and says what is to be done.

use crate::condition::{About, Condition};
use crate::desk::{Demand, Desk, Wanted};
use crate::life;
use crate::own::Subject;
use crate::own_rules::{EvaluationErrors, Over, OwnRules};
use crate::reading::Readings;
use crate::scope::{Covered, Rules};
use crate::shipment::{Card, Report, Shipments};
use crate::shipping::Shipping;
use crate::source::Sources;
use crate::stock::StockWatch;
use crate::timers::{Timer, Timers};
use ledger::{
    AccountId, Alert, AlertStage, AlertSubject, Alerts, Decision, DecisionKind, Effect, ImageError, OpenAlert, PartyId,
    Position, Quantity, RuleCard, Sink, Source, State, Timestamp,
};
use std::collections::VecDeque;

/// The layout of images; one of another version is refused, and whoever asked replays the journal instead.
pub const IMAGE_VERSION: u32 = 3;

/// Who hands in what the watch wants: the actor and source of its entries.
pub const SOURCE: &str = "stocktide";

/// Everything that is watched: a fold over decisions and time.
///
/// ```
/// use ledger::{Body, Event, EventKind, Key, Limits, Quantity, Request, State, Timestamp, Verdict};
/// let (mut state, mut watch) = (State::new(1), watch::Watch::new(1));
/// let request = Request {
///     actor: "anna",
///     source: "dock",
///     id: "1",
///     key: Key { id: 1, content: 1 },
///     occurred_at: Timestamp(0),
///     historical: false,
///     resolves: None,
///     body: Body::Event(Event::new(EventKind::ItemRemoved, "SKU123", "warehouse_A", Quantity::units(5))),
/// };
/// let Verdict::Accepted(decision) = state.decide(&request, Timestamp(0), &Limits::default()) else {
///     panic!("a fact is recorded");
/// };
/// state.apply(&decision);
/// watch.take(&state, &decision, &[]);
/// let Some(watch::Demand::Raise(alert)) = watch.next_demand() else { panic!("the books are below zero") };
/// assert_eq!(&*alert.condition, "negative_stock");
/// assert!(alert.why.contains("-5"));
/// ```
#[derive(Clone, Debug)]
pub struct Watch {
    rules: Rules,
    timers: Timers,
    demands: VecDeque<Demand>,
    stock: StockWatch,
    sources: Sources,
    own: OwnRules,
    readings: Readings,
    shipping: Shipping,
    /// In a trial, its open alerts: those of the journal, and its rules, are then none of the watch's business.
    apart: Option<Box<Alerts>>,
    /// Held inputs that nobody has mended or discarded.
    held: u64,
    is_held_told: bool,
}

impl Watch {
    /// The watch over an empty journal. `seed` orders hash tables and nothing else; the journal keeps it.
    pub fn new(seed: u64) -> Self {
        Self {
            rules: Rules::new(),
            timers: Timers::default(),
            demands: VecDeque::new(),
            stock: StockWatch::new(seed),
            sources: Sources::default(),
            own: OwnRules::default(),
            readings: Readings::new(seed),
            shipping: Shipping::default(),
            apart: None,
            held: 0,
            is_held_told: false,
        }
    }

    /// A watch by these rules alone, whose alerts stay apart from the journal's.
    pub(crate) fn apart(rules: Rules, seed: u64) -> Self {
        let mut own = OwnRules::default();
        own.recount(&rules);
        Self { rules, own, apart: Some(Box::default()), ..Self::new(seed) }
    }

    /// The open alerts of a trial.
    pub(crate) fn open_apart(&self) -> Option<&Alerts> {
        self.apart.as_deref()
    }

    /// An alert that was wanted is open, in a trial.
    pub(crate) fn opened_apart(&mut self, position: Position, alert: Box<Alert>, at: Timestamp) {
        if let Some(apart) = &mut self.apart {
            self.own.opened(position, &alert);
            let stage = AlertStage::Open;
            apart.insert(position, OpenAlert { alert, opened_at: at, stage, stage_at: at, level: 0 });
        }
    }

    /// An alert is closed as was wanted, in a trial.
    pub(crate) fn closed_apart(&mut self, position: Position) {
        if let Some(apart) = &mut self.apart {
            apart.close(position);
            self.own.resolved(position, true);
        }
    }

    /// Takes in the decision that `state` has just applied; `facts` are what its observations say. Time passes up to
    /// its `recorded_at` first.
    ///
    /// What is to be done about it waits for [`next_demand`](Self::next_demand).
    pub fn take(&mut self, state: &State, decision: &Decision, facts: &[Fact<'_>]) {
        self.wake(state, decision.recorded_at);
        self.take_in(state, decision, facts);
    }

    fn take_in(&mut self, state: &State, decision: &Decision, facts: &[Fact<'_>]) {
        let is_apart = self.apart.is_some();
        self.pass(state, decision.recorded_at);
        self.with(state, decision.recorded_at, state.position(), |parts, desk| {
            parts.sources.take(desk, decision);
            parts.stock.take(desk, decision);
            parts.readings.take(desk, decision);
            parts.shipping.take(desk, decision, facts);
            for fact in facts {
                if let Fact::Reading { metric, value, unit, at } = *fact {
                    parts.readings.read(desk, decision.source, metric, (unit, value), at);
                    if parts.own.has(Subject::Reading) {
                        let said = parts.readings.own_facts(desk.state, decision.source, metric, (unit, value));
                        parts.own.look_at_reading(desk, &said);
                    }
                }
            }
            if !decision.effects.is_empty() && !is_apart {
                life::take(desk, decision);
                parts.own.take(desk.state, desk.cause, decision);
            }
        });
        if !decision.effects.is_empty() || decision.resolves.is_some() {
            self.take_effects(state, decision);
        }
        self.take_own(state, decision);
    }

    /// Asks users' own conditions over what the decision touched.
    fn take_own(&mut self, state: &State, decision: &Decision) {
        let asks_devices = self.own.has(Subject::Device);
        let has_touched = !self.stock.own_touched.is_empty() || !self.shipping.own_touched.is_empty();
        if !has_touched && !asks_devices {
            return;
        }
        self.with(state, decision.recorded_at, state.position(), |parts, desk| {
            parts.own.look_at_touched(desk, parts.stock);
            parts.own.look_at_shipments(desk, parts.shipping);
            if asks_devices {
                parts.own.take_devices(desk, parts.sources, decision);
            }
            parts.own.arm(desk, &Over { stock: parts.stock, sources: parts.sources, shipping: parts.shipping });
        });
    }

    /// As [`take`](Self::take), for a decision that is read from the journal: if it is what became of something that
    /// is to be done, that is done. What is left at the end of the journal was not done before the end, and is to be.
    pub fn replay(&mut self, state: &State, decision: &Decision, facts: &[Fact<'_>]) {
        if !self.demands.is_empty() && state.catalog().party(decision.source) == SOURCE {
            // Those before it were refused when they were wanted.
            if let Some(index) = self.demands.iter().position(|demand| demand.is_met_by(decision)) {
                self.demands.drain(..=index);
            }
        }
        self.own.sleep();
        self.take_in(state, decision, facts);
    }

    /// Lets time pass again where it stood still during a replay.
    fn wake(&mut self, state: &State, now: Timestamp) {
        if self.own.is_asleep() {
            self.with(state, now, Position::ZERO, |parts, desk| {
                parts
                    .own
                    .wake(desk, &mut Over { stock: parts.stock, sources: parts.sources, shipping: parts.shipping });
            });
        }
    }

    fn take_effects(&mut self, state: &State, decision: &Decision) {
        for effect in &decision.effects {
            match effect {
                // A trial has its own rule.
                Effect::Rule(_) | Effect::RuleWithdrawn { .. } if self.apart.is_some() => {}
                Effect::Rule(card) => {
                    let before = self.rules.get(&card.rule).map(|rule| rule.card.clone());
                    self.rules.declare(card);
                    self.rule_changed(state, before.as_ref(), decision.recorded_at);
                    self.rule_changed(state, Some(card), decision.recorded_at);
                }
                Effect::RuleWithdrawn { rule } => {
                    let before = self.rules.get(rule).map(|rule| rule.card.clone());
                    self.rules.withdraw(rule);
                    self.rule_changed(state, before.as_ref(), decision.recorded_at);
                }
                Effect::Product(card) => self.with(state, decision.recorded_at, state.position(), |parts, desk| {
                    parts.stock.product_changed(desk, &card.product);
                }),
                Effect::Location(card) => self.with(state, decision.recorded_at, state.position(), |parts, desk| {
                    parts.stock.location_changed(desk, &card.location);
                    parts.readings.location_changed(desk, &card.location);
                    parts.shipping.location_changed(desk, card);
                }),
                _ => {}
            }
        }
        let gone = matches!(decision.kind, DecisionKind::HeldDiscarded) || decision.resolves.is_some();
        self.held = self.held.saturating_sub(u64::from(gone));
        self.held += u64::from(decision.kind == DecisionKind::InputHeld);
        if gone || decision.kind == DecisionKind::InputHeld {
            self.judge_held(state, decision.recorded_at);
        }
    }

    /// Looks anew at whatever a rule may concern that was declared, withdrawn or replaced.
    fn rule_changed(&mut self, state: &State, card: Option<&RuleCard>, now: Timestamp) {
        let Some(card) = card else { return };
        let Some(condition) = Condition::named(&card.condition) else { return };
        if condition == Condition::Own {
            return self.with(state, now, state.position(), |parts, desk| {
                parts.own.rule_changed(
                    desk,
                    &mut Over { stock: parts.stock, sources: parts.sources, shipping: parts.shipping },
                    card,
                );
            });
        }
        self.with(state, now, state.position(), |parts, desk| match condition.info().about {
            About::Stock | About::Lot | About::Account => parts.stock.rule_changed(desk, card),
            About::Device => {
                parts.sources.rule_changed(desk, card);
                parts.readings.rule_changed(desk, card);
            }
            About::Shipment => parts.shipping.rule_changed(desk),
            About::System => {}
        });
        self.judge_held(state, now);
    }

    /// Lets time pass: whatever has come due by `now` is looked at.
    pub fn advance(&mut self, state: &State, now: Timestamp) {
        self.wake(state, now);
        self.pass(state, now);
    }

    fn pass(&mut self, state: &State, now: Timestamp) {
        while let Some((at, timer)) = self.timers.pop(now) {
            self.with(state, now, Position::ZERO, |parts, desk| match timer {
                Timer::Stock(index) => parts.stock.subject_due(desk, index),
                Timer::Lot(index) => parts.stock.lot_due(desk, index),
                Timer::Account(index) => parts.stock.account_due(desk, index),
                Timer::Source(index) => {
                    let guards = parts.readings.guards(PartyId(index));
                    parts.sources.due(desk, PartyId(index), guards);
                }
                Timer::Stream(index) => parts.readings.due(desk, index),
                Timer::Alert(position) => life::due(desk, position),
                Timer::OwnStock(slot) => parts.own.stock_due(desk, parts.stock, parts.shipping, slot),
                Timer::OwnDevices(slot) => parts.own.devices_due(desk, parts.sources, slot),
                Timer::OwnWaiting => parts.own.waiting_due(desk),
                Timer::Shipment(index) => {
                    parts.shipping.due(desk, index, at);
                    if parts.own.is_asleep() {
                        parts.shipping.own_touched.clear();
                    } else {
                        parts.own.look_at_shipments(desk, parts.shipping);
                    }
                }
            });
        }
    }

    fn judge_held(&mut self, state: &State, now: Timestamp) {
        let held = self.held;
        let is_told = &mut self.is_held_told;
        let (rules, timers, demands) = (&self.rules, &mut self.timers, &mut self.demands);
        let mut desk =
            Desk { state, rules, timers, demands, now, cause: state.position(), apart: self.apart.as_deref() };
        let rule = rules.find(Condition::HeldGrowth, Covered::default());
        let above = rule.and_then(|rule| rule.number("above"));
        let holds = above.is_some_and(|above| above < crate::rule::float(i64::try_from(held).unwrap_or(i64::MAX)));
        let about = AlertSubject { device: "stocktide".into(), metric: "held".into(), ..AlertSubject::default() };
        match (holds, *is_told, rule) {
            (true, false, Some(rule)) => {
                *is_told = true;
                let why = format!("{held} inputs could not be used and wait for a person");
                desk.raise(rule, Wanted { subject: about, why, figures: vec![("held", held.to_string())], since: now });
            }
            (false, true, _) => {
                *is_told = false;
                desk.clear(Condition::HeldGrowth, &about, &format!("{held} wait"));
            }
            _ => {}
        }
    }

    fn with<T>(
        &mut self,
        state: &State,
        now: Timestamp,
        cause: Position,
        work: impl FnOnce(Parts<'_>, &mut Desk<'_>) -> T,
    ) -> T {
        let parts = Parts {
            stock: &mut self.stock,
            sources: &mut self.sources,
            readings: &mut self.readings,
            own: &mut self.own,
            shipping: &mut self.shipping,
        };
        let (rules, timers, demands) = (&self.rules, &mut self.timers, &mut self.demands);
        work(parts, &mut Desk { state, rules, timers, demands, now, cause, apart: self.apart.as_deref() })
    }

    /// The next thing to be done, in the order in which it was wanted.
    pub fn next_demand(&mut self) -> Option<Demand> {
        self.demands.pop_front()
    }

    /// How much is to be done.
    pub fn demands(&self) -> usize {
        self.demands.len()
    }

    /// When something comes due next; `None` when nothing does.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.next_at()
    }

    /// The rules, built-in ones too.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The shipments that are followed.
    pub fn shipments(&self) -> &Shipments {
        self.shipping.shipments()
    }

    /// What is watched of stock.
    pub(crate) fn stock(&self) -> &StockWatch {
        &self.stock
    }

    /// What is watched of sources.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// How often the condition of a user's own rule could not be answered since the start, which counts as not met;
    /// `None` for never.
    pub fn evaluation_errors(&self, rule: &str) -> Option<&EvaluationErrors> {
        self.own.errors(rule)
    }

    /// The greatest delay, from happening to being recorded, of the last message of any source that was heard after
    /// `from`; in microseconds, `None` when none was heard.
    pub fn lag_micros_max(&self, from: Timestamp) -> Option<i64> {
        self.sources.lag_max(from)
    }

    /// Touches the memory that a movement of this account will need. Changes nothing; the answer means nothing.
    pub fn warm(&self, account: AccountId) -> u64 {
        self.stock.warm(account)
    }

    /// Bytes of memory that the watch takes, about.
    pub fn memory_bytes(&self) -> usize {
        self.stock.memory_bytes()
    }

    /// Writes the image.
    pub fn save(&self, to: &mut impl Sink) {
        to.put_u32(IMAGE_VERSION);
        to.put_u64(self.held);
        to.put_u8(u8::from(self.is_held_told));
        self.sources.save(to);
        to.put_length(self.demands.len());
        for demand in &self.demands {
            demand.save(to);
        }
        self.shipping.save(to);
        self.stock.save(to);
        self.own.save(to);
        self.readings.save(to);
    }

    /// Reads the image of the watch over `state`, which must stand where it stood when the image was written.
    ///
    /// # Errors
    /// As [`Source`], and [`ImageError::Version`] first of all.
    pub fn load(state: &State, seed: u64, from: &mut impl Source) -> Result<Self, ImageError> {
        let version = from.take_u32()?;
        if version != IMAGE_VERSION {
            return Err(ImageError::Version { found: version });
        }
        let mut watch = Self::new(seed);
        for card in state.catalog().rules() {
            watch.rules.declare(card);
        }
        watch.held = from.take_u64()?;
        watch.is_held_told = from.take_bool()?;
        watch.sources = Sources::load(from)?;
        let demands = from.take_list(Demand::load)?;
        watch.shipping = Shipping::load(from)?;
        let sources = watch.sources.len();
        let now = state.recorded_at();
        let loaded = watch.with(state, now, Position::ZERO, |parts, desk| {
            parts.stock.load(desk, from)?;
            *parts.own = OwnRules::load(desk, from)?;
            parts.readings.load(desk, sources, from)?;
            for index in 0..sources {
                parts.sources.resolve(desk, PartyId::at(index));
            }
            parts.shipping.resume(desk);
            for (position, _) in desk.state.alerts().iter() {
                life::arm(desk, position);
            }
            Ok(())
        });
        loaded?;
        watch.demands = demands.into();
        Ok(watch)
    }
}

/// What the watch watches, apart from the rules.
struct Parts<'w> {
    stock: &'w mut StockWatch,
    sources: &'w mut Sources,
    own: &'w mut OwnRules,
    readings: &'w mut Readings,
    shipping: &'w mut Shipping,
}

/// What an observation says, read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fact<'a> {
    /// A figure that a device measured.
    Reading {
        /// Which figure, such as `temperature_celsius`.
        metric: &'a str,
        /// The figure; finite.
        value: f64,
        /// Its unit, where the metric does not say it; empty for none.
        unit: &'a str,
        /// When it was measured.
        at: Timestamp,
    },
    /// Where a device is.
    Position {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// Metres within which it is; 0 for unknown.
        accuracy_m: f64,
        /// When it was there.
        at: Timestamp,
    },
    /// What is planned of a shipment.
    Plan {
        /// Its reference.
        shipment: &'a str,
        /// All of it.
        card: &'a Card,
        /// What it is to bring, and how much; none when that is not said.
        products: &'a [(Box<str>, Quantity)],
    },
    /// What became of a shipment.
    Shipment {
        /// Its reference.
        shipment: &'a str,
        /// What was told.
        report: &'a Report,
    },
}
