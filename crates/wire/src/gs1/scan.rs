//! What scanners send: data behind an AIM symbology identifier.
//!
//! # Source
//! GS1 General Specifications, sections 5.1.2 and 7.8; ISO/IEC 15424 for the identifiers.

use super::check::check_digit;
use super::elements::{COMPOSITE, FNC1, GS, Message, find_entry};
use super::link::is_link;
use super::{Gs1Error, Options, shown};

/// A kind of symbol that carries GS1 data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbology {
    /// GS1 DataBar Omnidirectional.
    DataBarOmni,
    /// GS1 DataBar Truncated.
    DataBarTruncated,
    /// GS1 DataBar Stacked.
    DataBarStacked,
    /// GS1 DataBar Stacked Omnidirectional.
    DataBarStackedOmni,
    /// GS1 DataBar Limited.
    DataBarLimited,
    /// GS1 DataBar Expanded, stacked or not; also what can't be told from it.
    DataBarExpanded,
    /// UPC-A.
    UpcA,
    /// UPC-E.
    UpcE,
    /// EAN-13, and what can't be told from it.
    Ean13,
    /// EAN-8.
    Ean8,
    /// GS1-128, alone or with a composite component A or B.
    Gs1_128,
    /// GS1-128 with a composite component C.
    Gs1_128C,
    /// QR Code.
    Qr,
    /// Data Matrix.
    DataMatrix,
    /// DotCode.
    DotCode,
    /// ITF-14.
    Itf14,
}

/// Symbologies with the names that GS1's Syntax Engine gives them.
const NAMES: [(Symbology, &str); 16] = [
    (Symbology::DataBarOmni, "DataBarOmni"),
    (Symbology::DataBarTruncated, "DataBarTruncated"),
    (Symbology::DataBarStacked, "DataBarStacked"),
    (Symbology::DataBarStackedOmni, "DataBarStackedOmni"),
    (Symbology::DataBarLimited, "DataBarLimited"),
    (Symbology::DataBarExpanded, "DataBarExpanded"),
    (Symbology::UpcA, "UPCA"),
    (Symbology::UpcE, "UPCE"),
    (Symbology::Ean13, "EAN13"),
    (Symbology::Ean8, "EAN8"),
    (Symbology::Gs1_128, "GS1_128_CCA"),
    (Symbology::Gs1_128C, "GS1_128_CCC"),
    (Symbology::Qr, "QR"),
    (Symbology::DataMatrix, "DM"),
    (Symbology::DotCode, "DotCode"),
    (Symbology::Itf14, "ITF14"),
];

impl Symbology {
    /// The name that GS1's Syntax Engine gives it.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(symbology, _)| *symbology == self).map_or("", |(_, name)| name)
    }

    /// The symbology of that name.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(symbology, _)| *symbology)
    }
}

/// What data behind an identifier holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Elements.
    Elements,
    /// Anything; a Digital Link if it looks like one.
    Text,
    /// So many digits, the last one a check digit.
    Digits(usize),
}

/// Identifiers, what they say, and what follows.
const IDENTIFIERS: [(&[u8; 3], Symbology, Content); 12] = [
    (b"]C1", Symbology::Gs1_128, Content::Elements),
    (b"]E0", Symbology::Ean13, Content::Digits(13)),
    (b"]E4", Symbology::Ean8, Content::Digits(8)),
    (b"]I0", Symbology::Itf14, Content::Digits(14)),
    (b"]I1", Symbology::Itf14, Content::Digits(14)),
    (b"]J0", Symbology::DotCode, Content::Text),
    (b"]J1", Symbology::DotCode, Content::Elements),
    (b"]Q1", Symbology::Qr, Content::Text),
    (b"]Q3", Symbology::Qr, Content::Elements),
    (b"]d1", Symbology::DataMatrix, Content::Text),
    (b"]d2", Symbology::DataMatrix, Content::Elements),
    (b"]e0", Symbology::DataBarExpanded, Content::Elements),
];

/// What a scanner sent, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// What the identifier says of the symbol. EAN-13 stands for UPC symbols too, and DataBar Expanded for all of DataBar
    /// and all composite symbols.
    pub symbology: Symbology,
    /// The data as the symbol holds it: elements with separators (`^`), the digits of a linear symbol, or any text; a text
    /// that would otherwise seem to begin with FNC1 has a backslash before it.
    pub data: Vec<u8>,
    /// The elements, also those that a Digital Link or a linear symbol's digits stand for; `None` for other text.
    pub message: Option<Message>,
}

