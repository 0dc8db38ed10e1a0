//! Sites: places with an extent, which vehicles enter and leave.

use super::place::Point;
use ledger::{ImageError, Sink, Source};
use std::collections::BTreeMap;

/// Corners of a site that are kept.
pub const CORNERS_MAX: usize = 256;
/// Sites that are kept.
pub const SITES_MAX: usize = 65_536;

/// A place with an extent: a circle, or the polygon inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The location path or free name that shipments say.
    pub location: Box<str>,
    /// Its middle.
    pub centre: Point,
    /// How far it reaches from its middle, in metres.
    pub radius_m: u32,
    /// Its corners in order, either way round; fewer than three mean the circle. At most [`CORNERS_MAX`] are looked at.
    pub polygon: Vec<Point>,
}

impl Site {
    /// How far a point is from the border, in metres; below zero inside.
    pub fn border_m(&self, point: Point) -> f64 {
        let from_centre = self.centre.distance_m(point);
        let corners = &self.polygon[..self.polygon.len().min(CORNERS_MAX)];
        // Far away, which side of which edge no longer matters, and a plane would be wrong.
        if corners.len() < 3 || from_centre > f64::from(self.radius_m) * 2.0 + 100_000.0 {
            return from_centre - f64::from(self.radius_m);
        }
        let mut is_inside = false;
        let mut nearest_m = f64::INFINITY;
        for (index, corner) in corners.iter().enumerate() {
            let (x1, y1) = point.offset_m(*corner);
            let (x2, y2) = point.offset_m(corners[(index + 1) % corners.len()]);
            if (y1 > 0.0) != (y2 > 0.0) && x1 + (x2 - x1) * (-y1) / (y2 - y1) > 0.0 {
                is_inside = !is_inside;
            }
            let (dx, dy) = (x2 - x1, y2 - y1);
            let length_squared = dx * dx + dy * dy;
            let along =
                if length_squared > 0.0 { (-(x1 * dx + y1 * dy) / length_squared).clamp(0.0, 1.0) } else { 0.0 };
            nearest_m = nearest_m.min(libm::hypot(x1 + along * dx, y1 + along * dy));
        }
        if is_inside { -nearest_m } else { nearest_m }
    }

    /// Whether something that was inside or not before still is, seen at a point with this accuracy.
    ///
    /// It enters when the point is inside and not so vague that it says nothing of a site of this size; it leaves when all
    /// of the circle of accuracy is outside by more than `margin_m`. In between nothing changes.
    pub fn holds(&self, was_inside: bool, point: Point, accuracy_m: u32, margin_m: u32) -> bool {
        let border_m = self.border_m(point);
        if was_inside {
            border_m - f64::from(accuracy_m) <= f64::from(margin_m)
        } else {
            border_m <= 0.0 && accuracy_m <= self.radius_m.max(margin_m)
        }
    }
}

/// The sites that are known, by location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sites {
    sites: BTreeMap<Box<str>, Site>,
}

impl Sites {
    /// Takes a site; one of the same location is replaced. Answers whether there was room: [`SITES_MAX`] are kept.
    pub fn put(&mut self, site: Site) -> bool {
        if self.sites.len() >= SITES_MAX && !self.sites.contains_key(&site.location) {
            return false;
        }
        self.sites.insert(site.location.clone(), site);
        true
    }

    /// Forgets a site.
    pub fn remove(&mut self, location: &str) {
        self.sites.remove(location);
    }

    /// The site of a location; if it has none, that of the nearest part of its path above: `warehouse_A/dock-1` stands
    /// in `warehouse_A`.
    pub fn find(&self, location: &str) -> Option<&Site> {
        let mut path = location;
        loop {
            if let Some(site) = self.sites.get(path) {
                return Some(site);
            }
            path = path.rsplit_once('/')?.0;
        }
    }

    /// The first site by location that a point is inside.
    pub fn at(&self, point: Point) -> Option<&Site> {
        self.sites.values().find(|site| {
            let (_, north_m) = site.centre.offset_m(point);
            north_m.abs() <= f64::from(site.radius_m) + 100_000.0 && site.border_m(point) <= 0.0
        })
    }

    /// The sites in the order of their locations.
    pub fn iter(&self) -> impl Iterator<Item = &Site> {
        self.sites.values()
    }

    pub(super) fn save(&self, into: &mut impl Sink) {
        into.put_length(self.sites.len());
        for site in self.sites.values() {
            into.put_text(&site.location);
            site.centre.save(into);
            into.put_u32(site.radius_m);
            into.put_length(site.polygon.len());
            for corner in &site.polygon {
                corner.save(into);
            }
        }
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let sites = from.take_list(|from| {
            Ok(Site {
                location: from.take_text()?,
                centre: Point::load(from)?,
                radius_m: from.take_u32()?,
                polygon: from.take_list(|from| Point::load(from))?,
            })
        })?;
        if !sites.is_sorted_by(|one, next| one.location < next.location) {
            return Err(ImageError::Damaged("the order of sites"));
        }
        Ok(Self { sites: sites.into_iter().map(|site| (site.location.clone(), site)).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(latitude: f64, longitude: f64) -> Point {
        Point::new(latitude, longitude).unwrap()
    }

    fn site(location: &str, polygon: Vec<Point>) -> Site {
        Site { location: location.into(), centre: point(50.0, 10.0), radius_m: 500, polygon }
    }

    #[test]
    fn entering_and_leaving_have_a_margin_and_know_the_accuracy() {
        let site = site("a", Vec::new());
        let at = |metres: f64| point(50.0 + metres / 111_195.0, 10.0);
        assert!(site.holds(false, at(499.0), 10, 50));
        assert!(!site.holds(false, at(501.0), 10, 50));
        assert!(!site.holds(false, at(0.0), 501, 50), "too vague to say");
        assert!(site.holds(true, at(540.0), 0, 50), "within the margin");
        assert!(!site.holds(true, at(551.0), 0, 50));
        assert!(site.holds(true, at(700.0), 200, 50), "may still be inside");
    }

    #[test]
    fn a_polygon_counts_instead_of_the_circle() {
        let corners = [(49.999, 9.999), (50.001, 9.999), (50.001, 10.001), (49.999, 10.001)];
        let site = site("a", corners.map(|(latitude, longitude)| point(latitude, longitude)).to_vec());
        // A thousandth of a degree of longitude at 50 degrees north is 71.5 m.
        assert!((site.border_m(point(50.0, 10.0)) + 71.5).abs() < 0.2);
        assert!((site.border_m(point(50.0, 10.002)) - 71.5).abs() < 0.2);
        assert!(site.border_m(point(0.0, -170.0)) > 1e6);
    }

    #[test]
    fn a_dock_stands_in_its_warehouse() {
        let mut sites = Sites::default();
        assert!(sites.put(site("warehouse_A", Vec::new())));
        assert_eq!(&*sites.find("warehouse_A/dock-1/bay").unwrap().location, "warehouse_A");
        assert!(sites.find("warehouse_B").is_none());
        assert!(sites.at(point(50.001, 10.0)).is_some());
        assert!(sites.at(point(51.0, 10.0)).is_none());
        let mut image = Vec::new();
        sites.save(&mut image);
        assert_eq!(Sites::load(&mut image.as_slice()).unwrap(), sites);
    }
}
