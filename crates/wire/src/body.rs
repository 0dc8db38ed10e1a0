//! The JSON bodies that are no events: reservations and the cards of products, locations and reasons.
//!
//! As for events, every problem of a body is reported with its place, such as `lines[2].quantity`.

use crate::event::fields::{Value, type_name};
use crate::object::Object;
use crate::problem::{Problem, shown};
use crate::text::{TEXT_BYTES_MAX, check_location, check_text, missing};
use ledger::{AccountKind, LocationCard, ProductCard, Quantity, ReasonCard, Reserve, ReserveLine, Site, Unit};
use serde_json::value::RawValue;

/// The most units that a product may declare.
const UNITS_MAX: usize = 100;

/// The lines of a reservation as JSON text, and how many there may be.
pub(crate) struct Lines<'a> {
    pub(crate) json: &'a str,
    pub(crate) count_max: usize,
}

/// Reads the lines of a reservation.
pub(crate) fn lines(lines: Lines<'_>, problems: &mut Vec<Problem>) -> Vec<ReserveLine> {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(lines.json) else {
        let detail = format!("lines is {}; send an array of objects", type_name(lines.json));
        problems.push(Problem::new("wrong_type", "lines", detail));
        return Vec::new();
    };
    if items.is_empty() || items.len() > lines.count_max {
        let detail = format!("lines has {} items; send 1 to {}", items.len(), lines.count_max);
        problems.push(Problem::new("line_count", "lines", detail));
        return Vec::new();
    }
    let line = |(index, item): (usize, &&RawValue)| {
        let known = ["product_id", "quantity", "location", "lot"];
        let mut object = Object::read(item.get(), format!("lines[{index}]."), &known, problems)?;
        Some(ReserveLine {
            product: object.required_text("product_id", "\"SKU123\""),
            quantity: object.amount("quantity"),
            location: object.location("location"),
            lot: object.text("lot"),
        })
    };
    items.iter().enumerate().filter_map(line).collect()
}

/// The card or command that was read, unless there is something wrong with it.
pub(crate) fn unless<T>(problems: Vec<Problem>, read: Option<T>) -> Result<T, Vec<Problem>> {
    match read {
        Some(read) if problems.is_empty() => Ok(read),
        _ => Err(problems),
    }
}

/// The body as text, or the one problem that it is none.
pub(crate) fn utf8(body: &[u8]) -> Result<&str, Vec<Problem>> {
    std::str::from_utf8(body).map_err(|error| vec![crate::event::invalid_utf8(error.valid_up_to())])
}

/// Reads the body of `POST /v1/reservations`.
///
/// # Errors
/// Everything that is wrong with it; never an empty list.
pub fn parse_reservation(body: &[u8], lines_max: usize) -> Result<Reserve, Vec<Problem>> {
    let text = utf8(body)?;
    let mut problems = Vec::new();
    let known = ["reservation_id", "warehouse_id", "lines", "expires_at", "partial"];
    let read = Object::read(text, String::new(), &known, &mut problems).map(|mut object| {
        let warehouse = object.location("warehouse_id");
        let warehouse = object.required("warehouse_id", warehouse, "\"warehouse_A\"");
        if warehouse.contains('/') {
            let detail = format!(
                "warehouse_id {} has parts; name the warehouse alone and the place on the line",
                shown(&warehouse)
            );
            object.problem(Problem::new("invalid_location", "warehouse_id", detail));
        }
        let json = match object.get("lines") {
            Value::Absent => None,
            Value::Raw(json) => Some(*json),
            Value::Text(_) | Value::List(_) => Some("\"\""),
        };
        let lines = match json {
            Some(json) => lines(Lines { json, count_max: lines_max }, object.problems),
            None => {
                object.problem(missing("lines", "[{\"product_id\": \"SKU123\", \"quantity\": 5}]"));
                Vec::new()
            }
        };
        Reserve {
            reservation: object.required_text("reservation_id", "\"order-1001\""),
            warehouse,
            lines,
            expires_at: object.time("expires_at"),
            partial: object.flag("partial"),
        }
    });
    unless(problems, read)
}

