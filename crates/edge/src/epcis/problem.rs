//! What goes wrong, under the names that the standard has for it: RFC 9457 with `epcisException:` types.

use crate::http;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use follow::epcis::SearchError;
use ledger::Position;
use serde::Serialize;

/// The standard's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Validation,
    QueryParameter,
    SubscriptionControls,
    Security,
    NoSuchName,
    NoSuchResource,
    NotAcceptable,
    AlreadyExists,
    CaptureLimit,
    QueryTooLarge,
    QueryTooComplex,
    UnsupportedMediaType,
    Implementation,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Validation => "epcisException:ValidationException",
            Self::QueryParameter => "epcisException:QueryParameterException",
            Self::SubscriptionControls => "epcisException:SubscriptionControlsException",
            Self::Security => "epcisException:SecurityException",
            Self::NoSuchName => "epcisException:NoSuchNameException",
            Self::NoSuchResource => "epcisException:NoSuchResourceException",
            Self::NotAcceptable => "epcisException:NotAcceptableException",
            Self::AlreadyExists => "epcisException:ResourceAlreadyExistsException",
            Self::CaptureLimit => "epcisException:CaptureLimitExceededException",
            Self::QueryTooLarge => "epcisException:QueryTooLargeException",
            Self::QueryTooComplex => "epcisException:QueryTooComplexException",
            Self::UnsupportedMediaType => "epcisException:UnsupportedMediaTypeException",
            Self::Implementation => "epcisException:ImplementationException",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Validation => "What was sent is not valid",
            Self::QueryParameter => "A query parameter is not valid",
            Self::SubscriptionControls => "The subscription is not valid",
            Self::Security => "Not allowed",
            Self::NoSuchName => "There is nothing with this name",
            Self::NoSuchResource => "There is nothing here",
            Self::NotAcceptable => "There is no such answer",
            Self::AlreadyExists => "It is there already",
            Self::CaptureLimit => "Too much at once",
            Self::QueryTooLarge => "Too many results",
            Self::QueryTooComplex => "Too much to look through",
            Self::UnsupportedMediaType => "What was sent is of a type that is not taken",
            Self::Implementation => "The server can't do it now",
        }
    }
}

/// An answer that says what is wrong. Served as `application/problem+json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// Everything that is wrong, with its places, when it is more than one thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    #[serde(skip)]
    retry_after_seconds: Option<u32>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize)]
struct Fault {
    code: &'static str,
    path: String,
    detail: String,
}

/// Faults that an answer lists at most.
const FAULTS_MAX: usize = 100;

impl Problem {
    pub(super) fn new(status: StatusCode, kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.name(),
            title: kind.title(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_seconds: None,
        }
    }

    /// What was sent has these faults; there is at least one.
    pub(super) fn invalid(kind: Kind, problems: &[wire::epcis::Problem]) -> Self {
        let brief = problems.first().map_or_else(String::new, |first| {
            if first.path.is_empty() { first.detail.clone() } else { format!("{}: {}", first.path, first.detail) }
        });
        let fault = |problem: &wire::epcis::Problem| Fault {
            code: problem.code,
            path: problem.path.clone(),
            detail: problem.detail.clone(),
        };
        let errors = problems.iter().take(FAULTS_MAX).map(fault).collect();
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, kind, brief) }
    }

    /// One parameter is wrong.
    pub(super) fn parameter(name: &str, detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Kind::QueryParameter, format!("{name}: {detail}"))
    }

    /// What is wrong, in words.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    pub(super) fn no_such_name(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Kind::NoSuchName, detail)
    }

    pub(super) fn no_such_resource(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Kind::NoSuchResource, detail)
    }

    /// The index does not catch up.
    pub(super) fn behind(index: Position, committed: Position) -> Self {
        let detail = format!("the index is at position {index} of {committed}; ask again in a second");
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, Kind::Implementation, detail);
        Self { retry_after_seconds: Some(1), ..problem }
    }

    pub(super) fn failed(error: &dyn std::error::Error) -> Self {
        http::Problem::failed(error).into()
    }
}

impl From<http::Problem> for Problem {
    fn from(problem: http::Problem) -> Self {
        let status = problem.status();
        let kind = match status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::REQUEST_TIMEOUT => {
                Kind::Validation
            }
            StatusCode::NOT_FOUND => Kind::NoSuchResource,
            StatusCode::PAYLOAD_TOO_LARGE => Kind::CaptureLimit,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMediaType,
            _ => Kind::Implementation,
        };
        let is_later = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        Self { retry_after_seconds: is_later.then_some(1), ..Self::new(status, kind, problem.detail) }
    }
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Self {
        Self::failed(&error)
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        let kind = match &error {
            SearchError::TooMany(_) => Kind::QueryTooLarge,
            SearchError::TooComplex(_) => Kind::QueryTooComplex,
            SearchError::Index(error) => return Self::failed(error),
        };
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, kind, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, http::json::text(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
