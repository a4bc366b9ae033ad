use crate::counters::{Counters, Loss};
use crate::id::{IdGenerator, Seed};
use crate::otlp::Signal;
use crate::platform::{Platform, Priority, Table};
#[cfg(feature = "recorder")]
use crate::recorder::{Words, mark::Mark};
use crate::ring::Header;
use crate::time::Offset;

/// Bytes at a slot's end that are the recorder's.
pub(crate) const MARK: usize = if cfg!(feature = "recorder") { 4 } else { 0 };

/// What the first lock protects.
///
/// ```
/// use smoltel_core::platform::Device;
/// use smoltel_core::ring::Ring;
/// use smoltel_core::{Seed, pipeline::Records};
/// let lanes = [Ring::new(&mut [] as &mut [u8]), Ring::new(&mut [])];
/// let nowhere = Records::<Device>::new(lanes, Default::default(), Default::default(), Seed::Unique([1; 16]));
/// # let _ = nowhere;
/// ```
pub struct Records<P: Platform> {
    pub(super) lanes: P::Lanes,
    pub(super) slots: P::Table<P::Buffer>,
    pub(super) scopes: P::Table<P::Scope>,
    pub(super) ids: Option<IdGenerator>,
    pub(super) counters: Counters,
    /// How uptime becomes Unix time, once that is known.
    pub(super) offset: Option<Offset>,
    /// What survives a reset, if something does.
    #[cfg(feature = "recorder")]
    pub(crate) recorder: Option<&'static Words>,
}

impl<P: Platform> Records<P> {
    /// State over that memory. Without slots or lanes everything is counted as lost.
    pub fn new(lanes: P::Lanes, slots: P::Table<P::Buffer>, scopes: P::Table<P::Scope>, seed: Seed) -> Self {
        let ids = Some(IdGenerator::new(seed));
        Self {
            lanes,
            slots,
            scopes,
            ids,
            counters: Counters::ZERO,
            offset: None,
            #[cfg(feature = "recorder")]
            recorder: None,
        }
    }

    /// Takes a slot back, of which nothing matters any more.
    #[cfg_attr(not(feature = "recorder"), expect(unused_mut, reason = "the recorder's mark is in it"))]
    pub(super) fn free(&mut self, mut slot: P::Buffer) {
        #[cfg(feature = "recorder")]
        Mark::Free.write(&mut slot);
        // Cannot be full: the slot came from there, or the platform has room for those it made.
        let _ = self.slots.push(slot);
    }

    /// What the ring is told of the scope of that number.
    fn scope_of_ring(&self, number: u16) -> u16 {
        #[cfg(feature = "recorder")]
        if let Some(words) = self.recorder {
            return words.of_ring(number);
        }
        number
    }

    pub(super) fn ids(&mut self) -> &mut IdGenerator {
        // Only a pipeline that was never initialised gets here without a generator.
        self.ids.get_or_insert_with(|| IdGenerator::new(Seed::Unique([0; 16])))
    }

    /// Counts a record that goes nowhere.
    pub(super) fn lose(&mut self, record: &Stored, reason: Loss) -> (usize, usize) {
        self.counters.add_recorded(record.signal, record.items.into());
        self.counters.add_lost(record.signal, reason, record.items.into());
        (0, 0)
    }

    /// Puts a record into its lane; how full that is then, and its capacity.
    #[inline(always)]
    pub(super) fn store(&mut self, record: &Stored, bytes: &[u8]) -> (usize, usize) {
        self.counters.add_recorded(record.signal, record.items.into());
        if let Err(reason) = self.push(record, bytes) {
            self.counters.add_lost(record.signal, reason, record.items.into());
        }
        self.fill(record)
    }

    /// How full the record's lane is, and its capacity.
    #[inline]
    pub(super) fn fill(&self, record: &Stored) -> (usize, usize) {
        let ring = self.lanes.as_ref().get(P::lane(record.signal, record.priority));
        ring.map_or((0, 0), |ring| (ring.len(), ring.capacity()))
    }

    /// Appends a record to its lane, or says why not.
    pub(super) fn push(&mut self, record: &Stored, bytes: &[u8]) -> Result<(), Loss> {
        let lane = P::lane(record.signal, record.priority);
        let len = u16::try_from(bytes.len()).map_err(|_| Loss::TooLarge)?;
        let scope = self.scope_of_ring(record.scope);
        let header = Header { len, scope, kind: record.signal as u8, items: record.items };
        loop {
            let ring = self.lanes.as_mut().get_mut(lane).ok_or(Loss::Closed)?;
            if ring.push(header, bytes).is_some() {
                return Ok(());
            }
            self.make_room(lane, header)?;
        }
    }

    /// Gives up the oldest record of a lane for one that does not fit, and counts it as lost; or says why not.
    #[cold]
    fn make_room(&mut self, lane: usize, header: Header) -> Result<(), Loss> {
        let ring = self.lanes.as_mut().get_mut(lane).ok_or(Loss::Closed)?;
        match ring.capacity() {
            0 => return Err(Loss::Closed),
            capacity if header.record_len() > capacity => return Err(Loss::TooLarge),
            _ => {}
        }
        let evicted = P::EVICT.then(|| ring.evict()).flatten().ok_or(Loss::Full)?;
        if let Some(signal) = Signal::from_number(evicted.kind) {
            self.counters.add_lost(signal, Loss::Evicted, evicted.items.into());
        }
        Ok(())
    }
}

/// What the ring's header says of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) signal: Signal,
    pub(crate) priority: Priority,
    pub(crate) scope: u16,
    pub(crate) items: u8,
    /// When it was complete.
    pub(crate) time: u64,
}
