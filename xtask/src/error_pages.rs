//! Every error code that a person can meet has a page that says what to do, and no page speaks of a code that is gone.

use crate::tree::File;
use std::collections::BTreeMap;

pub(crate) fn findings(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut used: BTreeMap<&str, &str> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.starts_with("crates/") && file.has_extension(&["rs"])) {
        for code in codes(&file.text) {
            used.entry(code).or_insert(&file.path);
        }
    }
    let mut explained = Vec::new();
    for file in files {
        let Some(code) = file.path.strip_prefix("docs/errors/").and_then(|name| name.strip_suffix(".md")) else {
            continue;
        };
        if code == "README" {
            continue;
        }
        explained.push(code);
        if !used.contains_key(code) {
            findings.push(format!("{}: no crate gives this code", file.path));
        }
        if !file.text.starts_with(&format!("# {code}: ")) {
            findings.push(format!("{}: its first line is not '# {code}: ' and what failed", file.path));
        }
    }
    for (code, path) in used {
        if !explained.contains(&code) {
            findings.push(format!("{path}: {code} has no page docs/errors/{code}.md"));
        }
    }
    findings
}

/// The codes in the text: `ST` and four digits, not part of a longer word.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').filter(|word| {
        word.strip_prefix("ST")
            .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::{File, codes, findings};

    #[test]
    fn a_code_is_a_word_of_its_own() {
        let found: Vec<_> = codes(r#""ST0007" ST00071 BEST0001 ST000x [ST0012]"#).collect();
        assert_eq!(found, ["ST0007", "ST0012"]);
    }

    #[test]
    fn codes_and_pages_agree_both_ways() {
        let found = findings(&[
            File::new("crates/journal/src/error.rs", "ST0001 ST0002"),
            File::new("docs/errors/README.md", "# Errors"),
            File::new("docs/errors/ST0001.md", "# ST0001: opening a segment"),
            File::new("docs/errors/ST0003.md", "# ST0003: gone"),
        ]);
        assert_eq!(
            found,
            [
                "docs/errors/ST0003.md: no crate gives this code",
                "crates/journal/src/error.rs: ST0002 has no page docs/errors/ST0002.md",
            ]
        );
    }
}
