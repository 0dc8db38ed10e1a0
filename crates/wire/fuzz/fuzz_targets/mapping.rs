//! Any mapping file over any document, split at the first zero byte: no panic, and every event that comes out is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::mapping::{Limits, Mapping, MappingFile, RuleFile};

fuzz_target!(|input: &[u8]| {
    let Some(at) = input.iter().position(|byte| *byte == 0) else { return };
    let Ok(expression) = std::str::from_utf8(&input[..at]) else { return };
    let fixed = |text: &str| wire::mapping::Constant::Text(text.to_owned());
    let file = MappingFile {
        name: "a".to_owned(),
        document_id: Some("'1'".to_owned()),
        constants: [("event".to_owned(), fixed("item_counted")), ("timestamp".to_owned(), fixed("t"))].into(),
        rules: vec![RuleFile {
            name: "r".to_owned(),
            each: Some("document".to_owned()),
            fields: [("quantity".to_owned(), expression.to_owned())].into(),
            ..RuleFile::default()
        }],
        ..MappingFile::default()
    };
    let Ok(mapping) = Mapping::new(&file) else { return };
    let limits = Limits { looks_max: 100_000, ..Limits::default() };
    if let Ok(mapped) = mapping.map(&input[at + 1..], [("a", "b")], &limits) {
        for event in &mapped.events {
            assert!(event.starts_with('{') && event.ends_with('}'));
        }
    }
});
