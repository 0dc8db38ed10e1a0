//! What it looks like outside.
