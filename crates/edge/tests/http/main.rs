//! The HTTP interface from outside: real servers on loopback, whole answers.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line, which is what a test is for")]

mod alerts;
mod bad_input;
mod channels;
mod counts;
mod devices;
mod epcis;
mod epcis_queries;
mod epcis_subscriptions;
mod events;
mod hooks;
mod limits;
mod openapi;
mod orders;
mod past;
mod polls;
mod rules;
mod scan;
mod series;
mod shipments;
mod stream;
mod support;
mod units;