/// Reads the card of the product that the path names.
///
/// # Errors
/// Everything that is wrong with it; never an empty list.
pub fn parse_product(product: &str, body: &[u8]) -> Result<ProductCard, Vec<Problem>> {
    let text = utf8(body)?;
    let mut problems = Vec::new();
    let product = named("product_id", product, &mut problems, |text| check_text("product_id", text, TEXT_BYTES_MAX));
    let known = ["product_id", "name", "gtin", "category", "base_unit", "units"];
    let read = Object::read(text, String::new(), &known, &mut problems).map(|mut object| {
        same_name(&mut object, "product_id", &product);
        let gtin = object.text("gtin");
        if !gtin.is_empty() && !check_digit_holds(&gtin, &[8, 12, 13, 14]) {
            let detail =
                format!("gtin {} is no GTIN; send 8, 12, 13 or 14 digits with the right check digit", shown(&gtin));
            object.problem(Problem::new("invalid_gtin", "gtin", detail));
        }
        let json = match object.get("units") {
            Value::Absent => "[]",
            Value::Raw(json) => *json,
            Value::Text(_) | Value::List(_) => "\"\"",
        };
        let units = units(json, object.problems);
        ProductCard {
            product,
            name: object.text("name"),
            gtin,
            category: object.text("category"),
            base_unit: object.text("base_unit"),
            units,
        }
    });
    unless(problems, read)
}

fn units(json: &str, problems: &mut Vec<Problem>) -> Vec<Unit> {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) else {
        let detail = format!("units is {}; send an array of objects", type_name(json));
        problems.push(Problem::new("wrong_type", "units", detail));
        return Vec::new();
    };
    if items.len() > UNITS_MAX {
        let detail = format!("units has {} items; at most {UNITS_MAX} are taken", items.len());
        problems.push(Problem::new("too_many_units", "units", detail));
        return Vec::new();
    }
    let unit = |(index, item): (usize, &&RawValue)| {
        let mut object = Object::read(item.get(), format!("units[{index}]."), &["name", "ratio"], problems)?;
        let name = object.required_text("name", "\"case\"");
        let ratio = match object.get("ratio") {
            Value::Absent | Value::List(_) => Err(missing("ratio", "12")),
            Value::Text(text) => parse_ratio(text),
            Value::Raw(json) if json.starts_with('{') => {
                return fraction(json, index, problems).map(|(numerator, denominator)| Unit {
                    name,
                    numerator,
                    denominator,
                });
            }
            Value::Raw(json) => parse_ratio(json),
        };
        match ratio {
            Ok((numerator, denominator)) => Some(Unit { name, numerator, denominator }),
            Err(problem) => {
                object.problem(problem);
                None
            }
        }
    };
    items.iter().enumerate().filter_map(unit).collect()
}

/// The ratio in `{"numerator": 1, "denominator": 3}`.
fn fraction(json: &str, index: usize, problems: &mut Vec<Problem>) -> Option<(u64, u64)> {
    let known = ["numerator", "denominator"];
    let mut object = Object::read(json, format!("units[{index}].ratio."), &known, problems)?;
    let mut whole = |name: &'static str| {
        let found = match object.get(name) {
            Value::Text(text) => text.parse::<u64>().ok(),
            Value::Raw(json) => json.parse().ok(),
            Value::Absent | Value::List(_) => None,
        };
        let found = found.filter(|number| *number > 0);
        if found.is_none() {
            let detail = format!("{name} is no whole number above zero; send one such as 12");
            object.problem(Problem::new("invalid_ratio", name, detail));
        }
        found
    };
    let (numerator, denominator) = (whole("numerator"), whole("denominator"));
    Some((numerator?, denominator?))
}

