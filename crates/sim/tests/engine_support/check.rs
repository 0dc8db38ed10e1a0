//! What must be true when nothing is under way.

use super::message::{Message, PACKED, Said};
use super::trial::{Figures, Trial};
use ledger::{
    AccountKey, Catalog, DecisionKind, Effect, Event, EventKind, Position, Quantity, ReservationState, State, Timestamp,
};
use rand::RngExt;
use sim::oracle::{Oracle, StockKey};
use std::collections::{BTreeMap, HashMap, HashSet};
use views::{HeldQuery, Views};
use wire::record::Entry;

impl Trial {
    /// Holds the running engine against what was sent, what was answered, and a replay.
    pub(crate) fn check(&mut self) {
        let entries = self.entries();
        let last = Position(entries.len() as u64);
        {
            let stages = self.stages();
            let handle = stages.handle();
            assert_eq!((stages.state().position(), handle.views().position(), handle.position()), (last, last, last));
            journal::verify(handle.reader(), &mut |_| {}).expect("the chain holds");
            assert!(stages.state().conserves(), "stock is neither made nor lost");
            agree(stages.state(), &handle.views());
        }
        self.follow();
        self.check_acknowledged(&entries);
        self.check_stock(&entries);
        self.check_units(&entries);
        self.check_held(&entries);
        self.check_alerts(&entries);
        self.check_history(&entries);
        self.check_replay();
    }

    /// All entries, without gaps.
    fn entries(&mut self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let visit = &mut |position: Position, entry: Entry| {
            assert_eq!(position.0, entries.len() as u64 + 1, "positions have no gap");
            let before = entries.last().map_or(Timestamp::MIN, |last| last.decision.recorded_at);
            assert!(entry.decision.recorded_at >= before, "the recorded time does not go back");
            entries.push(entry);
            Ok(())
        };
        self.stages().handle().for_each_entry(Position(1), visit).expect("the journal reads");
        entries
    }

    /// Whoever follows the changes hears of every figure that changed since it last looked.
    pub(crate) fn follow(&mut self) {
        let handle = self.stages().handle().clone();
        let views = handle.views();
        let mut figures = Figures::new();
        for (account, key) in views.catalog().accounts().filter(|(_, key)| key.kind.is_on_hand()) {
            let (on_hand, reserved) = figures.entry((key.product, views.catalog().warehouse_of(account))).or_default();
            *on_hand += views.balance(account).micros();
            *reserved += views.reserved(account).micros();
        }
        let at = views.position();
        if let Some((before, seen)) = self.followed.replace((at, figures.clone()))
            && let Some(changes) = handle.changes_since(before)
        {
            assert!(changes.up_to >= at, "the changes reach up to what is shown");
            let told: HashSet<_> = changes.stock.iter().map(|change| (change.product, change.warehouse)).collect();
            let changed =
                figures.iter().filter(|(key, figures)| seen.get(*key).copied().unwrap_or_default() != **figures);
            for (key, figures) in changed {
                assert!(told.contains(key), "nobody told that {key:?} became {figures:?} since {before}");
            }
        }
    }

    /// What was acknowledged is there, once, and nothing is there that nobody sent.
    fn check_acknowledged(&self, entries: &[Entry]) {
        let is_held = |entry: &Entry| entry.decision.kind == DecisionKind::InputHeld;
        for (index, (position, held)) in &self.acknowledged {
            let message = &self.sent[*index];
            let entry = &entries[usize::try_from(position.0).expect("small") - 1];
            let is_it = [message.key, State::conflict_key(message.key)].contains(&entry.decision.key);
            assert!(is_it && is_held(entry) == *held, "{message:?} is not at {position}, but {entry:?}");
        }
        let sent: HashSet<_> =
            self.sent.iter().flat_map(|message| [message.key, State::conflict_key(message.key)]).collect();
        let mut seen = HashSet::new();
        let is_rule = |entry: &&Entry| entry.decision.kind == DecisionKind::RuleDeclared;
        for entry in entries.iter().filter(|entry| !is_our_own(entry) && !is_rule(entry)) {
            assert!(seen.insert(entry.decision.key.id), "twice: {entry:?}");
            assert!(sent.contains(&entry.decision.key), "nobody sent {entry:?}");
        }
    }

    /// The messages that entries took as they were.
    pub(super) fn accepted<'t>(&'t self, entries: &'t [Entry]) -> impl Iterator<Item = &'t Message> {
        let plain = entries.iter().filter(|entry| entry.decision.kind != DecisionKind::InputHeld);
        plain.filter_map(|entry| self.by_key.get(&entry.decision.key)).map(|index| &self.sent[*index])
    }

    /// The oracle finds what the views show, at each key and nowhere else. It knows nothing of handling units.
    fn check_stock(&mut self, entries: &[Entry]) {
        let handle = self.stages().handle().clone();
        let views = handle.views();
        let mut oracle = Oracle::default();
        for message in self.accepted(entries) {
            if let Said::Fact(fact) = &message.said
                && !fact.is_of_units()
            {
                oracle.accept(message.source, &message.name(), message.occurred_at, &fact.event());
            }
        }
        tell_shipped(&mut oracle, entries, views.catalog());
        let mut shown = stock_shown(&views);
        shown.retain(|key, _| !PACKED.contains(&&*key.0));
        assert_eq!(shown, oracle.stock_at(Timestamp::MAX), "shown, and counted by the oracle");
    }

