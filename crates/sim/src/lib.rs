//! What could go wrong.

pub mod disk;
pub mod oracle;
pub mod world;
