//! How many conditions a second one core answers and compiles: `cargo bench -p watch --bench own`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use watch::own::{Condition, Facts, Now, StockFacts, Subject};

/// One comparison, a rule as it is commonly written, one with a list, and one near the limit of steps.
const CONDITIONS: [(&str, &str); 4] = [
    ("one comparison", "stock.available < 10"),
    (
        "typical",
        "stock.available < 3 * stock.daily_usage && stock.warehouse == 'warehouse_A' && now.weekday <= 5 && \
         !stock.is_disputed",
    ),
    ("a list", "['cold', 'frozen', 'chilled'].exists(part, stock.location.contains(part)) && stock.days_to_expiry < 3"),
    ("near the limit", "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3].all(c, a + b + c >= 0)))"),
];

fn main() {
    divan::main();
}

fn compiled(name: &str) -> Condition {
    let (_, text) = CONDITIONS.iter().find(|(known, _)| *known == name).expect("the names are those of the table");
    Condition::compile(text, Subject::Stock).expect("the bench's conditions are good")
}

#[divan::bench(args = CONDITIONS.map(|(name, _)| name))]
fn holds(bencher: Bencher<'_, '_>, name: &str) {
    let condition = compiled(name);
    let stock = StockFacts {
        product: "SKU123",
        location: "warehouse_A/frozen-1/bin-07",
        warehouse: "warehouse_A",
        available: 7.0,
        daily_usage: Some(2.5),
        days_to_expiry: Some(2.0),
        ..StockFacts::default()
    };
    let now = Now { hour: 15, weekday: 2, date: "2026-11-24".to_owned() };
    let facts = Facts::Stock(&stock, &now);
    assert_eq!(condition.holds(&facts), Ok(true));
    bencher.counter(ItemsCount::new(1_usize)).bench(|| condition.holds(black_box(&facts)));
}

#[divan::bench(args = CONDITIONS.map(|(name, _)| name))]
fn compile(bencher: Bencher<'_, '_>, name: &str) {
    let condition = compiled(name);
    bencher.counter(ItemsCount::new(1_usize)).bench(|| Condition::compile(black_box(condition.text()), Subject::Stock));
}
