//! What an export looks like, and that records of every released version are read.

use ledger::*;
use wire::export::{CsvExport, Names, render_ndjson};
use wire::record::{Entry, decode_block, encode_entry};

struct Book;

impl Names for Book {
    fn account(&self, id: AccountId) -> Option<AccountKey> {
        let kind = if id.0 == 0 { AccountKind::Available } else { AccountKind::Customer };
        (id.0 < 2).then_some(AccountKey { kind, product: ProductId(0), location: LocationId(0), lot: LotId(id.0) })
    }
    fn product(&self, _: ProductId) -> Option<&str> {
        Some("SKU \"1\"")
    }
    fn location(&self, _: LocationId) -> Option<&str> {
        Some("warehouse_A")
    }
    fn lot(&self, id: LotId) -> Option<&str> {
        (id != LotId::NONE).then_some("L1")
    }
    fn serial(&self, _: SerialId) -> Option<&str> {
        None
    }
    fn unit(&self, id: UnitId) -> Option<&str> {
        (id == UnitId(0)).then_some("pallet-1")
    }
    fn party(&self, id: PartyId) -> Option<&str> {
        ["ann", "till, 3"].get(id.index()).copied()
    }
    fn reason(&self, _: ReasonId) -> Option<&str> {
        Some("sale")
    }
}

const AT: Timestamp = Timestamp(1_771_236_000_000_000);

fn decision(kind: DecisionKind) -> Decision {
    Decision {
        recorded_at: AT.plus(250_000),
        occurred_at: AT,
        kind,
        actor: PartyId(0),
        source: PartyId(1),
        key: Key { id: 7 << 64 | 5, content: 9 },
        names: Vec::new(),
        postings: Default::default(),
        effects: Vec::new(),
        discrepancies: Vec::new(),
        reason: None,
        reference: None,
        resolves: None,
    }
}

fn entry(id: &str, decision: Decision) -> Entry {
    Entry { id: id.into(), given: None, decision }
}

fn posting(account: u32, micros: i64, after: i64, role: Role) -> Posting {
    Posting { account: AccountId(account), delta: Quantity::from_micros(micros), effective_at: AT.plus(after), role }
}

fn sale() -> Entry {
    let mut sale = decision(DecisionKind::ItemRemoved);
    sale.postings =
        [posting(0, -2_500_000, 0, Role::Movement), posting(1, 2_500_000, 0, Role::Movement)].into_iter().collect();
    sale.reason = Some(ReasonId(1));
    sale.reference = Some("o-1".into());
    sale.discrepancies = vec![Discrepancy::NegativeOnHand { account: AccountId(0), on_hand: Quantity::units(-1) }];
    Entry { given: Some((Quantity::units(1), "case".into())), ..entry("1", sale) }
}

#[test]
fn an_entry_is_one_line_of_json() {
    let line = render_ndjson(Position(3), &sale(), &Book);
    assert_eq!(
        line,
        concat!(
            r#"{"position":3,"event":"item_removed","occurred_at":"2026-02-16T10:00:00Z","#,
            r#""recorded_at":"2026-02-16T10:00:00.250000Z","actor":"ann","source":"till, 3","id":"1","reason":"sale","#,
            r#""reference":"o-1","given_quantity":1,"given_unit":"case","postings":["#,
            r#"{"account":"available","product_id":"SKU \"1\"","location":"warehouse_A","quantity":-2.5,"#,
            r#""effective_at":"2026-02-16T10:00:00Z","role":"movement"},"#,
            r#"{"account":"customer","product_id":"SKU \"1\"","location":"warehouse_A","lot":"L1","quantity":2.5,"#,
            r#""effective_at":"2026-02-16T10:00:00Z","role":"movement"}],"discrepancies":["#,
            r#"{"code":"negative_on_hand","account":"available","product_id":"SKU \"1\"","location":"warehouse_A","quantity":-1}]}"#
        )
    );
    serde_json::from_str::<serde_json::Value>(&line).expect("it is JSON");
}

