//! Any tag memory, any code in text: no panic, and what is read is written the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::epc::{Epc, Gs1Key, Tag, report};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tag) = Tag::from_bytes(bytes) {
        let canonical = tag.to_bytes();
        let common = canonical.len().min(bytes.len());
        assert_eq!(&canonical[..common], &bytes[..common]);
        assert_eq!(Tag::parse_uri(&tag.to_string()), Ok(tag));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(epc) = Epc::parse_uri(text) {
        assert_eq!(Epc::parse_uri(&epc.to_string()), Ok(epc));
    }
    for key in [Gs1Key::parse_element_string(text), Gs1Key::parse_digital_link(text)].into_iter().flatten() {
        assert_eq!(Gs1Key::parse_element_string(&key.to_string()), Ok(key.clone()));
        assert_eq!(Gs1Key::parse_digital_link(&key.digital_link()), Ok(key));
    }
    let report = report(text, Some(7));
    assert_eq!(report["verdict"] == "invalid", report.contains_key("problem"));
});
