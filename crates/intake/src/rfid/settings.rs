//! What a site sets: antennas, zones, portals, and how much evidence a movement needs.

use super::inference::Rssi;
use super::window::WINDOW_EPOCHS_MAX;

/// Epochs that take reads at a time: the late ones, the present one, and the ones ahead of the last tick.
pub(super) const OPEN_EPOCHS: u8 = 8;

/// How missed reads are bridged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Not at all: a tag is there in the epochs that read it. For comparison.
    None,
    /// By a window of so many epochs, the same for each tag. For comparison.
    Fixed(u8),
    /// By a window that follows each tag's read rate (SMURF).
    Adaptive,
}

/// The side of a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Away from the building.
    Outside,
    /// In the building.
    Inside,
}

/// What an antenna looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Antenna {
    /// A zone, by its number.
    Zone(u16),
    /// A side of a portal, by its place in [`Settings::portals`].
    Portal(u16, Side),
}

/// A door with antennas on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portal {
    /// The zone that it leads to.
    pub inside: u16,
    /// The zone that it comes from.
    pub outside: u16,
}

/// How reads are judged. `Default` fits a reader that inventories twenty times a second; it names no antenna yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What each antenna looks at; a read names its antenna by the place in this list.
    pub antennas: Vec<Antenna>,
    /// The portals.
    pub portals: Vec<Portal>,
    /// How missed reads are bridged.
    pub method: Method,
    /// The length of an epoch in microseconds: the unit of time in which reads are counted.
    pub epoch_micros: i64,
    /// Interrogation cycles of an antenna in an epoch, 1 to 255: how often a tag in view can be read.
    pub cycles_per_epoch: u8,
    /// The probability, in thousandths, that a window misses a tag that is there.
    pub delta_permille: u16,
    /// Epochs that a read may come late, at most 6.
    pub late_epochs: u8,
    /// The shortest adaptive window in epochs: for how long something that passes by may hide a tag that is always read.
    pub window_epochs_min: u8,
    /// The longest window in epochs, at most 48.
    pub window_epochs_max: u8,
    /// How much stronger, in hundredths of a dB, another zone must be heard to take a tag over.
    pub hysteresis: u16,
    /// How long a tag must have been in a zone to have arrived, in microseconds.
    pub dwell_micros: i64,
    /// Reads that an arrival, and each side of a passage, needs at least.
    pub reads_min: u32,
    /// Epochs with reads that an arrival, and each side of a passage, needs at least.
    pub epochs_min: u32,
    /// The strength that the best read of a movement, on each side of a portal, must reach.
    pub signal_floor: Rssi,
    /// How far apart, in microseconds, the two sides of a portal must have heard a tag at their strongest on average.
    pub separation_micros_min: i64,
    /// How long, in microseconds, only one side of a portal must have heard a tag, after both did, for a passage to be
    /// decided while the tag is still there.
    pub settle_micros: i64,
    /// A tag that stays at a portal longer than this, in microseconds, is judged by what it did so far.
    pub passage_micros_max: i64,
    /// How long reads that were too thin are kept to be joined by better ones, in microseconds.
    pub quarantine_micros: i64,
    /// How long after its last read a tag is forgotten, in microseconds.
    pub forget_micros: i64,
    /// Tags that are tracked at a time.
    pub tags_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            antennas: Vec::new(),
            portals: Vec::new(),
            method: Method::Adaptive,
            epoch_micros: 200_000,
            cycles_per_epoch: 4,
            delta_permille: 30,
            late_epochs: 1,
            window_epochs_min: 8,
            window_epochs_max: WINDOW_EPOCHS_MAX,
            hysteresis: 300,
            dwell_micros: 1_000_000,
            reads_min: 3,
            epochs_min: 2,
            signal_floor: -6_500,
            separation_micros_min: 200_000,
            settle_micros: 1_000_000,
            passage_micros_max: 30_000_000,
            quarantine_micros: 10_000_000,
            forget_micros: 600_000_000,
            tags_max: 200_000,
        }
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A number is out of its range.
    #[error("{setting} is {value}; set it between {low} and {high}")]
    OutOfRange {
        /// Its name.
        setting: &'static str,
        /// What it is.
        value: i64,
        /// The least that it may be.
        low: i64,
        /// The most that it may be.
        high: i64,
    },
    /// An antenna names a portal that is not in the list.
    #[error("antenna {antenna} looks at portal {portal}, but there are {portals}; add the portal or name another")]
    NoSuchPortal {
        /// The antenna's place.
        antenna: usize,
        /// The portal that it names.
        portal: u16,
        /// How many there are.
        portals: usize,
    },
    /// A portal lacks a side, so that it has no direction.
    #[error("portal {portal} has no antenna {side:?}; give it one on each side")]
    OneSided {
        /// The portal's place.
        portal: usize,
        /// The side without an antenna.
        side: Side,
    },
}

