//! The types of expressions, each with a bound on the size of its values.

use super::facts::Kind;
use std::fmt;

/// What a value is, and how large at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// What fits anywhere: an item of an empty list, or of what is wrong and was told.
    Any,
    Bool,
    /// A whole number.
    Int,
    Double,
    /// A text of so many bytes at most.
    Text(u64),
    /// A list of so many items at most.
    List(u64, Box<Self>),
}

impl Type {
    /// The type of a fact.
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Whole => Self::Int,
            Kind::Number => Self::Double,
            Kind::Text => Self::Text(super::FACT_BYTES_MAX as u64),
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }

    pub(super) fn is_any(&self) -> bool {
        *self == Self::Any
    }

    /// The type that both are of, as large as the larger; a whole number and a double are doubles. `None` when there is none.
    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, one) | (one, Self::Any) => Some(one.clone()),
            (Self::Bool, Self::Bool) => Some(Self::Bool),
            (Self::Int, Self::Int) => Some(Self::Int),
            (Self::Int | Self::Double, Self::Int | Self::Double) => Some(Self::Double),
            (Self::Text(one), Self::Text(other)) => Some(Self::Text(*one.max(other))),
            (Self::List(one, item), Self::List(other, other_item)) => {
                Some(Self::List(*one.max(other), Box::new(item.joined(other_item)?)))
            }
            _ => None,
        }
    }

    /// How many steps it takes to read or copy a value.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Text(bytes) => 1 + bytes / 64,
            Self::List(items, item) => items.saturating_mul(item.weight()).saturating_add(1),
            _ => 1,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("anything"),
            Self::Bool => f.write_str("true or false"),
            Self::Int => f.write_str("a whole number"),
            Self::Double => f.write_str("a number"),
            Self::Text(_) => f.write_str("a text"),
            Self::List(..) => f.write_str("a list"),
        }
    }
}
