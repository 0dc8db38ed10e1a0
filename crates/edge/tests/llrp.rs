//! A reader followed over a real socket: a simulated one that listens on a free port.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line, which is what a test is for")]

use edge::llrp::{self, Event, Lost};
use ledger::Timestamp;
use sim::reader::{Pieces, ReaderFaults, ReaderOutput, ReaderSettings, Reported, SimReader, Tag};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wire::llrp::session::{self, CloseReason, TagRead};

const START: i64 = 1_771_236_000_000_000;

/// The time since `since`, from [`START`] on.
fn time(since: Instant) -> Timestamp {
    Timestamp(START + i64::try_from(since.elapsed().as_micros()).unwrap())
}

/// A reader with a socket, and a client that follows it.
struct Stage {
    reader: Arc<Mutex<SimReader>>,
    events: mpsc::Receiver<Event>,
    stop: watch::Sender<bool>,
    client: JoinHandle<()>,
    listening: JoinHandle<()>,
}

impl Stage {
    async fn new(faults: ReaderFaults, change: impl FnOnce(&mut llrp::Settings)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = llrp::Settings::new(listener.local_addr().unwrap().to_string());
        settings.wait_min = Duration::from_millis(5);
        settings.wait_max = Duration::from_millis(20);
        change(&mut settings);
        let tag = |number: u8| Tag { epc: [number; 12], antenna: 1, peak_rssi_dbm: -60 };
        let reader = ReaderSettings {
            read_us: 500,
            faults,
            ..ReaderSettings::new(1, (0..9).map(tag).collect(), Timestamp(START))
        };
        let reader = Arc::new(Mutex::new(SimReader::new(reader)));
        let since = Instant::now();
        let listening = tokio::spawn(listen(listener, Arc::clone(&reader), since));
        // One event fits, so that the client waits for whoever takes them.
        let (sender, events) = mpsc::channel(1);
        let (stop, stopping) = watch::channel(false);
        let sink = move |event| {
            let sender = sender.clone();
            async move { drop(sender.send(event).await) }
        };
        let client = tokio::spawn(async move {
            llrp::run(&settings, || time(since), |wait| wait, stopping, sink).await;
        });
        Self { reader, events, stop, client, listening }
    }

    /// The next event that `wanted` makes something of; the others are dropped.
    async fn until<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            let event = self.events.recv().await.expect("the client goes on");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    async fn until_reading(&mut self) {
        self.until(|event| matches!(event, Event::Session(session::Event::Ready(_))).then_some(())).await;
    }

    async fn until_lost(&mut self) -> (Lost, Option<Duration>) {
        self.until(|event| match event {
            Event::Disconnected { why, again_after } => Some((why, again_after)),
            _ => None,
        })
        .await
    }

    /// Reads until there are so many.
    async fn reads(&mut self, count: usize) -> Vec<TagRead> {
        let mut reads = Vec::new();
        while reads.len() < count {
            let next = self.until(|event| match event {
                Event::Session(session::Event::Tags(reads)) => Some(reads),
                _ => None,
            });
            reads.extend(next.await);
        }
        reads
    }

    fn reported(&self) -> Vec<Reported> {
        self.reader.lock().unwrap().reported().to_vec()
    }
}

/// Lets `reader` serve one client after another.
async fn listen(listener: TcpListener, reader: Arc<Mutex<SimReader>>, since: Instant) {
    while let Ok((stream, _)) = listener.accept().await {
        reader.lock().unwrap().connected(time(since));
        // A client that goes away is none of the reader's trouble.
        let _ = serve(stream, &reader, since).await;
        reader.lock().unwrap().disconnected();
    }
}

async fn serve(mut stream: TcpStream, reader: &Mutex<SimReader>, since: Instant) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        reader.lock().unwrap().tick(time(since));
        loop {
            let output = reader.lock().unwrap().next_output();
            match output {
                Some(ReaderOutput::Send(bytes)) => stream.write_all(&bytes).await?,
                Some(ReaderOutput::Close) => return stream.shutdown().await,
                None => break,
            }
        }
        // Its time goes on while nothing comes.
        if let Ok(read) = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut buffer)).await {
            match read? {
                0 => return Ok(()),
                count => reader.lock().unwrap().received(&buffer[..count], time(since)),
            }
        }
    }
}

#[tokio::test]
async fn reads_arrive_in_order_until_the_client_is_stopped() {
    let faults = ReaderFaults { pieces: Pieces::UpTo(40), ..ReaderFaults::default() };
    let mut stage = Stage::new(faults, |settings| settings.session.report_tags = 3).await;
    stage.until_reading().await;
    let mut reads = stage.reads(300).await;
    stage.stop.send(true).unwrap();
    while let Some(event) = stage.events.recv().await {
        match event {
            Event::Session(session::Event::Tags(more)) => reads.extend(more),
            Event::Disconnected { why, again_after } => {
                assert_eq!((why, again_after), (Lost::Ended(CloseReason::Asked), None));
            }
            other => panic!("reads or the end, not {other:?}"),
        }
    }
    (&mut stage.client).await.unwrap();
    let reported = stage.reported();
    assert_eq!(reads.len(), reported.len(), "what was on its way when the client took leave arrived too");
    for (read, reported) in reads.iter().zip(&reported) {
        assert_eq!((&read.epc[..], read.seen_at), (&reported.tag.epc[..], reported.seen_at));
    }
    stage.listening.abort();
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_of_a_message_is_made_again() {
    let faults = ReaderFaults { cut_message: Some(60), ..ReaderFaults::default() };
    let mut stage = Stage::new(faults, |_| {}).await;
    stage.until_reading().await;
    let (why, again_after) = stage.until_lost().await;
    assert_eq!((why, again_after), (Lost::Dropped, Some(Duration::from_millis(5))));
    stage.until_reading().await;
    stage.reads(10).await;
    stage.listening.abort();
}

#[tokio::test]
async fn a_reader_that_falls_silent_is_left_and_tried_again() {
    let faults = ReaderFaults { mute_from: Some(40), ..ReaderFaults::default() };
    let mut stage = Stage::new(faults, |settings| {
        settings.session.keepalive_ms = 100;
        settings.session.keepalives_missed_max = 2;
    })
    .await;
    stage.until_reading().await;
    assert_eq!(stage.until_lost().await.0, Lost::Ended(CloseReason::Silent));
    stage.reader.lock().unwrap().set_faults(ReaderFaults::default());
    stage.until_reading().await;
    stage.listening.abort();
}

#[tokio::test]
async fn a_reader_that_is_taken_or_not_there_is_tried_less_and_less_often() {
    let faults = ReaderFaults { refuse_with: Some(2), ..ReaderFaults::default() };
    let mut stage = Stage::new(faults, |_| {}).await;
    let mut waits = Vec::new();
    for _ in 0..4 {
        let (why, again_after) = stage.until_lost().await;
        assert_eq!(why, Lost::Ended(CloseReason::Refused));
        waits.push(again_after.unwrap().as_millis());
    }
    assert_eq!(waits, [5, 10, 20, 20]);
    stage.listening.abort();
    while !matches!(stage.until_lost().await.0, Lost::NotReachable(_)) {}
    stage.stop.send(true).unwrap();
    while stage.events.recv().await.is_some() {}
    stage.client.await.unwrap();
}
