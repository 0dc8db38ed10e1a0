//! `GET /v1/history`: ledger entries, the newest first.
//!
//! A product's entries come from the history index, account by account and merged; those under a reference too. Any
//! other question reads the journal backwards, a bounded piece for each page.

use crate::App;
use crate::auth::Principal;
use crate::http::Problem;
use crate::http::entry::{self, EntryReply};
use crate::http::page::{PageReply, Tag, blocking};
use crate::http::past::is_within;
use crate::http::query::Params;
use crate::http::reversal::mark_reversed;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use engine::Handle;
use ledger::{AccountId, AccountKind, Catalog, Decision, DecisionKind, LocationId, Position, Timestamp};
use wire::record::Entry;

/// Entries of a page at most, and when no limit is asked for.
const LIMIT_MAX: usize = 500;
const LIMIT_DEFAULT: usize = 100;
/// Entries that one page looks at, whether they match or not.
const EXAMINED_MAX: usize = 50_000;
/// Positions that are asked of the index at once.
const CHUNK: usize = 512;
/// Entries that are fetched at once, at least.
const PIECE_MIN: usize = 16;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/history", get(list_history))
}

const KNOWN: &[&str] = &[
    "product_id",
    "warehouse_id",
    "location",
    "lot",
    "reference",
    "event",
    "source",
    "from",
    "to",
    "known_from",
    "known_to",
    "limit",
    "cursor",
];

/// What is asked for.
struct Asked {
    product: Option<String>,
    warehouse: Option<String>,
    location: Option<String>,
    lot: Option<String>,
    reference: Option<String>,
    kind: Option<DecisionKind>,
    source: Option<String>,
    occurred: (Timestamp, Timestamp),
    recorded: (Timestamp, Timestamp),
    limit: usize,
    /// Entries before this position only.
    before: Position,
}

impl Asked {
    fn of(params: &Params) -> Result<Self, Problem> {
        let text = |name| params.text(name).map(str::to_owned);
        let kinds = DecisionKind::ALL.map(|kind| (kind.name(), kind));
        let between = |from, to| -> Result<(Timestamp, Timestamp), Problem> {
            Ok((params.time(from)?.unwrap_or(Timestamp::MIN), params.time(to)?.unwrap_or(Timestamp::MAX)))
        };
        Ok(Self {
            product: text("product_id"),
            warehouse: text("warehouse_id"),
            location: text("location"),
            lot: text("lot"),
            reference: text("reference"),
            kind: params.one_of("event", &kinds)?,
            source: text("source"),
            occurred: between("from", "to")?,
            recorded: between("known_from", "known_to")?,
            limit: params.limit(LIMIT_DEFAULT, LIMIT_MAX)?,
            before: params.position("cursor")?.unwrap_or(Position(u64::MAX)),
        })
    }

    /// Whether the question is about some stock, not about entries of any kind.
    fn is_about_stock(&self) -> bool {
        self.product.is_some() || self.warehouse.is_some() || self.location.is_some() || self.lot.is_some()
    }

    fn matches(&self, entry: &Entry, catalog: &Catalog) -> bool {
        let decision = &entry.decision;
        let within = |at: Timestamp, (from, to): (Timestamp, Timestamp)| from <= at && at <= to;
        within(decision.occurred_at, self.occurred)
            && within(decision.recorded_at, self.recorded)
            && self.kind.is_none_or(|kind| kind == decision.kind)
            && self.reference.is_none_or_same(decision.reference.as_deref())
            && self.source.is_none_or_same(Some(catalog.party(decision.source)))
            && (!self.is_about_stock() || entry::accounts(decision).any(|account| self.holds(account, catalog)))
    }

    fn holds(&self, account: AccountId, catalog: &Catalog) -> bool {
        let key = catalog.account(account);
        let path = &*catalog.location(key.location).path;
        let is_inside = |place: &Option<String>| place.as_ref().is_none_or(|place| is_within(path, place));
        self.product.is_none_or_same(Some(&catalog.product(key.product).name))
            && is_inside(&self.warehouse)
            && is_inside(&self.location)
            && self.lot.is_none_or_same(Some(&catalog.lot(key.lot).name))
    }
}

/// A condition on a text that may be absent.
trait Condition {
    fn is_none_or_same(&self, text: Option<&str>) -> bool;
}

impl Condition for Option<String> {
    fn is_none_or_same(&self, text: Option<&str>) -> bool {
        self.as_deref().is_none_or(|wanted| text == Some(wanted))
    }
}

/// Lists ledger entries.
#[utoipa::path(
    get,
    path = "/v1/history",
    tag = "history",
    params(
        ("product_id" = Option<String>, Query, description = "That changed this product"),
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse"),
        ("location" = Option<String>, Query, description = "At this location or below it"),
        ("lot" = Option<String>, Query, description = "Of this lot"),
        ("reference" = Option<String>, Query, description = "Under this order, delivery or shipment"),
        ("event" = Option<String>, Query, description = "Of this kind, such as `item_removed`"),
        ("source" = Option<String>, Query, description = "From this device or system"),
        ("from" = Option<String>, Query, description = "That happened at or after this time"),
        ("to" = Option<String>, Query, description = "That happened at or before this time"),
        ("known_from" = Option<String>, Query, description = "That were recorded at or after this time"),
        ("known_to" = Option<String>, Query, description = "That were recorded at or before this time"),
        ("limit" = Option<usize>, Query, description = "Entries, at most 500; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "Entries, the newest first", body = PageReply<EntryReply>),
        (status = 304, description = "Nothing changed since the `If-None-Match`"),
        (status = 400, description = "A parameter is wrong", body = Problem),
    )
)]
pub(crate) async fn list_history(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = Asked::of(&Params::of(&uri, KNOWN)?)?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let engine = app.engine().clone();
    let (mut page, decisions) = blocking(move || page(&engine, &asked)).await?;
    mark_reversed(&app, &principal, &mut page.items, decisions).await;
    Ok(tag.page(page))
}

