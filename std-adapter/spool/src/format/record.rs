//! The record header.

use super::bytes::{Get, Put};
use super::segment::HEADER_LEN as SEGMENT_HEADER_LEN;
use crate::record::{Class, Codec, Entry, Origin, Signal};
use crate::vfs::{Site, Vfs};

/// A record header's size.
pub(crate) const HEADER_LEN: u32 = 112;
/// Records start at multiples of this.
pub(crate) const ALIGN: u32 = 8;
/// Where a header holds its own offset.
pub(crate) const OFFSET_AT: usize = 52;

/// The part of a header that goes into a payload's tag: all but CRCs and length.
pub(crate) const SEALED: std::ops::Range<usize> = 12..HEADER_LEN as usize;

const KIND_DATA: u8 = 1;
const FLAG_ORIGIN: u8 = 1;
const FLAG_REPORT: u8 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) len: u32,
    pub(crate) payload_crc: u32,
    pub(crate) signal: Signal,
    pub(crate) codec: Codec,
    pub(crate) sequence: u64,
    pub(crate) durable: u64,
    pub(crate) ordinal: u32,
    pub(crate) durable_records: u32,
    pub(crate) items_before: u64,
    pub(crate) items: u32,
    pub(crate) offset: u32,
    pub(crate) stream: u32,
    /// Before codec and cipher; 0: not known.
    pub(crate) plain_len: u32,
    pub(crate) boot_time: u64,
    pub(crate) wall_time: u64,
    pub(crate) origin: Option<Origin>,
    /// It tells of a gap; its own loss is counted and not told, or there would be no end to it on a disk that rots.
    pub(crate) report: bool,
}

/// What an opening has to know of a record: enough to choose it, count it and find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) ordinal: u32,
    pub(crate) sequence: u64,
    pub(crate) boot_time: u64,
    pub(crate) offset: u32,
    pub(crate) len: u32,
    pub(crate) items_before: u64,
    pub(crate) items: u32,
    pub(crate) signal: Signal,
    pub(crate) origin: Option<Origin>,
    pub(crate) report: bool,
}

impl RecordHeader {
    pub(crate) fn outline(&self) -> Outline {
        Outline {
            ordinal: self.ordinal,
            sequence: self.sequence,
            boot_time: self.boot_time,
            offset: self.offset,
            len: self.len,
            items_before: self.items_before,
            items: self.items,
            signal: self.signal,
            origin: self.origin,
            report: self.report,
        }
    }

    pub(crate) fn encode(&self, salt: [u8; 8]) -> Vec<u8> {
        let mut put = Put(Vec::with_capacity(HEADER_LEN as usize));
        put.u32(0).u32(self.len).u32(self.payload_crc);
        let flags = (u8::from(self.origin.is_some()) * FLAG_ORIGIN) | (u8::from(self.report) * FLAG_REPORT);
        put.u8(KIND_DATA).u8(self.signal as u8).u8(self.codec as u8).u8(flags);
        put.u64(self.sequence).u64(self.durable).u32(self.ordinal).u32(self.durable_records);
        put.u64(self.items_before).u32(self.items).u32(self.offset).u32(self.stream).u32(self.plain_len);
        put.u64(self.boot_time).u64(self.wall_time);
        let origin = self.origin.unwrap_or(Origin { device: [0; 16], epoch: 0, sequence: 0 });
        put.bytes(&origin.device).u64(origin.epoch).u64(origin.sequence);
        let crc = salted_crc(salt, &put.0[4..]);
        put.0[..4].copy_from_slice(&crc.to_le_bytes());
        put.0
    }

