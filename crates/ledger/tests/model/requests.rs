//! Owned requests, their generators, and a run of them.

use ledger::*;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// An event as its source would send it.
#[derive(Clone, Debug)]
pub struct Input {
    pub source: String,
    pub id: String,
    pub at: i64,
    pub kind: EventKind,
    pub product: String,
    pub location: String,
    pub to: String,
    pub quantity: i64,
    pub lot: String,
    pub serials: String,
    pub status: Status,
    pub to_status: Status,
    pub reason: String,
    pub reference: String,
    pub handling_unit: String,
    pub units: String,
}

impl Input {
    /// How far a count of this reason is trusted, as shipped.
    pub fn trust(&self) -> u8 {
        match &*self.reason {
            "rfid_sweep" => 20,
            "weight_sensor" => 30,
            _ => 40,
        }
    }

    pub fn key(&self) -> Key {
        let number: u64 = self.id[1..].parse().expect("an id of these tests is a letter and a number");
        Key { id: u128::from(number + 1) << 100 | u128::from(number + 1), content: number * 2 + 1 }
    }

    pub fn request(&self) -> Request<'_> {
        let event = Event {
            to: &self.to,
            lot: &self.lot,
            serials: &self.serials,
            status: self.status,
            to_status: Some(self.to_status),
            reason: &self.reason,
            reference: &self.reference,
            handling_unit: &self.handling_unit,
            units: &self.units,
            ..Event::new(self.kind, &self.product, &self.location, Quantity::from_micros(self.quantity))
        };
        request(&self.id, &self.source, self.key(), self.at, Body::Event(event))
    }
}

fn request<'a>(id: &'a str, source: &'a str, key: Key, at: i64, body: Body<'a>) -> Request<'a> {
    let occurred_at = Timestamp(at);
    Request { actor: "tester", source, id, key, occurred_at, historical: false, resolves: None, body }
}

const LOCATIONS: [&str; 5] = ["A", "A/b", "A/bc", "A/b/1", "B/b"];

fn text(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(from).prop_map(str::to_owned)
}

/// What happens to handling units: pallets hold cases and a container pallets, so that none can be in itself.
fn unit_input() -> impl Strategy<Value = Input> {
    let kinds = prop_oneof![
        4 => Just(EventKind::UnitPacked),
        2 => Just(EventKind::UnitUnpacked),
        4 => Just(EventKind::ItemMoved),
        3 => select(
            &[
                EventKind::ItemAdded,
                EventKind::ItemRemoved,
                EventKind::StatusChanged,
                EventKind::ShipmentDispatched,
                EventKind::ShipmentReceived,
            ][..],
        ),
    ];
    let units = prop_oneof![
        4 => (select(&["case1", "case2"][..]), Just("")),
        3 => (select(&["pallet1", "pallet2"][..]), select(&["case1", "case2", "case1\ncase2"][..])),
        1 => (Just("container"), select(&["pallet1", "pallet2", "case2"][..])),
    ];
    (plain_input(), kinds, units, 0..4_usize).prop_map(|(input, kind, (unit, children), what)| {
        let changes_content = matches!(kind, EventKind::UnitPacked | EventKind::UnitUnpacked);
        let whole = !changes_content || (kind == EventKind::UnitUnpacked && what == 0);
        let with_children = !whole && what < 3 && !children.is_empty();
        let without_stock = whole || with_children;
        let text = |text: String| if without_stock { String::new() } else { text };
        Input {
            kind,
            product: text(input.product),
            lot: text(input.lot),
            serials: text(input.serials),
            quantity: if without_stock { 0 } else { input.quantity.abs() },
            reason: String::new(),
            handling_unit: unit.to_owned(),
            units: if with_children { children.to_owned() } else { String::new() },
            ..input
        }
    })
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![2 => plain_input(), 1 => unit_input()]
}

/// A physical event that is accepted whenever it arrives.
fn plain_input() -> impl Strategy<Value = Input> {
    let kinds = prop_oneof![
        3 => Just(EventKind::ItemCounted),
        6 => select(&EventKind::ALL[..11]),
        3 => select(&[EventKind::ItemAdded, EventKind::ItemRemoved, EventKind::ItemMoved][..]),
    ];
    let serials = prop_oneof![
        3 => Just(Vec::new()),
        1 => subsequence(&["s1", "s2", "s3"][..], 1..=2),
    ];
    let places = (text(&LOCATIONS), text(&LOCATIONS), text(&["", "", "L1", "L2"]));
    let statuses = (0..8_usize, 1..4_usize);
    let words = (text(&["", "rfid_sweep", "weight_sensor", "cycle_count"]), text(&["", "R1", "R2"]));
    let amounts = (select(&[1, 2, 3, 1_000_000, 2_500_000][..]), any::<bool>(), 0..12_i64);
    (kinds, text(&["P", "P", "Q"]), places, serials, statuses, words, amounts, text(&["x", "y"])).prop_map(
        |(kind, product, (location, to, lot), serials, (status, shift), (reason, reference), amount, source)| {
            let (quantity, negative, at) = amount;
            let status = if status < 4 { status } else { 0 };
            let to = if to == location { "C".to_owned() } else { to };
            let quantity = match serials.len() {
                0 => quantity,
                serials => i64::try_from(serials).expect("few") * 1_000_000,
            };
            let reason = match kind {
                EventKind::ItemCounted => reason,
                EventKind::ItemAdjusted => "correction".to_owned(),
                _ => String::new(),
            };
            let adjusts_down = kind == EventKind::ItemAdjusted && negative;
            Input {
                source,
                id: String::new(),
                at,
                kind,
                product,
                location,
                to,
                quantity: if adjusts_down { -quantity } else { quantity },
                lot,
                serials: serials.join("\n"),
                status: Status::ALL[status],
                to_status: Status::ALL[(status + shift) % 4],
                reason,
                reference,
                handling_unit: String::new(),
                units: String::new(),
            }
        },
    )
}

