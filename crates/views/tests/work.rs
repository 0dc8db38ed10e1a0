//! What lists of work show, by example: recounts and discrepancies, held inputs, reservations, the last entries.

mod world;

use ledger::*;
use views::{ActivityQuery, DiscrepancyQuery, HeldQuery, HeldState, RecountQuery, ReservationQuery};
use world::{SECOND, World, units};

/// The recount tasks, as `product@location codes`.
fn recounts(world: &World) -> Vec<String> {
    let page = world.views.recounts(&RecountQuery::default()).expect("no cursor");
    let codes = |item: &views::RecountItem| item.discrepancies.iter().collect::<Vec<_>>().join(" ");
    page.items.iter().map(|item| format!("{}@{} {}", item.product, item.location, codes(item))).collect()
}

/// The discrepancies, newest first, as `code state`.
fn discrepancies(world: &World) -> Vec<String> {
    let page = world.views.discrepancies(&DiscrepancyQuery::default()).expect("no cursor");
    let state = |item: &views::DiscrepancyItem| item.closure.map_or("open", |closure| closure.resolution.name());
    page.items.iter().map(|item| format!("{} {}", item.code, state(item))).collect()
}

/// Whatever happened: the recounts and discrepancies that follow.
fn check(name: &str, happen: impl FnOnce(&mut World), tasks: &[&str], shown: &[&str]) {
    let mut world = World::default();
    happen(&mut world);
    assert_eq!(recounts(&world), tasks, "{name}");
    assert_eq!(discrepancies(&world), shown, "{name}");
    let totals = world.views.totals();
    assert_eq!(totals.recount_tasks, tasks.len(), "{name}");
}

#[test]
fn a_shortage_asks_for_a_recount_until_the_books_are_right() {
    let negative = "tea@A negative_on_hand";
    check("sold without stock", |w| _ = w.remove("tea", "A", 5), &[negative], &["negative_on_hand open"]);
    let more = |w: &mut World| {
        w.remove("tea", "A", 5);
        w.remove("tea", "A", 5);
    };
    check("sold again", more, &[negative], &["negative_on_hand open"]);
    let late = |w: &mut World| {
        w.remove("tea", "A", 5);
        w.event_at(w.now.minus(SECOND), Event::new(EventKind::ItemAdded, "tea", "A", units(5)));
    };
    check("a late receipt explains it", late, &[], &["negative_on_hand recovered"]);
    let part = |w: &mut World| {
        w.remove("tea", "A", 5);
        w.add("tea", "A", 4);
    };
    check("a receipt of less does not", part, &[negative], &["negative_on_hand open"]);
    let counted = |w: &mut World| {
        w.remove("tea", "A", 5);
        w.count("tea", "A", 3);
    };
    check("somebody counts", counted, &[], &["count_variance noted", "negative_on_hand counted"]);
    let again = |w: &mut World| {
        w.remove("tea", "A", 5);
        w.add("tea", "A", 6);
        w.remove("tea", "A", 2);
    };
    check("short again", again, &[negative], &["negative_on_hand open", "negative_on_hand recovered"]);
    let reversed = |w: &mut World| {
        let position = w.remove("tea", "A", 5);
        w.reverse(position).expect("a movement can be reversed");
    };
    check("it was a mistake", reversed, &[], &["negative_on_hand recovered"]);
}

#[test]
fn a_dispute_asks_for_a_recount_until_somebody_counts() {
    let unit = |kind, place, to| Event { serials: "s1", to, ..Event::new(kind, "drill", place, units(1)) };
    let elsewhere = move |w: &mut World| {
        w.event(unit(EventKind::ItemAdded, "A/1", ""));
        w.event(unit(EventKind::ItemMoved, "A/2", "A/3"))
    };
    let task = "drill@A/1 serial_elsewhere";
    check("seen elsewhere", |w| _ = elsewhere(w), &[task], &["serial_elsewhere open"]);
    let counted = |w: &mut World| {
        elsewhere(w);
        w.count("drill", "A/1", 0);
    };
    check("where it was believed is counted", counted, &[], &["serial_elsewhere counted"]);
    let old_count = |w: &mut World| {
        elsewhere(w);
        let at = w.now.minus(SECOND);
        w.event_at(at, Event::new(EventKind::ItemCounted, "drill", "A/1", units(1)));
    };
    check("an older count does not settle it", old_count, &[task], &["serial_elsewhere open"]);
    let late = |w: &mut World| {
        w.event(unit(EventKind::ItemAdded, "A/1", ""));
        let seen_at = w.now.plus(SECOND);
        w.now = seen_at.plus(SECOND);
        w.count("drill", "A/1", 1);
        w.event_at(seen_at, unit(EventKind::ItemMoved, "A/2", "A/3"));
    };
    check("counted since, heard of late", late, &[], &["serial_elsewhere counted"]);
    let reversed = |w: &mut World| {
        let position = elsewhere(w);
        w.reverse(position).expect("a move can be reversed");
    };
    check("the sighting was a mistake", reversed, &[], &["serial_elsewhere reversed"]);
    let no_lot = |w: &mut World| {
        w.event(Event { lot: "L1", ..Event::new(EventKind::ItemAdded, "tea", "A", units(5)) });
        w.remove("tea", "A", 1);
    };
    let task = ["tea@A negative_on_hand lot_missing"];
    check("left without its lot", no_lot, &task, &["negative_on_hand open", "lot_missing open"]);
}

