//! Records of what a reset cut short.

use super::log::Log;
use super::open::Open;
use crate::otlp::common::{Key, Value};
use crate::otlp::logs::Severity;
use crate::otlp::trace::{self, ATTRIBUTES, Dropped, END_MAX, STATUS, StatusCode};
use crate::platform::Platform;
use crate::recorder::Reset;
use crate::wire::Reader;

/// Why the device was reset: [`Reset::name`].
const REASON: Key<'static> = Key::new("smoltel.reset.reason");

/// Ends the open span whose fields are `written`, in `slot`, and returns the slot and the span's length. `None`, and the slot, if that is no
/// open span.
pub(crate) fn span<P: Platform>(
    slot: P::Buffer,
    written: &[u8],
    (time, reset): (u64, Reset),
    platform: &P,
) -> Result<(P::Buffer, usize), P::Buffer> {
    if Reader::new(written).any(|field| field.is_err()) {
        return Err(slot);
    }
    let limits = (ATTRIBUTES, platform.limits().span);
    let mut open = Open::<P>::new(slot, limits, END_MAX, |w| w.put(written))?;
    open.remove(STATUS, |_| true);
    let (room, at) = open.room();
    let told = trace::status_message(room, at, StatusCode::Error, format_args!("reset: {}", reset.name()));
    if let Ok((len, _)) = told {
        open.set_len(len);
    }
    open.set(&REASON, &Value::from(reset.name()));
    let dropped = Dropped { attributes: open.dropped, ..Dropped::default() };
    let len = open.finish(|w| {
        trace::end(w, time, dropped)?;
        // What was kept free for counts that are not known is room enough.
        told.map_or_else(|_| trace::status(w, StatusCode::Error), |_| Ok(()))
    });
    Ok((open.into_slot(), len))
}

/// A FATAL log record of that time.
pub(crate) fn fatal<P: Platform>(pipeline: P::Handle, scope: u16, (time, reset): (u64, Reset)) -> Log<P> {
    Log::at(pipeline, scope, Severity::Fatal, time).set(REASON, reset.name())
}
