//! A group of records into the spool, so that each is stored once whatever dies in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use smoltel::Signal;
use smoltel_spool::{AppendError, Class, Codec, Origin, Record};
use tokio::sync::oneshot;

use super::Links;
use super::devices::Device;
use super::group::{Declarations, Request, Whole, request};
use crate::receive::MERGEABLE;
use crate::signals;

/// The lane of crashes, failed spans and warnings.
const KEEP: u8 = 1;
/// How long a spool that takes nothing is left alone.
const AGAIN: Duration = Duration::from_secs(1);

/// Requests that are stored one after the other, and the place in their stream behind them.
pub(super) struct Group {
    pub(super) stream: u8,
    pub(super) end: u64,
    parts: Vec<Record>,
    items: u64,
    pub(super) refused: u64,
}

/// The spool's id for a stream, and for what was stored of the beginning of a group: docs/LINK.md. No two devices have one, even if
/// the id of one is the other's with zeros behind it.
pub(super) fn origin_id(device: &[u8], stream: u8, part: u8) -> [u8; 16] {
    let mut id = [0; 16];
    id.iter_mut().zip(device.iter().take(15)).for_each(|(to, from)| *to = *from);
    id[15] = (device.len().min(15) as u8) << 4 | stream << 2 | part;
    id
}

/// Which part of a group spans, metrics and logs are, when another follows; logs are always the last.
const PARTS: [(Signal, u8); 3] = [(Signal::Traces, 1), (Signal::Metrics, 2), (Signal::Logs, 0)];

impl Group {
    pub(super) fn new(
        device: &Device,
        (stream, epoch): (u8, u64),
        declared: &Declarations,
        records: &[Whole],
    ) -> Option<Self> {
        let end = records.last()?.end;
        let mut refused = 0;
        let made: Vec<(Request, u8)> = PARTS
            .into_iter()
            .filter_map(|(signal, part)| Some((request(signal, declared, records, &mut refused)?, part)))
            .collect();
        let items = made.iter().map(|(request, _)| request.items).sum();
        let last = made.len().saturating_sub(1);
        let parts = made.into_iter().enumerate().map(|(at, (request, part))| Record {
            signal: signals::stored(request.signal),
            class: if stream == KEEP { Class::High } else { Class::Normal },
            codec: Codec::Identity,
            stream: MERGEABLE,
            items: u32::try_from(request.items).unwrap_or(u32::MAX),
            origin: Some(Origin {
                device: origin_id(&device.id, stream, if at == last { 0 } else { part }),
                epoch,
                sequence: end,
            }),
            payload: request.body,
        });
        Some(Self { stream, end, parts: parts.collect(), items, refused })
    }
}

/// Another session of the device has taken over.
#[derive(Debug)]
pub(super) struct Superseded;

/// Stores a group for the session of that number, each part when the one before is durable. It goes on until the spool has
/// taken all.
pub(super) async fn store(
    links: Arc<Links>,
    device: Arc<Device>,
    session: u64,
    group: Group,
) -> Result<Group, Superseded> {
    // Kept by whatever is under way in the spool, should this session end meanwhile.
    let guard = Arc::new(device.storing(group.stream).lock_owned().await);
    for part in &group.parts {
        loop {
            if device.state().sessions != session {
                return Err(Superseded);
            }
            let (done, stored) = oneshot::channel();
            let (held, ledger) = (guard.clone(), links.ledger.clone());
            let (signal, items) = (signals::loaded(part.signal), part.items.into());
            links.spool.append(part.clone(), move |result| {
                if let (Ok(_), Some(signal)) = (&result, signal) {
                    ledger.received_requests.add(signal, 1);
                    ledger.received_items.add(signal, items);
                }
                drop(held);
                _ = done.send(result);
            });
            match stored.await {
                Ok(Ok(_)) => break,
                // Nothing that a device sends is longer than a segment; if it is, it is lost, and that is said.
                Ok(Err(AppendError::TooLarge { .. })) => {
                    device.state().refused += u64::from(part.items);
                    break;
                }
                Ok(Err(AppendError::Closed)) | Err(_) => return Err(Superseded),
                Ok(Err(_)) => {
                    links.ledger.link_waits.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
    let mut state = device.state();
    state.items += group.items;
    state.refused += group.refused;
    drop(state);
    Ok(group)
}

#[cfg(test)]
mod tests {
    use super::origin_id;

    #[test]
    fn each_part_of_each_stream_of_each_device_has_an_id_of_its_own() {
        let devices: [&[u8]; 4] = [b"z", b"z\0", b"z\0\0", b"fifteen bytes!!"];
        let mut ids: Vec<_> =
            devices.iter().flat_map(|device| (0..9).map(|n| origin_id(device, n / 3, n % 3))).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
