//! What follows.
//!
//! Observations stand in the journal as devices and partners sent them. Here they are followed, in journal order, and
//! made into what follows from them: tag reads into movements and weights into counts ([`sensing`]), with the newest
//! figure of every device beside them; every figure goes into an index of how it went ([`series`]). What happens to alerts
//! goes into the outbox of those who are to hear of it ([`notices`]).
//!
//! It knows no socket and no HTML, and the time only as the engine tells it. Its one invariant: what follows from the
//! journal is a function of the journal; a lost file is made again, and a conclusion that was drawn before is known by its
//! id and changes nothing when it is drawn again.

pub mod epcis;
pub mod notices;
pub mod sensing;
pub mod series;
