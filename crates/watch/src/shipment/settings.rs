//! How shipments are judged.

const MINUTE: i64 = 60_000_000;

/// How shipments are judged. `Default` fits lorries that report every minute to every hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// By how much more than its accuracy a vehicle must be outside a site to have left, in metres.
    pub margin_m: u32,
    /// Positions vaguer than this are ignored and counted, in metres.
    pub accuracy_max_m: u32,
    /// A visit of the destination that is shorter was a passage, in microseconds.
    pub visit_micros_min: i64,
    /// Within how many metres something stands still.
    pub stop_radius_m: u32,
    /// How long it must stand outside any site to have stopped, in microseconds.
    pub stop_micros: i64,
    /// How far off its way, beyond its accuracy, something is on a detour, in metres …
    pub detour_m: u32,
    /// … and in thousandths of the length of the way, whichever is more: roads are no great circles.
    pub detour_permille: u16,
    /// By how many metres the remaining distance may grow before that is a detour too.
    pub back_m: u32,
    /// After what time half of an old pace still counts, in microseconds.
    pub pace_half_life_micros: i64,
    /// From which probability of missing the promise on a shipment is late, in thousandths.
    pub late_permille: u16,
    /// Below which probability it is so no more, in thousandths.
    pub on_time_permille: u16,
    /// How long a shipment that is over is still known, in microseconds.
    pub keep_micros: i64,
    /// How many shipments are known at most; those over for longest go first.
    pub shipments_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            margin_m: 50,
            accuracy_max_m: 5_000,
            visit_micros_min: 5 * MINUTE,
            stop_radius_m: 200,
            stop_micros: 30 * MINUTE,
            detour_m: 20_000,
            detour_permille: 150,
            back_m: 10_000,
            pace_half_life_micros: 120 * MINUTE,
            late_permille: 600,
            on_time_permille: 400,
            keep_micros: 30 * 24 * 60 * MINUTE,
            shipments_max: 100_000,
        }
    }
}
