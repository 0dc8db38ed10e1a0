//! Digits of GS1 keys: the check digit and the place of the indicator.

use crate::gs1::check_digit;

/// `digits` and their check digit.
pub(super) fn with_check_digit(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + 1);
    out.push_str(digits);
    out.push(char::from(check_digit(digits.as_bytes()).expect("a key's parts before it are digits")));
    out
}

/// The digits of a key: its indicator or extension digit stands first there and after the company prefix in an EPC.
pub(super) fn indicator_first(prefix: &str, reference: &str) -> String {
    let (indicator, rest) = reference.split_at(1);
    [indicator, prefix, rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_published_keys() {
        let check = |digits: &str, key: &str| assert_eq!(with_check_digit(digits), key);
        check("8061414112345", "80614141123458");
        check("10614141234567890", "106141412345678908");
        check("123456789012", "1234567890128");
        check("0", "00");
    }
}
