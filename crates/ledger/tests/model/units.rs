//! Handling units by their definitions: everything that was said, told once more in the order of its times.

use super::{Input, Model, Sighting, StockKey};
use ledger::*;
use std::collections::BTreeMap;

/// A place of ours: a location and whether stock is on hand there or on its way.
type Place = (String, bool);

/// A line in a unit: product, lot, status.
type Line = (String, String, Status);

#[derive(Default)]
struct World {
    places: BTreeMap<String, Option<Place>>,
    parents: BTreeMap<String, String>,
    lines: BTreeMap<(String, Line), i64>,
    /// Of (product, serial).
    holders: BTreeMap<(String, String), String>,
    serials: BTreeMap<(String, String), (Option<StockKey>, Line)>,
}

enum Said {
    Sighting((String, String), Option<StockKey>),
    Unit(Input),
}

pub(super) fn tell(model: &mut Model, sightings: BTreeMap<(String, String), Vec<Sighting>>, units: Vec<Input>) {
    let mut said: Vec<(Timestamp, String, Said)> = units
        .into_iter()
        .map(|input| (Timestamp(input.at), format!("{}@{}", input.id, input.source), Said::Unit(input)))
        .collect();
    for (serial, chain) in sightings {
        said.extend(chain.into_iter().map(|(at, id, place)| (at, id, Said::Sighting(serial.clone(), place))));
    }
    said.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut world = World::default();
    for (at, _, said) in said {
        match said {
            Said::Sighting(serial, place) => world.sight(model, at, serial, place),
            Said::Unit(input) => world.hear(model, at, &input),
        }
    }
}

fn key(place: Option<&Place>, (product, lot, status): &Line) -> Option<StockKey> {
    let (location, on_hand) = place?;
    let kind = if *on_hand { AccountKind::on_hand(*status) } else { AccountKind::InTransit };
    Some((product.clone(), location.clone(), lot.clone(), kind))
}

impl World {
    fn place(&self, unit: &str) -> Option<&Place> {
        self.places.get(unit).and_then(Option::as_ref)
    }

    fn sight(&mut self, model: &mut Model, at: Timestamp, serial: (String, String), place: Option<StockKey>) {
        let known = self.serials.get(&serial).cloned();
        model.transfer(known.clone().and_then(|known| known.0), place.clone(), 1_000_000, at);
        let line = match &place {
            Some((product, _, lot, kind)) => {
                let status = kind.status().or(known.map(|known| known.1.2)).unwrap_or_default();
                (product.clone(), lot.clone(), status)
            }
            None => known.map_or((serial.0.clone(), String::new(), Status::Available), |known| known.1),
        };
        let seen = place.as_ref().map(|key| (key.1.clone(), key.3.is_on_hand()));
        let holder = self.holders.get(&serial).cloned();
        if holder.is_some_and(|unit| self.place(&unit) != seen.as_ref()) {
            self.holders.remove(&serial);
        }
        self.serials.insert(serial, (place, line));
    }

    fn hear(&mut self, model: &mut Model, at: Timestamp, input: &Input) {
        let unit = &input.handling_unit;
        let here = Some((input.location.clone(), true));
        let warehouse = input.to.split('/').next().unwrap_or_default().to_owned();
        match input.kind {
            EventKind::ItemMoved => self.stand(model, at, unit, Some((input.to.clone(), true)), false),
            EventKind::ShipmentDispatched => self.stand(model, at, unit, Some((warehouse, false)), false),
            EventKind::ItemRemoved => self.stand(model, at, unit, None, false),
            EventKind::ItemAdded => self.stand(model, at, unit, here, true),
            _ => self.stand(model, at, unit, here, false),
        }
        match input.kind {
            EventKind::StatusChanged => self.mark(model, at, unit, input.to_status),
            EventKind::UnitPacked | EventKind::UnitUnpacked => self.fill(model, at, input),
            _ => {}
        }
    }