impl Scan {
    /// Reads what a scanner sent, from its symbology identifier on.
    ///
    /// # Errors
    /// `unknown_symbology`, then the first thing wrong with the data.
    ///
    /// ```
    /// use wire::gs1::{Options, Scan};
    /// let scan = Scan::parse(b"]C1010952012345678810ABC\x1d17261231", &Options::STRICT).expect("a GS1-128 symbol");
    /// assert_eq!(scan.data, b"^010952012345678810ABC^17261231");
    /// ```
    pub fn parse(input: &[u8], options: &Options) -> Result<Self, Gs1Error> {
        let identified = IDENTIFIERS.iter().find(|(identifier, ..)| input.starts_with(*identifier));
        let Some((identifier, symbology, content)) = identified else {
            let start = &input[..input.len().min(3)];
            let detail = format!(
                "{} is no identifier of a symbol with GS1 data; set the scanner to send AIM identifiers",
                shown(start)
            );
            return Err(Gs1Error::new("unknown_symbology", 0, detail));
        };
        let (symbology, start) = (*symbology, identifier.len());
        let rest = &input[start..];
        match content {
            Content::Elements => {
                let data = elements_data(rest, start)?;
                let mut message = Message::default();
                message.parse_elements(rest, start)?;
                Ok(Self { symbology, data, message: Some(message) })
            }
            Content::Text => {
                let message = match is_link(rest) {
                    true => Some(Message::parse_link_at(rest, start, options)?),
                    false => None,
                };
                let mut data = Vec::with_capacity(rest.len() + 1);
                if is_like_fnc1(rest) {
                    data.push(b'\\');
                }
                data.extend_from_slice(rest);
                Ok(Self { symbology, data, message })
            }
            Content::Digits(count) => Self::parse_digits(symbology, rest, *count, start),
        }
    }

    /// The digits of a linear symbol, and the composite part that may follow with an identifier of its own.
    fn parse_digits(symbology: Symbology, rest: &[u8], count: usize, start: usize) -> Result<Self, Gs1Error> {
        let digits = &rest[..rest.iter().position(|byte| *byte == COMPOSITE).unwrap_or(rest.len())];
        let mut message = key_message(digits, count, start)?;
        let mut data = digits.to_vec();
        let after = &rest[digits.len()..];
        if after.is_empty() {
            return Ok(Self { symbology, data, message: Some(message) });
        }
        let part_at = start + digits.len() + 4;
        let Some(part) = after.strip_prefix(b"|]e0") else {
            let detail = format!("{} is no composite part; it begins with |]e0", shown(after));
            return Err(Gs1Error::new("unknown_symbology", start + digits.len(), detail));
        };
        data.push(COMPOSITE);
        data.extend(elements_data(part, part_at)?);
        message.begin_composite(part_at)?;
        message.parse_elements(part, part_at)?;
        Ok(Self { symbology, data, message: Some(message) })
    }
}

/// The GTIN that `count` digits with a correct check digit are.
pub(super) fn key_message(digits: &[u8], count: usize, offset: usize) -> Result<Message, Gs1Error> {
    if digits.len() != count || !digits.iter().all(u8::is_ascii_digit) {
        let detail = format!("{} are not {count} digits; read the symbol again", shown(digits));
        return Err(Gs1Error::new("not_a_key", offset, detail));
    }
    let mut gtin = vec![b'0'; 14_usize.saturating_sub(count)];
    let padding = gtin.len();
    gtin.extend_from_slice(digits);
    let mut message = Message::default();
    let entry = find_entry(b"01", offset, false)?;
    message.push(b"01", &gtin, entry, offset).map_err(|problem| {
        let mut error = problem.at(offset, &gtin, |_| false);
        error.offset = error.offset.saturating_sub(padding);
        error
    })?;
    Ok(message)
}

/// Elements as the scanner sends them, with `^` for FNC1 and one before them.
fn elements_data(sent: &[u8], offset: usize) -> Result<Vec<u8>, Gs1Error> {
    if let Some(at) = sent.iter().position(|byte| *byte == FNC1) {
        let detail = "'^' is no character of an element; the scanner should send GS (0x1D) between elements";
        return Err(Gs1Error::new("invalid_cset82_character", offset + at, detail));
    }
    let mut data = Vec::with_capacity(sent.len() + 1);
    data.push(FNC1);
    data.extend(sent.iter().map(|byte| if *byte == GS { FNC1 } else { *byte }));
    Ok(data)
}

/// Whether text is any number of backslashes before a `^`, and so needs one more to be told from FNC1.
fn is_like_fnc1(text: &[u8]) -> bool {
    text.iter().find(|byte| **byte != b'\\') == Some(&FNC1)
}

