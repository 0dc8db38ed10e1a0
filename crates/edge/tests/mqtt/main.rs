//! The MQTT client against a real broker, Mosquitto, that each test starts for itself; without it they are skipped.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line, which is what a test is for")]
#![expect(clippy::print_stderr, reason = "a test says when it is skipped for want of a broker")]

mod broker;
mod delivery;
mod held;
mod observations;
mod sessions;
mod sparkplug;
mod support;
mod tls;
