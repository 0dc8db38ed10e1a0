//! Shipments as the interface says them.

use crate::http::alerts::AlertReply;
use crate::http::json::{Number, Time};
use crate::http::shipment_read::{Brief, Detail, basis_name, by_name};
use ledger::{Quantity, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use views::AlertItem;
use watch::shipment::{Estimate, Fix, Milestone};

/// A shipment.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShipmentReply {
    /// Its reference.
    shipment: Box<str>,
    /// `ordered`, `planned`, `departed`, `in_transit`, `arrived`, `partly_received`, `received` or `cancelled`.
    #[schema(value_type = Option<String>)]
    state: Option<&'static str>,
    /// Where it comes from: a location or a free name.
    from: Option<Box<str>>,
    to: Option<Box<str>>,
    carrier: Option<Box<str>>,
    /// `sea`, `rail`, `road`, `air` or `other`.
    #[schema(value_type = String)]
    mode: &'static str,
    /// The device whose positions are its own.
    vehicle: Option<Box<str>>,
    promised_at: Option<Time>,
    departed_at: Option<Time>,
    arrived_at: Option<Time>,
    /// Whether its alert of being late is open.
    late: bool,
    /// When it will arrive; null when it is over, or when nothing tells.
    estimate: Option<EstimateReply>,
    position: Option<PositionReply>,
}

/// When a shipment will arrive.
#[derive(Serialize, ToSchema)]
pub(crate) struct EstimateReply {
    /// As likely before this as after.
    expected_at: Time,
    /// With one chance in ten before this.
    early_at: Time,
    /// With nine chances in ten before this.
    late_at: Time,
    /// How likely it arrives after the promised time, from 0 to 1; null without a promise.
    late_probability: Option<Number>,
    /// What it rests on: `plan`, `departure`, `leg` or `position`.
    #[schema(value_type = String)]
    basis: &'static str,
    /// Journeys of its lane that it rests on; older ones count less.
    lane_journeys: Number,
}

/// Where something was.
#[derive(Serialize, ToSchema)]
pub(crate) struct PositionReply {
    at: Time,
    latitude: Number,
    longitude: Number,
    accuracy_m: u32,
}

/// A shipment with all that is known of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct DetailReply {
    #[serde(flatten)]
    shipment: ShipmentReply,
    planned_departure_at: Option<Time>,
    planned_arrival_at: Option<Time>,
    milestones: Vec<MilestoneReply>,
    legs: Vec<LegReply>,
    lines: Vec<LineReply>,
    /// Whether more was reported of its lines than is kept, so that their figures are not complete.
    lines_incomplete: bool,
    /// The length of its way in kilometres, as the crow flies; null when its ends are not known.
    way_km: Option<Number>,
    /// What remains of it from its last position.
    remaining_km: Option<Number>,
    /// How far it is from its way.
    off_way_km: Option<Number>,
    /// Its newest stops outside any site.
    stops: Vec<StopReply>,
    stops_count: u32,
    /// Its newest detours.
    detours: Vec<DetourReply>,
    detours_count: u32,
    /// Its alerts, the newest first, those that are over too.
    alerts: Vec<AlertReply>,
    /// Alerts over temperature and humidity of its vehicle while it was on its way.
    excursions: Vec<AlertReply>,
    /// Where it was, oldest first: the newest position of each half minute, and of longer times when they are many.
    track: Vec<PositionReply>,
}

/// Something that came to pass.
#[derive(Serialize, ToSchema)]
pub(crate) struct MilestoneReply {
    /// `ordered`, `planned`, `departed`, `in_transit`, `arrived`, `partly_received`, `received` or `cancelled`.
    #[schema(value_type = String)]
    milestone: &'static str,
    at: Time,
    /// What it is known from: `report`, `position` or `goods`.
    #[schema(value_type = String)]
    by: &'static str,
}

/// A part of the way.
#[derive(Serialize, ToSchema)]
pub(crate) struct LegReply {
    /// From 1.
    leg: u16,
    from: Option<Box<str>>,
    to: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    mode: Option<&'static str>,
    planned_departure_at: Option<Time>,
    planned_arrival_at: Option<Time>,
    departed_at: Option<Time>,
    arrived_at: Option<Time>,
}

/// A product of a shipment.
#[derive(Serialize, ToSchema)]
pub(crate) struct LineReply {
    product_id: Box<str>,
    ordered: Number,
    dispatched: Number,
    received: Number,
    missing: Number,
    over: Number,
}

/// A time in which it stood still outside any site.
#[derive(Serialize, ToSchema)]
pub(crate) struct StopReply {
    from: Time,
    /// When it was last seen there.
    until: Time,
    latitude: Number,
    longitude: Number,
    /// Whether it has gone on.
    over: bool,
}

/// A time in which it was off its way or went back.
#[derive(Serialize, ToSchema)]
pub(crate) struct DetourReply {
    from: Time,
    /// When it was last seen so.
    until: Time,
    /// The furthest from its way.
    off_km: Number,
    /// The most by which what remains had grown.
    back_km: Number,
    /// Whether it is on its way again.
    over: bool,
}

fn filled(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}

/// A float to so many decimals, six at most.
fn rounded(number: f64, decimals: u32) -> Number {
    let step = 10_i64.pow(6 - decimals.min(6));
    #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
    let steps = (number * f64::from(10_u32.pow(decimals.min(6)))).round() as i64;
    Number(Quantity::from_micros(steps.saturating_mul(step)))
}

