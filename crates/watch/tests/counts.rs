//! Count lists: what is proposed, in which order, why, and within which budget.

mod site;

use ledger::*;
use proptest::prelude::*;
use site::{DAY, Site};
use std::collections::BTreeSet;
use std::sync::Arc;
use watch::counts::{Budget, Candidate, Costs, Proposal, propose, walk_order, why};
use watch::{Confidence, Evidence};

const NOW: Timestamp = Timestamp(20_000 * DAY);
const EVERYTHING: Budget = Budget { seconds: f64::INFINITY, lines: usize::MAX };

fn candidate(product: &str, location: &str, on_hand: i64, days: i64, moves: u32) -> Candidate {
    let evidence = Evidence {
        last_count: NOW.minus(days * DAY),
        first_at: Timestamp(0),
        moves,
        shrinkage: 0.0,
        is_disputed: false,
        is_negative: on_hand < 0,
        read_rate: None,
    };
    Candidate {
        product: product.into(),
        location: location.into(),
        on_hand: on_hand * 1_000_000,
        daily_use: f64::from(moves) * 1e6 / 30.0,
        confidence: Confidence::judge(&evidence, NOW),
    }
}

fn shown(candidates: &[Candidate], proposal: &Proposal) -> String {
    let line = |line: &watch::counts::Line| {
        let candidate = &candidates[line.candidate];
        format!(
            "{:>2} {:<10} {:<4} worth {:.2}, {:>3} s there, {:>3} s; {}\n",
            line.rank,
            candidate.location,
            candidate.product,
            line.gain,
            line.walk_seconds,
            line.count_seconds,
            why(candidate)
        )
    };
    proposal.lines.iter().map(line).collect()
}

const AGREED: &str = concat!(
    " 4 A/cold/2   JAM  worth 0.29, 260 s there,  27 s; ",
    "right with 91.8 %: counted 40 days ago, 10 movements since; 12 on hand, 0.33 leave a day\n",
    " 2 A/cold/2   OIL  worth 1.65,   0 s there,  15 s; ",
    "right with 4.6 %: the figure is below zero; -3 on hand, 0.33 leave a day\n",
    " 1 A/cold/10  TEA  worth 3.14,  20 s there,  45 s; ",
    "right with 42.8 %: counted 400 days ago, 90 movements since; 30 on hand, 3 leave a day\n",
    " 3 A/dry/1    NUT  worth 2.52,  80 s there,  65 s; ",
    "right with 64.4 %: counted 200 days ago, 60 movements since; 50 on hand, 2 leave a day\n",
);

#[test]
fn neighbours_are_counted_together_and_the_list_is_walked_in_order() {
    let candidates = [
        candidate("TEA", "A/cold/10", 30, 400, 90),
        candidate("JAM", "A/cold/2", 12, 40, 10),
        candidate("OIL", "A/cold/2", -3, 40, 10),
        candidate("NUT", "A/dry/1", 50, 200, 60),
        candidate("RUM", "B/1", 30, 410, 90),
        candidate("NEW", "A/dry/1", 5, 0, 0),
    ];
    let proposal = propose(&candidates, Budget { seconds: 600.0, lines: 10 }, &Costs::default());
    let said = shown(&candidates, &proposal);
    assert_eq!(said, AGREED);
    let places: Vec<&str> = proposal.lines.iter().map(|line| &*candidates[line.candidate].location).collect();
    assert_eq!(places, ["A/cold/2", "A/cold/2", "A/cold/10", "A/dry/1"], "{said}");
    let ways: Vec<f64> = proposal.lines.iter().map(|line| line.walk_seconds).collect();
    assert_eq!(ways, [260.0, 0.0, 20.0, 80.0], "a way is paid once");
    assert_eq!(proposal.left, 1, "B is too far");
    assert!(proposal.seconds <= 600.0 && proposal.gain < proposal.gain_of_all);
}

#[test]
fn a_line_says_why_with_its_figures() {
    let tea = candidate("TEA", "A/1", 30, 400, 90);
    assert_eq!(why(&tea), "right with 42.8 %: counted 400 days ago, 90 movements since; 30 on hand, 3 leave a day");
    let oil = candidate("OIL", "A/1", -3, 1, 0);
    assert_eq!(why(&oil), "right with 5 %: the figure is below zero; -3 on hand");
}

