//! What a query finds, a page at a time.
//!
//! The index narrows the events down to candidates, the query itself judges each; a search looks at so many candidates
//! and no more, and goes on from there when it is asked for the next page.

use super::store::{self, KeptEvent, Store, count, number};
use super::{Repository, parsed};
use engine::Error;
use ledger::{Position, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use wire::epcis::{Event, Query};

/// Candidates that are read at once.
const CHUNK: usize = 256;
/// Candidates that are looked at for one page.
const EXAMINED_MAX: usize = 50_000;
/// Bytes of events after which a page ends.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// Where the next page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What the last event that was looked at is ordered by; how many were shown, in an order of the asker's own.
    key: i64,
    /// Its position.
    position: Position,
    /// How many events were shown before.
    shown: u64,
}

impl Mark {
    /// The mark as it is told to whoever asks.
    pub fn token(&self) -> String {
        format!("{:x}.{:x}.{:x}", self.key.cast_unsigned(), self.position.0, self.shown)
    }

    /// Up to where everything was looked at, in the order of recording.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The mark of a token; `None` when it is none of ours.
    pub fn parse(token: &str) -> Option<Self> {
        let mut parts = token.split('.').map(|part| u64::from_str_radix(part, 16).ok());
        let mut next = || parts.next().flatten();
        let mark = Self { key: next()?.cast_signed(), position: Position(next()?), shown: next()? };
        parts.next().is_none().then_some(mark)
    }
}

/// Which events of those that match.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// How many at most; above zero.
    pub limit: usize,
    /// Where the page before ended.
    pub from: Option<Mark>,
    /// Recorded after this position only.
    pub after: Position,
    /// Recorded up to this position only.
    pub up_to: Position,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The events in the order of the query, with their positions; `recordTime` is when we recorded them.
    pub events: Vec<(Position, Event)>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<Mark>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// More events match than the query wants to hear of.
    #[error("more than {0} events match")]
    TooMany(u64),
    /// Too many events would have to be put in order.
    #[error("more than {0} events would have to be put in order; narrow the query, or order by eventTime")]
    TooComplex(usize),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] Error),
}

/// By what the index itself can order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Position,
    EventTime,
    /// A member that is in no column.
    Member,
}

struct Search<'s> {
    query: &'s Query,
    by: By,
    ascending: bool,
    /// `AND …` for each thing that the index can find candidates by, and its values.
    conditions: String,
    values: Vec<Value>,
}

impl Repository {
    /// The events that `query` matches, as much of them as `part` says.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn search(&self, query: &Query, part: &Part) -> Result<Page, SearchError> {
        let search = Search::new(query, part);
        let store = self.store();
        if let Some(max) = query.max_event_count
            && part.from.is_none()
        {
            let first = usize::try_from(max).unwrap_or(usize::MAX).saturating_add(1).min(EXAMINED_MAX);
            let found = search.walk(store, None, first, usize::MAX)?;
            if u64::try_from(found.events.len()).unwrap_or(u64::MAX) > max {
                return Err(SearchError::TooMany(max));
            }
            if found.next.is_some() {
                return Err(SearchError::TooComplex(EXAMINED_MAX));
            }
        }
        let shown = part.from.map_or(0, |mark| mark.shown);
        let left = query.event_count_limit.map_or(u64::MAX, |limit| limit.saturating_sub(shown));
        let limit = part.limit.min(usize::try_from(left).unwrap_or(usize::MAX));
        if limit == 0 {
            return Ok(Page::default());
        }
        let Page { events, mut next } = match search.by {
            By::Member => search.sort(store, part.from, limit)?,
            _ => search.walk(store, part.from, limit, PAGE_BYTES_MAX)?,
        };
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        if let Some(mark) = &mut next {
            mark.shown = shown + count;
        }
        Ok(Page { events, next: next.filter(|_| count < left) })
    }
}

impl<'s> Search<'s> {
    fn new(query: &'s Query, part: &Part) -> Self {
        let by = match query.order_by.as_deref() {
            None | Some("recordTime") => By::Position,
            Some("eventTime") => By::EventTime,
            Some(_) => By::Member,
        };
        // Without an order, events come as they were recorded.
        let ascending = query.ascending || query.order_by.is_none();
        let mut search = Self { query, by, ascending, conditions: String::new(), values: Vec::new() };
        let from = number(part.after).saturating_add(1);
        let before = number(part.up_to).saturating_add(1);
        search.narrow((Some(from), Some(before)), "position");
        search.hint();
        search
    }

