//! The state's image: the catalogue's, then for each account, line, unit, id and promise what the catalogue lacks.

use super::{IMAGE_VERSION, ImageError, Sink, Source, take_id, take_time, take_version, unit};
use crate::line::{Count, Line, Past};
use crate::recent::{Generation, Recent, Seen};
use crate::serial::{Chain, Sighting};
use crate::state::Book;
use crate::{
    AccountId, Alerts, Catalog, Key, LocationId, Open, Position, Quantity, Reservation, ReservationState, ReservedLine,
    State,
};
use std::collections::BTreeMap;

impl State {
    /// Writes the image.
    pub fn save(&self, to: &mut impl Sink) {
        to.put_u32(IMAGE_VERSION);
        self.catalog.save(to);
        to.put_u64(self.position.0);
        to.put_i64(self.recorded_at.0);
        for book in &self.books {
            to.put_i64(book.balance);
        }
        for book in self.books.iter().filter(|book| book.kind.is_on_hand()) {
            put_line(to, &book.line);
        }
        for chain in &self.chains {
            put_chain(to, chain);
        }
        unit::put(to, &self.units);
        to.put_i64(self.recent.floor.0);
        put_generation(to, &self.recent.older);
        put_generation(to, &self.recent.newer);
        self.save_promises(to);
    }

    fn save_promises(&self, to: &mut impl Sink) {
        let mut reservations: Vec<&Reservation> = self.reservations.values().collect();
        reservations.sort_unstable_by(|a, b| a.reservation.cmp(&b.reservation));
        to.put_length(reservations.len());
        for reservation in reservations {
            put_reservation(to, reservation);
        }
        for generation in &self.ended {
            to.put_length(generation.len());
            for (name, outcome) in generation {
                to.put_text(name);
                to.put_u8(number_of(*outcome));
            }
        }
        to.put_length(self.expected.len());
        for (account, open) in &self.expected {
            to.put_u32(account.0);
            to.put_length(open.len());
            for open in open {
                to.put_text(&open.reference);
                to.put_i64(open.quantity.micros());
                to.put_option(open.expected_at, |to, at| to.put_i64(at.0));
            }
        }
        to.put_length(self.held.len());
        for (position, key) in &self.held {
            to.put_u64(position.0);
            to.put_u128(key.id);
            to.put_u64(key.content);
        }
        to.put_length(self.reversed.len());
        for (position, by) in &self.reversed {
            to.put_u64(position.0);
            to.put_u64(by.0);
        }
        self.alerts.save(to);
    }

    /// Reads an image.
    ///
    /// # Errors
    /// As [`Source`], and [`ImageError::Version`] first of all.
    pub fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        take_version(from)?;
        let catalog = Catalog::load(from)?;
        let mut state = Self::new(catalog.seed);
        state.catalog = catalog;
        state.position = Position(from.take_u64()?);
        state.recorded_at = take_time(from)?;
        state.load_books(from)?;
        let accounts = state.books.len();
        for _ in 0..state.catalog.serials.len() {
            state.chains.push(take_chain(from, accounts)?);
        }
        state.units = unit::take(from, &state.catalog)?;
        let floor = take_time(from)?;
        state.recent = Recent { floor, older: take_generation(from)?, newer: take_generation(from)? };
        state.load_promises(from)?;
        Ok(state)
    }

    fn load_books(&mut self, from: &mut impl Source) -> Result<(), ImageError> {
        // The catalogue has been read, so its length is no claim.
        self.books.reserve_exact(self.catalog.accounts.len());
        for key in &self.catalog.accounts {
            self.books.push(Book::new(key.kind, from.take_i64()?));
        }
        for book in self.books.iter_mut().filter(|book| book.kind.is_on_hand()) {
            book.line = take_line(from)?;
            self.stock_keys += 1;
        }
        Ok(())
    }

    fn load_promises(&mut self, from: &mut impl Source) -> Result<(), ImageError> {
        for _ in 0..from.take_length()? {
            let reservation = self.take_reservation(from)?;
            if let Some(at) = reservation.expires_at {
                self.expiring.insert((at, reservation.reservation.clone()));
            }
            self.reservations.insert(reservation.reservation.clone(), reservation);
        }
        for generation in &mut self.ended {
            *generation = take_map(from, |from| Ok((from.take_text()?, take_outcome(from)?)))?;
        }
        let accounts = self.books.len();
        self.expected = take_map(from, |from| {
            let account = AccountId(take_id(from, accounts)?);
            Ok((account, from.take_list(take_open)?))
        })?;
        self.held = take_map(from, |from| {
            Ok((Position(from.take_u64()?), Key { id: from.take_u128()?, content: from.take_u64()? }))
        })?;
        self.reversed = take_map(from, |from| Ok((Position(from.take_u64()?), Position(from.take_u64()?))))?;
        self.alerts = Alerts::load(from)?;
        Ok(())
    }

    fn take_reservation(&self, from: &mut impl Source) -> Result<Reservation, ImageError> {
        Ok(Reservation {
            reservation: from.take_text()?,
            warehouse: LocationId(take_id(from, self.catalog.locations.len())?),
            expires_at: from.take_option(take_time)?,
            state: ReservationState::Pending,
            lines: from.take_list(|from| {
                let line = from.take_u32()?;
                let account = AccountId(take_id(from, self.books.len())?);
                if self.line(account).is_none() {
                    return Err(ImageError::Damaged("a reservation of stock that is not on hand"));
                }
                Ok(ReservedLine { line, account, quantity: Quantity::from_micros(from.take_i64()?) })
            })?,
        })
    }
}