fn kilometres(metres: f64) -> Number {
    rounded(metres / 1_000.0, 1)
}

impl From<&Fix> for PositionReply {
    fn from(fix: &Fix) -> Self {
        Self {
            at: Time(fix.at),
            latitude: rounded(fix.point.latitude(), 6),
            longitude: rounded(fix.point.longitude(), 6),
            accuracy_m: fix.accuracy_m,
        }
    }
}

impl From<&Estimate> for EstimateReply {
    fn from(estimate: &Estimate) -> Self {
        Self {
            expected_at: Time(estimate.median_at),
            early_at: Time(estimate.early_at),
            late_at: Time(estimate.late_at),
            late_probability: estimate.late_probability.map(|probability| rounded(probability, 3)),
            basis: basis_name(estimate.basis),
            lane_journeys: rounded(estimate.lane_count, 1),
        }
    }
}

impl From<&Brief> for ShipmentReply {
    fn from(brief: &Brief) -> Self {
        let card = &brief.card;
        let at = |milestone: Option<Milestone>| milestone.map(|milestone| Time(milestone.at));
        Self {
            shipment: brief.shipment.clone(),
            state: brief.stage.map(|stage| stage.name()),
            from: filled(&card.from),
            to: filled(&card.to),
            carrier: filled(&card.carrier),
            mode: card.mode.name(),
            vehicle: card.vehicle.clone(),
            promised_at: card.promised_at.map(Time),
            departed_at: at(brief.milestones.departed),
            arrived_at: at(brief.milestones.arrived),
            late: brief.is_late,
            estimate: brief.estimate.as_ref().map(EstimateReply::from),
            position: brief.position.as_ref().map(PositionReply::from),
        }
    }
}

impl DetailReply {
    pub(crate) fn of(detail: &Detail, own: &[AlertItem], excursions: &[AlertItem]) -> Self {
        let Detail { brief, .. } = detail;
        let lines = detail.lines.iter().map(|(product, line)| LineReply {
            product_id: product.clone(),
            ordered: Number(line.ordered),
            dispatched: Number(line.dispatched),
            received: Number(line.received),
            missing: Number(line.missing()),
            over: Number(line.over()),
        });
        let stops = detail.stops.0.iter().map(|stop| StopReply {
            from: Time(stop.from_at),
            until: Time(stop.until_at),
            latitude: rounded(stop.point.latitude(), 6),
            longitude: rounded(stop.point.longitude(), 6),
            over: stop.is_over,
        });
        let detours = detail.detours.0.iter().map(|detour| DetourReply {
            from: Time(detour.from_at),
            until: Time(detour.until_at),
            off_km: kilometres(detour.off_m),
            back_km: kilometres(detour.back_m),
            over: detour.is_over,
        });
        Self {
            shipment: ShipmentReply::from(brief),
            planned_departure_at: brief.card.departure_at.map(Time),
            planned_arrival_at: brief.card.arrival_at.map(Time),
            milestones: milestones(brief),
            legs: legs(detail),
            lines: lines.collect(),
            lines_incomplete: detail.is_cut,
            way_km: (detail.way_m > 0.0).then(|| kilometres(detail.way_m)),
            remaining_km: detail.remaining_m.map(kilometres),
            off_way_km: detail.off_m.map(kilometres),
            stops: stops.collect(),
            stops_count: detail.stops.1,
            detours: detours.collect(),
            detours_count: detail.detours.1,
            alerts: own.iter().map(AlertReply::from).collect(),
            excursions: excursions.iter().map(AlertReply::from).collect(),
            track: detail.track.iter().map(PositionReply::from).collect(),
        }
    }
}

/// What came to pass, in the order of what comes first as a rule.
fn milestones(brief: &Brief) -> Vec<MilestoneReply> {
    let of = &brief.milestones;
    let all = [
        ("ordered", of.ordered),
        ("planned", of.planned),
        ("departed", of.departed),
        ("in_transit", of.in_transit),
        ("arrived", of.arrived),
        ("partly_received", of.partly_received),
        ("received", of.received),
        ("cancelled", of.cancelled),
    ];
    let known = all.into_iter().filter_map(|(name, milestone)| Some((name, milestone?)));
    known.map(|(milestone, Milestone { at, by })| MilestoneReply { milestone, at: Time(at), by: by_name(by) }).collect()
}

/// The legs that are planned, and those that something was reported of.
fn legs(detail: &Detail) -> Vec<LegReply> {
    let planned = &detail.brief.card.legs;
    let reported = detail.legs.last_key_value().map_or(0, |(leg, _)| usize::from(*leg) + 1);
    let time = |at: Option<Timestamp>| at.map(Time);
    (0..planned.len().max(reported))
        .zip(1_u16..)
        .map(|(index, leg)| {
            let plan = planned.get(index);
            let times = detail.legs.get(&(leg - 1)).copied().unwrap_or_default();
            LegReply {
                leg,
                from: plan.and_then(|plan| filled(&plan.from)),
                to: plan.and_then(|plan| filled(&plan.to)),
                mode: plan.map(|plan| plan.mode.name()),
                planned_departure_at: plan.and_then(|plan| time(plan.departure_at)),
                planned_arrival_at: plan.and_then(|plan| time(plan.arrival_at)),
                departed_at: time(times.departed_at),
                arrived_at: time(times.arrived_at),
            }
        })
        .collect()
}
