//! `/v1/counts/proposed` and `/v1/confidence`: how likely the books are right, and what to count next.

use crate::App;
use crate::http::json::{Json, Number, Time};
use crate::http::page::PageReply;
use crate::http::query::Params;
use crate::http::stock::{unknown_product, unknown_warehouse};
use crate::http::{Problem, json};
use crate::survey::{self, Named};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ledger::{LocationId, Quantity};
use serde::Serialize;
use utoipa::ToSchema;
use watch::Confidence;
use watch::counts::{Budget, why};

/// Minutes of a list when nobody says.
pub(crate) const MINUTES_DEFAULT: f64 = 60.0;
/// The longest list, in minutes.
pub(crate) const MINUTES_MAX: f64 = 1_440.0;
/// Lines of a list at most when nobody says.
pub(crate) const LINES_DEFAULT: usize = 200;
/// The most lines of a list.
pub(crate) const LINES_MAX: usize = 1_000;
/// Questions that are asked for one page at most.
const SLICES_MAX: usize = 10;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/counts/proposed", get(propose_counts)).route("/v1/confidence", get(list_confidence))
}

/// How likely the books are right.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ConfidenceReply {
    /// From 0, certainly wrong, to 1, certainly right.
    value: f64,
    /// Days since the last count; since it was first seen when it was never counted.
    days_since_count: i64,
    /// Whether it was ever counted.
    was_counted: bool,
    /// Movements since the last count.
    movements: u32,
    /// How far counts and books usually differ, of what the books held.
    usual_difference: f64,
    /// Whether a difference that a count found is unexplained.
    disputed: bool,
    /// Whether the figure is below zero.
    negative: bool,
    /// What weighs most, in words.
    why: String,
}

impl From<&Confidence> for ConfidenceReply {
    fn from(confidence: &Confidence) -> Self {
        Self {
            value: json::rounded(confidence.value, 4),
            days_since_count: confidence.days_since_count,
            was_counted: confidence.was_counted,
            movements: confidence.moves,
            usual_difference: json::rounded(confidence.shrinkage, 4),
            disputed: confidence.is_disputed,
            negative: confidence.is_negative,
            why: confidence.why(),
        }
    }
}

/// A balance: what the books say of a product at an exact place.
#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceReply {
    product_id: Box<str>,
    /// What people call the product; absent when nobody said.
    #[serde(skip_serializing_if = "str::is_empty")]
    name: Box<str>,
    warehouse_id: Box<str>,
    location: Box<str>,
    lot: Option<Box<str>>,
    #[schema(value_type = String)]
    status: &'static str,
    on_hand_quantity: Number,
    unit: Box<str>,
    confidence: ConfidenceReply,
}

impl From<&Named> for BalanceReply {
    fn from(named: &Named) -> Self {
        let candidate = &named.candidate;
        Self {
            product_id: (&*candidate.product).into(),
            name: named.name.clone(),
            warehouse_id: (&*named.warehouse).into(),
            location: (&*candidate.location).into(),
            lot: named.lot.as_deref().map(Box::from),
            status: named.status.name(),
            on_hand_quantity: Quantity::from_micros(candidate.on_hand).into(),
            unit: named.unit.clone(),
            confidence: ConfidenceReply::from(&candidate.confidence),
        }
    }
}

/// A line of a count list.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountLine {
    #[serde(flatten)]
    balance: BalanceReply,
    /// In which order it was chosen: 1 is the best.
    rank: usize,
    /// What the count is worth: the error that it is expected to take out of the books, weighted.
    gain: f64,
    /// What the way from the line before takes.
    walk_seconds: f64,
    /// What the count itself takes.
    count_seconds: f64,
    /// Why it is worth a count, in words with figures.
    why: String,
}

/// A count list.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountListReply {
    /// The lines, in the order in which they are walked.
    lines: Vec<CountLine>,
    /// What all of it takes, by assumed times for the way, the line and the units.
    minutes: f64,
    /// What all of it is worth.
    gain: f64,
    /// What counting everything would be worth.
    gain_of_all: f64,
    /// Balances that are worth a count and not on the list.
    left: usize,
    /// Balances that were looked at.
    balances: usize,
    /// When it was made.
    made_at: Time,
    /// The journal position that this is true at.
    as_of_position: u64,
}

