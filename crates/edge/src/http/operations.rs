//! What operators look at: `/healthz`, `/readyz`, `/metrics`. `docs/api.md` lists the metrics.

use crate::App;
use crate::app::Sensed;
use crate::http::Problem;
use crate::http::json::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::{Health, Histogram};
use intake::rfid::Tallies;
use serde::Serialize;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use utoipa::ToSchema;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/healthz", get(health)).route("/readyz", get(readiness)).route("/metrics", get(metrics))
}

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthReply {
    /// `working`, `disk_full`, `disk_failed` or `stopping`.
    #[schema(value_type = String)]
    status: &'static str,
    as_of_position: u64,
}

/// Says that the process lives.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "It lives", body = HealthReply)))]
pub(crate) async fn health(State(app): State<App>) -> Response {
    Json(StatusCode::OK, state(&app)).into_response()
}

/// Says whether work is taken.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    responses(
        (status = 200, description = "Work is taken", body = HealthReply),
        (status = 503, description = "Work is refused; reads are served", body = Problem),
    )
)]
pub(crate) async fn readiness(State(app): State<App>) -> Result<Response, Problem> {
    match app.engine().health().refusal() {
        Some(why) => Err(Problem::from(why)),
        None => Ok(Json(StatusCode::OK, state(&app)).into_response()),
    }
}

fn state(app: &App) -> HealthReply {
    let status = match app.engine().health() {
        Health::Working => "working",
        Health::DiskFull => "disk_full",
        Health::DiskFailed => "disk_failed",
        Health::Stopping => "stopping",
    };
    HealthReply { status, as_of_position: app.engine().position().0 }
}

/// Shows counters and gauges in the Prometheus text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "Metrics in the Prometheus text format", content_type = "text/plain", body = String))
)]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text(&app)).into_response()
}

fn text(app: &App) -> String {
    let engine = app.engine();
    let stats = engine.stats();
    let mut out = Exposition::default();
    out.family("stocktide_events_total", "counter", "Requests judged, by what became of them.");
    let outcomes = [
        ("accepted", &stats.accepted),
        ("duplicate", &stats.duplicates),
        ("held", &stats.held),
        ("rejected", &stats.rejected),
    ];
    for (outcome, counter) in outcomes {
        out.sample("stocktide_events_total", &format!("{{outcome=\"{outcome}\"}}"), counter.load(Relaxed));
    }
    out.one("stocktide_blocks_total", "counter", "Journal blocks made durable.", stats.blocks.load(Relaxed));
    out.one("stocktide_block_bytes_total", "counter", "Bytes of records made durable.", stats.bytes.load(Relaxed));
    let acknowledged = "From the arrival of a request to its acknowledgement.";
    out.histogram("stocktide_acknowledge_seconds", acknowledged, &stats.acknowledge_micros);
    out.histogram("stocktide_sync_seconds", "The durable write of a block.", &stats.sync_micros);
    let (requests, bytes) = engine.queue_depth();
    out.one("stocktide_queue_requests", "gauge", "Requests that wait to be decided.", requests);
    out.one("stocktide_queue_bytes", "gauge", "Bytes of requests that wait to be decided.", bytes);
    out.one("stocktide_position", "gauge", "The last position shown.", engine.position().0);
    let working = u64::from(engine.health() == Health::Working);
    out.one("stocktide_working", "gauge", "1 while work is taken.", working);
    let totals = engine.views().totals();
    out.one("stocktide_products", "gauge", "Products known.", totals.products);
    out.one("stocktide_stock_keys", "gauge", "Stock keys ever used.", totals.stock_keys);
    out.one("stocktide_negative_keys", "gauge", "Stock keys below zero.", totals.negative_keys);
    out.one("stocktide_recount_tasks", "gauge", "Open recount tasks.", totals.recount_tasks);
    out.one("stocktide_held_inputs", "gauge", "Inputs that wait for a person.", totals.held);
    out.one("stocktide_reservations", "gauge", "Pending reservations.", totals.reservations);
    out.one("stocktide_http_requests_total", "counter", "HTTP requests.", app.requests());
    out.one("stocktide_http_connections", "gauge", "Open connections.", app.connections());
    out.one("stocktide_http_streams", "gauge", "Open live streams.", app.streams());
    out.one("stocktide_http_body_bytes", "gauge", "Memory given out for bodies.", app.body_bytes());
    let history = engine.history().memory_bytes();
    out.one("stocktide_history_memory_bytes", "gauge", "Memory of the history index not yet on disk.", history);
    if let Some(resident_bytes) = app.settings().resident_bytes {
        out.one("process_resident_memory_bytes", "gauge", "Memory of the process.", resident_bytes());
    }
    if let Some(sensed) = app.sensed() {
        sensing(&mut out, sensed);
    }
    brokers(&mut out, app);
    let uptime_micros = engine.now().0.saturating_sub(app.started_at().0).max(0).cast_unsigned();
    out.one("stocktide_uptime_seconds", "gauge", "Since the server came to be.", uptime_micros / 1_000_000);
    out.0
}

