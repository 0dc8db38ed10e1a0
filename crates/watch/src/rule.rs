//! Rules: which condition is watched, for what, and how; read from the cards that people declare.

use crate::condition::{About, CONDITIONS, Condition, Setting, SettingKind};
use crate::own::Subject;
use crate::own_rules::Followed;
use ledger::{Quantity, RuleCard, Severity};
use std::sync::Arc;

/// Microseconds of a minute.
const MINUTE: i64 = 60_000_000;

/// What is wrong with a rule's card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// The field, such as `settings.below`.
    pub field: Box<str>,
    /// The problem in words, with the value at fault and the remedy.
    pub detail: String,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// Micro-units.
    Quantity(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A choice or free text.
    Text(Box<str>),
}

/// A rule as it is followed.
#[derive(Clone, Debug)]
pub struct Rule {
    /// As it was declared.
    pub card: RuleCard,
    /// What it sets.
    pub condition: Condition,
    /// How much its alerts matter.
    pub severity: Severity,
    values: Vec<(&'static str, SettingValue)>,
    /// The condition that a user wrote, compiled.
    own: Option<Arc<Followed>>,
}

/// Reads the text of a setting.
///
/// # Errors
/// The problem in words, without the name of the setting.
pub fn read_setting(setting: &Setting, text: &str) -> Result<SettingValue, String> {
    match setting.kind {
        SettingKind::Quantity => match text.parse::<Quantity>() {
            Ok(quantity) if quantity >= Quantity::ZERO => Ok(SettingValue::Quantity(quantity.micros())),
            _ => Err(format!("'{text}' is no quantity of 0 or more with six decimals at most; send one such as 12.5")),
        },
        SettingKind::Number(min, max) => match text.parse::<f64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(SettingValue::Number(number)),
            _ => Err(format!("'{text}' is no number of {min} to {max}; send one")),
        },
        SettingKind::Flag => match text {
            "true" => Ok(SettingValue::Flag(true)),
            "false" => Ok(SettingValue::Flag(false)),
            _ => Err(format!("'{text}' is neither true nor false; send one of them")),
        },
        SettingKind::Choice(choices) => match choices.iter().find(|choice| **choice == text) {
            Some(choice) => Ok(SettingValue::Text((*choice).into())),
            None => Err(format!("'{text}' is unknown; use one of {}", choices.join(", "))),
        },
        SettingKind::Text => Ok(SettingValue::Text(text.into())),
    }
}

impl Rule {
    /// Reads a card.
    ///
    /// # Errors
    /// Everything that is wrong with it; never an empty list.
    pub fn read(card: &RuleCard) -> Result<Self, Vec<RuleFault>> {
        let mut faults = Vec::new();
        let Some(condition) = Condition::named(&card.condition) else {
            let known: Vec<&str> = CONDITIONS.iter().map(|info| info.name).collect();
            let detail = format!("condition '{}' is unknown; use one of {}", card.condition, known.join(", "));
            return Err(vec![RuleFault { field: "condition".into(), detail }]);
        };
        let info = condition.info();
        let mut values = Vec::with_capacity(card.settings.len());
        for (name, text) in &card.settings {
            let field = format!("settings.{name}");
            let Some(setting) = info.settings.iter().find(|setting| setting.name == &**name) else {
                let known: Vec<&str> = info.settings.iter().map(|setting| setting.name).collect();
                let remedy = if known.is_empty() { "leave it out".into() } else { format!("use {}", known.join(", ")) };
                let detail = format!("{field} is no setting of {}; {remedy}", info.name);
                faults.push(RuleFault { field: field.into(), detail });
                continue;
            };
            match read_setting(setting, text) {
                Ok(value) => values.push((setting.name, value)),
                Err(detail) => faults.push(RuleFault { detail: format!("{field} {detail}"), field: field.into() }),
            }
        }
        let severity = card.severity.unwrap_or(info.severity);
        let mut rule = Self { card: card.clone(), condition, severity, values, own: None };
        if faults.is_empty() {
            rule.judge(&mut faults);
        }
        if !faults.iter().any(|fault| &*fault.field == "settings.over") {
            rule.compile(&mut faults);
        }
        if faults.is_empty() { Ok(rule) } else { Err(faults) }
    }

