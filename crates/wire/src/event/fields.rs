//! The fields of one event as the sender wrote them, before anything is made of them.
//!
//! Read twice at most: first by a reader that knows only well-formed events and gives up at anything else, then, for
//! those, by one that finds every problem.

use super::observed;
use crate::problem::{Problem, nearest, shown};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

macro_rules! fields {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A field that an event may have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Field {
            $($variant),*
        }

        impl Field {
            /// Every field, in the order of their numbers.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name outside.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

            /// The field called `name`.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

fields! {
    Event = "event",
    ProductId = "product_id",
    Location = "location",
    Quantity = "quantity",
    Timestamp = "timestamp",
    Id = "id",
    Source = "source",
    Lot = "lot",
    Expiry = "expiry",
    Serials = "serials",
    Unit = "unit",
    Reason = "reason",
    Reference = "reference",
    To = "to",
    Status = "status",
    ToStatus = "to_status",
    ExpectedAt = "expected_at",
    ReservationId = "reservation_id",
    ExpiresAt = "expires_at",
    Lines = "lines",
    Partial = "partial",
    HandlingUnit = "handling_unit",
    Units = "units",
}

/// A field's value as written.
#[derive(Clone, Debug, Default)]
pub(crate) enum Value<'a> {
    /// Not there, or null.
    #[default]
    Absent,
    /// A JSON string, unescaped.
    Text(Cow<'a, str>),
    /// The JSON text of anything else.
    Raw(&'a str),
    /// Several texts, one a line: what a CSV column of serials amounts to.
    List(String),
}

/// All fields of one event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields<'a> {
    values: [Value<'a>; Field::ALL.len()],
    /// One bit a field: which were ever set.
    present: u32,
    /// The whole event, when it tells what a device saw: its members are others, and read by themselves.
    pub(crate) observed: Option<(&'static str, &'a str)>,
}

/// The fields that nearly every event has.
const PLAIN: u32 = 1 << Field::Event as u32
    | 1 << Field::ProductId as u32
    | 1 << Field::Location as u32
    | 1 << Field::Quantity as u32
    | 1 << Field::Timestamp as u32
    | 1 << Field::Id as u32
    | 1 << Field::Source as u32;

impl<'a> Fields<'a> {
    pub(crate) const fn get(&self, field: Field) -> &Value<'a> {
        &self.values[field as usize]
    }

    pub(crate) fn set(&mut self, field: Field, value: Value<'a>) {
        self.values[field as usize] = value;
        self.present |= 1 << field as u32;
    }

    /// Whether no field but those of nearly every event is there.
    pub(crate) const fn is_plain(&self) -> bool {
        self.present & !PLAIN == 0
    }

    pub(crate) const fn has(&self, field: Field) -> bool {
        !matches!(self.get(field), Value::Absent)
    }
}

/// Reads the event object in `text` into `fields`, which are empty; every problem found goes to `problems`. Answers
/// whether it is a JSON object at all.
pub(crate) fn read<'a>(text: &'a str, fields: &mut Fields<'a>, problems: &mut Vec<Problem>) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let plain = Plain(fields).deserialize(&mut deserializer);
    if plain.and_then(|()| deserializer.end()).is_ok() {
        return true;
    }
    *fields = Fields::default();
    if let Some(kind) = observed::kind_of(text) {
        fields.observed = Some((kind, text));
        return true;
    }
    match members(text, "the event") {
        Ok(members) => {
            fill(fields, members, problems);
            true
        }
        Err(problem) => {
            problems.push(problem);
            false
        }
    }
}

/// Reads a well-formed event: every name known and written once, every text a string.
struct Plain<'f, 'de>(&'f mut Fields<'de>);

impl<'de> DeserializeSeed<'de> for Plain<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Plain<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let fields = self.0;
        while let Some(field) = map.next_key_seed(FieldName)? {
            if fields.has(field) {
                return Err(A::Error::duplicate_field(field.name()));
            }
            let value = match field {
                Field::Quantity | Field::Serials | Field::Units | Field::Lines | Field::Partial => {
                    match map.next_value::<&'de RawValue>()?.get() {
                        "null" => return Err(A::Error::custom("null")),
                        json => Value::Raw(json),
                    }
                }
                _ => Value::Text(map.next_value_seed(Text)?),
            };
            fields.set(field, value);
        }
        Ok(())
    }
}

struct FieldName;

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Field, E> {
        Field::named(name).ok_or_else(|| E::custom("another field"))
    }
}

/// A string, borrowed unless it has escapes.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The members of a JSON object in their order, values as their text.
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a str)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key_seed(Text)? {
                    members.push((name, map.next_value::<&'de RawValue>()?.get()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// The members of the object in `text`.
///
/// # Errors
/// `invalid_json` with the place, or `wrong_type` when it is JSON but no object.
pub(crate) fn members<'a>(text: &'a str, what: &str) -> Result<Members<'a>, Problem> {
    serde_json::from_str(text).map_err(|error| {
        if serde_json::from_str::<IgnoredAny>(text).is_ok() && !text.trim_start().starts_with('{') {
            let detail = format!("{what} is {}; send a JSON object", type_name(text.trim_start()));
            Problem::new("wrong_type", "", detail)
        } else {
            invalid_json(text, &error)
        }
    })
}

/// The problem of a text that is not JSON.
pub(crate) fn invalid_json(text: &str, error: &serde_json::Error) -> Problem {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let detail = format!("not JSON: {error} (byte {}); mend it there", before + error.column());
    Problem::new("invalid_json", "", detail)
}

/// What kind of JSON value a text is.
pub(crate) fn type_name(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The value with this JSON text.
///
/// # Errors
/// `invalid_json` for a string with a broken escape.
pub(crate) fn value<'a>(json: &'a str) -> Result<Value<'a>, Problem> {
    match json.bytes().next() {
        Some(b'n') => Ok(Value::Absent),
        Some(b'"') => {
            let mut deserializer = serde_json::Deserializer::from_str(json);
            let text = Text.deserialize(&mut deserializer).map_err(|error| invalid_json(json, &error))?;
            Ok(Value::Text(text))
        }
        _ => Ok(Value::Raw(json)),
    }
}

/// The problem of a member of a name that nothing here has.
pub(crate) fn unknown_field<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Problem {
    let remedy = match nearest(name, known) {
        Some(near) => format!("did you mean '{near}'?"),
        None => "remove it".to_owned(),
    };
    let detail = format!("there is no field {}; {remedy}", shown(name));
    Problem::new("unknown_field", shortened(name), detail)
}

/// A name from outside, fit to be repeated.
fn shortened(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(60).collect()
}

/// The problem of a field written twice.
pub(crate) fn duplicate_field(name: &str) -> Problem {
    let detail = format!("{} is written twice; write it once", shown(name));
    Problem::new("duplicate_field", shortened(name), detail)
}

fn fill<'a>(fields: &mut Fields<'a>, members: Members<'a>, problems: &mut Vec<Problem>) {
    let mut seen = [false; Field::ALL.len()];
    for (name, json) in members.0 {
        let Some(field) = Field::named(&name) else {
            problems.push(unknown_field(&name, Field::ALL.iter().map(|field| field.name())));
            continue;
        };
        if std::mem::replace(&mut seen[field as usize], true) {
            problems.push(duplicate_field(field.name()));
            continue;
        }
        match value(json) {
            Ok(value) => fields.set(field, value),
            Err(mut problem) => {
                problem.field = Cow::Borrowed(field.name());
                problems.push(problem);
            }
        }
    }
}
