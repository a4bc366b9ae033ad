//! Records that are pushed out of the ring while it is sent.

use std::cell::Cell;

use prost::Message;
use smoltel_core::time::Bounds;
use smoltel_core::transport::{Transport, http::Http};
use smoltel_core::{Logger, Loss, MetricSettings, Pipeline, Signal};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;

use crate::device::{Interrupted, interrupted, pipeline};

const SECOND: u64 = 1_000_000_000;
const LONG: &str = "a text that makes a record much longer than the others";

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static RANDOM: Cell<u64> = const { Cell::new(1) };
}

/// Logs now and then.
fn log(logger: &Logger<Interrupted>) -> impl FnMut() + 'static {
    let logger = logger.clone();
    move || {
        let random = RANDOM.replace(RANDOM.get().wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1)) >> 60;
        if random < 4 {
            COUNT.set(COUNT.get() + 1);
            logger.info(if random == 0 { LONG } else { "" });
        }
    }
}

/// How many log records a request has.
fn logs_in(request: &[u8]) -> u64 {
    let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    let decoded = ExportLogsServiceRequest::decode(&request[head..]).expect("a request");
    let records = decoded.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    records.map(|scope| scope.log_records.len() as u64).sum()
}

/// All that is sent at that time.
fn sent(http: &mut Http<'_>, now: u64, pipeline: &Pipeline<Interrupted>) -> Vec<u8> {
    let (mut request, mut out) = (Vec::new(), [0; 64]);
    while let Some(n) = http.transmit(now, pipeline, &mut out) {
        request.extend_from_slice(&out[..n]);
        assert!(request.len() < 1000, "it comes to an end");
    }
    request
}

#[test]
fn records_that_interrupts_push_out_are_not_sent_and_all_others_are() {
    let pipeline = pipeline(300, 128, MetricSettings::DEFAULT);
    pipeline.learn_time(Bounds::exactly(1_700_000_000 * SECOND, 7).unwrap());
    let logger = Logger::new(pipeline, pipeline.declare("interrupt".into()));
    let mut http = Http::new("gateway:4318", b"", 0, 1);
    let mut exported = 0;
    for now in 0..1000 {
        if now % 2 == 0 {
            // The lane is full when it is looked at, so that each interrupt pushes a record out.
            interrupted(log(&logger), || (0..40).for_each(|_| _ = pipeline.counters()));
        }
        let request = if now % 2 == 0 {
            interrupted(log(&logger), || sent(&mut http, now, pipeline))
        } else {
            sent(&mut http, now, pipeline)
        };
        exported += if request.is_empty() { 0 } else { logs_in(&request) };
        http.receive(now, pipeline, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(now % 2 == 1 && sent(&mut http, now, pipeline).is_empty(), http.is_idle());
    }
    let counters = pipeline.counters();
    assert_eq!(counters.exported(Signal::Logs), exported);
    assert_eq!(counters.recorded(Signal::Logs), COUNT.get(), "each is counted");
    assert!(counters.lost(Signal::Logs, Loss::Evicted) > 1000);
    assert_eq!(counters.recorded(Signal::Logs), exported + counters.lost_in_all());
}
