//! What somebody has filled in, and the event that it says.

use ledger::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

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
    pub(crate) fn event(&self, at: Timestamp) -> Option<Value> {
        let mut event = Map::new();
        let mut put = |name: &str, value: &str| {
            if !value.trim().is_empty() {
                event.insert(name.to_owned(), value.trim().into());
            }
        };
        put("event", self.task.event()?);
        put("id", &self.id);
        put("product_id", &self.product);
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

    #[test]
    fn a_filled_in_form_is_an_event() {
        let at = Timestamp(1_771_236_000_000_000);
        let sheet = Sheet {
            task: Task::PutAway,
            id: "f-1".into(),
            product: "MILK".into(),
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
        assert_eq!(sheet.event(at), Some(expected));
        assert_eq!(
            sheet.next(),
            Sheet { task: Task::PutAway, location: " dock ".into(), to: "A/1".into(), ..Sheet::default() }
        );
        let picked = Sheet { task: Task::Pick, to: "A/1".into(), ..Sheet::default() }.event(at).unwrap();
        assert!(picked.get("to").is_none(), "only what moves has somewhere to go: {picked}");
        assert_eq!(Sheet { task: Task::LookUp, ..Sheet::default() }.event(at), None);
        assert!(Task::ALL.into_iter().all(|task| Task::of(task.name()) == Some(task)));
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
