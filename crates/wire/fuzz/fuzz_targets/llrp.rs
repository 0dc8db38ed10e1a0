//! Any bytes as any LLRP message: no panic, what is read is written back, and the fast way through tag reports agrees.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::llrp::{self, Splitter, TagReports};

fuzz_target!(|bytes: &[u8]| {
    let mut splitter = Splitter::new(10_000);
    for piece in bytes.chunks(7) {
        splitter.push(piece);
        while let Ok(Some((header, payload))) = splitter.next_frame() {
            let _ = llrp::decode_content(header.number, payload, 0);
        }
    }
    assert!(!llrp::reports(bytes, None).is_empty());
    let Some((number, payload)) = bytes.split_first() else { return };
    let fast: Result<Vec<_>, _> = TagReports::new(payload).collect();
    let Ok(node) = llrp::decode_content(u16::from(*number), payload, 0) else { return };
    let written = node.encode().expect("what was read has lengths that fit");
    assert_eq!(written.len(), payload.len());
    assert_eq!(llrp::decode_content(u16::from(*number), &written, 0), Ok(node.clone()));
    if *number == 61 {
        assert_eq!(fast.map(|reports| reports.len()), Ok(node.children("TagReportData").count()));
    }
});
