//! The words of the Core Business Vocabulary 2.0, and the three ways in which each is written: `shipping`,
//! `urn:epcglobal:cbv:bizstep:shipping` and `https://ref.gs1.org/cbv/BizStep-shipping` (or `cbv:BizStep-shipping`).
//!
//! # Source
//! GS1 Core Business Vocabulary 2.0, section 7.

/// A list of words of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// What was being done.
    BizStep,
    /// In what state things are since.
    Disposition,
    /// What kind of business transaction.
    BizTransactionType,
    /// What kind of source or destination.
    SourceDestinationType,
    /// Why an event was wrong.
    ErrorReason,
    /// Which component of a measurement.
    Component,
    /// What a sensor measures.
    Measurement,
    /// What a sensor warns of.
    SensorAlert,
}

const BIZ_STEPS: &[&str] = &[
    "accepting",
    "arriving",
    "assembling",
    "collecting",
    "commissioning",
    "consigning",
    "creating_class_instance",
    "cycle_counting",
    "decommissioning",
    "departing",
    "destroying",
    "disassembling",
    "dispensing",
    "encoding",
    "entering_exiting",
    "holding",
    "inspecting",
    "installing",
    "killing",
    "loading",
    "other",
    "packing",
    "picking",
    "receiving",
    "removing",
    "repackaging",
    "repairing",
    "replacing",
    "reserving",
    "retail_selling",
    "sampling",
    "sensor_reporting",
    "shipping",
    "staging_outbound",
    "stock_taking",
    "stocking",
    "storing",
    "transporting",
    "unloading",
    "unpacking",
    "void_shipping",
];

const DISPOSITIONS: &[&str] = &[
    "active",
    "available",
    "completeness_inferred",
    "completeness_verified",
    "conformant",
    "container_closed",
    "container_open",
    "damaged",
    "destroyed",
    "dispensed",
    "disposed",
    "encoded",
    "expired",
    "in_progress",
    "in_transit",
    "inactive",
    "mismatch_class",
    "mismatch_instance",
    "mismatch_quantity",
    "needs_replacement",
    "no_pedigree_match",
    "non_conformant",
    "non_sellable_other",
    "partially_dispensed",
    "recalled",
    "reserved",
    "retail_sold",
    "returned",
    "sellable_accessible",
    "sellable_not_accessible",
    "stolen",
    "unavailable",
    "unknown",
];

const BIZ_TRANSACTION_TYPES: &[&str] = &[
    "bol",
    "cert",
    "desadv",
    "inv",
    "pedigree",
    "po",
    "poc",
    "prodorder",
    "recadv",
    "rma",
    "testprd",
    "testres",
    "upevt",
];

const SOURCE_DESTINATION_TYPES: &[&str] = &["location", "owning_party", "possessing_party"];

const ERROR_REASONS: &[&str] = &["did_not_occur", "incorrect_data"];

const COMPONENTS: &[&str] = &[
    "altitude",
    "axial_distance",
    "azimuth",
    "easting",
    "elevation_angle",
    "height",
    "latitude",
    "longitude",
    "northing",
    "polar_angle",
    "spherical_radius",
    "x",
    "y",
    "z",
];

const MEASUREMENTS: &[&str] = &[
    "AbsoluteHumidity",
    "AbsorbedDose",
    "AbsorbedDoseRate",
    "Acceleration",
    "Altitude",
    "AmountOfSubstance",
    "AmountOfSubstancePerUnitVolume",
    "Angle",
    "AngularAcceleration",
    "AngularMomentum",
    "AngularVelocity",
    "Area",
    "Capacitance",
    "Conductance",
    "Conductivity",
    "Count",
    "Density",
    "Dimensionless",
    "DoseEquivalent",
    "DoseEquivalentRate",
    "DynamicViscosity",
    "ElectricCharge",
    "ElectricCurrent",
    "ElectricCurrentDensity",
    "ElectricFieldStrength",
    "Energy",
    "Exposure",
    "Force",
    "Frequency",
    "Illuminance",
    "Inductance",
    "Irradiance",
    "KinematicViscosity",
    "Length",
    "LinearMomentum",
    "Luminance",
    "LuminousFlux",
    "LuminousIntensity",
    "MagneticFlux",
    "MagneticFluxDensity",
    "MagneticVectorPotential",
    "Mass",
    "MassConcentration",
    "MassFlowRate",
    "MassPerAreaTime",
    "MemoryCapacity",
    "MolalityOfSolute",
    "MolarEnergy",
    "MolarMass",
    "MolarVolume",
    "Power",
    "Pressure",
    "RadiantFlux",
    "RadiantIntensity",
    "Radioactivity",
    "RelativeHumidity",
    "Resistance",
    "Resistivity",
    "SolidAngle",
    "SpecificVolume",
    "Speed",
    "SurfaceDensity",
    "SurfaceTension",
    "Temperature",
    "Time",
    "Torque",
    "Voltage",
    "Volume",
    "VolumeFlowRate",
    "VolumeFraction",
    "VolumetricFlux",
    "Wavenumber",
];

