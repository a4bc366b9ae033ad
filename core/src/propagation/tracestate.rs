//! The `tracestate` header: what each tracing system along the way wants to find again, newest first.

use core::fmt;

use super::ot::Pair;
use super::{Invalid, join, trim};
use crate::wire::{Full, Writer};

/// A valid `tracestate`, as a view of the header it came in.
///
/// Members keep their order. Whitespace, empty members and later members of a key that came before are
/// allowed in the header, and are not written again.
///
/// ```
/// use smoltel_core::propagation::TraceState;
/// use smoltel_core::wire::Writer;
///
/// let state = TraceState::parse(b"congo=t61rcWkgMzE, rojo=00f067aa0ba902b7")?;
/// assert_eq!(state.get("rojo"), Some("00f067aa0ba902b7"));
/// let mut header = [0; 512];
/// let mut w = Writer::new(&mut header);
/// state.set("rojo", "1")?.fit(w.room()).write(&mut w).expect("made to fit");
/// assert_eq!(w.written(), b"rojo=1,congo=t61rcWkgMzE");
/// # Ok::<(), smoltel_core::propagation::Invalid>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct TraceState<'a> {
    text: &'a str,
    /// Which members count, by their place among those that are not empty.
    keep: u32,
}

impl<'a> TraceState<'a> {
    /// The most members.
    pub const MAX_MEMBERS: usize = 32;
    /// The most characters of a key, and of a value.
    pub const MAX_PART: usize = 256;
    /// The characters that every system has to pass on, at least.
    pub const MIN_PROPAGATED: usize = 512;
    /// No members.
    pub const EMPTY: Self = Self { text: "", keep: 0 };

    /// Reads a header.
    ///
    /// # Errors
    /// [`Invalid`] when one member is not `key=value` of legal characters and lengths, or there are more
    /// than 32: the header is then worth nothing, while `traceparent` still is.
    pub fn parse(header: &'a [u8]) -> Result<Self, Invalid> {
        let text = core::str::from_utf8(header).map_err(|_| Invalid)?;
        let mut state = Self { text, keep: 0 };
        for (place, member) in segments(text).enumerate() {
            let (key, value) = member.split_once('=').ok_or(Invalid)?;
            if place >= Self::MAX_MEMBERS || !is_key(key) || !is_value(value) {
                return Err(Invalid);
            }
            let again = state.get(key).is_some();
            state.keep |= u32::from(!again) << place;
        }
        Ok(state)
    }

    /// Reads a header that came in several lines, in their order; `room` takes the lines joined.
    ///
    /// # Errors
    /// [`Invalid`] as in [`parse`](Self::parse), or when `room` is too small.
    pub fn parse_lines<'h>(
        lines: impl IntoIterator<Item = &'h [u8]>,
        room: &'a mut [u8],
    ) -> Result<Self, Invalid> {
        join(lines, room).map_err(|Full| Invalid).and_then(Self::parse)
    }

    /// The members, newest first.
    pub fn members(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.places().map(|(_, member)| member)
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.members().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Whether there are no members; such a header is left out.
    pub fn is_empty(&self) -> bool {
        self.keep == 0
    }

    /// Bytes that [`write`](Self::write) writes.
    pub fn len(&self) -> usize {
        let members: usize = self.members().map(|member| written_len(member) + 1).sum();
        members.saturating_sub(1)
    }

    /// The same without `key`.
    pub fn remove(mut self, key: &str) -> Self {
        if let Some((place, _)) = self.places().find(|(_, (name, _))| *name == key) {
            self.drop_place(place);
        }
        self
    }

    /// The same with `key` in front, and set to `value`. A 33rd member pushes out the last one.
    ///
    /// # Errors
    /// [`Invalid`] when the key is not `[a-z0-9][a-z0-9_*/@-]*`, the value has something else than
    /// printable ASCII, or `,` or `=`, or a space as its last, or one is longer than 256 characters.
    pub fn set(self, key: &'a str, value: &'a str) -> Result<TraceStateEdit<'a>, Invalid> {
        if !is_key(key) || !is_value(value) {
            return Err(Invalid);
        }
        Ok(self.with_front(key, Pair::NONE, [value, ""]))
    }

    /// The same with `key` in front, whose value is the given parts joined by `;`.
    pub(super) fn with_front(self, key: &'a str, first: Pair, rest: [&'a str; 2]) -> TraceStateEdit<'a> {
        let mut state = self.remove(key);
        if state.keep.count_ones() as usize >= Self::MAX_MEMBERS {
            state.drop_last(0);
        }
        TraceStateEdit { key, value: (first, rest), state }
    }

    /// What of it is written in `max` bytes or fewer: as long as it is too long, the last member of more
    /// than 128 characters goes, and when there is none, the last of all.
    pub fn fit(mut self, max: usize) -> Self {
        while self.len() > max && (self.drop_last(128) || self.drop_last(0)) {}
        self
    }

    /// Writes the members, joined by commas.
    ///
    /// # Errors
    /// [`Full`] when there is not room for [`len`](Self::len) bytes; a part may have been written.
    pub fn write(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.pieces(|piece| w.put(piece.as_bytes()))
    }

    fn pieces<E>(&self, mut put: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        for (at, (key, value)) in self.members().enumerate() {
            for piece in [if at == 0 { "" } else { "," }, key, "=", value] {
                put(piece)?;
            }
        }
        Ok(())
    }

    fn places(&self) -> impl Iterator<Item = (usize, (&'a str, &'a str))> + use<'a> {
        let keep = self.keep;
        segments(self.text)
            .enumerate()
            .take((u32::BITS - keep.leading_zeros()) as usize)
            .filter(move |(place, _)| keep >> place & 1 != 0)
            .filter_map(|(place, member)| Some((place, member.split_once('=')?)))
    }

    fn drop_last(&mut self, longer_than: usize) -> bool {
        let last = self.places().filter(|(_, member)| written_len(*member) > longer_than).last();
        last.map(|(place, _)| self.drop_place(place)).is_some()
    }

    fn drop_place(&mut self, place: usize) {
        self.keep &= !(1 << place);
    }
}

