//! `/v1/rules`: what is watched, for what, and how.

use crate::App;
use crate::auth::Principal;
use crate::http::json::Json;
use crate::http::page::{ItemReply, PageReply, Tag};
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::http::rule_trials::{EvaluationErrorsReply, evaluation_errors};
use crate::http::submit::{self, Answer};
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use ledger::{Catalog, Command, Rejection, RuleCard};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::ToSchema;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/rules", get(list_rules).post(super::rule_list::declare_rules))
        .route("/v1/rules/{rule}", get(get_rule).put(put_rule).delete(delete_rule))
}

/// The rules that are on unless a declared one of the same id says otherwise, by id.
static BUILT_IN: LazyLock<BTreeMap<Box<str>, RuleCard>> =
    LazyLock::new(|| watch::builtin_rules().into_iter().map(|card| (card.rule.clone(), card)).collect());

/// A rule.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleReply {
    rule: Box<str>,
    /// What people call it.
    name: Box<str>,
    /// The condition that it sets.
    condition: Box<str>,
    /// For this product only; empty for any.
    product_id: Box<str>,
    /// For products of this category only.
    category: Box<str>,
    /// For this location and what lies below it only.
    location: Box<str>,
    /// For warehouses of this region only.
    region: Box<str>,
    /// For this device only.
    device: Box<str>,
    /// Settings of the condition, as text. `/v1/conditions` says which there are.
    settings: BTreeMap<Box<str>, Box<str>>,
    /// How much its alerts matter; null for what the condition says.
    #[schema(value_type = Option<String>)]
    severity: Option<&'static str>,
    /// Who looks after its alerts; empty for nobody in particular.
    owner: Box<str>,
    /// Minutes after which an alert that nobody acknowledged is escalated; null for never.
    escalate_minutes: Option<u32>,
    /// Whether it is on. What a rule covers that is off is not watched for its condition.
    enabled: bool,
    /// Whether it is there from the start, and comes back when its declaration is deleted.
    built_in: bool,
    /// Whether somebody declared it.
    declared: bool,
    /// How often its condition could not be answered since the start; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_errors: Option<EvaluationErrorsReply>,
}

impl RuleReply {
    /// The same, with how often conditions of users' own could not be answered.
    async fn with_errors(app: &App, mut rules: Vec<Self>) -> Vec<Self> {
        let own = rules.iter().filter(|rule| &*rule.condition == "own").map(|rule| rule.rule.clone()).collect();
        for (id, errors) in evaluation_errors(app, own).await {
            if let Some(rule) = rules.iter_mut().find(|rule| rule.rule == id) {
                rule.evaluation_errors = Some(errors.into());
            }
        }
        rules
    }
}

/// A rule as it stands.
pub(crate) struct Known {
    pub(crate) card: RuleCard,
    pub(crate) is_built_in: bool,
    pub(crate) is_declared: bool,
}

impl Known {
    fn declared(card: &RuleCard) -> Self {
        Self { card: card.clone(), is_built_in: BUILT_IN.contains_key(&card.rule), is_declared: true }
    }

    /// The rule of this id; `None` when it is neither declared nor built in.
    pub(crate) fn of(catalog: &Catalog, rule: &str) -> Option<Self> {
        match catalog.rule(rule) {
            Some(card) => Some(Self::declared(card)),
            None => BUILT_IN.get(rule).map(|card| Self { card: card.clone(), is_built_in: true, is_declared: false }),
        }
    }

    /// Rules whose ids come after `after` and that are wanted, by id, `limit` at most.
    pub(crate) fn after(
        catalog: &Catalog,
        after: &str,
        limit: usize,
        wanted: impl Fn(&RuleCard, bool) -> bool,
    ) -> Vec<Self> {
        let mut built_in = BUILT_IN
            .values()
            .filter(|card| &*card.rule > after && catalog.rule(&card.rule).is_none() && wanted(card, true))
            .map(|card| Self { card: card.clone(), is_built_in: true, is_declared: false })
            .peekable();
        let mut declared = catalog
            .rules_after(after)
            .filter(|card| wanted(card, BUILT_IN.contains_key(&card.rule)))
            .map(Self::declared)
            .peekable();
        let merged = std::iter::from_fn(|| match (declared.peek(), built_in.peek()) {
            (Some(one), Some(other)) if one.card.rule < other.card.rule => declared.next(),
            (_, Some(_)) => built_in.next(),
            (_, None) => declared.next(),
        });
        merged.take(limit).collect()
    }
}

