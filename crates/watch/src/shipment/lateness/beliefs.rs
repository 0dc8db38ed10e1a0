//! Effects as they are believed: a mean and a variance each, fading with time.

use super::schema::Term;
use crate::shipment::lanes::{put_float, take_float};
use crate::shipment::route::micros_between;
use ledger::{ImageError, Sink, Source, Timestamp};
use std::collections::BTreeMap;

/// Effects that are remembered, of each term; the one that nothing was learned of for longest goes first.
pub const BELIEFS_MAX: usize = 16_384;
const DAY_MICROS: f64 = 86_400e6;
/// After how many days half of the share of late ones of all cases, which reasons are compared with, has faded.
const BASE_HALF_LIFE_DAYS: f64 = 730.0;

/// What is believed of an effect at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Belief {
    /// In log-odds.
    pub(super) mean: f64,
    pub(super) variance: f64,
    /// Outcomes it rests on, and late ones of them; faded as the effect has.
    pub(super) count: f64,
    pub(super) late: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Kept {
    belief: Belief,
    at: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Beliefs {
    kept: BTreeMap<u16, BTreeMap<Box<str>, Kept>>,
    learned: u64,
    base_count: f64,
    base_late: f64,
    base_at: Timestamp,
}

impl Beliefs {
    /// What is believed of an effect at a time: its mean halves with each half-life and its variance grows back to that
    /// before any outcome.
    ///
    /// # Source
    /// The exact transition of an Ornstein-Uhlenbeck process: G. E. Uhlenbeck, L. S. Ornstein, "On the Theory of the
    /// Brownian Motion", Physical Review 36 (1930).
    pub(super) fn at(&self, term: usize, key: &str, of: &Term, at: Timestamp) -> Belief {
        let kept = u16::try_from(term).ok().and_then(|term| self.kept.get(&term)?.get(key));
        let Some(kept) = kept else {
            return Belief { mean: 0.0, variance: of.variance, count: 0.0, late: 0.0 };
        };
        let rest = of.half_life_days.map_or(1.0, |half_life| rest(kept.at, at, half_life));
        let Belief { mean, variance, count, late } = kept.belief;
        Belief {
            mean: mean * rest,
            variance: of.variance - (of.variance - variance) * rest * rest,
            count: count * rest,
            late: late * rest,
        }
    }

    pub(super) fn put(&mut self, term: usize, key: Box<str>, belief: Belief, at: Timestamp) {
        let Ok(term) = u16::try_from(term) else { return };
        let of_term = self.kept.entry(term).or_default();
        of_term.insert(key, Kept { belief, at });
        if of_term.len() > BELIEFS_MAX {
            let oldest = of_term.iter().min_by_key(|(key, kept)| (kept.at, *key)).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| of_term.remove(&oldest));
        }
    }

    pub(super) fn count(&mut self, is_late: bool, at: Timestamp) {
        let rest = rest(self.base_at, at, BASE_HALF_LIFE_DAYS);
        self.base_count = self.base_count * rest + 1.0;
        self.base_late = self.base_late * rest + f64::from(u8::from(is_late));
        self.base_at = at;
        self.learned += 1;
    }

    /// The share of late ones of all cases of late; `None` before any outcome.
    pub(super) fn base(&self) -> Option<f64> {
        (self.base_count > 0.0).then(|| self.base_late / self.base_count)
    }

    pub(super) fn learned(&self) -> u64 {
        self.learned
    }

    pub(super) fn save(&self, into: &mut impl Sink) {
        into.put_u64(self.learned);
        put_float(into, self.base_count);
        put_float(into, self.base_late);
        into.put_i64(self.base_at.0);
        into.put_length(self.kept.len());
        for (term, of_term) in &self.kept {
            into.put_u32(u32::from(*term));
            into.put_length(of_term.len());
            for (key, Kept { belief, at }) in of_term {
                into.put_text(key);
                for number in [belief.mean, belief.variance, belief.count, belief.late] {
                    put_float(into, number);
                }
                into.put_i64(at.0);
            }
        }
    }

    pub(super) fn load(terms: usize, from: &mut impl Source) -> Result<Self, ImageError> {
        let damaged = ImageError::Damaged("what was learned of lateness");
        let mut beliefs = Self {
            learned: from.take_u64()?,
            base_count: take_float(from)?,
            base_late: take_float(from)?,
            base_at: Timestamp(from.take_i64()?),
            ..Self::default()
        };
        for _ in 0..from.take_length()? {
            let term = u16::try_from(from.take_u32()?).ok().filter(|term| usize::from(*term) < terms).ok_or(damaged)?;
            if beliefs.kept.last_key_value().is_some_and(|(last, _)| *last >= term) {
                return Err(damaged);
            }
            let mut of_term: BTreeMap<Box<str>, Kept> = BTreeMap::new();
            for _ in 0..from.take_length()? {
                let key: Box<str> = from.take_text()?;
                let (mean, variance) = (take_float(from)?, take_float(from)?);
                let belief = Belief { mean, variance, count: take_float(from)?, late: take_float(from)? };
                let kept = Kept { belief, at: Timestamp(from.take_i64()?) };
                let is_ordered = of_term.last_key_value().is_none_or(|(last, _)| *last < key);
                if !is_ordered || of_term.len() == BELIEFS_MAX || variance < 0.0 {
                    return Err(damaged);
                }
                of_term.insert(key, kept);
            }
            beliefs.kept.insert(term, of_term);
        }
        Ok(beliefs)
    }
}

/// What is left of something after a time, by its half-life.
fn rest(from: Timestamp, to: Timestamp, half_life_days: f64) -> f64 {
    let days = micros_between(from, to).max(0.0) / DAY_MICROS;
    libm::exp2(-days / half_life_days.max(1e-3))
}
