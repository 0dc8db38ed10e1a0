//! The readers of one site: their reads in the order of time, through one smoother.
//!
//! Reads reach the journal late and out of order. They wait for [`Smoothing::lag_micros`](super::settings::Smoothing)
//! after the newest entry, and are then judged in the order in which they were seen, so that what follows does not depend
//! on how a reader batches.

use super::settings::{AntennaSettings, ReaderSettings, SideName};
use intake::rfid::{Antenna, Inference, Portal, Read, ReadError, Rssi, Settings, Side, Smoother, Tag, Tallies};
use ledger::{ImageError, Sink, Source, Timestamp};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::binary_heap::{BinaryHeap, PeekMut};

/// What the antennas of a site look at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    pub(crate) settings: Settings,
    /// The place of each (device, antenna) among the settings' antennas.
    pub(crate) antennas: BTreeMap<(String, u16), u16>,
    /// The location of each zone; empty for one that is not ours.
    pub(crate) zones: Vec<String>,
    /// The name of each portal.
    pub(crate) portals: Vec<String>,
    pub(crate) lag_micros: i64,
}

impl Layout {
    /// The reader and antenna at a place.
    pub(crate) fn antenna(&self, place: u16) -> Option<&(String, u16)> {
        self.antennas.iter().find(|(_, other)| **other == place).map(|(antenna, _)| antenna)
    }

    /// The antennas of a reader, by number, and the place of each.
    pub(crate) fn places_of(&self, device: &str) -> Vec<(u16, u16)> {
        let range = (device.to_owned(), 0)..=(device.to_owned(), u16::MAX);
        self.antennas.range(range).map(|((_, antenna), place)| (*antenna, *place)).collect()
    }

    /// The location of a zone; `None` for one that is not ours.
    pub(crate) fn location(&self, zone: Option<u16>) -> Option<&str> {
        let location = self.zones.get(usize::from(zone?))?;
        (!location.is_empty()).then_some(location)
    }

    fn zone(&mut self, location: &str) -> Result<u16, String> {
        let known = self.zones.iter().position(|zone| zone == location);
        let place = known.unwrap_or_else(|| {
            self.zones.push(location.to_owned());
            self.zones.len() - 1
        });
        u16::try_from(place).map_err(|_| "more than 65,535 zones".to_owned())
    }

    fn add_portals(&mut self, reader: &ReaderSettings) -> Result<(), String> {
        for portal in &reader.portals {
            if portal.inside.is_empty() {
                return Err(format!("portal '{}' leads nowhere; say its inside", portal.portal));
            }
            let sides = Portal { inside: self.zone(&portal.inside)?, outside: self.zone(&portal.outside)? };
            match self.portals.iter().position(|name| *name == portal.portal) {
                Some(place) if self.settings.portals[place] == sides => {}
                Some(_) => return Err(format!("portal '{}' is described in two ways", portal.portal)),
                None => {
                    self.portals.push(portal.portal.clone());
                    self.settings.portals.push(sides);
                }
            }
        }
        Ok(())
    }

    fn looks_at(&mut self, antenna: &AntennaSettings) -> Result<Antenna, String> {
        let number = antenna.antenna;
        match (&*antenna.zone, &*antenna.portal, antenna.side) {
            ("", "", _) => Err(format!("antenna {number} looks at nothing; give it a zone or a portal and side")),
            (zone, "", None) => Ok(Antenna::Zone(self.zone(zone)?)),
            ("", portal, Some(side)) => {
                let place = self.portals.iter().position(|name| name == portal);
                let place =
                    place.ok_or_else(|| format!("antenna {number}: there is no portal '{portal}'; describe it"))?;
                let place = u16::try_from(place).map_err(|_| "more than 65,535 portals".to_owned())?;
                let side = if side == SideName::Inside { Side::Inside } else { Side::Outside };
                Ok(Antenna::Portal(place, side))
            }
            _ => Err(format!("antenna {number}: give it a zone, or a portal and side, not both")),
        }
    }
}

/// The layout of a site's readers, in the order of their names.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn layout(readers: &[(&str, &ReaderSettings)]) -> Result<Layout, String> {
    let smoothing = readers.first().map(|(_, reader)| reader.smoothing).unwrap_or_default();
    let mut layout = Layout {
        settings: smoothing.settings(),
        antennas: BTreeMap::new(),
        zones: Vec::new(),
        portals: Vec::new(),
        lag_micros: smoothing.lag_micros(),
    };
    for (_, reader) in readers {
        layout.add_portals(reader)?;
    }
    for (device, reader) in readers {
        for antenna in &reader.antennas {
            let looks_at = layout.looks_at(antenna)?;
            let place = u16::try_from(layout.settings.antennas.len()).map_err(|_| "too many antennas".to_owned())?;
            layout.settings.antennas.push(looks_at);
            if layout.antennas.insert(((*device).to_owned(), antenna.antenna), place).is_some() {
                return Err(format!("antenna {} is described twice", antenna.antenna));
            }
        }
    }
    Ok(layout)
}

/// A read's turn: what was seen first is judged first, whatever the order in which it came.
type Turn = Reverse<(Timestamp, Tag, u16, Rssi)>;

fn turn(read: Read) -> Turn {
    Reverse((read.seen_at, read.tag, read.antenna, read.rssi))
}

