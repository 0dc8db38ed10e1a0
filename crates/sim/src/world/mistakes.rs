//! What people and devices do wrong, how often, and the count of it.

use ledger::EventKind;

/// How often people, devices and networks err. A rate is per million reports of those who can make the mistake.
///
/// What suppliers and customers do (late, partial and over-deliveries, cancelled orders, returns, damage) is no mistake
/// of the reports: it happens without any of these too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// A person keys in another quantity than was handled; also at counts.
    pub wrong_quantity_per_million: u32,
    /// A person does not scan at all. A count finds it, unless it is scanned late.
    pub scan_forgotten_per_million: u32,
    /// A person scans hours after the fact, with the true time: this explains what a count found in between.
    pub scan_late_per_million: u32,
    /// A message is delivered twice, same id and content; also from systems.
    pub sent_twice_per_million: u32,
    /// A person scans twice, each scan with its own id: counted double for real.
    pub scanned_twice_per_million: u32,
    /// A device gives an id again to other content.
    pub id_reused_per_million: u32,
    /// Two digits of a product's code are exchanged.
    pub unknown_product_per_million: u32,
    /// A unit of measure that the product does not have.
    pub unknown_unit_per_million: u32,
    /// A person scans the label of another bin.
    pub wrong_location_per_million: u32,
    /// A message arrives seconds to a minute and a half after later ones; also from systems.
    pub out_of_order_per_million: u32,
    /// A scanner loses its network for minutes to hours, works on, and then sends its backlog.
    pub went_offline_per_million: u32,
    /// A portal reads the same goods again a few seconds later.
    pub portal_read_twice_per_million: u32,
    /// A portal does not see goods that pass.
    pub portal_read_missed_per_million: u32,
    /// A picker takes one more or one fewer than the order says, and it is reported as ordered.
    pub wrong_pick_per_million: u32,
    /// Something is lost, broken or stolen beside a pick, and nobody reports it.
    pub loss_unreported_per_million: u32,
    /// The web shop looks at an old picture of the stock and sells more than is there: per million orders. The ledger
    /// refuses such a reservation.
    pub shop_stale_per_million: u32,
    /// How far the clocks of people's devices are off, either way.
    pub clock_skew_seconds_max: i64,
    /// One device's clock jumps this far ahead, for [`Self::clock_ahead_minutes`] at a time.
    pub clock_far_ahead_per_million: u32,
    /// How far that clock jumps, and how long it takes until somebody sets it.
    pub clock_ahead_minutes: i64,
    /// The longest usual way of a message; the shortest is a tenth of it.
    pub latency_milliseconds_max: i64,
}

impl Default for Mistakes {
    /// A well-run operation: most days see each kind a few times.
    fn default() -> Self {
        Self {
            wrong_quantity_per_million: 1_500,
            scan_forgotten_per_million: 1_200,
            scan_late_per_million: 1_500,
            sent_twice_per_million: 1_500,
            scanned_twice_per_million: 700,
            id_reused_per_million: 400,
            unknown_product_per_million: 400,
            unknown_unit_per_million: 400,
            wrong_location_per_million: 1_000,
            out_of_order_per_million: 3_000,
            went_offline_per_million: 300,
            portal_read_twice_per_million: 15_000,
            portal_read_missed_per_million: 12_000,
            wrong_pick_per_million: 800,
            loss_unreported_per_million: 500,
            shop_stale_per_million: 900,
            clock_skew_seconds_max: 4,
            clock_far_ahead_per_million: 2_500,
            clock_ahead_minutes: 47,
            latency_milliseconds_max: 400,
        }
    }
}

