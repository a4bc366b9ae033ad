use core::fmt;

use super::{FIXED32, FIXED64, LEN, VARINT, varint};

/// Walks the fields of one message in untrusted bytes.
///
/// An iterator of `(field number, payload)`; it ends after the first error. Groups are refused: OTLP
/// has none, and what core reads (answers, its own records) never does.
///
/// ```
/// use smoltel_core::wire::{Payload, Reader};
/// let mut fields = Reader::new(&[0x0A, 1, b'a', 0x10, 5]);
/// assert_eq!(fields.next(), Some(Ok((1, Payload::Len(b"a")))));
/// assert_eq!(fields.next(), Some(Ok((2, Payload::Varint(5)))));
/// assert_eq!(fields.next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// A field's payload, as its wire type says.
///
/// ```
/// use smoltel_core::wire::{Payload, Reader};
/// assert_eq!(Reader::new(&[0x08, 0x96, 0x01]).next(), Some(Ok((1, Payload::Varint(150)))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Payload<'a> {
    /// A varint.
    Varint(u64),
    /// Eight bytes, little-endian.
    Fixed64(u64),
    /// A run of bytes.
    Len(&'a [u8]),
    /// Four bytes, little-endian.
    Fixed32(u32),
}

/// The bytes are no protobuf message; ask the other side to send one.
///
/// ```
/// use smoltel_core::wire::{Malformed, Reader};
/// assert_eq!(Reader::new(&[0x0A, 5, 1]).next(), Some(Err(Malformed)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a protobuf message")
    }
}

impl core::error::Error for Malformed {}

impl<'a> Reader<'a> {
    /// Starts at the front of `message`.
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn varint(&mut self) -> Option<u64> {
        let (value, n) = varint::decode(self.rest)?;
        self.rest = self.rest.get(n..)?;
        Some(value)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*head)
    }

    fn field(&mut self) -> Option<(u32, Payload<'a>)> {
        let key = u32::try_from(self.varint()?).ok()?;
        let number = key >> 3;
        if number == 0 {
            return None;
        }
        let payload = match key & 7 {
            VARINT => Payload::Varint(self.varint()?),
            FIXED64 => Payload::Fixed64(u64::from_le_bytes(self.array()?)),
            FIXED32 => Payload::Fixed32(u32::from_le_bytes(self.array()?)),
            LEN => {
                let len = usize::try_from(self.varint()?).ok()?;
                let (payload, rest) = self.rest.split_at_checked(len)?;
                self.rest = rest;
                Payload::Len(payload)
            }
            _ => return None,
        };
        Some((number, payload))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<(u32, Payload<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field().ok_or(Malformed);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_message_is_an_error_and_then_the_end() {
        let whole = [0x0A, 2, b'a', b'b', 0x15, 1, 0, 0, 0];
        for n in [1, 2, 3, 5, 8] {
            let mut fields = Reader::new(&whole[..n]);
            let last = fields.by_ref().last();
            assert_eq!(last, Some(Err(Malformed)), "cut at {n}");
            assert_eq!(fields.next(), None);
        }
        assert!(Reader::new(&whole).all(|field| field.is_ok()));
    }

    #[test]
    fn field_zero_and_groups_are_refused() {
        for bytes in [&[0x00, 0][..], &[0x0B, 0x0C], &[0x0E], &[0x0F]] {
            assert_eq!(Reader::new(bytes).next(), Some(Err(Malformed)));
        }
    }

    #[test]
    fn every_wire_type_is_read() {
        let bytes = [0x09, 1, 2, 0, 0, 0, 0, 0, 0, 0x15, 3, 4, 0, 0, 0x1A, 1, 5, 0x20, 0x80, 1];
        let payloads = [
            (1, Payload::Fixed64(0x201)),
            (2, Payload::Fixed32(0x403)),
            (3, Payload::Len(&[5])),
            (4, Payload::Varint(128)),
        ];
        assert!(Reader::new(&bytes).eq(payloads.map(Ok)));
    }

    #[test]
    fn an_error_says_what_the_bytes_are_not() {
        assert_eq!(std::string::ToString::to_string(&Malformed), "not a protobuf message");
    }
}
