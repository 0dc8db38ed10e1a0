//! The same events into PostgreSQL, as one would build it there: a table of movements in which each id is unique, and a
//! table of levels beside it, in one transaction for a thousand events, each durable before the next.

use super::Scale;
use super::figure::{Figure, Figures, Unit, number};
use super::load::{Keys, Load};
use crate::clock;
use crate::clock::Stopwatch;
use anyhow::{Context, Result};
use ledger::{Body, EventKind};
use tokio_postgres::{Client, NoTls};
use wire::{Batch, KeyHasher};

const EVENTS: usize = 1_000_000;
const CONNECTIONS: usize = 2;

const SCHEMA: &str = "
    DROP SCHEMA IF EXISTS stocktide_bench CASCADE;
    CREATE SCHEMA stocktide_bench;
    CREATE TABLE stocktide_bench.movements (
        source text, id text, product text, location text, delta bigint, occurred_at bigint,
        recorded_at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (source, id));
    CREATE TABLE stocktide_bench.levels (
        product text, location text, on_hand bigint, PRIMARY KEY (product, location));";

/// Only what was not there before changes levels. In order, so that two senders never wait for each other in a circle.
const MOVE: &str = "
    WITH taken AS (
        INSERT INTO stocktide_bench.movements (source, id, product, location, delta, occurred_at)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
        ON CONFLICT DO NOTHING RETURNING product, location, delta)
    INSERT INTO stocktide_bench.levels AS level (product, location, on_hand)
    SELECT product, location, sum(delta)::bigint FROM taken GROUP BY product, location ORDER BY product, location
    ON CONFLICT (product, location) DO UPDATE SET on_hand = level.on_hand + excluded.on_hand";

/// The columns of a batch.
#[derive(Default)]
struct Columns {
    sources: Vec<String>,
    ids: Vec<String>,
    products: Vec<String>,
    locations: Vec<String>,
    deltas: Vec<i64>,
    times: Vec<i64>,
}

pub(super) fn measure(scale: &Scale, url: &str, figures: &mut Figures) -> Result<()> {
    let keys = Keys::new(100_000);
    let mut load = Load::new(&keys, KeyHasher::new([7; 16]), clock::now());
    let columns = |batches: Vec<Batch>| batches.iter().map(columns_of).collect::<Vec<Columns>>();
    let (opening, batches) = (columns(load.opening()), columns(load.batches(scale.of(EVENTS))));
    let events: usize = batches.iter().map(|batch| batch.ids.len()).sum();
    let runtime = crate::server::runtime()?;
    let rate = runtime.block_on(async {
        let admin = connect(url).await?;
        admin.batch_execute(SCHEMA).await.context("making the schema")?;
        send(&admin, &opening).await?;
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(connect(url).await?);
        }
        let begun = Stopwatch::start();
        let share = batches.len().div_ceil(CONNECTIONS).max(1);
        let mut portions = batches;
        let mut sending = tokio::task::JoinSet::new();
        for client in clients {
            let portion: Vec<Columns> = portions.drain(..share.min(portions.len())).collect();
            sending.spawn(async move { send(&client, &portion).await });
        }
        while let Some(sent) = sending.join_next().await {
            sent??;
        }
        let rate = number(events) / begun.seconds();
        admin.batch_execute("DROP SCHEMA stocktide_bench CASCADE").await.context("dropping the schema")?;
        anyhow::Ok(rate)
    })?;
    figures.push(Figure::new("PostgreSQL, 1 000 events a transaction", rate, Unit::EventsPerSecond));
    Ok(())
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("connecting to PostgreSQL")?;
    tokio::spawn(connection);
    client.batch_execute("SET synchronous_commit = on").await?;
    Ok(client)
}

async fn send(client: &Client, batches: &[Columns]) -> Result<()> {
    let statement = client.prepare(MOVE).await?;
    for batch in batches {
        let Columns { sources, ids, products, locations, deltas, times } = batch;
        client.execute(&statement, &[sources, ids, products, locations, deltas, times]).await?;
    }
    Ok(())
}

fn columns_of(batch: &Batch) -> Columns {
    let mut columns = Columns::default();
    for request in batch.iter() {
        let Body::Event(event) = request.body else { continue };
        let micros = event.quantity.micros();
        columns.sources.push(request.source.to_owned());
        columns.ids.push(request.id.to_owned());
        columns.products.push(event.product.to_owned());
        columns.locations.push(event.location.to_owned());
        columns.deltas.push(if event.kind == EventKind::ItemRemoved { -micros } else { micros });
        columns.times.push(request.occurred_at.0);
    }
    columns
}
