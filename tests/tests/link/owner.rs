//! Who owns the gateway's end: it does what docs/LINK.md asks of a gateway, with a disk that a test can look into.

use smoltel_core::link::{Access, DECLARATIONS, Event, GatewayEnd, NO_SCOPE, Piece};
use smoltel_core::ring::Header;

use crate::device::{self, RESOURCE};

type End = GatewayEnd<Box<dyn Fn(&[u8]) -> Access>>;

/// A record as it is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OnDisk {
    pub(crate) stream: u8,
    pub(crate) bytes: Vec<u8>,
}

/// What survives the gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) records: Vec<OnDisk>,
    /// Of each stream: epoch, and the highest position.
    marks: [Option<(u64, u64)>; 4],
}

/// A stream of the present session.
#[derive(Debug, Default)]
struct Stream {
    epoch: u64,
    building: Vec<u8>,
    head: Option<smoltel_core::link::Head>,
    /// Records that are complete and not on the disk, and the position behind each.
    waiting: Vec<(u64, Vec<u8>)>,
}

pub(crate) struct Owner {
    end: End,
    pub(crate) disk: Disk,
    streams: [Stream; 4],
    resource: Option<Vec<u8>>,
    scopes: Vec<u8>,
    /// Where its random numbers are.
    random: u64,
    pub(crate) gap: u64,
    pub(crate) sessions: u32,
    /// The rule that a test breaks on purpose.
    pub(crate) acknowledges_early: bool,
}

impl Owner {
    pub(crate) fn new(sealed: bool, credit: u32, random: u64) -> Self {
        let end = end(sealed, credit);
        let (disk, streams) = (Disk::default(), Default::default());
        let (resource, scopes) = (None, Vec::new());
        Self { end, disk, streams, resource, scopes, random, gap: 0, sessions: 0, acknowledges_early: false }
    }

    /// It dies and starts again: only the disk is left.
    pub(crate) fn restart(&mut self, sealed: bool, credit: u32) {
        let disk = std::mem::take(&mut self.disk);
        let (gap, sessions, early) = (self.gap, self.sessions, self.acknowledges_early);
        *self = Self {
            disk,
            gap,
            sessions,
            acknowledges_early: early,
            ..Self::new(sealed, credit, self.random + 1000)
        };
    }

    fn random(&mut self) -> u64 {
        self.random += 1;
        self.random.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1
    }

    pub(crate) fn receive(&mut self, mut arrived: &[u8]) {
        loop {
            let mut data = None;
            match self.end.receive(&mut arrived) {
                None => return,
                Some(Event::Hello(hello)) => {
                    assert_eq!(hello.id, device::ID);
                    let number = self.random();
                    self.end.welcome(number);
                }
                Some(Event::Begun) => {
                    self.streams = Default::default();
                    (self.resource, self.scopes) = (None, Vec::new());
                    self.sessions += 1;
                }
                Some(Event::Open { stream, place }) => self.open(stream, place.epoch, place.position),
                Some(Event::Data { stream, gap, pieces }) => {
                    self.gap += gap;
                    data = Some((stream, pieces.map(Owned::from).collect::<Vec<_>>()));
                }
                Some(Event::Refused(..) | Event::Status(_) | Event::Channel { .. }) => {}
            }
            for piece in data.iter().flat_map(|(_, pieces)| pieces) {
                self.piece(data.as_ref().map_or(0, |(stream, _)| *stream), piece);
            }
        }
    }

    fn open(&mut self, stream: u8, epoch: u64, head: u64) {
        let at = usize::from(stream);
        let epoch = if epoch == 0 { self.random() } else { epoch };
        let next = match self.disk.marks[at] {
            Some((known, highest)) if known == epoch => highest.max(head),
            _ => head,
        };
        self.streams[at].epoch = epoch;
        self.end.opened(stream, epoch, next);
    }

    fn piece(&mut self, number: u8, piece: &Owned) {
        let stream = &mut self.streams[usize::from(number)];
        if let Some(head) = piece.head {
            stream.building.clear();
            stream.head = Some(head);
        }
        stream.building.extend(&piece.bytes);
        if !piece.last {
            return;
        }
        let head = stream.head.take().expect("a record has a head");
        let bytes = std::mem::take(&mut stream.building);
        assert_eq!(bytes.len(), usize::from(head.len));
        if number == DECLARATIONS {
            assert_eq!(head.kind, 3);
            if head.scope == NO_SCOPE {
                assert_eq!(bytes, RESOURCE);
                self.resource = Some(bytes);
            } else {
                assert_eq!(usize::from(head.scope), self.scopes.len(), "scopes come in order");
                self.scopes.push(head.scope);
            }
            return;
        }
        assert!(self.resource.is_some(), "no record before the resource");
        assert!(head.scope == NO_SCOPE || self.scopes.contains(&head.scope), "nor before its scope");
        stream.waiting.push((piece.end, bytes));
        if self.acknowledges_early {
            self.end.stored(number, piece.end);
        }
    }

    /// What has come is on the disk now, with its origin.
    pub(crate) fn sync(&mut self) {
        for (at, stream) in self.streams.iter_mut().enumerate() {
            for (end, bytes) in stream.waiting.drain(..) {
                self.disk.records.push(OnDisk { stream: at as u8, bytes });
                self.disk.marks[at] = Some((stream.epoch, end));
                self.end.stored(at as u8, end);
            }
        }
    }

    pub(crate) fn transmit(&mut self, out: &mut [u8]) -> Option<usize> {
        self.end.transmit(1_700_000_000_000_000_000, out)
    }
}

struct Owned {
    head: Option<smoltel_core::link::Head>,
    bytes: Vec<u8>,
    last: bool,
    end: u64,
}

impl From<Piece<'_>> for Owned {
    fn from(piece: Piece<'_>) -> Self {
        assert!(piece.head.is_none_or(|_| piece.end >= Header::LEN as u64));
        Self { head: piece.head, bytes: piece.bytes.to_vec(), last: piece.last, end: piece.end }
    }
}

fn end(sealed: bool, credit: u32) -> End {
    let access = move |id: &[u8]| match sealed {
        _ if id != device::ID => Access::Refused,
        true => Access::Sealed(device::key()),
        false => Access::Plain,
    };
    GatewayEnd::new(Box::new(access), credit)
}
