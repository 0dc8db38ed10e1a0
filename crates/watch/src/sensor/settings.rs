//! What may be set about a detector. The defaults are for every stream: all else is learned from the stream itself.

/// How a stream is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// So many readings are learned from before any is judged; one is a reading like another, whatever its interval.
    pub probation_readings: u32,
    /// Jumps, noise, drifts and what is out of pattern are told from so many microseconds after the first reading on: before,
    /// they could be the first sight of what is so every day, or every weekend.
    pub pattern_micros: i64,
    /// A score from which on a reading is out of pattern, from zero to one.
    pub alarm_score: f64,
    /// A value that does not move for so many readings may be stuck; fewer are never called so.
    pub stuck_readings_min: u32,
    /// The fastest that physics allows, in units of the value a second; `None` if only the stream's own history counts.
    pub rate_per_second_max: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            probation_readings: 100,
            pattern_micros: 8 * 86_400_000_000,
            alarm_score: 0.3,
            stuck_readings_min: 12,
            rate_per_second_max: None,
        }
    }
}
