//! What a condition may ask about: the facts, their names, and the set of those that a condition reads.

use super::Subject;
use cel::common::types::{CelBool, CelDouble, CelInt, CelString};
use cel::common::value::Val;
use ledger::Timestamp;
use smallvec::SmallVec;

/// What a fact is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number; it is taken for a number wherever one stands beside it.
    Whole,
    /// A number, a double of CEL.
    Number,
    /// A text.
    Text,
}

/// A fact that conditions can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it is written, for example `stock.on_hand`.
    pub name: &'static str,
    /// What it is made of.
    pub kind: Kind,
    /// Whether it may be unknown, so that a condition should ask `has(…)` first.
    pub is_optional: bool,
    /// What it says, with its unit, for people.
    pub about: &'static str,
}

/// How much of a text is told.
const TOLD_CHARS_MAX: usize = 120;

/// A fact's value, as the interpreter takes it.
#[derive(Debug)]
pub(super) enum Fact<'a> {
    Bool(CelBool),
    Whole(CelInt),
    Number(CelDouble),
    Text(CelString<'a>),
}

impl<'a> Fact<'a> {
    pub(super) fn as_val(&self) -> &(dyn Val + 'a) {
        match self {
            Self::Bool(value) => value,
            Self::Whole(value) => value,
            Self::Number(value) => value,
            Self::Text(value) => value,
        }
    }

    /// For people: numbers with three decimals at most, long texts cut.
    fn text(&self) -> String {
        match self {
            Self::Bool(value) => value.inner().to_string(),
            Self::Whole(value) => value.inner().to_string(),
            Self::Number(value) => {
                let text = format!("{:.3}", value.inner());
                let text = text.trim_end_matches('0').trim_end_matches('.');
                if text == "-0" { "0".into() } else { text.into() }
            }
            Self::Text(value) => value.inner().chars().take(TOLD_CHARS_MAX).collect(),
        }
    }

    /// The length of a text in bytes; of anything else zero.
    pub(super) fn text_bytes(&self) -> usize {
        if let Self::Text(text) = self { text.inner().len() } else { 0 }
    }
}

/// What can be a fact.
trait AsFact {
    const KIND: Kind;
    const IS_OPTIONAL: bool = false;

    /// The value; `None` when it is unknown.
    fn as_fact(&self) -> Option<Fact<'_>>;
}

impl AsFact for bool {
    const KIND: Kind = Kind::Bool;

    fn as_fact(&self) -> Option<Fact<'_>> {
        Some(Fact::Bool((*self).into()))
    }
}

impl AsFact for u8 {
    const KIND: Kind = Kind::Whole;

    fn as_fact(&self) -> Option<Fact<'_>> {
        Some(Fact::Whole(i64::from(*self).into()))
    }
}

impl AsFact for f64 {
    const KIND: Kind = Kind::Number;

    fn as_fact(&self) -> Option<Fact<'_>> {
        self.is_finite().then(|| Fact::Number((*self).into()))
    }
}

impl AsFact for &str {
    const KIND: Kind = Kind::Text;

    fn as_fact(&self) -> Option<Fact<'_>> {
        Some(Fact::Text(CelString::from(*self)))
    }
}

impl AsFact for String {
    const KIND: Kind = Kind::Text;

    fn as_fact(&self) -> Option<Fact<'_>> {
        Some(Fact::Text(CelString::from(self.as_str())))
    }
}

impl<T: AsFact> AsFact for Option<T> {
    const KIND: Kind = T::KIND;
    const IS_OPTIONAL: bool = true;

    fn as_fact(&self) -> Option<Fact<'_>> {
        self.as_ref().and_then(T::as_fact)
    }
}

/// A group of facts under one name.
trait Group {
    /// In the order of the struct's fields.
    const FIELDS: &'static [Field];

    /// Puts the values behind what is there, in the order of `FIELDS`.
    fn put<'b>(&'b self, into: &mut Values<'b>);
}

/// The values of some facts, by their index.
pub(super) type Values<'a> = SmallVec<[Option<Fact<'a>>; 25]>;

