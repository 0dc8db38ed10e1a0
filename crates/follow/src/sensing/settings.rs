//! How a device's readings are to be understood: the `settings` of its card, read into what `intake` works with.

use intake::{rfid, scale};
use ledger::DeviceCard;
use serde::Deserialize;
use wire::Problem;

/// What a device's card amounts to.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceSettings {
    /// Its tag reads become movements.
    Reader(ReaderSettings),
    /// Its weights become counts.
    Scale(ScaleSettings),
    /// Its readings are kept and nothing follows from them.
    Other,
}

/// A reader of tags: which antenna looks at what.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderSettings {
    /// Readers of one site share what they know of a tag, so that neighbours can be told apart; empty: a site of its own.
    #[serde(default)]
    pub site: String,
    /// What each antenna looks at.
    pub antennas: Vec<AntennaSettings>,
    /// The doors.
    #[serde(default)]
    pub portals: Vec<PortalSettings>,
    /// How reads are judged; of a site, the settings of its first reader by name count.
    #[serde(default)]
    pub smoothing: Smoothing,
}

/// One antenna: it looks at a zone, or at a side of a portal.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AntennaSettings {
    /// Its number at its reader.
    pub antenna: u16,
    /// The location that it looks at.
    #[serde(default)]
    pub zone: String,
    /// The portal that it looks at.
    #[serde(default)]
    pub portal: String,
    /// Which side of the portal.
    #[serde(default)]
    pub side: Option<SideName>,
}

/// A side of a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideName {
    /// In the building.
    Inside,
    /// Away from it.
    Outside,
}

/// A door.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalSettings {
    /// Its name.
    pub portal: String,
    /// The location behind it.
    pub inside: String,
    /// The location before it, when that is one of ours; empty: whoever comes in was not here, whoever goes out leaves us.
    #[serde(default)]
    pub outside: String,
}

/// How reads are judged; what is absent is as `intake` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smoothing {
    /// How long reads may be under way before they are judged, in milliseconds [2,000].
    pub lag_ms: Option<u32>,
    /// The unit of time in which reads are counted, in milliseconds.
    pub epoch_ms: Option<u32>,
    /// How often an antenna asks for tags in it.
    pub cycles_per_epoch: Option<u8>,
    /// How likely a window may miss a tag that is there, in thousandths.
    pub delta_permille: Option<u16>,
    /// How much stronger another zone must be heard, in hundredths of a dB.
    pub hysteresis_centi_db: Option<u16>,
    /// How long a tag must stay to have arrived, in milliseconds.
    pub dwell_ms: Option<u32>,
    /// Reads that a movement needs.
    pub reads_min: Option<u32>,
    /// Epochs with reads that an arrival needs.
    pub epochs_min: Option<u32>,
    /// The strength that the best read of a movement must reach, in hundredths of a dBm.
    pub signal_floor_centi_dbm: Option<i16>,
    /// How long after its last read a tag is forgotten, in seconds.
    pub forget_s: Option<u32>,
}

/// The default of [`Smoothing::lag_ms`].
const LAG_MS: u32 = 2_000;

impl Smoothing {
    /// The same, but for what `changes` says.
    pub fn with(&self, changes: &Self) -> Self {
        Self {
            lag_ms: changes.lag_ms.or(self.lag_ms),
            epoch_ms: changes.epoch_ms.or(self.epoch_ms),
            cycles_per_epoch: changes.cycles_per_epoch.or(self.cycles_per_epoch),
            delta_permille: changes.delta_permille.or(self.delta_permille),
            hysteresis_centi_db: changes.hysteresis_centi_db.or(self.hysteresis_centi_db),
            dwell_ms: changes.dwell_ms.or(self.dwell_ms),
            reads_min: changes.reads_min.or(self.reads_min),
            epochs_min: changes.epochs_min.or(self.epochs_min),
            signal_floor_centi_dbm: changes.signal_floor_centi_dbm.or(self.signal_floor_centi_dbm),
            forget_s: changes.forget_s.or(self.forget_s),
        }
    }

    /// How long reads may be under way, in microseconds.
    pub fn lag_micros(&self) -> i64 {
        i64::from(self.lag_ms.unwrap_or(LAG_MS)) * 1_000
    }

