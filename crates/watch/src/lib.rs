//! What to be warned of.
//!
//! Conditions over stock, devices, shipments and time, as pure folds: what is measured and what time it is are
//! arguments, and the same entries in the same order give the same warnings. Watching never knows who is told, the
//! clock, sockets, files, JSON or HTML.

pub mod cold;
pub mod own;
pub mod sensor;
pub mod shipment;
