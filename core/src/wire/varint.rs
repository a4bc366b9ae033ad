//! Base-128 variable-length integers.

/// The most bytes a varint takes.
pub const MAX_LEN: usize = 10;

/// Bytes that `value` takes as a varint: 1 to 10.
///
/// ```
/// use smoltel_core::wire::varint;
/// assert_eq!([varint::len(0), varint::len(127), varint::len(128), varint::len(u64::MAX)], [1, 1, 2, 10]);
/// ```
#[cfg_attr(not(target_os = "none"), inline)]
#[cfg_attr(target_os = "none", inline(never))]
pub const fn len(value: u64) -> usize {
    // ceil(significant bits / 7) for 1..=64 bits, without a division.
    let bits = 64 - (value | 1).leading_zeros();
    ((bits * 9 + 64) / 64) as usize
}

/// Encodes `value` at the front of `out` and returns the bytes used.
///
/// ```
/// use smoltel_core::wire::varint;
/// let mut out = [0; varint::MAX_LEN];
/// assert_eq!(varint::encode(300, &mut out), 2);
/// assert_eq!(out[..2], [0xAC, 0x02]);
/// ```
#[cfg_attr(not(target_os = "none"), inline)]
#[cfg_attr(target_os = "none", inline(never))]
pub const fn encode(mut value: u64, out: &mut [u8; MAX_LEN]) -> usize {
    let mut at = 0;
    while value >= 0x80 && at < MAX_LEN - 1 {
        out[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    out[at] = value as u8;
    at + 1
}

/// Decodes the varint at the front of `bytes`: its value and length, or `None` when it is cut short,
/// longer than ten bytes or larger than 64 bits.
///
/// ```
/// use smoltel_core::wire::varint;
/// assert_eq!(varint::decode(&[0xAC, 0x02, 0xFF]), Some((300, 2)));
/// assert_eq!(varint::decode(&[0x80]), None);
/// ```
#[inline]
pub fn decode(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(MAX_LEN) {
        if at == MAX_LEN - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7F) << (7 * at);
        if byte < 0x80 {
            return Some((value, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_boundary_round_trips() {
        for bits in 0..64 {
            for value in [(1u64 << bits) - 1, 1 << bits, (1 << bits) + 1] {
                let mut out = [0; MAX_LEN];
                let n = encode(value, &mut out);
                assert_eq!(n, len(value), "{value}");
                assert_eq!(decode(&out), Some((value, n)));
                assert_eq!(decode(&out[..n - 1]), None, "cut short: {value}");
            }
        }
    }

    #[test]
    fn more_than_64_bits_are_refused() {
        let mut bytes = [0xFF; 11];
        assert_eq!(decode(&bytes), None);
        bytes[9] = 0x02;
        assert_eq!(decode(&bytes), None);
        bytes[9] = 0x01;
        assert_eq!(decode(&bytes), Some((u64::MAX, 10)));
    }
}