/// Reads `12`, `0.5` or `1/3` as a fraction, exactly.
fn parse_ratio(text: &str) -> Result<(u64, u64), Problem> {
    let refused = || {
        let detail = format!("ratio {} is no ratio above zero; send one such as 12, \"0.5\" or \"1/3\"", shown(text));
        Problem::new("invalid_ratio", "ratio", detail)
    };
    let text = text.trim();
    let (numerator, denominator) = match text.split_once('/') {
        Some((numerator, denominator)) => {
            (numerator.trim().parse().map_err(|_| refused())?, denominator.trim().parse().map_err(|_| refused())?)
        }
        None => {
            let quantity: Quantity = text.parse().map_err(|_| refused())?;
            let micros = u64::try_from(quantity.micros()).map_err(|_| refused())?;
            let common = greatest_common_divisor(micros, 1_000_000);
            (micros / common, 1_000_000 / common)
        }
    };
    if numerator == 0 || denominator == 0 { Err(refused()) } else { Ok((numerator, denominator)) }
}

/// Of two numbers of which the second is not zero.
const fn greatest_common_divisor(mut first: u64, mut second: u64) -> u64 {
    while first != 0 {
        (first, second) = (second % first, first);
    }
    second
}

/// Whether `digits` has one of these lengths and ends in the check digit of GS1's numbers.
///
/// # Source
/// GS1 General Specifications, section 7.9.1.
fn check_digit_holds(digits: &str, lengths: &[usize]) -> bool {
    if !lengths.contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let weighted = |(index, byte): (usize, u8)| u32::from(byte - b'0') * if index % 2 == 0 { 1 } else { 3 };
    digits.bytes().rev().enumerate().map(weighted).sum::<u32>() % 10 == 0
}

/// Reads the card of the location that the path names.
///
/// # Errors
/// Everything that is wrong with it; never an empty list.
pub fn parse_location(location: &str, body: &[u8]) -> Result<LocationCard, Vec<Problem>> {
    let text = utf8(body)?;
    let mut problems = Vec::new();
    let location = named("location", location, &mut problems, |text| check_location("location", text));
    let known = ["location", "name", "region", "gln", "latitude", "longitude", "radius_m"];
    let read = Object::read(text, String::new(), &known, &mut problems).map(|mut object| {
        same_name(&mut object, "location", &location);
        let gln = object.text("gln");
        if !gln.is_empty() && !check_digit_holds(&gln, &[13]) {
            let detail = format!("gln {} is no GLN; send 13 digits with the right check digit", shown(&gln));
            object.problem(Problem::new("invalid_gln", "gln", detail));
        }
        let site = site(&mut object);
        LocationCard { location, name: object.text("name"), region: object.text("region"), gln, site }
    });
    unless(problems, read)
}

/// How far around a place belongs to it unless that is said, in metres.
const RADIUS_M_DEFAULT: u32 = 200;
/// The furthest that a place may reach, in metres.
const RADIUS_M_MAX: u32 = 100_000;

/// Where a location is on the globe: both coordinates or none.
fn site(object: &mut Object<'_, '_>) -> Option<Site> {
    let latitude = degrees(object, "latitude", 90);
    let longitude = degrees(object, "longitude", 180);
    let radius = match object.get("radius_m") {
        Value::Absent => Some(RADIUS_M_DEFAULT),
        Value::Raw(json) => json.parse().ok().filter(|radius| (1..=RADIUS_M_MAX).contains(radius)),
        Value::Text(_) | Value::List(_) => None,
    };
    if radius.is_none() {
        let detail = format!("radius_m is no whole number of 1 to {RADIUS_M_MAX}; send one");
        object.problem(Problem::new("wrong_type", "radius_m", detail));
    }
    let is_there = |object: &Object<'_, '_>, name| !matches!(object.get(name), Value::Absent);
    for (name, other) in [("latitude", "longitude"), ("longitude", "latitude")] {
        if is_there(object, other) && !is_there(object, name) {
            object.problem(missing(name, "52.370216"));
        }
    }
    Some(Site { latitude_micros: latitude?, longitude_micros: longitude?, radius_m: radius? })
}

