//! What events have in common, to browse: types, objects, steps, places and dispositions.

use super::form::{Form, Paging, collection, link_next};
use super::problem::Problem;
use super::{Epcis, discovery, events};
use crate::App;
use crate::http::path::Parted;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get};
use follow::epcis::{Facet, canonical};
use wire::epcis::{EventType, Vocabulary};

/// What is at the root.
const RESOURCES: [&str; 9] =
    ["queries", "capture", "events", "eventTypes", "epcs", "readPoints", "bizLocations", "dispositions", "bizSteps"];

pub(super) fn router() -> Router<App> {
    let router = Router::new()
        .route("/epcis/v2", get(list_resources).options(async || discovery("OPTIONS, GET")))
        .route("/epcis/v2/", get(list_resources).options(async || discovery("OPTIONS, GET")))
        .route("/epcis/v2/nextPageToken/{token}", delete(forget_token));
    let facets = [
        ("eventTypes", Facet::EventType),
        ("epcs", Facet::Epc),
        ("bizSteps", Facet::BizStep),
        ("bizLocations", Facet::BizLocation),
        ("readPoints", Facet::ReadPoint),
        ("dispositions", Facet::Disposition),
    ];
    facets.into_iter().fold(router, |router, (name, facet)| {
        router
            .route(&format!("/epcis/v2/{name}"), values(facet))
            .route(&format!("/epcis/v2/{name}/{{value}}"), value(facet))
            .route(&format!("/epcis/v2/{name}/{{value}}/events"), events_of(facet))
    })
}

async fn list_resources(headers: HeaderMap) -> Result<Response, Problem> {
    Form::of(&headers, false)?;
    Ok(collection(&RESOURCES.map(str::to_owned)))
}

/// A token holds nothing that could be given back.
async fn forget_token() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn values(facet: Facet) -> MethodRouter<App> {
    let list = move |State(app): State<App>, epcis: Epcis, uri: Uri, headers: HeaderMap| async move {
        list_values(&app, &epcis, &uri, &headers, facet).await
    };
    get(list).options(async || discovery("OPTIONS, GET"))
}

fn value(facet: Facet) -> MethodRouter<App> {
    let show = move |State(app): State<App>, epcis: Epcis, Parted(value): Parted<String>, headers: HeaderMap| async move {
        Form::of(&headers, false)?;
        check_known(&app, &epcis, facet, value).await?;
        Ok::<_, Problem>(collection(&["events".to_owned()]))
    };
    get(show).options(async || discovery("OPTIONS, GET"))
}

fn events_of(facet: Facet) -> MethodRouter<App> {
    let find = move |State(app): State<App>,
                     epcis: Epcis,
                     Parted(value): Parted<String>,
                     uri: Uri,
                     headers: HeaderMap| async move {
        check_known(&app, &epcis, facet, value.clone()).await?;
        let parameter = match facet {
            Facet::EventType => "eventType",
            Facet::Epc => {
                // An object is looked for as an instance or as a class, wherever it stands.
                return find_object(&app, &epcis, &uri, &headers, value).await;
            }
            Facet::BizStep => "EQ_bizStep",
            Facet::BizLocation => "EQ_bizLocation",
            Facet::ReadPoint => "EQ_readPoint",
            Facet::Disposition => "EQ_disposition",
        };
        events::find(&app, &epcis, &uri, &headers, vec![(parameter.to_owned(), value)]).await
    };
    get(find).options(async || discovery("OPTIONS, GET"))
}

async fn find_object(
    app: &App,
    epcis: &Epcis,
    uri: &Uri,
    headers: &HeaderMap,
    epc: String,
) -> Result<Response, Problem> {
    let name = if is_class(&epc) { "MATCH_anyEPCClass" } else { "MATCH_anyEPC" };
    events::find(app, epcis, uri, headers, vec![(name.to_owned(), epc)]).await
}

/// Whether an identifier names a kind of things and not one thing: a GTIN without a serial, a lot.
fn is_class(epc: &str) -> bool {
    if epc.starts_with("urn:epc:idpat:") || epc.starts_with("urn:epc:class:") {
        return true;
    }
    let link = canonical(epc);
    let path = link.strip_prefix("https://id.gs1.org/").unwrap_or_default();
    path.starts_with("01/") && !path.contains("/21/") && !path.contains("/235/")
}

/// The spelling in which the index has a value.
fn spelled(facet: Facet, value: &str) -> String {
    let word = |vocabulary: Vocabulary| vocabulary.word(value).map_or_else(|| value.to_owned(), str::to_owned);
    match facet {
        Facet::EventType => value.to_owned(),
        Facet::Epc | Facet::BizLocation | Facet::ReadPoint => canonical(value),
        Facet::BizStep => word(Vocabulary::BizStep),
        Facet::Disposition => word(Vocabulary::Disposition),
    }
}

async fn check_known(app: &App, epcis: &Epcis, facet: Facet, value: String) -> Result<(), Problem> {
    let spelling = spelled(facet, &value);
    // The standard's types are there before there are events of them.
    if facet == Facet::EventType && EventType::named(&spelling) != EventType::Other {
        return Ok(());
    }
    let is_known = epcis.ask(app, move |repository| Ok(repository.has(facet, &spelling)?)).await?;
    let absent = || Problem::no_such_resource(format!("no event has {}", wire::problem::shown(&value)));
    if is_known { Ok(()) } else { Err(absent()) }
}

async fn list_values(
    app: &App,
    epcis: &Epcis,
    uri: &Uri,
    headers: &HeaderMap,
    facet: Facet,
) -> Result<Response, Problem> {
    Form::of(headers, false)?;
    let Paging { limit, token } = Paging::of(uri)?;
    let mut values = epcis
        .ask(app, move |repository| {
            let after = token.unwrap_or_default();
            if facet != Facet::EventType {
                return Ok(repository.values(facet, &after, limit + 1)?);
            }
            // The standard's types are there before there are events of them.
            let standard = EventType::ALL.map(EventType::name).into_iter().filter(|name| **name > *after);
            let mut types = repository.values(facet, &after, limit + 1)?;
            types.extend(standard.map(str::to_owned));
            types.sort();
            types.dedup();
            types.truncate(limit + 1);
            Ok(types)
        })
        .await?;
    let has_more = values.len() > limit;
    values.truncate(limit);
    let mut response = collection(&values);
    if let Some(last) = values.last().filter(|_| has_more) {
        link_next(app, &mut response, uri, last);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_from_instances() {
        let check = |epc, expect| assert_eq!(is_class(epc), expect, "{epc}");
        check("urn:epc:id:sgtin:0614141.107346.2018", false);
        check("https://id.gs1.org/01/10614141073464/21/2018", false);
        check("https://id.gs1.org/01/10614141073464", true);
        check("https://id.gs1.org/01/10614141073464/10/A", true);
        check("urn:epc:class:lgtin:4012345.012345.998877", true);
        check("urn:epc:idpat:sgtin:4012345.098765.*", true);
        check("urn:epc:id:sscc:0614141.1234567890", false);
        check("https://example.com/things/7", false);
    }
}
