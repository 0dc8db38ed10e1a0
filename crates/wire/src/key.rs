//! Who an input is: the keyed hashes by which a repetition is known.
//!
//! SipHash-1-3 under a secret seed: nobody who can't read the journal can make two inputs collide on purpose. Fields
//! are written with their lengths, so that no two different inputs feed the same bytes.
//!
//! Invariant: the bytes fed for an input never change between versions, for the keys stand in the journal.

use ledger::{AccountKind, Alert, AlertStep, AlertSubject, Command, Event, Key, Observation, RuleCard, Timestamp};
use siphasher::{sip::SipHasher13, sip128};
use smallvec::SmallVec;

/// What the first fed byte says: the domain of the hash.
const TAG_ID: u8 = 1;
const TAG_EVENT: u8 = 2;
const TAG_COMMAND: u8 = 3;

/// Bytes on their way into the hash; a usual event fits without an allocation.
type Bytes = SmallVec<[u8; 512]>;

/// Makes idempotency keys under one seed.
///
/// The seed is made once for a journal and kept in its header; with another seed no repetition is recognised.
///
/// ```
/// use ledger::{Event, EventKind, Quantity, Timestamp};
/// let hasher = wire::KeyHasher::new([7; 16]);
/// let event = Event::new(EventKind::ItemRemoved, "SKU123", "warehouse_A", Quantity::units(5));
/// let (at, later) = (Timestamp(0), Timestamp(1));
/// let first = hasher.event("till", "17", at, &event);
/// assert_eq!(first.id, hasher.event("till", "17", later, &event).id);
/// assert_ne!(first.content, hasher.event("till", "17", later, &event).content);
/// assert_ne!(hasher.event("till", "", at, &event).id, hasher.event("till", "", later, &event).id);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher {
    wide: sip128::SipHasher13,
    narrow: SipHasher13,
}

impl KeyHasher {
    /// A hasher under `seed`.
    pub fn new(seed: [u8; 16]) -> Self {
        Self { wide: sip128::SipHasher13::new_with_key(&seed), narrow: SipHasher13::new_with_key(&seed) }
    }

    /// The key of an event.
    ///
    /// With an id, the id half covers source and id, the content half everything else. With an empty id both halves
    /// cover the source and the whole content, so that the same report twice is one event.
    pub fn event(&self, source: &str, id: &str, occurred_at: Timestamp, event: &Event<'_>) -> Key {
        let mut bytes = Bytes::new();
        if id.is_empty() {
            bytes.push(TAG_EVENT);
            put_text(&mut bytes, source);
            put_event(&mut bytes, occurred_at, event);
            return self.whole(&bytes);
        }
        put_event(&mut bytes, occurred_at, event);
        Key { id: self.named(source, id), content: self.narrow.hash(&bytes) }
    }

    /// The key of a command.
    ///
    /// With an id, the content half covers what is asked for but not when: a retry carries a later time. With an empty
    /// id the time is covered too, so that declaring A, then B, then A again is three commands.
    pub fn command(&self, source: &str, id: &str, occurred_at: Timestamp, command: &Command) -> Key {
        let mut bytes = Bytes::new();
        if id.is_empty() {
            bytes.push(TAG_COMMAND);
            put_text(&mut bytes, source);
            bytes.extend_from_slice(&occurred_at.0.to_le_bytes());
            put_command(&mut bytes, command);
            return self.whole(&bytes);
        }
        put_command(&mut bytes, command);
        Key { id: self.named(source, id), content: self.narrow.hash(&bytes) }
    }

    /// The id half of a key for an input that has an id.
    pub fn named(&self, source: &str, id: &str) -> u128 {
        let mut bytes = Bytes::new();
        bytes.push(TAG_ID);
        put_text(&mut bytes, source);
        bytes.extend_from_slice(id.as_bytes());
        self.wide.hash(&bytes).as_u128()
    }

    fn whole(&self, bytes: &[u8]) -> Key {
        let hash = self.wide.hash(bytes);
        Key { id: hash.as_u128(), content: hash.h1 }
    }
}

fn put_text(bytes: &mut Bytes, text: &str) {
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes()[..4]);
    bytes.extend_from_slice(text.as_bytes());
}

