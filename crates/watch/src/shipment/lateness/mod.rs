//! How likely an order will be late, told from what is known of it before anything moves.
//!
//! A [`Model`] adds up what each thing known of a case (its vendor, its country, both together, …) does to the odds of being
//! late. Each effect is a belief with a mean and a variance that begins at nothing, follows the outcomes as they become
//! known, and fades back to nothing when none come. So a vendor seen twice says little, one seen often much, and what held
//! three years ago holds less. Nothing is fitted again: each outcome is taken once, in the order in which it became known.
//!
//! The model knows no field's meaning: a [`Schema`] names them. [`score`] tells how good predictions were.

mod beliefs;
mod reason;
mod schema;
pub mod score;

pub use beliefs::BELIEFS_MAX;
pub use reason::Reason;
pub use schema::{Field, Schema, Term, Value};

use beliefs::Beliefs;
use ledger::{ImageError, Sink, Source, Timestamp};

/// Reasons that a prediction gives at most.
pub const REASONS_MAX: usize = 5;
/// The least effect, in log-odds, that is a reason: it changes the odds by a twentieth.
const EFFECT_MIN: f64 = 0.05;

/// How likely a case will be late, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The probability of being late, zero to one, both excluded.
    pub probability: f64,
    /// The strongest reasons, strongest first; fewer than [`REASONS_MAX`] when the rest matters little.
    pub reasons: Vec<Reason>,
}

/// What was learned of lateness, in bounded memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    schema: Schema,
    beliefs: Beliefs,
}

impl Model {
    /// Knows nothing but what the schema believes before any outcome.
    pub fn new(schema: Schema) -> Self {
        Self { schema, beliefs: Beliefs::default() }
    }

