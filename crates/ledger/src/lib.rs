//! What stock is.
//!
//! Quantities, ids, times, requests, decisions and postings; [`decide`](State::decide), the only place with rules, and
//! [`apply`](State::apply), which has none and cannot fail. The ledger knows no clock, no I/O, no format, no float and
//! no randomness: the same decisions give the same state, to the last byte.
//!
//! Its one invariant: for each product and lot, the postings of a decision sum to zero, so stock only ever moves
//! between accounts.
//!
//! Start with [`Request`] (what comes in), [`Decision`] (what the journal keeps) and [`State`] (what the decisions add
//! up to); the rules stand in `decide/`, one subject a file.

mod account;
mod alert;
mod apply;
mod catalog;
mod decide;
mod decision;
mod ids;
mod image;
mod line;
mod quantity;
mod reason;
mod recent;
mod rejection;
mod request;
mod serial;
mod state;
mod time;
mod unit;

pub use account::{AccountKey, AccountKind, Status};
pub use alert::{Alert, AlertChange, AlertStage, AlertStep, AlertSubject, Alerts, OpenAlert, RuleCard, Severity};
pub use catalog::{Catalog, Location, Lot, Product, Serial};
pub use decision::{
    Counted, Decision, DecisionKind, Discrepancy, Effect, Expected, Name, Posting, Reservation, ReservationState,
    ReservedLine, Role, Sighted,
};
pub use ids::{AccountId, LocationId, LotId, PartyId, Position, ProductId, ReasonId, SerialId, UnitId};
pub use image::{IMAGE_VERSION, ImageError, Sink, Source};
pub use quantity::{Quantity, QuantityError};
pub use rejection::{Rejection, Short};
pub use request::{
    Body, Command, DeviceCard, Event, EventKind, Key, LocationCard, Observation, ProductCard, ReasonCard, Request,
    Reserve, ReserveLine, Site, Unit, Unusable,
};
pub use state::{Limits, Open, State, Verdict};
pub use time::{Day, Timestamp};
pub use unit::{UnitContent, UnitDeed, UnitHolds, UnitPlace, UnitReport, UnitStands};
