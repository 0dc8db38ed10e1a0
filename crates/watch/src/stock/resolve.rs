//! Which subjects there are, which accounts feed them, and which rules hold for them.

use super::subject::{CONFIDENCE, COUNT, DEAD, LOW, NO_CEILING, NO_FLOOR, OUT, OVER, OWN, SLOW, Subject};
use super::{Link, NONE, StockWatch};
use crate::condition::{About, Condition};
use crate::desk::Desk;
use crate::own::Subject as Over;
use crate::rule::{Rule, float, whole};
use crate::scope::{Covered, upward};
use ledger::{AccountId, AccountKind, LocationId, ProductId, RuleCard, State, Timestamp};
use smallvec::SmallVec;

/// The conditions of a subject, with their bits.
pub(super) const BITS: [(u8, Condition); 7] = [
    (LOW, Condition::LowStock),
    (OUT, Condition::StockOut),
    (OVER, Condition::Overstock),
    (SLOW, Condition::SlowStock),
    (DEAD, Condition::DeadStock),
    (COUNT, Condition::CountOverdue),
    (CONFIDENCE, Condition::LowConfidence),
];

impl StockWatch {
    /// Takes in the next account: what it feeds, and what stands on it.
    pub(super) fn link(&mut self, desk: &mut Desk<'_>, account: AccountId) {
        let catalog = desk.state.catalog();
        let key = catalog.account(account);
        let warehouse = catalog.location(key.location).warehouse;
        let is_watched = key.kind.is_on_hand() || matches!(key.kind, AccountKind::OnOrder | AccountKind::InTransit);
        let mut link = Link {
            subject: NONE,
            wider: NONE,
            lot: NONE,
            kind: key.kind,
            holds: 0,
            pending: 0,
            moves: 0,
            reserved: 0,
            last_count: Timestamp::MIN,
        };
        if is_watched {
            link.subject = self.subject(desk, key.product, warehouse);
            if key.kind.is_on_hand() {
                link.wider = self.wider_of(desk, key.product, key.location);
                link.lot = self.lot(key.lot, warehouse);
            }
        }
        self.links.push(link);
    }

    fn wider_of(&mut self, desk: &mut Desk<'_>, product: ProductId, location: LocationId) -> u32 {
        if self.places.is_empty() {
            return NONE;
        }
        let catalog = desk.state.catalog();
        let path = catalog.location(location).path.clone();
        let places = upward(&path).filter_map(|above| catalog.find_location(above));
        let places: Vec<LocationId> = places.filter(|place| self.places.contains(place)).collect();
        if places.is_empty() {
            return NONE;
        }
        let subjects: SmallVec<[u32; 2]> = places.into_iter().map(|place| self.subject(desk, product, place)).collect();
        self.wider.push(subjects);
        u32::try_from(self.wider.len() - 1).expect("no more lists than accounts")
    }

    /// The subject of a product at a place, made when there is none.
    fn subject(&mut self, desk: &mut Desk<'_>, product: ProductId, place: LocationId) -> u32 {
        if let Some(index) = self.index.get(&(product, place)) {
            return *index;
        }
        let index = self.insert(Subject::new(product, place, desk.now));
        self.resolve(desk, index);
        // Nothing is there yet, and that may be too little.
        super::note(&mut self.touched, index, 0);
        index
    }

    pub(super) fn insert(&mut self, subject: Subject) -> u32 {
        let index = u32::try_from(self.subjects.len()).expect("no more subjects than accounts");
        self.index.insert((subject.product, subject.place), index);
        if self.by_product.len() <= subject.product.index() {
            self.by_product.resize_with(subject.product.index() + 1, SmallVec::new);
        }
        self.by_product[subject.product.index()].push(index);
        self.subjects.push(subject);
        index
    }

    /// A location that a rule names is used for the first time.
    pub(super) fn learn_place(&mut self, desk: &mut Desk<'_>, path: &str) {
        if path.contains('/') && desk.rules.places().any(|place| place == path) {
            self.watch_place(desk, path);
        }
    }

