//! Surveys of all stock and all sources: what to count next, what nothing watches, what nobody sees.
//!
//! Invariant: the thread that decides answers small questions only, each about a bounded number of accounts; whatever
//! takes longer happens here, on a thread that may wait, for a few callers at a time.

use crate::App;
use crate::http::Problem;
use ledger::{Catalog, DeviceCard, LocationId, LotId, Position, ProductId, Status, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use watch::counts::{Budget, Candidate, Costs, Proposal, propose};
use watch::coverage::{Cover, Days, PlacedBalance, Sentinel, SourceFacts, Spot, blind_spots, is_declared, zone_of};
use watch::{Balance, Condition, Confidence, Covered};

/// Accounts that one question looks at: about a millisecond.
const SCANNED: u32 = 10_000;
/// Balances whose rule is looked up by one question.
const RATES: usize = 500;
/// Places whose rules are looked up by one question.
const PLACES: usize = 50;
/// Places of a map at most.
pub(crate) const SPOTS_MAX: usize = 5_000;

/// Runs a survey where it holds up nobody, a few at a time.
///
/// # Errors
/// Those of the survey.
pub(crate) async fn run<T: Send + 'static>(
    app: &App,
    survey: impl FnOnce(&App) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let gate = Arc::clone(&app.gates().surveys);
    let _turn = gate.acquire_owned().await.map_err(|error| Problem::failed(&error))?;
    let app = app.clone();
    crate::http::page::blocking(move || survey(&app)).await
}

/// Balances, and when they stood so.
pub(crate) struct Balances {
    pub(crate) items: Vec<Balance>,
    /// Where to go on; `None` at the end.
    pub(crate) next: Option<u32>,
    pub(crate) position: Position,
    pub(crate) now: Timestamp,
}

/// The balances for which `is_wanted`, from account number `from` on, until there are `limit`, or `slices` questions were
/// asked.
///
/// # Errors
/// 429 and 503 as for events.
pub(crate) fn balances(
    app: &App,
    warehouse: Option<LocationId>,
    from: u32,
    (limit, slices): (usize, usize),
    is_wanted: impl Fn(&Balance, Timestamp) -> bool,
) -> Result<Balances, Problem> {
    let engine = app.engine();
    let now = engine.now();
    let mut found = Balances { items: Vec::new(), next: Some(from), position: Position::ZERO, now };
    for _ in 0..slices {
        let Some(from) = found.next else { break };
        let (mut slice, position, has_rates) = engine.ask_and_wait(move |state, watch| {
            (watch.balances(state, warehouse, from, SCANNED, now), state.position(), watch.has_read_rates())
        })?;
        if has_rates {
            look_up_rates(app, &mut slice.items)?;
        }
        (found.next, found.position) = (slice.next, position);
        for balance in slice.items {
            if !is_wanted(&balance, now) {
                continue;
            }
            found.items.push(balance);
            if found.items.len() >= limit {
                let after = balance.account.0 + 1;
                found.next = found.next.map_or(Some(after), |next| Some(next.min(after)));
                return Ok(found);
            }
        }
    }
    Ok(found)
}

fn look_up_rates(app: &App, balances: &mut [Balance]) -> Result<(), Problem> {
    for part in balances.chunks_mut(RATES) {
        let asked: Vec<(ProductId, LocationId)> =
            part.iter().map(|balance| (balance.product, balance.location)).collect();
        let rates: Vec<Option<f64>> = app.engine().ask_and_wait(move |state, watch| {
            asked.into_iter().map(|(product, location)| watch.read_rate(state, product, location)).collect()
        })?;
        for (balance, rate) in part.iter_mut().zip(rates) {
            balance.evidence.read_rate = rate;
        }
    }
    Ok(())
}

/// A balance with its names.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) candidate: Candidate,
    pub(crate) warehouse: Arc<str>,
    pub(crate) name: Box<str>,
    pub(crate) unit: Box<str>,
    pub(crate) lot: Option<Arc<str>>,
    pub(crate) status: Status,
}

/// The balances with their names.
pub(crate) fn named(app: &App, balances: &[Balance], now: Timestamp) -> Vec<Named> {
    let mut all = Vec::with_capacity(balances.len());
    // Commits wait while the views are held.
    for part in balances.chunks(SCANNED as usize) {
        let views = app.engine().views();
        all.extend(part.iter().map(|balance| name(views.catalog(), balance, now)));
    }
    all
}

fn name(catalog: &Catalog, balance: &Balance, now: Timestamp) -> Named {
    let product = catalog.product(balance.product);
    let key = catalog.account(balance.account);
    Named {
        candidate: Candidate {
            product: Arc::clone(&product.name),
            location: Arc::clone(&catalog.location(balance.location).path),
            on_hand: balance.on_hand,
            daily_use: balance.daily_use,
            confidence: Confidence::judge(&balance.evidence, now),
        },
        warehouse: Arc::clone(&catalog.location(balance.warehouse).path),
        name: product.card.as_ref().map_or(Box::default(), |card| card.name.clone()),
        unit: product.base_unit().into(),
        lot: (key.lot != LotId::NONE).then(|| Arc::clone(&catalog.lot(key.lot).name)),
        status: key.kind.status().unwrap_or(Status::Available),
    }
}

