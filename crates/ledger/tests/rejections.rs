//! Each reason to refuse, in the order in which they are looked for: a request with everything wrong is mended fault by
//! fault. And what becomes of inputs that were held.

#![expect(clippy::result_large_err, reason = "a verdict is as large as a decision, and a test does not mind")]

use ledger::*;

const NOW: i64 = 1_000_000_000;

struct Books {
    state: State,
    limits: Limits,
    now: i64,
}

fn key(id: u64, content: u64) -> Key {
    Key { id: u128::from(id) << 64 | u128::from(id), content }
}

fn request(key: Key, at: i64, body: Body<'_>) -> Request<'_> {
    let occurred_at = Timestamp(at);
    Request { actor: "a", source: "s", id: "", key, occurred_at, historical: false, resolves: None, body }
}

fn added(quantity: i64) -> Event<'static> {
    Event::new(EventKind::ItemAdded, "P", "A", Quantity::units(quantity))
}

impl Books {
    fn new() -> Self {
        Self { state: State::new(1), limits: Limits::default(), now: NOW }
    }

    fn send(&mut self, request: &Request<'_>) -> Result<Decision, Verdict> {
        match self.state.decide(request, Timestamp(self.now), &self.limits) {
            Verdict::Accepted(decision) => {
                self.state.apply(&decision);
                Ok(decision)
            }
            other => Err(other),
        }
    }

    fn ask(&mut self, id: u64, command: &Command) -> Result<Decision, Verdict> {
        self.send(&request(key(id, 1), self.now, Body::Command(command)))
    }

    fn hold(&mut self, request: &Request<'_>, key: Key) -> Position {
        let raw = Unusable { raw: "{".into(), code: "c".into(), field: "".into(), detail: "".into(), place: "".into() };
        let command = Command::Hold(Box::new(raw));
        self.send(&Request { key, body: Body::Command(&command), ..*request }).expect("an input can be held");
        self.state.position()
    }
}

fn unusable(rejection: Rejection) -> Result<Decision, Verdict> {
    Err(Verdict::Unusable(rejection))
}

fn rejected(rejection: Rejection) -> Result<Decision, Verdict> {
    Err(Verdict::Rejected(rejection))
}

#[test]
fn an_event_is_refused_for_its_first_fault() {
    let mut books = Books::new();
    let card = ProductCard {
        product: "P".into(),
        units: vec![Unit { name: "third".into(), numerator: 1, denominator: 3 }],
        ..ProductCard::default()
    };
    books.ask(1, &Command::DeclareProduct(Box::new(card))).expect("a product");
    books.send(&request(key(2, 1), NOW, Body::Event(added(1)))).expect("a plain event");

    let mut event = Event {
        unit: "pallet",
        reason: "because",
        serials: "x\nx",
        ..Event::new(EventKind::ItemMoved, "P", "A", Quantity::from_micros(-1))
    };
    let mut broken = request(key(2, 2), NOW + 500_000_000, Body::Event(event));
    broken.resolves = Some(Position(9));
    assert_eq!(books.send(&broken), unusable(Rejection::KeyConflict { first: Position(2) }));
    broken.key = key(3, 2);
    assert_eq!(books.send(&broken), unusable(Rejection::ClockAhead { ahead_micros: 500_000_000 }));
    broken.occurred_at = Timestamp(NOW);
    assert_eq!(books.send(&broken), unusable(Rejection::UnknownHeld));
    broken.resolves = None;

    let mut expect = |event: Event<'static>, rejection: Rejection| {
        broken.body = Body::Event(event);
        assert_eq!(books.send(&broken), unusable(rejection));
    };
    expect(event, Rejection::UnknownUnit { unit: "pallet".into(), base: "each".into() });
    event.unit = "third";
    expect(event, Rejection::InexactUnit { unit: "third".into() });
    event.quantity = Quantity::from_micros(-3_000_000);
    expect(event, Rejection::UnknownReason { reason: "because".into() });
    event.reason = "correction";
    let quantity = Quantity::units(-1);
    expect(event, Rejection::QuantityNotPositive { quantity });
    event.quantity = Quantity::units(3);
    expect(event, Rejection::SerialCount { serials: 2, quantity: Quantity::units(1) });
    event.quantity = Quantity::units(6);
    expect(event, Rejection::SerialRepeated { serial: "x".into() });
    event.serials = "x\ny";
    expect(event, Rejection::MissingField { field: "to" });
    event.to = "A";
    expect(event, Rejection::NoChange { field: "to" });
    event.to = "B";
    broken.body = Body::Event(event);
    assert!(books.send(&broken).is_ok());
}

