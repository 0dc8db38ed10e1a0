//! GS1's syntax tests ("linters"): what the content of one component must satisfy beyond its length.
//!
//! The names are those of the Syntax Dictionary. A linter looks at bytes, says which of them are at fault, and never at
//! anything else: whether a company prefix was ever issued, for one, is not asked.

mod codes;
mod coupon;
mod keys;
mod times;

use std::ops::Range;

pub(super) use times::days_of_month;

/// Why a linter refuses a text, and which of its bytes are at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintError {
    /// GS1's name of the error in small letters, without its prefix `GS1_LINTER_`.
    pub code: &'static str,
    /// The bytes at fault; all of them where none can be singled out.
    pub range: Range<usize>,
}

type Lint = fn(&[u8]) -> Result<(), LintError>;

/// One of GS1's syntax tests.
#[derive(Clone, Copy, Debug)]
pub struct Linter {
    name: &'static str,
    lint: Lint,
}

/// Every linter by its name in the Syntax Dictionary, in alphabetical order.
const LINTERS: [(&str, Lint); 39] = [
    ("couponcode", coupon::couponcode),
    ("couponposoffer", coupon::couponposoffer),
    ("cset39", cset39),
    ("cset64", cset64),
    ("cset82", cset82),
    ("csetnumeric", csetnumeric),
    ("csum", keys::csum),
    ("csumalpha", keys::csumalpha),
    ("gcppos1", keys::gcppos1),
    ("gcppos2", keys::gcppos2),
    ("hasnondigit", hasnondigit),
    ("hh", times::hh),
    ("hhmi", times::hhmi),
    ("hyphen", hyphen),
    ("iban", keys::iban),
    ("importeridx", codes::importeridx),
    ("iso3166", codes::iso3166),
    ("iso3166999", codes::iso3166999),
    ("iso3166alpha2", codes::iso3166alpha2),
    ("iso4217", codes::iso4217),
    ("iso5218", codes::iso5218),
    ("latitude", latitude),
    ("longitude", longitude),
    ("mediatype", codes::mediatype),
    ("mi", times::mi),
    ("nonzero", nonzero),
    ("nozeroprefix", nozeroprefix),
    ("packagetype", codes::packagetype),
    ("pcenc", pcenc),
    ("pieceoftotal", pieceoftotal),
    ("posinseqslash", posinseqslash),
    ("ss", times::ss),
    ("winding", codes::winding),
    ("yesno", codes::yesno),
    ("yymmd0", times::yymmd0),
    ("yymmdd", times::yymmdd),
    ("yyyymmd0", times::yyyymmd0),
    ("yyyymmdd", times::yyyymmdd),
    ("zero", zero),
];

impl Linter {
    /// The linter of that name; `None` when GS1 has none.
    pub fn named(name: &str) -> Option<Self> {
        let at = LINTERS.binary_search_by_key(&name, |(name, _)| name).ok()?;
        let (name, lint) = LINTERS[at];
        Some(Self { name, lint })
    }

    /// The name in the Syntax Dictionary.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Tests `text`.
    ///
    /// # Errors
    /// The first thing wrong with it, from the left where that has a meaning.
    pub fn test(self, text: &[u8]) -> Result<(), LintError> {
        (self.lint)(text)
    }
}

fn fail(code: &'static str, range: Range<usize>) -> Result<(), LintError> {
    Err(LintError { code, range })
}

/// Refuses `text` as a whole unless it is `good`.
fn require(good: bool, code: &'static str, text: &[u8]) -> Result<(), LintError> {
    if good { Ok(()) } else { fail(code, 0..text.len()) }
}

/// Refuses the first byte that is not `good`.
fn require_each(good: impl Fn(&u8) -> bool, code: &'static str, text: &[u8]) -> Result<(), LintError> {
    match text.iter().position(|byte| !good(byte)) {
        Some(at) => fail(code, at..at + 1),
        None => Ok(()),
    }
}

/// The number that ASCII digits write; at most 18 of them are asked for.
fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

pub(super) fn csetnumeric(text: &[u8]) -> Result<(), LintError> {
    require_each(u8::is_ascii_digit, "non_digit_character", text)
}

