//! One capture: its events judged, and those that are new written with what they mean for stock.
//!
//! What an event means comes before the event itself in the batch: an event that was recorded was booked, even when
//! the batch was torn by a crash. The ids of both are made of the event's id, so a capture that is sent again changes
//! nothing. What can't be booked goes to the held list, and the event is recorded all the same.

use super::problem::{Kind, Problem};
use super::{Epcis, SOURCE, now};
use crate::App;
use crate::http::submit;
use engine::{Handle, Outcome, Receipt};
use follow::epcis::{CaptureError, CaptureJob, KeptEvent, Repository};
use ledger::{Command, Key, Observation, Position, Unusable};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use wire::Batch;
use wire::epcis::meaning::{Meaning, Names, meaning};
use wire::epcis::{Event, Json, Limits, Severity, render};
use wire::event::{ContentKind, Defaults, parse_events};
use wire::observation;

/// Errors and warnings that a capture lists.
const ERRORS_MAX: usize = 100;
/// The longest id that is kept as it is, in bytes.
const ID_BYTES_MAX: usize = 180;
/// Bytes of the JSON of one event.
const EVENT_BYTES_MAX: usize = 4 << 20;
/// Bytes of a held text.
const RAW_BYTES_MAX: usize = 16 << 10;

/// What happens to the other events of a document when one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// None is recorded.
    Rollback,
    /// They are recorded.
    Proceed,
}

impl Behaviour {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Proceed => "proceed",
        }
    }
}

/// An event of a document, and what is wrong with it.
pub(super) struct Received {
    pub(super) event: Event,
    pub(super) problems: Vec<wire::epcis::Problem>,
}

/// What a capture came to.
pub(super) struct Captured {
    pub(super) job: CaptureJob,
    /// The id of each event.
    pub(super) ids: Vec<String>,
    /// The events whose ids were taken by other content.
    pub(super) conflicts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    /// Recorded before.
    Known,
    /// Not to be recorded.
    Refused,
    /// The same id with other content is recorded.
    Conflict,
}

/// An event on its way into the journal.
struct Judged {
    event: Event,
    id: String,
    content: Vec<u8>,
    key_id: String,
    key: Key,
    state: State,
    /// Whether stock follows from it: it was not declared wrong before it came.
    moves: bool,
    /// Whether it declares an earlier event wrong.
    declares: bool,
    /// The entries to reverse, when it does and they are known.
    undoes: Vec<Position>,
    /// The event of the same document that it declares wrong.
    undoes_event: Option<usize>,
}

/// Captures the events of a document, one capture after another. Once begun it is finished, whoever hangs up.
///
/// # Errors
/// The engine takes nothing now; nothing was recorded then, or it is known when it is sent again.
pub(super) async fn capture(
    app: &App,
    epcis: &Epcis,
    actor: Arc<str>,
    received: Vec<Received>,
    behaviour: Behaviour,
) -> Result<Captured, Problem> {
    let (app, epcis) = (app.clone(), epcis.clone());
    let capturing = async move {
        let _turn = epcis.0.capturing.lock().await;
        let job = CaptureJob {
            capture_id: epcis.next_id(app.engine().position()),
            created_at: now(&app),
            capture_error_behaviour: behaviour.name().to_owned(),
            ..CaptureJob::default()
        };
        Capture { app, epcis: epcis.clone(), actor, job, judged: Vec::new() }.run(received, behaviour).await
    };
    tokio::spawn(capturing).await.map_err(|error| Problem::failed(&error))?
}

struct Capture {
    app: App,
    epcis: Epcis,
    actor: Arc<str>,
    job: CaptureJob,
    judged: Vec<Judged>,
}

