//! What devices say, made into observations, one way for every way in.

use engine::Handle;
use ledger::{Command, Observation, Timestamp};
use wire::observation::{self, Place, Reading, ReadingValue, TagRead, pack_reads, render_place, render_readings};
use wire::reads::Reads;
use wire::sparkplug::{Fact, FactKind, Value};
use wire::{Batch, KeyHasher, Problem};

/// The longest text of a metric that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 1_000;
/// The longest message of packed reads that goes into one observation, in reads.
const READS_TOGETHER_MAX: usize = 20_000;

/// Observations of one message.
pub(crate) struct Heard {
    hasher: KeyHasher,
    actor: Box<str>,
    batch: Batch,
}

impl Heard {
    /// Nothing yet, in the name of `actor`.
    pub(crate) fn new(handle: &Handle, actor: &str) -> Self {
        Self { hasher: handle.hasher(), actor: actor.into(), batch: Batch::new() }
    }

    /// What was heard.
    pub(crate) fn into_batch(self) -> Batch {
        self.batch
    }

    /// One observation of `device`. What says the same at the same time is the same.
    pub(crate) fn push(&mut self, device: &str, at: Timestamp, observation: Observation) {
        let command = Command::Observe(Box::new(observation));
        let key = self.hasher.command(device, "", at, &command);
        self.batch.push_command(&self.actor, device, "", key, at, command);
    }

    /// Tag reads, those of each reader together. A read that says no time was seen when it was received.
    pub(crate) fn tag_reads(&mut self, source: &str, reads: &Reads, received_at: Timestamp) {
        let of_device = |device: Option<u16>| {
            let of = move |read: &&wire::reads::TagRead| read.device == device;
            reads.reads.iter().filter(of)
        };
        let named = (0..reads.devices.len()).filter_map(|place| u16::try_from(place).ok()).map(Some);
        for device in std::iter::once(None).chain(named) {
            let name = device.and_then(|place| reads.devices.get(usize::from(place))).map_or(source, |name| name);
            let packed: Vec<TagRead<'_>> = of_device(device)
                .map(|read| TagRead {
                    epc: &read.epc,
                    antenna: read.antenna,
                    rssi_centi_dbm: read.rssi_centi_dbm,
                    seen_at: read.seen_at.unwrap_or(received_at),
                    count: read.count,
                })
                .collect();
            self.packed_reads(name, &packed);
        }
    }

