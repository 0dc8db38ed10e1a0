//! Which rule holds for what: of all that cover something, the most particular one.
//!
//! A rule for a product comes before one for a category, and that before one for any product; then a deeper location
//! before a shallower one, that before a region, that before anywhere; then a rule for a device before one for any.
//! Of rules that are equally particular, the declared one comes before the built-in one, and the one whose id comes
//! first in the order of letters before the others. A rule that is off covers like any other: what it wins is not
//! watched for its condition.

use crate::condition::{About, Condition};
use crate::own::Subject;
use crate::rule::{Rule, builtin_rules};
use ledger::RuleCard;
use std::collections::{BTreeMap, BTreeSet};

/// What a rule is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Covered<'a> {
    /// The product; empty for none.
    pub product: &'a str,
    /// Its category; empty for none.
    pub category: &'a str,
    /// The location's path; empty for none.
    pub location: &'a str,
    /// The region of its warehouse; empty for none.
    pub region: &'a str,
    /// The device or source; empty for none.
    pub device: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Product(Box<str>),
    Category(Box<str>),
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    Location(Box<str>),
    Region(Box<str>),
    Any,
}

/// What a rule covers: by what it is about and by where.
type Key = (Condition, What, Where, Box<str>);

/// All rules.
#[derive(Clone, Debug)]
pub struct Rules {
    /// By id; built-in ones too.
    by_id: BTreeMap<Box<str>, Rule>,
    /// The ids of the rules that cover the same, declared ones in the order of their ids, then the built-in one.
    covering: BTreeMap<Key, Vec<Box<str>>>,
    /// How many rules of each condition there are that name something by device.
    by_device: BTreeMap<Condition, usize>,
    /// Locations inside warehouses that rules over stock name.
    places: BTreeMap<Box<str>, usize>,
    declared: BTreeSet<Box<str>>,
    /// The ids of conditions of users' own.
    own: BTreeSet<Box<str>>,
    /// The ids of rules over readings, by condition.
    over_readings: BTreeMap<Condition, BTreeSet<Box<str>>>,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}

fn key_of(card: &RuleCard, condition: Condition) -> Key {
    let what = match (&*card.product, &*card.category) {
        ("", "") => What::Any,
        ("", category) => What::Category(category.into()),
        (product, _) => What::Product(product.into()),
    };
    let place = match (&*card.location, &*card.region) {
        ("", "") => Where::Any,
        ("", region) => Where::Region(region.into()),
        (location, _) => Where::Location(location.into()),
    };
    (condition, what, place, card.device.clone())
}

/// Whether a rule is over the stock of a location inside a warehouse.
fn names_place(rule: &Rule) -> bool {
    let is_of_stock = matches!(rule.condition.info().about, About::Stock | About::Lot | About::Account);
    is_of_stock && rule.card.location.contains('/')
}

/// A path, the paths above it, deepest first.
pub(crate) fn upward(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors((!path.is_empty()).then_some(path), |path| path.rsplit_once('/').map(|(above, _)| above))
}

impl Covered<'_> {
    /// Whether the scope of a rule covers this.
    pub(crate) fn is_covered_by(&self, card: &RuleCard) -> bool {
        let is = |asked: &str, has: &str| asked.is_empty() || asked == has;
        is(&card.product, self.product)
            && is(&card.category, self.category)
            && is(&card.region, self.region)
            && is(&card.device, self.device)
            && (card.location.is_empty() || upward(self.location).any(|path| path == &*card.location))
    }
}

impl Rules {
    /// The built-in rules alone.
    pub fn new() -> Self {
        let mut rules = Self::none();
        for card in builtin_rules() {
            rules.insert(Rule::read(&card).expect("built-in rules can be followed"), false);
        }
        rules
    }

    /// No rule at all, built-in ones neither.
    pub(crate) fn none() -> Self {
        Self {
            by_id: BTreeMap::new(),
            covering: BTreeMap::new(),
            by_device: BTreeMap::new(),
            places: BTreeMap::new(),
            declared: BTreeSet::new(),
            own: BTreeSet::new(),
            over_readings: BTreeMap::new(),
        }
    }

