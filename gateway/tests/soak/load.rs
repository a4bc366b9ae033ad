//! Who sends: programs over HTTP, and a device on the link. Each keeps what it sends until it is told that it need not.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::write::GzEncoder;
use smoltel_proto::from_json;

use crate::account::{Account, root};
use crate::device::{Device, connect};
use crate::plan::Random;
use crate::support::{JSON, PROTOBUF, try_post};

/// Where the gateway is now.
pub(crate) type Address = Arc<Mutex<SocketAddr>>;

/// Sends requests of every kind and size, one after the other, each until it is answered with 200.
pub(crate) fn send(mut random: Random, to: &Address, account: &Account, over: &AtomicBool) {
    let mut number = random.below(97);
    while !over.load(Ordering::Relaxed) {
        number += 1;
        let poison = account.is_poison(number);
        let records = account.offer(if poison { 1 } else { 1 + random.below(30) });
        if poison {
            account.poison(records.start);
        }
        let (path, headers, body) = request(&mut random, records.clone());
        while !over.load(Ordering::Relaxed) {
            let address = *to.lock().unwrap();
            let answer = try_post(address, path, &headers, &body);
            if poison && answer.as_ref().is_none_or(|answer| answer.status == 200) {
                account.poison_may_be_stored();
            }
            match answer {
                Some(answer) if answer.status == 200 => {
                    account.acknowledge(records);
                    break;
                }
                // Full, or stopping, or dead: it may have it or not, and gets it again.
                Some(answer) => assert!(answer.status == 503, "{answer:?}"),
                None => {}
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        thread::park_timeout(Duration::from_millis(random.below(15)));
    }
}

fn request(random: &mut Random, records: std::ops::Range<u64>) -> (&'static str, String, Vec<u8>) {
    let filling = "filling ".repeat(random.below(60) as usize);
    let of = |record: fn(&str) -> String| {
        let all: Vec<String> = records.clone().map(|id| record(&format!("id-{id} {filling}"))).collect();
        all.join(",")
    };
    let (path, json) = match random.below(3) {
        0 => (
            "/v1/traces",
            format!(
                r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
                of(|text| format!(
                    r#"{{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"{text}"}}"#
                ))
            ),
        ),
        1 => (
            "/v1/metrics",
            format!(
                r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{}]}}]}}]}}"#,
                of(|text| format!(r#"{{"name":"{text}","gauge":{{"dataPoints":[{{"asInt":"1"}}]}}}}"#))
            ),
        ),
        _ => (
            "/v1/logs",
            format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
                of(|text| format!(r#"{{"body":{{"stringValue":"{text}"}}}}"#))
            ),
        ),
    };
    let (mut headers, mut body) = (JSON.to_owned(), json.into_bytes());
    if random.below(2) == 0 {
        let mut wire = Vec::new();
        from_json(root(path), &body, &mut wire).unwrap();
        (headers, body) = (PROTOBUF.to_owned(), wire);
    }
    if random.below(3) == 0 {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&body).unwrap();
        headers += "Content-Encoding: gzip\r\n";
        body = gzip.finish().unwrap();
    }
    (path, headers, body)
}

/// A device that records as long as its ring has room for it, and delivers everything in the end.
pub(crate) fn device(to: &Address, account: &Account, over: &AtomicBool) {
    let mut device = Device::new(b"soaked", None);
    let mut logged = Vec::new();
    for turn in 1.. {
        let ends = over.load(Ordering::Relaxed);
        if ends && device.waiting() == 0 {
            break;
        }
        if !ends && device.waiting() < 8 << 10 {
            for record in account.offer(3) {
                device.log(&format!("id-{record} of a device"));
                logged.push(record);
            }
        }
        if let Ok(mut wire) = connect(*to.lock().unwrap()) {
            let mut turns = 0;
            _ = device.run(&mut wire, |device| {
                turns += 1;
                turns > 200 || device.waiting() == 0
            });
            device.end.reset(turns);
        }
        // It loses power as well, and its ring does not.
        if turn % 40 == 0 {
            device.reset(true);
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(device.pipeline.counters().lost_in_all(), 0, "nothing had to give way");
    account.acknowledge(logged);
}