    fn hint(&mut self) {
        let hints = self.query.hints();
        self.narrow(hints.event_time_micros, "event_time");
        self.narrow(hints.record_time_micros, "recorded_at");
        let lists = [
            ("event_type", hints.event_types),
            ("biz_step", hints.biz_steps),
            ("disposition", hints.dispositions),
            ("read_point", hints.read_points),
            ("biz_location", hints.biz_locations),
            ("event_id", hints.event_ids),
        ];
        for (column, wanted) in lists {
            if let Some(wanted) = wanted {
                let places = self.places(wanted);
                self.conditions.push_str(&format!(" AND {column} IN ({places})"));
            }
        }
        for wanted in hints.identifiers {
            let places = self.places(wanted);
            self.conditions.push_str(&format!(" AND position IN (SELECT position FROM epc WHERE epc IN ({places}))"));
        }
    }

    fn narrow(&mut self, (from, before): (Option<i64>, Option<i64>), column: &str) {
        for (bound, op) in [(from, ">="), (before, "<")] {
            if let Some(bound) = bound {
                self.conditions.push_str(&format!(" AND {column} {op} ?"));
                self.values.push(Value::Integer(bound));
            }
        }
    }

    fn places(&mut self, wanted: Vec<String>) -> String {
        let places = vec!["?"; wanted.len()].join(", ");
        self.values.extend(wanted.into_iter().map(Value::Text));
        places
    }

    /// Candidates after `mark` in order, with what they are ordered by.
    fn candidates(&self, connection: &Connection, mark: Option<Mark>) -> rusqlite::Result<Vec<(i64, KeptEvent)>> {
        let (direction, op) = if self.ascending { ("ASC", ">") } else { ("DESC", "<") };
        let key = if self.by == By::EventTime { "event_time" } else { "position" };
        let mut sql = format!("SELECT position, {key} FROM event WHERE true{}", self.conditions);
        let mut values = self.values.clone();
        if let Some(mark) = mark {
            sql.push_str(&format!(" AND ({key}, position) {op} (?, ?)"));
            values.extend([Value::Integer(mark.key), Value::Integer(number(mark.position))]);
        }
        // The bodies are fetched last, so that they are never sorted.
        let sql = format!(
            "SELECT event.position, recorded_at, hash, declares_error, body, found.{key} FROM
             ({sql} ORDER BY {key} {direction}, position {direction} LIMIT ?) AS found JOIN event USING (position)
             ORDER BY found.{key} {direction}, position {direction}"
        );
        values.push(Value::Integer(count(CHUNK)));
        let mut statement = connection.prepare_cached(&sql)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(5)?, store::event(row)?));
        statement.query_map(params_from_iter(values), row)?.collect()
    }

    /// Goes through the candidates from `mark` on until `limit` events match, or enough was looked at.
    fn walk(&self, store: &Store, mut mark: Option<Mark>, limit: usize, bytes_max: usize) -> Result<Page, Error> {
        let mut found = Vec::new();
        let (mut bytes, mut examined) = (0, 0);
        loop {
            let candidates = store.ask(|connection| self.candidates(connection, mark))?;
            let is_last = candidates.len() < CHUNK;
            for (key, kept) in candidates {
                let here = Mark { key, position: kept.position, shown: 0 };
                examined += 1;
                if let Some(event) = parsed(&kept).filter(|event| self.query.matches(event)) {
                    if found.len() == limit || bytes >= bytes_max {
                        // There is at least this one more.
                        return Ok(Page { events: found, next: mark });
                    }
                    bytes += kept.body.len();
                    found.push((kept.position, event));
                }
                mark = Some(here);
            }
            if is_last {
                return Ok(Page { events: found, next: None });
            }
            if examined >= EXAMINED_MAX {
                return Ok(Page { events: found, next: mark });
            }
        }
    }

    /// All that match, in an order that the index does not have.
    fn sort(&self, store: &Store, from: Option<Mark>, limit: usize) -> Result<Page, SearchError> {
        let Page { events: mut all, next } = self.walk(store, None, EXAMINED_MAX, usize::MAX)?;
        if next.is_some() {
            return Err(SearchError::TooComplex(EXAMINED_MAX));
        }
        all.sort_by(|(_, first), (_, second)| self.query.order(first, second));
        let start = from.map_or(0, |mark| usize::try_from(mark.key).unwrap_or(usize::MAX)).min(all.len());
        let end = start.saturating_add(limit).min(all.len());
        let next = (end < all.len()).then(|| Mark { key: count(end), position: Position::ZERO, shown: 0 });
        Ok(Page { events: all.drain(start..end).collect(), next })
    }
}

/// The event of a kept text, as it is told.
pub(super) fn told(kept: &KeptEvent) -> Option<Event> {
    let read = wire::epcis::read(kept.body.as_bytes(), &wire::epcis::Limits::default());
    let mut event = read.document?.events.into_iter().next()?;
    let at: Timestamp = kept.recorded_at;
    event.set("recordTime", wire::epcis::Json::from(&*wire::time::render_timestamp(at)));
    Some(event)
}
