//! The laws of the views, each by its name, over worlds in which everything collides all the time.

mod world;

use ledger::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use views::{
    ActivityQuery, AlertItem, AlertOrder, AlertOwner, AlertQuery, AlertState, DiscrepancyQuery, ExpectedQuery, GroupBy,
    HeldQuery, LocationQuery, Page, ProductQuery, RecountQuery, ReservationQuery, StockItem, StockQuery, Views,
    WarehouseQuery,
};
use world::{Dice, World, image};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn views_agree_with_the_ledger(seed: u64, steps in 0usize..400) {
        let world = World::grown(seed, steps);
        let (state, views) = (&world.state, &world.views);
        for (account, key) in state.catalog().accounts() {
            prop_assert_eq!(views.balance(account), state.balance(account), "{:?}", key);
            prop_assert_eq!(views.reserved(account), state.reserved(account), "{:?}", key);
        }
        assert_expected_agrees(state, views);
        let pending = all(|cursor| {
            views.reservations(&ReservationQuery { state: Some(ReservationState::Pending), cursor, ..Default::default() })
        });
        for item in &pending {
            let reservation = state.reservation(&item.reservation).expect("pending in the ledger");
            let quantities = |lines: &[ReservedLine]| lines.iter().map(|line| line.quantity).collect::<Vec<_>>();
            prop_assert_eq!(item.lines.iter().map(|line| line.quantity).collect::<Vec<_>>(), quantities(&reservation.lines));
            prop_assert_eq!(item.expires_at, reservation.expires_at);
        }
        let reserved = pending.iter().flat_map(|item| &item.lines).map(|line| line.quantity.micros()).sum::<i64>();
        let all_reserved = state.catalog().accounts().map(|(id, _)| state.reserved(id).micros()).sum::<i64>();
        prop_assert_eq!(reserved, all_reserved);
        prop_assert_eq!((views.position(), views.recorded_at()), (state.position(), state.recorded_at()));
    }

    #[test]
    fn sums_are_the_sums_of_levels(seed: u64, steps in 0usize..400) {
        let World { state, views, .. } = World::grown(seed, steps);
        let (mut warehouses, mut keys) = (BTreeMap::new(), BTreeMap::new());
        for item in stock(&views, GroupBy::Warehouse, 1_000) {
            let place = (item.product.clone(), item.warehouse.clone());
            prop_assert_eq!(figures(&item), naive(&state, &place.0, &place.1, ""), "{:?}", place);
            prop_assert_eq!(views.stock_of(&place.0, &place.1), Some(item.clone()));
            *warehouses.entry(place.1.clone()).or_insert(0) += item.figures.on_hand.micros();
        }
        for item in stock(&views, GroupBy::Location, 1_000) {
            let location = item.location.clone().expect("by location");
            let [on_hand, available, reserved, ..] = naive(&state, &item.product, &item.warehouse, &location);
            prop_assert_eq!(figures(&item), [on_hand, available, reserved, 0, 0]);
        }
        for item in stock(&views, GroupBy::Lot, 1_000) {
            let (negative, zero) = keys.entry(item.warehouse.clone()).or_insert((0, 0));
            *negative += u32::from(item.figures.on_hand.is_negative());
            *zero += u32::from(item.figures.on_hand.is_zero());
        }
        for item in all(|cursor| views.warehouses(&WarehouseQuery { cursor, ..Default::default() })) {
            let (negative, zero) = keys.get(&item.warehouse).copied().unwrap_or_default();
            prop_assert_eq!((item.negative_keys, item.zero_keys), (negative, zero), "{}", item.warehouse);
            let on_hand = warehouses.get(&item.warehouse).copied().unwrap_or_default();
            prop_assert_eq!(item.figures.on_hand.micros(), on_hand);
            let query = RecountQuery { warehouse: Some(&item.warehouse), limit: 1_000, ..Default::default() };
            prop_assert_eq!(views.recounts(&query).expect("no cursor").items.len(), item.recount_tasks as usize);
        }
    }

    #[test]
    fn what_balances_show_is_open_just_as_long(seed: u64, steps in 0usize..400) {
        let World { state, views, .. } = World::grown(seed, steps);
        let mut open: BTreeMap<AccountId, Vec<&str>> = BTreeMap::new();
        let items = all(|cursor| {
            views.discrepancies(&DiscrepancyQuery { is_open: Some(true), cursor, ..Default::default() })
        });
        for item in items {
            open.entry(item.account.expect("open ones are about an account")).or_default().push(item.code);
        }
        for (account, key) in state.catalog().accounts() {
            let codes = open.remove(&account).unwrap_or_default();
            let is_negative = state.balance(account).is_negative();
            let shown = match key.kind {
                AccountKind::InTransit | AccountKind::OnOrder => "over_receipt",
                _ => "negative_on_hand",
            };
            let can_show = key.kind.is_on_hand() || shown == "over_receipt";
            prop_assert_eq!(codes.contains(&shown), is_negative && can_show, "{:?} {:?}", key, &codes);
            if codes.contains(&"reserved_short") {
                prop_assert!(state.reserved(account) > state.balance(account));
            }
        }
    }

    #[test]
    fn replay_equals_live(seed: u64, steps in 0usize..400) {
        let world = World::grown(seed, steps);
        let (mut replayed, mut together) = (Views::new(7), Views::new(7));
        for (position, decision) in (1..).map(Position).zip(&world.decisions) {
            replayed.apply(position, decision);
        }
        together.apply_all(Position(1), &world.decisions);
        prop_assert!(image(&replayed) == world.image());
        prop_assert!(image(&together) == world.image());
    }

    #[test]
    fn snapshot_plus_tail_equals_replay(seed: u64, before in 0usize..300, after in 0usize..200) {
        let mut world = World::grown(seed, before);
        let saved = world.image();
        let mut rest = &*saved;
        let mut loaded = Views::load(&mut rest).expect("an image just saved loads");
        prop_assert!(rest.is_empty());
        prop_assert!(image(&loaded) == saved);
        assert_same_answers(&loaded, &world.views);
        let (mut dice, tail) = (Dice(seed ^ 1), world.decisions.len());
        (0..after).for_each(|_| world.step(&mut dice));
        loaded.apply_all(loaded.position().next(), &world.decisions[tail..]);
        prop_assert!(image(&loaded) == world.image());
        assert_same_answers(&loaded, &world.views);
    }

    #[test]
    fn load_of_garbage_never_panics(seed: u64, steps in 0usize..80, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut in any::<prop::sample::Index>()) {
        let mut saved = World::grown(seed, steps).image();
        saved.truncate(cut.index(saved.len()) + 1);
        for (at, bits) in flips {
            let at = at.index(saved.len());
            saved[at] ^= bits;
        }
        if let Ok(loaded) = Views::load(&mut &*saved) {
            assert_same_answers(&loaded, &loaded);
        }
    }

    #[test]
    fn pages_cover_everything_once(seed: u64, steps in 0usize..300, limit in 1usize..8) {
        let views = World::grown(seed, steps).views;
        for group_by in [GroupBy::Warehouse, GroupBy::Location, GroupBy::Lot] {
            prop_assert_eq!(stock(&views, group_by, limit), stock(&views, group_by, 1_000));
        }
        macro_rules! check {
            ($list:ident, $query:ident) => {
                let by = |limit| all(|cursor| views.$list(&$query { limit, cursor, ..Default::default() }));
                prop_assert_eq!(by(limit), by(1_000));
            };
        }
        check!(products, ProductQuery);
        check!(locations, LocationQuery);
        check!(warehouses, WarehouseQuery);
        check!(expected, ExpectedQuery);
        check!(reservations, ReservationQuery);
        check!(held, HeldQuery);
        check!(recounts, RecountQuery);
        check!(discrepancies, DiscrepancyQuery);
        check!(activity, ActivityQuery);
        check!(alerts, AlertQuery);
        let gravest = |limit| all(|cursor| views.alerts(&AlertQuery { order: AlertOrder::Severity, limit, cursor, ..Default::default() }));
        prop_assert_eq!(gravest(limit), gravest(1_000));
    }

    /// The open alerts are the ledger's, in both orders; the counts are those of the lists.
    #[test]
    fn alerts_agree_with_the_ledger(seed: u64, steps in 0usize..400, limit in 1usize..8) {
        let World { state, views, .. } = World::grown(seed, steps);
        let list = |query: AlertQuery<'_>| all(|cursor| views.alerts(&AlertQuery { limit, cursor, ..query }));
        let active = list(AlertQuery { states: &AlertState::ALL[..3], ..Default::default() });
        let newest: Vec<Position> = active.iter().map(|item| item.position).collect();
        let mut expect: Vec<Position> = state.alerts().iter().map(|(position, _)| position).collect();
        expect.reverse();
        prop_assert_eq!(&newest, &expect);
        for item in &active {
            let open = state.alerts().get(item.position).expect("open in the ledger");
            prop_assert_eq!((open.opened_at, open.level, &open.alert.owner), (item.opened_at, item.level, &item.owner));
            prop_assert_eq!(views.alert(item.position), Some(item.clone()));
        }
        let gravest = list(AlertQuery { order: AlertOrder::Severity, ..Default::default() });
        prop_assert!(gravest.is_sorted_by_key(|item| (std::cmp::Reverse(item.alert.severity), item.position)));
        let every = list(AlertQuery::default());
        prop_assert!(every.is_sorted_by(|one, other| one.position > other.position));
        prop_assert_eq!(gravest.len(), every.len());
        let counts = views.alert_counts();
        for (alert_state, severity) in AlertState::ALL[..3].iter().flat_map(|s| Severity::ALL.map(|v| (*s, v))) {
            let has = |item: &&AlertItem| item.state == alert_state && item.alert.severity == severity;
            prop_assert_eq!(counts.of(alert_state, severity), active.iter().filter(has).count());
        }
        prop_assert_eq!(counts.active(), active.len());
        prop_assert_eq!(views.alert_conditions().iter().map(|(_, count)| count).sum::<usize>(), active.len());
        let check = |query: AlertQuery<'_>, holds: &dyn Fn(&AlertItem) -> bool| {
            let expect: Vec<AlertItem> = every.iter().filter(|item| holds(item)).cloned().collect();
            assert_eq!(list(query), expect, "{query:?}");
        };
        let any = AlertQuery::default();
        check(AlertQuery { condition: Some("expiring"), ..any }, &|item| &*item.alert.condition == "expiring");
        check(AlertQuery { severity_min: Some(Severity::Warning), ..any }, &|item| item.alert.severity >= Severity::Warning);
        check(AlertQuery { owner: Some(AlertOwner::Named("ben")), ..any }, &|item| &*item.owner == "ben");
        check(AlertQuery { owner: Some(AlertOwner::Nobody), ..any }, &|item| item.owner.is_empty());
        check(AlertQuery { text: Some("TEA-"), ..any }, &|item| &*item.alert.subject.product == "tea-2");
        check(AlertQuery { location: Some("A/1"), ..any }, &|item| {
            let path = &*item.alert.subject.location;
            path == "A/1" || path.starts_with("A/1/")
        });
        let whole = views.alert_statistics(Timestamp::MIN, Timestamp::MAX);
        prop_assert_eq!((whole.all.opened, whole.all.active), (every.len(), active.len()));
        prop_assert_eq!(whole.conditions.iter().map(|one| one.resolved.count).sum::<usize>(), every.len() - active.len());
        prop_assert_eq!(whole.days.iter().map(|(_, count)| count).sum::<usize>(), every.len());
    }


    #[test]
    fn filters_leave_out_what_they_say(seed: u64, steps in 0usize..300, limit in 1usize..8) {
        let views = World::grown(seed, steps).views;
        let keys = stock(&views, GroupBy::Lot, 1_000);
        let check = |query: StockQuery<'_>, holds: &dyn Fn(&StockItem) -> bool| {
            let query = StockQuery { group_by: GroupBy::Lot, limit, ..query };
            let found = all(|cursor| views.stock(&StockQuery { cursor, ..query }));
            let expect: Vec<StockItem> = keys.iter().filter(|item| holds(item)).cloned().collect();
            assert_eq!(found, expect, "{query:?}");
        };
        let any = StockQuery::default();
        check(StockQuery { product: Some("tea"), ..any }, &|item| &*item.product == "tea");
        check(StockQuery { warehouse: Some("A"), ..any }, &|item| &*item.warehouse == "A");
        check(StockQuery { location: Some("A/1"), ..any }, &|item| {
            item.location.as_deref().is_some_and(|path| path == "A/1" || path.starts_with("A/1/"))
        });
        check(StockQuery { lot: Some("L1"), ..any }, &|item| item.lot.as_deref() == Some("L1"));
        check(StockQuery { lot: Some(""), ..any }, &|item| item.lot.is_none());
        check(StockQuery { status: Some(Status::Damaged), ..any }, &|item| item.status == Some(Status::Damaged));
        check(StockQuery { search: Some("TEA"), ..any }, &|item| item.product.contains("tea"));
        check(StockQuery { search: Some("äpf"), ..any }, &|item| &*item.name == "Äpfel");
        check(StockQuery { below: Some(Quantity::ZERO), ..any }, &|item| item.figures.available.is_negative());
        check(StockQuery { warehouse: Some("B"), location: Some("A/1"), ..any }, &|_| false);
        check(StockQuery { product: Some("nobody's"), ..any }, &|_| false);
    }

    /// Whatever happens between two pages: what was there before and still is, is listed once, in its order.
    #[test]
    fn cursors_hold_while_stock_changes(seed: u64, steps in 50usize..200, limit in 1usize..6) {
        for group_by in [GroupBy::Warehouse, GroupBy::Location, GroupBy::Lot] {
            let mut world = World::grown(seed, steps);
            let before: Vec<_> = stock(&world.views, group_by, 1_000).iter().map(name_of).collect();
            let mut dice = Dice(!seed);
            let (mut listed, mut cursor) = (Vec::new(), None);
            loop {
                let query = StockQuery { group_by, limit, cursor: cursor.as_deref(), ..Default::default() };
                let page = world.views.stock(&query).expect("our own cursor");
                listed.extend(page.items.iter().map(name_of));
                let Some(next) = page.next else { break };
                cursor = Some(next);
                (0..5).for_each(|_| world.step(&mut dice));
            }
            prop_assert!(listed.is_sorted_by(|a, b| a < b), "in order, each once: {:?}", listed);
            listed.retain(|name| before.contains(name));
            prop_assert_eq!(listed, before);
        }
    }

    #[test]
    fn available_is_what_a_reservation_gets(seed: u64, steps in 0usize..200) {
        let mut world = World::grown(seed, steps);
        for product in ["tea", "apples", "zinc"] {
            for warehouse in ["A", "B"] {
                let Some(now) = world.views.availability(product, warehouse, world.now) else { continue };
                let more = Quantity::from_micros(now.available.micros() + 1);
                prop_assert!(world.reserve("too much", product, warehouse, more).is_err());
                if !now.available.is_zero() {
                    let name = format!("all of {product} in {warehouse}");
                    prop_assert!(world.reserve(&name, product, warehouse, now.available).is_ok());
                    let after = world.views.availability(product, warehouse, world.now).expect("known");
                    prop_assert_eq!(after.available, Quantity::ZERO);
                }
            }
        }
    }
}

