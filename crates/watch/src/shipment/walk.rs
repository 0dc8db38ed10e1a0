//! What the positions of a shipment tell, taken in the order of time.

use super::place::Point;
use super::report::{Fix, Mode};
use super::route::{Route, Standing, micros_between};
use super::settings::Settings;
use super::site::{Site, Sites};
use ledger::Timestamp;
use smallvec::SmallVec;

/// Stops, and detours, that are kept of a shipment: the newest; all are counted.
pub const KEPT_MAX: usize = 8;
/// Positions in a row that agree with each other and not with what was believed, before they are believed instead.
const AGREEING: usize = 3;

/// A time in which something stood still outside any site.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// When it was first seen there.
    pub from_at: Timestamp,
    /// When it was last seen there.
    pub until_at: Timestamp,
    /// Where.
    pub point: Point,
    /// Whether it has gone on.
    pub is_over: bool,
}

/// A time in which something was off its way or went back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detour {
    /// When it was first seen off its way.
    pub from_at: Timestamp,
    /// When it was last seen so.
    pub until_at: Timestamp,
    /// The furthest from its way, in metres.
    pub off_m: f64,
    /// The most by which the remaining distance had grown, in metres.
    pub back_m: f64,
    /// Whether it is on its way again.
    pub is_over: bool,
}

/// What is known of a shipment's way while its positions are walked through.
pub(super) struct Way<'s> {
    pub(super) route: Route,
    pub(super) origin: Option<&'s Site>,
    pub(super) destination: Option<&'s Site>,
    pub(super) sites: &'s Sites,
    pub(super) settings: &'s Settings,
    pub(super) mode: Mode,
    /// When it left, as far as that was reported.
    pub(super) departed_at: Option<Timestamp>,
    /// When it arrived, as far as that was reported: later positions are another journey's.
    pub(super) arrived_at: Option<Timestamp>,
    /// When each leg ended, as far as that was reported.
    pub(super) legs_arrived: Vec<(u16, Timestamp)>,
}

/// A fold over positions in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Walk {
    pub(super) last: Option<Fix>,
    doubted: SmallVec<[Fix; AGREEING]>,
    pub(super) used: u32,
    pub(super) implausible: u32,
    pub(super) vague: u32,
    is_at_origin: bool,
    pub(super) left_origin_at: Option<Timestamp>,
    entered_at: Option<Timestamp>,
    is_visit_over: bool,
    pub(super) in_transit_at: Option<Timestamp>,
    pub(super) standing: Option<Standing>,
    nearest_m: Option<f64>,
    /// When the last position of the journey itself was, for the pace.
    underway_at: Option<Timestamp>,
    pace_micros: f64,
    pace_share: f64,
    pace_m: f64,
    anchor: Option<Anchor>,
    pub(super) stops: SmallVec<[Stop; 2]>,
    pub(super) stops_count: u32,
    pub(super) detours: SmallVec<[Detour; 2]>,
    pub(super) detours_count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Anchor {
    fix: Fix,
    is_stop: bool,
    is_in_site: bool,
}

impl Walk {
    /// Takes the next position.
    pub(super) fn advance(&mut self, fix: Fix, way: &Way<'_>) {
        if way.arrived_at.is_some_and(|arrived_at| fix.at > arrived_at) || self.is_visit_over {
            return;
        }
        if fix.accuracy_m > way.settings.accuracy_max_m {
            self.vague += 1;
            return;
        }
        if !self.believe(fix, way.mode) {
            return;
        }
        self.used += 1;
        self.see_origin(fix, way);
        let is_begun = way.departed_at.is_some_and(|at| at <= fix.at) || self.left_origin_at.is_some();
        if is_begun && !self.is_at_origin {
            self.see_destination(fix, way);
            if !self.is_visit_over {
                self.go_on(fix, way);
            }
        }
        self.last = Some(fix);
    }

    /// When it came to its destination and stayed, or is there.
    pub(super) fn arrived_at(&self) -> Option<Timestamp> {
        self.entered_at
    }

    /// The pace of late: microseconds and the part of the planned time that was covered in them, both fading with age.
    pub(super) fn pace(&self) -> Option<(f64, f64)> {
        (self.pace_micros > 0.0 && self.pace_share > 0.0).then_some((self.pace_micros, self.pace_share))
    }

    /// The speed of late towards the destination, in metres a second, rests included.
    pub(super) fn speed(&self) -> Option<f64> {
        (self.pace_micros > 0.0 && self.pace_m > 0.0).then(|| self.pace_m / self.pace_micros * 1e6)
    }

    /// Whether a position can be: nothing of the kind is that fast. Several in a row that agree with each other make
    /// what was believed before the odd one.
    fn believe(&mut self, fix: Fix, mode: Mode) -> bool {
        let Some(last) = self.last else { return true };
        if is_plausible(last, fix, mode) {
            self.doubted.clear();
            return true;
        }
        if self.doubted.last().is_some_and(|doubted| !is_plausible(*doubted, fix, mode)) {
            self.doubted.clear();
        }
        self.doubted.push(fix);
        self.implausible += 1;
        if self.doubted.len() < AGREEING {
            return false;
        }
        // The position believed before was the implausible one.
        self.implausible -= 2;
        self.doubted.clear();
        self.anchor = None;
        self.underway_at = None;
        true
    }

    fn see_origin(&mut self, fix: Fix, way: &Way<'_>) {
        let Some(origin) = way.origin else { return };
        let was = self.is_at_origin;
        self.is_at_origin = origin.holds(was, fix.point, fix.accuracy_m, way.settings.margin_m);
        if self.is_at_origin && self.entered_at.is_none() {
            // It has not left yet, or has come back: the journey begins anew.
            self.left_origin_at = None;
            if way.departed_at.is_none() {
                self.begin_anew();
            }
        } else if was && !self.is_at_origin {
            self.left_origin_at = Some(fix.at);
        }
    }

