//! Entries turned back into events that an import takes.
//!
//! Invariant: imported into an empty directory, the events of a whole journal give the same stock on hand. Movements and
//! counts go back to what they reported, so that late ones and recounts are judged again as they were; a reversal and
//! whatever has no event of its own becomes adjustments. Reservations that ended are left out; what was shipped for one
//! is a removal.

use super::{Known, Range, for_each_entry};
use crate::directory;
use anyhow::{Context, Result};
use ledger::{
    AccountId, AccountKind, Body, Catalog, Command, DecisionKind, Effect, Event, EventKind, Key, Position, Posting,
    Quantity, Request, Reserve, ReserveLine, Role, Timestamp, UnitContent, UnitReport,
};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;
use wire::record::Entry;

/// Writes the events and answers how many entries of which kinds were left out.
///
/// # Errors
/// The journal can't be read, or the output can't be written.
pub(super) fn write(directory: &Path, range: Range, out: &mut dyn Write) -> Result<BTreeMap<&'static str, u64>> {
    let reader = directory::read_only(directory)?;
    // Which reservations still stand is known at the end only.
    let mut pending: HashMap<Box<str>, Position> = HashMap::new();
    let mut withdrawn = Vec::new();
    for_each_entry(directory, &reader, &mut |position, entry| {
        for effect in &entry.decision.effects {
            match effect {
                Effect::Reserved(reservation) => drop(pending.insert(reservation.reservation.clone(), position)),
                Effect::ReservationEnded { reservation, .. } => drop(pending.remove(reservation)),
                Effect::UnitReportWithdrawn(report) => withdrawn.push(report.clone()),
                _ => {}
            }
        }
        Ok(!range.is_past(position, &entry))
    })?;
    let mut names = Known::new();
    let shipped = Catalog::new(0);
    let mut left_out = BTreeMap::new();
    for_each_entry(directory, &reader, &mut |position, entry| {
        if range.is_past(position, &entry) {
            return Ok(false);
        }
        names.learn(&entry);
        if !range.holds(position, &entry) {
            return Ok(true);
        }
        // What was reported of a handling unit and withdrawn again is as if it had not been.
        let is_of_unit = |effect: &Effect| match effect {
            Effect::UnitReported(report) => withdrawn.contains(report),
            Effect::UnitReportWithdrawn(_) => true,
            _ => false,
        };
        if entry.decision.effects.iter().any(is_of_unit) {
            return Ok(true);
        }
        let mut writer = Writer { entry: &entry, names: &names.catalog, shipped: &shipped, out: &mut *out, written: 0 };
        let stands = |name: &str| pending.get(name) == Some(&position);
        if !writer.write(&stands).context("writing the export")? {
            *left_out.entry(entry.decision.kind.name()).or_default() += 1;
        }
        Ok(true)
    })?;
    Ok(left_out)
}

/// Writes what one entry goes back to.
struct Writer<'a> {
    entry: &'a Entry,
    names: &'a Catalog,
    /// The reason codes that every journal knows.
    shipped: &'a Catalog,
    out: &'a mut dyn Write,
    written: usize,
}

