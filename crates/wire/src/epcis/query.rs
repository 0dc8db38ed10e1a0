//! Questions about events: the simple event query of EPCIS, as a predicate.
//!
//! All parameters must hold; of the values of one, any. It looks at one event at a time and knows no master data: what asks
//! for attributes or for what lies below a place holds for nothing, or for the place itself.
//!
//! # Source
//! GS1 EPCIS 2.0, section 8.2.7.1 (parameters of SimpleEventQuery) and its query schema.

mod fields;
mod parse;
mod pattern;

use super::{Event, Json, Time, Vocabulary, digital_link};
use fields::{FieldName, Scope};
use pattern::Pattern;
use std::cmp::Ordering;

/// The code of problems with parameters, as the standard calls them.
pub const PARAMETER_EXCEPTION: &str = "QueryParameterException";

/// A query, ready to be asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    conditions: Vec<Condition>,
    /// The member to order by: `eventTime`, `recordTime` or one of somebody's own.
    pub order_by: Option<String>,
    /// Whether the first of that order comes last; it does when nothing is said.
    pub ascending: bool,
    /// Answer at most so many, the first in order.
    pub event_count_limit: Option<u64>,
    /// Answer nothing but an error when there are more.
    pub max_event_count: Option<u64>,
    /// Events of one page.
    pub per_page: Option<u64>,
    /// Where the next page begins, as it was told with the last.
    pub next_page_token: Option<String>,
}

/// What an index can find the candidates by; every event that matches has it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The `type`s of which it has one; `None` for any.
    pub event_types: Option<Vec<String>>,
    /// `eventTime`s, in microseconds, from and before which it lies.
    pub event_time_micros: (Option<i64>, Option<i64>),
    /// The same of `recordTime`.
    pub record_time_micros: (Option<i64>, Option<i64>),
    /// The bare business steps of which it has one.
    pub biz_steps: Option<Vec<String>>,
    /// The bare dispositions of which it has one.
    pub dispositions: Option<Vec<String>>,
    /// The canonical ids of read points of which it has one.
    pub read_points: Option<Vec<String>>,
    /// The same of business locations.
    pub biz_locations: Option<Vec<String>>,
    /// The ids of which it has one.
    pub event_ids: Option<Vec<String>>,
    /// Canonical identifiers ([`Event::identifiers`]): of each list it has one.
    pub identifiers: Vec<Vec<String>>,
}

/// How a number or time is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Equal,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Op {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Equal => found == Ordering::Equal,
            Self::Above => found == Ordering::Greater,
            Self::AtLeast => found != Ordering::Less,
            Self::Below => found == Ordering::Less,
            Self::AtMost => found != Ordering::Greater,
        }
    }
}

/// Which time of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Event,
    Record,
    ErrorDeclaration,
    /// A member of sensor data.
    Sensor(&'static str),
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    EventType(Vec<String>),
    Time(Clock, Op, i64),
    Action(Vec<String>),
    BizStep(Vec<String>),
    Disposition(Vec<String>),
    Persistent(&'static str, Vec<String>),
    /// `readPoint` or `bizLocation`.
    Place(&'static str, Vec<String>),
    /// A list, its member, the type, and ids in canonical form.
    Typed {
        list: &'static str,
        member: &'static str,
        kind: String,
        ids: Vec<String>,
    },
    TransformationId(Vec<String>),
    EventId(Vec<String>),
    /// Members with identifiers, lists of quantities with classes, and what one of them must be.
    Match {
        members: &'static [&'static str],
        classes: &'static [&'static str],
        patterns: Vec<Pattern>,
    },
    Quantity {
        op: Op,
        values: Vec<f64>,
        uom: Option<String>,
    },
    HasErrorDeclaration,
    ErrorReason(Vec<String>),
    CorrectiveEventId(Vec<String>),
    HasSensorData,
    /// A text member of sensor data.
    SensorText(&'static str, Vec<String>),
    SensorNumber {
        member: &'static str,
        op: Op,
        values: Vec<f64>,
        uom: Option<String>,
    },
    /// An extension.
    Field {
        scope: Scope,
        inner: bool,
        name: FieldName,
        test: Test,
    },
    /// Asks for master data.
    Never,
}

/// What is asked of an extension.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Exists,
    /// One of these texts or numbers.
    Any(Vec<String>),
    Compare(Op, String),
}