impl Mistakes {
    /// None at all: perfect people, clocks and networks. Reports arrive at once, in order, and add up to the truth.
    pub const fn none() -> Self {
        Self {
            wrong_quantity_per_million: 0,
            scan_forgotten_per_million: 0,
            scan_late_per_million: 0,
            sent_twice_per_million: 0,
            scanned_twice_per_million: 0,
            id_reused_per_million: 0,
            unknown_product_per_million: 0,
            unknown_unit_per_million: 0,
            wrong_location_per_million: 0,
            out_of_order_per_million: 0,
            went_offline_per_million: 0,
            portal_read_twice_per_million: 0,
            portal_read_missed_per_million: 0,
            wrong_pick_per_million: 0,
            loss_unreported_per_million: 0,
            shop_stale_per_million: 0,
            clock_skew_seconds_max: 0,
            clock_far_ahead_per_million: 0,
            clock_ahead_minutes: 0,
            latency_milliseconds_max: 0,
        }
    }
}

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A kind of mistake; each is explained at its rate in [`Mistakes`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mistake {
            $($(#[$doc])* $name,)*
        }

        impl Mistake {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in words.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

mistakes! {
    /// Counted once a report.
    WrongQuantity = "wrong quantity",
    /// Counted once a report that never comes.
    ScanForgotten = "scan forgotten",
    /// Counted once a report.
    ScanLate = "scan hours late",
    /// Counted once a repetition.
    SentTwice = "sent twice with one id",
    /// Counted once a repetition.
    ScannedTwice = "scanned twice with two ids",
    /// Counted once a report.
    IdReused = "id used again for other content",
    /// Counted once a report.
    UnknownProduct = "unknown product code",
    /// Counted once a report.
    UnknownUnit = "unknown unit",
    /// Counted once a report.
    WrongLocation = "wrong location",
    /// Counted once a report.
    OutOfOrder = "arrived out of order",
    /// Counted once a report that waits in a scanner's backlog.
    SentFromBacklog = "sent from an offline backlog",
    /// Counted once a repetition.
    PortalReadTwice = "read twice by a portal",
    /// Counted once a report that never comes.
    PortalReadMissed = "missed by a portal",
    /// Counted once a line picked.
    WrongPick = "wrong quantity picked",
    /// Counted once a unit that vanished.
    LossUnreported = "loss not reported",
    /// Counted once an order.
    ShopStale = "sold from an old picture of the stock",
    /// Counted once a report from a device whose clock is a little off.
    ClockSkewed = "clock a few seconds off",
    /// Counted once a report.
    ClockFarAhead = "clock far ahead",
}

/// Which mistakes one kind of reporter makes, at most one a report, as a running sum of rates.
#[derive(Clone, Debug)]
pub(super) struct Odds(Vec<(u32, Mistake)>);

impl Odds {
    fn new(rates: &[(u32, Mistake)]) -> Self {
        let mut sum = 0;
        Self(
            rates
                .iter()
                .filter(|(rate, _)| *rate > 0)
                .map(|&(rate, mistake)| (sum += rate, (sum, mistake)).1)
                .collect(),
        )
    }

    pub(super) fn people(of: &Mistakes) -> Self {
        use Mistake::*;
        Self::new(&[
            (of.out_of_order_per_million, OutOfOrder),
            (of.wrong_quantity_per_million, WrongQuantity),
            (of.scan_forgotten_per_million, ScanForgotten),
            (of.scan_late_per_million, ScanLate),
            (of.sent_twice_per_million, SentTwice),
            (of.scanned_twice_per_million, ScannedTwice),
            (of.id_reused_per_million, IdReused),
            (of.unknown_product_per_million, UnknownProduct),
            (of.unknown_unit_per_million, UnknownUnit),
            (of.wrong_location_per_million, WrongLocation),
        ])
    }

    pub(super) fn portals(of: &Mistakes) -> Self {
        use Mistake::*;
        Self::new(&[
            (of.out_of_order_per_million, OutOfOrder),
            (of.sent_twice_per_million, SentTwice),
            (of.portal_read_twice_per_million, PortalReadTwice),
            (of.portal_read_missed_per_million, PortalReadMissed),
        ])
    }

    pub(super) fn systems(of: &Mistakes) -> Self {
        Self::new(&[
            (of.out_of_order_per_million, Mistake::OutOfOrder),
            (of.sent_twice_per_million, Mistake::SentTwice),
        ])
    }

    /// The mistake for a draw below one million; mostly none.
    pub(super) fn drawn(&self, draw: u64) -> Option<Mistake> {
        self.0.iter().find(|(sum, _)| draw < u64::from(*sum)).map(|(_, mistake)| *mistake)
    }
}

/// What was emitted and what went wrong since the world began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Reservations asked for.
    pub reserve: u64,
    /// Reservations given back.
    pub release: u64,
    /// Reservations shipped.
    pub fulfil: u64,
    /// Products and locations declared.
    pub declare: u64,
    /// Wishes of customers that no warehouse had stock for; nothing is emitted for them.
    pub sales_lost: u64,
    /// Orders that the picker found too little for; they are released and the bin is counted.
    pub picks_short: u64,
    events: [u64; EventKind::ALL.len()],
    mistakes: [u64; Mistake::ALL.len()],
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            reserve: 0,
            release: 0,
            fulfil: 0,
            declare: 0,
            sales_lost: 0,
            picks_short: 0,
            events: [0; EventKind::ALL.len()],
            mistakes: [0; Mistake::ALL.len()],
        }
    }

    pub(super) fn event(&mut self, kind: EventKind) {
        self.events[kind as usize] += 1;
    }

    pub(super) fn mistake(&mut self, mistake: Mistake) {
        self.mistakes[mistake as usize] += 1;
    }

    /// How many events of a kind were emitted.
    pub fn events(&self, kind: EventKind) -> u64 {
        self.events[kind as usize]
    }

    /// How many mistakes of a kind were made; some of their reports may still be on their way.
    pub fn mistakes(&self, mistake: Mistake) -> u64 {
        self.mistakes[mistake as usize]
    }

    /// How many emissions there were, of every kind.
    pub fn emissions(&self) -> u64 {
        self.events.iter().sum::<u64>() + self.reserve + self.release + self.fulfil + self.declare
    }
}