    /// How likely a case will be late, as far as was learned by `at`. The values are in the order of the schema's
    /// fields; missing ones are [`Value::Missing`].
    ///
    /// # Source
    /// The mean of a logistic function over a normal: D. J. C. MacKay, "The Evidence Framework Applied to Classification
    /// Networks", Neural Computation 4 (1992), equation 4.
    pub fn predict(&self, values: &[Value<'_>], at: Timestamp) -> Prediction {
        let mut reasons = Vec::new();
        let (mut mean, mut variance) = (self.schema.log_odds, 0.0);
        let base = self.beliefs.base();
        for (index, term) in self.schema.terms.iter().enumerate() {
            let key = self.schema.key(term, values);
            let belief = self.beliefs.at(index, &key, term, at);
            mean += belief.mean;
            variance += belief.variance;
            if !term.fields.is_empty() && belief.mean.abs() >= EFFECT_MIN {
                let reason = Reason::new(&self.schema, term, values, &belief, base);
                match reasons.iter_mut().find(|known: &&mut Reason| known.is_of_the_same_cases(&reason)) {
                    Some(known) => known.join(reason),
                    None => reasons.push(reason),
                }
            }
        }
        let scale = moderation(variance);
        for reason in &mut reasons {
            reason.effect *= scale;
        }
        reasons.sort_by(|one, next| next.effect.abs().total_cmp(&one.effect.abs()));
        reasons.truncate(REASONS_MAX);
        Prediction { probability: logistic(mean * scale).clamp(1e-6, 1.0 - 1e-6), reasons }
    }

    /// Learns how a case ended, which became known at a time that is not before that of the outcomes before.
    ///
    /// # Source
    /// The sequential update of logistic weights with a normal belief: D. J. Spiegelhalter, S. L. Lauritzen, "Sequential
    /// Updating of Conditional Probabilities on Directed Graphical Structures", Networks 20 (1990), section 4.2. An outcome
    /// counts as [`Schema::evidence`] of one, as lines that travel together are late together: P. G. Bissiri,
    /// C. C. Holmes, S. G. Walker, "A General Framework for Updating Belief Distributions", JRSS B 78 (2016).
    pub fn learn(&mut self, values: &[Value<'_>], is_late: bool, known_at: Timestamp) {
        let terms = || self.schema.terms.iter().enumerate();
        let keys: Vec<Box<str>> = terms().map(|(_, term)| self.schema.key(term, values)).collect();
        let before: Vec<_> =
            terms().map(|(index, term)| self.beliefs.at(index, &keys[index], term, known_at)).collect();
        let mean = self.schema.log_odds + before.iter().map(|belief| belief.mean).sum::<f64>();
        let variance: f64 = before.iter().map(|belief| belief.variance).sum();
        let probability = logistic(mean * moderation(variance));
        let curvature = (probability * (1.0 - probability)).max(1e-6);
        let step = self.schema.evidence / (1.0 + variance * curvature);
        let surprise = f64::from(u8::from(is_late)) - probability;
        for ((index, key), belief) in keys.into_iter().enumerate().zip(&before) {
            let mut after = *belief;
            after.mean += belief.variance * surprise * step;
            after.variance -= belief.variance * belief.variance * curvature * step;
            after.count += 1.0;
            after.late += f64::from(u8::from(is_late));
            self.beliefs.put(index, key, after, known_at);
        }
        self.beliefs.count(is_late, known_at);
    }

    /// The fields and terms.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many outcomes were learned.
    pub fn learned(&self) -> u64 {
        self.beliefs.learned()
    }

    /// Writes everything but the schema.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_u64(self.schema.fingerprint());
        self.beliefs.save(into);
    }

    /// What was learned as it was saved, under this schema.
    ///
    /// # Errors
    /// Those of the source; [`ImageError::Damaged`] for what was saved under another schema, and for what is never saved.
    pub fn load(schema: Schema, from: &mut impl Source) -> Result<Self, ImageError> {
        if from.take_u64()? != schema.fingerprint() {
            return Err(ImageError::Damaged("lateness learned under another schema"));
        }
        let beliefs = Beliefs::load(schema.terms.len(), from)?;
        Ok(Self { schema, beliefs })
    }
}

/// By how much a mean's variance draws the log-odds towards even.
fn moderation(variance: f64) -> f64 {
    1.0 / libm::sqrt(1.0 + std::f64::consts::PI * variance / 8.0)
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-log_odds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn schema() -> Schema {
        Schema {
            fields: vec![Field::text("vendor"), Field::text("country"), Field::number("quantity", 2)],
            terms: vec![
                Term::level(1.0, None),
                Term::of(&[0], 0.5, Some(730.0)),
                Term::of(&[0, 1], 0.5, Some(730.0)),
                Term::of(&[2], 0.2, Some(730.0)),
            ],
            ..Schema::default()
        }
    }

    fn learned(days: i64) -> Model {
        let mut model = Model::new(schema());
        for day in 0..days {
            let is_slow = day % 3 == 0;
            let vendor = if is_slow { "slow" } else { "fast" };
            let values = [Value::Text(vendor), Value::Text("X"), Value::Number(100.0)];
            model.learn(&values, is_slow && day % 2 == 0, Timestamp(day * DAY));
        }
        model
    }

    #[test]
    fn a_vendor_that_was_late_is_expected_to_be_and_the_reasons_say_so() {
        let model = learned(600);
        let at = Timestamp(600 * DAY);
        let predict = |vendor| model.predict(&[Value::Text(vendor), Value::Text("X"), Value::Number(100.0)], at);
        let (slow, fast, new) = (predict("slow"), predict("fast"), predict("new"));
        assert!((slow.probability - 0.5).abs() < 0.1, "{slow:?}");
        assert!(fast.probability < 0.05, "{fast:?}");
        assert!(new.probability > fast.probability && new.probability < slow.probability, "{new:?}");
        let reason = &slow.reasons[0];
        assert!(reason.effect > 0.5, "{reason:?}");
        let text = reason.to_string();
        assert!(text.starts_with("vendor slow") && text.contains("% of"), "{text}");
        assert_eq!(model.learned(), 600);
    }

    #[test]
    fn what_was_learned_fades_when_no_outcomes_come() {
        let model = learned(600);
        let values = [Value::Text("slow"), Value::Text("X"), Value::Missing];
        let then = model.predict(&values, Timestamp(600 * DAY)).probability;
        let years_later = model.predict(&values, Timestamp(6_000 * DAY)).probability;
        assert!(years_later < then);
        assert!(model.predict(&values, Timestamp(6_000 * DAY)).reasons.is_empty());
    }

    #[test]
    fn a_loaded_model_goes_on_as_the_saved_one_would() {
        let mut model = learned(50);
        let mut image = Vec::new();
        model.save(&mut image);
        let mut loaded = Model::load(schema(), &mut image.as_slice()).unwrap();
        assert_eq!(loaded, model);
        for model in [&mut model, &mut loaded] {
            model.learn(&[Value::Missing, Value::Text("Y"), Value::Number(f64::NAN)], true, Timestamp(60 * DAY));
        }
        assert_eq!(loaded, model);
        for length in 0..image.len() {
            assert!(Model::load(schema(), &mut &image[..length]).is_err());
        }
        assert!(Model::load(Schema::default(), &mut image.as_slice()).is_err());
    }

    #[test]
    fn too_few_values_and_odd_numbers_are_missing_ones() {
        let model = learned(10);
        let at = Timestamp(10 * DAY);
        let missing = model.predict(&[Value::Missing; 3], at);
        assert_eq!(model.predict(&[], at), missing);
        assert_eq!(model.predict(&[Value::Missing, Value::Missing, Value::Number(f64::NAN)], at), missing);
        assert!(missing.probability > 0.0 && missing.probability < 1.0);
    }
}
