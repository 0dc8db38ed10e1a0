//! GS1 codes: what a warehouse's scanners send and what its labels say.
//!
//! A [`Message`] is a row of elements, each an Application Identifier (AI) and a value. It is read from element strings
//! with brackets or with separators, from a Digital Link, or from what a scanner sends ([`Scan`]), and written in each
//! of these forms again. [`Parts`] says what it means, and [`report()`] tells all of that of one line of text.
//!
//! What an AI may hold comes from GS1's Syntax Dictionary ([`Dictionary`]), with GS1's syntax tests ([`Linter`]). Whether
//! a key was ever issued and whether the goods exist is not asked here; nor is what day it is, so who asks for dates
//! gives the reference for the century.
//!
//! Its one invariant: elements that are read are written in each form so that they are read as the same again. Only AIs that
//! GS1 has not assigned, which are taken when asked for, can't be read where nothing shows how long they are.
//!
//! # Source
//! GS1 General Specifications 25; GS1 Digital Link Standard: URI Syntax 1.5; GS1 Barcode Syntax Dictionary. The rules where
//! those leave a choice are the ones of GS1's Syntax Engine.

mod cases;
mod check;
mod dictionary;
mod elements;
mod link;
mod linters;
mod meaning;
mod report;
mod rules;
mod scan;

pub use check::{CHECKED_CHARACTERS_MAX, check_digit, check_pair_characters};
pub use dictionary::{CharacterSet, Component, Dictionary, Entry};
pub use elements::{DATA_BYTES_MAX, ELEMENTS_MAX, Element, Message};
pub use link::{escape_path, escape_query, unescape_path, unescape_query};
pub use linters::{LintError, Linter};
pub use meaning::{Date, Measure, Parts};
pub use report::report;
pub use rules::Rule;
pub use scan::{Scan, Symbology, render_scan};

/// What is taken beyond, or less than, the strict rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Takes AIs that GS1 has not assigned, where brackets or a Digital Link show how long they are.
    pub unknown_ais: bool,
    /// Takes such AIs among a Digital Link's attributes too.
    pub unknown_link_attributes: bool,
    /// Takes the names of keys in a Digital Link's path that the standard has given up, such as `gtin` for `01`.
    pub link_names: bool,
    /// Takes a GTIN of 8, 12 or 13 digits in a Digital Link.
    pub short_gtins: bool,
    /// Writes the check digit of a linear symbol, so that it must not be given.
    pub add_check_digit: bool,
}

impl Options {
    /// What the standards in force say.
    pub const STRICT: Self = Self {
        unknown_ais: false,
        unknown_link_attributes: false,
        link_names: false,
        short_gtins: false,
        add_check_digit: false,
    };
}

impl Default for Options {
    fn default() -> Self {
        Self::STRICT
    }
}

/// Why a GS1 code is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Gs1Error {
    /// The stable code; `docs/formats/gs1.md` says how they are named.
    pub code: &'static str,
    /// The value at fault and the remedy.
    pub detail: String,
    /// The byte of the input where it begins.
    pub offset: usize,
    /// The value at fault with the offending part between asterisks; empty when it is not a value's content that is at
    /// fault.
    pub marked: String,
}

impl Gs1Error {
    fn new(code: &'static str, offset: usize, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), offset, marked: String::new() }
    }
}

/// Bytes as a person reads them: as UTF-8 where they are, each shortened and with control characters escaped.
fn shown(bytes: &[u8]) -> String {
    crate::problem::shown(&String::from_utf8_lossy(bytes))
}
