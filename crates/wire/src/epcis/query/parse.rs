//! From parameters to a [`Query`]: of a URL, of a query in JSON, and of a poll or subscription in XML.

use super::fields::{FieldName, Scope};
use super::pattern::Pattern;
use super::{Clock, Condition, Op, PARAMETER_EXCEPTION, Query, Test, bare, canonical};
use crate::epcis::event::{Context, EventType};
use crate::epcis::tree::Reader;
use crate::epcis::xml::{self, Element};
use crate::epcis::{Json, Limits, Problem, Time, Vocabulary, json};
use crate::problem::shown;

/// The most values of all parameters together.
const VALUES_MAX: usize = 1_000;

/// A parameter: its name and values.
type Parameter = (String, Vec<String>);

const EPCS: &[&str] = &["epcList", "childEPCs"];
const ANY_EPCS: &[&str] = &["epcList", "childEPCs", "inputEPCList", "outputEPCList", "parentID"];
const CLASSES: &[&str] = &["quantityList", "childQuantityList"];
const ANY_CLASSES: &[&str] = &["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"];

/// Members of sensor data that hold texts.
const SENSOR_TEXTS: [&str; 12] = [
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
];
/// Members of sensor data that hold numbers.
const SENSOR_NUMBERS: [&str; 7] = ["value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"];

impl Query {
    /// Reads the parameters of a URL, decoded; several values of one are separated by `|` or given by repeating it.
    /// `namespaces` says what prefixes of extension fields stand for.
    ///
    /// # Errors
    /// Everything that is wrong, each with the name of its parameter as path.
    ///
    /// ```
    /// use wire::epcis::Query;
    /// let query = Query::from_pairs([("EQ_bizStep", "shipping|receiving"), ("perPage", "30")], &[]).expect("a query");
    /// assert_eq!(query.hints().biz_steps, Some(vec!["shipping".to_owned(), "receiving".to_owned()]));
    /// ```
    pub fn from_pairs<'p>(
        pairs: impl IntoIterator<Item = (&'p str, &'p str)>,
        namespaces: &[(String, String)],
    ) -> Result<Self, Vec<Problem>> {
        let mut parameters: Vec<Parameter> = Vec::new();
        for (name, value) in pairs {
            let values = value.split('|').map(str::to_owned);
            match parameters.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.extend(values),
                None => parameters.push((name.to_owned(), values.collect())),
            }
        }
        make(&parameters, &Context { namespaces: namespaces.to_vec(), ..Context::default() })
    }

    /// Reads a query in JSON: an object of parameters, or one with such an object as its `query`.
    ///
    /// # Errors
    /// As [`Query::from_pairs`]; also what keeps it from being JSON.
    pub fn from_json(text: &str, limits: &Limits) -> Result<Self, Vec<Problem>> {
        let value = Reader::new(limits).read(text).map_err(|problem| vec![problem])?;
        let object = value.get("query").unwrap_or(&value).as_object();
        let Some(object) = object else {
            return Err(vec![Problem::error(PARAMETER_EXCEPTION, "", "a query is an object of parameters")]);
        };
        let mut context = Context::default();
        let own = object.get("@context").or_else(|| value.get("@context"));
        if own.is_some_and(|own| !json::add_context(&mut context, own.clone())) {
            return Err(vec![Problem::error(PARAMETER_EXCEPTION, "@context", "the context is too long")]);
        }
        let (mut parameters, mut problems) = (Vec::new(), Vec::new());
        for (name, value) in object.iter().filter(|(name, _)| !matches!(*name, "@context" | "queryType")) {
            let items = match value {
                Json::List(items) => &items[..],
                one => std::slice::from_ref(one),
            };
            let mut values = Vec::new();
            for item in items {
                match item {
                    Json::Text(text) | Json::Number(text) => values.push(text.clone()),
                    Json::Bool(flag) => values.push(flag.to_string()),
                    Json::Null => {}
                    other => problems.push(fault(name, format!("{} is no value", json::brief(other)))),
                }
            }
            parameters.push((name.to_owned(), values));
        }
        merged(make(&parameters, &context), problems)
    }

    /// Reads a poll or a subscription in XML, with or without the envelope around it.
    ///
    /// # Errors
    /// As [`Query::from_pairs`]; also what keeps it from being XML with parameters.
    pub fn from_xml(text: &str, limits: &Limits) -> Result<Self, Vec<Problem>> {
        let root = xml::parse(text, limits, &mut Vec::new()).map_err(|problem| vec![problem])?;
        let Some(call) = find(&root) else {
            return Err(vec![Problem::error(PARAMETER_EXCEPTION, "", "there is no Poll or Subscribe in it")]);
        };
        let mut problems = Vec::new();
        let name = call.any_child("queryName").map_or("", Element::trimmed);
        if name != "SimpleEventQuery" {
            problems.push(Problem::error(
                "NoSuchNameException",
                "queryName",
                format!("there is no query {}", shown(name)),
            ));
        }
        let mut parameters = Vec::new();
        for parameter in call.any_child("params").map(|params| &*params.children).unwrap_or_default() {
            let name = parameter.any_child("name").map_or("", Element::trimmed).to_owned();
            let Some(value) = parameter.any_child("value") else {
                problems.push(fault(&name, "it has no value"));
                continue;
            };
            let values = match &*value.children {
                [] if value.trimmed().is_empty() => Vec::new(),
                [] => vec![value.trimmed().to_owned()],
                children => children.iter().map(|child| child.trimmed().to_owned()).collect(),
            };
            parameters.push((name, values));
        }
        let context = Context {
            namespaces: root.declared.iter().map(|(prefix, uri)| (prefix.to_string(), uri.to_string())).collect(),
            ..Context::default()
        };
        merged(make(&parameters, &context), problems)
    }
}

