use crate::limits::AttributeLimits;
use crate::otlp::common::{Key, Value, attribute_within, has_key, short};
use crate::pipeline::MARK;
use crate::platform::Platform;
#[cfg(feature = "recorder")]
use crate::recorder::mark::Mark;
use crate::wire::{Full, LEN, Payload, Reader, SHORT, SMALL, Writer, slide, tag};

/// No more bytes are kept free at the end of any record.
const TAIL: usize = 40 + MARK;

/// A record in its slot while it is written: fields are appended, attributes replaced, and a tail is kept
/// free so that finishing cannot fail.
pub(super) struct Open<P: Platform> {
    slot: P::Buffer,
    len: usize,
    /// Where the tail begins.
    end: usize,
    /// The number of the attributes' field, and its tag, which is one byte.
    attributes: u32,
    tag: u8,
    signatures: Signatures,
    limits: AttributeLimits,
    /// The scope of a span that a reset is to leave.
    #[cfg(feature = "recorder")]
    marked: Option<u8>,
    /// How many attributes there may still be.
    left: u16,
    /// Attributes that found no room, went over the limit or had an empty key.
    pub(super) dropped: u32,
}

impl<P: Platform> Open<P> {
    /// Opens `slot` for a record whose attributes are field `attributes`, keeping `tail` bytes free.
    /// Gives the slot back when `start` does not fit.
    #[inline]
    pub(super) fn new(
        mut slot: P::Buffer,
        (attributes, limits): (u32, AttributeLimits),
        tail: usize,
        start: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<Self, P::Buffer> {
        debug_assert!(tail + MARK <= TAIL, "short attributes leave too little for the end");
        let end = slot.len().saturating_sub(tail + MARK);
        let mut w = Writer::new(slot.get_mut(..end).unwrap_or_default());
        let written = start(&mut w);
        let len = w.len();
        if written.is_err() {
            return Err(slot);
        }
        // What only some attributes may go through is decided for each.
        let quick = limits.count > 0 && limits.value_len >= SHORT as u32;
        Ok(Self {
            slot,
            len,
            end,
            attributes,
            tag: tag(attributes, LEN) as u8,
            signatures: Signatures([if quick { 0 } else { u32::MAX }; 8]),
            limits,
            #[cfg(feature = "recorder")]
            marked: None,
            left: limits.count,
            dropped: 0,
        })
    }

    /// Takes no more attributes.
    pub(super) fn close(&mut self) {
        (self.left, self.signatures) = (0, Signatures::ALL);
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
        self.mark(self.len);
        Ok(())
    }

    /// From now on a reset leaves what was written. `scope` is the span's.
    #[cfg(feature = "recorder")]
    pub(super) fn survive(&mut self, scope: u16) {
        self.marked = Some(u8::try_from(scope).unwrap_or(u8::MAX));
        self.mark(self.len);
    }

    /// Tells a reset that the first `len` bytes are whole fields.
    #[inline(always)]
    #[cfg_attr(not(feature = "recorder"), expect(unused_variables, reason = "nobody is told"))]
    fn mark(&mut self, len: usize) {
        #[cfg(feature = "recorder")]
        if let Some(scope) = self.marked {
            Mark::Open(len as u16, scope).write(&mut self.slot);
        }
    }

    /// The bytes that may be written, and where the free ones begin.
    pub(super) fn room(&mut self) -> (&mut [u8], usize) {
        (self.slot.get_mut(..self.end).unwrap_or_default(), self.len)
    }

    /// Takes over what was written by hand into [`room`](Self::room).
    pub(super) fn set_len(&mut self, len: usize) {
        self.len = len;
        self.mark(len);
    }

    /// Sets an attribute; one of the same key is replaced. Where the compiler knows what kind the value is of, as it
    /// nearly always does, only the code for that kind is called, and the value goes there in registers.
    #[inline(always)]
    pub(super) fn set(&mut self, key: &Key<'_>, value: &Value<'_>) {
        match *value {
            _ if SMALL => self.set_value(key, value),
            Value::Str(text) => self.set_text(key, text),
            Value::Bool(value) => self.set_bool(key, value),
            Value::Int(value) => self.set_int(key, value),
            Value::Double(value) => self.set_double(key, value),
            _ => self.set_value(key, value),
        }
    }

    #[inline(never)]
    fn set_text(&mut self, key: &Key<'_>, text: &str) {
        self.set_as(key, text);
    }

    #[inline(never)]
    fn set_bool(&mut self, key: &Key<'_>, value: bool) {
        self.set_as(key, value);
    }

    #[inline(never)]
    fn set_int(&mut self, key: &Key<'_>, value: i64) {
        self.set_as(key, value);
    }

    #[inline(never)]
    fn set_double(&mut self, key: &Key<'_>, value: f64) {
        self.set_as(key, value);
    }

    #[inline(never)]
    fn set_value(&mut self, key: &Key<'_>, value: &Value<'_>) {
        self.set_as(key, *value);
    }

    #[inline(always)]
    fn set_as<'a>(&mut self, key: &Key<'_>, value: impl Into<Value<'a>> + Copy) {
        if self.signatures.add(key.signature()) {
            self.set_slowly(key, value, true);
        } else if self.set_short(key, &value.into()).is_none() {
            self.set_slowly(key, value, false);
        }
    }

