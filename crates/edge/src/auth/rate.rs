//! How often a principal may ask: a bucket each, refilled evenly, as deep as one second's worth.

use crate::auth::Principal;
use ledger::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Micro-requests in one request: what a microsecond adds at one request a second.
const SCALE: i64 = 1_000_000;

/// A bucket for each principal. Principals are few: there are as many as tokens.
pub(crate) struct RateLimits {
    per_second: Option<u32>,
    buckets: Mutex<HashMap<Arc<str>, Bucket>>,
}

struct Bucket {
    /// In micro-requests.
    level: i64,
    filled_at: Timestamp,
}

impl RateLimits {
    pub(crate) fn new(per_second: Option<u32>) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// Whether one more request of `principal` is within its rate; it then counts.
    pub(crate) fn take(&self, principal: &Principal, now: Timestamp) -> bool {
        let Some(per_second) = self.per_second else { return true };
        let depth = i64::from(per_second.max(1)) * SCALE;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(Arc::clone(&principal.name)).or_insert(Bucket { level: depth, filled_at: now });
        let passed_micros = now.0.saturating_sub(bucket.filled_at.0).max(0);
        bucket.level = passed_micros.saturating_mul(i64::from(per_second)).saturating_add(bucket.level).min(depth);
        bucket.filled_at = bucket.filled_at.max(now);
        let is_within = bucket.level >= SCALE;
        if is_within {
            bucket.level -= SCALE;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_refills_with_time_and_never_beyond_a_second() {
        let rates = RateLimits::new(Some(2));
        let ann = Principal { name: "ann".into() };
        let taken = |at: i64| (0..5).filter(|_| rates.take(&ann, Timestamp(at))).count();
        assert_eq!(taken(0), 2);
        assert_eq!(taken(500_000), 1);
        assert_eq!(taken(100_000_000), 2);
        assert!(rates.take(&Principal { name: "bob".into() }, Timestamp(0)), "each has a bucket");
    }
}
