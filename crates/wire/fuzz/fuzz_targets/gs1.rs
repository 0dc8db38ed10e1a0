//! Any bytes as a GS1 code: no panic, and what is read is written and read again as the same elements.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::gs1::{Message, Options, Scan, report};

fuzz_target!(|code: &[u8]| {
    let options = Options::STRICT;
    let scan = Scan::parse(code, &options).ok().and_then(|scan| scan.message);
    let read = [
        Message::parse_bracketed(code, &options),
        Message::parse_unbracketed(code),
        Message::parse_link(code, &options),
    ];
    for message in read.into_iter().filter_map(Result::ok).chain(scan) {
        let again = Message::parse_unbracketed(message.unbracketed().as_bytes());
        assert_eq!(again.as_ref(), Ok(&message));
        assert_eq!(Message::parse_bracketed(message.bracketed().as_bytes(), &options).as_ref(), Ok(&message));
        let _ = message.link(None, &options);
    }
    let _ = report(&String::from_utf8_lossy(code), ledger::Day(20_500));
});
