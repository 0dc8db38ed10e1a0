//! The forms that answers have: JSON or XML as asked, pages with a link to the next.

use super::problem::{Kind, Problem};
use super::{ROOT, encoded};
use crate::App;
use axum::extract::Query as Pairs;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, LINK};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use wire::epcis::Event;
use wire::epcis::render::{self, Envelope, QueryNames};

/// Things of one page when nothing is said.
pub(super) const PER_PAGE: usize = 30;
/// Things of one page at most.
pub(super) const PER_PAGE_MAX: usize = 1_000;
/// How long the link to the next page surely holds, in microseconds.
const TOKEN_MICROS: i64 = 86_400_000_000;

/// What an answer is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    JsonLd,
    Xml,
}

impl Form {
    /// The form that a request asks for; `has_xml` says whether XML can be had here.
    ///
    /// # Errors
    /// 406 when it is none of ours, or asks for identifiers or words in a spelling that we don't translate to.
    pub(super) fn of(headers: &HeaderMap, has_xml: bool) -> Result<Self, Problem> {
        let refused = |detail: String| Problem::new(StatusCode::NOT_ACCEPTABLE, Kind::NotAcceptable, detail);
        let spellings = [
            ("gs1-epc-format", &["No_Preference", "Never_Translates"][..]),
            ("gs1-cbv-xml-format", &["No_Preference", "Always_URN"][..]),
        ];
        for (name, known) in spellings {
            let asked = headers.get(name).map(|value| value.to_str().unwrap_or_default());
            if let Some(other) = asked.filter(|asked| !known.contains(asked)) {
                let shown = wire::problem::shown(other);
                return Err(refused(format!("{name}: {shown} is not to be had; ask for {}", known.join(" or "))));
            }
        }
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>();
        let accepted = accepted.join(",");
        if accepted.trim().is_empty() {
            return Ok(Self::Json);
        }
        let mut ranges: Vec<(f32, Self)> = accepted.split(',').filter_map(|range| range_of(range, has_xml)).collect();
        // The first of the most wanted.
        ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        ranges.first().map(|(_, form)| *form).ok_or_else(|| {
            let forms = if has_xml { "application/json or application/xml" } else { "application/json" };
            refused(format!("there is no answer in {}; accept {forms}", wire::problem::shown(&accepted)))
        })
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLd => "application/ld+json",
            Self::Xml => "application/xml",
        }
    }
}

fn range_of(range: &str, has_xml: bool) -> Option<(f32, Form)> {
    let mut parts = range.split(';').map(str::trim);
    let form = match parts.next()?.to_ascii_lowercase().as_str() {
        "*/*" | "application/*" | "application/json" => Form::Json,
        "application/ld+json" => Form::JsonLd,
        "application/xml" | "text/xml" if has_xml => Form::Xml,
        _ => return None,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |weight| weight.parse().ok())?;
    (weight > 0.0).then_some((weight, form))
}

/// The pairs of a query string, decoded.
///
/// # Errors
/// 400 `QueryParameterException`.
pub(super) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| Problem::parameter("query", "it cannot be decoded; percent-encode it as UTF-8"))?;
    Ok(pairs)
}

/// Which part of a list is asked for.
#[derive(Clone, Debug)]
pub(super) struct Paging {
    pub(super) limit: usize,
    pub(super) token: Option<String>,
}

impl Paging {
    pub(super) fn new(per_page: Option<u64>, token: Option<String>) -> Self {
        let limit = per_page.map_or(PER_PAGE, |count| usize::try_from(count).unwrap_or(usize::MAX).min(PER_PAGE_MAX));
        Self { limit, token }
    }

    /// The paging of a list that takes no other parameters.
    ///
    /// # Errors
    /// 400 `QueryParameterException`.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let (mut per_page, mut token) = (None, None);
        for (name, value) in pairs(uri)? {
            match name.as_str() {
                "perPage" => {
                    let count = value.parse::<u64>().ok().filter(|count| *count > 0);
                    let wrong = || {
                        let shown = wire::problem::shown(&value);
                        Problem::parameter("perPage", format!("{shown} is no count; give a whole number above zero"))
                    };
                    per_page = Some(count.ok_or_else(wrong)?);
                }
                "nextPageToken" => token = Some(value),
                _ => return Err(Problem::parameter(&name, "this list takes perPage and nextPageToken only")),
            }
        }
        Ok(Self::new(per_page, token))
    }
}

/// Adds the link to the next page.
pub(super) fn link_next(app: &App, response: &mut Response, uri: &Uri, token: &str) {
    let kept = uri.query().unwrap_or_default().split('&');
    let mut query: Vec<&str> = kept.filter(|pair| !pair.is_empty() && !pair.starts_with("nextPageToken=")).collect();
    let next = format!("nextPageToken={}", encoded(token));
    query.push(&next);
    let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"));
    let expires = wire::time::render_timestamp(app.engine().now().plus(TOKEN_MICROS));
    let headers = [(LINK, link), (HeaderName::from_static("gs1-next-page-token-expires"), expires)];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// An answer of JSON.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    text(status, Form::Json, crate::http::json::text(body))
}

pub(super) fn text(status: StatusCode, form: Form, text: String) -> Response {
    let mut response = (status, text).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    response
}

/// A list of names, as the standard's collections are.
pub(super) fn collection(members: &[String]) -> Response {
    #[derive(Serialize)]
    struct Collection<'a> {
        #[serde(rename = "@context")]
        context: &'static str,
        #[serde(rename = "type")]
        kind: &'static str,
        member: &'a [String],
    }
    json(StatusCode::OK, &Collection { context: render::CONTEXT, kind: "Collection", member: members })
}

/// Events as the results of a query.
pub(super) fn results<'e>(
    form: Form,
    created_at: &str,
    names: QueryNames<'_>,
    events: impl IntoIterator<Item = &'e Event>,
) -> String {
    let envelope = Envelope { creation_date: created_at, head: None, context: None, query: Some(names) };
    match form {
        Form::Json | Form::JsonLd => render::json(&envelope, events),
        Form::Xml => render::xml(&envelope, events),
    }
}

/// The path of an event.
pub(super) fn event_path(id: &str) -> String {
    format!("{ROOT}/events/{}", encoded(id))
}
