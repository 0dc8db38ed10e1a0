//! What has become of a shipment: a fold over reports whose order and repetition do not matter.
//!
//! Everything kept is the least, the greatest or the union of what was reported, so the same set of reports gives the
//! same shipment. What follows from it (milestones, stage, lines) is worked out when asked for.

use super::report::{Card, Fix, LineReport, Report, put_time, take_time};
use super::track::{Put, Track};
use ledger::{ImageError, Quantity, Sink, Source, Timestamp};
use std::collections::BTreeMap;

/// Legs of a shipment that are kept.
pub const LEGS_MAX: usize = 64;
/// Reports on lines that are kept of a shipment, of each kind: those with the least ids.
pub const LINE_REPORTS_MAX: usize = 4_096;

/// When a leg really began and ended, as far as it was reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegTimes {
    /// When it began.
    pub departed_at: Option<Timestamp>,
    /// When it ended.
    pub arrived_at: Option<Timestamp>,
}

/// How much of a product was ordered, has left and was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// How much was ordered.
    pub ordered: Quantity,
    /// How much left.
    pub dispatched: Quantity,
    /// How much was received.
    pub received: Quantity,
}

impl Line {
    /// How much is to be received: what left, or what was ordered as long as nothing left.
    pub fn expected(&self) -> Quantity {
        if self.dispatched.is_zero() { self.ordered } else { self.dispatched }
    }

    /// How much of it has not been received; zero when more was.
    pub fn missing(&self) -> Quantity {
        self.expected().checked_sub(self.received).unwrap_or(Quantity::ZERO).max(Quantity::ZERO)
    }

    /// How much more was received than expected.
    pub fn over(&self) -> Quantity {
        self.received.checked_sub(self.expected()).unwrap_or(Quantity::ZERO).max(Quantity::ZERO)
    }
}

/// A shipment, as far as it was reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shipment {
    card: Option<Card>,
    ordered_at: Option<Timestamp>,
    departed_at: Option<Timestamp>,
    arrived_at: Option<Timestamp>,
    cancelled_at: Option<Timestamp>,
    legs: BTreeMap<u16, LegTimes>,
    ordered: BTreeMap<u64, LineReport>,
    dispatched: BTreeMap<u64, LineReport>,
    received: BTreeMap<u64, LineReport>,
    /// Whether more line reports came than are kept.
    is_cut: bool,
    track: Track,
}

impl Shipment {
    /// Takes a report; answers whether it said something new.
    pub fn take(&mut self, report: &Report) -> bool {
        match report {
            Report::Position(fix) => self.put_fix(*fix) != Put::Nothing,
            Report::Planned(card) => self.plan(card),
            Report::Ordered { at } => earliest(&mut self.ordered_at, *at),
            Report::Departed { at } => earliest(&mut self.departed_at, *at),
            Report::Arrived { at } => earliest(&mut self.arrived_at, *at),
            Report::Cancelled { at } => earliest(&mut self.cancelled_at, *at),
            Report::LegDeparted { leg, at } => {
                self.leg_mut(*leg).is_some_and(|times| earliest(&mut times.departed_at, *at))
            }
            Report::LegArrived { leg, at } => {
                self.leg_mut(*leg).is_some_and(|times| earliest(&mut times.arrived_at, *at))
            }
            Report::LineOrdered(line) => put_line(&mut self.ordered, line, &mut self.is_cut),
            Report::LineDispatched(line) => put_line(&mut self.dispatched, line, &mut self.is_cut),
            Report::LineReceived(line) => put_line(&mut self.received, line, &mut self.is_cut),
        }
    }

    pub(super) fn put_fix(&mut self, fix: Fix) -> Put {
        self.track.put(fix)
    }

    fn plan(&mut self, card: &Card) -> bool {
        let mut card = card.clone();
        card.legs.truncate(LEGS_MAX);
        let is_news = self.card.as_ref().is_none_or(|known| *known < card);
        if is_news {
            self.card = Some(card);
        }
        is_news
    }

    fn leg_mut(&mut self, leg: u16) -> Option<&mut LegTimes> {
        (usize::from(leg) < LEGS_MAX).then(|| self.legs.entry(leg).or_default())
    }

    /// What is planned: the card that was said last.
    pub fn card(&self) -> Option<&Card> {
        self.card.as_ref()
    }

