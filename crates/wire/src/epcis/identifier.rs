//! GS1 identifiers as EPC URIs and as GS1 Digital Link URIs, brought into one spelling.
//!
//! # Source
//! GS1 EPC Tag Data Standard 2.0, section 6; GS1 Digital Link: URI Syntax 1.2, section 4; CBV 2.0, section 8.9 for what is
//! left out (data attributes, and the lot where there is a serial).

const PLACE: &str = "https://id.gs1.org";

/// The keys that a Digital Link may begin with: number, short name, what may follow it from coarse to fine.
const KEYS: [(&str, &str, &[&str]); 16] = [
    ("00", "sscc", &[]),
    ("01", "gtin", &["10", "21", "235"]),
    ("253", "gdti", &[]),
    ("255", "gcn", &[]),
    ("401", "ginc", &[]),
    ("402", "gsin", &[]),
    ("414", "gln", &["254"]),
    ("417", "party", &[]),
    ("8003", "grai", &[]),
    ("8004", "giai", &[]),
    ("8006", "itip", &["10", "21"]),
    ("8010", "cpid", &["8011"]),
    ("8013", "gmn", &[]),
    ("8017", "gsrnp", &[]),
    ("8018", "gsrn", &["8019"]),
    ("8026", "itipcontent", &["10", "21"]),
];

/// The canonical GS1 Digital Link URI of what `uri` identifies: an EPC URI, EPC class or pattern URI, or a Digital Link on
/// any domain. `None` when it is none of them, or its digits are not what its scheme asks for.
///
/// The finest level is kept (a serial, not the lot beside it), and everything that does not identify is left out.
///
/// ```
/// let check = |uri, expect| assert_eq!(wire::epcis::digital_link(uri).as_deref(), expect);
/// check("urn:epc:id:sgtin:0614141.107346.2018", Some("https://id.gs1.org/01/10614141073464/21/2018"));
/// check("https://shop.example/gtin/9780345418913/21/7?x=1", Some("https://id.gs1.org/01/09780345418913/21/7"));
/// check("https://example.com/orders/17", None);
/// ```
pub fn digital_link(uri: &str) -> Option<String> {
    if let Some(rest) = uri.strip_prefix("urn:epc:id:") {
        let (scheme, rest) = rest.split_once(':')?;
        return instance(scheme, rest);
    }
    if let Some(rest) = uri.strip_prefix("urn:epc:class:lgtin:") {
        let (gtin, lot) = keyed(rest, 13)?;
        return Some(format!("{PLACE}/01/{}/10/{}", gtin14(&gtin)?, component(lot?)?));
    }
    if let Some(rest) = uri.strip_prefix("urn:epc:idpat:") {
        let (scheme, rest) = rest.split_once(':')?;
        return pattern(scheme, rest);
    }
    web(uri)
}

fn instance(scheme: &str, rest: &str) -> Option<String> {
    let (ai, value, more) = match scheme {
        "sgtin" => {
            let (gtin, serial) = keyed(rest, 13)?;
            ("01", gtin14(&gtin)?, format!("/21/{}", component(serial?)?))
        }
        "upui" => {
            let (gtin, serial) = keyed(rest, 13)?;
            ("01", gtin14(&gtin)?, format!("/235/{}", component(serial?)?))
        }
        "sscc" => {
            let (key, none) = keyed(rest, 17)?;
            let (prefix, reference) = key;
            let (extension, serial) = reference.split_at_checked(1)?;
            ("00", checked(&format!("{extension}{prefix}{serial}")), only(none)?)
        }
        "sgln" => {
            let (key, extension) = keyed(rest, 12)?;
            let extension = component(extension?)?;
            let more = if extension == "0" { String::new() } else { format!("/254/{extension}") };
            ("414", checked(&joined(&key)), more)
        }
        "pgln" => {
            let (key, none) = keyed(rest, 12)?;
            ("417", checked(&joined(&key)), only(none)?)
        }
        "grai" => {
            let (key, serial) = keyed(rest, 12)?;
            ("8003", checked(&format!("0{}", joined(&key))) + &component(serial?)?, String::new())
        }
        "gdti" => {
            let (key, serial) = keyed(rest, 12)?;
            ("253", checked(&joined(&key)) + &component(serial?)?, String::new())
        }
        "sgcn" => {
            let (key, serial) = keyed(rest, 12)?;
            ("255", checked(&joined(&key)) + digits(serial?)?, String::new())
        }
        "gsrn" | "gsrnp" => {
            let (key, none) = keyed(rest, 17)?;
            (if scheme == "gsrn" { "8018" } else { "8017" }, checked(&joined(&key)), only(none)?)
        }
        "gsin" => {
            let (key, none) = keyed(rest, 16)?;
            ("402", checked(&joined(&key)), only(none)?)
        }
        "giai" | "ginc" => {
            let (prefix, reference) = rest.split_once('.')?;
            let ai = if scheme == "giai" { "8004" } else { "401" };
            (ai, company(prefix)?.to_owned() + &component(reference)?, String::new())
        }
        "cpi" => {
            let (prefix, reference) = rest.split_once('.')?;
            let (part, serial) = reference.rsplit_once('.')?;
            ("8010", company(prefix)?.to_owned() + &component(part)?, format!("/8011/{}", digits(serial)?))
        }
        "itip" => {
            let (value, serial) = itip(rest)?;
            ("8006", value, format!("/21/{}", component(serial?)?))
        }
        _ => return None,
    };
    Some(format!("{PLACE}/{ai}/{value}{more}"))
}

