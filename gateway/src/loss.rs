//! What devices lost before it came here, and what was given up for a destination, told to the destinations as log records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use smoltel_spool::{Loss, Spool};

use crate::link::{Devices, State, shown};
use crate::own::{self, Event, Pace};

/// Of how many losses there may be a report at once.
const MOST: usize = 100;

/// Tells of losses that have grown. Each record has the count so far, so that one that is lost, or comes twice, changes nothing.
pub(crate) struct Losses {
    spool: Spool,
    devices: Arc<Devices>,
    /// What was told of each: whose, and why.
    told: BTreeMap<(String, String), Told>,
}

/// The count that was told last.
#[derive(Clone, Copy, Default)]
struct Told {
    count: u64,
    pace: Pace,
}

impl Losses {
    /// What destinations gave up in earlier runs is known.
    pub(crate) fn new(spool: Spool, devices: Arc<Devices>) -> Self {
        let known = |loss: Lost| (loss.key(), Told { count: loss.count, pace: Pace::default() });
        let told = given_up(&spool).into_iter().map(known).collect();
        Self { spool, devices, told }
    }

    /// Tells for ever.
    pub(crate) async fn watch(mut self) {
        let mut ticks = tokio::time::interval(Pace::SOON);
        loop {
            ticks.tick().await;
            let events = self.news(Instant::now());
            if !events.is_empty() {
                // A spool that is full has more to tell next time.
                self.spool.append(own::request(&events), |_| {});
            }
        }
    }

    fn news(&mut self, now: Instant) -> Vec<Event> {
        let devices = self.devices.all();
        let all =
            devices.iter().flat_map(|(id, state)| of_device(&shown(id), state)).chain(given_up(&self.spool));
        all.filter(|loss| is_news(&mut self.told, loss, now)).take(MOST).map(|loss| loss.event()).collect()
    }
}

/// Whether there is something to tell of a loss, which is then told. A device that was reset counts from the beginning.
fn is_news(told: &mut BTreeMap<(String, String), Told>, loss: &Lost, now: Instant) -> bool {
    let known = told.entry(loss.key()).or_default();
    if loss.count == known.count || !known.pace.due(now) {
        return false;
    }
    known.count = loss.count;
    true
}

/// A loss, counted.
struct Lost {
    whose: &'static str,
    id: String,
    reason: String,
    unit: &'static str,
    count: u64,
}

impl Lost {
    fn key(&self) -> (String, String) {
        (format!("{} {}", self.whose, self.id), self.reason.clone())
    }

    fn event(&self) -> Event {
        let Self { whose, id, reason, unit, count } = self;
        let (name, key, text) = match *whose {
            "device" => (
                "smoltel.device.loss",
                "smoltel.device.id",
                format!("the device {id} lost {count} {unit} so far: {reason}"),
            ),
            _ => (
                "smoltel.destination.loss",
                "smoltel.destination.id",
                format!("{count} {unit} were given up for {id} so far: {reason}"),
            ),
        };
        let attributes = vec![
            (key, id.as_str().into()),
            ("smoltel.loss.reason", reason.as_str().into()),
            ("smoltel.loss.unit", (*unit).into()),
            ("smoltel.loss.count", (*count).into()),
        ];
        Event { time: SystemTime::now(), name, text, attributes }
    }
}

fn of_device(id: &str, state: &State) -> Vec<Lost> {
    let lost = |reason, unit, count| Lost { whose: "device", id: id.to_owned(), reason, unit, count };
    let mut all =
        vec![lost("gap".into(), "bytes", state.gap_bytes), lost("no OTLP".into(), "items", state.refused)];
    all.extend(state.losses.iter().map(|((signal, reason), count)| {
        lost(format!("{}.{reason}", signal.name()), "items", u64::from(*count))
    }));
    all.retain(|loss| loss.count > 0);
    all
}

/// What was turned away the senders still have.
fn given_up(spool: &Spool) -> Vec<Lost> {
    let mut all = Vec::new();
    for destination in spool.stats().destinations {
        for loss in [Loss::Rejected, Loss::Expired, Loss::Lagged, Loss::Evicted] {
            let (id, reason) = (destination.id.clone(), crate::admin::reason(loss).to_owned());
            all.push(Lost {
                whose: "destination",
                id,
                reason,
                unit: "items",
                count: destination.losses.items(loss),
            });
        }
    }
    all.retain(|loss| loss.count > 0);
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_loss_that_goes_on_is_told_ever_less_often_and_one_that_has_ended_at_once() {
        let (mut told, start) = (BTreeMap::new(), Instant::now());
        let mut count = 0;
        let mut tell = |seconds: u64, grows: bool| {
            count += u64::from(grows);
            let loss = Lost { whose: "device", id: "x".into(), reason: "gap".into(), unit: "bytes", count };
            is_news(&mut told, &loss, start + Duration::from_secs(seconds))
        };
        // A report every ten seconds, each of which is lost.
        let reports = (0..8640).filter(|tick| tell(tick * 10, true)).count();
        assert!(reports < 40, "{reports} in a day");
        assert!(tell(100_000, false), "what was not told yet");
        assert!(!tell(110_000, false), "nothing new");
        assert!(tell(110_010, true));
        assert!(!tell(110_011, true) && tell(110_021, false), "but not at once again");
    }
}
