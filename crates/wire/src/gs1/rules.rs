//! Which elements may, must and must not stand together.

use super::Gs1Error;
use super::elements::{Element, Message};

/// A rule on the elements of a whole message, in the order in which they are asked.
///
/// The second and third hold for all symbols on an item together: what one of them lacks another may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An AI that comes again has the same value.
    Repeats,
    /// No AI stands beside one that excludes it.
    Exclusions,
    /// Each AI has the AIs beside it without which it means nothing.
    Requisites,
    /// A digital signature signs a key with its serial number.
    SignedKeys,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 4] = [Self::Repeats, Self::Exclusions, Self::Requisites, Self::SignedKeys];
}

impl Message {
    /// Checks one rule.
    ///
    /// # Errors
    /// The first element that breaks it, with its place in what was read.
    pub fn check(&self, rule: Rule) -> Result<(), Gs1Error> {
        self.elements().try_for_each(|element| {
            let found = match rule {
                Rule::Repeats => self.repeated_otherwise(element),
                Rule::Exclusions => self.excluded(element),
                Rule::Requisites => self.missing(element),
                Rule::SignedKeys => self.signed_without_serial(element),
            };
            match found {
                None => Ok(()),
                Some((code, detail)) => Err(Gs1Error::new(code, element.offset, detail)),
            }
        })
    }

    /// Checks all rules in their order.
    ///
    /// # Errors
    /// See [`Message::check`].
    pub fn check_all(&self) -> Result<(), Gs1Error> {
        Rule::ALL.into_iter().try_for_each(|rule| self.check(rule))
    }

    fn repeated_otherwise(&self, element: Element<'_>) -> Option<(&'static str, String)> {
        let first = self.value(element.ai)?;
        (first != element.value).then(|| {
            let (ai, value) = (element.ai, element.value);
            ("repeated_ai", format!("({ai}) is both '{first}' and '{value}'; leave one of them out"))
        })
    }

    /// Whether an AI that `pattern` means is there; one that matches a pattern does not count beside itself.
    fn has(&self, pattern: &str, beside: &str) -> Option<Element<'_>> {
        let known = pattern.trim_end_matches('n');
        self.elements().find(|element| match known.len() == pattern.len() {
            true => element.ai == pattern,
            false => element.ai.len() == pattern.len() && element.ai.starts_with(known) && element.ai != beside,
        })
    }

    fn excluded(&self, element: Element<'_>) -> Option<(&'static str, String)> {
        let other = element.entry.excludes.iter().find_map(|pattern| self.has(pattern, element.ai))?;
        let detail = format!("({}) must not stand beside ({}); leave one of them out", element.ai, other.ai);
        Some(("excluded_ai", detail))
    }

    fn missing(&self, element: Element<'_>) -> Option<(&'static str, String)> {
        let satisfied = |groups: &&Vec<Vec<&'static str>>| {
            groups.iter().any(|group| group.iter().all(|pattern| self.has(pattern, element.ai).is_some()))
        };
        let groups = element.entry.requires.iter().find(|groups| !satisfied(groups))?;
        let groups: Vec<String> = groups.iter().map(|group| format!("({})", group.join(") with ("))).collect();
        let detail =
            format!("({}) needs beside it {}; read the other symbols of the item too", element.ai, groups.join(" or "));
        Some(("missing_ai", detail))
    }

    fn signed_without_serial(&self, element: Element<'_>) -> Option<(&'static str, String)> {
        let unserialised = match element.ai {
            "253" | "255" => 13,
            "8003" => 14,
            _ => return None,
        };
        let signed = element.value.len() == unserialised && self.value("8030").is_some();
        signed.then(|| {
            let detail = format!("({}) is signed by (8030) but has no serial number; add it to the value", element.ai);
            ("signed_without_serial", detail)
        })
    }
}
