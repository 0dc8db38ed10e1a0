//! `/scan`: the page for a phone or a scanner in the hand.
//!
//! Painted here it is a form that reports one thing at a time and shows what became of it. Its script keeps what is
//! scanned on the device until it is answered, reads codes, and works without a network: then the shell is what its
//! service worker shows, the same page with nothing on it that changes.
//!
//! Invariant: whatever is sent twice counts once. The script gives each action an id; a form carries one from its
//! painting.

mod code;
mod paint;
mod sheet;

pub(crate) use sheet::FirstSeen;

use crate::App;
use crate::auth::Principal;
use crate::dashboard::assets::{self, Asset, SCAN_MANIFEST, SCAN_SCRIPT, SCAN_STYLE, SCAN_WORKER};
use crate::dashboard::layout::{self, Frame, Tab, Waiting};
use crate::dashboard::view::Desk;
use crate::dashboard::{Params, frame, html_page, text};
use crate::http::page::blocking;
use crate::http::submit::{self, Answer};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use engine::Outcome;
use ledger::{Position, Rejection, Timestamp};
use maud::Markup;
use paint::Said;
use serde::Deserialize;
use sheet::{Sheet, Task};
use wire::Batch;
use wire::event::{ContentKind, Defaults};

/// What the page loads beside what every page does.
static ASSETS: [&Asset; 3] = [&SCAN_STYLE, &SCAN_SCRIPT, &SCAN_MANIFEST];
/// The longest form that is read, in bytes: its fields are short.
const FORM_BYTES_MAX: usize = 16 << 10;
/// Lets a worker below `/scan/` serve `/scan` itself.
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");
const UNDO_REASON: &str = "undone on the handheld page";

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/scan", get(show).post(take))
        .route("/scan/undo", post(undo))
        .route("/scan/shell", get(async |State(app): State<App>| html_page(StatusCode::OK, &shell(&app))))
        .route("/scan/worker.js", get(worker))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// The page, filled in as the address says: links may lead to a task, a place and a product.
async fn show(State(app): State<App>, params: Query<Params>) -> Response {
    let field = |name| params.text(name).to_owned();
    let sheet = Sheet {
        task: Task::of(params.text("task")).unwrap_or_default(),
        location: field("location"),
        to: field("to"),
        product: field("product"),
        ..Sheet::default()
    };
    page(&app, StatusCode::OK, sheet, &Said::of(params.text("said"), params.text("position")))
}

fn page(app: &App, status: StatusCode, sheet: Sheet, said: &Said) -> Response {
    let sheet = if sheet.id.is_empty() { Sheet { id: new_id(app), ..sheet } } else { sheet };
    let navigation = layout::navigation(Tab::Scan, &Waiting::of(app));
    let frame = Frame { assets: &ASSETS, ..frame(app, "Scan", Some(&navigation), "") };
    html_page(status, &layout::page(&frame, &paint::body(&sheet, said)))
}

/// A form's id: another one for each painting, also after a restart.
fn new_id(app: &App) -> String {
    format!("form-{}", app.next_request_id())
}

/// The page as it is without a network: nothing on it depends on the stock, the time or who looks.
fn shell(app: &App) -> Markup {
    let navigation = layout::navigation(Tab::Scan, &Waiting::default());
    let frame = Frame {
        title: "Scan",
        navigation: Some(&navigation),
        live: "",
        now: Timestamp(0),
        is_demo: app.settings().demo,
        can_sign_out: false,
        assets: &ASSETS,
    };
    layout::page(&frame, &paint::body(&Sheet::default(), &Said::Nothing))
}