#[test]
fn little_time_goes_to_what_fits() {
    let candidates = [candidate("SCREW", "A/1", 5_000, 900, 400), candidate("OIL", "A/2", 4, 300, 40)];
    let costs = Costs::default();
    let minutes = |minutes: f64| propose(&candidates, Budget { seconds: minutes * 60.0, lines: 9 }, &costs);
    assert_eq!(minutes(4.0).lines.len(), 0, "it takes four minutes to get there");
    let list: Vec<usize> = minutes(4.5).lines.iter().map(|line| line.candidate).collect();
    assert_eq!(list, [1], "the screws take too long");
    assert_eq!(minutes(60.0).lines.len(), 2);
    assert_eq!(propose(&candidates, Budget { lines: 1, ..EVERYTHING }, &costs).lines.len(), 1);
    assert_eq!(
        propose(&candidates, Budget { lines: 0, ..EVERYTHING }, &costs),
        Proposal { left: 2, gain_of_all: minutes(60.0).gain_of_all, ..Proposal::default() }
    );
    assert_eq!(propose(&[], EVERYTHING, &costs), Proposal::default());
}

#[test]
fn places_are_walked_by_their_numbers() {
    let mut places = ["A/10", "A/9", "A", "A/9/1", "B", "A/x2", "A/x10", "A/09", "A/9-b"];
    places.sort_by(|left, right| walk_order(left, right));
    assert_eq!(places, ["A", "A/09", "A/9", "A/9/1", "A/9-b", "A/10", "A/x2", "A/x10", "B"]);
}

#[test]
fn balances_know_their_own_counts_and_movements() {
    let mut site = Site::new();
    site.add("TEA", "A/1", 10);
    site.add("TEA", "A/2", 10);
    site.wait(10 * DAY);
    site.remove("TEA", "A/1", 1);
    site.event(Event::new(EventKind::ItemCounted, "TEA", "A/2", Quantity::units(8)));
    site.wait(site::MINUTE);
    site.remove("TEA", "A/2", 1);
    site.wait(DAY);
    site.add("JAM", "B", 1);
    site.remove("JAM", "B", 1);
    let check = |watch: &watch::Watch| {
        let all = watch.balances(&site.state, None, 0, 1_000, Timestamp(site.now));
        let catalog = site.state.catalog();
        let facts: Vec<(String, i64, u32, bool, bool)> = all
            .items
            .iter()
            .map(|balance| {
                let evidence = &balance.evidence;
                let is_counted = evidence.last_count > Timestamp::MIN;
                let place = catalog.location(balance.location).path.to_string();
                (place, balance.on_hand / 1_000_000, evidence.moves, is_counted, evidence.is_disputed)
            })
            .collect();
        assert_eq!(facts, [("A/1".into(), 9, 2, false, false), ("A/2".into(), 7, 1, true, true)]);
        assert_eq!(all.next, None);
    };
    check(&site.watch);
    let mut image = Vec::new();
    site.watch.save(&mut image);
    check(&watch::Watch::load(&site.state, 7, &mut image.as_slice()).expect("it was just written"));
    let catalog = site.state.catalog();
    let warehouse = catalog.find_location("B");
    assert_eq!(site.watch.balances(&site.state, warehouse, 0, 1_000, NOW).items.len(), 0);
    let first = site.watch.balances(&site.state, None, 0, 1, NOW);
    assert_eq!(first.next, Some(1));
    let (tea, a) = (catalog.find_product("TEA").expect("named"), catalog.find_location("A").expect("named"));
    let confidence = site.watch.confidence(&site.state, tea, a, Timestamp(site.now)).expect("it is watched");
    assert!(confidence.is_disputed && confidence.value < 0.31, "{confidence:?}");
}

