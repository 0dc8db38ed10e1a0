//! XML as a tree of elements with their namespaces resolved.
//!
//! A document type that declares anything is refused, and so is every entity but the five of XML itself: nothing is ever
//! fetched or expanded.

use super::{Limits, Problem};
use crate::problem::shown;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::collections::BTreeSet;
use std::rc::Rc;

/// The namespace of attributes that say how XML is to be read, such as `xsi:type`.
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A name: its namespace (empty when in none), the prefix that it was written with, and the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) namespace: Rc<str>,
    pub(super) prefix: Rc<str>,
    pub(super) local: String,
}

impl Name {
    /// Whether it is a name of the standard's: in one of its namespaces, or in none.
    pub(super) fn is_own(&self) -> bool {
        self.namespace.is_empty() || self.namespace.starts_with("urn:epcglobal:epcis")
    }
}

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: Name,
    pub(super) attributes: Vec<(Name, String)>,
    pub(super) children: Vec<Self>,
    pub(super) text: String,
    /// The namespaces that it declares.
    pub(super) declared: Vec<(Rc<str>, Rc<str>)>,
}

impl Element {
    /// The first child of the standard's called `local`.
    pub(super) fn child(&self, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name.local == local && child.name.is_own())
    }

    /// The first child called `local` in whatever namespace.
    pub(super) fn any_child(&self, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name.local == local)
    }

    pub(super) fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(name, _)| name.local == local && name.namespace.is_empty())
            .map(|(_, v)| v.as_str())
    }

    /// Its text without white space at the ends.
    pub(super) fn trimmed(&self) -> &str {
        self.text.trim()
    }
}

/// The most namespaces that may be in scope at once.
const BINDINGS_MAX: usize = 256;

/// Reads `text` into its root element; a harmless document type goes to `problems`.
pub(super) fn parse(text: &str, limits: &Limits, problems: &mut Vec<Problem>) -> Result<Element, Problem> {
    let mut reader = Reader::from_str(text);
    let mut builder = Builder {
        limits,
        open: Vec::new(),
        bindings: Vec::new(),
        known: BTreeSet::new(),
        values: 0,
        version: XmlVersion::Implicit1_0,
    };
    let mut root = None;
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| invalid(at, &error))?;
        match event {
            Event::Start(start) => {
                if root.is_some() {
                    return Err(invalid(at, &"there is a second root element"));
                }
                builder.start(&start, at)?;
            }
            Event::Empty(start) => {
                if root.is_some() {
                    return Err(invalid(at, &"there is a second root element"));
                }
                builder.start(&start, at)?;
                root = builder.end();
            }
            Event::End(_) => root = builder.end(),
            Event::Text(text) => builder.text(&text.xml10_content()),
            Event::CData(text) => builder.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match &*reference {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    name => reference.resolve_char_ref().map_err(|error| invalid(at, &error))?.ok_or_else(|| {
                        let detail = format!("byte {at}: the entity {} is not taken; write its text", shown(name));
                        Problem::error("entity_refused", "", detail)
                    })?,
                };
                builder.text(character.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(declaration) => doctype(&declaration, problems)?,
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    if !builder.open.is_empty() {
        return Err(invalid(reader.buffer_position(), &"it ends before its last element does"));
    }
    root.ok_or_else(|| invalid(reader.buffer_position(), &"there is no element"))
}

fn invalid(at: u64, error: &dyn std::fmt::Display) -> Problem {
    Problem::error("invalid_xml", "", format!("byte {at}: {error}"))
}

/// `<!DOCTYPE name>` declares nothing and is passed over; anything more is refused.
fn doctype(declaration: &str, problems: &mut Vec<Problem>) -> Result<(), Problem> {
    let name = declaration.trim();
    if name.split_whitespace().count() > 1 || name.contains(['[', '<', '&', '%', '"', '\'']) {
        let detail = "a document type with declarations is not taken, for they could name files or grow without end";
        return Err(Problem::error("doctype_refused", "", detail));
    }
    let detail = format!("the document type {} says nothing; leave it out", shown(name));
    problems.push(Problem::warning("doctype_ignored", "", detail));
    Ok(())
}

struct Builder<'l> {
    limits: &'l Limits,
    open: Vec<Element>,
    bindings: Vec<(Rc<str>, Rc<str>)>,
    known: BTreeSet<(Rc<str>, Rc<str>)>,
    values: usize,
    version: XmlVersion,
}

