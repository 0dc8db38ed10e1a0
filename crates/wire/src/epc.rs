//! Electronic Product Codes: what an RFID tag says it is on.
//!
//! The same identity has several spellings: the memory of a [`Tag`], its tag URI, the pure identity URI of an [`Epc`], and the
//! [`Gs1Key`] behind it with its element string and its GS1 Digital Link. This module translates between all of them. It
//! knows the GS1 EPC Tag Data Standard and nothing of stock.
//!
//! Its one invariant: an [`Epc`] that exists obeys its scheme, so that each spelling of it that there is can be written, and read
//! back to the same.
//!
//! Start with [`Tag::from_bytes`], then [`Scheme`] (what there is) and the module `coding` (how it lies in memory).

mod bits;
mod coding;
mod digits;
mod fault;
mod key;
mod link;
mod report;
mod scheme;
mod tag;
mod uri;

pub use coding::Coding;
pub use fault::Fault;
pub use key::Gs1Key;
pub use report::report;
pub use scheme::Scheme;
pub(crate) use tag::bytes_of_hex;
pub use tag::{EPC_BYTES_MAX, Tag};

use smallvec::SmallVec;
use std::fmt;

/// The memory of a tag, whole words of 16 bits; all but aircraft parts fit without an allocation.
pub type EpcBytes = SmallVec<[u8; 32]>;

/// The most parts of an identity.
const PARTS_MAX: usize = 5;
/// More than the most characters of an identity, which are the 68 of an aircraft part.
const TEXT_MAX: usize = 72;

/// An identity, or a pattern for many whose last parts are open.
///
/// It is small, without an allocation of its own, and compares as its URI does.
///
/// ```
/// use wire::epc::Epc;
/// let epc = Epc::parse_uri("urn:epc:id:sgtin:0614141.812345.6789").unwrap();
/// assert_eq!(epc.company_prefix(), Some("0614141"));
/// assert_eq!(epc.element_string().unwrap(), "(01)80614141123458(21)6789");
/// assert_eq!(epc.digital_link().unwrap(), "https://id.gs1.org/01/80614141123458/21/6789");
/// assert_eq!(epc.shortest_tag(3).unwrap().to_hex(), "3074257BF7194E4000001A85");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epc {
    scheme: Scheme,
    /// How many parts are known; those after them are open.
    known: u8,
    /// Where each part ends in `text`.
    ends: [u8; PARTS_MAX],
    /// The parts without separators and escapes, then zeros.
    text: [u8; TEXT_MAX],
}

impl Epc {
    /// An identity of the `parts` of its URI, without escapes; fewer than the scheme has make a pattern (not of lots).
    ///
    /// # Errors
    /// `wrong_part_count`, then what is wrong with the first part that is.
    pub fn new(scheme: Scheme, parts: &[&str]) -> Result<Self, Fault> {
        let lot_left_out = scheme == Scheme::Lgtin && parts.len() != scheme.parts().len();
        if parts.len() > scheme.parts().len() || lot_left_out {
            return Err(uri::wrong_part_count(scheme, parts.len()));
        }
        let mut draft = Draft::new(scheme);
        for part in parts {
            draft.push_part(part.as_bytes())?;
        }
        Ok(draft.finish())
    }

    /// What it identifies.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether its last parts are open, so that it stands for many.
    pub fn is_pattern(&self) -> bool {
        usize::from(self.known) < self.scheme.parts().len()
    }