/// Proposes what to count: the list that takes the most error out of the books for its time.
#[utoipa::path(
    get,
    path = "/v1/counts/proposed",
    tag = "discrepancies",
    params(
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse; in all when absent"),
        ("minutes" = Option<f64>, Query, description = "What the list may take, the way included, at most 1,440; 60 when absent"),
        ("lines" = Option<usize>, Query, description = "Lines, at most 1,000; 200 when absent"),
    ),
    responses(
        (status = 200, description = "The list, in the order in which it is walked", body = CountListReply),
        (status = 400, description = "A parameter is wrong", body = Problem),
        (status = 404, description = "The warehouse was never named", body = Problem),
        (status = 503, description = "Nobody can say what is durable", body = Problem),
    )
)]
pub(crate) async fn propose_counts(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["warehouse_id", "minutes", "lines"])?;
    let minutes = params.number("minutes", 1.0, MINUTES_MAX)?.unwrap_or(MINUTES_DEFAULT);
    let lines = params.count("lines", LINES_MAX)?.unwrap_or(LINES_DEFAULT);
    let warehouse = asked_warehouse(&app, &params)?;
    let budget = Budget { seconds: minutes * 60.0, lines };
    let list = survey::run(&app, move |app| survey::count_list(app, warehouse, budget)).await?;
    let line = |(line, named): &(watch::counts::Line, Named)| CountLine {
        balance: BalanceReply::from(named),
        rank: line.rank,
        gain: json::rounded(line.gain, 3),
        walk_seconds: json::rounded(line.walk_seconds, 1),
        count_seconds: json::rounded(line.count_seconds, 1),
        why: why(&named.candidate),
    };
    let reply = CountListReply {
        lines: list.lines.iter().map(line).collect(),
        minutes: json::rounded(list.proposal.seconds / 60.0, 1),
        gain: json::rounded(list.proposal.gain, 3),
        gain_of_all: json::rounded(list.proposal.gain_of_all, 3),
        left: list.proposal.left,
        balances: list.balances,
        made_at: Time(list.now),
        as_of_position: list.position.0,
    };
    Ok(Json(StatusCode::OK, reply).into_response())
}

/// The warehouse that a query names.
///
/// # Errors
/// 404: there is none of that name.
pub(super) fn asked_warehouse(app: &App, params: &Params) -> Result<Option<LocationId>, Problem> {
    let asked = params.text("warehouse_id");
    asked.map(|name| survey::warehouse(app, name).ok_or_else(|| unknown_warehouse(name))).transpose()
}

/// Lists how likely the books of each balance are right, in the order in which the balances came to be.
#[utoipa::path(
    get,
    path = "/v1/confidence",
    tag = "discrepancies",
    params(
        ("product_id" = Option<String>, Query, description = "Of this product"),
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse"),
        ("below" = Option<f64>, Query, description = "Of which the confidence is below this, from 0 to 1"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "Balances that hold anything", body = PageReply<BalanceReply>),
        (status = 400, description = "A parameter is wrong", body = Problem),
        (status = 404, description = "Product or warehouse was never named", body = Problem),
        (status = 503, description = "Nobody can say what is durable", body = Problem),
    )
)]
pub(crate) async fn list_confidence(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["product_id", "warehouse_id", "below", "limit", "cursor"])?;
    let limit = params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?;
    let below = params.number("below", 0.0, 1.0)?;
    let from = params.cursor_number()?;
    let warehouse = asked_warehouse(&app, &params)?;
    let product = match params.text("product_id") {
        None => None,
        Some(name) => {
            let found = app.engine().views().catalog().find_product(name);
            Some(found.ok_or_else(|| unknown_product(name))?)
        }
    };
    let reply = survey::run(&app, move |app| {
        let is_wanted = |balance: &watch::Balance, now| {
            product.is_none_or(|product| product == balance.product)
                && below.is_none_or(|below| Confidence::judge(&balance.evidence, now).value < below)
        };
        let found = survey::balances(app, warehouse, from, (limit, SLICES_MAX), is_wanted)?;
        let items = survey::named(app, &found.items, found.now).iter().map(BalanceReply::from).collect();
        let next = found.next.map(|next| next.to_string());
        Ok(PageReply { items, next, as_of_position: found.position.0 })
    });
    Ok(Json(StatusCode::OK, reply.await?).into_response())
}
