//! `/rules/edit`: the form of one rule, made from what its condition can be told, and what it sends.

use crate::App;
use crate::auth::Principal;
use crate::dashboard::layout::{self, Tab, Waiting};
use crate::dashboard::{Params, frame, html_page, message_page, rule_trial, text};
use crate::http::rules::{Known, declare, faults, withdraw};
use crate::http::{conditions, rule_trials};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use ledger::{RuleCard, Severity};
use maud::{Markup, html};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use watch::{About, ConditionInfo, Setting, SettingKind};

/// The longest form that is read, in bytes.
const FORM_BYTES_MAX: usize = 64 << 10;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/rules/edit", get(edit).post(save))
        .route("/rules/remove", post(remove))
        .route("/rules/try", post(try_it))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// What stands in the fields, by their names.
type Fields = BTreeMap<String, String>;

/// A form: of a rule that there is, or of a new one.
struct Sheet<'a> {
    info: &'static ConditionInfo,
    fields: &'a Fields,
    /// The rule, when there is one of this id already.
    known: Option<&'a Known>,
    /// What is wrong, by field.
    problems: &'a [wire::Problem],
    /// What it would have told, when that was asked.
    tried: Option<Markup>,
}

async fn edit(State(app): State<App>, params: Query<Params>) -> Response {
    let rule = params.text("rule");
    if rule.is_empty() {
        return match conditions::info(params.text("condition")) {
            Some(info) => {
                let fields = new_fields(&params);
                let sheet = Sheet { info, fields: &fields, known: None, problems: &[], tried: None };
                page(&app, StatusCode::OK, &sheet)
            }
            None => Redirect::to("/rules").into_response(),
        };
    }
    let known = Known::of(app.engine().views().catalog(), rule);
    let Some((known, info)) = known.and_then(|known| conditions::info(&known.card.condition).map(|info| (known, info)))
    else {
        let words = html! {
            p { "There is no rule “" strong { (rule) } "”." }
            p { a href="/rules" { "All rules" } }
        };
        return message_page(&app, StatusCode::NOT_FOUND, "Unknown rule", &words);
    };
    let fields = fields_of(&known.card);
    page(&app, StatusCode::OK, &Sheet { info, fields: &fields, known: Some(&known), problems: &[], tried: None })
}

/// What an address may fill in beforehand.
fn new_fields(params: &Params) -> Fields {
    let filled = ["product_id", "location", "device"].map(|name| (name.to_owned(), params.text(name).to_owned()));
    filled.into_iter().chain([("enabled".to_owned(), "true".to_owned())]).collect()
}

fn fields_of(card: &RuleCard) -> Fields {
    let texts = [
        ("rule", &card.rule),
        ("name", &card.name),
        ("product_id", &card.product),
        ("category", &card.category),
        ("location", &card.location),
        ("region", &card.region),
        ("device", &card.device),
        ("owner", &card.owner),
    ];
    let mut fields: Fields = texts.iter().map(|(name, text)| ((*name).to_owned(), text.to_string())).collect();
    let mut put = |name: &str, value: String| fields.insert(name.to_owned(), value);
    put("severity", card.severity.map_or("", Severity::name).to_owned());
    put("escalate_minutes", card.escalate_minutes.map(|minutes| minutes.to_string()).unwrap_or_default());
    put("enabled", if card.is_off { String::new() } else { "true".to_owned() });
    for (name, value) in &card.settings {
        put(&format!("settings.{name}"), value.to_string());
    }
    fields
}

