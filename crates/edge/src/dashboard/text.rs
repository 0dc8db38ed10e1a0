//! Numbers, times and addresses as people read them.

use ledger::{Day, Quantity, Timestamp};
use maud::{Markup, html};
use std::fmt::Write;

/// Between thousands: narrow, and never the end of a line.
const THIN: char = '\u{202f}';
/// As wide as a digit's plus sign, which a hyphen is not.
const MINUS: char = '\u{2212}';

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A whole number, in groups of three digits.
pub(crate) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// A number of things in memory.
pub(crate) fn length(number: usize) -> String {
    grouped(&number.to_string())
}

/// A quantity, exact, whole part in groups of three digits.
pub(crate) fn quantity(quantity: Quantity) -> String {
    let text = quantity.to_string();
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut out = String::with_capacity(text.len() + 8);
    if sign {
        out.push(MINUS);
    }
    out.push_str(&grouped(whole));
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A quantity with its sign, also above zero: by how much something changed.
pub(crate) fn change(change: Quantity) -> String {
    if change > Quantity::ZERO { format!("+{}", quantity(change)) } else { quantity(change) }
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len());
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(THIN);
        }
        out.push(digit);
    }
    out
}

/// A duration of microseconds in milliseconds, to about two significant digits; whole seconds from ten on.
pub(crate) fn latency(micros: u64) -> (String, &'static str) {
    let tenths = |unit: u64| format!("{}.{}", micros / unit, micros % unit / (unit / 10));
    match micros {
        0..1_000 => (format!("0.{:02}", micros / 10), "ms"),
        1_000..10_000 => (tenths(1_000), "ms"),
        10_000..1_000_000 => (count(micros / 1_000), "ms"),
        1_000_000..10_000_000 => (tenths(1_000_000), "s"),
        _ => (count(micros / 1_000_000), "s"),
    }
}

/// A span of time in its greatest whole unit.
pub(crate) fn span(micros: i64) -> String {
    let seconds = micros.max(0) / MICROS_PER_SECOND;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..172_800 => "1 day".to_owned(),
        _ => format!("{} days", count(seconds.unsigned_abs() / 86_400)),
    }
}

/// How long ago, or in how long. `stocktide.js` says the same as time passes.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    let passed = now.0.saturating_sub(at.0);
    if passed >= MICROS_PER_SECOND {
        format!("{} ago", span(passed))
    } else if passed > -MICROS_PER_SECOND {
        "just now".to_owned()
    } else {
        format!("in {}", span(passed.saturating_neg()))
    }
}

/// A time of day and date, in UTC.
pub(crate) fn absolute(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => "out of the calendar".to_owned(),
    }
}

/// A calendar day.
pub(crate) fn day(day: Day) -> String {
    wire::time::render_day(day)
}

/// A time as how long ago it is, its date and time of day when pointed at.
pub(crate) fn time(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(wire::time::render_timestamp(at)) title=(absolute(at)) { (relative(at, now)) }
    }
}

/// Words that name a code: `negative_on_hand` is 'negative on hand'.
pub(crate) fn words(code: &str) -> String {
    code.replace('_', " ")
}

/// A text as one segment of a path, or as a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// An address: `path` with those of the parameters that are not empty.
pub(crate) fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    let mut separator = '?';
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(out, "{separator}{name}={}", encoded(value));
        separator = '&';
    }
    out
}

/// The address of a product's page.
pub(crate) fn product_address(product: &str) -> String {
    // Browsers would resolve these two away even when they are percent-encoded.
    match product {
        "." | ".." => address("/products", &[("id", product)]),
        _ => format!("/products/{}", encoded(product)),
    }
}

/// The address of a device's page.
pub(crate) fn device_address(device: &str) -> String {
    match device {
        "." | ".." => address("/devices", &[("id", device)]),
        _ => format!("/devices/{}", encoded(device)),
    }
}

/// The address of a shipment's page.
pub(crate) fn shipment_address(shipment: &str) -> String {
    match shipment {
        "." | ".." => address("/shipments", &[("id", shipment)]),
        _ => format!("/shipments/{}", encoded(shipment)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_thin_spaces_and_a_real_minus() {
        let check = |text: &str, expect: &str| assert_eq!(quantity(text.parse().expect("a decimal")), expect);
        check("0", "0");
        check("999", "999");
        check("1000", "1\u{202f}000");
        check("-1234567.25", "\u{2212}1\u{202f}234\u{202f}567.25");
        check("0.000001", "0.000001");
        assert_eq!(change(Quantity::units(5)), "+5");
        assert_eq!(change(Quantity::units(-5)), "\u{2212}5");
        assert_eq!(change(Quantity::ZERO), "0");
        assert_eq!(count(u64::MAX), "18\u{202f}446\u{202f}744\u{202f}073\u{202f}709\u{202f}551\u{202f}615");
    }

    #[test]
    fn latencies_are_short() {
        let check = |micros, expect: &str| {
            let (figure, unit) = latency(micros);
            assert_eq!(format!("{figure} {unit}"), expect);
        };
        check(0, "0.00 ms");
        check(99, "0.09 ms");
        check(420, "0.42 ms");
        check(1_870, "1.8 ms");
        check(12_345, "12 ms");
        check(1_500_000, "1.5 s");
        check(3_600_000_000, "3\u{202f}600 s");
    }

    #[test]
    fn times_are_told_by_their_greatest_unit() {
        let now = Timestamp(1_771_236_000_000_000);
        let check = |ago_seconds: i64, expect: &str| {
            assert_eq!(relative(now.minus(ago_seconds * MICROS_PER_SECOND), now), expect);
        };
        check(0, "just now");
        check(59, "59 s ago");
        check(60, "1 min ago");
        check(3_599, "59 min ago");
        check(86_399, "23 h ago");
        check(86_400, "1 day ago");
        check(400 * 86_400, "400 days ago");
        check(-120, "in 2 min");
        assert_eq!(absolute(now), "2026-02-16 10:00:00 UTC");
        assert_eq!(absolute(Timestamp::MAX), "out of the calendar");
    }

    #[test]
    fn addresses_carry_any_text() {
        assert_eq!(product_address("a/b c?"), "/products/a%2Fb%20c%3F");
        assert_eq!(product_address(".."), "/products?id=..");
        assert_eq!(address("/", &[("q", ""), ("warehouse", "ä")]), "/?warehouse=%C3%A4");
        assert_eq!(address("/", &[("q", "a&b"), ("status", "recount")]), "/?q=a%26b&status=recount");
    }
}
