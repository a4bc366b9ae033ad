//! What several targets make of their input.

/// CRC-32C, bit by bit.
pub fn crc32c(parts: &[&[u8]]) -> u32 {
    let bit = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 };
    !parts
        .iter()
        .copied()
        .flatten()
        .fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc)))
}

/// Up to `n` bytes from the front of `data`.
pub fn take<'a>(data: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (front, rest) = data.split_at(n.min(data.len()));
    *data = rest;
    front
}

/// A number of up to eight bytes from the front of `data`.
pub fn number(data: &mut &[u8], bytes: usize) -> u64 {
    take(data, bytes).iter().rfold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A frame of the device link, plain, that passes its check in the session of that number.
pub fn frame(session: u64, first: u8, body: &[u8]) -> Vec<u8> {
    let mut raw = [&[first], body].concat();
    let check = crc32c(&[&session.to_le_bytes(), &raw]);
    raw.extend(check.to_le_bytes());
    let mut stuffed = cobs::encode_vec(&raw);
    stuffed.push(0);
    stuffed
}
