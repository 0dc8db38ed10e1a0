//! Classes of goods by how they are kept, and the terms of each.

use super::{Episode, Limits};

/// How goods are kept. The names are kept for good; the terms behind them are starting points that users change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Quick-frozen food.
    Frozen,
    /// Vaccines and samples in ultra-low temperature freezers.
    DeepFrozen,
    /// Chilled food.
    Chilled,
    /// Medicines and vaccines of the refrigerator, "controlled cold".
    Pharma2To8,
    /// Medicines at controlled room temperature.
    ControlledRoom,
    /// A cool place.
    Cool,
    /// Normal storage.
    Ambient,
}

/// Relative humidity, in %, for goods that are to be protected from moisture.
///
/// # Source
/// WHO Technical Report Series 908 (2003), Annex 9, "Guide to good storage practices for pharmaceuticals": not more than 60 %.
pub const DRY: Limits = Limits::at_most(60.0);

/// Within what goods are kept, and what they stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// The temperature that they are kept at, in °C.
    pub temperature: Limits,
    /// The relative humidity that they are kept at, in %.
    pub humidity: Limits,
    /// How far an excursion may go, in °C. Beyond it none is allowed, however short.
    pub tolerated: Limits,
    /// How long one excursion may be, in minutes.
    pub excursion_minutes_max: u32,
    /// How long all excursions of a lot may be together, in minutes.
    pub budget_minutes: u32,
    /// The most that the mean kinetic temperature may be, in °C.
    pub kinetic_max: Option<f64>,
    /// Over how many hours the mean kinetic temperature is taken.
    pub kinetic_hours: u16,
}

/// What an excursion means under some terms, the worst that holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judgement {
    /// It went further than is tolerated.
    TooFar {
        /// The figure that it reached.
        peak: f64,
    },
    /// It took longer than one may.
    TooLong {
        /// How long it was outside, in minutes.
        minutes: f64,
    },
    /// It is allowed, and counts against the budget.
    Allowed,
}

impl Class {
    /// All, in the order of the type.
    pub const ALL: [Self; 7] = [
        Self::Frozen,
        Self::DeepFrozen,
        Self::Chilled,
        Self::Pharma2To8,
        Self::ControlledRoom,
        Self::Cool,
        Self::Ambient,
    ];

