//! The devices that were met, and what is known of each.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use smoltel::Signal;
use smoltel_core::Loss;
use smoltel_core::link::STREAMS;
use smoltel_core::time::Offset;

use super::defmt::Lost;

/// As many as the spool tells the records of.
const MOST: usize = 16_384;
/// How many boots of a stream are remembered: one that survived a reset in a ring is seldom older.
const BOOTS: usize = 4;

/// All of them, by id.
#[derive(Default)]
pub(crate) struct Devices(Mutex<HashMap<Vec<u8>, Arc<Device>>>);

/// One device.
pub(crate) struct Device {
    pub(crate) id: Vec<u8>,
    /// Of each stream: held while something of it is being stored, by whichever session it came.
    storing: [Arc<tokio::sync::Mutex<()>>; STREAMS],
    state: Mutex<State>,
}

/// What is known of it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Numbers its sessions: the last one counts.
    pub(crate) sessions: u64,
    pub(crate) connected: bool,
    pub(crate) sealed: bool,
    pub(crate) build: [u8; 8],
    /// Of each stream that it has opened.
    pub(crate) epochs: BTreeMap<u8, u64>,
    pub(crate) offset: Option<Offset>,
    pub(crate) seen: Instant,
    /// Items stored, and records that were no OTLP.
    pub(crate) items: u64,
    pub(crate) refused: u64,
    /// Bytes of records that gave way before they were sent.
    pub(crate) gap_bytes: u64,
    /// What of its defmt stream was lost.
    pub(crate) defmt: BTreeMap<Lost, u64>,
    /// Since its boot.
    pub(crate) losses: BTreeMap<(Signal, &'static str), u32>,
    /// Frames that arrived damaged.
    pub(crate) bad: u64,
    /// Of each stream and epoch: from which position on which offset holds.
    boots: Vec<(u8, u64, u64, Offset)>,
}

impl Devices {
    /// The device of that id. Of too many, the one that was silent for longest is forgotten.
    pub(super) fn get(&self, id: &[u8]) -> Arc<Device> {
        let mut all = self.lock();
        if let Some(device) = all.get(id) {
            return device.clone();
        }
        if all.len() >= MOST {
            let silent = all.values().filter(|device| !device.state().connected);
            let oldest = silent.min_by_key(|device| device.state().seen).map(|device| device.id.clone());
            oldest.and_then(|id| all.remove(&id));
        }
        all.entry(id.to_vec()).or_insert_with(|| Arc::new(Device::new(id))).clone()
    }

    /// Everything that is known, in the order of their ids.
    pub(crate) fn all(&self) -> BTreeMap<Vec<u8>, State> {
        self.lock().iter().map(|(id, device)| (id.clone(), device.state().clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Arc<Device>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device {
    fn new(id: &[u8]) -> Self {
        let state = State {
            sessions: 0,
            connected: false,
            sealed: false,
            build: [0; 8],
            epochs: BTreeMap::new(),
            offset: None,
            seen: Instant::now(),
            items: 0,
            refused: 0,
            gap_bytes: 0,
            defmt: BTreeMap::new(),
            losses: BTreeMap::new(),
            bad: 0,
            boots: Vec::new(),
        };
        Self { id: id.to_vec(), storing: Default::default(), state: Mutex::new(state) }
    }

    /// Nothing of that stream is being stored while this is locked.
    pub(super) fn storing(&self, stream: u8) -> Arc<tokio::sync::Mutex<()>> {
        self.storing[usize::from(stream) % STREAMS].clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// From that position of a stream on, that offset holds.
    pub(super) fn remember(&mut self, stream: u8, epoch: u64, boot: u64, offset: Offset) {
        self.boots.retain(|known| (known.0, known.1, known.2) != (stream, epoch, boot));
        if self.boots.iter().filter(|known| known.0 == stream).count() >= BOOTS
            && let Some(oldest) = self.boots.iter().position(|known| known.0 == stream)
        {
            self.boots.remove(oldest);
        }
        self.boots.push((stream, epoch, boot, offset));
    }

    /// The offset of the boot that began there, if it was met.
    pub(super) fn recall(&self, stream: u8, epoch: u64, boot: u64) -> Option<Offset> {
        let found = self.boots.iter().find(|known| (known.0, known.1, known.2) == (stream, epoch, boot));
        found.map(|known| known.3)
    }

    pub(super) fn defmt_lost(&mut self, what: Lost, count: u64) {
        if count > 0 {
            *self.defmt.entry(what).or_default() += count;
        }
    }

    pub(super) fn lost(&mut self, signal: Signal, reason: Loss, count: u32) {
        self.losses.insert((signal, reason.name()), count);
    }
}

/// An id as people write it: as text, or in hexadecimal.
pub(crate) fn shown(id: &[u8]) -> String {
    match std::str::from_utf8(id) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => text.to_owned(),
        _ => id.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
