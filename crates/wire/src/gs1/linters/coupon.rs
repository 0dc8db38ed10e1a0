//! North American coupon codes.
//!
//! # Source
//! GS1 US, "North American Coupon Application Guideline Using GS1 DataBar Expanded Symbols" (AI 8110), and "AI (8112)
//! Coupon Data Specifications for Positive Offer Files".

use super::times::yymmdd;
use super::{LintError, csetnumeric, fail, number};
use std::ops::RangeInclusive;

/// What is left to read of a coupon. Where nothing is left of a field, the whole code is at fault.
struct Fields<'t> {
    text: &'t [u8],
    at: usize,
}

impl Fields<'_> {
    fn rest_or_all(&self) -> std::ops::Range<usize> {
        if self.at == self.text.len() { 0..self.text.len() } else { self.at..self.text.len() }
    }

    /// One digit of those that are `good`.
    fn digit(
        &mut self,
        good: impl Fn(u8) -> bool,
        missing: &'static str,
        invalid: &'static str,
    ) -> Result<usize, LintError> {
        let Some(digit) = self.text.get(self.at) else {
            return Err(LintError { code: missing, range: 0..self.text.len() });
        };
        if !good(digit - b'0') {
            return Err(LintError { code: invalid, range: self.at..self.at + 1 });
        }
        self.at += 1;
        Ok(usize::from(digit - b'0'))
    }

    /// `length` digits.
    fn take(&mut self, length: usize, truncated: &'static str) -> Result<(), LintError> {
        if self.text.len() - self.at < length {
            return fail(truncated, self.rest_or_all());
        }
        self.at += length;
        Ok(())
    }

    /// A length indicator within `lengths` and as many digits as it says, and `more`; the indicator 9 can mean none.
    fn sized(
        &mut self,
        lengths: RangeInclusive<u8>,
        more: usize,
        none: bool,
        codes: [&'static str; 3],
    ) -> Result<(), LintError> {
        let [missing, invalid, truncated] = codes;
        let good = |digit: u8| lengths.contains(&digit) || (none && digit == 9);
        let length = self.digit(good, missing, invalid)?;
        if none && length == 9 { Ok(()) } else { self.take(length + more, truncated) }
    }

    /// Whether the optional field `number` comes next; steps over its number.
    fn begins(&mut self, number: u8) -> bool {
        let begins = self.text.get(self.at) == Some(&number);
        self.at += usize::from(begins);
        begins
    }

    fn date(&mut self, short: &'static str, invalid: &'static str) -> Result<u64, LintError> {
        let start = self.at;
        self.take(6, short)?;
        let date = &self.text[start..self.at];
        yymmdd(date).map_err(|_| LintError { code: invalid, range: start..self.at })?;
        Ok(number(date))
    }

    fn end(&self) -> Result<(), LintError> {
        if self.at == self.text.len() { Ok(()) } else { fail("coupon_excess_data", self.at..self.text.len()) }
    }
}

const fn is_requirement_code(digit: u8) -> bool {
    digit <= 4 || digit == 9
}

pub(super) fn couponcode(text: &[u8]) -> Result<(), LintError> {
    csetnumeric(text)?;
    let mut fields = Fields { text, at: 0 };
    mandatory(&mut fields)?;
    if fields.begins(b'1') {
        second_purchase(&mut fields)?;
    }
    if fields.begins(b'2') {
        third_purchase(&mut fields)?;
    }
    let expiration_at = fields.at;
    let expiration = match fields.begins(b'3') {
        true => Some(fields.date("coupon_too_short_for_expiration_date", "coupon_invalid_exipiration_date")?),
        false => None,
    };
    if fields.begins(b'4') {
        let start = fields.date("coupon_too_short_for_start_date", "coupon_invalid_start_date")?;
        if expiration.is_some_and(|expiration| expiration < start) {
            return fail("coupon_expiration_before_start", expiration_at..fields.at);
        }
    }
    if fields.begins(b'5') {
        let codes = [
            "coupon_missing_serial_number_vli",
            "coupon_invalid_serial_number_length",
            "coupon_truncated_serial_number",
        ];
        fields.sized(0..=9, 6, false, codes)?;
    }
    if fields.begins(b'6') {
        let codes = [
            "coupon_missing_retailer_gcp_or_gln_vli",
            "coupon_invalid_retailer_gcp_or_gln_length",
            "coupon_truncated_retailer_gcp_or_gln",
        ];
        fields.sized(1..=7, 6, false, codes)?;
    }
    if fields.begins(b'9') {
        miscellaneous(&mut fields)?;
    }
    fields.end()
}

