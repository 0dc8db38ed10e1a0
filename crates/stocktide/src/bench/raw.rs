//! A connection that sends requests rendered beforehand and reads just enough of the answers.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// An HTTP/1.1 connection.
pub(super) struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A request as it goes over the wire.
pub(super) fn post(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// A request without a body.
pub(super) fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

impl Raw {
    pub(super) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 16) })
    }

    /// Sends a request and waits for the whole answer; answers its status.
    pub(super) fn call(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let mut chunk = [0; 1 << 14];
        let mut expected = None;
        loop {
            if let Some(total) = expected
                && self.buffer.len() >= total
            {
                break;
            }
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                bail!("the server closed the connection");
            }
            self.buffer.extend_from_slice(&chunk[..count]);
            if expected.is_none() {
                expected = length_of(&self.buffer)?;
            }
        }
        let status = self.buffer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        status.context("the answer has no status")
    }

    /// Sends a request that must succeed, again while the server is full.
    pub(super) fn call_until_taken(&mut self, request: &[u8]) -> Result<()> {
        loop {
            match self.call(request)? {
                200..300 => return Ok(()),
                429 => std::thread::yield_now(),
                status => bail!("the server answered {status}: {}", String::from_utf8_lossy(&self.buffer)),
            }
        }
    }
}

/// The length of head and body, once the head is there.
fn length_of(buffer: &[u8]) -> Result<Option<usize>> {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&buffer[..end]).context("the answer's head is not text")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let length: usize = length.context("the answer has no length")?;
    Ok(Some(end + 4 + length))
}
