//! A file that one can't read in one go is two files.

use crate::tree::File;

const LINES_MAX: usize = 600;

/// Files that are better whole, each with why.
const BETTER_WHOLE: &[(&str, &str)] = &[];

pub(crate) fn findings(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.has_extension(&["rs", "js", "css", "py"])) {
        let lines = file.text.lines().count();
        let excused = BETTER_WHOLE.iter().any(|(path, _)| *path == file.path);
        match (lines > LINES_MAX, excused) {
            (true, false) => findings.push(format!("{}: {lines} lines; {LINES_MAX} is the most", file.path)),
            (false, true) => findings.push(format!("{}: {lines} lines; it no longer needs its excuse", file.path)),
            _ => {}
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{File, LINES_MAX, findings};

    #[test]
    fn only_source_files_above_the_limit_are_found() {
        let at_limit = File::new("a.rs", &"\n".repeat(LINES_MAX));
        let above = "\n".repeat(LINES_MAX + 1);
        let found = findings(&[at_limit, File::new("b.rs", &above), File::new("c.json", &above)]);
        assert_eq!(found, ["b.rs: 601 lines; 600 is the most"]);
    }
}
