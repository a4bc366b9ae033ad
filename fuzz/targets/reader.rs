//! Core's reader takes what prost takes, but for groups, and never more.

#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message;
use smoltel_core::otlp::collector::Response;
use smoltel_core::wire::Reader;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceResponse;

fuzz_target!(|bytes: &[u8]| {
    let mut left = bytes.len();
    let mut reader = Reader::new(bytes);
    let mut taken = true;
    while let Some(field) = reader.next() {
        taken &= field.is_ok();
        assert!(reader.rest().len() < left, "every field takes bytes");
        left = reader.rest().len();
    }
    assert!(!taken || <()>::decode(bytes).is_ok(), "taken, and prost refuses it");

    if let (Ok(ours), Ok(prosts)) = (Response::decode(bytes), ExportTraceServiceResponse::decode(bytes)) {
        let partial = prosts.partial_success.unwrap_or_default();
        assert_eq!(ours.rejected, u64::try_from(partial.rejected_spans).unwrap_or(0));
        assert_eq!(ours.message, partial.error_message);
    }
});
