//! What the identifiers of an event are to a warehouse: products by GTIN, handling units, places by GLN.

use super::Names;
use crate::epcis::{Event, digital_link};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The most serials that one event of stock has.
const SERIALS_MAX: usize = 10_000;

/// Something that moves.
#[derive(Clone, Debug)]
pub(super) enum Thing {
    /// A logistic unit or a returnable asset, with everything in it.
    Unit(String),
    /// So much of a product.
    Product {
        /// What the taker calls it.
        product: String,
        lot: Option<String>,
        expiry: Option<String>,
        /// As written.
        quantity: String,
        unit: Option<String>,
        serials: Vec<String>,
    },
}

impl Thing {
    /// Writes it into an event.
    pub(super) fn put(&self, fields: &mut Map<String, Value>) {
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        match self {
            Self::Unit(name) => put("handling_unit", Value::from(name.as_str())),
            Self::Product { product, lot, expiry, quantity, unit, serials } => {
                put("product_id", Value::from(product.as_str()));
                // A number that JSON's readers would round stays in its digits.
                put("quantity", quantity.parse::<u64>().map_or_else(|_| Value::from(quantity.as_str()), Value::from));
                for (name, value) in [("lot", lot), ("expiry", expiry), ("unit", unit)] {
                    if let Some(value) = value {
                        put(name, Value::from(value.as_str()));
                    }
                }
                if !serials.is_empty() {
                    put("serials", serials.iter().map(|serial| Value::from(serial.as_str())).collect());
                }
            }
        }
    }

    /// The same without what the event tells of the lots that come into being.
    pub(super) fn without_ilmd(mut self) -> Self {
        if let Self::Product { lot, expiry, serials, .. } = &mut self {
            *expiry = None;
            if !serials.is_empty() {
                *lot = None;
            }
        }
        self
    }
}

/// A place.
pub(super) enum Place {
    /// One that GS1 numbers.
    Gln { gln: String, extension: Option<String> },
    /// Any other, by the last part of its URI.
    Named(String),
}

/// The key and value of a canonical Digital Link, and its qualifier with that one's value.
type Parts<'l> = (&'l str, &'l str, Option<(&'l str, &'l str)>);

fn parts(link: &str) -> Option<Parts<'_>> {
    let mut parts = link.strip_prefix("https://id.gs1.org/")?.split('/');
    let (ai, value) = (parts.next()?, parts.next()?);
    Some((ai, value, parts.next().zip(parts.next())))
}

/// The place that a URI names.
pub(super) fn place(uri: &str) -> Place {
    if let Some(link) = digital_link(uri)
        && let Some((ai @ ("414" | "417"), gln, more)) = parts(&link)
    {
        let extension = more.filter(|(name, value)| *name == "254" && *value != "0" && ai == "414");
        return Place::Gln { gln: gln.to_owned(), extension: extension.map(|(_, value)| path_part(value)) };
    }
    let last = uri.trim_end_matches('/').rsplit(['/', ':', '#']).next().unwrap_or_default();
    Place::Named(path_part(last))
}

/// A text as one part of a location's path.
fn path_part(text: &str) -> String {
    let plain = unescaped(text);
    let mut part: String =
        plain.chars().map(|letter| if letter == '/' || letter.is_control() { '_' } else { letter }).collect();
    let end = part.char_indices().map(|(at, _)| at).find(|at| *at > 96).unwrap_or(part.len());
    part.truncate(end);
    part.trim().to_owned()
}

/// What `%2F` and its like stand for.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let hex = more.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// What a unit is called: the digits of its SSCC, else its key with the key's number in brackets, else its URI.
pub(super) fn unit_name(epc: &str) -> String {
    let link = digital_link(epc);
    match link.as_deref().and_then(parts) {
        Some(("00", sscc, _)) => sscc.to_owned(),
        Some((ai, value, None)) => format!("({ai}){}", unescaped(value)),
        Some((ai, value, Some((name, more)))) => format!("({ai}){}({name}){}", unescaped(value), unescaped(more)),
        None => epc.chars().take(190).collect(),
    }
}

