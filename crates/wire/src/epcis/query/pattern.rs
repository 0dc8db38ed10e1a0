//! What an identifier must be: one, or any of a pattern `urn:epc:idpat:sgtin:0614141.107346.*`.
//!
//! # Source
//! GS1 EPC Tag Data Standard 2.0, section 8 (pure identity patterns).

use super::canonical;
use crate::epcis::digital_link;

/// One value of a `MATCH_` parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// An identifier in its canonical form.
    Exact(String),
    /// Scheme and components.
    Open { scheme: String, parts: Vec<Part>, class: Option<String> },
}

/// One component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Any,
    Is(String),
    Within(u64, u64),
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        if let Some(range) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (low, high) = range.split_once('-')?;
            return Some(Self::Within(low.parse().ok()?, high.parse().ok()?));
        }
        Some(Self::Is(text.to_owned()))
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(value) => value == text,
            Self::Within(low, high) => text.parse::<u64>().is_ok_and(|number| (*low..=*high).contains(&number)),
        }
    }
}

impl Pattern {
    /// Reads a value; `None` when it is a pattern that is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix("urn:epc:idpat:") else {
            return (!text.is_empty()).then(|| Self::Exact(canonical(text)));
        };
        let (scheme, body) = rest.split_once(':')?;
        // The last component of some keys may hold dots itself.
        let parts: Vec<Part> = body.split('.').map(Part::parse).collect::<Option<_>>()?;
        (parts.len() >= 2).then(|| Self::Open { scheme: scheme.to_owned(), parts, class: digital_link(text) })
    }

    /// The one identifier that it is.
    pub(crate) fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact(id) => Some(id),
            Self::Open { .. } => None,
        }
    }

    /// Whether `id` is one of it; `link` is what [`digital_link`] makes of it.
    pub(crate) fn matches(&self, id: &str, link: Option<&str>) -> bool {
        let (scheme, parts, class) = match self {
            Self::Exact(wanted) => return link.unwrap_or(id) == wanted,
            Self::Open { scheme, parts, class } => (scheme, parts, class),
        };
        let body = ["urn:epc:id:", "urn:epc:idpat:", "urn:epc:class:"]
            .iter()
            .find_map(|place| id.strip_prefix(place))
            .and_then(|rest| rest.split_once(':'));
        if let Some((found, body)) = body {
            let mut pieces = body.splitn(parts.len(), '.');
            return found == scheme && parts.iter().all(|part| pieces.next().is_some_and(|piece| part.matches(piece)));
        }
        let Some(link) = link else { return false };
        match class {
            // All but the last component is given: the class is the beginning.
            Some(class) => link.strip_prefix(class.as_str()).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') == matches!(scheme.as_str(), "sgtin" | "upui" | "itip" | "cpi")
            }),
            None => of_company(scheme, parts, link),
        }
    }
}

/// A Digital Link does not say where the company prefix ends, but whether it begins with a given one can be told.
fn of_company(scheme: &str, parts: &[Part], link: &str) -> bool {
    let (start, lead) = match scheme {
        "sgtin" => ("https://id.gs1.org/01/", 1),
        "sscc" => ("https://id.gs1.org/00/", 1),
        "grai" => ("https://id.gs1.org/8003/", 1),
        "sgln" => ("https://id.gs1.org/414/", 0),
        "pgln" => ("https://id.gs1.org/417/", 0),
        "gdti" => ("https://id.gs1.org/253/", 0),
        "giai" => ("https://id.gs1.org/8004/", 0),
        "gsrn" => ("https://id.gs1.org/8018/", 0),
        "gsrnp" => ("https://id.gs1.org/8017/", 0),
        _ => return false,
    };
    let Some(value) = link.strip_prefix(start).and_then(|value| value.get(lead..)) else { return false };
    match parts.split_first() {
        Some((Part::Is(prefix), rest)) => {
            value.starts_with(prefix.as_str()) && rest.iter().all(|part| *part == Part::Any)
        }
        Some((Part::Any, rest)) => rest.iter().all(|part| *part == Part::Any),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_in_either_spelling() {
        let check = |pattern: &str, id: &str, expect: bool| {
            assert_eq!(
                Pattern::parse(pattern).is_some_and(|pattern| pattern.matches(id, digital_link(id).as_deref())),
                expect,
                "{pattern} {id}"
            );
        };
        let urn = "urn:epc:id:sgtin:0614141.107346.2018";
        let link = "https://example.com/01/10614141073464/21/2018";
        for id in [urn, link] {
            check(urn, id, true);
            check(link, id, true);
            check("urn:epc:idpat:sgtin:0614141.107346.*", id, true);
            check("urn:epc:idpat:sgtin:0614141.*.*", id, true);
            check("urn:epc:idpat:sgtin:*.*.*", id, true);
            check("urn:epc:idpat:sgtin:0614142.*.*", id, false);
            check("urn:epc:idpat:sgtin:0614141.107347.*", id, false);
            check("urn:epc:idpat:sscc:0614141.*", id, false);
        }
        check("urn:epc:idpat:sgtin:0614141.107346.[2000-2020]", urn, true);
        check("urn:epc:idpat:sgtin:0614141.107346.[1-5]", urn, false);
        check("urn:epc:idpat:grai:4012345.55555.*", "urn:epc:id:grai:4012345.55555.a.b", true);
        check("urn:epc:idpat:grai:4012345.55555.*", "https://id.gs1.org/8003/04012345555554987", true);
        check("urn:epc:idpat:", urn, false);
        check("urn:epc:idpat:sgtin:[x]", urn, false);
    }
}
