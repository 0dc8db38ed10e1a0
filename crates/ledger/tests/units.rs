//! Handling units: what moves with them, what leaves them, and what cannot be.

use ledger::*;

struct Yard {
    state: State,
    count: u64,
}

const fn on(kind: EventKind, unit: &'static str, location: &'static str) -> Event<'static> {
    Event { handling_unit: unit, ..Event::new(kind, "", location, Quantity::ZERO) }
}

fn packed(unit: &'static str, units: &'static str) -> Event<'static> {
    Event { units, ..on(EventKind::UnitPacked, unit, "A") }
}

impl Yard {
    fn new() -> Self {
        Self { state: State::new(1), count: 0 }
    }

    fn say(&mut self, at: i64, event: Event<'_>) -> Verdict {
        self.count += 1;
        let key = Key { id: u128::from(self.count) << 64 | u128::from(self.count), content: self.count };
        let id = format!("e{:05}", self.count);
        let request = Request {
            actor: "a",
            source: "s",
            id: &id,
            key,
            occurred_at: Timestamp(at),
            historical: false,
            resolves: None,
            body: Body::Event(event),
        };
        let verdict = self.state.decide(&request, Timestamp(1_000_000), &Limits::default());
        if let Verdict::Accepted(decision) = &verdict {
            self.state.apply(decision);
        }
        verdict
    }

    fn tell(&mut self, at: i64, event: Event<'_>) -> Decision {
        match self.say(at, event) {
            Verdict::Accepted(decision) => decision,
            other => panic!("{event:?} is taken, not {other:?}"),
        }
    }

    fn stock(&self, location: &str) -> i64 {
        let catalog = self.state.catalog();
        let here = |key: &AccountKey| key.kind.is_on_hand() && &*catalog.location(key.location).path == location;
        let ids = catalog.accounts().filter(|(_, key)| here(key)).map(|(id, _)| id);
        ids.map(|id| self.state.balance(id).micros()).sum::<i64>() / 1_000_000
    }
}

fn stocked() -> Yard {
    let mut yard = Yard::new();
    yard.tell(0, Event::new(EventKind::ItemAdded, "P", "A", Quantity::units(10)));
    yard.tell(1, Event { handling_unit: "case", ..Event::new(EventKind::UnitPacked, "P", "A", Quantity::units(6)) });
    yard.tell(2, packed("pallet", "case"));
    yard
}

#[test]
fn a_pallet_takes_along_what_is_in_its_cases() {
    let mut yard = stocked();
    let moved = yard.tell(3, Event { to: "B", ..on(EventKind::ItemMoved, "pallet", "A") });
    assert_eq!((yard.stock("A"), yard.stock("B")), (4, 6));
    assert_eq!(moved.postings.len(), 2);
    yard.tell(4, on(EventKind::UnitUnpacked, "pallet", "B"));
    yard.tell(5, Event { to: "C", ..on(EventKind::ItemMoved, "pallet", "") });
    assert_eq!((yard.stock("B"), yard.stock("C")), (6, 0), "the case was taken off before");
    yard.tell(6, on(EventKind::ItemRemoved, "case", ""));
    assert_eq!(yard.stock("B"), 0);
}

#[test]
fn what_is_packed_late_follows_the_move_after_its_time() {
    let mut yard = stocked();
    yard.tell(5, Event { to: "B", ..on(EventKind::ItemMoved, "pallet", "A") });
    let late = Event { handling_unit: "pallet", ..Event::new(EventKind::UnitPacked, "P", "A", Quantity::units(3)) };
    yard.tell(4, late);
    assert_eq!((yard.stock("A"), yard.stock("B")), (1, 9));
    yard.tell(3, on(EventKind::UnitUnpacked, "pallet", "A"));
    assert_eq!((yard.stock("A"), yard.stock("B")), (7, 3), "the case was off the pallet before it moved");
}

