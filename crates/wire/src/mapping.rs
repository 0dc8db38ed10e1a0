//! Other systems' JSON as events: what a mapping file says, and what it makes of a document.
//!
//! A shop posts its orders in its own words; a mapping turns such a document into the JSON of events, which then goes
//! the way of all events through [`crate::event::parse_events`]. Expressions are JMESPath (<https://jmespath.org>), over
//! one object whose members are the [`names`](NAMES). A mapping reads nothing but the document and its headers.
//! `docs/webhooks.md` is this module in words.
//!
//! Its one invariant: a document becomes all the events that the rules ask for, or the problems that stand in the way,
//! and the same document always becomes the same events under the same ids.
//!
//! Start with [`MappingFile`], then [`Mapping::map`].

mod exact;
mod expression;
mod file;
mod functions;
mod render;
mod run;

pub use expression::NAMES;
pub use file::{Constant, Fault, MappingFile, RuleFile};
pub use run::{Limits, Mapped, RuleReport};

use expression::Expression;
use jmespath::Runtime;

/// A mapping that has been checked, ready for documents.
pub struct Mapping {
    name: String,
    topic: Option<Expression>,
    document_id: Expression,
    rules: Vec<Rule>,
    runtime: Runtime,
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rules = self.rules.iter().map(|rule| &rule.name).collect::<Vec<_>>();
        f.debug_struct("Mapping").field("name", &self.name).field("rules", &rules).finish_non_exhaustive()
    }
}

impl Mapping {
    /// The name that the ids of its events begin with.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// One rule: on which documents, of which of their items, events with which fields.
struct Rule {
    name: String,
    topics: Vec<String>,
    when: Option<Expression>,
    each: Option<Expression>,
    only: Option<Expression>,
    line_id: Option<Expression>,
    fields: Vec<FieldRule>,
}

/// Where a field of an event comes from: the expression, and where that yields nothing, the constant.
struct FieldRule {
    name: &'static str,
    expression: Option<Expression>,
    /// As JSON text.
    constant: Option<String>,
}
