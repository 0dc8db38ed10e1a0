//! What the pages say of small books, and how they treat hostile names.

use crate::dashboard::fragment::{Fragment, Sent};
use crate::dashboard::{
    Params, alert, alert_history, alerts, entries, held, layout, movements, product, recounts, rules, stock,
};
use ledger::*;
use maud::html;
use std::collections::HashMap;
use views::Views;
use wire::KeyHasher;
use wire::record::Entry;

/// 2026-02-16T10:00:00Z.
const NOW: Timestamp = Timestamp(1_771_236_000_000_000);
const HOSTILE: &str = "<script>alert('1')</script>\"&";
const MINUTE: i64 = 60_000_000;

struct Books {
    state: State,
    views: Views,
    entries: Vec<Entry>,
}

impl Books {
    fn new() -> Self {
        Self { state: State::new(1), views: Views::new(1), entries: Vec::new() }
    }

    fn take(&mut self, at: Timestamp, body: Body<'_>) -> &mut Self {
        let id = format!("e{}", self.entries.len());
        let hasher = KeyHasher::new([7; 16]);
        let key = match body {
            Body::Event(event) => hasher.event("gate-4", &id, at, &event),
            Body::Command(command) => hasher.command("gate-4", &id, at, command),
        };
        let (actor, source) = ("ann", "gate-4");
        let request = Request { actor, source, id: &id, key, occurred_at: at, historical: false, resolves: None, body };
        let Verdict::Accepted(decision) = self.state.decide(&request, NOW, &Limits::default()) else {
            panic!("the ledger takes {body:?}");
        };
        let position = self.state.position().next();
        self.state.apply(&decision);
        self.views.apply(position, &decision);
        self.entries.push(Entry::new(&request, decision));
        self
    }

    fn event(&mut self, event: Event<'_>) -> &mut Self {
        self.take(NOW, Body::Event(event))
    }

    fn added(&mut self, product: &str, location: &str, units: i64) -> &mut Self {
        self.event(Event::new(EventKind::ItemAdded, product, location, Quantity::units(units)))
    }

    fn stock(&self, query: &[(&str, &str)]) -> String {
        let filter = stock::Filter::of(&params(query));
        let content = stock::read(&self.views, &filter);
        let warehouses = stock::render_warehouses(&content, &filter);
        let rows = stock::render_stock(&content, &filter, NOW);
        html! { (stock::body(&content, &filter, &pulse(), &warehouses, &rows)) }.into_string()
    }

    fn movement(&self, product: &str, position: u64) -> movements::Movement {
        let product = self.views.catalog().find_product(product).expect("a known product");
        let index = usize::try_from(position).expect("small") - 1;
        entries::movement(self.views.catalog(), product, Position(position), &self.entries[index])
    }
}