impl Capture {
    async fn run(mut self, received: Vec<Received>, behaviour: Behaviour) -> Result<Captured, Problem> {
        for (index, one) in received.iter().enumerate() {
            for problem in &one.problems {
                let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
                self.error(severity, Kind::Validation, problem.code, &problem.detail, (Some(index), &problem.path));
            }
        }
        let hasher = *self.app.hasher();
        let looking = self.epcis.ask(&self.app, move |repository| judge(repository, &hasher, received));
        self.judged = looking.await?;
        for index in 0..self.judged.len() {
            if self.judged[index].content.len() > EVENT_BYTES_MAX {
                let detail = format!("the event has more than {EVENT_BYTES_MAX} bytes as JSON");
                self.error("error", Kind::Validation, "too_large", &detail, (Some(index), ""));
            }
        }
        self.rehearse().await?;
        self.find_undone().await?;
        for index in 0..self.judged.len() {
            if self.judged[index].state == State::Conflict {
                let id = wire::problem::shown(&self.judged[index].id);
                let detail = format!("another event with id {id} is recorded; give this one an id of its own");
                self.error("error", Kind::AlreadyExists, "key_conflict", &detail, (Some(index), "eventID"));
            }
        }
        let is_bad = |one: &Judged| matches!(one.state, State::Refused | State::Conflict);
        self.job.success = !self.judged.iter().any(is_bad);
        if self.job.success || behaviour == Behaviour::Proceed {
            self.book().await?;
        }
        self.job.duplicates = self.judged.iter().filter(|one| one.state == State::Known).count();
        let conflicts = self.judged.iter().filter(|one| one.state == State::Conflict).count();
        self.job.finished_at = now(&self.app);
        self.record().await?;
        let ids = self.judged.into_iter().map(|one| one.id).collect();
        Ok(Captured { job: self.job, ids, conflicts })
    }

    fn error(&mut self, severity: &str, kind: Kind, code: &str, detail: &str, (event, path): (Option<usize>, &str)) {
        if self.job.errors.len() == ERRORS_MAX {
            self.job.more_errors += 1;
            return;
        }
        self.job.errors.push(CaptureError {
            kind: kind.name().to_owned(),
            title: code.replace('_', " "),
            severity: severity.to_owned(),
            detail: detail.to_owned(),
            path: path.to_owned(),
            event,
        });
    }

    /// Finds out what the journal knows that the index may not have yet.
    async fn rehearse(&mut self) -> Result<(), Problem> {
        let mut batch = Batch::new();
        let mut places = Vec::new();
        for (index, one) in self.judged.iter().enumerate().filter(|(_, one)| one.state == State::New) {
            push_event(&mut batch, &self.app, &self.actor, one);
            places.push(index);
        }
        let receipt = submit::judge(&self.app, batch, true).await?;
        for (request, index) in places.into_iter().enumerate() {
            self.judged[index].state = match receipt.outcome(request) {
                Outcome::Accepted { .. } => State::New,
                Outcome::Duplicate { .. } => State::Known,
                Outcome::Held { .. } | Outcome::Rejected { .. } => State::Conflict,
            };
        }
        Ok(())
    }

    /// Finds the entries that declarations of errors take back.
    async fn find_undone(&mut self) -> Result<(), Problem> {
        for index in 0..self.judged.len() {
            let one = &self.judged[index];
            if one.state != State::New || !one.declares {
                continue;
            }
            let id = one.id.clone();
            let same_document = self.judged[..index]
                .iter()
                .position(|other| other.id == id && !other.declares && other.state == State::New && other.moves);
            if same_document.is_some() {
                self.judged[index].undoes_event = same_document;
                continue;
            }
            let (found, booked) = self
                .epcis
                .ask(&self.app, move |repository| {
                    let original = repository.events(&id)?.into_iter().find(|(kept, _)| !kept.declares_error);
                    let booked = match &original {
                        Some((kept, _)) => repository.booked(kept.position)?,
                        None => Vec::new(),
                    };
                    Ok((original.map(|(_, event)| event), booked))
                })
                .await?;
            match found {
                Some(event) if booked.is_empty() => self.judged[index].undoes = self.positions_of(&event).await?,
                Some(_) => self.judged[index].undoes = booked,
                None => {
                    let detail = "no event with this id is known yet; when it comes, it will move no stock";
                    self.error("warning", Kind::Validation, "nothing_reversed", detail, (Some(index), "eventID"));
                }
            }
        }
        Ok(())
    }

    /// Where the stock that an event meant was booked, by what the engine remembers of its ids.
    async fn positions_of(&self, event: &Event) -> Result<Vec<Position>, Problem> {
        let stock = Stock::of(event, self.app.engine(), &self.actor);
        let mut batch = Batch::new();
        stock.requests.iter().for_each(|request| batch.push(&request));
        let receipt = submit::judge(&self.app, batch, true).await?;
        let known = (0..receipt.len()).filter_map(|request| match receipt.outcome(request) {
            Outcome::Duplicate { position, held: false } => Some(position),
            _ => None,
        });
        Ok(known.collect())
    }

