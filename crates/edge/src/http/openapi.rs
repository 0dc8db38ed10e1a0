//! `/openapi.json`: the interface as a document, made from the types that are served.
//!
//! The types here are the bodies that `wire` reads by hand; they exist for the document alone.

use crate::App;
use crate::http::json::{Date, Json, Number, Time};
use crate::http::{
    Problem, alert_changes, alerts, availability, catalogue, channels, conditions, counts, coverage, devices, events,
    held, history, hold_decisions, hooks, inferences, notices, operations, readings, reads, reservations, reversal,
    rule_list, rule_trials, rules, series, shipments, stock, stream, tasks, units,
};
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::RefOr;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

pub(crate) fn router() -> Router<App> {
    Router::new().route("/openapi.json", get(document))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stocktide",
        description = "A live inventory ledger. Errors are RFC 9457 problems with a stable `code`; quantities are exact JSON numbers of at most six decimals; every answer with a figure says at which journal position it was true.",
    ),
    paths(
        events::take_events,
        stock::list_stock,
        stock::list_stock_of_product,
        stock::get_stock,
        stream::follow,
        alerts::list_alerts,
        alerts::statistics,
        alerts::get_alert,
        alert_changes::acknowledge,
        alert_changes::snooze,
        alert_changes::assign,
        alert_changes::note,
        alert_changes::resolve,
        hold_decisions::release,
        hold_decisions::scrap,
        rules::list_rules,
        rule_list::declare_rules,
        rule_trials::try_rule,
        rules::get_rule,
        rules::put_rule,
        rules::delete_rule,
        conditions::list_conditions,
        history::list_history,
        reversal::get_entry,
        reversal::reverse,
        reservations::list_reservations,
        reservations::reserve,
        reservations::get_reservation,
        reservations::fulfil,
        reservations::release,
        availability::get_availability,
        catalogue::list_products,
        catalogue::get_product,
        catalogue::put_product,
        catalogue::list_locations,
        catalogue::get_location,
        catalogue::put_location,
        catalogue::list_reasons,
        catalogue::put_reason,
        devices::list_devices,
        devices::get_device,
        devices::put_device,
        reads::take_reads,
        readings::list_readings,
        readings::list_figures,
        series::get_track,
        shipments::list_shipments,
        shipments::get_shipment,
        shipments::put_shipment,
        inferences::list_inferences,
        inferences::get_inference,
        inferences::judge,
        inferences::rejudge,
        held::list_held,
        held::get_held,
        held::resubmit,
        held::discard,
        hooks::take_document,
        tasks::list_recounts,
        tasks::list_discrepancies,
        counts::propose_counts,
        counts::list_confidence,
        coverage::list_coverage,
        coverage::list_blind_spots,
        channels::list_channels,
        channels::test_channel,
        notices::list_notices,
        notices::retry_notice,
        notices::discard_notice,
        units::list_units,
        units::get_unit,
        operations::health,
        operations::readiness,
        operations::metrics,
        document,
    ),
    components(schemas(Problem)),
    modifiers(&Security, &ProblemJson),
    security(("token" = [])),
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_with(Default::default).add_security_scheme("token", scheme);
    }
}

/// Answers that say what is wrong have a type of their own.
struct ProblemJson;

impl Modify for ProblemJson {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let items = document.paths.paths.values_mut();
        let operations = items
            .flat_map(|item| [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten());
        for (status, response) in operations.flat_map(|operation| operation.responses.responses.iter_mut()) {
            let RefOr::T(response) = response else { continue };
            if status.starts_with(['4', '5'])
                && let Some(content) = response.content.shift_remove("application/json")
            {
                response.content.insert("application/problem+json".to_owned(), content);
            }
        }
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", responses((status = 200, description = "The OpenAPI document", body = Object)))]
pub(crate) async fn document() -> Response {
    Json(StatusCode::OK, Document::openapi()).into_response()
}

/// An event. `docs/formats/events.md` says which kind takes which fields.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct Event {
    /// The kind, such as `item_removed`.
    event: String,
    product_id: Option<String>,
    /// A path whose first part is the warehouse: `warehouse_A/cold-1/bin-07`.
    location: Option<String>,
    quantity: Option<Number>,
    timestamp: Time,
    /// Makes a repetition known; strongly advised.
    id: Option<String>,
    /// The device or system; otherwise the sender.
    source: Option<String>,
    lot: Option<String>,
    expiry: Option<Date>,
    serials: Option<Vec<String>>,
    /// The unit of `quantity` when it is not the product's base unit.
    unit: Option<String>,
    /// A reason code.
    reason: Option<String>,
    /// The order, delivery or shipment.
    reference: Option<String>,
    /// Where to, for moves and dispatches.
    to: Option<String>,
    status: Option<String>,
    to_status: Option<String>,
    expected_at: Option<Time>,
    /// The handling unit that it happened to, with all in it; for packing, the one whose content changed.
    handling_unit: Option<String>,
    /// The handling units that were packed or unpacked.
    units: Option<Vec<String>>,
    reservation_id: Option<String>,
    expires_at: Option<Time>,
    lines: Option<Vec<ReserveLine>>,
    partial: Option<bool>,
    /// Of events that tell of a shipment, its reference; `shipment_planned` takes the fields of `ShipmentPlan` too.
    shipment: Option<String>,
    /// Which leg of a shipment began or ended, from 1.
    leg: Option<u16>,
}

/// A reservation asked for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct Reserve {
    /// The caller's name for it.
    reservation_id: String,
    warehouse_id: String,
    lines: Vec<ReserveLine>,
    /// When it ends by itself.
    expires_at: Option<Time>,
    /// Whether less than asked for is welcome.
    partial: Option<bool>,
}