/// The call with the parameters, at most four levels down.
fn find(element: &Element) -> Option<&Element> {
    fn below(element: &Element, levels: usize) -> Option<&Element> {
        if matches!(element.name.local.as_str(), "Poll" | "Subscribe") {
            return Some(element);
        }
        element.children.iter().filter(|_| levels > 0).find_map(|child| below(child, levels - 1))
    }
    below(element, 4)
}

fn merged(query: Result<Query, Vec<Problem>>, mut problems: Vec<Problem>) -> Result<Query, Vec<Problem>> {
    match query {
        Ok(query) if problems.is_empty() => Ok(query),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

fn fault(name: &str, detail: impl Into<String>) -> Problem {
    Problem::error(PARAMETER_EXCEPTION, name, detail)
}

fn make(parameters: &[Parameter], context: &Context) -> Result<Query, Vec<Problem>> {
    let mut query = Query::default();
    let mut problems = Vec::new();
    if parameters.iter().map(|(_, values)| values.len()).sum::<usize>() > VALUES_MAX {
        return Err(vec![fault("", format!("there are more than {VALUES_MAX} values; ask with fewer"))]);
    }
    for (name, values) in parameters {
        if let Err(detail) = parameter(&mut query, name, values, context) {
            problems.push(fault(name, detail));
        }
    }
    if query.event_count_limit.is_some() && query.max_event_count.is_some() {
        problems.push(fault("maxEventCount", "it can't be given beside eventCountLimit"));
    }
    if query.event_count_limit.is_some() && query.order_by.is_none() {
        query.order_by = Some("eventTime".to_owned());
    }
    if problems.is_empty() { Ok(query) } else { Err(problems) }
}

/// The one value of a parameter that has one.
fn one(values: &[String]) -> Result<&str, String> {
    match values {
        [value] => Ok(value),
        _ => Err(format!("it has {} values; give one", values.len())),
    }
}

fn count(values: &[String]) -> Result<u64, String> {
    let value = one(values)?;
    value
        .parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| format!("{} is no count; give a whole number", shown(value)))
}

fn time(values: &[String]) -> Result<i64, String> {
    let value = one(values)?;
    let time = Time::parse(value)
        .ok_or_else(|| format!("{} is no time; write it as 2026-02-16T10:00:00.000+01:00", shown(value)))?;
    Ok(time.micros)
}

fn numbers(values: &[String]) -> Result<Vec<f64>, String> {
    let parse = |value: &String| {
        let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| format!("{} is no number", shown(value)))
    };
    some(values)?.iter().map(parse).collect()
}

fn some(values: &[String]) -> Result<&[String], String> {
    if values.is_empty() { Err("it has no value".to_owned()) } else { Ok(values) }
}

fn patterns(values: &[String]) -> Result<Vec<Pattern>, String> {
    let parse =
        |value: &String| Pattern::parse(value).ok_or_else(|| format!("{} is no identifier or pattern", shown(value)));
    some(values)?.iter().map(parse).collect()
}

fn words(values: &[String], vocabulary: Vocabulary) -> Result<Vec<String>, String> {
    Ok(some(values)?.iter().map(|value| bare(vocabulary, value)).collect())
}

fn ids(values: &[String]) -> Result<Vec<String>, String> {
    Ok(some(values)?.iter().map(|value| canonical(value)).collect())
}

