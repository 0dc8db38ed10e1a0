//! What codes, messages and events say, from the command line: whole files of cases, garbage of every kind, closed pipes.

use crate::support::{Ran, program, run, shared_data};
use serde_json::{Map, Value};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Cases that are kept with the formats.
fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/data").join(path)
}

fn decode<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Ran {
    let mut child = program()
        .arg("decode")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let input = input.to_vec();
    // The program may end before it has read everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the input was handed over");
    Ran::of(&output)
}

fn objects(ran: &Ran) -> Vec<Map<String, Value>> {
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The reports of some input, which is read whatever it holds.
#[track_caller]
fn reports<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Vec<Map<String, Value>> {
    let ran = decode(arguments, input).ended_with(0);
    assert_eq!(ran.stderr, "");
    objects(&ran)
}

fn lines(path: &Path) -> Vec<Map<String, Value>> {
    let text = std::fs::read_to_string(path).expect("the cases can be read");
    text.lines().map(|line| serde_json::from_str(line).expect("a case is JSON")).collect()
}

/// The code of the one problem, or of the first.
fn code(report: &Map<String, Value>) -> &str {
    let problem = report.get("problem").or_else(|| report.get("problems").and_then(|problems| problems.get(0)));
    problem.and_then(|problem| problem["code"].as_str()).unwrap_or_default()
}

#[test]
fn every_case_of_gs1_is_answered_with_its_verdict_and_result() {
    let folders = [Some(data("gs1")), shared_data().map(|folder| folder.join("gs1_syntax"))];
    for folder in folders.into_iter().flatten() {
        for (name, count) in [("barcode_syntax_cases.jsonl", 230), ("linter_cases.jsonl", 2841)] {
            let path = folder.join(name);
            let answers = reports([OsStr::new("gs1"), path.as_os_str()], b"");
            let cases = lines(&path);
            assert_eq!((cases.len(), answers.len()), (count, count));
            let mut compared = 0;
            for (case, answer) in cases.iter().zip(&answers) {
                // Cases of a linter that always says yes, and of a server of company prefixes that does not answer.
                let error = case.get("error").and_then(Value::as_str);
                if case.contains_key("linter") && case["input"] == "data"
                    || error == Some("GS1_LINTER_GCP_DATASOURCE_OFFLINE")
                {
                    continue;
                }
                compared += 1;
                let expect = case.get("valid").and_then(Value::as_bool);
                let verdict = expect.map(|valid| if valid { "valid" } else { "invalid" });
                assert!(verdict.is_none_or(|verdict| answer["verdict"] == verdict), "{case:?}\n{answer:?}");
                for (expected, given) in
                    [("expect", "result"), ("expect_path", "result_path"), ("error", "error"), ("marked", "marked")]
                {
                    let expected = case.get(expected);
                    assert!(expected.is_none_or(|value| answer.get(given) == Some(value)), "{case:?}\n{answer:?}");
                }
            }
            assert!(compared + 12 >= count, "{compared} of {count}");
        }
    }
}

#[test]
fn every_epc_vector_is_told_in_all_its_columns() {
    let mut told = 0;
    let folders = [Some(data("epc")), shared_data().map(|folder| folder.join("epc_vectors"))];
    for file in folders.into_iter().flatten().flat_map(|folder| std::fs::read_dir(folder).expect("a folder")) {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        let answers = reports([OsStr::new("epc"), path.as_os_str()], b"");
        let vectors = lines(&path);
        assert_eq!(vectors.len(), answers.len());
        for (vector, answer) in vectors.iter().zip(&answers) {
            assert_eq!(answer["verdict"], "valid", "{answer:?}");
            for column in ["scheme", "hex", "tag_uri", "epc_uri", "gs1_element_string", "digital_link"] {
                if let Some(expected) = vector.get(column) {
                    assert_eq!(answer.get(column), Some(expected), "{column} of {vector:?}");
                    told += 1;
                }
            }
        }
    }
    assert!(told > 3_000, "{told} columns were compared");
}

#[test]
fn every_payload_of_a_reader_is_explained_by_the_name_of_its_file_and_in_a_stream() {
    let folders = [data("llrp"), data("llrp/roAccessReports")];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    let payloads: Vec<&PathBuf> =
        files.iter().filter(|path| path.extension().is_some_and(|end| end == "bytes")).collect();
    assert!(payloads.len() >= 8, "{payloads:?}");
    let (mut stream, mut canonical) = (Vec::new(), Vec::new());
    for path in &payloads {
        let [report] = &reports([OsStr::new("llrp"), path.as_os_str()], b"")[..] else { panic!("{path:?}") };
        assert_eq!((&report["verdict"], &report["form"]), (&"valid".into(), &"payload".into()), "{report:?}");
        let expected: Value = serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        assert_eq!(report["fields"], expected, "{path:?}");
        let payload = std::fs::read(path).unwrap();
        let number = u16::try_from(report["message"]["type"].as_u64().unwrap()).unwrap();
        let [high, low] = number.to_be_bytes();
        let length = u32::try_from(10 + payload.len()).unwrap().to_be_bytes();
        let frame = [&[0x04 | high, low][..], &length, &[0, 0, 0, 7], &payload].concat();
        canonical.push(frame.iter().map(|byte| format!("{byte:02X}")).collect::<String>());
        stream.extend(frame);
    }
    let all = reports(["llrp"], &stream);
    assert_eq!(all.iter().map(|report| &report["canonical"]).collect::<Vec<_>>(), canonical.iter().collect::<Vec<_>>());
    // The same as hexadecimal digits, a line each, and all in one.
    assert_eq!(reports(["llrp"], canonical.join("\n").as_bytes()), all);
    assert_eq!(reports(["llrp"], canonical.concat().as_bytes()), all);
    let named = reports(["llrp", "--message", "ro_access_report"], b"00F0001F8D3000ABCDEF000000000000038100018ED0\n");
    assert_eq!(named[0]["message"]["name"], "RO_ACCESS_REPORT");
    assert_eq!(decode(["llrp", "--message", "nothing"], b"").ended_with(2).stdout, "");
}

#[test]
fn what_is_damaged_in_a_stream_of_messages_is_told_once() {
    let keepalive = [0x04, 62, 0, 0, 0, 10, 0, 0, 0, 7];
    let verdicts = |input: &[u8]| -> Vec<String> {
        reports(["llrp"], input).iter().map(|report| format!("{} {}", report["verdict"], code(report))).collect()
    };
    let (valid, truncated) = ("\"valid\" ".to_owned(), "\"invalid\" truncated".to_owned());
    assert_eq!(verdicts(&[keepalive, keepalive].concat()), [valid.clone(), valid.clone()]);
    assert_eq!(verdicts(&[&keepalive[..], &keepalive[..7]].concat()), [valid.clone(), truncated.clone()]);
    assert_eq!(
        verdicts(&[&keepalive[..], &[0xff; 70_000]].concat()),
        [valid.clone(), "\"invalid\" unknown_message".to_owned()]
    );
    assert_eq!(verdicts(b""), [truncated]);
    assert_eq!(
        verdicts(b"043e0000000a00000007\nhello\n\n043e0000000a00000007"),
        [valid.clone(), "\"invalid\" invalid_hex".to_owned(), valid]
    );
}

#[test]
fn every_epcis_file_has_a_report_for_each_event() {
    let mut folders = vec![data("epcis")];
    let (mut files, mut events) = (Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
            match path.is_dir() {
                true => folders.push(path),
                false if ["json", "jsonld", "xml"].contains(&ending) => files.push(path),
                false => {}
            }
        }
    }
    assert!(files.len() > 100, "{} files", files.len());
    for path in &files {
        let all = reports([OsStr::new("epcis"), path.as_os_str()], b"");
        let expected = wire::epcis::reports(&std::fs::read(path).unwrap());
        assert_eq!(all.len(), expected.len(), "{path:?}");
        for (index, (report, mut expected)) in all.into_iter().zip(expected).enumerate() {
            expected.insert("index".to_owned(), index.into());
            assert_eq!(report, expected, "{path:?}");
            events += 1;
        }
    }
    assert!(events > files.len());
    let event = r#"{"type": "ObjectEvent", "eventTime": "2026-02-16T10:00:00Z", "eventTimeZoneOffset": "+01:00", "epcList": [], "action": "OBSERVE"}"#;
    let verdicts: Vec<Value> = reports(["epcis"], format!("{event}\nnot json\n{event}").as_bytes())
        .into_iter()
        .map(|mut report| report.remove("verdict").unwrap())
        .collect();
    assert_eq!(verdicts, ["valid", "invalid", "valid"]);
}

