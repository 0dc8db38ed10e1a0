//! Notices as Adaptive Cards, for a workflow of Microsoft Teams that posts what a webhook brings.
//!
//! Texts from outside stand in runs of rich text, which mean themselves; a text block would read them as Markdown.

use super::{Letter, words};
use crate::http::json;
use ledger::Severity;
use serde_json::{Value, json};

/// Notices of one message at most: a message has 28 KB at most.
///
/// # Source
/// Microsoft, "Limits and specifications for Microsoft Teams", incoming webhooks and connectors.
pub(super) const NOTICES_MAX: usize = 8;

/// The body of a request to the workflow.
///
/// # Source
/// Microsoft, "Create incoming webhooks with Workflows for Microsoft Teams"; Adaptive Cards 1.4, which Teams shows on all its
/// clients.
pub(super) fn body(letter: &Letter<'_>) -> String {
    let mut parts = Vec::new();
    if letter.notices.len() > 1 {
        parts.push(text(&words::title(letter), true, "Default"));
    }
    for notice in letter.notices {
        let words = words::Words::of(letter, notice);
        let color = match notice.severity {
            _ if letter.is_test => "Default",
            Severity::Info => "Accent",
            Severity::Warning => "Warning",
            Severity::Critical => "Attention",
        };
        let mut items = vec![text(&words.headline, true, color), text(&words.subject, false, "Default")];
        if !words.why.is_empty() {
            items.push(text(&words.why, false, "Default"));
        }
        let foot = [words::time(words.at), words.owner].into_iter().filter(|text| !text.is_empty());
        items.push(text(&foot.collect::<Vec<_>>().join(" · "), false, "Light"));
        let mut container = json!({"type": "Container", "separator": true, "items": items});
        if !words.address.is_empty() {
            container["selectAction"] = json!({"type": "Action.OpenUrl", "title": "Open", "url": words.address});
        }
        parts.push(container);
    }
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": words::title(letter),
        "body": parts,
    });
    let attachment =
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card});
    json::text(&json!({"type": "message", "attachments": [attachment]}))
}

fn text(text: &str, is_strong: bool, color: &str) -> Value {
    let mut run = json!({"type": "TextRun", "text": text});
    if is_strong {
        run["weight"] = json!("Bolder");
    }
    match color {
        "Default" => {}
        "Light" => run["isSubtle"] = json!(true),
        color => run["color"] = json!(color),
    }
    json!({"type": "RichTextBlock", "inlines": [run]})
}
