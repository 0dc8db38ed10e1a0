use super::*;
use serde_json::{Value, json};

const START: Timestamp = Timestamp(1_771_236_000_000_000);

/// `ms` after the start.
fn after(ms: i64) -> Timestamp {
    Timestamp(START.0 + ms * 1000)
}

/// A session and what came out of it since it was last asked.
struct Talk {
    session: Session,
    now: Timestamp,
}

impl Talk {
    fn new(settings: Settings) -> Self {
        let mut session = Session::new(settings);
        session.connected(START);
        Self { session, now: START }
    }

    /// A talk in which the reader says yes to everything, up to before the request of this name is answered.
    fn up_to(settings: Settings, request: &str) -> (Self, u32) {
        let mut talk = Self::new(settings);
        talk.hear("READER_EVENT_NOTIFICATION", 0, greeting(0));
        loop {
            let (name, id) = talk.sent();
            if name == request {
                return (talk, id);
            }
            talk.hear(&format!("{name}_RESPONSE"), id, yes(name));
        }
    }

    fn reading(settings: Settings) -> Self {
        let last = if settings.start == Start::AtOnce { "ENABLE_ROSPEC" } else { "START_ROSPEC" };
        let (mut talk, id) = Self::up_to(settings, last);
        talk.hear(&format!("{last}_RESPONSE"), id, status(0));
        assert!(matches!(talk.outputs().as_slice(), [Output::Event(Event::Ready(_))]));
        assert!(talk.session.is_reading());
        talk
    }

    fn hear(&mut self, name: &str, id: u32, content: Value) {
        let message = Message::from_json(name, &content, Version::V1_0_1, id).unwrap();
        self.session.received(&message.encode().unwrap(), self.now);
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.next_output()).collect()
    }

    /// The one thing that came out: a message sent, by its name, and its id.
    fn sent(&mut self) -> (&'static str, u32) {
        let message = self.sent_message();
        (message.definition().standard_name, message.id)
    }

    fn sent_message(&mut self) -> Message {
        match self.outputs().as_slice() {
            [Output::Send(bytes)] => Message::decode(bytes).unwrap(),
            other => panic!("one message, not {other:?}"),
        }
    }

    /// All that came out: faults by their codes, and why the connection is to be closed.
    fn faults(&mut self) -> (Vec<&'static str>, Option<CloseReason>) {
        let (mut codes, mut reason) = (Vec::new(), None);
        for output in self.outputs() {
            match output {
                Output::Event(Event::Fault(fault)) => codes.push(fault.code),
                Output::Close(why) => reason = Some(why),
                other => panic!("a fault, not {other:?}"),
            }
        }
        (codes, reason)
    }

    fn reads(&mut self) -> Vec<TagRead> {
        match self.outputs().as_slice() {
            [Output::Event(Event::Tags(reads))] => reads.clone(),
            other => panic!("reads, not {other:?}"),
        }
    }
}

fn greeting(status: u64) -> Value {
    json!({"ReaderEventNotificationData": {"UTCTimestamp": 1, "ConnectionAttemptEvent": status}})
}

fn status(code: u64) -> Value {
    json!({"LLRPStatus": {"Status": code, "ErrorDescription": if code == 0 { "" } else { "because" }}})
}

/// A reader's good answer to the request of this name.
fn yes(request: &str) -> Value {
    let mut answer = status(0);
    match request {
        "GET_SUPPORTED_VERSION" => {
            answer["CurrentVersion"] = json!(1);
            answer["MaxSupportedVersion"] = json!(2);
        }
        "GET_READER_CAPABILITIES" => {
            answer["GeneralDeviceCapabilities"] = json!({
                "MaxSupportedAntennas": 4, "HasUTCClock": true, "DeviceManufacturer": 25882, "Model": 2_001_002,
                "FirmwareVersion": "5.14", "ReceiveSensitivities": [{"Index": 1}], "PerAntennaAirProtocols": [{"AntennaID": 1}],
            });
            answer["LLRPCapabilities"] = json!({"SupportsEventsAndReportHolding": true});
        }
        _ => {}
    }
    answer
}