#[test]
fn events_are_told_with_all_their_problems_or_what_they_ask_for() {
    let good = r#"{"event":"item_removed","product_id":" SKU123","location":"warehouse_A","quantity":"5.0","timestamp":"2026-02-16T12:00:00+02:00","id":"17"}"#;
    let bad = r#"{"event":"item_removd","product_id":"SKU123","location":"warehouse_A","quantity":-5,"colour":"red"}"#;
    let cloud = r#"{"specversion":"1.0","id":"A-17","source":"/till/3","type":"com.example.item_added","time":"2026-02-16T10:00:00Z","data":{"product_id":"SKU123","location":"w","quantity":5}}"#;
    let all = reports(["event"], format!("{good}\r\n{bad}\n\n[{cloud},{good}]\n").as_bytes());
    let places: Vec<_> = all.iter().map(|report| (&report["index"], &report["line"], &report["verdict"])).collect();
    let place = |index: u64, line: u64, verdict: &str| (Value::from(index), Value::from(line), Value::from(verdict));
    let expect = [place(0, 1, "valid"), place(1, 2, "invalid"), place(2, 4, "valid"), place(3, 4, "valid")];
    assert_eq!(places, expect.iter().map(|(index, line, verdict)| (index, line, verdict)).collect::<Vec<_>>());
    assert_eq!(
        all[0]["canonical"],
        r#"{"event":"item_removed","product_id":"SKU123","location":"warehouse_A","quantity":5,"timestamp":"2026-02-16T10:00:00Z","id":"17"}"#
    );
    assert_eq!(all[0]["request"]["idempotency"], serde_json::json!({"by": "id", "source": null, "id": "17"}));
    let problems: Vec<&str> =
        all[1]["problems"].as_array().unwrap().iter().map(|problem| problem["code"].as_str().unwrap()).collect();
    for code in ["unknown_kind", "unknown_field", "missing_field", "negative_quantity"] {
        assert!(problems.contains(&code), "{problems:?}");
    }
    assert_eq!((&all[2]["form"], &all[2]["request"]["kind"]), (&"cloud_event".into(), &"item_added".into()));
    assert_eq!(all[2]["request"]["idempotency"]["source"], "/till/3");
    // Canonical lines say the same again.
    let canonical: String =
        all.iter().filter_map(|report| report.get("canonical")?.as_str()).map(|line| format!("{line}\n")).collect();
    let again = reports(["event"], canonical.as_bytes());
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|report| report["canonical"] == report["input"]), "{again:?}");
}

