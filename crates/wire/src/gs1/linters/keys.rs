//! Check digits, check characters and company prefixes.

use super::codes::is_country;
use super::{LintError, csetnumeric, fail, is_cset82, require, require_each};
use crate::gs1::check::{CHECKED_CHARACTERS_MAX, check_digit, check_pair_characters};

pub(super) fn csum(text: &[u8]) -> Result<(), LintError> {
    csetnumeric(text)?;
    let Some((given, body)) = text.split_last() else {
        return fail("too_short_for_check_digit", 0..0);
    };
    match check_digit(body) {
        Some(digit) if digit == *given => Ok(()),
        _ => fail("incorrect_check_digit", body.len()..text.len()),
    }
}

pub(super) fn csumalpha(text: &[u8]) -> Result<(), LintError> {
    let Some((body, given)) = text.split_last_chunk::<2>() else {
        return fail("too_short_for_check_pair", 0..text.len());
    };
    require(body.len() <= CHECKED_CHARACTERS_MAX, "too_long_for_check_pair_implementation", text)?;
    require_each(|byte| is_cset82(*byte), "invalid_cset82_character", body)?;
    match check_pair_characters(body) {
        Some(pair) if pair == *given => Ok(()),
        _ => fail("incorrect_check_pair", body.len()..text.len()),
    }
}

/// The digits at the start of a key that every company prefix has.
const PREFIX_DIGITS_MIN: usize = 2;

/// Refuses a text in which no company prefix can stand at `at`; which prefixes were issued is not known here.
fn company_prefix(text: &[u8], at: usize) -> Result<(), LintError> {
    let prefix = text.get(at..).unwrap_or(&[]);
    require(prefix.len() >= PREFIX_DIGITS_MIN, "too_short_for_gcp", text)?;
    let digits = prefix.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits < PREFIX_DIGITS_MIN { fail("invalid_gcp_prefix", at..text.len()) } else { Ok(()) }
}

pub(super) fn gcppos1(text: &[u8]) -> Result<(), LintError> {
    company_prefix(text, 0)
}

pub(super) fn gcppos2(text: &[u8]) -> Result<(), LintError> {
    company_prefix(text, 1)
}

/// An international bank account number.
///
/// # Source
/// ISO 13616-1; check digits by ISO/IEC 7064 MOD 97-10.
pub(super) fn iban(text: &[u8]) -> Result<(), LintError> {
    require(text.len() > 4, "iban_too_short", text)?;
    require(text.len() <= 34, "iban_too_long", text)?;
    require_each(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase(), "invalid_iban_character", text)?;
    if !is_country(&text[..2]) {
        return fail("illegal_iban_country_code", 0..2);
    }
    let moved = text[4..].iter().chain(&text[..4]);
    let remainder = moved.fold(0_u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    if remainder == 1 { Ok(()) } else { fail("incorrect_iban_checksum", 2..4) }
}
