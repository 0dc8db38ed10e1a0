//! From text to a tree, and what to say of text that is none.
//!
//! The parser is that of the crate `cel`. It tells the place of a node in bytes, and that of a mistake in lines and
//! columns; both become columns of the whole text, in characters.

use super::{DEPTH_MAX, Fault, TEXT_BYTES_MAX};
use cel::common::ast::SourceInfo;
use cel::parser::ParseError;
use cel::{Env, IdedExpr};

/// A tree and where its nodes were written.
pub(super) struct Parsed<'t> {
    pub(super) tree: IdedExpr,
    pub(super) places: Places<'t>,
}

/// Where the nodes of a tree were written.
pub(super) struct Places<'t> {
    text: &'t str,
    source: SourceInfo,
}

impl Places<'_> {
    /// The column of a node: of an operator, of the dot before a field, of the bracket after a function.
    pub(super) fn column(&self, id: u64) -> usize {
        self.source.offset_for(id).map_or(1, |(start, _)| self.column_at(start as usize))
    }

    /// The column of the last `word` before a node, as a function's name is before its bracket.
    pub(super) fn column_of_word_before(&self, id: u64, word: &str) -> usize {
        let (start, _) = self.source.offset_for(id).unwrap_or_default();
        let before = self.text.get(..start as usize).unwrap_or_default();
        before.rfind(word).map_or_else(|| self.column(id), |at| self.column_at(at))
    }

    /// The column of the first `word` from a node on, as a field's name is after its dot.
    pub(super) fn column_of_word_after(&self, id: u64, word: &str) -> usize {
        let (start, _) = self.source.offset_for(id).unwrap_or_default();
        let after = self.text.get(start as usize..).unwrap_or_default();
        after.find(word).map_or_else(|| self.column(id), |at| self.column_at(start as usize + at))
    }

    fn column_at(&self, byte: usize) -> usize {
        self.text.char_indices().take_while(|(at, _)| *at < byte).count() + 1
    }
}

/// Parses a text.
///
/// # Errors
/// That it is empty or too long, or its first mistake: what a parser says after it has lost its way is noise.
pub(super) fn parse<'t>(text: &'t str, env: &Env) -> Result<Parsed<'t>, Vec<Fault>> {
    if text.trim().is_empty() {
        let detail = "the condition is empty; write one such as stock.available < 10".to_owned();
        return Err(vec![Fault { column: 1, detail }]);
    }
    if text.len() > TEXT_BYTES_MAX {
        let kept = text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= TEXT_BYTES_MAX).count();
        let detail = format!(
            "the condition has {} bytes, more than the {TEXT_BYTES_MAX} that are read; split it into several",
            text.len()
        );
        return Err(vec![Fault { column: kept + 1, detail }]);
    }
    let depth_max = u16::try_from(DEPTH_MAX).expect("the depth is small");
    match env.parser().max_recursion_depth(depth_max).parse_with_source_info(text) {
        Ok((tree, source)) => Ok(Parsed { tree, places: Places { text, source } }),
        Err(errors) => {
            let first = errors.errors.iter().map(|error| (follows_from_another(error), fault(text, error))).min();
            let unsaid = || Fault { column: 1, detail: "this is no condition".to_owned() };
            Err(vec![first.map_or_else(unsaid, |(_, fault)| fault)])
        }
    }
}

/// Whether the parser only misses what it could not read for another mistake.
fn follows_from_another(error: &ParseError) -> bool {
    error.msg.starts_with("No `") || error.msg.starts_with("Incomplete")
}

