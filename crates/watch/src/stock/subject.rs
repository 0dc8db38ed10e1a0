//! What is watched of a product at a warehouse or location: its figures, its use, and what holds of it.

use ledger::{AccountKind, ImageError, LocationId, ProductId, Sink, Source, Timestamp};

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;
/// How much of the past a day's use outweighs: an exponential mean over about four weeks.
const USE_WEIGHT: f64 = 2.0 / 29.0;

/// Conditions of a subject, as bits.
pub(crate) const LOW: u8 = 1;
pub(crate) const OUT: u8 = 1 << 1;
pub(crate) const OVER: u8 = 1 << 2;
pub(crate) const SLOW: u8 = 1 << 3;
pub(crate) const DEAD: u8 = 1 << 4;
pub(crate) const COUNT: u8 = 1 << 5;
pub(crate) const CONFIDENCE: u8 = 1 << 6;
pub(crate) const OWN: u8 = 1 << 7;

/// Conditions that follow from the figures alone.
pub(crate) const BY_FIGURES: u8 = LOW | OUT | OVER;
/// Conditions that time brings about.
pub(crate) const BY_TIME: u8 = SLOW | DEAD | COUNT | CONFIDENCE;

/// The threshold of a subject for which none is set.
pub(crate) const NO_FLOOR: i64 = i64::MIN;
/// The most of a subject for which none is set.
pub(crate) const NO_CEILING: i64 = i64::MAX;

/// A product at a warehouse or location. Quantities are micro-units.
///
/// In the order of use: a movement needs the first two cache lines and nothing of the rest.
#[derive(Clone, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Subject {
    pub(crate) available: i64,
    pub(crate) reserved: i64,
    pub(crate) on_hand: i64,
    pub(crate) on_order: i64,
    pub(crate) in_transit: i64,
    /// Below this it is low, at or above `low_clear` no longer.
    pub(crate) low: i64,
    pub(crate) low_clear: i64,
    /// Above this it is too much, at or below `over_clear` no longer.
    pub(crate) over: i64,
    pub(crate) over_clear: i64,
    /// When stock last left; [`Timestamp::MIN`] for never.
    pub(crate) last_out: Timestamp,
    /// When stock last came or left; [`Timestamp::MIN`] for never.
    pub(crate) last_moved: Timestamp,
    /// The use of the day that is not over.
    use_today: i64,
    /// That day, counted from 1970-01-01; `i32::MIN` before the first.
    use_day: i32,
    /// Movements since the last count.
    pub(crate) moves: u32,
    /// Conditions that some rule covers.
    pub(crate) watched: u8,
    /// Conditions that hold, and were told.
    pub(crate) holds: u8,
    /// Conditions that hold, and not yet for long enough.
    pub(crate) pending: u8,
    /// Whether what is on its way counts against the threshold.
    pub(crate) counts_orders: bool,
    /// Whether a timer is set that looks at the conditions that time brings about.
    pub(crate) is_timed: bool,
    /// Whether a threshold is in days of supply, so that it follows the use.
    pub(crate) follows_use: bool,
    pub(crate) product: ProductId,
    pub(crate) place: LocationId,
    /// The use of days that are over: weighted sum, and the sum of the weights.
    use_sum: f64,
    use_weight: f64,
    /// When it was last counted.
    pub(crate) last_count: Timestamp,
    /// When it was first seen.
    pub(crate) first_at: Timestamp,
    /// How far counts and books usually differ, of what the books held; an exponential mean.
    pub(crate) shrinkage: f64,
}

const _: () = assert!(std::mem::offset_of!(Subject, product) <= 128, "what a movement needs is in two cache lines");

fn day_of(at: Timestamp) -> i32 {
    i32::try_from(at.0.div_euclid(DAY)).unwrap_or(if at.0 < 0 { i32::MIN + 1 } else { i32::MAX })
}