/// The card that the fields amount to.
fn card_of(condition: &str, fields: &Fields) -> Result<RuleCard, Vec<wire::Problem>> {
    let text = |name: &str| fields.get(name).map_or("", |value| value.trim());
    let mut body = Map::new();
    body.insert("condition".to_owned(), json!(condition));
    for name in ["name", "product_id", "category", "location", "region", "device", "severity", "owner"] {
        if !text(name).is_empty() {
            body.insert(name.to_owned(), json!(text(name)));
        }
    }
    body.insert("enabled".to_owned(), json!(text("enabled") == "true"));
    let settings = fields.iter().filter_map(|(name, value)| Some((name.strip_prefix("settings.")?, value.trim())));
    let settings: Map<String, Value> =
        settings.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), json!(value))).collect();
    body.insert("settings".to_owned(), Value::Object(settings));
    match text("escalate_minutes") {
        "" => {}
        minutes => {
            let number = minutes.parse::<u64>().map_or_else(|_| json!(minutes), |number| json!(number));
            body.insert("escalate_minutes".to_owned(), number);
        }
    }
    let card = wire::rule::parse_rule(text("rule"), Value::Object(body).to_string().as_bytes())?;
    let faults = faults(&card);
    if faults.is_empty() { Ok(card) } else { Err(faults) }
}

async fn save(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Form(mut fields): Form<Fields>,
) -> Response {
    let Some(info) = fields.get("condition").and_then(|name| conditions::info(name)) else {
        return Redirect::to("/rules").into_response();
    };
    if fields.get("rule").is_none_or(|rule| rule.trim().is_empty()) {
        let id = generated_id(info.name, &fields);
        fields.insert("rule".to_owned(), id);
    }
    let is_new = fields.contains_key("new");
    let rule = fields.get("rule").map(|rule| rule.trim().to_owned()).unwrap_or_default();
    let known = Known::of(app.engine().views().catalog(), &rule);
    let mut problems = Vec::new();
    if is_new && known.is_some() {
        let detail = format!("there is a rule '{rule}' already; choose another id, or change that one");
        problems.push(wire::Problem::new("invalid_value", "rule", detail));
    }
    match card_of(info.name, &fields) {
        Ok(card) if problems.is_empty() => match declare(&app, &principal, card).await {
            Ok(()) => return Redirect::to("/rules?done=saved").into_response(),
            Err(problem) => problems.push(wire::Problem::new("refused", String::new(), problem.detail)),
        },
        Ok(_) => {}
        Err(more) => problems.extend(more),
    }
    let known = known.filter(|_| !is_new);
    let sheet = Sheet { info, fields: &fields, known: known.as_ref(), problems: &problems, tried: None };
    page(&app, StatusCode::UNPROCESSABLE_ENTITY, &sheet)
}

/// Shows the form again, with what the rule would have told.
async fn try_it(State(app): State<App>, Form(fields): Form<Fields>) -> Response {
    let Some(info) = fields.get("condition").and_then(|name| conditions::info(name)) else {
        return Redirect::to("/rules").into_response();
    };
    let rule = fields.get("rule").map(|rule| rule.trim()).unwrap_or_default();
    let known = if fields.contains_key("new") { None } else { Known::of(app.engine().views().catalog(), rule) };
    let mut named = fields.clone();
    if rule.is_empty() {
        named.insert("rule".to_owned(), generated_id(info.name, &fields));
    }
    let tried = match card_of(info.name, &named) {
        Ok(card) => rule_trials::try_card(&app, card, rule_trials::DAYS)
            .await
            .map_err(|problem| vec![wire::Problem::new("refused", String::new(), problem.detail)]),
        Err(problems) => Err(problems),
    };
    let (status, tried, problems) = match tried {
        Ok(tried) => {
            let shown = rule_trial::render(&tried, rule_trials::DAYS, app.engine().now());
            (StatusCode::OK, Some(shown), Vec::new())
        }
        Err(problems) => (StatusCode::UNPROCESSABLE_ENTITY, None, problems),
    };
    page(&app, status, &Sheet { info, fields: &fields, known: known.as_ref(), problems: &problems, tried })
}

/// An id made of what the rule is for.
fn generated_id(condition: &str, fields: &Fields) -> String {
    let parts = ["product_id", "category", "location", "region", "device"];
    let parts = parts.iter().filter_map(|name| fields.get(*name)).map(|value| value.trim());
    let parts: Vec<&str> = [condition].into_iter().chain(parts.filter(|part| !part.is_empty())).collect();
    parts.join(":")
}

