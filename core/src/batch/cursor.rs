use super::{Batch, Source, field};
use crate::otlp::common::Sink;
use crate::repair::Repair;
use crate::ring::Header;
use crate::time::Offset;
use crate::wire::{Full, LEN, SMALL, copy, tag, varint};

/// How much of a batch has been copied out. A new cursor copies it again from the front.
///
/// ```
/// use smoltel_core::batch::{Batch, Cursor, Lane};
/// use smoltel_core::{Pipeline, Seed, Signal};
/// # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
/// static PIPELINE: Pipeline = Pipeline::new(|| 0);
/// PIPELINE.init(cell([0; 1024]), cell([[0; 256]; 2]), Seed::Unique([1; 16]));
/// PIPELINE.logger("main").info("ready");
/// let lane = Lane { pipeline: &PIPELINE, number: 0 };
/// let batch = Batch::plan(&lane, Signal::Logs, 0, (0, usize::MAX), 1000).expect("one record");
/// let mut packet = [0; 500];
/// let sent = Cursor::default().copy(&batch, &lane, b"", &mut packet);
/// assert_eq!(sent, batch.encoded_len());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    piece: Piece,
    /// Bytes of the piece that are out already.
    done: usize,
    repair: Option<Repair>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Piece {
    #[default]
    Prefix,
    Scope(usize),
    /// Of a group.
    Record(usize, Found),
    End,
}

/// A record: where it is, what it is, and where the next one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    offset: usize,
    header: Header,
    next: usize,
}

impl Cursor {
    /// A cursor for `batch` that turns uptimes into Unix times on the way, if the offset is known.
    pub fn new(batch: &Batch, offset: Option<Offset>) -> Self {
        let repair = offset.map(|offset| Repair::new(offset, batch.signal));
        Self { repair, ..Self::default() }
    }

    /// Copies the next bytes of the request into `out`; fewer than fit only at its end. `source` and
    /// `resource` have to be those that it was planned with.
    pub fn copy(&mut self, batch: &Batch, source: &impl Source, resource: &[u8], out: &mut [u8]) -> usize {
        let mut at = 0;
        while at < out.len() && self.piece != Piece::End {
            if let Piece::Record(group, found) = self.piece
                && self.done == 0
            {
                let (len, piece) = self.copy_run(batch, source, group, found, &mut out[at..]);
                self.piece = piece;
                at += len;
                if len > 0 {
                    continue;
                }
            }
            let mut part = Part { out: &mut out[at..], skip: self.done, len: 0 };
            let piece_len = self.piece.write(batch, source, resource, &mut part);
            let len = part.len;
            self.repair(piece_len, source, out.get_mut(at..at + len).unwrap_or_default());
            at += len;
            self.done += len;
            if self.done >= piece_len {
                self.piece = self.piece.next(batch, source);
                self.done = 0;
            }
        }
        at
    }

    /// Copies records of a group that fit as a whole, which nearly all do; their length with their heads, and
    /// the piece behind them.
    fn copy_run(
        &mut self,
        batch: &Batch,
        source: &impl Source,
        group: usize,
        mut found: Found,
        out: &mut [u8],
    ) -> (usize, Piece) {
        let mut at = 0;
        while let Some(len) = found.write_whole(source, out.get_mut(at..).unwrap_or_default()) {
            if self.repair.is_some() {
                self.piece = Piece::Record(group, found);
                self.repair(len, source, out.get_mut(at..at + len).unwrap_or_default());
            }
            at += len;
            match found.next_in(batch, source).or_else(|| batch.find(source, group, found.next)) {
                Some(next) => found = next,
                None => return (at, batch.behind(group)),
            }
        }
        (at, Piece::Record(group, found))
    }

    /// Repairs the times in what was just copied of a piece.
    fn repair(&mut self, piece_len: usize, source: &impl Source, copied: &mut [u8]) {
        let (Some(repair), Piece::Record(_, Found { offset, header, .. })) = (&mut self.repair, self.piece)
        else {
            return;
        };
        if self.done == 0 {
            repair.restart();
        }
        let head = (piece_len - usize::from(header.len)).saturating_sub(self.done);
        repair.repair(copied.get_mut(head..).unwrap_or_default(), |at| {
            let mut time = [0; 8];
            let read = source.read(offset + Header::LEN + at, &mut time);
            (read == time.len()).then_some(time)
        });
    }
}

