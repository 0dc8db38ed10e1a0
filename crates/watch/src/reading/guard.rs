//! One rule against one figure: how long it is outside, how far, and what the rule makes of it.

use crate::cold::{Class, Exposure, Limits, Settings, Terms};
use crate::condition::Condition;
use crate::rule::Rule;
use crate::scope::{Covered, Rules};

const MINUTE: i64 = 60_000_000;
/// How long outside is allowed at a time where a rule names neither a class nor a time, in minutes.
const ALLOWED_MINUTES: f64 = 15.0;
/// Beyond the limits by this much, a temperature or humidity must have come back to be inside again.
const HYSTERESIS: f64 = 0.5;

/// What a figure is, for the rules that do not name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Temperature,
    Humidity,
    Other,
}

impl Kind {
    /// By the name that devices give it: `temperature`, `temperature_celsius`, `air_temperature`; `humidity`,
    /// `relative_humidity_percent`.
    pub(super) fn of(metric: &str) -> Self {
        let is = |word: &str| metric.split(['_', '.', '/', '-', ' ']).any(|part| part.eq_ignore_ascii_case(word));
        if is("temperature") || is("temp") {
            Self::Temperature
        } else if is("humidity") || is("rh") {
            Self::Humidity
        } else {
            Self::Other
        }
    }

    pub(super) const fn condition(self) -> Condition {
        match self {
            Self::Temperature => Condition::Temperature,
            Self::Humidity => Condition::Humidity,
            Self::Other => Condition::ReadingLimit,
        }
    }
}

/// A temperature in °C, whatever the device measures it in; any other figure as it is.
pub(super) fn in_celsius(metric: &str, unit: &str, value: f64) -> f64 {
    if Kind::of(metric) != Kind::Temperature {
        return value;
    }
    let said = |word: &str| {
        let by_unit = unit.trim_start_matches(['°', ' ']).eq_ignore_ascii_case(word);
        by_unit || metric.rsplit('_').next().is_some_and(|last| last.eq_ignore_ascii_case(word))
    };
    if said("fahrenheit") || said("f") {
        (value - 32.0) / 1.8
    } else if said("kelvin") || said("k") {
        value - 273.15
    } else {
        value
    }
}

/// A rule against a figure.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// The rule's id.
    pub(super) rule: Box<str>,
    pub(super) condition: Condition,
    /// For which product, or category; both empty for all that stands there.
    pub(super) product: Box<str>,
    pub(super) category: Box<str>,
    /// Outside for longer than allowed: an excursion.
    pub(super) outside: Exposure,
    /// Further than tolerated, for however short: an excursion too.
    pub(super) far: Option<Exposure>,
    /// Outside at all, for a few minutes: told before it becomes an excursion.
    pub(super) warn: Option<Exposure>,
    pub(super) allowed_minutes: f64,
    /// What a lot may be outside in all, in minutes; `None` for no limit.
    pub(super) budget_minutes: Option<u32>,
    pub(super) holds_stock: bool,
    /// The most that the mean kinetic temperature may be, and over how many hours.
    pub(super) kinetic: Option<(f64, u16)>,
    /// Whether the excursion that is on was told.
    pub(super) is_told: bool,
}

impl Guard {
    fn new(rule: &Rule, gap: i64) -> Self {
        let class = rule.text("class").and_then(Class::from_name).map(Class::terms);
        let is_humidity = rule.condition == Condition::Humidity;
        let by_class = class.map(|terms| if is_humidity { terms.humidity } else { terms.temperature });
        let limits = Limits {
            min: rule.number("min").or_else(|| by_class.and_then(|limits| limits.min)),
            max: rule.number("max").or_else(|| by_class.and_then(|limits| limits.max)),
        };
        // Limits of the rule's own stand for themselves: the class says what it tolerates of its own limits only.
        let is_own = rule.has("min") || rule.has("max");
        let terms: Option<Terms> = class.filter(|_| !is_own && !is_humidity);
        let is_plain = rule.condition == Condition::ReadingLimit;
        let allowed_minutes = rule.number("allowed_minutes").unwrap_or_else(|| match &terms {
            Some(terms) => f64::from(terms.excursion_minutes_max),
            None => ALLOWED_MINUTES,
        });
        let hysteresis = rule.number("hysteresis").unwrap_or(HYSTERESIS);
        let after = |limits: Limits, minutes: f64| {
            let begins_after_micros = crate::rule::whole(minutes * 60.0e6);
            Exposure::new(Settings { limits, hysteresis, begins_after_micros, gap_micros_max: gap })
        };
        let warn_minutes = rule.number("warn_minutes").filter(|minutes| !is_plain && *minutes < allowed_minutes);
        let budget = rule.number("budget_minutes").map(crate::rule::whole);
        let budget = budget.map(|minutes| u32::try_from(minutes).unwrap_or(u32::MAX));
        Self {
            rule: rule.card.rule.clone(),
            condition: rule.condition,
            product: rule.card.product.clone(),
            category: rule.card.category.clone(),
            outside: after(limits, allowed_minutes),
            far: terms.map(|terms| after(terms.tolerated, 0.0)),
            warn: warn_minutes.map(|minutes| after(limits, minutes)),
            allowed_minutes,
            budget_minutes: budget.or_else(|| terms.map(|terms| terms.budget_minutes)).filter(|_| !is_plain),
            holds_stock: rule.flag("hold_stock").unwrap_or(rule.condition == Condition::Temperature),
            kinetic: terms.and_then(|terms| Some((terms.kinetic_max?, terms.kinetic_hours))),
            is_told: false,
        }
    }

