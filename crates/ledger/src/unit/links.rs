//! Which units and serialised units have to do with each other: those that a report names together.

use super::{UnitContent, UnitReport};
use crate::{SerialId, UnitId};
use std::collections::{BTreeMap, BTreeSet};

/// A handling unit or a serialised unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Unit(UnitId),
    Serial(SerialId),
}

impl Node {
    pub(crate) const fn of(content: &UnitContent) -> Option<Self> {
        match content {
            UnitContent::Stock { .. } => None,
            UnitContent::Serial { serial, .. } => Some(Self::Serial(*serial)),
            UnitContent::Unit(unit) => Some(Self::Unit(*unit)),
        }
    }
}

/// Units that have to do with each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) units: BTreeSet<UnitId>,
    pub(crate) serials: BTreeSet<SerialId>,
}

/// Each pair that is named together, in both directions, with how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links(BTreeMap<Node, BTreeMap<Node, u32>>);

impl Links {
    pub(crate) fn has(&self, node: Node) -> bool {
        self.0.contains_key(&node)
    }

    pub(crate) fn add(&mut self, report: &UnitReport) {
        for node in report.contents.iter().filter_map(Node::of) {
            self.link(Node::Unit(report.unit), node);
        }
    }

    pub(crate) fn remove(&mut self, report: &UnitReport) {
        for node in report.contents.iter().filter_map(Node::of) {
            self.unlink(Node::Unit(report.unit), node);
        }
    }

    pub(crate) fn swap_parent(&mut self, unit: UnitId, old: Option<UnitId>, new: Option<UnitId>) {
        self.swap(Node::Unit(unit), old, new);
    }

    pub(crate) fn swap_holder(&mut self, serial: SerialId, old: Option<UnitId>, new: Option<UnitId>) {
        self.swap(Node::Serial(serial), old, new);
    }

    fn swap(&mut self, node: Node, old: Option<UnitId>, new: Option<UnitId>) {
        if let Some(old) = old {
            self.unlink(node, Node::Unit(old));
        }
        if let Some(new) = new {
            self.link(node, Node::Unit(new));
        }
    }

    fn link(&mut self, one: Node, other: Node) {
        for (from, to) in [(one, other), (other, one)] {
            *self.0.entry(from).or_default().entry(to).or_default() += 1;
        }
    }

    fn unlink(&mut self, one: Node, other: Node) {
        for (from, to) in [(one, other), (other, one)] {
            let Some(links) = self.0.get_mut(&from) else { continue };
            if let Some(times) = links.get_mut(&to) {
                *times -= 1;
                if *times == 0 {
                    links.remove(&to);
                }
            }
            if links.is_empty() {
                self.0.remove(&from);
            }
        }
    }

    /// All that has to do with one of `start`, themselves included.
    pub(crate) fn scope(&self, start: impl IntoIterator<Item = Node>) -> Scope {
        let mut scope = Scope::default();
        let mut open: Vec<Node> = start.into_iter().collect();
        while let Some(node) = open.pop() {
            let is_new = match node {
                Node::Unit(unit) => scope.units.insert(unit),
                Node::Serial(serial) => scope.serials.insert(serial),
            };
            if is_new && let Some(links) = self.0.get(&node) {
                open.extend(links.keys());
            }
        }
        scope
    }
}
