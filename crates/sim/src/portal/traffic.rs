//! Who walks where, and what is read of it.

use super::hall::{self, ANTENNAS, DOORS, SENSITIVITY, SHELVES, Spot};
use super::{Conditions, Movement, Run};
use crate::world::chance::Chance;
use intake::rfid::{Kind, Read, Tag};
use ledger::Timestamp;

/// An antenna inventories this often, in microseconds.
const CYCLE: i64 = 50_000;
const SECOND: i64 = 1_000_000;
/// Passages in a run.
const PASSAGES: i64 = 36;

/// A tag's way: places with their times, straight between them; before and after it isn't there.
struct Walk {
    tag: Tag,
    points: Vec<(i64, Spot)>,
    /// Of a hundred cycles that could read it, how many don't.
    missed_percent: u32,
}

struct Traffic {
    chance: Chance,
    conditions: Conditions,
    walks: Vec<Walk>,
    truth: Vec<Movement>,
}

/// One run of a few minutes.
pub fn play(seed: u64, conditions: Conditions) -> Run {
    let mut traffic = Traffic { chance: Chance::new(seed), conditions, walks: Vec::new(), truth: Vec::new() };
    let end = traffic.carry();
    if conditions.stray {
        traffic.stray(end);
    }
    let mut reads = Vec::new();
    for walk in &traffic.walks {
        let quiet = conditions.missed_percent;
        hear(walk, quiet, &mut traffic.chance, &mut reads);
    }
    if conditions.stray {
        reflections(&traffic.walks, &mut traffic.chance, end, &mut reads);
    }
    reads.sort_by_key(|read: &Read| (read.seen_at, read.tag, read.antenna));
    traffic.truth.sort_by_key(|movement| (movement.at, movement.tag));
    Run { reads, truth: traffic.truth }
}

impl Traffic {
    /// Everything that truly passes; when the last has gone.
    fn carry(&mut self) -> i64 {
        let gap = if self.conditions.crossing { 2 * SECOND } else { 14 * SECOND };
        let mut end = 0;
        for number in 0..PASSAGES {
            let begin = 5 * SECOND + number * gap + self.chance.between(0, gap / 2);
            let door = u16::try_from(self.chance.below(u64::from(DOORS))).expect("few doors");
            let last = match number % 4 {
                0 => self.shelve(begin, door),
                1 if self.conditions.crossing => self.shuttle(begin, door),
                _ => {
                    let is_inwards = self.chance.percent(50);
                    let mut points = vec![self.away(begin, door, is_inwards)];
                    self.pass(&mut points, door, is_inwards)
                }
            };
            end = end.max(last);
        }
        end
    }

    /// Six to eight metres in front of a door, or behind it.
    fn away(&mut self, at: i64, door: u16, is_outside: bool) -> (i64, Spot) {
        let distance = self.chance.between(6_000, 8_000);
        let x = if is_outside { -distance } else { distance };
        (at, Spot { x, y: hall::door(door).y + self.chance.between(-700, 700) })
    }

    /// Adds a way at a walker's or a forklift's speed, 0.8 to 2 m/s; when it ends.
    fn go(&mut self, points: &mut Vec<(i64, Spot)>, to: Spot) -> i64 {
        let (at, from) = points[points.len() - 1];
        let distance = (to.x - from.x).abs().max((to.y - from.y).abs());
        let speed = self.chance.between(800, 2_000);
        let arrives_at = at + distance * SECOND / speed;
        points.push((arrives_at, to));
        arrives_at
    }

    /// Through a door to the other side, as the end of a walk.
    fn pass(&mut self, points: &mut Vec<(i64, Spot)>, door: u16, is_inwards: bool) -> i64 {
        let tag = self.next_tag();
        let end = self.cross(points, tag, door, is_inwards);
        self.walk(tag, std::mem::take(points));
        end
    }

    fn cross(&mut self, points: &mut Vec<(i64, Spot)>, tag: Tag, door: u16, is_inwards: bool) -> i64 {
        let offset = self.chance.between(-700, 700);
        let middle = Spot { x: 0, y: hall::door(door).y + offset };
        let at = self.go(points, middle);
        let kind = if is_inwards { Kind::PassedIn } else { Kind::PassedOut };
        self.truth.push(Movement { tag, kind, place: door, at: Timestamp(at) });
        let (_, behind) = self.away(at, door, !is_inwards);
        self.go(points, behind)
    }

    /// In, onto a shelf for a while, and away behind it.
    fn shelve(&mut self, begin: i64, door: u16) -> i64 {
        let tag = self.next_tag();
        let mut points = vec![self.away(begin, door, true)];
        self.cross(&mut points, tag, door, true);
        let zone = u16::try_from(self.chance.below(u64::from(SHELVES))).expect("few shelves");
        let spot = hall::shelf(zone);
        let spot = Spot { x: spot.x + self.chance.between(-600, 600), y: spot.y + self.chance.between(-600, 600) };
        let arrives_at = self.go(&mut points, spot);
        let leaves_at = arrives_at + self.chance.between(8, 25) * SECOND;
        points.push((leaves_at, spot));
        let end = self.go(&mut points, Spot { x: spot.x + 9_000, y: spot.y });
        for (kind, at) in [(Kind::Arrived, arrives_at), (Kind::Departed, leaves_at)] {
            self.truth.push(Movement { tag, kind, place: zone, at: Timestamp(at) });
        }
        self.walk(tag, points);
        end
    }