#[test]
fn each_kind_says_which_field_it_lacks() {
    for (kind, field) in [
        (EventKind::ItemMoved, "to"),
        (EventKind::ItemAdjusted, "reason"),
        (EventKind::StatusChanged, "to_status"),
        (EventKind::ShipmentDispatched, "to"),
    ] {
        let event = Event { kind, ..added(1) };
        let verdict = Books::new().send(&request(key(1, 1), NOW, Body::Event(event)));
        assert_eq!(verdict, unusable(Rejection::MissingField { field }), "{kind:?}");
    }
    let same = Event { to_status: Some(Status::Available), kind: EventKind::StatusChanged, ..added(1) };
    let verdict = Books::new().send(&request(key(1, 1), NOW, Body::Event(same)));
    assert_eq!(verdict, unusable(Rejection::NoChange { field: "to_status" }));
}

#[test]
fn a_balance_never_passes_its_range() {
    let mut books = Books::new();
    let most = Event { quantity: Quantity::MAX, ..added(1) };
    books.send(&request(key(1, 1), NOW, Body::Event(most))).expect("the most that fits");
    assert_eq!(books.send(&request(key(2, 1), NOW, Body::Event(added(1)))), unusable(Rejection::Overflow));
    let order = |reference| Event { kind: EventKind::PurchaseOrderPlaced, reference, ..most };
    let cancel = |reference| Event { kind: EventKind::PurchaseOrderCancelled, reference, ..most };
    books.send(&request(key(3, 1), NOW, Body::Event(order("one")))).expect("the most that fits");
    books.send(&request(key(4, 1), NOW, Body::Event(cancel("other")))).expect("another reference");
    // The account could hold it; what is open under the reference could not.
    assert_eq!(books.send(&request(key(5, 1), NOW, Body::Event(order("one")))), unusable(Rejection::Overflow));
}

#[test]
fn a_reservation_is_refused_for_its_first_fault() {
    let mut books = Books::new();
    books.send(&request(key(1, 1), NOW, Body::Event(added(3)))).expect("stock");
    let line = |quantity| ReserveLine {
        product: "P".into(),
        quantity: Quantity::units(quantity),
        location: "".into(),
        lot: "".into(),
    };
    let first = Reserve {
        reservation: "r".into(),
        warehouse: "A".into(),
        lines: vec![line(1)],
        expires_at: None,
        partial: false,
    };
    books.ask(2, &Command::Reserve(first.clone())).expect("one of three");
    let mut reserve = Reserve { lines: vec![], expires_at: Some(Timestamp(NOW)), ..first };
    let mut expect = |reserve: &Reserve, rejection: Rejection| {
        assert_eq!(books.ask(3, &Command::Reserve(reserve.clone())), rejected(rejection));
    };
    expect(&reserve, Rejection::LineCount { max: 500 });
    reserve.lines = vec![ReserveLine { location: "AB".into(), ..line(0) }];
    expect(&reserve, Rejection::QuantityNotPositive { quantity: Quantity::ZERO });
    reserve.lines[0].quantity = Quantity::units(9);
    expect(&reserve, Rejection::OutsideWarehouse { location: "AB".into() });
    reserve.lines[0].location = "A".into();
    expect(&reserve, Rejection::ReservationExists);
    reserve.reservation = "q".into();
    expect(&reserve, Rejection::AlreadyExpired);
    reserve.expires_at = None;
    let (requested, available) = (Quantity::units(9), Quantity::units(2));
    let short = Short { line: 0, product: "P".into(), requested, available };
    expect(&reserve, Rejection::InsufficientAvailable { lines: vec![short] });

    let release = |name: &str| Command::Release { reservation: name.into() };
    assert_eq!(books.ask(4, &release("q")), rejected(Rejection::UnknownReservation));
    books.ask(5, &release("r")).expect("it is pending");
    let state = ReservationState::Released;
    assert_eq!(books.ask(6, &release("r")), rejected(Rejection::ReservationEnded { state }));
    assert_eq!(
        books.ask(7, &Command::Fulfil { reservation: "r".into() }),
        rejected(Rejection::ReservationEnded { state })
    );
    assert_eq!(books.ask(8, &Command::Expire), rejected(Rejection::UnknownReservation));
}