impl From<Known> for RuleReply {
    fn from(known: Known) -> Self {
        let card = known.card;
        Self {
            rule: card.rule,
            name: card.name,
            condition: card.condition,
            product_id: card.product,
            category: card.category,
            location: card.location,
            region: card.region,
            device: card.device,
            settings: card.settings.into_iter().collect(),
            severity: card.severity.map(ledger::Severity::name),
            owner: card.owner,
            escalate_minutes: card.escalate_minutes,
            enabled: !card.is_off,
            built_in: known.is_built_in,
            declared: known.is_declared,
            evaluation_errors: None,
        }
    }
}

/// Lists rules by id, those that are built in among them.
#[utoipa::path(
    get,
    path = "/v1/rules",
    tag = "alerts",
    params(
        ("condition" = Option<String>, Query, description = "That set this condition"),
        ("product_id" = Option<String>, Query, description = "For this product"),
        ("location" = Option<String>, Query, description = "For this very location"),
        ("search" = Option<String>, Query, description = "With this text in the id, the name, the condition or what it is for"),
        ("built_in" = Option<bool>, Query, description = "That are built in, or that are not"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Rules", body = PageReply<RuleReply>))
)]
pub(crate) async fn list_rules(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["condition", "product_id", "location", "search", "built_in", "limit", "cursor"])?;
    let (condition, product, location) = (params.text("condition"), params.text("product_id"), params.text("location"));
    let search = params.text("search").map(str::to_lowercase);
    let built_in = params.flag_if_given("built_in")?;
    let limit = params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let wanted = |card: &RuleCard, is_built_in: bool| {
        condition.is_none_or(|wanted| *wanted == *card.condition)
            && product.is_none_or(|wanted| *wanted == *card.product)
            && location.is_none_or(|wanted| *wanted == *card.location)
            && built_in.is_none_or(|wanted| wanted == is_built_in)
            && search.as_ref().is_none_or(|text| says(card, text))
    };
    let cursor = params.text("cursor").unwrap_or_default();
    let (rules, as_of_position) = {
        let views = app.engine().views();
        (Known::after(views.catalog(), cursor, limit, wanted), views.position().0)
    };
    let next = (rules.len() == limit).then(|| rules.last().map(|last| last.card.rule.to_string())).flatten();
    let items = RuleReply::with_errors(&app, rules.into_iter().map(RuleReply::from).collect()).await;
    Ok(tag.page(PageReply { items, next, as_of_position }))
}

/// Whether a rule's texts hold `text`, which is in lower case.
pub(crate) fn says(card: &RuleCard, text: &str) -> bool {
    let texts = [
        &card.rule,
        &card.name,
        &card.condition,
        &card.product,
        &card.category,
        &card.location,
        &card.region,
        &card.device,
        &card.owner,
    ];
    texts.into_iter().any(|known| known.to_lowercase().contains(text))
}

fn unknown_rule(rule: &str) -> Problem {
    let detail = format!("there is no rule {}; list the rules", wire::problem::shown(rule));
    Problem::new(StatusCode::NOT_FOUND, "unknown_rule", detail).of("rule")
}

/// Shows a rule.
#[utoipa::path(
    get,
    path = "/v1/rules/{rule}",
    tag = "alerts",
    params(("rule" = String, Path, description = "Its id, percent-encoded")),
    responses(
        (status = 200, description = "The rule", body = ItemReply<RuleReply>),
        (status = 404, description = "It was neither declared nor is it built in", body = Problem),
    )
)]
pub(crate) async fn get_rule(
    State(app): State<App>,
    Parted(rule): Parted<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let (known, position) = {
        let views = app.engine().views();
        (Known::of(views.catalog(), &rule).ok_or_else(|| unknown_rule(&rule))?, views.position())
    };
    let mut rules = RuleReply::with_errors(&app, vec![RuleReply::from(known)]).await;
    Ok(tag.item(position, rules.pop()))
}

