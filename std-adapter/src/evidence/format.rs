//! Header, marks and frames of an evidence file: docs/EVIDENCE.md.

/// What runs before everything that is summed.
pub(super) type Salt = [u8; 8];

const MAGIC: [u8; 8] = *b"smolevi\n";
const VERSION: u16 = 1;
/// Where the resource begins.
pub(super) const BODY: usize = 4096;
/// Where the two slots for marks are.
pub(super) const MARKS: [u64; 2] = [64, 128];
/// Bytes of the header, and of each slot.
pub(super) const BLOCK: usize = 64;
const CRC: usize = BLOCK - 4;
pub(super) const MAX_RESOURCE: usize = 1 << 20;
pub(super) const MAX_CARRIED: usize = 16 << 20;
pub(super) const MAX_RING: usize = 64 << 20;

pub(super) fn padded(len: usize) -> usize {
    len.next_multiple_of(8)
}

fn crc(salt: Salt, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt), bytes)
}

fn get<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = value;
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(get(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(get(bytes, at))
}

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) salt: Salt,
    pub(super) resource: usize,
    pub(super) resource_crc: u32,
    pub(super) carried: usize,
    pub(super) ring: usize,
}

/// What a file is that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    /// Empty: a new one.
    Empty,
    /// Ours.
    Evidence(Header),
    /// Ours, and its header cannot be read.
    Damaged,
    /// Of a program that is newer than this one.
    Newer,
    /// Something else.
    Foreign,
}

impl Header {
    pub(super) fn new(salt: Salt, resource: &[u8], carried: usize, ring: usize) -> Self {
        Self { salt, resource: resource.len(), resource_crc: crc(salt, resource), carried, ring }
    }

    pub(super) fn encode(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put(&mut block, 0, MAGIC);
        put(&mut block, 8, VERSION.to_le_bytes());
        put(&mut block, 16, self.salt);
        put(&mut block, 24, (self.resource as u64).to_le_bytes());
        put(&mut block, 32, (self.carried as u64).to_le_bytes());
        put(&mut block, 40, (self.ring as u64).to_le_bytes());
        put(&mut block, 48, self.resource_crc.to_le_bytes());
        let sum = crc32c::crc32c(&block[..CRC]);
        put(&mut block, CRC, sum.to_le_bytes());
        block
    }

    /// What the file that begins with these bytes is.
    pub(super) fn read(file: &[u8]) -> Is {
        if file.is_empty() {
            return Is::Empty;
        }
        if !file.starts_with(&MAGIC) {
            return Is::Foreign;
        }
        let Some(block) = file.first_chunk::<BLOCK>() else { return Is::Damaged };
        if crc32c::crc32c(&block[..CRC]) != u32_at(block, CRC) {
            return Is::Damaged;
        }
        if u16::from_le_bytes(get(block, 8)) != VERSION {
            return Is::Newer;
        }
        let len = |at, most| usize::try_from(u64_at(block, at)).ok().filter(|len| *len <= most);
        let lens = (len(24, MAX_RESOURCE), len(32, MAX_CARRIED), len(40, MAX_RING));
        let (Some(resource), Some(carried), Some(ring)) = lens else { return Is::Damaged };
        let (salt, resource_crc) = (get(block, 16), u32_at(block, 48));
        Is::Evidence(Self { salt, resource, resource_crc, carried, ring })
    }

    /// The resource, nothing if it is damaged.
    pub(super) fn resource<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        let resource = file.get(BODY..BODY + self.resource).unwrap_or_default();
        if crc(self.salt, resource) == self.resource_crc { resource } else { &[] }
    }

    /// Where carried frames begin.
    pub(super) fn carried_at(&self) -> usize {
        BODY + padded(self.resource)
    }

    pub(super) fn ring_at(&self) -> usize {
        self.carried_at() + self.carried
    }
}

/// What need not be sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) number: u64,
    pub(super) released: [u64; 3],
    pub(super) carried: [u64; 3],
}

impl Marks {
    pub(super) fn encode(&self, salt: Salt) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put(&mut block, 0, self.number.to_le_bytes());
        for (at, released) in self.released.iter().enumerate() {
            put(&mut block, 8 + 8 * at, released.to_le_bytes());
        }
        for (at, carried) in self.carried.iter().enumerate() {
            put(&mut block, 32 + 8 * at, carried.to_le_bytes());
        }
        let sum = crc(salt, &block[..CRC]);
        put(&mut block, CRC, sum.to_le_bytes());
        block
    }

    /// The marks that count in a file.
    pub(super) fn read(file: &[u8], salt: Salt) -> Self {
        let slots = MARKS.map(|at| file.get(at as usize..).and_then(|rest| rest.first_chunk::<BLOCK>()));
        let whole =
            slots.into_iter().flatten().filter(|block| crc(salt, &block[..CRC]) == u32_at(&block[..], CRC));
        let marks = whole.map(|block| Self {
            number: u64_at(block, 0),
            released: [8, 16, 24].map(|at| u64_at(block, at)),
            carried: [32, 40, 48].map(|at| u64_at(block, at)),
        });
        marks.max_by_key(|marks| marks.number).unwrap_or_default()
    }
}

/// Bytes of a frame before its body.
const HEAD: usize = 32;
/// What the kind of a carried frame has more.
pub(super) const CARRIED: u8 = 16;

/// A record or a request, and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) sequence: u64,
    pub(super) place: u64,
    pub(super) scope: &'a [u8],
    pub(super) content: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Bytes of a frame, with what fills it up.
    pub(super) fn len(scope: &[u8], content: &[u8]) -> usize {
        padded(HEAD + scope.len() + content.len())
    }

    /// Appends it to `out`.
    pub(super) fn encode(&self, salt: Salt, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; HEAD]);
        out.extend_from_slice(self.scope);
        out.extend_from_slice(self.content);
        let Some((head, body)) = out.get_mut(start..).and_then(|frame| frame.split_at_mut_checked(HEAD))
        else {
            return;
        };
        put(head, 4, crc(salt, body).to_le_bytes());
        put(head, 8, (body.len() as u32).to_le_bytes());
        put(head, 12, (self.scope.len() as u16).to_le_bytes());
        put(head, 14, [self.kind]);
        put(head, 16, self.sequence.to_le_bytes());
        put(head, 24, self.place.to_le_bytes());
        let sum = crc(salt, &head[4..]);
        put(head, 0, sum.to_le_bytes());
        out.resize(start + Self::len(self.scope, self.content), 0);
    }

    /// Bytes of the body of the frame that `bytes` begin with, if its head holds.
    pub(super) fn body_len(bytes: &[u8], salt: Salt) -> Option<usize> {
        let head = bytes.first_chunk::<HEAD>()?;
        let len = u32_at(head, 8) as usize;
        // Most of a file is no head: the sum is looked at last.
        ((1..=bytes.len()).contains(&len) && crc(salt, &head[4..]) == u32_at(head, 0)).then_some(len)
    }

    /// The frame that `bytes` begin with, if there is one.
    pub(super) fn decode(bytes: &'a [u8], salt: Salt) -> Option<Self> {
        let len = Self::body_len(bytes, salt)?;
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let body = rest.get(..len)?;
        let (scope, content) = body.split_at_checked(u16::from_le_bytes(get(head, 12)).into())?;
        let whole = crc(salt, body) == u32_at(head, 4);
        let (kind, sequence, place) = (head[14], u64_at(head, 16), u64_at(head, 24));
        whole.then_some(Self { kind, sequence, place, scope, content })
    }
}
