//! Any messages of an edge node, one after the other: no panic, and readings only of nodes that are alive.
#![no_main]

use ledger::Timestamp;
use libfuzzer_sys::fuzz_target;
use wire::sparkplug::{Host, HostSettings, Output};

const KINDS: [&str; 8] = ["NBIRTH/n", "NDATA/n", "NDEATH/n", "DBIRTH/n/d", "DDATA/n/d", "DDEATH/n/d", "NCMD/n", "X/n"];

fuzz_target!(|messages: Vec<(u8, Vec<u8>)>| {
    let mut host = Host::new(HostSettings { metrics_max: 1_000, ..HostSettings::new("h") });
    let mut out = Vec::new();
    let mut now = Timestamp(0);
    for (kind, payload) in messages {
        let topic = format!("spBv1.0/g/{}", KINDS[usize::from(kind) % KINDS.len()]);
        out.clear();
        let was_alive = host.nodes_alive();
        let _ = host.take(&topic, &payload, now, &mut out);
        let reads = out.iter().any(|output| matches!(output, Output::Reading(_)));
        assert!(!reads || was_alive + host.nodes_alive() > 0);
        now = Timestamp(now.0 + 500_000);
        let _ = host.tick(now, &mut out);
    }
});
