//! What a mapping makes of a document.

use super::exact::keep_numbers;
use super::expression::Expression;
use super::render::{is_nothing, push_json_member, push_member, text_of};
use super::{Mapping, Rule};
use crate::event::fields::invalid_json;
use crate::problem::{Problem, shown};
use crate::text::push_json_string;
use jmespath::{Rcvar, Variable};
use serde_json::Number;
use std::collections::BTreeMap;

/// What one document may have at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the document.
    pub document_bytes_max: usize,
    /// Events that it becomes.
    pub events_max: usize,
    /// Looks at a value of the document, over all expressions.
    pub looks_max: u64,
}

impl Default for Limits {
    /// Documents of 1 MiB, 10,000 events, 50 million looks.
    fn default() -> Self {
        Self { document_bytes_max: 1 << 20, events_max: 10_000, looks_max: 50_000_000 }
    }
}

/// The most problems that are told of one document.
const PROBLEMS_MAX: usize = 20;

/// What a document became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapped {
    /// The events as JSON objects, in the order of the rules and the items. What they say is not looked at here.
    pub events: Vec<String>,
    /// What each rule did, in the order of the file.
    pub rules: Vec<RuleReport>,
}

impl Mapped {
    /// The events as one JSON array.
    pub fn body(&self) -> String {
        format!("[{}]", self.events.join(",\n"))
    }
}

/// What one rule made of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleReport {
    /// The rule's name.
    pub rule: String,
    /// How many events it made.
    pub events: usize,
    /// How many items its `where` left out.
    pub left_out: usize,
    /// Why it made none; empty when it made some.
    pub why: String,
}

impl Mapping {
    /// The events that the rules make of a JSON `document`, whose headers have their names in small letters.
    ///
    /// # Errors
    /// Everything that stands in the way, at most twenty; never an empty list. Then no event of the document is given:
    /// `too_large`, `invalid_utf8`, `invalid_json`; `mapping_failed` with the place in the mapping as its field;
    /// `too_many_events`, `too_costly`.
    pub fn map<'h>(
        &self,
        document: &[u8],
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        limits: &Limits,
    ) -> Result<Mapped, Vec<Problem>> {
        let document = read(document, limits).map_err(|problem| vec![problem])?;
        let text = |value: &str| Rcvar::new(Variable::String(value.to_owned()));
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
        let scope = BTreeMap::from([
            ("document".to_owned(), document.clone()),
            ("headers".to_owned(), Rcvar::new(Variable::Object(headers))),
        ]);
        let mut run = Run {
            mapping: self,
            limits,
            whole: Rcvar::new(Variable::Object(scope.clone())),
            scope,
            document_values: values(&document),
            looks: 0,
            mapped: Mapped::default(),
            problems: Vec::new(),
        };
        let topic = self.topic.as_ref().map(|topic| run.evaluate(topic)).and_then(Result::ok);
        for rule in &self.rules {
            run.rule(rule, topic.as_ref());
            if run.problems.len() >= PROBLEMS_MAX {
                break;
            }
        }
        run.problems.truncate(PROBLEMS_MAX);
        if run.problems.is_empty() { Ok(run.mapped) } else { Err(run.problems) }
    }
}

fn read(document: &[u8], limits: &Limits) -> Result<Rcvar, Problem> {
    if document.len() > limits.document_bytes_max {
        let (bytes, max) = (document.len(), limits.document_bytes_max);
        return Err(Problem::new("too_large", "", format!("the document has {bytes} bytes; at most {max} are taken")));
    }
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let text = std::str::from_utf8(document).map_err(|error| crate::event::invalid_utf8(error.valid_up_to()))?;
    let text = keep_numbers(text);
    serde_json::from_str(&text).map(Rcvar::new).map_err(|error| invalid_json(&text, &error))
}

/// How many values a value is made of.
fn values(value: &Variable) -> u64 {
    match value {
        Variable::Array(items) => items.iter().fold(1, |sum, item| sum + values(item)),
        Variable::Object(members) => members.values().fold(1, |sum, member| sum + values(member)),
        _ => 1,
    }
}

