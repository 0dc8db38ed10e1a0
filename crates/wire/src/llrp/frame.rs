//! Where one message ends and the next begins: the header of ten bytes, and the splitter of a byte stream.

use super::{LlrpError, Version};

/// The bytes of a message's header.
pub const HEADER_BYTES: usize = 10;

/// The longest message that is taken unless the caller says otherwise, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A message's header.
///
/// # Source
/// LLRP 1.0.1, 16.1: three reserved bits, three of version, ten of type, 32 of length, 32 of id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The protocol's version.
    pub version: Version,
    /// The message's type number.
    pub number: u16,
    /// The bytes of the whole message, header and all; at least ten.
    pub length: usize,
    /// The number by which an answer names its request.
    pub id: u32,
}

impl Header {
    /// Reads the header that `bytes` begins with; `None` while it is not all there.
    ///
    /// # Errors
    /// `invalid_header` when the three reserved bits are not zero, `unsupported_version` for neither 1.0.1 nor 1.1: which is
    /// what bytes that are no LLRP mostly look like; then
    /// `invalid_length` for a message of fewer than ten bytes or of more than `bytes_max`.
    pub fn read(bytes: &[u8], bytes_max: usize) -> Result<Option<Self>, LlrpError> {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let [first, second, l0, l1, l2, l3, i0, i1, i2, i3] = *bytes;
        let fault = |code, byte, detail| Err(LlrpError { code, place: "header".to_owned(), byte, detail });
        if first >> 5 != 0 {
            let detail =
                format!("the first byte is {first:#04x}, which begins no message: is this a reader's LLRP port?");
            return fault("invalid_header", 0, detail);
        }
        let number_of_version = first >> 2 & 0b111;
        let Some(version) = Version::from_number(number_of_version) else {
            let detail = format!(
                "the version is {number_of_version}; 1 (LLRP 1.0.1) and 2 (1.1) are known: is this a reader's LLRP port?"
            );
            return fault("unsupported_version", 0, detail);
        };
        let number = u16::from_be_bytes([first & 0b11, second]);
        let declared = u32::from_be_bytes([l0, l1, l2, l3]);
        let length = usize::try_from(declared).unwrap_or(usize::MAX);
        if length < HEADER_BYTES {
            let detail = format!("the message says it has {declared} bytes; a header alone has {HEADER_BYTES}");
            return fault("invalid_length", 2, detail);
        }
        if length > bytes_max {
            let detail = format!("the message says it has {declared} bytes; at most {bytes_max} are taken");
            return fault("invalid_length", 2, detail);
        }
        Ok(Some(Self { version, number, length, id: u32::from_be_bytes([i0, i1, i2, i3]) }))
    }

    /// Appends the header to `out`.
    ///
    /// # Errors
    /// `too_long` for a length beyond 32 bits.
    pub(super) fn write(self, out: &mut Vec<u8>) -> Result<(), LlrpError> {
        let Ok(length) = u32::try_from(self.length) else {
            let detail = format!("the message has {} bytes; 4294967295 are the most", self.length);
            return Err(LlrpError { code: "too_long", place: "header".to_owned(), byte: 2, detail });
        };
        let [high, low] = (self.number & 0x3ff).to_be_bytes();
        out.extend([self.version.number() << 2 | high, low]);
        out.extend(length.to_be_bytes());
        out.extend(self.id.to_be_bytes());
        Ok(())
    }
}

/// Cuts a stream of bytes, arriving in any pieces, into messages.
///
/// It holds at most one message that is not whole and what was pushed behind it.
///
/// ```
/// use wire::llrp::Splitter;
/// let keepalive = [0x04, 0x3e, 0, 0, 0, 10, 0, 0, 0, 7];
/// let mut splitter = Splitter::new(1000);
/// splitter.push(&keepalive[..4]);
/// assert_eq!(splitter.next_frame(), Ok(None));
/// splitter.push(&keepalive[4..]);
/// let (header, payload) = splitter.next_frame().expect("it is LLRP").expect("it is whole");
/// assert_eq!((header.number, header.id, payload.len()), (62, 7, 0));
/// ```
#[derive(Debug)]
pub struct Splitter {
    buffer: Vec<u8>,
    start: usize,
    bytes_max: usize,
}

impl Splitter {
    /// A splitter at the start of a stream whose messages have at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, bytes_max }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        // What was handed out goes first, so that the buffer does not grow with the stream.
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message: its header and the bytes behind that; `None` until more bytes come.
    ///
    /// # Errors
    /// See [`Header::read`]. The stream can't be followed further then: the same error comes again.
    pub fn next_frame(&mut self) -> Result<Option<(Header, &[u8])>, LlrpError> {
        let rest = &self.buffer[self.start..];
        let Some(header) = Header::read(rest, self.bytes_max)? else {
            return Ok(None);
        };
        if rest.len() < header.length {
            return Ok(None);
        }
        let start = self.start;
        self.start += header.length;
        Ok(Some((header, &self.buffer[start + HEADER_BYTES..self.start])))
    }

    /// The bytes that wait for the rest of their message.
    pub fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(stream: &[u8], step: usize) -> Vec<(u16, u32, Vec<u8>)> {
        let mut splitter = Splitter::new(100);
        let mut found = Vec::new();
        for piece in stream.chunks(step) {
            splitter.push(piece);
            while let Some((header, payload)) = splitter.next_frame().unwrap() {
                found.push((header.number, header.id, payload.to_vec()));
            }
        }
        assert_eq!(splitter.pending(), b"");
        found
    }

    #[test]
    fn messages_are_the_same_however_the_stream_is_cut() {
        let mut stream = Vec::new();
        for (id, payload) in [(1, &b""[..]), (2, b"abc"), (3, &[4; 60]), (4, b"")] {
            let length = HEADER_BYTES + payload.len();
            Header { version: Version::V1_0_1, number: 1023, length, id }.write(&mut stream).unwrap();
            stream.extend(payload);
        }
        let whole = messages(&stream, stream.len());
        assert_eq!(whole.len(), 4);
        assert_eq!(whole[1], (1023, 2, b"abc".to_vec()));
        for step in 1..stream.len() {
            assert_eq!(messages(&stream, step), whole, "{step}");
        }
    }

    #[test]
    fn what_is_no_llrp_is_refused_at_its_byte() {
        let check = |bytes: [u8; 10], code, byte| {
            let mut splitter = Splitter::new(100);
            splitter.push(&bytes);
            let error = splitter.next_frame().unwrap_err();
            assert_eq!((error.code, error.byte), (code, byte), "{error}");
            assert_eq!(splitter.next_frame().unwrap_err(), error);
        };
        check(*b"HTTP/1.1 4", "invalid_header", 0);
        check([0; 10], "unsupported_version", 0);
        check([0x04, 62, 0, 0, 0, 9, 0, 0, 0, 0], "invalid_length", 2);
        check([0x04, 62, 0, 0, 0, 101, 0, 0, 0, 0], "invalid_length", 2);
        check([0x04, 62, 255, 255, 255, 255, 0, 0, 0, 0], "invalid_length", 2);
    }
}
