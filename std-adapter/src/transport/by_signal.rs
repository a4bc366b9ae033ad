use std::time::Instant;

use super::{Answer, Outcome, Request, Transport};
use crate::Signal;

/// Sends some signals in ways of their own, and the others together.
pub(crate) struct BySignal {
    others: Box<dyn Transport>,
    /// Of traces, metrics and logs.
    own: [Option<Box<dyn Transport>>; 3],
}

impl BySignal {
    pub(crate) fn new(others: Box<dyn Transport>, own: [Option<Box<dyn Transport>>; 3]) -> Self {
        Self { others, own }
    }

    fn of(&self, signal: Signal) -> &dyn Transport {
        self.own[signal as usize].as_deref().unwrap_or(&*self.others)
    }
}

impl Transport for BySignal {
    fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome {
        self.own[request.signal as usize].as_mut().unwrap_or(&mut self.others).send(request, deadline)
    }

    fn destination(&self, signal: Signal) -> String {
        self.of(signal).destination(signal)
    }

    fn component_type(&self, signal: Signal) -> &'static str {
        self.of(signal).component_type(signal)
    }

    fn server(&self, signal: Signal) -> Option<(String, u16)> {
        self.of(signal).server(signal)
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
