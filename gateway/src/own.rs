//! What the gateway itself has to tell, as log records among those of its senders.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use smoltel_proto::{from_json, table};
use smoltel_spool::{Class, Codec, Record, Signal};

use crate::receive::MERGEABLE;

/// Something that the other side should know of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) time: SystemTime,
    /// Empty for a line of the log.
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) attributes: Vec<(&'static str, Value)>,
}

/// A request with these events as warnings.
pub(crate) fn request(events: &[Event]) -> Record {
    let logs: Vec<_> = events.iter().map(record).collect();
    let service = json!([{ "key": "service.name", "value": { "stringValue": "smoltel-gateway" } }]);
    let scope = json!({ "name": "smoltel-gateway", "version": env!("CARGO_PKG_VERSION") });
    let json = json!({ "resourceLogs": [{
        "resource": { "attributes": service },
        "scopeLogs": [{ "scope": scope, "logRecords": logs }],
    }] });
    let mut payload = Vec::new();
    // It is a request by how it was made; an empty one is one too.
    _ = from_json(&table::EXPORT_LOGS_SERVICE_REQUEST, json.to_string().as_bytes(), &mut payload);
    let items = u32::try_from(events.len()).unwrap_or(u32::MAX);
    let (signal, class, codec) = (Signal::Logs, Class::High, Codec::Identity);
    Record { signal, class, codec, stream: MERGEABLE, items, origin: None, payload }
}

fn record(event: &Event) -> Value {
    let time = event.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_string();
    let attribute = |(key, value): &(&str, Value)| {
        let value = match value {
            Value::String(text) => json!({ "stringValue": text }),
            number => json!({ "intValue": number.to_string() }),
        };
        json!({ "key": key, "value": value })
    };
    json!({
        "timeUnixNano": time, "observedTimeUnixNano": time,
        "severityNumber": 13, "severityText": "WARN", "eventName": event.name,
        "body": { "stringValue": event.text },
        "attributes": event.attributes.iter().map(attribute).collect::<Vec<_>>(),
    })
}

/// When to tell of what goes on: ever less often. It may be that of the reports themselves, which a destination refuses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace(Option<(Instant, Duration)>);

impl Pace {
    /// After the first report, and when it has been quiet for long.
    pub(crate) const SOON: Duration = Duration::from_secs(10);
    const SELDOM: Duration = Duration::from_secs(3600);

    /// Whether it is time; then it is told.
    pub(crate) fn due(&mut self, now: Instant) -> bool {
        let wait = match self.0 {
            Some((told, wait)) if now < told + wait => return false,
            Some((told, wait)) if now < told + wait * 2 => (wait * 2).min(Self::SELDOM),
            _ => Self::SOON,
        };
        self.0 = Some((now, wait));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it is told in an hour, when there is something at each of these seconds.
    fn told(pace: &mut Pace, seconds: impl Iterator<Item = u64>) -> usize {
        let start = Instant::now();
        seconds.filter(|second| pace.due(start + Duration::from_secs(*second))).count()
    }

    #[test]
    fn what_goes_on_is_told_ever_less_often() {
        assert_eq!(told(&mut Pace::default(), 0..3600), 9);
        assert!(told(&mut Pace::default(), 0..86_400) < 40);
        assert_eq!(told(&mut Pace::default(), (0..3600).step_by(300)), 12, "each is another one");
    }

    /// Each report is refused, which makes the next.
    #[test]
    fn a_report_that_makes_trouble_makes_one_more_at_the_most() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let (mut told, mut trouble) = (0, Some(start));
        while let Some(now) = trouble.take() {
            if pace.due(now) {
                told += 1;
                trouble = Some(now + Duration::from_secs(2));
            }
        }
        assert_eq!(told, 1);
    }
}