fn mandatory(fields: &mut Fields<'_>) -> Result<(), LintError> {
    let codes = ["coupon_missing_gcp_vli", "coupon_invalid_gcp_length", "coupon_truncated_gcp"];
    fields.sized(0..=6, 6, false, codes)?;
    fields.take(6, "coupon_truncated_offer_code")?;
    let codes = ["coupon_missing_save_value_vli", "coupon_invalid_save_value_length", "coupon_truncated_save_value"];
    fields.sized(1..=5, 0, false, codes)?;
    let codes = [
        "coupon_missing_1st_purchase_requirement_vli",
        "coupon_invalid_1st_purchase_requirement_length",
        "coupon_truncated_1st_purchase_requirement",
    ];
    fields.sized(1..=5, 0, false, codes)?;
    let missing = "coupon_missing_1st_purchase_requirement_code";
    fields.digit(is_requirement_code, missing, "coupon_invalid_1st_purchase_requirement_code")?;
    fields.take(3, "coupon_truncated_1st_purchase_family_code")
}

fn second_purchase(fields: &mut Fields<'_>) -> Result<(), LintError> {
    let missing = "coupon_missing_additional_purchase_rules_code";
    fields.digit(|digit| digit <= 3, missing, "coupon_invalid_additional_purchase_rules_code")?;
    let codes = [
        "coupon_missing_2nd_purchase_requirement_vli",
        "coupon_invalid_2nd_purchase_requirement_length",
        "coupon_truncated_2nd_purchase_requirement",
    ];
    fields.sized(1..=5, 0, false, codes)?;
    let missing = "coupon_missing_2nd_purchase_requirement_code";
    fields.digit(is_requirement_code, missing, "coupon_invalid_2nd_purchase_requirement_code")?;
    fields.take(3, "coupon_truncated_2nd_purchase_family_code")?;
    let codes = [
        "coupon_missing_2nd_purchase_gcp_vli",
        "coupon_invalid_2nd_purchase_gcp_length",
        "coupon_truncated_2nd_purchase_gcp",
    ];
    fields.sized(0..=6, 6, true, codes)
}

fn third_purchase(fields: &mut Fields<'_>) -> Result<(), LintError> {
    let codes = [
        "coupon_missing_3rd_purchase_requirement_vli",
        "coupon_invalid_3rd_purchase_requirement_length",
        "coupon_truncated_3rd_purchase_requirement",
    ];
    fields.sized(1..=5, 0, false, codes)?;
    let missing = "coupon_missing_3rd_purchase_requirement_code";
    fields.digit(is_requirement_code, missing, "coupon_invalid_3rd_purchase_requirement_code")?;
    fields.take(3, "coupon_truncated_3rd_purchase_family_code")?;
    let codes = [
        "coupon_missing_3rd_purchase_gcp_vli",
        "coupon_invalid_3rd_purchase_gcp_length",
        "coupon_truncated_3rd_purchase_gcp",
    ];
    fields.sized(0..=6, 6, true, codes)
}

fn miscellaneous(fields: &mut Fields<'_>) -> Result<(), LintError> {
    let good = |digit: u8| matches!(digit, 0..=2 | 5 | 6);
    fields.digit(good, "coupon_missing_save_value_code", "coupon_invalid_save_value_code")?;
    let missing = "coupon_missing_save_value_applies_to_item";
    fields.digit(|digit| digit <= 2, missing, "coupon_invalid_save_value_applies_to_item")?;
    fields.digit(|_| true, "coupon_missing_store_coupon_flag", "coupon_invalid_store_coupon_flag")?;
    let missing = "coupon_missing_dont_multiply_flag";
    fields.digit(|digit| digit <= 1, missing, "coupon_invalid_dont_multiply_flag")?;
    Ok(())
}

pub(super) fn couponposoffer(text: &[u8]) -> Result<(), LintError> {
    csetnumeric(text)?;
    let mut fields = Fields { text, at: 0 };
    fields.digit(|digit| digit <= 1, "coupon_missing_format_code", "coupon_invalid_format_code")?;
    let codes = ["coupon_missing_funder_vli", "coupon_invalid_funder_length", "coupon_truncated_funder"];
    fields.sized(0..=6, 6, false, codes)?;
    fields.take(6, "coupon_truncated_offer_code")?;
    let codes =
        ["coupon_missing_serial_number_vli", "coupon_invalid_serial_number_length", "coupon_truncated_serial_number"];
    fields.sized(0..=9, 6, false, codes)?;
    fields.end()
}
