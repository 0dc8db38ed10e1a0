//! The hall: where its antennas are and how strongly they hear.

use intake::rfid::{Antenna, Portal, Settings, Side};

/// Doors side by side.
pub(super) const DOORS: u16 = 3;
/// Shelves behind them.
pub(super) const SHELVES: u16 = 2;
/// Between the middles of neighbouring doors, in millimetres.
const DOOR_SPACING: i64 = 4_000;
/// From a door's middle to its antennas, in millimetres.
const ANTENNA_DISTANCE: i64 = 1_000;
/// From the height of a carried tag to the antennas, in millimetres.
const HEIGHT: i64 = 1_500;
/// Below this strength nothing is read, in hundredths of a dBm.
pub(super) const SENSITIVITY: i64 = -7_000;
/// The zone in front of the doors, behind them, and of the first shelf.
const OUTSIDE: u16 = 100;
const INSIDE: u16 = 101;

/// A place on the floor, in millimetres: `x` into the building from the line of the doors, `y` along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) x: i64,
    pub(super) y: i64,
}

/// The smoother's settings for this hall; the rest as by default.
pub fn settings() -> Settings {
    let doors = (0..DOORS).flat_map(|door| [Antenna::Portal(door, Side::Outside), Antenna::Portal(door, Side::Inside)]);
    Settings {
        antennas: doors.chain((0..SHELVES).map(Antenna::Zone)).collect(),
        portals: vec![Portal { inside: INSIDE, outside: OUTSIDE }; usize::from(DOORS)],
        ..Settings::default()
    }
}

/// How many antennas there are.
pub(super) const ANTENNAS: u16 = DOORS * 2 + SHELVES;

/// The middle of a door.
pub(super) fn door(door: u16) -> Spot {
    Spot { x: 0, y: i64::from(door) * DOOR_SPACING }
}

/// Where things stand on a shelf.
pub(super) fn shelf(shelf: u16) -> Spot {
    Spot { x: 14_000, y: i64::from(shelf) * 5_000 }
}

/// How strongly an antenna hears a tag, on the mean, in hundredths of a dBm. A backscattered signal falls by 40 dB for
/// ten times the distance; behind its back a door's antenna hears 8 dB less. A shelf's sends 16 dB less.
pub(super) fn strength(antenna: u16, tag: Spot) -> i64 {
    let is_shelf = antenna >= DOORS * 2;
    let (at, gain) = if is_shelf {
        (shelf(antenna - DOORS * 2), -1_600)
    } else {
        let side = if antenna.is_multiple_of(2) { -1 } else { 1 };
        let is_behind = tag.x.signum() == -side;
        (Spot { x: side * ANTENNA_DISTANCE, ..door(antenna / 2) }, if is_behind { -800 } else { 0 })
    };
    let (x, y) = (tag.x - at.x, tag.y - at.y);
    let square = x * x + y * y + HEIGHT * HEIGHT;
    // 40 log10(d) dB are 6.02 log2(d²) dB; d in metres
    gain - 3_500 - (log2_thousandths(square) - 19_932) * 602 / 1_000
}

/// The binary logarithm of a positive number in thousandths; between powers of two on a straight line, 0.086 too low at
/// most.
fn log2_thousandths(number: i64) -> i64 {
    let whole = i64::from(number.ilog2());
    whole * 1_000 + (number - (1 << whole)) * 1_000 / (1 << whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_antenna_hears_what_is_near_and_in_front() {
        let inside = |x| strength(1, Spot { x, y: 0 });
        assert!((-4_300..-4_100).contains(&inside(1_000)), "straight below: {}", inside(1_000));
        assert!(inside(6_000) < -6_000 && inside(6_000) > SENSITIVITY, "five metres off: {}", inside(6_000));
        assert!(inside(9_000) < SENSITIVITY, "{}", inside(9_000));
        assert!(inside(-1_000) < strength(0, Spot { x: -1_000, y: 0 }) - 800);
        assert!(settings().check().is_ok());
        assert_eq!(settings().antennas.len(), usize::from(ANTENNAS));
    }
}