    /// Takes a declared rule in, in place of the one of its id. One that cannot be followed is left out.
    pub fn declare(&mut self, card: &RuleCard) {
        self.remove(&card.rule);
        if let Ok(rule) = Rule::read(card) {
            self.insert(rule, true);
        }
    }

    /// Takes a declared rule out; a built-in one of its id is back.
    pub fn withdraw(&mut self, id: &str) {
        self.remove(id);
        if let Some(card) = builtin_rules().into_iter().find(|card| &*card.rule == id) {
            self.insert(Rule::read(&card).expect("built-in rules can be followed"), false);
        }
    }

    fn insert(&mut self, rule: Rule, is_declared: bool) {
        let key = key_of(&rule.card, rule.condition);
        let id = rule.card.rule.clone();
        if !key.3.is_empty() {
            *self.by_device.entry(rule.condition).or_default() += 1;
        }
        if names_place(&rule) {
            *self.places.entry(rule.card.location.clone()).or_default() += 1;
        }
        if is_declared {
            self.declared.insert(id.clone());
        }
        match rule.condition {
            Condition::Own => {
                self.own.insert(id.clone());
            }
            Condition::Temperature | Condition::Humidity | Condition::ReadingLimit => {
                self.over_readings.entry(rule.condition).or_default().insert(id.clone());
            }
            _ => {}
        }
        let declared = &self.declared;
        let ids = self.covering.entry(key).or_default();
        ids.push(id.clone());
        ids.sort_by_key(|id| (!declared.contains(id), id.clone()));
        self.by_id.insert(id, rule);
    }

    fn remove(&mut self, id: &str) {
        let Some(rule) = self.by_id.remove(id) else { return };
        self.declared.remove(id);
        self.own.remove(id);
        if let Some(ids) = self.over_readings.get_mut(&rule.condition) {
            ids.remove(id);
        }
        let key = key_of(&rule.card, rule.condition);
        let lower = |counts: Option<&mut usize>| {
            if let Some(count) = counts {
                *count -= 1;
            }
        };
        if !key.3.is_empty() {
            lower(self.by_device.get_mut(&rule.condition));
        }
        if names_place(&rule) {
            lower(self.places.get_mut(&rule.card.location));
            self.places.retain(|_, count| *count > 0);
        }
        if let Some(ids) = self.covering.get_mut(&key) {
            ids.retain(|other| &**other != id);
            if ids.is_empty() {
                self.covering.remove(&key);
            }
        }
    }