#[test]
fn garbage_of_every_kind_is_told_and_the_rest_goes_on() {
    for (kind, good) in [
        ("gs1", "(01)09520123456788"),
        ("epc", "3074257BF7194E4000001A85"),
        ("llrp", "043E0000000A00000007"),
        (
            "epcis",
            r#"{"type":"ObjectEvent","eventTime":"2026-02-16T10:00:00Z","eventTimeZoneOffset":"+01:00","epcList":[],"action":"OBSERVE"}"#,
        ),
        (
            "event",
            r#"{"event":"item_added","product_id":"A","location":"w","quantity":1,"timestamp":"2026-02-16T10:00:00Z"}"#,
        ),
    ] {
        let long = "9".repeat((16 << 20) + 1);
        let garbage: [&[u8]; 9] = [
            b"hello",
            b"\xff\xfe",
            b"a\0b",
            b"{\"kind\":",
            b"[[[[",
            b"<a>",
            b"\xf0\x9f\x92\xa9",
            b"%%%|||^^^((",
            long.as_bytes(),
        ];
        for piece in garbage {
            // An XML document would have no end at the next line.
            let (first, last) = if piece == b"<a>" && kind == "epcis" { ("", "") } else { (good, good) };
            let input = [first.as_bytes(), b"\r\n \n", piece, b"\n", last.as_bytes()].concat();
            let all = reports([kind], &input);
            let verdicts: Vec<&str> = all.iter().map(|report| report["verdict"].as_str().unwrap()).collect();
            let expect: &[&str] = if first.is_empty() { &["invalid"] } else { &["valid", "invalid", "valid"] };
            assert_eq!(verdicts, expect, "{kind} {:?}", String::from_utf8_lossy(&piece[..piece.len().min(40)]));
            let bad = &all[all.len() / 2];
            assert!(!code(bad).is_empty(), "{bad:?}");
            match piece {
                b"\xff\xfe" => assert_eq!(code(bad), "invalid_utf8", "{kind}"),
                _ if piece.len() > 1 << 20 => assert_eq!(code(bad), "too_large", "{kind}"),
                _ => {}
            }
        }
        let binary: Vec<u8> =
            (0..200_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 23).to_le_bytes()[0]).collect();
        let all = reports([kind], &binary);
        assert!(all.iter().all(|report| report["verdict"] == "invalid"), "{kind}");
        assert_eq!(decode([kind, "--check"], good.as_bytes()).ended_with(0).stderr, "");
        assert_eq!(decode([kind, "--check"], b"hello").ended_with(1).stderr, "");
    }
}

