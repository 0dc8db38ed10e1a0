//! What decisions are made on: the books, and the watch over them, which move together.

use ledger::{Decision, ImageError, Sink, Source, State};
use watch::{Fact, Watch};
use wire::observation::{self, Place, Reading};

/// State and watch after the same decisions.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(crate) state: State,
    pub(crate) watch: Watch,
}

impl Core {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: State::new(seed), watch: Watch::new(seed) }
    }

    /// Takes in a decision that was just made.
    pub(crate) fn apply(&mut self, decision: &Decision) {
        self.state.apply(decision);
        with_facts(decision, |facts| self.watch.take(&self.state, decision, facts));
    }

    /// Takes in a decision that is read from the journal.
    pub(crate) fn replay(&mut self, decision: &Decision) {
        self.state.apply(decision);
        with_facts(decision, |facts| self.watch.replay(&self.state, decision, facts));
    }

    /// Writes the image.
    pub(crate) fn save(&self, to: &mut impl Sink) {
        self.state.save(to);
        self.watch.save(to);
    }

    /// Reads an image. `seed` orders hash tables and nothing else.
    pub(crate) fn load(seed: u64, from: &mut impl Source) -> Result<Self, ImageError> {
        let state = State::load(from)?;
        let watch = Watch::load(&state, seed, from)?;
        Ok(Self { state, watch })
    }
}

/// Reads what a decision's observations say. What cannot be read says nothing here; it is kept as it came.
fn with_facts<T>(decision: &Decision, work: impl FnOnce(&[Fact<'_>]) -> T) -> T {
    let observed = decision.effects.iter().find_map(|effect| match effect {
        ledger::Effect::Observed(observation) => Some(observation),
        _ => None,
    });
    let Some(observation) = observed else { return work(&[]) };
    let Ok(text) = std::str::from_utf8(&observation.content) else { return work(&[]) };
    match &*observation.form {
        observation::READINGS => {
            let readings = observation::parse_readings(text).unwrap_or_default();
            let facts: Vec<Fact<'_>> = readings.iter().filter_map(|reading| fact_of(reading, decision)).collect();
            work(&facts)
        }
        observation::POSITION => {
            let place = observation::parse_place(text).ok();
            let fact = place.and_then(|place| position_of(&place, decision));
            work(fact.as_slice())
        }
        _ => work(&[]),
    }
}

fn fact_of<'r>(reading: &'r Reading<'_>, decision: &Decision) -> Option<Fact<'r>> {
    let value = reading.value.number()?;
    let at = reading.at.unwrap_or(decision.occurred_at);
    Some(Fact::Reading { metric: &reading.metric, value, unit: &reading.unit, at })
}

fn position_of(place: &Place, decision: &Decision) -> Option<Fact<'static>> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    Some(Fact::Position {
        latitude: number(&place.latitude)?,
        longitude: number(&place.longitude)?,
        accuracy_m: number(&place.accuracy_m).unwrap_or(0.0),
        at: decision.occurred_at,
    })
}