    /// The unit and all in it are at a place; what is packed elsewhere is not in it.
    fn stand(&mut self, model: &mut Model, at: Timestamp, unit: &str, place: Option<Place>, added: bool) {
        if let Some(parent) = self.parents.get(unit)
            && self.places.get(parent) != Some(&place)
        {
            self.parents.remove(unit);
        }
        self.carry(model, at, unit, place.as_ref(), added);
    }

    fn carry(&mut self, model: &mut Model, at: Timestamp, unit: &str, place: Option<&Place>, added: bool) {
        let before = self.places.insert(unit.to_owned(), place.cloned()).flatten();
        for ((_, line), quantity) in self.lines.iter().filter(|((of, _), _)| of == unit) {
            let from = if added { None } else { key(before.as_ref(), line) };
            model.transfer(from, key(place, line), *quantity, at);
        }
        if added || before.as_ref() != place {
            let held = self.holders.iter().filter(|(_, holder)| *holder == unit);
            for (serial, _) in held {
                let (known, line) = self.serials.get_mut(serial).expect("packed serials are known");
                let to = key(place, line);
                model.transfer(known.clone(), to.clone(), 1_000_000, at);
                *known = to;
            }
        }
        for child in self.children(unit) {
            self.carry(model, at, &child, place, added);
        }
    }

    fn children(&self, unit: &str) -> Vec<String> {
        self.parents.iter().filter(|(_, parent)| *parent == unit).map(|(child, _)| child.clone()).collect()
    }

    fn mark(&mut self, model: &mut Model, at: Timestamp, unit: &str, status: Status) {
        let place = self.place(unit).cloned();
        for ((of, line), quantity) in std::mem::take(&mut self.lines) {
            let changed = if of == unit { (line.0.clone(), line.1.clone(), status) } else { line.clone() };
            model.transfer(key(place.as_ref(), &line), key(place.as_ref(), &changed), quantity, at);
            *self.lines.entry((of, changed)).or_default() += quantity;
        }
        for (serial, _) in self.holders.iter().filter(|(_, holder)| *holder == unit) {
            let (known, line) = self.serials.get_mut(serial).expect("packed serials are known");
            line.2 = status;
            if known.is_some() {
                let to = key(place.as_ref(), line);
                model.transfer(known.clone(), to.clone(), 1_000_000, at);
                *known = to;
            }
        }
        for child in self.children(unit) {
            self.mark(model, at, &child, status);
        }
    }

    fn fill(&mut self, model: &mut Model, at: Timestamp, input: &Input) {
        let (unit, packs) = (&input.handling_unit, input.kind == EventKind::UnitPacked);
        let here = Some((input.location.clone(), true));
        if !input.units.is_empty() {
            for child in input.units.split('\n') {
                self.stand(model, at, child, here.clone(), false);
                if packs {
                    self.parents.insert(child.to_owned(), unit.clone());
                } else if self.parents.get(child) == Some(unit) {
                    self.parents.remove(child);
                }
            }
        } else if !input.serials.is_empty() {
            for serial in input.serials.split('\n') {
                let serial = (input.product.clone(), serial.to_owned());
                let line = (input.product.clone(), input.lot.clone(), input.status);
                if packs {
                    let known = self.serials.entry(serial.clone()).or_insert((None, line.clone()));
                    if known.0.is_none() {
                        known.1 = line;
                    }
                    self.holders.insert(serial, unit.clone());
                } else if self.holders.get(&serial) == Some(unit) {
                    self.holders.remove(&serial);
                }
            }
        } else if !input.product.is_empty() {
            let line = (unit.clone(), (input.product.clone(), input.lot.clone(), input.status));
            let held = self.lines.entry(line).or_default();
            *held = if packs { *held + input.quantity } else { (*held - input.quantity).max(0) };
        } else {
            self.lines.retain(|(of, _), _| of != unit);
            self.holders.retain(|_, holder| holder != unit);
            self.parents.retain(|_, parent| parent != unit);
        }
    }
}