#[test]
fn each_answer_is_there_before_the_next_line_is_sent() {
    for (kind, line) in [("gs1", "(01)09520123456788"), ("event", "{}"), ("epc", "30"), ("llrp", "00")] {
        let mut child =
            program().args(["decode", kind]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..3 {
            writeln!(stdin, "{line}").unwrap();
            let mut answer = String::new();
            stdout.read_line(&mut answer).unwrap();
            assert!(answer.contains("\"verdict\""), "{answer}");
        }
        drop(stdin);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn whoever_reads_the_answers_may_stop_reading() {
    let path = data("gs1/linter_cases.jsonl");
    let mut child =
        program().args(["decode", "gs1"]).arg(path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &output.stderr[..]), (Some(0), &b""[..]));
}

#[test]
fn several_files_are_read_in_their_order_and_named() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (first, second) = (file("a.txt", "(01)09520123456788"), file("b.txt", "\u{feff}12\n"));
    let ran = run([OsStr::new("decode"), OsStr::new("gs1"), first.as_os_str(), second.as_os_str()]).ended_with(0);
    assert!(ran.stdout.starts_with("{\"file\":"), "{}", ran.stdout);
    let all = objects(&ran);
    assert_eq!((all[0]["file"].as_str(), &all[0]["verdict"]), (first.to_str(), &"valid".into()));
    assert_eq!((all[1]["file"].as_str(), &all[1]["input"]), (second.to_str(), &"12".into()));
    let missing = run([OsStr::new("decode"), OsStr::new("gs1"), OsStr::new("not/there")]).ended_with(1);
    assert!(missing.stderr.contains("not/there"), "{}", missing.stderr);
    for arguments in [&["gs1", "--date", "tomorrow"][..], &["epc", "--company-prefix-length", "5"], &["sscc"]] {
        assert_eq!(decode(arguments, b"").ended_with(2).stdout, "");
    }
}

/// Runs every command of the page that has its output below it, and compares.
#[test]
fn the_page_about_it_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = root.join("docs/decode.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let mut blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("console\n"));
    let mut compared = 0;
    let bin = Path::new(env!("CARGO_BIN_EXE_stocktide")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut agreed = text.clone();
    for block in &mut blocks {
        for shown in block.split("$ ").skip(1) {
            let (command, expect) = shown.split_once('\n').unwrap();
            let output =
                Command::new("bash").args(["-c", command]).current_dir(&root).env("PATH", &path).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            if std::env::var_os("BLESS").is_some() {
                agreed = agreed.replace(&format!("$ {command}\n{expect}"), &format!("$ {command}\n{said}"));
            } else {
                assert_eq!(said, expect, "{command}; `cargo xtask bless the_page` if it is meant to");
            }
            compared += 1;
        }
    }
    if agreed != text {
        std::fs::write(&page, agreed).unwrap();
    }
    assert!(compared >= 8, "{compared} commands");
}
