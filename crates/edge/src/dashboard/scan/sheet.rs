//! What somebody has filled in, and the event that it says.

use ledger::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use views::{ProductQuery, Views};

/// Forms whose first arrival is remembered.
const SEEN_MAX: usize = 1024;
/// The longest id that is remembered, in bytes: no event has a longer one.
const ID_BYTES_MAX: usize = 200;

/// What the person at the scanner is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    #[default]
    Receive,
    Pick,
    Move,
    Count,
    PutAway,
    LookUp,
}

impl Task {
    pub(crate) const ALL: [Self; 6] = [Self::Receive, Self::Pick, Self::PutAway, Self::Move, Self::Count, Self::LookUp];

    /// Its name in forms and addresses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Pick => "pick",
            Self::Move => "move",
            Self::Count => "count",
            Self::PutAway => "put_away",
            Self::LookUp => "look_up",
        }
    }

    /// What people call it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Receive => "Receive",
            Self::Pick => "Pick",
            Self::Move => "Move",
            Self::Count => "Count",
            Self::PutAway => "Put away",
            Self::LookUp => "Look up",
        }
    }

    /// The event that reports it; none when nothing happens to the stock.
    pub(crate) const fn event(self) -> Option<&'static str> {
        match self {
            Self::Receive => Some("item_added"),
            Self::Pick => Some("item_removed"),
            Self::Move | Self::PutAway => Some("item_moved"),
            Self::Count => Some("item_counted"),
            Self::LookUp => None,
        }
    }

    /// Reads [`name`](Self::name).
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }
}

/// The fields of the form, as they were sent or are to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Sheet {
    pub(crate) task: Task,
    pub(crate) id: String,
    pub(crate) location: String,
    pub(crate) to: String,
    pub(crate) product: String,
    pub(crate) quantity: String,
    pub(crate) lot: String,
    pub(crate) expiry: String,
    /// Separated by white space, which no serial of GS1 contains.
    pub(crate) serials: String,
    /// The order, the delivery or the pallet.
    pub(crate) reference: String,
}

impl Sheet {
    /// The event as JSON, at `at`; none when the task reports nothing. Whether it can be used is for others to say.
    pub(crate) fn event(&self, product: &str, at: Timestamp) -> Option<Value> {
        let mut event = Map::new();
        let mut put = |name: &str, value: &str| {
            if !value.trim().is_empty() {
                event.insert(name.to_owned(), value.trim().into());
            }
        };
        put("event", self.task.event()?);
        put("id", &self.id);
        put("product_id", product);
        put("location", &self.location);
        put("quantity", &self.quantity.replace(',', "."));
        put("timestamp", &wire::time::render_timestamp(at));
        put("lot", &self.lot);
        put("expiry", &self.expiry);
        put("reference", &self.reference);
        if self.task.event() == Some("item_moved") {
            put("to", &self.to);
        }
        let serials: Vec<Value> = self.serials.split_whitespace().map(Value::from).collect();
        if !serials.is_empty() {
            event.insert("serials".to_owned(), serials.into());
        }
        Some(event.into())
    }

    /// What stays for the next thing: the task and the places.
    pub(crate) fn next(&self) -> Self {
        let Self { task, location, to, .. } = self;
        Self { task: *task, location: location.clone(), to: to.clone(), ..Self::default() }
    }
}

/// The product that `code` names: the one of that id, else the one that bears it as its GTIN, else the GTIN in its form
/// of 14 digits, else the text as it stands. The script says the same.
pub(crate) fn product(views: &Views, code: &str) -> String {
    let code = code.trim();
    if views.product(code).is_some() || !is_gtin(code) {
        return code.to_owned();
    }
    let significant = code.trim_start_matches('0');
    let query = ProductQuery { search: Some(significant), limit: views::LIMIT_MAX, ..ProductQuery::default() };
    let found = views.products(&query).map_or_else(|_| Vec::new(), |page| page.items);
    let bears = found.into_iter().find(|item| item.gtin.trim_start_matches('0') == significant);
    bears.map_or_else(|| format!("{code:0>14}"), |item| item.product.to_string())
}

