//! Shipments watched: what is told of them, what the ledger books under their references, and where their vehicles are
//! become alerts when one will be late, stands still, strays, falls silent, or brings more or less than expected.
//!
//! A shipment is looked at when something is said of it, and when a timer of its own is due; never all of them.
//!
//! Its one invariant: an entry is all that changes what is remembered. A timer looks with the time for which it was set,
//! not with the time at which it is noticed, and changes nothing unless it opens or closes an alert, which becomes an
//! entry; so a replay, which notices timers at the next entry only, ends with the same.

mod facts;
mod judge;
mod tell;

use crate::desk::Desk;
use crate::scope::Covered;
use crate::shipment::{Card, Fix, LineReport, Point, Report, Settings, Shipments, Site, Taken};
use crate::timers::Timer;
use crate::watch::Fact;
use ledger::{
    AccountKind, AlertSubject, Decision, DecisionKind, Effect, Expected, ImageError, LocationCard, Quantity, Sink,
    Source, State, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

/// Lines of one entry that are told apart: the rest of a report's id is the entry's position.
const LINES_OF_ENTRY: u64 = 1 << 12;

/// What is watched of a shipment.
#[derive(Clone, Debug)]
struct Slot {
    shipment: Box<str>,
    /// Which conditions hold, as bits of [`judge`].
    holds: u8,
    /// When it was looked at last by an entry, or by a timer that changed what holds.
    judged_at: Timestamp,
    /// When it is looked at next if nothing is said before; follows from the rest.
    due: Option<Timestamp>,
    /// For when a timer is set, if one is: not after `due`.
    armed: Option<Timestamp>,
    /// From when on the next entry settles that it is over, or forgets it; follows from the rest.
    settle: Option<Timestamp>,
}

impl Slot {
    fn new(shipment: Box<str>) -> Self {
        Self { shipment, holds: 0, judged_at: Timestamp(0), due: None, armed: None, settle: None }
    }
}

/// Every shipment that is followed.
#[derive(Clone, Debug)]
pub(crate) struct Shipping {
    shipments: Shipments,
    slots: Vec<Option<Slot>>,
    free: BTreeSet<u32>,
    index: BTreeMap<Box<str>, u32>,
    /// [`Slot::settle`] in order.
    settles: BTreeSet<(Timestamp, u32)>,
    /// Shipments at which conditions of users' own are to be looked: those that were looked at, and forgotten ones.
    pub(crate) own_touched: Vec<Box<str>>,
}

impl Default for Shipping {
    fn default() -> Self {
        Self {
            shipments: Shipments::new(Settings::default()),
            slots: Vec::new(),
            free: BTreeSet::new(),
            index: BTreeMap::new(),
            settles: BTreeSet::new(),
            own_touched: Vec::new(),
        }
    }
}

pub(crate) fn about(shipment: &str) -> AlertSubject {
    AlertSubject { shipment: shipment.into(), ..AlertSubject::default() }
}

/// What a rule over a shipment is looked for: where it goes.
pub(crate) fn covered<'s>(state: &'s State, to: &'s str) -> Covered<'s> {
    let catalog = state.catalog();
    let warehouse = to.split('/').next().and_then(|warehouse| catalog.find_location(warehouse));
    let card = warehouse.and_then(|warehouse| catalog.location(warehouse).card.as_ref());
    Covered { location: to, region: card.map_or("", |card| &card.region), ..Covered::default() }
}

/// Whether what is booked by this kind of entry may belong to a shipment.
const fn is_booked(kind: DecisionKind) -> bool {
    matches!(
        kind,
        DecisionKind::ShipmentDispatched
            | DecisionKind::ShipmentReceived
            | DecisionKind::PurchaseOrderPlaced
            | DecisionKind::PurchaseOrderReceived
            | DecisionKind::PurchaseOrderCancelled
            | DecisionKind::EntryReversed
    )
}

impl Shipping {
    pub(crate) fn shipments(&self) -> &Shipments {
        &self.shipments
    }

    /// Takes in what a decision says of shipments: what it books, and what its observations tell.
    pub(crate) fn take(&mut self, desk: &mut Desk<'_>, decision: &Decision, facts: &[Fact<'_>]) {
        while let Some((at, index)) = self.settles.first().copied().filter(|(at, _)| *at <= desk.now) {
            self.settles.remove(&(at, index));
            self.judge(desk, index);
        }
        if is_booked(decision.kind) {
            self.booked(desk, decision);
        }
        let mut line = 0;
        for fact in facts {
            match fact {
                Fact::Position { latitude, longitude, accuracy_m, at } => {
                    let Some(point) = Point::new(*latitude, *longitude) else { continue };
                    let metres = crate::rule::whole(libm::ceil(*accuracy_m));
                    let accuracy_m = u32::try_from(metres.max(0)).unwrap_or(u32::MAX);
                    let vehicle = desk.state.catalog().party(decision.source);
                    self.seen(desk, vehicle, Fix { at: *at, point, accuracy_m });
                }
                Fact::Plan { shipment, card, products } => {
                    self.planned(desk, shipment, card, products, &mut line);
                    self.touch(desk, shipment);
                }
                Fact::Shipment { shipment, report } => {
                    self.report(desk, shipment, report);
                    self.touch(desk, shipment);
                }
                Fact::Reading { .. } => {}
            }
        }
    }

    fn seen(&mut self, desk: &mut Desk<'_>, vehicle: &str, fix: Fix) {
        if self.shipments.take_position(vehicle, fix) == 0 {
            return;
        }
        let shipments: Vec<Box<str>> = self.shipments.of_vehicle(vehicle).map(Box::from).collect();
        for shipment in shipments {
            self.touch(desk, &shipment);
        }
    }

    fn planned(
        &mut self,
        desk: &mut Desk<'_>,
        shipment: &str,
        card: &Card,
        products: &[(Box<str>, Quantity)],
        line: &mut u64,
    ) {
        let before = self.shipments.shipment(shipment).and_then(|known| known.card());
        let card = match before {
            Some(before) if before.said_at <= card.said_at => completed(card, before),
            _ => card.clone(),
        };
        let at = card.said_at;
        if self.report(desk, shipment, &Report::Planned(Box::new(card))) != Taken::New || products.is_empty() {
            return;
        }
        // A plan says all that is to come, so that only what differs is ordered more or less.
        let mut wanted: BTreeMap<Box<str>, i64> =
            products.iter().map(|(product, quantity)| (product.clone(), quantity.micros())).collect();
        for (product, known) in self.shipments.shipment(shipment).map(|known| known.lines()).unwrap_or_default() {
            let wanted = wanted.entry(product.into()).or_default();
            *wanted = wanted.saturating_sub(known.ordered.micros());
        }
        for (product, delta) in wanted.into_iter().filter(|(_, delta)| *delta != 0) {
            let id = line_id(desk, line);
            let quantity = Quantity::from_micros(delta);
            self.report(desk, shipment, &Report::LineOrdered(LineReport { id, at, product, quantity }));
        }
    }

    /// Takes what a decision books as on order, in transit or received, under the references of shipments.
    fn booked(&mut self, desk: &mut Desk<'_>, decision: &Decision) {
        let mut touched: BTreeSet<&str> = BTreeSet::new();
        let mut line = 0;
        for effect in &decision.effects {
            let Effect::Expected(expected) = effect else { continue };
            if expected.reference.is_empty() {
                continue;
            }
            let key = desk.state.catalog().account(expected.account);
            let is_order = key.kind == AccountKind::OnOrder;
            let to = &desk.state.catalog().location(key.location).path;
            let from = if is_order { "" } else { left(desk.state, decision) };
            self.imply(desk, &expected.reference, from, to, expected.expected_at);
            let report = line_report(desk, decision, expected, is_order, line_id(desk, &mut line));
            self.report(desk, &expected.reference, &report);
            if is_order && self.is_called_off(&expected.reference) {
                self.report(desk, &expected.reference, &Report::Cancelled { at: decision.occurred_at });
            }
            touched.insert(&expected.reference);
        }
        for shipment in touched {
            self.touch(desk, shipment);
        }
    }

    /// What nobody planned follows from what is booked.
    fn imply(&mut self, desk: &mut Desk<'_>, shipment: &str, from: &str, to: &str, promised_at: Option<Timestamp>) {
        let known = self.shipments.shipment(shipment).and_then(|known| known.card());
        let implied = Card { from: from.into(), to: to.into(), promised_at, ..Card::default() };
        let card = match known {
            Some(known) => completed(known, &implied),
            None => Card { said_at: Card::IMPLIED, ..implied },
        };
        if known != Some(&card) {
            self.report(desk, shipment, &Report::Planned(Box::new(card)));
        }
    }

    /// Whether all that was ordered under a reference was cancelled again, and none of it came.
    fn is_called_off(&self, shipment: &str) -> bool {
        let lines = self.shipments.shipment(shipment).map(|known| known.lines()).unwrap_or_default();
        !lines.is_empty()
            && lines
                .values()
                .all(|line| line.ordered <= Quantity::ZERO && line.dispatched.is_zero() && line.received.is_zero())
    }

    /// Takes a report on a shipment, and follows it from then on.
    fn report(&mut self, desk: &mut Desk<'_>, shipment: &str, report: &Report) -> Taken {
        if !self.index.contains_key(shipment) {
            if self.shipments.is_full()
                && let Some(over) = self.shipments.first_over().map(Box::from)
            {
                self.forget(desk, &over);
            }
            if self.shipments.is_full() {
                return Taken::Full;
            }
            let index = self.free.pop_first().unwrap_or_else(|| {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).expect("shipments are bounded")
            });
            self.slots[index as usize] = Some(Slot::new(shipment.into()));
            self.index.insert(shipment.into(), index);
        }
        self.shipments.take(shipment, report)
    }

    /// A shipment is followed no more.
    fn forget(&mut self, desk: &mut Desk<'_>, shipment: &str) {
        self.shipments.forget(shipment);
        self.own_touched.push(shipment.into());
        let Some(index) = self.index.remove(shipment) else { return };
        if let Some(slot) = self.slots[index as usize].take() {
            judge::release(desk, &slot);
            if let Some(settle) = slot.settle {
                self.settles.remove(&(settle, index));
            }
        }
        self.free.insert(index);
    }

    fn touch(&mut self, desk: &mut Desk<'_>, shipment: &str) {
        if let Some(index) = self.index.get(shipment) {
            self.judge(desk, *index);
        }
    }

    /// A timer of a shipment that was set for `at` is due.
    pub(crate) fn due(&mut self, desk: &mut Desk<'_>, index: u32, at: Timestamp) {
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) else { return };
        if slot.armed != Some(at) {
            return;
        }
        slot.armed = None;
        if slot.due == Some(at) {
            self.look_again(desk, index, at);
        } else {
            self.arm(desk, index);
        }
    }

    /// Looks at every shipment: a rule over shipments has changed.
    pub(crate) fn rule_changed(&mut self, desk: &mut Desk<'_>) {
        for index in 0..self.slots.len() {
            self.judge(desk, u32::try_from(index).unwrap_or(u32::MAX));
        }
    }

    /// A location's card was declared: it may say where the location is.
    pub(crate) fn location_changed(&mut self, desk: &mut Desk<'_>, card: &LocationCard) {
        let site = card.site.and_then(|site| {
            Some(Site {
                location: card.location.clone(),
                centre: Point::from_micros(site.latitude_micros, site.longitude_micros)?,
                radius_m: site.radius_m,
                polygon: Vec::new(),
            })
        });
        if self.shipments.sites().iter().find(|known| known.location == card.location) == site.as_ref() {
            return;
        }
        match site {
            Some(site) => {
                self.shipments.put_site(site);
            }
            None => self.shipments.remove_site(&card.location),
        }
        self.rule_changed(desk);
    }

    /// Sets a timer for when it is looked at next, unless one comes before: that one looks when that is.
    fn arm(&mut self, desk: &mut Desk<'_>, index: u32) {
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) else { return };
        let Some(due) = slot.due else { return };
        if slot.armed.is_none_or(|armed| due < armed) {
            slot.armed = Some(due);
            desk.set(due, Timer::Shipment(index));
        }
    }

    pub(crate) fn save(&self, to: &mut impl Sink) {
        self.shipments.save(to);
        to.put_length(self.slots.len());
        for slot in &self.slots {
            to.put_option(slot.as_ref(), |to, slot| {
                to.put_text(&slot.shipment);
                to.put_u8(slot.holds);
                to.put_i64(slot.judged_at.0);
            });
        }
    }

    pub(crate) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let mut shipping = Self { shipments: Shipments::load(Settings::default(), from)?, ..Self::default() };
        let slots = from.take_list(|from| {
            from.take_option(|from| {
                let slot = Slot::new(from.take_text()?);
                Ok(Slot { holds: from.take_u8()?, judged_at: Timestamp(from.take_i64()?), ..slot })
            })
        })?;
        for (slot, index) in slots.iter().zip(0..) {
            let Some(slot) = slot else {
                shipping.free.insert(index);
                continue;
            };
            if shipping.index.insert(slot.shipment.clone(), index).is_some() {
                return Err(ImageError::Damaged("a shipment that is followed twice"));
            }
        }
        shipping.slots = slots;
        Ok(shipping)
    }

    /// Sets the timers of what was loaded, as far as they were before.
    pub(crate) fn resume(&mut self, desk: &mut Desk<'_>) {
        for index in 0..self.slots.len() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let judged_at = self.slots[index as usize].as_ref().map_or(Timestamp(0), |slot| slot.judged_at);
            self.plan_settling(index, judged_at);
            self.find_due(desk, index);
            self.arm(desk, index);
        }
    }
}

