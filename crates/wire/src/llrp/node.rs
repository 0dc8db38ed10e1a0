//! A message or parameter as a tree of named values, and what can be asked of it.

use super::LlrpError;
use super::definition::{Count, Definition, Kind, parameter, parameter_named};

/// A message's or parameter's content: its fields, and the parameters inside it in the order in which they stand.
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) definition: &'static Definition,
    /// One for each field, reserved ones too.
    pub(super) values: Vec<Value>,
    pub(super) children: Vec<Child>,
}

/// A parameter inside another or inside a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Child {
    /// One that the parent's definition has a place for.
    Known {
        /// Which slot of the parent's definition.
        slot: usize,
        node: Node,
    },
    /// One with a number that the standard does not define, kept as it is.
    Unknown { number: u16, bytes: Vec<u8> },
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Flag(bool),
    Unsigned(u64),
    Signed(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// As many bits of the bytes, from the highest of the first.
    Bits {
        count: u16,
        bytes: Vec<u8>,
    },
    List(Vec<u64>),
}

impl Value {
    /// The value of a field that says nothing.
    pub(super) fn zero(kind: Kind) -> Self {
        match kind {
            Kind::Unsigned(_) | Kind::Bits { .. } => Self::Unsigned(0),
            Kind::Signed(_) => Self::Signed(0),
            Kind::Flag { .. } => Self::Flag(false),
            Kind::Text => Self::Text(String::new()),
            Kind::Bytes | Kind::Rest => Self::Bytes(Vec::new()),
            Kind::BytesOf(count) => Self::Bytes(vec![0; count]),
            Kind::BitArray => Self::Bits { count: 0, bytes: Vec::new() },
            Kind::List(_) => Self::List(Vec::new()),
        }
    }

    /// Whether it is what [`Value::zero`] gives.
    fn is_zero(&self) -> bool {
        match self {
            Self::Flag(flag) => !flag,
            Self::Unsigned(number) => *number == 0,
            Self::Signed(number) => *number == 0,
            Self::Text(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.iter().all(|byte| *byte == 0),
            Self::Bits { count, .. } => *count == 0,
            Self::List(list) => list.is_empty(),
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.definition, other.definition)
            && self.values == other.values
            && self.children == other.children
    }
}

impl Node {
    /// The parameter of this name with nothing said: fields zero, and what must be inside it likewise.
    ///
    /// `None` when the standard has no such parameter.
    pub fn parameter(name: &str) -> Option<Self> {
        parameter_named(name).map(Self::zero)
    }

    /// Fields zero, and each parameter that must be inside likewise.
    pub(super) fn zero(definition: &'static Definition) -> Self {
        let values = definition.fields.iter().map(|field| Value::zero(field.kind)).collect();
        let children = definition
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.count == Count::One)
            .filter_map(|(slot, place)| Some(Child::Known { slot, node: Self::zero(parameter(place.number)?) }))
            .collect();
        Self { definition, values, children }
    }

    /// What it is.
    pub fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// Whether it says nothing but zeros.
    pub(super) fn is_zero(&self) -> bool {
        self.values.iter().all(Value::is_zero) && self.children.is_empty()
    }

    pub(super) fn value(&self, field: &str) -> Option<&Value> {
        let at = self.definition.fields.iter().position(|known| known.name == field)?;
        self.values.get(at)
    }

    /// The number in the field of this name; `None` when it has no such field or that is no number.
    pub fn number(&self, field: &str) -> Option<u64> {
        match self.value(field)? {
            Value::Unsigned(number) => Some(*number),
            _ => None,
        }
    }

    /// The flag in the field of this name; `None` when it has no such field or that is no flag.
    pub fn flag(&self, field: &str) -> Option<bool> {
        match self.value(field)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The text in the field of this name; `None` when it has no such field or that is no text.
    pub fn text(&self, field: &str) -> Option<&str> {
        match self.value(field)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The numbers in the field of this name; `None` when it has no such field or that is no list of numbers.
    pub fn list(&self, field: &str) -> Option<&[u64]> {
        match self.value(field)? {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The first parameter inside it in the place of this name, by its name in JSON.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children(name).next()
    }

    /// The parameters inside it in the place of this name, in their order.
    pub fn children<'n>(&'n self, name: &str) -> impl Iterator<Item = &'n Self> + use<'n> {
        let wanted = self.definition.slots.iter().position(|slot| slot.name == name);
        self.children.iter().filter_map(move |child| match child {
            Child::Known { slot, node } if Some(*slot) == wanted => Some(node),
            _ => None,
        })
    }

    /// The parameters inside it, in their order, without those that the standard does not define.
    pub fn parameters(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Child::Known { node, .. } => Some(node),
            Child::Unknown { .. } => None,
        })
    }

    /// Says what is missing among the parameters inside it, or there too often, `byte` being where it begins.
    ///
    /// # Errors
    /// `missing_parameter`, `repeated_parameter`.
    pub(super) fn check_counts(&self, place: &str, byte: usize) -> Result<(), LlrpError> {
        let fault = |code, detail| Err(LlrpError { code, place: place.to_owned(), byte, detail });
        let mut of_all = 0;
        let mut alternatives = Vec::new();
        for slot in &self.definition.slots {
            let found = self.children(slot.name).count();
            let name = slot.name;
            match slot.count {
                Count::One if found == 0 => return fault("missing_parameter", format!("{name} is missing")),
                Count::AtLeastOne if found == 0 => {
                    return fault("missing_parameter", format!("{name} is missing; at least one must be there"));
                }
                Count::One | Count::AtMostOne | Count::OneOfAll if found > 1 => {
                    return fault("repeated_parameter", format!("{name} is there {found} times; once is the most"));
                }
                _ => {}
            }
            if slot.count == Count::OneOfAll {
                of_all += found;
                alternatives.push(name);
            }
        }
        if alternatives.is_empty() || of_all == 1 {
            return Ok(());
        }
        let names = alternatives.join(" or ");
        match of_all {
            0 => fault("missing_parameter", format!("{names} is missing")),
            _ => fault("repeated_parameter", format!("{names}: only one of them may be there")),
        }
    }
}
