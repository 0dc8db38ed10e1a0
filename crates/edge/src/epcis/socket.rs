//! `/epcis/v2/queries/{name}/events` as a WebSocket: what a query finds is sent as it comes.

use super::problem::{Kind, Problem};
use super::standing::Standing;
use super::subscribe::{beginning, rhythm};
use super::{Epcis, form};
use crate::App;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{HOST, ORIGIN, UPGRADE};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use follow::epcis::{NamedQuery, ScheduleFields};
use std::sync::Arc;
use wire::epcis::Query;

/// Bytes of a message from a subscriber, who has nothing to say.
const HEARD_BYTES_MAX: usize = 4 << 10;

/// Whether a request asks for a WebSocket.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Opens the socket that the parameters ask for.
///
/// # Errors
/// 400 when they are wrong, 403 for a page of another site, 429 when there are too many streams.
pub(super) async fn open(
    app: &App,
    epcis: &Epcis,
    (named, query): (NamedQuery, Query),
    request: Request,
) -> Result<Response, Problem> {
    same_origin(request.headers())?;
    let asked = Asked::of(request.uri())?;
    let schedule = rhythm(asked.schedule.as_ref(), asked.stream)?;
    let position = beginning(app, asked.initial_record_time.as_deref()).await?;
    let permit = Arc::clone(&app.gates().streams).try_acquire_owned().map_err(|_| {
        let detail = "all live streams that may be open are; close one, or ask again later";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, Kind::Implementation, detail)
    })?;
    let mut parts = request.into_parts().0;
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, app).await {
        Ok(upgrade) => upgrade,
        Err(refused) => return Ok(refused.into_response()),
    };
    let standing = Standing::new(app.clone(), epcis.clone(), query, (named.name, String::new()), schedule, position);
    let mut stopping = app.stopping();
    Ok(upgrade.max_message_size(HEARD_BYTES_MAX).on_upgrade(move |socket| async move {
        tokio::select! {
            () = tell(socket, standing, asked.report_if_empty) => {}
            () = crate::serve::stopped(&mut stopping) => {}
        }
        drop(permit);
    }))
}

/// Browsers let every page open a socket here, with our cookies: only our own pages may.
fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_same = text(ORIGIN)
        .is_none_or(|origin| origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == text(HOST)));
    let detail = "a page of another site asks for a socket; ask from our own pages, or without an Origin";
    if is_same { Ok(()) } else { Err(Problem::new(StatusCode::FORBIDDEN, Kind::Security, detail)) }
}

/// Sends what is found until the subscriber leaves.
async fn tell(mut socket: WebSocket, mut standing: Standing, report_if_empty: bool) {
    loop {
        tokio::select! {
            () = standing.due() => {}
            heard = socket.recv() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        }
        let mut is_first = true;
        loop {
            let found = match standing.ask().await {
                Ok(found) => found,
                Err(problem) => {
                    // Whoever asked hears why it ends.
                    let _ = socket.send(Message::text(crate::http::json::text(&problem))).await;
                    return;
                }
            };
            let tells_empty = report_if_empty && standing.is_scheduled() && is_first && !found.has_more;
            if (found.count > 0 || tells_empty) && socket.send(Message::text(found.text)).await.is_err() {
                return;
            }
            standing.told(found.position);
            is_first = false;
            if !found.has_more {
                break;
            }
        }
    }
}

/// What the parameters of the address ask for.
#[derive(Default)]
struct Asked {
    schedule: Option<ScheduleFields>,
    stream: bool,
    report_if_empty: bool,
    initial_record_time: Option<String>,
}

impl Asked {
    fn of(uri: &Uri) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for (name, value) in form::pairs(uri)? {
            let flag = || match value.as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(Problem::parameter(&name, "write true or false")),
            };
            match name.as_str() {
                "stream" => asked.stream = flag()?,
                "reportIfEmpty" => asked.report_if_empty = flag()?,
                "initialRecordTime" => asked.initial_record_time = Some(value),
                _ => {
                    let fields = asked.schedule.get_or_insert_default();
                    let field = match name.as_str() {
                        "second" => &mut fields.second,
                        "minute" => &mut fields.minute,
                        "hour" => &mut fields.hour,
                        "dayOfMonth" => &mut fields.day_of_month,
                        "month" => &mut fields.month,
                        "dayOfWeek" => &mut fields.day_of_week,
                        _ => {
                            let detail = "a socket takes stream, a schedule, reportIfEmpty and initialRecordTime";
                            return Err(Problem::parameter(&name, detail));
                        }
                    };
                    *field = value;
                }
            }
        }
        Ok(asked)
    }
}
