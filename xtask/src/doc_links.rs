//! Relative links in Markdown lead to a file or folder of the tree, and to a heading that it has.

use crate::tree::File;
use std::collections::BTreeSet;

pub(crate) fn findings(files: &[File]) -> Vec<String> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for file in files {
        let mut path = file.path.as_str();
        known.insert(path.to_owned());
        while let Some((folder, _)) = path.rsplit_once('/') {
            known.insert(folder.to_owned());
            path = folder;
        }
    }
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.has_extension(&["md"])) {
        for (number, line) in prose(file) {
            for target in targets(line) {
                let (path, heading) = target.split_once('#').unwrap_or((target, ""));
                let path = if path.is_empty() { file.path.clone() } else { resolve(&file.path, path) };
                if !path.is_empty() && !known.contains(&path) {
                    findings.push(format!("{}:{number}: {target} does not exist", file.path));
                    continue;
                }
                let linked = files.iter().find(|linked| linked.path == path && linked.has_extension(&["md"]));
                if let Some(linked) = linked.filter(|_| !heading.is_empty())
                    && !prose(linked).any(|(_, line)| line.starts_with('#') && anchor(line) == heading)
                {
                    findings.push(format!("{}:{number}: {path} has no heading #{heading}", file.path));
                }
            }
        }
    }
    findings
}

/// The lines outside fenced code.
fn prose(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    file.lines().filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    })
}

/// What the inline links of a line point to, less what leaves the tree.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let ends = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(target, _)| target.split_whitespace().next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
}

/// The path from the root that a link in `from` means; empty for the root itself.
fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The name under which a heading can be linked: small letters, hyphens for spaces, no punctuation.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{File, findings};

    #[test]
    fn broken_paths_and_headings_are_found_and_the_rest_is_left_alone() {
        let text = "\
[a](docs/a.md) [folder](docs/) [heading](docs/a.md#the-two-times) [web](https://example.org/x) [self](#top)\n\
[gone](docs/gone.md) [no heading](docs/a.md#three)\n\
```\n[in code](nowhere)\n```\n\
# Top\n";
        let found = findings(&[
            File::new("README.md", text),
            File::new("docs/a.md", "[up](../README.md#top)\n## The two times\n"),
        ]);
        assert_eq!(found, ["README.md:2: docs/gone.md does not exist", "README.md:2: docs/a.md has no heading #three"]);
    }
}
