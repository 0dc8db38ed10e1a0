//! A JSON object from outside, member by member, with every problem under its place.

use crate::event::fields::{self, Value, duplicate_field, type_name, unknown_field};
use crate::event::meaning::{json_quantity, parse_quantity, time_problem};
use crate::problem::{Problem, shown};
use crate::text::{TEXT_BYTES_MAX, check_location, check_text, missing};
use crate::time::parse_timestamp;
use ledger::{Quantity, Timestamp};
use std::borrow::Cow;

/// An object's members by name, and where it stands in the body.
pub(crate) struct Object<'a, 'p> {
    values: Vec<(&'static str, Value<'a>)>,
    place: String,
    pub(crate) problems: &'p mut Vec<Problem>,
}

impl<'a, 'p> Object<'a, 'p> {
    /// Reads the object in `json` that stands at `place`, such as `lines[2].`; its members must be `known`.
    pub(crate) fn read(
        json: &'a str,
        place: String,
        known: &[&'static str],
        problems: &'p mut Vec<Problem>,
    ) -> Option<Self> {
        let what = if place.is_empty() { "the body" } else { place.trim_end_matches('.') };
        let members = match fields::members(json, what) {
            Ok(members) => members,
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        };
        let mut object = Self { values: Vec::with_capacity(members.0.len()), place, problems };
        for (name, json) in members.0 {
            let Some(known) = known.iter().find(|known| **known == name) else {
                object.problem(unknown_field(&name, known.iter().copied()));
                continue;
            };
            if object.values.iter().any(|(seen, _)| seen == known) {
                object.problem(duplicate_field(known));
                continue;
            }
            match fields::value(json) {
                Ok(value) => object.values.push((known, value)),
                Err(problem) => object.problem(Problem { field: Cow::Borrowed(known), ..problem }),
            }
        }
        Some(object)
    }

    /// Reports a problem of a member under its whole path.
    pub(crate) fn problem(&mut self, mut problem: Problem) {
        if !self.place.is_empty() {
            problem.field = Cow::Owned(format!("{}{}", self.place, problem.field));
            problem.detail = format!("{}{}", self.place, problem.detail);
        }
        self.problems.push(problem);
    }

    pub(crate) fn get(&self, name: &str) -> &Value<'a> {
        self.values.iter().find(|(known, _)| *known == name).map_or(&Value::Absent, |(_, value)| value)
    }

    pub(crate) fn wrong_type(&mut self, name: &'static str, json: &str, wanted: &str) {
        let detail = format!("{name} is {}, {}; send {wanted}", type_name(json), shown(json));
        self.problem(Problem::new("wrong_type", name, detail));
    }

    pub(crate) fn checked(&mut self, name: &'static str, check: impl Fn(&str) -> Result<&str, Problem>) -> Box<str> {
        let answer = match self.get(name) {
            Value::Absent | Value::List(_) => return Box::default(),
            Value::Text(text) => check(text).map(Box::from),
            Value::Raw(json) => {
                let json = *json;
                self.wrong_type(name, json, "a string");
                return Box::default();
            }
        };
        answer.unwrap_or_else(|problem| {
            self.problem(problem);
            Box::default()
        })
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Box<str> {
        self.checked(name, |text| check_text(name, text, TEXT_BYTES_MAX))
    }

    pub(crate) fn location(&mut self, name: &'static str) -> Box<str> {
        self.checked(name, |text| check_location(name, text))
    }

    /// Reports `name` as missing when `value` is empty for no other reason.
    pub(crate) fn required(&mut self, name: &'static str, value: Box<str>, example: &str) -> Box<str> {
        match self.get(name) {
            Value::Absent => self.problem(missing(name, example)),
            Value::Text(text) if text.trim().is_empty() => {
                self.problem(Problem::new("empty_field", name, format!("{name} is empty; fill it in")));
            }
            _ => {}
        }
        value
    }

    pub(crate) fn required_text(&mut self, name: &'static str, example: &str) -> Box<str> {
        let text = self.text(name);
        self.required(name, text, example)
    }

    /// A quantity above zero.
    pub(crate) fn amount(&mut self, name: &'static str) -> Quantity {
        let parsed = match self.get(name) {
            Value::Absent | Value::List(_) => Err(missing(name, "5")),
            Value::Text(text) => parse_quantity(name, text),
            Value::Raw(json) => json_quantity(name, json),
        };
        let checked = parsed.and_then(|quantity| {
            if quantity > Quantity::ZERO {
                return Ok(quantity);
            }
            let code = if quantity.is_zero() { "zero_quantity" } else { "negative_quantity" };
            Err(Problem::new(code, name, format!("{name} {quantity} is not above zero; send an amount above zero")))
        });
        checked.unwrap_or_else(|problem| {
            self.problem(problem);
            Quantity::ZERO
        })
    }

    pub(crate) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let parsed = match self.get(name) {
            Value::Absent | Value::List(_) => return None,
            Value::Text(text) => parse_timestamp(text.trim()).map_err(|error| time_problem(name, text, error)),
            Value::Raw(json) => {
                let json = *json;
                self.wrong_type(name, json, "a string such as \"2026-02-16T10:00:00Z\"");
                return None;
            }
        };
        parsed.map_err(|problem| self.problem(problem)).ok()
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        match self.get(name) {
            Value::Absent | Value::Raw("false") => false,
            Value::Raw("true") => true,
            Value::Raw(json) => {
                let json = *json;
                self.wrong_type(name, json, "true or false");
                false
            }
            Value::Text(_) | Value::List(_) => {
                self.wrong_type(name, "\"…\"", "true or false");
                false
            }
        }
    }
}
