//! Notices as messages of Slack: blocks, and a text where blocks are not shown.

use super::{Letter, words};
use crate::http::json;
use ledger::Timestamp;
use serde_json::{Value, json};

/// Notices of one message at most: a message has 50 blocks at most, and each notice takes one.
///
/// # Source
/// Slack, "Reference: Blocks".
pub(super) const NOTICES_MAX: usize = 20;
/// The longest text of a section, in UTF-16 units.
///
/// # Source
/// Slack, "Section block": the text of a section has 3,000 characters at most.
const SECTION_MAX: usize = 3_000;

/// The body of a request to an incoming webhook.
pub(super) fn body(letter: &Letter<'_>) -> String {
    let title = words::title(letter);
    let mut blocks = Vec::new();
    if letter.notices.len() > 1 {
        blocks.push(section(&format!("*{}*", escaped(&title))));
    }
    blocks.extend(letter.notices.iter().map(|notice| section(&told(&words::Words::of(letter, notice)))));
    let context = json!({"type": "context", "elements": [{"type": "mrkdwn", "text": "Stocktide"}]});
    blocks.push(context);
    json::text(&json!({"text": escaped(&title), "blocks": blocks}))
}

fn section(text: &str) -> Value {
    debug_assert!(text.encode_utf16().count() <= SECTION_MAX, "the words of a notice are short");
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

fn told(words: &words::Words) -> String {
    let mut text = format!("*{}*\n{}", bounded(&words.headline, 300), bounded(&words.subject, 500));
    if !words.why.is_empty() {
        text.push('\n');
        text.push_str(&bounded(&words.why, 1_000));
    }
    text.push('\n');
    text.push_str(&date(words.at));
    if !words.owner.is_empty() {
        text.push_str(" · ");
        text.push_str(&bounded(&words.owner, 300));
    }
    if !words.address.is_empty() {
        text.push_str(&format!(" · <{}|Open>", escaped(&words.address).replace('|', "%7C")));
    }
    text
}

/// A time as the reader's clocks show it.
///
/// # Source
/// Slack, "Formatting text for app surfaces": date formatting.
fn date(at: Timestamp) -> String {
    format!("<!date^{}^{{date_short_pretty}} {{time}}|{}>", at.0.div_euclid(1_000_000), words::time(at))
}

/// A text that means itself.
///
/// # Source
/// Slack, "Formatting text for app surfaces": the three characters to escape, and no others.
fn escaped(text: &str) -> String {
    bounded(text, usize::MAX)
}

/// As [`escaped`], cut before it is longer than so many UTF-16 units.
fn bounded(text: &str, units_max: usize) -> String {
    let (mut out, mut units) = (String::with_capacity(text.len()), 0);
    for char in text.chars() {
        let mut bytes = [0; 4];
        let piece = match char {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            other => other.encode_utf8(&mut bytes),
        };
        units += piece.encode_utf16().count();
        if units >= units_max {
            out.push('…');
            break;
        }
        out.push_str(piece);
    }
    out
}