/// One line of a reservation asked for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct ReserveLine {
    product_id: String,
    quantity: Number,
    /// From this location only.
    location: Option<String>,
    /// From this lot only; otherwise first expired, first out.
    lot: Option<String>,
}

/// What a product is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct Product {
    name: Option<String>,
    gtin: Option<String>,
    category: Option<String>,
    /// `each` when absent.
    base_unit: Option<String>,
    units: Option<Vec<Unit>>,
}

/// Another unit that quantities may come in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct Unit {
    name: String,
    /// Base units in one of it: a number such as `12` or `0.5`, or `{"numerator": 1, "denominator": 3}`.
    #[schema(value_type = Object)]
    ratio: serde_json::Value,
}

/// What a location is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct Location {
    name: Option<String>,
    /// Of warehouses only.
    region: Option<String>,
    gln: Option<String>,
    /// Degrees north (WGS 84); with `longitude` or not at all.
    latitude: Option<Number>,
    /// Degrees east.
    longitude: Option<Number>,
    /// How far around it belongs to it, in metres; 200 when absent.
    radius_m: Option<u32>,
}

/// What a reason code means.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct Reason {
    name: Option<String>,
    /// `supplier`, `customer`, `production`, `variance`, `scrap` or `opening`.
    counterpart: String,
    /// For counts: how far such a count is trusted when two claim the same time; the greater wins.
    trust: Option<u8>,
}

/// What a device is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct Device {
    /// `rfid_reader`, `scale`, `sensor`, `tracker`, `scanner`, `gateway`, `edge_node` or `system`.
    kind: String,
    name: Option<String>,
    /// Where it stands.
    location: Option<String>,
    /// How often it is expected to be heard; absent when it speaks only when something happens.
    interval_seconds: Option<u32>,
    /// Of a reader its antennas and doors, of a scale what lies on it: docs/devices.md.
    #[schema(value_type = Option<Object>)]
    settings: Option<serde_json::Value>,
}

/// What is to be watched.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct Rule {
    /// The condition, such as `low_stock`: one of `/v1/conditions`.
    condition: String,
    name: Option<String>,
    /// For this product only.
    product_id: Option<String>,
    /// For products of this category only.
    category: Option<String>,
    /// For this location and what lies below it only.
    location: Option<String>,
    /// For warehouses of this region only.
    region: Option<String>,
    /// For this device only.
    device: Option<String>,
    /// Settings of the condition: numbers, true, false or text.
    #[schema(value_type = Option<Object>)]
    settings: Option<serde_json::Value>,
    /// `info`, `warning` or `critical`; what the condition says when absent.
    severity: Option<String>,
    /// Who looks after its alerts.
    owner: Option<String>,
    /// Minutes after which an alert that nobody acknowledged is escalated; never when absent.
    escalate_minutes: Option<u32>,
    /// True when absent.
    enabled: Option<bool>,
}

/// A rule among others.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct NamedRule {
    /// Its id.
    rule: String,
    #[schema(inline)]
    #[serde(flatten)]
    card: Rule,
}

/// What is planned of a shipment. All of it may be left out.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct ShipmentPlan {
    /// A location, or a free name.
    from: Option<String>,
    to: Option<String>,
    carrier: Option<String>,
    /// `sea`, `rail`, `road`, `air` or `other`.
    mode: Option<String>,
    /// The device whose positions are the shipment's.
    vehicle: Option<String>,
    /// When it is to be there at the latest.
    promised_at: Option<Time>,
    departure_at: Option<Time>,
    arrival_at: Option<Time>,
    /// The parts of the way in order, at most 64.
    legs: Option<Vec<ShipmentLeg>>,
    /// What it is to bring, each product once, at most 200.
    products: Option<Vec<ShipmentProduct>>,
}

/// A part of the way.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct ShipmentLeg {
    from: Option<String>,
    to: Option<String>,
    mode: Option<String>,
    departure_at: Option<Time>,
    arrival_at: Option<Time>,
}

/// What a shipment is to bring of a product.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `wire` reads")]
pub(crate) struct ShipmentProduct {
    product_id: String,
    /// In base units; above zero.
    quantity: Number,
}

/// What was concluded from readings, and why.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what `follow` writes")]
pub(crate) struct Inference {
    /// Made of what it says.
    id: String,
    /// The site of readers, or the scale.
    site: String,
    /// `arrived`, `departed`, `passed_in`, `passed_out`, `ghost`, `counted` or `ambiguous_weight`.
    kind: String,
    /// The tag's memory in hexadecimal digits.
    epc: Option<String>,
    epc_uri: Option<String>,
    from: Option<String>,
    to: Option<String>,
    portal: Option<String>,
    occurred_at: Time,
    decided_at: Time,
    confidence_permille: u16,
    /// Whether its reads were told as a ghost before.
    promoted: Option<bool>,
    /// What it rests on: reads with their times, strength and antennas, or weights.
    #[schema(value_type = Object)]
    evidence: serde_json::Value,
    /// The event that it amounts to.
    event: Option<Event>,
    /// Where that event stands in the journal.
    event_position: Option<u64>,
    /// Why there is none.
    why_no_event: Option<String>,
    /// Why the ledger did not take it.
    problem: Option<String>,
}
