//! What can be watched: every condition with what it says, its settings, and what they are unless a rule says
//! otherwise.

use ledger::Severity;

/// A condition that a rule can set. The names are written to the journal and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "`CONDITIONS` says what each is")]
#[repr(u8)]
pub enum Condition {
    LowStock,
    StockOut,
    Overstock,
    SlowStock,
    DeadStock,
    CountOverdue,
    LowConfidence,
    ExpiringLot,
    ExpiredLot,
    NegativeStock,
    DisputedStock,
    ReservationShort,
    StockOnHold,
    Temperature,
    TemperatureOutside,
    Humidity,
    HumidityOutside,
    MeanKinetic,
    ReadingLimit,
    ExposureBudget,
    SensorFault,
    SensorLost,
    DeviceSilent,
    BatteryLow,
    SourceLag,
    HeldGrowth,
    ShipmentLate,
    ShipmentStopped,
    ShipmentOffRoute,
    ShipmentSilent,
    OverReceipt,
    ShortReceipt,
    Own,
}

/// What an alert of a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A product at a warehouse or location.
    Stock,
    /// A lot of a product in a warehouse.
    Lot,
    /// One stock account: product, location, lot.
    Account,
    /// A device, or one figure of it.
    Device,
    /// A shipment.
    Shipment,
    /// This system.
    System,
}

impl About {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Lot => "lot",
            Self::Account => "account",
            Self::Device => "device",
            Self::Shipment => "shipment",
            Self::System => "system",
        }
    }
}

/// How the text of a setting is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SettingKind {
    /// A quantity of the product's base unit, six decimals at most.
    Quantity,
    /// A number of this least and greatest value.
    Number(f64, f64),
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Free text.
    Text,
}

/// A setting of a condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it says, for people.
    pub says: &'static str,
    /// How its text is read.
    pub kind: SettingKind,
    /// What it is unless a rule says otherwise; empty for nothing.
    pub default: &'static str,
}

/// What there is to know of a condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConditionInfo {
    /// Which.
    pub condition: Condition,
    /// The name used outside and in the journal.
    pub name: &'static str,
    /// What it says, for people.
    pub says: &'static str,
    /// What its alerts are about.
    pub about: About,
    /// How much its alerts matter unless a rule says otherwise.
    pub severity: Severity,
    /// Its settings.
    pub settings: &'static [Setting],
    /// What to do about such an alert.
    pub remedy: &'static str,
}

const fn setting(name: &'static str, says: &'static str, kind: SettingKind, default: &'static str) -> Setting {
    Setting { name, says, kind, default }
}

const MINUTES: SettingKind = SettingKind::Number(0.0, 525_600.0);
const DAYS: SettingKind = SettingKind::Number(0.0, 3_660.0);
const PERCENT: SettingKind = SettingKind::Number(0.0, 1_000.0);

const FOR_MINUTES: Setting = setting("for_minutes", "how long it must hold before it is an alert", MINUTES, "0");
const HYSTERESIS: Setting =
    setting("clear_percent", "how far beyond the limit it must come back to be over", PERCENT, "10");

const LIMITS: &[Setting] = &[
    setting(
        "class",
        "a class of storage with its limits, allowed time and budget",
        SettingKind::Choice(&["frozen", "deep_frozen", "chilled", "pharma_2_8", "controlled_room", "cool", "ambient"]),
        "",
    ),
    setting("min", "the least allowed figure", SettingKind::Number(-1e9, 1e9), ""),
    setting("max", "the greatest allowed figure", SettingKind::Number(-1e9, 1e9), ""),
    setting("allowed_minutes", "how long outside is allowed at a time", MINUTES, ""),
    setting("budget_minutes", "how long a lot may be outside in all its life", MINUTES, ""),
    setting("warn_minutes", "how long outside before it is told, ahead of an excursion", MINUTES, "5"),
    setting("hysteresis", "how far inside the limit the figure must come back", SettingKind::Number(0.0, 1e9), ""),
    setting("hold_stock", "whether the exposed lots are put on hold", SettingKind::Flag, ""),
];

