use std::time::Instant;

use super::{Answer, Outcome, Request, Transport};
use crate::Signal;

/// Sends each signal in its own way: traces, metrics, logs.
pub struct BySignal(pub [Box<dyn Transport>; 3]);

impl Transport for BySignal {
    fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome {
        self.0[request.signal as usize].send(request, deadline)
    }

    fn destination(&self, signal: Signal) -> String {
        self.0[signal as usize].destination(signal)
    }

    fn component_type(&self, signal: Signal) -> &'static str {
        self.0[signal as usize].component_type(signal)
    }

    fn server(&self, signal: Signal) -> Option<(String, u16)> {
        self.0[signal as usize].server(signal)
    }
}

impl std::fmt::Debug for BySignal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(Signal::ALL.map(|signal| self.destination(signal))).finish()
    }
}

/// Takes everything and keeps nothing: a signal that nobody wants (`OTEL_TRACES_EXPORTER=none`).
#[derive(Debug)]
pub(crate) struct Nowhere;

impl Transport for Nowhere {
    fn send(&mut self, _: &Request<'_>, _: Instant) -> Outcome {
        Outcome::new(Answer::Accepted { rejected: 0 }, "")
    }

    fn destination(&self, _: Signal) -> String {
        "nowhere".to_owned()
    }
}
