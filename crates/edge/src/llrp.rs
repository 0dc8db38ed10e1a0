//! RFID readers that speak LLRP over TCP: connected to, listened to, and connected to again.
//!
//! The talk itself is [`wire::llrp::session`]; here are the socket, the waiting and the end. It does not know what a read
//! means, nor what time it is or how much chance there is: both are handed over.
//!
//! Invariant: what the reader sends is read only when everything before it has been taken by the sink, so that a slow sink slows
//! the reader down and memory stays bounded.

use crate::serve::stopped;
use ledger::Timestamp;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use wire::llrp::session::{self, CloseReason, Output, Session};

/// The bytes that are taken from the socket at once.
const READ_BYTES: usize = 64 << 10;

/// How long it is waited for bytes at least, even past a deadline: after a sink that took its time, what came meanwhile is found.
const READ_WAIT_MIN: Duration = Duration::from_millis(50);

/// How long a reader may leave what it is sent unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The port of LLRP without encryption.
///
/// # Source
/// IANA, service `llrp`.
pub const PORT: u16 = 5084;

/// One reader and how to keep up with it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is: a name or address, and the port, as in `dock-3.example:5084`.
    pub address: String,
    /// What it is asked to read.
    pub session: session::Settings,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long to wait after a connection is lost, at first; twice as long after each that never came to reading.
    pub wait_min: Duration,
    /// How long to wait at most.
    pub wait_max: Duration,
}

impl Settings {
    /// A reader at `address` with the usual times.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            session: session::Settings::default(),
            connect_timeout: Duration::from_secs(5),
            wait_min: Duration::from_millis(500),
            wait_max: Duration::from_secs(60),
        }
    }
}

/// What happens at a reader's line.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The connection stands; the reader is not yet told what to read.
    Connected,
    /// What the talk yields.
    Session(session::Event),
    /// There is no connection, or no longer.
    Disconnected {
        /// Why.
        why: Lost,
        /// After how long the next is tried; `None`: never.
        again_after: Option<Duration>,
    },
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// None could be made; the system's words.
    NotReachable(String),
    /// It broke; the system's words.
    Broken(String),
    /// The reader closed it without a word.
    Dropped,
    /// The talk came to an end.
    Ended(CloseReason),
}

/// Follows a reader until `stopping` says so, then takes leave of it.
///
/// `clock` tells the time, which must not go back by much. `jitter` makes of a time to wait the one that is waited, so that many
/// readers do not come back at once. `sink` gets each event, and is awaited before anything else is read.
pub async fn run<C, J, S, F>(
    settings: &Settings,
    clock: C,
    mut jitter: J,
    mut stopping: watch::Receiver<bool>,
    mut sink: S,
) where
    C: Fn() -> Timestamp,
    J: FnMut(Duration) -> Duration,
    S: FnMut(Event) -> F,
    F: Future<Output = ()>,
{
    let mut session = Session::new(settings.session.clone());
    let mut wait = settings.wait_min;
    loop {
        let connecting = tokio::time::timeout(settings.connect_timeout, TcpStream::connect(&settings.address));
        let connected = tokio::select! {
            connected = connecting => connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            () = stopped(&mut stopping) => return,
        };
        let why = match connected {
            Ok(stream) => {
                sink(Event::Connected).await;
                let mut line = Line { stream, session: &mut session, clock: &clock, sink: &mut sink, has_read: false };
                let why = line.follow(&mut stopping).await;
                if line.has_read {
                    wait = settings.wait_min;
                }
                session.disconnected();
                why
            }
            Err(error) => Lost::NotReachable(error.to_string()),
        };
        let ends = *stopping.borrow() || why == Lost::Ended(CloseReason::Asked);
        let again_after = (!ends).then(|| jitter(wait));
        sink(Event::Disconnected { why, again_after }).await;
        let Some(again_after) = again_after else { return };
        tokio::select! {
            () = tokio::time::sleep(again_after) => {}
            () = stopped(&mut stopping) => return,
        }
        wait = (wait * 2).min(settings.wait_max);
    }
}

/// One connection.
struct Line<'l, C, S> {
    stream: TcpStream,
    session: &'l mut Session,
    clock: &'l C,
    sink: &'l mut S,
    /// Whether it came to reading.
    has_read: bool,
}

impl<C, S, F> Line<'_, C, S>
where
    C: Fn() -> Timestamp,
    S: FnMut(Event) -> F,
    F: Future<Output = ()>,
{
    /// Talks until the connection is gone.
    async fn follow(&mut self, stopping: &mut watch::Receiver<bool>) -> Lost {
        // Requests and signs of life are written whole, so waiting for more to send only delays them.
        let _ = self.stream.set_nodelay(true);
        self.session.connected((self.clock)());
        let mut buffer = vec![0; READ_BYTES];
        let mut is_stopping = false;
        loop {
            if let Some(lost) = self.take_outputs().await {
                return lost;
            }
            let now = (self.clock)();
            let deadline = self.session.deadline().map_or(0, |deadline| deadline.0.saturating_sub(now.0));
            let until_deadline = Duration::from_micros(u64::try_from(deadline).unwrap_or(0)).max(READ_WAIT_MIN);
            tokio::select! {
                biased;
                () = stopped(stopping), if !is_stopping => {
                    is_stopping = true;
                    self.session.close((self.clock)());
                }
                read = self.stream.read(&mut buffer) => match read {
                    Ok(0) => return Lost::Dropped,
                    Ok(count) => {
                        let now = (self.clock)();
                        self.session.received(&buffer[..count], now);
                        // A request may wait for its answer in vain while reports come.
                        self.session.tick(now);
                    }
                    Err(error) => return Lost::Broken(error.to_string()),
                },
                () = tokio::time::sleep(until_deadline) => self.session.tick((self.clock)()),
            }
        }
    }

    /// Does what the session wants done; says why the connection is gone if it is.
    async fn take_outputs(&mut self) -> Option<Lost> {
        while let Some(output) = self.session.next_output() {
            match output {
                Output::Send(bytes) => {
                    let writing = tokio::time::timeout(WRITE_TIMEOUT, self.stream.write_all(&bytes));
                    if let Err(error) = writing.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                        return Some(Lost::Broken(error.to_string()));
                    }
                }
                Output::Event(event) => {
                    self.has_read |= matches!(event, session::Event::Ready(_));
                    (self.sink)(Event::Session(event)).await;
                }
                Output::Close(reason) => {
                    // It is gone either way.
                    let _ = self.stream.shutdown().await;
                    return Some(Lost::Ended(reason));
                }
            }
        }
        None
    }
}