/// Every condition.
pub const CONDITIONS: &[ConditionInfo] = &[
    ConditionInfo {
        condition: Condition::LowStock,
        name: "low_stock",
        says: "What is available and on its way is below the threshold.",
        about: About::Stock,
        severity: Severity::Warning,
        settings: &[
            setting("below", "the threshold, in base units", SettingKind::Quantity, ""),
            setting("days_of_supply", "the threshold as days of the usual daily use", DAYS, ""),
            setting("count_on_order", "whether what is on order and in transit counts", SettingKind::Flag, "true"),
            HYSTERESIS,
            FOR_MINUTES,
        ],
        remedy: "Order or transfer more.",
    },
    ConditionInfo {
        condition: Condition::StockOut,
        name: "stock_out",
        says: "Nothing is available.",
        about: About::Stock,
        severity: Severity::Critical,
        settings: &[FOR_MINUTES],
        remedy: "Transfer from another warehouse, or expedite the open order.",
    },
    ConditionInfo {
        condition: Condition::Overstock,
        name: "overstock",
        says: "More is on hand than wanted.",
        about: About::Stock,
        severity: Severity::Info,
        settings: &[
            setting("above", "the most that is wanted, in base units", SettingKind::Quantity, ""),
            setting("days_of_supply", "the most that is wanted as days of the usual daily use", DAYS, ""),
            HYSTERESIS,
            FOR_MINUTES,
        ],
        remedy: "Cancel or postpone open orders, or transfer to where it is used.",
    },
    ConditionInfo {
        condition: Condition::SlowStock,
        name: "slow_stock",
        says: "Stock is on hand and none has left for some time.",
        about: About::Stock,
        severity: Severity::Info,
        settings: &[setting("days", "days without a removal", DAYS, "90")],
        remedy: "Look at price and placement, or transfer it.",
    },
    ConditionInfo {
        condition: Condition::DeadStock,
        name: "dead_stock",
        says: "Stock is on hand and none has left for very long.",
        about: About::Stock,
        severity: Severity::Info,
        settings: &[setting("days", "days without a removal", DAYS, "365")],
        remedy: "Sell it off, return it, or write it off.",
    },
    ConditionInfo {
        condition: Condition::CountOverdue,
        name: "count_overdue",
        says: "Stock has not been counted for too long.",
        about: About::Stock,
        severity: Severity::Info,
        settings: &[setting("days", "days without a count", DAYS, "180")],
        remedy: "Count it.",
    },
    ConditionInfo {
        condition: Condition::LowConfidence,
        name: "low_confidence",
        says: "The books are likely to be wrong.",
        about: About::Stock,
        severity: Severity::Info,
        settings: &[
            setting("below", "the least confidence, from 0 to 1", SettingKind::Number(0.0, 1.0), "0.5"),
            setting("read_rate", "the share of movements that are seen, to 1", SettingKind::Number(0.01, 1.0), ""),
        ],
        remedy: "Count it; the count list has the cheapest next counts.",
    },
    ConditionInfo {
        condition: Condition::ExpiringLot,
        name: "expiring_lot",
        says: "A lot on hand expires soon.",
        about: About::Lot,
        severity: Severity::Warning,
        settings: &[setting("days", "days before the expiry", DAYS, "30")],
        remedy: "Ship it first, mark it down, or transfer it to where it is used in time.",
    },
    ConditionInfo {
        condition: Condition::ExpiredLot,
        name: "expired_lot",
        says: "A lot on hand has expired.",
        about: About::Lot,
        severity: Severity::Critical,
        settings: &[],
        remedy: "Take it out of the stock that can be sold: change its status to expired, or scrap it.",
    },
    ConditionInfo {
        condition: Condition::NegativeStock,
        name: "negative_stock",
        says: "More has left than the books held.",
        about: About::Account,
        severity: Severity::Warning,
        settings: &[FOR_MINUTES],
        remedy: "Count it, or find the receipt that is missing.",
    },
    ConditionInfo {
        condition: Condition::DisputedStock,
        name: "disputed_stock",
        says: "A count and the books differed, and nothing has explained it.",
        about: About::Account,
        severity: Severity::Warning,
        settings: &[
            setting("percent", "the least difference, of what the books held", PERCENT, "5"),
            setting("quantity", "the least difference, in base units", SettingKind::Quantity, "1"),
        ],
        remedy: "Count it again, and look at the movements since the count before.",
    },
    ConditionInfo {
        condition: Condition::ReservationShort,
        name: "reservation_short",
        says: "More is reserved than is there: a reservation cannot be met any more.",
        about: About::Account,
        severity: Severity::Critical,
        settings: &[FOR_MINUTES],
        remedy: "Reserve from another place, or tell the customer.",
    },
    ConditionInfo {
        condition: Condition::StockOnHold,
        name: "stock_on_hold",
        says: "Stock was put on hold because of where it stood, and waits for a decision.",
        about: About::Account,
        severity: Severity::Warning,
        settings: &[],
        remedy: "Release it or scrap it, with your name and the reason.",
    },
    ConditionInfo {
        condition: Condition::Temperature,
        name: "temperature",
        says: "A temperature was outside its limits for longer than allowed.",
        about: About::Device,
        severity: Severity::Critical,
        settings: LIMITS,
        remedy: "Look at the room; the lots that stand there are on hold until somebody releases or scraps them.",
    },
    ConditionInfo {
        condition: Condition::TemperatureOutside,
        name: "temperature_outside",
        says: "A temperature is outside its limits, and not yet for longer than allowed.",
        about: About::Device,
        severity: Severity::Warning,
        settings: &[],
        remedy: "Close the door, look at the cooling: there is time before it becomes an excursion.",
    },
    ConditionInfo {
        condition: Condition::Humidity,
        name: "humidity",
        says: "A relative humidity was outside its limits for longer than allowed.",
        about: About::Device,
        severity: Severity::Warning,
        settings: LIMITS,
        remedy: "Look at the room.",
    },
    ConditionInfo {
        condition: Condition::HumidityOutside,
        name: "humidity_outside",
        says: "A relative humidity is outside its limits, and not yet for longer than allowed.",
        about: About::Device,
        severity: Severity::Warning,
        settings: &[],
        remedy: "Look at the room: there is time before it becomes an excursion.",
    },
    ConditionInfo {
        condition: Condition::MeanKinetic,
        name: "mean_kinetic_temperature",
        says: "What is stored has aged as if it had been too warm all along.",
        about: About::Device,
        severity: Severity::Critical,
        settings: &[],
        remedy: "Have quality decide about what stood there.",
    },
    ConditionInfo {
        condition: Condition::ReadingLimit,
        name: "reading_limit",
        says: "A figure of a device was outside its limits for longer than allowed.",
        about: About::Device,
        severity: Severity::Warning,
        settings: &[
            setting("metric", "which figure", SettingKind::Text, ""),
            setting("min", "the least allowed figure", SettingKind::Number(-1e15, 1e15), ""),
            setting("max", "the greatest allowed figure", SettingKind::Number(-1e15, 1e15), ""),
            setting("allowed_minutes", "how long outside is allowed at a time", MINUTES, "0"),
            setting("hysteresis", "how far inside it must come back", SettingKind::Number(0.0, 1e15), "0"),
        ],
        remedy: "Look at the device and what it measures.",
    },
    ConditionInfo {
        condition: Condition::ExposureBudget,
        name: "exposure_budget",
        says: "A lot was outside its limits for longer, in all, than it may be.",
        about: About::Lot,
        severity: Severity::Critical,
        settings: &[],
        remedy: "Have quality decide: release or scrap the lot, with a reason.",
    },
    ConditionInfo {
        condition: Condition::SensorFault,
        name: "sensor_fault",
        says: "A sensor's readings look faulty: stuck, jumping, drifting, noisy or too fast.",
        about: About::Device,
        severity: Severity::Warning,
        settings: &[],
        remedy: "Check the sensor against another one; replace or calibrate it.",
    },
    ConditionInfo {
        condition: Condition::SensorLost,
        name: "sensor_lost",
        says: "A sensor that guards limits is no longer heard.",
        about: About::Device,
        severity: Severity::Critical,
        settings: &[setting("after_minutes", "minutes without a reading", MINUTES, "30")],
        remedy: "Nobody guards this place now: look at the room, then at the sensor and its gateway.",
    },
    ConditionInfo {
        condition: Condition::DeviceSilent,
        name: "device_silent",
        says: "A device or source that should speak does not.",
        about: About::Device,
        severity: Severity::Warning,
        settings: &[
            setting("intervals", "how many of its intervals it may miss", SettingKind::Number(1.0, 1_000.0), "3"),
            setting("after_minutes", "minutes of silence, for one without an interval", MINUTES, ""),
        ],
        remedy: "Look at its power and network; what happens there is not seen meanwhile.",
    },
    ConditionInfo {
        condition: Condition::BatteryLow,
        name: "battery_low",
        says: "A device's battery is nearly empty.",
        about: About::Device,
        severity: Severity::Info,
        settings: &[setting("percent", "the least charge", SettingKind::Number(0.0, 100.0), "15")],
        remedy: "Change or charge the battery.",
    },
    ConditionInfo {
        condition: Condition::SourceLag,
        name: "source_lag",
        says: "What a source sends arrives late.",
        about: About::Device,
        severity: Severity::Warning,
        settings: &[setting("minutes", "the longest usual delay", MINUTES, "15")],
        remedy: "Look at its network, its queue and its clock.",
    },
    ConditionInfo {
        condition: Condition::HeldGrowth,
        name: "held_growth",
        says: "Many inputs could not be used and wait for a person.",
        about: About::System,
        severity: Severity::Warning,
        settings: &[setting("above", "held inputs", SettingKind::Number(0.0, 1e9), "20")],
        remedy: "Open the held list: one cause usually explains most of them.",
    },
    ConditionInfo {
        condition: Condition::ShipmentLate,
        name: "shipment_late",
        says: "A shipment will probably miss its promised time.",
        about: About::Shipment,
        severity: Severity::Warning,
        settings: &[
            setting("probability", "from which probability on, 0 to 1", SettingKind::Number(0.0, 1.0), "0.7"),
            setting("clear_probability", "below which it is over", SettingKind::Number(0.0, 1.0), "0.5"),
        ],
        remedy: "Tell who waits for it, and look for stock elsewhere.",
    },
    ConditionInfo {
        condition: Condition::ShipmentStopped,
        name: "shipment_stopped",
        says: "A shipment stands still where it has no business.",
        about: About::Shipment,
        severity: Severity::Warning,
        settings: &[],
        remedy: "Call the carrier.",
    },
    ConditionInfo {
        condition: Condition::ShipmentOffRoute,
        name: "shipment_off_route",
        says: "A shipment is far from its route.",
        about: About::Shipment,
        severity: Severity::Warning,
        settings: &[],
        remedy: "Call the carrier.",
    },
    ConditionInfo {
        condition: Condition::ShipmentSilent,
        name: "shipment_silent",
        says: "A shipment on its way is no longer heard of.",
        about: About::Shipment,
        severity: Severity::Warning,
        settings: &[setting("after_minutes", "minutes without a position", MINUTES, "120")],
        remedy: "Call the carrier; look at the tracker.",
    },
    ConditionInfo {
        condition: Condition::OverReceipt,
        name: "over_receipt",
        says: "More arrived than was on its way or on order.",
        about: About::Shipment,
        severity: Severity::Info,
        settings: &[],
        remedy: "Compare the delivery note with the order; return or accept the rest.",
    },
    ConditionInfo {
        condition: Condition::ShortReceipt,
        name: "short_receipt",
        says: "Part of a shipment or order arrived, and the rest is overdue.",
        about: About::Shipment,
        severity: Severity::Warning,
        settings: &[setting("after_minutes", "minutes after the expected time", MINUTES, "1440")],
        remedy: "Ask the supplier for the rest, or cancel it.",
    },
    ConditionInfo {
        condition: Condition::Own,
        name: "own",
        says: "A condition of your own holds.",
        about: About::Stock,
        severity: Severity::Warning,
        settings: &[
            setting("when", "the condition, in CEL", SettingKind::Text, ""),
            setting(
                "over",
                "what it is about",
                SettingKind::Choice(&["stock", "reading", "shipment", "device"]),
                "stock",
            ),
            FOR_MINUTES,
        ],
        remedy: "See the rule.",
    },
];

impl Condition {
    /// What there is to know of it.
    pub fn info(self) -> &'static ConditionInfo {
        &CONDITIONS[self as usize]
    }

    /// The name used outside and in the journal.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The condition whose rules bring this one about, where it is not set by rules of its own.
    pub const fn follows_from(self) -> Option<Self> {
        match self {
            Self::TemperatureOutside | Self::MeanKinetic => Some(Self::Temperature),
            Self::HumidityOutside => Some(Self::Humidity),
            _ => None,
        }
    }

    /// The condition called `name`.
    pub fn named(name: &str) -> Option<Self> {
        CONDITIONS.iter().find(|info| info.name == name).map(|info| info.condition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_stand_in_the_order_of_their_numbers_and_have_names_of_their_own() {
        for (index, info) in CONDITIONS.iter().enumerate() {
            assert_eq!(info.condition as usize, index, "{}", info.name);
            assert_eq!(Condition::named(info.name), Some(info.condition));
            for setting in info.settings.iter().filter(|setting| !setting.default.is_empty()) {
                assert!(crate::rule::read_setting(setting, setting.default).is_ok(), "{}.{}", info.name, setting.name);
            }
        }
    }
}
