//! The laws of the ledger, each by its name, over requests that collide all the time.

mod model;

use ledger::*;
use model::requests::{Input, Run, Step, inputs, steps};
use model::{Model, assert_open_adds_up, history, image, stock};
use proptest::prelude::*;
use proptest::sample::Index;

proptest! {
    #[test]
    fn conservation(steps in steps(60)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
            prop_assert!(run.state.conserves());
        }
        assert_open_adds_up(&run.state, steps.iter().any(|step| matches!(step, Step::Event(input) if is_serialised(input))));
    }

    #[test]
    fn replay_equals_live(steps in steps(60)) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        let mut replayed = State::new(7);
        for decision in &run.decisions {
            replayed.apply(decision);
        }
        prop_assert!(image(&replayed) == image(&run.state));
    }

    #[test]
    fn same_id_twice_is_once(inputs in inputs(30), again in any::<Vec<Index>>()) {
        let once = Run::of(&inputs);
        let mut run = Run::new();
        for (number, input) in inputs.iter().enumerate() {
            run.now = 50 + i64::try_from(number).expect("few");
            run.send(&input.request());
            for index in &again {
                let repeated = index.index(inputs.len());
                if repeated <= number {
                    let position = Position(u64::try_from(repeated).expect("few") + 1);
                    let verdict = run.send(&inputs[repeated].request());
                    prop_assert_eq!(verdict, Verdict::Duplicate { position, held: false });
                }
            }
        }
        prop_assert_eq!(stock(&run.state), stock(&once.state));
        prop_assert_eq!(run.state.position(), once.state.position());
    }

    #[test]
    fn order_of_arrival_does_not_matter(
        (inputs, shuffled) in inputs(30).prop_flat_map(|inputs| (Just(inputs.clone()), Just(inputs).prop_shuffle()))
    ) {
        let (one, other) = (Run::of(&inputs), Run::of(&shuffled));
        prop_assert_eq!(stock(&one.state), stock(&other.state));
        prop_assert_eq!(stock(&one.state), Model::of(&inputs).stock(Timestamp::MAX));
        assert_open_adds_up(&one.state, inputs.iter().any(is_serialised));
    }

    #[test]
    fn history_is_the_sum_of_postings(inputs in inputs(30)) {
        let (run, model) = (Run::of(&inputs), Model::of(&inputs));
        for at in -1..13 {
            let at = Timestamp(at);
            prop_assert_eq!(history(&run.state, &run.decisions, at), model.stock(at), "at {:?}", at);
        }
    }

    #[test]
    fn rejection_changes_nothing(steps in steps(60)) {
        let (mut run, mut without) = (Run::new(), Run::new());
        for step in &steps {
            let resolved = match step {
                Step::Reverse(place) if !run.decisions.is_empty() => Step::Reverse(place % run.decisions.len()),
                step => step.clone(),
            };
            without.now = run.now;
            if let Verdict::Accepted(_) = run.step(&resolved) {
                without.step(&resolved);
            }
        }
        prop_assert!(image(&run.state) == image(&without.state));
    }

    #[test]
    fn reservations_never_oversell(steps in steps(80)) {
        let mut run = Run::new();
        for step in &steps {
            let before = run.state.clone();
            let Verdict::Accepted(decision) = run.step(step) else { continue };
            for effect in &decision.effects {
                if let Effect::Reserved(reservation) = effect {
                    assert_reserved_what_was_free(&before, &run.state, reservation);
                }
            }
        }
        let pending = |(id, _)| run.state.reserved(id).micros() >= 0;
        prop_assert!(run.state.catalog().accounts().all(pending));
    }

    #[test]
    fn reversal_restores(inputs in inputs(25), which in any::<Index>(), when in any::<Index>()) {
        let which = which.index(inputs.len());
        let when = which + when.index(inputs.len() - which);
        let mut run = Run::of(&inputs[..=when]);
        let verdict = run.reverse(which);
        prop_assert!(matches!(verdict, Verdict::Accepted(_)), "{:?}", verdict);
        let mut others: Vec<_> = inputs[..=when].to_vec();
        others.remove(which);
        prop_assert_eq!(stock(&run.state), Model::of(&others).stock(Timestamp::MAX));
        for input in &inputs[when + 1..] {
            run.send(&input.request());
            others.push(input.clone());
        }
        let model = Model::of(&others);
        for at in (-1..13).map(Timestamp).chain([Timestamp::MAX]) {
            prop_assert_eq!(history(&run.state, &run.decisions, at), model.stock(at), "at {:?}", at);
        }
        let by = Position(u64::try_from(when).expect("few") + 2);
        prop_assert_eq!(run.reverse(which), Verdict::Rejected(Rejection::AlreadyReversed { by }));
        assert_open_adds_up(&run.state, inputs.iter().any(is_serialised));
    }

    #[test]
    fn image_round_trips(steps in steps(60), cut in any::<Index>(), flip in any::<(Index, u8)>()) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        let whole = image(&run.state);
        let mut rest = &*whole;
        let loaded = State::load(&mut rest).expect("an image just saved loads");
        prop_assert!(rest.is_empty());
        prop_assert!(image(&loaded) == whole);
        let mut catalog = Vec::new();
        run.state.catalog().save(&mut catalog);
        let mut again = Vec::new();
        Catalog::load(&mut &*catalog).expect("an image just saved loads").save(&mut again);
        prop_assert!(again == catalog);
        prop_assert_eq!(State::load(&mut &whole[..cut.index(whole.len())]).err(), Some(ImageError::Ended));
        let mut damaged = whole;
        let at = flip.0.index(damaged.len());
        damaged[at] ^= flip.1;
        if let Ok(mut state) = State::load(&mut &*damaged) {
            // Whatever it means now, judging by it does not panic.
            for step in steps.iter().filter(|step| !matches!(step, Step::Reverse(_))) {
                judge(&mut state, step);
            }
        }
    }

    #[test]
    fn decide_is_deterministic(steps in steps(50)) {
        let mut run = Run::new();
        for step in &steps {
            let loaded = State::load(&mut &*image(&run.state)).expect("an image just saved loads");
            let mut twin = Run { state: loaded, decisions: run.decisions.clone(), ..Run::new() };
            twin.now = run.now;
            prop_assert_eq!(run.step(step), twin.step(step));
        }
    }

    #[test]
    fn extremes_are_refused_or_exact(
        inputs in inputs(30),
        edges in proptest::collection::vec((0..6_usize, 0..6_usize), 30)
    ) {
        let mut run = Run::new();
        run.now = i64::MAX - 1_000;
        for (mut input, (time, quantity)) in inputs.clone().into_iter().zip(edges) {
            input.at = [i64::MIN, i64::MIN + 1, 0, i64::MAX - 1, i64::MAX, input.at][time];
            let whole = !input.serials.is_empty() || input.product.is_empty();
            let amount = [i64::MAX, i64::MIN, i64::MAX - 1, i64::MAX / 2, i64::MIN / 2, input.quantity][quantity];
            input.quantity = if whole { input.quantity } else { amount };
            match run.send(&input.request()) {
                Verdict::Accepted(_) => {}
                Verdict::Unusable(Rejection::Overflow | Rejection::QuantityNotPositive { .. }) => {}
                other => prop_assert!(false, "{input:?}: {other:?}"),
            }
            prop_assert!(run.state.conserves());
            assert_open_adds_up(&run.state, inputs.iter().any(is_serialised));
        }
        for position in 0..run.decisions.len() {
            let verdict = run.reverse(position);
            let refused = matches!(verdict, Verdict::Rejected(Rejection::Overflow));
            prop_assert!(refused || matches!(verdict, Verdict::Accepted(_)), "{:?}", verdict);
        }
    }
}