fn put_line(to: &mut impl Sink, line: &Line) {
    to.put_i64(line.reserved);
    let past = line.past();
    to.put_i128(past.base);
    to.put_i64(past.horizon.0);
    to.put_u8(u8::from(past.folded_counts));
    to.put_length(line.movements.len());
    for (at, delta) in &line.movements {
        to.put_i64(at.0);
        to.put_i64(*delta);
    }
    to.put_length(past.counts.len());
    for count in &past.counts {
        to.put_i64(count.at.0);
        to.put_u8(count.trust);
        to.put_text(&count.id);
        to.put_i64(count.quantity);
    }
}

fn take_line(from: &mut impl Source) -> Result<Line, ImageError> {
    let reserved = from.take_i64()?;
    let (base, horizon, folded_counts) = (from.take_i128()?, take_time(from)?, from.take_bool()?);
    let movements = from.take_list(|from| Ok((take_time(from)?, from.take_i64()?)))?;
    let counts = from.take_list(|from| {
        Ok(Count { at: take_time(from)?, trust: from.take_u8()?, id: from.take_text()?, quantity: from.take_i64()? })
    })?;
    if !movements.is_sorted_by_key(|(at, _)| *at) || !counts.is_sorted_by(|a, b| a.rank() <= b.rank()) {
        return Err(ImageError::Damaged("the order of a history"));
    }
    Ok(Line::new(reserved, movements, Past { base, horizon, folded_counts, counts }))
}

fn put_chain(to: &mut impl Sink, chain: &Chain) {
    to.put_option(chain.origin, |to, account| to.put_u32(account.0));
    to.put_option(chain.horizon, |to, at| to.put_i64(at.0));
    to.put_length(chain.sightings.len());
    for sighting in &chain.sightings {
        to.put_i64(sighting.at.0);
        to.put_text(&sighting.id);
        to.put_option(sighting.place, |to, account| to.put_u32(account.0));
    }
}

fn take_chain(from: &mut impl Source, accounts: usize) -> Result<Chain, ImageError> {
    let chain = Chain {
        origin: from.take_option(|from| take_id(from, accounts).map(AccountId))?,
        horizon: from.take_option(take_time)?,
        sightings: from.take_list(|from| {
            Ok(Sighting {
                at: take_time(from)?,
                id: from.take_text()?,
                place: from.take_option(|from| take_id(from, accounts).map(AccountId))?,
            })
        })?,
    };
    let sorted = chain.sightings.is_sorted_by(|a, b| a.rank() <= b.rank());
    if sorted { Ok(chain) } else { Err(ImageError::Damaged("the order of a unit's sightings")) }
}

/// Shard by shard, each by position: so one shard's ids are sorted at a time, and loading fills one small table after
/// the other.
fn put_generation(to: &mut impl Sink, generation: &Generation) {
    to.put_i64(generation.since.0);
    for shard in generation.shards() {
        let mut ids: Vec<&Seen> = shard.iter().collect();
        ids.sort_unstable_by_key(|seen| (seen.position(), seen.id));
        to.put_length(ids.len());
        for seen in ids {
            to.put_u128(seen.id);
            to.put_u64(seen.content);
            to.put_u64(seen.marked_position());
        }
    }
}

fn take_generation(from: &mut impl Source) -> Result<Generation, ImageError> {
    let mut generation = Generation::new(take_time(from)?);
    for index in 0..generation.shards().len() {
        let ids = from.take_list(|from| Ok(Seen::marked(from.take_u128()?, from.take_u64()?, from.take_u64()?)))?;
        if !generation.fill(index, ids) {
            return Err(ImageError::Damaged("an id among others of its kind"));
        }
    }
    Ok(generation)
}

fn put_reservation(to: &mut impl Sink, reservation: &Reservation) {
    to.put_text(&reservation.reservation);
    to.put_u32(reservation.warehouse.0);
    to.put_option(reservation.expires_at, |to, at| to.put_i64(at.0));
    to.put_length(reservation.lines.len());
    for line in &reservation.lines {
        to.put_u32(line.line);
        to.put_u32(line.account.0);
        to.put_i64(line.quantity.micros());
    }
}

fn take_open(from: &mut impl Source) -> Result<Open, ImageError> {
    Ok(Open {
        reference: from.take_text()?,
        quantity: Quantity::from_micros(from.take_i64()?),
        expected_at: from.take_option(take_time)?,
    })
}

const OUTCOMES: [ReservationState; 4] =
    [ReservationState::Pending, ReservationState::Fulfilled, ReservationState::Released, ReservationState::Expired];

fn number_of(outcome: ReservationState) -> u8 {
    match outcome {
        ReservationState::Pending => 0,
        ReservationState::Fulfilled => 1,
        ReservationState::Released => 2,
        ReservationState::Expired => 3,
    }
}

fn take_outcome(from: &mut impl Source) -> Result<ReservationState, ImageError> {
    let number = from.take_u8()?;
    OUTCOMES.get(usize::from(number)).copied().ok_or(ImageError::Damaged("how a reservation ended"))
}

/// A map whose keys were written in order.
fn take_map<S: Source, K: Ord, V>(
    from: &mut S,
    mut take: impl FnMut(&mut S) -> Result<(K, V), ImageError>,
) -> Result<BTreeMap<K, V>, ImageError> {
    let mut map = BTreeMap::new();
    for _ in 0..from.take_length()? {
        let (key, value) = take(from)?;
        if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(ImageError::Damaged("the order of a table"));
        }
        map.insert(key, value);
    }
    Ok(map)
}