#[test]
fn a_declaration_is_refused_for_its_first_fault() {
    let mut books = Books::new();
    books.send(&request(key(1, 1), NOW, Body::Event(added(3)))).expect("stock");
    let unit = Unit { name: "each".into(), numerator: 0, denominator: 1 };
    let mut card =
        ProductCard { product: "P".into(), base_unit: "kg".into(), units: vec![unit], ..ProductCard::default() };
    let mut expect = |card: &ProductCard, rejection: Rejection| {
        assert_eq!(books.ask(2, &Command::DeclareProduct(Box::new(card.clone()))), rejected(rejection));
    };
    expect(&card, Rejection::BaseUnitFixed { base: "each".into() });
    card.base_unit = "".into();
    expect(&card, Rejection::InvalidUnit { unit: "each".into() });
    card.units[0].name = "case".into();
    expect(&card, Rejection::InvalidUnit { unit: "case".into() });
    let reason = ReasonCard { code: "r".into(), name: "R".into(), counterpart: AccountKind::Available, trust: 0 };
    let verdict = books.ask(3, &Command::DeclareReason(Box::new(reason)));
    assert_eq!(verdict, rejected(Rejection::MissingField { field: "counterpart" }));
}

#[test]
fn a_reversal_is_refused_for_its_first_fault() {
    let mut books = Books::new();
    let original = books.send(&request(key(1, 1), NOW, Body::Event(added(3)))).expect("stock");
    let reverse = |position, original: &Decision, reason: &str| Command::Reverse {
        position: Position(position),
        original: Box::new(original.clone()),
        reason: reason.into(),
    };
    let missing = rejected(Rejection::MissingField { field: "reason" });
    assert_eq!(books.ask(2, &reverse(1, &original, " ")), missing);
    let reversed = books.ask(3, &reverse(1, &original, "typo")).expect("it stands");
    let instead = "send the original event again under a new id";
    assert_eq!(books.ask(4, &reverse(2, &reversed, "typo")), rejected(Rejection::NotReversible { instead }));
    assert_eq!(books.ask(5, &reverse(1, &original, "typo")), rejected(Rejection::AlreadyReversed { by: Position(2) }));
    let discard = |reason: &str| Command::Discard { held: Position(1), reason: reason.into() };
    assert_eq!(books.ask(6, &discard("")), rejected(Rejection::UnknownHeld));
}

