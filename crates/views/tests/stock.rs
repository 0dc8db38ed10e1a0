//! What stock lists show, by example.

mod world;

use ledger::*;
use views::{Availability, Changes, GroupBy, InvalidCursor, LocationQuery, ProductQuery, StockItem, StockQuery};
use world::{DAY, World, units};

fn list(world: &World, query: StockQuery<'_>) -> Vec<StockItem> {
    world.views.stock(&query).expect("no cursor").items
}

/// `product@place lot status: on hand/available` of each item.
fn shown(items: &[StockItem]) -> Vec<String> {
    let line = |item: &StockItem| {
        let mut text = format!("{}@{}", item.product, item.location.as_ref().unwrap_or(&item.warehouse));
        for part in [item.lot.as_deref(), item.status.map(Status::name)].into_iter().flatten() {
            text.push(' ');
            text.push_str(part);
        }
        format!("{text}: {}/{}", item.figures.on_hand, item.figures.available)
    };
    items.iter().map(line).collect()
}

#[test]
fn the_first_event_ever_shows_what_it_took() {
    let mut world = World::default();
    world.remove("SKU123", "warehouse_A", 5);
    let item = world.views.stock_of("SKU123", "warehouse_A").expect("both names are known");
    assert_eq!((item.figures.on_hand, item.figures.available, item.figures.reserved), (units(-5), units(-5), units(0)));
    assert_eq!(item.last_updated, Some(world.now));
    assert!(!item.is_product_verified && !item.is_location_verified);
    assert!(item.asks_for_recount());
    assert_eq!(item.discrepancies.iter().collect::<Vec<_>>(), ["negative_on_hand"]);
}

#[test]
fn stock_is_listed_by_warehouse_location_or_key() {
    let mut world = World::default();
    world.add("tea", "A/1", 5);
    world.add("tea", "A/1/x", 1);
    world.event(Event { lot: "L1", ..Event::new(EventKind::ItemAdded, "tea", "A/1", units(2)) });
    world.event(Event { status: Status::Damaged, ..Event::new(EventKind::ItemAdded, "tea", "A/1", units(3)) });
    world.add("tea", "B", 7);
    world.add("milk", "B", 1);
    world.reserve("r", "tea", "A", units(4)).expect("eight are free");
    let by = |group_by| StockQuery { group_by, ..StockQuery::default() };
    assert_eq!(shown(&list(&world, by(GroupBy::Warehouse))), ["milk@B: 1/1", "tea@A: 11/4", "tea@B: 7/7"]);
    let locations = ["milk@B: 1/1", "tea@A/1: 10/3", "tea@A/1/x: 1/1", "tea@B: 7/7"];
    assert_eq!(shown(&list(&world, by(GroupBy::Location))), locations);
    let keys = [
        "milk@B available: 1/1",
        "tea@A/1 available: 5/1",
        "tea@A/1 damaged: 3/0",
        "tea@A/1 L1 available: 2/2",
        "tea@A/1/x available: 1/1",
        "tea@B available: 7/7",
    ];
    assert_eq!(shown(&list(&world, by(GroupBy::Lot))), keys);
    let damaged = StockQuery { status: Some(Status::Damaged), ..StockQuery::default() };
    assert_eq!(shown(&list(&world, damaged)), ["tea@A damaged: 3/0"]);
    let shelf = StockQuery { location: Some("A/1"), lot: Some("L1"), ..StockQuery::default() };
    assert_eq!(shown(&list(&world, shelf)), ["tea@A: 2/2"]);
}

#[test]
fn a_product_that_never_was_in_a_warehouse_shows_only_when_asked_for() {
    let mut world = World::default();
    world.add("tea", "A", 5);
    world.add("milk", "B", 5);
    let in_b = |product| StockQuery { product, warehouse: Some("B"), ..StockQuery::default() };
    assert_eq!(shown(&list(&world, in_b(None))), ["milk@B: 5/5"]);
    let asked = list(&world, in_b(Some("tea")));
    assert_eq!(shown(&asked), ["tea@B: 0/0"]);
    assert_eq!(asked[0].last_updated, None);
    assert_eq!(world.views.stock_of("tea", "B"), Some(asked[0].clone()));
    assert_eq!(world.views.stock_of("tea", "C"), None);
    assert_eq!(world.views.stock_of("coal", "B"), None);
    let nowhere = StockQuery { warehouse: Some("C"), ..StockQuery::default() };
    assert!(list(&world, nowhere).is_empty());
}

