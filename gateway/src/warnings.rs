//! The warnings of the gateway's own log, told to the destinations as log records.
//!
//! Nothing feeds on itself: what goes on is told ever less often ([`Pace`](crate::own::Pace)), and what goes wrong with telling says nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use smoltel_spool::Spool;
use tokio::sync::Notify;

use crate::log::Flood;
use crate::own::{self, Event};

/// Those that wait, if they are to be told.
static WAITING: Mutex<Option<Waiting>> = Mutex::new(None);
static SOME: Notify = Notify::const_new();
/// What comes within this is told together.
const GATHER: Duration = Duration::from_secs(1);

struct Waiting {
    events: Vec<Event>,
    flood: Flood,
}

/// From now on they are kept, until they are told.
pub(crate) fn keep() {
    *waiting() = Some(Waiting { events: Vec::new(), flood: Flood::new(20, Duration::from_secs(60)) });
}

/// One more.
pub(crate) fn add(text: String) {
    let mut waiting = waiting();
    let Some(waiting) = &mut *waiting else { return };
    let Some(unsaid) = waiting.flood.due(Instant::now()) else { return };
    let mut attributes = Vec::new();
    if unsaid > 0 {
        attributes.push(("smoltel.log.left_out", unsaid.into()));
    }
    waiting.events.push(Event { time: SystemTime::now(), name: "", text, attributes });
    SOME.notify_one();
}

/// Tells for ever.
pub(crate) async fn tell(spool: Spool) {
    loop {
        SOME.notified().await;
        tokio::time::sleep(GATHER).await;
        let events =
            waiting().as_mut().map(|waiting| std::mem::take(&mut waiting.events)).unwrap_or_default();
        let count = events.len() as u64;
        spool.append(own::request(&events), move |result| {
            if result.is_err() {
                waiting().iter_mut().for_each(|waiting| waiting.flood.left_out(count));
            }
        });
    }
}

fn waiting() -> MutexGuard<'static, Option<Waiting>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
