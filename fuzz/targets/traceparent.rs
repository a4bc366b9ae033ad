//! `traceparent`: what is taken is valid, and written again it says the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smoltel_core::SpanContext;

fuzz_target!(|header: &[u8]| {
    let Ok(context) = SpanContext::from_traceparent(header) else { return };
    assert!(context.is_valid() && context.is_remote);
    let written = context.traceparent();
    assert_eq!(SpanContext::from_traceparent(written.as_str().as_bytes()), Ok(context));
    // A later version may have more behind it; this one is written as it came.
    if let Some(b"00") = header.get(..2) {
        assert_eq!(&header[..53], &written.as_str().as_bytes()[..53]);
    }
});
