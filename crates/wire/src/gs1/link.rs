//! GS1 Digital Links: elements in the path and the query of a web address.
//!
//! # Source
//! GS1 Digital Link Standard: URI Syntax 1.5; RFC 3986 for what a URI may hold.

use super::dictionary::{Dictionary, Entry};
use super::elements::{Element, Message, find_entry};
use super::{Gs1Error, Options, shown};
use std::fmt::Write;

/// The domain of canonical links.
const CANONICAL_STEM: &str = "https://id.gs1.org";

const SCHEMES: [&[u8]; 4] = [b"https://", b"http://", b"HTTPS://", b"HTTP://"];

/// The names that earlier versions of the standard gave to keys and qualifiers.
const NAMES: [(&[u8], &[u8]); 25] = [
    (b"cpid", b"8010"),
    (b"cpsn", b"8011"),
    (b"cpv", b"22"),
    (b"gcn", b"255"),
    (b"gdti", b"253"),
    (b"giai", b"8004"),
    (b"ginc", b"401"),
    (b"gln", b"414"),
    (b"glnx", b"254"),
    (b"gmn", b"8013"),
    (b"grai", b"8003"),
    (b"gsin", b"402"),
    (b"gsrn", b"8018"),
    (b"gsrnp", b"8017"),
    (b"gtin", b"01"),
    (b"itip", b"8006"),
    (b"lot", b"10"),
    (b"party", b"417"),
    (b"payTo", b"415"),
    (b"refno", b"8020"),
    (b"ser", b"21"),
    (b"srin", b"8019"),
    (b"sscc", b"00"),
    (b"tpx", b"235"),
    (b"upui", b"235"),
];

/// Whether `input` begins as a web address does.
pub(super) fn is_link(input: &[u8]) -> bool {
    SCHEMES.iter().any(|scheme| input.starts_with(scheme))
}

const fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'#' | b'[' | b']' | b'@' | b'!' | b'$')
        || matches!(byte, b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b'%')
}

const fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':')
}

/// A piece of the link and where it begins.
#[derive(Clone, Copy)]
struct Piece<'u> {
    text: &'u [u8],
    offset: usize,
}

impl<'u> Piece<'u> {
    /// What comes before and after the first `separator`; all of it and nothing when there is none.
    fn split(self, separator: u8) -> (Self, Option<Self>) {
        match self.text.iter().position(|byte| *byte == separator) {
            Some(at) => (Self { text: &self.text[..at], ..self }, Some(self.after(at + 1))),
            None => (self, None),
        }
    }

    fn after(self, count: usize) -> Self {
        Self { text: &self.text[count..], offset: self.offset + count }
    }

    /// The last two parts between slashes, and what comes before them.
    fn split_last_pair(self) -> Option<(Self, [Self; 2])> {
        let value_at = self.text.iter().rposition(|byte| *byte == b'/')?;
        let key_at = self.text[..value_at].iter().rposition(|byte| *byte == b'/')?;
        let key = Self { text: &self.text[key_at + 1..value_at], offset: self.offset + key_at + 1 };
        Some((Self { text: &self.text[..key_at], ..self }, [key, self.after(value_at + 1)]))
    }

    fn error(self, code: &'static str, what: &str) -> Gs1Error {
        Gs1Error::new(code, self.offset, format!("{} {what}", shown(self.text)))
    }
}

impl Message {
    /// Reads a Digital Link of any domain: in the path a primary key and its qualifiers, in the query attributes. What
    /// comes before the key in the path and parameters that are no numbers are nobody's business.
    ///
    /// # Errors
    /// The first thing wrong with it: the address, then the path, then the query, then the values.
    pub fn parse_link(uri: &[u8], options: &Options) -> Result<Self, Gs1Error> {
        Self::parse_link_at(uri, 0, options)
    }

