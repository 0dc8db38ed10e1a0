//! JSON as written: members keep their order and numbers their digits.
//!
//! An event that was captured is rendered again, so nothing of it may be rounded or sorted on the way.

use super::{Limits, Problem};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in the digits that it was written with.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object.
    Object(Object),
}

/// The members of a JSON object, in the order in which they were written; a name is there once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    members: Vec<(String, Json)>,
}

impl Object {
    /// The value of the member called `name`.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The members, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.members.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many members it has.
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Sets the member called `name`: in its place when it is there, else at the end.
    pub fn set(&mut self, name: &str, value: Json) {
        match self.members.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.members.push((name.to_owned(), value)),
        }
    }

    /// Takes the member called `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let at = self.members.iter().position(|(key, _)| key == name)?;
        Some(self.members.remove(at).1)
    }

    /// Adds a member that is known not to be there.
    pub(super) fn push(&mut self, name: String, value: Json) {
        self.members.push((name, value));
    }

    pub(super) fn members_mut(&mut self) -> &mut Vec<(String, Json)> {
        &mut self.members
    }

    pub(super) fn into_members(self) -> Vec<(String, Json)> {
        self.members
    }
}

impl Json {
    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The array, if it is one; a slice of nothing for anything else.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The object, if it is one.
    pub const fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The member called `name`, if it is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// What it is, in a word for people.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Appends it as compact JSON.
    pub fn push_to(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => push_text(out, text),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.push_to(out);
                }
                out.push(']');
            }
            Self::Object(object) => object.push_to(out),
        }
    }

    /// The same as `serde_json` has it. A number beyond what that holds becomes a string.
    pub fn to_value(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(digits) => {
                serde_json::from_str(digits).map_or_else(|_| Value::String(digits.clone()), Value::Number)
            }
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Object(object) => {
                Value::Object(object.iter().map(|(key, value)| (key.to_owned(), value.to_value())).collect())
            }
        }
    }
}

impl Object {
    /// Appends it as compact JSON.
    pub fn push_to(&self, out: &mut String) {
        out.push('{');
        for (index, (key, value)) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_text(out, key);
            out.push(':');
            value.push_to(out);
        }
        out.push('}');
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).expect("a string is always JSON"));
}

/// Reads JSON within limits.
pub(super) struct Reader<'l> {
    limits: &'l Limits,
    values: usize,
}

impl<'l> Reader<'l> {
    pub(super) const fn new(limits: &'l Limits) -> Self {
        Self { limits, values: 0 }
    }

    /// The one JSON value in `text`.
    pub(super) fn read(&mut self, text: &str) -> Result<Json, Problem> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
            Problem::error("invalid_json", "", format!("line {}, column {}: {error}", error.line(), error.column()))
        })?;
        self.value(raw, 0)
    }

    /// Each level of an object is cut into its members before any is read, so the depth is known on the way down.
    fn value(&mut self, raw: &RawValue, depth: usize) -> Result<Json, Problem> {
        self.values += 1;
        if self.values > self.limits.values_max {
            let detail = format!("it has more than {} values; split it", self.limits.values_max);
            return Err(Problem::error("too_large", "", detail));
        }
        if depth > self.limits.depth_max {
            let detail = format!("it is nested deeper than {} levels", self.limits.depth_max);
            return Err(Problem::error("too_deep", "", detail));
        }
        let text = raw.get();
        let invalid = |error: serde_json::Error| Problem::error("invalid_json", "", error.to_string());
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let members: Members<'_> = serde_json::from_str(text).map_err(invalid)?;
                let mut object = Object::default();
                if members.0.len() > self.limits.members_max {
                    let detail = format!(
                        "an object has {} members; at most {} are taken",
                        members.0.len(),
                        self.limits.members_max
                    );
                    return Err(Problem::error("too_large", "", detail));
                }
                check_once(&members.0)?;
                for (key, value) in members.0 {
                    object.push(key, self.value(value, depth + 1)?);
                }
                Json::Object(object)
            }
            Some(b'[') => {
                let mut list = Vec::new();
                for item in serde_json::from_str::<Items<'_>>(text).map_err(invalid)?.0 {
                    list.push(self.value(item, depth + 1)?);
                }
                Json::List(list)
            }
            Some(b'"') => Json::Text(serde_json::from_str(text).map_err(invalid)?),
            Some(b't') => Json::Bool(true),
            Some(b'f') => Json::Bool(false),
            Some(b'n') => Json::Null,
            _ => Json::Number(text.to_owned()),
        })
    }
}

/// A name written twice would mean whichever a reader likes.
fn check_once(members: &[(String, &RawValue)]) -> Result<(), Problem> {
    let mut names: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let detail = format!("{} is written twice in one object; keep one", crate::problem::shown(pair[0]));
            Err(Problem::error("duplicate_field", pair[0], detail))
        }
        None => Ok(()),
    }
}

/// The most members or items that are cut out of one level before their number is judged.
const PIECES_MAX: usize = 1_000_000;

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    if members.len() == PIECES_MAX {
                        return Err(A::Error::custom("too many members"));
                    }
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<&'de RawValue>()? {
                    if items.len() == PIECES_MAX {
                        return Err(A::Error::custom("too many items"));
                    }
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Read)
    }
}
