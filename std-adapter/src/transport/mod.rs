//! How requests leave: one blocking call each, by whoever owns the thread.
//!
//! The library's worker and the gateway's forwarder send through the same transports. A transport makes
//! one attempt; when to try again is its caller's business ([`exporter`](smoltel_core::exporter)).

mod by_signal;
mod compress;
mod endpoint;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "grpc")]
mod grpc;
mod http;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "file")]
mod lines;
mod otlp;
pub mod pool;
mod protocol;
mod proxy;
mod tls;

use std::time::Instant;

pub(crate) use by_signal::{BySignal, Nowhere};
pub use compress::{Compression, Encoding};
pub use endpoint::Endpoint;
#[cfg(feature = "file")]
pub use lines::JsonLines;
pub use otlp::Otlp;
pub use protocol::Protocol;
pub use proxy::Proxy;
pub use smoltel_core::retry::Answer;
pub use tls::Tls;

use crate::Signal;

/// An `Export…ServiceRequest` in binary, ready to send.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What it holds.
    pub signal: Signal,
    /// Its bytes.
    pub body: &'a [u8],
    /// How they are compressed already.
    pub encoding: Encoding,
    /// Spans, log records or data points in it: what a refusal loses.
    pub items: u64,
}

/// What became of a request, and why, for people.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What to do now.
    pub answer: Answer,
    /// Whether the other side may have the request although it did not answer.
    pub in_doubt: bool,
    /// Whether it was refused for its length: in smaller parts it may pass.
    pub too_large: bool,
    /// The status of the answer, if one came.
    pub status: Option<Status>,
    /// The other side's words or the local error; empty when there is nothing to say. It may come from
    /// a stranger: at most 1 KiB, without control characters.
    pub message: String,
}

/// The number that an answer came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// HTTP's.
    Http(u16),
    /// gRPC's.
    Grpc(u16),
}

/// What requests call their sender.
const USER_AGENT: &str = concat!("OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"), " smoltel");

/// Sends requests to one destination.
pub trait Transport: Send {
    /// Makes one attempt and returns by `deadline`, give or take a name lookup.
    fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome;

    /// Where it sends that signal to, for messages: no secrets.
    fn destination(&self, signal: Signal) -> String;

    /// What its exporter of that signal is called in metrics of it, as `otel.component.type` has it: the type's own
    /// name, unless the semantic conventions know another.
    fn component_type(&self, signal: Signal) -> &'static str {
        let _ = signal;
        std::any::type_name::<Self>()
    }

    /// The host and the port that it sends that signal to, for metrics of it.
    fn server(&self, signal: Signal) -> Option<(String, u16)> {
        let _ = signal;
        None
    }
}

impl Outcome {
    /// An outcome with a message of any origin.
    pub fn new(answer: Answer, message: impl AsRef<str>) -> Self {
        const MAX: usize = 1024;
        let printable = message.as_ref().chars().map(|c| if c.is_control() { ' ' } else { c });
        let mut text = String::new();
        for c in printable {
            if text.len() + c.len_utf8() > MAX {
                break;
            }
            text.push(c);
        }
        Self { answer, in_doubt: false, too_large: false, status: None, message: text }
    }
}
