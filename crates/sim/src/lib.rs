//! What could go wrong.

pub mod disk;
