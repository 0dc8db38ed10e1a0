//! The newest changes, for whoever follows live: which product changed in which warehouse, and which alert, at what
//! position.

use ledger::{Decision, LocationId, Position, ProductId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::RwLock;
use views::Views;

/// Changes of stock, and of alerts, that are kept; whoever falls further behind reads everything anew.
const KEPT: usize = 65_536;

/// A product changed in a warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// By the entry at this position.
    pub position: Position,
    /// Which product.
    pub product: ProductId,
    /// In which warehouse.
    pub warehouse: LocationId,
}

/// An alert was opened or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertNews {
    /// By the entry at this position.
    pub position: Position,
    /// Which alert: where it was opened.
    pub alert: Position,
}

/// What changed since a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Each (product, warehouse) once, with its newest change, by position.
    pub stock: Vec<Change>,
    /// Each alert once, with its newest change, by position.
    pub alerts: Vec<AlertNews>,
    /// Whether held inputs came or went.
    pub held: bool,
    /// The position that this reaches up to.
    pub up_to: Position,
}

struct Recent {
    changes: VecDeque<Change>,
    alerts: VecDeque<AlertNews>,
    /// Changes at and before this position may be missing.
    complete_after: Position,
    up_to: Position,
    held_at: Position,
}

pub(crate) struct Feed(RwLock<Recent>);

impl Feed {
    /// A feed that knows nothing of entries up to `position`.
    pub(crate) fn after(position: Position) -> Self {
        Self(RwLock::new(Recent {
            changes: VecDeque::new(),
            alerts: VecDeque::new(),
            complete_after: position,
            up_to: position,
            held_at: position,
        }))
    }

    /// Takes in the entries of a block, the first at `first`, which `views` have just applied.
    pub(crate) fn add(&self, first: Position, decisions: &[Decision], views: &Views) {
        let mut recent = self.0.write().expect("no panic under the lock");
        let mut position = first;
        // Of a block longer than what is kept, only the end would stay.
        let skip = decisions.len().saturating_sub(KEPT);
        for (index, decision) in decisions.iter().enumerate() {
            if index >= skip {
                recent.take(position, decision, views);
            }
            position = position.next();
        }
        if skip > 0 {
            recent.complete_after = Position(first.0 + skip as u64 - 1);
        }
        recent.up_to = Position(position.0 - 1);
    }

    /// What changed after `position`; `None` when that is further back than what is kept.
    pub(crate) fn since(&self, position: Position) -> Option<Changes> {
        let recent = self.0.read().expect("no panic under the lock");
        if position < recent.complete_after {
            return None;
        }
        let mut newest: BTreeMap<(ProductId, LocationId), Position> = BTreeMap::new();
        for change in recent.changes.iter().rev().take_while(|change| change.position > position) {
            newest.entry((change.product, change.warehouse)).or_insert(change.position);
        }
        let mut stock: Vec<Change> = newest
            .into_iter()
            .map(|((product, warehouse), position)| Change { position, product, warehouse })
            .collect();
        stock.sort_unstable_by_key(|change| change.position);
        let mut newest: BTreeMap<Position, Position> = BTreeMap::new();
        for news in recent.alerts.iter().rev().take_while(|news| news.position > position) {
            newest.entry(news.alert).or_insert(news.position);
        }
        let mut alerts: Vec<AlertNews> =
            newest.into_iter().map(|(alert, position)| AlertNews { position, alert }).collect();
        alerts.sort_unstable_by_key(|news| news.position);
        Some(Changes { stock, alerts, held: recent.held_at > position, up_to: recent.up_to.max(position) })
    }
}

impl Recent {
    fn take(&mut self, position: Position, decision: &Decision, views: &Views) {
        let changes = views.changes(position, decision);
        for (product, warehouse) in changes.stock {
            self.push(Change { position, product, warehouse });
        }
        if let Some(alert) = changes.alert {
            self.push_alert(AlertNews { position, alert });
        }
        if changes.held {
            self.held_at = position;
        }
    }

    fn push_alert(&mut self, news: AlertNews) {
        if self.alerts.len() == KEPT
            && let Some(dropped) = self.alerts.pop_front()
        {
            self.complete_after = self.complete_after.max(dropped.position);
        }
        self.alerts.push_back(news);
    }

    fn push(&mut self, change: Change) {
        if self.changes.len() == KEPT
            && let Some(dropped) = self.changes.pop_front()
        {
            self.complete_after = self.complete_after.max(dropped.position);
        }
        self.changes.push_back(change);
    }
}
