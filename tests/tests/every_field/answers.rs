//! What a receiver answers, full and partial.

use prost::Message;
use smoltel_core::otlp::collector::Response;
use smoltel_core::wire::Writer;
use smoltel_proto::table;
use smoltel_proto::types::collector::{logs, metrics, profiles, trace};

use super::seen::Seen;

/// Writes the answers of all signals, each of which prost reads as it was meant.
pub(crate) fn walk(seen: &mut Seen) {
    let mut buf = [0; 64];
    let mut w = Writer::new(&mut buf);
    Response { rejected: 5, message: "bad" }.encode(&mut w).unwrap();
    let bytes = w.written();
    assert_eq!(
        rejected(bytes),
        [
            Some((5, "bad".to_owned())),
            Some((5, "bad".into())),
            Some((5, "bad".into())),
            Some((5, "bad".into()))
        ]
    );
    assert_eq!(rejected(&[]), [const { None }; 4], "full success has no partial success");
    for root in [
        &table::EXPORT_TRACE_SERVICE_RESPONSE,
        &table::EXPORT_METRICS_SERVICE_RESPONSE,
        &table::EXPORT_LOGS_SERVICE_RESPONSE,
        &table::EXPORT_PROFILES_SERVICE_RESPONSE,
    ] {
        seen.walk(root, bytes);
    }
}

/// What each signal's message makes of the same bytes.
fn rejected(bytes: &[u8]) -> [Option<(i64, String)>; 4] {
    let trace = trace::v1::ExportTraceServiceResponse::decode(bytes).unwrap().partial_success;
    let metrics = metrics::v1::ExportMetricsServiceResponse::decode(bytes).unwrap().partial_success;
    let logs = logs::v1::ExportLogsServiceResponse::decode(bytes).unwrap().partial_success;
    let profiles =
        profiles::v1development::ExportProfilesServiceResponse::decode(bytes).unwrap().partial_success;
    [
        trace.map(|partial| (partial.rejected_spans, partial.error_message)),
        metrics.map(|partial| (partial.rejected_data_points, partial.error_message)),
        logs.map(|partial| (partial.rejected_log_records, partial.error_message)),
        profiles.map(|partial| (partial.rejected_profiles, partial.error_message)),
    ]
}
