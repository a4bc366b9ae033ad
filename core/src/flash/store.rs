//! The queue as the link's third one, and what goes into it from the rings.

use core::cell::RefCell;

use embedded_storage::nor_flash::NorFlash;

use super::{FlashQueue, Progress, Refused};
use crate::batch::{Lane, Source};
use crate::counters::Loss;
use crate::link::{Held, NO_SCOPE, Queue};
use crate::otlp::Signal;
use crate::pipeline::Pipeline;
use crate::platform::Platform;
use crate::ring::{Header, Place};

/// A [`FlashQueue`] beside the pipeline whose records it keeps: what
/// [`DeviceEnd::transmit_with`](crate::link::DeviceEnd::transmit_with) takes as a third queue.
///
/// An error of the flash is as if there were nothing: the link comes back to it.
///
/// ```
/// use embedded_storage::nor_flash::NorFlash;
/// use smoltel_core::Pipeline;
/// use smoltel_core::flash::Store;
/// use smoltel_core::link::DeviceEnd;
///
/// /// The part of a main loop that keeps what the ring has no room for, while there is no gateway.
/// fn turn<F: NorFlash>(now: u64, link: &mut DeviceEnd<'_>, store: &Store<'_, F>, tx: &mut [u8], motor_turns: bool) -> usize {
///     if !link.is_up() {
///         store.spill(1024); // the last 1024 bytes stay in the ring
///     }
///     store.poll(|| !motor_turns);
///     link.transmit_with(now, store.pipeline(), store, tx).unwrap_or(0)
/// }
/// ```
#[derive(Debug)]
pub struct Store<'a, F, P: Platform = crate::platform::Device> {
    queue: RefCell<FlashQueue<F>>,
    pipeline: &'a Pipeline<P>,
}

impl<'a, F: NorFlash, P: Platform> Store<'a, F, P> {
    /// A store of that pipeline's records.
    pub const fn new(queue: FlashQueue<F>, pipeline: &'a Pipeline<P>) -> Self {
        Self { queue: RefCell::new(queue), pipeline }
    }

    /// The pipeline.
    pub const fn pipeline(&self) -> &'a Pipeline<P> {
        self.pipeline
    }

    /// Works on the queue; `None` if that is being done already.
    pub fn with<R>(&self, f: impl FnOnce(&mut FlashQueue<F>) -> R) -> Option<R> {
        self.queue.try_borrow_mut().ok().map(|mut queue| f(&mut queue))
    }

    /// [`FlashQueue::poll`], and what was lost is counted in the pipeline. `None` if the flash failed: it is tried
    /// again with the next call.
    pub fn poll(&self, may_erase: impl FnOnce() -> bool) -> Option<Progress> {
        self.with(|queue| {
            let progress = queue.poll(may_erase);
            queue.take_losses(|signal, reason, items| self.pipeline.add_lost(signal, reason, items));
            progress.ok()
        })
        .flatten()
    }

    /// Moves the oldest record of a ring that holds more than `keep` bytes, or half of what it has room for, into flash: the
    /// less important first. Whether it did; if not, nothing is too full, or [`poll`](Self::poll) has to make room.
    ///
    /// Call it while the link is down. What was sent and not acknowledged stays in the ring: the gateway may have it, and knows it by its
    /// place there. It gives way to newer records, and is counted, if the link does not come back before the ring is full.
    pub fn spill(&self, keep: usize) -> bool {
        (0..2).any(|number| self.spill_lane(&Lane { pipeline: self.pipeline, number }, keep).unwrap_or(false))
    }

    fn spill_lane(&self, lane: &Lane<'_, P>, keep: usize) -> Option<bool> {
        // Pinned, so that what is copied is not pushed out meanwhile.
        lane.pipeline.with_lane(lane.number, |ring| {
            let full = ring.len() > keep.min(ring.capacity() / 2);
            let (_, next) = ring.record(0).filter(|_| full && ring.is_unsent())?;
            ring.pin(next);
            Some(())
        })??;
        let (header, _) = Source::record(lane, 0)?;
        let scope = lane.scope(header.scope, |scope| scope.signature());
        let read = |at, out: &mut [u8]| _ = Source::read(lane, Header::LEN + at, out);
        let gone = match self.with(|queue| queue.append(header, scope, read))? {
            Ok(()) => true,
            Err(Refused::TooLarge) => {
                if let Some(signal) = Signal::from_number(header.kind) {
                    lane.pipeline.add_lost(signal, Loss::TooLarge, header.items.into());
                }
                true
            }
            Err(Refused::NoRoom | Refused::Flash(_)) => false,
        };
        lane.pipeline.with_lane(lane.number, |ring| {
            if gone {
                ring.release(header.record_len());
            }
            ring.pin(0);
        });
        Some(gone)
    }

    /// The number of the scope of that signature; that of none if it is not declared.
    fn scope(&self, signature: u32) -> u16 {
        let mut numbers = 0..self.pipeline.scopes().min(NO_SCOPE.into());
        let found = numbers.find(|n| self.pipeline.with_scope(*n, |scope| scope.signature()) == signature);
        found.unwrap_or(u16::MAX)
    }
}

impl<F: NorFlash, P: Platform> Queue for Store<'_, F, P> {
    fn hold(&self) -> Held {
        let held = self.with(|queue| {
            let len = queue.readable();
            queue.pin(len);
            let (epoch, position, boot) = (queue.epoch(), queue.position(), queue.boot());
            let place = Place { epoch, position, boot, before: boot };
            Held { place, len: usize::try_from(len).unwrap_or(usize::MAX), capacity: usize::MAX }
        });
        held.unwrap_or_default()
    }

    fn pin(&self, len: usize) {
        self.with(|queue| queue.pin(len as u64));
    }

    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        let found = self.with(|queue| queue.record(offset as u64, |signature| self.scope(signature)));
        let (header, next) = found?.ok()??;
        Some((header, usize::try_from(next).ok()?))
    }

    fn read(&self, offset: usize, out: &mut [u8]) {
        self.with(|queue| queue.read(offset as u64, out));
    }

    fn release(&self, len: usize) {
        let mut offset = 0;
        while let Some((header, next)) = Queue::record(self, offset).filter(|(_, next)| *next <= len) {
            // What was recorded by an earlier boot is not among what this one counts.
            let of_this_boot = self.with(|queue| queue.position() + offset as u64 >= queue.boot());
            if let (Some(true), Some(signal)) = (of_this_boot, Signal::from_number(header.kind)) {
                self.pipeline.add_processed(signal, header.items.into());
                self.pipeline.add_exported(signal, header.items.into());
            }
            offset = next;
        }
        self.with(|queue| queue.release(offset as u64));
    }

    fn set_epoch(&self, epoch: u64) {
        self.with(|queue| queue.set_epoch(epoch));
    }

    fn begin_boot(&self) {
        self.with(FlashQueue::begin_boot);
    }
}
