//! A device with a queue in flash, a gateway that keeps to docs/LINK.md, and what both know of each record.

use std::collections::{BTreeMap, BTreeSet};

use smoltel_core::flash::{FlashQueue, Progress, Refused, Unknown};
use smoltel_core::ring::Header;

use super::nor::{Nor, PowerCut};

/// What a device forgets when power fails is in its queue; what is here is the truth.
#[derive(Debug, Default)]
pub(crate) struct World {
    next: u32,
    /// `append` has returned for these.
    pub(crate) promised: BTreeSet<u32>,
    /// The gateway has these, in this order.
    pub(crate) arrived: Vec<u32>,
    /// Which record each position named, and how far the gateway is, by epoch.
    named: BTreeMap<(u64, u64), u32>,
    durable: BTreeMap<u64, u64>,
    epochs: u64,
    /// Items that were lost, by what the queue said.
    pub(crate) lost: u64,
}

/// What a device may do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Records that many.
    Append(u8),
    /// The link takes that many.
    Send(u8),
    /// Polls until there is nothing to do.
    Settle,
}

type Queue<const W: usize> = FlashQueue<Nor<W>>;
pub(crate) type Cut = Result<(), PowerCut>;

/// The bytes of record `id`: none is like another, and lengths differ.
fn record(id: u32) -> Vec<u8> {
    let len = 4 + (id as usize * 37) % 120;
    id.to_le_bytes()
        .iter()
        .copied()
        .cycle()
        .enumerate()
        .map(|(i, byte)| byte ^ (i / 4) as u8)
        .take(len)
        .collect()
}

impl World {
    pub(crate) fn take<const W: usize>(&mut self, queue: &mut Queue<W>, step: Step) -> Cut {
        match step {
            Step::Append(n) => (0..n).try_for_each(|_| self.append(queue)),
            Step::Send(n) => self.send(queue, n.into()),
            Step::Settle => self.settle(queue),
        }
    }

    /// Appends a record, and polls if there is no room.
    pub(crate) fn append<const W: usize>(&mut self, queue: &mut Queue<W>) -> Cut {
        let (id, bytes) = (self.next, record(self.next));
        self.next += 1;
        let header = Header { len: bytes.len() as u16, scope: 0, kind: (id % 3) as u8, items: 1 };
        loop {
            match queue.append(header, id ^ 0xABCD, |at, out| out.copy_from_slice(&bytes[at..at + out.len()]))
            {
                Ok(()) => break,
                Err(Refused::Flash(cut)) => return Err(cut),
                Err(Refused::TooLarge) => panic!("{} bytes fit", bytes.len()),
                Err(Refused::NoRoom) => match queue.poll(|| true)? {
                    Progress::Idle | Progress::Waiting => panic!("no room is made: {queue:?}"),
                    _ => {}
                },
            }
        }
        self.promised.insert(id);
        Ok(())
    }

    /// Polls until there is nothing to do.
    pub(crate) fn settle<const W: usize>(&mut self, queue: &mut Queue<W>) -> Cut {
        for _ in 0..200 {
            let before = queue.flash_mut().erases;
            let progress = queue.poll(|| true)?;
            assert!(queue.flash_mut().erases <= before + 1, "more than one erase in a poll");
            if matches!(progress, Progress::Idle | Progress::Waiting) {
                queue.take_losses(|_, _, items| self.lost += items);
                return Ok(());
            }
        }
        panic!("it never ends: {queue:?}")
    }

    /// A session's beginning: the gateway says where it is, by the epoch.
    pub(crate) fn open<const W: usize>(&mut self, queue: &mut Queue<W>) -> Cut {
        if queue.readable() == 0 {
            return Ok(());
        }
        if queue.epoch() == 0 {
            self.epochs += 1;
            queue.set_epoch(self.epochs)?;
        }
        let next = *self.durable.entry(queue.epoch()).or_insert(queue.position());
        if next > queue.position() {
            let len = next - queue.position();
            assert!(len <= queue.len(), "the gateway is beyond the end");
            queue.release(len)?;
        }
        Ok(())
    }

    /// Sends up to `count` records; the gateway stores them; the device releases them.
    pub(crate) fn send<const W: usize>(&mut self, queue: &mut Queue<W>, count: usize) -> Cut {
        self.open(queue)?;
        let mut offset = 0;
        for _ in 0..count {
            let Some((id, next)) = look(queue, offset)? else { break };
            let (epoch, position) = (queue.epoch(), queue.position() + offset);
            let named = *self.named.entry((epoch, position)).or_insert(id);
            assert_eq!(named, id, "epoch {epoch} position {position} named another record before");
            let durable = self.durable.entry(epoch).or_insert(0);
            if position >= *durable {
                self.arrived.push(id);
                *durable = queue.position() + next;
            }
            offset = next;
        }
        queue.release(offset)
    }

    /// Everything that can still be had arrives.
    pub(crate) fn drain<const W: usize>(&mut self, queue: &mut Queue<W>) -> Cut {
        for _ in 0..1000 {
            self.settle(queue)?;
            if queue.is_empty() {
                return Ok(());
            }
            self.send(queue, 3)?;
        }
        panic!("it cannot be drained: {queue:?}")
    }

    /// Nothing came twice, nothing was made up, and the order is kept.
    pub(crate) fn check_arrived(&self) {
        assert!(self.arrived.is_sorted_by(|a, b| a < b), "twice or out of order: {:?}", self.arrived);
    }

    /// Promised records that did not arrive.
    pub(crate) fn missing(&self) -> Vec<u32> {
        let arrived: BTreeSet<u32> = self.arrived.iter().copied().collect();
        self.promised.difference(&arrived).copied().collect()
    }
}

/// The record at `offset`, whole, and the offset behind it.
pub(crate) fn look<const W: usize>(
    queue: &mut Queue<W>,
    offset: u64,
) -> Result<Option<(u32, u64)>, PowerCut> {
    let mut scope = 0;
    let found = queue.record(offset, |signature| {
        scope = signature;
        0
    })?;
    let Some((header, next)) = found else { return Ok(None) };
    let mut bytes = vec![0; header.len.into()];
    let half = bytes.len() / 2;
    let (front, back) = bytes.split_at_mut(half);
    assert_eq!(queue.read(offset + 5, front)?, front.len());
    assert_eq!(queue.read(offset + 5 + half as u64, back)?, back.len());
    let id = scope ^ 0xABCD;
    assert_eq!(bytes, record(id), "record {id} was damaged");
    assert_eq!(u32::from(header.kind), id % 3);
    Ok(Some((id, next)))
}

pub(crate) fn open<const W: usize>(flash: Nor<W>) -> Queue<W> {
    FlashQueue::open(flash, Unknown::Refuse).map_err(|(error, _)| error).expect("a flash of ours opens")
}
