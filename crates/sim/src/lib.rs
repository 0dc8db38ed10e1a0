//! What could go wrong.
