//! What goes into a batch comes out of it.

mod strategies;

use ledger::{Body, Command, Key, Position, Timestamp};
use proptest::prelude::*;
use wire::{Batch, KeyHasher};

proptest! {
    #[test]
    fn get_of_push_is_identity(events in proptest::collection::vec(strategies::event(), 0..20), asked in any::<bool>()) {
        let mut batch = Batch::new();
        for event in &events {
            batch.push(&event.request());
            if asked {
                let command = Command::Release { reservation: event.id.as_str().into() };
                batch.push_command("ann", &event.source, "r", Key::default(), Timestamp(3), command);
            }
        }
        let step = if asked { 2 } else { 1 };
        prop_assert_eq!(batch.len(), events.len() * step);
        for (request, event) in batch.iter().step_by(step).zip(&events) {
            prop_assert_eq!(format!("{request:?}"), format!("{:?}", event.request()));
        }
        let copy = batch.iter().fold(Batch::new(), |mut copy, request| { copy.push(&request); copy });
        prop_assert_eq!(format!("{:?}", copy.iter().collect::<Vec<_>>()), format!("{:?}", batch.iter().collect::<Vec<_>>()));
    }

    #[test]
    fn different_events_have_different_keys(first in strategies::event(), second in strategies::event()) {
        let hasher = KeyHasher::new([3; 16]);
        let key = |owned: &strategies::OwnedEvent, id: &str| {
            let request = owned.request();
            let Body::Event(event) = request.body else { unreachable!("the strategy makes events") };
            hasher.event("s", id, request.occurred_at, &event)
        };
        let same = format!("{:?}", (first.request().occurred_at, first.request().body))
            == format!("{:?}", (second.request().occurred_at, second.request().body));
        prop_assert_eq!(key(&first, "").id == key(&second, "").id, same);
        prop_assert_eq!(key(&first, "1").content == key(&second, "1").content, same);
        prop_assert_eq!(key(&first, "1").id, key(&second, "1").id);
        prop_assert_ne!(key(&first, "1").id, key(&first, "2").id);
    }
}

#[test]
fn commands_are_moved_in_and_the_held_input_is_kept() {
    let mut batch = Batch::with_capacity(2, 10);
    batch.push_command("ann", "api", "1", Key::default(), Timestamp(5), Command::Expire);
    let mut request = batch.get(0);
    request.resolves = Some(Position(7));
    let mut copy = Batch::new();
    copy.push(&request);
    assert!(matches!(copy.get(0).body, Body::Command(Command::Expire)));
    assert_eq!(copy.get(0).resolves, Some(Position(7)));
    assert!(copy.memory_bytes() > 0);
    copy.clear();
    assert!(copy.is_empty());
}