    /// The positions that are kept, in the order of time.
    pub fn positions(&self) -> &[Fix] {
        self.track.fixes()
    }

    /// The legs that something was reported of, by their place in [`Card::legs`].
    pub fn legs(&self) -> &BTreeMap<u16, LegTimes> {
        &self.legs
    }

    /// Whether more reports on lines came than are kept, so that quantities are not complete.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The lines, by product.
    pub fn lines(&self) -> BTreeMap<&str, Line> {
        let mut lines: BTreeMap<&str, Line> = BTreeMap::new();
        for (reports, of) in [
            (&self.ordered, (|line| &mut line.ordered) as fn(&mut Line) -> &mut Quantity),
            (&self.dispatched, |line| &mut line.dispatched),
            (&self.received, |line| &mut line.received),
        ] {
            let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
            for report in reports.values() {
                *sums.entry(&report.product).or_default() += i128::from(report.quantity.micros());
            }
            for (product, sum) in sums {
                *of(lines.entry(product).or_default()) = bounded(sum);
            }
        }
        lines
    }

    /// When all that is expected had been received, if it has.
    pub(super) fn received_at(&self) -> Option<Timestamp> {
        let lines = self.lines();
        let mut missing: BTreeMap<&str, i128> = lines
            .iter()
            .map(|(product, line)| (*product, i128::from(line.expected().micros())))
            .filter(|(_, expected)| *expected > 0)
            .collect();
        let mut reports: Vec<&LineReport> = self.received.values().collect();
        reports.sort_unstable_by_key(|report| (report.at, report.id));
        let last_at = reports.last()?.at;
        if missing.is_empty() {
            return Some(last_at);
        }
        let mut complete_at = None;
        let mut open = missing.len();
        for report in reports {
            let Some(rest) = missing.get_mut(&*report.product) else { continue };
            let was_open = *rest > 0;
            *rest -= i128::from(report.quantity.micros());
            match (was_open, *rest > 0) {
                (true, false) => open -= 1,
                (false, true) => open += 1,
                _ => continue,
            }
            complete_at = (open == 0).then_some(report.at);
        }
        complete_at
    }

    /// When the first of it was received.
    pub(super) fn receipt_began_at(&self) -> Option<Timestamp> {
        self.received.values().map(|report| report.at).min()
    }

    /// When it was ordered: as was said, or when its first line was.
    pub(super) fn ordered_at(&self) -> Option<Timestamp> {
        self.ordered_at.or_else(|| self.ordered.values().map(|report| report.at).min())
    }

    pub(super) fn cancelled_at(&self) -> Option<Timestamp> {
        self.cancelled_at
    }

    /// When it left, as somebody said, or as its first leg did.
    pub(super) fn departed_at(&self) -> Option<Timestamp> {
        self.departed_at.or_else(|| self.legs.get(&0)?.departed_at)
    }

    /// When the first of it was booked out.
    pub(super) fn dispatch_began_at(&self) -> Option<Timestamp> {
        self.dispatched.values().map(|report| report.at).min()
    }

    /// When it arrived, as somebody said, or as its last leg did.
    pub(super) fn arrived_at(&self) -> Option<Timestamp> {
        self.arrived_at.or_else(|| {
            let last = self.card.as_ref()?.legs.len().checked_sub(1)?;
            self.legs.get(&u16::try_from(last).ok()?)?.arrived_at
        })
    }

