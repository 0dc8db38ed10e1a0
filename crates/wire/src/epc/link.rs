//! GS1 Digital Link: a key as the path of a web address.

use super::fault::Fault;
use super::key::{Gs1Key, is_key};
use super::uri::push_escape;
use crate::problem::shown;

const DOMAIN: &str = "https://id.gs1.org";
/// More path segments than any link has; the first ones may be anything.
const SEGMENTS_MAX: usize = 64;

/// # Source
/// GS1 Digital Link Standard: URI Syntax 1.2, section 5 (key and qualifiers as pairs at the end of the path).
pub(super) fn parse(link: &str) -> Result<Gs1Key, Fault> {
    let unknown = |detail: &str| Fault::new("unknown_form", detail).at(0);
    let scheme =
        link.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(&scheme.to_lowercase().as_str()));
    let (_, rest) = scheme.ok_or_else(|| unknown("a GS1 Digital Link begins with 'https://'"))?;
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (_, path) = rest
        .split_once('/')
        .ok_or_else(|| unknown("the address has no path; a GS1 Digital Link has '/01/' and the like"))?;
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').take(SEGMENTS_MAX).collect();
    let is_ai = |text: &&str| (2..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let start = (0..segments.len()).find(|start| {
        let pairs = &segments[*start..];
        pairs.len().is_multiple_of(2) && is_key(pairs[0]) && pairs.iter().step_by(2).all(is_ai)
    });
    let Some(start) = start else {
        let detail = "the path has no GS1 key that an EPC can have; '/00/', '/01/', '/253/', '/255/', '/414/', '/417/', '/8003/', '/8004/', '/8006/', '/8010/', '/8017/' or '/8018/' is needed, with its value";
        return Err(Fault::new("no_key", detail).at(link.len() - path.len().min(link.len())));
    };
    let values = segments[start..].chunks_exact(2).map(|pair| Ok((pair[0], decode(pair[1])?)));
    let place = link.find(&segments[start..].join("/")).unwrap_or(0);
    let values = values.collect::<Result<Vec<_>, Fault>>().map_err(|fault| fault.at(place))?;
    let values: Vec<_> = values.iter().map(|(ai, value)| (*ai, value.as_str())).collect();
    Gs1Key::new(&values).map_err(|fault| fault.at(place))
}

pub(super) fn render(key: &Gs1Key) -> String {
    let mut out = String::from(DOMAIN);
    for (ai, value) in key.values() {
        out.push('/');
        out.push_str(ai);
        out.push('/');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                out.push(char::from(byte));
            } else {
                push_escape(&mut out, byte);
            }
        }
    }
    out
}

/// A path segment without its escapes.
fn decode(segment: &str) -> Result<String, Fault> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let detail = || format!("a '%' in {} has not two hexadecimal digits after it; write it '%25'", shown(segment));
        bytes.push(byte.ok_or_else(|| Fault::new("invalid_escape", detail()))?);
        rest = after.get(2..).unwrap_or(&[]);
    }
    String::from_utf8(bytes)
        .map_err(|_| Fault::new("invalid_escape", format!("the escapes in {} are no UTF-8", shown(segment))))
}
