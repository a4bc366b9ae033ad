//! One stored record, wherever it lies: reading it back.

use std::io;
use std::sync::Arc;

use crate::cipher::SegmentKey;
use crate::format::record::{HEADER_LEN, Outline, RecordHeader, SEALED};
use crate::format::segment::SegmentHeader;
use crate::record::{Class, Entry};
use crate::vfs::{Site, Vfs, VfsFile, read_full};

/// Where a record lies, and what tells that it still does.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    pub(crate) slot: u32,
    pub(crate) class: Class,
    pub(crate) salt: [u8; 8],
    pub(crate) key: Option<Arc<SegmentKey>>,
    pub(crate) boot_id: [u8; 16],
    pub(crate) offset: u32,
    pub(crate) len: u32,
    pub(crate) sequence: u64,
}

impl Location {
    /// Of a record of a segment; the key is needed where its payload is to be decrypted.
    pub(crate) fn of(segment: &SegmentHeader, record: &Outline, key: Option<Arc<SegmentKey>>) -> Location {
        Location {
            slot: segment.slot,
            class: segment.class,
            salt: segment.salt,
            key,
            boot_id: segment.boot_id,
            offset: record.offset,
            len: record.len,
            sequence: record.sequence,
        }
    }

    /// Reads it, in a file with segments of `size` bytes. `None`: what is there now is not it, or not whole.
    pub(crate) fn read(&self, vfs: &dyn Vfs, file: &dyn VfsFile, size: u32) -> io::Result<Option<Entry>> {
        let mut bytes = vec![0; HEADER_LEN as usize + self.len as usize];
        let base = u64::from(self.slot) * u64::from(size);
        read_full(file, Site::PayloadRead, &mut bytes, base + u64::from(self.offset))?;
        Ok(self.decode(bytes, vfs, size))
    }

    pub(crate) fn decode(&self, mut bytes: Vec<u8>, vfs: &dyn Vfs, size: u32) -> Option<Entry> {
        let header = RecordHeader::decode(&bytes, self.salt, self.offset, size, vfs)?;
        let mut payload = bytes.split_off(HEADER_LEN as usize);
        let same = header.len == self.len && header.sequence == self.sequence;
        if !same || !vfs.holds(Site::PayloadCrc, crc32c::crc32c(&payload) == header.payload_crc) {
            return None;
        }
        if self.key.as_ref().is_some_and(|key| !key.open(self.offset, &bytes[SEALED], &mut payload)) {
            return None;
        }
        Some(header.entry(self.class, self.boot_id, payload))
    }
}
