//! Requests of so many spans, each span with a number of its own, so that the sink knows what is missing and what came twice.

use std::fmt::Write as _;

use smoltel_core::wire::{Payload, Reader};

/// A request as it is sent, but for its spans' numbers.
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where the spans' ids are.
    ids: Vec<usize>,
}

impl Template {
    /// A request of so many spans of about 350 bytes: eight attributes and a name.
    pub(crate) fn new(spans: usize) -> Self {
        let mut json = String::from(
            r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"bench"}}]},"scopeSpans":[{"scope":{"name":"load"},"spans":["#,
        );
        for number in 0..spans {
            let comma = if number == 0 { "" } else { "," };
            write!(json, "{comma}{}", span(number)).expect("a string takes all");
        }
        json += "]}]}]}";
        let mut bytes = Vec::new();
        smoltel_proto::from_json(
            &smoltel_proto::table::EXPORT_TRACE_SERVICE_REQUEST,
            json.as_bytes(),
            &mut bytes,
        )
        .expect("it is a request by how it was made");
        let mut ids = Vec::with_capacity(spans);
        each_id(&bytes, |id| ids.push(id.as_ptr().addr() - bytes.as_ptr().addr()));
        assert_eq!(ids.len(), spans);
        Self { bytes, ids }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The request whose spans have the numbers from `first` on.
    pub(crate) fn numbered(&mut self, first: u64) -> &[u8] {
        for (number, &at) in (first..).zip(&self.ids) {
            // An id of zeros is none.
            self.bytes[at..at + 8].copy_from_slice(&(number + 1).to_be_bytes());
        }
        &self.bytes
    }
}

fn span(number: usize) -> String {
    let attribute = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{value}}}"#);
    let attributes = [
        attribute("http.request.method", r#"{"stringValue":"GET"}"#),
        attribute("http.route", r#"{"stringValue":"/api/v1/orders/x"}"#),
        attribute("server.address", r#"{"stringValue":"ip-10-0-13-37-ab"}"#),
        attribute("user_agent.name", r#"{"stringValue":"curl-8.5.0-linux"}"#),
        attribute("http.response.status_code", r#"{"intValue":"404"}"#),
        attribute("server.port", r#"{"intValue":"8080"}"#),
        attribute("cache.hit", r#"{"boolValue":true}"#),
        attribute("queue.wait_ms", r#"{"doubleValue":1234.5}"#),
    ]
    .join(",");
    format!(
        r#"{{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"{:016x}","parentSpanId":"00000000000000ff","name":"GET /api/v1/orders","kind":2,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000123456789","attributes":[{attributes}],"status":{{}}}}"#,
        number + 1
    )
}

/// The numbers of the spans in a request, or `None` if it is not one.
pub(crate) fn numbers(request: &[u8]) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    let whole = each_id(request, |id| {
        let id: [u8; 8] = id.try_into().unwrap_or_default();
        numbers.push(u64::from_be_bytes(id).wrapping_sub(1));
    });
    whole.then_some(numbers)
}

/// Whether every message on the way down to the ids could be read.
fn each_id<'a>(request: &'a [u8], mut found: impl FnMut(&'a [u8])) -> bool {
    const RESOURCE_SPANS: u32 = 1;
    const SCOPE_SPANS: u32 = 2;
    const SPANS: u32 = 2;
    const SPAN_ID: u32 = 2;
    let whole = |message| Reader::new(message).all(|field| field.is_ok());
    let mut sound = whole(request);
    for resource in children(request, RESOURCE_SPANS) {
        sound &= whole(resource);
        for scope in children(resource, SCOPE_SPANS) {
            sound &= whole(scope);
            for span in children(scope, SPANS) {
                sound &= whole(span);
                children(span, SPAN_ID).for_each(&mut found);
            }
        }
    }
    sound
}

fn children(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Reader::new(message).map_while(Result::ok).filter_map(move |field| match field {
        (found, Payload::Len(bytes)) if found == number => Some(bytes),
        _ => None,
    })
}
