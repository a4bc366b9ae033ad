//! A request as a prefix and a run of records.
//!
//! The requests of all signals have one shape, so one writer serves all:
//!
//! ```text
//! 0A len ┬ 0A len resource, 1A len URL              Export…ServiceRequest.resource_…[0].resource, .schema_url
//!        ├ 12 len ┬ 0A len scope, 1A len URL        .scope_…[0].scope, .schema_url
//!        │        ├ 12 len record                   .spans / .metrics / .log_records
//!        │        └ 12 len record …
//!        └ 12 len …                                 one for each scope that has records
//! ```
//!
//! A [`Batch`] is only lengths: the records stay where they are and are copied out as often as the
//! request has to be sent, in pieces of any size.

use core::ops::DerefMut;

use crate::otlp::Signal;
use crate::otlp::common::{Scope, Sink};
use crate::pipeline::Pipeline;
use crate::platform::Platform;
use crate::repair::Repair;
use crate::ring::{Header, Ring};
use crate::time::Offset;
use crate::wire::{Full, LEN, copy, len_field, tag, varint};

mod field {
    /// `resource_spans`, `resource_metrics`, `resource_logs`.
    pub(super) const FIRST: u32 = 1;
    /// `scope_spans` and its like; and within them `spans`, `metrics`, `log_records`.
    pub(super) const SECOND: u32 = 2;
}

/// Where a batch finds its records and their scopes.
pub trait Source {
    /// The header of the record at `offset`, and the offset behind it.
    fn record(&self, offset: usize) -> Option<(Header, usize)>;
    /// Copies bytes out from `offset` on.
    fn read(&self, offset: usize, out: &mut [u8]) -> usize;
    /// Calls `f` with the scope of that number.
    fn scope<R>(&self, index: u16, f: impl FnOnce(Scope<'_>) -> R) -> R;
}

/// A lane of a pipeline as a source: each access takes the lock for one short copy.
pub struct Lane<'a, P: Platform> {
    /// The pipeline.
    pub pipeline: &'a Pipeline<P>,
    /// The lane's number.
    pub number: usize,
}

impl<P: Platform> Source for Lane<'_, P> {
    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        self.pipeline.with_lane(self.number, |ring| ring.record(offset)).flatten()
    }

    fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        self.pipeline.with_lane(self.number, |ring| ring.read(offset, out)).unwrap_or(0)
    }

    fn scope<R>(&self, index: u16, f: impl FnOnce(Scope<'_>) -> R) -> R {
        self.pipeline.with_scope(index, f)
    }
}

/// A ring taken out of its pipeline, with the pipeline's scopes.
pub struct Taken<'a, P: Platform, B> {
    /// The records.
    pub ring: &'a Ring<B>,
    /// Where their scopes were declared.
    pub pipeline: &'a Pipeline<P>,
}

impl<P: Platform, B: DerefMut<Target = [u8]>> Source for Taken<'_, P, B> {
    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        self.ring.record(offset)
    }

    fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        self.ring.read(offset, out)
    }

    fn scope<R>(&self, index: u16, f: impl FnOnce(Scope<'_>) -> R) -> R {
        self.pipeline.with_scope(index, f)
    }
}

/// One request: which records, and every length in it.
#[derive(Clone, Debug)]
pub struct Batch {
    signal: Signal,
    start: usize,
    end: usize,
    items: u32,
    records: usize,
    /// Bytes of all records, with their heads.
    content: usize,
    scopes: heapless::Vec<Group, { Batch::MAX_SCOPES }>,
    resource_len: usize,
}

/// The records of one scope.
#[derive(Clone, Copy, Debug)]
struct Group {
    scope: u16,
    /// Bytes of the scope and its schema URL, with their heads.
    scope_len: usize,
    records_len: usize,
}

impl Group {
    fn encoded_len(&self) -> usize {
        self.scope_len + self.records_len
    }
}

impl Batch {
    /// The most scopes in one request; the next scope begins another request.
    pub const MAX_SCOPES: usize = 8;

    /// Plans a request of one signal from the records at `start` up to `until`, of at most `max_len`
    /// bytes or one record. `None` when there is no such record. `resource_len` is that of the resource's
    /// fields, as [`Resource`](crate::Resource) has them.
    pub fn plan(
        source: &impl Source,
        signal: Signal,
        resource_len: usize,
        (start, until): (usize, usize),
        max_len: usize,
    ) -> Option<Self> {
        let scopes = heapless::Vec::new();
        let mut batch =
            Self { signal, start, end: start, items: 0, records: 0, content: 0, scopes, resource_len };
        while let Some((header, next)) = source.record(batch.end).filter(|_| batch.end < until) {
            if header.kind == signal as u8 && !batch.add(source, header, max_len) {
                break;
            }
            batch.end = next;
        }
        (batch.records > 0).then_some(batch)
    }