    /// The rule of this id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.by_id.get(id)
    }

    /// Every rule, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.by_id.values()
    }

    /// Whether the rule of this id was declared, and is not built in.
    pub fn is_declared(&self, id: &str) -> bool {
        self.declared.contains(id)
    }

    /// Locations inside warehouses that rules name, each once.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(|path| &**path)
    }

    /// The rules over readings that set this condition, by id, those that are off too.
    pub(crate) fn over_readings(&self, condition: Condition) -> impl Iterator<Item = &Rule> {
        let ids = self.over_readings.get(&condition).into_iter().flatten();
        ids.filter_map(|id| self.by_id.get(id))
    }

    /// Conditions of users' own over `over`, by id, without those that are off.
    pub(crate) fn own(&self, over: Subject) -> impl Iterator<Item = &Rule> {
        let own = self.own.iter().filter_map(|id| self.by_id.get(id));
        own.filter(move |rule| !rule.card.is_off && rule.over() == over)
    }

    /// The rule that holds for something; `None` when none does, or the one that does is off.
    pub fn find(&self, condition: Condition, covered: Covered<'_>) -> Option<&Rule> {
        self.covering_rule(condition, covered).filter(|rule| !rule.card.is_off)
    }

    /// Whether there is any rule of this condition.
    fn has_any(&self, condition: Condition) -> bool {
        // The first key that a rule of it can have.
        let first = (condition, What::Product("".into()), Where::Location("".into()), "".into());
        self.covering.range(first..).next().is_some_and(|(key, _)| key.0 == condition)
    }

    pub(crate) fn covering_rule(&self, condition: Condition, covered: Covered<'_>) -> Option<&Rule> {
        if !self.has_any(condition) {
            return None;
        }
        let mut whats = Vec::with_capacity(3);
        if !covered.product.is_empty() {
            whats.push(What::Product(covered.product.into()));
        }
        if !covered.category.is_empty() {
            whats.push(What::Category(covered.category.into()));
        }
        whats.push(What::Any);
        let has_device = self.by_device.get(&condition).is_some_and(|count| *count > 0) && !covered.device.is_empty();
        let devices: &[&str] = if has_device { &[covered.device, ""] } else { &[""] };
        for device in devices {
            for what in &whats {
                if let Some(rule) = self.at(condition, what, covered, device) {
                    return Some(rule);
                }
            }
        }
        None
    }

    fn at(&self, condition: Condition, what: &What, covered: Covered<'_>, device: &str) -> Option<&Rule> {
        let mut places: Vec<Where> = upward(covered.location).map(|path| Where::Location(path.into())).collect();
        if !covered.region.is_empty() {
            places.push(Where::Region(covered.region.into()));
        }
        places.push(Where::Any);
        places.into_iter().find_map(|place| {
            let ids = self.covering.get(&(condition, what.clone(), place, device.into()))?;
            self.by_id.get(ids.first()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn low(rule: &str, of: impl FnOnce(&mut RuleCard)) -> RuleCard {
        let mut card = RuleCard {
            rule: rule.into(),
            condition: "low_stock".into(),
            settings: vec![("below".into(), "5".into())],
            ..RuleCard::default()
        };
        of(&mut card);
        card
    }

    #[test]
    fn the_most_particular_rule_holds_and_an_off_one_silences() {
        let mut rules = Rules::new();
        rules.declare(&low("any", |_| {}));
        rules.declare(&low("region", |card| card.region = "north".into()));
        rules.declare(&low("warehouse", |card| card.location = "A".into()));
        rules.declare(&low("bin", |card| card.location = "A/cold/1".into()));
        rules.declare(&low("category", |card| card.category = "tea".into()));
        rules.declare(&low("product", |card| card.product = "GREY".into()));
        let holds = |rules: &Rules, covered| {
            rules.find(Condition::LowStock, covered).map_or("none".to_owned(), |rule| rule.card.rule.to_string())
        };
        let jam = Covered { product: "JAM", ..Covered::default() };
        assert_eq!(holds(&rules, jam), "any");
        assert_eq!(holds(&rules, Covered { region: "north", location: "B", ..jam }), "region");
        assert_eq!(holds(&rules, Covered { region: "north", location: "A/x", ..jam }), "warehouse");
        assert_eq!(holds(&rules, Covered { location: "A/cold/1/9", ..jam }), "bin");
        assert_eq!(holds(&rules, Covered { category: "tea", location: "A", ..jam }), "category");
        let grey = Covered { product: "GREY", category: "tea", location: "A", ..Covered::default() };
        assert_eq!(holds(&rules, grey), "product");
        rules.declare(&low("product", |card| {
            card.product = "GREY".into();
            card.is_off = true;
        }));
        assert_eq!(holds(&rules, grey), "none");
        rules.withdraw("product");
        assert_eq!(holds(&rules, grey), "category");
        assert_eq!(rules.places().collect::<Vec<_>>(), ["A/cold/1"]);
        rules.withdraw("bin");
        assert_eq!(rules.places().count(), 0);
    }

    #[test]
    fn a_built_in_rule_is_replaced_and_comes_back() {
        let mut rules = Rules::new();
        let find = |rules: &Rules| rules.find(Condition::NegativeStock, Covered::default()).is_some();
        assert!(find(&rules) && !rules.is_declared("default-negative-stock"));
        let off = RuleCard { is_off: true, ..builtin_rules().remove(1) };
        rules.declare(&off);
        assert!(!find(&rules) && rules.is_declared("default-negative-stock"));
        rules.withdraw("default-negative-stock");
        assert!(find(&rules));
    }
}