fn line_id(desk: &Desk<'_>, line: &mut u64) -> u64 {
    let id = desk.cause.0.saturating_mul(LINES_OF_ENTRY) + (*line).min(LINES_OF_ENTRY - 1);
    *line += 1;
    id
}

/// A card with what it leaves out of where, by when and by whom, as another says it.
fn completed(card: &Card, by: &Card) -> Card {
    let text = |own: &str, other: &str| if own.is_empty() { other.into() } else { own.into() };
    Card {
        from: text(&card.from, &by.from),
        to: text(&card.to, &by.to),
        carrier: text(&card.carrier, &by.carrier),
        promised_at: card.promised_at.or(by.promised_at),
        ..card.clone()
    }
}

/// The warehouse that stock left by a decision.
fn left<'s>(state: &'s State, decision: &Decision) -> &'s str {
    let catalog = state.catalog();
    let on_hand = decision
        .postings
        .iter()
        .find(|posting| posting.delta < Quantity::ZERO && catalog.account(posting.account).kind.is_on_hand());
    let is_dispatch = decision.kind == DecisionKind::ShipmentDispatched;
    on_hand.filter(|_| is_dispatch).map_or("", |posting| &catalog.location(catalog.warehouse_of(posting.account)).path)
}

/// What a change of what is expected reports: more in transit left, more on order was ordered, and less of either
/// arrived, unless it was cancelled or an entry was reversed.
fn line_report(desk: &Desk<'_>, decision: &Decision, expected: &Expected, is_order: bool, id: u64) -> Report {
    let catalog = desk.state.catalog();
    let product = catalog.product(catalog.account(expected.account).product).name.as_ref().into();
    let line = |quantity| LineReport { id, at: decision.occurred_at, product, quantity };
    let negated = expected.delta.checked_neg().unwrap_or(Quantity::ZERO);
    let is_receipt = match decision.kind {
        DecisionKind::ShipmentReceived | DecisionKind::PurchaseOrderReceived => true,
        DecisionKind::EntryReversed if is_order => {
            decision.postings.iter().any(|posting| catalog.account(posting.account).kind.is_on_hand())
        }
        DecisionKind::EntryReversed => expected.delta > Quantity::ZERO,
        _ => false,
    };
    match (is_receipt, is_order) {
        (true, _) => Report::LineReceived(line(negated)),
        (false, true) => Report::LineOrdered(line(expected.delta)),
        (false, false) => Report::LineDispatched(line(expected.delta)),
    }
}