const SENSOR_ALERTS: &[&str] = &["ALARM_CONDITION", "ERROR_CONDITION"];

/// Where the words of GS1's general web vocabulary live; the last is a common slip.
const GS1_PLACES: [&str; 7] = [
    "https://gs1.org/voc/",
    "http://gs1.org/voc/",
    "https://www.gs1.org/voc/",
    "http://www.gs1.org/voc/",
    "https://ref.gs1.org/voc/",
    "gs1:",
    "https://ref.gs1.org/cbv/",
];

impl Vocabulary {
    /// Its words, without what is written before them.
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::BizStep => BIZ_STEPS,
            Self::Disposition => DISPOSITIONS,
            Self::BizTransactionType => BIZ_TRANSACTION_TYPES,
            Self::SourceDestinationType => SOURCE_DESTINATION_TYPES,
            Self::ErrorReason => ERROR_REASONS,
            Self::Component => COMPONENTS,
            Self::Measurement => MEASUREMENTS,
            Self::SensorAlert => SENSOR_ALERTS,
        }
    }

    /// The part of a CBV URN and of a web address that names the list.
    const fn parts(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::BizStep => ("bizstep", "BizStep"),
            Self::Disposition => ("disp", "Disp"),
            Self::BizTransactionType => ("btt", "BTT"),
            Self::SourceDestinationType => ("sdt", "SDT"),
            Self::ErrorReason => ("er", "ER"),
            Self::Component => ("comp", "Comp"),
            Self::Measurement | Self::SensorAlert => return None,
        })
    }

    /// The word that `text` is, however it is written; `None` when it is none of this list.
    ///
    /// ```
    /// use wire::epcis::Vocabulary::BizStep;
    /// assert_eq!(BizStep.word("urn:epcglobal:cbv:bizstep:shipping"), Some("shipping"));
    /// assert_eq!(BizStep.word("https://ref.gs1.org/cbv/BizStep-shipping"), Some("shipping"));
    /// assert_eq!(BizStep.word("https://example.com/BizStep-shipping"), None);
    /// ```
    pub fn word(self, text: &str) -> Option<&'static str> {
        let bare = self.bare(text).unwrap_or(text);
        self.words().iter().find(|word| **word == bare).copied()
    }

    /// What follows the standard's own prefix in `text`, if that has one: a word, or what claims to be one.
    pub(super) fn bare(self, text: &str) -> Option<&str> {
        let Some((urn, web)) = self.parts() else {
            return GS1_PLACES.iter().find_map(|place| text.strip_prefix(place));
        };
        if let Some(rest) = text.strip_prefix("urn:epcglobal:cbv:") {
            return rest.strip_prefix(urn)?.strip_prefix(':');
        }
        let rest = ["https://ref.gs1.org/cbv/", "http://ref.gs1.org/cbv/", "https://ns.gs1.org/cbv/", "cbv:"]
            .iter()
            .find_map(|place| text.strip_prefix(place))?;
        rest.strip_prefix(web)?.strip_prefix('-')
    }

    /// The web address of `word`, which is one of this list.
    pub fn web(self, word: &str) -> String {
        match self.parts() {
            Some((_, web)) => format!("https://ref.gs1.org/cbv/{web}-{word}"),
            None => format!("https://gs1.org/voc/{word}"),
        }
    }

    /// The URN of `word`, which is one of this list; the web address where the list has no URNs.
    pub fn urn(self, word: &str) -> String {
        match self.parts() {
            Some((_, _)) if self == Self::Component => self.web(word),
            Some((urn, _)) => format!("urn:epcglobal:cbv:{urn}:{word}"),
            None => self.web(word),
        }
    }
}
