//! LLRP, the Low Level Reader Protocol 1.0.1 and 1.1 of EPCglobal: how RFID readers are told what to read and say what they
//! read.
//!
//! The bytes: [`Splitter`] cuts a stream into messages, [`Message`] is any of them as a tree of named values, [`TagReports`]
//! the fast way through the one that matters. The talk: [`session`] says what to send a reader and what its answers mean.
//! Nothing here knows a socket or a clock. `docs/formats/llrp.md` is this module in words.
//!
//! Invariant: what is decoded without an error is encoded as the same bytes again, but for reserved bits, which are zero then.

mod codec;
mod definition;
mod frame;
mod json;
mod node;
mod reads;
mod report;
pub mod session;
mod status;

pub use definition::{Definition, message, message_named, messages};
pub use frame::{HEADER_BYTES, Header, MESSAGE_BYTES_MAX, Splitter};
pub use json::base64;
pub use node::Node;
pub use reads::{Seen, TagReport, TagReports};
pub use report::{report, reports};

use serde_json::{Map, Value};

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1.0.1, of 2007.
    V1_0_1,
    /// 1.1, of 2010.
    V1_1,
}

impl Version {
    /// The number in a message's header.
    pub const fn number(self) -> u8 {
        match self {
            Self::V1_0_1 => 1,
            Self::V1_1 => 2,
        }
    }

    /// The version of this number; `None` for those that don't exist.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::V1_0_1),
            2 => Some(Self::V1_1),
            _ => None,
        }
    }

    /// `1.0.1` or `1.1`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_0_1 => "1.0.1",
            Self::V1_1 => "1.1",
        }
    }
}

/// What is wrong with bytes, or with JSON, that should be LLRP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} at byte {byte}: {detail}")]
pub struct LlrpError {
    /// The stable code: `truncated`, `invalid_length`, `invalid_text`, `invalid_header`, `unsupported_version`, `unknown_message`,
    /// `unknown_parameter`, `unexpected_parameter`, `missing_parameter`, `repeated_parameter`, `too_deep`, `too_long` (to be
    /// encoded), `invalid_json`.
    pub code: &'static str,
    /// The message, the parameters inside it down to the one at fault, and the field if it is one.
    pub place: String,
    /// Where that begins, from the first byte of what was handed over; 0 in JSON.
    pub byte: usize,
    /// What is wrong with it.
    pub detail: String,
}

/// A message: its header's version and id, and its content.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The protocol's version.
    pub version: Version,
    /// The number by which an answer names its request.
    pub id: u32,
    /// What it says.
    pub content: Node,
}

impl Message {
    /// Reads one message, header and all, from exactly its bytes.
    ///
    /// # Errors
    /// See [`LlrpError::code`]. Bytes behind the message are `invalid_length`.
    pub fn decode(bytes: &[u8]) -> Result<Self, LlrpError> {
        let fault = |code, byte, detail| Err(LlrpError { code, place: "header".to_owned(), byte, detail });
        let Some(header) = Header::read(bytes, usize::MAX)? else {
            let detail = format!("a message begins with {HEADER_BYTES} bytes of header; {} are there", bytes.len());
            return fault("truncated", 0, detail);
        };
        if header.length > bytes.len() {
            let detail = format!("the message says it has {} bytes; {} are there", header.length, bytes.len());
            return fault("truncated", 2, detail);
        }
        if header.length < bytes.len() {
            let detail = format!("the message says it has {} bytes; {} are there", header.length, bytes.len());
            return fault("invalid_length", 2, detail);
        }
        let content = decode_content(header.number, &bytes[HEADER_BYTES..], HEADER_BYTES)?;
        Ok(Self { version: header.version, id: header.id, content })
    }

    /// Reads the content of the message that `header` begins.
    ///
    /// # Errors
    /// See [`LlrpError::code`]; bytes are counted from the header's first.
    pub fn decode_payload(header: Header, payload: &[u8]) -> Result<Self, LlrpError> {
        let content = decode_content(header.number, payload, HEADER_BYTES)?;
        Ok(Self { version: header.version, id: header.id, content })
    }

    /// The message of this name (`ROAccessReport` or `RO_ACCESS_REPORT`) with the content that `json` gives.
    ///
    /// # Errors
    /// `unknown_message`; `invalid_json` and others for a content that it can't have.
    pub fn from_json(name: &str, json: &Value, version: Version, id: u32) -> Result<Self, LlrpError> {
        let Some(definition) = message_named(name) else {
            let place = crate::problem::shown(name);
            let detail = "there is no such message".to_owned();
            return Err(LlrpError { code: "unknown_message", place, byte: 0, detail });
        };
        if !json.is_object() {
            let detail = format!("it must be an object, not {}", crate::problem::shown(&json.to_string()));
            let place = definition.standard_name.to_owned();
            return Err(LlrpError { code: "invalid_json", place, byte: 0, detail });
        }
        let content = json::from_json(definition, json, definition.standard_name)?;
        Ok(Self { version, id, content })
    }

    /// What the message is.
    pub fn definition(&self) -> &'static Definition {
        self.content.definition
    }

    /// The message's bytes, header and all.
    ///
    /// # Errors
    /// `too_long` for what has no place in a length of 16 bits.
    pub fn encode(&self) -> Result<Vec<u8>, LlrpError> {
        let payload = self.content.encode()?;
        let header = Header {
            version: self.version,
            number: self.definition().number,
            length: HEADER_BYTES + payload.len(),
            id: self.id,
        };
        let mut out = Vec::with_capacity(header.length);
        header.write(&mut out)?;
        out.extend(payload);
        Ok(out)
    }
}

/// Reads the content of the message with this type number, without its header. `base` is added to the bytes that errors name.
///
/// # Errors
/// See [`LlrpError::code`].
pub fn decode_content(number: u16, payload: &[u8], base: usize) -> Result<Node, LlrpError> {
    match message(number) {
        Some(definition) => codec::decode(definition, payload, base),
        None => Err(LlrpError {
            code: "unknown_message",
            place: "header".to_owned(),
            byte: 0,
            detail: format!("there is no message type {number}"),
        }),
    }
}

impl Node {
    /// Reads a parameter's content from `bytes`, without the parameter's own header.
    ///
    /// # Errors
    /// `unknown_parameter` for a name that no parameter has; see [`LlrpError::code`] for the others.
    pub fn decode_parameter(name: &str, bytes: &[u8]) -> Result<Self, LlrpError> {
        codec::decode(named(name)?, bytes, 0)
    }

    /// The parameter of this name with the content that `json` gives.
    ///
    /// # Errors
    /// `unknown_parameter`; `invalid_json` and others for a content that it can't have.
    pub fn parameter_from_json(name: &str, json: &Value) -> Result<Self, LlrpError> {
        let definition = named(name)?;
        json::from_json(definition, json, definition.name)
    }

    /// The bytes of the content, without the header of the message or parameter.
    ///
    /// # Errors
    /// `too_long` for what has no place in a length of 16 bits.
    pub fn encode(&self) -> Result<Vec<u8>, LlrpError> {
        let mut out = Vec::new();
        codec::encode(self, &mut out)?;
        Ok(out)
    }

    /// The content as JSON.
    pub fn to_json(&self) -> Map<String, Value> {
        json::object(self)
    }
}

fn named(name: &str) -> Result<&'static Definition, LlrpError> {
    definition::parameter_named(name).ok_or_else(|| LlrpError {
        code: "unknown_parameter",
        place: crate::problem::shown(name),
        byte: 0,
        detail: "there is no such parameter".to_owned(),
    })
}
