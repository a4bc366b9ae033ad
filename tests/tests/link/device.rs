//! A device: its end of the link, and a ring that a test fills.

use std::cell::RefCell;
use std::sync::OnceLock;

use smoltel_core::link::{DeviceEnd, Held, Identity, Key, Queue};
use smoltel_core::ring::{Header, Ring};
use smoltel_core::{Pipeline, Seed};

/// A queue of which the test knows what went away unsent.
pub(crate) struct Queued {
    pub(crate) ring: RefCell<Ring<Vec<u8>>>,
    /// The numbers of records that the gateway is said to have.
    pub(crate) released: RefCell<Vec<u64>>,
    pub(crate) evicted: RefCell<Vec<u64>>,
}

impl Queued {
    pub(crate) fn new(capacity: usize) -> Self {
        let ring = RefCell::new(Ring::new(vec![0; capacity]));
        Self { ring, released: RefCell::default(), evicted: RefCell::default() }
    }

    /// Records number `number`, whose bytes tell what it is; the oldest give way, unless they are on their way.
    pub(crate) fn push(&self, number: u64, len: usize) -> bool {
        let record = record(number, len);
        let header = Header { len: len as u16, scope: (number % 3) as u16, kind: 2, items: 1 };
        loop {
            if self.ring.borrow_mut().push(header, &record).is_some() {
                return true;
            }
            let oldest = self.number(0);
            if self.ring.borrow_mut().evict().is_none() {
                return false;
            }
            self.evicted.borrow_mut().extend(oldest);
        }
    }

    fn number(&self, offset: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        self.ring.borrow().record(offset)?;
        self.ring.borrow().read(offset + Header::LEN, &mut bytes);
        Some(u64::from_le_bytes(bytes))
    }

    /// The numbers of all records that are in it.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let offsets: Vec<usize> = self.ring.borrow().records(0).map(|(offset, _)| offset).collect();
        offsets.into_iter().filter_map(|offset| self.number(offset)).collect()
    }
}

/// The bytes of a record: its number, and something that shows if they are mixed up.
pub(crate) fn record(number: u64, len: usize) -> Vec<u8> {
    let fill = (0..len - 8).map(|at| (number as usize * 7 + at) as u8);
    number.to_le_bytes().into_iter().chain(fill).collect()
}

impl Queue for Queued {
    fn hold(&self) -> Held {
        let mut ring = self.ring.borrow_mut();
        let len = ring.len();
        ring.pin(len);
        Held { place: ring.place(), len, capacity: ring.capacity() }
    }

    fn pin(&self, len: usize) {
        self.ring.borrow_mut().pin(len);
    }

    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        self.ring.borrow().record(offset)
    }

    fn read(&self, offset: usize, out: &mut [u8]) {
        self.ring.borrow().read(offset, out);
    }

    fn release(&self, len: usize) {
        let mut left = len;
        while left > 0 {
            let number = self.number(0).expect("a record is released as a whole");
            let record_len = self.ring.borrow().record(0).expect("there is one").1;
            left = left.checked_sub(record_len).expect("a record is released as a whole");
            self.released.borrow_mut().push(number);
            self.ring.borrow_mut().release(record_len);
        }
    }

    fn set_epoch(&self, epoch: u64) {
        self.ring.borrow_mut().set_epoch(epoch);
    }

    fn begin_boot(&self) {
        self.ring.borrow_mut().begin_boot();
    }
}

/// A pipeline with three scopes and nothing in its lanes.
pub(crate) fn pipeline() -> &'static Pipeline {
    static PIPELINE: Pipeline = Pipeline::new(|| 0);
    static READY: OnceLock<()> = OnceLock::new();
    READY.get_or_init(|| {
        PIPELINE.init(vec![0; 256].leak(), vec![[0; 64]; 1].leak(), Seed::Unique([1; 16]));
        for scope in
            ["valve", "pump", "a scope whose name takes more than one of the shortest frames, to be sent"]
        {
            PIPELINE.logger(scope);
        }
    });
    &PIPELINE
}

pub(crate) const ID: &[u8] = b"thermostat-0042";
pub(crate) const RESOURCE: &[u8] =
    b"the resource, which may be of any length and is sent once in each session, in pieces";

pub(crate) fn key() -> Key {
    Key::new([0xA5; 32])
}

/// The end of a device that was just reset.
pub(crate) fn end(nonce: u64, sealed: bool) -> DeviceEnd<'static> {
    let identity = Identity { key: sealed.then(key), ..Identity::new(ID, nonce) };
    DeviceEnd::new(identity, RESOURCE)
}