#[test]
fn what_is_on_order_and_on_its_way_shows_with_the_warehouse() {
    let mut world = World::default();
    let place = Event::new(EventKind::PurchaseOrderPlaced, "tea", "A", units(20));
    world.event(Event { reference: "PO-1", ..place });
    world.event(Event { kind: EventKind::PurchaseOrderReceived, quantity: units(8), reference: "PO-1", ..place });
    world.event(Event { to: "B", ..Event::new(EventKind::ShipmentDispatched, "tea", "A", units(3)) });
    let figures = |warehouse| {
        let figures = world.views.stock_of("tea", warehouse).expect("known").figures;
        [figures.on_hand, figures.in_transit, figures.on_order]
    };
    assert_eq!(figures("A"), [units(5), units(0), units(12)]);
    assert_eq!(figures("B"), [units(0), units(3), units(0)]);
}

#[test]
fn sums_past_what_a_quantity_holds_stay_at_the_end() {
    let mut world = World::default();
    let (first, second) = (("A/1", ""), ("A/2", "found"));
    for (bin, reason) in [first, second] {
        world.event(Event { reason, ..Event::new(EventKind::ItemAdded, "sand", bin, Quantity::MAX) });
    }
    assert_eq!(world.views.stock_of("sand", "A").expect("known").figures.on_hand, Quantity::MAX);
    let lost = Event::new(EventKind::ItemRemoved, "sand", "A/2", Quantity::MAX);
    world.event(Event { reason: "lost", ..lost });
    world.remove("sand", "A/1", 1);
    let left = Quantity::from_micros(i64::MAX - 1_000_000);
    assert_eq!(world.views.stock_of("sand", "A").expect("known").figures.on_hand, left);
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let mut world = World::default();
    for bin in ["A/1", "A/2", "A/3"] {
        world.add("tea", bin, 5);
    }
    let query = StockQuery { group_by: GroupBy::Location, limit: 1, ..StockQuery::default() };
    let next = world.views.stock(&query).expect("no cursor").next.expect("three bins");
    let by_lot = StockQuery { group_by: GroupBy::Lot, cursor: Some(&next), ..StockQuery::default() };
    assert_eq!(world.views.stock(&by_lot), Err(InvalidCursor));
    for cursor in ["l0-0-ffff", "lffff-0-0", "l0", "?"] {
        let query = StockQuery { cursor: Some(cursor), ..query };
        assert_eq!(world.views.stock(&query), Err(InvalidCursor), "{cursor}");
    }
}

