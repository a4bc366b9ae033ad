use crate::otlp::common::{Key, Value, attribute, has_key};
use crate::platform::Platform;
use crate::wire::{Full, Payload, Reader, Writer};

/// A record in its slot while it is written: fields are appended, attributes replaced, and a tail is kept
/// free so that finishing cannot fail.
pub(super) struct Open<P: Platform> {
    slot: P::Buffer,
    len: usize,
    tail: usize,
    attributes: u32,
    signatures: Signatures,
    /// Attributes that found no room, or had an empty key.
    pub(super) dropped: u32,
}

impl<P: Platform> Open<P> {
    /// Opens `slot` for a record whose attributes are field `attributes`, keeping `tail` bytes free.
    /// Gives the slot back when `start` does not fit.
    pub(super) fn new(
        slot: P::Buffer,
        attributes: u32,
        tail: usize,
        start: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<Self, P::Buffer> {
        let mut open = Self { slot, len: 0, tail, attributes, signatures: Signatures::default(), dropped: 0 };
        match open.write(start) {
            Ok(()) => Ok(open),
            Err(Full) => Err(open.slot),
        }
    }

    /// Appends fields, whole or not at all.
    #[inline]
    pub(super) fn write(
        &mut self,
        fields: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let (room, at) = self.room();
        let mut w = Writer::resume(room, at);
        fields(&mut w)?;
        self.len = w.len();
        Ok(())
    }

    /// The bytes that may be written, and where the free ones begin.
    pub(super) fn room(&mut self) -> (&mut [u8], usize) {
        let end = self.slot.len().saturating_sub(self.tail);
        (self.slot.get_mut(..end).unwrap_or_default(), self.len)
    }

    /// Takes over what was written by hand into [`room`](Self::room).
    pub(super) fn set_len(&mut self, len: usize) {
        self.len = len;
    }

    /// Sets an attribute; one of the same key is replaced.
    #[inline]
    pub(super) fn set(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let number = self.attributes;
        let replaced =
            self.signatures.may_have(key.signature()) && self.remove(number, |field| has_key(field, key));
        if key.name().is_empty() || self.write(|w| attribute(w, number, key, value)).is_err() {
            self.dropped = self.dropped.saturating_add(1);
        } else if !replaced {
            self.signatures.add(key.signature());
        }
    }

    /// Removes the first field of that number that `found` accepts.
    #[cold]
    pub(super) fn remove(&mut self, number: u32, found: impl Fn(&[u8]) -> bool) -> bool {
        let Some(written) = self.slot.get(..self.len) else { return false };
        let mut fields = Reader::new(written);
        let mut start = 0;
        while let Some(Ok((field, payload))) = fields.next() {
            let end = self.len - fields.rest().len();
            if let (true, Payload::Len(payload)) = (field == number, payload)
                && found(payload)
            {
                self.slot.copy_within(end..self.len, start);
                self.len -= end - start;
                return true;
            }
            start = end;
        }
        false
    }

    /// Appends the last fields, for which the tail was kept, and gives out the slot and its length.
    #[inline]
    pub(super) fn finish(
        mut self,
        fields: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> (P::Buffer, usize) {
        self.tail = 0;
        let fits = self.write(fields);
        debug_assert_eq!(fits, Ok(()), "the tail is too small");
        (self.slot, self.len)
    }
}

/// One byte for each attribute, to know cheaply that a key is new, which nearly all are.
#[derive(Clone, Copy, Debug, Default)]
struct Signatures {
    first: [u8; Self::KEPT],
    count: u8,
}

impl Signatures {
    const KEPT: usize = 16;

    /// Whether there may be an attribute of that signature.
    #[inline]
    fn may_have(&self, signature: u8) -> bool {
        const ONES: u64 = u64::MAX / 0xFF;
        let count = usize::from(self.count);
        // Whether a byte of a word equals the signature: such a byte becomes zero, and subtracting one
        // from it borrows. A byte above it, or one not used yet, may answer wrongly: that costs a search.
        let in_word = |word: [u8; 8]| {
            let different = u64::from_le_bytes(word) ^ ONES.wrapping_mul(u64::from(signature));
            different.wrapping_sub(ONES) & !different & (ONES << 7) != 0
        };
        let [a, b, c, d, e, f, g, h, rest @ ..] = self.first;
        count > 0 && (in_word([a, b, c, d, e, f, g, h]) || count > 8 && in_word(rest) || count > Self::KEPT)
    }

    #[inline]
    fn add(&mut self, signature: u8) {
        if let Some(byte) = self.first.get_mut(usize::from(self.count)) {
            *byte = signature;
        }
        self.count = self.count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_that_was_added_is_found_and_most_others_are_not() {
        let mut signatures = Signatures::default();
        assert!(!signatures.may_have(0), "nothing is equal to what is not there");
        for n in 1..=16u8 {
            assert!(!signatures.may_have(n * 5));
            signatures.add(n * 5);
            assert!((1..=n).all(|m| signatures.may_have(m * 5)));
        }
        let wrong = (0..=255).filter(|n| (n % 5 != 0 || *n > 80) && signatures.may_have(*n)).count();
        assert!(wrong < 16, "{wrong} others would be searched for");
        signatures.add(3);
        assert!(signatures.may_have(4), "beyond sixteen everything is searched for");
    }
}
