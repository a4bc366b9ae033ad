//! The warnings of the gateway's own log, told to the destinations as log records.
//!
//! Nothing feeds on itself: what goes on is told ever less often ([`Pace`](crate::own::Pace)), and what goes wrong with telling says nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use smoltel_spool::{Record, Spool};
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

impl Waiting {
    fn new() -> Waiting {
        Waiting { events: Vec::new(), flood: Flood::new(20, Duration::from_secs(60)) }
    }

    /// One more; false if it is one too many.
    fn add(&mut self, text: String) -> bool {
        let Some(unsaid) = self.flood.due(Instant::now()) else { return false };
        let mut attributes = Vec::new();
        if unsaid > 0 {
            attributes.push(("smoltel.log.left_out", unsaid.into()));
        }
        self.events.push(Event { time: SystemTime::now(), name: "", text, attributes });
        true
    }

    /// All of them; none if they were told with the ones before.
    fn request(&mut self) -> Option<Record> {
        let events = std::mem::take(&mut self.events);
        (!events.is_empty()).then(|| own::request(&events))
    }
}

/// From now on they are kept, until they are told.
pub(crate) fn keep() {
    *waiting() = Some(Waiting::new());
}

/// One more.
pub(crate) fn add(text: String) {
    if waiting().as_mut().is_some_and(|waiting| waiting.add(text)) {
        SOME.notify_one();
    }
}

/// Tells for ever.
pub(crate) async fn tell(spool: Spool) {
    loop {
        SOME.notified().await;
        tokio::time::sleep(GATHER).await;
        let Some(request) = waiting().as_mut().and_then(Waiting::request) else { continue };
        let count = request.items.into();
        spool.append(request, move |result| {
            if result.is_err() {
                waiting().iter_mut().for_each(|waiting| waiting.flood.left_out(count));
            }
        });
    }
}

fn waiting() -> MutexGuard<'static, Option<Waiting>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_while_others_were_gathered_makes_no_empty_request() {
        let mut waiting = Waiting::new();
        assert!(waiting.add("one".into()) && waiting.add("two".into()));
        assert_eq!(waiting.request().map(|request| request.items), Some(2));
        assert_eq!(waiting.request(), None);
    }
}