fn tags(values: &[Value]) -> Value {
    json!({"TagReportData": values})
}

#[test]
fn a_reader_is_told_step_by_step_what_to_read() {
    let settings = Settings { start: Start::BySession, antennas: vec![1, 3], report_tags: 5, ..Settings::default() };
    let mut talk = Talk::new(settings);
    assert_eq!(talk.outputs(), [], "the reader speaks first");
    talk.hear("READER_EVENT_NOTIFICATION", 0, greeting(0));
    let mut versions = Vec::new();
    let mut names = Vec::new();
    let mut contents = Vec::new();
    while !talk.session.is_reading() {
        let message = talk.sent_message();
        let name = message.definition().standard_name;
        versions.push(message.version.number());
        names.push(name);
        contents.push(message.content.to_json());
        talk.hear(&format!("{name}_RESPONSE"), message.id, yes(name));
    }
    let expect = [
        "GET_SUPPORTED_VERSION",
        "SET_PROTOCOL_VERSION",
        "GET_READER_CAPABILITIES",
        "SET_READER_CONFIG",
        "DELETE_ROSPEC",
        "ADD_ROSPEC",
        "ENABLE_ROSPEC",
        "START_ROSPEC",
    ];
    assert_eq!(names, expect);
    assert_eq!(versions, [2; 8], "1.1 is agreed on");
    assert_eq!(contents[3]["KeepAliveSpec"], json!({"Trigger": 1, "Interval": 10_000}));
    assert_eq!(contents[3]["EventsAndReports"], json!(false));
    assert_eq!(contents[4]["ROSpecID"], json!(0), "all are deleted");
    let ro_spec = &contents[5]["ROSpec"];
    assert_eq!(ro_spec["ROBoundarySpec"]["StartTrigger"]["Trigger"], json!(0));
    assert_eq!(ro_spec["AISpecs"][0]["AntennaIDs"], json!([1, 3]));
    assert_eq!(ro_spec["ROReportSpec"]["N"], json!(5));
    let selector = &ro_spec["ROReportSpec"]["TagReportContentSelector"];
    assert_eq!((&selector["EnablePeakRSSI"], &selector["EnableChannelIndex"]), (&json!(true), &json!(false)));
    match talk.outputs().as_slice() {
        [Output::Event(Event::Ready(reader))] => {
            assert_eq!((reader.manufacturer, reader.antennas, reader.version), (25882, 4, Version::V1_1));
            assert_eq!((reader.firmware.as_str(), reader.has_utc_clock), ("5.14", true));
        }
        other => panic!("ready, not {other:?}"),
    }
}

#[test]
fn a_reader_that_starts_by_itself_is_not_told_to() {
    let (mut talk, _) = Talk::up_to(Settings::default(), "ADD_ROSPEC");
    assert!(matches!(talk.session.state, State::Asking { step: Step::AddRoSpec, .. }));
    talk = Talk::reading(Settings { version_max: Version::V1_0_1, ..Settings::default() });
    assert_eq!(talk.session.version, Version::V1_0_1);
}

#[test]
fn a_connection_that_the_reader_refuses_is_closed() {
    for (code, words) in [(1, "itself"), (2, "another client"), (3, "does not say")] {
        let mut talk = Talk::new(Settings::default());
        talk.hear("READER_EVENT_NOTIFICATION", 0, greeting(code));
        let outputs = talk.outputs();
        assert!(
            matches!(&outputs[0], Output::Event(Event::Fault(fault)) if fault.detail.contains(words)),
            "{outputs:?}"
        );
        assert_eq!(outputs[1..], [Output::Close(CloseReason::Refused)]);
    }
    let mut talk = Talk::reading(Settings::default());
    talk.hear("READER_EVENT_NOTIFICATION", 0, greeting(4));
    assert_eq!(talk.outputs(), [Output::Event(Event::Reader(ReaderEvent::AnotherClientTried))]);
}

