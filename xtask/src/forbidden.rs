//! Words that have no place in the tree. The patterns are written in two halves so that this file does not match itself.

use crate::tree::File;

/// Anywhere in Rust code: left over, or silent about what it skips.
const LEFTOVERS: &[(&str, &str)] = &[
    (concat!("#[ig", "nore"), "a test that does not run tells nothing: mend it or delete it"),
    (concat!("to", "do!("), "unfinished"),
    (concat!("unimple", "mented!("), "unfinished"),
    (concat!("db", "g!("), "left over from looking for a fault"),
    (concat!("TO", "DO"), "do it, or write it down where work is planned"),
    (concat!("FIX", "ME"), "do it, or write it down where work is planned"),
];

/// In tests: slow when it works, flaky when it does not.
const SLEEPS: &[(&str, &str)] = &[
    (concat!("thread::", "sleep"), "a test waits on what happens, never on time"),
    (concat!("time::", "sleep"), "a test waits on what happens, never on time"),
];

/// Top folders that exist on somebody's machine only.
const MACHINE_FOLDERS: &[&str] = &["work", "farm", "root", "home", "Users"];

pub(crate) fn findings(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path != "Cargo.lock") {
        let is_rust = file.has_extension(&["rs"]);
        let mut in_tests = file.path.split('/').any(|part| part == "tests" || part == "tests.rs");
        for (number, line) in file.lines() {
            in_tests |= line.trim() == "#[cfg(test)]";
            let mut find = |why: &str| findings.push(format!("{}:{number}: {}: {why}", file.path, line.trim()));
            if is_rust {
                let sleeps = if in_tests { SLEEPS } else { &[] };
                for (pattern, why) in LEFTOVERS.iter().chain(sleeps) {
                    if line.contains(pattern) {
                        find(why);
                    }
                }
            }
            if MACHINE_FOLDERS.iter().any(|folder| names_top_folder(line, folder)) {
                find("a path of one machine");
            }
        }
    }
    findings
}

/// Whether `/folder/` stands in the line as the start of an absolute path.
fn names_top_folder(line: &str, folder: &str) -> bool {
    let path = format!("/{folder}/");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !(before.is_alphanumeric() || "_-.~/}*".contains(before)))
    })
}

#[cfg(test)]
mod tests {
    use super::{File, LEFTOVERS, MACHINE_FOLDERS, SLEEPS, findings, names_top_folder};

    fn count(path: &str, text: &str) -> usize {
        findings(&[File::new(path, text)]).len()
    }

    #[test]
    fn leftovers_are_found_in_rust_only() {
        for (pattern, _) in LEFTOVERS {
            assert_eq!(count("crates/a/src/lib.rs", pattern), 1, "{pattern}");
            assert_eq!(count("README.md", pattern), 0, "{pattern}");
        }
    }

    #[test]
    fn sleeps_are_found_in_tests_only() {
        for (pattern, _) in SLEEPS {
            assert_eq!(count("crates/a/src/lib.rs", pattern), 0, "{pattern}");
            assert_eq!(count("crates/a/tests/it.rs", pattern), 1, "{pattern}");
            assert_eq!(count("crates/a/src/lib.rs", &format!("#[cfg(test)]\nmod tests {{\n{pattern}")), 1, "{pattern}");
        }
    }

    #[test]
    fn a_path_of_one_machine_starts_at_its_root() {
        for folder in MACHINE_FOLDERS {
            assert!(names_top_folder(&format!("see /{folder}/notes"), folder));
            assert!(names_top_folder(&format!("'/{folder}/notes'"), folder));
            assert!(!names_top_folder(&format!("src/{folder}/notes"), folder));
            assert!(!names_top_folder(&format!("../{folder}/notes"), folder));
        }
    }
}