    /// Writes the events that are new, after what they mean.
    async fn book(&mut self) -> Result<(), Problem> {
        let (app, actor, judged) = (self.app.clone(), Arc::clone(&self.actor), std::mem::take(&mut self.judged));
        let job = self.job.capture_id.clone();
        let making = tokio::task::spawn_blocking(move || {
            let book = Book::of(&app, &actor, &judged, &job);
            (book, judged)
        });
        let (book, judged) = making.await.map_err(|error| Problem::failed(&error))?;
        self.judged = judged;
        let Book { batch, bookings, warnings } = book?;
        let receipt = submit::judge(&self.app, batch, false).await?;
        for (index, code, detail) in warnings {
            self.error("warning", Kind::Validation, code, &detail, (Some(index), ""));
        }
        let mut booked: HashMap<usize, Vec<Position>> = HashMap::new();
        for booking in bookings {
            self.take_outcome(&receipt, booking, &mut booked);
        }
        self.undo_within(&booked).await
    }

    fn take_outcome(&mut self, receipt: &Receipt, booking: Booking, booked: &mut HashMap<usize, Vec<Position>>) {
        let index = booking.event;
        let mut entries = Vec::new();
        for request in booking.stock {
            match receipt.outcome(request) {
                Outcome::Accepted { position } | Outcome::Duplicate { position, held: false } => entries.push(position),
                Outcome::Duplicate { held: true, .. } => {}
                Outcome::Held { rejection, .. } | Outcome::Rejected { rejection } => {
                    let detail = format!("its stock is held for review: {rejection}");
                    self.error("warning", Kind::Validation, rejection.code(), &detail, (Some(index), ""));
                }
            }
        }
        for request in booking.reversals {
            if let Outcome::Held { rejection, .. } | Outcome::Rejected { rejection } = receipt.outcome(request) {
                let detail = format!("an entry was not reversed: {rejection}");
                self.error("warning", Kind::Validation, rejection.code(), &detail, (Some(index), "errorDeclaration"));
            }
        }
        match receipt.outcome(booking.observation) {
            Outcome::Accepted { position } => {
                self.job.captured += 1;
                if !entries.is_empty() {
                    let numbers = std::iter::once(position).chain(entries.iter().copied());
                    self.job.booked.push(numbers.map(|position| position.0).collect());
                }
                booked.insert(index, entries);
            }
            Outcome::Duplicate { .. } => self.judged[index].state = State::Known,
            Outcome::Held { .. } | Outcome::Rejected { .. } => self.judged[index].state = State::Conflict,
        }
    }

    /// Takes back what events of this very document meant that it declares wrong further down.
    async fn undo_within(&self, booked: &HashMap<usize, Vec<Position>>) -> Result<(), Problem> {
        let undone =
            self.judged.iter().filter_map(|one| Some((booked.get(&one.undoes_event?)?, reason_of(&one.event))));
        let undone: Vec<(Vec<Position>, String)> = undone.map(|(entries, why)| (entries.clone(), why)).collect();
        if undone.is_empty() {
            return Ok(());
        }
        let (engine, actor) = (self.app.engine().clone(), Arc::clone(&self.actor));
        let making = tokio::task::spawn_blocking(move || {
            let mut batch = Batch::new();
            for (entries, why) in undone {
                push_reversals(&mut batch, &engine, &actor, &entries, &why)?;
            }
            Ok::<_, Problem>(batch)
        });
        let batch = making.await.map_err(|error| Problem::failed(&error))??;
        submit::judge(&self.app, batch, false).await.map(drop).map_err(Problem::from)
    }

    /// Writes what became of the capture.
    async fn record(&self) -> Result<(), Problem> {
        let content = crate::http::json::text(&self.job);
        let id = format!("capture {}", self.job.capture_id);
        super::record(&self.app, &self.actor, &id, observation::EPCIS_CAPTURE, content).await
    }
}

