//! The configuration file, and the settings that can stand in it as well as on the command line.
//!
//! ```toml
//! data = "stock"
//! log = "info"
//!
//! [server]
//! listen = "127.0.0.1:8600"
//!
//! [engine]
//! id_window = "7d"
//! ```

use crate::channels::ChannelFile;
use crate::failure::{Usage, usage};
use crate::hooks::HookFile;
use crate::logging::LogFormat;
use crate::polls::PollFile;
use crate::sources::{LlrpArgs, MqttArgs};
use crate::units::{ByteCount, Period};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a configuration file says. Unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// The data directory.
    pub(crate) data: Option<PathBuf>,
    /// As `--log`.
    pub(crate) log: Option<String>,
    /// As `--log-format`.
    pub(crate) log_format: Option<LogFormat>,
    /// What `serve` takes about connections.
    pub(crate) server: ServerArgs,
    /// What `serve` takes about the ledger and its files.
    pub(crate) engine: EngineArgs,
    /// Brokers that `serve` connects to.
    pub(crate) mqtt: Vec<MqttArgs>,
    /// Readers that `serve` connects to.
    pub(crate) llrp: Vec<LlrpArgs>,
    /// Where other systems post their documents.
    pub(crate) hooks: Vec<HookFile>,
    /// Systems that `serve` asks for their documents.
    pub(crate) polls: Vec<PollFile>,
    /// Who is told of alerts, and how.
    pub(crate) channels: Vec<ChannelFile>,
    /// Where the file is: relative paths in it are from here.
    #[serde(skip)]
    pub(crate) base: PathBuf,
}

impl ConfigFile {
    /// Reads the file, or nothing without one.
    ///
    /// # Errors
    /// The file can't be read or says something unknown.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let file: Self = toml::from_str(&text)
            .map_err(|error| Usage(format!("{}: {}", path.display(), error.to_string().trim())))?;
        Ok(Self { base: path.parent().unwrap_or(Path::new("")).to_owned(), ..file })
    }
}

/// Who may use the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuthKind {
    /// Whoever has the token in the data directory.
    #[default]
    Token,
    /// Whoever can reach the address, which must be a loopback one.
    None,
}