/// What is wrong with a card that can be read: everything, under the names of its fields.
pub(crate) fn faults(card: &RuleCard) -> Vec<wire::Problem> {
    let faults = watch::check_rule(card).err().unwrap_or_default();
    faults
        .into_iter()
        .map(|fault| wire::Problem::new("invalid_rule", String::from(fault.field), fault.detail))
        .collect()
}

/// Declares a rule, unless it is known already.
///
/// # Errors
/// 422 `invalid_rule`; and those of [`submit::judge`].
pub(crate) async fn declare(app: &App, principal: &Principal, card: RuleCard) -> Result<(), Problem> {
    let faults = faults(&card);
    if !faults.is_empty() {
        return Err(Problem::of_body(&faults));
    }
    match submit::command(app, principal, "", Command::DeclareRule(Box::new(card)), false).await? {
        Answer::Done(_) | Answer::Before(_) | Answer::No(Rejection::NoChange { .. }) => Ok(()),
        Answer::No(rejection) => Err(Problem::rejected(&rejection)),
    }
}

/// Says what is to be watched.
#[utoipa::path(
    put,
    path = "/v1/rules/{rule}",
    tag = "alerts",
    params(("rule" = String, Path, description = "Its id, percent-encoded: your own, or that of a built-in rule to take its place")),
    request_body = super::openapi::Rule,
    responses(
        (status = 200, description = "The rule as it now stands", body = ItemReply<RuleReply>),
        (status = 422, description = "The card or its settings cannot be used", body = Problem),
    )
)]
pub(crate) async fn put_rule(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(rule): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let body = body::json(&app, request).await?;
    let card = wire::rule::parse_rule(&rule, &body).map_err(|problems| Problem::of_body(&problems))?;
    let rule = card.rule.clone();
    declare(&app, &principal, card).await?;
    let views = app.engine().views();
    let known = Known::of(views.catalog(), &rule).ok_or_else(|| unknown_rule(&rule))?;
    let reply = ItemReply { item: RuleReply::from(known), as_of_position: views.position().0 };
    Ok(Json(StatusCode::OK, reply).into_response())
}

/// A rule that is no longer declared.
#[derive(Serialize, ToSchema)]
pub(crate) struct WithdrawnReply {
    rule: Box<str>,
    /// Whether the built-in rule of this id holds again.
    built_in: bool,
    /// The journal position that this is true at.
    as_of_position: u64,
}

/// Withdraws a rule's declaration.
///
/// # Errors
/// 404 `unknown_rule`; 409 `built_in_rule` when it is not declared but built in; and those of [`submit::judge`].
pub(crate) async fn withdraw(app: &App, principal: &Principal, rule: &str) -> Result<(), Problem> {
    let known = Known::of(app.engine().views().catalog(), rule).ok_or_else(|| unknown_rule(rule))?;
    if !known.is_declared {
        let detail = "a built-in rule cannot be deleted; declare it with \"enabled\": false to switch it off";
        return Err(Problem::new(StatusCode::CONFLICT, "built_in_rule", detail).of("rule"));
    }
    match submit::command(app, principal, "", Command::WithdrawRule { rule: rule.into() }, false).await? {
        Answer::Done(_) | Answer::Before(_) => Ok(()),
        Answer::No(rejection) => Err(Problem::rejected(&rejection)),
    }
}

/// Takes a declared rule back; a built-in rule of the same id holds again.
#[utoipa::path(
    delete,
    path = "/v1/rules/{rule}",
    tag = "alerts",
    params(("rule" = String, Path, description = "Its id, percent-encoded")),
    responses(
        (status = 200, description = "It is withdrawn", body = WithdrawnReply),
        (status = 404, description = "`unknown_rule`", body = Problem),
        (status = 409, description = "`built_in_rule`: it is not declared; switch it off instead", body = Problem),
    )
)]
pub(crate) async fn delete_rule(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(rule): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    withdraw(&app, &principal, &rule).await?;
    let built_in = BUILT_IN.contains_key(&*rule);
    let reply = WithdrawnReply { rule: rule.into(), built_in, as_of_position: app.engine().position().0 };
    Ok(Json(StatusCode::OK, reply).into_response())
}
