//! What the spool lost, told to the destinations as a log record.

use std::time::SystemTime;

use smoltel_spool::{Gap, Record};

use crate::own::{self, Event};

/// A request with one log record, `smoltel.gap`.
pub(crate) fn report(gap: &Gap) -> Record {
    let mut attributes =
        vec![("smoltel.gap.requests", gap.records.into()), ("smoltel.gap.items", gap.items.into())];
    if let Some(sequences) = &gap.sequences {
        attributes.push(("smoltel.gap.first_sequence", (*sequences.start()).into()));
        attributes.push(("smoltel.gap.last_sequence", (*sequences.end()).into()));
    }
    let text = format!("the gateway's disk lost {} stored requests with {} items", gap.records, gap.items);
    own::request(&[Event { time: SystemTime::now(), name: "smoltel.gap", text, attributes }])
}