    /// The signal.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// Spans, log records or data points in it.
    pub fn items(&self) -> u32 {
        self.items
    }

    /// The offset behind the last record that was looked at: those before it that are not in the batch
    /// are of other signals.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Bytes of the request.
    pub fn encoded_len(&self) -> usize {
        len_field(self.resource_field_len())
    }

    fn resource_field_len(&self) -> usize {
        let scopes: usize = self.scopes.iter().map(|group| len_field(group.encoded_len())).sum();
        self.resource_len + scopes
    }

    /// Bytes around the records, at the most.
    fn overhead(&self) -> usize {
        const HEAD: usize = 1 + 5;
        let scopes: usize = self.scopes.iter().map(|group| HEAD + group.scope_len).sum();
        HEAD + self.resource_len + scopes
    }

    /// Adds a record's lengths; `false` when it begins another request.
    fn add(&mut self, source: &impl Source, header: Header, max_len: usize) -> bool {
        let record_len = len_field(header.len.into());
        let known = self.scopes.iter().position(|group| group.scope == header.scope);
        let index = match known {
            Some(index) => index,
            None => {
                let scope_len = source.scope(header.scope, |scope| scope.fields_len());
                let group = Group { scope: header.scope, scope_len, records_len: 0 };
                if self.scopes.push(group).is_err() {
                    return false;
                }
                self.scopes.len() - 1
            }
        };
        if self.records > 0 && self.content + record_len + self.overhead() > max_len {
            if known.is_none() {
                self.scopes.pop();
            }
            return false;
        }
        let Some(group) = self.scopes.get_mut(index) else { return false };
        group.records_len += record_len;
        self.content += record_len;
        self.records += 1;
        self.items = self.items.saturating_add(header.items.into());
        true
    }
}

/// How much of a batch has been copied out. A new cursor copies it again from the front.
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

