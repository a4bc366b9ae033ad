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

mod cursor;
mod source;

pub use cursor::Cursor;
#[cfg(feature = "link")]
pub(crate) use cursor::Part;
pub use source::{Lane, Source, Taken};

use crate::otlp::Signal;
use crate::ring::Header;
use crate::wire::{SMALL, len_field};

mod field {
    /// `resource_spans`, `resource_metrics`, `resource_logs`.
    pub(super) const FIRST: u32 = 1;
    /// `scope_spans` and its like; and within them `spans`, `metrics`, `log_records`.
    pub(super) const SECOND: u32 = 2;
}

/// A tag and a length, at the most.
const HEAD: usize = 1 + 5;

/// One request: which records, and every length in it.
///
/// ```
/// use smoltel_core::batch::{Batch, Lane};
/// use smoltel_core::{Pipeline, Seed, Signal};
/// # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
/// static PIPELINE: Pipeline = Pipeline::new(|| 0);
/// PIPELINE.init(cell([0; 1024]), cell([[0; 256]; 2]), Seed::Unique([1; 16]));
/// PIPELINE.logger("main").info("ready");
/// let lane = Lane { pipeline: &PIPELINE, number: 0 };
/// let batch = Batch::plan(&lane, Signal::Logs, 0, (0, usize::MAX), 1000).expect("one record");
/// assert_eq!((batch.items(), batch.signal()), (1, Signal::Logs));
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    signal: Signal,
    start: usize,
    end: usize,
    items: u32,
    records: usize,
    /// Bytes of the request, at the most: every head around the records counts as its longest.
    bound: usize,
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
        let (scopes, bound) = (heapless::Vec::new(), HEAD + resource_len);
        let mut batch = Self { signal, start, end: start, items: 0, records: 0, bound, scopes, resource_len };
        while batch.end < until
            && let Some((header, next)) = source.record(batch.end)
        {
            if header.kind != signal as u8 {
                batch.end = next;
            } else if !batch.add_run(source, header, until, max_len) {
                break;
            }
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

    /// Records in it: a metric's points are one.
    pub fn records(&self) -> usize {
        self.records
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

    /// Adds the lengths of the record at the end and of those behind it that are of the same scope; `false` when one
    /// begins another request.
    fn add_run(&mut self, source: &impl Source, first: Header, until: usize, max_len: usize) -> bool {
        let known = self.scopes.iter().position(|group| group.scope == first.scope);
        let index = known.unwrap_or(self.scopes.len());
        let scope_len = known.map_or_else(|| source.scope(first.scope, |scope| scope.fields_len()), |_| 0);
        let added = first.field_len() + if known.is_some() { 0 } else { HEAD + scope_len };
        if self.records > 0 && self.bound + added > max_len {
            return false;
        }
        let new = Group { scope: first.scope, scope_len, records_len: 0 };
        if known.is_none() && self.scopes.push(new).is_err() {
            return false;
        }
        let Some(group) = self.scopes.get_mut(index) else { return false };
        // What is counted is kept where it is quick to count: a run may be all there is.
        let (mut end, mut records, mut items) = (self.end + first.record_len(), 1, u32::from(first.items));
        let (mut len, mut bound, mut fits) = (first.field_len(), self.bound + added, true);
        while !SMALL
            && end < until
            && let Some((header, next)) = source.record(end)
            && (header.scope, header.kind) == (first.scope, first.kind)
        {
            fits = bound + header.field_len() <= max_len;
            if !fits {
                break;
            }
            (len, bound) = (len + header.field_len(), bound + header.field_len());
            (end, records, items) = (next, records + 1, items.saturating_add(header.items.into()));
        }
        group.records_len += len;
        (self.end, self.bound, self.records) = (end, bound, self.records + records);
        self.items = self.items.saturating_add(items);
        fits
    }
}

impl Header {
    /// Bytes of the record as a field of a request.
    #[inline]
    fn field_len(&self) -> usize {
        2 + usize::from(self.len >= 0x80) + usize::from(self.len >= 0x4000) + usize::from(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::common::Scope;
    use crate::pipeline::Pipeline;
    use crate::ring::Ring;
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
    fn records_of_every_length_come_out_behind_their_heads() {
        for len in [0, 1, 126, 127, 128, 129, 16_383, 16_384, 16_385, 65_535] {
            let record: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut ring = Ring::new(vec![0; 140_000]);
            let header = Header { len: len as u16, scope: 0, kind: Signal::Logs as u8, items: 1 };
            for _ in 0..2 {
                ring.push(header, &record).unwrap();
            }
            let source = Fixture(ring);
            let batch = Batch::plan(&source, Signal::Logs, 5, (0, usize::MAX), usize::MAX).unwrap();
            let mut expected = vec![0; 8];
            let mut w = crate::wire::Writer::new(&mut expected);
            w.head(field::SECOND, len).unwrap();
            let head_len = w.len();
            let one = [&expected[..head_len], &record].concat();
            // Room for nothing, for a part, for exactly one, for one more byte, and for all.
            let sizes = [1, 3, one.len() - 1, one.len(), one.len() + 1, 2 * one.len() + 100];
            for piece in sizes.into_iter().filter(|piece| *piece > 0 && (len < 1000 || *piece > 3)) {
                let request = whole(&batch, &source, piece);
                assert_eq!(request.len(), batch.encoded_len());
                assert!(request.ends_with(&[&one[..], &one].concat()), "{len} bytes in pieces of {piece}");
            }
        }
    }

    #[test]
    fn times_are_repaired_in_records_that_come_out_whole_or_in_pieces() {
        // time_unix_nano: 7; a text of 3 bytes; observed_time_unix_nano: 9
        let record = b"\x09\x07\0\0\0\0\0\0\0\x1A\x03abc\x59\x09\0\0\0\0\0\0\0";
        let mut ring = Ring::new(vec![0; 256]);
        let header = Header { len: record.len() as u16, scope: 0, kind: Signal::Logs as u8, items: 1 };
        for _ in 0..3 {
            ring.push(header, record).unwrap();
        }
        let source = Fixture(ring);
        let batch = Batch::plan(&source, Signal::Logs, 0, (0, usize::MAX), usize::MAX).unwrap();
        const START: u64 = 1_700_000_000_000_000_000;
        let offset = crate::time::Bounds::exactly(START, 0).unwrap().middle();
        let mut repaired = record.to_vec();
        repaired[1..9].copy_from_slice(&(START + 7).to_le_bytes());
        repaired[15..23].copy_from_slice(&(START + 9).to_le_bytes());
        let one = [&[0x12, record.len() as u8][..], &repaired].concat();
        for piece in 1..100 {
            let (mut cursor, mut bytes, mut out) =
                (Cursor::new(&batch, Some(offset)), Vec::new(), vec![0; piece]);
            loop {
                let n = cursor.copy(&batch, &source, b"", &mut out);
                bytes.extend_from_slice(&out[..n]);
                if n == 0 {
                    break;
                }
            }
            assert!(bytes.ends_with(&[&one[..], &one, &one].concat()), "in pieces of {piece}");
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