    /// Compiles the condition of a user's own.
    fn compile(&mut self, faults: &mut Vec<RuleFault>) {
        let Some(text) = self.text("when").filter(|text| !text.is_empty()) else { return };
        match Followed::compile(text, self.over()) {
            Ok(own) => self.own = Some(Arc::new(own)),
            Err(found) => faults.extend(
                found.into_iter().map(|fault| RuleFault { field: "settings.when".into(), detail: fault.to_string() }),
            ),
        }
    }

    /// What no single setting shows: what is missing, and what does not go together.
    fn judge(&self, faults: &mut Vec<RuleFault>) {
        let mut fault = |field: &str, detail: String| faults.push(RuleFault { field: field.into(), detail });
        let has = |name: &str| self.has(name);
        if let Some(other) = self.condition.follows_from() {
            fault(
                "condition",
                format!("{} follows from rules of {}; declare one of those", self.condition.name(), other.name()),
            );
        }
        let one_of: &[&str] = match self.condition {
            Condition::LowStock => &["below", "days_of_supply"],
            Condition::Overstock => &["above", "days_of_supply"],
            Condition::Temperature | Condition::Humidity => &["class", "min", "max"],
            Condition::ReadingLimit => &["min", "max"],
            _ => &[],
        };
        if !self.card.is_off && !one_of.is_empty() && !one_of.iter().any(|name| has(name)) {
            fault("settings", format!("{} needs one of {}; set one", self.condition.name(), one_of.join(", ")));
        }
        for name in ["metric", "when"] {
            let asks = self.condition.info().settings.iter().any(|setting| setting.name == name);
            if asks && !self.card.is_off && self.text(name).is_none_or(str::is_empty) {
                fault(&format!("settings.{name}"), format!("{} needs settings.{name}; set it", self.condition.name()));
            }
        }
        if let (Some(min), Some(max)) = (self.number("min"), self.number("max"))
            && min > max
        {
            fault("settings.min", format!("settings.min {min} is above settings.max {max}; swap them"));
        }
        let RuleCard { product, category, location, region, device, .. } = &self.card;
        if !product.is_empty() && !category.is_empty() {
            fault("category", "category has no place beside product_id; leave one of them out".into());
        }
        if !location.is_empty() && !region.is_empty() {
            fault("region", "region has no place beside location; leave one of them out".into());
        }
        let (takes_stock, takes_device) = self.takes();
        for (field, text) in [("product_id", product), ("category", category)] {
            if !takes_stock && !text.is_empty() {
                fault(field, format!("{field} has no meaning for {}; leave it out", self.condition.name()));
            }
        }
        if !takes_device && !device.is_empty() {
            fault("device", format!("device has no meaning for {}; leave it out", self.condition.name()));
        }
    }

    /// Whether the scope may name products, and devices.
    fn takes(&self) -> (bool, bool) {
        match self.condition {
            Condition::Temperature | Condition::Humidity => (true, true),
            Condition::Own => match self.over() {
                Subject::Stock => (true, false),
                Subject::Reading | Subject::Device => (false, true),
                Subject::Shipment => (false, false),
            },
            _ => match self.condition.info().about {
                About::Stock | About::Lot | About::Account => (true, false),
                About::Device => (false, true),
                About::Shipment | About::System => (false, false),
            },
        }
    }

    /// What a condition of a user's own is about.
    pub(crate) fn over(&self) -> Subject {
        self.text("over").and_then(Subject::from_name).unwrap_or(Subject::Stock)
    }

    /// The condition of a user's own, compiled.
    pub(crate) fn own(&self) -> Option<&Followed> {
        self.own.as_deref()
    }

