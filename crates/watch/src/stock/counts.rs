//! The cheapest next counts: which balances to count, so that a given time takes as much error as possible out of the books.
//!
//! A count is worth what is likely to be wrong: (1 − confidence) times the weight of the balance. It costs the walk to
//! the place, the line, and the units. Places are paths: whoever is in an aisle has paid for the warehouse, the zone
//! and the aisle, so neighbours are cheap. The list is made greedily, by the best gain for its time, and sorted as it is
//! walked; where one warehouse alone gives a better list than all together, it is that one. The same candidates in the
//! same order give the same list.
//!
//! # Source
//! The weight: errors that come one by one and independently add up by the square root of their number, as in A. G. Kök,
//! K. H. Shang: Inspection and Replenishment Policies for Systems with Inventory Record Inaccuracy, Manufacturing &
//! Service Operations Management 9(2), 2007, where the error of a record is a random walk that a count sets to zero.
//! Greedy by gain for cost, beside the best of some single choices: S. Khuller, A. Moss, J. Naor: The Budgeted Maximum
//! Coverage Problem, Information Processing Letters 70(1), 1999. The times of [`Costs`] are assumptions, not measured.

mod tour;

use super::Confidence;
use super::tell::{amount, rounded};
use crate::rule::float;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use tour::Tour;

/// A count that is worth less than this is not proposed.
pub const GAIN_MIN: f64 = 0.01;
/// Micro-units of a unit.
const UNIT: f64 = 1e6;
/// Days whose use the weight takes: what moves until somebody looks again.
const DAYS_WEIGHED: f64 = 7.0;

/// A balance that may be counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The product's name.
    pub product: Arc<str>,
    /// The path of its place, the warehouse first.
    pub location: Arc<str>,
    /// What the books say, in micro-units.
    pub on_hand: i64,
    /// What leaves the warehouse on a usual day, in micro-units.
    pub daily_use: f64,
    /// How likely the books are right.
    pub confidence: Confidence,
}

impl Candidate {
    /// How much an error here matters: the square root of the units that leave in a week or stand there, whichever are
    /// more; 1 at least.
    pub fn weight(&self) -> f64 {
        let week = self.daily_use.max(0.0) * DAYS_WEIGHED;
        let units = week.max(float(self.on_hand.saturating_abs())) / UNIT;
        libm::sqrt(units).max(1.0)
    }

    /// What a count is worth: the error that it is expected to take out of the books.
    pub fn gain(&self) -> f64 {
        (1.0 - self.confidence.value).max(0.0) * self.weight()
    }
}

/// What counting takes, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// To get into a warehouse, into a part of it, and into each part within that; deeper parts cost as the last.
    pub enter_seconds: [f64; 4],
    /// To find a balance and write its count down, whatever stands there.
    pub line_seconds: f64,
    /// To count a unit, up to [`UNITS_COUNTED_SINGLY`](Self::UNITS_COUNTED_SINGLY).
    pub unit_seconds: f64,
    /// To count each further unit, in packs.
    pub packed_unit_seconds: f64,
    /// What a line takes at most.
    pub line_seconds_max: f64,
}

impl Costs {
    /// Units that are counted one by one; more stand in packs.
    pub const UNITS_COUNTED_SINGLY: f64 = 60.0;
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            enter_seconds: [180.0, 60.0, 20.0, 10.0],
            line_seconds: 15.0,
            unit_seconds: 1.0,
            packed_unit_seconds: 0.05,
            line_seconds_max: 900.0,
        }
    }
}

impl Costs {
    /// What it takes to enter a part of a place at this depth; 0 is the warehouse.
    fn enter(&self, depth: usize) -> f64 {
        self.enter_seconds[depth.min(self.enter_seconds.len() - 1)]
    }

    /// What it takes to count a balance by somebody who stands there.
    pub fn count(&self, on_hand: i64) -> f64 {
        let units = float(on_hand.max(0)) / UNIT;
        let single = units.min(Self::UNITS_COUNTED_SINGLY);
        let seconds = single * self.unit_seconds + (units - single) * self.packed_unit_seconds;
        (self.line_seconds + seconds).min(self.line_seconds_max)
    }
}

/// How much may be counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Seconds, the walk included.
    pub seconds: f64,
    /// Lines.
    pub lines: usize,
}

/// A line of a count list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Which candidate, by its place among them.
    pub candidate: usize,
    /// In which order it was chosen: 1 is the best.
    pub rank: usize,
    /// What the count is worth.
    pub gain: f64,
    /// What the way from the line before takes; the way into the place for its first line.
    pub walk_seconds: f64,
    /// What the count itself takes.
    pub count_seconds: f64,
}

/// A count list, in the order in which it is walked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposal {
    /// The lines.
    pub lines: Vec<Line>,
    /// What all of it takes.
    pub seconds: f64,
    /// What all of it is worth.
    pub gain: f64,
    /// What counting every candidate would be worth.
    pub gain_of_all: f64,
    /// Candidates that are worth a count and not on the list.
    pub left: usize,
}