/// Declares settings that are flags, variables of the environment and keys of the file, all absent at first.
macro_rules! settings {
    (
        $(#[$doc:meta])*
        $name:ident { $( $(#[$field_doc:meta])* $field:ident: $type:ty, $env:literal, $value:literal; )* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Args, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name {
            $( $(#[$field_doc])* #[arg(long, env = $env, value_name = $value)] pub(crate) $field: Option<$type>, )*
        }

        impl $name {
            /// These settings, and those of `file` where these say nothing.
            pub(crate) fn or(self, file: Self) -> Self {
                Self { $( $field: self.$field.or(file.$field), )* }
            }
        }
    };
}

settings! {
    /// About connections.
    ServerArgs {
        /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:8600].
        listen: SocketAddr, "STOCKTIDE_LISTEN", "ADDRESS:PORT";
        /// Who may use it: `token` or, on a loopback address only, `none` [default: token].
        auth: AuthKind, "STOCKTIDE_AUTH", "KIND";
        /// Bytes of one request, unpacked [default: 8MiB].
        body_bytes_max: ByteCount, "STOCKTIDE_BODY_BYTES_MAX", "SIZE";
        /// Bytes of all requests in memory at once; senders beyond it are asked to wait [default: 256MiB].
        bodies_bytes_max: ByteCount, "STOCKTIDE_BODIES_BYTES_MAX", "SIZE";
        /// How long a request may take to arrive [default: 30s].
        body_timeout: Period, "STOCKTIDE_BODY_TIMEOUT", "PERIOD";
        /// Connections at once; more wait [default: 4096].
        connections_max: usize, "STOCKTIDE_CONNECTIONS_MAX", "COUNT";
        /// Live streams at once [default: 512].
        streams_max: usize, "STOCKTIDE_STREAMS_MAX", "COUNT";
        /// Requests a second of one principal [default: any number].
        requests_per_second_max: u32, "STOCKTIDE_REQUESTS_PER_SECOND_MAX", "COUNT";
        /// How long requests under way may take at the end [default: 10s].
        drain_timeout: Period, "STOCKTIDE_DRAIN_TIMEOUT", "PERIOD";
        /// Whether subscribers to EPCIS queries may be on this machine or its own network [default: false].
        epcis_local_destinations: bool, "STOCKTIDE_EPCIS_LOCAL_DESTINATIONS", "BOOL";
        /// Seconds between two samples of the system's own health; 0 takes none [default: 60].
        health_seconds: u32, "STOCKTIDE_HEALTH_SECONDS", "SECONDS";
        /// Where people reach the pages, such as https://stock.example, for links in messages [default: no links].
        public_url: String, "STOCKTIDE_PUBLIC_URL", "URL";
    }
}

settings! {
    /// About the ledger and its files.
    EngineArgs {
        /// How long ids of events are remembered at least, so that a repetition is known [default: 7d].
        id_window: Period, "STOCKTIDE_ID_WINDOW", "PERIOD";
        /// Ids remembered in each of two generations; more shorten the window [default: 33554432].
        ids_max: usize, "STOCKTIDE_IDS_MAX", "COUNT";
        /// How far a source's clock may run ahead [default: 2min].
        clock_tolerance: Period, "STOCKTIDE_CLOCK_TOLERANCE", "PERIOD";
        /// Events that may wait to be decided; more are asked to wait [default: 1048576].
        queue_requests_max: usize, "STOCKTIDE_QUEUE_REQUESTS_MAX", "COUNT";
        /// Bytes of events that may wait to be decided [default: 256MiB].
        queue_bytes_max: ByteCount, "STOCKTIDE_QUEUE_BYTES_MAX", "SIZE";
        /// Bytes of a journal block past which it is closed [default: 256KiB].
        block_bytes: ByteCount, "STOCKTIDE_BLOCK_BYTES", "SIZE";
        /// Bytes of a new journal segment [default: 64MiB].
        segment_bytes: ByteCount, "STOCKTIDE_SEGMENT_BYTES", "SIZE";
        /// Entries after which a snapshot is taken [default: 8000000].
        snapshot_every: u64, "STOCKTIDE_SNAPSHOT_EVERY", "COUNT";
        /// Postings that the history index keeps in memory before it writes them [default: 1000000].
        history_tail_rows: usize, "STOCKTIDE_HISTORY_TAIL_ROWS", "COUNT";
    }
}

/// Seconds between two samples of health when nobody says otherwise.
const HEALTH_SECONDS: u32 = 60;

impl ServerArgs {
    /// How often the system samples its own health; `None` for never.
    pub(crate) fn health_period(&self) -> Option<Duration> {
        let seconds = self.health_seconds.unwrap_or(HEALTH_SECONDS);
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// The server's limits.
    pub(crate) fn settings(&self) -> edge::Settings {
        let default = edge::Settings::default();
        let period = |period: Option<Period>, default| period.map_or(default, |period| period.0);
        let bytes = |bytes: Option<ByteCount>, default| bytes.map_or(default, ByteCount::length);
        edge::Settings {
            body_bytes_max: bytes(self.body_bytes_max, default.body_bytes_max),
            bodies_bytes_max: bytes(self.bodies_bytes_max, default.bodies_bytes_max),
            body_timeout: period(self.body_timeout, default.body_timeout),
            connections_max: self.connections_max.unwrap_or(default.connections_max),
            streams_max: self.streams_max.unwrap_or(default.streams_max),
            requests_per_second_max: self.requests_per_second_max.or(default.requests_per_second_max),
            drain_timeout: period(self.drain_timeout, default.drain_timeout),
            epcis_local_destinations: self.epcis_local_destinations.unwrap_or(default.epcis_local_destinations),
            public_url: self.public_url.as_deref().unwrap_or_default().trim().trim_end_matches('/').into(),
            ..default
        }
    }
}

/// The smallest block and segment that make sense, in bytes.
const BLOCK_BYTES_MIN: u64 = 4096;

impl EngineArgs {
    /// The engine's settings.
    ///
    /// # Errors
    /// Sizes that don't go together.
    pub(crate) fn settings(&self) -> Result<engine::Settings> {
        let default = engine::Settings::default();
        let bytes = |bytes: Option<ByteCount>, default| bytes.map_or(default, ByteCount::length);
        let settings = engine::Settings {
            limits: ledger::Limits {
                window_micros: self.id_window.map_or(default.limits.window_micros, Period::micros),
                clock_tolerance_micros: self
                    .clock_tolerance
                    .map_or(default.limits.clock_tolerance_micros, Period::micros),
                ids_max: self.ids_max.unwrap_or(default.limits.ids_max),
            },
            queue_requests_max: self.queue_requests_max.unwrap_or(default.queue_requests_max),
            queue_bytes_max: bytes(self.queue_bytes_max, default.queue_bytes_max),
            block_bytes: bytes(self.block_bytes, default.block_bytes),
            segment_bytes: self.segment_bytes.map_or(default.segment_bytes, |bytes| bytes.0),
            snapshot_every: self.snapshot_every.unwrap_or(default.snapshot_every),
            history_tail_rows: self.history_tail_rows.unwrap_or(default.history_tail_rows),
        };
        let block = u64::try_from(settings.block_bytes).unwrap_or(u64::MAX);
        // A block is closed by the entry that passes the mark, so it needs room beyond it.
        let block_max = u64::try_from(journal::MAX_PAYLOAD_BYTES / 2).unwrap_or(u64::MAX);
        if !(BLOCK_BYTES_MIN..=block_max).contains(&block) {
            return usage(format!(
                "block_bytes is {}; it must be between {} and {}",
                ByteCount(block),
                ByteCount(BLOCK_BYTES_MIN),
                ByteCount(block_max)
            ));
        }
        if settings.segment_bytes < 2 * block {
            return usage("segment_bytes must be at least twice block_bytes");
        }
        if [settings.queue_requests_max, settings.queue_bytes_max, settings.limits.ids_max].contains(&0) {
            return usage("queue_requests_max, queue_bytes_max and ids_max must be above zero");
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file() {
        let file: ConfigFile = toml::from_str(
            "data = 'stock'\n[server]\nlisten = '127.0.0.1:1'\nauth = 'none'\n[engine]\nid_window = '1d'\n",
        )
        .unwrap();
        let typed = ServerArgs { listen: Some("127.0.0.1:2".parse().unwrap()), ..ServerArgs::default() };
        let both = typed.or(file.server);
        assert_eq!(both.listen.unwrap().port(), 2);
        assert_eq!(both.auth, Some(AuthKind::None));
        assert_eq!(file.engine.settings().unwrap().limits.window_micros, 86_400_000_000);
    }

    #[test]
    fn unknown_keys_are_errors() {
        for text in ["dta = 'x'", "[server]\nlissten = 'x'", "[engine]\nwindow = '1d'"] {
            assert!(toml::from_str::<ConfigFile>(text).unwrap_err().to_string().contains("unknown field"), "{text}");
        }
    }

    #[test]
    fn sizes_that_do_not_go_together_are_refused() {
        let engine = EngineArgs { block_bytes: Some(ByteCount(1)), ..EngineArgs::default() };
        assert!(engine.settings().unwrap_err().is::<Usage>());
        let engine = EngineArgs { segment_bytes: Some(ByteCount(4096)), ..EngineArgs::default() };
        assert!(engine.settings().unwrap_err().is::<Usage>());
        assert!(EngineArgs::default().settings().is_ok());
    }
}
