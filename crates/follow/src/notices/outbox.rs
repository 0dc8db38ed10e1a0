//! The outbox: what each channel is still to be told, in which messages, and what became of them.
//!
//! Whoever sends asks for the [`next`](Outbox::next) message, sends it, and says what became of it. What goes together in a
//! message is settled before it is sent, so that a message that is sent again is the same message under the same id.
//!
//! Invariant: of one alert, a channel is told nothing before what happened earlier was taken or given up.

use super::notice::Notice;
use super::route::{Route, message_id};
use super::schedule::{ATTEMPTS_MAX, again_at};
use super::store::{
    ChannelRecord, KeptNotice, NoticeQuery, NoticeState, Store, channel_record, count, keep_open, notices, number,
    open_alerts,
};
use engine::Error;
use ledger::{Position, Severity, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, named_params, params};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Notices that may wait for one channel; beyond that the oldest are given up.
const PENDING_MAX: usize = 10_000;
/// Notices of one channel that were given up and are kept; beyond that the oldest are forgotten.
const DEAD_MAX: usize = 10_000;
/// Notices of one channel that were taken and are kept to be looked at.
const DELIVERED_MAX: usize = 1_000;
/// The longest reason that is kept, in bytes.
const REASON_BYTES_MAX: usize = 500;

/// Not after another of the same alert that waits.
const NOT_BLOCKED: &str = "NOT EXISTS (SELECT 1 FROM notice AS e WHERE e.channel = n.channel AND e.alert = n.alert
    AND e.state = 'pending' AND e.sequence < n.sequence)";

/// The outbox. Cheap to clone; any thread may use it, and waits for the disk.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    store: Store,
    routes: Vec<Route>,
    observers: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

/// What a channel is told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same whenever the same message is sent again.
    pub id: String,
    /// The channel.
    pub channel: Arc<str>,
    /// What is told, in order; never empty.
    pub notices: Vec<Notice>,
    /// How often it was sent before.
    pub attempts: u32,
    sequences: Vec<i64>,
}

/// What a channel has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Message(Message),
    /// Nothing before this time, or before something changes; `None`: before something changes.
    Wait(Option<Timestamp>),
}

/// What becomes of a message that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent again then.
    Again(Timestamp),
    /// It is given up.
    Dead,
}

/// How far an outbox has looked, when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Entries up to here were looked at.
    pub position: Position,
    /// What happened at and before is not told, but that what is open there is: where the journal ended when the file was
    /// made.
    pub told_from: Position,
    /// That the alerts that are open at `position` were opened, as they are by now.
    pub open: Vec<Notice>,
}

/// What is taken in of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// What is to be told.
    pub(super) notices: Vec<Notice>,
    /// Alerts that are open, as they are by now, and those that no longer are.
    pub(super) open: Vec<(Position, Option<Notice>)>,
}

impl Taken {
    pub(super) fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.open.is_empty()
    }
}