/// The list of counts that takes the most error out of the books within a budget.
///
/// Greedy: a place is gone to for the lines there that are worth most for their time, the way included. No candidates,
/// no time or no lines give an empty list.
pub fn propose(candidates: &[Candidate], budget: Budget, costs: &Costs) -> Proposal {
    let worthy = (0..).zip(candidates).filter(|(_, candidate)| candidate.gain() >= GAIN_MIN);
    let worthy: Vec<usize> = worthy.map(|(index, _)| index).collect();
    let gain_of_all = candidates.iter().map(Candidate::gain).sum();
    let chosen = choose(candidates, &worthy, budget, costs);
    let mut ranked: Vec<(usize, usize)> = chosen.into_iter().zip(1..).collect();
    ranked.sort_by(|(a, _), (b, _)| {
        let (left, right) = (&candidates[*a], &candidates[*b]);
        walk_order(&left.location, &right.location)
            .then_with(|| walk_order(&left.product, &right.product))
            .then(a.cmp(b))
    });
    let mut proposal = Proposal { gain_of_all, left: worthy.len() - ranked.len(), ..Proposal::default() };
    let mut before: &str = "";
    for (index, rank) in ranked {
        let candidate = &candidates[index];
        let line = Line {
            candidate: index,
            rank,
            gain: candidate.gain(),
            walk_seconds: way(before, &candidate.location, costs),
            count_seconds: costs.count(candidate.on_hand),
        };
        before = &candidate.location;
        proposal.seconds += line.walk_seconds + line.count_seconds;
        proposal.gain += line.gain;
        proposal.lines.push(line);
    }
    proposal
}

/// The best choice of those from everywhere and those from one warehouse alone: whoever chooses place by place does not
/// see how near to each other the places of a warehouse are.
fn choose(candidates: &[Candidate], worthy: &[usize], budget: Budget, costs: &Costs) -> Vec<usize> {
    let tour = |indices: &[usize]| {
        let mut tour = Tour::new(costs);
        for index in indices {
            let candidate = &candidates[*index];
            tour.add(*index, &candidate.location, candidate.gain(), costs.count(candidate.on_hand));
        }
        tour.choose(budget)
    };
    let mut warehouses: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for index in worthy {
        let warehouse = candidates[*index].location.split('/').next().unwrap_or_default();
        warehouses.entry(warehouse).or_default().push(*index);
    }
    let gain = |chosen: &[usize]| chosen.iter().map(|index| candidates[*index].gain()).sum::<f64>();
    let mut best = tour(worthy);
    if warehouses.len() > 1 && best.len() < worthy.len() {
        for indices in warehouses.values() {
            let other = tour(indices);
            if gain(&other) > gain(&best) {
                best = other;
            }
        }
    }
    best
}

/// Why a balance is worth a count, in words with figures.
pub fn why(candidate: &Candidate) -> String {
    let confidence = &candidate.confidence;
    let mut words = format!(
        "right with {} %: {}; {} on hand",
        rounded(libm::round(confidence.value * 1000.0) / 10.0),
        confidence.why(),
        amount(candidate.on_hand)
    );
    if candidate.daily_use > 0.0 {
        words.push_str(&format!(", {} leave a day", rounded(candidate.daily_use / UNIT)));
    }
    if confidence.shrinkage >= 0.005 {
        words.push_str(&format!(", counts usually differ by {} %", rounded(confidence.shrinkage * 100.0)));
    }
    words
}

/// What the way into a place takes for somebody who stands at another.
fn way(from: &str, to: &str, costs: &Costs) -> f64 {
    let mut shared = from.split('/');
    let mut is_new = from.is_empty();
    let mut seconds = 0.0;
    for (depth, part) in to.split('/').enumerate() {
        is_new |= shared.next() != Some(part);
        if is_new {
            seconds += costs.enter(depth);
        }
    }
    seconds
}

/// The order in which places are walked: part by part, numbers in parts by their value, so that `bin-2` comes before
/// `bin-10`.
pub fn walk_order(left: &str, right: &str) -> Ordering {
    let parts = left.split('/').map(Some).chain(std::iter::repeat(None));
    for (left, right) in parts.zip(right.split('/').map(Some).chain(std::iter::repeat(None))) {
        match (left, right) {
            (None, None) => break,
            (Some(left), Some(right)) => match by_numbers(left, right) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
            (left, right) => return left.cmp(&right),
        }
    }
    left.cmp(right)
}

fn by_numbers(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        let (Some(a), Some(b)) = (left.chars().next(), right.chars().next()) else { return left.cmp(right) };
        if a.is_ascii_digit() && b.is_ascii_digit() {
            let ((a, rest_left), (b, rest_right)) = (number(left), number(right));
            match a.len().cmp(&b.len()).then_with(|| a.cmp(b)) {
                Ordering::Equal => (left, right) = (rest_left, rest_right),
                unequal => return unequal,
            }
        } else if a == b {
            (left, right) = (&left[a.len_utf8()..], &right[b.len_utf8()..]);
        } else {
            return a.cmp(&b);
        }
    }
}

/// The digits that a text begins with, without leading zeros, and the rest.
fn number(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}
