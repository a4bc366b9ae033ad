//! Where a stream's records lie until the gateway has them.

use super::NO_SCOPE;
use crate::batch::{Lane, Part, Source};
use crate::otlp::Signal;
use crate::pipeline::Pipeline;
use crate::platform::Platform;
use crate::ring::{Header, Place, Ring};

/// What a queue holds at some moment.
///
/// ```
/// use smoltel_core::link::Held;
/// assert_eq!(Held::default().len, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Held {
    /// Where its head is.
    pub place: Place,
    /// Bytes of its records, with their heads.
    pub len: usize,
    /// The most of them.
    pub capacity: usize,
}

/// Records that the link sends, first in, first out. Offsets count from the head; a record takes
/// [`Header::LEN`] bytes more than its own.
///
/// A pipeline's lanes are such queues; one in flash may be another.
///
/// ```
/// use smoltel_core::batch::Lane;
/// use smoltel_core::link::Queue;
/// use smoltel_core::Pipeline;
/// static PIPELINE: Pipeline = Pipeline::new(|| 0);
/// let queue: &dyn Queue = &Lane { pipeline: &PIPELINE, number: 0 };
/// assert_eq!(queue.hold().len, 0);
/// ```
pub trait Queue {
    /// What it holds. None of it goes away before the next call of `pin`.
    fn hold(&self) -> Held;
    /// Keeps the first `len` bytes, and lets what is behind them go when room is needed.
    fn pin(&self, len: usize);
    /// The record at `offset`, and the offset behind it.
    fn record(&self, offset: usize) -> Option<(Header, usize)>;
    /// Copies bytes out from `offset` on; less than asked for only at the end.
    fn read(&self, offset: usize, out: &mut [u8]);
    /// The gateway has the first `len` bytes, which end with a record.
    fn release(&self, len: usize);
    /// Keeps the positions' name with the records; 0 forgets it.
    fn set_epoch(&self, epoch: u64);
    /// What it holds has times of a clock that is over.
    fn begin_boot(&self);
}

impl<P: Platform> Queue for Lane<'_, P> {
    fn hold(&self) -> Held {
        let held = self.pipeline.with_lane(self.number, |ring| {
            ring.pin(ring.len());
            Held { place: ring.place(), len: ring.len(), capacity: ring.capacity() }
        });
        held.unwrap_or_default()
    }

    fn pin(&self, len: usize) {
        self.pipeline.with_lane(self.number, |ring| {
            ring.pin(len);
            ring.mark_sent(len.min(ring.len()));
        });
    }

    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        Source::record(self, offset)
    }

    fn read(&self, offset: usize, out: &mut [u8]) {
        Source::read(self, offset, out);
    }

    fn release(&self, len: usize) {
        let mut offset = 0;
        while let Some((header, next)) = Source::record(self, offset).filter(|(_, next)| *next <= len) {
            if let Some(signal) = Signal::from_number(header.kind) {
                self.pipeline.add_processed(signal, header.items.into());
                self.pipeline.add_exported(signal, header.items.into());
            }
            offset = next;
        }
        self.pipeline.with_lane(self.number, |ring| ring.release(offset));
    }

    fn set_epoch(&self, epoch: u64) {
        self.pipeline.with_lane(self.number, |ring| ring.set_epoch(epoch));
    }

    fn begin_boot(&self) {
        self.pipeline.with_lane(self.number, Ring::begin_boot);
    }
}

/// The resource and the scopes, as records that are made when they are read.
pub(super) struct Declarations<'a, P: Platform> {
    pub(super) pipeline: &'a Pipeline<P>,
    pub(super) resource: &'a [u8],
}

impl<P: Platform> Declarations<'_, P> {
    /// The header of the declaration at `index`: the resource is the first.
    fn header(&self, index: u16) -> Option<Header> {
        let (scope, len) = match index.checked_sub(1) {
            None => (NO_SCOPE.into(), self.resource.len()),
            Some(scope) if scope < self.pipeline.scopes().min(NO_SCOPE.into()) => {
                (scope, self.pipeline.with_scope(scope, |scope| scope.fields_len()))
            }
            Some(_) => return None,
        };
        Some(Header { len: u16::try_from(len).unwrap_or(0), scope, kind: 3, items: 0 })
    }

    /// The declaration that `offset` is in: its header and its own offset.
    fn find(&self, offset: usize) -> Option<(Header, usize)> {
        let (mut index, mut at) = (0, 0);
        loop {
            let header = self.header(index)?;
            if offset < at + header.record_len() {
                return Some((header, at));
            }
            (index, at) = (index + 1, at + header.record_len());
        }
    }
}

impl<P: Platform> Queue for Declarations<'_, P> {
    fn hold(&self) -> Held {
        let len = (0..).map_while(|index| self.header(index)).map(|header| header.record_len()).sum();
        Held { place: Place::default(), len, capacity: usize::MAX }
    }

    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        let (header, at) = self.find(offset).filter(|(_, at)| *at == offset)?;
        Some((header, at + header.record_len()))
    }

    fn read(&self, offset: usize, out: &mut [u8]) {
        let Some((header, at)) = self.find(offset) else { return };
        let skip = offset.saturating_sub(at + Header::LEN);
        let mut part = Part { out, skip, len: 0 };
        if header.scope == u16::from(NO_SCOPE) {
            part.bytes(self.resource);
        } else {
            // A part takes all that is given to it.
            let _ = self.pipeline.with_scope(header.scope, |scope| scope.encode_fields(&mut part));
        }
    }

    fn pin(&self, _: usize) {}

    fn release(&self, _: usize) {}

    fn set_epoch(&self, _: u64) {}

    fn begin_boot(&self) {}
}

/// A queue with nothing in it, for a device that has no third one.
pub(super) struct Nothing;

impl Queue for Nothing {
    fn hold(&self) -> Held {
        Held::default()
    }

    fn record(&self, _: usize) -> Option<(Header, usize)> {
        None
    }

    fn read(&self, _: usize, _: &mut [u8]) {}

    fn pin(&self, _: usize) {}

    fn release(&self, _: usize) {}

    fn set_epoch(&self, _: u64) {}

    fn begin_boot(&self) {}
}