/// A page being filled from the newest entry on.
struct Filling<'a> {
    engine: &'a Handle,
    asked: &'a Asked,
    items: Vec<EntryReply>,
    /// Theirs.
    decisions: Vec<Decision>,
    examined: usize,
    /// Everything from here on was looked at.
    reached: Position,
}

impl Filling<'_> {
    /// Looks at entries, the newest first; whether there is room for more.
    fn look<'e>(&mut self, entries: impl Iterator<Item = (Position, &'e Entry)>) -> bool {
        let views = self.engine.views();
        let catalog = views.catalog();
        for (position, entry) in entries {
            if self.items.len() >= self.asked.limit || self.examined >= EXAMINED_MAX {
                return false;
            }
            self.examined += 1;
            self.reached = position;
            if entry.decision.recorded_at < self.asked.recorded.0 {
                // Recorded times never go back: nothing further down can match.
                self.reached = Position(1);
                return false;
            }
            if self.asked.matches(entry, catalog) {
                self.items.push(entry::entry(position, entry, catalog));
                self.decisions.push(entry.decision.clone());
            }
        }
        true
    }
}

/// A page, and what its entries decided.
fn page(engine: &Handle, asked: &Asked) -> Result<(PageReply<EntryReply>, Vec<Decision>), Problem> {
    let present = engine.position();
    let mut before = asked.before.min(present.next());
    if asked.recorded.1 != Timestamp::MAX {
        before = before.min(engine.known_at(asked.recorded.1)?.next());
    }
    let mut filling = Filling { engine, asked, items: Vec::new(), decisions: Vec::new(), examined: 0, reached: before };
    let is_exhausted = if let Some(reference) = &asked.reference {
        fill(&mut filling, |before| Ok(engine.history().positions_of_reference(reference, before, CHUNK)?))?
    } else if let Some(product) = &asked.product {
        let accounts = accounts_of(engine, product, asked);
        fill(&mut filling, |before| newest(engine, &accounts, before))?
    } else {
        scan(&mut filling)?
    };
    let is_end = is_exhausted || filling.reached <= Position(1);
    let next = (!is_end).then(|| filling.reached.to_string());
    Ok((PageReply { items: filling.items, next, as_of_position: present.0 }, filling.decisions))
}

/// Looks at the entries at the positions that `newest` answers, chunk by chunk; whether there were no more.
fn fill(
    filling: &mut Filling<'_>,
    newest: impl Fn(Position) -> Result<Vec<Position>, Problem>,
) -> Result<bool, Problem> {
    loop {
        let positions = newest(filling.reached)?;
        // Each may lie in a block of its own, so no more are fetched than the page is likely to take.
        for piece in positions.chunks(filling.asked.limit.clamp(PIECE_MIN, CHUNK)) {
            let entries = filling.engine.entries(piece)?;
            if !filling.look(entries.iter().map(|(position, entry)| (*position, entry))) {
                return Ok(false);
            }
        }
        if positions.len() < CHUNK {
            return Ok(true);
        }
    }
}

/// Reads the journal backwards, block by block; whether its beginning was reached.
fn scan(filling: &mut Filling<'_>) -> Result<bool, Problem> {
    while filling.reached > Position(1) {
        let last = Position(filling.reached.0 - 1);
        let Some((first, entries)) = filling.engine.block_of(last)? else { return Ok(true) };
        let positions = (first.0..=last.0).map(Position);
        let pairs: Vec<(Position, &Entry)> = positions.zip(&entries).collect();
        if !filling.look(pairs.into_iter().rev()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The newest positions below `before` at which one of the accounts changed, newest first, at most a chunk.
fn newest(engine: &Handle, accounts: &[AccountId], before: Position) -> Result<Vec<Position>, Problem> {
    let mut merged: Vec<Position> = Vec::new();
    for account in accounts {
        merged.extend(engine.history().positions(*account, before, CHUNK)?);
        if merged.len() > 8 * CHUNK {
            keep_newest(&mut merged);
        }
    }
    keep_newest(&mut merged);
    Ok(merged)
}

fn keep_newest(positions: &mut Vec<Position>) {
    positions.sort_unstable_by(|one, other| other.cmp(one));
    positions.dedup();
    positions.truncate(CHUNK);
}

/// The accounts of a product that history is kept of and that are asked for; none when a name is unknown.
fn accounts_of(engine: &Handle, product: &str, asked: &Asked) -> Vec<AccountId> {
    let views = engine.views();
    let catalog = views.catalog();
    let Some(product) = catalog.find_product(product) else { return Vec::new() };
    let place = asked.location.as_ref().or(asked.warehouse.as_ref());
    let warehouses: Vec<LocationId> = match place {
        Some(place) => {
            let warehouse = place.split('/').next().and_then(|name| catalog.find_location(name));
            warehouse.into_iter().collect()
        }
        None => {
            let all = catalog.locations();
            all.filter(|(id, location)| location.warehouse == *id).map(|(id, _)| id).collect()
        }
    };
    let is_kept = |account: &AccountId| {
        let kind = catalog.account(*account).kind;
        (kind.is_on_hand() || matches!(kind, AccountKind::InTransit | AccountKind::OnOrder))
            && asked.holds(*account, catalog)
    };
    warehouses.into_iter().flat_map(|warehouse| catalog.shelf(product, warehouse)).filter(is_kept).collect()
}
