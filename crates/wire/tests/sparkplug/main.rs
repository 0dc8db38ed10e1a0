//! Sparkplug B as a host application hears it. Tests name the assertions of the specification that they hold to.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line, which is what a test is for")]
#![expect(clippy::print_stderr, reason = "a test says when the specification's files are not there to check against")]

mod assertions;
mod emulator;
mod garbage;
mod host;
mod payloads;
mod sequence;
mod values;
