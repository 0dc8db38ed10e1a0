//! The program as a child process, and a client that speaks just enough HTTP.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// The program, with nothing of the environment that it would read but a configuration that makes small files.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stocktide"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STOCKTIDE_") {
            command.env_remove(name);
        }
    }
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/small.toml");
    command.env_remove("COLUMNS").env("STOCKTIDE_CONFIG", small).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    let output = program().args(arguments).output().expect("the program starts");
    Ran::of(&output)
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The run, which must have ended with `code`.
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// A server of our own, on a port of its own.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Kept open, so that the program can print.
    _stdout: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Serves `directory` to whoever comes.
    pub(crate) fn start(directory: &Path) -> Self {
        Self::spawn(serve(directory).args(["--auth", "none"]))
    }

    /// Starts a command that prints a ready line.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("standard output can be read");
        let address = line.strip_prefix("ready http://").and_then(|address| address.trim_end().parse().ok());
        let address = address.unwrap_or_else(|| panic!("no ready line but '{line}', then {:?}", child.wait()));
        Self { child, address, _stdout: stdout }
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address).expect("the server accepts connections")
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.connect().call(method, path, &[], body).expect("the server answers")
    }

    /// The figure on hand of a product in a warehouse.
    pub(crate) fn on_hand(&self, product: &str, warehouse: &str) -> i64 {
        let answer = self.call("GET", &format!("/v1/stock/{product}/{warehouse}"), "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["on_hand_quantity"].as_i64().expect("a whole figure")
    }

    /// Asks it to stop, as an operator does, and waits for the end.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        signal(&self.child, "TERM");
        self.child.wait().expect("the program ends")
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the program can be killed");
        self.child.wait().expect("the program ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command that serves a directory on a free port.
pub(crate) fn serve(directory: &Path) -> Command {
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data"]).arg(directory);
    command
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status();
    assert!(sent.expect("there is a shell").success());
}

/// An answer of a server.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A connection that stays open.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// Sends a request and reads the answer.
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut length = 0;
        loop {
            self.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn read_line(&mut self, line: &mut String) -> io::Result<()> {
        line.clear();
        if self.stream.read_line(line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// One event with an id, of one piece that came to warehouse_A.
pub(crate) fn added(product: &str, id: &str) -> String {
    format!(
        r#"{{"event":"item_added","product_id":"{product}","location":"warehouse_A","quantity":1,"timestamp":"2026-02-16T10:00:00Z","id":"{id}","source":"test"}}"#
    )
}

/// The folder of shared data sets, where there is one.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let folder = match std::env::var_os("STOCKTIDE_SHARED_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    folder.is_dir().then_some(folder)
}