/// One site.
pub(crate) struct Site {
    pub(crate) layout: Layout,
    smoother: Smoother,
    /// Reads that wait; the next one due is on top.
    waiting: BinaryHeap<Turn>,
    /// When the newest read was seen.
    last_read_at: Timestamp,
}

impl Site {
    /// A site that has heard nothing.
    ///
    /// # Errors
    /// What is wrong with its settings, in words.
    pub(crate) fn new(layout: Layout) -> Result<Self, String> {
        let smoother = Smoother::new(layout.settings.clone()).map_err(|error| error.to_string())?;
        Ok(Self { layout, smoother, waiting: BinaryHeap::new(), last_read_at: Timestamp::MIN })
    }

    /// The same site with other readers. Antennas that keep their places keep what they heard; else it begins anew.
    ///
    /// # Errors
    /// As [`Site::new`].
    pub(crate) fn rearranged(&self, layout: Layout) -> Result<Self, String> {
        let before = &self.layout;
        let keeps = |(name, place): (&(String, u16), &u16)| layout.antennas.get(name) == Some(place);
        if !before.antennas.iter().all(keeps) || layout.zones.get(..before.zones.len()) != Some(&before.zones) {
            return Self::new(layout);
        }
        let mut image = Vec::new();
        self.smoother.save(&mut image);
        match Smoother::load(layout.settings.clone(), &mut image.as_slice()) {
            Ok(smoother) => {
                Ok(Self { layout, smoother, waiting: self.waiting.clone(), last_read_at: self.last_read_at })
            }
            Err(_) => Self::new(layout),
        }
    }

    /// What the smoother counted.
    pub(crate) fn tallies(&self) -> Tallies {
        self.smoother.tallies()
    }

    /// Tags that are tracked.
    pub(crate) fn tags(&self) -> usize {
        self.smoother.tags()
    }

    /// Lets a read wait for its turn.
    pub(crate) fn wait(&mut self, read: Read) {
        self.last_read_at = self.last_read_at.max(read.seen_at);
        self.waiting.push(turn(read));
    }

    /// Judges what is due when the newest entry was recorded at `recorded_at`.
    pub(crate) fn advance(&mut self, recorded_at: Timestamp, out: &mut Vec<Inference>) {
        let watermark = recorded_at.minus(self.layout.lag_micros);
        while let Some(next) = self.waiting.peek_mut()
            && next.0.0 <= watermark
        {
            let Reverse((seen_at, tag, antenna, rssi)) = PeekMut::pop(next);
            let read = Read { tag, antenna, seen_at, rssi };
            self.smoother.tick(read.seen_at, out);
            match self.smoother.read(&read) {
                // Counted by the smoother; the read stays in the journal.
                Ok(_) | Err(ReadError::Full { .. } | ReadError::Ahead { .. } | ReadError::UnknownAntenna { .. }) => {}
            }
        }
        self.smoother.tick(watermark, out);
    }

    /// Until when conclusions may wait for time to pass; `None` when nothing was ever read.
    pub(crate) fn busy_until(&self) -> Option<Timestamp> {
        if self.last_read_at == Timestamp::MIN {
            return None;
        }
        let settings = &self.layout.settings;
        let epochs = i64::from(settings.window_epochs_max) + i64::from(settings.late_epochs) + 2;
        let settling = settings.passage_micros_max.max(settings.quarantine_micros).max(settings.dwell_micros);
        Some(self.last_read_at.plus(epochs * settings.epoch_micros + settling + self.layout.lag_micros))
    }

    /// Writes everything but the layout.
    pub(crate) fn save(&self, into: &mut impl Sink) {
        self.smoother.save(into);
        into.put_i64(self.last_read_at.0);
        into.put_length(self.waiting.len());
        for Reverse((seen_at, tag, antenna, rssi)) in &self.waiting {
            into.put_length(tag.code().len());
            into.put(tag.code());
            into.put_u32(u32::from(*antenna));
            into.put_i64(seen_at.0);
            into.put_i64(i64::from(*rssi));
        }
    }

    /// A site as it was saved.
    ///
    /// # Errors
    /// An image that was saved under another layout, or is damaged.
    pub(crate) fn load(layout: Layout, from: &mut impl Source) -> Result<Self, ImageError> {
        let damaged = ImageError::Damaged("a site");
        let smoother = Smoother::load(layout.settings.clone(), from).map_err(|_| ImageError::Damaged("a smoother"))?;
        let last_read_at = Timestamp(from.take_i64()?);
        let waiting: Vec<Read> = from.take_list(|from| {
            let mut code = vec![0; from.take_length()?.min(64)];
            from.take(&mut code)?;
            Ok(Read {
                tag: Tag::new(&code).ok_or(ImageError::Damaged("a tag"))?,
                antenna: u16::try_from(from.take_u32()?).map_err(|_| ImageError::Damaged("an antenna"))?,
                seen_at: Timestamp(from.take_i64()?),
                rssi: i16::try_from(from.take_i64()?).map_err(|_| ImageError::Damaged("a signal"))?,
            })
        })?;
        let antennas = layout.settings.antennas.len();
        if waiting.iter().any(|read| usize::from(read.antenna) >= antennas) {
            return Err(damaged);
        }
        Ok(Self { layout, smoother, waiting: waiting.into_iter().map(turn).collect(), last_read_at })
    }
}
