//! Places on the earth and distances between them, on a sphere.
//!
//! A sphere is wrong by at most about half a percent of a distance, which is far less than what a road or a shipping lane
//! differs from the shortest way.

use ledger::{ImageError, Sink, Source};

/// The mean radius of the earth in metres.
///
/// # Source
/// H. Moritz, "Geodetic Reference System 1980", Journal of Geodesy 74 (2000), R₁ = (2a + b) / 3.
pub const EARTH_RADIUS_M: f64 = 6_371_008.771_4;

/// Parts of a degree that a point is kept in: about a centimetre.
const PARTS: f64 = 1e7;

/// A place on the earth, exact to a ten-millionth of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    latitude: i32,
    longitude: i32,
}

impl Point {
    /// The point at these degrees, north and east positive; `None` outside ±90 and ±180, and for what is no number.
    ///
    /// ```
    /// use watch::shipment::Point;
    /// let berlin = Point::new(52.52, 13.405).expect("on the earth");
    /// let hamburg = Point::new(53.5511, 9.9937).expect("on the earth");
    /// assert!((berlin.distance_m(hamburg) - 255_300.0).abs() < 500.0);
    /// assert_eq!(Point::new(91.0, 0.0), None);
    /// ```
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let is_there = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        is_there.then(|| Self { latitude: parts(latitude), longitude: parts(longitude) })
    }

    /// The point at these millionths of a degree, as locations carry them; `None` outside ±90 and ±180 degrees.
    pub fn from_micros(latitude: i32, longitude: i32) -> Option<Self> {
        Self::new(f64::from(latitude) / 1e6, f64::from(longitude) / 1e6)
    }

    /// Degrees north of the equator, below zero south of it.
    pub fn latitude(self) -> f64 {
        f64::from(self.latitude) / PARTS
    }

    /// Degrees east of Greenwich, below zero west of it.
    pub fn longitude(self) -> f64 {
        f64::from(self.longitude) / PARTS
    }

    /// The length of the shortest way to a point, in metres.
    ///
    /// # Source
    /// R. W. Sinnott, "Virtues of the Haversine", Sky & Telescope 68 (1984), p. 159.
    pub fn distance_m(self, to: Self) -> f64 {
        self.angle(to) * EARTH_RADIUS_M
    }

    /// The angle between two points as seen from the middle of the earth, in radians.
    fn angle(self, to: Self) -> f64 {
        let (from_latitude, to_latitude) = (self.latitude().to_radians(), to.latitude().to_radians());
        let half_north = libm::sin((to_latitude - from_latitude) / 2.0);
        let half_east = libm::sin((to.longitude() - self.longitude()).to_radians() / 2.0);
        let haversine =
            half_north * half_north + libm::cos(from_latitude) * libm::cos(to_latitude) * half_east * half_east;
        2.0 * libm::asin(libm::sqrt(haversine.clamp(0.0, 1.0)))
    }

    /// The direction in which the shortest way to a point begins, in radians east of north.
    fn bearing(self, to: Self) -> f64 {
        let (from_latitude, to_latitude) = (self.latitude().to_radians(), to.latitude().to_radians());
        let east = (to.longitude() - self.longitude()).to_radians();
        let across = libm::sin(east) * libm::cos(to_latitude);
        let along = libm::cos(from_latitude) * libm::sin(to_latitude)
            - libm::sin(from_latitude) * libm::cos(to_latitude) * libm::cos(east);
        libm::atan2(across, along)
    }

    /// How far this point is from the shortest way between two others, in metres: from its nearest point, which may be
    /// an end.
    ///
    /// # Source
    /// E. Williams, "Aviation Formulary V1.47", cross-track error and along-track distance.
    pub fn distance_from_way_m(self, from: Self, to: Self) -> f64 {
        let (whole, here) = (from.angle(to), from.angle(self));
        let turn = from.bearing(self) - from.bearing(to);
        if whole <= 0.0 || libm::cos(turn) <= 0.0 {
            return here * EARTH_RADIUS_M;
        }
        let across = libm::asin((libm::sin(here) * libm::sin(turn)).clamp(-1.0, 1.0));
        let along = libm::acos((libm::cos(here) / libm::cos(across)).clamp(-1.0, 1.0));
        if along >= whole { self.distance_m(to) } else { across.abs() * EARTH_RADIUS_M }
    }

    /// Where another point lies on a plane that touches the earth here: metres to the east and to the north. Good for
    /// what is near.
    pub(super) fn offset_m(self, to: Self) -> (f64, f64) {
        let mut east = to.longitude() - self.longitude();
        if east.abs() > 180.0 {
            east -= libm::copysign(360.0, east);
        }
        let north = to.latitude() - self.latitude();
        let scale = libm::cos(self.latitude().to_radians());
        (east.to_radians() * scale * EARTH_RADIUS_M, north.to_radians() * EARTH_RADIUS_M)
    }

    pub(super) fn save(self, into: &mut impl Sink) {
        into.put(&self.latitude.to_le_bytes());
        into.put(&self.longitude.to_le_bytes());
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let latitude = i32::from_le_bytes(from.take_array()?);
        let longitude = i32::from_le_bytes(from.take_array()?);
        let is_there = latitude.unsigned_abs() <= 900_000_000 && longitude.unsigned_abs() <= 1_800_000_000;
        if is_there { Ok(Self { latitude, longitude }) } else { Err(ImageError::Damaged("a place on the earth")) }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 180 degrees in ten-millionths, which an i32 holds")]
fn parts(degrees: f64) -> i32 {
    libm::round(degrees * PARTS) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(latitude: f64, longitude: f64) -> Point {
        Point::new(latitude, longitude).unwrap()
    }

    #[test]
    fn distances_are_those_of_known_pairs() {
        // A quarter of a meridian, and Sinnott's own point: tiny distances keep their digits.
        let quarter = std::f64::consts::FRAC_PI_2 * EARTH_RADIUS_M;
        assert!((point(0.0, 0.0).distance_m(point(90.0, 0.0)) - quarter).abs() < 1e-3);
        assert!((point(0.0, 0.0).distance_m(point(0.0, 0.000_01)) - 1.112).abs() < 0.001);
        assert!((point(0.0, 179.5).distance_m(point(0.0, -179.5)) - 111_195.0).abs() < 1.0);
        assert!((point(36.12, -86.67).distance_m(point(33.94, -118.4)) - 2_886_448.0).abs() < 5.0);
    }

    #[test]
    fn the_nearest_point_of_a_way_may_be_an_end() {
        let (from, to) = (point(0.0, 0.0), point(0.0, 10.0));
        let degree = EARTH_RADIUS_M.to_radians();
        assert!((point(1.0, 5.0).distance_from_way_m(from, to) - degree).abs() < 1.0);
        assert!((point(0.0, -1.0).distance_from_way_m(from, to) - degree).abs() < 1.0);
        assert!((point(0.0, 11.0).distance_from_way_m(from, to) - degree).abs() < 1.0);
        assert!((point(0.0, 1.0).distance_from_way_m(from, from) - degree).abs() < 1.0);
    }

    #[test]
    fn what_is_not_on_the_earth_is_no_point() {
        for (latitude, longitude) in [(f64::NAN, 0.0), (0.0, f64::INFINITY), (90.1, 0.0), (0.0, -180.5)] {
            assert_eq!(Point::new(latitude, longitude), None);
        }
    }
}