fn pulse() -> Fragment {
    Fragment::whole("pulse", html! { ul #pulse {} })
}

fn params(query: &[(&str, &str)]) -> Params {
    let pairs: HashMap<String, String> = query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Params(pairs)
}

/// The products of the rows, in the order shown.
fn products(html: &str) -> Vec<&str> {
    html.split("data-product=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Opens an alert, and declares a rule, of hostile texts alone.
fn hostile_alert(books: &mut Books) -> Position {
    let text = || Box::from(HOSTILE);
    let subject = AlertSubject {
        product: text(),
        location: text(),
        lot: text(),
        device: text(),
        metric: text(),
        shipment: text(),
    };
    let opened = Alert {
        condition: text(),
        subject,
        why: text(),
        figures: vec![(text(), text())],
        rule: text(),
        owner: text(),
        ..Alert::default()
    };
    books.take(NOW, Body::Command(&Command::RaiseAlert(Box::new(opened))));
    let alert = books.state.position();
    let step = AlertStep::Assigned { owner: text() };
    books.take(NOW, Body::Command(&Command::ChangeAlert(Box::new(AlertChange { alert, step, note: text() }))));
    let rule = RuleCard {
        rule: text(),
        name: text(),
        condition: text(),
        product: text(),
        settings: vec![(text(), text())],
        ..RuleCard::default()
    };
    books.take(NOW, Body::Command(&Command::DeclareRule(Box::new(rule))));
    alert
}

#[test]
fn an_alert_offers_what_can_still_be_done() {
    let mut books = Books::new();
    let opened = Alert { condition: "low_stock".into(), why: "3 left".into(), ..Alert::default() };
    books.take(NOW, Body::Command(&Command::RaiseAlert(Box::new(opened))));
    let id = books.state.position();
    let list = |books: &Books, state: &str| {
        let filter = alerts::Filter::of(&params(&[("state", state)]));
        html! { (alerts::render_alerts(&alerts::read(&books.views, &filter), &filter, NOW)) }.into_string()
    };
    let change = |step| Command::ChangeAlert(Box::new(AlertChange { alert: id, step, note: "".into() }));
    assert!(list(&books, "").contains("value=\"acknowledge\"") && list(&books, "resolved").contains("None."));
    books.take(NOW, Body::Command(&change(AlertStep::Acknowledged)));
    let acknowledged = list(&books, "");
    assert!(!acknowledged.contains("value=\"acknowledge\"") && acknowledged.contains("value=\"resolve\""));
    books.take(NOW, Body::Command(&change(AlertStep::Resolved { outcome: "by_hand".into() })));
    assert!(list(&books, "").contains("Nothing is wrong") && !list(&books, "resolved").contains("<form"));
    let one = alert::read(&books.views, id).expect("it is kept");
    let page = html! { (alert::render_ways(&one)) (alert::render_life(&one, NOW)) }.into_string();
    assert!(page.contains("by hand") && page.contains("Order or transfer more.") && !page.contains("<form"), "{page}");
}

#[test]
fn stock_on_hold_asks_for_a_person_and_a_reason() {
    let mut books = Books::new();
    for (condition, asks) in [("stock_on_hold", true), ("low_stock", false)] {
        let opened = Alert { condition: condition.into(), why: "10 on hold".into(), ..Alert::default() };
        books.take(NOW, Body::Command(&Command::RaiseAlert(Box::new(opened))));
        let one = alert::read(&books.views, books.state.position()).expect("it is kept");
        let page = html! { (alert::render_ways(&one)) }.into_string();
        for part in ["name=\"person\"", "name=\"reason\"", "value=\"release\"", "value=\"scrap\""] {
            assert_eq!(page.contains(part), asks, "{condition}: {part}");
        }
    }
}

#[test]
fn hostile_names_are_text_on_every_page() {
    let mut books = Books::new();
    books.added(HOSTILE, "warehouse_A/<b>bin</b>", 3);
    books.event(Event::new(EventKind::ItemRemoved, HOSTILE, "warehouse_A/<b>bin</b>", Quantity::units(5)));
    let input = Unusable {
        raw: HOSTILE.into(),
        code: HOSTILE.into(),
        field: HOSTILE.into(),
        detail: HOSTILE.into(),
        place: HOSTILE.into(),
    };
    books.take(NOW, Body::Command(&Command::Hold(Box::new(input))));
    let alert_id = hostile_alert(&mut books);
    let views = &books.views;
    let (recounts_filter, held_filter, movements_filter) = Default::default();
    let tasks = recounts::read(views, &recounts_filter);
    let waiting = held::read(views, &held_filter);
    let moved = movements::read(views, &movements_filter);
    let rows = [books.movement(HOSTILE, 1), books.movement(HOSTILE, 2)];
    let (alerts_filter, rules_filter) = Default::default();
    let warned = alerts::read(views, &alerts_filter);
    let watched = rules::read(views, &rules_filter);
    let one = alert::read(views, alert_id).expect("it was opened");
    let past = alert_history::Filter::of(&params(&[]));
    let told = alert_history::read(views, &past, NOW);
    let states = alerts::render_states(&warned, &alerts_filter);
    let list = alerts::render_alerts(&warned, &alerts_filter, NOW);
    let pages = [
        html! { (alerts::body(&warned, &alerts_filter, HOSTILE, &states, &list)) }.into_string(),
        html! { (alert::render_card(&one, NOW)) }.into_string(),
        html! { (alert::render_figures(&one, NOW)) (alert::render_ways(&one)) (alert::render_life(&one, NOW)) }
            .into_string(),
        html! { (alert_history::render_history(&told, &past)) }.into_string(),
        html! { (rules::render_rules(&watched, &rules_filter)) }.into_string(),
        books.stock(&[("q", HOSTILE), ("status", "recount")]),
        books.stock(&[("q", "<script>")]),
        books.stock(&[("q", "</script><script>alert(2)")]),
        html! { (recounts::render_recounts(&tasks, &recounts_filter, NOW)) }.into_string(),
        html! { (held::render_held(&waiting, &held_filter, NOW)) }.into_string(),
        html! { (movements::render_movements(&moved, &movements_filter, NOW)) }.into_string(),
        html! { (movements::render_rows(&rows, true, NOW, &html! {})) }.into_string(),
    ];
    for page in pages {
        assert!(page.contains("&lt;"), "{page}");
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains("\"&\""), "{page}");
    }
}

#[test]
fn a_page_wraps_the_very_fragment_that_is_sent_again() {
    let mut books = Books::new();
    books.added("SKU123", "warehouse_A", 12_345);
    let filter = stock::Filter::default();
    let content = stock::read(&books.views, &filter);
    let warehouses = stock::render_warehouses(&content, &filter);
    let rows = stock::render_stock(&content, &filter, NOW);
    let page = stock::body(&content, &filter, &pulse(), &warehouses, &rows).into_string();
    for fragment in [&warehouses, &rows] {
        let news = serde_json::to_value(Sent::default().news(fragment)).expect("news have text keys");
        assert!(page.contains(news["html"].as_str().expect("the first time, all of it")));
    }
}

#[test]
fn rows_say_what_there_is_and_what_is_wrong() {
    let mut books = Books::new();
    books.added("SKU1", "warehouse_A", 1_234_567).added("SKU2", "warehouse_B", 5);
    books.event(Event::new(EventKind::ItemRemoved, "SKU2", "warehouse_B", Quantity::units(8)));
    let all = books.stock(&[]);
    assert_eq!(products(&all), ["SKU1", "SKU2"]);
    for piece in
        ["1\u{202f}234\u{202f}567", "\u{2212}3", "negative", "recount", "unverified", "href=\"/products/SKU1\""]
    {
        assert!(all.contains(piece), "{piece} in {all}");
    }
    assert_eq!(products(&books.stock(&[("q", "ku2")])), ["SKU2"]);
    assert_eq!(products(&books.stock(&[("warehouse", "warehouse_A")])), ["SKU1"]);
    for status in ["negative", "recount", "unavailable"] {
        assert_eq!(products(&books.stock(&[("status", status)])), ["SKU2"], "{status}");
    }
    assert_eq!(products(&books.stock(&[("status", "negative"), ("warehouse", "warehouse_A")])), [""; 0]);
    let none = books.stock(&[("q", "no such product")]);
    assert!(products(&none).is_empty() && none.contains("No stock matches “no such product”"), "{none}");
    let empty = Books::new().stock(&[]);
    assert!(empty.contains("Nothing has been recorded yet") && empty.contains("2026-02-16T00:00:00Z"), "{empty}");
    assert_eq!(products(&books.stock(&[("cursor", "of another list")])), ["SKU1", "SKU2"]);
}

#[test]
fn pages_of_rows_follow_one_another() {
    let mut books = Books::new();
    for index in 0..150 {
        books.added(&format!("SKU{index:03}"), "warehouse_A", 1);
    }
    let first = books.stock(&[("warehouse", "warehouse_A")]);
    assert_eq!(products(&first).len(), 100);
    let next = first.split("warehouse=warehouse_A&amp;cursor=").nth(1).and_then(|rest| rest.split('"').next());
    let second = books.stock(&[("warehouse", "warehouse_A"), ("cursor", next.expect("a next page"))]);
    assert_eq!(products(&second).first(), Some(&"SKU100"));
    assert!(second.contains("First page") && !second.contains("Next page"));
}

#[test]
fn an_unknown_product_is_named() {
    let painted = crate::dashboard::view::unknown_product(HOSTILE);
    assert_eq!(painted.status, axum::http::StatusCode::NOT_FOUND);
    let html = painted.body.into_string();
    assert!(html.contains("&lt;script&gt;alert('1')&lt;/script&gt;&quot;&amp;") && !html.contains("<script"), "{html}");
}

#[test]
fn movements_say_from_where_to_where_and_what_was_odd() {
    let mut books = Books::new();
    books.added("SKU1", "warehouse_A/a", 10);
    let mut moved = Event::new(EventKind::ItemMoved, "SKU1", "warehouse_A/a", Quantity::units(4));
    (moved.to, moved.reference) = ("warehouse_A/b", "TO-1");
    books.event(moved);
    let sold = Event::new(EventKind::ItemRemoved, "SKU1", "warehouse_A/b", Quantity::units(5));
    books.take(NOW.minus(90 * MINUTE), Body::Event(sold));
    books.event(Event::new(EventKind::ItemCounted, "SKU1", "warehouse_A/a", Quantity::units(9)));
    let shown = |position| {
        let movement = books.movement("SKU1", position);
        let quantity = movement.quantity.map(|quantity| quantity.to_string()).unwrap_or_default();
        let said = [movement.remarks, movement.notes].concat();
        format!("{} → {}: {quantity} {} {said:?}", movement.from, movement.to, movement.reference)
    };
    assert_eq!(shown(1), "supplier → warehouse_A/a: 10  []");
    assert_eq!(shown(2), "warehouse_A/a → warehouse_A/b: 4 TO-1 []");
    assert_eq!(shown(3), "warehouse_A/b → customer: 5  [\"left \u{2212}1 on hand\"]");
    assert_eq!(shown(4), " → warehouse_A/a: 3  [\"counted 9, books said 6\", \"count differs by +3\"]");
    let rows = [books.movement("SKU1", 3), books.movement("SKU1", 4)];
    let html = html! { (movements::render_rows(&rows, false, NOW, &html! {})) }.into_string();
    assert!(html.contains("late by 1 h") && html.contains("at </span>warehouse_A/a"), "{html}");
}

#[test]
fn each_held_input_has_one_reason_and_its_forms() {
    let mut books = Books::new();
    let input = Unusable {
        raw: "{\"event\": 1}".into(),
        code: "unknown_event".into(),
        field: "event".into(),
        detail: "event '1' is none that is known".into(),
        place: "line 3".into(),
    };
    books.take(NOW, Body::Command(&Command::Hold(Box::new(input))));
    let filter = held::Filter::default();
    let html = html! { (held::render_held(&held::read(&books.views, &filter), &filter, NOW)) }.into_string();
    let count = |piece: &str| html.matches(piece).count();
    assert_eq!((count("data-held=\"1\""), count("data-reason"), count("<textarea")), (1, 1, 1), "{html}");
    assert_eq!((count("action=\"/held/1/resubmit\""), count("action=\"/held/1/discard\"")), (1, 1), "{html}");
}

#[test]
fn levels_stand_under_their_warehouses() {
    let mut books = Books::new();
    let mut lot = Event::new(EventKind::ItemAdded, "MILK", "warehouse_A/cold-1", Quantity::units(7));
    (lot.lot, lot.expiry) = ("L1", Some(Day(20_600)));
    books.added("MILK", "warehouse_B", 2).event(lot);
    let mut order = Event::new(EventKind::PurchaseOrderPlaced, "MILK", "warehouse_A", Quantity::units(40));
    (order.reference, order.expected_at) = ("PO-1", Some(NOW.plus(1_440 * MINUTE)));
    books.event(order);
    let (content, _) = product::read_views(&books.views, "MILK", NOW).expect("a known product");
    let levels = html! { (product::render_levels(&content, NOW)) }.into_string();
    let order: Vec<usize> =
        ["warehouse_A", "cold-1", "expires 2026-05-27", "40 on order", "warehouse_B", "default bin"]
            .iter()
            .map(|piece| levels.find(piece).unwrap_or_else(|| panic!("{piece} in {levels}")))
            .collect();
    assert!(order[0] < order[1] && order[1] < order[4] && order[4] < order[5], "{levels}");
    let promise = html! { (product::render_promise(&content, NOW)) }.into_string();
    for piece in ["2026-02-17", "order PO-1", "+40", "47", "role=\"img\"", "aria-label=\"What can be promised"] {
        assert!(promise.contains(piece), "{piece} in {promise}");
    }
    assert!(product::read_views(&books.views, "nothing", NOW).is_none());
}

#[test]
fn the_navigation_counts_what_waits() {
    let waiting = layout::Waiting { held: 3, recounts: 1_200, critical: 2, ..layout::Waiting::default() };
    let render = |waiting| html! { (layout::navigation(layout::Tab::Held, &waiting)) }.into_string();
    let html = render(waiting);
    assert!(html.contains("href=\"/held\" aria-current=\"page\"") && html.contains("1\u{202f}200"), "{html}");
    assert!(html.contains("open, critical") && !html.contains("open, warning"), "{html}");
    assert_eq!(html.matches("aria-current").count(), 1);
    assert!(!html.contains("/devices"), "a server that follows no devices has no page of them: {html}");
    assert!(!html.contains("/channels"), "a server that tells nobody has no page of it: {html}");
    let html = render(layout::Waiting { untold: Some(2), ..waiting });
    assert!(html.contains("href=\"/channels\"") && html.contains("Channels <span class=\"count\">2"), "{html}");
    let html = render(layout::Waiting { quarantined: Some(7), ..waiting });
    assert!(html.contains("href=\"/devices\"") && html.contains("Quarantine <span class=\"count\">7"), "{html}");
}