/// Millionths of a degree; digits past the sixth, a tenth of a metre, are cut off.
fn degrees(object: &mut Object<'_, '_>, name: &'static str, max: i64) -> Option<i32> {
    let json = match object.get(name) {
        Value::Absent => return None,
        Value::Raw(json) => *json,
        Value::Text(_) | Value::List(_) => "",
    };
    let cut = json.find('.').map_or(json, |point| json.get(..point + 7).unwrap_or(json));
    let is_number = json.parse::<f64>().is_ok_and(f64::is_finite);
    let micros = cut.parse::<Quantity>().ok().map(Quantity::micros).filter(|_| is_number);
    let found = micros.filter(|micros| micros.abs() <= max * 1_000_000).and_then(|micros| i32::try_from(micros).ok());
    if found.is_none() {
        let detail = format!("{name} {} is no number of -{max} to {max}; send one", shown(json));
        object.problem(Problem::new("invalid_value", name, detail));
    }
    found
}

/// Reads the card of the reason whose code the path names.
///
/// # Errors
/// Everything that is wrong with it; never an empty list.
pub fn parse_reason(code: &str, body: &[u8]) -> Result<ReasonCard, Vec<Problem>> {
    let text = utf8(body)?;
    let mut problems = Vec::new();
    let code = named("code", code, &mut problems, |text| check_text("code", text, TEXT_BYTES_MAX));
    let known = ["code", "name", "counterpart", "trust"];
    let read = Object::read(text, String::new(), &known, &mut problems).map(|mut object| {
        same_name(&mut object, "code", &code);
        let typed = object.required_text("counterpart", "\"variance\"");
        let nominal = |kind: &AccountKind| *kind as u8 >= AccountKind::Supplier as u8;
        let counterpart = AccountKind::ALL.into_iter().filter(nominal).find(|kind| *kind.name() == *typed);
        if counterpart.is_none() && !typed.is_empty() {
            let detail = format!(
                "counterpart {} is unknown; use 'supplier', 'customer', 'production', 'variance', 'scrap' or 'opening'",
                shown(&typed)
            );
            object.problem(Problem::new("unknown_counterpart", "counterpart", detail));
        }
        let trust = match object.get("trust") {
            Value::Absent => Some(0),
            Value::Raw(json) => json.parse().ok(),
            Value::Text(_) | Value::List(_) => None,
        };
        if trust.is_none() {
            object.problem(Problem::new("wrong_type", "trust", "trust is no whole number of 0 to 255; send one"));
        }
        ReasonCard {
            code,
            name: object.text("name"),
            counterpart: counterpart.unwrap_or(AccountKind::Variance),
            trust: trust.unwrap_or_default(),
        }
    });
    unless(problems, read)
}

/// A name from the path, checked.
pub(crate) fn named(
    field: &'static str,
    name: &str,
    problems: &mut Vec<Problem>,
    check: impl Fn(&str) -> Result<&str, Problem>,
) -> Box<str> {
    match check(name) {
        Ok("") => problems.push(missing(field, "\"A-1\"")),
        Ok(name) => return name.into(),
        Err(problem) => problems.push(problem),
    }
    Box::default()
}

/// A body may repeat the name in its path, but not name another.
pub(crate) fn same_name(object: &mut Object<'_, '_>, field: &'static str, name: &str) {
    let repeated = object.checked(field, |text| Ok(text.trim()));
    if !repeated.is_empty() && *repeated != *name {
        let detail = format!("{field} {} is not {} of the path; leave it out", shown(&repeated), shown(name));
        object.problem(Problem::new("name_mismatch", field, detail));
    }
}
