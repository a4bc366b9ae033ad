//! What was acknowledged arrives, whatever is killed in between.

mod support;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::*;

const SENDERS: usize = 8;

/// Senders send as fast as they are answered; when `enough` records are acknowledged the gateway is killed.
fn send_and_kill(dir: &Path, url: &str, cycle: usize, enough: usize, acknowledged: &Mutex<HashSet<String>>) {
    let gateway = Gateway::start(dir, &["--upstream", url]);
    let (address, before) = (gateway.http, acknowledged.lock().unwrap().len());
    let dead = AtomicBool::new(false);
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let dead = &dead;
            scope.spawn(move || {
                for number in 0.. {
                    let text = format!("{cycle}-{sender}-{number}");
                    match try_post(address, "/v1/logs", PROTOBUF, &log(&text)) {
                        Some(answer) if answer.status == 200 => {
                            acknowledged.lock().unwrap().insert(text);
                        }
                        _ if dead.load(Ordering::Relaxed) => return,
                        other => assert!(other.is_none(), "{other:?}"),
                    }
                }
            });
        }
        until("enough acknowledged", || acknowledged.lock().unwrap().len() >= before + enough);
        dead.store(true, Ordering::Relaxed);
        gateway.kill();
    });
}

#[test]
fn everything_acknowledged_arrives_after_kills() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 0);
    let acknowledged = Mutex::new(HashSet::new());
    // `PROVE=1` is for `cargo xtask prove`.
    let (half, enough) = if std::env::var_os("PROVE").is_some() { (20, 60) } else { (4, 100) };
    for cycle in 0..half {
        send_and_kill(dir.path(), &upstream.url(), cycle, enough, &acknowledged);
    }
    // From now on the kill also comes between the upstream's answer and the release.
    upstream.now(|_, _| 200);
    for cycle in half..2 * half {
        send_and_kill(dir.path(), &upstream.url(), cycle, enough, &acknowledged);
    }
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() >= 2 * half * enough);
    upstream.until("everything acknowledged has arrived", |seen| {
        let arrived: HashSet<_> = accepted(seen).into_iter().collect();
        acknowledged.is_subset(&arrived)
    });
    until("nothing waits", || {
        gateway.status()["destinations"][0]["signals"]["logs"]["waiting"]["records"] == 0
    });
    assert_eq!(gateway.stop(), Some(0));
    let (arrived, kills) = (accepted(&upstream.seen()).len(), 2 * half);
    println!(
        "proved: a gateway killed {kills} times; {} requests answered with 200, all arrived upstream, {arrived} arrivals",
        acknowledged.len()
    );
}

#[test]
fn a_stop_and_a_start_send_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 200);
    for round in ["first", "second"] {
        let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(round)).status, 200);
        assert_eq!(gateway.stop(), Some(0));
    }
    assert_eq!(accepted(&upstream.seen()), ["first", "second"]);
}
