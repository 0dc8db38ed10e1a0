//! How far a shipment is: its milestones, its place on its way, its stops and detours.

use super::course::Shipment;
use super::report::{Card, Fix};
use super::route::{Route, Standing, end};
use super::settings::Settings;
use super::site::Sites;
use super::track::Put;
use super::walk::{Detour, Stop, Walk, Way};
use ledger::Timestamp;

/// What a milestone is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Somebody said so.
    Report,
    /// Its vehicle's positions.
    Position,
    /// Goods that were booked out or in.
    Goods,
}

/// That something came to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// When.
    pub at: Timestamp,
    /// What it is known from.
    pub by: By,
}

/// The milestones of a shipment. Each stands for itself: an earlier one that nobody reported stays unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Milestones {
    /// It was ordered.
    pub ordered: Option<Milestone>,
    /// What holds was planned.
    pub planned: Option<Milestone>,
    /// It left where it came from.
    pub departed: Option<Milestone>,
    /// It was seen on its way, or passed from one leg to another.
    pub in_transit: Option<Milestone>,
    /// It came to where it goes.
    pub arrived: Option<Milestone>,
    /// The first of it was received.
    pub partly_received: Option<Milestone>,
    /// All that is expected was received.
    pub received: Option<Milestone>,
    /// It will not come.
    pub cancelled: Option<Milestone>,
}

/// How far a shipment is: the furthest of its milestones. What was received outweighs that it was cancelled; that
/// outweighs all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named as its milestone")]
pub enum Stage {
    Ordered,
    Planned,
    Departed,
    InTransit,
    Arrived,
    PartlyReceived,
    Received,
    Cancelled,
}

impl Stage {
    /// Its name, as the API says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::Planned => "planned",
            Self::Departed => "departed",
            Self::InTransit => "in_transit",
            Self::Arrived => "arrived",
            Self::PartlyReceived => "partly_received",
            Self::Received => "received",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is there or will not come: nothing about its arrival is open.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Arrived | Self::PartlyReceived | Self::Received | Self::Cancelled)
    }
}

/// How far a shipment is, as its reports and positions tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Journey {
    route: Route,
    milestones: Milestones,
    /// Over all positions but the last, so that a newer one of the same half minute can take its place.
    settled: Walk,
    walk: Walk,
    legs_arrived: usize,
    leg_at: Option<Timestamp>,
}

impl Journey {
    /// How far a shipment is, over the sites that are known.
    pub fn new(shipment: &Shipment, sites: &Sites, settings: &Settings) -> Self {
        let way = way(shipment, sites, settings);
        let mut settled = Walk::default();
        if let Some((_, before)) = shipment.positions().split_last() {
            for fix in before {
                settled.advance(*fix, &way);
            }
        }
        Self::after(shipment, settled, way)
    }

    /// The same after a position that did this to the shipment, without walking through all of them.
    pub(super) fn go_on(self, put: Put, shipment: &Shipment, sites: &Sites, settings: &Settings) -> Self {
        let Self { mut settled, route, .. } = self;
        match put {
            Put::Nothing => Self { settled, route, ..self },
            Put::Rewritten => Self::new(shipment, sites, settings),
            Put::Appended | Put::ReplacedLast => {
                let way = Way { route, ..way_without_route(shipment, sites, settings) };
                let before = shipment.positions().len().checked_sub(2);
                if let Some(fix) = before.filter(|_| put == Put::Appended).map(|index| shipment.positions()[index]) {
                    settled.advance(fix, &way);
                }
                Self::after(shipment, settled, way)
            }
        }
    }

    fn after(shipment: &Shipment, settled: Walk, way: Way<'_>) -> Self {
        let mut walk = settled.clone();
        if let Some(fix) = shipment.positions().last() {
            walk.advance(*fix, &way);
        }
        let legs = shipment.legs();
        let legs_arrived =
            legs.iter().filter(|(_, times)| times.arrived_at.is_some()).map(|(leg, _)| usize::from(*leg) + 1);
        let leg_times = legs.values().flat_map(|times| [times.departed_at, times.arrived_at]);
        let leg_at = leg_times.flatten().max();
        let milestones = milestones(shipment, &walk);
        Self { legs_arrived: legs_arrived.max().unwrap_or(0), leg_at, route: way.route, milestones, settled, walk }
    }

    /// Its milestones.
    pub fn milestones(&self) -> &Milestones {
        &self.milestones
    }

