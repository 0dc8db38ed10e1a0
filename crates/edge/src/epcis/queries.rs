//! `/epcis/v2/queries`: questions under a name, kept in the journal.

use super::events::{self, refused};
use super::form::{self, Form, Paging, link_next, pairs};
use super::problem::{Kind, Problem};
use super::{Epcis, ROOT, discovery, encoded, now, socket};
use crate::App;
use crate::auth::Principal;
use crate::http::body;
use crate::http::path::Parted;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use follow::epcis::{NamedQuery, QueryRecord};
use serde::Deserialize;
use serde_json::Value;
use wire::epcis::{Limits, Query};
use wire::observation;

/// Named queries at once.
const QUERIES_MAX: usize = 1_000;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 100;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(
            "/epcis/v2/queries",
            get(list_queries).post(declare_query).options(async || discovery("OPTIONS, GET, POST")),
        )
        .route(
            "/epcis/v2/queries/{name}",
            get(show_query).delete(delete_query).options(async || discovery("OPTIONS, GET, DELETE")),
        )
        .route("/epcis/v2/queries/{name}/events", get(answer_query).options(async || discovery("OPTIONS, GET")))
}

/// The query with this name, as it was given and ready to be asked.
///
/// # Errors
/// 404 `NoSuchNameException`.
pub(super) async fn named(app: &App, epcis: &Epcis, name: &str) -> Result<(NamedQuery, Query), Problem> {
    let asked = name.to_owned();
    let found = epcis.ask(app, move |repository| Ok(repository.query(&asked)?)).await?;
    let absent = || Problem::no_such_name(format!("there is no query {}", wire::problem::shown(name)));
    let found = found.ok_or_else(absent)?;
    let query = parse(&found.query)?;
    Ok((found, query))
}

pub(super) fn parse(query: &Value) -> Result<Query, Problem> {
    Query::from_json(&query.to_string(), &Limits::default()).map_err(|problems| refused(&problems))
}

async fn list_queries(State(app): State<App>, epcis: Epcis, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    Form::of(&headers, false)?;
    let Paging { limit, token } = Paging::of(&uri)?;
    let after = token.unwrap_or_default();
    let mut queries = epcis.ask(&app, move |repository| Ok(repository.queries(&after, limit + 1)?)).await?;
    let has_more = queries.len() > limit;
    queries.truncate(limit);
    let mut response = form::json(StatusCode::OK, &queries);
    if let Some(last) = queries.last().filter(|_| has_more) {
        link_next(&app, &mut response, &uri, &last.name);
    }
    Ok(response)
}

/// A query to be named.
#[derive(Deserialize)]
struct Asked {
    name: String,
    query: Value,
}

async fn declare_query(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    epcis: Epcis,
    request: Request,
) -> Result<Response, Problem> {
    let body = body::json(&app, request).await?;
    let invalid = |detail: String| Problem::new(StatusCode::BAD_REQUEST, Kind::Validation, detail);
    let asked: Asked = serde_json::from_slice(&body)
        .map_err(|error| invalid(format!("{error}; send {{\"name\": \"…\", \"query\": {{…}}}}")))?;
    let is_sane = (1..=NAME_BYTES_MAX).contains(&asked.name.len()) && !asked.name.chars().any(char::is_control);
    if !is_sane || asked.name == "SimpleEventQuery" {
        let detail = format!("name: {} is not taken; use 1 to 100 bytes", wire::problem::shown(&asked.name));
        return Err(invalid(detail));
    }
    parse(&asked.query)?;
    let _turn = epcis.0.declaring.lock().await;
    let name = asked.name.clone();
    let (is_taken, count) = epcis
        .ask(&app, move |repository| {
            Ok((repository.query(&name)?.is_some(), repository.queries("", QUERIES_MAX)?.len()))
        })
        .await?;
    if is_taken {
        let detail = format!("there is a query {} already", wire::problem::shown(&asked.name));
        return Err(Problem::new(StatusCode::CONFLICT, Kind::AlreadyExists, detail));
    }
    if count >= QUERIES_MAX {
        let detail = format!("there are {QUERIES_MAX} queries, which is all there can be; delete one");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, Kind::Implementation, detail));
    }
    let location = format!("{ROOT}/queries/{}", encoded(&asked.name));
    let query = NamedQuery { name: asked.name, query: asked.query, created_at: now(&app) };
    let mut response = form::json(StatusCode::CREATED, &query);
    note(&app, &epcis, &principal.name, &QueryRecord::Declared(query)).await?;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Writes what happened to queries. Whoever changes what there is holds `declaring`.
pub(super) async fn note(app: &App, epcis: &Epcis, actor: &str, record: &QueryRecord) -> Result<(), Problem> {
    let id = format!("query {}", epcis.next_id(app.engine().position()));
    super::record(app, actor, &id, observation::EPCIS_QUERY, crate::http::json::text(record)).await
}

async fn show_query(
    State(app): State<App>,
    epcis: Epcis,
    Parted(name): Parted<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Form::of(&headers, false)?;
    Ok(form::json(StatusCode::OK, &named(&app, &epcis, &name).await?.0))
}

async fn delete_query(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    epcis: Epcis,
    Parted(name): Parted<String>,
) -> Result<Response, Problem> {
    let _turn = epcis.0.declaring.lock().await;
    named(&app, &epcis, &name).await?;
    note(&app, &epcis, &principal.name, &QueryRecord::Deleted { name }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn answer_query(
    State(app): State<App>,
    epcis: Epcis,
    Parted(name): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    if socket::is_asked(request.headers()) {
        let query = named(&app, &epcis, &name).await?;
        return socket::open(&app, &epcis, query, request).await;
    }
    let (uri, form) = (request.uri(), Form::of(request.headers(), true)?);
    let (_, mut query) = named(&app, &epcis, &name).await?;
    for (parameter, value) in pairs(uri)? {
        match parameter.as_str() {
            "perPage" => {
                let count = value.parse::<u64>().ok().filter(|count| *count > 0);
                let wrong = || Problem::parameter("perPage", "give a whole number above zero");
                query.per_page = Some(count.ok_or_else(wrong)?);
            }
            "nextPageToken" => query.next_page_token = Some(value),
            _ => return Err(Problem::parameter(&parameter, "a named query takes perPage and nextPageToken only")),
        }
    }
    events::answer(&app, &epcis, uri, form, query, &name).await
}
