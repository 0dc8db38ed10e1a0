//! A ledger and its views, fed with the same decisions, and inputs made from a seed.

#![allow(dead_code, reason = "each test uses a part")]
#![allow(unreachable_pub, reason = "each test includes this as a module of its own")]

use ledger::*;
use views::Views;

/// One second.
pub const SECOND: i64 = 1_000_000;
/// One day.
pub const DAY: i64 = 86_400 * SECOND;

/// Quantities in whole units.
pub const fn units(units: i64) -> Quantity {
    Quantity::units(units)
}

pub struct World {
    pub state: State,
    pub views: Views,
    pub decisions: Vec<Decision>,
    pub now: Timestamp,
    sent: u64,
}

impl Default for World {
    fn default() -> Self {
        let (state, views) = (State::new(7), Views::new(7));
        Self { state, views, decisions: Vec::new(), now: Timestamp(1_000 * DAY), sent: 0 }
    }
}

impl World {
    /// Judges a request and, when it is accepted, applies it to both.
    pub fn send(&mut self, request: &Request<'_>) -> Verdict {
        let verdict = self.state.decide(request, self.now, &Limits::default());
        if let Verdict::Accepted(decision) = &verdict {
            self.state.apply(decision);
            self.views.apply(self.state.position(), decision);
            self.decisions.push(decision.clone());
        }
        verdict
    }