/// What a scanner sends for a symbol that holds `data`, in the form of [`Scan::data`].
///
/// `None` when a symbol of that kind can't hold it.
pub fn render_scan(data: &[u8], symbology: Symbology, options: &Options) -> Option<Vec<u8>> {
    let (linear, part) = match data.windows(2).position(|pair| pair == b"|^") {
        Some(at) => (&data[..at], Some(&data[at + 1..])),
        None => (data, None),
    };
    match symbology {
        Symbology::Qr => render_matrix(data, b"]Q1", b"]Q3"),
        Symbology::DataMatrix => render_matrix(data, b"]d1", b"]d2"),
        Symbology::DotCode => render_matrix(data, b"]J0", b"]J1"),
        Symbology::DataBarExpanded | Symbology::Gs1_128 | Symbology::Gs1_128C => {
            let message = Message::parse_unbracketed(data).ok()?;
            let alone = if symbology == Symbology::DataBarExpanded { b"]e0" } else { b"]C1" };
            let mut out = if part.is_some() { b"]e0".to_vec() } else { alone.to_vec() };
            push_elements(&mut out, linear);
            if let (Some(part), Some(count)) = (part, message.linear_count()) {
                let last = message.elements().nth(count.checked_sub(1)?)?;
                if !last.entry.predefined_length && !linear.ends_with(&[FNC1]) {
                    out.push(GS);
                }
                push_elements(&mut out, part);
            }
            Some(out)
        }
        Symbology::Itf14 if part.is_some() => None,
        Symbology::Itf14 => {
            let mut out = b"]I1".to_vec();
            out.extend(linear_digits(linear, 14, b"^01", options)?);
            Some(out)
        }
        _ => render_linear(linear, part, symbology, options),
    }
}

/// A symbol of which the identifier says whether it holds text or elements.
fn render_matrix(data: &[u8], text: &[u8], elements: &[u8]) -> Option<Vec<u8>> {
    if data.first() == Some(&FNC1) {
        Message::parse_unbracketed(data).ok()?;
        let mut out = elements.to_vec();
        push_elements(&mut out, data);
        return Some(out);
    }
    let escaped = data.first() == Some(&b'\\') && is_like_fnc1(data);
    Some([text, &data[usize::from(escaped)..]].concat())
}

/// A linear symbol that holds a GTIN, and the part above it.
fn render_linear(linear: &[u8], part: Option<&[u8]>, symbology: Symbology, options: &Options) -> Option<Vec<u8>> {
    if let Some(part) = part {
        Message::parse_unbracketed(part).ok()?;
    }
    let (prefix, digits): (&[u8], _) = match symbology {
        Symbology::Ean13 => (b"]E0", linear_digits(linear, 13, b"^010", options)?),
        Symbology::Ean8 => (b"]E4", linear_digits(linear, 8, b"^01000000", options)?),
        Symbology::UpcA => (b"]E00", linear_digits(linear, 12, b"^0100", options)?),
        Symbology::UpcE => (b"]E00", linear_digits(linear, 12, b"^0100", options).filter(|upc| is_compressible(upc))?),
        _ => (b"]e001", linear_digits(linear, 14, b"^01", options)?),
    };
    if symbology == Symbology::DataBarLimited && digits[0] > b'1' {
        return None;
    }
    let mut out = [prefix, &digits].concat();
    if let Some(part) = part {
        if !prefix.starts_with(b"]e0") {
            out.extend_from_slice(b"|]e0");
        }
        push_elements(&mut out, part);
    }
    Some(out)
}

/// Elements as a scanner sends them.
fn push_elements(out: &mut Vec<u8>, data: &[u8]) {
    let data = data.strip_prefix(&[FNC1]).unwrap_or(data);
    out.extend(data.iter().map(|byte| if *byte == FNC1 { GS } else { *byte }));
}

/// The `count` digits that a linear symbol holds, plain or as the element that begins with `element`.
fn linear_digits(linear: &[u8], count: usize, element: &[u8], options: &Options) -> Option<Vec<u8>> {
    let mut digits = linear.strip_prefix(element).unwrap_or(linear).to_vec();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if options.add_check_digit {
        digits.push(check_digit(&digits)?);
    }
    let (check, body) = digits.split_last()?;
    (digits.len() == count && check_digit(body) == Some(*check)).then_some(digits)
}

/// Whether the 12 digits of a UPC can be written in the 6 of UPC-E.
///
/// # Source
/// GS1 General Specifications, section 5.2.2.4.2, the rules for zero suppression.
fn is_compressible(upc: &[u8]) -> bool {
    let zero = |at: std::ops::RangeInclusive<usize>| upc[at].iter().all(|digit| *digit == b'0');
    let rules = [
        upc[3] <= b'2' && zero(4..=7),
        upc[3] >= b'3' && zero(4..=5) && zero(6..=8),
        upc[4] != b'0' && zero(5..=5) && zero(6..=9),
        upc[5] != b'0' && zero(6..=9) && upc[10] >= b'5',
    ];
    upc[0] == b'0' && rules.contains(&true)
}