    /// Reads the header at `offset` of a segment of `segment_size` bytes, if one of this salt is there.
    pub(crate) fn decode(
        bytes: &[u8],
        salt: [u8; 8],
        offset: u32,
        segment_size: u32,
        vfs: &dyn Vfs,
    ) -> Option<RecordHeader> {
        let bytes = bytes.get(..HEADER_LEN as usize)?;
        // Cheap and first: a search tries this at every multiple of 8.
        if bytes[OFFSET_AT..OFFSET_AT + 4] != offset.to_le_bytes() {
            return None;
        }
        let crc = salted_crc(salt, &bytes[4..]).to_le_bytes();
        if !vfs.holds(Site::RecordCrc, bytes[..4] == crc) {
            return None;
        }
        let header = Self::fields(&bytes[4..])?;
        // No more records fit before it.
        let before = (offset - SEGMENT_HEADER_LEN.min(offset)) / HEADER_LEN;
        let end = u64::from(offset) + u64::from(HEADER_LEN) + u64::from(header.len);
        (header.ordinal <= before && end <= u64::from(segment_size - SEGMENT_HEADER_LEN)).then_some(header)
    }

    /// The record that it is about.
    pub(crate) fn entry(&self, class: Class, boot_id: [u8; 16], payload: Vec<u8>) -> Entry {
        Entry {
            sequence: self.sequence,
            signal: self.signal,
            class,
            codec: self.codec,
            plain_len: Some(self.plain_len).filter(|len| *len > 0),
            stream: self.stream,
            items: self.items,
            origin: self.origin,
            boot_id,
            boot_time: self.boot_time,
            wall_time: self.wall_time,
            payload,
        }
    }

    fn fields(bytes: &[u8]) -> Option<RecordHeader> {
        let mut get = Get(bytes);
        let (len, payload_crc, kind) = (get.u32()?, get.u32()?, get.u8()?);
        let (signal, codec) = (Signal::from_byte(get.u8()?)?, Codec::from_byte(get.u8()?)?);
        let flags = get.u8()?;
        if kind != KIND_DATA || flags > FLAG_ORIGIN | FLAG_REPORT {
            return None;
        }
        let (sequence, durable, ordinal, durable_records) = (get.u64()?, get.u64()?, get.u32()?, get.u32()?);
        let (items_before, items, offset, stream, plain_len) =
            (get.u64()?, get.u32()?, get.u32()?, get.u32()?, get.u32()?);
        let (boot_time, wall_time) = (get.u64()?, get.u64()?);
        let origin = Origin { device: get.array()?, epoch: get.u64()?, sequence: get.u64()? };
        let origin = (flags & FLAG_ORIGIN != 0).then_some(origin);
        let header = RecordHeader {
            len,
            payload_crc,
            signal,
            codec,
            sequence,
            durable,
            ordinal,
            durable_records,
            items_before,
            items,
            offset,
            stream,
            plain_len,
            boot_time,
            wall_time,
            origin,
            report: flags & FLAG_REPORT != 0,
        };
        Some(header)
    }
}

pub(crate) fn salted_crc(salt: [u8; 8], bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::StdVfs;

    fn header() -> RecordHeader {
        RecordHeader {
            len: 100,
            payload_crc: 0xdead_beef,
            signal: Signal::Logs,
            codec: Codec::Gzip,
            sequence: 77,
            durable: 70,
            ordinal: 6,
            durable_records: 4,
            items_before: 60,
            items: 10,
            offset: 4096,
            stream: 3,
            plain_len: 700,
            boot_time: 5,
            wall_time: 6,
            origin: Some(Origin { device: [1; 16], epoch: 2, sequence: 3 }),
            report: true,
        }
    }

    #[test]
    fn a_header_comes_back_only_with_its_salt_and_in_its_place() {
        let (vfs, bytes) = (StdVfs::default(), header().encode([5; 8]));
        assert_eq!(bytes.len(), HEADER_LEN as usize);
        assert_eq!(RecordHeader::decode(&bytes, [5; 8], 4096, 8192, &vfs), Some(header()));
        assert_eq!(RecordHeader::decode(&bytes, [6; 8], 4096, 8192, &vfs), None);
        assert_eq!(RecordHeader::decode(&bytes, [5; 8], 4104, 8192, &vfs), None);
        assert_eq!(RecordHeader::decode(&bytes, [5; 8], 4096, 4096, &vfs), None);
    }

    #[test]
    fn no_bit_of_a_header_may_change() {
        let (vfs, mut bytes) = (StdVfs::default(), header().encode([5; 8]));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::decode(&bytes, [5; 8], 4096, 8192, &vfs), None);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
