//! What is reported of a shipment.

use super::place::Point;
use ledger::{ImageError, Quantity, Sink, Source, Timestamp};

/// How something is carried.
///
/// # Source
/// UN/ECE Recommendation 19, "Code for Modes of Transport", whose digits 1 to 4 [`Mode::of`] reads too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// By ship.
    Sea,
    /// By train.
    Rail,
    /// By lorry or van.
    Road,
    /// By aircraft.
    Air,
    /// Any other way, several ways, or not known.
    #[default]
    Other,
}

impl Mode {
    /// All, by number.
    pub const ALL: [Self; 5] = [Self::Sea, Self::Rail, Self::Road, Self::Air, Self::Other];

    /// The mode that a word means, whatever its case; what is not understood is [`Mode::Other`].
    ///
    /// ```
    /// use watch::shipment::Mode;
    /// assert_eq!([Mode::of("Truck"), Mode::of("Air Charter"), Mode::of("ocean"), Mode::of("2")],
    ///     [Mode::Road, Mode::Air, Mode::Sea, Mode::Rail]);
    /// ```
    pub fn of(text: &str) -> Self {
        let first = text.trim().split([' ', '_', '-', '/']).next().unwrap_or("").to_ascii_lowercase();
        match first.as_str() {
            "sea" | "ocean" | "ship" | "vessel" | "maritime" | "1" => Self::Sea,
            "rail" | "train" | "2" => Self::Rail,
            "road" | "truck" | "lorry" | "van" | "3" => Self::Road,
            "air" | "plane" | "flight" | "4" => Self::Air,
            _ => Self::Other,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sea => "sea",
            Self::Rail => "rail",
            Self::Road => "road",
            Self::Air => "air",
            Self::Other => "other",
        }
    }

    /// Metres a second that are planned with where nobody has planned and nothing was learned: door to door, with rests.
    pub(super) const fn speed_usual(self) -> f64 {
        match self {
            Self::Sea => 7.0,
            Self::Rail => 10.0,
            Self::Road => 14.0,
            Self::Air => 60.0,
            Self::Other => 12.0,
        }
    }

    /// Metres a second that no vehicle of the kind passes.
    pub(super) const fn speed_max(self) -> f64 {
        match self {
            Self::Sea => 30.0,
            Self::Rail => 110.0,
            Self::Road => 60.0,
            Self::Air | Self::Other => 350.0,
        }
    }
}

/// A part of the way, as planned.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leg {
    /// Where it begins: a location path or a free name.
    pub from: Box<str>,
    /// Where it ends.
    pub to: Box<str>,
    /// When it is to begin.
    pub departure_at: Option<Timestamp>,
    /// When it is to end.
    pub arrival_at: Option<Timestamp>,
    /// How it is carried.
    pub mode: Mode,
}

/// What is planned of a shipment, all of it: a card replaces the card before.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Card {
    /// When this was said. The card said last holds; of two at the same time, the greater.
    pub said_at: Timestamp,
    /// Where it comes from: a location path or a free name; empty if nobody said.
    pub from: Box<str>,
    /// Where it goes; empty if nobody said.
    pub to: Box<str>,
    /// Who carries it; empty if nobody said.
    pub carrier: Box<str>,
    /// The main way of carriage.
    pub mode: Mode,
    /// The device whose positions are its own.
    pub vehicle: Option<Box<str>>,
    /// When it is to be there at the latest.
    pub promised_at: Option<Timestamp>,
    /// When it is to leave.
    pub departure_at: Option<Timestamp>,
    /// When it is to arrive, if that is planned apart from the promise.
    pub arrival_at: Option<Timestamp>,
    /// The parts of the way in order; none if it is one way. At most [`super::LEGS_MAX`] are kept.
    pub legs: Vec<Leg>,
}

/// Where something was at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fix {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub point: Point,
    /// How far it may be off, in metres.
    pub accuracy_m: u32,
}

/// What happened to a quantity of a product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineReport {
    /// What makes this report one: the same id is the same report, however often it comes. The ledger's position and the
    /// line's number in it make a good one.
    pub id: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The product.
    pub product: Box<str>,
    /// How much; below zero takes back.
    pub quantity: Quantity,
}

