//! Arbitrary requests and decisions: every variant, every field at its limits. What they say need not make sense.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

mod alerts;

use alerts::{alert, alert_change, rule_card};
use ledger::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use std::sync::Arc;

/// Short texts of every length class, with escapes and characters of several bytes.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-zA-Z0-9_/-]{0,20}", 1 => "\\PC{0,12}", 1 => "[\\\\\"'\u{e9}\u{1f4e6} ]{0,8}"]
}

/// A text that survives trimming unchanged and is not empty.
pub fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-zA-Z0-9_-]{1,20}", 1 => "[a-z\"\\\\\u{e9}\u{1f4e6}]{1,8}", 1 => "[a-z]{1,4} [a-z]{1,4}"]
}

/// [`name`], or nothing.
pub fn name_or_none() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), name()]
}

fn boxed() -> impl Strategy<Value = Box<str>> {
    text().prop_map(Box::from)
}

fn shared() -> impl Strategy<Value = Arc<str>> {
    text().prop_map(Arc::from)
}

/// Numbers with their edges.
pub fn number() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(i64::MIN), Just(i64::MAX), any::<i64>(), -1000..1000_i64]
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![0..200_u32, any::<u32>()]
}

pub fn quantity() -> impl Strategy<Value = Quantity> {
    number().prop_map(Quantity::from_micros)
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![number(), 1_700_000_000_000_000..1_800_000_000_000_000_i64].prop_map(Timestamp)
}

/// A time that the formats take, in microseconds.
pub fn sensible_time() -> impl Strategy<Value = Timestamp> {
    (631_152_000_000_000..7_258_118_400_000_000_i64).prop_map(Timestamp)
}

fn account() -> impl Strategy<Value = AccountId> {
    small().prop_map(AccountId)
}

fn day() -> impl Strategy<Value = Day> {
    any::<i32>().prop_map(Day)
}

fn account_kind() -> impl Strategy<Value = AccountKind> {
    proptest::sample::select(AccountKind::ALL.as_slice())
}

fn state() -> impl Strategy<Value = ReservationState> {
    use ReservationState::*;
    proptest::sample::select([Pending, Fulfilled, Released, Expired].as_slice())
}

pub fn key() -> impl Strategy<Value = Key> {
    (any::<u128>(), any::<u64>()).prop_map(|(id, content)| Key { id, content })
}

fn any_name() -> impl Strategy<Value = Name> {
    let within = || (small().prop_map(ProductId), shared());
    prop_oneof![
        shared().prop_map(Name::Product),
        shared().prop_map(Name::Location),
        within().prop_map(|(product, text)| Name::Lot(product, text)),
        within().prop_map(|(product, text)| Name::Serial(product, text)),
        shared().prop_map(Name::Party),
        shared().prop_map(Name::Unit),
        (account_kind(), small(), small(), small()).prop_map(|(kind, product, location, lot)| {
            Name::Account(AccountKey {
                kind,
                product: ProductId(product),
                location: LocationId(location),
                lot: LotId(lot),
            })
        }),
    ]
}

fn posting() -> impl Strategy<Value = Posting> {
    let role = prop_oneof![Just(Role::Movement), Just(Role::Variance)];
    (account(), quantity(), timestamp(), role).prop_map(|(account, delta, effective_at, role)| Posting {
        account,
        delta,
        effective_at,
        role,
    })
}

fn counted() -> impl Strategy<Value = Counted> {
    (account(), timestamp(), quantity(), quantity(), any::<u8>(), boxed()).prop_map(
        |(account, counted_at, quantity, expected, trust, id)| Counted {
            account,
            counted_at,
            quantity,
            expected,
            trust,
            id,
        },
    )
}

fn sighted() -> impl Strategy<Value = Sighted> {
    (small().prop_map(SerialId), timestamp(), of(account()), boxed()).prop_map(|(serial, seen_at, place, id)| Sighted {
        serial,
        seen_at,
        place,
        id,
    })
}

fn reservation() -> impl Strategy<Value = Reservation> {
    let line =
        (small(), account(), quantity()).prop_map(|(line, account, quantity)| ReservedLine { line, account, quantity });
    (boxed(), small(), vec(line, 0..4), of(timestamp()), state()).prop_map(
        |(reservation, warehouse, lines, expires_at, state)| Reservation {
            reservation,
            warehouse: LocationId(warehouse),
            lines,
            expires_at,
            state,
        },
    )
}