#[test]
fn master_data_says_what_was_declared() {
    let mut world = World::default();
    world.add("tea", "A/1", 5);
    world.add("milk", "A-2/1", 5);
    world
        .command(&Command::DeclareProduct(Box::new(ProductCard {
            product: "tea".into(),
            name: "Earl Grey".into(),
            base_unit: "bag".into(),
            ..ProductCard::default()
        })))
        .expect_err("stock of it is kept in 'each'");
    let card = ProductCard { product: "tea".into(), name: "Earl Grey".into(), ..ProductCard::default() };
    world.command(&Command::DeclareProduct(Box::new(card))).expect("a card");
    let card = LocationCard { location: "A".into(), region: "north".into(), ..LocationCard::default() };
    world.command(&Command::DeclareLocation(Box::new(card))).expect("a card");
    let products = |query: ProductQuery<'_>| {
        let page = world.views.products(&query).expect("no cursor");
        page.items.iter().map(|item| item.product.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(products(ProductQuery { is_verified: Some(false), ..Default::default() }), ["milk"]);
    assert_eq!(products(ProductQuery { search: Some("GREY"), ..Default::default() }), ["tea"]);
    let locations = |query: LocationQuery<'_>| {
        let page = world.views.locations(&query).expect("no cursor");
        page.items.iter().map(|item| item.location.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(locations(LocationQuery::default()), ["A", "A-2", "A-2/1", "A/1"]);
    assert_eq!(locations(LocationQuery { warehouse: Some("A"), ..Default::default() }), ["A", "A/1"]);
    assert_eq!(locations(LocationQuery { region: Some("north"), ..Default::default() }), ["A", "A/1"]);
    assert_eq!(locations(LocationQuery { is_verified: Some(true), ..Default::default() }), ["A"]);
    let tea = world.views.product("tea").expect("named");
    assert_eq!((&*tea.name, &*tea.base_unit, tea.warehouses), ("Earl Grey", "each", 1));
    let bin = world.views.location("A/1").expect("named");
    assert_eq!((&*bin.warehouse, &*bin.region, bin.is_warehouse), ("A", "north", false));
    assert!(world.views.reasons().iter().any(|reason| &*reason.code == "theft"));
}

/// One line of the availability table: what happened, then available, each step's (days from now, cumulative), overdue.
fn check(name: &str, events: &[Event<'_>], available: i64, steps: &[(i64, i64)], overdue: usize, undated: usize) {
    let mut world = World::default();
    for event in events {
        world.event(*event);
    }
    let answer = world.views.availability("tea", "A", world.now).expect("known");
    assert_eq!(answer.available, units(available), "{name}");
    let days = |at: Timestamp| (at.0 - 1_000 * DAY).div_euclid(DAY);
    let found: Vec<_> = answer.steps.iter().map(|step| (days(step.at), step.cumulative.micros() / 1_000_000)).collect();
    assert_eq!(found, steps, "{name}");
    assert_eq!((answer.overdue.len(), answer.undated.len()), (overdue, undated), "{name}");
    for (day, cumulative) in steps {
        assert_eq!(answer.atp_at(Timestamp((1_001 + day) * DAY - 1)), units(*cumulative), "{name}");
    }
    assert_eq!(answer.atp_at(world.now), units(available), "{name}");
}

#[test]
fn what_can_be_promised_by_date() {
    let on = |days: i64| Some(Timestamp((1_000 + days) * DAY));
    let added = Event::new(EventKind::ItemAdded, "tea", "A/1", units(10));
    let lot = Event { lot: "L1", expiry: Some(Day(1_003)), ..added };
    let ordered = Event {
        reference: "PO-1",
        expected_at: on(5),
        ..Event::new(EventKind::PurchaseOrderPlaced, "tea", "A", units(20))
    };
    let received = Event { quantity: units(8), kind: EventKind::PurchaseOrderReceived, ..ordered };
    let sent = Event { to: "A", expected_at: on(2), ..Event::new(EventKind::ShipmentDispatched, "tea", "B", units(4)) };
    let sold = Event::new(EventKind::ItemRemoved, "tea", "A/1", units(15));
    check("nothing but stock", &[added], 10, &[], 0, 0);
    check("an order", &[added, ordered], 10, &[(5, 30)], 0, 0);
    check("part of the order came", &[added, ordered, received], 18, &[(5, 30)], 0, 0);
    check("a shipment before the order", &[added, ordered, sent], 10, &[(2, 14), (5, 34)], 0, 0);
    check("an overdue order", &[added, Event { expected_at: on(-1), ..ordered }], 10, &[], 1, 0);
    check("an order without a date", &[added, Event { expected_at: None, ..ordered }], 10, &[], 0, 1);
    check("a lot leaves the day after its date", &[added, lot], 20, &[(4, 10)], 0, 0);
    check("a lot past its date", &[added, Event { expiry: Some(Day(999)), ..lot }], 10, &[], 0, 0);
    check("less than nothing is nothing", &[added, sold, ordered], 0, &[(5, 15)], 0, 0);
    check(
        "what came unannounced is of the order",
        &[ordered, Event { reference: "", ..received }],
        8,
        &[(5, 20)],
        0,
        0,
    );
    check("stock elsewhere does not count", &[added, Event { location: "B", ..added }], 10, &[], 0, 0);
}

#[test]
fn reservations_are_commitments_from_now_on() {
    let mut world = World::default();
    world.add("tea", "A", 10);
    world.reserve("r", "tea", "A", units(7)).expect("ten are free");
    let Availability { available, position, .. } = world.views.availability("tea", "A", world.now).expect("known");
    assert_eq!((available, position), (units(3), world.views.position()));
    assert_eq!(world.views.availability("tea", "C", world.now), None);
}

#[test]
fn an_entry_changes_what_it_says() {
    let mut world = World::default();
    let seen = |world: &World, position: Position| {
        let index = usize::try_from(position.0 - 1).expect("few");
        let changes = world.views.changes(position, &world.decisions[index]);
        let place = |(product, warehouse): &(ProductId, LocationId)| {
            let catalog = world.views.catalog();
            format!("{}@{}", catalog.product(*product).name, catalog.location(*warehouse).path)
        };
        let stock: Vec<String> = changes.stock.iter().map(place).collect();
        let Changes { held, tasks, reservations, catalogue, .. } = changes;
        (stock.join(" "), [held, tasks, reservations, catalogue])
    };
    let added = world.add("tea", "A/1", 5);
    assert_eq!(seen(&world, added), ("tea@A".into(), [false, false, false, true]));
    let moved = Event { to: "B", ..Event::new(EventKind::ItemMoved, "tea", "A/1", units(2)) };
    let moved = world.event(moved);
    assert_eq!(seen(&world, moved), ("tea@A tea@B".into(), [false, false, false, true]));
    let reserved = world.reserve("r", "tea", "B", units(2)).expect("two are free");
    assert_eq!(seen(&world, reserved), ("tea@B".into(), [false, false, true, false]));
    let short = world.remove("tea", "B", 1);
    assert_eq!(seen(&world, short), ("tea@B".into(), [false, true, false, false]));
    let released = world.command(&Command::Release { reservation: "r".into() }).expect("pending");
    assert_eq!(seen(&world, released), ("tea@B".into(), [false, true, true, false]));
    let held = world.hold("unreadable", "{");
    assert_eq!(seen(&world, held), (String::new(), [true, false, false, false]));
    let plain = world.remove("tea", "A/1", 1);
    assert_eq!(seen(&world, plain), ("tea@A".into(), [false; 4]));
}