    /// A request of an id never used before, of what happens now.
    pub fn request<'a>(&mut self, body: Body<'a>) -> Request<'a> {
        self.sent += 1;
        let key = Key { id: u128::from(self.sent), content: self.sent };
        Request {
            actor: "anna",
            source: "dock",
            id: "",
            key,
            occurred_at: self.now,
            historical: false,
            resolves: None,
            body,
        }
    }

    /// Records an event that happens a second after the one before; its position.
    pub fn event(&mut self, event: Event<'_>) -> Position {
        self.now = self.now.plus(SECOND);
        self.event_at(self.now, event)
    }

    /// Records an event that happened at a time.
    pub fn event_at(&mut self, at: Timestamp, event: Event<'_>) -> Position {
        let mut request = self.request(Body::Event(event));
        request.occurred_at = at;
        let verdict = self.send(&request);
        assert!(matches!(verdict, Verdict::Accepted(_)), "{event:?} is accepted, not {verdict:?}");
        self.state.position()
    }

    pub fn command(&mut self, command: &Command) -> Result<Position, Rejection> {
        self.now = self.now.plus(SECOND);
        let request = self.request(Body::Command(command));
        match self.send(&request) {
            Verdict::Accepted(_) => Ok(self.state.position()),
            Verdict::Rejected(rejection) => Err(rejection),
            other => panic!("a command is accepted or rejected, not {other:?}"),
        }
    }

    pub fn add(&mut self, product: &str, location: &str, quantity: i64) -> Position {
        self.event(Event::new(EventKind::ItemAdded, product, location, units(quantity)))
    }

    pub fn remove(&mut self, product: &str, location: &str, quantity: i64) -> Position {
        self.event(Event::new(EventKind::ItemRemoved, product, location, units(quantity)))
    }

    pub fn count(&mut self, product: &str, location: &str, quantity: i64) -> Position {
        self.event(Event::new(EventKind::ItemCounted, product, location, units(quantity)))
    }

    pub fn reserve(
        &mut self,
        name: &str,
        product: &str,
        warehouse: &str,
        quantity: Quantity,
    ) -> Result<Position, Rejection> {
        let line = ReserveLine { product: product.into(), quantity, location: "".into(), lot: "".into() };
        self.command(&Command::Reserve(Reserve {
            reservation: name.into(),
            warehouse: warehouse.into(),
            lines: vec![line],
            expires_at: None,
            partial: false,
        }))
    }

    pub fn hold(&mut self, code: &str, raw: &str) -> Position {
        let unusable = Unusable {
            raw: raw.into(),
            code: code.into(),
            field: "quantity".into(),
            detail: "not a decimal number".into(),
            place: "row 3".into(),
        };
        self.command(&Command::Hold(Box::new(unusable))).expect("anything can be held")
    }

    pub fn reverse(&mut self, position: Position) -> Result<Position, Rejection> {
        let index = usize::try_from(position.0 - 1).expect("few");
        let original = Box::new(self.decisions[index].clone());
        self.command(&Command::Reverse { position, original, reason: "a mistake".into() })
    }

    pub fn image(&self) -> Vec<u8> {
        image(&self.views)
    }

    /// A world after `steps` steps made from `seed`.
    pub fn grown(seed: u64, steps: usize) -> Self {
        let mut world = Self::default();
        let mut dice = Dice(seed);
        for _ in 0..steps {
            world.step(&mut dice);
        }
        world
    }

    /// Sends something: mostly events, that collide all the time.
    pub fn step(&mut self, dice: &mut Dice) {
        self.now = self.now.plus(i64::try_from(dice.below(3)).expect("few") * SECOND);
        match dice.below(22) {
            0 | 1 => self.step_reserve(dice),
            2 => {
                let name = format!("r{}", dice.below(40)).into();
                let end = match dice.below(3) {
                    0 => Command::Release { reservation: name },
                    1 => Command::Fulfil { reservation: name },
                    _ => Command::Expire,
                };
                let _ = self.command(&end);
            }
            3 => self.step_declare(dice),
            4 if !self.decisions.is_empty() => {
                let position = Position(dice.below(self.decisions.len() as u64) + 1);
                let _ = self.reverse(position);
            }
            5 => self.step_held(dice),
            20 | 21 => self.step_alert(dice),
            _ => self.step_event(dice, None),
        }
    }

    fn step_event(&mut self, dice: &mut Dice, resolves: Option<Position>) {
        let kind = EventKind::ALL[dice.index(EventKind::ALL.len())];
        let serial = format!("s{}", dice.below(4));
        let mut event = Event::new(kind, dice.pick(&PRODUCTS), dice.pick(&PLACES), Quantity::ZERO);
        event.quantity = Quantity::from_micros(i64::try_from(dice.below(8)).expect("few") * 500_000);
        event.to = dice.pick(&PLACES);
        event.lot = dice.pick(&["", "", "L1", "L2"]);
        event.expiry = dice.pick(&[None, None, Some(Day(1_000)), Some(Day(1_001))]);
        event.status = dice.pick(&[Status::Available, Status::Available, Status::Available, Status::Damaged]);
        event.to_status = dice.pick(&[Some(Status::Available), Some(Status::Quarantined), Some(Status::Expired)]);
        event.reason = dice.pick(&["", "found", "import"]);
        event.reference = dice.pick(&["", "", "PO-1", "PO-2"]);
        event.expected_at = dice.pick(&[None, Some(self.now.plus(DAY)), Some(self.now.minus(DAY))]);
        if event.product == "unit" {
            event.serials = &serial;
            event.quantity = Quantity::units(1);
        }
        let mut request = self.request(Body::Event(event));
        request.occurred_at = self.now.minus(i64::try_from(dice.below(20)).expect("few") * SECOND);
        request.resolves = resolves;
        let key = request.key;
        if let Verdict::Unusable(rejection) = self.send(&request) {
            let code = rejection.code().into();
            let input = Unusable { raw: "{}".into(), code, field: "".into(), detail: "".into(), place: "".into() };
            let command = Command::Hold(Box::new(input));
            let mut request = self.request(Body::Command(&command));
            request.key = key;
            request.resolves = resolves;
            self.send(&request);
        }
    }

    fn step_reserve(&mut self, dice: &mut Dice) {
        let line = |dice: &mut Dice| ReserveLine {
            product: dice.pick(&PRODUCTS).into(),
            quantity: Quantity::units(i64::try_from(dice.below(3)).expect("few") + 1),
            location: "".into(),
            lot: dice.pick(&["", "", "L1"]).into(),
        };
        let lines = (0..=dice.below(2)).map(|_| line(dice)).collect();
        let expires_at = dice.pick(&[None, Some(self.now.plus(10 * SECOND))]);
        let _ = self.command(&Command::Reserve(Reserve {
            reservation: format!("r{}", dice.below(40)).into(),
            warehouse: dice.pick(&["A", "B"]).into(),
            lines,
            expires_at,
            partial: dice.below(2) == 0,
        }));
    }

    fn step_declare(&mut self, dice: &mut Dice) {
        let command = match dice.below(3) {
            0 => Command::DeclareProduct(Box::new(ProductCard {
                product: dice.pick(&PRODUCTS).into(),
                name: dice.pick(&["Earl Grey", "Äpfel"]).into(),
                ..ProductCard::default()
            })),
            1 => Command::DeclareLocation(Box::new(LocationCard {
                location: dice.pick(&PLACES).into(),
                region: dice.pick(&["north", "south"]).into(),
                ..LocationCard::default()
            })),
            _ => Command::DeclareReason(Box::new(ReasonCard {
                code: "gift".into(),
                name: "Given away".into(),
                counterpart: AccountKind::Customer,
                trust: 0,
            })),
        };
        let _ = self.command(&command);
    }

    fn step_alert(&mut self, dice: &mut Dice) {
        let open: Vec<Position> = self.state.alerts().iter().map(|(position, _)| position).collect();
        if open.is_empty() || dice.below(3) == 0 {
            let subject = AlertSubject {
                product: dice.pick(&PRODUCTS).into(),
                location: dice.pick(&PLACES).into(),
                ..AlertSubject::default()
            };
            let _ = self.command(&Command::RaiseAlert(Box::new(Alert {
                condition: dice.pick(&["low_stock", "expiring"]).into(),
                subject,
                severity: dice.pick(&Severity::ALL),
                why: "there are 3, below 5".into(),
                figures: vec![("on_hand".into(), "3".into())],
                since: self.now,
                owner: dice.pick(&["", "anna"]).into(),
                ..Alert::default()
            })));
            return;
        }
        let step = match dice.below(7) {
            0 => AlertStep::Acknowledged,
            1 => AlertStep::Snoozed { until: self.now.plus(DAY) },
            2 => AlertStep::Woken,
            3 => AlertStep::Assigned { owner: dice.pick(&["", "ben"]).into() },
            4 => AlertStep::Noted,
            5 => AlertStep::Escalated { level: 1 },
            _ => AlertStep::Resolved { outcome: dice.pick(&["cleared", "by_hand"]).into() },
        };
        let alert = open[dice.index(open.len())];
        let _ = self.command(&Command::ChangeAlert(Box::new(AlertChange { alert, step, note: "seen".into() })));
    }

    fn step_held(&mut self, dice: &mut Dice) {
        let page = self.views.held(&views::HeldQuery::default()).expect("no cursor");
        let open: Vec<Position> = page.items.iter().map(|item| item.position).collect();
        if open.is_empty() {
            self.hold("unreadable", "{");
            return;
        }
        let held = open[dice.index(open.len())];
        if dice.below(2) == 0 {
            self.step_event(dice, Some(held));
        } else {
            let _ = self.command(&Command::Discard { held, reason: "seen".into() });
        }
    }
}

pub fn image(views: &Views) -> Vec<u8> {
    let mut image = Vec::new();
    views.save(&mut image);
    image
}

const PRODUCTS: [&str; 5] = ["tea", "tea-2", "apples", "unit", "zinc"];
const PLACES: [&str; 8] = ["A", "A/1", "A/1/x", "A/1-x", "A-2/1", "B", "B/7", "A/2"];

/// Numbers from a seed.
///
/// # Source
/// SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("less than a length")
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }
}