    /// Whether a setting was set by the rule.
    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(own, _)| *own == name)
    }

    /// A setting: as set by the rule, else its default.
    fn value(&self, name: &str) -> Option<SettingValue> {
        if let Some((_, value)) = self.values.iter().find(|(own, _)| *own == name) {
            return Some(value.clone());
        }
        let setting = self.condition.info().settings.iter().find(|setting| setting.name == name)?;
        (!setting.default.is_empty()).then(|| read_setting(setting, setting.default).ok()).flatten()
    }

    /// A quantity, in micro-units; `None` for what is not set.
    pub fn quantity(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            SettingValue::Quantity(micros) => Some(micros),
            _ => None,
        }
    }

    /// A number; `None` for what is not set.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.value(name)? {
            SettingValue::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A flag; `None` for what is not set.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            SettingValue::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    /// A text; `None` for what is not set.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(own, _)| *own == name).and_then(|(_, value)| match value {
            SettingValue::Text(text) => Some(&**text),
            _ => None,
        })
    }

    /// A number of minutes, in microseconds; 0 for what is not set.
    pub fn minutes_micros(&self, name: &str) -> i64 {
        self.number(name).map_or(0, |minutes| whole(minutes * 60.0e6))
    }

    /// A number of days, in microseconds; `None` for what is not set.
    pub fn days_micros(&self, name: &str) -> Option<i64> {
        self.number(name).map(|days| whole(days * 86_400.0e6))
    }

    /// When an alert that nobody acknowledged is escalated, in microseconds after it was opened.
    pub fn escalate_micros(&self) -> Option<i64> {
        self.card.escalate_minutes.map(|minutes| i64::from(minutes) * MINUTE)
    }
}

/// The whole number nearest to a float; the nearest there is beyond what an integer holds, 0 for no number.
pub(crate) fn whole(number: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
    let whole = libm::round(number) as i64;
    whole
}

/// A float of an integer; the nearest there is beyond 2⁵³.
pub(crate) fn float(number: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "figures for people and estimates")]
    let float = number as f64;
    float
}

/// Whether a rule can be followed.
///
/// # Errors
/// As [`Rule::read`].
pub fn check_rule(card: &RuleCard) -> Result<(), Vec<RuleFault>> {
    Rule::read(card).map(drop)
}