/// Takes one parameter into the query, or says what is wrong with it.
fn parameter(query: &mut Query, name: &str, values: &[String], context: &Context) -> Result<(), String> {
    match name {
        "orderBy" => query.order_by = Some(one(values)?.to_owned()),
        "orderDirection" => {
            query.ascending = match one(values)? {
                "ASC" => true,
                "DESC" => false,
                other => return Err(format!("{} is no direction; write ASC or DESC", shown(other))),
            }
        }
        "eventCountLimit" => query.event_count_limit = Some(count(values)?),
        "maxEventCount" => query.max_event_count = Some(count(values)?),
        "perPage" => query.per_page = Some(count(values)?),
        "nextPageToken" => query.next_page_token = Some(one(values)?.to_owned()),
        _ => {
            let condition = condition(name, values, context)?;
            query.conditions.push(condition);
        }
    }
    Ok(())
}

fn condition(name: &str, values: &[String], context: &Context) -> Result<Condition, String> {
    let clock = |clock, op| Ok(Condition::Time(clock, op, time(values)?));
    let matches = |members, classes| Ok(Condition::Match { members, classes, patterns: patterns(values)? });
    match name {
        "eventType" => {
            let is_type = |name: &String| name.contains(':') || EventType::named(name) != EventType::Other;
            match values.iter().find(|name| !is_type(name)) {
                Some(other) => Err(format!("there is no event {}", shown(other))),
                None => Ok(Condition::EventType(some(values)?.to_vec())),
            }
        }
        "GE_eventTime" => clock(Clock::Event, Op::AtLeast),
        "LT_eventTime" => clock(Clock::Event, Op::Below),
        "GE_recordTime" => clock(Clock::Record, Op::AtLeast),
        "LT_recordTime" => clock(Clock::Record, Op::Below),
        "GE_errorDeclarationTime" | "GE_errorDeclaration_Time" => clock(Clock::ErrorDeclaration, Op::AtLeast),
        "LT_errorDeclarationTime" | "LT_errorDeclaration_Time" => clock(Clock::ErrorDeclaration, Op::Below),
        "EQ_action" => match values.iter().find(|value| !matches!(value.as_str(), "ADD" | "OBSERVE" | "DELETE")) {
            Some(other) => Err(format!("{} is no action; write ADD, OBSERVE or DELETE", shown(other))),
            None => Ok(Condition::Action(some(values)?.to_vec())),
        },
        "EQ_bizStep" => Ok(Condition::BizStep(words(values, Vocabulary::BizStep)?)),
        "EQ_disposition" => Ok(Condition::Disposition(words(values, Vocabulary::Disposition)?)),
        "EQ_persistentDisposition_set" => Ok(Condition::Persistent("set", words(values, Vocabulary::Disposition)?)),
        "EQ_persistentDisposition_unset" => Ok(Condition::Persistent("unset", words(values, Vocabulary::Disposition)?)),
        "EQ_readPoint" | "WD_readPoint" => Ok(Condition::Place("readPoint", ids(values)?)),
        "EQ_bizLocation" | "WD_bizLocation" => Ok(Condition::Place("bizLocation", ids(values)?)),
        "EQ_transformationID" => Ok(Condition::TransformationId(ids(values)?)),
        "EQ_eventID" => Ok(Condition::EventId(some(values)?.to_vec())),
        "MATCH_epc" => matches(EPCS, &[]),
        "MATCH_parentID" => matches(&["parentID"], &[]),
        "MATCH_inputEPC" => matches(&["inputEPCList"], &[]),
        "MATCH_outputEPC" => matches(&["outputEPCList"], &[]),
        "MATCH_anyEPC" => matches(ANY_EPCS, &[]),
        "MATCH_epcClass" => matches(&[], CLASSES),
        "MATCH_inputEPCClass" => matches(&[], &["inputQuantityList"]),
        "MATCH_outputEPCClass" => matches(&[], &["outputQuantityList"]),
        "MATCH_anyEPCClass" => matches(&[], ANY_CLASSES),
        "EXISTS_errorDeclaration" => Ok(Condition::HasErrorDeclaration),
        "EQ_errorReason" => Ok(Condition::ErrorReason(words(values, Vocabulary::ErrorReason)?)),
        "EQ_correctiveEventID" => Ok(Condition::CorrectiveEventId(some(values)?.to_vec())),
        "EXISTS_sensorElementList" => Ok(Condition::HasSensorData),
        "EQ_type" => Ok(Condition::SensorText("type", words(values, Vocabulary::Measurement)?)),
        "EQ_exception" => Ok(Condition::SensorText("exception", words(values, Vocabulary::SensorAlert)?)),
        "EQ_component" => Ok(Condition::SensorText("component", words(values, Vocabulary::Component)?)),
        _ => structured(name, values, context),
    }
}

