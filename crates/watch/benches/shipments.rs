//! How many positions a second one core follows, and how many predictions of lateness it makes.
//!
//! `cargo bench -p watch --bench shipments`

use divan::counter::ItemsCount;
use ledger::Timestamp;
use std::hint::black_box;
use watch::shipment::lateness::{Field, Model, Schema, Term, Value};
use watch::shipment::{Card, Fix, Mode, Point, Report, Settings, Shipments, Site};

const VEHICLES: u32 = 100;
/// Of each vehicle: a day of a position a minute.
const POSITIONS: u32 = 1_440;
const MINUTE: i64 = 60_000_000;

fn main() {
    divan::main();
}

fn point(latitude: f64, longitude: f64) -> Point {
    Point::new(latitude, longitude).expect("on the earth")
}

fn shipments() -> Shipments {
    let mut shipments = Shipments::new(Settings::default());
    for (location, longitude) in [("from", 0.0), ("to", 15.0)] {
        let centre = point(50.0, longitude);
        shipments.put_site(Site { location: location.into(), centre, radius_m: 1_000, polygon: Vec::new() });
    }
    for vehicle in 0..VEHICLES {
        let card = Card {
            from: "from".into(),
            to: "to".into(),
            mode: Mode::Road,
            vehicle: Some(vehicle.to_string().into()),
            promised_at: Some(Timestamp(2_000 * MINUTE)),
            departure_at: Some(Timestamp(0)),
            ..Card::default()
        };
        shipments.take(&vehicle.to_string(), &Report::Planned(Box::new(card)));
    }
    shipments.tick(Timestamp(0));
    shipments
}

#[divan::bench]
fn positions(bencher: divan::Bencher<'_, '_>) {
    let names: Vec<String> = (0..VEHICLES).map(|vehicle| vehicle.to_string()).collect();
    bencher.counter(ItemsCount::new(VEHICLES * POSITIONS)).with_inputs(shipments).bench_values(|mut shipments| {
        for minute in 0..POSITIONS {
            let longitude = f64::from(minute) * 0.01;
            for name in &names {
                let at = Timestamp(i64::from(minute) * MINUTE);
                shipments.take_position(name, Fix { at, point: point(50.0, longitude), accuracy_m: 10 });
            }
        }
        shipments
    });
}

#[divan::bench]
fn ticks(bencher: divan::Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(VEHICLES)).with_inputs(shipments).bench_refs(|shipments| {
        black_box(shipments.tick(Timestamp(MINUTE)));
    });
}

#[divan::bench]
fn predictions(bencher: divan::Bencher<'_, '_>) {
    let schema = Schema {
        fields: vec![Field::text("vendor"), Field::text("country"), Field::number("quantity", 2)],
        terms: vec![
            Term::level(1.0, None),
            Term::of(&[0], 0.2, Some(730.0)),
            Term::of(&[0, 1], 0.2, Some(730.0)),
            Term::of(&[2], 0.2, Some(730.0)),
        ],
        ..Schema::default()
    };
    let mut model = Model::new(schema);
    let vendors: Vec<String> = (0..1_000).map(|vendor| format!("vendor {vendor}")).collect();
    for (minute, vendor) in (0_i64..).zip(&vendors) {
        let values = [Value::Text(vendor), Value::Text("X"), Value::Number(100.0)];
        model.learn(&values, minute % 7 == 0, Timestamp(minute * MINUTE));
    }
    bencher.counter(ItemsCount::new(vendors.len())).bench_local(|| {
        for vendor in &vendors {
            let values = [Value::Text(vendor), Value::Text("X"), Value::Number(100.0)];
            black_box(model.predict(&values, Timestamp(2_000 * MINUTE)));
        }
    });
}