/// Equal members in equal order.
impl PartialEq for TraceState<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.members().eq(other.members())
    }
}

impl Eq for TraceState<'_> {}

/// As it is written.
impl fmt::Display for TraceState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces(|piece| f.write_str(piece))
    }
}

impl fmt::Debug for TraceState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.members()).finish()
    }
}

/// A [`TraceState`] of which one member was changed: that is the first now.
///
/// ```
/// # use smoltel_core::propagation::TraceState;
/// let edit = TraceState::EMPTY.set("vendor", "1")?;
/// assert_eq!((edit.to_string().as_str(), edit.len()), ("vendor=1", 8));
/// # Ok::<(), smoltel_core::propagation::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TraceStateEdit<'a> {
    key: &'a str,
    /// Parts, some of which may be empty; when all are, there is no such member.
    value: (Pair, [&'a str; 2]),
    state: TraceState<'a>,
}

/// Nothing changed.
impl<'a> From<TraceState<'a>> for TraceStateEdit<'a> {
    fn from(state: TraceState<'a>) -> Self {
        Self { key: "", value: (Pair::NONE, ["", ""]), state }
    }
}

impl TraceStateEdit<'_> {
    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that [`write`](Self::write) writes.
    pub fn len(&self) -> usize {
        let mut len = 0;
        let counted = self.pieces(|piece| {
            len += piece.len();
            Ok::<_, core::convert::Infallible>(())
        });
        let Ok(()) = counted;
        len
    }

    /// What of it is written in `max` bytes or fewer, by the rules of [`TraceState::fit`]; the first
    /// member goes last.
    pub fn fit(mut self, max: usize) -> Self {
        let whole = self.len();
        let state = self.state.len();
        self.state = self.state.fit(max.saturating_sub(whole - state));
        if self.state.is_empty() && self.len() > max { TraceState::EMPTY.into() } else { self }
    }

    /// Writes the members, joined by commas.
    ///
    /// # Errors
    /// [`Full`] when there is not room for [`len`](Self::len) bytes; a part may have been written.
    pub fn write(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.pieces(|piece| w.put(piece.as_bytes()))
    }

    /// Bytes of the first member's value.
    pub(super) fn value_len(&self) -> usize {
        let (first, [second, third]) = &self.value;
        let parts = [first.as_str().len(), second.len(), third.len()];
        let written = parts.iter().filter(|len| **len > 0).count();
        parts.iter().sum::<usize>() + written.saturating_sub(1)
    }

    fn pieces<E>(&self, mut put: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        let (first, [second, third]) = &self.value;
        let mut before = "=";
        for part in [first.as_str(), second, third] {
            if part.is_empty() {
                continue;
            }
            if before == "=" {
                put(self.key)?;
            }
            put(before)?;
            put(part)?;
            before = ";";
        }
        if before != "=" && !self.state.is_empty() {
            put(",")?;
        }
        self.state.pieces(put)
    }
}

/// As it is written.
impl fmt::Display for TraceStateEdit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces(|piece| f.write_str(piece))
    }
}

/// The members of a list that are not empty.
fn segments<'a>(text: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
    text.split(',').map(trim).filter(|member| !member.is_empty())
}

fn written_len((key, value): (&str, &str)) -> usize {
    key.len() + 1 + value.len()
}

fn is_key(key: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= TraceState::MAX_PART
        && key.bytes().next().is_some_and(first)
        && key.bytes().all(|byte| first(byte) || b"_-*/@".contains(&byte))
}

fn is_value(value: &str) -> bool {
    value.len() <= TraceState::MAX_PART
        && value.bytes().last().is_some_and(|byte| byte != b' ')
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=')
}