/// A count list with the names of what is on it.
pub(crate) struct CountList {
    pub(crate) proposal: Proposal,
    /// Each line with its balance.
    pub(crate) lines: Vec<(watch::counts::Line, Named)>,
    /// Balances that were looked at.
    pub(crate) balances: usize,
    pub(crate) position: Position,
    pub(crate) now: Timestamp,
}

/// The list of counts that takes the most error out of the books within a budget.
///
/// # Errors
/// As [`balances`].
pub(crate) fn count_list(app: &App, warehouse: Option<LocationId>, budget: Budget) -> Result<CountList, Problem> {
    let found = balances(app, warehouse, 0, (usize::MAX, usize::MAX), |_, _| true)?;
    let named = named(app, &found.items, found.now);
    let candidates: Vec<Candidate> = named.iter().map(|named| named.candidate.clone()).collect();
    let proposal = propose(&candidates, budget, &Costs::default());
    let lines = proposal.lines.iter().map(|line| (*line, named[line.candidate].clone())).collect();
    Ok(CountList { proposal, lines, balances: named.len(), position: found.position, now: found.now })
}

/// The number of a warehouse; `None` for a name that is none.
pub(crate) fn warehouse(app: &App, name: &str) -> Option<LocationId> {
    let views = app.engine().views();
    let catalog = views.catalog();
    catalog.find_location(name).filter(|id| catalog.location(*id).warehouse == *id)
}

/// A product at a place for which nobody has declared a rule.
pub(crate) struct UnruledProduct {
    pub(crate) product: Arc<str>,
    pub(crate) place: Arc<str>,
    pub(crate) on_hand: ledger::Quantity,
    pub(crate) covers: Vec<(Condition, Cover)>,
}

/// Products at places for which nobody has declared a rule, and where to go on.
///
/// # Errors
/// As [`balances`].
pub(crate) fn unruled_products(
    app: &App,
    from: u32,
    limit: usize,
) -> Result<(Vec<UnruledProduct>, Option<u32>, Position), Problem> {
    let ask =
        move |state: &ledger::State, watch: &watch::Watch| (watch.uncovered(state, from, limit), state.position());
    let (slice, position) = app.engine().ask_and_wait(ask)?;
    let views = app.engine().views();
    let catalog = views.catalog();
    let items = slice.items.into_iter().map(|item| UnruledProduct {
        product: Arc::clone(&catalog.product(item.product).name),
        place: Arc::clone(&catalog.location(item.place).path),
        on_hand: ledger::Quantity::from_micros(item.on_hand),
        covers: item.covers,
    });
    Ok((items.collect(), slice.next, position))
}

/// Every warehouse and zone, by path.
fn zones(app: &App) -> BTreeSet<String> {
    let mut zones = BTreeSet::new();
    let mut from = 0;
    loop {
        let views = app.engine().views();
        let catalog = views.catalog();
        let (count, end) = (catalog.locations().len(), from + SCANNED as usize);
        for index in from..end.min(count) {
            let zone = zone_of(&catalog.location(LocationId::at(index)).path, 2);
            if !zones.contains(zone) {
                zones.insert(zone.to_owned());
            }
        }
        if end >= count {
            return zones;
        }
        from = end;
    }
}

/// A warehouse or zone, and how each condition over stock is covered there.
pub(crate) type PlaceCover = (String, Vec<(Condition, Cover)>);

/// Warehouses and zones for which no declared rule covers every product, after `after` by name, `limit` at most; and the
/// name to go on after.
///
/// # Errors
/// As [`balances`].
pub(crate) fn unruled_places(
    app: &App,
    after: &str,
    limit: usize,
) -> Result<(Vec<PlaceCover>, Option<String>, Position), Problem> {
    let mut found = Vec::new();
    let mut position = app.engine().position();
    let zones: Vec<String> = zones(app).into_iter().filter(|zone| zone.as_str() > after).collect();
    for part in zones.chunks(PLACES) {
        let asked = part.to_vec();
        let (covers, at) = app.engine().ask_and_wait(move |state, watch| {
            let covers = |zone: &String| {
                let catalog = state.catalog();
                let warehouse = catalog.find_location(zone_of(zone, 1));
                let card = warehouse.and_then(|warehouse| catalog.location(warehouse).card.as_ref());
                let region = card.map_or("", |card| &*card.region);
                watch.rules().covers(Covered { location: zone, region, ..Covered::default() })
            };
            (asked.iter().map(covers).collect::<Vec<_>>(), state.position())
        })?;
        position = at;
        for (zone, covers) in part.iter().zip(covers).filter(|(_, covers)| !is_declared(covers)) {
            found.push((zone.clone(), covers));
            if found.len() >= limit {
                return Ok((found, Some(zone.clone()), position));
            }
        }
    }
    Ok((found, None, position))
}

