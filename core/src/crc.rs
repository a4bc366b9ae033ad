//! CRC-32C (Castagnoli), in pieces.

const POLYNOMIAL: u32 = 0x82F6_3B78;
/// By half a byte: 64 bytes of program memory.
const TABLE: [u32; 16] = {
    let (mut table, mut i) = ([0; 16], 0);
    while i < table.len() {
        let (mut crc, mut bit) = (i as u32, 0);
        while bit < 4 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// The check of the bytes so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc(u32);

impl Crc {
    /// Of no bytes.
    pub(crate) const fn new() -> Self {
        Self(u32::MAX)
    }

    /// With these behind them.
    pub(crate) fn add(self, bytes: &[u8]) -> Self {
        let step = |crc: u32| crc >> 4 ^ TABLE[(crc & 15) as usize];
        Self(bytes.iter().fold(self.0, |crc, &byte| step(step(crc ^ u32::from(byte)))))
    }

    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_castagnolis_in_pieces_of_any_size() {
        assert_eq!(Crc::new().add(b"123456789").value(), 0xE306_9283);
        assert_eq!(Crc::new().add(b"1234").add(b"").add(b"56789").value(), 0xE306_9283);
    }
}
