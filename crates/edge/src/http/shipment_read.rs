//! What the watch knows of shipments, copied out on the thread that decides: quickly, and no more than is shown.

use ledger::{State, Timestamp};
use std::collections::BTreeMap;
use views::{AlertItem, AlertOrder, AlertQuery, Views};
use watch::Watch;
use watch::shipment::{
    Basis, By, Card, Detour, Estimate, Fix, Journey, LegTimes, Line, Milestones, Point, Shipments, Site, Stage, Stop,
};

/// Shipments that one question looks at: what comes after them is asked for with a cursor.
pub(crate) const LOOKED_AT_MAX: usize = 2_000;

/// Which of them by how far they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Any.
    All,
    /// Those of which the arrival is open.
    Open,
    /// Those that are this far.
    Stage(Stage),
}

/// What `state` may say, beside `all` and `open`.
pub(crate) const STAGES: [Stage; 8] = [
    Stage::Ordered,
    Stage::Planned,
    Stage::Departed,
    Stage::InTransit,
    Stage::Arrived,
    Stage::PartlyReceived,
    Stage::Received,
    Stage::Cancelled,
];

impl Which {
    /// What a word means.
    pub(crate) fn named(word: &str) -> Option<Self> {
        match word {
            "all" => Some(Self::All),
            "open" => Some(Self::Open),
            _ => STAGES.into_iter().find(|stage| stage.name() == word).map(Self::Stage),
        }
    }

    /// The word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Open => "open",
            Self::Stage(stage) => stage.name(),
        }
    }

    fn has(self, stage: Option<Stage>) -> bool {
        match self {
            Self::All => true,
            Self::Open => stage.is_none_or(|stage| !stage.is_over()),
            Self::Stage(wanted) => stage == Some(wanted),
        }
    }
}

/// Which shipments are asked for. Empty texts ask for any.
#[derive(Clone, Debug)]
pub(crate) struct ShipmentQuery {
    pub(crate) which: Which,
    pub(crate) late: Option<bool>,
    pub(crate) carrier: String,
    /// A location, or one below it.
    pub(crate) to: String,
    pub(crate) product: String,
    /// In the reference, the ends, the carrier or the vehicle, whatever the case of letters.
    pub(crate) text: String,
    /// Those after this reference.
    pub(crate) after: String,
    pub(crate) limit: usize,
}

/// A shipment in a list.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    pub(crate) shipment: Box<str>,
    pub(crate) card: Card,
    pub(crate) stage: Option<Stage>,
    pub(crate) milestones: Milestones,
    pub(crate) estimate: Option<Estimate>,
    pub(crate) position: Option<Fix>,
    /// Whether its alert of being late is open.
    pub(crate) is_late: bool,
}

/// All that is known of a shipment.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    pub(crate) brief: Brief,
    pub(crate) legs: BTreeMap<u16, LegTimes>,
    pub(crate) lines: Vec<(Box<str>, Line)>,
    /// Whether more was reported of its lines than is kept.
    pub(crate) is_cut: bool,
    pub(crate) track: Vec<Fix>,
    pub(crate) stops: (Vec<Stop>, u32),
    pub(crate) detours: (Vec<Detour>, u32),
    /// The sites of its way in order, of places that have one.
    pub(crate) sites: Vec<Site>,
    /// The places of its way in order, and where they are.
    pub(crate) way: Vec<(Box<str>, Option<Point>)>,
    pub(crate) way_m: f64,
    pub(crate) off_m: Option<f64>,
    pub(crate) remaining_m: Option<f64>,
}

/// The shipments that are asked for, and where to go on.
pub(crate) fn list(
    state: &State,
    watch: &Watch,
    query: &ShipmentQuery,
    now: Timestamp,
) -> (Vec<Brief>, Option<String>) {
    let shipments = watch.shipments();
    let text = query.text.to_lowercase();
    let mut found = Vec::new();
    let mut last = "";
    for (looked_at, id) in shipments.ids_after(&query.after).enumerate() {
        if looked_at >= LOOKED_AT_MAX || found.len() >= query.limit {
            return (found, Some(last.to_owned()));
        }
        last = id;
        found.extend(wanted(state, shipments, id, query, &text, now));
    }
    (found, None)
}