    /// Watches a place inside a warehouse by itself: its stock so far is taken together.
    fn watch_place(&mut self, desk: &mut Desk<'_>, path: &str) {
        let Some(place) = desk.state.catalog().find_location(path) else { return };
        if !self.places.insert(place) {
            return;
        }
        for index in 0..self.links.len() {
            let link = self.links[index];
            if !link.kind.is_on_hand() {
                continue;
            }
            let account = AccountId::at(index);
            let key = desk.state.catalog().account(account);
            if is_within(&desk.state.catalog().location(key.location).path, path) {
                let subject = self.subject(desk, key.product, place);
                self.feed(desk.state, account, subject);
            }
        }
    }

    /// Lets an account feed one subject more, with what stands on it.
    fn feed(&mut self, state: &State, account: AccountId, subject: u32) {
        let link = &mut self.links[account.index()];
        if link.wider == NONE {
            link.wider = u32::try_from(self.wider.len()).expect("no more lists than accounts");
            self.wider.push(SmallVec::new());
        }
        let link = *link;
        self.wider[link.wider as usize].push(subject);
        let fed = &mut self.subjects[subject as usize];
        fed.post(link.kind, state.balance(account).micros());
        fed.reserved = fed.reserved.wrapping_add(link.reserved);
        fed.last_count = fed.last_count.max(link.last_count);
    }

    /// A rule was declared or withdrawn: whatever it may concern is looked at anew. `card` is what it was or is.
    pub(crate) fn rule_changed(&mut self, desk: &mut Desk<'_>, card: &RuleCard) {
        if card.location.contains('/') {
            self.watch_place(desk, &card.location);
        }
        let is_covered = |index: &u32| {
            let path = &desk.state.catalog().location(self.subjects[*index as usize].place).path;
            card.location.is_empty() || is_within(path, &card.location)
        };
        let indices: Vec<u32> = if card.product.is_empty() {
            (0..).take(self.subjects.len()).filter(is_covered).collect()
        } else {
            let product = desk.state.catalog().find_product(&card.product);
            let own = product.and_then(|product| self.by_product.get(product.index()));
            own.into_iter().flatten().copied().filter(is_covered).collect()
        };
        self.resolve_all(desk, &indices);
        match Condition::named(&card.condition).map(|condition| condition.info().about) {
            Some(About::Lot) => {
                self.touched_lots.extend((0..).take(self.lots.len()));
                self.judge_lots(desk);
            }
            Some(About::Account) => self.judge_flagged_accounts(desk),
            _ => {}
        }
    }

    /// A product's card changed: its category may be another.
    pub(crate) fn product_changed(&mut self, desk: &mut Desk<'_>, product: &str) {
        let product = desk.state.catalog().find_product(product);
        let own = product.and_then(|product| self.by_product.get(product.index())).map(|own| own.to_vec());
        self.resolve_all(desk, &own.unwrap_or_default());
    }

    /// A location's card changed: its region may be another.
    pub(crate) fn location_changed(&mut self, desk: &mut Desk<'_>, location: &str) {
        if location.contains('/') {
            return;
        }
        let catalog = desk.state.catalog();
        let warehouse = catalog.find_location(location);
        let stands_in = |subject: &Subject| Some(catalog.location(subject.place).warehouse) == warehouse;
        let indices: Vec<u32> =
            (0..).zip(&self.subjects).filter(|(_, subject)| stands_in(subject)).map(|(index, _)| index).collect();
        self.resolve_all(desk, &indices);
    }

    fn resolve_all(&mut self, desk: &mut Desk<'_>, indices: &[u32]) {
        for index in indices {
            let before = self.subjects[*index as usize].watched;
            self.resolve(desk, *index);
            if (before | self.subjects[*index as usize].watched) & OWN != 0 {
                self.own_touched.push(*index);
            }
            self.judge_figures(desk, *index);
            self.judge_if_due(desk, *index);
        }
    }