impl Outbox {
    /// Opens the outbox in `file` for the journal of this id that ends at `end`, with these channels. What waits for a channel
    /// that is not among them is given up.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn open(
        file: &Path,
        journal: [u8; 16],
        end: Position,
        routes: Vec<Route>,
        now: Timestamp,
    ) -> Result<(Self, Looked), Error> {
        let (store, (position, told_from)) = Store::open(file, journal, end)?;
        let open = store.ask(open_alerts)?;
        store.change(|to| {
            let mut waiting = to.prepare("SELECT DISTINCT channel FROM notice WHERE state = 'pending'")?;
            let waiting =
                waiting.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
            for gone in waiting.iter().filter(|name| routes.iter().all(|route| *route.name != ***name)) {
                let why = "there is no such channel any more";
                let sql = "UPDATE notice SET state = 'dead', last_error = ?, settled_at = ?
                    WHERE channel = ? AND state = 'pending'";
                to.execute(sql, params![why, now.0, gone])?;
            }
            Ok(())
        })?;
        let inner = Inner { store, routes, observers: Mutex::default() };
        Ok((Self(Arc::new(inner)), Looked { position, told_from, open }))
    }

    /// The channels.
    pub fn routes(&self) -> &[Route] {
        &self.0.routes
    }

    /// Calls `observer` whenever there may be something new to send. It must not wait.
    pub fn observe(&self, observer: impl Fn() + Send + 'static) {
        self.0.observers.lock().expect("no panic under the lock").push(Box::new(observer));
    }

    fn wake(&self) {
        self.0.observers.lock().expect("no panic under the lock").iter().for_each(|observer| observer());
    }

    /// Puts notices in for every channel that wants to hear them, in order, and notes that the journal was looked at up to
    /// `up_to`. What a channel was told of before is not put in again.
    ///
    /// # Errors
    /// [`Error::Index`]; nothing of it is written then.
    pub fn record(&self, notices: &[Notice], up_to: Position, now: Timestamp) -> Result<(), Error> {
        self.take(&Taken { notices: notices.to_vec(), open: Vec::new() }, up_to, now)
    }

    /// As [`record`](Self::record), and notes which alerts are open.
    pub(super) fn take(&self, taken: &Taken, up_to: Position, now: Timestamp) -> Result<(), Error> {
        self.0.store.change(|to| {
            for (alert, notice) in &taken.open {
                keep_open(to, *alert, notice.as_ref())?;
            }
            for route in &self.0.routes {
                let mut is_any = false;
                for notice in taken.notices.iter().filter(|notice| route.filter.passes(notice)) {
                    put_in(to, route, notice, now)?;
                    is_any = true;
                }
                if is_any {
                    bound_pending(to, &route.name, now)?;
                    forget(to, &route.name)?;
                }
            }
            to.execute("UPDATE about SET position = ?", [number(up_to)])
        })?;
        if !taken.notices.is_empty() {
            self.wake();
        }
        Ok(())
    }

    /// The next message of a channel at `now`, or until when there is none. The same message is answered until somebody says
    /// what became of it: one at a time sends for a channel.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn next(&self, channel: &str, now: Timestamp) -> Result<Next, Error> {
        let Some(route) = self.0.routes.iter().find(|route| *route.name == *channel) else {
            return Ok(Next::Wait(None));
        };
        let quiet_until = route.quiet_until(now);
        self.0.store.change(|to| match message(to, route, now, quiet_until.is_some())? {
            Some(message) => Ok(Next::Message(message)),
            None => wait(to, route, quiet_until).map(Next::Wait),
        })
    }

    /// The message was taken.
    ///
    /// # Errors
    /// [`Error::Index`]; the message is sent again then.
    pub fn delivered(&self, message: &Message, now: Timestamp) -> Result<(), Error> {
        self.0.store.change(|to| {
            let mut settle = to.prepare_cached(
                "UPDATE notice SET state = 'delivered', attempts = attempts + 1, last_error = NULL, settled_at = ?
                 WHERE sequence = ?",
            )?;
            for sequence in &message.sequences {
                settle.execute(params![now.0, sequence])?;
            }
            note_success(to, &message.channel, now)?;
            forget(to, &message.channel)
        })
    }

    /// The message was not taken, because of `why`; its receiver may have asked for none before `not_before`.
    ///
    /// # Errors
    /// [`Error::Index`]; the message is sent again at once then.
    pub fn failed(
        &self,
        message: &Message,
        why: &str,
        now: Timestamp,
        not_before: Option<Timestamp>,
    ) -> Result<Fate, Error> {
        let (why, attempts) = (shortened(why), message.attempts + 1);
        let fate = again_at(&message.id, attempts, now, not_before).map_or(Fate::Dead, Fate::Again);
        debug_assert!(attempts <= ATTEMPTS_MAX, "a message is given up after the last attempt");
        self.0.store.change(|to| {
            let (state, at, settled_at) = match fate {
                Fate::Again(at) => ("pending", at, None),
                Fate::Dead => ("dead", now, Some(now.0)),
            };
            let mut settle = to.prepare_cached(
                "UPDATE notice SET state = ?, attempts = ?, next_attempt_at = ?, last_error = ?, settled_at = ?
                 WHERE sequence = ? AND state = 'pending'",
            )?;
            for sequence in &message.sequences {
                settle.execute(params![state, attempts, at.0, why, settled_at, sequence])?;
            }
            note_failure(to, &message.channel, why, now)?;
            forget(to, &message.channel)
        })?;
        Ok(fate)
    }

    /// Notes that a channel took something else than a message that counts, such as a test.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn note_success(&self, channel: &str, now: Timestamp) -> Result<(), Error> {
        self.0.store.change(|to| note_success(to, channel, now))
    }

    /// Notes that a channel failed otherwise than with a message that counts, such as a test.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn note_failure(&self, channel: &str, why: &str, now: Timestamp) -> Result<(), Error> {
        self.0.store.change(|to| note_failure(to, channel, shortened(why), now))
    }

    /// Notices, the newest first.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn notices(&self, query: &NoticeQuery) -> Result<Vec<KeptNotice>, Error> {
        let condition = "(:state IS NULL OR state = :state) AND (:channel IS NULL OR channel = :channel)
            AND (:id IS NULL OR id = :id) AND sequence < :before ORDER BY sequence DESC LIMIT :limit";
        let (state, before) = (query.state.map(NoticeState::name), query.before.unwrap_or(i64::MAX));
        let limit = count(query.limit);
        self.0.store.ask(|from| {
            let parameters = named_params! {
                ":state": state, ":channel": query.channel, ":id": query.id, ":before": before, ":limit": limit
            };
            notices(from, condition, parameters)
        })
    }

    /// How many notices were given up, over all channels.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn dead(&self) -> Result<usize, Error> {
        let sql = "SELECT count(*) FROM notice WHERE state = 'dead'";
        let count = self.0.store.ask(|from| from.query_row(sql, [], |row| row.get::<_, i64>(0)))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// How a channel is.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn channel(&self, name: &str) -> Result<ChannelRecord, Error> {
        self.0.store.ask(|from| channel_record(from, name))
    }

    /// Has a notice that was given up or waits sent at once, to `channel` or wherever it was; answers to how many channels. Its
    /// attempts are counted anew.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn retry(&self, id: &str, channel: Option<&str>, now: Timestamp) -> Result<usize, Error> {
        let names: Vec<&str> = self.0.routes.iter().map(|route| &*route.name).collect();
        let retried = self.0.store.change(|to| {
            let mut retried = 0;
            for name in names.iter().filter(|name| channel.is_none_or(|channel| channel == **name)) {
                // What waits stays in the message that it was sent in, so that it has the same id when it comes again.
                let sql = "UPDATE notice SET message = CASE state WHEN 'dead' THEN NULL ELSE message END,
                    gathers = CASE state WHEN 'dead' THEN 0 ELSE gathers END,
                    state = 'pending', attempts = 0, next_attempt_at = ?1, settled_at = NULL
                    WHERE channel = ?2 AND state IN ('dead', 'pending') AND (id = ?3 OR message = (
                        SELECT message FROM notice WHERE channel = ?2 AND id = ?3 AND state = 'pending'))";
                retried += usize::from(to.execute(sql, params![now.0, name, id])? > 0);
            }
            Ok(retried)
        })?;
        self.wake();
        Ok(retried)
    }

    /// Forgets a notice that was given up or waits, of `channel` or wherever it was; answers of how many channels.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn discard(&self, id: &str, channel: Option<&str>) -> Result<usize, Error> {
        let discarded = self.0.store.change(|to| {
            let sql =
                "DELETE FROM notice WHERE id = ?1 AND state IN ('dead', 'pending') AND (?2 IS NULL OR channel = ?2)";
            to.execute(sql, params![id, channel])
        })?;
        self.wake();
        Ok(discarded)
    }
}

