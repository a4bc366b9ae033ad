//! What the check accepts, prost decodes; what prost refuses, the check refuses.
//!
//! The check is stricter than prost in two places, where C++ is: a tag or a length takes five bytes at most, and a
//! length ends below 2 GiB.

mod support;

use std::sync::LazyLock;

use proptest::prelude::*;
use protox::prost_reflect::{DescriptorPool, prost::Message as _};
use smoltel_proto::table::{self, Message};
use smoltel_proto::types::collector::{logs, metrics, profiles, trace};
use smoltel_proto::{Fault, Invalid, check, to_json, types};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(support::pool);

fn agree<M: prost::Message + Default>(root: &'static Message, bytes: &[u8]) -> Result<bool, TestCaseError> {
    match (check(root, bytes), M::decode(bytes)) {
        (Ok(_), Ok(_)) => {
            prop_assert!(to_json(root, bytes, &mut Vec::new()).is_ok());
            Ok(true)
        }
        (Err(_), Err(_)) => Ok(false),
        (Err(invalid), Ok(_)) if is_stricter(&invalid, bytes) => Ok(false),
        (ours, prosts) => Err(TestCaseError::fail(format!("check: {ours:?}; prost: {:?}", prosts.is_ok()))),
    }
}

/// Whether the field at fault has a varint of six bytes or more, which is what C++ refuses in tags and lengths.
fn is_stricter(invalid: &Invalid, bytes: &[u8]) -> bool {
    let long = || bytes[invalid.offset..].windows(5).any(|run| run.iter().all(|byte| *byte >= 0x80));
    matches!(invalid.fault, Fault::Varint | Fault::Length) && long()
}

fn mutate(bytes: &mut Vec<u8>, changes: &[(u64, u8, u8)]) {
    for &(place, what, byte) in changes {
        let place = place as usize % (bytes.len() + 1);
        match what % 4 {
            0 => bytes.insert(place, byte),
            1 if place < bytes.len() => drop(bytes.remove(place)),
            2 => bytes.truncate(place.max(bytes.len() / 2)),
            _ if place < bytes.len() => bytes[place] = byte,
            _ => {}
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<(u64, u8, u8)>> {
    prop::collection::vec((any::<u64>(), any::<u8>(), any::<u8>()), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn on_mutated_spans(tape in support::tape(), changes in changes()) {
        let mut bytes = support::arbitrary(&POOL, table::SPAN.name, tape).encode_to_vec();
        mutate(&mut bytes, &changes);
        agree::<types::trace::v1::Span>(&table::SPAN, &bytes)?;
    }

    #[test]
    fn on_mutated_metrics(tape in support::tape(), changes in changes()) {
        let mut bytes = support::arbitrary(&POOL, table::METRIC.name, tape).encode_to_vec();
        mutate(&mut bytes, &changes);
        agree::<types::metrics::v1::Metric>(&table::METRIC, &bytes)?;
    }

    #[test]
    fn on_mutated_requests(tape in support::tape(), changes in changes()) {
        let bytes = |root: &'static Message| {
            let mut bytes = support::arbitrary(&POOL, root.name, tape.clone()).encode_to_vec();
            mutate(&mut bytes, &changes);
            bytes
        };
        let root = &table::EXPORT_TRACE_SERVICE_REQUEST;
        agree::<trace::v1::ExportTraceServiceRequest>(root, &bytes(root))?;
        let root = &table::EXPORT_METRICS_SERVICE_REQUEST;
        agree::<metrics::v1::ExportMetricsServiceRequest>(root, &bytes(root))?;
        let root = &table::EXPORT_LOGS_SERVICE_REQUEST;
        agree::<logs::v1::ExportLogsServiceRequest>(root, &bytes(root))?;
        let root = &table::EXPORT_PROFILES_SERVICE_REQUEST;
        agree::<profiles::v1development::ExportProfilesServiceRequest>(root, &bytes(root))?;
        let root = &table::EXPORT_TRACE_SERVICE_RESPONSE;
        agree::<trace::v1::ExportTraceServiceResponse>(root, &bytes(root))?;
    }

    #[test]
    fn on_mutated_profiles(tape in support::tape(), changes in changes()) {
        let mut bytes = support::arbitrary(&POOL, table::PROFILE.name, tape).encode_to_vec();
        mutate(&mut bytes, &changes);
        agree::<types::profiles::v1development::Profile>(&table::PROFILE, &bytes)?;
    }

    #[test]
    fn on_any_short_bytes(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        agree::<types::common::v1::AnyValue>(&table::ANY_VALUE, &bytes)?;
        agree::<types::metrics::v1::HistogramDataPoint>(&table::HISTOGRAM_DATA_POINT, &bytes)?;
    }

    #[test]
    fn on_groups(bytes in prop::collection::vec(prop::sample::select(&[0x7b_u8, 0x7c, 0x83, 1, 0x84, 0x78, 0x0b, 0x0c, 0][..]), 0..16)) {
        agree::<types::common::v1::AnyValue>(&table::ANY_VALUE, &bytes)?;
    }
}

/// Lists within each other, each made of a tag, a length and the rest.
fn nested(depth: usize, core: &[u8]) -> Vec<u8> {
    (0..depth).fold(core.to_vec(), |inner, level| {
        let tag = if (depth - level) % 2 == 1 { 0x2a } else { 0x0a };
        let mut outer = vec![tag];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    })
}

#[test]
fn on_every_depth_around_the_limit() {
    let mut accepted = 0;
    for core in [&[][..], &[0x78, 0], &[0x7b, 0x7c], &[0x7b, 0x7b, 0x7c, 0x7c], &[0x7b, 0x78, 0, 0x7c]] {
        for depth in 95..105 {
            let bytes = nested(depth, core);
            accepted += u32::from(agree::<types::common::v1::AnyValue>(&table::ANY_VALUE, &bytes).unwrap());
        }
    }
    assert_eq!(accepted, 6 + 5 + 5 + 4 + 4);
}
