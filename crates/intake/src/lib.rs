//! What a reading means.
//!
//! Antennas, scales and sensors don't say what happened to stock; they say what they sensed. Here tag reads become
//! movements ([`rfid`]), weights become counts ([`scale`]), and a device's messages its health ([`device`]). Everything is a
//! function of what came in and of the times that came with it: no clock, no socket, no file, no format and no idea of
//! who sends.
//!
//! Its one invariant: a reading counts towards at most one decision of a kind, and what is not decided is kept as
//! evidence or counted, never lost without a trace.

pub mod device;
pub mod rfid;
pub mod scale;