/// The service worker. It names what it keeps by what is in it, so browsers see a new one whenever the page is new.
async fn worker(State(app): State<App>) -> Response {
    let text = worker_text(&shell(&app).into_string());
    let allowed = (SERVICE_WORKER_ALLOWED, HeaderValue::from_static("/scan"));
    let typed = (CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    ([typed, (CACHE_CONTROL, HeaderValue::from_static("no-cache")), allowed], text).into_response()
}

fn worker_text(shell: &str) -> String {
    let version = &blake3::hash(shell.as_bytes()).to_hex()[..12];
    let kept: Vec<&str> = assets::COMMON.iter().chain(&ASSETS).map(|asset| asset.address()).collect();
    let kept = crate::http::json::text(&kept);
    format!("const VERSION = \"{version}\";\nconst ASSETS = {kept};\n{}", SCAN_WORKER.text())
}

async fn take(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(desk): Extension<Desk>,
    Form(mut sheet): Form<Sheet>,
) -> Response {
    let now = app.engine().now();
    let understood = code::understand(&mut sheet, &app.engine().views(), now);
    if let Err(problems) = understood {
        return refused(&app, sheet, problems);
    }
    let Some(event) = sheet.event(desk.first_seen.at(&sheet.id, now)) else { return look_up(&sheet) };
    let defaults = Defaults { actor: &principal.name, source: &principal.name, historical: false, resolves: None };
    let (body, limits) = (event.to_string(), app.settings().events);
    let parsed = wire::event::parse_events(body.as_bytes(), ContentKind::Json, &defaults, app.hasher(), &limits);
    if !parsed.problems.is_empty() {
        let problems = parsed.problems.into_iter().map(|problem| problem.detail).collect();
        return refused(&app, sheet, problems);
    }
    match submit::judge(&app, parsed.batch, false).await.map(|receipt| receipt.outcome(0)) {
        Ok(Outcome::Accepted { position }) => leads_back(&sheet.next(), &Said::Recorded(position)),
        Ok(Outcome::Duplicate { position, held: false }) => leads_back(&sheet.next(), &Said::Before(position)),
        Ok(Outcome::Held { position, .. } | Outcome::Duplicate { position, held: true }) => {
            leads_back(&sheet.next(), &Said::Held(position))
        }
        Ok(Outcome::Rejected { rejection }) => refused(&app, sheet, vec![rejection.to_string()]),
        // It may have been recorded all the same: sent again it must be the same form.
        Err(problem) => page(&app, problem.status(), sheet, &Said::Refused(vec![problem.detail])),
    }
}

/// Where the stock of a product or of a place is shown.
fn look_up(sheet: &Sheet) -> Response {
    let address = match sheet.product.as_str() {
        "" => text::address("/", &[("q", sheet.location.trim())]),
        product => text::product_address(product),
    };
    Redirect::to(&address).into_response()
}

/// Nothing was recorded, so the form that is mended is a new one.
fn refused(app: &App, sheet: Sheet, problems: Vec<String>) -> Response {
    let sheet = Sheet { id: String::new(), ..sheet };
    page(app, StatusCode::UNPROCESSABLE_ENTITY, sheet, &Said::Refused(problems))
}

fn leads_back(sheet: &Sheet, said: &Said) -> Response {
    let (word, position) = said.word().map_or(("", String::new()), |(word, position)| (word, position.to_string()));
    let parameters = [
        ("task", sheet.task.name()),
        ("location", sheet.location.trim()),
        ("to", sheet.to.trim()),
        ("said", word),
        ("position", &position),
    ];
    Redirect::to(&text::address("/scan", &parameters)).into_response()
}

#[derive(Deserialize)]
struct Undo {
    position: u64,
}

async fn undo(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Form(Undo { position }): Form<Undo>,
) -> Response {
    let engine = app.engine().clone();
    let batch = blocking(move || {
        let mut batch = Batch::new();
        engine.push_reversal(&mut batch, &principal.name, Position(position), UNDO_REASON, engine.now())?;
        Ok(batch)
    });
    let answer = match batch.await {
        Ok(batch) => submit::judge(&app, batch, false).await.map(|receipt| submit::answer(&receipt)),
        Err(problem) => Err(problem),
    };
    let problem = match answer {
        Ok(Answer::Done(by) | Answer::Before(by)) => return leads_back(&Sheet::default(), &Said::Undone(by)),
        Ok(Answer::No(Rejection::AlreadyReversed { by } | Rejection::KeyConflict { first: by })) => {
            return leads_back(&Sheet::default(), &Said::Undone(by));
        }
        Ok(Answer::No(rejection)) => rejection.to_string(),
        Err(problem) => problem.detail,
    };
    page(&app, StatusCode::CONFLICT, Sheet::default(), &Said::Refused(vec![problem]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(sheet: &Sheet, said: &Said) -> String {
        paint::body(sheet, said).into_string()
    }

    #[test]
    fn the_form_shows_what_was_filled_in_and_why_it_was_refused() {
        let hostile = "<script>\"&";
        let sheet = Sheet {
            task: Task::Count,
            id: hostile.into(),
            location: hostile.into(),
            product: hostile.into(),
            lot: hostile.into(),
            quantity: hostile.into(),
            ..Sheet::default()
        };
        let html = painted(&sheet, &Said::Refused(vec![hostile.into()]));
        assert_eq!(html.matches("&lt;script&gt;").count(), 6, "{html}");
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("value=\"count\" checked") && html.matches(" checked").count() == 1, "{html}");
        assert!(html.contains("role=\"alert\"") && html.contains("data-field=\"more\" open"));
    }

    #[test]
    fn what_was_said_survives_the_way_through_the_address() {
        let position = Position(17);
        for said in [Said::Recorded(position), Said::Before(position), Said::Held(position), Said::Undone(position)] {
            let (word, at) = said.word().expect("these have words");
            assert_eq!(Said::of(word, &at.to_string()), said);
        }
        assert_eq!(Said::of("recorded", "x"), Said::Nothing);
        assert_eq!(Said::of("", "1"), Said::Nothing);
        let html = painted(&Sheet::default(), &Said::Recorded(position));
        assert!(html.contains("position 17") && html.contains("name=\"position\" value=\"17\""), "{html}");
    }

    #[test]
    fn the_worker_is_another_one_when_the_page_is() {
        let [one, other] = ["<p>1", "<p>2"].map(worker_text);
        assert_ne!(one.lines().next(), other.lines().next());
        assert_eq!(one, worker_text("<p>1"));
        for asset in assets::COMMON.iter().chain(&ASSETS) {
            assert!(one.contains(&format!("\"{}\"", asset.address())), "{}", asset.address());
        }
    }
}