/// Makes a struct whose fields are the facts `$root.<field>`.
macro_rules! facts {
    ($root:literal $(#[$doc:meta])* pub struct $name:ident $(<$life:lifetime>)? {
        $($(#[doc = $about:literal])+ pub $field:ident: $of:ty,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name $(<$life>)? { $($(#[doc = $about])+ pub $field: $of,)+ }

        impl $(<$life>)? Group for $name $(<$life>)? {
            const FIELDS: &'static [Field] = &[$(Field {
                name: concat!($root, ".", stringify!($field)),
                kind: <$of as AsFact>::KIND,
                is_optional: <$of as AsFact>::IS_OPTIONAL,
                about: concat!($($about),+),
            },)+];

            fn put<'b>(&'b self, into: &mut Values<'b>) {
                $(into.push(self.$field.as_fact());)+
            }
        }
    };
}

facts! { "stock"
    /// Stock of one product at one place. Quantities are in the product's base unit.
    pub struct StockFacts<'a> {
        /// The product's id.
        pub product: &'a str,
        /// Where it stands, as a path: `warehouse_A/cold-1/bin-07`.
        pub location: &'a str,
        /// The first part of the location.
        pub warehouse: &'a str,
        /// The region of the warehouse.
        pub region: Option<&'a str>,
        /// The category of the product.
        pub category: Option<&'a str>,
        /// What is there by the books.
        pub on_hand: f64,
        /// What may be promised: on hand less reserved, in status available.
        pub available: f64,
        /// What is promised.
        pub reserved: f64,
        /// What is ordered and not yet sent.
        pub on_order: f64,
        /// What is on its way here.
        pub in_transit: f64,
        /// The inventory position: available, on order and in transit together.
        pub position: f64,
        /// What goes out on a mean day.
        pub daily_usage: Option<f64>,
        /// For how many days what is available lasts.
        pub days_of_supply: Option<f64>,
        /// Days since it last moved.
        pub days_since_movement: Option<f64>,
        /// Days since it was last counted.
        pub days_since_count: Option<f64>,
        /// How far the figure can be trusted, from 0 to 1.
        pub confidence: Option<f64>,
        /// Whether a discrepancy is open.
        pub is_disputed: bool,
        /// Whether it is below zero by the books.
        pub is_negative: bool,
        /// Days until the earliest lot expires; below zero when it has.
        pub days_to_expiry: Option<f64>,
    }
}

facts! { "reading"
    /// One figure of one sensor.
    pub struct ReadingFacts<'a> {
        /// The device's id.
        pub device: &'a str,
        /// What is measured, for example `temperature`.
        pub metric: &'a str,
        /// The figure.
        pub value: f64,
        /// Its unit, for example `CEL`.
        pub unit: Option<&'a str>,
        /// Where the device is.
        pub location: Option<&'a str>,
        /// For how many minutes it has been outside the limits of its zone; 0 inside.
        pub minutes_outside: f64,
        /// The lower limit of its zone.
        pub zone_min: Option<f64>,
        /// The upper limit of its zone.
        pub zone_max: Option<f64>,
    }
}

facts! { "shipment"
    /// One shipment.
    pub struct ShipmentFacts<'a> {
        /// The shipment's id.
        pub id: &'a str,
        /// Where it comes from.
        pub from: &'a str,
        /// Where it goes.
        pub to: &'a str,
        /// Who carries it.
        pub carrier: Option<&'a str>,
        /// By what, for example `road`.
        pub mode: Option<&'a str>,
        /// Its state, for example `in_transit`.
        pub state: &'a str,
        /// How probable it is that it comes late, from 0 to 1.
        pub late_probability: Option<f64>,
        /// Hours until it is promised; below zero when that is past.
        pub hours_to_promise: Option<f64>,
        /// By how many hours it is late, or expected to be; 0 when it is not.
        pub hours_late: f64,
        /// How many kilometres are left.
        pub remaining_km: Option<f64>,
        /// Hours since its last position.
        pub hours_since_position: Option<f64>,
        /// Whether it stands where it should not.
        pub is_stopped: bool,
        /// Whether it is away from its route.
        pub is_off_route: bool,
        /// How much more was received than was sent.
        pub over_received: f64,
    }
}