/// Something that was reported of a shipment. Reports may come in any order and any number of times: the same set of
/// reports gives the same shipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It was ordered.
    Ordered {
        /// When.
        at: Timestamp,
    },
    /// What is planned.
    Planned(Box<Card>),
    /// It left where it came from.
    Departed {
        /// When.
        at: Timestamp,
    },
    /// Where it, or its vehicle, was.
    Position(Fix),
    /// A leg began.
    LegDeparted {
        /// Its place in [`Card::legs`].
        leg: u16,
        /// When.
        at: Timestamp,
    },
    /// A leg ended.
    LegArrived {
        /// Its place in [`Card::legs`].
        leg: u16,
        /// When.
        at: Timestamp,
    },
    /// It came to where it goes.
    Arrived {
        /// When.
        at: Timestamp,
    },
    /// A product was ordered with it.
    LineOrdered(LineReport),
    /// A product left with it.
    LineDispatched(LineReport),
    /// A product of it was received.
    LineReceived(LineReport),
    /// It will not come.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

pub(super) fn put_time(into: &mut impl Sink, at: Option<Timestamp>) {
    into.put_option(at, |into, at| into.put_i64(at.0));
}

pub(super) fn take_time(from: &mut impl Source) -> Result<Option<Timestamp>, ImageError> {
    from.take_option(|from| from.take_i64().map(Timestamp))
}

impl Mode {
    pub(super) fn save(self, into: &mut impl Sink) {
        let number = Self::ALL.iter().position(|mode| *mode == self).unwrap_or_default();
        into.put_u8(u8::try_from(number).unwrap_or_default());
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        Self::ALL.get(usize::from(from.take_u8()?)).copied().ok_or(ImageError::Damaged("a mode of transport"))
    }
}

impl Card {
    /// The mode of a leg: its own, or, if it says none, the shipment's.
    pub(super) fn mode_of(&self, leg: &Leg) -> Mode {
        if leg.mode == Mode::Other { self.mode } else { leg.mode }
    }

    /// The mode of all legs; [`Mode::Other`], whose speed bounds little, when they differ.
    pub(super) fn mode_of_all(&self) -> Mode {
        let mut modes = self.legs.iter().map(|leg| self.mode_of(leg));
        let first = modes.next().unwrap_or(self.mode);
        if modes.all(|mode| mode == first) { first } else { Mode::Other }
    }

    /// When nobody said it: the card follows from what was booked, and any card that was said holds instead.
    pub const IMPLIED: Timestamp = Timestamp(i64::MIN);

    /// Whether nobody said it.
    pub fn is_implied(&self) -> bool {
        self.said_at == Self::IMPLIED
    }

    pub(super) fn save(&self, into: &mut impl Sink) {
        into.put_i64(self.said_at.0);
        for text in [&self.from, &self.to, &self.carrier] {
            into.put_text(text);
        }
        self.mode.save(into);
        into.put_option(self.vehicle.as_deref(), |into, vehicle| into.put_text(vehicle));
        for at in [self.promised_at, self.departure_at, self.arrival_at] {
            put_time(into, at);
        }
        into.put_length(self.legs.len());
        for leg in &self.legs {
            into.put_text(&leg.from);
            into.put_text(&leg.to);
            put_time(into, leg.departure_at);
            put_time(into, leg.arrival_at);
            leg.mode.save(into);
        }
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let card = Self {
            said_at: Timestamp(from.take_i64()?),
            from: from.take_text()?,
            to: from.take_text()?,
            carrier: from.take_text()?,
            mode: Mode::load(from)?,
            vehicle: from.take_option(|from| from.take_text())?,
            promised_at: take_time(from)?,
            departure_at: take_time(from)?,
            arrival_at: take_time(from)?,
            legs: from.take_list(|from| {
                Ok(Leg {
                    from: from.take_text()?,
                    to: from.take_text()?,
                    departure_at: take_time(from)?,
                    arrival_at: take_time(from)?,
                    mode: Mode::load(from)?,
                })
            })?,
        };
        if card.legs.len() > super::LEGS_MAX { Err(ImageError::Damaged("the legs of a card")) } else { Ok(card) }
    }
}

impl Fix {
    pub(super) fn save(self, into: &mut impl Sink) {
        into.put_i64(self.at.0);
        self.point.save(into);
        into.put_u32(self.accuracy_m);
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        Ok(Self { at: Timestamp(from.take_i64()?), point: Point::load(from)?, accuracy_m: from.take_u32()? })
    }
}

impl LineReport {
    pub(super) fn save(&self, into: &mut impl Sink) {
        into.put_u64(self.id);
        into.put_i64(self.at.0);
        into.put_text(&self.product);
        into.put_i64(self.quantity.micros());
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        Ok(Self {
            id: from.take_u64()?,
            at: Timestamp(from.take_i64()?),
            product: from.take_text()?,
            quantity: Quantity::from_micros(from.take_i64()?),
        })
    }
}
