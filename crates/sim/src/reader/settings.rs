//! What a simulated reader is, and how it misbehaves.

use ledger::Timestamp;
use wire::llrp::Version;

/// What a reader is.
#[derive(Clone, Debug)]
pub struct ReaderSettings {
    /// From which all chance follows.
    pub seed: u64,
    /// The tags in front of its antennas; it reads now one, now another.
    pub tags: Vec<Tag>,
    /// How long it takes to read one, in microseconds. Above 0.
    pub read_us: i64,
    /// How many antennas it has.
    pub antennas: u16,
    /// The newest version of the protocol that it knows.
    pub version_max: Version,
    /// Whether its clock knows the date; if not it tells its uptime.
    pub has_utc_clock: bool,
    /// When it was started.
    pub started_at: Timestamp,
    /// How it misbehaves.
    pub faults: ReaderFaults,
}

impl ReaderSettings {
    /// A good reader with four antennas that knows LLRP 1.1 and the date, and reads a tag every 10 ms.
    pub fn new(seed: u64, tags: Vec<Tag>, started_at: Timestamp) -> Self {
        Self {
            seed,
            tags,
            read_us: 10_000,
            antennas: 4,
            version_max: Version::V1_1,
            has_utc_clock: true,
            started_at,
            faults: ReaderFaults::default(),
        }
    }
}

/// A tag in front of a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its EPC of 96 bits.
    pub epc: [u8; 12],
    /// The antenna that sees it, from 1.
    pub antenna: u16,
    /// How strong its signal is, in dBm.
    pub peak_rssi_dbm: i8,
}

/// How a reader misbehaves. Messages are counted from 1, over all connections.
#[derive(Clone, Debug, Default)]
pub struct ReaderFaults {
    /// Tells the client that connects no, with this status of the standard: 1, 2 or 3.
    pub refuse_with: Option<u16>,
    /// Shows no sign of life beside its reports.
    pub drops_keepalives: bool,
    /// Sends nothing at all from this message on.
    pub mute_from: Option<u64>,
    /// Ends the connection in the middle of this message.
    pub cut_message: Option<u64>,
    /// Sends bytes that are no LLRP in the place of this message.
    pub garbage_message: Option<u64>,
    /// Refuses the request of this standard's name, with this status.
    pub refuse_request: Option<(&'static str, u16)>,
    /// Does not answer the request of this standard's name.
    pub ignore_request: Option<&'static str>,
    /// How its bytes are cut on the way.
    pub pieces: Pieces,
}

/// How a stream of bytes is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pieces {
    /// A message a piece.
    #[default]
    Whole,
    /// A byte a piece.
    Bytes,
    /// Anywhere: from 1 to so many bytes a piece, not minding where messages end.
    UpTo(usize),
}
