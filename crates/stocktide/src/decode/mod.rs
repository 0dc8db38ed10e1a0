//! `stocktide decode`: what a code, a message or a document says, one JSON object a line, so that anybody can try one and
//! whole files of cases can be run. It changes nothing and needs no data directory.
//!
//! Start with [`run`]; [`lines`] cuts input into lines, [`messages`] into a reader's messages, [`documents`] into documents.

mod documents;
mod lines;
mod messages;
mod print;

use crate::failure::{Ended, Usage, usage};
use crate::import::Source;
use crate::{clock, output};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use lines::{Line, Lines};
use print::Printer;
use serde_json::{Map, Value};
use std::io::{self, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Prints one JSON object for each code, message or event, a line each, in the order of the input;
\"verdict\" says whether it is valid. docs/decode.md shows each kind.

Examples:
  echo '(01)09520123456788(17)261231(10)ABC' | stocktide decode gs1
  echo 3074257BF7194E4000001A85 | stocktide decode epc
  stocktide decode gs1 --check codes.txt";

const GS1_EXAMPLES: &str = "\
A line is a symbol as a scanner sends it (]C1...), an element string with brackets or separators
(^ or the control character GS), a Digital Link, the digits of a GTIN or SSCC, or a test case of
GS1 as a JSON object. docs/formats/gs1.md says more.

Examples:
  echo '(01)09520123456788(17)261231(10)ABC' | stocktide decode gs1
  echo https://id.gs1.org/01/09520123456788/10/ABC | stocktide decode gs1 --date 2026-11-24
  stocktide decode gs1 crates/wire/tests/data/gs1/barcode_syntax_cases.jsonl";

const EPC_EXAMPLES: &str = "\
A line is a tag's memory in hexadecimal digits, an EPC URI, a Digital Link, an element string in
brackets, or a JSON object with one of these. docs/formats/epc.md says more.

Examples:
  echo 3074257BF7194E4000001A85 | stocktide decode epc
  echo '(01)80614141123458(21)6789' | stocktide decode epc --company-prefix-length 7
  stocktide decode epc crates/wire/tests/data/epc/tds_examples.jsonl";

const LLRP_EXAMPLES: &str = "\
Input is binary, one message or several behind each other, or text: hexadecimal digits, a line for
each message or several. A message without its header of ten bytes is named by --message or by the
name of its file. docs/formats/llrp.md says more.

Examples:
  echo 043E0000000A00000007 | stocktide decode llrp
  stocktide decode llrp ROAccessReport-001.bytes
  stocktide decode llrp --message CLOSE_CONNECTION_RESPONSE answer.bin";

const EPCIS_EXAMPLES: &str = "\
Input is a document in JSON, JSON-LD or XML, an array of events, or one event a line.
docs/formats/epcis.md says more.

Examples:
  stocktide decode epcis shipment.xml
  stocktide decode epcis --check < events.jsonld";

const EVENT_EXAMPLES: &str = "\
Input is an event as JSON, an array of events, one event a line, or CloudEvents in any of these.
Nothing is recorded. docs/formats/events.md says more.

Examples:
  echo '{\"event\": \"item_removed\", \"product_id\": \"SKU123\", \"quantity\": -5}' | stocktide decode event
  stocktide decode event --check events.ndjson";

/// Shows what codes, messages and events say, as JSON.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DecodeArgs {
    #[command(subcommand)]
    kind: KindArgs,
}

#[derive(Debug, Subcommand)]
enum KindArgs {
    /// GS1 codes: barcodes, element strings, Digital Links, one a line.
    #[command(after_help = GS1_EXAMPLES)]
    Gs1 {
        /// Two digits of a year mean the one nearest to this day [default: today].
        #[arg(long, value_name = "DAY")]
        date: Option<String>,
        #[command(flatten)]
        input: InputArgs,
    },
    /// Electronic Product Codes of RFID tags, one a line.
    #[command(after_help = EPC_EXAMPLES)]
    Epc {
        /// How many digits the company prefix has, 6 to 12, where a code does not say it.
        #[arg(long, value_name = "DIGITS", value_parser = clap::value_parser!(u8).range(6..=12))]
        company_prefix_length: Option<u8>,
        #[command(flatten)]
        input: InputArgs,
    },
    /// Messages of RFID readers.
    #[command(after_help = LLRP_EXAMPLES)]
    Llrp {
        /// Which message it is that has no header, by name or number.
        #[arg(long, value_name = "NAME")]
        message: Option<String>,
        #[command(flatten)]
        input: InputArgs,
    },
    /// EPCIS documents and events.
    #[command(after_help = EPCIS_EXAMPLES)]
    Epcis {
        #[command(flatten)]
        input: InputArgs,
    },
    /// Events as they are sent to Stocktide.
    #[command(after_help = EVENT_EXAMPLES)]
    Event {
        #[command(flatten)]
        input: InputArgs,
    },
}

#[derive(Debug, Args)]
struct InputArgs {
    /// The files, each also .gz; standard input if there are none, or for `-`.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Ends with 1 when any verdict is invalid.
    #[arg(long)]
    check: bool,
}