#[test]
fn what_is_reserved_short_is_settled_by_stock_release_or_count() {
    let short = |w: &mut World| {
        w.add("tea", "A", 5);
        w.reserve("r", "tea", "A", units(4)).expect("five are free");
        w.remove("tea", "A", 3);
    };
    check("taken from under a reservation", short, &["tea@A reserved_short"], &["reserved_short open"]);
    let refilled = |w: &mut World| {
        short(w);
        w.add("tea", "A", 2);
    };
    check("more came", refilled, &[], &["reserved_short recovered"]);
    let released = |w: &mut World| {
        short(w);
        w.command(&Command::Release { reservation: "r".into() }).expect("pending");
    };
    check("it was released", released, &[], &["reserved_short recovered"]);
    let counted = |w: &mut World| {
        short(w);
        w.count("tea", "A", 2);
    };
    check("somebody counted", counted, &[], &["reserved_short counted"]);
    let mut world = World::default();
    short(&mut world);
    let reservation = world.views.reservation("r").expect("pending");
    assert!(reservation.lines[0].is_short);
}

#[test]
fn what_nobody_can_count_is_no_task() {
    let over = |w: &mut World| {
        let order = Event { reference: "PO-1", ..Event::new(EventKind::PurchaseOrderPlaced, "tea", "A", units(5)) };
        w.event(order);
        w.event(Event { kind: EventKind::PurchaseOrderReceived, quantity: units(7), ..order });
    };
    check("more came than was ordered", over, &[], &["over_receipt open"]);
    let ordered = |w: &mut World| {
        over(w);
        let order = Event::new(EventKind::PurchaseOrderPlaced, "tea", "A", units(2));
        w.event(Event { reference: "PO-1", ..order });
    };
    check("the order was raised", ordered, &[], &["over_receipt recovered"]);
    let dates = |w: &mut World| {
        let lot =
            Event { lot: "L1", expiry: Some(Day(1_003)), ..Event::new(EventKind::ItemAdded, "tea", "A", units(5)) };
        w.event(lot);
        w.event(Event { expiry: Some(Day(1_004)), ..lot });
    };
    check("two dates for one lot", dates, &[], &["expiry_conflict noted"]);
    let variance = |w: &mut World| {
        w.add("tea", "A", 5);
        w.count("tea", "A", 4);
    };
    check("a count finds less", variance, &[], &["count_variance noted"]);
}