    /// Reads of one reader.
    pub(crate) fn packed_reads(&mut self, device: &str, reads: &[TagRead<'_>]) {
        for together in reads.chunks(READS_TOGETHER_MAX) {
            let Some(sent_at) = together.iter().map(|read| read.seen_at).max() else { continue };
            let observation = Observation {
                form: observation::TAG_READS.into(),
                sent_at: Some(sent_at),
                content: pack_reads(together.iter().copied()),
                ..Observation::default()
            };
            self.push(device, sent_at, observation);
        }
    }

    /// Figures of one device.
    pub(crate) fn readings(
        &mut self,
        device: &str,
        readings: &[Reading<'_>],
        sent_at: Option<Timestamp>,
        received_at: Timestamp,
    ) {
        let observation = Observation {
            form: observation::READINGS.into(),
            sent_at,
            content: render_readings(readings).into_bytes().into(),
            ..Observation::default()
        };
        self.push(device, sent_at.unwrap_or(received_at), observation);
    }

    /// Where a device is.
    pub(crate) fn place(&mut self, device: &str, place: &Place, sent_at: Option<Timestamp>, received_at: Timestamp) {
        let observation = Observation {
            form: observation::POSITION.into(),
            sent_at,
            content: render_place(place).into_bytes().into(),
            ..Observation::default()
        };
        self.push(device, sent_at.unwrap_or(received_at), observation);
    }
}

/// What one edge node, or one device of it, said in a message.
#[derive(Default)]
pub(crate) struct Sparkplug {
    readings: Vec<Reading<'static>>,
    newest_at: Option<Timestamp>,
    failures: u32,
}

impl Sparkplug {
    /// Adds the value of a metric. A null says nothing.
    ///
    /// # Errors
    /// `unsupported_datatype` for sets of data and templates, which are no figures.
    pub(crate) fn reading(&mut self, reading: &wire::sparkplug::Reading) -> Result<(), Problem> {
        let Some(value) = &reading.value else { return Ok(()) };
        let value = figure(value).ok_or_else(|| {
            let detail = format!(
                "metric {} is a {}, which is no figure; send its members as metrics of their own",
                wire::problem::shown(&reading.metric),
                reading.datatype.name()
            );
            Problem::new("unsupported_datatype", reading.metric.to_string(), detail)
        })?;
        self.at(reading.at);
        let metric = reading.metric.to_string().into();
        self.readings.push(Reading { metric, value, unit: "".into(), at: Some(reading.at) });
        Ok(())
    }

    /// Adds something that happened to it.
    pub(crate) fn fact(&mut self, fact: &Fact) {
        let (metric, text) = match fact.kind {
            FactKind::Born { .. } => ("state", "born".to_owned()),
            FactKind::Died => ("state", "died".to_owned()),
            FactKind::Stale => ("state", "stale".to_owned()),
            FactKind::SequenceGap { expected, received } => {
                ("fault", format!("messages {expected} up to {received} are missing"))
            }
            FactKind::BeforeBirth => ("fault", "data before a birth".to_owned()),
            FactKind::UnknownMetric { alias: Some(alias) } => ("fault", format!("no birth named alias {alias}")),
            FactKind::UnknownMetric { alias: None } => ("fault", "a metric that no birth named".to_owned()),
            FactKind::Repeated { seq } => ("fault", format!("message {seq} came again")),
            FactKind::OldDeath { bd_seq } => ("fault", format!("a death of the earlier birth {bd_seq}")),
        };
        self.failures = self.failures.saturating_add(u32::from(metric == "fault"));
        self.at(fact.at);
        let value = ReadingValue::Text(text.into());
        self.readings.push(Reading { metric: metric.into(), value, unit: "".into(), at: Some(fact.at) });
    }

    fn at(&mut self, at: Timestamp) {
        self.newest_at = self.newest_at.max(Some(at));
    }

    /// Tells it as one observation of `device`.
    pub(crate) fn tell(self, heard: &mut Heard, device: &str, received_at: Timestamp) {
        if self.readings.is_empty() {
            return;
        }
        let observation = Observation {
            form: observation::READINGS.into(),
            sent_at: self.newest_at,
            failures: self.failures,
            content: render_readings(&self.readings).into_bytes().into(),
            ..Observation::default()
        };
        heard.push(device, self.newest_at.unwrap_or(received_at), observation);
    }
}

/// The figure of a Sparkplug value; `None` for what is none.
fn figure(value: &Value) -> Option<ReadingValue<'static>> {
    let number = |text: String| ReadingValue::Number(text.into());
    Some(match value {
        Value::Int(whole) => number(whole.to_string()),
        Value::UInt(whole) | Value::DateTime(whole) => number(whole.to_string()),
        // As short as it can be told exactly, with an exponent where that is shorter.
        Value::Float(float) if float.is_finite() => number(format!("{float:?}")),
        Value::Double(float) if float.is_finite() => number(format!("{float:?}")),
        Value::Float(float) => text(&float.to_string()),
        Value::Double(float) => text(&float.to_string()),
        Value::Boolean(is) => ReadingValue::Bool(*is),
        Value::Text(words) => text(words),
        Value::Bytes(bytes) => text(&follow::sensing::hex(bytes)),
        Value::Ints(list) => text(&joined(list)),
        Value::UInts(list) => text(&joined(list)),
        Value::Floats(list) => text(&joined(list)),
        Value::Doubles(list) => text(&joined(list)),
        Value::Booleans(list) => text(&joined(list)),
        Value::Texts(list) => text(&joined(list)),
        Value::DateTimes(list) => text(&joined(list)),
        Value::DataSet(_) | Value::Template(_) => return None,
    })
}

fn joined(list: &[impl ToString]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn text(words: &str) -> ReadingValue<'static> {
    ReadingValue::Text(words[..words.floor_char_boundary(TEXT_BYTES_MAX)].to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_figures_or_nothing() {
        let check = |value: Value, expect: ReadingValue<'_>| assert_eq!(figure(&value), Some(expect));
        check(Value::Int(-4), ReadingValue::Number("-4".into()));
        check(Value::Double(21.5), ReadingValue::Number("21.5".into()));
        check(Value::Double(f64::NAN), ReadingValue::Text("NaN".into()));
        check(Value::Bytes([0x0a, 0xff].into()), ReadingValue::Text("0AFF".into()));
        check(Value::UInts([1, 2].into()), ReadingValue::Text("1, 2".into()));
        check(Value::Text("é".repeat(1_000).into()), ReadingValue::Text("é".repeat(500).into()));
    }

    #[test]
    fn very_small_and_large_floats_are_json_numbers() {
        for float in [f64::MIN_POSITIVE, f64::MAX, 1e-7, 0.1 + 0.2] {
            let Some(ReadingValue::Number(text)) = figure(&Value::Double(float)) else { panic!("{float} is a number") };
            assert!(text.len() <= observation::NUMBER_BYTES_MAX, "{text}");
            serde_json::from_str::<serde_json::Number>(&text).unwrap();
            assert_eq!(text.parse(), Ok(float), "{text}");
        }
    }
}