/// One document on its way.
struct Run<'m> {
    mapping: &'m Mapping,
    limits: &'m Limits,
    /// What expressions about the whole document see.
    whole: Rcvar,
    /// The members of `whole`.
    scope: BTreeMap<String, Rcvar>,
    document_values: u64,
    looks: u64,
    mapped: Mapped,
    problems: Vec<Problem>,
}

/// One item of a document, and what expressions about it see.
struct Item {
    scope: Rcvar,
    values: u64,
    index: usize,
}

/// An expression failed, which is among the problems.
struct Failed;

impl Run<'_> {
    fn problem(&mut self, code: &'static str, key: &str, detail: impl AsRef<str>) {
        let detail = format!("{}: {key}: {}", self.mapping.name, detail.as_ref());
        let problem = Problem::new(code, key.to_owned(), detail);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// What an expression about the whole document yields.
    fn evaluate(&mut self, expression: &Expression) -> Result<Rcvar, Failed> {
        let scope = self.whole.clone();
        self.evaluate_in(expression, &scope, 0)
    }

    fn evaluate_in(&mut self, expression: &Expression, scope: &Rcvar, item_values: u64) -> Result<Rcvar, Failed> {
        let seen = if expression.is_of_document { self.document_values } else { 0 } + item_values + 1;
        self.looks = self.looks.saturating_add(seen.saturating_mul(expression.parts));
        if self.looks > self.limits.looks_max {
            let detail =
                "the expressions together look at too many values; take the document apart, or look at `item` alone";
            self.problem("too_costly", "", detail);
            return Err(Failed);
        }
        expression.evaluate(scope, &self.mapping.runtime).map_err(|detail| {
            self.problem("mapping_failed", &expression.key, detail);
            Failed
        })
    }

    fn rule(&mut self, rule: &Rule, topic: Option<&Rcvar>) {
        let mut report = RuleReport { rule: rule.name.clone(), ..RuleReport::default() };
        if let Ok(why) = self.take(rule, topic, &mut report)
            && report.events == 0
        {
            report.why = why;
        }
        self.mapped.rules.push(report);
    }

    /// Makes the events of a rule; answers why there are none, if there are none.
    fn take(&mut self, rule: &Rule, topic: Option<&Rcvar>, report: &mut RuleReport) -> Result<String, Failed> {
        if !rule.topics.is_empty() {
            let topic = topic.and_then(|topic| text_of(topic)).unwrap_or_default();
            if !rule.topics.contains(&topic) {
                return Ok(format!("the topic is {}, not {}", shown(&topic), rule.topics.join(" or ")));
            }
        }
        if let Some(when) = &rule.when
            && !self.evaluate(when)?.is_truthy()
        {
            return Ok("`when` does not hold".to_owned());
        }
        let document_id = self.document_id()?;
        let items = self.items(rule)?;
        let count = items.len();
        // What fields yield that is the same for every item, asked once: when the first item is taken.
        let mut same = vec![None; rule.fields.len()];
        for item in items {
            self.event(rule, &item, &mut same, &document_id, report);
            if self.mapped.events.len() > self.limits.events_max {
                let detail = format!("the document becomes more than {} events; split it", self.limits.events_max);
                self.problem("too_many_events", "", detail);
            }
            if self.problems.len() >= PROBLEMS_MAX || self.problems.iter().any(|problem| is_final(problem.code)) {
                return Err(Failed);
            }
        }
        Ok(match count {
            0 => "`each` yields nothing".to_owned(),
            _ => format!("`where` holds for none of {count}"),
        })
    }

    fn document_id(&mut self) -> Result<String, Failed> {
        let mapping = self.mapping;
        let id = self.evaluate(&mapping.document_id)?;
        text_of(&id).ok_or_else(|| {
            let detail = format!("yields {}, and must yield a text or a number: what names the document", found(&id));
            self.problem("mapping_failed", "document_id", detail);
            Failed
        })
    }

    /// The items that a rule is about; the whole document for one without `each`.
    fn items(&mut self, rule: &Rule) -> Result<Vec<Item>, Failed> {
        let Some(each) = &rule.each else {
            return Ok(vec![Item { scope: self.whole.clone(), values: 0, index: 0 }]);
        };
        let found = self.evaluate(each)?;
        let items: &[Rcvar] = match &*found {
            Variable::Null => &[],
            Variable::Array(items) => items,
            Variable::Object(_) => std::slice::from_ref(&found),
            other => {
                let detail = format!("yields {}, and must yield an array of items", self::found(other));
                self.problem("mapping_failed", &each.key, detail);
                return Err(Failed);
            }
        };
        let item = |(index, item): (usize, &Rcvar)| {
            let mut scope = self.scope.clone();
            scope.insert("item".to_owned(), item.clone());
            scope.insert("index".to_owned(), Rcvar::new(Variable::Number(Number::from(index))));
            Item { scope: Rcvar::new(Variable::Object(scope)), values: values(item), index }
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// Makes the event of one item, unless `where` leaves it out or something fails.
    fn event(
        &mut self,
        rule: &Rule,
        item: &Item,
        same: &mut [Option<Rcvar>],
        document_id: &str,
        report: &mut RuleReport,
    ) {
        if let Some(only) = &rule.only {
            match self.evaluate_in(only, &item.scope, item.values) {
                Ok(holds) if holds.is_truthy() => {}
                Ok(_) => {
                    report.left_out += 1;
                    return;
                }
                Err(Failed) => return,
            }
        }
        let Ok(id) = self.id(rule, item, document_id) else { return };
        let mut event = String::with_capacity(256);
        event.push('{');
        let mut is_named = false;
        for (field, same) in rule.fields.iter().zip(same) {
            let value = match &field.expression {
                None => None,
                Some(expression) => match self.value(expression, item, same) {
                    Ok(value) => Some(value),
                    Err(Failed) => continue,
                },
            };
            is_named |= field.name == "id";
            match (value.filter(|value| !is_nothing(value)), &field.constant) {
                (Some(value), _) => push_member(&mut event, field.name, &value),
                (None, Some(constant)) => push_json_member(&mut event, field.name, constant),
                (None, None) => is_named &= field.name != "id",
            }
        }
        if !is_named {
            let mut json = String::new();
            push_json_string(&mut json, &id);
            push_json_member(&mut event, "id", &json);
        }
        event.push('}');
        report.events += 1;
        self.mapped.events.push(event);
    }

    /// What a field's expression yields; `same` keeps what no item changes.
    fn value(&mut self, expression: &Expression, item: &Item, same: &mut Option<Rcvar>) -> Result<Rcvar, Failed> {
        if let Some(same) = same {
            return Ok(same.clone());
        }
        let value = self.evaluate_in(expression, &item.scope, item.values)?;
        if !expression.is_of_item {
            *same = Some(value.clone());
        }
        Ok(value)
    }

    /// The id that an event has by default: the same for the same item of the same document.
    fn id(&mut self, rule: &Rule, item: &Item, document_id: &str) -> Result<String, Failed> {
        let mut id = format!("{}:{}:{document_id}", self.mapping.name, rule.name);
        if let Some(line_id) = &rule.line_id {
            let found = self.evaluate_in(line_id, &item.scope, item.values)?;
            let Some(line) = text_of(&found) else {
                let detail = format!("yields {}, and must yield a text or a number", self::found(&found));
                self.problem("mapping_failed", &line_id.key, detail);
                return Err(Failed);
            };
            id.push(':');
            id.push_str(&line);
        } else if rule.each.is_some() {
            id.push(':');
            id.push_str(&item.index.to_string());
        }
        Ok(id)
    }
}

/// Whether nothing else is worth finding out after a problem.
fn is_final(code: &str) -> bool {
    matches!(code, "too_costly" | "too_many_events")
}

/// A value for a message.
fn found(value: &Variable) -> String {
    match value {
        Variable::Null => "nothing".to_owned(),
        value => shown(&value.to_string()),
    }
}