#[test]
fn a_reader_that_knows_only_the_first_version_is_talked_to_in_it() {
    // It says so in an error, in an answer, in its highest version, or by silence.
    let first = |talk: &mut Talk| {
        let message = talk.sent_message();
        assert_eq!(message.definition().standard_name, "GET_READER_CAPABILITIES");
        assert_eq!(message.version, Version::V1_0_1);
    };
    for id_of_error in [0, 1] {
        let (mut talk, id) = Talk::up_to(Settings::default(), "GET_SUPPORTED_VERSION");
        talk.hear("ERROR_MESSAGE", id * id_of_error, status(110));
        first(&mut talk);
    }
    let (mut talk, id) = Talk::up_to(Settings::default(), "GET_SUPPORTED_VERSION");
    talk.hear("GET_SUPPORTED_VERSION_RESPONSE", id, status(110));
    first(&mut talk);
    let (mut talk, id) = Talk::up_to(Settings::default(), "GET_SUPPORTED_VERSION");
    let mut answer = yes("GET_SUPPORTED_VERSION");
    answer["MaxSupportedVersion"] = json!(1);
    talk.hear("GET_SUPPORTED_VERSION_RESPONSE", id, answer);
    first(&mut talk);
    let (mut talk, _) = Talk::up_to(Settings::default(), "GET_SUPPORTED_VERSION");
    talk.session.tick(after(10_000));
    first(&mut talk);
    let (mut talk, id) = Talk::up_to(Settings::default(), "SET_PROTOCOL_VERSION");
    talk.hear("SET_PROTOCOL_VERSION_RESPONSE", id, status(110));
    first(&mut talk);
}

#[test]
fn a_reader_that_speaks_the_second_version_already_is_not_told_to() {
    let (mut talk, id) = Talk::up_to(Settings::default(), "GET_SUPPORTED_VERSION");
    let mut answer = yes("GET_SUPPORTED_VERSION");
    answer["CurrentVersion"] = json!(2);
    talk.hear("GET_SUPPORTED_VERSION_RESPONSE", id, answer);
    let message = talk.sent_message();
    assert_eq!((message.definition().standard_name, message.version), ("GET_READER_CAPABILITIES", Version::V1_1));
}

#[test]
fn a_request_that_is_refused_or_not_answered_ends_the_talk() {
    for request in ["GET_READER_CAPABILITIES", "SET_READER_CONFIG", "ADD_ROSPEC", "ENABLE_ROSPEC"] {
        let (mut talk, id) = Talk::up_to(Settings::default(), request);
        talk.hear(&format!("{request}_RESPONSE"), id, status(401));
        match talk.outputs().as_slice() {
            [Output::Event(Event::Fault(fault)), Output::Close(CloseReason::Unusable)] => {
                assert_eq!(fault.code, "request_refused");
                let words =
                    format!("{request} was refused: the reader itself has failed (R_DeviceError, 401), 'because'");
                assert_eq!(fault.detail, words);
            }
            other => panic!("a fault and the end, not {other:?}"),
        }
        let (mut talk, id) = Talk::up_to(Settings::default(), request);
        talk.hear("ERROR_MESSAGE", id, status(109));
        assert_eq!(talk.faults(), (vec!["request_refused"], Some(CloseReason::Unusable)));
        let (mut talk, _) = Talk::up_to(Settings::default(), request);
        talk.session.tick(after(9_999));
        assert_eq!(talk.outputs(), []);
        assert_eq!(talk.session.deadline(), Some(after(10_000)));
        talk.session.tick(after(10_000));
        assert_eq!(talk.faults(), (vec!["no_answer"], Some(CloseReason::NoAnswer)));
    }
}