facts! { "device"
    /// How one device is.
    pub struct DeviceFacts<'a> {
        /// The device's id.
        pub name: &'a str,
        /// What it is, for example `scale`.
        pub kind: &'a str,
        /// Where it is.
        pub location: Option<&'a str>,
        /// Minutes since it was last heard.
        pub minutes_silent: Option<f64>,
        /// Its battery's charge, from 0 to 100.
        pub battery_percent: Option<f64>,
        /// Messages with an error, in all.
        pub failures: f64,
        /// Messages that were lost, by their sequence numbers, in all.
        pub sequence_gaps: f64,
    }
}

facts! { "now"
    /// The time that a condition is asked for, in UTC.
    pub struct Now {
        /// The hour, from 0 to 23.
        pub hour: u8,
        /// The day of the week: 1 is Monday, 7 is Sunday.
        pub weekday: u8,
        /// The date, as `2026-11-24`; dates compare in their order.
        pub date: String,
    }
}

impl Now {
    /// The facts of a time.
    pub fn at(time: Timestamp) -> Self {
        const DAY_MICROS: i64 = 86_400_000_000;
        let hour = time.0.rem_euclid(DAY_MICROS) / 3_600_000_000;
        let day = i64::from(time.day().0);
        // 1970-01-01 was a Thursday.
        let weekday = (day + 3).rem_euclid(7) + 1;
        let small = |number: i64| u8::try_from(number).expect("an hour or a day of the week is small");
        Self { hour: small(hour), weekday: small(weekday), date: civil_date(day) }
    }
}

/// The date of a day since 1970-01-01, in the proleptic Gregorian calendar.
///
/// # Source
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: the year begins in March, so that the
/// leap day is its last.
fn civil_date(day: i64) -> String {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

/// The facts of a subject, at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Facts<'a> {
    /// Of stock.
    Stock(&'a StockFacts<'a>, &'a Now),
    /// Of a reading.
    Reading(&'a ReadingFacts<'a>, &'a Now),
    /// Of a shipment.
    Shipment(&'a ShipmentFacts<'a>, &'a Now),
    /// Of a device.
    Device(&'a DeviceFacts<'a>, &'a Now),
}

impl Facts<'_> {
    /// What they are facts of.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Stock(..) => Subject::Stock,
            Self::Reading(..) => Subject::Reading,
            Self::Shipment(..) => Subject::Shipment,
            Self::Device(..) => Subject::Device,
        }
    }

    /// The facts in which these differ from earlier ones; all of them when the earlier are of another subject.
    pub fn differing(&self, earlier: &Facts<'_>) -> FactSet {
        let subject = self.subject();
        if subject != earlier.subject() {
            return FactSet { subject, bits: (1 << subject.fields().count()) - 1 };
        }
        let (values, before) = (self.values(), earlier.values());
        let differs = |index: &usize| match (&values[*index], &before[*index]) {
            (None, None) => false,
            (Some(value), Some(before)) => !value.as_val().equals(before.as_val()),
            _ => true,
        };
        let bits = (0..values.len()).filter(differs).fold(0, |bits, index| bits | 1 << index);
        FactSet { subject, bits }
    }

    /// Some of the facts as texts for people, in the order of [`Subject::fields`].
    pub fn texts(&self, of: FactSet) -> Vec<(&'static str, String)> {
        let values = self.values();
        let named = self.subject().fields().enumerate().filter(|(index, _)| of.bits & (1 << index) != 0);
        named.map(|(index, field)| (field.name, values[index].as_ref().map_or("unknown".into(), Fact::text))).collect()
    }

    /// The values, in the order of [`Subject::fields`].
    pub(super) fn values(&self) -> Values<'_> {
        let mut values = Values::new();
        let now = match self {
            Self::Stock(facts, now) => {
                facts.put(&mut values);
                now
            }
            Self::Reading(facts, now) => {
                facts.put(&mut values);
                now
            }
            Self::Shipment(facts, now) => {
                facts.put(&mut values);
                now
            }
            Self::Device(facts, now) => {
                facts.put(&mut values);
                now
            }
        };
        now.put(&mut values);
        values
    }
}

