//! The walls between the crates: the table in ARCHITECTURE.md against what `cargo metadata` says.

use crate::cargo::cargo;
use crate::tree;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Libraries that only these crates may link.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("tokio", &["edge", "stocktide"]),
    ("axum", &["edge", "stocktide"]),
    ("hyper", &["edge", "stocktide"]),
    ("maud", &["edge"]),
    ("rusqlite", &["engine", "follow"]),
    ("anyhow", &["stocktide", "xtask"]),
    ("clap", &["stocktide"]),
];

/// Libraries that these crates must never link.
const NEVER_IN: &[(&str, &[&str])] = &[
    ("serde", &["ledger", "views", "intake", "watch", "journal"]),
    ("serde_json", &["ledger", "views", "intake", "watch", "journal"]),
    ("rand", &["ledger", "views", "wire", "intake", "watch", "journal", "engine"]),
];

/// One row: `| crate | "is": … | may depend on | must never know |`.
#[derive(Debug)]
struct Row {
    /// What the first line of `lib.rs` says; empty if the row quotes nothing.
    phrase: String,
    may_depend_on: Vec<String>,
}

/// One crate of ours as cargo knows it.
#[derive(Debug)]
struct Member {
    name: String,
    /// What it links, tests aside.
    dependencies: Vec<String>,
    /// The first line of its `lib.rs`, if it has one.
    first_line: Option<String>,
}

pub(crate) fn findings() -> Result<Vec<String>> {
    let text = std::fs::read_to_string(tree::root().join("ARCHITECTURE.md")).context("reading ARCHITECTURE.md")?;
    Ok(compare(&rows(&text), &members()?))
}

fn compare(rows: &BTreeMap<String, Row>, members: &[Member]) -> Vec<String> {
    let mut findings = Vec::new();
    for name in rows.keys().filter(|name| members.iter().all(|member| member.name != **name)) {
        findings.push(format!("{name}: in the table, not in the workspace"));
    }
    for member in members {
        let name = member.name.as_str();
        let Some(row) = rows.get(name) else {
            findings.push(format!("{name}: in the workspace, not in the table"));
            continue;
        };
        for dependency in &member.dependencies {
            let is_ours = members.iter().any(|other| other.name == *dependency);
            if is_ours && !row.may_depend_on.contains(dependency) {
                findings.push(format!("{name}: links {dependency}, which its row does not allow"));
            }
            let elsewhere = ONLY_IN.iter().any(|(library, crates)| library == dependency && !crates.contains(&name));
            let never = NEVER_IN.iter().any(|(library, crates)| library == dependency && crates.contains(&name));
            if elsewhere || never {
                findings.push(format!("{name}: must not know {dependency}"));
            }
        }
        if let Some(line) = member.first_line.as_ref().filter(|_| !row.phrase.is_empty()) {
            let said = line.trim_start_matches("//!").trim().to_lowercase();
            let rest = said.strip_prefix(&row.phrase.to_lowercase());
            if !rest.is_some_and(|rest| rest.starts_with(['.', ':', ','])) {
                findings.push(format!("{name}: lib.rs begins '{line}', not with \"{}\"", row.phrase));
            }
        }
    }
    findings
}

/// The rows of the table whose first cell is a crate in backticks.
fn rows(text: &str) -> BTreeMap<String, Row> {
    let table =
        text.lines().skip_while(|line| !line.starts_with("| crate ")).skip(2).take_while(|line| line.starts_with('|'));
    let mut rows = BTreeMap::new();
    for line in table {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, is, may_depend_on, ..] = cells[..] else {
            continue;
        };
        let phrase = is.strip_prefix('"').and_then(|rest| rest.split_once('"')).map_or("", |(phrase, _)| phrase);
        let may_depend_on = may_depend_on.split(',').map(|word| word.trim_matches([' ', '`']).to_owned()).collect();
        rows.insert(name.trim_matches('`').to_owned(), Row { phrase: phrase.to_owned(), may_depend_on });
    }
    rows
}

fn members() -> Result<Vec<Member>> {
    let asked = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .output()
        .context("asking cargo metadata")?;
    ensure!(asked.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&asked.stderr).trim());
    let metadata: Value = serde_json::from_slice(&asked.stdout).context("reading cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    packages.iter().map(member).collect()
}

fn member(package: &Value) -> Result<Member> {
    let name = package["name"].as_str().context("a package without a name")?;
    let manifest = package["manifest_path"].as_str().context("a package without a manifest")?;
    let library = Path::new(manifest).with_file_name("src").join("lib.rs");
    let dependencies = package["dependencies"].as_array().context("a package without a list of dependencies")?;
    let linked = dependencies.iter().filter(|dependency| dependency["kind"].as_str() != Some("dev"));
    Ok(Member {
        name: name.to_owned(),
        dependencies: linked.filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned).collect(),
        first_line: std::fs::read_to_string(library)
            .ok()
            .map(|text| text.lines().next().unwrap_or_default().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Member, compare, findings, rows};

    const TABLE: &str = "\
prose
| crate (folder) | is | may depend on | must never know |
|---|---|---|---|
| `ledger` | \"what stock is\": quantities | nothing of ours | JSON |
| `engine` | \"what happens next\": one loop | `ledger`, `journal` | HTTP |
";

    fn member(name: &str, dependencies: &[&str], first_line: &str) -> Member {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        Member { name: name.to_owned(), dependencies, first_line: Some(first_line.to_owned()) }
    }

    #[test]
    fn the_crates_depend_as_the_table_says() {
        assert_eq!(findings().expect("the table and the workspace can be read"), [""; 0]);
    }

    #[test]
    fn a_crate_within_its_row_passes() {
        let members = [
            member("ledger", &["smallvec"], "//! What stock is."),
            member("engine", &["ledger"], "//! What happens next: one loop."),
        ];
        assert_eq!(compare(&rows(TABLE), &members), [""; 0]);
    }

    #[test]
    fn every_breach_is_told() {
        let members = [member("ledger", &["engine", "serde", "tokio"], "//! Stock."), member("common", &[], "")];
        assert_eq!(
            compare(&rows(TABLE), &members),
            [
                "engine: in the table, not in the workspace",
                "ledger: must not know serde",
                "ledger: must not know tokio",
                "ledger: lib.rs begins '//! Stock.', not with \"what stock is\"",
                "common: in the workspace, not in the table",
            ]
        );
        let members =
            [member("ledger", &["engine"], "//! What stock is."), member("engine", &[], "//! What happens next.")];
        assert_eq!(compare(&rows(TABLE), &members), ["ledger: links engine, which its row does not allow"]);
    }
}
