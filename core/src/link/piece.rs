//! What DATA holds: cuts out of a stream of records.

use crate::otlp::Signal;
use crate::wire::varint;

/// The head of a record on the wire.
///
/// ```
/// use smoltel_core::Signal;
/// use smoltel_core::link::Head;
/// let head = Head { kind: Signal::Logs as u8, scope: 4, len: 300 };
/// assert_eq!(head.signal(), Some(Signal::Logs));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Head {
    /// The number of its [`Signal`], or 3 for a declaration.
    pub kind: u8,
    /// The number of its scope, to 63.
    pub scope: u8,
    /// Bytes of the record.
    pub len: u16,
}

impl Head {
    /// The most bytes of an encoded head.
    pub(super) const MAX: usize = 4;

    /// The signal; `None` for a declaration.
    pub fn signal(self) -> Option<Signal> {
        Signal::from_number(self.kind)
    }

    /// Writes it, if there is room for it and a byte of its record; how long it is.
    pub(super) fn write(self, out: &mut [u8]) -> Option<usize> {
        let (mut len, n) = self.encoded();
        let needed = n + usize::from(self.len > 0);
        let room = out.get_mut(..needed)?.get_mut(..n)?;
        room.copy_from_slice(len.get_mut(..n)?);
        Some(n)
    }

    fn encoded(self) -> ([u8; Self::MAX], usize) {
        let [low, middle, high] = [self.len as u8, (self.len >> 7) as u8, (self.len >> 14) as u8];
        let first = self.kind << 6 | self.scope & 63;
        match self.len {
            0..0x80 => ([first, low, 0, 0], 2),
            0x80..0x4000 => ([first, low | 0x80, middle, 0], 3),
            _ => ([first, low | 0x80, middle | 0x80, high], 4),
        }
    }

    /// Reads it from the front of `bytes`, and what is behind.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&first, rest) = bytes.split_first()?;
        let (len, n) = varint::decode(rest)?;
        let len = u16::try_from(len).ok()?;
        Some((Self { kind: first >> 6, scope: first & 63, len }, rest.get(n..)?))
    }
}

/// A part of a record, or all of it.
///
/// ```
/// use smoltel_core::link::Piece;
/// /// Whether nothing more of its record is needed.
/// fn is_whole(piece: &Piece<'_>) -> bool {
///     piece.head.is_some() && piece.last
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Piece<'a> {
    /// The record's head, if it begins here. What went before of another one will not be completed.
    pub head: Option<Head>,
    /// The next bytes of the record.
    pub bytes: &'a [u8],
    /// Whether the record ends with them.
    pub last: bool,
    /// The position behind them.
    pub end: u64,
}

/// The pieces in a frame, in order.
///
/// ```
/// use smoltel_core::link::Pieces;
/// /// How many records end in a frame.
/// fn records(pieces: Pieces<'_>) -> usize {
///     pieces.filter(|piece| piece.last).count()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    rest: &'a [u8],
    position: u64,
    /// Bytes of the record at `position` that are still to come.
    left: u16,
    overhead: u8,
}

impl<'a> Pieces<'a> {
    /// Of a body that begins at `position`, where `left` bytes of a record are to come.
    pub(super) const fn new(body: &'a [u8], position: u64, left: u16, overhead: u8) -> Self {
        Self { rest: body, position, left, overhead }
    }

    /// The position behind the last one, and what is to come of the record there; `None` if the bytes are no pieces.
    pub(super) fn end(mut self) -> Option<(u64, u16)> {
        while !self.rest.is_empty() {
            self.next()?;
        }
        Some((self.position, self.left))
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut head = None;
        if self.left == 0 {
            let (read, rest) = Head::read(self.rest)?;
            if rest.is_empty() && read.len > 0 {
                return None;
            }
            (head, self.rest, self.left) = (Some(read), rest, read.len);
            self.position = self.position.wrapping_add(self.overhead.into());
        }
        let n = self.rest.len().min(self.left.into());
        let (bytes, rest) = self.rest.split_at_checked(n)?;
        (self.rest, self.left) = (rest, self.left - n as u16);
        self.position = self.position.wrapping_add(n as u64);
        Some(Piece { head, bytes, last: self.left == 0, end: self.position })
    }
}
