//! What stock is.