impl Settings {
    /// Checks everything that the smoother relies on.
    ///
    /// # Errors
    /// The first setting that cannot be used, in the order of the fields.
    pub fn check(&self) -> Result<(), SettingsError> {
        let year = 366 * 86_400_000_000;
        let fixed = if let Method::Fixed(epochs) = self.method { epochs } else { 1 };
        let antennas = i64::try_from(self.antennas.len()).unwrap_or(i64::MAX);
        let ranges = [
            ("antennas", antennas, 1, i64::from(u16::MAX)),
            ("method's window", i64::from(fixed), 1, i64::from(WINDOW_EPOCHS_MAX)),
            ("epoch_micros", self.epoch_micros, 1_000, 3_600_000_000),
            ("cycles_per_epoch", i64::from(self.cycles_per_epoch), 1, 255),
            ("delta_permille", i64::from(self.delta_permille), 1, 999),
            ("late_epochs", i64::from(self.late_epochs), 0, i64::from(OPEN_EPOCHS) - 2),
            ("window_epochs_min", i64::from(self.window_epochs_min), 1, i64::from(self.window_epochs_max)),
            ("window_epochs_max", i64::from(self.window_epochs_max), 1, i64::from(WINDOW_EPOCHS_MAX)),
            ("dwell_micros", self.dwell_micros, 0, year),
            ("reads_min", i64::from(self.reads_min), 1, 1_000_000),
            ("epochs_min", i64::from(self.epochs_min), 1, 1_000_000),
            ("separation_micros_min", self.separation_micros_min, 0, year),
            ("settle_micros", self.settle_micros, 0, year),
            ("passage_micros_max", self.passage_micros_max, self.epoch_micros, year),
            ("quarantine_micros", self.quarantine_micros, 0, year),
            ("forget_micros", self.forget_micros, self.quarantine_micros, year),
            ("tags_max", i64::from(self.tags_max), 1, i64::from(u32::MAX - 1)),
        ];
        for (setting, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return Err(SettingsError::OutOfRange { setting, value, low, high });
            }
        }
        self.check_portals()
    }

    fn check_portals(&self) -> Result<(), SettingsError> {
        for (place, antenna) in self.antennas.iter().enumerate() {
            if let Antenna::Portal(portal, _) = antenna
                && usize::from(*portal) >= self.portals.len()
            {
                let portals = self.portals.len();
                return Err(SettingsError::NoSuchPortal { antenna: place, portal: *portal, portals });
            }
        }
        for portal in 0..self.portals.len() {
            for side in [Side::Outside, Side::Inside] {
                let looks = |antenna: &Antenna| matches!(antenna, Antenna::Portal(at, s) if usize::from(*at) == portal && *s == side);
                if !self.antennas.iter().any(looks) {
                    return Err(SettingsError::OneSided { portal, side });
                }
            }
        }
        Ok(())
    }

    /// The portal and side that an antenna looks at.
    pub(super) fn side(&self, antenna: u16) -> Option<(u16, Side)> {
        match self.antennas.get(usize::from(antenna)) {
            Some(Antenna::Portal(portal, side)) => Some((*portal, *side)),
            _ => None,
        }
    }

    /// The zone that an antenna looks at.
    pub(super) fn zone(&self, antenna: u16) -> Option<u16> {
        match self.antennas.get(usize::from(antenna)) {
            Some(Antenna::Zone(zone)) => Some(*zone),
            _ => None,
        }
    }
}
