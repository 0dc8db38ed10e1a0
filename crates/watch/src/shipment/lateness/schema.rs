//! What is known of a case, and which effects are told apart.

use smallvec::SmallVec;

/// Bytes of a value that are looked at.
const VALUE_BYTES_MAX: usize = 128;

/// Something that may be known of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// How it is called in reasons.
    pub name: Box<str>,
    /// For a number: how many classes there are between one and ten, ten and a hundred, and so on; zero for a text.
    pub per_decade: u8,
}

impl Field {
    /// A field whose values are names.
    pub fn text(name: &str) -> Self {
        Self { name: name.into(), per_decade: 0 }
    }

    /// A field whose values are numbers, in so many classes a decade.
    pub fn number(name: &str, per_decade: u8) -> Self {
        Self { name: name.into(), per_decade: per_decade.max(1) }
    }
}

/// A value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'v> {
    /// A name; what is empty counts as missing.
    Text(&'v str),
    /// A number; what is not finite counts as missing.
    Number(f64),
    /// Not known, which can say something too.
    Missing,
}

/// Cases that have an effect in common: all, those with the same value of a field, or of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Places in [`Schema::fields`]; none for what all cases have in common.
    pub fields: SmallVec<[u16; 2]>,
    /// The variance of its effects, in log-odds, before any outcome: how much they may matter.
    pub variance: f64,
    /// After how many days half of an effect has faded; `None` for never.
    pub half_life_days: Option<f64>,
}

impl Term {
    /// What all cases have in common.
    pub fn level(variance: f64, half_life_days: Option<f64>) -> Self {
        Self { fields: SmallVec::new(), variance, half_life_days }
    }

    /// What cases with the same values of these fields have in common.
    pub fn of(fields: &[u16], variance: f64, half_life_days: Option<f64>) -> Self {
        Self { fields: SmallVec::from_slice(fields), variance, half_life_days }
    }
}

/// The fields of a case and the terms whose effects add up.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// The fields, in the order of a case's values.
    pub fields: Vec<Field>,
    /// The terms.
    pub terms: Vec<Term>,
    /// The log-odds of being late that are believed before any outcome.
    pub log_odds: f64,
    /// What an outcome counts, zero to one.
    pub evidence: f64,
}

impl Default for Schema {
    /// No fields, one lasting level, and one case in ten late before any outcome.
    fn default() -> Self {
        Self {
            fields: Vec::new(),
            terms: vec![Term::level(1.0, None)],
            log_odds: -2.197_224_577_336_219_6,
            evidence: 0.5,
        }
    }
}

impl Schema {
    /// What tells the cases of a term apart: the values, or their classes, of its fields.
    pub(super) fn key(&self, term: &Term, values: &[Value<'_>]) -> Box<str> {
        let mut key = String::new();
        for (place, field) in term.fields.iter().enumerate() {
            if place > 0 {
                key.push('\u{1f}');
            }
            key.push_str(&self.class(*field, values));
        }
        key.into()
    }

    /// A value as reasons say it: a name, a class as `100 to 316`, or nothing when it is missing.
    pub(super) fn class(&self, field: u16, values: &[Value<'_>]) -> String {
        let field = usize::from(field);
        let per_decade = self.fields.get(field).map_or(0, |field| field.per_decade);
        match values.get(field).copied().unwrap_or(Value::Missing) {
            Value::Text(text) => {
                let text = text.trim();
                let mut end = text.len().min(VALUE_BYTES_MAX);
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                text[..end].to_owned()
            }
            Value::Number(number) if number.is_finite() => class(number, per_decade.max(1)),
            Value::Number(_) | Value::Missing => String::new(),
        }
    }

    /// A number that is another for every other schema: what was learned under one means nothing under another.
    ///
    /// # Source
    /// FNV-1a, 64 bits, of G. Fowler, L. C. Noll and K.-P. Vo.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in format!("{self:?}").bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash
    }
}

/// The class of a number: below one, or between two powers of the root of ten of that degree.
fn class(number: f64, per_decade: u8) -> String {
    if number < 1.0 {
        return if number < 0.0 { "below 0" } else { "0 to 1" }.to_owned();
    }
    let steps = f64::from(per_decade);
    let step = libm::floor(libm::log10(number) * steps + 1e-9);
    let bound = |step: f64| libm::round(libm::exp10(step / steps));
    format!("{} to {}", bound(step), bound(step + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fall_into_classes_that_read_well() {
        let classes = [-3.0, 0.0, 0.9, 1.0, 4.0, 10.0, 999.0, 1_000.0, 150_000.0].map(|number| class(number, 2));
        let expect = [
            "below 0",
            "0 to 1",
            "0 to 1",
            "1 to 3",
            "3 to 10",
            "10 to 32",
            "316 to 1000",
            "1000 to 3162",
            "100000 to 316228",
        ];
        assert_eq!(classes, expect);
    }

    #[test]
    fn another_schema_has_another_fingerprint() {
        let one = Schema::default();
        let other = Schema { evidence: 0.6, ..Schema::default() };
        assert_eq!(one.fingerprint(), Schema::default().fingerprint());
        assert_ne!(one.fingerprint(), other.fingerprint());
    }
}