/// A pattern names a class when only its last part is open.
fn pattern(scheme: &str, rest: &str) -> Option<String> {
    let rest = rest.strip_suffix(".*")?;
    let key = |length| keyed(rest, length).filter(|(_, more)| more.is_none()).map(|(key, _)| key);
    let (ai, value) = match scheme {
        "sgtin" | "upui" => ("01", gtin14(&key(13)?)?),
        "grai" => ("8003", checked(&format!("0{}", joined(&key(12)?)))),
        "gdti" => ("253", checked(&joined(&key(12)?))),
        "sgcn" => ("255", checked(&joined(&key(12)?))),
        "cpi" => {
            let (prefix, part) = rest.split_once('.')?;
            ("8010", company(prefix)?.to_owned() + &component(part)?)
        }
        "itip" => {
            let (value, serial) = itip(rest)?;
            ("8006", serial.is_none().then_some(value)?)
        }
        _ => return None,
    };
    Some(format!("{PLACE}/{ai}/{value}"))
}

/// A GTIN with which piece it is of how many, and what follows them.
fn itip(rest: &str) -> Option<(String, Option<&str>)> {
    let (gtin, more) = keyed(rest, 13)?;
    let (piece, more) = more?.split_once('.')?;
    let (total, serial) = match more.split_once('.') {
        Some((total, serial)) => (total, Some(serial)),
        None => (more, None),
    };
    (piece.len() == 2 && total.len() == 2).then_some(())?;
    Some((format!("{}{}{}", gtin14(&gtin)?, digits(piece)?, digits(total)?), serial))
}

/// Company prefix and reference, `length` digits together, and what follows them.
fn keyed(rest: &str, length: usize) -> Option<((&str, &str), Option<&str>)> {
    let (prefix, rest) = rest.split_once('.')?;
    let (reference, more) = match rest.split_once('.') {
        Some((reference, more)) => (reference, Some(more)),
        None => (rest, None),
    };
    let reference = if reference.is_empty() { reference } else { digits(reference)? };
    (prefix.len() + reference.len() == length).then_some(())?;
    Some(((company(prefix)?, reference), more))
}

