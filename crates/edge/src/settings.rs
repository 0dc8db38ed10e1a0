//! What the owner of a server decides: how much of everything it takes at once.

use crate::connect::Hook;
use std::sync::Arc;
use std::time::Duration;

/// Limits of a server. Each bounds memory or time that a sender can take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of one body, unpacked.
    pub body_bytes_max: usize,
    /// Bytes of all bodies in memory at once; a sender beyond that hears 429.
    pub bodies_bytes_max: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Connections at once; more wait to be accepted.
    pub connections_max: usize,
    /// Live streams at once.
    pub streams_max: usize,
    /// Requests a second that one principal may send on average, and at once; `None` for any number.
    pub requests_per_second_max: Option<u32>,
    /// How long requests under way may take when the server stops.
    pub drain_timeout: Duration,
    /// What one body of events may hold.
    pub events: wire::event::Limits,
    /// Asks the system how many bytes of memory the process has; for metrics.
    pub resident_bytes: Option<fn() -> u64>,
    /// Whether subscribers to EPCIS queries may be on this machine or its own network.
    pub epcis_local_destinations: bool,
    /// Where people reach our pages, such as `https://stock.example`, for links in messages; empty for no links.
    pub public_url: Arc<str>,
    /// Whether what is shown is made up, which pages then say.
    pub demo: bool,
    /// Where other systems post their documents; each name once.
    pub hooks: Arc<[Hook]>,
}

impl Default for Settings {
    /// Bodies of 8 MiB, 256 MiB of them at once, 30 s each; 4,096 connections, 512 streams, any number of requests.
    fn default() -> Self {
        Self {
            body_bytes_max: 8 << 20,
            bodies_bytes_max: 256 << 20,
            body_timeout: Duration::from_secs(30),
            connections_max: 4096,
            streams_max: 512,
            requests_per_second_max: None,
            drain_timeout: Duration::from_secs(10),
            events: wire::event::Limits::default(),
            resident_bytes: None,
            epcis_local_destinations: false,
            public_url: "".into(),
            demo: false,
            hooks: Arc::new([]),
        }
    }
}
