//! What could go wrong.

pub mod disk;
pub mod oracle;
pub mod portal;
pub mod reader;
pub mod world;