    /// The furthest of its milestones; `None` before anything is known.
    pub fn stage(&self) -> Option<Stage> {
        let of = &self.milestones;
        let by_weight = [
            (of.received, Stage::Received),
            (of.partly_received, Stage::PartlyReceived),
            (of.cancelled, Stage::Cancelled),
            (of.arrived, Stage::Arrived),
            (of.in_transit, Stage::InTransit),
            (of.departed, Stage::Departed),
            (of.planned, Stage::Planned),
            (of.ordered, Stage::Ordered),
        ];
        by_weight.into_iter().find_map(|(milestone, stage)| milestone.map(|_| stage))
    }

    /// Its way.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The last position that was believed.
    pub fn position(&self) -> Option<Fix> {
        self.walk.last
    }

    /// Where on its way it is, once it is on it.
    pub fn standing(&self) -> Option<Standing> {
        self.walk.standing
    }

    /// Legs that have ended, as reported, and when a leg last began or ended.
    pub fn legs(&self) -> (usize, Option<Timestamp>) {
        (self.legs_arrived, self.leg_at)
    }

    /// The pace of late: microseconds, and the part of the planned time that was covered in them.
    pub(super) fn pace(&self) -> Option<(f64, f64)> {
        self.walk.pace()
    }

    /// The speed of late towards the destination, in metres a second, rests included.
    pub fn speed(&self) -> Option<f64> {
        self.walk.speed()
    }

    /// The newest stops, at most [`super::KEPT_MAX`], and how many there were.
    pub fn stops(&self) -> (&[Stop], u32) {
        (&self.walk.stops, self.walk.stops_count)
    }

    /// The newest detours, at most [`super::KEPT_MAX`], and how many there were.
    pub fn detours(&self) -> (&[Detour], u32) {
        (&self.walk.detours, self.walk.detours_count)
    }

    /// Kept positions that were ignored because nothing is that fast.
    pub fn implausible(&self) -> u32 {
        self.walk.implausible
    }

    /// Kept positions that were ignored because they were too vague.
    pub fn vague(&self) -> u32 {
        self.walk.vague
    }
}

fn way<'s>(shipment: &Shipment, sites: &'s Sites, settings: &'s Settings) -> Way<'s> {
    let route = shipment.card().map(|card| Route::new(card, sites)).unwrap_or_default();
    Way { route, ..way_without_route(shipment, sites, settings) }
}

fn way_without_route<'s>(shipment: &Shipment, sites: &'s Sites, settings: &'s Settings) -> Way<'s> {
    let card = shipment.card();
    let legs = card.map_or(&[][..], |card| &card.legs);
    let name = |of: fn(&Card) -> &str| card.map_or("", of);
    let arrived = |(leg, times): (&u16, &super::LegTimes)| times.arrived_at.map(|at| (*leg, at));
    Way {
        route: Route::default(),
        origin: end(sites, name(|card| &card.from), legs.first().map(|leg| &*leg.from)),
        destination: end(sites, name(|card| &card.to), legs.last().map(|leg| &*leg.to)),
        sites,
        settings,
        mode: card.map(Card::mode_of_all).unwrap_or_default(),
        departed_at: shipment.departed_at().or_else(|| shipment.dispatch_began_at()),
        arrived_at: shipment.arrived_at(),
        legs_arrived: shipment.legs().iter().filter_map(arrived).collect(),
    }
}

fn milestones(shipment: &Shipment, walk: &Walk) -> Milestones {
    let milestone = |at: Option<Timestamp>, by: By| at.map(|at| Milestone { at, by });
    let reported = |at: Option<Timestamp>| milestone(at, By::Report);
    let later_leg = shipment.legs().iter().flat_map(|(leg, times)| {
        let departed_at = times.departed_at.filter(|_| *leg > 0);
        let last = shipment.card().map_or(0, |card| card.legs.len().saturating_sub(1));
        [departed_at, times.arrived_at.filter(|_| usize::from(*leg) < last)]
    });
    let received_at = shipment.received_at();
    Milestones {
        ordered: reported(shipment.ordered_at()),
        planned: reported(shipment.card().filter(|card| !card.is_implied()).map(|card| card.said_at)),
        departed: reported(shipment.departed_at())
            .or(milestone(walk.left_origin_at, By::Position))
            .or(milestone(shipment.dispatch_began_at(), By::Goods)),
        in_transit: reported(later_leg.flatten().min()).or(milestone(walk.in_transit_at, By::Position)),
        arrived: reported(shipment.arrived_at())
            .or(milestone(walk.arrived_at(), By::Position))
            .or(milestone(shipment.receipt_began_at(), By::Goods)),
        partly_received: milestone(shipment.receipt_began_at(), By::Goods),
        received: milestone(received_at, By::Goods),
        cancelled: reported(shipment.cancelled_at()),
    }
}