/// Kind, time and quantity, then a mask of the optional fields that are there, then those.
fn put_event(bytes: &mut Bytes, occurred_at: Timestamp, event: &Event<'_>) {
    let texts = [event.to, event.unit, event.lot, event.serials, event.reason, event.reference];
    let mut mask: u16 = 0;
    for (bit, text) in texts.iter().enumerate() {
        mask |= u16::from(!text.is_empty()) << bit;
    }
    mask |= u16::from(event.expiry.is_some()) << 6;
    mask |= u16::from(event.to_status.is_some()) << 7;
    mask |= u16::from(event.expected_at.is_some()) << 8;
    mask |= u16::from(!event.handling_unit.is_empty()) << 9;
    mask |= u16::from(!event.units.is_empty()) << 10;
    let mut head = [0; 20];
    head[0] = event_number(event);
    head[1] = AccountKind::on_hand(event.status) as u8;
    head[2..4].copy_from_slice(&mask.to_le_bytes());
    head[4..12].copy_from_slice(&occurred_at.0.to_le_bytes());
    head[12..20].copy_from_slice(&event.quantity.micros().to_le_bytes());
    bytes.extend_from_slice(&head);
    put_text(bytes, event.product);
    put_text(bytes, event.location);
    if mask == 0 {
        return;
    }
    for text in texts.into_iter().filter(|text| !text.is_empty()) {
        put_text(bytes, text);
    }
    if let Some(day) = event.expiry {
        bytes.extend_from_slice(&day.0.to_le_bytes());
    }
    if let Some(status) = event.to_status {
        bytes.push(AccountKind::on_hand(status) as u8);
    }
    if let Some(at) = event.expected_at {
        bytes.extend_from_slice(&at.0.to_le_bytes());
    }
    for text in [event.handling_unit, event.units].into_iter().filter(|text| !text.is_empty()) {
        put_text(bytes, text);
    }
}

/// The number of an event's kind under which its keys are made: that of the decision of the same name.
fn event_number(event: &Event<'_>) -> u8 {
    use ledger::EventKind as Kind;
    match event.kind {
        Kind::ItemAdded => 1,
        Kind::ItemRemoved => 2,
        Kind::ItemMoved => 3,
        Kind::ItemCounted => 4,
        Kind::ItemAdjusted => 5,
        Kind::StatusChanged => 6,
        Kind::ShipmentDispatched => 7,
        Kind::ShipmentReceived => 8,
        Kind::PurchaseOrderPlaced => 9,
        Kind::PurchaseOrderReceived => 10,
        Kind::PurchaseOrderCancelled => 11,
        Kind::UnitPacked => 12,
        Kind::UnitUnpacked => 13,
    }
}