async fn remove(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Form(fields): Form<Fields>,
) -> Response {
    let rule = fields.get("rule").map_or("", |rule| rule.as_str());
    match withdraw(&app, &principal, rule).await {
        Ok(()) => Redirect::to("/rules?done=removed").into_response(),
        Err(problem) => {
            let words = html! { p { (problem.detail) } p { a href="/rules" { "All rules" } } };
            message_page(&app, problem.status(), "Not removed", &words)
        }
    }
}

fn page(app: &App, status: StatusCode, sheet: &Sheet<'_>) -> Response {
    let navigation = layout::navigation(Tab::Alerts, &Waiting::of(app));
    let title = if sheet.known.is_some() { "Rule" } else { "New rule" };
    html_page(status, &layout::page(&frame(app, title, Some(&navigation), ""), &body(title, sheet)))
}

fn body(title: &str, sheet: &Sheet<'_>) -> Markup {
    let info = sheet.info;
    let shown = |problem: &&wire::Problem| !sheet.has_field(&problem.field);
    let elsewhere: Vec<&wire::Problem> = sheet.problems.iter().filter(shown).collect();
    html! {
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    a.crumb href="/rules" { "All rules" }
                    h1 #heading { (title) ": " (text::words(info.name)) }
                    p.soft { (info.says) }
                }
            }
            div.inset {
                @if !sheet.problems.is_empty() {
                    div.notice.bad role="alert" {
                        p { "Not saved: " @if sheet.problems.len() == 1 { "one thing is" } @else { (text::length(sheet.problems.len())) " things are" } " wrong." }
                        @if !elsewhere.is_empty() { ul { @for problem in &elsewhere { li { (problem.detail) } } } }
                    }
                }
                form.rule method="post" action="/rules/edit" {
                    input type="hidden" name="condition" value=(info.name);
                    (sheet.names())
                    (sheet.scope())
                    @if !info.settings.is_empty() {
                        fieldset {
                            legend { "How" }
                            @for setting in info.settings { (sheet.setting(setting)) }
                        }
                    }
                    (sheet.consequences())
                    div.row {
                        button.main { "Save" }
                        button formaction="/rules/try" { "Try it on the last " (rule_trials::DAYS) " days" }
                        a href="/rules" { "Cancel" }
                    }
                }
                @if let Some(tried) = &sheet.tried { (tried) }
                (removal(sheet))
            }
        }
    }
}

fn removal(sheet: &Sheet<'_>) -> Markup {
    html! {
        @if let Some(known) = sheet.known.filter(|known| known.is_declared) {
            form.removal method="post" action="/rules/remove" {
                input type="hidden" name="rule" value=(known.card.rule);
                button { @if known.is_built_in { "Back to the built-in rule" } @else { "Remove this rule" } }
            }
        }
    }
}

