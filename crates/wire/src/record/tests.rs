//! The laws of the record, and its hand-written form against the derived one.

use super::*;
use convert::{discrepancy_message, effect_message, name_message};
use ledger::Role;
use proptest::prelude::*;
use prost::Message;

#[path = "../../tests/strategies/mod.rs"]
mod strategies;

fn encoded(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_entry(entry, &mut bytes);
    bytes
}

/// The entry as the derived message.
fn derived(entry: &Entry) -> message::Record {
    let decision = &entry.decision;
    let after = |posting: &ledger::Posting| posting.effective_at.0.wrapping_sub(decision.occurred_at.0);
    let mut record = message::Record {
        recorded_at: decision.recorded_at.0,
        lag: decision.recorded_at.0.wrapping_sub(decision.occurred_at.0),
        kind: u32::from(decision.kind as u8),
        actor: decision.actor.0,
        source: decision.source.0,
        key_high: u64::try_from(decision.key.id >> 64).expect("the upper half"),
        key_low: u64::try_from(decision.key.id & u128::from(u64::MAX)).expect("the lower half"),
        key_content: decision.key.content,
        id: entry.id.to_string(),
        accounts: decision.postings.iter().map(|posting| posting.account.0).collect(),
        deltas: decision.postings.iter().map(|posting| posting.delta.micros()).collect(),
        effective: decision.postings.iter().map(after).collect(),
        roles: decision.postings.iter().map(|posting| u32::from(posting.role == Role::Variance)).collect(),
        reason: decision.reason.map(|reason| reason.0),
        reference: decision.reference.as_ref().map(ToString::to_string),
        names: decision.names.iter().map(name_message).collect(),
        effects: decision.effects.iter().map(effect_message).collect(),
        discrepancies: decision.discrepancies.iter().map(discrepancy_message).collect(),
        resolves: decision.resolves.map(|position| position.0),
        given_quantity: entry.given.as_ref().map(|(quantity, _)| quantity.micros()),
        given_unit: entry.given.as_ref().map(|(_, unit)| unit.to_string()).unwrap_or_default(),
    };
    if record.effective.iter().all(|after| *after == 0) {
        record.effective.clear();
    }
    if record.roles.iter().all(|role| *role == 0) {
        record.roles.clear();
    }
    record
}

fn entry() -> impl Strategy<Value = Entry> {
    (strategies::id_and_given(), strategies::decision()).prop_map(|((id, given), decision)| Entry {
        id,
        given,
        decision,
    })
}

proptest! {
    #[test]
    fn decode_of_encode_is_identity(entries in proptest::collection::vec(entry(), 0..4)) {
        let mut bytes = Vec::new();
        for entry in &entries {
            encode_entry(entry, &mut bytes);
        }
        let decoded: Result<Vec<Entry>, RecordError> = decode_block(&bytes).collect();
        prop_assert_eq!(decoded, Ok(entries));
    }

    #[test]
    fn hand_written_form_equals_derived_form(entry in entry()) {
        prop_assert_eq!(encoded(&entry), derived(&entry).encode_length_delimited_to_vec());
    }

    #[test]
    fn decode_of_garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_block(&bytes).count();
        let _ = plain::decode(&bytes);
    }

    #[test]
    fn decode_of_damaged_records_never_panics(
        entry in entry(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encoded(&entry);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode_block(&bytes).count();
    }
}

proptest! {
    #[test]
    fn passing_over_records_is_reading_and_dropping_them(entries in proptest::collection::vec(entry(), 0..6), n in 0..8_usize) {
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| encode_entry(entry, &mut bytes));
        let mut left = decode_block(&bytes);
        prop_assert_eq!(left.nth(n), entries.get(n).cloned().map(Ok));
        prop_assert_eq!(left.collect::<Vec<_>>(), entries.into_iter().skip(n + 1).map(Ok).collect::<Vec<_>>());
    }
}

#[test]
fn a_later_versions_fields_are_skipped_and_its_numbers_named() {
    let entry = Entry {
        id: "7".into(),
        given: None,
        decision: Decision {
            recorded_at: ledger::Timestamp(9),
            occurred_at: ledger::Timestamp(8),
            kind: ledger::DecisionKind::ItemAdded,
            actor: ledger::PartyId(0),
            source: ledger::PartyId(1),
            key: ledger::Key::default(),
            names: Vec::new(),
            postings: Default::default(),
            effects: Vec::new(),
            discrepancies: Vec::new(),
            reason: None,
            reference: None,
            resolves: None,
        },
    };
    let body = derived(&entry).encode_to_vec();
    let check = |tail: &[u8], expect: Result<Entry, RecordError>| {
        assert_eq!(plain::decode(&[body.as_slice(), tail].concat()), expect, "{tail:?}");
    };
    // Field 1000 as a number, as 64 bits, as bytes and as 32 bits.
    check(&[0xc0, 0x3e, 0x05], Ok(entry.clone()));
    check(&[0xc1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8], Ok(entry.clone()));
    check(&[0xc2, 0x3e, 2, 9, 9], Ok(entry.clone()));
    check(&[0xc5, 0x3e, 1, 2, 3, 4], Ok(entry.clone()));
    check(&[0xc3, 0x3e], Err(RecordError::WireType { field: 1000, wire_type: 3 }));
    check(&[0x18, 99], Err(RecordError::UnknownNumber { field: "kind", number: 99 }));
    check(&[0x19, 1], Err(RecordError::WireType { field: 3, wire_type: 1 }));
    check(&[0x4a, 1, 0xff], Err(RecordError::NotUtf8 { field: 9 }));
    check(&[0x8a, 0x01, 0], Err(RecordError::UnknownVariant { field: "effects" }));
    check(&[0x8a, 0x01, 2, 0x0a, 9], Err(RecordError::MalformedMessage { field: 17 }));
    check(&[0x52, 1, 1], Err(RecordError::UnevenPostings { column: "deltas" }));
    check(&[0x5a, 1, 1], Err(RecordError::UnevenPostings { column: "deltas" }));
    check(&[0x52, 1, 1, 0x5a, 1, 1, 0x6a, 1, 2], Err(RecordError::UnknownNumber { field: "role", number: 2 }));
    check(&[0x52, 5, 1], Err(RecordError::Truncated));
}