    /// Looks up which rules hold for a subject.
    pub(super) fn resolve(&mut self, desk: &mut Desk<'_>, index: u32) {
        let before = self.subjects[index as usize].watched;
        let (mut watched, mut low, mut out) = (0, None, None);
        let covered = |subject: &Subject| covered(desk.state, subject.product, subject.place);
        let subject = &self.subjects[index as usize];
        for (bit, condition) in BITS {
            if let Some(rule) = desk.rules.find(condition, covered(subject)) {
                watched |= bit;
                match condition {
                    Condition::LowStock => low = Some(rule),
                    Condition::StockOut => out = Some(rule),
                    _ => {}
                }
            }
        }
        if desk.rules.own(Over::Stock).any(|rule| covered(subject).is_covered_by(&rule.card)) {
            watched |= OWN;
        }
        // By default, running out matters where somebody has said how much there should be.
        if out.is_some_and(|rule| !desk.rules.is_declared(&rule.card.rule)) && low.is_none() {
            watched &= !OUT;
        }
        let over = desk.rules.find(Condition::Overstock, covered(subject));
        let subject = &mut self.subjects[index as usize];
        subject.watched = watched;
        subject.counts_orders = low.is_none_or(|rule| rule.flag("count_on_order").unwrap_or(true));
        let follows = |rule: &Rule, fixed: &str| !rule.has(fixed) && rule.has("days_of_supply");
        subject.follows_use =
            low.is_some_and(|rule| follows(rule, "below")) || over.is_some_and(|rule| follows(rule, "above"));
        set_thresholds(subject, low, over, desk.now);
        let dropped = before & !watched & (subject.holds | subject.pending);
        if dropped != 0 {
            self.drop_unwatched(desk, index, dropped);
        }
    }

    /// The use has changed, and a threshold is in days of it.
    pub(super) fn follow_use(&mut self, desk: &mut Desk<'_>, index: u32) {
        let subject = &mut self.subjects[index as usize];
        let covered = covered(desk.state, subject.product, subject.place);
        let low = desk.rules.find(Condition::LowStock, covered);
        let over = desk.rules.find(Condition::Overstock, covered);
        set_thresholds(subject, low, over, desk.now);
    }
}

fn set_thresholds(subject: &mut Subject, low: Option<&Rule>, over: Option<&Rule>, now: Timestamp) {
    let daily = subject.daily_use(now);
    let by_days = |rule: &Rule| rule.number("days_of_supply").map(|days| whole(days * daily));
    let share = |rule: &Rule| rule.number("clear_percent").unwrap_or(0.0) / 100.0;
    (subject.low, subject.low_clear) =
        match low.and_then(|rule| Some((rule, rule.quantity("below").or_else(|| by_days(rule))?))) {
            Some((rule, floor)) => (floor, floor.saturating_add(whole(float(floor) * share(rule)))),
            None => (NO_FLOOR, NO_FLOOR),
        };
    (subject.over, subject.over_clear) =
        match over.and_then(|rule| Some((rule, rule.quantity("above").or_else(|| by_days(rule))?))) {
            Some((rule, ceiling)) => (ceiling, ceiling.saturating_sub(whole(float(ceiling) * share(rule)))),
            None => (NO_CEILING, NO_CEILING),
        };
}

/// Whether a path is a location's or lies below it.
fn is_within(path: &str, location: &str) -> bool {
    path.strip_prefix(location).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What a rule is looked for: a product at a place.
pub(crate) fn covered(state: &State, product: ProductId, place: LocationId) -> Covered<'_> {
    let catalog = state.catalog();
    let (product, place) = (catalog.product(product), catalog.location(place));
    let warehouse = catalog.location(place.warehouse);
    Covered {
        product: &product.name,
        category: product.card.as_ref().map_or("", |card| &card.category),
        location: &place.path,
        region: warehouse.card.as_ref().map_or("", |card| &card.region),
        device: "",
    }
}