#[test]
fn a_posting_is_one_row_of_csv() {
    let mut export = CsvExport::new(Vec::new()).expect("memory takes it");
    export.write(Position(3), &sale(), &Book).expect("memory takes it");
    export.write(Position(4), &entry("", decision(DecisionKind::InputHeld)), &Book).expect("memory takes it");
    let text = String::from_utf8(export.finish().expect("memory takes it")).expect("it is UTF-8");
    assert_eq!(
        text,
        "position,event,occurred_at,recorded_at,actor,source,id,reason,reference,account,product_id,location,lot,quantity,effective_at,role
3,item_removed,2026-02-16T10:00:00Z,2026-02-16T10:00:00.250000Z,ann,\"till, 3\",1,sale,o-1,available,\"SKU \"\"1\"\"\",warehouse_A,,-2.5,2026-02-16T10:00:00Z,movement
3,item_removed,2026-02-16T10:00:00Z,2026-02-16T10:00:00.250000Z,ann,\"till, 3\",1,sale,o-1,customer,\"SKU \"\"1\"\"\",warehouse_A,L1,2.5,2026-02-16T10:00:00Z,movement
4,input_held,2026-02-16T10:00:00Z,2026-02-16T10:00:00.250000Z,ann,\"till, 3\",,,,,,,,,,
"
    );
}

fn names() -> Vec<Name> {
    let key =
        AccountKey { kind: AccountKind::Quarantined, product: ProductId(300), location: LocationId(2), lot: LotId(1) };
    vec![
        Name::Party("ann".into()),
        Name::Product("SKU123".into()),
        Name::Location("warehouse_A/bin".into()),
        Name::Lot(ProductId(0), "L-é".into()),
        Name::Serial(ProductId(0), "S1".into()),
        Name::Account(key),
    ]
}

fn effects() -> Vec<Effect> {
    let counted = Counted {
        account: AccountId(4),
        counted_at: AT,
        quantity: Quantity::units(10),
        expected: Quantity::from_micros(-1),
        trust: 200,
        id: "c1".into(),
    };
    let sighted = Sighted { serial: SerialId(1), seen_at: AT, place: None, id: "".into() };
    let card = ProductCard {
        product: "SKU123".into(),
        name: "Tea".into(),
        gtin: "4006381333931".into(),
        category: "hot".into(),
        base_unit: "box".into(),
        units: vec![Unit { name: "case".into(), numerator: 12, denominator: 1 }],
    };
    let location = LocationCard {
        location: "w".into(),
        name: "West".into(),
        region: "EU".into(),
        gln: "4012345000009".into(),
        site: None,
    };
    let reason = ReasonCard { code: "gift".into(), name: "Gift".into(), counterpart: AccountKind::Customer, trust: 0 };
    let held = Unusable {
        raw: "{".into(),
        code: "invalid_json".into(),
        field: "".into(),
        detail: "…".into(),
        place: "row 7".into(),
    };
    vec![
        Effect::Counted(counted.clone()),
        Effect::CountWithdrawn(counted),
        Effect::Sighted(Sighted { place: Some(AccountId(0)), ..sighted.clone() }),
        Effect::SightingWithdrawn(sighted),
        Effect::LotExpires(LotId(1), Day(20_500)),
        Effect::Expected(Box::new(Expected {
            account: AccountId(2),
            reference: "PO-1".into(),
            delta: Quantity::units(-3),
            expected_at: Some(AT),
        })),
        Effect::Reserved(Box::new(Reservation {
            reservation: "r".into(),
            warehouse: LocationId(0),
            lines: vec![ReservedLine { line: 1, account: AccountId(3), quantity: Quantity::units(2) }],
            expires_at: None,
            state: ReservationState::Pending,
        })),
        Effect::ReservationEnded { reservation: "r".into(), outcome: ReservationState::Expired },
        Effect::Product(Box::new(card)),
        Effect::Location(Box::new(location)),
        Effect::Reason(Box::new(reason)),
        Effect::Reversed { entry: Position(1 << 40), reason: "typo".into() },
        Effect::Held(Box::new(held)),
        Effect::Discarded { held: Position(7), reason: "twice".into() },
        Effect::IdsRotated,
        Effect::HistoryFolded { account: AccountId(0), before: AT },
    ]
}