fn product_card() -> impl Strategy<Value = ProductCard> {
    let unit = (boxed(), any::<u64>(), any::<u64>()).prop_map(|(name, numerator, denominator)| Unit {
        name,
        numerator,
        denominator,
    });
    (boxed(), boxed(), boxed(), boxed(), boxed(), vec(unit, 0..4)).prop_map(
        |(product, name, gtin, category, base_unit, units)| ProductCard {
            product,
            name,
            gtin,
            category,
            base_unit,
            units,
        },
    )
}

fn location_card() -> impl Strategy<Value = LocationCard> {
    let site = (any::<i32>(), any::<i32>(), any::<u32>())
        .prop_map(|(latitude_micros, longitude_micros, radius_m)| Site { latitude_micros, longitude_micros, radius_m });
    (boxed(), boxed(), boxed(), boxed(), of(site)).prop_map(|(location, name, region, gln, site)| LocationCard {
        location,
        name,
        region,
        gln,
        site,
    })
}

fn reason_card() -> impl Strategy<Value = ReasonCard> {
    (boxed(), boxed(), account_kind(), any::<u8>()).prop_map(|(code, name, counterpart, trust)| ReasonCard {
        code,
        name,
        counterpart,
        trust,
    })
}

fn device_card() -> impl Strategy<Value = DeviceCard> {
    (boxed(), boxed(), boxed(), boxed(), of(any::<i64>()), boxed()).prop_map(
        |(device, name, kind, location, interval_micros, settings)| DeviceCard {
            device,
            name,
            kind,
            location,
            interval_micros,
            settings,
        },
    )
}

fn observation() -> impl Strategy<Value = Observation> {
    (boxed(), of(timestamp()), of(any::<u64>()), of(any::<u16>()), any::<u32>(), vec(any::<u8>(), 0..40)).prop_map(
        |(form, sent_at, sequence, battery_permille, failures, content)| Observation {
            form,
            sent_at,
            sequence,
            battery_permille,
            failures,
            content: content.into(),
        },
    )
}

fn unusable() -> impl Strategy<Value = Unusable> {
    (boxed(), boxed(), boxed(), boxed(), boxed()).prop_map(|(raw, code, field, detail, place)| Unusable {
        raw,
        code,
        field,
        detail,
        place,
    })
}

fn expected() -> impl Strategy<Value = Expected> {
    (account(), boxed(), quantity(), of(timestamp())).prop_map(|(account, reference, delta, expected_at)| Expected {
        account,
        reference,
        delta,
        expected_at,
    })
}

fn unit() -> impl Strategy<Value = UnitId> {
    small().prop_map(UnitId)
}

fn place() -> impl Strategy<Value = UnitPlace> {
    (account_kind(), small()).prop_map(|(kind, location)| UnitPlace { kind, location: LocationId(location) })
}

fn unit_report() -> impl Strategy<Value = UnitReport> {
    let content = (0..3_u8, small(), small(), small(), status(), quantity()).prop_map(
        |(which, product, lot, other, status, quantity)| match which {
            0 => UnitContent::Stock { product: ProductId(product), lot: LotId(lot), status, quantity },
            1 => UnitContent::Serial { serial: SerialId(other), product: ProductId(product), lot: LotId(lot), status },
            _ => UnitContent::Unit(UnitId(other)),
        },
    );
    let deed = proptest::sample::select(UnitDeed::ALL.as_slice());
    let head = (unit(), timestamp(), boxed(), deed, of(place()), of(status()));
    (head, account_kind(), vec(content, 0..4), boxed()).prop_map(
        |((unit, seen_at, id, deed, place, status), counterpart, contents, reference)| UnitReport {
            unit,
            seen_at,
            id,
            deed,
            place,
            status,
            counterpart,
            contents,
            reference,
        },
    )
}

