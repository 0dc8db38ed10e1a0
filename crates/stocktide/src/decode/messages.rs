//! A reader's messages, in bytes or in hexadecimal digits.

use super::Take;
use super::lines::Lines;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use wire::llrp::{HEADER_BYTES, Header, message, message_named, report, reports};

/// The longest message that is taken, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Whether there is a message of this name or number.
pub(super) fn is_known(name: &str) -> bool {
    message_named(name).is_some() || name.parse().ok().and_then(message).is_some()
}

/// Explains every message of an input. What has no header is the message `named`, else the one that the file is named
/// after, else what it begins like.
pub(super) fn decode<R: Read>(
    reader: &mut BufReader<R>,
    named: Option<&str>,
    path: &Path,
    take: Take<'_>,
) -> io::Result<()> {
    let of_file = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split(['-', '.', ' ']).next());
    let hint = named.or(of_file.filter(|name| message_named(name).is_some()));
    if !is_text(reader.fill_buf()?) {
        return frames(reader, hint, take);
    }
    let mut lines = Lines::new(reader);
    while let Some(line) = lines.next()? {
        match line.text() {
            Ok(text) => reports(text.as_bytes(), hint).into_iter().try_for_each(&mut *take)?,
            Err(refused) => take(refused.one())?,
        }
    }
    Ok(())
}

/// Whether input that begins so is text. The first byte tells: that of a header is 4 to 11, where 9 and 10 begin no message
/// that there is; that of a parameter is 0 to 3, or 128 and more.
fn is_text(front: &[u8]) -> bool {
    front.first().is_some_and(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
        || front.starts_with(b"\xef\xbb\xbf")
}

/// Explains messages that stand behind each other, holding one at a time.
fn frames<R: Read>(reader: &mut BufReader<R>, hint: Option<&str>, take: Take<'_>) -> io::Result<()> {
    let mut is_first = true;
    loop {
        let mut bytes = Vec::new();
        read_up_to(reader, HEADER_BYTES, &mut bytes)?;
        if bytes.is_empty() && !is_first {
            return Ok(());
        }
        let header = Header::read(&bytes, MESSAGE_BYTES_MAX);
        if let Ok(Some(header)) = header {
            read_up_to(reader, header.length - HEADER_BYTES, &mut bytes)?;
            let is_whole = bytes.len() == header.length;
            take(report(&bytes, if is_whole { None } else { hint }))?;
        } else {
            // A message without its header, or bytes behind which no next message can be found.
            read_up_to(reader, MESSAGE_BYTES_MAX, &mut bytes)?;
            return take(report(&bytes, if is_first { hint } else { None }));
        }
        is_first = false;
    }
}

/// Reads that many bytes, or as many as there are.
fn read_up_to(reader: &mut impl Read, count: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    reader.take(count).read_to_end(bytes).map(drop)
}
