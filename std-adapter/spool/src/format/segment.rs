//! The segment header.

use super::bytes::{Get, Put};
use super::{BLOCK, Parsed, VERSION};
use crate::record::Class;
use crate::vfs::{Site, Vfs};

/// A header's size; the second one stands in a segment's last bytes.
pub(crate) const HEADER_LEN: u32 = 128;
/// The smallest and the largest segment size.
pub(crate) const SIZES: std::ops::RangeInclusive<u32> = BLOCK..=64 << 20;

const MAGIC: [u8; 8] = *b"smolseg\n";
const CRC_AT: usize = 124;
const CHACHA20_POLY1305: u8 = 1;

/// The segment of the same class that was filled before this one, as far as it was durable then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) slot: u32,
    pub(crate) generation: u64,
    pub(crate) records: u32,
    pub(crate) items: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) class: Class,
    pub(crate) segment_size: u32,
    pub(crate) uuid: [u8; 16],
    pub(crate) generation: u64,
    pub(crate) salt: [u8; 8],
    pub(crate) first_sequence: u64,
    pub(crate) floor: u64,
    pub(crate) settled: u64,
    pub(crate) boot_id: [u8; 16],
    pub(crate) slot: u32,
    pub(crate) previous: Option<Previous>,
    /// Tells the right key from others; `None`: the payloads are not encrypted.
    pub(crate) key_check: Option<[u8; 4]>,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let none = Previous { slot: u32::MAX, generation: 0, records: 0, items: 0 };
        let previous = self.previous.unwrap_or(none);
        let mut put = Put::default();
        let cipher = self.key_check.map_or(0, |_| CHACHA20_POLY1305);
        put.bytes(&MAGIC).u16(VERSION).u8(self.class as u8).u8(cipher).u32(self.segment_size);
        put.bytes(&self.uuid).u64(self.generation).bytes(&self.salt);
        put.u64(self.first_sequence).u64(self.floor).u64(self.settled).bytes(&self.boot_id);
        put.u32(self.slot).u32(previous.slot).u64(previous.generation).u32(previous.records);
        put.bytes(&self.key_check.unwrap_or_default()).u64(previous.items).u32(0);
        let crc = crc32c::crc32c(&put.0);
        put.u32(crc);
        put.0
    }

    pub(crate) fn decode(bytes: &[u8], vfs: &dyn Vfs) -> Parsed<SegmentHeader> {
        let Some(bytes) = bytes.get(..HEADER_LEN as usize) else { return Parsed::Bad };
        let (body, crc) = bytes.split_at(CRC_AT);
        if !body.starts_with(&MAGIC)
            || !vfs.holds(Site::SegmentCrc, crc == crc32c::crc32c(body).to_le_bytes())
        {
            return Parsed::Bad;
        }
        let version = u16::from_le_bytes([body[8], body[9]]);
        if version != VERSION {
            return Parsed::Newer(version);
        }
        Self::fields(&body[10..]).map_or(Parsed::Bad, Parsed::Good)
    }

    fn fields(bytes: &[u8]) -> Option<SegmentHeader> {
        let mut get = Get(bytes);
        let class = Class::from_byte(get.u8()?)?;
        let cipher = get.u8()?;
        let segment_size = get.u32()?;
        if cipher > CHACHA20_POLY1305 || !segment_size.is_power_of_two() || !SIZES.contains(&segment_size) {
            return None;
        }
        let (uuid, generation, salt) = (get.array()?, get.u64()?, get.array()?);
        let (first_sequence, floor, settled) = (get.u64()?, get.u64()?, get.u64()?);
        let (boot_id, slot) = (get.array()?, get.u32()?);
        let (previous_slot, previous_generation, records) = (get.u32()?, get.u64()?, get.u32()?);
        let key_check = get.array()?;
        let previous =
            Previous { slot: previous_slot, generation: previous_generation, records, items: get.u64()? };
        let previous = (previous_slot != u32::MAX).then_some(previous);
        let header = SegmentHeader {
            class,
            segment_size,
            uuid,
            generation,
            salt,
            first_sequence,
            floor,
            settled,
            boot_id,
            slot,
            previous,
            key_check: (cipher == CHACHA20_POLY1305).then_some(key_check),
        };
        Some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::StdVfs;

    #[test]
    fn a_header_comes_back_and_no_bit_of_it_may_change() {
        let header = SegmentHeader {
            class: Class::High,
            segment_size: 8192,
            uuid: [7; 16],
            generation: 3,
            salt: [9; 8],
            first_sequence: 41,
            floor: 40,
            settled: 39,
            boot_id: [1; 16],
            slot: 5,
            previous: Some(Previous { slot: 4, generation: 2, records: 17, items: 170 }),
            key_check: Some([6; 4]),
        };
        let mut bytes = header.encode();
        assert_eq!(bytes.len(), HEADER_LEN as usize);
        assert_eq!(SegmentHeader::decode(&bytes, &StdVfs::default()), Parsed::Good(header));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bytes, &StdVfs::default()), Parsed::Bad);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
