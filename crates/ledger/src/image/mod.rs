//! Flat images of the state and of the catalogue, for snapshot files.
//!
//! An image is canonical: equal states have equal images, byte for byte, so that comparing two images compares two
//! states. Tables are written in the order of their ids or keys; what follows from the rest (hash indexes, which line
//! belongs to which account) is left out and rebuilt. Numbers are little-endian; a text or list has its length, a
//! `u32`, before it. Images never know files, checksums or compression: whoever keeps one guards it.
//!
//! Loading trusts nothing that could make it panic later: every id is within its table, every sorted list is sorted,
//! and no memory is set aside for more than what has been read.

mod alert;
mod catalog;
mod state;
mod unit;

use crate::{AccountKind, Timestamp};
use std::fmt;

/// The layout of images. Changes with every change of what `save` writes; an image of another version is refused, and
/// whoever asked replays the journal instead.
pub const IMAGE_VERSION: u32 = 4;

/// Takes the bytes of an image, in order. A failing writer remembers its error and ignores the rest.
#[expect(missing_docs, reason = "each method puts a value of the type that it is named after")]
pub trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);

    fn put_u8(&mut self, value: u8) {
        self.put(&[value]);
    }

    fn put_u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }

    fn put_i64(&mut self, value: i64) {
        self.put(&value.to_le_bytes());
    }

    fn put_i128(&mut self, value: i128) {
        self.put(&value.to_le_bytes());
    }

    fn put_u128(&mut self, value: u128) {
        self.put(&value.to_le_bytes());
    }

    /// Puts the length of a list or text.
    ///
    /// # Panics
    /// Past 2³² − 1 items.
    fn put_length(&mut self, length: usize) {
        self.put_u32(u32::try_from(length).expect("a list in an image has fewer than 2^32 items"));
    }

    fn put_text(&mut self, text: &str) {
        self.put_length(text.len());
        self.put(text.as_bytes());
    }

    /// Puts whether there is a value, then the value as `put` puts it.
    fn put_option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T))
    where
        Self: Sized,
    {
        self.put_u8(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Gives the bytes of an image, in order.
///
/// # Errors
/// Every method fails with [`ImageError::Ended`] when too few bytes are left, with [`ImageError::Unreadable`] when the
/// world failed, and with [`ImageError::Damaged`] when the bytes are no value of the type.
#[expect(missing_docs, reason = "each method takes a value of the type that it is named after")]
#[expect(clippy::missing_errors_doc, reason = "said once, for all")]
pub trait Source {
    /// Fills `into` with the next bytes.
    fn take(&mut self, into: &mut [u8]) -> Result<(), ImageError>;

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let mut bytes = [0; N];
        self.take(&mut bytes)?;
        Ok(bytes)
    }

    fn take_u8(&mut self) -> Result<u8, ImageError> {
        self.take_array::<1>().map(|[byte]| byte)
    }

    fn take_bool(&mut self) -> Result<bool, ImageError> {
        match self.take_u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ImageError::Damaged("a yes or no")),
        }
    }

    fn take_u32(&mut self) -> Result<u32, ImageError> {
        self.take_array().map(u32::from_le_bytes)
    }

    fn take_u64(&mut self) -> Result<u64, ImageError> {
        self.take_array().map(u64::from_le_bytes)
    }

    fn take_i64(&mut self) -> Result<i64, ImageError> {
        self.take_array().map(i64::from_le_bytes)
    }

    fn take_i128(&mut self) -> Result<i128, ImageError> {
        self.take_array().map(i128::from_le_bytes)
    }

    fn take_u128(&mut self) -> Result<u128, ImageError> {
        self.take_array().map(u128::from_le_bytes)
    }

    /// Takes the length of a list. It may lie: set nothing aside for it.
    fn take_length(&mut self) -> Result<usize, ImageError> {
        self.take_u32().map(|length| length as usize)
    }

    /// Takes a text into whatever keeps it.
    fn take_text<T: for<'a> From<&'a str>>(&mut self) -> Result<T, ImageError> {
        let read = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => Ok(T::from(text)),
            Err(_) => Err(ImageError::Damaged("a text")),
        };
        let length = self.take_length()?;
        let mut buffer = [0; 256];
        if let Some(short) = buffer.get_mut(..length) {
            self.take(short)?;
            return read(short);
        }
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let part = &mut buffer[..(length - bytes.len()).min(256)];
            self.take(part)?;
            bytes.extend_from_slice(part);
        }
        read(&bytes)
    }

    /// Takes whether there is a value, then the value as `take` takes it.
    fn take_option<T>(&mut self, take: impl FnOnce(&mut Self) -> Result<T, ImageError>) -> Result<Option<T>, ImageError>
    where
        Self: Sized,
    {
        if self.take_bool()? { take(self).map(Some) } else { Ok(None) }
    }

    /// Takes a list of items as `take` takes each.
    fn take_list<T>(&mut self, mut take: impl FnMut(&mut Self) -> Result<T, ImageError>) -> Result<Vec<T>, ImageError>
    where
        Self: Sized,
    {
        let length = self.take_length()?;
        let mut items = Vec::with_capacity(length.min(64));
        for _ in 0..length {
            items.push(take(self)?);
        }
        Ok(items)
    }
}

impl Source for &[u8] {
    fn take(&mut self, into: &mut [u8]) -> Result<(), ImageError> {
        let (taken, rest) = self.split_at_checked(into.len()).ok_or(ImageError::Ended)?;
        into.copy_from_slice(taken);
        *self = rest;
        Ok(())
    }
}

/// Why an image could not be loaded. The remedy is always the same: replay the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// It was written by another version.
    Version {
        /// The version that it says.
        found: u32,
    },
    /// It ends before it is complete.
    Ended,
    /// The source could not give the bytes; it keeps the cause.
    Unreadable,
    /// The bytes are not what this version writes; says where.
    Damaged(&'static str),
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { found } => write!(f, "image of version {found}, not {IMAGE_VERSION}"),
            Self::Ended => f.write_str("image ends early"),
            Self::Unreadable => f.write_str("image cannot be read"),
            Self::Damaged(place) => write!(f, "image is damaged at {place}"),
        }
    }
}

impl std::error::Error for ImageError {}

fn take_version(from: &mut impl Source) -> Result<(), ImageError> {
    match from.take_u32()? {
        IMAGE_VERSION => Ok(()),
        found => Err(ImageError::Version { found }),
    }
}

fn take_time(from: &mut impl Source) -> Result<Timestamp, ImageError> {
    from.take_i64().map(Timestamp)
}

fn take_kind(from: &mut impl Source) -> Result<AccountKind, ImageError> {
    AccountKind::from_number(from.take_u8()?).ok_or(ImageError::Damaged("an account's kind"))
}

/// An id within a table of `length` records.
fn take_id(from: &mut impl Source, length: usize) -> Result<u32, ImageError> {
    match from.take_u32()? {
        id if (id as usize) < length => Ok(id),
        _ => Err(ImageError::Damaged("an id past its table")),
    }
}