    /// As [`Message::parse_link`], for an address that begins at `offset` of what is read.
    pub(super) fn parse_link_at(uri: &[u8], offset: usize, options: &Options) -> Result<Self, Gs1Error> {
        let whole = Piece { text: uri, offset };
        let Some(scheme) = SCHEMES.iter().find(|scheme| uri.starts_with(scheme)) else {
            return Err(whole.error("not_a_link", "does not begin with https:// or http://; write it as a web address"));
        };
        if let Some(at) = uri.iter().position(|byte| !is_uri_byte(*byte)) {
            return Err(whole
                .after(at)
                .error("not_a_link", "begins with a character that no address may hold; percent-encode it"));
        }
        let (address, _fragment) = whole.after(scheme.len()).split(b'#');
        let slash = address.text.iter().position(|byte| *byte == b'/').unwrap_or(address.text.len());
        let domain = Piece { text: &address.text[..slash], ..address };
        if domain.text.is_empty() || !domain.text.iter().all(|byte| is_domain_byte(*byte)) {
            return Err(domain.error("not_a_link", "is no domain; write one such as id.gs1.org"));
        }
        let (path, query) = address.after(slash).split(b'?');
        let mut reader = Reader { message: Self::default(), options };
        reader.read(path, query)?;
        Ok(reader.message)
    }

    /// Writes a Digital Link under `stem`, or the canonical one under `https://id.gs1.org`. The first primary key of the
    /// message is the link's; of its sequences of qualifiers the one is taken of which most are there, the first of equals.
    /// Among the attributes those of predefined length come first.
    ///
    /// # Errors
    /// `no_link_key` when no element is a primary key, and `not_a_link_attribute` for an element that a link's query must
    /// not have.
    pub fn link(&self, stem: Option<&str>, options: &Options) -> Result<String, Gs1Error> {
        let key = self.elements().find_map(|element| Some((element, element.entry.qualifiers.as_ref()?)));
        let Some((key, sequences)) = key else {
            let detail = "no element is a key that a link may begin with, such as (01), (00) or (414); add one";
            return Err(Gs1Error::new("no_link_key", 0, detail));
        };
        let present = |sequence: &[&'static str]| -> Vec<Element<'_>> {
            sequence.iter().filter_map(|ai| self.elements().find(|element| element.ai == *ai)).collect()
        };
        let mut path = Vec::new();
        for sequence in sequences {
            let found = present(sequence);
            if found.len() > path.len() {
                path = found;
            }
        }
        path.insert(0, key);
        let mut out = stem.unwrap_or(CANONICAL_STEM).trim_end_matches('/').to_owned();
        for element in &path {
            out.push('/');
            out.push_str(element.ai);
            out.push('/');
            push_escaped(&mut out, element.value.as_bytes(), false);
        }
        let mut written: Vec<&str> = path.iter().map(|element| element.ai).collect();
        let mut mark = '?';
        // As in an element string, values of predefined length come first.
        let predefined = self.elements().filter(|element| element.entry.predefined_length);
        for element in predefined.chain(self.elements()) {
            if written.contains(&element.ai) {
                continue;
            }
            if !is_attribute(element.entry, options) {
                let detail =
                    format!("({}) may not be an attribute of a link to a ({}); leave it out", element.ai, key.ai);
                return Err(Gs1Error::new("not_a_link_attribute", 0, detail));
            }
            written.push(element.ai);
            out.push(mark);
            mark = '&';
            out.push_str(element.ai);
            out.push('=');
            push_escaped(&mut out, element.value.as_bytes(), true);
        }
        Ok(out)
    }
}

const fn is_attribute(entry: &Entry, options: &Options) -> bool {
    if entry.known { entry.link_attribute } else { options.unknown_link_attributes }
}

/// A primary key with its value, its sequences of qualifiers, and the pairs behind it in the path, from the last.
struct Key<'u> {
    pair: [Piece<'u>; 2],
    sequences: &'static [Vec<&'static str>],
    behind: Vec<[Piece<'u>; 2]>,
}

/// The elements read so far of a link.
struct Reader<'o> {
    message: Message,
    options: &'o Options,
}

