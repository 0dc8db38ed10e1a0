//! Why something is no EPC.

use crate::problem::shown;
use std::fmt;

/// What is wrong with a code, said so that a person can mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable code; `docs/formats/epc.md` lists them.
    pub code: &'static str,
    /// The part at fault, its value and the remedy.
    pub detail: String,
    /// The first byte at fault, from 0: of the memory for bytes, of the text for texts; `None` when it is no one byte.
    pub byte: Option<usize>,
}

impl Fault {
    pub(super) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), byte: None }
    }

    pub(super) fn at(mut self, byte: usize) -> Self {
        self.byte = Some(byte);
        self
    }

    /// The same fault of a text that begins `bytes` further on.
    pub(super) fn after(mut self, bytes: usize) -> Self {
        self.byte = self.byte.map(|byte| byte + bytes);
        self
    }

    /// A value of the wrong kind.
    pub(super) fn of(code: &'static str, name: &str, value: &[u8], why: impl fmt::Display) -> Self {
        Self::new(code, format!("{name} {} {why}", shown(&String::from_utf8_lossy(value))))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Fault {}