/// Every item of a list, page by page.
fn all<'v, T>(mut page: impl FnMut(Option<&str>) -> Result<Page<T>, views::InvalidCursor> + 'v) -> Vec<T> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = page(cursor.as_deref()).expect("our own cursor");
        items.extend(page.items);
        cursor = Some(match page.next {
            Some(next) => next,
            None => return items,
        });
    }
}

fn stock(views: &Views, group_by: GroupBy, limit: usize) -> Vec<StockItem> {
    all(|cursor| views.stock(&StockQuery { group_by, limit, cursor, ..Default::default() }))
}

/// What a stock list is ordered by.
fn name_of(item: &StockItem) -> (String, String, String, String, Option<Status>) {
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    (item.product.to_string(), item.warehouse.to_string(), text(&item.location), text(&item.lot), item.status)
}

/// On hand, available, reserved, in transit, on order, in micro-units.
fn figures(item: &StockItem) -> [i64; 5] {
    let figures = &item.figures;
    [figures.on_hand, figures.available, figures.reserved, figures.in_transit, figures.on_order].map(Quantity::micros)
}

/// The same, recounted from the ledger; of one location, or of the whole warehouse for the empty path.
fn naive(state: &State, product: &str, warehouse: &str, location: &str) -> [i64; 5] {
    let mut sums = [0; 5];
    for (id, key) in state.catalog().accounts() {
        let place = state.catalog().location(key.location);
        if &*state.catalog().product(key.product).name != product
            || &*state.catalog().location(place.warehouse).path != warehouse
            || !(location.is_empty() || &*place.path == location)
        {
            continue;
        }
        let (balance, reserved) = (state.balance(id).micros(), state.reserved(id).micros());
        sums[2] += reserved;
        sums[1] -= reserved;
        match key.kind {
            AccountKind::InTransit => sums[3] += balance,
            AccountKind::OnOrder => sums[4] += balance,
            kind if kind.is_on_hand() => {
                sums[0] += balance;
                sums[1] += if kind == AccountKind::Available { balance } else { 0 };
            }
            _ => {}
        }
    }
    sums
}