    fn check_held(&mut self, entries: &[Entry]) {
        let handle = self.stages().handle().clone();
        let shown = handle.views().held(&HeldQuery { limit: 1000, ..HeldQuery::default() }).expect("no cursor");
        let shown: BTreeMap<Position, Box<str>> =
            shown.items.into_iter().map(|item| (item.position, item.input.code.clone())).collect();
        let held = entries.iter().zip(1..).filter(|(entry, _)| entry.decision.kind == DecisionKind::InputHeld);
        let expected: BTreeMap<Position, Box<str>> = held
            .map(|(entry, position)| {
                let as_sent = self.by_key.get(&entry.decision.key).map(|index| &self.sent[*index]);
                let code =
                    as_sent.map_or("key_conflict", |message| message.flaw.expect("only flawed messages are held"));
                (Position(position), code.into())
            })
            .collect();
        assert_eq!(shown, expected, "the held list");
    }

    /// The history index says of any time what the entries say.
    fn check_history(&mut self, entries: &[Entry]) {
        let handle = self.stages().handle().clone();
        let accounts: Vec<_> = {
            let views = handle.views();
            let kept = views.catalog().accounts().filter(|(_, key)| key.kind.is_on_hand());
            kept.map(|(account, _)| (account, views.balance(account))).collect()
        };
        for (account, balance) in accounts {
            let history = handle.history();
            let at_end = history.balance_at(account, Timestamp::MAX, Position(u64::MAX)).expect("the index reads");
            assert_eq!(at_end, balance.micros());
            let known = self.chance.random_range(0..=entries.len());
            let at = Timestamp(self.chance.random_range(super::START..=self.now().0.max(super::START)));
            let postings = entries[..known].iter().flat_map(|entry| &entry.decision.postings);
            let of_account = postings.filter(|posting| posting.account == account && posting.effective_at <= at);
            let expected: i64 = of_account.map(|posting| posting.delta.micros()).sum();
            let balance = history.balance_at(account, at, Position(known as u64)).expect("the index reads");
            assert_eq!(balance, expected, "{account:?} at {at:?}, known at {known}");
        }
        let time = Timestamp(self.chance.random_range(super::START - 1..=self.now().0.max(super::START)));
        let known = entries.iter().take_while(|entry| entry.decision.recorded_at <= time).count();
        assert_eq!(handle.known_at(time).expect("the journal reads"), Position(known as u64), "known at {time:?}");
    }

    /// A start from the journal alone, and one from the newest snapshot, come to the same as having lived through it.
    fn check_replay(&mut self) {
        let lived = self.stages().image_hash();
        let copy = self.disk.duplicate(0);
        let empty = tempfile::tempdir().expect("a temporary directory");
        let replayed = self.open(&copy, empty.path()).expect("it opens");
        assert_eq!(replayed.image_hash(), lived, "a replay gives the same image");
        drop(replayed);
        let snapshots = copy_of_snapshots(self.directory.path());
        let from_snapshot = self.open(&copy, snapshots.path()).expect("it opens");
        assert_eq!(from_snapshot.image_hash(), lived, "snapshot and tail give the same image");
    }
}

/// Whether an entry follows from others, and nobody sent it.
pub(super) fn is_our_own(entry: &Entry) -> bool {
    use DecisionKind as Kind;
    matches!(
        entry.decision.kind,
        Kind::ReservationsExpired | Kind::AlertOpened | Kind::AlertChanged | Kind::AlertResolved
    )
}

pub(crate) fn agree(state: &State, views: &Views) {
    for (account, key) in state.catalog().accounts() {
        assert_eq!(views.balance(account), state.balance(account), "balance of {key:?}");
        assert_eq!(views.reserved(account), state.reserved(account), "reserved of {key:?}");
    }
}

fn copy_of_snapshots(directory: &std::path::Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary directory");
    let to = copy.path().join("snapshots");
    std::fs::create_dir(&to).expect("it is writable");
    for file in std::fs::read_dir(directory.join("snapshots")).into_iter().flatten() {
        let file = file.expect("it is readable");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("it can be copied");
    }
    copy
}

/// The stock on hand that is not zero.
pub(crate) fn stock_shown(views: &Views) -> BTreeMap<StockKey, Quantity> {
    let on_hand = views.catalog().accounts().filter(|(_, key)| key.kind.is_on_hand());
    let shown = on_hand.map(|(account, key)| (name_of(views.catalog(), key), views.balance(account)));
    shown.filter(|(_, quantity)| !quantity.is_zero()).collect()
}

/// Tells the oracle what fulfilled reservations took.
pub(crate) fn tell_shipped(oracle: &mut Oracle, entries: &[Entry], catalog: &Catalog) {
    let mut reserved = HashMap::new();
    for effect in entries.iter().flat_map(|entry| entry.decision.effects.iter().map(move |effect| (entry, effect))) {
        match effect {
            (_, Effect::Reserved(reservation)) => {
                reserved.insert(&reservation.reservation, &reservation.lines);
            }
            (entry, Effect::ReservationEnded { reservation, outcome: ReservationState::Fulfilled }) => {
                for (line, index) in reserved[reservation].iter().zip(0..) {
                    let (product, location, lot, _) = name_of(catalog, catalog.account(line.account));
                    let event = Event::new(EventKind::ItemRemoved, &product, &location, line.quantity);
                    let event = Event { lot: &lot, ..event };
                    let id = format!("{reservation} line {index}");
                    oracle.accept("reservations", &id, entry.decision.occurred_at, &event);
                }
            }
            _ => {}
        }
    }
}

fn name_of(catalog: &Catalog, key: AccountKey) -> StockKey {
    let location = catalog.location(key.location).path.to_string();
    let lot = catalog.lot(key.lot).name.to_string();
    (
        catalog.product(key.product).name.to_string(),
        location,
        lot,
        key.kind.status().expect("stock on hand has a status"),
    )
}
