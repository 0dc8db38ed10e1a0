//! What messages and parameters there are, and what each holds: `definitions.txt`, read once.

use crate::problem::nearest;
use std::collections::HashMap;
use std::sync::LazyLock;

/// One more than the greatest number that a message or parameter can have: ten bits.
const NUMBERS: usize = 1024;

/// A message or a parameter: what it is called and what it holds.
#[derive(Debug)]
pub struct Definition {
    /// The type number in its header.
    pub number: u16,
    /// The name as JSON has it, `ROAccessReport`.
    pub name: &'static str,
    /// The standard's name: `RO_ACCESS_REPORT` for messages; for parameters the same as `name`.
    pub standard_name: &'static str,
    pub(super) fields: Vec<Field>,
    pub(super) slots: Vec<Slot>,
}

impl Definition {
    /// Whether JSON writes the one field alone instead of an object.
    pub(super) fn is_inline(&self) -> bool {
        self.slots.is_empty() && matches!(self.fields.as_slice(), [field] if field.kind.is_fixed())
    }
}

/// A field of a message or parameter.
#[derive(Debug)]
pub(super) struct Field {
    /// Empty for reserved bytes.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether the next field lies in the same byte.
    pub(super) shares_byte: bool,
}

/// How a field lies in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number of this many bytes.
    Unsigned(usize),
    /// A number with a sign, of this many bytes.
    Signed(usize),
    /// One bit of a byte; 0 is the highest.
    Flag { bit: u32 },
    /// Some bits of a byte.
    Bits { count: u32, bit: u32 },
    /// UTF-8 with its length.
    Text,
    /// Bytes with their count.
    Bytes,
    /// So many bytes.
    BytesOf(usize),
    /// All bytes that are left.
    Rest,
    /// Bits with their count.
    BitArray,
    /// Numbers of so many bytes, with their count.
    List(usize),
}

impl Kind {
    fn is_fixed(self) -> bool {
        matches!(self, Self::Unsigned(_) | Self::Signed(_) | Self::Flag { .. } | Self::Bits { .. })
    }
}

/// How often a sub-parameter stands in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    One,
    OneOfAll,
    AtMostOne,
    Any,
    AtLeastOne,
}

impl Count {
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Any | Self::AtLeastOne)
    }
}

/// A place for a sub-parameter.
#[derive(Debug)]
pub(super) struct Slot {
    /// The name in JSON.
    pub(super) name: &'static str,
    /// The parameter's type number.
    pub(super) number: u16,
    pub(super) count: Count,
}

/// All definitions.
struct Definitions {
    parameters: Vec<Option<Definition>>,
    messages: Vec<Option<Definition>>,
}

static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(|| read(include_str!("definitions.txt")));

/// The parameter with this type number; `None` when the standard has none.
pub(super) fn parameter(number: u16) -> Option<&'static Definition> {
    DEFINITIONS.parameters.get(usize::from(number))?.as_ref()
}

/// The parameter of this name.
pub(super) fn parameter_named(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.parameters.iter().flatten().find(|definition| definition.name == name)
}

/// The message with this type number; `None` when the standard has none.
///
/// ```
/// assert_eq!(wire::llrp::message(61).map(|message| message.standard_name), Some("RO_ACCESS_REPORT"));
/// ```
pub fn message(number: u16) -> Option<&'static Definition> {
    DEFINITIONS.messages.get(usize::from(number))?.as_ref()
}

/// The message of this name, written as JSON or the standard has it; capitals and `_` don't matter.
pub fn message_named(name: &str) -> Option<&'static Definition> {
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let name = plain(name);
    messages().find(|definition| plain(definition.name) == name)
}

/// All messages, by type number.
pub fn messages() -> impl Iterator<Item = &'static Definition> {
    DEFINITIONS.messages.iter().flatten()
}

/// The name among `names` that `typed` most likely meant, whatever its capitals.
pub(super) fn nearest_name<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let names: Vec<(String, &str)> = names.map(|name| (name.to_ascii_lowercase(), name)).collect();
    let near = nearest(typed, names.iter().map(|(small, _)| small.as_str()))?;
    names.iter().find(|(small, _)| small == near).map(|(_, name)| *name)
}

/// A definition whose sub-parameters are still names.
struct Draft {
    is_message: bool,
    definition: Definition,
    slots: Vec<(&'static str, &'static str, Count)>,
}