    /// Writes all of it.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_option(self.card.as_ref(), |into, card| card.save(into));
        for at in [self.ordered_at, self.departed_at, self.arrived_at, self.cancelled_at] {
            put_time(into, at);
        }
        into.put_length(self.legs.len());
        for (leg, times) in &self.legs {
            into.put_u32(u32::from(*leg));
            put_time(into, times.departed_at);
            put_time(into, times.arrived_at);
        }
        for lines in [&self.ordered, &self.dispatched, &self.received] {
            into.put_length(lines.len());
            for line in lines.values() {
                line.save(into);
            }
        }
        into.put_u8(u8::from(self.is_cut));
        self.track.save(into);
    }

    /// A shipment as it was saved.
    ///
    /// # Errors
    /// Those of the source; [`ImageError::Damaged`] for what no shipment saves.
    pub fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let mut shipment = Self { card: from.take_option(|from| Card::load(from))?, ..Self::default() };
        for at in
            [&mut shipment.ordered_at, &mut shipment.departed_at, &mut shipment.arrived_at, &mut shipment.cancelled_at]
        {
            *at = take_time(from)?;
        }
        for _ in 0..from.take_length()? {
            let leg = u16::try_from(from.take_u32()?).ok().filter(|leg| usize::from(*leg) < LEGS_MAX);
            let leg = leg.ok_or(ImageError::Damaged("a leg"))?;
            let times = LegTimes { departed_at: take_time(from)?, arrived_at: take_time(from)? };
            if shipment.legs.last_key_value().is_some_and(|(last, _)| *last >= leg) {
                return Err(ImageError::Damaged("the order of legs"));
            }
            shipment.legs.insert(leg, times);
        }
        for lines in [&mut shipment.ordered, &mut shipment.dispatched, &mut shipment.received] {
            for _ in 0..from.take_length()? {
                let line = LineReport::load(from)?;
                let is_ordered = lines.last_key_value().is_none_or(|(last, _)| *last < line.id);
                if !is_ordered || lines.len() == LINE_REPORTS_MAX {
                    return Err(ImageError::Damaged("the reports on lines"));
                }
                lines.insert(line.id, line);
            }
        }
        shipment.is_cut = from.take_bool()?;
        shipment.track = Track::load(from)?;
        Ok(shipment)
    }
}

fn earliest(known: &mut Option<Timestamp>, at: Timestamp) -> bool {
    let is_news = known.is_none_or(|known| at < known);
    if is_news {
        *known = Some(at);
    }
    is_news
}

/// Of two reports with one id the lesser holds, so that it does not matter which came first.
fn put_line(lines: &mut BTreeMap<u64, LineReport>, line: &LineReport, is_cut: &mut bool) -> bool {
    if let Some(known) = lines.get_mut(&line.id) {
        let is_news = line < known;
        if is_news {
            known.clone_from(line);
        }
        return is_news;
    }
    lines.insert(line.id, line.clone());
    if lines.len() <= LINE_REPORTS_MAX {
        return true;
    }
    *is_cut = true;
    lines.pop_last().is_some_and(|(id, _)| id != line.id)
}

/// A sum of quantities; stays at the end of the range.
fn bounded(micros: i128) -> Quantity {
    let bound = i128::from(i64::MAX);
    Quantity::from_micros(i64::try_from(micros.clamp(-bound, bound)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: u64, at: i64, product: &str, units: i64) -> LineReport {
        LineReport { id, at: Timestamp(at), product: product.into(), quantity: Quantity::units(units) }
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_is_told_by_product() {
        let mut shipment = Shipment::default();
        for report in [
            Report::LineReceived(line(7, 50, "bolt", 4)),
            Report::LineOrdered(line(1, 10, "bolt", 12)),
            Report::LineDispatched(line(2, 20, "bolt", 10)),
            Report::LineReceived(line(8, 60, "nut", 3)),
            Report::LineReceived(line(7, 50, "bolt", 4)),
        ] {
            shipment.take(&report);
        }
        let lines = shipment.lines();
        let bolt = lines["bolt"];
        assert_eq!(
            (bolt.expected(), bolt.missing(), bolt.over()),
            (Quantity::units(10), Quantity::units(6), Quantity::ZERO)
        );
        assert_eq!(lines["nut"].over(), Quantity::units(3));
        assert_eq!(shipment.received_at(), None);
        shipment.take(&Report::LineReceived(line(9, 70, "bolt", 7)));
        assert_eq!(shipment.received_at(), Some(Timestamp(70)));
        assert_eq!(shipment.lines()["bolt"].over(), Quantity::units(1));
        shipment.take(&Report::LineReceived(line(10, 80, "bolt", -2)));
        assert_eq!(shipment.received_at(), None, "what was taken back is missing again");
    }

    #[test]
    fn line_reports_are_bounded_and_that_is_told() {
        let mut shipment = Shipment::default();
        for id in (0..=4_096).rev() {
            shipment.take(&Report::LineReceived(line(id, 0, "bolt", 1)));
        }
        assert!(shipment.is_cut());
        assert_eq!(shipment.lines()["bolt"].received, Quantity::units(4_096));
    }
}
