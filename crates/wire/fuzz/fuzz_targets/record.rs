//! Any bytes as records: no panic, and what decodes encodes to what decodes to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::record::{Entry, decode_block, encode_entry};

fuzz_target!(|bytes: &[u8]| {
    let entries: Vec<Entry> = decode_block(bytes).filter_map(Result::ok).collect();
    let mut encoded = Vec::new();
    for entry in &entries {
        encode_entry(entry, &mut encoded);
    }
    assert_eq!(decode_block(&encoded).collect::<Result<Vec<_>, _>>(), Ok(entries));
});