/// What the index knows of each event.
fn judge(repository: &Repository, hasher: &wire::KeyHasher, received: Vec<Received>) -> Result<Vec<Judged>, Problem> {
    let mut judged: Vec<Judged> = Vec::with_capacity(received.len());
    let mut seen: HashMap<(String, bool), String> = HashMap::new();
    for Received { mut event, problems } in received {
        let hash = event.hash();
        let id = event.event_id().filter(|id| !id.is_empty()).map_or_else(|| hash.clone(), str::to_owned);
        event.set("eventID", Json::from(id.as_str()));
        let declares = event.error_declaration().is_some();
        let content = render::event_json(&event);
        // By itself an event may say less than in its document, which can declare fields that do not count.
        let alone = event_of(&content);
        let said = alone.map_or_else(|| identity(&event, &hash), |alone| identity(&alone, &alone.hash()));
        let (key_id, key) = key_of(hasher, &id, declares, &said);
        let is_faulty = problems.iter().any(|problem| problem.severity == Severity::Error);
        let mut one = Judged {
            event,
            id,
            content: content.into_bytes(),
            key_id,
            key,
            state: State::New,
            moves: !declares,
            declares,
            undoes: Vec::new(),
            undoes_event: None,
        };
        if is_faulty || one.content.len() > EVENT_BYTES_MAX {
            one.state = State::Refused;
        } else if let Some(first) = seen.get(&(one.key_id.clone(), declares)) {
            one.state = if *first == said { State::Known } else { State::Conflict };
        } else {
            let kept = repository.kept(&one.id)?;
            one.state = known(&kept, &one, &said);
            one.moves &= !kept.iter().any(|kept| kept.declares_error);
            one.moves &= !judged.iter().any(|other| other.declares && other.id == one.id);
            seen.insert((one.key_id.clone(), declares), said);
        }
        judged.push(one);
    }
    Ok(judged)
}

fn known(kept: &[KeptEvent], one: &Judged, said: &str) -> State {
    let mut same_kind = kept.iter().filter(|kept| kept.declares_error == one.declares).peekable();
    if same_kind.peek().is_none() {
        return State::New;
    }
    let says_same = |kept: &KeptEvent| match (one.declares, event_of(&kept.body)) {
        (true, Some(event)) => identity(&event, &kept.hash) == said,
        _ => kept.hash == said,
    };
    match (same_kind.any(says_same), one.declares) {
        (true, _) => State::Known,
        // Of one event, several declarations may be made.
        (false, true) => State::New,
        (false, false) => State::Conflict,
    }
}

fn event_of(body: &str) -> Option<Event> {
    wire::epcis::read(body.as_bytes(), &Limits::default()).document?.events.into_iter().next()
}

/// What an event says, in whatever it is written: its hash, and the declaration that the hash leaves out.
fn identity(event: &Event, hash: &str) -> String {
    let mut said = hash.to_owned();
    if let Some(declaration) = event.error_declaration() {
        declaration.push_to(&mut said);
    }
    said
}

/// The idempotency id of an event, and its key; declarations of an event differ by what they say.
fn key_of(hasher: &wire::KeyHasher, id: &str, declares: bool, said: &str) -> (String, Key) {
    let brief = |text: &str| format!("{:032x}", hasher.named(SOURCE, text));
    let mut key_id = if id.len() <= ID_BYTES_MAX { id.to_owned() } else { brief(id) };
    if declares {
        key_id.push('!');
        key_id.push_str(&brief(said)[..16]);
    }
    // The key stands for what the event says, not for how it is written.
    let content = Box::from(said.as_bytes());
    let stand_in = Observation { form: observation::EPCIS.into(), content, ..Observation::default() };
    let key = hasher.command(SOURCE, &key_id, ledger::Timestamp(0), &Command::Observe(Box::new(stand_in)));
    (key_id, key)
}

fn push_event(batch: &mut Batch, app: &App, actor: &str, one: &Judged) {
    let observation =
        Observation { form: observation::EPCIS.into(), content: one.content.clone().into(), ..Observation::default() };
    let command = Command::Observe(Box::new(observation));
    batch.push_command(actor, SOURCE, &one.key_id, one.key, app.engine().now(), command);
}

fn reason_of(event: &Event) -> String {
    let declaration = event.error_declaration();
    let reason = declaration.and_then(|declaration| declaration.get("reason")).and_then(Json::as_text);
    let reason: String =
        reason.unwrap_or("no reason given").chars().filter(|letter| !letter.is_control()).take(200).collect();
    format!("declared wrong: {reason}")
}

