//! Any body of tag reads: no panic, and never more than are allowed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::reads::parse_reads;

fuzz_target!(|body: &[u8]| {
    let told = parse_reads(body, 100);
    assert!(told.reads.len() <= 100);
    assert!(told.reads.iter().all(|read| !read.epc.is_empty() && read.count > 0));
    assert!(told.reads.iter().all(|read| read.device.is_none_or(|device| usize::from(device) < told.devices.len())));
});
