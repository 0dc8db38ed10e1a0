//! What goes wrong, said so that a program can tell it apart and a person can mend it: RFC 9457.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::Unavailable;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// An answer that says what is wrong. Served as `application/problem+json`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A URN made of the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code: what programs look at.
    pub code: Cow<'static, str>,
    /// What is wrong, with the value at fault and the remedy.
    pub detail: String,
    /// The field at fault, by its name in the request.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub field: Cow<'static, str>,
    /// Everything that is wrong, when it is more than one thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Fault>,
    /// The lines of a reservation that cannot be met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<ShortLine>,
    #[serde(skip)]
    #[schema(ignore)]
    retry_after_seconds: Option<u32>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Fault {
    /// The stable code.
    pub code: Cow<'static, str>,
    /// What is wrong and how to mend it.
    pub detail: String,
    /// The field at fault.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub field: Cow<'static, str>,
    /// The line of an NDJSON body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// A line of a reservation that cannot be met.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShortLine {
    /// Which line, from 0.
    pub line: u32,
    /// The product.
    pub product_id: Box<str>,
    /// What was asked for.
    pub requested_quantity: super::json::Number,
    /// What is free.
    pub available_quantity: super::json::Number,
}

impl From<&wire::Problem> for Fault {
    fn from(problem: &wire::Problem) -> Self {
        Self {
            code: problem.code.into(),
            detail: problem.detail.clone(),
            field: problem.field.clone(),
            line: problem.line,
        }
    }
}

impl Problem {
    /// A problem with a stable code.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        let code = code.into();
        let mut title = code.replace('_', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self {
            kind: format!("urn:stocktide:problem:{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: detail.into(),
            field: Cow::Borrowed(""),
            problems: Vec::new(),
            lines: Vec::new(),
            retry_after_seconds: None,
        }
    }

    /// The same problem, of a field.
    pub fn of(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = field.into();
        self
    }

    /// There is nothing under this path or name.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// A part of the query cannot be read.
    pub fn query(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", detail).of(field)
    }

    /// Too much at once: worth sending again in a second.
    pub fn too_many(code: &'static str, detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
        Self { retry_after_seconds: Some(1), ..problem }
    }

    /// Everything wrong with a body; the list is not empty.
    pub fn unreadable(status: StatusCode, problems: &[wire::Problem]) -> Self {
        let Some(first) = problems.first() else {
            return Self::new(status, "invalid_body", "the body cannot be read");
        };
        let problem = Self::new(status, first.code, first.detail.clone()).of(first.field.clone());
        let all = if problems.len() > 1 { problems.iter().map(Fault::from).collect() } else { Vec::new() };
        Self { problems: all, ..problem }
    }

    /// Everything wrong with a body of one thing. The list is not empty.
    pub fn of_body(problems: &[wire::Problem]) -> Self {
        Self::unreadable(StatusCode::UNPROCESSABLE_ENTITY, problems)
    }

    /// The ledger says no.
    pub fn rejected(rejection: &ledger::Rejection) -> Self {
        use ledger::Rejection;
        let status = match rejection {
            Rejection::UnknownReservation
            | Rejection::UnknownHeld
            | Rejection::UnknownAlert
            | Rejection::UnknownRule => StatusCode::NOT_FOUND,
            Rejection::KeyConflict { .. }
            | Rejection::ReservationExists
            | Rejection::ReservationEnded { .. }
            | Rejection::InsufficientAvailable { .. }
            | Rejection::AlreadyReversed { .. }
            | Rejection::NotReversible { .. }
            | Rejection::BaseUnitFixed { .. }
            | Rejection::AlertOpen { .. }
            | Rejection::NoChange { .. } => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let mut problem = Self::new(status, rejection.code(), rejection.to_string()).of(rejection.field());
        if let Rejection::InsufficientAvailable { lines } = rejection {
            problem.lines = lines
                .iter()
                .map(|short| ShortLine {
                    line: short.line,
                    product_id: short.product.clone(),
                    requested_quantity: short.requested.into(),
                    available_quantity: short.available.into(),
                })
                .collect();
        }
        problem
    }

    /// Something failed that the caller has no part in. The log says more.
    pub fn failed(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::error!(error = text, "an answer could not be given");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server failed; its log says how")
    }

    /// Its HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Unavailable> for Problem {
    fn from(why: Unavailable) -> Self {
        match why {
            Unavailable::Full => Self::too_many(why.code(), why.to_string()),
            _ => {
                let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, why.code(), why.to_string());
                Self { retry_after_seconds: Some(5), ..problem }
            }
        }
    }
}

impl From<engine::Error> for Problem {
    fn from(error: engine::Error) -> Self {
        Self::failed(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = super::json::text(&self);
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
