//! What devices say, as the journal keeps it: the content of [`ledger::Observation`] by its form.
//!
//! | form | content | made of |
//! |---|---|---|
//! | [`TAG_READS`] | tag reads, packed ([`pack_reads`]) | `tag_read` events, reader gateways, LLRP reports |
//! | [`READINGS`] | JSON, a list of [`Reading`] | `sensor_reading` events, MQTT topics, Sparkplug metrics |
//! | [`POSITION`] | JSON, one [`Place`] | `position_reported` events |
//! | [`SHIPMENT`] | JSON, one [`ShipmentNews`] | `shipment_planned` and the other events that tell of shipments |
//! | [`EPCIS`] | the canonical JSON of one EPCIS event | EPCIS capture |
//! | [`EPCIS_CAPTURE`] | JSON: what became of the events of one capture | EPCIS capture |
//! | [`EPCIS_QUERY`] | JSON: a named query or subscription that came, went or was served | EPCIS queries |
//! | [`INFERENCE`] | JSON: a movement that was concluded, with its evidence | Stocktide itself |
//! | [`JUDGEMENT`] | JSON: what a person said of such a movement | the API |
//! | [`TICK`] | nothing: time has passed | Stocktide itself |
//!
//! Contents are read by every later version: a new layout gets a new form.

mod readings;
mod reads;
pub(crate) mod shipment;

pub(crate) use readings::reading_value;
pub use readings::{
    NUMBER_BYTES_MAX, Place, Reading, ReadingValue, parse_place, parse_readings, read_place, render_place,
    render_readings,
};
pub use reads::{EPC_BYTES_MAX, ReadsError, TagRead, pack_reads, unpack_reads};
pub use shipment::{
    MODES, PLAN_LEGS_MAX, PLAN_PRODUCTS_MAX, PlannedLeg, ShipmentNews, ShipmentPlan, ShipmentStep, parse_shipment,
    read_plan, render_shipment,
};

/// The form of packed tag reads.
pub const TAG_READS: &str = "tag_reads";
/// The form of a list of readings.
pub const READINGS: &str = "readings";
/// The form of a geographical position.
pub const POSITION: &str = "position";
/// The form of what is told of a shipment.
pub const SHIPMENT: &str = "shipment";
/// The form of an EPCIS event.
pub const EPCIS: &str = "epcis";
/// The form of what became of the events of one EPCIS capture.
pub const EPCIS_CAPTURE: &str = "epcis_capture";
/// The form of what happens to named EPCIS queries and their subscriptions.
pub const EPCIS_QUERY: &str = "epcis_query";
/// The form of a movement that was concluded from readings.
pub const INFERENCE: &str = "inference";
/// The form of what a person said of such a movement.
pub const JUDGEMENT: &str = "judgement";
/// The form of time passing where conclusions wait for it.
pub const TICK: &str = "tick";
