//! How a failure ends the program: what is printed, once, and which exit code says it to scripts.

use crate::output::{self, ReaderGone};
use std::process::ExitCode;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As asked.
    Done,
    /// Some of the input is not valid, which it was asked to tell.
    Invalid,
    /// It found that data is not what was written; it has said so.
    Damaged,
}

impl Ended {
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Invalid => ExitCode::from(1),
            Self::Damaged => ExitCode::from(3),
        }
    }
}

/// What was asked for makes no sense; nothing was tried. Ends the program with exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Fails with [`Usage`].
pub(crate) fn usage<T>(message: impl Into<String>) -> anyhow::Result<T> {
    Err(Usage(message.into()).into())
}

/// Prints an error with all its causes, and says how to end.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_reader_gone(error) {
        return ExitCode::SUCCESS;
    }
    let found = Found::of(error);
    let mut text = format!("{}: ", found.code.unwrap_or("error"));
    let mut last = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        // A transparent error repeats its cause.
        if words != last {
            if !last.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&words);
        }
        last = words;
    }
    output::note(&text);
    if let Some(advice) = found.advice {
        output::note(&format!("  {advice}"));
    }
    match found.code {
        Some(code) => output::note(&format!("  docs/errors/{code}.md says more")),
        None if found.is_usage => output::note("  stocktide help COMMAND says what it takes"),
        None => {}
    }
    ExitCode::from(if found.is_usage { 2 } else { 1 + 2 * u8::from(found.is_damage) })
}

fn is_reader_gone(error: &anyhow::Error) -> bool {
    let inner = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .is_some_and(|inner| inner.is::<ReaderGone>())
    };
    error.chain().any(inner)
}

/// What the causes of an error say together.
#[derive(Default)]
struct Found {
    code: Option<&'static str>,
    advice: Option<String>,
    is_damage: bool,
    is_usage: bool,
}

impl Found {
    fn of(error: &anyhow::Error) -> Self {
        let mut found = Self::default();
        let mut directory = "DIR".to_owned();
        for cause in error.chain() {
            found.is_usage |= cause.is::<Usage>();
            if let Some(engine) = cause.downcast_ref::<engine::Error>() {
                found.code = Some(engine.code());
                found.is_damage |= engine.is_damage();
                if let engine::Error::Journal { directory: of, .. } = engine {
                    directory = of.display().to_string();
                }
            }
            if let Some(journal) = cause.downcast_ref::<journal::Error>() {
                found.code = Some(journal.code());
                found.is_damage |= journal.is_damage();
                found.advice = advice(journal, &directory);
            }
            if let Some(edge) = cause.downcast_ref::<edge::Error>() {
                found.code = Some(edge.code());
            }
        }
        if found.is_damage && found.advice.is_none() {
            found.advice = Some(see_damage(&directory));
        }
        found
    }
}

fn advice(error: &journal::Error, directory: &str) -> Option<String> {
    match error {
        journal::Error::Locked { .. } => Some(
            "another stocktide works on this directory: stop it, or talk to it with --url http://ADDRESS:PORT"
                .to_owned(),
        ),
        journal::Error::ReadOnly { .. } => {
            Some("give this user the right to write there, or choose another directory with --data".to_owned())
        }
        journal::Error::NoJournal { .. } => {
            Some("check the path; `stocktide serve --data DIR` makes a new one".to_owned())
        }
        journal::Error::Damaged { .. } => Some(see_damage(directory)),
        _ => None,
    }
}

fn see_damage(directory: &str) -> String {
    format!(
        "nothing was changed; see how far it reaches with `stocktide journal inspect --data {directory}`, then restore a backup"
    )
}