impl Sheet<'_> {
    fn value(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn problem(&self, name: &str) -> Option<&wire::Problem> {
        self.problems.iter().find(|problem| problem.field == name)
    }

    /// Whether the form has a field of this name, beside which its problems stand.
    fn has_field(&self, name: &str) -> bool {
        match name.strip_prefix("settings.") {
            Some(setting) => self.info.settings.iter().any(|known| known.name == setting),
            None => {
                matches!(name, "rule" | "name" | "severity" | "owner" | "escalate_minutes")
                    || self.scope_fields().iter().any(|(known, ..)| *known == name)
            }
        }
    }

    /// The fields that say what a rule is for, as far as they make sense.
    fn scope_fields(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let is_own = self.info.name == "own";
        let has_limits = matches!(self.info.name, "temperature" | "humidity");
        let is_stock = matches!(self.info.about, About::Stock | About::Lot | About::Account);
        let mut fields = Vec::new();
        if is_stock || has_limits {
            fields.push(("product_id", "Product", "Empty for every product"));
            fields.push(("category", "Category", "Instead of a product: all of this category"));
        }
        if self.info.about != About::System {
            fields.push(("location", "Location", "This place and all below it; empty for everywhere"));
            fields.push(("region", "Region", "Instead of a location: all warehouses of this region"));
        }
        if self.info.about == About::Device || is_own {
            fields.push(("device", "Device", "Empty for every device"));
        }
        fields
    }

    /// A field with its label, its hint, and what is wrong with it.
    fn field(&self, name: &str, label: &str, hint: &str, control: impl FnOnce(&Described<'_>) -> Markup) -> Markup {
        let problem = self.problem(name);
        let id = name.replace('.', "-");
        let described = match (problem, hint.is_empty()) {
            (None, true) => None,
            (None, false) => Some(format!("{id}-hint")),
            (Some(_), true) => Some(format!("{id}-problem")),
            (Some(_), false) => Some(format!("{id}-problem {id}-hint")),
        };
        let control = control(&Described { id: &id, name, by: described.as_deref(), is_wrong: problem.is_some() });
        html! {
            div.field {
                label for=(id) { (label) }
                (control)
                @if let Some(problem) = problem { p.wrong id=(format!("{id}-problem")) { (problem.detail) } }
                @if !hint.is_empty() { p.soft.hint id=(format!("{id}-hint")) { (hint) } }
            }
        }
    }

    fn line(&self, name: &str, label: &str, hint: &str) -> Markup {
        let value = self.value(name);
        self.field(name, label, hint, |of| {
            html! {
                input id=(of.id) name=(of.name) value=(value) autocomplete="off" maxlength="200" aria-describedby=[of.by] aria-invalid=[of.invalid()];
            }
        })
    }

    fn names(&self) -> Markup {
        html! {
            fieldset {
                legend { "Rule" }
                @match self.known {
                    Some(known) => {
                        div.field { span.label { "Id" } strong { (known.card.rule) } }
                        input type="hidden" name="rule" value=(known.card.rule);
                    }
                    None => {
                        input type="hidden" name="new" value="true";
                        (self.line("rule", "Id", "Empty for one made of what it is for"))
                    }
                }
                (self.line("name", "Name", "What people call it"))
            }
        }
    }

    fn scope(&self) -> Markup {
        let fields = self.scope_fields();
        html! {
            @if !fields.is_empty() {
                fieldset {
                    legend { "For what" }
                    @for (name, label, hint) in fields { (self.line(name, label, hint)) }
                }
            }
        }
    }

    fn setting(&self, setting: &Setting) -> Markup {
        let name = format!("settings.{}", setting.name);
        let value = self.value(&name);
        let default = if setting.default.is_empty() { "not set" } else { setting.default };
        let hint = format!("{}{}", setting.says[..1].to_uppercase(), &setting.says[1..]);
        let label = text::words(setting.name);
        let label = format!("{}{}", label[..1].to_uppercase(), &label[1..]);
        let options = |options: &[(&str, &str)]| {
            html! { @for (option, words) in options { option value=(option) selected[*option == value] { (words) } } }
        };
        let by_default = format!("as usual: {default}");
        self.field(&name, &label, &hint, |of| {
            html! {
                @match setting.kind {
                    SettingKind::Flag => {
                        select id=(of.id) name=(of.name) aria-describedby=[of.by] aria-invalid=[of.invalid()] {
                            (options(&[("", &by_default), ("true", "yes"), ("false", "no")]))
                        }
                    }
                    SettingKind::Choice(choices) => {
                        select id=(of.id) name=(of.name) aria-describedby=[of.by] aria-invalid=[of.invalid()] {
                            option value="" { (by_default) }
                            @for choice in choices { option value=(choice) selected[*choice == value] { (text::words(choice)) } }
                        }
                    }
                    SettingKind::Text if setting.name == "when" => {
                        textarea id=(of.id) name=(of.name) spellcheck="false" autocomplete="off" maxlength="4096" aria-describedby=[of.by] aria-invalid=[of.invalid()] { (value) }
                    }
                    SettingKind::Text => {
                        input id=(of.id) name=(of.name) value=(value) placeholder=(default) autocomplete="off" maxlength="200" aria-describedby=[of.by] aria-invalid=[of.invalid()];
                    }
                    SettingKind::Quantity | SettingKind::Number(..) => {
                        input id=(of.id) name=(of.name) value=(value) placeholder=(default) inputmode="decimal" autocomplete="off" maxlength="40" aria-describedby=[of.by] aria-invalid=[of.invalid()];
                    }
                }
            }
        })
    }

    fn consequences(&self) -> Markup {
        let severity = self.value("severity");
        let usual = format!("as usual: {}", self.info.severity.name());
        html! {
            fieldset {
                legend { "What then" }
                (self.field("severity", "Severity", "", |of| html! {
                    select id=(of.id) name=(of.name) aria-describedby=[of.by] aria-invalid=[of.invalid()] {
                        option value="" { (usual) }
                        @for one in Severity::ALL { option value=(one.name()) selected[one.name() == severity] { (one.name()) } }
                    }
                }))
                (self.line("owner", "Owner", "Who looks after its alerts"))
                (self.line("escalate_minutes", "Escalate after minutes", "When nobody has acknowledged by then; empty for never"))
                div.field.tick {
                    input #enabled type="checkbox" name="enabled" value="true" checked[self.value("enabled") == "true"];
                    label for="enabled" { "On" }
                }
            }
        }
    }
}

/// How a control is tied to what stands beside it.
struct Described<'a> {
    id: &'a str,
    name: &'a str,
    by: Option<&'a str>,
    is_wrong: bool,
}

