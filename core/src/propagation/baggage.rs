//! The `baggage` header: what an application wants its whole trace to know.

use core::fmt;

use super::percent::{BaggageValue, encode, is_octet};
use super::{Invalid, join};
use crate::wire::{Full, Writer};

/// Names and values, one value for each name, as a view of the header they came in.
///
/// ```
/// use smoltel_core::propagation::Baggage;
/// use smoltel_core::wire::Writer;
///
/// let baggage = Baggage::parse(b"user=alice, flag = 1;internal");
/// assert_eq!(baggage.get("flag").map(|entry| entry.metadata), Some("internal"));
/// let mut header = [0; 64];
/// let mut w = Writer::new(&mut header);
/// baggage.set("user", "Zoë", "")?.write(&mut w).expect("there is room");
/// assert_eq!(w.written(), b"user=Zo%C3%AB,flag=1;internal");
/// # Ok::<(), smoltel_core::propagation::Invalid>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Baggage<'a> {
    header: &'a [u8],
    /// Which entries count, by their place among those that are valid.
    keep: u64,
    dropped: usize,
}

/// One name and what belongs to it.
///
/// ```
/// # use smoltel_core::propagation::Baggage;
/// let baggage = Baggage::parse(b"flag=a%20b;ttl=3;secret");
/// let entry = baggage.get("flag").expect("there is one");
/// assert_eq!((entry.name, entry.metadata), ("flag", "ttl=3;secret"));
/// assert_eq!(entry.value.to_string(), "a b");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaggageEntry<'a> {
    /// Case-sensitive.
    pub name: &'a str,
    /// Any UTF-8, percent-coded in the header.
    pub value: BaggageValue<'a>,
    /// The properties behind the value, as they came and go; or empty.
    pub metadata: &'a str,
}

impl<'a> Baggage<'a> {
    /// The most entries that are kept and written.
    pub const MAX_ENTRIES: usize = 64;
    /// The most bytes that are kept and written.
    pub const MAX_LEN: usize = 8192;
    /// No entries.
    pub const EMPTY: Self = Self { header: &[], keep: 0, dropped: 0 };

    /// Reads a header. The last entry of a name counts. What is not valid, or beyond 64 entries or 8192
    /// bytes, is left out, an entry at a time, and [counted](Self::dropped).
    pub fn parse(header: &'a [u8]) -> Self {
        let mut baggage = Self { header, ..Self::EMPTY };
        let written = members(header).filter(|member| !member.is_empty()).count();
        let (mut valid, mut len) = (0, 0);
        for (place, entry) in entries(header).enumerate() {
            len += entry.written_len() + 1;
            if place >= Self::MAX_ENTRIES || len > Self::MAX_LEN + 1 {
                break;
            }
            if let Some((before, _)) = baggage.places().find(|(_, other)| other.name == entry.name) {
                baggage.keep &= !(1 << before);
            }
            baggage.keep |= 1 << place;
            valid += 1;
        }
        baggage.dropped = written - valid;
        baggage
    }

    /// Reads a header that came in several lines, in their order; `room` takes the lines joined.
    ///
    /// # Errors
    /// [`Full`] when `room` is too small.
    pub fn parse_lines<'h>(
        lines: impl IntoIterator<Item = &'h [u8]>,
        room: &'a mut [u8],
    ) -> Result<Self, Full> {
        join(lines, room).map(Self::parse)
    }

    /// The entries, in their order.
    pub fn entries(&self) -> impl Iterator<Item = BaggageEntry<'a>> + use<'a> {
        self.places().map(|(_, entry)| entry)
    }

    /// The entry of that name.
    pub fn get(&self, name: &str) -> Option<BaggageEntry<'a>> {
        self.entries().find(|entry| entry.name == name)
    }

    /// Whether there are no entries; such a header is left out.
    pub fn is_empty(&self) -> bool {
        self.keep == 0
    }

    /// Bytes that [`write`](Self::write) writes.
    pub fn len(&self) -> usize {
        self.entries().map(|entry| entry.written_len() + 1).sum::<usize>().saturating_sub(1)
    }

    /// Entries of the header that were left out.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The same without `name`.
    pub fn remove(mut self, name: &str) -> Self {
        if let Some((place, _)) = self.places().find(|(_, entry)| entry.name == name) {
            self.keep &= !(1 << place);
        }
        self
    }

    /// The same with `name` in front, and set to `value`. What then has no room any more goes, from the
    /// end, by whole entries.
    ///
    /// # Errors
    /// [`Invalid`] when the name is not an HTTP token, the metadata has something else than printable
    /// ASCII, or a comma, or the three together take more than 8192 bytes.
    pub fn set(self, name: &'a str, value: &'a str, metadata: &'a str) -> Result<BaggageEdit<'a>, Invalid> {
        let metadata = super::trim(metadata);
        let mut edit = BaggageEdit { front: Front { name, value, metadata }, rest: Self::EMPTY };
        let len = edit.len();
        if !is_token(name) || !is_metadata(metadata) || len > Self::MAX_LEN {
            return Err(Invalid);
        }
        edit.rest = self.remove(name).fit(Self::MAX_LEN.saturating_sub(len + 1));
        if edit.rest.keep.count_ones() as usize >= Self::MAX_ENTRIES {
            edit.rest.drop_last();
        }
        Ok(edit)
    }

    /// What of it is written in `max` bytes or fewer: whole entries go, from the end.
    pub fn fit(mut self, max: usize) -> Self {
        while self.len() > max {
            self.drop_last();
        }
        self
    }

    /// Writes the entries, joined by commas.
    ///
    /// # Errors
    /// [`Full`] when there is not room for [`len`](Self::len) bytes; a part may have been written.
    pub fn write(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.pieces(|piece| w.put(piece.as_bytes()))
    }

    fn drop_last(&mut self) {
        self.keep &= !(1u64 << 63 >> self.keep.leading_zeros().min(63));
    }

    fn pieces<E>(&self, mut put: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        for (at, entry) in self.entries().enumerate() {
            let BaggageEntry { name, value, metadata } = entry;
            let semicolon = if metadata.is_empty() { "" } else { ";" };
            for piece in [if at == 0 { "" } else { "," }, name, "=", value.0, semicolon, metadata] {
                put(piece)?;
            }
        }
        Ok(())
    }

    fn places(&self) -> impl Iterator<Item = (usize, BaggageEntry<'a>)> + use<'a> {
        let keep = self.keep;
        entries(self.header)
            .enumerate()
            .take((u64::BITS - keep.leading_zeros()) as usize)
            .filter(move |(place, _)| keep >> place & 1 != 0)
    }
}

/// Equal entries in equal order.
impl PartialEq for Baggage<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.entries().eq(other.entries())
    }
}

