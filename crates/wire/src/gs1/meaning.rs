//! What a message means to a warehouse.

use super::elements::{Element, Message};
use super::linters::days_of_month;
use crate::time::{parse_day, render_day};
use ledger::{Day, Quantity};
use std::fmt;

/// A calendar date as a GS1 code means it, with its century.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year, four digits.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day, 1 to the month's last.
    pub day: u8,
}

impl Date {
    /// Reads `YYMMDD`. The year is the one within half a century of the reference; day `00` is the month's last.
    ///
    /// `None` when there is no such date.
    ///
    /// # Source
    /// GS1 General Specifications, section 7.12 (century), and 3.4 (day 00).
    ///
    /// ```
    /// use wire::gs1::Date;
    /// let reference = wire::time::parse_day("2026-02-16").expect("a day");
    /// let date = |text: &str| Date::parse(text, reference).map(|date| date.to_string());
    /// assert_eq!(date("280200").as_deref(), Some("2028-02-29"));
    /// assert_eq!((date("760101").as_deref(), date("770101").as_deref()), (Some("2076-01-01"), Some("1977-01-01")));
    /// ```
    pub fn parse(text: &str, reference: Day) -> Option<Self> {
        let digits: &[u8; 6] = text.as_bytes().try_into().ok()?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let two = |at: usize| (digits[at] - b'0') * 10 + digits[at + 1] - b'0';
        let now: u16 = render_day(reference).get(..4)?.parse().ok()?;
        let (century, within) = (now / 100, i32::from(two(0)) - i32::from(now % 100));
        let century = match within {
            51.. => century.checked_sub(1)?,
            ..=-50 => century + 1,
            _ => century,
        };
        let (year, month) = (century * 100 + u16::from(two(0)), two(2));
        let last = u8::try_from(days_of_month(u64::from(year), u64::from(month))).ok()?;
        let day = if two(4) == 0 { last } else { two(4) };
        ((1..=12).contains(&month) && day <= last).then_some(Self { year, month, day })
    }

    /// The ledger's day; `None` outside the years that it takes, 1990 to 2199.
    pub fn to_day(self) -> Option<Day> {
        parse_day(&self.to_string()).ok()
    }
}

impl fmt::Display for Date {
    /// `2026-12-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A measure with its unit: a weight, length, area or volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure<'m> {
    /// The AI that gave it.
    pub ai: &'m str,
    /// What is measured, such as `net_weight`.
    pub name: &'static str,
    /// The unit, as UNECE Recommendation 20 codes it.
    pub unit: &'static str,
    /// How much, exactly.
    pub quantity: Quantity,
}

/// AIs of measures by their first three digits, with what they measure and the unit's code.
const MEASURES: [(&str, &str, &str); 53] = [
    ("310", "net_weight", "KGM"),
    ("311", "length", "MTR"),
    ("312", "width", "MTR"),
    ("313", "height", "MTR"),
    ("314", "area", "MTK"),
    ("315", "net_volume", "LTR"),
    ("316", "net_volume", "MTQ"),
    ("320", "net_weight", "LBR"),
    ("321", "length", "INH"),
    ("322", "length", "FOT"),
    ("323", "length", "YRD"),
    ("324", "width", "INH"),
    ("325", "width", "FOT"),
    ("326", "width", "YRD"),
    ("327", "height", "INH"),
    ("328", "height", "FOT"),
    ("329", "height", "YRD"),
    ("330", "gross_weight", "KGM"),
    ("331", "gross_length", "MTR"),
    ("332", "gross_width", "MTR"),
    ("333", "gross_height", "MTR"),
    ("334", "gross_area", "MTK"),
    ("335", "gross_volume", "LTR"),
    ("336", "gross_volume", "MTQ"),
    ("337", "weight_per_area", "28"),
    ("340", "gross_weight", "LBR"),
    ("341", "gross_length", "INH"),
    ("342", "gross_length", "FOT"),
    ("343", "gross_length", "YRD"),
    ("344", "gross_width", "INH"),
    ("345", "gross_width", "FOT"),
    ("346", "gross_width", "YRD"),
    ("347", "gross_height", "INH"),
    ("348", "gross_height", "FOT"),
    ("349", "gross_height", "YRD"),
    ("350", "area", "INK"),
    ("351", "area", "FTK"),
    ("352", "area", "YDK"),
    ("353", "gross_area", "INK"),
    ("354", "gross_area", "FTK"),
    ("355", "gross_area", "YDK"),
    ("356", "net_weight", "APZ"),
    ("357", "net_volume", "ONZ"),
    ("360", "net_volume", "QT"),
    ("361", "net_volume", "GLL"),
    ("362", "gross_volume", "QT"),
    ("363", "gross_volume", "GLL"),
    ("364", "net_volume", "INQ"),
    ("365", "net_volume", "FTQ"),
    ("366", "net_volume", "YDQ"),
    ("367", "gross_volume", "INQ"),
    ("368", "gross_volume", "FTQ"),
    ("369", "gross_volume", "YDQ"),
];

/// What a message says, each thing by its name.
///
/// Keys are as they stand in the code, GTINs with 14 digits. Where an AI comes twice it has the same value in a message
/// that is valid, so the first counts.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'m> {
    message: &'m Message,
    reference: Day,
}