#[test]
fn a_unit_is_in_one_other_at_a_time_and_never_in_itself() {
    let mut yard = stocked();
    let elsewhere = yard.tell(3, packed("other", "case"));
    let code = |decision: &Decision| decision.discrepancies.iter().map(Discrepancy::code).collect::<Vec<_>>();
    assert_eq!(code(&elsewhere), ["unit_in_another"]);
    yard.tell(4, packed("pallet", "other"));
    let refused = Verdict::Unusable(Rejection::UnitCycle { unit: "case".into() });
    assert_eq!(yard.say(5, packed("case", "pallet")), refused);
    assert!(matches!(yard.say(5, packed("case", "case")), Verdict::Unusable(Rejection::UnitCycle { .. })));
}

#[test]
fn units_are_bounded_in_depth_and_content() {
    let mut yard = Yard::new();
    let names = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"];
    for pair in names.windows(2).take(7) {
        yard.tell(1, packed(pair[0], pair[1]));
    }
    assert_eq!(yard.say(1, packed("u7", "u8")), Verdict::Unusable(Rejection::UnitTooDeep { max: 8 }));
    let many: Vec<String> = (0..5_001).map(|number| format!("c{number}")).collect();
    let (most, all) = (many[..4_990].join("\n"), many.join("\n"));
    let full = |units| Event { units, ..on(EventKind::UnitPacked, "u0", "A") };
    assert_eq!(yard.say(2, full(&all)), Verdict::Unusable(Rejection::UnitTooFull { max: 5_000 }));
    yard.tell(2, full(&most));
    let counted = yard.say(3, on(EventKind::ItemCounted, "u0", "A"));
    assert_eq!(counted, Verdict::Unusable(Rejection::UnitNotTaken));
}

#[test]
fn a_serial_that_is_seen_elsewhere_has_left_its_unit() {
    let mut yard = Yard::new();
    let one = |kind, location| Event { serials: "s1", ..Event::new(kind, "P", location, Quantity::units(1)) };
    yard.tell(0, one(EventKind::ItemAdded, "A"));
    yard.tell(1, Event { handling_unit: "case", ..one(EventKind::UnitPacked, "A") });
    yard.tell(5, Event { to: "B", ..on(EventKind::ItemMoved, "case", "A") });
    assert_eq!((yard.stock("A"), yard.stock("B")), (0, 1));
    yard.tell(3, Event { to: "D", ..one(EventKind::ItemMoved, "A") });
    assert_eq!((yard.stock("A"), yard.stock("B"), yard.stock("D")), (0, 0, 1), "it was gone when the case moved");
}

#[test]
fn a_long_history_is_folded_and_keeps_every_later_figure() {
    let mut yard = stocked();
    let one = |kind, location| Event { serials: "s1", ..Event::new(kind, "Q", location, Quantity::units(1)) };
    yard.tell(3, one(EventKind::ItemAdded, "A"));
    yard.tell(4, Event { handling_unit: "case", ..one(EventKind::UnitPacked, "A") });
    let mut folds = 0;
    for round in 0..1_500_i64 {
        let to = if round % 2 == 0 { "B" } else { "A" };
        let moved = yard.tell(10 + round, Event { to, ..on(EventKind::ItemMoved, "pallet", "") });
        folds += moved.effects.iter().filter(|effect| matches!(effect, Effect::UnitsFolded { .. })).count();
        assert_eq!(yard.stock(to), if to == "B" { 7 } else { 11 });
    }
    assert!(folds > 0);
    let before = yard.say(5, Event { to: "C", ..on(EventKind::ItemMoved, "case", "") });
    assert!(matches!(before, Verdict::Unusable(Rejection::BeforeHistory { .. })), "{before:?}");
    yard.tell(1_400, Event { to: "C", ..on(EventKind::ItemMoved, "case", "") });
    assert_eq!((yard.stock("A"), yard.stock("B"), yard.stock("C")), (4, 0, 7), "the case left the pallet then");
    let mut image = Vec::new();
    yard.state.save(&mut image);
    let loaded = State::load(&mut &*image).expect("an image just saved loads");
    let mut again = Vec::new();
    loaded.save(&mut again);
    assert!(again == image);
}
