//! `/epcis/v2/events`: events are asked for, by the parameters of the simple event query.

use super::form::{self, Form, Paging, link_next, pairs, results};
use super::problem::{Kind, Problem};
use super::{Epcis, discovery, now};
use crate::App;
use crate::http::path::Parted;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use follow::epcis::{Mark, Page, Part};
use ledger::Position;
use wire::epcis::Query;
use wire::epcis::render::QueryNames;

/// The query that has no other name.
const SIMPLE: QueryNames<'static> = QueryNames { query_name: "SimpleEventQuery", subscription_id: None };

pub(super) fn router() -> Router<App> {
    Router::new().route("/epcis/v2/events/{id}", get(show_event).options(async || discovery("OPTIONS, GET")))
}

pub(super) async fn discover() -> Response {
    discovery("OPTIONS, GET, POST")
}

/// The events that the parameters ask for.
pub(super) async fn find_events(
    State(app): State<App>,
    epcis: Epcis,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    find(&app, &epcis, &uri, &headers, Vec::new()).await
}

/// The events that the parameters and `more` ask for together.
pub(super) async fn find(
    app: &App,
    epcis: &Epcis,
    uri: &Uri,
    headers: &HeaderMap,
    more: Vec<(String, String)>,
) -> Result<Response, Problem> {
    let form = Form::of(headers, true)?;
    let given = pairs(uri)?;
    if let Some((name, _)) = more.iter().find(|(name, _)| given.iter().any(|(other, _)| other == name)) {
        return Err(Problem::parameter(name, "the path asks for it already; ask under /epcis/v2/events for more"));
    }
    let all = given.iter().chain(&more).map(|(name, value)| (name.as_str(), value.as_str()));
    let query = Query::from_pairs(all, &extensions(headers)).map_err(|problems| refused(&problems))?;
    answer(app, epcis, uri, form, query, SIMPLE.query_name).await
}

/// What prefixes in the names of extension fields stand for: `GS1-Extensions: example=https://example.com/, …`.
pub(super) fn extensions(headers: &HeaderMap) -> Vec<(String, String)> {
    let given = headers.get_all("gs1-extensions").iter().filter_map(|value| value.to_str().ok());
    let pairs = given.flat_map(|text| text.split(',')).filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(prefix, uri)| (prefix.trim().to_owned(), uri.trim().to_owned())).collect()
}

/// What is wrong with a query.
pub(super) fn refused(problems: &[wire::epcis::Problem]) -> Problem {
    let is_named = problems.first().is_some_and(|problem| problem.code == wire::epcis::PARAMETER_EXCEPTION);
    Problem::invalid(if is_named { Kind::QueryParameter } else { Kind::Validation }, problems)
}

/// Answers a query, a page of it.
pub(super) async fn answer(
    app: &App,
    epcis: &Epcis,
    uri: &Uri,
    form: Form,
    mut query: Query,
    name: &str,
) -> Result<Response, Problem> {
    let paging = Paging::new(query.per_page.take(), query.next_page_token.take());
    let from = paging.token.as_deref().map(|token| {
        Mark::parse(token).ok_or_else(|| Problem::parameter("nextPageToken", "it is none of ours; begin without one"))
    });
    let part =
        Part { limit: paging.limit, from: from.transpose()?, after: Position::ZERO, up_to: app.engine().position() };
    let (created_at, name) = (now(app), name.to_owned());
    let asking = epcis.ask(app, move |repository| {
        let Page { events, next } = repository.search(&query, &part)?;
        let names = QueryNames { query_name: &name, subscription_id: None };
        Ok((results(form, &created_at, names, events.iter().map(|(_, event)| event)), next))
    });
    let (text, next) = asking.await?;
    let mut response = form::text(StatusCode::OK, form, text);
    if let Some(mark) = next {
        link_next(app, &mut response, uri, &mark.token());
    }
    Ok(response)
}

/// The event with an id, and what declares it wrong.
async fn show_event(
    State(app): State<App>,
    epcis: Epcis,
    Parted(id): Parted<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::of(&headers, true)?;
    let created_at = now(&app);
    let asking = epcis.ask(&app, move |repository| {
        let events = repository.events(&id)?;
        if events.is_empty() {
            return Err(Problem::no_such_resource(format!("there is no event {}", wire::problem::shown(&id))));
        }
        Ok(results(form, &created_at, SIMPLE, events.iter().map(|(_, event)| event)))
    });
    Ok(form::text(StatusCode::OK, form, asking.await?))
}