/// How the clients of brokers are.
fn brokers(out: &mut Exposition, app: &App) {
    let brokers: Vec<_> = app
        .brokers()
        .into_iter()
        .map(|(name, status)| (label(&name), status.is_connected(), status.counters()))
        .collect();
    if brokers.is_empty() {
        return;
    }
    out.family("stocktide_mqtt_connected", "gauge", "1 while the connection to the broker stands.");
    for (name, is_connected, _) in &brokers {
        out.sample("stocktide_mqtt_connected", &format!("{{client=\"{name}\"}}"), u64::from(*is_connected));
    }
    out.family("stocktide_mqtt_in_flight", "gauge", "Messages that wait to be durable.");
    for (name, _, counters) in &brokers {
        out.sample("stocktide_mqtt_in_flight", &format!("{{client=\"{name}\"}}"), counters.in_flight);
    }
    out.family("stocktide_mqtt_total", "counter", "Messages, what was in them, and connections.");
    for (name, _, counters) in &brokers {
        let counts = [
            ("received", counters.received),
            ("acknowledged", counters.acknowledged),
            ("recorded", counters.recorded),
            ("duplicate", counters.duplicates),
            ("held", counters.held),
            ("unmatched", counters.unmatched),
            ("retried", counters.retries),
            ("connected", counters.connections),
        ];
        for (what, count) in counts {
            out.sample("stocktide_mqtt_total", &format!("{{client=\"{name}\",what=\"{what}\"}}"), count);
        }
    }
}

/// A text as the value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// What became of tag reads, over all sites.
fn sensing(out: &mut Exposition, sensed: &Sensed) {
    let reached = sensed.progress.position().0;
    out.one("stocktide_sensing_position", "gauge", "The last position whose readings were judged.", reached);
    let sites = sensed.senses.sites();
    let tags: usize = sites.values().map(|site| site.tags).sum();
    out.one("stocktide_tags", "gauge", "Tags that are tracked.", tags);
    out.family("stocktide_tag_reads_total", "counter", "Tag reads, by what became of them.");
    let sum = |count: fn(&Tallies) -> u64| sites.values().map(|site| count(&site.tallies)).sum::<u64>();
    let fates = [
        ("counted", sum(|tallies| tallies.reads)),
        ("late", sum(|tallies| tallies.late)),
        ("ahead", sum(|tallies| tallies.ahead)),
        ("no_room", sum(|tallies| tallies.full)),
    ];
    for (fate, reads) in fates {
        out.sample("stocktide_tag_reads_total", &format!("{{outcome=\"{fate}\"}}"), reads);
    }
}

/// Metrics as text. Writing to a string cannot fail, so results are not looked at.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.sample(name, "", value);
    }

    /// A histogram of microseconds, in seconds.
    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.family(name, "histogram", help);
        let count = histogram.summary().count;
        for (bound, below) in histogram.cumulative() {
            self.sample(name, &format!("_bucket{{le=\"{}\"}}", seconds(bound)), below.min(count));
        }
        self.sample(name, "_bucket{le=\"+Inf\"}", count);
        self.sample(name, "_sum", seconds(histogram.sum()));
        self.sample(name, "_count", count);
    }
}

/// Microseconds in seconds, exactly.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