#[test]
fn that_there_is_nothing_to_delete_is_no_obstacle() {
    let (mut talk, id) = Talk::up_to(Settings::default(), "DELETE_ROSPEC");
    talk.hear("DELETE_ROSPEC_RESPONSE", id, status(300));
    let outputs = talk.outputs();
    assert!(matches!(&outputs[0], Output::Event(Event::Fault(fault)) if fault.code == "request_refused"));
    assert!(matches!(&outputs[1], Output::Send(_)));
}

#[test]
fn answers_that_are_not_awaited_change_nothing() {
    let (mut talk, id) = Talk::up_to(Settings::default(), "ADD_ROSPEC");
    talk.hear("ADD_ROSPEC_RESPONSE", id + 1, status(0));
    talk.hear("ADD_ROSPEC_RESPONSE", id - 1, status(401));
    talk.hear("ENABLE_ROSPEC_RESPONSE", id, status(0));
    talk.hear("ERROR_MESSAGE", id - 1, status(401));
    let codes = vec!["unexpected_message", "unexpected_message", "unexpected_message", "error_message"];
    assert_eq!(talk.faults(), (codes, None));
    talk.hear("ADD_ROSPEC_RESPONSE", id, status(0));
    assert_eq!(talk.sent(), ("ENABLE_ROSPEC", id + 1));
    let mut talk = Talk::reading(Settings::default());
    talk.hear("ADD_ROSPEC_RESPONSE", id, status(0));
    talk.hear("ERROR_MESSAGE", 77, status(112));
    talk.hear("CUSTOM_MESSAGE", 1, json!({"VendorID": 25882, "Data": "AAAA"}));
    assert_eq!(talk.faults(), (vec!["unexpected_message", "error_message"], None));
    assert!(talk.session.is_reading());
}

#[test]
fn a_reader_without_the_antenna_that_is_asked_for_is_not_used() {
    let (mut talk, id) =
        Talk::up_to(Settings { antennas: vec![1, 5], ..Settings::default() }, "GET_READER_CAPABILITIES");
    talk.hear("GET_READER_CAPABILITIES_RESPONSE", id, yes("GET_READER_CAPABILITIES"));
    assert_eq!(talk.faults(), (vec!["no_such_antenna"], Some(CloseReason::Unusable)));
}

#[test]
fn keepalives_are_answered_and_a_silent_reader_is_left() {
    let mut talk = Talk::reading(Settings::default());
    talk.now = after(29_999);
    talk.session.tick(talk.now);
    talk.hear("KEEPALIVE", 4_000_000_000, json!({}));
    assert_eq!(talk.sent(), ("KEEPALIVE_ACK", 4_000_000_000));
    assert_eq!(talk.session.deadline(), Some(after(59_999)));
    talk.session.tick(after(59_998));
    assert_eq!(talk.outputs(), []);
    talk.session.tick(after(59_999));
    assert_eq!(talk.faults(), (vec!["silent"], Some(CloseReason::Silent)));
    assert!(CloseReason::Silent.reconnects());
    // What comes after the end is not heard.
    talk.hear("KEEPALIVE", 1, json!({}));
    assert_eq!((talk.outputs(), talk.session.deadline()), (vec![], None));
}

#[test]
fn a_connection_that_nobody_greets_is_closed() {
    let mut talk = Talk::new(Settings::default());
    talk.session.tick(after(10_000));
    assert_eq!(talk.faults(), (vec!["no_answer"], Some(CloseReason::NoAnswer)));
}