impl Eq for Baggage<'_> {}

/// As it is written.
impl fmt::Display for Baggage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces(|piece| f.write_str(piece))
    }
}

impl fmt::Debug for Baggage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

impl BaggageEntry<'_> {
    fn written_len(&self) -> usize {
        let metadata = if self.metadata.is_empty() { 0 } else { 1 + self.metadata.len() };
        self.name.len() + 1 + self.value.0.len() + metadata
    }
}

/// A [`Baggage`] of which one entry was set: that is the first now.
///
/// ```
/// # use smoltel_core::propagation::Baggage;
/// let edit = Baggage::EMPTY.set("user", "a,b", "ttl=1")?;
/// assert_eq!((edit.to_string().as_str(), edit.len()), ("user=a%2Cb;ttl=1", 16));
/// # Ok::<(), smoltel_core::propagation::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BaggageEdit<'a> {
    front: Front<'a>,
    rest: Baggage<'a>,
}

/// An entry whose value is not percent-coded yet.
#[derive(Clone, Copy, Debug)]
struct Front<'a> {
    name: &'a str,
    value: &'a str,
    metadata: &'a str,
}

#[expect(clippy::len_without_is_empty, reason = "it never is")]
impl BaggageEdit<'_> {
    /// Bytes that [`write`](Self::write) writes.
    pub fn len(&self) -> usize {
        let mut len = 0;
        let Ok(()) = self.pieces(|piece| {
            len += piece.len();
            Ok::<_, core::convert::Infallible>(())
        });
        len
    }

    /// Writes the entries, joined by commas.
    ///
    /// # Errors
    /// [`Full`] when there is not room for [`len`](Self::len) bytes; a part may have been written.
    pub fn write(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.pieces(|piece| w.put(piece.as_bytes()))
    }

    fn pieces<E>(&self, mut put: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        let Front { name, value, metadata } = self.front;
        put(name)?;
        put("=")?;
        encode(value, &mut put)?;
        if !metadata.is_empty() {
            put(";")?;
            put(metadata)?;
        }
        if !self.rest.is_empty() {
            put(",")?;
        }
        self.rest.pieces(put)
    }
}

/// As it is written.
impl fmt::Display for BaggageEdit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces(|piece| f.write_str(piece))
    }
}

fn members(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|byte| *byte == b',').map(|member| member.trim_ascii())
}

/// The entries that are valid.
fn entries(header: &[u8]) -> impl Iterator<Item = BaggageEntry<'_>> {
    members(header).filter_map(|member| {
        let member = core::str::from_utf8(member).ok()?;
        let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
        let (name, value) = pair.split_once('=')?;
        let (name, value, metadata) = (super::trim(name), super::trim(value), super::trim(metadata));
        let valid = is_token(name) && value.bytes().all(is_octet) && is_metadata(metadata);
        valid.then_some(BaggageEntry { name, value: BaggageValue(value), metadata })
    })
}

/// A token of HTTP (RFC 7230, section 3.2.6).
fn is_token(name: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_tchar)
}

/// What no header is harmed by.
fn is_metadata(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~') && byte != b',')
}