impl Reader<'_> {
    /// Reads the path from its last primary key on, then the query.
    fn read(&mut self, path: Piece<'_>, query: Option<Piece<'_>>) -> Result<(), Gs1Error> {
        let key = self.find_key(path)?;
        let mut qualifiers: Vec<&[u8]> = Vec::new();
        self.push(key.pair, false)?;
        for [ai, value] in key.behind.into_iter().rev() {
            let code = self.code(ai.text);
            find_entry(code, ai.offset, self.options.unknown_ais)?;
            qualifiers.push(code);
            if !key.sequences.iter().any(|sequence| is_in_order(&qualifiers, sequence)) {
                let what = "may not stand here in this key's path; keep to the order or move it to the query";
                return Err(ai.error("wrong_qualifier", what));
            }
            self.push([ai, value], false)?;
        }
        let is_qualifier = |ai: &[u8]| {
            let has = |sequence: &&Vec<&'static str>| sequence.iter().any(|known| known.as_bytes() == ai);
            key.sequences.iter().filter(has).any(|sequence| is_in_order(&qualifiers, sequence))
        };
        let mut rest = query;
        while let Some(next) = rest {
            let (parameter, after) = next.split(b'&');
            rest = after;
            let (ai, Some(value)) = parameter.split(b'=') else {
                continue;
            };
            if ai.text.is_empty() || !ai.text.iter().all(u8::is_ascii_digit) {
                continue;
            }
            self.push([ai, value], true)?;
            if is_qualifier(ai.text) {
                return Err(ai.error("wrong_qualifier", "is a qualifier of the key; move it to the path"));
            }
        }
        Ok(())
    }

    /// The last primary key in the path.
    fn find_key<'u>(&self, path: Piece<'u>) -> Result<Key<'u>, Gs1Error> {
        let mut behind = Vec::new();
        let mut rest = path;
        while let Some((before, pair)) = rest.split_last_pair() {
            let entry = Dictionary::get().find(self.code(pair[0].text));
            if let Some(sequences) = entry.and_then(|entry| entry.qualifiers.as_deref()) {
                return Ok(Key { pair, sequences, behind });
            }
            behind.push(pair);
            rest = before;
        }
        Err(path.error("no_link_key", "has no key with a value; write one such as /01/09520123456788"))
    }

    /// The AI that a part of the path means.
    fn code<'u>(&self, text: &'u [u8]) -> &'u [u8] {
        let name = NAMES.iter().find(|(name, _)| self.options.link_names && *name == text);
        name.map_or(text, |(_, ai)| ai)
    }

    /// Adds an element, its value decoded.
    fn push(&mut self, [ai, value]: [Piece<'_>; 2], in_query: bool) -> Result<(), Gs1Error> {
        let code = self.code(ai.text);
        let entry = find_entry(code, ai.offset, self.options.unknown_ais)?;
        if in_query && !is_attribute(entry, self.options) {
            return Err(ai.error("not_a_link_attribute", "may not be an attribute in a link's query; leave it out"));
        }
        if self.message.elements().any(|element| element.ai.as_bytes() == code) {
            return Err(ai.error("repeated_ai", "comes twice; leave one of them out"));
        }
        let mut decoded = unescape(value.text, in_query);
        if code == b"01" && self.options.short_gtins && matches!(decoded.len(), 8 | 12 | 13) {
            let mut padded = vec![b'0'; 14 - decoded.len()];
            padded.extend_from_slice(&decoded);
            decoded = padded;
        }
        self.message
            .push(code, &decoded, entry, ai.offset)
            .map_err(|problem| problem.at(value.offset, &decoded, |_| false))
    }
}

/// Whether `qualifiers` are some of those of `sequence`, in its order.
fn is_in_order(qualifiers: &[&[u8]], sequence: &[&str]) -> bool {
    let mut known = sequence.iter();
    qualifiers.iter().all(|qualifier| known.any(|known| known.as_bytes() == *qualifier))
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn push_escaped(out: &mut String, value: &[u8], in_query: bool) {
    for byte in value {
        if is_unreserved(*byte) {
            out.push(char::from(*byte));
        } else if *byte == b' ' && in_query {
            out.push('+');
        } else {
            // Writing to a string can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn unescape(text: &[u8], in_query: bool) -> Vec<u8> {
    let digit = |at: usize| {
        text.get(at).and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match (byte, digit(at), digit(at + 1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                at += 2;
            }
            (b'+', ..) if in_query => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    out
}

/// Percent-encodes all but letters, digits, `-`, `.`, `_` and `~`, as a path needs it.
pub fn escape_path(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    push_escaped(&mut out, value, false);
    out
}

/// As [`escape_path`], but for a query, where a space is a `+`.
pub fn escape_query(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    push_escaped(&mut out, value, true);
    out
}

/// Decodes what [`escape_path`] wrote; a `%` without two hexadecimal digits stays as it is.
pub fn unescape_path(text: &[u8]) -> Vec<u8> {
    unescape(text, false)
}

/// Decodes what [`escape_query`] wrote.
pub fn unescape_query(text: &[u8]) -> Vec<u8> {
    unescape(text, true)
}