/// Up to `max` events, each with an id of its own.
pub fn inputs(max: usize) -> impl Strategy<Value = Vec<Input>> {
    proptest::collection::vec(input(), 1..max).prop_map(|mut inputs| {
        for (number, input) in inputs.iter_mut().enumerate() {
            // Ids sort otherwise than they arrive.
            input.id = format!("{}{number}", ["m", "c", "t"][number % 3]);
        }
        inputs
    })
}

/// An event or a command; some cannot be taken.
#[expect(clippy::large_enum_variant, reason = "most steps are events")]
#[derive(Clone, Debug)]
pub enum Step {
    Event(Input),
    Ask(Command),
    /// Undo the entry at this place, counted round among those there are.
    Reverse(usize),
}

fn command() -> impl Strategy<Value = Command> {
    let name = || select(&["r1", "r2", "r3"][..]).prop_map(Box::<str>::from);
    let line = (text(&["P", "Q", "Z"]), 1..4_000_000_i64, text(&["", "", "A/b", "B"]), text(&["", "", "L1"])).prop_map(
        |(product, quantity, location, lot)| ReserveLine {
            product: product.into(),
            quantity: Quantity::from_micros(quantity),
            location: location.into(),
            lot: lot.into(),
        },
    );
    let reserve = (name(), text(&["A", "A", "B"]), proptest::collection::vec(line, 0..4), 0..200_i64, any::<bool>())
        .prop_map(|(reservation, warehouse, lines, expires, partial)| Reserve {
            reservation,
            warehouse: warehouse.into(),
            lines,
            expires_at: (expires > 80).then_some(Timestamp(expires)),
            partial,
        });
    prop_oneof![
        6 => reserve.prop_map(Command::Reserve),
        2 => name().prop_map(|reservation| Command::Release { reservation }),
        2 => name().prop_map(|reservation| Command::Fulfil { reservation }),
        1 => Just(Command::Expire),
        1 => (0..30_u64).prop_map(|held| Command::Discard { held: Position(held), reason: "no use".into() }),
        1 => name().prop_map(|code| Command::Hold(Box::new(Unusable {
            raw: "{".into(), code, field: "".into(), detail: "".into(), place: "".into(),
        }))),
        1 => text(&["P", "Q"]).prop_map(|product| Command::DeclareProduct(Box::new(ProductCard {
            product: product.into(),
            units: vec![Unit { name: "case".into(), numerator: 12, denominator: 1 }],
            ..ProductCard::default()
        }))),
        1 => name().prop_map(|code| Command::DeclareReason(Box::new(ReasonCard {
            code, name: "Any".into(), counterpart: AccountKind::Scrap, trust: 3,
        }))),
    ]
}

/// Events and commands mixed.
pub fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => input().prop_map(Step::Event),
        3 => command().prop_map(Step::Ask),
        1 => any::<usize>().prop_map(Step::Reverse),
    ];
    proptest::collection::vec(step, 1..max).prop_map(|mut steps| {
        for (number, step) in steps.iter_mut().enumerate() {
            if let Step::Event(input) = step {
                input.id = format!("e{number}");
            }
        }
        steps
    })
}

/// A state and what led to it.
pub struct Run {
    pub state: State,
    pub decisions: Vec<Decision>,
    pub limits: Limits,
    /// The time of the next entry.
    pub now: i64,
}

impl Run {
    pub fn new() -> Self {
        Self { state: State::new(7), decisions: Vec::new(), limits: Limits::default(), now: 50 }
    }

    /// Decides and, when accepted, applies.
    pub fn send(&mut self, request: &Request<'_>) -> Verdict {
        let verdict = self.state.decide(request, Timestamp(self.now), &self.limits);
        if let Verdict::Accepted(decision) = &verdict {
            assert!(self.state.accepts(decision), "a decision just made is in order");
            self.state.apply(decision);
            self.decisions.push(decision.clone());
        }
        self.now += 1;
        verdict
    }

    pub fn ask(&mut self, command: &Command) -> Verdict {
        let number = u128::try_from(self.now).expect("times of these tests are positive");
        let key = Key { id: (number << 64) + 999, content: 1 };
        self.send(&request("", "desk", key, self.now, Body::Command(command)))
    }

    pub fn reverse(&mut self, position: usize) -> Verdict {
        let original = Box::new(self.decisions[position].clone());
        let position = Position(u64::try_from(position).expect("few") + 1);
        self.ask(&Command::Reverse { position, original, reason: "sent in error".into() })
    }

    pub fn step(&mut self, step: &Step) -> Verdict {
        match step {
            Step::Event(input) => self.send(&input.request()),
            Step::Ask(command) => self.ask(command),
            Step::Reverse(_) if self.decisions.is_empty() => self.ask(&Command::Expire),
            Step::Reverse(place) => self.reverse(place % self.decisions.len()),
        }
    }

    /// Sends events that must all be accepted.
    pub fn of<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Self {
        let mut run = Self::new();
        for input in inputs {
            let verdict = run.send(&input.request());
            assert!(matches!(verdict, Verdict::Accepted(_)), "{input:?} is taken, not {verdict:?}");
        }
        run
    }
}