fn put_in(to: &Transaction<'_>, route: &Route, notice: &Notice, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "SELECT min(next_attempt_at) FROM notice
        WHERE channel = ? AND state = 'pending' AND gathers AND message IS NULL";
    let digest_at: Option<i64> = to.prepare_cached(sql)?.query_row([&*route.name], |row| row.get(0))?;
    let entry = route.entry(notice.severity, now, digest_at.map(Timestamp));
    let mut insert = to.prepare_cached(
        "INSERT INTO notice (channel, id, alert, body, state, urgent, gathers, attempts, next_attempt_at, recorded_at)
         VALUES (?, ?, ?, ?, 'pending', ?, ?, 0, ?, ?) ON CONFLICT DO NOTHING",
    )?;
    let (due_at, body) = (entry.due_at.0, notice.render());
    insert.execute(params![
        &*route.name,
        notice.id,
        number(notice.alert),
        body,
        entry.is_urgent,
        entry.gathers,
        due_at,
        now.0
    ])?;
    if notice.severity == Severity::Critical {
        hurry(to, route, notice, now)?;
    }
    Ok(())
}

/// What happened to the alert before need not wait any longer, so that what is critical doesn't wait for it.
fn hurry(to: &Transaction<'_>, route: &Route, notice: &Notice, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE notice SET urgent = 1, gathers = CASE WHEN message IS NULL THEN 0 ELSE gathers END,
        next_attempt_at = min(next_attempt_at, ?1)
        WHERE channel = ?2 AND state = 'pending' AND (alert = ?3 OR message IN (
            SELECT message FROM notice WHERE channel = ?2 AND state = 'pending' AND alert = ?3 AND message IS NOT NULL))";
    to.execute(sql, params![now.0, &*route.name, number(notice.alert)])?;
    Ok(())
}