    /// The parts that are known and their names, in the order of the URI, without escapes.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let known = usize::from(self.known);
        self.scheme.parts().iter().take(known).enumerate().map(|(index, part)| (part.name, self.part_at(index)))
    }

    /// The part of a name, as `serial`; `None` when the scheme has none or it is open.
    pub fn part(&self, name: &str) -> Option<&str> {
        self.parts().find(|(other, _)| *other == name).map(|(_, part)| part)
    }

    /// The digits that GS1 gave to a company.
    pub fn company_prefix(&self) -> Option<&str> {
        self.part("company_prefix")
    }

    /// What tells this one from others of its kind, when its scheme calls that a serial.
    pub fn serial(&self) -> Option<&str> {
        self.part("serial")
    }

    /// The trade item's GTIN in 14 digits, check digit and all.
    pub fn gtin14(&self) -> Option<String> {
        match self.scheme {
            Scheme::Sgtin | Scheme::Itip | Scheme::Upui | Scheme::Lgtin if self.known >= 2 => {
                Some(digits::with_check_digit(&digits::indicator_first(self.part_at(0), self.part_at(1))))
            }
            _ => None,
        }
    }

    /// The logistic unit's SSCC in 18 digits.
    pub fn sscc(&self) -> Option<String> {
        let is_unit = self.scheme == Scheme::Sscc && !self.is_pattern();
        is_unit.then(|| digits::with_check_digit(&digits::indicator_first(self.part_at(0), self.part_at(1))))
    }

    /// The GLN of the place or party in 13 digits, without extension.
    pub fn gln(&self) -> Option<String> {
        let is_place = matches!(self.scheme, Scheme::Sgln | Scheme::Pgln) && self.known >= 2;
        is_place.then(|| digits::with_check_digit(&[self.part_at(0), self.part_at(1)].concat()))
    }

    fn part_at(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { usize::from(self.ends[index - 1]) };
        std::str::from_utf8(&self.text[start..usize::from(self.ends[index])]).expect("every rule takes ASCII only")
    }
}

/// The URI: `urn:epc:id:...`, `urn:epc:class:...` for lots, `urn:epc:idpat:...` for patterns.
impl fmt::Display for Epc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&uri::render(self))
    }
}

impl fmt::Debug for Epc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epc({self})")
    }
}

/// An identity in the making: parts in their order, each checked as it ends.
#[derive(Debug)]
struct Draft {
    epc: Epc,
    /// Where the part at hand begins in the text.
    start: usize,
    /// Where it ends so far; beyond the text when it is too long.
    end: usize,
}

impl Draft {
    fn new(scheme: Scheme) -> Self {
        let epc = Epc { scheme, known: 0, ends: [0; PARTS_MAX], text: [0; TEXT_MAX] };
        Self { epc, start: 0, end: 0 }
    }

    /// Appends to the part at hand.
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.epc.text.get_mut(self.end) {
            *place = byte;
        }
        self.end += 1;
    }

    /// Appends a number with at least so many digits.
    fn push_number(&mut self, mut number: u64, digits_min: usize) {
        let digits_needed =
            number.checked_ilog10().map_or(1, |above_first| usize::try_from(above_first).expect("20") + 1);
        let end = self.end + digits_needed.max(digits_min);
        for at in (self.end..end).rev() {
            let digit = u8::try_from(number % 10).expect("a digit");
            if let Some(place) = self.epc.text.get_mut(at) {
                *place = b'0' + digit;
            }
            number /= 10;
        }
        self.end = end;
    }

    /// How many digits are missing from the company prefix to the end of its reference.
    fn digits_to_fill(&self) -> usize {
        match self.epc.scheme.parts()[usize::from(self.epc.known)].rule {
            scheme::Rule::Fill(whole) => whole - self.prefix_digits(),
            _ => 0,
        }
    }

    fn prefix_digits(&self) -> usize {
        usize::from(self.epc.ends[0])
    }

    /// Ends the part at hand.
    fn end_part(&mut self) -> Result<(), Fault> {
        let index = usize::from(self.epc.known);
        let part = &self.epc.scheme.parts()[index];
        let Some(text) = self.epc.text.get(self.start..self.end) else {
            return Err(Fault::new("part_length", format!("{} is too long", part.name)));
        };
        let prefix = if index == 0 { 0 } else { self.prefix_digits() };
        part.check(text, prefix)?;
        self.epc.ends[index] = u8::try_from(self.end).expect("a text has few bytes");
        self.epc.known += 1;
        self.start = self.end;
        Ok(())
    }

    fn push_part(&mut self, part: &[u8]) -> Result<(), Fault> {
        part.iter().for_each(|byte| self.push(*byte));
        self.end_part()
    }

    fn finish(self) -> Epc {
        self.epc
    }
}