impl Subject {
    pub(crate) fn new(product: ProductId, place: LocationId, now: Timestamp) -> Self {
        Self {
            available: 0,
            reserved: 0,
            on_hand: 0,
            on_order: 0,
            in_transit: 0,
            low: NO_FLOOR,
            low_clear: NO_FLOOR,
            over: NO_CEILING,
            over_clear: NO_CEILING,
            watched: 0,
            holds: 0,
            pending: 0,
            counts_orders: true,
            is_timed: false,
            follows_use: false,
            product,
            place,
            use_sum: 0.0,
            use_weight: 0.0,
            use_today: 0,
            use_day: i32::MIN,
            moves: 0,
            last_out: Timestamp::MIN,
            last_moved: Timestamp::MIN,
            last_count: Timestamp::MIN,
            first_at: now,
            shrinkage: 0.0,
        }
    }

    /// Touches both cache lines that a movement needs.
    pub(crate) fn warm(&self) -> u64 {
        self.available.unsigned_abs() ^ self.use_today.unsigned_abs()
    }

    /// Takes in a posting on an account of this kind.
    pub(crate) fn post(&mut self, kind: AccountKind, delta: i64) {
        let figure = match kind {
            AccountKind::Available => {
                self.on_hand = self.on_hand.wrapping_add(delta);
                &mut self.available
            }
            AccountKind::OnOrder => &mut self.on_order,
            AccountKind::InTransit => &mut self.in_transit,
            _ => &mut self.on_hand,
        };
        *figure = figure.wrapping_add(delta);
    }

    /// What can be promised: on hand and available, less what is reserved.
    pub(crate) fn free(&self) -> i64 {
        self.available.saturating_sub(self.reserved)
    }

    /// What is on its way; an over-receipt, which makes the sum negative, counts as nothing.
    pub(crate) fn coming(&self) -> i64 {
        self.on_order.max(0).saturating_add(self.in_transit.max(0))
    }

    /// What the threshold is compared with: the inventory position, or what is free alone.
    pub(crate) fn position(&self) -> i64 {
        if self.counts_orders { self.free().saturating_add(self.coming()) } else { self.free() }
    }

    /// Which of the conditions that follow from the figures hold now, each with its hysteresis.
    pub(crate) fn by_figures(&self) -> u8 {
        let is = |bit: u8, holds: bool| if self.watched & bit != 0 && holds { bit } else { 0 };
        let held = |bit: u8| (self.holds | self.pending) & bit != 0;
        let floor = if held(LOW) { self.low_clear } else { self.low };
        let ceiling = if held(OVER) { self.over_clear } else { self.over };
        is(LOW, self.position() < floor) | is(OUT, self.free() <= 0) | is(OVER, self.on_hand > ceiling)
    }

    /// Takes in that stock left, or came back when `quantity` is below zero.
    pub(crate) fn used(&mut self, quantity: i64, at: Timestamp) {
        let day = day_of(at);
        if self.use_day == i32::MIN {
            self.use_day = day;
        }
        if day > self.use_day {
            let (sum, weight) = self.use_until(day);
            (self.use_sum, self.use_weight, self.use_today, self.use_day) = (sum, weight, 0, day);
        }
        self.use_today = self.use_today.saturating_add(quantity);
        self.last_out = self.last_out.max(at);
    }

    /// The sums with every day before `day` in them.
    fn use_until(&self, day: i32) -> (f64, f64) {
        let days = i64::from(day) - i64::from(self.use_day);
        if self.use_day == i32::MIN || days <= 0 {
            return (self.use_sum, self.use_weight);
        }
        let kept = 1.0 - USE_WEIGHT;
        let sum = self.use_sum * kept + crate::rule::float(self.use_today) * USE_WEIGHT;
        let weight = self.use_weight * kept + USE_WEIGHT;
        // Days without use: the sum shrinks, and their weights come to it.
        let idle = libm::pow(kept, crate::rule::float(days - 1));
        (sum * idle, weight * idle + (1.0 - idle))
    }

    /// The usual use a day, in micro-units: an exponential mean over about four weeks of whole days; that of today
    /// while there is no whole day. 0 when nothing ever left.
    pub(crate) fn daily_use(&self, now: Timestamp) -> f64 {
        let (sum, weight) = self.use_until(day_of(now));
        if weight > 0.0 { (sum / weight).max(0.0) } else { crate::rule::float(self.use_today.max(0)) }
    }

