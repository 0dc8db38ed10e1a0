//! What a text says, event by event, for people and for comparing with what others read from it.

use super::meaning::{KeysAsNames, meaning};
use super::{Event, Limits, Problem, Severity, read};
use serde_json::{Map, Value};

/// What the first event of `text` says; see [`reports`].
pub fn report(text: &[u8]) -> Map<String, Value> {
    reports(text).into_iter().next().expect("every text has a report")
}

/// What `text` says, one object for each of its events, at least one.
///
/// Each has `verdict` (`valid` or `invalid`) and `problems` (with `severity`, `code`, `path` and `detail`); those of the
/// document as a whole are told with the first. Of an event there are also `type`, `event_id` if it has one, `hash` and
/// `prehash`, `event` (its one form), and `request`: the events of stock that it means, or in words why there are none;
/// `notes` says what was left out, `reversal` what is to be taken back.
pub fn reports(text: &[u8]) -> Vec<Map<String, Value>> {
    let read = read(text, &Limits::default());
    let events = read.document.map(|document| document.events).unwrap_or_default();
    let is_of = |problem: &Problem, event: &Event| {
        let rest = problem.path.strip_prefix(event.path.as_str());
        !event.path.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut general = Vec::new();
    let mut own: Vec<Vec<Problem>> = events.iter().map(Event::check).collect();
    for problem in read.problems {
        let index = problem.path.split('/').find_map(|step| step.parse::<usize>().ok());
        match index.filter(|index| events.get(*index).is_some_and(|event| is_of(&problem, event))) {
            Some(index) => own[index].push(problem),
            None => general.push(problem),
        }
    }
    let is_spoilt = has_error(&general);
    let mut reports: Vec<Map<String, Value>> = Vec::with_capacity(events.len().max(1));
    for (event, problems) in events.iter().zip(own) {
        let mut out = Map::new();
        let invalid = is_spoilt || has_error(&problems);
        let general = if reports.is_empty() { std::mem::take(&mut general) } else { Vec::new() };
        put_problems(&mut out, invalid, general.into_iter().chain(problems));
        put_event(&mut out, event, invalid);
        reports.push(out);
    }
    if reports.is_empty() {
        let mut out = Map::new();
        put_problems(&mut out, is_spoilt, general);
        out.insert("request".to_owned(), Value::from("there is no event in it"));
        reports.push(out);
    }
    reports
}

fn has_error(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}

fn put_problems(out: &mut Map<String, Value>, invalid: bool, problems: impl IntoIterator<Item = Problem>) {
    out.insert("verdict".to_owned(), Value::from(if invalid { "invalid" } else { "valid" }));
    let told = problems.into_iter().map(|problem| {
        let severity = match problem.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let members = [
            ("severity", severity.to_owned()),
            ("code", problem.code.to_owned()),
            ("path", problem.path),
            ("detail", problem.detail),
        ];
        Value::Object(members.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect())
    });
    out.insert("problems".to_owned(), told.collect());
}

fn put_event(out: &mut Map<String, Value>, event: &Event, invalid: bool) {
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("type", Value::from(event.type_name()));
    if let Some(id) = event.event_id() {
        put("event_id", Value::from(id));
    }
    put("hash", Value::from(event.hash()));
    put("prehash", Value::from(event.prehash()));
    put("event", super::Json::Object(event.body.clone()).to_value());
    if invalid {
        put("request", Value::from("an event with errors is not understood"));
        return;
    }
    let found = meaning(event, "epcis", &KeysAsNames);
    if let Some(reversal) = found.reversal {
        put("request", Value::from(format!("takes back what event {} said", reversal.event_id)));
        let texts = |list: Vec<String>| list.into_iter().map(Value::from).collect::<Value>();
        let mut told = Map::new();
        told.insert("event_id".to_owned(), Value::from(reversal.event_id));
        told.insert("ids".to_owned(), texts(reversal.ids));
        told.insert("reason".to_owned(), reversal.reason.map_or(Value::Null, Value::from));
        told.insert("corrective_event_ids".to_owned(), texts(reversal.corrective_event_ids));
        put("reversal", Value::Object(told));
    } else if found.events.is_empty() {
        put("request", Value::from(found.notes.join("; ")));
    } else {
        put("request", found.events.into_iter().map(Value::Object).collect());
        if !found.notes.is_empty() {
            put("notes", found.notes.into_iter().map(Value::from).collect());
        }
    }
}