fn wanted(
    state: &State,
    shipments: &Shipments,
    id: &str,
    query: &ShipmentQuery,
    text: &str,
    now: Timestamp,
) -> Option<Brief> {
    let shipment = shipments.shipment(id)?;
    let journey = shipments.journey(id)?;
    if !query.which.has(journey.stage()) {
        return None;
    }
    let implied = Card::default();
    let card = shipment.card().unwrap_or(&implied);
    let is_to = query.to.is_empty()
        || card.to.strip_prefix(query.to.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !is_to || !(query.carrier.is_empty() || *card.carrier == *query.carrier) {
        return None;
    }
    if !query.product.is_empty() && !shipment.lines().contains_key(query.product.as_str()) {
        return None;
    }
    let vehicle = card.vehicle.as_deref().unwrap_or_default();
    if !text.is_empty()
        && ![id, &card.from, &card.to, &card.carrier, vehicle].iter().any(|of| of.to_lowercase().contains(text))
    {
        return None;
    }
    let brief = brief(state, shipments, id, &journey, card, now);
    query.late.is_none_or(|late| late == brief.is_late).then_some(brief)
}

fn brief(state: &State, shipments: &Shipments, id: &str, journey: &Journey, card: &Card, now: Timestamp) -> Brief {
    let about = ledger::AlertSubject { shipment: id.into(), ..ledger::AlertSubject::default() };
    Brief {
        shipment: id.into(),
        card: card.clone(),
        stage: journey.stage(),
        milestones: *journey.milestones(),
        estimate: shipments.estimate(id, now),
        position: journey.position(),
        is_late: state.alerts().find("shipment_late", &about).is_some(),
    }
}

/// All that is known of a shipment; `None` when nothing is.
pub(crate) fn detail(state: &State, watch: &Watch, id: &str, now: Timestamp) -> Option<Detail> {
    let shipments = watch.shipments();
    let (shipment, journey) = (shipments.shipment(id)?, shipments.journey(id)?);
    let implied = Card::default();
    let card = shipment.card().unwrap_or(&implied);
    let mut names: Vec<&str> = vec![&card.from];
    for leg in &card.legs {
        names.extend([&*leg.from, &*leg.to]);
    }
    names.push(&card.to);
    names.retain(|name| !name.is_empty());
    names.dedup();
    let mut sites: Vec<Site> = Vec::new();
    for site in names.iter().filter_map(|name| shipments.sites().find(name)) {
        if !sites.contains(site) {
            sites.push(site.clone());
        }
    }
    let at = |name: &str| shipments.sites().find(name).map(|site| site.centre);
    let (stops, stops_count) = journey.stops();
    let (detours, detours_count) = journey.detours();
    let lines = shipment.lines().into_iter().map(|(product, line)| (product.into(), line));
    Some(Detail {
        brief: brief(state, shipments, id, &journey, card, now),
        legs: shipment.legs().clone(),
        lines: lines.collect(),
        is_cut: shipment.is_cut(),
        track: shipment.positions().to_vec(),
        stops: (stops.to_vec(), stops_count),
        detours: (detours.to_vec(), detours_count),
        way: names.iter().map(|name| ((*name).into(), at(name))).collect(),
        sites,
        way_m: journey.route().length_m(),
        off_m: journey.standing().map(|standing| standing.off_m),
        remaining_m: journey.standing().map(|standing| standing.remaining_m),
    })
}

/// Alerts about a shipment that are shown at once.
const ALERTS_MAX: usize = 50;

/// The alerts of a shipment, and those over temperatures of its vehicle while it was on its way; the newest first.
pub(crate) fn alerts(views: &Views, detail: &Detail) -> (Vec<AlertItem>, Vec<AlertItem>) {
    let brief = &detail.brief;
    let asked = AlertQuery { order: AlertOrder::Newest, limit: ALERTS_MAX, ..AlertQuery::default() };
    let own = AlertQuery { shipment: Some(&brief.shipment), ..asked };
    let own = views.alerts(&own).map(|page| page.items).unwrap_or_default();
    let left = brief.milestones.departed.map(|departed| departed.at);
    let there = brief.milestones.arrived.map(|arrived| arrived.at);
    let on_its_way = |item: &AlertItem| {
        let ended_at = item.end.as_ref().map(|end| end.resolved_at);
        there.is_none_or(|there| item.alert.since <= there)
            && left.is_some_and(|left| ended_at.is_none_or(|ended_at| ended_at >= left))
    };
    let mut excursions = Vec::new();
    if let Some(vehicle) = brief.card.vehicle.as_deref() {
        for condition in ["temperature", "humidity"] {
            let query = AlertQuery { device: Some(vehicle), condition: Some(condition), ..asked };
            excursions.extend(views.alerts(&query).map(|page| page.items).unwrap_or_default());
        }
    }
    excursions.retain(on_its_way);
    (own, excursions)
}

/// What an estimate rests on, as the interface says it.
pub(crate) const fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Plan => "plan",
        Basis::Departure => "departure",
        Basis::Leg => "leg",
        Basis::Position => "position",
    }
}

/// What a milestone is known from, as the interface says it.
pub(crate) const fn by_name(by: By) -> &'static str {
    match by {
        By::Report => "report",
        By::Position => "position",
        By::Goods => "goods",
    }
}
