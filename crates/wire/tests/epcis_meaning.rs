//! What EPCIS events mean for stock.
#![expect(clippy::unwrap_used, reason = "a case that can't be read fails the test")]

use serde_json::{Value, json};
use wire::KeyHasher;
use wire::epcis::meaning::{KeysAsNames, Names, meaning};
use wire::epcis::{Limits, read};
use wire::event::{ContentKind, Defaults, Limits as EventLimits, parse_events};

const SGTIN: &str = "urn:epc:id:sgtin:4012345.011111.987";
const SSCC: &str = "urn:epc:id:sscc:4012345.3111111111";

/// An event of one object at one place, with `more` in it.
fn event(kind: &str, more: Value) -> Value {
    let mut event = json!({
        "type": kind, "eventTime": "2026-02-16T11:00:00+01:00", "eventTimeZoneOffset": "+01:00", "eventID": "urn:x:1",
        "readPoint": {"id": "urn:epc:id:sgln:4012345.00011.7"}, "bizLocation": {"id": "urn:epc:id:sgln:4012345.00011.0"},
    });
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn understood(event: &Value, names: &dyn Names) -> (Vec<Value>, Vec<String>) {
    let document = read(event.to_string().as_bytes(), &Limits::default()).document.unwrap();
    assert!(document.events[0].is_valid(), "{:?}", document.events[0].check());
    let meaning = meaning(&document.events[0], "partner", names);
    for found in &meaning.events {
        // The ledger's own reader takes every event on a product.
        if found.contains_key("product_id") && !found.contains_key("handling_unit") {
            let defaults = Defaults { actor: "a", source: "s", historical: false, resolves: None };
            let text = serde_json::to_vec(found).unwrap();
            let hasher = KeyHasher::new([0; 16]);
            let parsed = parse_events(&text, ContentKind::Json, &defaults, &hasher, &EventLimits::default());
            assert_eq!(parsed.problems, [], "{found:?}");
        }
    }
    (meaning.events.into_iter().map(Value::Object).collect(), meaning.notes)
}

/// Checks what an event means, without the fields that all have.
fn check(event: &Value, expect: Value) {
    let (mut events, notes) = understood(event, &KeysAsNames);
    for (index, found) in events.iter_mut().enumerate() {
        let fields = found.as_object_mut().unwrap();
        assert_eq!(fields.remove("id"), Some(json!(format!("urn:x:1#{index}"))));
        assert_eq!(fields.remove("source"), Some(json!("partner")));
        assert_eq!(fields.remove("timestamp"), Some(json!("2026-02-16T10:00:00Z")));
    }
    assert_eq!(Value::Array(events), expect, "{event:#}\n{notes:?}");
}

#[test]
fn objects_come_move_and_go() {
    let of =
        |action: &str, step: &str| event("ObjectEvent", json!({"action": action, "bizStep": step, "epcList": [SGTIN]}));
    let item = |kind: &str, location: &str, more: Value| {
        let mut item = json!({"event": kind, "location": location, "product_id": "04012345111118", "quantity": 1,
            "serials": ["987"]});
        for (name, value) in more.as_object().unwrap() {
            item[name] = value.clone();
        }
        json!([item])
    };
    let (site, dock) = ("4012345000115", "4012345000115/7");
    check(&of("ADD", "commissioning"), item("item_added", site, json!({})));
    check(&of("OBSERVE", "receiving"), item("shipment_received", site, json!({})));
    check(&of("ADD", "receiving"), item("shipment_received", site, json!({})));
    check(&of("OBSERVE", "storing"), item("item_moved", dock, json!({"to": site})));
    check(&of("OBSERVE", "stocking"), item("item_moved", dock, json!({"to": site})));
    check(&of("OBSERVE", "picking"), item("item_moved", dock, json!({"to": site})));
    check(&of("OBSERVE", "stock_taking"), item("item_counted", site, json!({})));
    check(&of("OBSERVE", "shipping"), item("item_removed", dock, json!({"reason": "shipping"})));
    check(&of("OBSERVE", "retail_selling"), item("item_removed", dock, json!({"reason": "retail_selling"})));
    check(&of("DELETE", "destroying"), item("item_removed", dock, json!({"reason": "destroying"})));
    check(
        &of("OBSERVE", "holding"),
        item("status_changed", site, json!({"status": "available", "to_status": "quarantined"})),
    );
    check(&of("OBSERVE", "inspecting"), json!([]));
    check(&of("OBSERVE", "sensor_reporting"), json!([]));
    let mut damaged = of("OBSERVE", "inspecting");
    damaged["disposition"] = json!("damaged");
    check(&damaged, item("status_changed", site, json!({"status": "available", "to_status": "damaged"})));
    damaged["disposition"] = json!("conformant");
    check(&damaged, item("status_changed", site, json!({"status": "quarantined", "to_status": "available"})));
    let mut received = of("OBSERVE", "receiving");
    received["disposition"] = json!("recalled");
    check(&received, item("shipment_received", site, json!({"status": "quarantined"})));
    let mut shipped = of("OBSERVE", "shipping");
    shipped["destinationList"] = json!([
        {"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00000"},
        {"type": "location", "destination": "urn:epc:id:sgln:0614141.00777.0"},
    ]);
    shipped["bizTransactionList"] = json!([
        {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:0614141000005:4711"},
        {"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000009:ASN1"},
    ]);
    let asn = "urn:epcglobal:cbv:bt:4012345000009:ASN1";
    check(&shipped, item("shipment_dispatched", dock, json!({"to": "0614141007776", "reference": asn})));
    shipped["bizStep"] = json!("void_shipping");
    let (events, _) = understood(&shipped, &KeysAsNames);
    assert_eq!((&events[0]["event"], &events[0]["location"]), (&json!("shipment_received"), &json!("0614141007776")));
    assert_eq!((&events[1]["event"], &events[1]["to"]), (&json!("item_moved"), &json!(dock)));
}

#[test]
fn quantities_lots_and_days_are_kept_exactly() {
    let told = event(
        "ObjectEvent",
        json!({
            "action": "ADD", "bizStep": "commissioning",
            "epcList": [SGTIN, "urn:epc:id:sgtin:4012345.011111.988", "urn:epc:id:sgtin:0614141.107346.1"],
            "quantityList": [
                {"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 200.25, "uom": "KGM"},
                {"epcClass": "urn:epc:idpat:sgtin:4012345.066666.*", "quantity": 220},
                {"epcClass": "urn:epc:idpat:sgtin:4012345.077777.*"},
            ],
            "ilmd": {"cbvmda:lotNumber": "L7", "cbvmda:itemExpirationDate": "2027-03-01"},
        }),
    );
    let place = "4012345000115";
    check(
        &told,
        json!([
            {"event": "item_added", "location": place, "product_id": "04012345111118", "quantity": 2, "serials": ["987", "988"],
             "lot": "L7", "expiry": "2027-03-01"},
            {"event": "item_added", "location": place, "product_id": "10614141073464", "quantity": 1, "serials": ["1"],
             "lot": "L7", "expiry": "2027-03-01"},
            {"event": "item_added", "location": place, "product_id": "04012345123456", "quantity": "200.25", "unit": "KGM",
             "lot": "998877", "expiry": "2027-03-01"},
            {"event": "item_added", "location": place, "product_id": "04012345666663", "quantity": 220, "lot": "L7",
             "expiry": "2027-03-01"},
        ]),
    );
    assert!(understood(&told, &KeysAsNames).1[0].contains("4012345.077777.*"));
}

#[test]
fn handling_units_are_packed_moved_and_unpacked() {
    let place = "4012345000115";
    let packed = event(
        "AggregationEvent",
        json!({
            "action": "ADD", "bizStep": "packing", "parentID": SSCC,
            "childEPCs": [SGTIN, "urn:epc:id:sscc:4012345.0111111111"],
            "childQuantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.011111.1234", "quantity": 52}],
        }),
    );
    let sscc = "340123451111111111";
    check(
        &packed,
        json!([
            {"event": "unit_packed", "handling_unit": sscc, "location": place, "units": ["040123451111111110"]},
            {"event": "unit_packed", "handling_unit": sscc, "location": place, "product_id": "04012345111118", "quantity": 1,
             "serials": ["987"]},
            {"event": "unit_packed", "handling_unit": sscc, "location": place, "product_id": "04012345111118", "quantity": 52,
             "lot": "1234"},
        ]),
    );
    let unpacked = event("AggregationEvent", json!({"action": "DELETE", "bizStep": "unpacking", "parentID": SSCC}));
    check(&unpacked, json!([{"event": "unit_unpacked", "handling_unit": sscc, "location": place}]));
    let seen = event(
        "AggregationEvent",
        json!({
            "action": "OBSERVE", "bizStep": "receiving", "disposition": "damaged", "parentID": SSCC, "childEPCs": [SGTIN],
        }),
    );
    check(
        &seen,
        json!([
            {"event": "shipment_received", "handling_unit": sscc, "location": place},
            {"event": "status_changed", "handling_unit": sscc, "location": place, "to_status": "damaged"},
        ]),
    );
    let fixed = event(
        "AssociationEvent",
        json!({
            "action": "ADD", "bizStep": "installing", "parentID": "urn:epc:id:sgln:4012345.00011.0", "childEPCs": [SGTIN],
        }),
    );
    check(&fixed, json!([]));
}

#[test]
fn transformations_take_and_make_and_errors_take_back() {
    let mut made = event(
        "TransformationEvent",
        json!({
            "bizStep": "commissioning", "transformationID": "urn:epc:id:gdti:0614141.12345.400",
            "inputQuantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.011111.4444", "quantity": 10, "uom": "KGM"}],
            "outputEPCList": ["urn:epc:id:sgtin:4012345.077889.25"],
            "ilmd": {"cbvmda:lotNumber": "N1"},
        }),
    );
    let reference = "urn:epc:id:gdti:0614141.12345.400";
    check(
        &made,
        json!([
            {"event": "item_removed", "location": "4012345000115/7", "product_id": "04012345111118", "quantity": 10, "unit": "KGM",
             "lot": "4444", "reason": "transformation", "reference": reference},
            {"event": "item_added", "location": "4012345000115", "product_id": "04012345778892", "quantity": 1, "serials": ["25"],
             "lot": "N1", "reference": reference},
        ]),
    );
    made["errorDeclaration"] = json!({"declarationTime": "2026-02-17T10:00:00Z", "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:x:2"]});
    let document = read(made.to_string().as_bytes(), &Limits::default()).document.unwrap();
    let found = meaning(&document.events[0], "partner", &KeysAsNames);
    let reversal = found.reversal.unwrap();
    assert!(found.events.is_empty());
    assert_eq!(reversal.event_id, "urn:x:1");
    assert_eq!(reversal.ids, ["urn:x:1#0", "urn:x:1#1"]);
    assert_eq!(reversal.corrective_event_ids, ["urn:x:2"]);
}

#[test]
fn the_taker_names_products_and_places() {
    struct Ours;
    impl Names for Ours {
        fn product_of_gtin(&self, gtin14: &str) -> Option<String> {
            (gtin14 == "04012345111118").then(|| "SKU123".to_owned())
        }
        fn location_of_gln(&self, gln: &str, extension: Option<&str>) -> Option<String> {
            (gln == "4012345000115").then(|| format!("warehouse_A/{}", extension.unwrap_or("stock")))
        }
    }
    let moved = event("ObjectEvent", json!({"action": "OBSERVE", "bizStep": "storing", "epcList": [SGTIN]}));
    let (events, _) = understood(&moved, &Ours);
    assert_eq!(events[0]["product_id"], "SKU123");
    assert_eq!((&events[0]["location"], &events[0]["to"]), (&json!("warehouse_A/7"), &json!("warehouse_A/stock")));
}