    pub(crate) fn save(&self, to: &mut impl Sink) {
        let figures = [self.available, self.reserved, self.on_hand, self.on_order, self.in_transit];
        for figure in figures {
            to.put_i64(figure);
        }
        to.put_u32(self.product.0);
        to.put_u32(self.place.0);
        for threshold in [self.low, self.low_clear, self.over, self.over_clear] {
            to.put_i64(threshold);
        }
        to.put(&[self.holds, self.pending]);
        to.put_u64(self.use_sum.to_bits());
        to.put_u64(self.use_weight.to_bits());
        to.put_i64(self.use_today);
        to.put(&self.use_day.to_le_bytes());
        to.put_u32(self.moves);
        for at in [self.last_out, self.last_moved, self.last_count, self.first_at] {
            to.put_i64(at.0);
        }
        to.put_u64(self.shrinkage.to_bits());
    }

    pub(crate) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let mut figures = [0; 5];
        for figure in &mut figures {
            *figure = from.take_i64()?;
        }
        let (product, place) = (ProductId(from.take_u32()?), LocationId(from.take_u32()?));
        let mut subject = Self::new(product, place, Timestamp::MIN);
        [subject.available, subject.reserved, subject.on_hand, subject.on_order, subject.in_transit] = figures;
        for threshold in [&mut subject.low, &mut subject.low_clear, &mut subject.over, &mut subject.over_clear] {
            *threshold = from.take_i64()?;
        }
        [subject.holds, subject.pending] = from.take_array()?;
        subject.use_sum = f64::from_bits(from.take_u64()?);
        subject.use_weight = f64::from_bits(from.take_u64()?);
        subject.use_today = from.take_i64()?;
        subject.use_day = i32::from_le_bytes(from.take_array()?);
        subject.moves = from.take_u32()?;
        let Self { last_out, last_moved, last_count, first_at, .. } = &mut subject;
        for at in [last_out, last_moved, last_count, first_at] {
            *at = Timestamp(from.take_i64()?);
        }
        subject.shrinkage = f64::from_bits(from.take_u64()?);
        Ok(subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_use_is_that_of_whole_days_and_fades() {
        let mut subject = Subject::new(ProductId(0), LocationId(0), Timestamp(0));
        let at = |day: i64| Timestamp(day * DAY + 5);
        assert!(subject.daily_use(at(0)).abs() < 1e-9);
        for day in 0..40 {
            subject.used(3_000_000, at(day));
            subject.used(1_000_000, at(day));
        }
        assert!((subject.daily_use(at(40)) - 4_000_000.0).abs() < 1.0, "{}", subject.daily_use(at(40)));
        let later = subject.daily_use(at(70));
        assert!(later > 100_000.0 && later < 1_000_000.0, "{later}");
        // A day that is told late is not lost.
        subject.used(2_000_000, at(3));
        assert!(subject.daily_use(at(40)) > 4_000_000.0);
    }

    #[test]
    fn thresholds_have_hysteresis_and_count_what_is_on_its_way() {
        let mut subject = Subject::new(ProductId(0), LocationId(0), Timestamp(0));
        (subject.watched, subject.low, subject.low_clear) = (LOW | OUT, 10, 11);
        subject.post(AccountKind::Available, 10);
        assert_eq!(subject.by_figures(), 0);
        subject.post(AccountKind::Available, -1);
        assert_eq!(subject.by_figures(), LOW);
        subject.holds = LOW;
        subject.post(AccountKind::OnOrder, 1);
        assert_eq!(subject.by_figures(), LOW, "10 is not 11");
        subject.post(AccountKind::InTransit, 1);
        assert_eq!(subject.by_figures(), 0);
        subject.post(AccountKind::InTransit, -5);
        assert_eq!(subject.coming(), 1, "an over-receipt is no debt");
        subject.counts_orders = false;
        subject.reserved = 9;
        assert_eq!(subject.by_figures(), LOW | OUT);
    }
}
