use std::collections::BTreeMap;
use std::sync::Arc;

use smoltel::Signal;
use smoltel_core::wire::{LEN, Writer, tag};
use smoltel_spool::{Class, Codec, Record};
use tokio::sync::{mpsc, oneshot};

use super::{Frames, Lost};
use crate::link::Links;
use crate::link::clock::{Repair, now};
use crate::link::devices::Device;
use crate::link::group::{Declarations, Whole, request};
use crate::receive::MERGEABLE;
use crate::signals;

/// As many frames wait for their decoder.
const MOST_FRAMES: usize = 256;
/// As many bytes of records go into a request, or as many as there are when no frame waits.
const ENOUGH: usize = 64 << 10;
/// `LogRecord.observed_time_unix_nano`.
const OBSERVED: u32 = 11;
const FIXED64: u32 = 1;

/// The defmt stream of a session: a task of its own makes records of its frames, so that nothing else waits for it. What is in its
/// hands when the session ends is stored.
#[derive(Default)]
pub(crate) struct Stream {
    frames: Frames,
    to: Option<mpsc::Sender<(Vec<u8>, Repair)>>,
}

impl Stream {
    /// Takes bytes at that position of the stream.
    pub(crate) fn take(
        &mut self,
        (position, bytes): (u32, &[u8]),
        repair: Repair,
        links: &Arc<Links>,
        device: &Arc<Device>,
        resource: &[u8],
    ) {
        let to = self.to.get_or_insert_with(|| {
            let (to, from) = mpsc::channel(MOST_FRAMES);
            // Without it the task does not begin, and every frame counts as lost.
            let Ok(held) = links.streams.clone().try_acquire_owned() else { return to };
            let scopes = BTreeMap::from([(0, scope())]);
            let declared = Declarations { resource: resource.to_vec(), scopes };
            let work = Work { links: links.clone(), device: device.clone(), declared };
            tokio::spawn(async move {
                work.run(from).await;
                drop(held);
            });
            to
        });
        let lost = |what, count| device.state().defmt_lost(what, count);
        let frame = |frame| {
            if to.try_send((frame, repair)).is_err() {
                lost(Lost::Full, 1);
            }
        };
        self.frames.take(position, bytes, frame, lost);
    }
}

/// What the task has.
struct Work {
    links: Arc<Links>,
    device: Arc<Device>,
    declared: Declarations,
}

impl Work {
    async fn run(self, mut from: mpsc::Receiver<(Vec<u8>, Repair)>) {
        let build = self.device.state().build;
        let mut records: Vec<Whole> = Vec::new();
        let mut size = 0;
        while let Some((frame, repair)) = from.recv().await {
            match self.links.decoders.decode(build, &frame).await {
                Ok(mut bytes) => {
                    bytes.push((OBSERVED << 3 | FIXED64) as u8);
                    bytes.extend_from_slice(&now().to_le_bytes());
                    size += bytes.len();
                    records.push(Whole { signal: Signal::Logs, scope: 0, bytes, end: 0, repair });
                }
                Err(what) => self.device.state().defmt_lost(what, 1),
            }
            if from.is_empty() || size >= ENOUGH {
                self.store(&std::mem::take(&mut records)).await;
                size = 0;
            }
        }
    }

    async fn store(&self, records: &[Whole]) {
        let mut refused = 0;
        let Some(request) = request(Signal::Logs, &self.declared, records, &mut refused) else { return };
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
        self.links.spool.append(record, move |result| _ = done.send(result));
        let is_stored = matches!(stored.await, Ok(Ok(_)));
        let mut state = self.device.state();
        state.defmt_lost(Lost::Malformed, refused);
        if !is_stored {
            return state.defmt_lost(Lost::Full, items);
        }
        state.items += items;
        self.links.ledger.received_requests.add(Signal::Logs, 1);
        self.links.ledger.received_items.add(Signal::Logs, items);
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
