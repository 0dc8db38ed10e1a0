//! `cargo xtask check`: everything CI runs, in order, each step with its heading and its time.
//!
//! A step that fails does not stop the rest: one run tells everything that is wrong.

use crate::cargo::{cargo, findings_of, tests};
use crate::{crate_table, doc_links, error_pages, file_length, forbidden, tree};
use anyhow::{Result, bail};
use std::process::ExitCode;
use std::time::Instant;

struct Step {
    name: &'static str,
    is: &'static str,
    /// What is wrong, one line each; empty if nothing is.
    run: fn() -> Result<Vec<String>>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", is: "the code is formatted", run: || findings_of(cargo().args(["fmt", "--all", "--check"])) },
    Step { name: "crates", is: "crates depend as ARCHITECTURE.md says", run: crate_table::findings },
    Step { name: "length", is: "files are short enough to read", run: || Ok(file_length::findings(&tree::files()?)) },
    Step {
        name: "forbidden",
        is: "no sleeps, leftovers or paths of one machine",
        run: || Ok(forbidden::findings(&tree::files()?)),
    },
    Step { name: "links", is: "links in documents lead somewhere", run: || Ok(doc_links::findings(&tree::files()?)) },
    Step { name: "errors", is: "every error code has its page", run: || Ok(error_pages::findings(&tree::files()?)) },
    Step { name: "clippy", is: "no warnings", run: clippy },
    Step { name: "test", is: "tests", run: || findings_of(&mut tests()) },
    Step {
        name: "doctest",
        is: "examples in the documentation",
        run: || findings_of(cargo().args(["test", "--doc", "--workspace", "--locked"])),
    },
    Step { name: DOC, is: "the documentation builds without warnings", run: doc },
];

/// The one step that is left out unless it is asked for: it builds what no test needs.
const DOC: &str = "doc";

fn clippy() -> Result<Vec<String>> {
    findings_of(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

fn doc() -> Result<Vec<String>> {
    findings_of(cargo().args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The steps as `help` shows them.
pub(crate) fn list() -> String {
    STEPS.iter().map(|step| format!("  {:10} {}\n", step.name, step.is)).collect()
}

/// Runs the steps that `words` name, or all.
pub(crate) fn run(words: &[String]) -> Result<ExitCode> {
    let mut failed = Vec::new();
    let steps = chosen(words)?;
    for step in &steps {
        println!("\n== {}: {}", step.name, step.is);
        let started = now();
        let findings = (step.run)()?;
        for finding in &findings {
            println!("  {finding}");
        }
        let outcome = if findings.is_empty() { "ok" } else { "FAILED" };
        println!("== {}: {outcome} in {:.1} s", step.name, started.elapsed().as_secs_f64());
        if !findings.is_empty() {
            failed.push(step.name);
        }
    }
    println!("\nchecks: {} passed, {} failed {}", steps.len() - failed.len(), failed.len(), failed.join(" "));
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(words: &[String]) -> Result<Vec<&'static Step>> {
    let with_doc = words.iter().any(|word| word == "--doc");
    let names: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "--doc").collect();
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        bail!("no step is called '{unknown}'; the steps are\n{}", list());
    }
    let is_chosen = |step: &&Step| match step.name {
        DOC if with_doc => true,
        name if names.is_empty() => name != DOC,
        name => names.contains(&name),
    };
    Ok(STEPS.iter().filter(is_chosen).collect())
}

#[expect(clippy::disallowed_methods, reason = "a person reads how long a step took; nothing is decided by it")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::chosen;

    fn names(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        match chosen(&words) {
            Ok(steps) => steps.iter().map(|step| step.name).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn steps_are_chosen_by_name_and_run_in_their_own_order() {
        assert_eq!(names(&[]), "fmt crates length forbidden links errors clippy test doctest");
        assert_eq!(names(&["--doc"]), "fmt crates length forbidden links errors clippy test doctest doc");
        assert_eq!(names(&["links", "fmt"]), "fmt links");
        assert_eq!(names(&["fast"]), "no step is called 'fast'; the steps are");
    }
}