fn put_number(bytes: &mut Bytes, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_observation(bytes: &mut Bytes, observation: &Observation) {
    bytes.push(96);
    put_text(bytes, &observation.form);
    let flags = u8::from(observation.sent_at.is_some())
        | u8::from(observation.sequence.is_some()) << 1
        | u8::from(observation.battery_permille.is_some()) << 2;
    bytes.push(flags);
    bytes.extend_from_slice(&observation.sent_at.unwrap_or_default().0.to_le_bytes());
    put_number(bytes, observation.sequence.unwrap_or_default());
    bytes.extend_from_slice(&observation.battery_permille.unwrap_or_default().to_le_bytes());
    bytes.extend_from_slice(&observation.failures.to_le_bytes());
    bytes.extend_from_slice(&observation.content);
}

fn put_pairs(bytes: &mut Bytes, pairs: &[(Box<str>, Box<str>)]) {
    put_number(bytes, pairs.len() as u64);
    for (name, value) in pairs {
        put_text(bytes, name);
        put_text(bytes, value);
    }
}

fn put_rule(bytes: &mut Bytes, card: &RuleCard) {
    let scope = [&card.product, &card.category, &card.location, &card.region, &card.device];
    for text in [&card.rule, &card.name, &card.condition, &card.owner].into_iter().chain(scope) {
        put_text(bytes, text);
    }
    put_pairs(bytes, &card.settings);
    bytes.push(card.severity.map_or(0, |severity| severity as u8));
    put_number(bytes, card.escalate_minutes.map_or(u64::MAX, u64::from));
    bytes.push(u8::from(card.is_off));
}

fn put_alert(bytes: &mut Bytes, alert: &Alert) {
    let AlertSubject { product, location, lot, device, metric, shipment } = &alert.subject;
    for text in [&alert.condition, product, location, lot, device, metric, shipment, &alert.why] {
        put_text(bytes, text);
    }
    put_pairs(bytes, &alert.figures);
    bytes.push(alert.severity as u8);
    put_number(bytes, alert.since.0.cast_unsigned());
    put_text(bytes, &alert.rule);
    put_text(bytes, &alert.owner);
    put_number(bytes, alert.cause.0);
}

fn put_step(bytes: &mut Bytes, step: &AlertStep) {
    put_text(bytes, step.name());
    match step {
        AlertStep::Snoozed { until } => put_number(bytes, until.0.cast_unsigned()),
        AlertStep::Assigned { owner: text } | AlertStep::Resolved { outcome: text } => put_text(bytes, text),
        AlertStep::Escalated { level } => put_number(bytes, u64::from(*level)),
        AlertStep::Acknowledged | AlertStep::Woken | AlertStep::Noted => {}
    }
}

fn put_command(bytes: &mut Bytes, command: &Command) {
    match command {
        Command::Reserve(reserve) => {
            bytes.push(32);
            put_text(bytes, &reserve.reservation);
            put_text(bytes, &reserve.warehouse);
            bytes.push(u8::from(reserve.partial));
            bytes.push(u8::from(reserve.expires_at.is_some()));
            bytes.extend_from_slice(&reserve.expires_at.unwrap_or_default().0.to_le_bytes());
            for line in &reserve.lines {
                put_text(bytes, &line.product);
                bytes.extend_from_slice(&line.quantity.micros().to_le_bytes());
                put_text(bytes, &line.location);
                put_text(bytes, &line.lot);
            }
        }
        Command::Release { reservation } => {
            bytes.push(33);
            put_text(bytes, reservation);
        }
        Command::Fulfil { reservation } => {
            bytes.push(34);
            put_text(bytes, reservation);
        }
        Command::Expire => bytes.push(35),
        Command::DeclareProduct(card) => {
            bytes.push(48);
            for text in [&card.product, &card.name, &card.gtin, &card.category, &card.base_unit] {
                put_text(bytes, text);
            }
            for unit in &card.units {
                put_text(bytes, &unit.name);
                put_number(bytes, unit.numerator);
                put_number(bytes, unit.denominator);
            }
        }
        Command::DeclareLocation(card) => {
            bytes.push(49);
            for text in [&card.location, &card.name, &card.region, &card.gln] {
                put_text(bytes, text);
            }
            if let Some(site) = card.site {
                bytes.extend_from_slice(&site.latitude_micros.to_le_bytes());
                bytes.extend_from_slice(&site.longitude_micros.to_le_bytes());
                bytes.extend_from_slice(&site.radius_m.to_le_bytes());
            }
        }
        Command::DeclareReason(card) => {
            bytes.extend_from_slice(&[50, card.counterpart as u8, card.trust]);
            put_text(bytes, &card.code);
            put_text(bytes, &card.name);
        }
        Command::DeclareDevice(card) => {
            bytes.push(51);
            for text in [&card.device, &card.name, &card.kind, &card.location, &card.settings] {
                put_text(bytes, text);
            }
            bytes.push(u8::from(card.interval_micros.is_some()));
            bytes.extend_from_slice(&card.interval_micros.unwrap_or_default().to_le_bytes());
        }
        Command::DeclareRule(card) => {
            bytes.push(52);
            put_rule(bytes, card);
        }
        Command::WithdrawRule { rule } => {
            bytes.push(53);
            put_text(bytes, rule);
        }
        Command::RaiseAlert(alert) => {
            bytes.push(112);
            put_alert(bytes, alert);
        }
        Command::ChangeAlert(change) => {
            bytes.push(113);
            put_number(bytes, change.alert.0);
            put_step(bytes, &change.step);
            put_text(bytes, &change.note);
        }
        Command::Observe(observation) => put_observation(bytes, observation),
        Command::Reverse { position, reason, .. } => {
            bytes.push(64);
            put_number(bytes, position.0);
            put_text(bytes, reason);
        }
        Command::Hold(unusable) => {
            bytes.push(65);
            for text in [&unusable.raw, &unusable.code, &unusable.field, &unusable.detail, &unusable.place] {
                put_text(bytes, text);
            }
        }
        Command::Discard { held, reason } => {
            bytes.push(66);
            put_number(bytes, held.0);
            put_text(bytes, reason);
        }
    }
}