/// The things in the lists of `event`, in the order in which they are first named; what is none of them is told in
/// `left_out`.
pub(super) fn things(
    event: &Event,
    epcs: &[&str],
    quantities: &[&str],
    names: &dyn Names,
    left_out: &mut dyn FnMut(String),
) -> Vec<Thing> {
    let ilmd = ilmd(event);
    let mut gathered = Serials::default();
    let mut found: Vec<Thing> = Vec::new();
    for epc in epcs.iter().flat_map(|list| event.texts(list)) {
        let link = digital_link(epc);
        match link.as_deref().and_then(parts) {
            Some(("00" | "8003" | "8004", ..)) => found.push(Thing::Unit(unit_name(epc))),
            Some(("01", gtin, Some(("21" | "235", serial)))) => {
                let product = names.product_of_gtin(gtin).unwrap_or_else(|| gtin.to_owned());
                gathered.push(&mut found, product, unescaped(serial), &ilmd);
            }
            _ => left_out(format!("{} is no serial of a product and no logistic unit", crate::problem::shown(epc))),
        }
    }
    for (class, quantity, uom) in quantities.iter().flat_map(|list| event.quantities(list)) {
        let link = digital_link(class);
        let Some(("01", gtin, more)) = link.as_deref().and_then(parts) else {
            left_out(format!("{} is no class of products", crate::problem::shown(class)));
            continue;
        };
        let Some(quantity) = quantity else {
            left_out(format!("the quantity of {} is not told", crate::problem::shown(class)));
            continue;
        };
        let own_lot = more.filter(|(name, _)| *name == "10").map(|(_, lot)| unescaped(lot));
        found.push(Thing::Product {
            product: names.product_of_gtin(gtin).unwrap_or_else(|| gtin.to_owned()),
            lot: own_lot.or_else(|| ilmd.0.clone()),
            expiry: ilmd.1.clone(),
            quantity: quantity.to_owned(),
            unit: uom.map(str::to_owned),
            serials: Vec::new(),
        });
    }
    found
}

/// Things by their serials: where those of each product are gathered.
#[derive(Default)]
struct Serials {
    open: BTreeMap<String, usize>,
}

impl Serials {
    fn push(&mut self, found: &mut Vec<Thing>, name: String, serial: String, ilmd: &(Option<String>, Option<String>)) {
        if let Some(Thing::Product { serials, quantity, .. }) = self.open.get(&name).and_then(|at| found.get_mut(*at))
            && serials.len() < SERIALS_MAX
        {
            serials.push(serial);
            *quantity = serials.len().to_string();
            return;
        }
        self.open.insert(name.clone(), found.len());
        found.push(Thing::Product {
            product: name,
            lot: ilmd.0.clone(),
            expiry: ilmd.1.clone(),
            quantity: "1".to_owned(),
            unit: None,
            serials: vec![serial],
        });
    }
}

/// The lot and the day of expiry that the event tells of what comes into being.
fn ilmd(event: &Event) -> (Option<String>, Option<String>) {
    let text = |local: &str| {
        let members = event.ilmd().into_iter().flat_map(|ilmd| ilmd.iter());
        let mut found = members.filter(|(name, _)| name.rsplit([':', '#', '/']).next() == Some(local));
        found.find_map(|(_, value)| value.as_text().map(str::to_owned)).filter(|text| !text.is_empty())
    };
    let lot = text("lotNumber").filter(|lot| lot.len() <= 200);
    let expiry = ["itemExpirationDate", "bestBeforeDate", "sellByDate"].iter().find_map(|name| text(name));
    let expiry = expiry.and_then(|text| text.get(..10).map(str::to_owned));
    (lot, expiry.filter(|day| crate::time::parse_day(day).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_places_have_short_names() {
        assert_eq!(unit_name("urn:epc:id:sscc:4012345.3111111111"), "340123451111111111");
        assert_eq!(unit_name("urn:epc:id:grai:4012345.55555.987"), "(8003)04012345555554987");
        assert_eq!(unit_name("urn:epc:id:sgtin:4012345.011111.a%2Fb"), "(01)04012345111118(21)a/b");
        let check = |uri: &str, expect: &str| match place(uri) {
            Place::Gln { gln, extension } => {
                let more = extension.map_or(String::new(), |extension| format!("/{extension}"));
                assert_eq!(format!("{gln}{more}"), expect);
            }
            Place::Named(name) => assert_eq!(name, expect),
        };
        check("urn:epc:id:sgln:4012345.00011.0", "4012345000115");
        check("urn:epc:id:sgln:0614141.07346.1234", "0614141073467/1234");
        check("https://example.com/places/dock%2F7/", "dock_7");
        check("urn:example:bin:A7", "A7");
    }
}