impl Query {
    /// Whether every parameter holds for `event`.
    pub fn matches(&self, event: &Event) -> bool {
        self.conditions.iter().all(|condition| condition.holds(event))
    }

    /// The order in which the query wants two events: by `order_by`, the latest or greatest first unless `ascending`; equal
    /// when it wants none, and events without the member come last.
    pub fn order(&self, first: &Event, second: &Event) -> Ordering {
        let Some(name) = &self.order_by else { return Ordering::Equal };
        let key = |event: &Event| match event.body().get(name) {
            Some(Json::Text(text)) => match Time::parse(text) {
                Some(time) => Some((Some(time.micros), None, String::new())),
                None => Some((None, None, text.clone())),
            },
            Some(Json::Number(digits)) => Some((None, digits.parse::<f64>().ok(), String::new())),
            _ => None,
        };
        match (key(first), key(second)) {
            (Some((first_time, first_number, first_text)), Some((second_time, second_number, second_text))) => {
                let numbers =
                    first_number.zip(second_number).map_or(Ordering::Equal, |(one, other)| one.total_cmp(&other));
                let found = first_time.cmp(&second_time).then(numbers).then_with(|| first_text.cmp(&second_text));
                if self.ascending { found } else { found.reverse() }
            }
            (first, second) => first.is_none().cmp(&second.is_none()),
        }
    }

    /// What an index can find the candidates by.
    pub fn hints(&self) -> Hints {
        let mut hints = Hints::default();
        for condition in &self.conditions {
            match condition {
                Condition::EventType(types) => hints.event_types = Some(types.clone()),
                Condition::BizStep(steps) => hints.biz_steps = Some(steps.clone()),
                Condition::Disposition(words) => hints.dispositions = Some(words.clone()),
                Condition::Place("readPoint", ids) => hints.read_points = Some(ids.clone()),
                Condition::Place(_, ids) => hints.biz_locations = Some(ids.clone()),
                Condition::EventId(ids) => hints.event_ids = Some(ids.clone()),
                Condition::Time(Clock::Event, op, micros) => narrow(&mut hints.event_time_micros, *op, *micros),
                Condition::Time(Clock::Record, op, micros) => narrow(&mut hints.record_time_micros, *op, *micros),
                Condition::Match { patterns, .. } => {
                    let exact: Option<Vec<String>> =
                        patterns.iter().map(|one| one.exact().map(str::to_owned)).collect();
                    hints.identifiers.extend(exact);
                }
                _ => {}
            }
        }
        hints
    }
}

fn narrow(range: &mut (Option<i64>, Option<i64>), op: Op, micros: i64) {
    match op {
        Op::AtLeast => range.0 = Some(range.0.map_or(micros, |known| known.max(micros))),
        Op::Below => range.1 = Some(range.1.map_or(micros, |known| known.min(micros))),
        Op::Equal | Op::Above | Op::AtMost => {}
    }
}

/// An identifier in its one spelling.
pub(super) fn canonical(id: &str) -> String {
    digital_link(id).unwrap_or_else(|| id.to_owned())
}

const EPC_LISTS: [&str; 4] = ["epcList", "childEPCs", "inputEPCList", "outputEPCList"];
const CLASS_LISTS: [&str; 4] = ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"];