impl Described<'_> {
    const fn invalid(&self) -> Option<&'static str> {
        if self.is_wrong { Some("true") } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_a_form_sends_is_the_card_that_it_showed() {
        let sent = fields(&[
            ("rule", "bolts"),
            ("name", "Bolts"),
            ("product_id", "BOLT"),
            ("location", "w/bin"),
            ("settings.below", "12.5"),
            ("settings.clear_percent", ""),
            ("severity", "critical"),
            ("owner", "anna"),
            ("escalate_minutes", "30"),
            ("enabled", "true"),
        ]);
        let card = card_of("low_stock", &sent).expect("a whole card");
        let shown = fields_of(&card);
        assert!(sent.iter().filter(|(_, value)| !value.is_empty()).all(|(name, value)| shown.get(name) == Some(value)));
        assert_eq!(card_of("low_stock", &shown), Ok(card));
    }

    #[test]
    fn what_is_wrong_stands_beside_its_field() {
        let sent = fields(&[("rule", "bolts"), ("settings.below", "many"), ("escalate_minutes", "soon")]);
        let problems = card_of("low_stock", &sent).unwrap_err();
        let info = conditions::info("low_stock").expect("a condition");
        let sheet = Sheet { info, fields: &sent, known: None, problems: &problems, tried: None };
        let page = body("New rule", &sheet).into_string();
        assert!(problems.iter().all(|problem| sheet.has_field(&problem.field)), "{problems:?}");
        assert!(page.contains("escalate_minutes-problem"), "{page}");
        let sent = fields(&[("rule", "bolts"), ("settings.below", "many")]);
        let problems = card_of("low_stock", &sent).unwrap_err();
        let sheet = Sheet { problems: &problems, fields: &sent, ..sheet };
        let page = body("New rule", &sheet).into_string();
        assert!(page.contains(r#"aria-describedby="settings-below-problem settings-below-hint" aria-invalid="true""#));
    }

    #[test]
    fn an_id_is_made_of_what_a_rule_is_for() {
        let filled = fields(&[("product_id", "BOLT"), ("location", " w/bin "), ("region", "")]);
        assert_eq!(generated_id("low_stock", &filled), "low_stock:BOLT:w/bin");
    }
}