fn discrepancies() -> Vec<Discrepancy> {
    let (account, serial, lot) = (AccountId(5), SerialId(0), LotId(1));
    let quantity = Quantity::units(-4);
    vec![
        Discrepancy::NegativeOnHand { account, on_hand: quantity },
        Discrepancy::CountVariance { account, variance: quantity },
        Discrepancy::SerialElsewhere { serial, believed: account, seen: Some(AccountId(0)) },
        Discrepancy::SerialUnknown { serial },
        Discrepancy::LotMissing { account },
        Discrepancy::ExpiryConflict { lot, other: Day(-1) },
        Discrepancy::OverReceipt { account, excess: quantity },
        Discrepancy::ReservedShort { account, short: quantity },
    ]
}

/// One entry of each kind; all names, effects and discrepancies are on some of them.
fn one_of_each() -> Vec<Entry> {
    let later = |kind: &DecisionKind| OBSERVING.contains(kind) || OF_UNITS.contains(kind) || WATCHING.contains(kind);
    let first = DecisionKind::ALL.into_iter().filter(|kind| !later(kind));
    let mut entries: Vec<Entry> = first.map(|kind| entry(kind.name(), decision(kind))).collect();
    entries.push(sale());
    let mut late = decision(DecisionKind::ItemCounted);
    late.postings = [posting(0, 1, -5, Role::Variance), posting(300, -1, -5, Role::Movement)].into_iter().collect();
    late.names = names();
    late.effects = effects();
    late.discrepancies = discrepancies();
    late.resolves = Some(Position(9));
    entries.push(entry("", late));
    entries
}

/// Kinds that came after the first, and have a golden file of their own.
const OBSERVING: [DecisionKind; 2] = [DecisionKind::DeviceDeclared, DecisionKind::ObservationRecorded];

fn observing() -> Vec<Entry> {
    let mut declared = decision(DecisionKind::DeviceDeclared);
    declared.effects = vec![Effect::Device(Box::new(DeviceCard {
        device: "scale-3".into(),
        name: "Shelf 3".into(),
        kind: "scale".into(),
        location: "warehouse_A/shelf-3".into(),
        interval_micros: Some(30_000_000),
        settings: "{\"tare_g\":120}".into(),
    }))];
    let mut observed = decision(DecisionKind::ObservationRecorded);
    observed.effects = vec![Effect::Observed(Box::new(Observation {
        form: "readings".into(),
        sent_at: Some(AT),
        sequence: Some(7),
        battery_permille: Some(905),
        failures: 1,
        content: b"[]".as_slice().into(),
    }))];
    vec![entry("", declared), entry("m-7", observed)]
}

const OF_UNITS: [DecisionKind; 2] = [DecisionKind::UnitPacked, DecisionKind::UnitUnpacked];

/// What is said of handling units.
fn of_units() -> Vec<Entry> {
    let place = UnitPlace { kind: AccountKind::InTransit, location: LocationId(3) };
    let (product, lot, status) = (ProductId(1), LotId(0), Status::Damaged);
    let report = UnitReport {
        unit: UnitId(1),
        seen_at: AT,
        id: "u1@dock".into(),
        deed: UnitDeed::Packed,
        place: Some(place),
        status: Some(Status::Available),
        counterpart: AccountKind::Supplier,
        contents: vec![
            UnitContent::Stock { product, lot, status, quantity: Quantity::units(4) },
            UnitContent::Serial { serial: SerialId(7), product, lot, status },
            UnitContent::Unit(UnitId(0)),
        ],
        reference: "ASN-1".into(),
    };
    let mut packed = decision(DecisionKind::UnitPacked);
    packed.names = vec![Name::Unit("pallet-1".into())];
    packed.effects = vec![
        Effect::UnitReported(Box::new(report.clone())),
        Effect::UnitReportWithdrawn(Box::new(report)),
        Effect::UnitStands(UnitStands { unit: UnitId(0), place: Some(place), parent: Some(UnitId(1)), seen_at: AT }),
        Effect::UnitHolds(UnitHolds { unit: UnitId(1), product, lot, status, quantity: Quantity::units(4) }),
        Effect::SerialStands { serial: SerialId(7), unit: Some(UnitId(1)), place: Some(AccountId(2)) },
        Effect::UnitsFolded { unit: UnitId(0), before: AT },
    ];
    packed.discrepancies = vec![
        Discrepancy::UnitElsewhere { unit: UnitId(0), believed: LocationId(1), seen: LocationId(2) },
        Discrepancy::UnitInAnother { unit: UnitId(0), parent: UnitId(2) },
    ];
    vec![entry("u1", packed), entry("", decision(DecisionKind::UnitUnpacked))]
}

