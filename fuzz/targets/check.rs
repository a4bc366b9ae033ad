//! The gateway's door: what its structural check takes, prost decodes and JSON can say; what prost refuses, it refuses.
//!
//! The first byte picks the message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smoltel_proto::table::{self, Message};
use smoltel_proto::types::collector::{logs, metrics, profiles, trace};
use smoltel_proto::{Fault, check, to_json};

type Decodes = fn(&[u8]) -> bool;

const ROOTS: [(&Message, Decodes); 5] = [
    (&table::EXPORT_TRACE_SERVICE_REQUEST, decodes::<trace::v1::ExportTraceServiceRequest>),
    (&table::EXPORT_METRICS_SERVICE_REQUEST, decodes::<metrics::v1::ExportMetricsServiceRequest>),
    (&table::EXPORT_LOGS_SERVICE_REQUEST, decodes::<logs::v1::ExportLogsServiceRequest>),
    (
        &table::EXPORT_PROFILES_SERVICE_REQUEST,
        decodes::<profiles::v1development::ExportProfilesServiceRequest>,
    ),
    (&table::EXPORT_LOGS_SERVICE_RESPONSE, decodes::<logs::v1::ExportLogsServiceResponse>),
];

fn decodes<M: prost::Message + Default>(bytes: &[u8]) -> bool {
    M::decode(bytes).is_ok()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let (root, decodes) = ROOTS[usize::from(*first) % ROOTS.len()];
    match (check(root, bytes), decodes(bytes)) {
        (Ok(summary), true) => {
            to_json(root, bytes, &mut Vec::new()).expect("what was checked has a JSON form");
            let twice =
                check(root, &[bytes, bytes].concat()).expect("requests laid end to end are a request");
            assert_eq!(twice.items, 2 * summary.items);
        }
        (Err(invalid), decoded) => {
            assert!(invalid.offset <= bytes.len() && !invalid.to_string().is_empty());
            // C++ allows a tag or length five bytes, prost ten.
            let stricter = matches!(invalid.fault, Fault::Varint | Fault::Length);
            assert!(!decoded || stricter, "refused, and prost takes it: {invalid}");
        }
        (Ok(_), false) => panic!("taken, and prost refuses it"),
    }
});