impl Subject {
    /// The facts that conditions over this subject can name, those of the time last.
    pub fn fields(self) -> impl ExactSizeIterator<Item = &'static Field> + Clone {
        let (own, now) = (self.own_fields(), Now::FIELDS);
        (0..own.len() + now.len()).map(move |index| own.get(index).unwrap_or_else(|| &now[index - own.len()]))
    }

    fn own_fields(self) -> &'static [Field] {
        match self {
            Self::Stock => StockFacts::FIELDS,
            Self::Reading => ReadingFacts::FIELDS,
            Self::Shipment => ShipmentFacts::FIELDS,
            Self::Device => DeviceFacts::FIELDS,
        }
    }
}

/// Some of the facts of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactSet {
    subject: Subject,
    /// Bit i is the i-th of [`Subject::fields`].
    bits: u64,
}

impl FactSet {
    pub(super) fn new(subject: Subject) -> Self {
        Self { subject, bits: 0 }
    }

    pub(super) fn add(&mut self, index: usize) {
        self.bits |= 1 << index;
    }

    /// Whose facts they are.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// Whether the fact of this name, such as `stock.on_hand`, is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|of| of == name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }

    /// Whether a fact is in both; never when they are of different subjects.
    pub fn meets(&self, other: &Self) -> bool {
        self.subject == other.subject && self.bits & other.bits != 0
    }

    /// Their names, in the order of [`Subject::fields`].
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let bits = self.bits;
        let is_in = move |(index, _): &(usize, &Field)| bits & (1 << index) != 0;
        self.subject.fields().enumerate().filter(is_in).map(|(_, field)| field.name)
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = usize> {
        let bits = self.bits;
        (0..self.subject.fields().len()).filter(move |index| bits & (1 << index) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_becomes_hour_weekday_and_date() {
        for (micros, hour, weekday, date) in [
            (0, 0, 4, "1970-01-01"),
            (-1, 23, 3, "1969-12-31"),
            (1_795_535_999_999_999, 15, 2, "2026-11-24"),
            (951_782_400_000_000, 0, 2, "2000-02-29"),
            (4_107_542_400_000_000, 0, 1, "2100-03-01"),
        ] {
            assert_eq!(Now::at(Timestamp(micros)), Now { hour, weekday, date: date.to_owned() }, "{micros}");
        }
    }

    #[test]
    fn every_subject_fits_a_set_of_facts() {
        for subject in Subject::ALL {
            assert!(subject.fields().len() < 64);
            assert!(subject.fields().all(|field| !field.about.is_empty()));
            let own = subject.own_fields().iter().all(|field| field.name.starts_with(subject.name()));
            assert!(own, "{subject:?}");
        }
    }

    #[test]
    fn what_differs_is_told_by_name() {
        let (now, later) = (Now::at(Timestamp(0)), Now::at(Timestamp(3_600_000_000)));
        let (before, after) = (
            StockFacts { on_hand: 3.0, days_to_expiry: Some(1.0), ..StockFacts::default() },
            StockFacts { on_hand: 4.0, days_to_expiry: None, ..StockFacts::default() },
        );
        let differing = Facts::Stock(&after, &later).differing(&Facts::Stock(&before, &now));
        assert_eq!(differing.names().collect::<Vec<_>>(), ["stock.on_hand", "stock.days_to_expiry", "now.hour"]);
        assert!(Facts::Stock(&before, &now).differing(&Facts::Stock(&before, &now)).is_empty());
        let device = DeviceFacts::default();
        assert_eq!(Facts::Stock(&before, &now).differing(&Facts::Device(&device, &now)).names().count(), 22);
    }
}
