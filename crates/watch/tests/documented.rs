//! The table of conditions in the manual is the one that is followed.

use std::fmt::Write;

#[test]
fn the_manual_lists_every_condition_as_it_is() {
    let built_in: Vec<String> = watch::builtin_rules().iter().map(|rule| rule.condition.to_string()).collect();
    let mut table = String::new();
    for info in watch::CONDITIONS {
        let settings: Vec<String> = info
            .settings
            .iter()
            .map(|setting| match setting.default {
                "" => format!("`{}`", setting.name),
                default => format!("`{}` ({default})", setting.name),
            })
            .collect();
        let is_built_in = if built_in.iter().any(|name| name == info.name) { "yes" } else { "" };
        writeln!(
            table,
            "| `{}` | {} | {} | {} | {} | {is_built_in} | {} |",
            info.name,
            info.says,
            info.about.name(),
            info.severity.name(),
            settings.join(", "),
            info.remedy
        )
        .expect("text takes any length");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/alerts.md");
    let manual = std::fs::read_to_string(path).expect("the manual is there");
    assert!(manual.contains(&table), "docs/alerts.md has another table of conditions; this is the right one:\n{table}");
}