/// What the input is taken for.
enum Kind {
    Gs1 { reference: ledger::Day },
    Epc { prefix_length: Option<u8> },
    Llrp { message: Option<String> },
    Epcis,
    Event,
}

/// Reads all input and prints what it says.
///
/// # Errors
/// A file that can't be read, or output that can't be written.
pub(crate) fn run(args: DecodeArgs) -> Result<Ended> {
    let (kind, InputArgs { mut files, check }) = meaning(args.kind)?;
    if files.is_empty() {
        if io::stdin().is_terminal() {
            output::note("reading what you type; Ctrl-D ends it");
        }
        files.push("-".into());
    }
    let printer = Printer::new();
    for path in &files {
        let doing = || format!("decoding {}", path.display());
        let source = Source::open(path)?;
        let name = (files.len() > 1).then(|| path.display().to_string());
        let mut reader = BufReader::with_capacity(1 << 16, printer.before(source));
        decode(&kind, path, &mut reader, &mut |report| printer.print(name.as_deref(), report)).with_context(doing)?;
    }
    printer.flush().context("writing the output")?;
    Ok(if check && printer.invalid_count() > 0 { Ended::Invalid } else { Ended::Done })
}

fn meaning(kind: KindArgs) -> Result<(Kind, InputArgs)> {
    Ok(match kind {
        KindArgs::Gs1 { date, input } => {
            let reference = match date {
                None => clock::now().day(),
                Some(text) => wire::time::parse_day(&text)
                    .map_err(|_| Usage(format!("--date {text} is no day of 1990 to 2199; write it as 2026-11-24")))?,
            };
            (Kind::Gs1 { reference }, input)
        }
        KindArgs::Epc { company_prefix_length, input } => (Kind::Epc { prefix_length: company_prefix_length }, input),
        KindArgs::Llrp { message, input } => {
            if let Some(name) = message.as_deref().filter(|name| !messages::is_known(name)) {
                return usage(format!("--message {name}: LLRP has no such message; docs/formats/llrp.md says more"));
            }
            (Kind::Llrp { message }, input)
        }
        KindArgs::Epcis { input } => (Kind::Epcis, input),
        KindArgs::Event { input } => (Kind::Event, input),
    })
}

/// What a report is handed to.
type Take<'t> = &'t mut dyn FnMut(Map<String, Value>) -> io::Result<()>;

fn decode<R: Read>(kind: &Kind, path: &Path, reader: &mut BufReader<R>, take: Take<'_>) -> io::Result<()> {
    match kind {
        Kind::Gs1 { reference } => each_line(reader, take, |line| wire::gs1::report(line, *reference)),
        Kind::Epc { prefix_length } => each_line(reader, take, |line| wire::epc::report(line, *prefix_length)),
        Kind::Llrp { message } => messages::decode(reader, message.as_deref(), path, take),
        Kind::Epcis => documents::decode(reader, documents::Of::Epcis, take),
        Kind::Event => documents::decode(reader, documents::Of::Event, take),
    }
}

fn each_line<R: Read>(
    reader: &mut BufReader<R>,
    take: Take<'_>,
    report: impl Fn(&str) -> Map<String, Value>,
) -> io::Result<()> {
    let mut lines = Lines::new(reader);
    while let Some(line) = lines.next()? {
        take(match line.text() {
            Ok(text) => report(text),
            Err(refused) => refused.one(),
        })?;
    }
    Ok(())
}

/// Why a line is not even looked at.
struct Refused {
    input: String,
    code: &'static str,
    detail: String,
    byte: u64,
}

impl Refused {
    /// The report of a format that tells one problem.
    fn one(self) -> Map<String, Value> {
        let problem = serde_json::json!({ "code": self.code, "detail": self.detail, "byte": self.byte });
        let members = [("input", self.input.into()), ("verdict", "invalid".into()), ("problem", problem)];
        members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }

    /// The report of a format that tells all problems.
    fn many(self) -> Map<String, Value> {
        let mut report = self.one();
        let problem = report.remove("problem");
        report.insert("problems".to_owned(), problem.into_iter().collect());
        report
    }
}

impl Line<'_> {
    /// The line as text.
    fn text(&self) -> std::result::Result<&str, Refused> {
        let refused = |bytes: &[u8], code, detail, byte| Refused { input: front(bytes), code, detail, byte };
        match self {
            Self::Whole { bytes, .. } => std::str::from_utf8(bytes).map_err(|error| {
                let byte = error.valid_up_to();
                let detail = format!("not UTF-8 from byte {byte} on; send UTF-8");
                refused(bytes, "invalid_utf8", detail, u64::try_from(byte).unwrap_or(u64::MAX))
            }),
            Self::TooLong { front, bytes, .. } => {
                let max = lines::LINE_BYTES_MAX;
                let detail = format!("the line has {bytes} bytes; at most {max} are taken: split it");
                Err(refused(front, "too_large", detail, u64::try_from(max).unwrap_or(u64::MAX)))
            }
        }
    }
}

/// The front of something long or unreadable, to be recognised by.
fn front(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(lines::FRONT_BYTES)]).into_owned();
    if bytes.len() > lines::FRONT_BYTES {
        text.push('…');
    }
    text
}
