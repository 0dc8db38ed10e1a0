//! What a letter says, in the words that chats and e-mail share.

use super::Letter;
use follow::notices::{Notice, What};
use jiff::Timestamp as Instant;
use ledger::{Severity, Timestamp};

/// The longest subject and sentence of one notice, in bytes.
const SUBJECT_BYTES_MAX: usize = 200;
const WHY_BYTES_MAX: usize = 500;

/// A notice in words, each on one line and of bounded length.
pub(super) struct Words {
    /// `Critical: low stock`; what else happened to it than that it was opened is said with it.
    pub(super) headline: String,
    pub(super) subject: String,
    pub(super) why: String,
    /// Who looks after it; empty for nobody in particular.
    pub(super) owner: String,
    pub(super) at: Timestamp,
    /// The address of its page; empty when nobody said where our pages are.
    pub(super) address: String,
}

impl Words {
    pub(super) fn of(letter: &Letter<'_>, notice: &Notice) -> Self {
        let address = if letter.base.is_empty() || notice.link.is_empty() {
            String::new()
        } else {
            format!("{}{}", letter.base, notice.link)
        };
        Self {
            headline: line(&headline(letter, notice), SUBJECT_BYTES_MAX),
            subject: line(&notice.subject, SUBJECT_BYTES_MAX),
            why: line(&notice.why, WHY_BYTES_MAX),
            owner: line(notice.owner.as_deref().unwrap_or_default(), SUBJECT_BYTES_MAX),
            at: notice.at,
            address,
        }
    }
}

fn headline(letter: &Letter<'_>, notice: &Notice) -> String {
    if letter.is_test {
        return "Test".to_owned();
    }
    let condition = notice.condition.replace('_', " ");
    let severity = match notice.severity {
        Severity::Info => "Info",
        Severity::Warning => "Warning",
        Severity::Critical => "Critical",
    };
    match notice.what {
        What::Opened => format!("{severity}: {condition}"),
        What::Escalated => format!("{severity}, not acknowledged: {condition}"),
        What::Reminded => format!("{severity}, still open: {condition}"),
        What::Resolved => format!("Resolved: {condition}"),
    }
}

/// What the whole letter is about, in one line.
pub(super) fn title(letter: &Letter<'_>) -> String {
    match letter.notices {
        [only] => {
            let words = Words::of(letter, only);
            format!("{}: {}", words.headline, words.subject)
        }
        many => {
            let critical = many.iter().filter(|notice| notice.severity == Severity::Critical).count();
            let others = if critical > 0 { format!(", {critical} of them critical") } else { String::new() };
            format!("{} notices{others}", many.len())
        }
    }
}

/// The text on one line, cut where it is longer than `bytes_max`.
pub(super) fn line(text: &str, bytes_max: usize) -> String {
    const CUT: char = '…';
    let plain: String = text.chars().map(|char| if is_blank(char) { ' ' } else { char }).collect();
    let plain = plain.trim();
    if plain.len() <= bytes_max {
        return plain.to_owned();
    }
    let end = plain.floor_char_boundary(bytes_max.saturating_sub(CUT.len_utf8()));
    format!("{}{CUT}", &plain[..end])
}

/// Whether a character would end a line, or turn the direction of what comes after it.
fn is_blank(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A time of day and date, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    match Instant::from_microsecond(at.0) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => "out of the calendar".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_characters_and_stay_lines() {
        assert_eq!(line("a\r\nb\u{202e}c ", 100), "a  b c");
        assert_eq!(line("ääää", 8), "ääää");
        assert_eq!(line("ääääx", 8), "ää…");
        assert_eq!(line("", 8), "");
    }
}