    /// Sets an attribute that may be there already, or is not short.
    #[cold]
    #[inline(never)]
    fn set_slowly<'a>(&mut self, key: &Key<'_>, value: impl Into<Value<'a>>, known: bool) {
        if known && self.remove(self.attributes, |field| has_key(field, key)) {
            self.left = self.left.saturating_add(1);
        }
        self.set_otherwise(key, &value.into());
    }

    /// Sets an attribute that is new and short, unless the slot is nearly full.
    #[inline(always)]
    fn set_short(&mut self, key: &Key<'_>, value: &Value<'_>) -> Option<()> {
        // No tail is longer than the room behind a short attribute: one look for both.
        let room = self.slot.get_mut(self.len..)?.first_chunk_mut::<{ short::ROOM + TAIL }>()?;
        self.len += short::attribute(room.first_chunk_mut()?, self.tag, key.name(), value)?;
        self.count();
        self.mark(self.len);
        Some(())
    }

    /// Counts an attribute that was written.
    #[inline(always)]
    fn count(&mut self) {
        self.left = self.left.wrapping_sub(1);
        if self.left == 0 {
            // From now on each is looked at, whether it takes another's place.
            self.signatures = Signatures::ALL;
        }
    }

    /// Sets an attribute that is not there, or counts it.
    fn set_otherwise(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let (number, bounds) = (self.attributes, self.limits.bounds());
        let allowed = !key.name().is_empty() && self.left > 0;
        if allowed && self.write(|w| attribute_within(w, number, key, value, bounds)).is_ok() {
            self.count();
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Whether there is an attribute of that key.
    pub(super) fn has(&self, key: &Key<'_>) -> bool {
        let mut fields = Reader::new(self.slot.get(..self.len).unwrap_or_default());
        self.signatures.may_have(key.signature())
            && fields.any(|field| {
                matches!(field, Ok((n, Payload::Len(bytes))) if n == self.attributes && has_key(bytes, key))
            })
    }

    /// What the first field of that number holds.
    pub(super) fn find(&self, number: u32) -> Option<&[u8]> {
        let mut fields = Reader::new(self.slot.get(..self.len)?);
        fields.find_map(|field| match field {
            Ok((found, Payload::Len(payload))) if found == number => Some(payload),
            _ => None,
        })
    }

    /// Removes the first field of that number that `found` accepts.
    pub(super) fn remove(&mut self, number: u32, found: impl Fn(&[u8]) -> bool) -> bool {
        self.remove_before(self.len, number, found)
    }

    /// Removes the first field of that number that `found` accepts and that begins before `end`. What
    /// does not have a length is accepted by its number.
    #[cold]
    fn remove_before(&mut self, end: usize, number: u32, found: impl Fn(&[u8]) -> bool) -> bool {
        let Some(written) = self.slot.get(..end) else { return false };
        let mut fields = Reader::new(written);
        let mut start = 0;
        while let Some(Ok((field, payload))) = fields.next() {
            let next = end - fields.rest().len();
            let accepted = match payload {
                Payload::Len(payload) => found(payload),
                _ => true,
            };
            if field == number && accepted {
                self.mark(start);
                slide(&mut self.slot, next..self.len, start);
                self.len -= next - start;
                self.mark(self.len);
                return true;
            }
            start = next;
        }
        false
    }

    /// Writes a field anew and takes away the old one; the old one stays when the new one does not fit.
    pub(super) fn replace(
        &mut self,
        number: u32,
        field: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let old = self.len;
        self.write(field)?;
        self.remove_before(old, number, |_| true);
        Ok(())
    }

    /// Its memory, as a reset leaves it.
    #[cfg(all(test, feature = "recorder"))]
    pub(super) fn slot(&self) -> &[u8] {
        &self.slot
    }

    /// Gives out the slot.
    pub(super) fn into_slot(self) -> P::Buffer {
        self.slot
    }

    /// Appends the last fields, for which the tail was kept, and returns the length of all. What follows is
    /// [`into_slot`](Self::into_slot).
    #[inline]
    pub(super) fn finish(&mut self, fields: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> usize {
        self.end = self.slot.len().saturating_sub(MARK);
        #[cfg(feature = "recorder")]
        if self.marked.take().is_some() {
            Mark::Ending.write(&mut self.slot);
        }
        let fits = self.write(fields);
        debug_assert_eq!(fits, Ok(()), "the tail is too small");
        self.len
    }
}

/// Which signatures keys had, to know cheaply that a key is new, which nearly all are: a bit for each.
#[derive(Clone, Copy, Debug)]
struct Signatures([u32; 8]);

impl Signatures {
    /// Any may have been seen.
    const ALL: Self = Self([u32::MAX; 8]);

    /// Whether there may be an attribute of that signature.
    #[inline]
    fn may_have(&self, signature: u8) -> bool {
        self.0[usize::from(signature >> 5)] >> (signature & 31) & 1 != 0
    }

    /// Adds a signature; whether it was there. It stays when an attribute goes: that costs a search.
    #[inline]
    fn add(&mut self, signature: u8) -> bool {
        let known = self.may_have(signature);
        self.0[usize::from(signature >> 5)] |= 1 << (signature & 31);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_that_was_added_is_found_and_no_other() {
        let mut signatures = Signatures([0; 8]);
        for n in 0..50u8 {
            assert!(!signatures.add(n * 5));
            assert!(signatures.add(n * 5));
        }
        assert!((0..=255).all(|n: u8| signatures.may_have(n) == (n.is_multiple_of(5) && n < 250)));
    }

    /// Attributes that come, are replaced and go, cut at every mark: what the mark says are whole fields.
    #[test]
    #[cfg(feature = "recorder")]
    fn a_reset_at_any_mark_leaves_whole_fields() {
        use crate::limits::Limits;
        use crate::otlp::trace::{ATTRIBUTES, END_MAX};
        use crate::platform::Device;
        use crate::recorder::cut;
        let limits = (ATTRIBUTES, Limits::DEFAULT.span);
        let step = |open: &mut Open<Device>, n: u8| match n % 6 {
            0 => open.set(&Key::new("first"), &Value::from(i64::from(n))),
            1 => open.set(&Key::new("second"), &Value::from("a text that is long enough")),
            2 => open.set(&Key::new("first"), &Value::from("another type, and longer than before")),
            3 => _ = open.remove(ATTRIBUTES, |field| has_key(field, &Key::new("second"))),
            4 => open.set(&Key::new("third"), &Value::from("long ".repeat(200).as_str())),
            _ => _ = open.write(|w| w.fixed64(7, 7)),
        };
        for steps in 0..12 {
            for stores in 0.. {
                let slot: &'static mut [u8] = std::vec![0xEE; 200].leak();
                let mut open = Open::<Device>::new(slot, limits, END_MAX, |w| w.fixed64(8, 8))
                    .unwrap_or_else(|_| panic!());
                open.survive(3);
                (0..steps).for_each(|n| step(&mut open, n));
                let whole = cut::after(stores, || step(&mut open, steps));
                let mark = Mark::read(open.slot());
                assert!(matches!(mark, Mark::Open(9.., 3)), "step {steps}, mark {stores}: {mark:?}");
                assert!(
                    Reader::new(mark.of(open.slot())).all(|field| field.is_ok()),
                    "step {steps}, mark {stores}"
                );
                if whole {
                    break;
                }
            }
        }
    }
}