crate::opaque_debug!(Lane<'_, P>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Payload, Reader};
    use std::vec;

    struct Fixture(Ring<Vec<u8>>);

    impl Source for Fixture {
        fn record(&self, offset: usize) -> Option<(Header, usize)> {
            self.0.record(offset)
        }
        fn read(&self, offset: usize, out: &mut [u8]) -> usize {
            self.0.read(offset, out)
        }
        fn scope<R>(&self, index: u16, f: impl FnOnce(Scope<'_>) -> R) -> R {
            let name = ["a", "b", "c", "d", "e", "f", "g", "h", "i"][usize::from(index)];
            f(Scope::new(name).version("1"))
        }
    }
    use std::vec::Vec;

    fn fixture(records: &[(u16, Signal, u8)]) -> Fixture {
        let mut ring = Ring::new(vec![0; 4096]);
        for &(scope, signal, byte) in records {
            let header = Header { len: 200, scope, kind: signal as u8, items: 1 };
            ring.push(header, &[byte; 200]).unwrap();
        }
        Fixture(ring)
    }

    fn whole(batch: &Batch, source: &Fixture, piece: usize) -> Vec<u8> {
        let (mut cursor, mut bytes, mut out) = (Cursor::default(), Vec::new(), vec![0; piece]);
        loop {
            let n = cursor.copy(batch, source, b"\x0A\x03res", &mut out);
            if n == 0 {
                return bytes;
            }
            bytes.extend_from_slice(&out[..n]);
        }
    }

    /// (scope, first byte of each record) for each group.
    fn decoded(request: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let messages = |bytes: &[u8], number| -> Vec<Vec<u8>> {
            let fields = Reader::new(bytes).map(Result::unwrap);
            let of = |(n, payload)| match payload {
                Payload::Len(bytes) if n == number => Some(bytes.to_vec()),
                _ => None,
            };
            fields.filter_map(of).collect()
        };
        let resource_field = &messages(request, 1)[0];
        assert_eq!(messages(resource_field, 1), [b"res"]);
        let groups = messages(resource_field, 2);
        groups
            .iter()
            .map(|g| (messages(g, 1)[0].clone(), messages(g, 2).iter().map(|r| r[0]).collect()))
            .collect()
    }

    #[test]
    fn records_are_grouped_by_scope_and_other_signals_are_left_out() {
        use Signal::{Logs, Traces};
        let source = fixture(&[(0, Traces, 1), (1, Traces, 2), (0, Logs, 3), (0, Traces, 4)]);
        let batch = Batch::plan(&source, Traces, 5, (0, usize::MAX), 10_000).unwrap();
        assert_eq!((batch.items(), batch.end()), (3, 4 * 205));
        let request = whole(&batch, &source, 4096);
        assert_eq!(request.len(), batch.encoded_len());
        let expected =
            [(b"\x0A\x01a\x12\x011".to_vec(), vec![1, 4]), (b"\x0A\x01b\x12\x011".to_vec(), vec![2])];
        assert_eq!(decoded(&request), expected);
        for piece in [1, 2, 3, 7, 64, 199, 201] {
            assert_eq!(whole(&batch, &source, piece), request, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_request_ends_at_its_limits_and_the_next_goes_on() {
        let records: Vec<_> = (0..9).map(|scope| (scope, Signal::Logs, scope as u8)).collect();
        let source = fixture(&records);
        let by_scopes = Batch::plan(&source, Signal::Logs, 5, (0, usize::MAX), 10_000).unwrap();
        assert_eq!(by_scopes.items(), 8);
        let by_len = Batch::plan(&source, Signal::Logs, 5, (0, usize::MAX), 500).unwrap();
        assert_eq!((by_len.items(), by_len.encoded_len() <= 500), (2, true));
        assert_eq!(whole(&by_len, &source, 4096).len(), by_len.encoded_len());
        let rest = Batch::plan(&source, Signal::Logs, 5, (by_len.end(), usize::MAX), 10_000).unwrap();
        assert_eq!(rest.items(), 7);
        let one = Batch::plan(&source, Signal::Logs, 5, (0, usize::MAX), 1).unwrap();
        assert_eq!(one.items(), 1, "one record always goes");
        assert!(Batch::plan(&source, Signal::Traces, 5, (0, usize::MAX), 500).is_none());
    }

    #[test]
    fn the_limit_counts_every_head_as_its_longest() {
        let source = fixture(&[(0, Signal::Logs, 1), (0, Signal::Logs, 2), (1, Signal::Logs, 3)]);
        let items = |max| Batch::plan(&source, Signal::Logs, 5, (0, usize::MAX), max).unwrap().items();
        // Two records of 203 bytes, the scope of 8, the resource of 5, and two heads of 6.
        assert_eq!((items(430), items(431)), (1, 2));
        // One more record, scope and head.
        assert_eq!((items(647), items(648)), (2, 3));
    }

    #[test]
    fn a_batch_ends_where_it_was_told_to_and_copies_nothing_behind() {
        let source = fixture(&[(0, Signal::Logs, 1), (0, Signal::Logs, 2), (0, Signal::Logs, 3)]);
        for (until, items) in [(205, 1), (206, 2), (410, 2)] {
            let batch = Batch::plan(&source, Signal::Logs, 5, (0, until), 10_000).unwrap();
            assert_eq!((batch.items(), batch.end()), (items, items as usize * 205));
            let request = whole(&batch, &source, 4096);
            assert_eq!(request.len(), batch.encoded_len());
            assert_eq!(decoded(&request)[0].1.len(), items as usize);
        }
    }

    #[test]
    fn a_lane_and_a_ring_that_was_taken_out_give_the_same_request() {
        static PIPELINE: Pipeline = Pipeline::new(|| 0);
        let slots = vec![[0; 256]; 2].leak();
        PIPELINE.init(vec![0; 1024].leak(), slots, crate::Seed::Unique([1; 16]));
        PIPELINE.logger("component").info("text");
        let lane = Lane { pipeline: &PIPELINE, number: 0 };
        let plan = Batch::plan(&lane, Signal::Logs, 5, (0, usize::MAX), 10_000).unwrap();
        let (mut from_lane, mut from_ring) = (vec![0; plan.encoded_len()], vec![0; plan.encoded_len()]);
        Cursor::default().copy(&plan, &lane, b"\x0A\x03res", &mut from_lane);

        let ring = PIPELINE.with_lane(0, |ring| core::mem::replace(ring, Ring::new(&mut []))).unwrap();
        let taken = Taken { ring: &ring, pipeline: &PIPELINE };
        let plan = Batch::plan(&taken, Signal::Logs, 5, (0, usize::MAX), 10_000).unwrap();
        Cursor::default().copy(&plan, &taken, b"\x0A\x03res", &mut from_ring);
        assert_eq!(from_lane, from_ring);
        assert_eq!(decoded(&from_ring)[0].0, b"\x0A\x09component");
    }
}
