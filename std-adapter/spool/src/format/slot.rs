//! A slot of CURSOR or MARKS: a header, a body, a CRC.

use super::bytes::{Get, Put};
use super::{Parsed, VERSION};

/// What stands before the body.
pub(crate) const HEADER_LEN: usize = 40;
/// What a slot takes beside its body.
pub(crate) const OVERHEAD: usize = HEADER_LEN + 4;

const LENGTH_AT: usize = 12;

/// A slot that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) uuid: [u8; 16],
    pub(crate) counter: u64,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn encode(magic: &[u8; 8], uuid: [u8; 16], counter: u64, body: &[u8]) -> Vec<u8> {
    let mut put = Put(Vec::with_capacity(body.len() + OVERHEAD));
    put.bytes(magic).u16(VERSION).u16(0).u32((body.len() + OVERHEAD) as u32);
    put.bytes(&uuid).u64(counter).bytes(body);
    let crc = crc32c::crc32c(&put.0);
    put.u32(crc);
    put.0
}

/// The length a slot claims, from its header.
pub(crate) fn length(header: &[u8], magic: &[u8; 8]) -> Option<usize> {
    let length = Get(header.get(LENGTH_AT..)?).u32()? as usize;
    (header.starts_with(magic) && length >= OVERHEAD).then_some(length)
}

/// Decodes a slot from exactly the bytes that [`length`] told. `judge` has the last word on its CRC.
pub(crate) fn decode(bytes: &[u8], magic: &[u8; 8], judge: impl Fn(bool) -> bool) -> Parsed<Slot> {
    if length(bytes, magic) != Some(bytes.len()) {
        return Parsed::Bad;
    }
    let (all, crc) = bytes.split_at(bytes.len() - 4);
    if !judge(crc == crc32c::crc32c(all).to_le_bytes()) {
        return Parsed::Bad;
    }
    let version = u16::from_le_bytes([all[8], all[9]]);
    if version != VERSION {
        return Parsed::Newer(version);
    }
    fields(&all[16..]).map_or(Parsed::Bad, Parsed::Good)
}

fn fields(bytes: &[u8]) -> Option<Slot> {
    let mut get = Get(bytes);
    Some(Slot { uuid: get.array()?, counter: get.u64()?, body: get.0.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_comes_back_and_no_bit_of_it_may_change() {
        let mut bytes = encode(b"smolcur\n", [3; 16], 9, b"body");
        let slot = Slot { uuid: [3; 16], counter: 9, body: b"body".to_vec() };
        assert_eq!(decode(&bytes, b"smolcur\n", |holds| holds), Parsed::Good(slot));
        assert_eq!(decode(&bytes, b"smolmrk\n", |holds| holds), Parsed::Bad);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes, b"smolcur\n", |holds| holds), Parsed::Bad);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