fn company(prefix: &str) -> Option<&str> {
    (6..=12).contains(&prefix.len()).then_some(())?;
    digits(prefix)
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn joined((prefix, reference): &(&str, &str)) -> String {
    format!("{prefix}{reference}")
}

fn only(more: Option<&str>) -> Option<String> {
    more.is_none().then(String::new)
}

/// The indicator digit goes to the front.
fn gtin14((prefix, reference): &(&str, &str)) -> Option<String> {
    let (indicator, item) = reference.split_at_checked(1)?;
    Some(checked(&format!("{indicator}{prefix}{item}")))
}

/// `digits` with their check digit.
///
/// # Source
/// GS1 General Specifications, section 7.9.1.
fn checked(digits: &str) -> String {
    let weighed = digits.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = weighed.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// A serial, lot or extension: with what a web address may not hold percent-encoded. `None` when a character can't be in
/// one.
fn component(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > 90 {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!' | b'(' | b')' | b'*' | b'+' | b',' | b':' => out.push_str(&format!("%{byte:02X}")),
            b'%' | b'"' | b'\'' | b'-' | b'.' | b';' | b'<' | b'=' | b'>' | b'?' | b'_' | b'&' => {
                out.push(char::from(byte));
            }
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => return None,
        }
    }
    Some(out)
}

/// A Digital Link: the first of its path that is a key, and its finest qualifier.
fn web(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
    let (_, path) = rest.split_once('/')?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let at = (0..parts.len().saturating_sub(1)).find(|at| {
        let is_key = KEYS.iter().any(|(ai, name, _)| *ai == parts[*at] || *name == parts[*at]);
        is_key && parts[at + 1].len() >= 4 && parts[at + 1].bytes().take(4).all(|byte| byte.is_ascii_digit())
    })?;
    let (ai, _, qualifiers) = KEYS.iter().find(|(ai, name, _)| *ai == parts[at] || *name == parts[at])?;
    let value = key_value(ai, parts[at + 1])?;
    let mut finest: Option<(usize, &str, &str)> = None;
    for pair in parts[at + 2..].chunks(2) {
        let [name, value] = pair else {
            return pair[0].is_empty().then(|| render(ai, &value, finest));
        };
        let name = match *name {
            "cpv" => "22",
            "lot" => "10",
            "ser" => "21",
            "cpsn" => "8011",
            other => other,
        };
        if name == "22" {
            continue;
        }
        let rank = qualifiers.iter().position(|qualifier| *qualifier == name)?;
        component(value)?;
        if finest.is_none_or(|(other, ..)| rank > other) {
            finest = Some((rank, name, value));
        }
    }
    Some(render(ai, &value, finest))
}

fn render(ai: &str, value: &str, finest: Option<(usize, &str, &str)>) -> String {
    match finest {
        Some((_, name, qualifier)) => format!("{PLACE}/{ai}/{value}/{name}/{qualifier}"),
        None => format!("{PLACE}/{ai}/{value}"),
    }
}

/// The value of a key, if it has as many digits as it must; a GTIN is filled up to 14.
fn key_value(ai: &str, value: &str) -> Option<String> {
    let all_digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let fixed = match ai {
        "01" if all_digits && matches!(value.len(), 8 | 12 | 13 | 14) => return Some(format!("{value:0>14}")),
        "01" => return None,
        "00" | "8006" | "8026" | "8017" | "8018" => 18,
        "402" => 17,
        "414" | "417" => 13,
        "253" | "255" => return leading(value, 13),
        "8003" => return leading(value, 14),
        _ => return component(value).map(|_| value.to_owned()),
    };
    (all_digits && value.len() == fixed).then(|| value.to_owned())
}

fn leading(value: &str, count: usize) -> Option<String> {
    let head = value.get(..count)?;
    head.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_links_name_the_finest_level() {
        let check = |uri: &str, expect: Option<&str>| assert_eq!(digital_link(uri).as_deref(), expect, "{uri}");
        check("urn:epc:idpat:itip:4012345.011111.01.02.*", Some("https://id.gs1.org/8006/040123451111180102"));
        check("urn:epc:idpat:sgtin:4012345.066666.*", Some("https://id.gs1.org/01/04012345666663"));
        check("urn:epc:idpat:sgtin:4012345.*.*", None);
        check(
            "https://x.example/a/01/09520123456788/22/2A/10/L1/21/S%2F1?k=v#f",
            Some("https://id.gs1.org/01/09520123456788/21/S%2F1"),
        );
        check("http://x.example/01/9520123456788/10/L1/", Some("https://id.gs1.org/01/09520123456788/10/L1"));
        check("https://id.gs1.org/414/4012345000054/254/1", Some("https://id.gs1.org/414/4012345000054/254/1"));
        for uri in [
            "",
            "urn:epc:id:",
            "urn:epc:id:sgtin:1.2.3",
            "urn:epc:id:sgtin:0614141.107346.",
            "https://x.example/01/12",
            "urn:epc:id:sgtin:0614141.10734\u{e9}.1",
            "urn:epc:id:itip:4012345.011111.1.02.987",
            "https://x.example/00/12345678901234567",
        ] {
            check(uri, None);
        }
    }
}