#[test]
fn what_was_mended_is_known_as_it_was_and_as_it_is() {
    let mut books = Books::new();
    let wrong = request(key(7, 1), NOW, Body::Event(Event { reason: "because", ..added(3) }));
    assert!(matches!(books.send(&wrong), Err(Verdict::Unusable(_))));
    let held = books.hold(&wrong, wrong.key);
    assert_eq!(books.send(&wrong), Err(Verdict::Duplicate { position: held, held: true }));
    // Mended wrongly, it is held again in place of the first.
    let worse = Request { key: key(7, 2), resolves: Some(held), ..wrong };
    assert!(matches!(books.send(&worse), Err(Verdict::Unusable(Rejection::UnknownReason { .. }))));
    let again = books.hold(&worse, worse.key);
    assert_eq!(books.send(&worse), Err(Verdict::Duplicate { position: again, held: true }));
    let mended = Request { key: key(7, 3), resolves: Some(again), body: Body::Event(added(3)), ..wrong };
    books.send(&mended).expect("it is right now");
    let position = books.state.position();
    assert_eq!(books.send(&mended), Err(Verdict::Duplicate { position, held: false }));
    assert_eq!(books.send(&worse), Err(Verdict::Duplicate { position, held: false }));
    assert_eq!(books.send(&wrong), Err(Verdict::Duplicate { position: again, held: true }));
    let other = Request { key: key(8, 1), resolves: Some(again), ..mended };
    assert_eq!(books.send(&other), unusable(Rejection::UnknownHeld));
    // A fourth content under the same id is a conflict still, and held once.
    let conflict = Request { key: key(7, 4), resolves: None, ..mended };
    assert_eq!(books.send(&conflict), unusable(Rejection::KeyConflict { first: position }));
    let held = books.hold(&conflict, State::conflict_key(conflict.key));
    assert_eq!(books.send(&conflict), Err(Verdict::Duplicate { position: held, held: true }));
    assert_eq!(books.state.balance(AccountId(0)), Quantity::units(3));
}

#[test]
fn an_event_from_the_future_can_be_held() {
    let mut books = Books::new();
    let ahead = request(key(1, 1), i64::MAX, Body::Event(added(1)));
    assert!(matches!(books.send(&ahead), Err(Verdict::Unusable(Rejection::ClockAhead { .. }))));
    books.hold(&ahead, ahead.key);
}

#[test]
fn an_id_that_may_be_forgotten_is_not_taken_again() {
    let mut books = Books::new();
    books.limits = Limits { window_micros: 100, clock_tolerance_micros: 10, ids_max: 1 << 20 };
    let early = request(key(1, 1), NOW + 10, Body::Event(added(1)));
    books.send(&early).expect("its clock is ahead by no more than the tolerance");
    for (id, at) in [(2, NOW), (3, NOW + 100), (4, NOW + 200)] {
        books.now = at;
        books.send(&request(key(id, 1), at, Body::Event(added(1)))).expect("in time");
    }
    // Two rotations: the first ids are gone, so an event that may be among them is not guessed at.
    let oldest = Timestamp(NOW + 111);
    assert_eq!(books.send(&early), unusable(Rejection::TooOld { oldest }));
    let just = |at| request(key(9, 1), at, Body::Event(added(1)));
    assert_eq!(books.send(&just(oldest.0 - 1)), unusable(Rejection::TooOld { oldest }));
    let imported = Request { historical: true, ..just(NOW) };
    assert!(matches!(books.state.decide(&imported, Timestamp(NOW), &books.limits), Verdict::Accepted(_)));
    books.send(&just(oldest.0)).expect("young enough to be known");
}

#[test]
fn a_unit_seen_very_often_forgets_where_it_was_long_ago() {
    let mut books = Books::new();
    for number in 0..300_i64 {
        let location = if number % 2 == 0 { "A" } else { "B" };
        let seen = Event { kind: EventKind::ItemCounted, location, serials: "x", ..added(1) };
        let id = u64::try_from(number).expect("positive") + 1;
        books.send(&request(key(id, 1), number, Body::Event(seen))).expect("a sighting");
    }
    let late = Event { kind: EventKind::ItemCounted, location: "C", serials: "x", ..added(1) };
    let verdict = books.send(&request(key(999, 1), 10, Body::Event(late)));
    assert_eq!(verdict, unusable(Rejection::BeforeHistory { horizon: Timestamp(44) }));
    books.send(&request(key(999, 1), 44, Body::Event(late))).expect("between those that are kept");
    assert!(books.state.conserves());
}
