use super::{Batch, Source, field};
use crate::otlp::common::Sink;
use crate::repair::Repair;
use crate::ring::Header;
use crate::time::Offset;
use crate::wire::{Full, LEN, copy, tag, varint};

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
    /// Of a group: where it is, what it is, and where the next one is.
    Record(usize, usize, Header, usize),
    End,
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
            if let Some(len) = self.copy_whole(source, out.get_mut(at..).unwrap_or_default()) {
                at += len;
                self.piece = self.piece.next(batch, source);
                continue;
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

    /// Copies a record that fits as a whole, which nearly all do; its length with its head.
    #[inline]
    fn copy_whole(&mut self, source: &impl Source, out: &mut [u8]) -> Option<usize> {
        let Piece::Record(_, offset, header, _) = self.piece else { return None };
        let len = usize::from(header.len);
        let (head, rest) = out.split_first_chunk_mut::<4>()?;
        let [first, second, third] = [header.len as u8, (header.len >> 7) as u8, (header.len >> 14) as u8];
        let tag = const { tag(field::SECOND, LEN) as u8 };
        let head_len = match header.len {
            0..0x80 => 2,
            0x80..0x4000 => 3,
            _ => 4,
        };
        if self.done > 0 || head_len + len > 4 + rest.len() {
            return None;
        }
        *head = match head_len {
            2 => [tag, first, 0, 0],
            3 => [tag, first | 0x80, second, 0],
            _ => [tag, first | 0x80, second | 0x80, third],
        };
        source.read(offset + Header::LEN, out.get_mut(head_len..head_len + len)?);
        if self.repair.is_some() {
            self.repair(head_len + len, source, out.get_mut(..head_len + len)?);
        }
        Some(head_len + len)
    }

    /// Repairs the times in what was just copied of a piece.
    fn repair(&mut self, piece_len: usize, source: &impl Source, copied: &mut [u8]) {
        let (Some(repair), Piece::Record(_, offset, header, _)) = (&mut self.repair, self.piece) else {
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
            Self::Record(_, offset, header, _) => {
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
            Self::Record(group, _, _, next) => (group, next),
            Self::End => return Self::End,
        };
        let Some(scope) = batch.scopes.get(group).map(|group| group.scope) else { return Self::End };
        let mut offset = from;
        while let Some((header, next)) = source.record(offset).filter(|_| offset < batch.end) {
            if header.kind == batch.signal as u8 && header.scope == scope {
                return Self::Record(group, offset, header, next);
            }
            offset = next;
        }
        if group + 1 < batch.scopes.len() { Self::Scope(group + 1) } else { Self::End }
    }
}

/// The wanted part of a piece: its first `skip` bytes are left out, and what does not fit.
struct Part<'a> {
    out: &'a mut [u8],
    skip: usize,
    len: usize,
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

    fn bytes(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let (rest, room) = (&bytes[skipped..], &mut self.out[self.len..]);
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
