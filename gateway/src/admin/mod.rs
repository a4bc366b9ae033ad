//! For whoever looks after the gateway: a page, health, metrics, status.

mod metrics;
mod own;
mod page;
mod status;

use std::sync::Arc;
use std::time::Instant;

use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use smoltel_spool::Spool;

use crate::forward::Destinations;
use crate::ledger::Ledger;
use crate::link::Devices;
use crate::server::{Answer, Handler, Payload, Peer};
pub(crate) use own::tell;
pub(crate) use status::reason;

const TEXT: &str = "text/plain; charset=utf-8";

/// Answers with the gateway's state; changes nothing.
pub(crate) struct Admin {
    pub(crate) spool: Spool,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) devices: Arc<Devices>,
    pub(crate) destinations: Arc<Destinations>,
    pub(crate) started: Instant,
}

impl Admin {
    fn ready(&self) -> Answer {
        match self.spool.stats().read_only {
            None => respond(StatusCode::OK, TEXT, "ready\n"),
            Some(reason) => {
                let text = format!("the spool is read-only: {reason}\n");
                respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, text)
            }
        }
    }
}

impl Handler for Admin {
    const HTTP2: bool = false;

    async fn handle(&self, request: Request<Incoming>, peer: &Peer) -> Answer {
        // Probes have no token, and learn nothing.
        let probe = matches!(request.uri().path(), "/healthz" | "/readyz");
        if !probe && !peer.guard.admits(request.headers()) {
            let mut answer =
                respond(StatusCode::UNAUTHORIZED, TEXT, "a token is needed, or one as a password\n");
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic, Bearer"));
            return answer;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/" => page::answer(),
            "/healthz" => respond(StatusCode::OK, TEXT, "ok\n"),
            "/readyz" => self.ready(),
            "/metrics" => {
                respond(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", metrics::text(self))
            }
            "/api/status" => respond(StatusCode::OK, "application/json", status::json(self)),
            _ => respond(
                StatusCode::NOT_FOUND,
                TEXT,
                "not here; see /, /healthz, /readyz, /metrics, /api/status\n",
            ),
        }
    }
}

fn respond(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Payload::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