impl Event {
    /// Every identifier of an object in it, instances, parent and classes, as canonical Digital Links where they are GS1's:
    /// what [`Hints::identifiers`] is looked for in.
    pub fn identifiers(&self) -> Vec<String> {
        let epcs = EPC_LISTS.iter().flat_map(|list| self.texts(list));
        let classes = CLASS_LISTS.iter().flat_map(|list| self.quantities(list)).map(|(class, ..)| class);
        let mut found: Vec<String> = epcs.chain(self.parent_id()).chain(classes).map(canonical).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Condition {
    fn holds(&self, event: &Event) -> bool {
        let among = |found: Option<&str>, wanted: &[String]| found.is_some_and(|id| wanted.iter().any(|one| one == id));
        let same = |found: Option<&str>, wanted: &[String]| found.map(canonical).is_some_and(|id| wanted.contains(&id));
        match self {
            Self::EventType(types) => among(Some(event.type_name()), types),
            Self::Time(clock, op, micros) => {
                times(event, *clock).into_iter().any(|time| op.holds(time.micros.cmp(micros)))
            }
            Self::Action(actions) => among(event.action(), actions),
            Self::BizStep(words) => among(event.biz_step(), words),
            Self::Disposition(words) => among(event.disposition(), words),
            Self::Persistent(which, words) => event.persistent_dispositions(which).any(|word| among(Some(word), words)),
            Self::Place("readPoint", ids) => same(event.read_point(), ids),
            Self::Place(_, ids) => same(event.biz_location(), ids),
            Self::Typed { list, member, kind, ids } => event.list(list).iter().any(|item| {
                item.get("type").and_then(Json::as_text) == Some(kind)
                    && same(item.get(member).and_then(Json::as_text), ids)
            }),
            Self::TransformationId(ids) => same(event.transformation_id(), ids),
            Self::EventId(ids) => among(event.event_id(), ids),
            Self::Match { members, classes, patterns } => {
                let one = |id: &str| {
                    let link = digital_link(id);
                    patterns.iter().any(|pattern| pattern.matches(id, link.as_deref()))
                };
                members.iter().any(|member| event.text(member).is_some_and(one) || event.texts(member).any(one))
                    || classes.iter().any(|list| event.quantities(list).any(|(class, ..)| one(class)))
            }
            Self::Quantity { op, values, uom } => {
                CLASS_LISTS.iter().flat_map(|list| event.quantities(list)).any(|(_, quantity, found)| {
                    uom.as_ref().is_none_or(|uom| found == Some(uom)) && compares(quantity, *op, values)
                })
            }
            Self::HasErrorDeclaration => event.error_declaration().is_some(),
            Self::ErrorReason(words) => {
                let reason = event.error_declaration().and_then(|declaration| declaration.get("reason"));
                among(reason.and_then(Json::as_text), words)
            }
            Self::CorrectiveEventId(ids) => {
                let list = event.error_declaration().and_then(|declaration| declaration.get("correctiveEventIDs"));
                list.map(Json::items).unwrap_or_default().iter().any(|id| among(id.as_text(), ids))
            }
            Self::HasSensorData => !event.sensor_elements().is_empty(),
            Self::SensorText(member, wanted) => sensor_values(event, member).any(|value| match value {
                Json::Text(text) => wanted.contains(text) || wanted.contains(&canonical(text)),
                Json::Bool(flag) => wanted.contains(&flag.to_string()),
                _ => false,
            }),
            Self::SensorNumber { member, op, values, uom } => reports(event).any(|report| {
                let found = report.get("uom").and_then(Json::as_text);
                let Some(Json::Number(digits)) = report.get(member) else { return false };
                uom.as_ref().is_none_or(|uom| found == Some(uom)) && compares(Some(digits), *op, values)
            }),
            Self::Field { scope, inner, name, test } => fields::any(event, *scope, *inner, name, test),
            Self::Never => false,
        }
    }
}

fn compares(digits: Option<&str>, op: Op, values: &[f64]) -> bool {
    let Some(number) = digits.and_then(|digits| digits.parse::<f64>().ok()) else { return false };
    values.iter().any(|value| op.holds(number.total_cmp(value)))
}

fn reports(event: &Event) -> impl Iterator<Item = &Json> {
    let elements = event.sensor_elements().iter();
    elements.flat_map(|element| element.get("sensorReport").map(Json::items).unwrap_or_default())
}

/// The values of `member` in metadata and reports.
fn sensor_values<'e>(event: &'e Event, member: &'e str) -> impl Iterator<Item = &'e Json> {
    let metadata = event.sensor_elements().iter().filter_map(|element| element.get("sensorMetadata"));
    metadata.chain(reports(event)).filter_map(move |object| object.get(member))
}

fn times(event: &Event, clock: Clock) -> Vec<Time> {
    let parse = |value: &Json| value.as_text().and_then(Time::parse);
    match clock {
        Clock::Event => event.event_time().into_iter().collect(),
        Clock::Record => event.record_time().into_iter().collect(),
        Clock::ErrorDeclaration => {
            let time = event.error_declaration().and_then(|declaration| declaration.get("declarationTime"));
            time.and_then(parse).into_iter().collect()
        }
        Clock::Sensor(member) => sensor_values(event, member).filter_map(parse).collect(),
    }
}

/// A word in its bare form, as events have it; one of somebody's own is as it is.
pub(super) fn bare(vocabulary: Vocabulary, text: &str) -> String {
    vocabulary.word(text).map_or_else(|| text.to_owned(), str::to_owned)
}
