//! `GET /live`: what is new of a page, for as long as somebody looks at it.
//!
//! After each commit, at most four times a second, and once a second in any case, the page's fragments are painted anew;
//! what differs from what this client was sent last goes out.

use crate::App;
use crate::dashboard::assets::SCRIPT;
use crate::dashboard::fragment::{Fragment, News, Sent};
use crate::dashboard::view::{Desk, View};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// The shortest time between two paintings.
const PAINT_EVERY_MIN: Duration = Duration::from_millis(250);
/// The longest: what is measured changes without commits, too.
const PAINT_EVERY_MAX: Duration = Duration::from_secs(1);
/// How soon a browser that lost the connection asks again.
const RETRY: Duration = Duration::from_secs(1);

/// Messages that may wait for a client; behind that, it gets fewer and newer ones.
const WAITING_MAX: usize = 16;

/// Answers with the stream, or with 503 when there are too many.
pub(crate) fn stream(app: App, desk: Desk, view: View) -> Response {
    let Ok(permit) = Arc::clone(&app.gates().streams).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response();
    };
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        follow(app, desk, view, &sender).await;
        drop(permit);
    });
    let stream = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default());
    ([(CACHE_CONTROL, "no-store"), (axum::http::HeaderName::from_static("x-accel-buffering"), "no")], stream)
        .into_response()
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

/// Sends news until the client or the server goes away.
async fn follow(app: App, desk: Desk, view: View, sender: &Sender) {
    let (mut committed, mut stopping) = (app.committed(), app.stopping());
    let mut sent = Sent::default();
    let hello = Event::default().event("hello").retry(RETRY).data(SCRIPT.address());
    if sender.send(Ok(hello)).await.is_err() {
        return;
    }
    loop {
        committed.mark_unchanged();
        let Some(fragments) = paint(&app, &desk, &view).await else { return };
        // A clock that is set, or that a simulation hurries, is followed.
        if sender.send(Ok(Event::default().event("clock").data(millis(&app)))).await.is_err() {
            return;
        }
        for news in fragments.iter().filter_map(|fragment| sent.news(fragment)) {
            if sender.send(Ok(message(&news))).await.is_err() {
                return;
            }
        }
        let next = async {
            tokio::time::sleep(PAINT_EVERY_MIN).await;
            let _ = tokio::time::timeout(PAINT_EVERY_MAX - PAINT_EVERY_MIN, committed.changed()).await;
        };
        tokio::select! {
            () = next => {}
            () = sender.closed() => return,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

/// The page's fragments now; `None` when they cannot be read, which the page itself then says when it is asked for.
async fn paint(app: &App, desk: &Desk, view: &View) -> Option<Vec<Fragment>> {
    let (app, desk, view) = (app.clone(), desk.clone(), view.clone());
    match tokio::task::spawn_blocking(move || view.paint(&app, &desk)).await {
        Ok(Ok(painted)) => Some(painted.fragments),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a page's news could not be read");
            None
        }
        Err(error) => {
            tracing::error!(%error, "painting a page panicked");
            None
        }
    }
}

/// The time in milliseconds since 1970, as scripts count it.
fn millis(app: &App) -> String {
    (app.engine().now().0 / 1000).to_string()
}

fn message(news: &News) -> Event {
    let text = serde_json::to_string(news).expect("news have text keys");
    Event::default().event("fragment").data(text)
}