    /// Its name, which never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::DeepFrozen => "deep_frozen",
            Self::Chilled => "chilled",
            Self::Pharma2To8 => "pharma_2_8",
            Self::ControlledRoom => "controlled_room",
            Self::Cool => "cool",
            Self::Ambient => "ambient",
        }
    }

    /// The class of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The terms that it begins with. None limits the humidity; [`DRY`] does.
    ///
    /// # Source
    /// What no source states is a default of ours, marked so, for the user to set.
    ///
    /// - `frozen`: Council Directive 89/108/EEC, art. 5: −18 °C or lower, with brief upward fluctuations of not more than 3 °C in
    ///   transport; the same −18 °C in Codex CAC/RCP 8-1976 (rev. 2008). "Brief" is nowhere a number; 30 min and 2 h are ours.
    /// - `deep_frozen`: −60 °C is the upper limit of ultra-low temperature storage of vaccines (EMA, product information of
    ///   Comirnaty: −90 to −60 °C). −50 °C, 10 min and 1 h, the opening of a door, are ours.
    /// - `chilled`: 5 °C: FDA Food Code 2022, 3-501.16. 8 °C for up to 4 h: the Food Safety and Hygiene (England) Regulations
    ///   2013, Schedule 4; 4 h is the limit of Food Code 3-501.19 too. −2 °C, below which food begins to freeze, and 2 h are ours.
    /// - `pharma_2_8`: WHO TRS 961 (2011), Annex 9; USP <659>: 2 to 8 °C, excursions between 0 and 15 °C, mean kinetic temperature at
    ///   most 8 °C, over 24 h and with excursions shorter than 24 h by USP <1079.2>. 10 h above 8 °C is when WHO PQS E006
    ///   loggers alarm.
    /// - `controlled_room`: USP <659>: 20 to 25 °C, excursions between 15 and 30 °C, mean kinetic temperature at most 25 °C; 30 days and
    ///   24 h by USP <1079.2>. (Spikes to 40 °C are allowed for less than 24 h; set `tolerated` where the label has that.) The budget of 7
    ///   days is ours: the mean kinetic temperature is what decides.
    /// - `cool`: USP <659>: 8 to 15 °C, or a refrigerator. 20 °C, 4 h and 24 h are ours.
    /// - `ambient`: WHO TRS 908 (2003), Annex 9: 15 to 25 °C, or up to 30 °C depending on the climate. 5 and 40 °C, 24 h and 7 days are ours.
    pub fn terms(self) -> Terms {
        let plain = |temperature, tolerated, excursion_minutes_max, budget_minutes| Terms {
            temperature,
            humidity: Limits::NONE,
            tolerated,
            excursion_minutes_max,
            budget_minutes,
            kinetic_max: None,
            kinetic_hours: 720,
        };
        match self {
            Self::Frozen => plain(Limits::at_most(-18.0), Limits::at_most(-15.0), 30, 120),
            Self::DeepFrozen => plain(Limits::at_most(-60.0), Limits::at_most(-50.0), 10, 60),
            Self::Chilled => plain(Limits::between(0.0, 5.0), Limits::between(-2.0, 8.0), 120, 240),
            Self::Pharma2To8 => {
                let terms = plain(Limits::between(2.0, 8.0), Limits::between(0.0, 15.0), 600, 1_440);
                Terms { kinetic_max: Some(8.0), kinetic_hours: 24, ..terms }
            }
            Self::ControlledRoom => {
                let terms = plain(Limits::between(20.0, 25.0), Limits::between(15.0, 30.0), 1_440, 10_080);
                Terms { kinetic_max: Some(25.0), ..terms }
            }
            Self::Cool => plain(Limits::between(8.0, 15.0), Limits::between(2.0, 20.0), 240, 1_440),
            Self::Ambient => plain(Limits::between(15.0, 30.0), Limits::between(5.0, 40.0), 1_440, 10_080),
        }
    }
}

impl Terms {
    /// What an excursion of temperature means.
    pub fn judge(&self, episode: &Episode) -> Judgement {
        let minutes = episode.minutes_outside();
        if !self.tolerated.contain(episode.peak) {
            Judgement::TooFar { peak: episode.peak }
        } else if minutes > f64::from(self.excursion_minutes_max) {
            Judgement::TooLong { minutes }
        } else {
            Judgement::Allowed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Timestamp;

    #[test]
    fn every_class_has_a_name_and_terms_that_go_together() {
        for class in Class::ALL {
            assert_eq!(Class::from_name(class.name()), Some(class));
            let terms = class.terms();
            for limit in [terms.temperature.min, terms.temperature.max].into_iter().flatten() {
                assert!(terms.tolerated.contain(limit), "{class:?}");
            }
            assert!(terms.excursion_minutes_max <= terms.budget_minutes);
        }
        assert_eq!(Class::from_name("warm"), None);
    }

    #[test]
    fn an_excursion_is_judged_by_its_peak_first() {
        let terms = Class::Frozen.terms();
        let episode = |peak, minutes: i64| Episode {
            since: Timestamp(0),
            until: Timestamp(minutes * 60_000_000),
            peak,
            outside_micros: minutes * 60_000_000,
            degree_minutes: 1.0,
        };
        assert_eq!(terms.judge(&episode(-16.0, 30)), Judgement::Allowed);
        assert_eq!(terms.judge(&episode(-16.0, 31)), Judgement::TooLong { minutes: 31.0 });
        assert_eq!(terms.judge(&episode(-14.0, 500)), Judgement::TooFar { peak: -14.0 });
        let longer = Terms { excursion_minutes_max: 60, ..terms };
        assert_eq!(longer.judge(&episode(-16.0, 31)), Judgement::Allowed);
    }
}