    /// The smoother's settings, without antennas and portals.
    pub fn settings(&self) -> rfid::Settings {
        let default = rfid::Settings::default();
        let micros = |ms: Option<u32>, default| ms.map_or(default, |ms| i64::from(ms) * 1_000);
        rfid::Settings {
            epoch_micros: micros(self.epoch_ms, default.epoch_micros),
            cycles_per_epoch: self.cycles_per_epoch.unwrap_or(default.cycles_per_epoch),
            delta_permille: self.delta_permille.unwrap_or(default.delta_permille),
            hysteresis: self.hysteresis_centi_db.unwrap_or(default.hysteresis),
            dwell_micros: micros(self.dwell_ms, default.dwell_micros),
            reads_min: self.reads_min.unwrap_or(default.reads_min),
            epochs_min: self.epochs_min.unwrap_or(default.epochs_min),
            signal_floor: self.signal_floor_centi_dbm.unwrap_or(default.signal_floor),
            forget_micros: self.forget_s.map_or(default.forget_micros, |s| i64::from(s) * 1_000_000),
            ..default
        }
    }
}

/// A scale under a bin or shelf. Weights in grams, as decimals of at most three places.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleSettings {
    /// What lies on it.
    pub product_id: String,
    /// The weight of what is not counted: bin, tray.
    #[serde(default)]
    pub tare_g: f64,
    /// The mean weight of one unit.
    pub unit_weight_g: f64,
    /// The standard deviation of single units.
    #[serde(default)]
    pub unit_weight_sd_g: f64,
    /// The standard deviation of the scale.
    #[serde(default)]
    pub sensor_sd_g: Option<f64>,
    /// What it can carry.
    pub capacity_g: f64,
    /// How far apart the samples of a stable weight may lie.
    #[serde(default)]
    pub band_g: Option<f64>,
    /// How many samples a stable weight needs.
    #[serde(default)]
    pub samples_min: Option<u32>,
    /// How long a weight must be stable, in milliseconds.
    #[serde(default)]
    pub stable_ms: Option<u32>,
    /// How far past the half between two counts, in thousandths of a unit, a weight must be to change the count.
    #[serde(default)]
    pub hysteresis_permille: Option<u16>,
}

impl ScaleSettings {
    /// What `intake` works with.
    ///
    /// # Errors
    /// `invalid_value` with the member at fault.
    pub fn settings(&self) -> Result<scale::Settings, Problem> {
        let weight = |name: &'static str, grams: f64| {
            scale::milligrams(grams)
                .map_err(|error| Problem::new("invalid_value", format!("settings.{name}"), error.to_string()))
        };
        let default = scale::Settings::new(
            weight("tare_g", self.tare_g)?,
            weight("unit_weight_g", self.unit_weight_g)?,
            weight("capacity_g", self.capacity_g)?,
        );
        let settings = scale::Settings {
            unit_sd: weight("unit_weight_sd_g", self.unit_weight_sd_g)?,
            sensor_sd: self.sensor_sd_g.map_or(Ok(default.sensor_sd), |grams| weight("sensor_sd_g", grams))?,
            band: self.band_g.map_or(Ok(default.band), |grams| weight("band_g", grams))?,
            samples_min: self.samples_min.unwrap_or(default.samples_min),
            stable_micros: self.stable_ms.map_or(default.stable_micros, |ms| i64::from(ms) * 1_000),
            hysteresis_permille: self.hysteresis_permille.unwrap_or(default.hysteresis_permille),
            ..default
        };
        settings
            .check()
            .map_err(|error| Problem::new("invalid_value", "settings", format!("settings: {error} (in mg, µs)")))?;
        Ok(settings)
    }
}

/// What the card of a device says about its readings.
///
/// # Errors
/// What is wrong with its settings, by its member.
pub fn device_settings(card: &DeviceCard) -> Result<DeviceSettings, Problem> {
    let invalid = |error: serde_json::Error| Problem::new("invalid_value", "settings", format!("settings: {error}"));
    let is_absent = card.settings.is_empty();
    match &*card.kind {
        "rfid_reader" if !is_absent => {
            let reader: ReaderSettings = serde_json::from_str(&card.settings).map_err(invalid)?;
            super::site::layout(&[(&card.device, &reader)])
                .and_then(|layout| layout.settings.check().map_err(|error| error.to_string()))
                .map_err(|detail| Problem::new("invalid_value", "settings", format!("settings: {detail}")))?;
            Ok(DeviceSettings::Reader(reader))
        }
        "scale" if !is_absent => {
            let scale: ScaleSettings = serde_json::from_str(&card.settings).map_err(invalid)?;
            scale.settings()?;
            if card.location.is_empty() {
                let detail = "location is missing: what a scale counts lies somewhere; say where";
                return Err(Problem::new("missing_field", "location", detail));
            }
            Ok(DeviceSettings::Scale(scale))
        }
        _ => Ok(DeviceSettings::Other),
    }
}