/// The rules that hold from the start, on unless a rule of the same id says otherwise.
pub fn builtin_rules() -> Vec<RuleCard> {
    let rule = |condition: Condition, name: &str| RuleCard {
        rule: format!("default-{}", condition.name().replace('_', "-")).into(),
        name: name.into(),
        condition: condition.name().into(),
        ..RuleCard::default()
    };
    let system = |id: &str, name: &str, metric: &str, limits: &[(&str, &str)]| RuleCard {
        rule: format!("default-system-{id}").into(),
        name: name.into(),
        condition: Condition::ReadingLimit.name().into(),
        device: crate::watch::SOURCE.into(),
        settings: {
            let metric = std::iter::once(("metric", metric));
            let mut settings: Vec<_> = limits.iter().copied().chain(metric).collect();
            settings.sort_unstable();
            settings.into_iter().map(|(name, text)| (name.into(), text.into())).collect()
        },
        ..RuleCard::default()
    };
    let for_long = |max| [("max", max), ("allowed_minutes", "5")];
    vec![
        rule(Condition::StockOut, "Nothing left of what has a threshold"),
        rule(Condition::NegativeStock, "Less than nothing"),
        rule(Condition::DisputedStock, "Counts that differ"),
        rule(Condition::ReservationShort, "Reservations that cannot be met"),
        rule(Condition::StockOnHold, "Stock on hold after an excursion"),
        rule(Condition::ExpiringLot, "Lots that expire within 30 days"),
        rule(Condition::ExpiredLot, "Lots that have expired"),
        rule(Condition::ExposureBudget, "Lots outside their limits for too long"),
        rule(Condition::SensorFault, "Faulty sensors"),
        rule(Condition::SensorLost, "Guarding sensors that fall silent"),
        rule(Condition::DeviceSilent, "Devices that fall silent"),
        rule(Condition::BatteryLow, "Batteries nearly empty"),
        rule(Condition::HeldGrowth, "Held inputs pile up"),
        rule(Condition::ShipmentLate, "Shipments that will be late"),
        rule(Condition::ShipmentStopped, "Shipments that stand still"),
        rule(Condition::ShipmentOffRoute, "Shipments off their route"),
        rule(Condition::ShipmentSilent, "Shipments that fall silent"),
        rule(Condition::OverReceipt, "More arrived than expected"),
        rule(Condition::ShortReceipt, "Less arrived than expected"),
        system("disk-free", "Disk nearly full", "disk_free_percent", &[("min", "10"), ("hysteresis", "1")]),
        system("journal-sync", "Journal written slowly", "journal_sync_ms_p99", &for_long("250")),
        system("acknowledge", "Senders wait long", "acknowledge_ms_p99", &for_long("1000")),
        system("queue-depth", "Events pile up before they are decided", "queue_depth", &for_long("500000")),
        system("clock-step", "The clock was set", "clock_step_seconds", &[("min", "-5"), ("max", "5")]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(condition: &str, settings: &[(&str, &str)]) -> RuleCard {
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        RuleCard { rule: "r".into(), condition: condition.into(), settings, ..RuleCard::default() }
    }

    #[test]
    fn every_fault_of_a_card_is_named() {
        let faults = |card: RuleCard| {
            let faults = Rule::read(&card).err().unwrap_or_default();
            faults.iter().map(|fault| fault.field.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(faults(card("low_stok", &[])), ["condition"]);
        assert_eq!(faults(card("low_stock", &[])), ["settings"]);
        assert_eq!(
            faults(card("low_stock", &[("below", "-1"), ("clear_percent", "x"), ("max", "3")])),
            ["settings.below", "settings.clear_percent", "settings.max"]
        );
        assert_eq!(faults(card("temperature", &[("min", "8"), ("max", "2")])), ["settings.min"]);
        assert_eq!(faults(card("own", &[])), ["settings.when"]);
        let wrong = card("own", &[("when", "stock.onhand > 3 && stock.free < 1")]);
        assert_eq!(faults(wrong.clone()), ["settings.when", "settings.when"]);
        let details: Vec<String> = Rule::read(&wrong).err().into_iter().flatten().map(|fault| fault.detail).collect();
        assert!(details[0].starts_with("column 7: stock has no 'onhand'"), "{details:?}");
        assert!(details[1].starts_with("column 27: stock has no 'free'"), "{details:?}");
        let both = RuleCard { product: "P".into(), category: "C".into(), ..card("low_stock", &[("below", "1")]) };
        assert_eq!(faults(both), ["category"]);
        let device = RuleCard { device: "d".into(), ..card("low_stock", &[("below", "1")]) };
        assert_eq!(faults(device), ["device"]);
        let off = RuleCard { is_off: true, ..card("low_stock", &[]) };
        assert_eq!(faults(off), [""; 0]);
    }

    #[test]
    fn built_in_rules_can_be_followed() {
        for card in builtin_rules() {
            Rule::read(&card).unwrap_or_else(|faults| panic!("{}: {faults:?}", card.rule));
        }
    }

    #[test]
    fn settings_fall_back_to_their_defaults() {
        let rule = Rule::read(&card("low_stock", &[("below", "12.5"), ("for_minutes", "2")])).expect("it is whole");
        assert_eq!(rule.quantity("below"), Some(12_500_000));
        assert_eq!(rule.number("clear_percent"), Some(10.0));
        assert_eq!(rule.flag("count_on_order"), Some(true));
        assert_eq!(rule.minutes_micros("for_minutes"), 120_000_000);
        assert_eq!((rule.number("days_of_supply"), rule.has("clear_percent")), (None, false));
    }
}
