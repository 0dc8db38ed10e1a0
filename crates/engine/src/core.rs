//! What decisions are made on: the books, and the watch over them, which move together.

use ledger::{Decision, ImageError, Sink, Source, State, Timestamp};
use watch::shipment::{Card, Leg, Mode, Report};
use watch::{Fact, Watch};
use wire::observation::{self, Place, Reading, ShipmentNews, ShipmentPlan, ShipmentStep};

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
pub(crate) fn with_facts<T>(decision: &Decision, work: impl FnOnce(&[Fact<'_>]) -> T) -> T {
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
        observation::SHIPMENT => match observation::parse_shipment(text) {
            Ok(news) => with_news(&news, decision.occurred_at, work),
            Err(_) => work(&[]),
        },
        _ => work(&[]),
    }
}

/// What was told of a shipment, as the watch takes it.
fn with_news<T>(news: &ShipmentNews, at: Timestamp, work: impl FnOnce(&[Fact<'_>]) -> T) -> T {
    let shipment = &*news.shipment;
    let leg = news.leg.saturating_sub(1);
    let report = match news.step {
        ShipmentStep::Planned => {
            let card = card_of(&news.plan, at);
            return work(&[Fact::Plan { shipment, card: &card, products: &news.plan.products }]);
        }
        ShipmentStep::Departed => Report::Departed { at },
        ShipmentStep::Arrived => Report::Arrived { at },
        ShipmentStep::LegDeparted => Report::LegDeparted { leg, at },
        ShipmentStep::LegArrived => Report::LegArrived { leg, at },
        ShipmentStep::Cancelled => Report::Cancelled { at },
    };
    work(&[Fact::Shipment { shipment, report: &report }])
}

fn card_of(plan: &ShipmentPlan, said_at: Timestamp) -> Card {
    let mode = Mode::of(&plan.mode);
    let legs = plan.legs.iter().map(|leg| Leg {
        from: leg.from.clone(),
        to: leg.to.clone(),
        departure_at: leg.departure_at,
        arrival_at: leg.arrival_at,
        mode: if leg.mode.is_empty() { mode } else { Mode::of(&leg.mode) },
    });
    Card {
        said_at,
        from: plan.from.clone(),
        to: plan.to.clone(),
        carrier: plan.carrier.clone(),
        mode,
        vehicle: (!plan.vehicle.is_empty()).then(|| plan.vehicle.clone()),
        promised_at: plan.promised_at,
        departure_at: plan.departure_at,
        arrival_at: plan.arrival_at,
        legs: legs.collect(),
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