#[test]
fn shutting_down_waits_for_the_reader() {
    let mut talk = Talk::reading(Settings::default());
    talk.session.close(talk.now);
    let (name, id) = talk.sent();
    assert_eq!(name, "CLOSE_CONNECTION");
    talk.session.close(talk.now);
    talk.hear("RO_ACCESS_REPORT", 5, tags(&[json!({"EPC96": {"EPC": "MACrze8AAAAAAAAD"}})]));
    assert_eq!(talk.reads().len(), 1, "what was on its way is taken");
    talk.hear("CLOSE_CONNECTION_RESPONSE", id, status(0));
    assert_eq!(talk.outputs(), [Output::Close(CloseReason::Asked)]);
    assert!(!CloseReason::Asked.reconnects());

    let mut talk = Talk::reading(Settings::default());
    talk.session.close(talk.now);
    talk.outputs();
    talk.session.tick(after(10_000));
    assert_eq!(talk.outputs(), [Output::Close(CloseReason::Asked)], "but not for ever");

    let mut talk = Talk::new(Settings::default());
    talk.session.close(talk.now);
    assert_eq!(talk.outputs(), [Output::Close(CloseReason::Asked)]);
    talk.session.close(talk.now);
    assert_eq!(talk.outputs(), []);
}

#[test]
fn a_reader_that_ends_the_connection_is_left() {
    let mut talk = Talk::reading(Settings::default());
    let close = json!({"ReaderEventNotificationData": {"UTCTimestamp": 1, "ConnectionCloseEvent": {}}});
    talk.hear("READER_EVENT_NOTIFICATION", 0, close);
    assert_eq!(talk.outputs(), [Output::Close(CloseReason::ReaderClosed)]);
}

#[test]
fn what_happens_to_the_reader_is_told() {
    let mut talk = Talk::reading(Settings::default());
    let mut check = |event: Value, expect: ReaderEvent| {
        let mut data = json!({"UTCTimestamp": 1});
        data.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        talk.hear("READER_EVENT_NOTIFICATION", 0, json!({"ReaderEventNotificationData": data}));
        assert_eq!(talk.outputs(), [Output::Event(Event::Reader(expect))]);
    };
    check(json!({"ROSpecEvent": {"Event": 0, "ROSpecID": 1}}), ReaderEvent::ReadingStarted { ro_spec_id: 1 });
    check(json!({"ROSpecEvent": {"Event": 1, "ROSpecID": 1}}), ReaderEvent::ReadingEnded { ro_spec_id: 1 });
    check(
        json!({"ROSpecEvent": {"Event": 2, "ROSpecID": 1, "PreemptingROSpecID": 2}}),
        ReaderEvent::ReadingPreempted { ro_spec_id: 1, by_ro_spec_id: 2 },
    );
    check(json!({"AntennaEvent": {"Event": 0, "AntennaID": 3}}), ReaderEvent::AntennaDisconnected { antenna: 3 });
    check(json!({"AntennaEvent": {"Event": 1, "AntennaID": 3}}), ReaderEvent::AntennaConnected { antenna: 3 });
    check(json!({"ReportBufferLevelWarningEvent": 80}), ReaderEvent::BufferFills { percent: 80 });
    check(json!({"ReportBufferOverflowErrorEvent": {}}), ReaderEvent::BufferOverflowed);
    check(json!({"ReaderExceptionEvent": {"Message": "hot"}}), ReaderEvent::Exception { message: "hot".to_owned() });
    check(json!({"HoppingEvent": 5}), ReaderEvent::Other { name: "HoppingEvent" });
}

