//! One signal under the names that each layer has for it.

use smoltel::Signal;
use smoltel_proto::table::{self, Message};

/// The message that its requests are.
pub(crate) fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &table::EXPORT_TRACE_SERVICE_REQUEST,
        Signal::Metrics => &table::EXPORT_METRICS_SERVICE_REQUEST,
        Signal::Logs => &table::EXPORT_LOGS_SERVICE_REQUEST,
    }
}

/// The spool's word for it.
pub(crate) fn stored(signal: Signal) -> smoltel_spool::Signal {
    match signal {
        Signal::Traces => smoltel_spool::Signal::Traces,
        Signal::Metrics => smoltel_spool::Signal::Metrics,
        Signal::Logs => smoltel_spool::Signal::Logs,
    }
}

/// What a stored record is; profiles are not taken yet.
pub(crate) fn loaded(signal: smoltel_spool::Signal) -> Option<Signal> {
    Signal::ALL.into_iter().find(|known| stored(*known) == signal)
}
