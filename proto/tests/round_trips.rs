//! Any message survives the way to JSON and back, by prost's own account.

mod support;

use std::sync::LazyLock;

use proptest::prelude::*;
use prost::Message as _;
use protox::prost_reflect::DescriptorPool;
use smoltel_proto::table::{self, Message};
use smoltel_proto::{check, from_json, to_json, types};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(support::pool);

/// What prost reads from the bytes, as bytes again: NaN compares, and the order of fields does not matter.
fn canonical<M: prost::Message + Default>(wire: &[u8]) -> Vec<u8> {
    M::decode(wire).unwrap().encode_to_vec()
}

fn survives<M: prost::Message + Default>(
    root: &'static Message,
    tape: Vec<u64>,
) -> Result<(), TestCaseError> {
    let wire = support::arbitrary(&POOL, root.name, tape).encode_to_vec();
    prop_assert!(check(root, &wire).is_ok());
    let mut json = Vec::new();
    to_json(root, &wire, &mut json).unwrap();
    prop_assert!(!json.contains(&b'\n'));
    prop_assert!(json.len() <= 2 + wire.len() * 20, "{} to {}", wire.len(), json.len());
    let mut back = Vec::new();
    from_json(root, &json, &mut back).map_err(|error| TestCaseError::fail(format!("{error}")))?;
    prop_assert!(back.len() <= json.len() * 4);
    prop_assert_eq!(canonical::<M>(&back), canonical::<M>(&wire));
    Ok(())
}

proptest! {
    #[test]
    fn traces(tape in support::tape()) {
        survives::<types::collector::trace::v1::ExportTraceServiceRequest>(&table::EXPORT_TRACE_SERVICE_REQUEST, tape)?;
    }

    #[test]
    fn metrics(tape in support::tape()) {
        survives::<types::collector::metrics::v1::ExportMetricsServiceRequest>(&table::EXPORT_METRICS_SERVICE_REQUEST, tape)?;
    }

    #[test]
    fn logs(tape in support::tape()) {
        survives::<types::collector::logs::v1::ExportLogsServiceRequest>(&table::EXPORT_LOGS_SERVICE_REQUEST, tape)?;
    }

    #[test]
    fn profiles(tape in support::tape()) {
        survives::<types::collector::profiles::v1development::ExportProfilesServiceRequest>(&table::EXPORT_PROFILES_SERVICE_REQUEST, tape)?;
    }

    #[test]
    fn spans(tape in support::tape()) {
        survives::<types::trace::v1::Span>(&table::SPAN, tape)?;
    }

    #[test]
    fn data_points(tape in support::tape()) {
        survives::<types::metrics::v1::Metric>(&table::METRIC, tape)?;
    }

    #[test]
    fn values(tape in support::tape()) {
        survives::<types::common::v1::AnyValue>(&table::ANY_VALUE, tape)?;
    }

    #[test]
    fn dictionaries(tape in support::tape()) {
        survives::<types::profiles::v1development::ProfilesDictionary>(&table::PROFILES_DICTIONARY, tape)?;
    }

    #[test]
    fn answers(tape in support::tape()) {
        survives::<types::rpc::BadRequest>(&table::BAD_REQUEST, tape.clone())?;
        survives::<types::collector::trace::v1::ExportTraceServiceResponse>(&table::EXPORT_TRACE_SERVICE_RESPONSE, tape)?;
    }

    /// Two messages end to end are their union to protobuf, and so they have to be to the transcoder:
    /// lists in several places, messages in several pieces, another member of a oneof.
    #[test]
    fn merged_bytes_are_read_as_prost_reads_them(a in support::tape(), b in support::tape(), cut in any::<u64>()) {
        let mut wire = support::arbitrary(&POOL, table::METRIC.name, a).encode_to_vec();
        wire.extend(support::arbitrary(&POOL, table::METRIC.name, b).encode_to_vec());
        if cut % 2 == 0 {
            let half = wire.clone();
            wire.extend(half);
        }
        let (mut json, mut back) = (Vec::new(), Vec::new());
        to_json(&table::METRIC, &wire, &mut json).unwrap();
        from_json(&table::METRIC, &json, &mut back).unwrap();
        type Metric = types::metrics::v1::Metric;
        prop_assert_eq!(canonical::<Metric>(&back), canonical::<Metric>(&wire));
    }
}