    /// In, put down out of reach, and out again some seconds later.
    fn shuttle(&mut self, begin: i64, door: u16) -> i64 {
        let tag = self.next_tag();
        let mut points = vec![self.away(begin, door, true)];
        let at = self.cross(&mut points, tag, door, true);
        let (_, spot) = points[points.len() - 1];
        points.push((at + self.chance.between(1, 6) * SECOND, spot));
        let end = self.cross(&mut points, tag, door, false);
        self.walk(tag, points);
        end
    }

    /// What is read and has not moved through anything.
    fn stray(&mut self, end: i64) {
        for number in 0..6 {
            let door = u16::try_from(number % i64::from(DOORS)).expect("few doors");
            let side = if number % 2 == 0 { -1 } else { 1 };
            let spot = Spot {
                x: side * self.chance.between(2_500, 5_500),
                y: hall::door(door).y + self.chance.between(-1_500, 1_500),
            };
            let tag = self.next_tag();
            self.walk(tag, vec![(0, spot), (end, spot)]);
        }
        for number in 0..8 {
            let door = u16::try_from(number % i64::from(DOORS)).expect("few doors");
            let begin = self.chance.between(0, end);
            let is_outside = self.chance.percent(50);
            let mut points = vec![self.away(begin, door, is_outside)];
            let side = if is_outside { -1 } else { 1 };
            let nearest = side * self.chance.between(900, 2_500);
            if number % 2 == 0 {
                // turns round before the door
                self.go(&mut points, Spot { x: nearest, y: hall::door(door).y });
                let (_, back) = self.away(0, door, is_outside);
                self.go(&mut points, back);
            } else {
                // walks past all of them
                points[0].1 = Spot { x: nearest, y: -8_000 };
                self.go(&mut points, Spot { x: nearest, y: hall::door(DOORS).y + 4_000 });
            }
            let tag = self.next_tag();
            self.walk(tag, points);
        }
    }

    fn next_tag(&self) -> Tag {
        Tag::from(u32::try_from(self.walks.len()).expect("few tags"))
    }

    fn walk(&mut self, tag: Tag, points: Vec<(i64, Spot)>) {
        // tags on metal and liquids are read half as well as those on dry boxes
        let percent = i64::from(self.conditions.missed_percent);
        let missed = self.chance.between(percent / 2, percent * 3 / 2).min(95);
        self.walks.push(Walk { tag, points, missed_percent: u32::try_from(missed).expect("0 to 95") });
    }
}

/// Reads of one tag at every antenna.
fn hear(walk: &Walk, hidden_percent: u8, chance: &mut Chance, reads: &mut Vec<Read>) {
    let (begin, end) = (walk.points[0].0, walk.points[walk.points.len() - 1].0);
    // hidden for 0.2 to 1 s at a time, a third as much of the time as cycles are missed
    let hides_per_million = u32::from(hidden_percent) * 10_000 / 3 * 50 / 600;
    for antenna in 0..ANTENNAS {
        let offset = chance.between(-300, 300);
        let mut hidden_until = i64::MIN;
        let mut at = begin + chance.between(0, CYCLE - 1);
        while at < end {
            let seen_at = at;
            at += CYCLE;
            let strength = hall::strength(antenna, place(&walk.points, seen_at)) + offset;
            if strength < SENSITIVITY - 200 {
                continue;
            }
            if chance.per_million(hides_per_million) {
                hidden_until = seen_at + chance.between(200_000, 1_000_000);
            }
            let rssi = strength + chance.between(-200, 200);
            let is_weak = rssi < SENSITIVITY + 300 && chance.percent(50);
            if seen_at < hidden_until || rssi < SENSITIVITY || is_weak || chance.percent(walk.missed_percent) {
                continue;
            }
            let rssi = i16::try_from(rssi).expect("a strength in hundredths of a dBm");
            reads.push(Read { tag: walk.tag, antenna, seen_at: Timestamp(seen_at), rssi });
        }
    }
}

/// Where a walk is at a time between its first and last point.
fn place(points: &[(i64, Spot)], at: i64) -> Spot {
    let next = points.partition_point(|(time, _)| *time <= at).clamp(1, points.len() - 1);
    let ((from_at, from), (to_at, to)) = (points[next - 1], points[next]);
    let part = |from: i64, to: i64| from + (to - from) * (at - from_at) / (to_at - from_at).max(1);
    Spot { x: part(from.x, to.x), y: part(from.y, to.y) }
}

/// Reads by way of a wall or a forklift's mast: one or two, anywhere, at times strong.
fn reflections(walks: &[Walk], chance: &mut Chance, end: i64, reads: &mut Vec<Read>) {
    for _ in 0..60 {
        let walk = &walks[chance.index(walks.len())];
        let (at, antenna) = (chance.between(0, end), chance.below(u64::from(ANTENNAS)));
        let antenna = u16::try_from(antenna).expect("few antennas");
        for read in 0..chance.between(1, 2) {
            let rssi = i16::try_from(chance.between(-6_900, -5_200)).expect("small");
            reads.push(Read { tag: walk.tag, antenna, seen_at: Timestamp(at + read * CYCLE), rssi });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_the_same_from_the_same_seed_and_misses_as_told() {
        let clear = Conditions { missed_percent: 0, stray: false, crossing: false };
        let poor = Conditions { missed_percent: 40, ..clear };
        let (one, two) = (play(3, clear), play(3, clear));
        assert_eq!((&one.reads, &one.truth), (&two.reads, &two.truth));
        assert!(one.truth.len() > 40);
        let left = play(3, poor).reads.len() * 100 / one.reads.len();
        assert!((45..62).contains(&left), "of 100 reads, 60 less what is hidden: {left}");
    }
}