/// Whether a byte is one of the 82 characters of GS1's AI-encodable set.
///
/// # Source
/// GS1 General Specifications, figure 7.11-1.
pub(super) const fn is_cset82(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'"' | b'%'..=b'/' | b':'..=b'?' | b'_')
}

pub(super) fn cset82(text: &[u8]) -> Result<(), LintError> {
    require_each(|byte| is_cset82(*byte), "invalid_cset82_character", text)
}

pub(super) fn cset39(text: &[u8]) -> Result<(), LintError> {
    let good = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase() || matches!(byte, b'#' | b'-' | b'/');
    require_each(good, "invalid_cset39_character", text)
}

/// File-safe base 64; padding may be left out, but if there is any it must fit the length.
pub(super) fn cset64(text: &[u8]) -> Result<(), LintError> {
    let body = text.len() - text.iter().rev().take_while(|byte| **byte == b'=').count();
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    require_each(good, "invalid_cset64_character", &text[..body])?;
    let fits = match text.len() - body {
        0 => true,
        padding => padding < 3 && (body + padding).is_multiple_of(3),
    };
    if fits { Ok(()) } else { fail("invalid_cset64_padding", body..text.len()) }
}

fn hasnondigit(text: &[u8]) -> Result<(), LintError> {
    require(text.iter().any(|byte| !byte.is_ascii_digit()), "requires_non_digit_character", text)
}

fn hyphen(text: &[u8]) -> Result<(), LintError> {
    require(text.iter().all(|byte| *byte == b'-'), "not_hyphen", text)
}

fn zero(text: &[u8]) -> Result<(), LintError> {
    require(text.iter().all(|byte| *byte == b'0'), "not_zero", text)
}

fn nonzero(text: &[u8]) -> Result<(), LintError> {
    csetnumeric(text)?;
    require(text.iter().any(|byte| *byte != b'0'), "illegal_zero_value", text)
}

fn nozeroprefix(text: &[u8]) -> Result<(), LintError> {
    csetnumeric(text)?;
    if text.first() == Some(&b'0') { fail("illegal_zero_prefix", 0..1) } else { Ok(()) }
}

fn latitude(text: &[u8]) -> Result<(), LintError> {
    require(text.len() == 10, "latitude_invalid_length", text)?;
    csetnumeric(text)?;
    require(number(text) <= 1_800_000_000, "invalid_latitude", text)
}

fn longitude(text: &[u8]) -> Result<(), LintError> {
    require(text.len() == 10, "longitude_invalid_length", text)?;
    csetnumeric(text)?;
    require(number(text) <= 3_600_000_000, "invalid_longitude", text)
}

/// Each `%` is followed by two hexadecimal digits.
fn pcenc(text: &[u8]) -> Result<(), LintError> {
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'%' {
            at += 1;
            continue;
        }
        let end = (at + 3).min(text.len());
        let digits = &text[at + 1..end];
        if digits.len() != 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return fail("invalid_percent_sequence", at..end);
        }
        at = end;
    }
    Ok(())
}

/// Half of the digits number the piece, the other half say how many there are.
fn pieceoftotal(text: &[u8]) -> Result<(), LintError> {
    require(text.len().is_multiple_of(2) && !text.is_empty(), "invalid_length_for_piece_of_total", text)?;
    csetnumeric(text)?;
    let half = text.len() / 2;
    let (piece, total) = text.split_at(half);
    if piece.iter().all(|digit| *digit == b'0') {
        return fail("zero_piece_number", 0..half);
    }
    if total.iter().all(|digit| *digit == b'0') {
        return fail("zero_total_pieces", half..text.len());
    }
    require(piece <= total, "piece_number_exceeds_total", text)
}

/// `2/3`: a position and the end of a sequence, both without leading zeros.
fn posinseqslash(text: &[u8]) -> Result<(), LintError> {
    let slash = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
    let (position, end) = (&text[..slash], text.get(slash + 1..).unwrap_or(&[]));
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    require(is_number(position) && is_number(end), "position_in_sequence_malformed", text)?;
    if position[0] == b'0' {
        return fail("illegal_zero_prefix", 0..slash);
    }
    if end[0] == b'0' {
        return fail("illegal_zero_prefix", slash + 1..text.len());
    }
    require((position.len(), position) <= (end.len(), end), "position_exceeds_end", text)
}
