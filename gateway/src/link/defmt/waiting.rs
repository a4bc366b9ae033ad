use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use smoltel::Signal;
use smoltel_core::wire::{LEN, Writer, tag};
use smoltel_spool::{Class, Codec, Record};
use tokio::sync::oneshot;

use super::Lost;
use crate::link::Links;
use crate::link::clock::{Repair, now};
use crate::link::devices::Device;
use crate::link::group::{Declarations, Whole, request};
use crate::receive::MERGEABLE;
use crate::signals;

/// The most bytes that wait while others are being stored.
const MOST: usize = 64 << 10;
/// `LogRecord.observed_time_unix_nano`.
const OBSERVED: u32 = 11;
const FIXED64: u32 = 1;

type Storing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Log records that are on their way to the spool, one request at a time.
#[derive(Default)]
pub(crate) struct Waiting {
    records: Vec<Whole>,
    bytes: usize,
    storing: Option<Storing>,
}

impl Waiting {
    /// Takes a log record that a decoder made; it is lost if too many wait.
    pub(crate) fn push(&mut self, mut bytes: Vec<u8>, repair: Repair) -> Result<(), Lost> {
        if self.bytes + bytes.len() > MOST {
            return Err(Lost::Full);
        }
        bytes.push((OBSERVED << 3 | FIXED64) as u8);
        bytes.extend_from_slice(&now().to_le_bytes());
        self.bytes += bytes.len();
        self.records.push(Whole { signal: Signal::Logs, scope: 0, bytes, end: 0, repair });
        Ok(())
    }

    /// Hands what waits to the spool, unless something is under way.
    pub(crate) fn begin(&mut self, links: &Arc<Links>, device: &Arc<Device>, resource: &[u8]) {
        if self.storing.is_some() || self.records.is_empty() {
            return;
        }
        let records = std::mem::take(&mut self.records);
        self.bytes = 0;
        let scopes = BTreeMap::from([(0, scope())]);
        let declared = Declarations { resource: resource.to_vec(), scopes };
        self.storing = Some(Box::pin(store(links.clone(), device.clone(), declared, records)));
    }

    /// What is under way comes to its end without being waited for.
    pub(crate) fn leave(&mut self, links: &Arc<Links>, device: &Arc<Device>, resource: &[u8]) {
        self.storing.take().map(tokio::spawn);
        self.begin(links, device, resource);
        self.storing.take().map(tokio::spawn);
    }

    /// Until what is under way is stored; for ever if nothing is.
    pub(crate) async fn stored(&mut self) {
        match &mut self.storing {
            Some(storing) => {
                storing.await;
                self.storing = None;
            }
            None => std::future::pending().await,
        }
    }
}

/// The fields of `ScopeLogs` in front of the records: a scope called `defmt`.
fn scope() -> Vec<u8> {
    const NAME: &str = "defmt";
    let mut bytes = [0; 16];
    let mut w = Writer::new(&mut bytes);
    // 16 bytes are enough.
    _ = w.put(&[tag(1, LEN) as u8, 2 + NAME.len() as u8, tag(1, LEN) as u8, NAME.len() as u8]);
    _ = w.put(NAME.as_bytes());
    w.written().to_vec()
}

async fn store(links: Arc<Links>, device: Arc<Device>, declared: Declarations, records: Vec<Whole>) {
    let mut refused = 0;
    let Some(request) = request(Signal::Logs, &declared, &records, &mut refused) else { return };
    let items = request.items;
    let record = Record {
        signal: signals::stored(Signal::Logs),
        class: Class::Normal,
        codec: Codec::Identity,
        stream: MERGEABLE,
        items: u32::try_from(items).unwrap_or(u32::MAX),
        origin: None,
        payload: request.body,
    };
    let (done, stored) = oneshot::channel();
    links.spool.append(record, move |result| _ = done.send(result));
    let is_stored = matches!(stored.await, Ok(Ok(_)));
    if is_stored {
        links.ledger.received_requests.add(Signal::Logs, 1);
        links.ledger.received_items.add(Signal::Logs, items);
    }
    let mut state = device.state();
    if is_stored {
        state.items += items;
    } else {
        state.defmt_lost(Lost::Full, items);
    }
    state.defmt_lost(Lost::Malformed, refused);
}