    fn begin_anew(&mut self) {
        let kept = Self {
            last: self.last,
            used: self.used,
            implausible: self.implausible,
            vague: self.vague,
            is_at_origin: self.is_at_origin,
            ..Self::default()
        };
        *self = kept;
    }

    fn see_destination(&mut self, fix: Fix, way: &Way<'_>) {
        let Some(destination) = way.destination else { return };
        let is_there = destination.holds(self.entered_at.is_some(), fix.point, fix.accuracy_m, way.settings.margin_m);
        match (self.entered_at, is_there) {
            (None, true) => self.entered_at = Some(fix.at),
            (Some(entered_at), false) => {
                if fix.at.0.saturating_sub(entered_at.0) >= way.settings.visit_micros_min {
                    self.is_visit_over = true;
                } else {
                    self.entered_at = None;
                }
            }
            _ => {}
        }
    }

    fn go_on(&mut self, fix: Fix, way: &Way<'_>) {
        self.in_transit_at.get_or_insert(fix.at);
        self.stand(fix, way);
        let passed = way.legs_arrived.iter().filter(|(_, at)| *at <= fix.at).map(|(leg, _)| usize::from(*leg) + 1);
        let Some(standing) = way.route.standing(fix.point, passed.max().unwrap_or(0)) else { return };
        if let (Some(before), Some(at)) = (self.standing, self.underway_at) {
            let micros = micros_between(at, fix.at);
            let half_life = micros_between(Timestamp(0), Timestamp(way.settings.pace_half_life_micros.max(1)));
            let fade = libm::exp2(-micros / half_life);
            self.pace_micros = self.pace_micros * fade + micros;
            self.pace_m = self.pace_m * fade + before.remaining_m - standing.remaining_m;
            if let (Some(was), Some(is)) = (before.remaining_share, standing.remaining_share) {
                self.pace_share = self.pace_share * fade + was - is;
            }
        }
        self.standing = Some(standing);
        self.underway_at = Some(fix.at);
        self.stray(fix, standing, way);
    }

    /// Follows whether it stands still outside any site.
    fn stand(&mut self, fix: Fix, way: &Way<'_>) {
        let settings = way.settings;
        let Some(anchor) = &mut self.anchor else {
            self.anchor = Some(Anchor { fix, is_stop: false, is_in_site: false });
            return;
        };
        let reach_m = f64::from(settings.stop_radius_m) + f64::from(fix.accuracy_m);
        if anchor.fix.point.distance_m(fix.point) > reach_m {
            if let Some(stop) = self.stops.last_mut().filter(|_| anchor.is_stop) {
                stop.is_over = true;
            }
            *anchor = Anchor { fix, is_stop: false, is_in_site: false };
            return;
        }
        if anchor.is_stop {
            if let Some(stop) = self.stops.last_mut() {
                stop.until_at = fix.at;
            }
        } else if !anchor.is_in_site && fix.at.0.saturating_sub(anchor.fix.at.0) >= settings.stop_micros {
            anchor.is_in_site = way.sites.at(anchor.fix.point).is_some();
            anchor.is_stop = !anchor.is_in_site;
            if anchor.is_stop {
                let stop = Stop { from_at: anchor.fix.at, until_at: fix.at, point: anchor.fix.point, is_over: false };
                self.stops_count += 1;
                keep(&mut self.stops, stop);
            }
        }
    }

    /// Follows whether it is off its way or goes back.
    fn stray(&mut self, fix: Fix, standing: Standing, way: &Way<'_>) {
        let settings = way.settings;
        let nearest_m = self.nearest_m.map_or(standing.remaining_m, |nearest_m| nearest_m.min(standing.remaining_m));
        self.nearest_m = Some(nearest_m);
        let (off_m, back_m) = (standing.off_m, standing.remaining_m - nearest_m);
        let of_length_m = way.route.length_m() * f64::from(settings.detour_permille) / 1_000.0;
        let off_max_m = f64::from(settings.detour_m).max(of_length_m) + f64::from(fix.accuracy_m);
        let back_max_m = f64::from(settings.back_m) + f64::from(fix.accuracy_m);
        match self.detours.last_mut().filter(|detour| !detour.is_over) {
            Some(detour) if off_m > off_max_m * 0.8 || back_m > back_max_m * 0.8 => {
                detour.until_at = fix.at;
                detour.off_m = detour.off_m.max(off_m);
                detour.back_m = detour.back_m.max(back_m);
            }
            Some(detour) => {
                detour.is_over = true;
                self.nearest_m = Some(standing.remaining_m);
            }
            None if off_m > off_max_m || back_m > back_max_m => {
                let detour = Detour { from_at: fix.at, until_at: fix.at, off_m, back_m, is_over: false };
                self.detours_count += 1;
                keep(&mut self.detours, detour);
            }
            None => {}
        }
    }
}

fn keep<T>(kept: &mut SmallVec<[T; 2]>, one: T) {
    if kept.len() == KEPT_MAX {
        kept.remove(0);
    }
    kept.push(one);
}

/// Whether something of a mode can have come from one position to a later one, as far as both are accurate.
fn is_plausible(from: Fix, to: Fix, mode: Mode) -> bool {
    let metres = from.point.distance_m(to.point) - f64::from(from.accuracy_m) - f64::from(to.accuracy_m);
    let seconds = (micros_between(from.at, to.at) / 1e6).max(1.0);
    metres <= mode.speed_max() * seconds
}