/// Whether a text is a GTIN: 8, 12, 13 or 14 digits, the last of which checks the others.
///
/// # Source
/// GS1 General Specifications, section 7.9: weights 3 and 1 in turn from the right, and the sum is a multiple of 10.
fn is_gtin(text: &str) -> bool {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| matches!(digits.len(), 8 | 12..=14)) else { return false };
    let weights = [1, 3].into_iter().cycle();
    let sum: u32 = digits.iter().rev().zip(weights).map(|(digit, weight)| digit * weight).sum();
    sum.is_multiple_of(10)
}

/// When each form came first. A form that is sent twice must report the same time twice, or it would not be the same.
#[derive(Default)]
pub(crate) struct FirstSeen(Mutex<VecDeque<(String, Timestamp)>>);

impl FirstSeen {
    /// When the form `id` came first; now, if it never did or that was 1,024 forms ago.
    pub(crate) fn at(&self, id: &str, now: Timestamp) -> Timestamp {
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return now;
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, at)) = seen.iter().find(|(known, _)| known == id) {
            return *at;
        }
        if seen.len() == SEEN_MAX {
            seen.pop_front();
        }
        seen.push_back((id.to_owned(), now));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::*;
    use wire::KeyHasher;

    #[test]
    fn a_filled_in_form_is_an_event() {
        let at = Timestamp(1_771_236_000_000_000);
        let sheet = Sheet {
            task: Task::PutAway,
            id: "f-1".into(),
            location: " dock ".into(),
            to: "A/1".into(),
            quantity: "2,5".into(),
            lot: "L1".into(),
            serials: "S1  S2 ".into(),
            ..Sheet::default()
        };
        let expected = serde_json::json!({
            "event": "item_moved", "id": "f-1", "product_id": "MILK", "location": "dock", "to": "A/1", "quantity": "2.5",
            "timestamp": "2026-02-16T10:00:00Z", "lot": "L1", "serials": ["S1", "S2"],
        });
        assert_eq!(sheet.event("MILK", at), Some(expected));
        assert_eq!(
            sheet.next(),
            Sheet { task: Task::PutAway, location: " dock ".into(), to: "A/1".into(), ..Sheet::default() }
        );
        let picked = Sheet { task: Task::Pick, to: "A/1".into(), ..Sheet::default() }.event("MILK", at).unwrap();
        assert!(picked.get("to").is_none(), "only what moves has somewhere to go: {picked}");
        assert_eq!(Sheet { task: Task::LookUp, ..Sheet::default() }.event("MILK", at), None);
        assert!(Task::ALL.into_iter().all(|task| Task::of(task.name()) == Some(task)));
    }

    #[test]
    fn a_gtin_is_the_product_that_bears_it() {
        let (mut state, mut views) = (State::new(1), Views::new(1));
        let card = ProductCard { product: "MILK".into(), gtin: "9521234543213".into(), ..ProductCard::default() };
        let command = Command::DeclareProduct(Box::new(card));
        let key = KeyHasher::new([7; 16]).command("ann", "1", Timestamp(0), &command);
        let body = Body::Command(&command);
        let request = Request {
            actor: "ann",
            source: "ann",
            id: "1",
            key,
            occurred_at: Timestamp(0),
            historical: false,
            resolves: None,
            body,
        };
        let Verdict::Accepted(decision) = state.decide(&request, Timestamp(0), &Limits::default()) else {
            panic!("a product can be declared")
        };
        state.apply(&decision);
        views.apply(Position(1), &decision);
        let check = |code, expect| assert_eq!(product(&views, code), expect, "{code}");
        check("MILK", "MILK");
        check("9521234543213", "MILK");
        check("09521234543213", "MILK");
        check("9521234543214", "9521234543214");
        check("96385074", "00000096385074");
        check(" SKU 7 ", "SKU 7");
        check("", "");
    }

    #[test]
    fn a_form_sent_again_reports_its_first_time() {
        let seen = FirstSeen::default();
        assert_eq!(seen.at("a", Timestamp(1)), Timestamp(1));
        assert_eq!(seen.at("a", Timestamp(2)), Timestamp(1));
        assert_eq!(seen.at("", Timestamp(3)), Timestamp(3));
        for number in 0..SEEN_MAX {
            seen.at(&format!("b{number}"), Timestamp(4));
        }
        assert_eq!(seen.at("a", Timestamp(5)), Timestamp(5), "only so many are remembered");
    }
}