/// Dates by AI: a use-by date can also stand in front of a time.
const DATES: [(&str, &str); 8] = [
    ("production_date", "11"),
    ("due_date", "12"),
    ("packaging_date", "13"),
    ("best_before", "15"),
    ("sell_by", "16"),
    ("expiry", "17"),
    ("first_freeze_date", "7006"),
    ("test_by_date", "7011"),
];

/// Texts by AI.
const TEXTS: [(&str, &str); 21] = [
    ("sscc", "00"),
    ("gtin", "01"),
    ("content_gtin", "02"),
    ("lot", "10"),
    ("variant", "20"),
    ("serial", "21"),
    ("consumer_variant", "22"),
    ("gdti", "253"),
    ("gln_extension", "254"),
    ("order", "400"),
    ("consignment", "401"),
    ("shipment", "402"),
    ("route", "403"),
    ("ship_to", "410"),
    ("bill_to", "411"),
    ("purchase_from", "412"),
    ("gln", "414"),
    ("party", "417"),
    ("grai", "8003"),
    ("giai", "8004"),
    ("cpid", "8010"),
];

impl<'m> Parts<'m> {
    /// What `message` says; `reference` decides the century of its dates.
    pub const fn new(message: &'m Message, reference: Day) -> Self {
        Self { message, reference }
    }

    fn value(self, ai: &str) -> Option<&'m str> {
        self.message.value(ai)
    }

    /// The GTIN of the trade item, 14 digits: of (01), else of the piece that (8006) names.
    pub fn gtin(self) -> Option<&'m str> {
        self.value("01").or_else(|| self.value("8006").and_then(|piece| piece.get(..14)))
    }

    /// The GTIN of what a logistic unit contains, 14 digits: of (02), else of the piece that (8026) names.
    pub fn content_gtin(self) -> Option<&'m str> {
        self.value("02").or_else(|| self.value("8026").and_then(|piece| piece.get(..14)))
    }

    /// The logistic unit's SSCC, 18 digits.
    pub fn sscc(self) -> Option<&'m str> {
        self.value("00")
    }

    /// The physical location's GLN, 13 digits.
    pub fn gln(self) -> Option<&'m str> {
        self.value("414")
    }

    /// The lot or batch.
    pub fn lot(self) -> Option<&'m str> {
        self.value("10")
    }

    /// The serial number.
    pub fn serial(self) -> Option<&'m str> {
        self.value("21")
    }

    fn date(self, ai: &str) -> Option<Date> {
        Date::parse(self.value(ai)?.get(..6)?, self.reference)
    }

    /// The last day of use: (17), else the day of (7003).
    pub fn expiry(self) -> Option<Date> {
        self.date("17").or_else(|| self.date("7003"))
    }

    /// The day until which quality is best.
    pub fn best_before(self) -> Option<Date> {
        self.date("15")
    }

    /// The day of production: (11), else the day of (8008).
    pub fn production_date(self) -> Option<Date> {
        self.date("11").or_else(|| self.date("8008"))
    }

    /// How many trade items a logistic unit contains (37), else how many pieces an item of variable count has (30).
    pub fn count(self) -> Option<Quantity> {
        let count = self.value("37").or_else(|| self.value("30"))?;
        count.parse().ok()
    }

    /// The net weight, or the net volume, area or length when no weight is given: the quantity of a trade item of variable
    /// measure.
    pub fn net_measure(self) -> Option<Measure<'m>> {
        let ranks = ["net_weight", "net_volume", "area", "length"];
        let rank = |measure: &Measure<'m>| ranks.iter().position(|name| *name == measure.name);
        self.measures().filter(|measure| rank(measure).is_some()).min_by_key(rank)
    }

    /// All weights and measures, in the message's order.
    pub fn measures(self) -> impl Iterator<Item = Measure<'m>> {
        self.message.elements().filter_map(measure)
    }

    /// All dates with their names, in no order of the message.
    pub fn dates(self) -> impl Iterator<Item = (&'static str, Date)> {
        DATES.iter().filter_map(move |(name, ai)| {
            let date = match *name {
                "expiry" => self.expiry(),
                "production_date" => self.production_date(),
                _ => self.date(ai),
            };
            Some((*name, date?))
        })
    }

    /// All keys and other texts with their names, in no order of the message.
    pub fn texts(self) -> impl Iterator<Item = (&'static str, &'m str)> {
        TEXTS.iter().filter_map(move |(name, ai)| {
            let text = match *name {
                "gtin" => self.gtin(),
                "content_gtin" => self.content_gtin(),
                _ => self.value(ai),
            };
            Some((*name, text?))
        })
    }
}

/// The measure that an element of (31nn) to (36nn) gives: six digits, of which the AI's last digit says how many are
/// decimals.
fn measure(element: Element<'_>) -> Option<Measure<'_>> {
    let ai = element.ai;
    if ai.len() != 4 {
        return None;
    }
    let at = MEASURES.binary_search_by_key(&&ai[..3], |(prefix, ..)| prefix).ok()?;
    let (_, name, unit) = MEASURES[at];
    let decimals = u32::from(ai.as_bytes()[3] - b'0');
    let digits: i64 = element.value.parse().ok()?;
    let micros = digits.checked_mul(10_i64.checked_pow(6_u32.checked_sub(decimals)?)?)?;
    Some(Measure { ai, name, unit, quantity: Quantity::from_micros(micros) })
}