/// Reads the definitions. They are ours, so a mistake in them is a bug.
fn read(text: &'static str) -> Definitions {
    let mut drafts: Vec<Draft> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with(' ') {
            let draft = drafts.last_mut().expect("what is indented follows a head");
            for item in line.split_whitespace() {
                match item.strip_prefix('>') {
                    Some(slot) => draft.slots.push(read_slot(slot)),
                    None => draft.definition.fields.push(read_field(item)),
                }
            }
        } else {
            drafts.push(read_head(line));
        }
    }
    let numbers: HashMap<&str, u16> = drafts
        .iter()
        .filter(|draft| !draft.is_message)
        .map(|draft| (draft.definition.name, draft.definition.number))
        .collect();
    let empty = || (0..NUMBERS).map(|_| None).collect::<Vec<_>>();
    let mut definitions = Definitions { parameters: empty(), messages: empty() };
    for Draft { is_message, mut definition, slots } in drafts {
        definition.slots = slots
            .into_iter()
            .map(|(name, parameter, count)| {
                let number = *numbers.get(parameter).unwrap_or_else(|| panic!("{parameter} is defined"));
                Slot { name, number, count }
            })
            .collect();
        let table = if is_message { &mut definitions.messages } else { &mut definitions.parameters };
        let place = &mut table[usize::from(definition.number)];
        assert!(place.is_none(), "{} has a number of its own", definition.name);
        *place = Some(definition);
    }
    definitions
}

fn read_head(line: &'static str) -> Draft {
    let mut words = line.split(' ');
    let mut word = || words.next();
    let is_message = word() == Some("message");
    let number = word().and_then(|number| number.parse().ok()).expect("a head has a number");
    let name = word().expect("a head has a name");
    let standard_name = word().unwrap_or(name);
    let definition = Definition { number, name, standard_name, fields: Vec::new(), slots: Vec::new() };
    Draft { is_message, definition, slots: Vec::new() }
}

fn read_field(item: &'static str) -> Field {
    let (item, shares_byte) = item.strip_suffix('&').map_or((item, false), |item| (item, true));
    let (name, kind) = item.split_once(':').expect("a field has a kind");
    let name = if name == "-" { "" } else { name };
    let kind = match kind {
        "u8" => Kind::Unsigned(1),
        "u16" => Kind::Unsigned(2),
        "u32" => Kind::Unsigned(4),
        "u64" => Kind::Unsigned(8),
        "i8" => Kind::Signed(1),
        "i16" => Kind::Signed(2),
        "text" => Kind::Text,
        "bytes" => Kind::Bytes,
        "bytes12" => Kind::BytesOf(12),
        "rest" => Kind::Rest,
        "bits" => Kind::BitArray,
        "list16" => Kind::List(2),
        "list32" => Kind::List(4),
        _ => {
            let (count, bit) = kind.split_once('@').expect("a kind is known");
            let bit = bit.parse().expect("a bit is a number");
            match count {
                "flag" => Kind::Flag { bit },
                _ => Kind::Bits { count: count.parse().expect("a count is a number"), bit },
            }
        }
    };
    Field { name, kind, shares_byte }
}

fn read_slot(item: &'static str) -> (&'static str, &'static str, Count) {
    let (names, count) = match item.split_at(item.len() - 1) {
        (names, "?") => (names, Count::AtMostOne),
        (names, "*") => (names, Count::Any),
        (names, "+") => (names, Count::AtLeastOne),
        (names, "|") => (names, Count::OneOfAll),
        _ => (item, Count::One),
    };
    let (name, parameter) = names.split_once('=').unwrap_or((names, names));
    (name, parameter, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> impl Iterator<Item = &'static Definition> {
        DEFINITIONS.parameters.iter().flatten()
    }

    #[test]
    fn every_definition_can_be_reached_and_none_is_lost() {
        assert_eq!((messages().count(), parameters().count()), (46, 123));
        for definition in messages() {
            assert!(std::ptr::eq(message(definition.number).unwrap(), definition));
            assert!(std::ptr::eq(message_named(definition.standard_name).unwrap(), definition));
        }
        for definition in parameters() {
            assert!(std::ptr::eq(parameter_named(definition.name).unwrap(), definition));
            assert!(definition.number >= 128 || definition.slots.is_empty(), "{}", definition.name);
        }
    }

    #[test]
    fn fields_that_share_a_byte_lie_in_it_side_by_side() {
        for definition in messages().chain(parameters()) {
            let mut taken = 0;
            for field in &definition.fields {
                let (count, bit) = match field.kind {
                    Kind::Flag { bit } => (1, bit),
                    Kind::Bits { count, bit } => (count, bit),
                    _ => {
                        assert!(!field.shares_byte && taken == 0, "{} {}", definition.name, field.name);
                        continue;
                    }
                };
                assert!(bit >= taken && bit + count <= 8, "{} {}", definition.name, field.name);
                taken = if field.shares_byte { bit + count } else { 0 };
            }
            assert_eq!(taken, 0, "{}", definition.name);
        }
    }
}