/// A device or another source.
pub(crate) struct SourceItem {
    pub(crate) name: String,
    /// What was declared of it.
    pub(crate) card: Option<DeviceCard>,
    /// How it is; `None` for a device that never sent anything.
    pub(crate) facts: Option<SourceFacts>,
}

impl SourceItem {
    /// How it is, in a word: `silent`, `late`, `heard`, `unwatched`, `never_heard`.
    pub(crate) fn state(&self, now: Timestamp) -> &'static str {
        let Some(facts) = &self.facts else { return "never_heard" };
        match (facts.is_silent, self.interval(), facts.silent_after, facts.last_heard) {
            (true, ..) => "silent",
            (_, Some(interval), _, Some(at)) if at.plus(interval) < now => "late",
            (_, _, Some(_), _) => "heard",
            _ => "unwatched",
        }
    }

    /// How often it should speak, in microseconds.
    pub(crate) fn interval(&self) -> Option<i64> {
        self.card.as_ref().and_then(|card| card.interval_micros)
    }

    /// When it was last heard.
    pub(crate) fn last_heard(&self) -> Option<Timestamp> {
        self.facts.and_then(|facts| facts.last_heard)
    }
}

/// Every declared device and everything that ever sent anything, by name.
///
/// # Errors
/// As [`balances`].
pub(crate) fn sources(app: &App) -> Result<(Vec<SourceItem>, Position), Problem> {
    let mut all: BTreeMap<String, SourceItem> = BTreeMap::new();
    let (mut from, mut position) = (Some(0), Position::ZERO);
    while let Some(at) = from {
        let ask =
            move |state: &ledger::State, watch: &watch::Watch| (watch.source_facts(at, SCANNED), state.position());
        let (slice, as_of) = app.engine().ask_and_wait(ask)?;
        (from, position) = (slice.next, as_of);
        let views = app.engine().views();
        for facts in slice.items {
            let name = views.catalog().party(facts.party).to_owned();
            all.insert(name.clone(), SourceItem { name, card: None, facts: Some(facts) });
        }
    }
    let views = app.engine().views();
    for card in views.catalog().devices() {
        let name = card.device.to_string();
        let item = all.entry(name.clone()).or_insert(SourceItem { name, card: None, facts: None });
        item.card = Some(card.clone());
    }
    drop(views);
    Ok((all.into_values().collect(), position))
}

/// Who has looked at each place of a map.
pub(crate) struct Map {
    pub(crate) spots: Vec<Spot>,
    /// Places that are left out because there are too many.
    pub(crate) left_out: usize,
    pub(crate) position: Position,
}

/// Who has looked at each place, `depth` parts of its path deep.
///
/// # Errors
/// As [`balances`].
pub(crate) fn map(app: &App, warehouse: Option<LocationId>, depth: usize, days: Days) -> Result<Map, Problem> {
    let found = balances(app, warehouse, 0, (usize::MAX, usize::MAX), |balance, _| balance.on_hand > 0)?;
    let mut paths: Vec<(Arc<str>, Timestamp)> = Vec::with_capacity(found.items.len());
    for part in found.items.chunks(SCANNED as usize) {
        let views = app.engine().views();
        let path = |balance: &Balance| Arc::clone(&views.catalog().location(balance.location).path);
        paths.extend(part.iter().map(|balance| (path(balance), balance.evidence.last_count)));
    }
    let only = warehouse.map(|id| Arc::clone(&app.engine().views().catalog().location(id).path));
    let (sources, position) = sources(app)?;
    let is_here = |location: &str| only.as_deref().is_none_or(|only| zone_of(location, 1) == only);
    let sentinel = |source: &'_ SourceItem| {
        let card = source.card.as_ref()?;
        let interval = source.facts.and_then(|facts| facts.silent_after).or(card.interval_micros);
        let (device, location) = (card.device.clone(), card.location.clone());
        is_here(&location).then_some((device, location, source.last_heard(), interval))
    };
    let standing: Vec<_> = sources.iter().filter_map(sentinel).collect();
    let sentinels: Vec<Sentinel<'_>> = standing
        .iter()
        .map(|(device, location, last_heard, interval)| Sentinel {
            device,
            location,
            last_heard: *last_heard,
            interval: *interval,
        })
        .collect();
    let placed = paths.iter().map(|(location, last_count)| PlacedBalance { location, last_count: *last_count });
    let mut spots = blind_spots(placed, &sentinels, depth, days, found.now);
    let left_out = spots.len().saturating_sub(SPOTS_MAX);
    spots.truncate(SPOTS_MAX);
    Ok(Map { spots, left_out, position })
}
