//! Fragments: the parts of a page that are painted with it and re-sent alone when they change.
//!
//! Invariant: the first paint and every later one are the same markup, made by the same function.

use maud::{Markup, PreEscaped, Render, html};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Stands where the keyed parts go while a fragment is put together. Text cannot contain it: its `<` is escaped.
const HOLE: &str = "<!--parts-->";

/// A part of a page under an id of its own: one element, with or without keyed parts in it.
pub(crate) struct Fragment {
    id: &'static str,
    before: String,
    parts: Vec<Part>,
    after: String,
}

/// A child of a fragment's list or table that can be re-sent alone.
pub(crate) struct Part {
    key: String,
    html: String,
}

impl Part {
    /// The one element of `markup`, which carries `data-key=(key)`.
    pub(crate) fn new(key: impl Into<String>, markup: Markup) -> Self {
        Self { key: key.into(), html: markup.into_string() }
    }
}

impl Fragment {
    /// A fragment that is re-sent as a whole. Its element carries `id`.
    pub(crate) fn whole(id: &'static str, markup: Markup) -> Self {
        Self { id, before: markup.into_string(), parts: Vec::new(), after: String::new() }
    }

    /// A fragment with keyed parts. `wrap` puts them into an element that carries `data-parts`, and that one into the
    /// element that carries `id`; both may be the same.
    pub(crate) fn keyed(id: &'static str, parts: Vec<Part>, wrap: impl FnOnce(Markup) -> Markup) -> Self {
        let markup = wrap(PreEscaped(HOLE.to_owned())).into_string();
        let (before, after) = markup.split_once(HOLE).expect("the wrap has a place for the parts");
        Self { id, before: before.to_owned(), parts, after: after.to_owned() }
    }
}

impl Render for Fragment {
    fn render_to(&self, out: &mut String) {
        out.push_str(&self.before);
        self.parts.iter().for_each(|part| out.push_str(&part.html));
        out.push_str(&self.after);
    }
}

/// What a client has been sent, by hashes: enough to know what is news to it.
#[derive(Default)]
pub(crate) struct Sent(HashMap<&'static str, Prints>);

#[derive(PartialEq)]
struct Prints {
    frame: u64,
    parts: Vec<(String, u64)>,
}

/// What a client lacks of a fragment.
#[derive(serde::Serialize)]
pub(crate) struct News {
    id: &'static str,
    /// The whole fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// The keys of all its parts, in order, when that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<String>>,
    /// The parts that changed or are new.
    #[serde(skip_serializing_if = "HashMap::is_empty")]
    parts: HashMap<String, String>,
}

impl Sent {
    /// What is new of `fragment`, which then counts as sent; `None` when nothing is.
    pub(crate) fn news(&mut self, fragment: &Fragment) -> Option<News> {
        let prints = Prints {
            frame: print(&fragment.before) ^ print(&fragment.after).rotate_left(1),
            parts: fragment.parts.iter().map(|part| (part.key.clone(), print(&part.html))).collect(),
        };
        let before = self.0.get(fragment.id);
        if before == Some(&prints) {
            return None;
        }
        let news = match before {
            Some(before) if before.frame == prints.frame => changed_parts(fragment, before, &prints),
            _ => News {
                id: fragment.id,
                html: Some(html! { (fragment) }.into_string()),
                keys: None,
                parts: HashMap::new(),
            },
        };
        self.0.insert(fragment.id, prints);
        Some(news)
    }
}

fn changed_parts(fragment: &Fragment, before: &Prints, now: &Prints) -> News {
    let known: HashMap<&str, u64> = before.parts.iter().map(|(key, print)| (key.as_str(), *print)).collect();
    let is_news = |(key, print): &(String, u64)| known.get(key.as_str()) != Some(print);
    let parts = fragment.parts.iter().zip(&now.parts).filter(|(_, prints)| is_news(prints));
    let same_keys = before.parts.iter().map(|(key, _)| key).eq(now.parts.iter().map(|(key, _)| key));
    News {
        id: fragment.id,
        html: None,
        keys: (!same_keys).then(|| now.parts.iter().map(|(key, _)| key.clone()).collect()),
        parts: parts.map(|(part, _)| (part.key.clone(), part.html.clone())).collect(),
    }
}

/// A hash of markup that leaves out what `<time>` elements say: the script keeps that up to date by itself.
fn print(html: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut rest = html;
    while let Some(start) = rest.find("<time ") {
        let said = rest[start..].find('>').map_or(rest.len(), |end| start + end);
        rest[..said].hash(&mut hasher);
        rest = rest[said..].find("</time>").map_or("", |end| &rest[said + end..]);
    }
    rest.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(title: &str, parts: &[(&str, &str)]) -> Fragment {
        let parts = parts.iter().map(|(key, text)| Part::new(*key, html! { li data-key=(key) { (text) } }));
        Fragment::keyed("list", parts.collect(), |parts| html! { ul id="list" title=(title) data-parts { (parts) } })
    }

    fn news(sent: &mut Sent, fragment: &Fragment) -> serde_json::Value {
        serde_json::to_value(sent.news(fragment)).expect("news have text keys")
    }

    #[test]
    fn only_what_changed_is_sent_again() {
        let mut sent = Sent::default();
        let first = news(&mut sent, &list("a", &[("x", "1"), ("y", "2")]));
        assert_eq!(
            first["html"],
            "<ul id=\"list\" title=\"a\" data-parts><li data-key=\"x\">1</li><li data-key=\"y\">2</li></ul>"
        );
        assert!(news(&mut sent, &list("a", &[("x", "1"), ("y", "2")])).is_null(), "nothing changed");
        let one = news(&mut sent, &list("a", &[("x", "1"), ("y", "3")]));
        assert_eq!(one, serde_json::json!({"id": "list", "parts": {"y": "<li data-key=\"y\">3</li>"}}));
        let moved = news(&mut sent, &list("a", &[("z", "4"), ("x", "1")]));
        assert_eq!(
            moved,
            serde_json::json!({"id": "list", "keys": ["z", "x"], "parts": {"z": "<li data-key=\"z\">4</li>"}})
        );
        let frame = news(&mut sent, &list("b", &[("z", "4"), ("x", "1")]));
        assert!(frame["html"].is_string() && frame.get("keys").is_none(), "another frame comes whole");
    }

    #[test]
    fn the_passing_of_time_alone_is_no_news() {
        let at = |said: &str| Fragment::whole("at", html! { p id="at" { time datetime="2026" { (said) } " b" } });
        let mut sent = Sent::default();
        assert!(sent.news(&at("just now")).is_some());
        assert!(sent.news(&at("3 s ago")).is_none());
        let other = Fragment::whole("at", html! { p id="at" { time datetime="2027" { "3 s ago" } " b" } });
        assert!(sent.news(&other).is_some());
    }

    #[test]
    fn text_cannot_pretend_to_be_the_place_of_the_parts() {
        let hostile = list(HOLE, &[("x", HOLE)]);
        let html = html! { (hostile) }.into_string();
        assert_eq!(
            html,
            "<ul id=\"list\" title=\"&lt;!--parts--&gt;\" data-parts><li data-key=\"x\">&lt;!--parts--&gt;</li></ul>"
        );
    }
}