impl Writer<'_> {
    /// Whether the entry has events, or needs none.
    fn write(&mut self, stands: &dyn Fn(&str) -> bool) -> std::io::Result<bool> {
        let decision = &self.entry.decision;
        let report = decision.effects.iter().find_map(|effect| match effect {
            Effect::UnitReported(report) => Some(&**report),
            _ => None,
        });
        if let Some(report) = report {
            self.unit_report(report)?;
            return Ok(true);
        }
        match decision.kind {
            DecisionKind::UnitPacked | DecisionKind::UnitUnpacked => return Ok(false),
            DecisionKind::ItemAdded | DecisionKind::ItemRemoved | DecisionKind::ReservationFulfilled => {
                self.movements()?;
            }
            DecisionKind::ItemMoved | DecisionKind::StatusChanged | DecisionKind::ShipmentDispatched => {
                self.transfer()?;
            }
            DecisionKind::ShipmentReceived => self.arrivals(EventKind::ShipmentReceived)?,
            DecisionKind::PurchaseOrderReceived => self.arrivals(EventKind::PurchaseOrderReceived)?,
            DecisionKind::PurchaseOrderPlaced => self.order(EventKind::PurchaseOrderPlaced)?,
            DecisionKind::PurchaseOrderCancelled => self.order(EventKind::PurchaseOrderCancelled)?,
            DecisionKind::ItemCounted => self.count()?,
            DecisionKind::ItemAdjusted | DecisionKind::EntryReversed => self.adjustments()?,
            DecisionKind::StockReserved => self.reservation(stands)?,
            DecisionKind::ReservationReleased | DecisionKind::ReservationsExpired => {}
            DecisionKind::ProductDeclared
            | DecisionKind::LocationDeclared
            | DecisionKind::ReasonDeclared
            | DecisionKind::DeviceDeclared
            | DecisionKind::RuleDeclared
            | DecisionKind::RuleWithdrawn
            | DecisionKind::AlertOpened
            | DecisionKind::AlertChanged
            | DecisionKind::AlertResolved
            | DecisionKind::ObservationRecorded
            | DecisionKind::InputHeld
            | DecisionKind::HeldDiscarded => return Ok(false),
        }
        Ok(true)
    }

    /// What moved, by account, in the order of the postings.
    fn moved(&self) -> Vec<(AccountId, Quantity)> {
        let mut sums: Vec<(AccountId, i64)> = Vec::new();
        let movements = self.entry.decision.postings.iter().filter(|posting| posting.role == Role::Movement);
        for posting in movements {
            let delta = posting.delta.micros();
            match sums.iter_mut().find(|(account, _)| *account == posting.account) {
                Some((_, sum)) => *sum = sum.wrapping_add(delta),
                None => sums.push((posting.account, delta)),
            }
        }
        let moved = sums.into_iter().filter(|(_, sum)| *sum != 0);
        moved.map(|(account, sum)| (account, Quantity::from_micros(sum))).collect()
    }

    fn on_hand(&self) -> Vec<(AccountId, Quantity)> {
        let mut moved = self.moved();
        moved.retain(|(account, _)| self.names.account(*account).kind.is_on_hand());
        moved
    }

    fn movements(&mut self) -> std::io::Result<()> {
        for (account, delta) in self.on_hand() {
            let (kind, amount) = match delta.checked_neg() {
                Some(removed) if delta.is_negative() => (EventKind::ItemRemoved, removed),
                _ => (EventKind::ItemAdded, delta),
            };
            self.event(kind, account, amount, |_| {})?;
        }
        Ok(())
    }

    fn transfer(&mut self) -> std::io::Result<()> {
        let moved = self.moved();
        // The side that lost comes first.
        let [(from, lost), (to, gained)] = moved[..] else { return self.adjustments() };
        if lost.checked_neg() != Some(gained) || gained.is_negative() {
            return self.adjustments();
        }
        let names = self.names;
        let target = names.account(to);
        match self.entry.decision.kind {
            DecisionKind::StatusChanged => {
                self.event(EventKind::StatusChanged, from, gained, |event| event.to_status = target.kind.status())
            }
            kind => {
                let path = std::sync::Arc::clone(&names.location(target.location).path);
                let kind = match kind {
                    DecisionKind::ItemMoved => EventKind::ItemMoved,
                    _ => EventKind::ShipmentDispatched,
                };
                self.event_to(kind, from, gained, &path)
            }
        }
    }

    fn arrivals(&mut self, kind: EventKind) -> std::io::Result<()> {
        for (account, delta) in self.on_hand() {
            self.event(kind, account, delta, |_| {})?;
        }
        Ok(())
    }

    fn order(&mut self, kind: EventKind) -> std::io::Result<()> {
        let ordered = self.moved();
        let on_order =
            |(account, _): &&(AccountId, Quantity)| self.names.account(*account).kind == AccountKind::OnOrder;
        let Some(&(account, delta)) = ordered.iter().find(on_order) else { return Ok(()) };
        let amount = delta.checked_neg().filter(|_| delta.is_negative()).unwrap_or(delta);
        self.event(kind, account, amount, |_| {})
    }

    fn count(&mut self) -> std::io::Result<()> {
        let decision = &self.entry.decision;
        let counted = decision.effects.iter().find_map(|effect| match effect {
            Effect::Counted(counted) => Some((counted.account, counted.quantity)),
            _ => None,
        });
        match counted {
            Some((account, quantity)) => self.event(EventKind::ItemCounted, account, quantity, |_| {}),
            // Units counted by their serials move one by one.
            None => self.adjustments(),
        }
    }

    /// What a correction by hand would have done: movements where they were posted; a withdrawn count, which posted no
    /// movement, when it was withdrawn.
    fn adjustments(&mut self) -> std::io::Result<()> {
        let decision = &self.entry.decision;
        let is_on_hand = |posting: &&Posting| self.names.account(posting.account).kind.is_on_hand();
        let on_hand: Vec<Posting> = decision.postings.iter().filter(is_on_hand).copied().collect();
        let has_movements = on_hand.iter().any(|posting| posting.role == Role::Movement);
        for posting in on_hand.into_iter().filter(|posting| !has_movements || posting.role == Role::Movement) {
            let at = if has_movements { posting.effective_at } else { decision.recorded_at };
            self.request(EventKind::ItemAdjusted, posting.account, posting.delta, at, "", |_| {})?;
        }
        Ok(())
    }

    fn reservation(&mut self, stands: &dyn Fn(&str) -> bool) -> std::io::Result<()> {
        let names = self.names;
        for effect in &self.entry.decision.effects {
            let Effect::Reserved(reservation) = effect else { continue };
            if !stands(&reservation.reservation) {
                continue;
            }
            let line = |line: &ledger::ReservedLine| {
                let key = names.account(line.account);
                ReserveLine {
                    product: (&*names.product(key.product).name).into(),
                    quantity: line.quantity,
                    location: (&*names.location(key.location).path).into(),
                    lot: (&*names.lot(key.lot).name).into(),
                }
            };
            let reserve = Reserve {
                reservation: reservation.reservation.clone(),
                warehouse: (&*names.location(reservation.warehouse).path).into(),
                lines: reservation.lines.iter().map(line).collect(),
                expires_at: reservation.expires_at,
                partial: false,
            };
            let command = Command::Reserve(reserve);
            let decision = &self.entry.decision;
            let request = Request {
                actor: "",
                source: names.party(decision.source),
                id: &self.entry.id,
                key: Key::default(),
                occurred_at: decision.occurred_at,
                historical: false,
                resolves: None,
                body: Body::Command(&command),
            };
            writeln!(self.out, "{}", wire::event::render_event(&request))?;
        }
        Ok(())
    }

    /// What was reported of a handling unit, as it was.
    fn unit_report(&mut self, report: &UnitReport) -> std::io::Result<()> {
        let (decision, names) = (&self.entry.decision, self.names);
        let Some(kind) = EventKind::ALL.into_iter().find(|kind| DecisionKind::of(*kind) == decision.kind) else {
            return Ok(());
        };
        let place = report.place.map_or("", |place| &*names.location(place.location).path);
        let goes = matches!(kind, EventKind::ItemMoved | EventKind::ShipmentDispatched);
        let (location, to) = if goes { ("", place) } else { (place, "") };
        let (mut units, mut serials) = (Vec::new(), Vec::new());
        let mut stock = None;
        for content in &report.contents {
            match *content {
                UnitContent::Unit(unit) => units.push(&**names.unit(unit)),
                UnitContent::Serial { serial, product, lot, status } => {
                    serials.push(&*names.serial(serial).name);
                    stock = Some((product, lot, status, Quantity::units(i64::try_from(serials.len()).unwrap_or(0))));
                }
                UnitContent::Stock { product, lot, status, quantity } => stock = Some((product, lot, status, quantity)),
            }
        }
        let (units, serials) = (units.join("\n"), serials.join("\n"));
        let (product, quantity) =
            stock.map_or(("", Quantity::ZERO), |(product, _, _, quantity)| (&*names.product(product).name, quantity));
        let mut event = Event::new(kind, product, location, quantity);
        if let Some((_, lot, status, _)) = stock {
            (event.lot, event.status) = (&names.lot(lot).name, status);
        }
        let code = decision.reason.map(|reason| &*names.reason(reason).code).unwrap_or_default();
        event = Event {
            to,
            serials: &serials,
            units: &units,
            handling_unit: names.unit(report.unit),
            to_status: report.status,
            reason: if self.shipped.find_reason(code).is_some() { code } else { "" },
            reference: &report.reference,
            expected_at: decision.effects.iter().find_map(|effect| match effect {
                Effect::Expected(expected) => expected.expected_at,
                _ => None,
            }),
            ..event
        };
        let request = Request {
            actor: "",
            source: names.party(decision.source),
            id: &self.entry.id,
            key: Key::default(),
            occurred_at: decision.occurred_at,
            historical: false,
            resolves: None,
            body: Body::Event(event),
        };
        writeln!(self.out, "{}", wire::event::render_event(&request))
    }

    fn event_to(&mut self, kind: EventKind, account: AccountId, quantity: Quantity, to: &str) -> std::io::Result<()> {
        let at = self.entry.decision.occurred_at;
        self.request(kind, account, quantity, at, to, |_| {})
    }

    fn event(
        &mut self,
        kind: EventKind,
        account: AccountId,
        quantity: Quantity,
        fill: impl FnOnce(&mut Event<'_>),
    ) -> std::io::Result<()> {
        let at = self.entry.decision.occurred_at;
        self.request(kind, account, quantity, at, "", fill)
    }

    fn request(
        &mut self,
        kind: EventKind,
        account: AccountId,
        quantity: Quantity,
        occurred_at: Timestamp,
        to: &str,
        fill: impl FnOnce(&mut Event<'_>),
    ) -> std::io::Result<()> {
        let (decision, names) = (&self.entry.decision, self.names);
        let key = names.account(account);
        let (product, location) = (names.product(key.product), names.location(key.location));
        let mut event = Event::new(kind, &product.name, &location.path, quantity);
        event.to = to;
        event.lot = &names.lot(key.lot).name;
        event.status = key.kind.status().unwrap_or_default();
        event.expiry = decision.effects.iter().find_map(|effect| match effect {
            Effect::LotExpires(lot, day) if *lot == key.lot => Some(*day),
            _ => None,
        });
        event.expected_at = decision.effects.iter().find_map(|effect| match effect {
            Effect::Expected(expected) => expected.expected_at,
            _ => None,
        });
        event.reference = decision.reference.as_deref().unwrap_or_default();
        // A reason that the other directory may not know is not worth losing the event for.
        let code = decision.reason.map(|reason| &*names.reason(reason).code).unwrap_or_default();
        let code = if self.shipped.find_reason(code).is_some() { code } else { "" };
        event.reason = if code.is_empty() && kind == EventKind::ItemAdjusted { "correction" } else { code };
        let serials = self.serials(quantity);
        event.serials = &serials;
        fill(&mut event);
        // One entry may go back to several events; only the first can have its id.
        let id = match (self.written, &*self.entry.id) {
            (0, id) | (_, id @ "") => id.to_owned(),
            (before, id) => format!("{id}~{}", before + 1),
        };
        self.written += 1;
        let request = Request {
            actor: "",
            source: names.party(decision.source),
            id: &id,
            key: Key::default(),
            occurred_at,
            historical: false,
            resolves: None,
            body: Body::Event(event),
        };
        writeln!(self.out, "{}", wire::event::render_event(&request))
    }

    /// The serials that the entry sighted, if they are those of one event of this quantity.
    fn serials(&self, quantity: Quantity) -> String {
        let sighted = self.entry.decision.effects.iter().filter_map(|effect| match effect {
            Effect::Sighted(sighted) => Some(&*self.names.serial(sighted.serial).name),
            _ => None,
        });
        let serials: Vec<&str> = sighted.collect();
        let count = i64::try_from(serials.len()).unwrap_or(i64::MAX);
        if Quantity::from_micros(count.saturating_mul(1_000_000)) == quantity {
            serials.join("\n")
        } else {
            String::new()
        }
    }
}
