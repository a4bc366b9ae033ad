//! Records that carry uptime leave with Unix time once it is known, and are otherwise the same.

mod records;

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use records::{Any, record};
use smoltel_core::Signal;
use smoltel_core::batch::{Batch, Cursor, Source};
use smoltel_core::otlp::common::Scope;
use smoltel_core::ring::{Header, Ring};
use smoltel_core::time::{Bounds, Offset};
use smoltel_proto::types::logs::v1::LogsData;
use smoltel_proto::types::metrics::v1::MetricsData;
use smoltel_proto::types::trace::v1::TracesData;

/// Records of several signals in one ring.
struct Lane(Ring<Vec<u8>>);

impl Source for Lane {
    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        self.0.record(offset)
    }

    fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        self.0.read(offset, out)
    }

    fn scope<R>(&self, _: u16, f: impl FnOnce(Scope<'_>) -> R) -> R {
        f(Scope::new("clock"))
    }
}

/// A ring with all of `records`, of which the last wrap at its end.
fn lane(records: &[Any]) -> Lane {
    let encoded: Vec<_> = records.iter().map(Any::encode).collect();
    let total: usize = encoded.iter().map(|bytes| Header::LEN + bytes.len()).sum();
    let filler = Header { len: 20, scope: 0, kind: 0, items: 1 };
    let mut ring = Ring::new(vec![0; total.max(filler.record_len()) + 10]);
    ring.push(filler, &[0; 20]).unwrap();
    for (record, bytes) in records.iter().zip(encoded) {
        let header = Header { len: bytes.len() as u16, scope: 0, kind: record.signal() as u8, items: 1 };
        if ring.push(header, &bytes).is_none() {
            ring.release(filler.record_len());
            ring.push(header, &bytes).unwrap();
        }
    }
    Lane(ring)
}

/// A request of that signal, copied out in pieces of that size.
fn copied(lane: &Lane, signal: Signal, offset: Option<Offset>, piece: usize) -> Option<Vec<u8>> {
    let batch = Batch::plan(lane, signal, 0, (0, usize::MAX), usize::MAX)?;
    let (mut cursor, mut request, mut out) = (Cursor::new(&batch, offset), Vec::new(), vec![0; piece]);
    loop {
        match cursor.copy(&batch, lane, &[], &mut out) {
            0 => break,
            n => request.extend_from_slice(&out[..n]),
        }
    }
    assert_eq!(request.len(), batch.encoded_len());
    Some(request)
}

/// The records in a request, by a decoder that is not ours.
fn decoded(signal: Signal, request: &[u8]) -> Vec<Any> {
    macro_rules! records {
        ($data:ident, $resources:ident, $scopes:ident, $records:ident, $any:path) => {{
            let resources = $data::decode(request).unwrap().$resources.into_iter();
            resources.flat_map(|r| r.$scopes).flat_map(|s| s.$records).map($any).collect()
        }};
    }
    match signal {
        Signal::Traces => records!(TracesData, resource_spans, scope_spans, spans, Any::Span),
        Signal::Logs => records!(LogsData, resource_logs, scope_logs, log_records, Any::Log),
        Signal::Metrics => records!(MetricsData, resource_metrics, scope_metrics, metrics, Any::Metric),
    }
}

/// An offset whose eight bytes all matter.
fn offset() -> Offset {
    Bounds::exactly(1_754_321_098_765_432_109, 987_654_321).unwrap().middle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_time_of_every_record_is_repaired_whatever_the_pieces(records in vec(record(), 1..6)) {
        let lane = lane(&records);
        for signal in Signal::ALL {
            let expected: Vec<Any> = records.iter().filter(|record| record.signal() == signal).cloned().collect();
            let Some(plain) = copied(&lane, signal, None, 4096) else { continue };
            prop_assert_eq!(&decoded(signal, &plain), &expected);

            let mut repaired = expected;
            repaired.iter_mut().for_each(|r| r.each_time(&mut |time| *time = offset().unix(*time)));
            let request = copied(&lane, signal, Some(offset()), 4096).unwrap();
            prop_assert_eq!(decoded(signal, &request), repaired);
            for piece in 1..70 {
                prop_assert_eq!(copied(&lane, signal, Some(offset()), piece).unwrap(), request.as_slice(), "{}", piece);
            }
        }
    }

    #[test]
    fn bytes_that_are_no_record_go_out_in_full(bytes in vec(any::<u8>(), 0..60), piece in 1..20usize) {
        let mut ring = Ring::new(vec![0; 100]);
        let header = Header { len: bytes.len() as u16, scope: 0, kind: 2, items: 1 };
        ring.push(header, &bytes).unwrap();
        copied(&Lane(ring), Signal::Logs, Some(offset()), piece);
    }
}
