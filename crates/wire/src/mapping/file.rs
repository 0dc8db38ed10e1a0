//! A mapping file as it is written, and everything that can be wrong with it.

use super::expression::{Compiler, Expression, ITEM_NAMES};
use super::{FieldRule, Mapping, Rule, functions};
use crate::problem::{nearest, shown};
use crate::text::push_json_string;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The most rules of one mapping.
const RULES_MAX: usize = 100;
/// The most entries of all tables of a mapping.
const TABLE_ENTRIES_MAX: usize = 100_000;

/// What a mapping file says. Read from TOML.
///
/// ```toml
/// name = "shop"                        # the ids of events begin with it
/// topic = 'headers."x-shop-topic"'     # what a delivery is about
/// document_id = "document.id"          # what makes a document another than the last
///
/// [tables.warehouses]                  # lookup('warehouses', document.location_id)
/// "17" = "warehouse_A"
///
/// [constants]                          # what a field is when its expression yields nothing
/// location = "warehouse_A"
///
/// [fields]                             # field = expression
/// timestamp = "document.updated_at"
///
/// [[rules]]                            # every rule that applies makes events
/// name = "sold"
/// topics = ["orders/paid"]
/// when = "document.status == 'paid'"   # which documents
/// each = "document.lines"              # one event for each of them
/// where = "item.is_goods"              # which of them
/// line_id = "item.id"                  # what tells them apart
/// constants = { event = "item_removed", reason = "sale" }
/// fields = { product_id = "item.sku", quantity = "item.quantity" }
/// ```
///
/// A rule's fields and constants come before those of the file; its empty constant takes the file's away. Without `each`, a rule makes one event of a document.
/// An event without an `id` of its own gets `{name}:{rule}:{document_id}` and, with `each`, `:{line_id}`, for which its place
/// among the items stands in, so that the same document again changes nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MappingFile {
    /// The name that the ids of events begin with.
    pub name: String,
    /// An expression for what the document is about.
    pub topic: Option<String>,
    /// An expression for what makes a document another than the last.
    pub document_id: Option<String>,
    /// Tables for `lookup`, by name.
    pub tables: BTreeMap<String, BTreeMap<String, String>>,
    /// What a field is when its expression yields nothing.
    pub constants: BTreeMap<String, Constant>,
    /// Expressions by field.
    pub fields: BTreeMap<String, String>,
    /// The rules.
    pub rules: Vec<RuleFile>,
}

/// One rule as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleFile {
    /// Its name: part of the ids of its events.
    pub name: String,
    /// The topics that it is about; none for all.
    pub topics: Vec<String>,
    /// Which documents it is about: the expression yields something other than false, null, or an empty text or list.
    pub when: Option<String>,
    /// The items of the document that become events.
    pub each: Option<String>,
    /// Which of the items.
    #[serde(rename = "where")]
    pub only: Option<String>,
    /// What tells an item from the others.
    pub line_id: Option<String>,
    /// As the file's, and before them.
    pub constants: BTreeMap<String, Constant>,
    /// As the file's, and before them.
    pub fields: BTreeMap<String, String>,
}

/// A value that is always the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Constant {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// A text.
    Text(String),
}

impl Constant {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    fn json(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Text(text) => {
                let mut json = String::with_capacity(text.len() + 2);
                push_json_string(&mut json, text);
                json
            }
        }
    }
}

/// One thing wrong with a mapping file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, such as `rules[0].fields.quantity`.
    pub key: String,
    /// What is wrong and how to mend it.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.detail)
    }
}

impl Mapping {
    /// Checks what a file says.
    ///
    /// # Errors
    /// Everything that is wrong with it; never an empty list.
    pub fn new(file: &MappingFile) -> Result<Self, Vec<Fault>> {
        let mut check = Check { compiler: Compiler { tables: &file.tables }, faults: Vec::new() };
        if !is_name(&file.name) {
            check.fault("name", "must be 1 to 40 letters, digits, '-' or '_': the ids of events begin with it");
        }
        let entries: usize = file.tables.values().map(BTreeMap::len).sum();
        if entries > TABLE_ENTRIES_MAX {
            check.fault("tables", format!("have {entries} entries together; at most {TABLE_ENTRIES_MAX} are taken"));
        }
        let topic = check.optional("topic", file.topic.as_deref(), false);
        let document_id = match &file.document_id {
            Some(text) => check.expression("document_id", text, false),
            None => {
                let detail = "is missing; say what names a document, such as \"document.id\", so that it counts once";
                check.fault("document_id", detail);
                None
            }
        };
        let rules = check.rules(file);
        match document_id {
            Some(document_id) if check.faults.is_empty() => Ok(Self {
                name: file.name.clone(),
                topic,
                document_id,
                rules,
                runtime: functions::runtime(&file.tables),
            }),
            _ => Err(check.faults),
        }
    }
}