#[test]
fn closed_discrepancies_are_bounded() {
    let mut world = World::default();
    for quantity in 0..10_050 {
        world.count("tea", "A", 1 + quantity % 2);
    }
    let (mut shown, mut cursor) = (0, None);
    loop {
        let query = DiscrepancyQuery { limit: 1_000, cursor: cursor.as_deref(), ..DiscrepancyQuery::default() };
        let page = world.views.discrepancies(&query).expect("our own cursor");
        shown += page.items.len();
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(shown, 10_000);
}

#[test]
fn a_held_input_is_open_until_it_is_mended_or_discarded() {
    let mut world = World::default();
    let (first, second) = (world.hold("unreadable", "{"), world.hold("unknown_unit", "[]"));
    assert_eq!(world.views.held_codes(), [("unknown_unit".into(), 1), ("unreadable".into(), 1)]);
    let open = |world: &World, is_closed| -> Vec<Position> {
        let page = world.views.held(&HeldQuery { is_closed, ..HeldQuery::default() }).expect("no cursor");
        page.items.iter().map(|item| item.position).collect()
    };
    assert_eq!(open(&world, false), [second, first]);
    let item = world.views.held_at(first).expect("held");
    assert_eq!((&*item.source, &*item.actor, &*item.input.raw, item.state), ("dock", "anna", "{", HeldState::Open));

    let mut request = world.request(Body::Event(Event::new(EventKind::ItemAdded, "tea", "A", units(1))));
    request.resolves = Some(first);
    assert!(matches!(world.send(&request), Verdict::Accepted(_)));
    let mended = world.state.position();
    let closed_at = world.now;
    assert_eq!(world.views.held_at(first).expect("kept").state, HeldState::Resolved { by: mended, closed_at });

    let by = world.command(&Command::Discard { held: second, reason: "a test".into() }).expect("held");
    let state = HeldState::Discarded { by, closed_at: world.now, reason: "a test".into() };
    assert_eq!(world.views.held_at(second).expect("kept").state, state);
    assert_eq!((open(&world, false), open(&world, true)), (vec![], vec![second, first]));
    assert!(world.views.held_codes().is_empty());
    assert_eq!(world.views.held_at(mended), None);
}

#[test]
fn a_reservation_is_found_by_name_and_state() {
    let mut world = World::default();
    world.event(Event {
        lot: "L1",
        expiry: Some(Day(1_009)),
        ..Event::new(EventKind::ItemAdded, "tea", "A/1", units(3))
    });
    world.add("tea", "A/2", 3);
    let first = world.reserve("one", "tea", "A", units(4)).expect("six are free");
    let second = world.reserve("two", "tea", "A", units(2)).expect("two are free");
    let item = world.views.reservation("one").expect("pending");
    let lines: Vec<_> = item.lines.iter().map(|line| (&*line.location, line.lot.as_deref(), line.quantity)).collect();
    assert_eq!(lines, [("A/1", Some("L1"), units(3)), ("A/2", None, units(1))]);
    let fulfilled = world.command(&Command::Fulfil { reservation: "one".into() }).expect("pending");
    let item = world.views.reservation("one").expect("kept");
    assert_eq!((item.state, item.ended_position), (ReservationState::Fulfilled, Some(fulfilled)));
    let listed = |state| -> Vec<Position> {
        let page = world.views.reservations(&ReservationQuery { state, ..ReservationQuery::default() });
        page.expect("no cursor").items.iter().map(|item| item.position).collect()
    };
    assert_eq!(listed(None), [second, first]);
    assert_eq!(listed(Some(ReservationState::Pending)), [second]);
    assert_eq!(listed(Some(ReservationState::Fulfilled)), [first]);
    assert_eq!(listed(Some(ReservationState::Expired)), []);
    assert_eq!(world.views.reservation("three"), None);
    assert_eq!(world.views.totals().reservations, 1);
}

#[test]
fn the_last_entries_say_what_moved() {
    let mut world = World::default();
    world.add("tea", "A/1", 5);
    world.event(Event { to: "B", reason: "found", ..Event::new(EventKind::ItemMoved, "tea", "A/1", units(2)) });
    world.count("tea", "B", 2);
    let late = world.now.minus(5 * SECOND);
    world.event_at(late, Event::new(EventKind::ItemRemoved, "tea", "B", units(1)));
    world.event(Event { reference: "PO-1", ..Event::new(EventKind::PurchaseOrderPlaced, "tea", "A", units(9)) });
    world.hold("unreadable", "{");
    let shown = |query: ActivityQuery<'_>| -> Vec<String> {
        let page = world.views.activity(&query).expect("no cursor");
        let line = |item: &views::ActivityItem| {
            let place = [item.location.as_deref(), item.to.as_deref()].into_iter().flatten().collect::<Vec<_>>();
            format!("{} {} {}", item.kind.name(), place.join(">"), item.delta)
        };
        page.items.iter().map(line).collect()
    };
    let all = [
        "input_held  0",
        "purchase_order_placed A 9",
        "item_removed B -1",
        "item_counted B 0",
        "item_moved A/1>B -2",
        "item_added A/1 5",
    ];
    assert_eq!(shown(ActivityQuery::default()), all);
    assert_eq!(shown(ActivityQuery { warehouse: Some("B"), ..ActivityQuery::default() }), all[2..5]);
    assert_eq!(shown(ActivityQuery { product: Some("tea"), limit: 1, ..ActivityQuery::default() }), all[1..2]);
}