#[test]
fn reads_carry_the_time_of_the_readers_clock_of_its_uptime_or_of_their_receipt() {
    let epc = json!({"EPC": "MACrze8AAAAAAAAD"});
    let mut talk = Talk::reading(Settings::default());
    talk.hear("RO_ACCESS_REPORT", 1, tags(&[
        json!({"EPC96": epc, "FirstSeenUTC": 1_000_000, "LastSeenUTC": 2_000_000, "AntennaID": 2, "PeakRSSI": -60, "TagSeenCount": 3}),
        json!({"EPC96": epc}),
    ]));
    let reads = talk.reads();
    assert_eq!((reads[0].seen_at, reads[0].last_seen_at), (Timestamp(1_000_000), Timestamp(2_000_000)));
    assert_eq!((reads[0].antenna, reads[0].peak_rssi_dbm, reads[0].seen_count), (Some(2), Some(-60), Some(3)));
    assert_eq!(reads[0].epc[..], [0x30, 0, 0xab, 0xcd, 0xef, 0, 0, 0, 0, 0, 0, 3]);
    assert_eq!((reads[0].time_source, reads[1].time_source), (TimeSource::ReaderClock, TimeSource::Receipt));
    assert_eq!(reads[1].seen_at, talk.now);

    // The notification says when the reader started: 5 s before.
    let mut talk = Talk::new(Settings::default());
    let greeting = json!({"ReaderEventNotificationData": {"Uptime": 5_000_000, "ConnectionAttemptEvent": 0}});
    talk.hear("READER_EVENT_NOTIFICATION", 0, greeting);
    talk.outputs();
    talk.now = after(3_000);
    // The report took its time; the second read is nearer than what was known of the start.
    talk.hear(
        "RO_ACCESS_REPORT",
        1,
        tags(&[
            json!({"EPC96": epc, "FirstSeenUptime": 6_000_000, "LastSeenUptime": 7_000_000}),
            json!({"EPC96": epc, "FirstSeenUptime": 8_100_000}),
        ]),
    );
    let reads = talk.reads();
    assert_eq!(reads[1].seen_at, after(3_000));
    assert_eq!((reads[0].seen_at, reads[0].last_seen_at), (after(900), after(1_900)));
    assert_eq!(reads[0].time_source, TimeSource::ReaderUptime);
}

#[test]
fn damage_inside_a_message_costs_the_message_and_between_messages_the_connection() {
    let mut talk = Talk::reading(Settings::default());
    // A report whose second read is cut off, but whose length is right.
    let good = json!({"EPC96": {"EPC": "MACrze8AAAAAAAAD"}});
    let report = Message::from_json("RO_ACCESS_REPORT", &tags(&[good.clone(), good]), Version::V1_0_1, 1).unwrap();
    let mut bytes = report.encode().unwrap();
    let second = bytes.len() - 13;
    bytes[second] = 0xff;
    talk.session.received(&bytes, talk.now);
    match talk.outputs().as_slice() {
        [Output::Event(Event::Tags(reads)), Output::Event(Event::Fault(fault))] => {
            assert_eq!((reads.len(), fault.code), (1, "unknown_parameter"));
        }
        other => panic!("a read and a fault, not {other:?}"),
    }
    assert!(talk.session.is_reading());
    talk.hear("KEEPALIVE", 3, json!({}));
    assert_eq!(talk.sent(), ("KEEPALIVE_ACK", 3));
    talk.session.received(b"HTTP/1.1 400 Bad Request\r\n", talk.now);
    assert_eq!(talk.faults(), (vec!["invalid_header"], Some(CloseReason::Garbage)));
    // A message longer than allowed is refused by its header, before it comes.
    let mut talk = Talk::reading(Settings::default());
    talk.session.received(&[0x04, 61, 0, 0x20, 0, 0, 0, 0, 0, 1], talk.now);
    assert_eq!(talk.faults(), (vec!["invalid_length"], Some(CloseReason::Garbage)));
}

#[test]
fn a_new_connection_begins_anew() {
    let mut talk = Talk::reading(Settings::default());
    talk.session.received(&[0x04, 61, 0, 0, 0, 90, 0], talk.now);
    talk.session.disconnected();
    assert_eq!((talk.outputs(), talk.session.is_reading()), (vec![], false));
    talk.session.connected(talk.now);
    // Half a message of the old connection is no part of the new one.
    talk.hear("READER_EVENT_NOTIFICATION", 0, greeting(0));
    let message = talk.sent_message();
    assert_eq!(message.definition().standard_name, "GET_SUPPORTED_VERSION");
    assert_eq!(message.id, 8, "ids are not used again");
}