/// Parameters whose names say what they ask for.
fn structured(name: &str, values: &[String], context: &Context) -> Result<Condition, String> {
    let unknown = || "there is no such parameter; see SimpleEventQuery of EPCIS 2.0".to_owned();
    let (verb, rest) = name.split_once('_').ok_or_else(unknown)?;
    let op = match verb {
        "EQ" => Some(Op::Equal),
        "GT" => Some(Op::Above),
        "GE" => Some(Op::AtLeast),
        "LT" => Some(Op::Below),
        "LE" => Some(Op::AtMost),
        "EXISTS" => None,
        "HASATTR" | "EQATTR" => return Ok(Condition::Never),
        _ => return Err(unknown()),
    };
    if let Some(found) = op.and_then(|op| typed(op, rest).or_else(|| sensor(op, rest))) {
        return found(values);
    }
    if rest.starts_with("ATTR_") && op == Some(Op::Equal) {
        return Ok(Condition::Never);
    }
    let (inner, rest) = match rest.strip_prefix("INNER_") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let scopes = [
        ("ILMD_", Scope::Ilmd),
        ("ERROR_DECLARATION_", Scope::ErrorDeclaration),
        ("SENSORELEMENT_", Scope::SensorElement),
        ("SENSORMETADATA_", Scope::SensorMetadata),
        ("SENSORREPORT_", Scope::SensorReport),
        ("readPoint_", Scope::ReadPoint),
        ("bizLocation_", Scope::BizLocation),
    ];
    let (scope, field) = scopes
        .iter()
        .find_map(|(start, scope)| rest.strip_prefix(start).map(|field| (*scope, field)))
        .unwrap_or((Scope::Event, rest));
    let name = FieldName::parse(field, context).ok_or_else(unknown)?;
    let test = match op {
        None => Test::Exists,
        Some(Op::Equal) => Test::Any(some(values)?.to_vec()),
        Some(op) => Test::Compare(op, one(values)?.to_owned()),
    };
    Ok(Condition::Field { scope, inner, name, test })
}

type Make = Box<dyn Fn(&[String]) -> Result<Condition, String>>;

/// `bizTransaction_po`, `source_location`, `destination_…`, whose types may be URIs.
fn typed(op: Op, rest: &str) -> Option<Make> {
    let lists = [
        ("bizTransaction_", "bizTransactionList", "bizTransaction", Vocabulary::BizTransactionType),
        ("source_", "sourceList", "source", Vocabulary::SourceDestinationType),
        ("destination_", "destinationList", "destination", Vocabulary::SourceDestinationType),
    ];
    let (kind, list, member, vocabulary) = lists.into_iter().find_map(|(start, list, member, vocabulary)| {
        rest.strip_prefix(start).filter(|kind| !kind.is_empty()).map(|kind| (kind.to_owned(), list, member, vocabulary))
    })?;
    (op == Op::Equal).then(|| -> Make {
        Box::new(move |values| Ok(Condition::Typed { list, member, kind: bare(vocabulary, &kind), ids: ids(values)? }))
    })
}

/// `value_CEL`, `quantity`, `time`, `deviceID`, ….
fn sensor(op: Op, rest: &str) -> Option<Make> {
    let (member, uom) = match rest.split_once('_') {
        Some((member, uom)) => (member, Some(uom.to_owned())),
        None => (rest, None),
    };
    let is_unit = |uom: &str| {
        (2..=4).contains(&uom.len()) && uom.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    if uom.as_deref().is_some_and(|uom| !is_unit(uom)) {
        return None;
    }
    if member == "quantity" {
        return Some(Box::new(move |values| {
            Ok(Condition::Quantity { op, values: compared(op, values)?, uom: uom.clone() })
        }));
    }
    if let Some(member) = SENSOR_NUMBERS.iter().find(|known| **known == member) {
        return Some(Box::new(move |values| {
            Ok(Condition::SensorNumber { member, op, values: compared(op, values)?, uom: uom.clone() })
        }));
    }
    if let Some(member) = ["time", "startTime", "endTime"].iter().find(|known| **known == rest) {
        return Some(Box::new(move |values| Ok(Condition::Time(Clock::Sensor(member), op, time(values)?))));
    }
    let member = SENSOR_TEXTS.iter().find(|known| **known == rest).filter(|_| op == Op::Equal)?;
    Some(Box::new(move |values| {
        let wanted = some(values)?;
        Ok(Condition::SensorText(member, wanted.iter().cloned().chain(wanted.iter().map(|id| canonical(id))).collect()))
    }))
}

/// Any of several numbers may be equalled, but only one be compared with.
fn compared(op: Op, values: &[String]) -> Result<Vec<f64>, String> {
    if op != Op::Equal {
        one(values)?;
    }
    numbers(values)
}