/// What a mistake is, in words of the language's users.
fn fault(text: &str, error: &ParseError) -> Fault {
    let (line, at) = (usize::try_from(error.pos.0).unwrap_or(1), usize::try_from(error.pos.1).unwrap_or(1));
    let (line, at) = (line.max(1), at.max(1));
    let before: usize = text.split_inclusive('\n').take(line - 1).map(|line| line.chars().count()).sum();
    let in_line = text.split_inclusive('\n').nth(line - 1).unwrap_or_default();
    let Some(said) = error.msg.strip_prefix("Syntax error: ") else {
        // These places are in bytes.
        let column = before + in_line.char_indices().take_while(|(byte, _)| byte + 1 < at).count() + 1;
        return Fault { column, detail: explain_meaning(&error.msg) };
    };
    let column = (before + at).min(text.chars().count() + 1);
    let rest: String = text.chars().skip(column - 1).collect();
    Fault { column, detail: explain_syntax(said, &rest) }
}

/// What is wrong where the text stops being of the grammar.
fn explain_syntax(said: &str, rest: &str) -> String {
    if said.contains("Recursion limit") {
        return format!("brackets and ?: are nested deeper than {DEPTH_MAX}; split the condition into several");
    }
    if rest.is_empty() {
        let is_missing = |mark: &&str| said.starts_with(&format!("missing {mark}"));
        let missing = ["')'", "']'"].into_iter().find(is_missing).or(said.contains("':'").then_some("':'"));
        return missing.map_or_else(
            || "the condition ends too early; something is missing at its end".to_owned(),
            |mark| format!("a {mark} is missing at the end"),
        );
    }
    let token = token(rest);
    let remedy = match token {
        "=" => "write == to compare".to_owned(),
        "&" => "write && for 'and'".to_owned(),
        "|" => "write || for 'or'".to_owned(),
        "<>" => "write != for 'is not'".to_owned(),
        ";" => "one condition has one expression; leave it out".to_owned(),
        "\"" | "'" if said.starts_with("token recognition") => {
            "the text is not closed, or has a \\ that means nothing; write \\\\ for a \\".to_owned()
        }
        _ => match token.to_ascii_lowercase().as_str() {
            "and" => "write && for 'and'".to_owned(),
            "or" => "write || for 'or'".to_owned(),
            "not" => "write ! for 'not'".to_owned(),
            "is" => "write == for 'is'".to_owned(),
            "like" | "contains" => "write .contains('…') after the text".to_owned(),
            _ if said.starts_with("token recognition") => {
                "it is not part of the language; a text stands in quotes, as in 'é'".to_owned()
            }
            _ => "an operator such as && or a value is missing before it, or it is one too many".to_owned(),
        },
    };
    format!("'{token}' cannot stand here: {remedy}")
}

/// The first word, or sign, of what follows.
fn token(rest: &str) -> &str {
    if rest.starts_with("<>") {
        return "<>";
    }
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let length = if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word };
    let shown = rest.char_indices().map(|(at, _)| at).take_while(|at| *at < length).nth(30).unwrap_or(length);
    &rest[..shown]
}

/// What is wrong with a thing that is of the grammar and cannot be.
fn explain_meaning(said: &str) -> String {
    if said.starts_with("invalid int") || said.starts_with("invalid uint") {
        "the whole number is too large; write it with a decimal point".to_owned()
    } else if said.starts_with("invalid double") {
        "the number is too large".to_owned()
    } else if let Some(name) = said.strip_prefix("reserved identifier: ") {
        format!("'{name}' is a reserved word; to choose, write condition ? this : that")
    } else if said.contains("has() macro") {
        "has(…) takes a fact, as in has(stock.days_to_expiry)".to_owned()
    } else if said.contains("must be a simple name") {
        "a name for the item stands here, as in ['a', 'b'].exists(item, item == stock.category)".to_owned()
    } else if said.starts_with("Incomplete") {
        "the ? has no matching ':'; write condition ? this : that".to_owned()
    } else if said.starts_with("math.") {
        format!("{said}; give it numbers")
    } else if said.starts_with("unsupported syntax") {
        "this is not part of the language: a fact is named group.fact, and has(group.fact) asks whether it is known"
            .to_owned()
    } else {
        said.to_owned()
    }
}
