//! Drives the real program: what a person types, what a script sees, what a crash leaves.

mod crash;
mod decode;
mod demo;
mod files;
mod help;
mod serve;
mod support;
