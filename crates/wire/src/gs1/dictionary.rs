//! The table of Application Identifiers, read from GS1's own Syntax Dictionary at first use.
//!
//! The dictionary's text lies beside this file, unchanged and under its own licence (Apache-2.0, stated in its head), so
//! that a newer release is a newer file. A line of it that cannot be read is a bug of ours and panics; the tests read all.

use super::linters::Linter;
use std::sync::LazyLock;

const TEXT: &str = include_str!("gs1-syntax-dictionary.txt");

static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| Dictionary::parse(TEXT));

/// The characters that a component may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharacterSet {
    /// `N`: digits.
    Numeric,
    /// `X`: the 82 invariant characters of ISO/IEC 646 that GS1 allows.
    Set82,
    /// `Y`: digits, capitals, `#`, `-` and `/`.
    Set39,
    /// `Z`: file-safe, URI-safe base 64.
    Set64,
}

/// One component of an element's value, as in `N14,csum` or `[X..17]`.
#[derive(Clone, Debug)]
pub struct Component {
    /// The characters it may hold.
    pub set: CharacterSet,
    /// The fewest characters, at least one.
    pub length_min: usize,
    /// The most characters.
    pub length_max: usize,
    /// Whether it may be missing; all that follow may be too.
    pub optional: bool,
    /// What its content must satisfy, in the order of the dictionary.
    pub linters: Vec<Linter>,
}

/// What the dictionary says of an Application Identifier or of a range of them.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The title, such as `BATCH/LOT`; empty when the dictionary gives none.
    pub title: &'static str,
    /// Whether the length follows from the AI's first two digits, so that no separator needs to follow the value.
    pub predefined_length: bool,
    /// Whether a Digital Link may have it among its query's attributes.
    pub link_attribute: bool,
    /// The components of the value; at least one.
    pub components: Vec<Component>,
    /// The associations it needs: of each element one group must be there as a whole.
    pub requires: Vec<Vec<Vec<&'static str>>>,
    /// The AIs and patterns (`31nn`) that must not stand beside it.
    pub excludes: Vec<&'static str>,
    /// The sequences of qualifiers when it is a Digital Link's primary key; `None` when it is not.
    pub qualifiers: Option<Vec<Vec<&'static str>>>,
    /// Whether it is in the dictionary; the others stand for all AIs that GS1 has not assigned.
    pub known: bool,
}

impl Entry {
    /// The fewest characters that a value has.
    pub fn length_min(&self) -> usize {
        self.components.iter().filter(|component| !component.optional).map(|component| component.length_min).sum()
    }

    /// The most characters that a value has.
    pub fn length_max(&self) -> usize {
        self.components.iter().map(|component| component.length_max).sum()
    }

    /// An AI that GS1 has not assigned, with a value of `length_min` to `length_max` characters.
    fn unknown(predefined_length: bool, length_min: usize, length_max: usize) -> Self {
        let set = CharacterSet::Set82;
        let component = Component { set, length_min, length_max, optional: false, linters: Vec::new() };
        Self {
            title: "",
            predefined_length,
            link_attribute: false,
            components: vec![component],
            requires: Vec::new(),
            excludes: Vec::new(),
            qualifiers: None,
            known: false,
        }
    }
}

/// The value's length for AIs by their first two digits, where the standard fixes it for all time.
///
/// # Source
/// GS1 General Specifications, section 7.8.5, figure "Element strings with predefined length using GS1 Application
/// Identifiers"; without 23, which was given to an AI of variable length.
const fn predefined_length(prefix: usize) -> Option<usize> {
    match prefix {
        0 => Some(18),
        1..=3 => Some(14),
        4 => Some(16),
        11..=19 | 31..=36 => Some(6),
        20 => Some(2),
        41 => Some(13),
        _ => None,
    }
}

/// All entries, found by AI in constant time.
pub struct Dictionary {
    entries: Vec<Entry>,
    /// For AIs of two, three and four digits: the index of the entry plus one, zero when there is none.
    index: [Vec<u16>; 3],
    /// For the first two digits: how many digits the AI has, zero when no AI begins with them.
    digits_by_prefix: [u8; 100],
    unknown: Entry,
    unknown_predefined: [Option<Entry>; 100],
}