const WATCHING: [DecisionKind; 5] = [
    DecisionKind::RuleDeclared,
    DecisionKind::RuleWithdrawn,
    DecisionKind::AlertOpened,
    DecisionKind::AlertChanged,
    DecisionKind::AlertResolved,
];

/// What is said of alerts and rules, and of where a location is.
fn watching() -> Vec<Entry> {
    let pair = |name: &str, value: &str| (Box::from(name), Box::from(value));
    let rule = RuleCard {
        rule: "cold".into(),
        name: "Cold room".into(),
        condition: "temperature".into(),
        product: "TEA".into(),
        category: "hot".into(),
        location: "w/cold".into(),
        region: "EU".into(),
        device: "t-1".into(),
        settings: vec![pair("max", "8"), pair("min", "2")],
        severity: Some(Severity::Critical),
        owner: "anna".into(),
        escalate_minutes: Some(30),
        is_off: true,
    };
    let alert = Alert {
        condition: "temperature".into(),
        subject: AlertSubject {
            product: "TEA".into(),
            location: "w/cold".into(),
            lot: "L1".into(),
            device: "t-1".into(),
            metric: "temperature_celsius".into(),
            shipment: "ASN-1".into(),
        },
        severity: Severity::Warning,
        why: "9.5 °C for 20 min; 8 °C at most".into(),
        figures: vec![pair("value", "9.5")],
        since: AT,
        rule: "cold".into(),
        owner: "anna".into(),
        cause: Position(7),
    };
    let steps = [
        AlertStep::Acknowledged,
        AlertStep::Snoozed { until: AT },
        AlertStep::Woken,
        AlertStep::Assigned { owner: "ben".into() },
        AlertStep::Noted,
        AlertStep::Escalated { level: 2 },
        AlertStep::Resolved { outcome: "cleared".into() },
    ];
    let change = |step| Effect::AlertChanged(Box::new(AlertChange { alert: Position(8), step, note: "see".into() }));
    let of_kind = |kind, effects| {
        let mut decision = decision(kind);
        decision.effects = effects;
        entry("", decision)
    };
    let site = Some(Site { latitude_micros: 52_370_216, longitude_micros: -4_895_168, radius_m: 250 });
    let located = LocationCard { location: "w".into(), site, ..LocationCard::default() };
    vec![
        of_kind(DecisionKind::RuleDeclared, vec![Effect::Rule(Box::new(rule))]),
        of_kind(DecisionKind::RuleWithdrawn, vec![Effect::RuleWithdrawn { rule: "cold".into() }]),
        of_kind(DecisionKind::AlertOpened, vec![Effect::AlertOpened(Box::new(alert))]),
        of_kind(DecisionKind::AlertChanged, steps.into_iter().map(change).collect()),
        of_kind(DecisionKind::AlertResolved, vec![]),
        of_kind(DecisionKind::LocationDeclared, vec![Effect::Location(Box::new(located))]),
    ]
}

#[test]
fn records_of_version_1_are_read_for_ever() {
    check_golden("records-v1.bin", &one_of_each());
    check_golden("records-v1-observing.bin", &observing());
    check_golden("records-v1-units.bin", &of_units());
    check_golden("records-v1-watching.bin", &watching());
}

fn check_golden(file: &str, entries: &[Entry]) {
    let path = format!("{}/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut encoded = Vec::new();
    for entry in entries {
        encode_entry(entry, &mut encoded);
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &encoded).expect("the golden file can be written");
    }
    let golden = std::fs::read(&path).expect("the golden file is there; BLESS=1 writes it");
    let decoded: Result<Vec<Entry>, _> = decode_block(&golden).collect();
    assert!(decoded.as_deref() == Ok(entries), "{file} is read as it was");
    assert_eq!(encoded, golden, "the schema has not changed; BLESS=1 only for a new version in a new file");
}
