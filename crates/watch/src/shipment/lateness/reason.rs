//! Why a case is held to be late or not, in words with figures.

use super::beliefs::Belief;
use super::schema::{Schema, Term, Value};
use std::fmt;

/// What speaks for, or against, a case being late.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The names of the fields and this case's values of them; a missing value is empty.
    pub of: Vec<(Box<str>, Box<str>)>,
    /// By how much it changes the log-odds of being late, above zero towards late.
    pub effect: f64,
    /// Outcomes with these values that it rests on; older ones have faded.
    pub count: f64,
    /// The share of late ones among them; `None` when all have faded.
    pub late_share: Option<f64>,
    /// The share of late ones among all cases of late.
    pub late_share_of_all: Option<f64>,
}

impl Reason {
    pub(super) fn new(
        schema: &Schema,
        term: &Term,
        values: &[Value<'_>],
        belief: &Belief,
        late_share_of_all: Option<f64>,
    ) -> Self {
        let of = term.fields.iter().map(|field| {
            let name = schema.fields.get(usize::from(*field)).map_or("", |field| &field.name);
            (name.into(), schema.class(*field, values).into())
        });
        Self {
            of: of.collect(),
            effect: belief.mean,
            count: belief.count,
            late_share: (belief.count > 0.5).then(|| belief.late / belief.count),
            late_share_of_all,
        }
    }

    /// Whether another reason rests on the same outcomes, as far as figures tell: what is always the case together is
    /// one reason.
    pub(super) fn is_of_the_same_cases(&self, other: &Self) -> bool {
        let is_near = |one: f64, other: f64| (one - other).abs() <= 1e-6 * one.abs().max(1.0);
        let shares = self.late_share.zip(other.late_share);
        is_near(self.count, other.count) && shares.is_some_and(|(one, other)| is_near(one, other))
    }

    pub(super) fn join(&mut self, other: Self) {
        self.of.extend(other.of);
        self.effect += other.effect;
    }

    /// By what factor it changes the odds of being late.
    pub fn odds_factor(&self) -> f64 {
        libm::exp(self.effect)
    }
}

impl fmt::Display for Reason {
    /// Such as `vendor Acme, country Peru: 24 % of 85 late, 12 % of all; odds x 1.8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.of.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            let value = if value.is_empty() { "not known" } else { value };
            write!(f, "{comma}{name} {value}")?;
        }
        if let Some(late_share) = self.late_share {
            write!(f, ": {:.0} % of {:.0} late", late_share * 100.0, self.count)?;
            if let Some(of_all) = self.late_share_of_all {
                write!(f, ", {:.0} % of all", of_all * 100.0)?;
            }
        }
        write!(f, "; odds x {:.1}", self.odds_factor())
    }
}