impl Builder<'_> {
    fn start(&mut self, start: &BytesStart<'_>, at: u64) -> Result<(), Problem> {
        if self.open.len() >= self.limits.depth_max {
            let detail = format!("byte {at}: it is nested deeper than {} levels", self.limits.depth_max);
            return Err(Problem::error("too_deep", "", detail));
        }
        let (mut declared, mut plain) = (Vec::new(), Vec::new());
        for (index, attribute) in start.attributes().enumerate() {
            self.count(at)?;
            if index >= self.limits.members_max {
                let detail = format!("byte {at}: an element has more than {} attributes", self.limits.members_max);
                return Err(Problem::error("too_large", "", detail));
            }
            let attribute = attribute.map_err(|error| invalid(at, &error))?;
            let value = attribute.normalized_value(self.version).map_err(|error| invalid(at, &error))?;
            let key = attribute.key.into_inner();
            let prefix = if key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
            match prefix {
                Some(prefix) => declared.push(self.binding(prefix, &value, at)?),
                None => plain.push((key, value)),
            }
        }
        self.bindings.extend(declared.iter().cloned());
        if self.bindings.len() > BINDINGS_MAX {
            let detail = format!("byte {at}: more than {BINDINGS_MAX} declarations of namespaces hold at once");
            return Err(Problem::error("too_large", "", detail));
        }
        self.count(at)?;
        let name = self.resolve(start.name().into_inner(), true, at)?;
        let mut attributes = Vec::new();
        for (key, value) in plain {
            let name = self.resolve(key, false, at)?;
            if &*name.namespace != SCHEMA_INSTANCE {
                attributes.push((name, value.into_owned()));
            }
        }
        self.open.push(Element { name, attributes, children: Vec::new(), text: String::new(), declared });
        Ok(())
    }

    /// Closes the innermost element; answers it when it is the root.
    fn end(&mut self) -> Option<Element> {
        let element = self.open.pop()?;
        self.bindings.truncate(self.bindings.len().saturating_sub(element.declared.len()));
        match self.open.last_mut() {
            Some(parent) => {
                parent.children.push(element);
                None
            }
            None => Some(element),
        }
    }

    /// A declaration, which is often there many times over.
    fn binding(&mut self, prefix: &str, uri: &str, at: u64) -> Result<(Rc<str>, Rc<str>), Problem> {
        let key = (Rc::from(prefix), Rc::from(uri));
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        if self.known.len() >= self.limits.members_max {
            let detail = format!("byte {at}: it declares more than {} namespaces", self.limits.members_max);
            return Err(Problem::error("too_large", "", detail));
        }
        self.known.insert(key.clone());
        Ok(key)
    }

    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    fn count(&mut self, at: u64) -> Result<(), Problem> {
        self.values += 1;
        if self.values > self.limits.values_max {
            let detail = format!("byte {at}: it has more than {} elements and attributes", self.limits.values_max);
            return Err(Problem::error("too_large", "", detail));
        }
        Ok(())
    }

    fn resolve(&self, name: &str, is_element: bool, at: u64) -> Result<Name, Problem> {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let bound = self.bindings.iter().rev().find(|(key, _)| &**key == prefix);
        let (prefix, namespace) = match bound {
            Some((prefix, uri)) if is_element || !prefix.is_empty() => (Rc::clone(prefix), Rc::clone(uri)),
            _ if prefix.is_empty() => (Rc::from(""), Rc::from("")),
            _ if prefix == "xml" => (Rc::from("xml"), Rc::from("http://www.w3.org/XML/1998/namespace")),
            _ => {
                let detail = format!("byte {at}: the prefix {} is declared nowhere", shown(prefix));
                return Err(Problem::error("unbound_prefix", "", detail));
            }
        };
        Ok(Name { namespace, prefix, local: local.to_owned() })
    }
}
