//! Messages that can't be used, to the held list.

use super::{Message, Taken, TryLater};
use engine::{Handle, Outcome, Receipt, Unavailable};
use ledger::{Command, Unusable};
use std::fmt::Write as _;
use tokio::sync::oneshot;
use wire::{Batch, Problem};

/// Bytes of a held text.
const RAW_BYTES_MAX: usize = 16 << 10;

/// Puts messages on the held list, where a person mends or discards them.
#[derive(Clone)]
pub struct Holder {
    handle: Handle,
    actor: Box<str>,
}

impl Holder {
    /// Holds in the name of `actor`.
    pub fn new(handle: Handle, actor: &str) -> Self {
        Self { handle, actor: actor.into() }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn actor(&self) -> &str {
        &self.actor
    }

    /// Holds a message as a whole.
    ///
    /// # Errors
    /// The engine takes nothing now.
    pub async fn hold(&self, message: &Message, problems: &[Problem]) -> Result<Taken, TryLater> {
        let mut batch = Batch::new();
        self.push(&mut batch, message, &message.payload, problems);
        let receipt = self.judge(batch).await?;
        let mut taken = Taken::default();
        count_held(&receipt, &mut taken);
        Ok(taken)
    }

    /// Adds to `batch` the command that holds `raw`, a message or a part of it. The same text from the same topic again
    /// is the same command.
    pub(super) fn push(&self, batch: &mut Batch, message: &Message, raw: &[u8], problems: &[Problem]) {
        let (hasher, now) = (self.handle.hasher(), self.handle.now());
        let text = shown_raw(raw);
        let details: Vec<&str> = problems.iter().map(|problem| &*problem.detail).collect();
        let first = problems.first();
        let command = Command::Hold(Box::new(Unusable {
            raw: cut(&text).into(),
            code: first.map_or("", |problem| problem.code).into(),
            field: first.map_or("", |problem| &problem.field).into(),
            detail: details.join("; ").into(),
            place: message.topic.as_ref().into(),
        }));
        // The topic may be longer than an id can be; its hash with the text stands for both.
        let id = format!("mqtt-{:032x}", hasher.named(&message.topic, &text));
        let key = hasher.command(&message.source, &id, now, &command);
        batch.push_command(&self.actor, &message.source, &id, key, now, command);
    }

    /// Hands in a batch and waits until it is durable.
    pub(super) async fn judge(&self, batch: Batch) -> Result<Receipt, TryLater> {
        let later = |why: Unavailable| TryLater(why.to_string());
        if batch.is_empty() {
            return Ok(Receipt::default());
        }
        let (sender, receiver) = oneshot::channel();
        // Whoever gave up waiting meanwhile hears nothing.
        self.handle.submit(batch, move |receipt| drop(sender.send(receipt))).map_err(later)?;
        receiver.await.unwrap_or(Err(Unavailable::Stopping)).map_err(later)
    }
}

/// Counts what a batch of holding commands came to.
pub(super) fn count_held(receipt: &Receipt, taken: &mut Taken) {
    taken.held += receipt.accepted();
    let known = receipt.exceptions().iter().filter(|(_, outcome)| matches!(outcome, Outcome::Duplicate { .. }));
    taken.duplicates += known.count();
}

/// The text of a payload; what is no text, as `0x` and hexadecimal digits.
fn shown_raw(raw: &[u8]) -> String {
    match std::str::from_utf8(raw) {
        Ok(text) if !text.contains(|letter: char| letter.is_control() && !letter.is_whitespace()) => text.to_owned(),
        _ => raw.iter().fold("0x".to_owned(), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(RAW_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_shown_in_hexadecimal_digits() {
        let check = |raw: &[u8], expect: &str| assert_eq!(shown_raw(raw), expect);
        check(b"{\n\t\"a\": 1}", "{\n\t\"a\": 1}");
        check(b"\x00\xff\x10", "0x00ff10");
        check(b"a\x01", "0x6101");
        check(b"", "");
        assert_eq!(cut(&"é".repeat(10_000)).len(), RAW_BYTES_MAX);
    }
}