impl Dictionary {
    /// GS1's Syntax Dictionary.
    pub fn get() -> &'static Self {
        &DICTIONARY
    }

    /// The entry of an AI, or `None` when it is not assigned or is no AI at all.
    pub fn find(&self, ai: &[u8]) -> Option<&Entry> {
        let number = number(ai)?;
        let index = *self.index.get(ai.len().checked_sub(2)?)?.get(number)?;
        self.entries.get(usize::from(index).checked_sub(1)?)
    }

    /// The entry that stands for an AI that is not assigned; `None` when it can't be an AI: not two to four digits, or not
    /// as many as the AIs that begin alike.
    pub fn placeholder(&self, ai: &[u8]) -> Option<&Entry> {
        number(ai)?;
        if !(2..=4).contains(&ai.len()) {
            return None;
        }
        let prefix = number(&ai[..2])?;
        let digits = usize::from(self.digits_by_prefix[prefix]);
        if digits != 0 && digits != ai.len() {
            return None;
        }
        Some(self.unknown_predefined[prefix].as_ref().unwrap_or(&self.unknown))
    }

    /// The AI that `data` begins with, by its number of digits, and its entry.
    pub fn find_prefix(&self, data: &[u8]) -> Option<(usize, &Entry)> {
        let prefix = number(data.get(..2)?)?;
        let digits = usize::from(self.digits_by_prefix[prefix]);
        Some((digits, self.find(data.get(..digits)?)?))
    }

    /// All entries with their first and last AI, in the order of the dictionary.
    fn parse(text: &'static str) -> Self {
        let mut dictionary = Self {
            entries: Vec::new(),
            index: [vec![0; 100], vec![0; 1000], vec![0; 10_000]],
            digits_by_prefix: [0; 100],
            unknown: Entry::unknown(false, 1, 90),
            unknown_predefined: std::array::from_fn(|prefix| {
                predefined_length(prefix).map(|length| Entry::unknown(true, length, length))
            }),
        };
        for line in text.lines() {
            let (line, title) = line.split_once('#').map_or((line, ""), |(line, title)| (line, title.trim()));
            if !line.trim().is_empty() {
                dictionary.push_line(line, title).unwrap_or_else(|| panic!("the dictionary's line {line:?} is read"));
            }
        }
        dictionary
    }

    fn push_line(&mut self, line: &'static str, title: &'static str) -> Option<()> {
        let mut words = line.split_whitespace().peekable();
        let ais = words.next()?;
        let (first, last) = ais.split_once('-').unwrap_or((ais, ais));
        let flags = words.next_if(|word| word.chars().all(|flag| !flag.is_ascii_alphanumeric() && flag != '['));
        let flags = flags.unwrap_or("");
        let mut entry = Entry::unknown(flags.contains('*'), 0, 0);
        entry.components.clear();
        entry.known = true;
        entry.title = title;
        entry.link_attribute = flags.contains('?');
        for word in words {
            if word.starts_with(['N', 'X', 'Y', 'Z', '[']) {
                entry.components.push(parse_component(word)?);
                continue;
            }
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "req" => {
                    let groups = value.split(',').map(|group| group.split('+').collect());
                    entry.requires.push(groups.collect());
                }
                "ex" => entry.excludes.extend(value.split(',')),
                "dlpkey" => {
                    let sequences = value.split('|').filter(|sequence| !sequence.is_empty());
                    entry.qualifiers = Some(sequences.map(|sequence| sequence.split(',').collect()).collect());
                }
                _ => return None,
            }
        }
        if entry.components.is_empty() {
            return None;
        }
        self.entries.push(entry);
        let position = u16::try_from(self.entries.len()).ok()?;
        let index = self.index.get_mut(first.len().checked_sub(2)?)?;
        index.get_mut(number(first.as_bytes())?..=number(last.as_bytes())?)?.fill(position);
        for prefix in number(&first.as_bytes()[..2])?..=number(&last.as_bytes()[..2])? {
            self.digits_by_prefix[prefix] = u8::try_from(first.len()).ok()?;
        }
        Some(())
    }
}

/// `N14,csum,gcppos2`, `[X..17]`, `[N3],iso3166`.
fn parse_component(word: &'static str) -> Option<Component> {
    let mut parts = word.split(',');
    let kind = parts.next()?;
    let inner = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']'));
    let optional = inner.is_some();
    let kind = inner.unwrap_or(kind);
    let set = match kind.as_bytes().first()? {
        b'N' => CharacterSet::Numeric,
        b'X' => CharacterSet::Set82,
        b'Y' => CharacterSet::Set39,
        b'Z' => CharacterSet::Set64,
        _ => return None,
    };
    let length = &kind[1..];
    let length_max = length.trim_start_matches('.').parse().ok()?;
    let length_min = if length.starts_with("..") { 1 } else { length_max };
    let linters = parts.map(Linter::named).collect::<Option<_>>()?;
    Some(Component { set, length_min, length_max, optional, linters })
}

/// The number that ASCII digits write; `None` for anything else and for more than four.
fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_dictionary_is_read() {
        let dictionary = Dictionary::get();
        let lines = TEXT.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit())).count();
        assert_eq!(dictionary.entries.len(), lines);
        let gtin = dictionary.find(b"01").unwrap();
        assert_eq!((gtin.title, gtin.predefined_length, gtin.link_attribute), ("GTIN", true, true));
        assert_eq!(gtin.qualifiers, Some(vec![vec!["22", "10", "21"], vec!["235"]]));
        assert_eq!((gtin.length_min(), gtin.length_max()), (14, 14));
        let grai = dictionary.find(b"8003").unwrap();
        assert_eq!((grai.length_min(), grai.length_max()), (14, 30));
        assert_eq!(grai.qualifiers, Some(vec![]));
        assert!(dictionary.find(b"3105").is_some() && dictionary.find(b"3106").is_none());
        assert!(
            dictionary.find(b"89").is_none() && dictionary.find(b"1").is_none() && dictionary.find(b"0x").is_none()
        );
        assert_eq!(
            dictionary.find_prefix(b"310312").map(|(digits, entry)| (digits, entry.title)),
            Some((4, "NET WEIGHT (kg)"))
        );
        assert_eq!(dictionary.find_prefix(b"235AB").map(|(digits, _)| digits), Some(3));
    }
}
