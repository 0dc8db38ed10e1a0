//! Shipments, watched: how far each is, when it will arrive, and how likely it misses what was promised.
//!
//! A [`Shipment`] is a fold over [`Report`]s whose order and repetition do not matter. With the [`Sites`] it gives a
//! [`Journey`]: milestones, the place on the way, stops and detours. With the [`Lanes`], what was learned of how long ways
//! take, that gives an [`Estimate`]. [`Shipments`] keeps many of them and tells what changed. [`lateness`] tells from what
//! is known of an order how likely it will be late, before anything moves.
//!
//! Nothing here knows the time or who asks. Start with [`Shipments`]; docs/shipments.md says how it is reckoned.

mod arrival;
mod course;
mod journey;
mod lanes;
pub mod lateness;
mod place;
mod report;
mod route;
mod settings;
mod shipments;
mod site;
mod track;
mod walk;

pub use arrival::{Basis, Estimate, estimate, lane};
pub use course::{LEGS_MAX, LINE_REPORTS_MAX, LegTimes, Line, Shipment};
pub use journey::{By, Journey, Milestone, Milestones, Stage};
pub use lanes::{Ended, Figure, LANES_MAX, Lane, Lanes, Spread};
pub use place::{EARTH_RADIUS_M, Point};
pub use report::{Card, Fix, Leg, LineReport, Mode, Report};
pub use route::{Route, Standing};
pub use settings::Settings;
pub use shipments::{Change, Shipments, Taken};
pub use site::{CORNERS_MAX, SITES_MAX, Site, Sites};
pub use track::CELLS_MAX;
pub use walk::{Detour, KEPT_MAX, Stop};