impl Piece {
    /// Writes the part of the piece that is asked for, and returns the length of all of it.
    fn write(self, batch: &Batch, source: &impl Source, resource: &[u8], part: &mut Part<'_>) -> usize {
        match self {
            Self::Prefix => {
                let head = part.head(field::FIRST, batch.resource_field_len());
                part.bytes(resource);
                head + batch.resource_len
            }
            Self::Scope(index) => {
                let Some(group) = batch.scopes.get(index) else { return 0 };
                let head = part.head(field::SECOND, group.encoded_len());
                // A part takes all that is given to it.
                let _ = source.scope(group.scope, |scope| scope.encode_fields(part));
                head + group.scope_len
            }
            Self::Record(_, Found { offset, header, .. }) => {
                let head = part.head(field::SECOND, header.len.into());
                part.read(source, offset + Header::LEN, header.len.into());
                head + usize::from(header.len)
            }
            Self::End => 0,
        }
    }

    fn next(self, batch: &Batch, source: &impl Source) -> Self {
        let (group, from) = match self {
            Self::Prefix => return Self::Scope(0),
            Self::Scope(group) => (group, batch.start),
            Self::Record(group, found) => (group, found.next),
            Self::End => return Self::End,
        };
        match batch.find(source, group, from) {
            Some(found) => Self::Record(group, found),
            None => batch.behind(group),
        }
    }
}

impl Batch {
    /// The first record of a group at `offset` or behind.
    fn find(&self, source: &impl Source, group: usize, mut offset: usize) -> Option<Found> {
        let scope = self.scopes.get(group)?.scope;
        while offset < self.end {
            let (header, next) = source.record(offset)?;
            if header.kind == self.signal as u8 && header.scope == scope {
                return Some(Found { offset, header, next });
            }
            offset = next;
        }
        None
    }

    /// The piece behind a group.
    fn behind(&self, group: usize) -> Piece {
        if group + 1 < self.scopes.len() { Piece::Scope(group + 1) } else { Piece::End }
    }
}

impl Found {
    /// The record behind this one, if it is of the same scope, as it nearly always is.
    #[inline]
    fn next_in(&self, batch: &Batch, source: &impl Source) -> Option<Self> {
        let (header, next) = source.record(self.next).filter(|_| !SMALL && self.next < batch.end)?;
        let same = (header.scope, header.kind) == (self.header.scope, self.header.kind);
        same.then_some(Self { offset: self.next, header, next })
    }

    /// Writes the record with its head and returns their length, if they fit.
    fn write_whole(&self, source: &impl Source, out: &mut [u8]) -> Option<usize> {
        const TAG: u8 = tag(field::SECOND, LEN) as u8;
        let len = self.header.len;
        let (head, rest) = out.split_first_chunk_mut::<4>()?;
        let [first, second, third] = [len as u8, (len >> 7) as u8, (len >> 14) as u8];
        let (bytes, head_len) = match len {
            0..0x80 => ([TAG, first, 0, 0], 2),
            0x80..0x4000 => ([TAG, first | 0x80, second, 0], 3),
            _ => ([TAG, first | 0x80, second | 0x80, third], 4),
        };
        let whole = head_len + usize::from(len);
        if whole > 4 + rest.len() {
            return None;
        }
        *head = bytes;
        source.read(self.offset + Header::LEN, out.get_mut(head_len..whole)?);
        Some(whole)
    }
}

/// The wanted part of a piece: its first `skip` bytes are left out, and what does not fit.
pub(crate) struct Part<'a> {
    pub(crate) out: &'a mut [u8],
    pub(crate) skip: usize,
    pub(crate) len: usize,
}

impl Part<'_> {
    fn head(&mut self, number: u32, payload: usize) -> usize {
        let tag = tag(number, LEN) as u8;
        let mut len = [0; varint::MAX_LEN];
        let n = varint::encode(payload as u64, &mut len);
        let [first, second, ..] = len;
        match n {
            1 => self.bytes(&[tag, first]),
            2 => self.bytes(&[tag, first, second]),
            _ => {
                self.bytes(&[tag]);
                self.bytes(len.get(..n).unwrap_or_default());
            }
        }
        1 + n
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let (rest, room) = (&bytes[skipped..], self.out.get_mut(self.len..).unwrap_or_default());
        let n = rest.len().min(room.len());
        copy(&mut room[..n], &rest[..n]);
        self.len += n;
    }

    fn read(&mut self, source: &impl Source, offset: usize, len: usize) {
        let skipped = self.skip.min(len);
        self.skip -= skipped;
        let n = (len - skipped).min(self.out.len() - self.len);
        self.len += source.read(offset + skipped, &mut self.out[self.len..self.len + n]);
    }
}

impl Sink for Part<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.bytes(bytes);
        Ok(())
    }
}