    /// The limits.
    pub(super) fn limits(&self) -> Limits {
        self.outside.settings().limits
    }

    /// Whether an excursion is on.
    pub(super) fn is_on(&self) -> bool {
        let far = self.far.as_ref().is_some_and(|far| far.episode().is_some());
        self.is_told && (far || self.outside.episode().is_some())
    }

    /// The sensor is lost: whatever is on ends.
    pub(super) fn lose(&mut self) {
        let end = ledger::Timestamp::MAX;
        self.outside.lapse(end);
        for exposure in [&mut self.far, &mut self.warn].into_iter().flatten() {
            exposure.lapse(end);
        }
    }

    /// Whether it is for the stock of some products only.
    pub(super) fn is_of_products(&self) -> bool {
        !self.product.is_empty() || !self.category.is_empty()
    }

    /// Goes on where the guard of the same rule was, under the settings of this one.
    pub(super) fn go_on_from(&mut self, before: Self) {
        let go_on = |now: &mut Exposure, mut before: Exposure| {
            before.set(*now.settings());
            *now = before;
        };
        go_on(&mut self.outside, before.outside);
        for (now, before) in [(&mut self.far, before.far), (&mut self.warn, before.warn)] {
            if let (Some(now), Some(before)) = (now, before) {
                go_on(now, before);
            }
        }
        self.is_told = before.is_told;
    }
}

/// The guards of a figure, by the ids of their rules: of rules over all that stands there the most particular one, and
/// every rule over some products only, for they guard other stock.
pub(super) fn guards(rules: &Rules, kind: Kind, metric: &str, covered: Covered<'_>, gap: i64) -> Vec<Guard> {
    let mut guards: Vec<Guard> = Vec::new();
    if kind != Kind::Other {
        let of_zone = rules.find(kind.condition(), covered);
        guards.extend(of_zone.map(|rule| Guard::new(rule, gap)));
        let of_products = rules.over_readings(kind.condition()).filter(|rule| {
            let is_of_products = !rule.card.product.is_empty() || !rule.card.category.is_empty();
            is_of_products && covers(rule, covered)
        });
        guards.extend(of_products.map(|rule| Guard::new(rule, gap)));
    }
    let by_metric = rules.over_readings(Condition::ReadingLimit);
    let by_metric = by_metric.filter(|rule| rule.text("metric") == Some(metric) && covers(rule, covered));
    guards.extend(by_metric.max_by_key(|rule| particularity(rule, rules)).map(|rule| Guard::new(rule, gap)));
    guards.sort_by(|a, b| a.rule.cmp(&b.rule));
    guards
}

/// Whether a rule is on and covers a device by its place and name.
fn covers(rule: &Rule, covered: Covered<'_>) -> bool {
    let card = &rule.card;
    let of_its_products = Covered { product: &card.product, category: &card.category, ..covered };
    !card.is_off && of_its_products.is_covered_by(card)
}

/// The greater, the more particular: by device, by depth of the location, by region; declared before built in.
fn particularity(rule: &Rule, rules: &Rules) -> (bool, usize, bool, bool, std::cmp::Reverse<Box<str>>) {
    let card = &rule.card;
    let depth = crate::scope::upward(&card.location).count();
    let is_declared = rules.is_declared(&card.rule);
    (!card.device.is_empty(), depth, !card.region.is_empty(), is_declared, std::cmp::Reverse(card.rule.clone()))
}

/// Minutes of a duration.
pub(super) fn minutes(micros: i64) -> f64 {
    crate::rule::float(micros) / crate::rule::float(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_known_by_their_names_and_units() {
        for metric in ["temperature", "temperature_celsius", "air-temperature", "Temp"] {
            assert_eq!(Kind::of(metric), Kind::Temperature, "{metric}");
        }
        assert_eq!(Kind::of("relative_humidity_percent"), Kind::Humidity);
        assert_eq!((Kind::of("pressure"), Kind::of("template")), (Kind::Other, Kind::Other));
        assert!((in_celsius("temperature_fahrenheit", "", 50.0) - 10.0).abs() < 1e-9);
        assert!((in_celsius("temperature", "°F", 50.0) - 10.0).abs() < 1e-9);
        assert!((in_celsius("temperature", "K", 273.15)).abs() < 1e-9);
        assert!((in_celsius("temperature", "°C", 4.0) - 4.0).abs() < 1e-9);
        assert!((in_celsius("force", "f", 50.0) - 50.0).abs() < 1e-9);
    }
}