/// The message to send now.
fn message(to: &Transaction<'_>, route: &Route, now: Timestamp, is_quiet: bool) -> rusqlite::Result<Option<Message>> {
    let name = &*route.name;
    let due = "channel = :channel AND state = 'pending' AND next_attempt_at <= :now";
    let first = format!(
        "{due} AND (urgent OR NOT :quiet) AND {NOT_BLOCKED}
        ORDER BY urgent DESC, next_attempt_at, sequence LIMIT 1"
    );
    let parameters = named_params! { ":channel": name, ":now": now.0, ":quiet": is_quiet };
    let Some(first) = notices(to, &first, parameters)?.pop() else { return Ok(None) };
    let kept = match &first.message {
        Some(message) => {
            let parameters = named_params! { ":channel": name, ":message": message };
            let same = "channel = :channel AND state = 'pending' AND message = :message ORDER BY sequence";
            notices(to, same, parameters)?
        }
        None if first.gathers => {
            // Of one alert, those before are in the same message, or there is none.
            let gathered = "gathers AND message IS NULL AND NOT urgent AND next_attempt_at <= :now";
            let not_blocked = "NOT EXISTS (SELECT 1 FROM notice AS e WHERE e.channel = n.channel AND e.alert = n.alert
                AND e.state = 'pending' AND e.sequence < n.sequence AND NOT (
                e.gathers AND e.message IS NULL AND NOT e.urgent AND e.next_attempt_at <= :now))";
            let group = format!("{due} AND {gathered} AND {not_blocked} ORDER BY sequence LIMIT :max");
            let max = count(route.group_max.max(1));
            notices(to, &group, named_params! { ":channel": name, ":now": now.0, ":max": max })?
        }
        None => vec![first],
    };
    let ids: Vec<&str> = kept.iter().map(|kept| &*kept.notice.id).collect();
    let id = kept[0].message.clone().unwrap_or_else(|| message_id(name, &ids));
    let mut settle = to.prepare_cached("UPDATE notice SET message = ? WHERE sequence = ? AND message IS NULL")?;
    for kept in &kept {
        settle.execute(params![id, kept.sequence])?;
    }
    Ok(Some(Message {
        id,
        channel: Arc::clone(&route.name),
        attempts: kept.iter().map(|kept| kept.attempts).max().unwrap_or(0),
        sequences: kept.iter().map(|kept| kept.sequence).collect(),
        notices: kept.into_iter().map(|kept| kept.notice).collect(),
    }))
}

/// When the next message is due, if none is now.
fn wait(from: &Connection, route: &Route, quiet_until: Option<Timestamp>) -> rusqlite::Result<Option<Timestamp>> {
    let sql = format!(
        "SELECT min(next_attempt_at) FROM notice AS n
        WHERE channel = ? AND state = 'pending' AND urgent = ? AND {NOT_BLOCKED}"
    );
    let mut statement = from.prepare_cached(&sql)?;
    let mut due = |is_urgent: bool| {
        let due: Option<i64> = statement.query_row(params![&*route.name, is_urgent], |row| row.get(0))?;
        Ok::<_, rusqlite::Error>(due.map(Timestamp))
    };
    let quietly = due(false)?.map(|at| quiet_until.map_or(at, |until| at.max(until)));
    Ok(due(true)?.into_iter().chain(quietly).min())
}

fn note_success(to: &Connection, channel: &str, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO channel (name, succeeded_at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET succeeded_at = ?2";
    to.execute(sql, params![channel, now.0])?;
    Ok(())
}

fn note_failure(to: &Connection, channel: &str, why: &str, now: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO channel (name, failed_at, last_error) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET failed_at = ?2, last_error = ?3";
    to.execute(sql, params![channel, now.0, why])?;
    Ok(())
}

/// Gives up the oldest of too many that wait.
fn bound_pending(to: &Connection, channel: &str, now: Timestamp) -> rusqlite::Result<()> {
    let Some(last) = nth_newest(to, channel, NoticeState::Pending, PENDING_MAX)? else { return Ok(()) };
    let why = format!("more than {PENDING_MAX} notices waited");
    let sql = "UPDATE notice SET state = 'dead', last_error = ?, settled_at = ?
        WHERE channel = ? AND state = 'pending' AND sequence <= ?";
    to.execute(sql, params![why, now.0, channel, last])?;
    Ok(())
}

/// Forgets the oldest of too many that are settled.
fn forget(to: &Connection, channel: &str) -> rusqlite::Result<()> {
    for (state, max) in [(NoticeState::Delivered, DELIVERED_MAX), (NoticeState::Dead, DEAD_MAX)] {
        if let Some(last) = nth_newest(to, channel, state, max)? {
            let sql = "DELETE FROM notice WHERE channel = ? AND state = ? AND sequence <= ?";
            to.prepare_cached(sql)?.execute(params![channel, state.name(), last])?;
        }
    }
    Ok(())
}

/// The newest notice that is one too many when `max` are kept.
fn nth_newest(from: &Connection, channel: &str, state: NoticeState, max: usize) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT sequence FROM notice WHERE channel = ? AND state = ? ORDER BY sequence DESC LIMIT 1 OFFSET ?";
    let parameters = params![channel, state.name(), count(max)];
    from.prepare_cached(sql)?.query_row(parameters, |row| row.get(0)).optional()
}

fn shortened(why: &str) -> &str {
    why.get(..why.floor_char_boundary(REASON_BYTES_MAX)).unwrap_or(why)
}
