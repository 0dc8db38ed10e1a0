//! An outline map, drawn: the way, its sites, the track, the last position, stops and detours. No tiles, no borders.
//!
//! Degrees are laid out as they are (equirectangular), a degree east shortened by the cosine of the middle latitude, so
//! that near the middle no direction is stretched.

use crate::http::shipment_read::Detail;
use maud::{Markup, html};
use std::fmt::Write;
use watch::shipment::Point;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 36.0;
/// Metres of a degree north.
const DEGREE_M: f64 = 111_195.0;
/// The least span that is shown, in degrees: what stands still is not drawn as a journey.
const SPAN_MIN: f64 = 0.02;
/// Points of a track that are drawn.
const DRAWN_MAX: usize = 400;

/// From points on the earth to points of the drawing.
struct Fit {
    west: f64,
    north: f64,
    shorten: f64,
    /// Parts of the drawing a degree.
    scale: f64,
    offset: (f64, f64),
}

impl Fit {
    fn of(points: &[Point]) -> Option<Self> {
        let first = points.first()?;
        let (mut south, mut north) = (first.latitude(), first.latitude());
        // Degrees east of the first, the short way round, so that a way over the date line is one.
        let (mut west, mut east) = (0.0_f64, 0.0_f64);
        for point in points {
            south = south.min(point.latitude());
            north = north.max(point.latitude());
            let east_of = around(point.longitude() - first.longitude());
            west = west.min(east_of);
            east = east.max(east_of);
        }
        let shorten = ((south + north) / 2.0).to_radians().cos().max(0.05);
        let (wide, high) = (((east - west) * shorten).max(SPAN_MIN), (north - south).max(SPAN_MIN));
        let scale = ((WIDTH - 2.0 * MARGIN) / wide).min((HEIGHT - 2.0 * MARGIN) / high);
        let used = ((east - west) * shorten * scale, (north - south) * scale);
        let offset = ((WIDTH - used.0) / 2.0, (HEIGHT - used.1) / 2.0);
        Some(Self { west: first.longitude() + west, north, shorten, scale, offset })
    }

    fn at(&self, point: Point) -> (f64, f64) {
        // What lies a hair west of the west end is there, and not once around the earth.
        let east = around(point.longitude() - self.west);
        let east = if east < -90.0 { east + 360.0 } else { east };
        (self.offset.0 + east * self.shorten * self.scale, self.offset.1 + (self.north - point.latitude()) * self.scale)
    }

    fn path(&self, points: impl Iterator<Item = Point>) -> String {
        let mut path = String::new();
        for point in points {
            let (x, y) = self.at(point);
            // Writing to a string can't fail.
            let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
        }
        path
    }
}

/// Degrees brought between -180 and 180.
fn around(degrees: f64) -> f64 {
    if degrees > 180.0 {
        degrees - 360.0
    } else if degrees < -180.0 {
        degrees + 360.0
    } else {
        degrees
    }
}

/// The map, with these words for who cannot see it; `None` when nothing of it is known to be anywhere.
pub(crate) fn map(detail: &Detail, words: &str) -> Option<Markup> {
    let way: Vec<Point> = detail.way.iter().filter_map(|(_, at)| *at).collect();
    let track: Vec<Point> = thinned(detail);
    let stops = detail.stops.0.iter().map(|stop| stop.point);
    let last = detail.brief.position.map(|fix| fix.point);
    let all: Vec<Point> = way.iter().copied().chain(track.iter().copied()).chain(stops.clone()).chain(last).collect();
    let fit = Fit::of(&all)?;
    let strayed: Vec<String> = detail
        .detours
        .0
        .iter()
        .map(|detour| {
            let within = detail.track.iter().filter(|fix| fix.at >= detour.from_at && fix.at <= detour.until_at);
            fit.path(within.map(|fix| fix.point))
        })
        .collect();
    let mark = |x: f64, y: f64| format!("M{x:.1} {:.1}l7 7l-7 7l-7-7Z", y - 7.0);
    Some(html! {
        svg.map viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(words) {
            path.way d=(fit.path(way.iter().copied())) {}
            @for site in &detail.sites {
                @let (x, y) = fit.at(site.centre);
                @let radius = (f64::from(site.radius_m) / DEGREE_M * fit.scale).clamp(5.0, 60.0);
                circle.site cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r=(format!("{radius:.1}")) {}
                text x=(format!("{:.1}", x.clamp(60.0, WIDTH - 60.0))) y=(format!("{:.1}", label_y(y, radius))) text-anchor="middle" { (site.location) }
            }
            path.track d=(fit.path(track.iter().copied())) {}
            @for path in &strayed { path.strayed d=(path) {} }
            @for stop in stops {
                @let (x, y) = fit.at(stop);
                path.stop d=(mark(x, y)) { title { "stood still" } }
            }
            @if let Some(last) = last {
                @let (x, y) = fit.at(last);
                circle.here cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="6" { title { "seen last" } }
            }
        }
    })
}

/// Below a site, or above it where the drawing ends.
fn label_y(y: f64, radius: f64) -> f64 {
    let below = y + radius + 15.0;
    if below > HEIGHT - 6.0 { y - radius - 6.0 } else { below }
}

/// The track, every so many points and the last.
fn thinned(detail: &Detail) -> Vec<Point> {
    let every = detail.track.len().div_ceil(DRAWN_MAX).max(1);
    let last = detail.track.len().saturating_sub(1);
    let kept = detail.track.iter().enumerate().filter(|(index, _)| index % every == 0 || *index == last);
    kept.map(|(_, fix)| fix.point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_points_are_inside_and_north_is_up_also_over_the_date_line() {
        for points in [[(48.2, 16.4), (47.1, 15.4)], [(10.0, 179.5), (12.0, -179.0)], [(1.0, 2.0), (1.0, 2.0)]] {
            let points = points.map(|(north, east)| Point::new(north, east).expect("on the earth"));
            let fit = Fit::of(&points).expect("there are points");
            for (x, y) in points.map(|point| fit.at(point)) {
                assert!((0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{x} {y}");
            }
        }
        let [one, other] = [(48.2, 16.4), (47.1, 15.4)].map(|(north, east)| Point::new(north, east).expect("there"));
        let fit = Fit::of(&[one, other]).expect("there are points");
        assert!(fit.at(one).1 < fit.at(other).1 && fit.at(one).0 > fit.at(other).0);
        assert!(Fit::of(&[]).is_none());
    }
}