fn is_serialised(input: &Input) -> bool {
    !input.serials.is_empty()
}

fn judge(state: &mut State, step: &Step) {
    let mut run = Run { state: state.clone(), ..Run::new() };
    run.now = 10_000;
    run.step(step);
}

/// Each account gives what it had free at most, and a warehouse's accounts together do.
fn assert_reserved_what_was_free(before: &State, after: &State, reservation: &Reservation) {
    let catalog = after.catalog();
    let free = |id: AccountId| before.balance(id).micros() - before.reserved(id).micros();
    for line in &reservation.lines {
        let of_account: i64 = reservation
            .lines
            .iter()
            .filter(|other| other.account == line.account)
            .map(|other| other.quantity.micros())
            .sum();
        assert!(of_account > 0 && of_account <= free(line.account), "an account gives what it has free");
        let key = catalog.account(line.account);
        assert_eq!(key.kind, AccountKind::Available);
        assert_eq!(catalog.warehouse_of(line.account), reservation.warehouse);
        let of_product = |id: AccountId| {
            let other = catalog.account(id);
            other.product == key.product
                && other.kind == AccountKind::Available
                && catalog.warehouse_of(id) == reservation.warehouse
        };
        let taken = reservation.lines.iter().filter(|other| of_product(other.account));
        let taken: i64 = taken.map(|other| other.quantity.micros()).sum();
        let all: i64 = catalog.accounts().map(|(id, _)| id).filter(|id| of_product(*id)).map(free).sum();
        assert!(taken <= all, "a warehouse gives what it has free: {taken} of {all}");
    }
}

/// A history long enough to be folded many times over keeps every figure that can still change.
#[test]
fn folding_keeps_later_figures() {
    const WINDOW: i64 = 400;
    let mut run = Run::new();
    run.limits.window_micros = WINDOW;
    run.limits.clock_tolerance_micros = 0;
    let mut taken = Vec::new();
    let mut random: u64 = 1;
    let mut next = |below: i64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(random >> 33).expect("31 bits") % below
    };
    let mut folds = 0;
    for number in 0..6_000 {
        run.now = 1_000 + number;
        let kind = match next(100) {
            0 => EventKind::ItemCounted,
            1..50 => EventKind::ItemRemoved,
            _ => EventKind::ItemAdded,
        };
        let late = if next(10) == 0 { next(WINDOW) } else { 0 };
        let input = Input {
            source: "x".into(),
            id: format!("e{number}"),
            at: run.now - late,
            kind,
            product: "P".into(),
            location: "A".into(),
            to: String::new(),
            quantity: 1 + next(5),
            lot: String::new(),
            serials: String::new(),
            status: Status::Available,
            to_status: Status::Available,
            reason: String::new(),
            reference: String::new(),
            handling_unit: String::new(),
            units: String::new(),
        };
        match run.send(&input.request()) {
            Verdict::Accepted(decision) => {
                folds +=
                    decision.effects.iter().filter(|effect| matches!(effect, Effect::HistoryFolded { .. })).count();
                taken.push(input);
            }
            // Its id may have been forgotten, or it fell where the history was folded.
            Verdict::Unusable(Rejection::TooOld { .. } | Rejection::BeforeHistory { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(folds >= 3, "{folds} folds");
    let model = Model::of(&taken);
    assert_eq!(stock(&run.state), model.stock(Timestamp::MAX));
    for at in (0..7_200).step_by(37).map(Timestamp) {
        assert_eq!(history(&run.state, &run.decisions, at), model.stock(at), "at {at:?}");
    }
}
