//! `POST /v1/rules`: many rules at once, each judged by itself.

use crate::App;
use crate::auth::Principal;
use crate::http::json::Json;
use crate::http::problem::Fault;
use crate::http::query::Params;
use crate::http::rules::faults;
use crate::http::{Problem, body, submit};
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use engine::Outcome;
use ledger::{Command, Rejection, RuleCard};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wire::Batch;
use wire::event::ContentKind;

/// The most rules of one body.
const RULES_MAX: usize = 100_000;
/// Rules that are handed in together.
const BATCH: usize = 1_000;

/// What became of the rules of one body.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesReply {
    /// Rules that hold now and did not before, or otherwise.
    declared: usize,
    /// Rules that were known just so.
    unchanged: usize,
    /// Rules that cannot be used.
    refused: usize,
    /// The journal position after them.
    as_of_position: u64,
    /// One for each rule, in the order of the body; with `results=exceptions` those that were refused.
    results: Vec<RuleResult>,
}

/// What became of one rule.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleResult {
    /// Its place in the body, from 0.
    index: usize,
    /// Its id; empty when that cannot be read.
    rule: Box<str>,
    /// `declared`, `unchanged` or `refused`.
    #[schema(value_type = String)]
    status: &'static str,
    /// Where it stands in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    /// Everything that is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Fault>,
}

impl RuleResult {
    fn refused(index: usize, rule: &str, problems: &[wire::Problem]) -> Self {
        let problems = problems.iter().map(Fault::from).collect();
        Self { index, rule: rule.into(), status: "refused", position: None, problems }
    }

    fn of(index: usize, rule: Box<str>, outcome: &Outcome) -> Self {
        let (status, position, problem) = match outcome {
            // A rehearsal gives no positions.
            Outcome::Accepted { position } => ("declared", (position.0 > 0).then_some(position.0), None),
            Outcome::Duplicate { position, .. } => ("unchanged", Some(position.0), None),
            Outcome::Rejected { rejection: Rejection::NoChange { .. } } => ("unchanged", None, None),
            Outcome::Held { rejection, .. } | Outcome::Rejected { rejection } => ("refused", None, Some(rejection)),
        };
        let problems = problem.map(|rejection| Fault::from(&wire::Problem::from(rejection))).into_iter().collect();
        Self { index, rule, status, position, problems }
    }
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    rule: std::borrow::Cow<'a, str>,
}

/// Declares many rules.
#[utoipa::path(
    post,
    path = "/v1/rules",
    tag = "alerts",
    params(
        ("results" = Option<String>, Query, description = "`all` (default), or `exceptions` for those that were refused"),
        ("dry_run" = Option<bool>, Query, description = "Judge the rules and record nothing"),
    ),
    request_body(
        content((Vec<super::openapi::NamedRule> = "application/json"), (String = "application/x-ndjson")),
        description = "An array of rules, or one a line, each with its `rule`; at most 100,000"
    ),
    responses(
        (status = 200, description = "What became of each: those that cannot be used keep nobody else out", body = RulesReply),
        (status = 413, description = "The body is too large, or has too many rules", body = Problem),
        (status = 415, description = "The body is neither JSON nor NDJSON", body = Problem),
        (status = 422, description = "The body is no list", body = Problem),
    )
)]
pub(crate) async fn declare_rules(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Result<Response, Problem> {
    let params = Params::of(request.uri(), &["results", "dry_run"])?;
    let lists_all = params.one_of("results", &[("all", true), ("exceptions", false)])?.unwrap_or(true);
    let dry_run = params.flag("dry_run")?;
    let typed = request.headers().get(CONTENT_TYPE).map_or("application/json", |typed| typed.to_str().unwrap_or(""));
    let kind = body::layout(typed);
    let Some(kind @ (ContentKind::Json | ContentKind::Ndjson)) = kind else {
        let shown = wire::problem::shown(typed);
        let detail =
            format!("bodies of type {shown} are not taken here; send application/json or application/x-ndjson");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    };
    let body = body::collect(&app, request, app.settings().body_bytes_max).await?;
    // Reading many rules would hold up others.
    let reading = tokio::task::spawn_blocking(move || read(&body, kind));
    let (cards, mut results) = reading.await.map_err(|error| Problem::failed(&error))??;
    let mut as_of = app.engine().position();
    let mut cards = cards.into_iter().peekable();
    while cards.peek().is_some() {
        let some: Vec<(usize, RuleCard)> = cards.by_ref().take(BATCH).collect();
        let (receipt, names) = hand_in(&app, &principal, some, dry_run).await?;
        as_of = receipt.as_of;
        let judged = names.into_iter().enumerate();
        results.extend(judged.map(|(place, (index, rule))| RuleResult::of(index, rule, &receipt.outcome(place))));
    }
    results.sort_unstable_by_key(|result| result.index);
    let number = |status| results.iter().filter(|result| result.status == status).count();
    let (declared, unchanged, refused) = (number("declared"), number("unchanged"), number("refused"));
    results.retain(|result| lists_all || result.status == "refused");
    let reply = RulesReply { declared, unchanged, refused, as_of_position: as_of.0, results };
    Ok(Json(StatusCode::OK, reply).into_response())
}

async fn hand_in(
    app: &App,
    principal: &Principal,
    cards: Vec<(usize, RuleCard)>,
    dry_run: bool,
) -> Result<(engine::Receipt, Vec<(usize, Box<str>)>), Problem> {
    let now = app.engine().now();
    let mut batch = Batch::new();
    let mut names = Vec::with_capacity(cards.len());
    for (index, card) in cards {
        names.push((index, card.rule.clone()));
        let command = Command::DeclareRule(Box::new(card));
        let key = app.hasher().command(&principal.name, "", now, &command);
        batch.push_command(&principal.name, &principal.name, "", key, now, command);
    }
    Ok((submit::judge(app, batch, dry_run).await?, names))
}

type Cards = (Vec<(usize, RuleCard)>, Vec<RuleResult>);

/// The rules of a body by their places, and those that cannot be used.
fn read(body: &[u8], kind: ContentKind) -> Result<Cards, Problem> {
    let unreadable = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail);
    let text = std::str::from_utf8(body).map_err(|error| unreadable(format!("the body is not UTF-8: {error}")))?;
    let texts: Vec<&str> = match kind {
        ContentKind::Ndjson => text.lines().map(str::trim).filter(|line| !line.is_empty()).collect(),
        _ => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
                unreadable(format!("{error}; send an array of rules, or one a line as application/x-ndjson"))
            })?;
            items.into_iter().map(RawValue::get).collect()
        }
    };
    if texts.len() > RULES_MAX {
        let detail = format!("the body has {} rules; send {RULES_MAX} at most", texts.len());
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_rules", detail));
    }
    let (mut cards, mut refused) = (Vec::with_capacity(texts.len()), Vec::new());
    for (index, text) in texts.into_iter().enumerate() {
        // What is wrong with the name is told with the rest.
        let rule = serde_json::from_str::<Named<'_>>(text).map(|named| named.rule.into_owned()).unwrap_or_default();
        let read = wire::rule::parse_rule(&rule, text.as_bytes());
        let checked = read.and_then(|card| {
            let faults = faults(&card);
            if faults.is_empty() { Ok(card) } else { Err(faults) }
        });
        match checked {
            Ok(card) => cards.push((index, card)),
            Err(problems) => refused.push(RuleResult::refused(index, &rule, &problems)),
        }
    }
    Ok((cards, refused))
}
