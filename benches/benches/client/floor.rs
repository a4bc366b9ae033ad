//! What any sender pays at least: `ureq` posts bytes that are ready.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use smoltel::transport::{Answer, Outcome, Request, Transport};
use smoltel::{Signal, Telemetry};

/// Spans of a request, as the peers' default has it.
const TOGETHER: u64 = 512;

/// Posts that many spans, or a few less: whole requests.
pub(crate) fn send(endpoint: &str, spans: u64) -> String {
    let (body, url) = (body(), format!("{endpoint}/v1/traces"));
    let agent = ureq::Agent::new_with_defaults();
    for _ in 0..spans / TOGETHER {
        let request = agent.post(&url).header("content-type", "application/x-protobuf");
        let mut answer = request.send(&body[..]).expect("an answer");
        answer.body_mut().read_to_vec().expect("its body");
    }
    "0".into()
}

/// Keeps the last request.
struct Keep(Arc<Mutex<Vec<u8>>>);

impl Transport for Keep {
    fn send(&mut self, request: &Request<'_>, _: Instant) -> Outcome {
        *self.0.lock().expect("no panic") = request.body.to_vec();
        Outcome::new(Answer::Accepted { rejected: 0 }, "")
    }

    fn destination(&self, _: Signal) -> String {
        String::new()
    }
}

fn body() -> Vec<u8> {
    let kept = Arc::default();
    let program = crate::ours::on(Telemetry::builder("bench").transport(Keep(Arc::clone(&kept))));
    (0..TOGETHER).for_each(|_| (program.span)());
    (program.flush)();
    drop(program);
    let body = std::mem::take(&mut *kept.lock().expect("no panic"));
    assert!(!body.is_empty(), "a request of {TOGETHER} spans");
    body
}
