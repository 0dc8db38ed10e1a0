//! The URI of an identity.

use super::fault::Fault;
use super::{Draft, Epc, Scheme};
use crate::problem::shown;

impl Epc {
    /// Reads a pure identity URI, as `urn:epc:id:sgtin:0614141.812345.6789`, the class of a lot
    /// (`urn:epc:class:lgtin:...`) or a pattern (`urn:epc:idpat:sgtin:0614141.812345.*`).
    ///
    /// # Errors
    /// `unknown_form`, `unknown_scheme`, `wrong_part_count`, then what is wrong with the first part that is:
    /// `invalid_escape`, `invalid_character`, `company_prefix_length`, `part_length`, `leading_zero`, `value_too_large`,
    /// `pattern` when a known part follows an open one.
    pub fn parse_uri(uri: &str) -> Result<Self, Fault> {
        let (kind, rest) = ["id", "class", "idpat"]
            .into_iter()
            .find_map(|kind| Some((kind, uri.strip_prefix("urn:epc:")?.strip_prefix(kind)?.strip_prefix(':')?)))
            .ok_or_else(|| {
                let detail = "an identity begins with 'urn:epc:id:', 'urn:epc:class:' or 'urn:epc:idpat:'";
                Fault::new("unknown_form", detail).at(0)
            })?;
        let start = uri.len() - rest.len();
        let (name, body) = rest.split_once(':').unwrap_or((rest, ""));
        let scheme = Scheme::named(name).filter(|scheme| (*scheme == Scheme::Lgtin) == (kind == "class"));
        let scheme = scheme.ok_or_else(|| {
            let detail = format!("there is no scheme {} in 'urn:epc:{kind}:'", shown(name));
            Fault::new("unknown_scheme", detail).at(start)
        })?;
        parse_parts(scheme, body, kind == "idpat").map_err(|fault| fault.after(uri.len() - body.len()))
    }
}

/// Reads the parts between the points of a URI.
pub(super) fn parse_parts(scheme: Scheme, body: &str, pattern: bool) -> Result<Epc, Fault> {
    let count = scheme.parts().len();
    let found = body.splitn(count, '.').count();
    if found != count {
        return Err(wrong_part_count(scheme, found).at(0));
    }
    let mut draft = Draft::new(scheme);
    let mut open = false;
    let mut at = 0;
    for part in body.splitn(count, '.') {
        if pattern && part == "*" {
            open = true;
        } else if open {
            let detail = format!("{} follows a '*'; only the last parts may be open", shown(part));
            return Err(Fault::new("pattern", detail).at(at));
        } else {
            push_unescaped(part, &mut draft).and_then(|()| draft.end_part()).map_err(|fault| Fault {
                byte: Some(at + fault.byte.filter(|_| !part.contains('%')).unwrap_or(0)),
                ..fault
            })?;
        }
        at += part.len() + 1;
    }
    Ok(draft.finish())
}

pub(super) fn wrong_part_count(scheme: Scheme, found: usize) -> Fault {
    let names: Vec<_> = scheme.part_names().collect();
    let detail = format!("a {} has {} parts, {}; here are {found}", scheme.name(), names.len(), names.join("."));
    Fault::new("wrong_part_count", detail)
}

fn push_unescaped(part: &str, draft: &mut Draft) -> Result<(), Fault> {
    let mut rest = part.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = match first {
            b'%' => {
                let escaped = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let escaped = escaped.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let byte = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                rest = after.get(2..).unwrap_or(&[]);
                byte.ok_or_else(|| {
                    let detail =
                        format!("a '%' in {} has not two hexadecimal digits after it; write it '%25'", shown(part));
                    Fault::new("invalid_escape", detail)
                })?
            }
            byte if must_escape(*byte) => {
                let detail = format!("'{}' in {} must be written %{byte:02X}", char::from(*byte), shown(part));
                return Err(Fault::new("invalid_character", detail));
            }
            byte => *byte,
        };
        draft.push(byte);
    }
    Ok(())
}

/// TDS 1.13, annex A and section 5.
fn must_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'#' | b'%' | b'&' | b'/' | b'<' | b'>' | b'?')
}

/// Appends a part with its escapes.
pub(super) fn push_part(out: &mut String, part: &str) {
    for byte in part.bytes() {
        if must_escape(byte) {
            push_escape(out, byte);
        } else {
            out.push(char::from(byte));
        }
    }
}

/// Appends a byte as `%` and two hexadecimal digits.
pub(super) fn push_escape(out: &mut String, byte: u8) {
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.push(char::from_digit(u32::from(nibble), 16).expect("a nibble").to_ascii_uppercase());
    }
}

pub(super) fn render(epc: &Epc) -> String {
    let kind = match epc.scheme() {
        _ if epc.is_pattern() => "idpat",
        Scheme::Lgtin => "class",
        _ => "id",
    };
    let mut out = format!("urn:epc:{kind}:{}:", epc.scheme().name());
    let mut parts = epc.parts();
    for index in 0..epc.scheme().parts().len() {
        if index > 0 {
            out.push('.');
        }
        match parts.next() {
            Some((_, part)) => push_part(&mut out, part),
            None => out.push('*'),
        }
    }
    out
}
