//! The image of what is watched of stock: figures and what holds. What rules say of it is looked up when it is read.

use super::StockWatch;
use super::subject::Subject;
use crate::desk::Desk;
use crate::timers::Timer;
use ledger::{AccountId, ImageError, LocationId, LotId, Sink, Source, Timestamp};

impl StockWatch {
    pub(crate) fn save(&self, to: &mut impl Sink) {
        to.put_length(self.subjects.len());
        for subject in &self.subjects {
            subject.save(to);
        }
        to.put_length(self.lots.len());
        for lot in &self.lots {
            let (id, warehouse) = lot.key();
            to.put_u32(id.0);
            to.put_u32(warehouse.0);
            to.put_i64(lot.on_hand());
            to.put_u8(lot.holds());
        }
        to.put_length(self.links.len());
        for index in 0..self.links.len() {
            let (holds, pending, last_count) = self.account_state(index);
            to.put(&[holds, pending]);
            to.put_i64(last_count.0);
            to.put_u32(self.links[index].moves);
        }
        for pending in [&self.pending_since, &self.account_since] {
            to.put_length(pending.len());
            for ((index, bit), since) in pending {
                to.put_u32(*index);
                to.put_u8(*bit);
                to.put_i64(since.0);
            }
        }
        to.put_length(self.disputes.open.len());
        for (account, (open, expected)) in &self.disputes.open {
            to.put_u32(account.0);
            to.put_i64(*open);
            to.put_i64(*expected);
        }
        to.put_length(self.on_hold.len());
        for (account, reference) in &self.on_hold {
            to.put_u32(account.0);
            to.put_text(reference);
        }
    }

    /// Reads the image into an empty watch, and sets the timers that follow from it.
    pub(crate) fn load(&mut self, desk: &mut Desk<'_>, from: &mut impl Source) -> Result<(), ImageError> {
        let catalog = desk.state.catalog();
        let paths = desk.rules.places().filter_map(|path| catalog.find_location(path));
        self.places = paths.collect();
        for _ in 0..from.take_length()? {
            let subject = Subject::load(from)?;
            let is_known = subject.product.index() < catalog.products().len()
                && subject.place.index() < catalog.locations().len()
                && self.find(subject.product, subject.place).is_none();
            if !is_known {
                return Err(ImageError::Damaged("a watched product and place"));
            }
            self.insert(subject);
        }
        for _ in 0..from.take_length()? {
            let (lot, warehouse) = (LotId(from.take_u32()?), LocationId(from.take_u32()?));
            if lot.index() >= catalog.lots() || warehouse.index() >= catalog.locations().len() {
                return Err(ImageError::Damaged("a watched lot"));
            }
            let index = self.lot(lot, warehouse);
            let (on_hand, holds) = (from.take_i64()?, from.take_u8()?);
            match self.lots.get_mut(index as usize) {
                Some(watch) => watch.restore(on_hand, holds),
                None => return Err(ImageError::Damaged("a watched lot")),
            }
        }
        self.load_accounts(desk, from)?;
        let accounts = self.links.len();
        for _ in 0..from.take_length()? {
            let account = AccountId(from.take_u32()?);
            if account.index() >= accounts {
                return Err(ImageError::Damaged("a disputed account"));
            }
            self.disputes.open.insert(account, (from.take_i64()?, from.take_i64()?));
        }
        for _ in 0..from.take_length()? {
            let account = AccountId(from.take_u32()?);
            if account.index() >= accounts {
                return Err(ImageError::Damaged("an account on hold"));
            }
            self.on_hold.insert(account, from.take_text()?);
        }
        self.arm_all(desk);
        Ok(())
    }

    fn load_accounts(&mut self, desk: &mut Desk<'_>, from: &mut impl Source) -> Result<(), ImageError> {
        let accounts = from.take_length()?;
        let known = (self.subjects.len(), self.lots.len());
        if accounts != desk.state.catalog().accounts().len() {
            return Err(ImageError::Damaged("the number of watched accounts"));
        }
        for index in 0..accounts {
            self.link(desk, AccountId::at(index));
            let [holds, pending] = from.take_array()?;
            let last_count = Timestamp(from.take_i64()?);
            self.set_account_state(index, (holds, pending, last_count));
            self.links[index].moves = from.take_u32()?;
            self.links[index].reserved = desk.state.reserved(AccountId::at(index)).micros();
        }
        if (self.subjects.len(), self.lots.len()) != known {
            return Err(ImageError::Damaged("the watched products and places"));
        }
        for reservation in desk.state.reservations() {
            let lines = reservation.lines.iter().map(|line| line.account).collect();
            self.reserving.insert(reservation.reservation.clone(), lines);
        }
        for which in 0..2 {
            for _ in 0..from.take_length()? {
                let key = (from.take_u32()?, from.take_u8()?);
                let since = Timestamp(from.take_i64()?);
                let pending = if which == 0 { &mut self.pending_since } else { &mut self.account_since };
                pending.insert(key, since);
            }
        }
        Ok(())
    }

    /// Looks up the rules of every subject, and sets the timers that an image does not hold.
    fn arm_all(&mut self, desk: &mut Desk<'_>) {
        for index in (0..).take(self.subjects.len()) {
            // Thresholds in days of supply are those of the last use, not those of today.
            let subject = &self.subjects[index as usize];
            let thresholds = (subject.low, subject.low_clear, subject.over, subject.over_clear);
            self.resolve(desk, index);
            let subject = &mut self.subjects[index as usize];
            if subject.follows_use {
                (subject.low, subject.low_clear, subject.over, subject.over_clear) = thresholds;
            }
            self.judge_if_due(desk, index);
        }
        for (index, _) in self.pending_since.keys() {
            desk.set(desk.now, Timer::Stock(*index));
        }
        for (account, _) in self.account_since.keys() {
            desk.set(desk.now, Timer::Account(*account));
        }
        self.touched_lots.extend((0..).take(self.lots.len()));
        self.judge_lots(desk);
    }
}
