//! Chooses what to count: a tree of places, and a heap of what would be best next.

use super::{Budget, Costs};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// The seed of a table that is never listed.
const SEED: u64 = 1;
const NO_NODE: u32 = u32::MAX;

/// A part of a place: a warehouse, a zone in it, an aisle in that.
struct Node {
    above: u32,
    enter_seconds: f64,
    below: Vec<u32>,
    /// What may be counted here itself; in the order of gain for time once it is sorted, the best last.
    lines: Vec<Count>,
    is_entered: bool,
    /// Counts how often what waits for this place was put on the heap anew.
    version: u32,
}

struct Count {
    index: usize,
    gain: f64,
    seconds: f64,
}

/// The best that a place offers: its first few lines, with the way there.
struct Offer {
    rate: f64,
    node: u32,
    version: u32,
}

impl PartialEq for Offer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Offer {}

impl PartialOrd for Offer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Offer {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rate.total_cmp(&other.rate).then_with(|| other.node.cmp(&self.node)).then(self.version.cmp(&other.version))
    }
}

/// What may be counted, by where it stands.
pub(super) struct Tour<'a> {
    costs: &'a Costs,
    nodes: Vec<Node>,
    named: HashMap<(u32, &'a str), u32, FixedState>,
    offers: BinaryHeap<Offer>,
}

impl<'a> Tour<'a> {
    pub(super) fn new(costs: &'a Costs) -> Self {
        let named = HashMap::with_hasher(FixedState::with_seed(SEED));
        Self { costs, nodes: Vec::new(), named, offers: BinaryHeap::new() }
    }

    /// Adds what may be counted at a place.
    pub(super) fn add(&mut self, index: usize, location: &'a str, gain: f64, seconds: f64) {
        let mut at = NO_NODE;
        for (depth, part) in location.split('/').enumerate() {
            at = self.node(at, part, depth);
        }
        self.nodes[at as usize].lines.push(Count { index, gain, seconds });
    }

    fn node(&mut self, above: u32, part: &'a str, depth: usize) -> u32 {
        if let Some(node) = self.named.get(&(above, part)) {
            return *node;
        }
        let node = u32::try_from(self.nodes.len()).expect("fewer places than memory has bytes");
        let enter_seconds = self.costs.enter(depth);
        let (below, lines) = (Vec::new(), Vec::new());
        self.nodes.push(Node { above, enter_seconds, below, lines, is_entered: false, version: 0 });
        if above != NO_NODE {
            self.nodes[above as usize].below.push(node);
        }
        self.named.insert((above, part), node);
        node
    }

    /// What to count, the best first, by its index.
    pub(super) fn choose(mut self, budget: Budget) -> Vec<usize> {
        for node in &mut self.nodes {
            let rate = |count: &Count| count.gain / count.seconds;
            node.lines.sort_by(|a, b| rate(a).total_cmp(&rate(b)).then(b.index.cmp(&a.index)));
        }
        for node in 0..u32::try_from(self.nodes.len()).unwrap_or(NO_NODE) {
            self.offer(node);
        }
        let mut left = budget;
        let mut chosen = Vec::new();
        while let Some(offer) = self.offers.pop() {
            if left.lines == 0 {
                break;
            }
            if self.nodes[offer.node as usize].version == offer.version {
                self.accept(offer.node, &mut left, &mut chosen);
            }
        }
        chosen
    }

    /// What is not entered yet of the way to a place, in seconds.
    fn way(&self, node: u32) -> f64 {
        let mut seconds = 0.0;
        let mut at = node;
        while at != NO_NODE && !self.nodes[at as usize].is_entered {
            seconds += self.nodes[at as usize].enter_seconds;
            at = self.nodes[at as usize].above;
        }
        seconds
    }

    /// How many of a place's lines are best taken together: as long as the next is better than those before with the
    /// way; and their gain for their time.
    fn bundle(&self, node: u32) -> Option<(usize, f64)> {
        let mut lines = self.nodes[node as usize].lines.iter().rev();
        let first = lines.next()?;
        let (mut count, mut gain, mut seconds) = (1, first.gain, self.way(node) + first.seconds);
        for line in lines {
            if line.gain * seconds <= gain * line.seconds {
                break;
            }
            (count, gain, seconds) = (count + 1, gain + line.gain, seconds + line.seconds);
        }
        Some((count, gain / seconds))
    }

    fn offer(&mut self, node: u32) {
        let Some((_, rate)) = self.bundle(node) else { return };
        let at = &mut self.nodes[node as usize];
        at.version += 1;
        self.offers.push(Offer { rate, node, version: at.version });
    }

    /// Takes the lines of a place's offer that fit; if none of them does, the best of the others that does. Where nothing
    /// fits, nothing is offered again until somebody comes by on another way.
    fn accept(&mut self, node: u32, left: &mut Budget, chosen: &mut Vec<usize>) {
        let Some((offered, _)) = self.bundle(node) else { return };
        let mut room = left.seconds - self.way(node);
        let lines = &mut self.nodes[node as usize].lines;
        let (mut seen, mut taken, mut at) = (0, 0, lines.len());
        while at > 0 && taken < left.lines && (seen < offered || taken == 0) {
            (at, seen) = (at - 1, seen + 1);
            if lines[at].seconds <= room {
                let line = lines.remove(at);
                room -= line.seconds;
                taken += 1;
                chosen.push(line.index);
            } else if lines[at].seconds > left.seconds {
                lines.remove(at);
            }
        }
        if taken > 0 {
            (left.seconds, left.lines) = (room, left.lines - taken);
            self.enter(node);
            self.offer(node);
        }
    }

    /// Somebody goes to a place: its neighbours are near from now on.
    fn enter(&mut self, node: u32) {
        let mut top = NO_NODE;
        let mut at = node;
        while at != NO_NODE && !self.nodes[at as usize].is_entered {
            self.nodes[at as usize].is_entered = true;
            (top, at) = (at, self.nodes[at as usize].above);
        }
        if top == NO_NODE {
            return;
        }
        let mut near = vec![top];
        while let Some(at) = near.pop() {
            near.extend(&self.nodes[at as usize].below);
            if at != node {
                self.offer(at);
            }
        }
    }
}
