//! Who talks to us.