#[test]
fn a_rule_says_how_much_is_seen() {
    let mut site = Site::new();
    site.add("TEA", "A/1", 100);
    for _ in 0..20 {
        site.remove("TEA", "A/1", 1);
    }
    let value = |site: &Site| {
        let catalog = site.state.catalog();
        let (tea, a) = (catalog.find_product("TEA").expect("named"), catalog.find_location("A").expect("named"));
        site.watch.confidence(&site.state, tea, a, Timestamp(site.now)).expect("it is watched").value
    };
    let before = value(&site);
    assert!(!site.watch.has_read_rates());
    site.rule("tags", "low_confidence", &[("read_rate", "0.9"), ("below", "0.3")]);
    assert!(site.watch.has_read_rates());
    site.wait(1);
    assert!((value(&site) / before - 0.9_f64.powi(21)).abs() < 1e-6);
    assert_eq!(site.open(), ["low_confidence TEA A"]);
}

fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let place = (0..3_u8, 0..3_u8, 0..4_u8).prop_map(|(warehouse, zone, bin)| format!("w{warehouse}/z{zone}/b{bin}"));
    let one = (place, -5..300_i64, 0..900_i64, 0..500_u32);
    proptest::collection::vec(one, 0..60).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered
            .map(|(index, (place, on_hand, days, moves))| candidate(&format!("P{index}"), &place, on_hand, days, moves))
            .collect()
    })
}

proptest! {
    #[test]
    fn a_list_keeps_its_budget_counts_nothing_twice_and_pays_each_way_once(
        candidates in any_candidates(),
        seconds in 0.0..5_000.0_f64,
        lines in 0..40_usize,
    ) {
        let costs = Costs::default();
        let proposal = propose(&candidates, Budget { seconds, lines }, &costs);
        prop_assert!(proposal.lines.len() <= lines);
        prop_assert!(proposal.seconds <= seconds + 1e-6, "{} of {seconds}", proposal.seconds);
        let once: BTreeSet<usize> = proposal.lines.iter().map(|line| line.candidate).collect();
        prop_assert_eq!(once.len(), proposal.lines.len());
        let mut ways = BTreeSet::new();
        for line in &proposal.lines {
            let path: &Arc<str> = &candidates[line.candidate].location;
            ways.extend(path.match_indices('/').map(|(end, _)| path[..end].to_owned()).chain([path.to_string()]));
        }
        let walked: f64 = proposal.lines.iter().map(|line| line.walk_seconds).sum();
        let paid: f64 = ways.iter().map(|path| costs.enter_seconds[path.matches('/').count()]).sum();
        prop_assert!((walked - paid).abs() < 1e-6, "{walked} is not {paid}");
        prop_assert_eq!(&proposal, &propose(&candidates, Budget { seconds, lines }, &costs));
    }

    #[test]
    fn with_all_the_time_everything_that_is_worth_it_is_counted(candidates in any_candidates()) {
        let proposal = propose(&candidates, EVERYTHING, &Costs::default());
        prop_assert_eq!(proposal.left, 0);
        prop_assert!(proposal.gain_of_all - proposal.gain < 0.01 * 60.0);
    }

    #[test]
    fn nothing_that_would_still_fit_is_left(candidates in any_candidates(), seconds in 0.0..5_000.0_f64) {
        let costs = Costs::default();
        let proposal = propose(&candidates, Budget { seconds, lines: usize::MAX }, &costs);
        let listed: BTreeSet<usize> = proposal.lines.iter().map(|line| line.candidate).collect();
        let places: BTreeSet<&str> = listed.iter().map(|index| &*candidates[*index].location).collect();
        for (index, candidate) in candidates.iter().enumerate() {
            if !listed.contains(&index) && candidate.gain() >= watch::counts::GAIN_MIN && places.contains(&*candidate.location) {
                prop_assert!(proposal.seconds + costs.count(candidate.on_hand) > seconds - 1e-6, "{candidate:?}");
            }
        }
    }

    #[test]
    fn walk_order_is_an_order(a in "[a-b0-2/]{0,5}", b in "[a-b0-2/]{0,5}", c in "[a-b0-2/]{0,5}") {
        prop_assert_eq!(walk_order(&a, &b), walk_order(&b, &a).reverse());
        prop_assert_eq!(walk_order(&a, &b) == std::cmp::Ordering::Equal, a == b);
        if walk_order(&a, &b).is_le() && walk_order(&b, &c).is_le() {
            prop_assert!(walk_order(&a, &c).is_le());
        }
    }
}
