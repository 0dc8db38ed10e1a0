//! A Mosquitto of a test's own: on a free port, in a temporary directory, ended with the test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where Debian's package puts the broker.
const PLACES: [&str; 3] = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto"];

/// A running broker.
pub(crate) struct Broker {
    pub(crate) port: u16,
    pub(crate) directory: tempfile::TempDir,
    program: PathBuf,
    child: Option<Child>,
}

impl Broker {
    /// Starts a broker that anybody may talk to; `None`, with a note, where Mosquitto is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::with(|_| "allow_anonymous true\n".to_owned())
    }

    /// Starts a broker with further settings for its listener, which may name files put into the directory.
    pub(crate) fn with(listener: impl FnOnce(&Path) -> String) -> Option<Self> {
        let Some(program) = PLACES.iter().map(PathBuf::from).find(|place| place.exists()) else {
            eprintln!("skipped: Mosquitto is not installed (Debian: apt-get install mosquitto)");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let listener = listener(directory.path());
        loop {
            // The port was free a moment ago; if somebody took it meanwhile, the broker ends and another is tried.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let place = directory.path().display();
            let common = "user root\nlog_dest stderr\nlog_type error\nlog_type information\npersistence true\nmax_queued_messages 0\n";
            let settings = format!("{common}persistence_location {place}/\nlistener {port} 127.0.0.1\n{listener}");
            std::fs::write(directory.path().join("mosquitto.conf"), settings).unwrap();
            if let Some(child) = run(&program, directory.path()) {
                return Some(Self { port, directory, program, child: Some(child) });
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Ends the broker as a power cut would: what it had only in memory is gone.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&mut self) {
        self.child = Some(run(&self.program, self.directory.path()).expect("the port is still free"));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// Starts the broker and waits until it says that it runs; `None` if it ends instead.
fn run(program: &Path, directory: &Path) -> Option<Child> {
    let mut command = Command::new(program);
    command
        .arg("-c")
        .arg(directory.join("mosquitto.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let runs = lines.by_ref().map_while(Result::ok).any(|line| line.contains(" running"));
    if !runs {
        child.wait().unwrap();
        return None;
    }
    // Its further words are read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    Some(child)
}
