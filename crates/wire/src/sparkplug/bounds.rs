//! Counts what a payload would unfold to before it is unfolded: two bytes of protobuf can ask for hundreds in memory.

use super::Error;

/// Messages within one payload, at any depth.
const MESSAGES_MAX: usize = 100_000;

/// Levels of messages within messages.
const DEPTH_MAX: usize = 16;

/// What a message is, as far as the messages within it matter.
#[derive(Clone, Copy)]
enum Shape {
    Payload,
    Metric,
    DataSet,
    Row,
    Template,
    PropertySet,
    PropertySetList,
    PropertyValue,
    /// Nothing within it is a message or repeated.
    Leaf,
}

impl Shape {
    /// What the length-delimited field `tag` holds; `None` for texts and bytes.
    const fn within(self, tag: u64) -> Option<Self> {
        Some(match (self, tag) {
            (Self::Payload, 2) | (Self::Template, 2) => Self::Metric,
            (Self::Metric, 8) | (Self::Template, 3) | (Self::Row, 1) => Self::Leaf,
            // Names, types and keys are no messages, but each takes memory as one does.
            (Self::DataSet, 2 | 3) | (Self::PropertySet, 1) => Self::Leaf,
            (Self::Metric, 9) | (Self::PropertyValue, 9) | (Self::PropertySetList, 1) => Self::PropertySet,
            (Self::Metric, 17) => Self::DataSet,
            (Self::Metric, 18) => Self::Template,
            (Self::DataSet, 4) => Self::Row,
            (Self::PropertySet, 2) => Self::PropertyValue,
            (Self::PropertyValue, 10) => Self::PropertySetList,
            _ => return None,
        })
    }
}

/// Passes a payload that unfolds to at most [`MESSAGES_MAX`] messages, [`DEPTH_MAX`] deep.
///
/// # Errors
/// [`Error::TooMany`], [`Error::TooDeep`], [`Error::Truncated`].
pub(super) fn check(bytes: &[u8]) -> Result<(), Error> {
    let mut open = vec![(Shape::Payload, bytes.len())];
    let (mut at, mut count) = (0, 0);
    while let Some((shape, end)) = open.last().copied() {
        if at >= end {
            open.pop();
            continue;
        }
        let key = varint(bytes, &mut at, end)?;
        match key & 7 {
            0 => drop(varint(bytes, &mut at, end)?),
            1 => at = skip(at, 8, end)?,
            5 => at = skip(at, 4, end)?,
            2 => {
                let length = varint(bytes, &mut at, end)?;
                let length = usize::try_from(length).map_err(|_| Error::Truncated { at })?;
                let field_end = skip(at, length, end)?;
                let Some(within) = shape.within(key >> 3) else {
                    at = field_end;
                    continue;
                };
                count += 1;
                if count > MESSAGES_MAX {
                    return Err(Error::TooMany { at, max: MESSAGES_MAX });
                }
                if matches!(within, Shape::Leaf) {
                    at = field_end;
                    continue;
                }
                if open.len() >= DEPTH_MAX {
                    return Err(Error::TooDeep { at, max: DEPTH_MAX });
                }
                open.push((within, field_end));
            }
            // Groups are in no Sparkplug message; the decoder says so with its own words.
            _ => return Ok(()),
        }
    }
    Ok(())
}

fn skip(at: usize, length: usize, end: usize) -> Result<usize, Error> {
    at.checked_add(length).filter(|to| *to <= end).ok_or(Error::Truncated { at })
}

fn varint(bytes: &[u8], at: &mut usize, end: usize) -> Result<u64, Error> {
    let mut value = 0;
    for index in 0..10 {
        let byte = bytes.get(*at).filter(|_| *at < end).ok_or(Error::Truncated { at: *at })?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Error::Truncated { at: *at })
}