fn effect() -> impl Strategy<Value = Effect> {
    let position = || any::<u64>().prop_map(Position);
    prop_oneof![
        counted().prop_map(Effect::Counted),
        counted().prop_map(Effect::CountWithdrawn),
        sighted().prop_map(Effect::Sighted),
        sighted().prop_map(Effect::SightingWithdrawn),
        (small(), day()).prop_map(|(lot, day)| Effect::LotExpires(LotId(lot), day)),
        expected().prop_map(|expected| Effect::Expected(Box::new(expected))),
        reservation().prop_map(|reservation| Effect::Reserved(Box::new(reservation))),
        (boxed(), state()).prop_map(|(reservation, outcome)| Effect::ReservationEnded { reservation, outcome }),
        product_card().prop_map(|card| Effect::Product(Box::new(card))),
        location_card().prop_map(|card| Effect::Location(Box::new(card))),
        reason_card().prop_map(|card| Effect::Reason(Box::new(card))),
        device_card().prop_map(|card| Effect::Device(Box::new(card))),
        observation().prop_map(|observation| Effect::Observed(Box::new(observation))),
        rule_card().prop_map(|card| Effect::Rule(Box::new(card))),
        boxed().prop_map(|rule| Effect::RuleWithdrawn { rule }),
        alert().prop_map(|alert| Effect::AlertOpened(Box::new(alert))),
        alert_change().prop_map(|change| Effect::AlertChanged(Box::new(change))),
        (position(), boxed()).prop_map(|(entry, reason)| Effect::Reversed { entry, reason }),
        unusable().prop_map(|unusable| Effect::Held(Box::new(unusable))),
        (position(), boxed()).prop_map(|(held, reason)| Effect::Discarded { held, reason }),
        Just(Effect::IdsRotated),
        (account(), timestamp()).prop_map(|(account, before)| Effect::HistoryFolded { account, before }),
        unit_report().prop_map(|report| Effect::UnitReported(Box::new(report))),
        unit_report().prop_map(|report| Effect::UnitReportWithdrawn(Box::new(report))),
        (unit(), of(place()), of(unit()), timestamp()).prop_map(|(unit, place, parent, seen_at)| {
            Effect::UnitStands(UnitStands { unit, place, parent, seen_at })
        }),
        (unit(), small(), small(), status(), quantity()).prop_map(|(unit, product, lot, status, quantity)| {
            Effect::UnitHolds(UnitHolds { unit, product: ProductId(product), lot: LotId(lot), status, quantity })
        }),
        (small(), of(unit()), of(account())).prop_map(|(serial, unit, place)| Effect::SerialStands {
            serial: SerialId(serial),
            unit,
            place,
        }),
        (unit(), timestamp()).prop_map(|(unit, before)| Effect::UnitsFolded { unit, before }),
    ]
}

fn discrepancy() -> impl Strategy<Value = Discrepancy> {
    let figure = || (account(), quantity());
    prop_oneof![
        figure().prop_map(|(account, on_hand)| Discrepancy::NegativeOnHand { account, on_hand }),
        figure().prop_map(|(account, variance)| Discrepancy::CountVariance { account, variance }),
        (small(), account(), of(account())).prop_map(|(serial, believed, seen)| Discrepancy::SerialElsewhere {
            serial: SerialId(serial),
            believed,
            seen,
        }),
        small().prop_map(|serial| Discrepancy::SerialUnknown { serial: SerialId(serial) }),
        account().prop_map(|account| Discrepancy::LotMissing { account }),
        (small(), day()).prop_map(|(lot, other)| Discrepancy::ExpiryConflict { lot: LotId(lot), other }),
        figure().prop_map(|(account, excess)| Discrepancy::OverReceipt { account, excess }),
        figure().prop_map(|(account, short)| Discrepancy::ReservedShort { account, short }),
        (unit(), small(), small()).prop_map(|(unit, believed, seen)| Discrepancy::UnitElsewhere {
            unit,
            believed: LocationId(believed),
            seen: LocationId(seen),
        }),
        (unit(), unit()).prop_map(|(unit, parent)| Discrepancy::UnitInAnother { unit, parent }),
    ]
}

/// Any decision.
pub fn decision() -> impl Strategy<Value = Decision> {
    let head = (
        timestamp(),
        timestamp(),
        proptest::sample::select(DecisionKind::ALL.as_slice()),
        small().prop_map(PartyId),
        small().prop_map(PartyId),
        key(),
    );
    let body = (vec(any_name(), 0..4), vec(posting(), 0..6), vec(effect(), 0..4), vec(discrepancy(), 0..3));
    let tail = (of(small().prop_map(ReasonId)), of(boxed()), of(any::<u64>().prop_map(Position)));
    (head, body, tail).prop_map(
        |(
            (recorded_at, occurred_at, kind, actor, source, key),
            (names, postings, effects, discrepancies),
            (reason, reference, resolves),
        )| Decision {
            recorded_at,
            occurred_at,
            kind,
            actor,
            source,
            key,
            names,
            postings: postings.into_iter().collect(),
            effects,
            discrepancies,
            reason,
            reference,
            resolves,
        },
    )
}

/// What an entry carries beside its decision: the id, and the quantity and unit as given.
pub fn id_and_given() -> impl Strategy<Value = (Box<str>, Option<(Quantity, Box<str>)>)> {
    (boxed(), of((quantity(), boxed())))
}

/// An event that owns its texts, so that a strategy can make it.
#[derive(Clone, Debug)]
pub struct OwnedEvent {
    pub actor: String,
    pub source: String,
    pub id: String,
    pub occurred_at: Timestamp,
    pub historical: bool,
    pub resolves: Option<Position>,
    pub key: Key,
    pub kind: EventKind,
    pub quantity: Quantity,
    pub product: String,
    pub location: String,
    pub to: String,
    pub unit: String,
    pub lot: String,
    pub serials: Vec<String>,
    pub joined: String,
    pub reason: String,
    pub reference: String,
    pub expiry: Option<Day>,
    pub status: Status,
    pub to_status: Option<Status>,
    pub expected_at: Option<Timestamp>,
    pub handling_unit: String,
    pub units: String,
}

