//! The program.
//!
//! It wires the crates together and meets the outside: arguments, files, signals, the clock, the terminal. It knows no
//! business rule. What was typed is a type named `…Args`; what it means, checked and complete, is the type without that
//! ending, and it runs.
//!
//! Its one invariant: standard output carries results alone, and every failure is printed once, here, with its causes.
//!
//! Start with [`cli`], then the module of the command.

mod alerts;
mod backup;
mod bench;
mod channels;
mod cli;
mod client;
mod clock;
mod config;
mod counts;
mod decode;
mod demo;
mod directory;
mod export;
mod failure;
mod following;
mod health;
mod hooks;
mod import;
mod inspect;
mod logging;
mod output;
mod polls;
mod progress;
mod reverse;
mod rules;
mod sensors;
mod serve;
mod server;
mod shipments;
mod sources;
mod token;
mod units;
mod verify;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(ended) => ended.exit_code(),
        Err(error) => failure::report(&error),
    }
}