/// Adds the reversals of entries, the newest first.
fn push_reversals(
    batch: &mut Batch,
    engine: &Handle,
    actor: &str,
    entries: &[Position],
    why: &str,
) -> Result<(), Problem> {
    for position in entries.iter().rev() {
        engine
            .push_reversal(batch, actor, *position, why, engine.now())
            .map_err(|error| Problem::from(crate::http::Problem::from(error)))?;
    }
    Ok(())
}

/// What an event means for stock, as requests.
struct Stock {
    requests: Batch,
    /// What can't be read as an event of stock: the text and why.
    unreadable: Vec<(String, wire::Problem)>,
}

impl Stock {
    fn of(event: &Event, engine: &Handle, actor: &str) -> Self {
        let Meaning { events, .. } = meaning(event, SOURCE, &Catalogued(engine));
        let defaults = Defaults { actor, source: SOURCE, historical: true, resolves: None };
        let limits = wire::event::Limits::default();
        let mut stock = Self { requests: Batch::new(), unreadable: Vec::new() };
        for event in events {
            let text = serde_json::Value::Object(event).to_string();
            let parsed = parse_events(text.as_bytes(), ContentKind::Json, &defaults, &engine.hasher(), &limits);
            parsed.batch.iter().for_each(|request| stock.requests.push(&request));
            if let Some(problem) = parsed.problems.into_iter().next() {
                stock.unreadable.push((text, problem));
            }
        }
        stock
    }
}

/// Calls things as the catalogue does.
struct Catalogued<'h>(&'h Handle);

impl Names for Catalogued<'_> {
    fn product_of_gtin(&self, gtin14: &str) -> Option<String> {
        let views = self.0.views();
        let catalog = views.catalog();
        catalog.find_gtin(gtin14).map(|id| catalog.product(id).name.to_string())
    }

    fn location_of_gln(&self, gln: &str, extension: Option<&str>) -> Option<String> {
        let views = self.0.views();
        let catalog = views.catalog();
        let path = catalog.find_gln(gln).map(|id| &catalog.location(id).path)?;
        Some(extension.map_or_else(|| path.to_string(), |extension| format!("{path}/{extension}")))
    }
}

/// Where the requests of one event stand in a batch.
struct Booking {
    event: usize,
    stock: Range<usize>,
    reversals: Range<usize>,
    observation: usize,
}

struct Book {
    batch: Batch,
    bookings: Vec<Booking>,
    /// Event, code and detail of what could not be read as stock.
    warnings: Vec<(usize, &'static str, String)>,
}

impl Book {
    fn of(app: &App, actor: &str, judged: &[Judged], job: &str) -> Result<Self, Problem> {
        let engine = app.engine();
        let mut book = Self { batch: Batch::new(), bookings: Vec::new(), warnings: Vec::new() };
        for (event, one) in judged.iter().enumerate().filter(|(_, one)| one.state == State::New) {
            let batch = &mut book.batch;
            let start = batch.len();
            let mut unreadable = Vec::new();
            if one.moves {
                let stock = Stock::of(&one.event, engine, actor);
                stock.requests.iter().for_each(|request| batch.push(&request));
                unreadable = stock.unreadable;
            }
            let end = batch.len();
            let place = format!("epcis capture {job} event {event}");
            for (number, (text, problem)) in unreadable.into_iter().enumerate() {
                push_held(batch, app, actor, &format!("{}#held-{number}", one.key_id), &text, &problem, &place);
                let detail = format!("its stock is held for review: {}", problem.detail);
                book.warnings.push((event, problem.code, detail));
            }
            let reversals = batch.len();
            push_reversals(batch, engine, actor, &one.undoes, &reason_of(&one.event))?;
            let observation = batch.len();
            push_event(batch, app, actor, one);
            book.bookings.push(Booking { event, stock: start..end, reversals: reversals..observation, observation });
        }
        Ok(book)
    }
}

fn push_held(batch: &mut Batch, app: &App, actor: &str, id: &str, text: &str, problem: &wire::Problem, place: &str) {
    let command = Command::Hold(Box::new(Unusable {
        raw: text[..text.floor_char_boundary(RAW_BYTES_MAX)].into(),
        code: problem.code.into(),
        field: problem.field.as_ref().into(),
        detail: problem.detail.as_str().into(),
        place: place.into(),
    }));
    let now = app.engine().now();
    let key = app.hasher().command(SOURCE, id, now, &command);
    batch.push_command(actor, SOURCE, id, key, now, command);
}
