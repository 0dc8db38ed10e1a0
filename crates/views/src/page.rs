//! Pages: a bounded part of an ordered list, and the text with which the next part is asked for.
//!
//! A cursor names the last row that was looked at, by its numbers in the catalogue, not by how many came before it; so
//! rows that come, go or change meanwhile neither repeat nor hide others.

use ledger::Position;
use std::fmt::{self, Write};
use std::ops::ControlFlow;

/// Items that a page holds at most; a greater limit is taken as this one.
pub const LIMIT_MAX: usize = 1_000;

/// Items that a page holds when the limit asked for is 0.
pub const LIMIT_DEFAULT: usize = 100;

/// Rows that one query looks at, whether they match or not; past it, it ends with the row that it is at.
pub(crate) const SCANNED_MAX: usize = 20_000;

/// A part of a list.
///
/// One query looks at about 20,000 rows, so a page of a narrow search may hold fewer items than the limit, even none, and
/// still have a `next`. The list ends where `next` is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor that asks for what follows; letters, digits and `-` only. `None` at the end.
    pub next: Option<String>,
    /// The journal position that the items are true at.
    pub position: Position,
}

impl<T> Page<T> {
    pub(crate) fn empty(position: Position) -> Self {
        Self { items: Vec::new(), next: None, position }
    }
}

/// The cursor was not handed out by this list, or for another grouping of it. Ask for the first page instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCursor;

impl fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cursor is not one of this list; ask for the first page")
    }
}

impl std::error::Error for InvalidCursor {}

/// Writes a cursor: the list's letter and the row's numbers.
pub(crate) fn render_cursor(list: char, numbers: &[u64]) -> String {
    let mut text = String::from(list);
    for (index, number) in numbers.iter().enumerate() {
        let separator = if index == 0 { "" } else { "-" };
        write!(text, "{separator}{number:x}").expect("writing to a string cannot fail");
    }
    text
}

/// Reads what [`render_cursor`] wrote for the same list; an absent or empty text is the start: `None`.
pub(crate) fn parse_cursor<const N: usize>(list: char, text: Option<&str>) -> Result<Option<[u64; N]>, InvalidCursor> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let mut parts = text.strip_prefix(list).ok_or(InvalidCursor)?.split('-');
    let mut numbers = [0; N];
    for number in &mut numbers {
        let part = parts.next().ok_or(InvalidCursor)?;
        *number = u64::from_str_radix(part, 16).map_err(|_| InvalidCursor)?;
    }
    if parts.next().is_some() { Err(InvalidCursor) } else { Ok(Some(numbers)) }
}

/// An id from a cursor, when the table that it counts in has it.
pub(crate) fn id_within(number: u64, length: usize) -> Result<u32, InvalidCursor> {
    match u32::try_from(number) {
        Ok(id) if (id as usize) < length => Ok(id),
        _ => Err(InvalidCursor),
    }
}

/// A page being filled, row by row in order.
pub(crate) struct Paging<K, T> {
    items: Vec<T>,
    limit: usize,
    scanned: usize,
    last: Option<K>,
    is_cut: bool,
}

impl<K, T> Paging<K, T> {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = if limit == 0 { LIMIT_DEFAULT } else { limit.min(LIMIT_MAX) };
        Self { items: Vec::new(), limit, scanned: 0, last: None, is_cut: false }
    }

    /// Looks at the next row: `item` says what it shows, `None` when it does not match. Breaks when the page is full;
    /// then the row was not looked at.
    pub(crate) fn look(&mut self, key: K, item: impl FnOnce() -> Option<T>) -> ControlFlow<()> {
        if self.items.len() >= self.limit || self.scanned >= SCANNED_MAX {
            self.is_cut = true;
            return ControlFlow::Break(());
        }
        self.scanned += 1;
        self.last = Some(key);
        self.items.extend(item());
        ControlFlow::Continue(())
    }

    /// Counts rows that were looked at for the sake of the last one.
    pub(crate) fn spend(&mut self, rows: usize) {
        self.scanned = self.scanned.saturating_add(rows);
    }

    /// Takes no more items after this row.
    pub(crate) fn close(&mut self) {
        self.limit = self.items.len();
    }

    pub(crate) fn finish(self, position: Position, render: impl FnOnce(K) -> String) -> Page<T> {
        let next = if self.is_cut { self.last.map(render) } else { None };
        Page { items: self.items, next, position }
    }
}

/// Whether `needle` (in lower case) occurs in `text`, whatever the case of its letters.
pub(crate) fn contains_ignoring_case(text: &str, needle: &str) -> bool {
    if !text.is_ascii() {
        return text.to_lowercase().contains(needle);
    }
    needle.is_empty() || text.as_bytes().windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle.as_bytes()))
}

/// Whether `path` is `place` or lies below it.
pub(crate) fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_in_its_own_list_only() {
        let text = render_cursor('w', &[0, 255, u64::MAX]);
        assert_eq!(text, "w0-ff-ffffffffffffffff");
        assert_eq!(parse_cursor('w', Some(&text)), Ok(Some([0, 255, u64::MAX])));
        assert_eq!(parse_cursor::<3>('l', Some(&text)), Err(InvalidCursor));
        assert_eq!(parse_cursor::<2>('w', Some(&text)), Err(InvalidCursor));
        assert_eq!(parse_cursor::<4>('w', Some(&text)), Err(InvalidCursor));
        for garbage in ["w", "w-", "wx", "w0-ff-", "w0-ff-10000000000000000", "é"] {
            assert_eq!(parse_cursor::<3>('w', Some(garbage)), Err(InvalidCursor), "{garbage}");
        }
        assert_eq!(parse_cursor::<3>('w', Some("")), Ok(None));
        assert_eq!(parse_cursor::<3>('w', None), Ok(None));
    }

    #[test]
    fn a_page_that_ends_with_the_list_has_no_next() {
        for (rows, expect_next) in [(2, None), (3, None), (4, Some("r2".to_owned()))] {
            let mut paging = Paging::new(3);
            for row in 0..rows {
                if paging.look(row, || Some(row)).is_break() {
                    break;
                }
            }
            let page = paging.finish(Position(7), |row| render_cursor('r', &[row]));
            assert_eq!(page.next, expect_next, "{rows} rows");
        }
    }

    #[test]
    fn a_search_that_finds_little_stops_and_says_where() {
        let mut paging: Paging<u64, u64> = Paging::new(3);
        let looked = (0..).take_while(|row| paging.look(*row, || None).is_continue()).count();
        assert_eq!(looked, SCANNED_MAX);
        let page = paging.finish(Position(7), |row| render_cursor('r', &[row]));
        assert_eq!((page.items.len(), page.next.as_deref()), (0, Some("r4e1f")));
    }

    #[test]
    fn search_ignores_case_in_every_script() {
        assert!(contains_ignoring_case("Blue SHIRT", "shirt"));
        assert!(contains_ignoring_case("Äpfel", "äpf"));
        assert!(contains_ignoring_case("x", ""));
        assert!(!contains_ignoring_case("x", "xx"));
        assert!(is_within("a/b", "a") && is_within("a", "a") && !is_within("ab", "a") && !is_within("a", "a/b"));
    }
}