/// Looks at a file and gathers what is wrong.
struct Check<'f> {
    compiler: Compiler<'f>,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn fault(&mut self, key: impl Into<String>, detail: impl Into<String>) {
        self.faults.push(Fault { key: key.into(), detail: detail.into() });
    }

    fn expression(&mut self, key: &str, text: &str, has_item: bool) -> Option<Expression> {
        match self.compiler.compile(key, text, has_item) {
            Ok(expression) => Some(expression),
            Err(detail) => {
                self.fault(key, detail);
                None
            }
        }
    }

    fn optional(&mut self, key: &str, text: Option<&str>, has_item: bool) -> Option<Expression> {
        text.and_then(|text| self.expression(key, text, has_item))
    }

    fn rules(&mut self, file: &MappingFile) -> Vec<Rule> {
        if file.rules.is_empty() || file.rules.len() > RULES_MAX {
            let detail = format!("there are {}; write 1 to {RULES_MAX} of [[rules]]", file.rules.len());
            self.fault("rules", detail);
            return Vec::new();
        }
        for name in file.fields.keys() {
            self.field(&format!("fields.{name}"), name);
        }
        for name in file.constants.keys() {
            self.field(&format!("constants.{name}"), name);
        }
        let mut names = BTreeSet::new();
        let rules = file.rules.iter().enumerate();
        let rules = rules.map(|(index, rule)| self.rule(file, rule, &format!("rules[{index}]"), &mut names)).collect();
        // An expression of the file that several rules share is at fault once.
        let mut told = BTreeSet::new();
        self.faults.retain(|fault| told.insert((fault.key.clone(), fault.detail.clone())));
        rules
    }

    fn rule<'f>(
        &mut self,
        file: &'f MappingFile,
        rule: &'f RuleFile,
        key: &str,
        names: &mut BTreeSet<&'f str>,
    ) -> Rule {
        let at = |name: &str| format!("{key}.{name}");
        if !is_name(&rule.name) {
            self.fault(at("name"), "must be 1 to 40 letters, digits, '-' or '_': it is part of its events' ids");
        } else if !names.insert(&rule.name) {
            let detail = format!("{} is another rule's too; ids would be the same: choose another", shown(&rule.name));
            self.fault(at("name"), detail);
        }
        if !rule.topics.is_empty() && file.topic.is_none() {
            let detail = "need `topic` at the top of the file: the expression that says what a delivery is about";
            self.fault(at("topics"), detail);
        }
        for (name, given) in [("where", rule.only.is_some()), ("line_id", rule.line_id.is_some())] {
            if given && rule.each.is_none() {
                self.fault(at(name), "is about items; say with `each` which they are");
            }
        }
        for name in rule.fields.keys() {
            self.field(&at(&format!("fields.{name}")), name);
        }
        for name in rule.constants.keys() {
            self.field(&at(&format!("constants.{name}")), name);
        }
        let has_item = rule.each.is_some();
        let fields = super::render::FIELDS.iter().filter_map(|name| self.field_rule(file, rule, key, name)).collect();
        let rule = Rule {
            name: rule.name.clone(),
            topics: rule.topics.clone(),
            when: self.optional(&at("when"), rule.when.as_deref(), false),
            each: self.optional(&at("each"), rule.each.as_deref(), false),
            only: self.optional(&at("where"), rule.only.as_deref().filter(|_| has_item), true),
            line_id: self.optional(&at("line_id"), rule.line_id.as_deref().filter(|_| has_item), true),
            fields,
        };
        for needed in ["event", "timestamp"] {
            if !rule.fields.iter().any(|field| field.name == needed) {
                self.fault(key, format!("gives its events no '{needed}'; add it to fields or constants"));
            }
        }
        rule
    }

    fn field_rule(&mut self, file: &MappingFile, rule: &RuleFile, key: &str, name: &'static str) -> Option<FieldRule> {
        let has_item = rule.each.is_some();
        let expression = match (rule.fields.get(name), file.fields.get(name)) {
            (Some(text), _) => Some(self.expression(&format!("{key}.fields.{name}"), text, has_item)?),
            // A rule's constant takes the place of the file's expression.
            (None, Some(text)) if !rule.constants.contains_key(name) => {
                Some(self.expression(&format!("fields.{name}"), text, has_item)?)
            }
            _ => None,
        };
        // An empty text of the rule's own takes away what the file says.
        let constant = rule.constants.get(name).or_else(|| file.constants.get(name)).filter(|given| !given.is_empty());
        let constant = constant.map(Constant::json);
        (expression.is_some() || constant.is_some()).then_some(FieldRule { name, expression, constant })
    }

    fn field(&mut self, key: &str, name: &str) {
        if super::render::FIELDS.contains(&name) {
            return;
        }
        let hint = nearest(name, super::render::FIELDS.iter().copied());
        let hint = hint.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        self.fault(key, format!("no event has the field {}{hint}", shown(name)));
    }
}

/// Whether a name can be part of an id.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=40).contains(&name.len()) && name.bytes().all(plain)
}

/// What an expression may begin with, for a message.
pub(super) fn listed(has_item: bool) -> String {
    let names = if has_item { ITEM_NAMES } else { super::NAMES };
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