impl OwnedEvent {
    pub fn request(&self) -> Request<'_> {
        Request {
            actor: &self.actor,
            source: &self.source,
            id: &self.id,
            key: self.key,
            occurred_at: self.occurred_at,
            historical: self.historical,
            resolves: self.resolves,
            body: Body::Event(Event {
                kind: self.kind,
                product: &self.product,
                location: &self.location,
                to: &self.to,
                quantity: self.quantity,
                unit: &self.unit,
                lot: &self.lot,
                expiry: self.expiry,
                serials: &self.joined,
                status: self.status,
                to_status: self.to_status,
                reason: &self.reason,
                reference: &self.reference,
                expected_at: self.expected_at,
                handling_unit: &self.handling_unit,
                units: &self.units,
            }),
        }
    }
}

fn path() -> impl Strategy<Value = String> {
    vec(name(), 1..4).prop_map(|parts| parts.join("/"))
}

fn status() -> impl Strategy<Value = Status> {
    proptest::sample::select(Status::ALL.as_slice())
}

/// An event as a parser could have made it.
pub fn event() -> impl Strategy<Value = OwnedEvent> {
    prop_oneof![3 => plain_event(), 1 => unit_event()]
}

fn unit_event() -> impl Strategy<Value = OwnedEvent> {
    use EventKind as Kind;
    let whole = [
        Kind::ItemAdded,
        Kind::ItemRemoved,
        Kind::ItemMoved,
        Kind::StatusChanged,
        Kind::ShipmentDispatched,
        Kind::ShipmentReceived,
    ];
    let kinds = prop_oneof![
        1 => proptest::sample::select(whole.to_vec()),
        1 => proptest::sample::select(vec![Kind::UnitPacked, Kind::UnitUnpacked]),
    ];
    let what = (kinds, any::<bool>(), name(), vec(name(), 1..4), path());
    (plain_event(), what).prop_map(|(event, (kind, with_units, handling_unit, units, to))| {
        let packs = matches!(kind, Kind::UnitPacked | Kind::UnitUnpacked);
        let event = OwnedEvent {
            kind,
            handling_unit,
            to: if matches!(kind, Kind::ItemMoved | Kind::ShipmentDispatched) { to } else { String::new() },
            to_status: (kind == Kind::StatusChanged).then_some(event.to_status.unwrap_or_default()),
            ..event
        };
        if packs && !with_units {
            return event;
        }
        OwnedEvent {
            product: String::new(),
            quantity: Quantity::ZERO,
            unit: String::new(),
            lot: String::new(),
            serials: Vec::new(),
            joined: String::new(),
            expiry: None,
            status: Status::Available,
            units: if packs { units.join("\n") } else { String::new() },
            ..event
        }
    })
}

fn plain_event() -> impl Strategy<Value = OwnedEvent> {
    let head = (name(), name(), name_or_none(), sensible_time(), key(), any::<bool>());
    let body = (
        proptest::sample::select(&EventKind::ALL[..11]),
        prop_oneof![1..=i64::MAX, 1..1000_i64].prop_map(Quantity::from_micros),
        name(),
        path(),
        path(),
        name_or_none(),
        name_or_none(),
        vec(name(), 0..3),
    );
    let tail = (
        name(),
        name_or_none(),
        of((7_305..84_006_i32).prop_map(Day)),
        status(),
        of(status()),
        of(sensible_time()),
        of((1..u64::MAX).prop_map(Position)),
    );
    (head, body, tail).prop_map(
        |(
            (actor, source, id, occurred_at, key, historical),
            (kind, quantity, product, location, to, unit, lot, serials),
            (reason, reference, expiry, status, to_status, expected_at, resolves),
        )| OwnedEvent {
            actor,
            source,
            id,
            occurred_at,
            historical,
            resolves,
            key,
            kind,
            quantity,
            product,
            location,
            to: if matches!(kind, EventKind::ItemMoved | EventKind::ShipmentDispatched) { to } else { String::new() },
            unit,
            lot,
            joined: serials.join("\n"),
            serials,
            reason,
            reference,
            expiry,
            status,
            to_status: if kind == EventKind::StatusChanged { Some(to_status.unwrap_or_default()) } else { to_status },
            expected_at,
            handling_unit: String::new(),
            units: String::new(),
        },
    )
}