fn assert_expected_agrees(state: &State, views: &Views) {
    let mut open = BTreeMap::new();
    for (account, key) in state.catalog().accounts() {
        for promise in state.expected(account) {
            let catalog = state.catalog();
            let name = (
                key.kind.name(),
                catalog.product(key.product).name.to_string(),
                catalog.location(key.location).path.to_string(),
                catalog.lot(key.lot).name.to_string(),
                promise.reference.to_string(),
            );
            open.insert(name, (promise.quantity, promise.expected_at));
        }
    }
    for item in all(|cursor| views.expected(&ExpectedQuery { cursor, ..Default::default() })) {
        let name = (
            item.kind.name(),
            item.product.to_string(),
            item.warehouse.to_string(),
            item.lot.as_deref().unwrap_or_default().to_owned(),
            item.reference.to_string(),
        );
        assert_eq!(open.remove(&name), Some((item.quantity, item.expected_at)), "{name:?}");
    }
    assert!(open.is_empty(), "every open promise is listed: {open:?}");
}

/// Both answer every question alike.
fn assert_same_answers(one: &Views, other: &Views) {
    macro_rules! check {
        ($list:ident, $query:ident) => {
            let query = $query { limit: 1_000, ..Default::default() };
            assert_eq!(one.$list(&query), other.$list(&query));
        };
    }
    for group_by in [GroupBy::Warehouse, GroupBy::Location, GroupBy::Lot] {
        let query = StockQuery { group_by, limit: 1_000, ..Default::default() };
        assert_eq!(one.stock(&query), other.stock(&query));
    }
    check!(products, ProductQuery);
    check!(locations, LocationQuery);
    check!(warehouses, WarehouseQuery);
    check!(expected, ExpectedQuery);
    check!(reservations, ReservationQuery);
    check!(held, HeldQuery);
    check!(recounts, RecountQuery);
    check!(discrepancies, DiscrepancyQuery);
    check!(activity, ActivityQuery);
    check!(alerts, AlertQuery);
    assert_eq!((one.alert_counts(), one.alert_conditions()), (other.alert_counts(), other.alert_conditions()));
    assert_eq!(
        one.alert_statistics(Timestamp::MIN, Timestamp::MAX),
        other.alert_statistics(Timestamp::MIN, Timestamp::MAX)
    );
    assert_eq!((one.totals(), one.held_codes()), (other.totals(), other.held_codes()));
    assert_eq!(one.reasons(), other.reasons());
}
