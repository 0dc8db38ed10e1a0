//! One tag at one antenna: counts of recent epochs, and whether the tag is there.

use super::inference::Rssi;
use super::settings::{Method, OPEN_EPOCHS, Settings};
use super::sums::{Cell, Sums};
use super::window::{self, Rate};

/// Epochs in the ring of counts: a power of two, no fewer than the longest window.
pub(super) const RING: usize = 64;
const OPEN: usize = OPEN_EPOCHS as usize;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) antenna: u16,
    /// The smoothing window, in epochs.
    pub(super) window: u8,
    /// Whether the window read the tag.
    pub(super) present: bool,
    /// Epochs since the first that read it, at most as many as the ring holds.
    pub(super) age: u8,
    /// The running mean of the strongest read of each epoch, in hundredths of a dBm.
    pub(super) strength: i32,
    /// The read rate of the last window that read the tag.
    pub(super) rate: Rate,
    /// What open epochs heard, by their number modulo the length.
    pub(super) cells: [Cell; OPEN],
    /// Reads of judged epochs, by their number modulo the length.
    pub(super) counts: [u8; RING],
    /// What counts towards the next decision.
    pub(super) sums: Sums,
}

/// A place in a ring of a power of two.
fn at(epoch: i64, length: usize) -> usize {
    let length = i64::try_from(length).expect("a short ring");
    usize::try_from(epoch.rem_euclid(length)).expect("not negative")
}

impl Track {
    pub(super) fn new(antenna: u16) -> Self {
        Self {
            antenna,
            window: 1,
            present: false,
            age: 0,
            strength: 0,
            rate: Rate::default(),
            cells: [Cell::default(); OPEN],
            counts: [0; RING],
            sums: Sums::default(),
        }
    }

    pub(super) fn take(&mut self, epoch: i64, offset: u32, rssi: Rssi) {
        self.cells[at(epoch, OPEN)].take(offset, rssi);
    }

    /// Judges an epoch: moves what it heard into the counts and sums, and decides whether the tag is there.
    pub(super) fn close(&mut self, epoch: i64, settings: &Settings, log_inverse: u64) {
        let cell = std::mem::take(&mut self.cells[at(epoch, OPEN)]);
        self.counts[at(epoch, RING)] = u8::try_from(cell.reads).unwrap_or(u8::MAX);
        if cell.reads > 0 {
            let peak = i32::from(cell.peak);
            self.strength = if self.present { self.strength + (peak - self.strength) / 4 } else { peak };
            self.sums.add(&cell, epoch.saturating_mul(settings.epoch_micros), settings.cycles_per_epoch);
        } else if !self.present {
            return;
        }
        if !self.present && self.age == 0 {
            self.window = 1;
        }
        self.age = self.age.saturating_add(1);
        match settings.method {
            Method::None => self.window = 1,
            Method::Fixed(epochs) => self.window = epochs,
            Method::Adaptive => {}
        }
        let (heard, rate) = self.sample(epoch, settings.cycles_per_epoch);
        self.present = heard > 0;
        if !self.present {
            self.age = 0;
            return;
        }
        self.rate = rate;
        if settings.method == Method::Adaptive {
            let required = window::required(rate, log_inverse).min(settings.window_epochs_max);
            // epochs before the tag came are no trials
            let has_moved = window::has_moved(heard, self.window.min(self.age), rate);
            self.window = window::adapted(self.window, required, has_moved).max(settings.window_epochs_min);
        }
    }

    /// In how many epochs of the window the tag was read, and its read rate: the mean over those epochs of the share of
    /// cycles that read it. With one cycle an epoch that mean is always one; then it is the share of epochs, over all
    /// that are remembered since the tag came.
    fn sample(&self, epoch: i64, cycles: u8) -> (u8, Rate) {
        let (mut heard, mut reads) = (0_u8, 0_u32);
        for back in 0..i64::from(self.window) {
            let count = self.counts[at(epoch - back, RING)];
            heard += u8::from(count > 0);
            reads += u32::from(count.min(cycles));
        }
        if cycles > 1 {
            return (heard, Rate { reads, chances: u32::from(heard) * u32::from(cycles) });
        }
        let age = self.age.clamp(self.window.min(self.age), window::WINDOW_EPOCHS_MAX);
        let epochs = (0..i64::from(age)).filter(|back| self.counts[at(epoch - back, RING)] > 0).count();
        (heard, Rate { reads: u32::try_from(epochs).expect("within the ring"), chances: u32::from(age) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Presence after each epoch of a text in which a digit is the epoch's count of reads.
    fn presence(counts: &str, settings: &Settings) -> (String, u8) {
        let mut track = Track::new(0);
        let log_inverse = window::log_inverse_micros(settings.delta_permille);
        let mut seen = String::new();
        for (epoch, count) in (0..).zip(counts.bytes()) {
            for read in 0..u32::from(count - b'0') {
                track.take(epoch, read, -5_000);
            }
            track.close(epoch, settings, log_inverse);
            seen.push(if track.present { '#' } else { '.' });
        }
        (seen, track.window)
    }

    #[test]
    fn the_window_follows_the_read_rate() {
        let settings = Settings { delta_permille: 50, window_epochs_min: 1, ..Settings::default() };
        let (seen, window) = presence("44444444440000000000", &settings);
        assert_eq!(seen, "###########.........", "always read, so that two misses are a departure");
        assert_eq!(window, 1, "the transition shortened the window of three");
        let (seen, window) = presence("1010010100010010010000", &settings);
        assert!(seen.starts_with("###################"), "a quarter of the cycles: gaps are bridged ({seen})");
        assert!(window >= 3);
    }

    #[test]
    fn baselines_bridge_nothing_or_always_the_same() {
        let (seen, _) = presence("40400000000", &Settings { method: Method::None, ..Settings::default() });
        assert_eq!(seen, "#.#........");
        let (seen, _) = presence("40400000000", &Settings { method: Method::Fixed(5), ..Settings::default() });
        assert_eq!(seen, "#######....");
    }

    #[test]
    fn one_cycle_an_epoch_has_a_rate_too() {
        let settings =
            Settings { cycles_per_epoch: 1, delta_permille: 50, window_epochs_min: 1, ..Settings::default() };
        let (seen, window) = presence("1101101011011010110111011010", &settings);
        assert_eq!(seen, "#".repeat(28));
        assert!((4..=8).contains(&window), "about 3 / 0.65: {window}");
    }
}
