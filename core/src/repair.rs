use crate::otlp::Signal;
use crate::otlp::layout::{Message, Role};
use crate::time::Offset;
use crate::wire::{FIXED32, FIXED64, LEN, VARINT};

/// Turns the times of a record into Unix times while its bytes go out, in pieces of any size.
///
/// It follows the fields of the record and of the messages within that have times; everything else is
/// jumped over. Bytes that are no protobuf message go out as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repair {
    offset: Offset,
    /// Bytes of the record that are out.
    at: usize,
    record: Message,
    /// The messages within the record that `at` is in, and where each ends.
    inner: [(Message, usize); Message::DEPTH - 1],
    depth: usize,
    step: Step,
}

/// What the next byte is.
#[derive(Clone, Copy, Debug)]
enum Step {
    Tag(Number),
    /// Of a length, with the message behind it if there are times in that.
    Len(Option<Message>, Number),
    Varint,
    Skip(usize),
    /// The rest of a time: its bytes as they go out, and how many are out.
    Time([u8; 8], usize),
}

/// A varint of which a part has been seen.
#[derive(Clone, Copy, Debug, Default)]
struct Number {
    value: u32,
    bits: u32,
}

impl Number {
    /// Takes the next byte; the number when that was the last.
    fn push(&mut self, byte: u8) -> Option<u32> {
        self.value |= u32::from(byte & 0x7F).checked_shl(self.bits).unwrap_or(0);
        self.bits = self.bits.saturating_add(7);
        (byte < 0x80).then_some(self.value)
    }
}

const NEXT_FIELD: Step = Step::Tag(Number { value: 0, bits: 0 });

impl Repair {
    /// For a record of `signal`.
    pub(crate) const fn new(offset: Offset, signal: Signal) -> Self {
        let inner = [(Message::Span, 0); Message::DEPTH - 1];
        Self { offset, at: 0, record: Message::of(signal), inner, depth: 0, step: NEXT_FIELD }
    }

    /// For the next record of the same signal.
    pub(crate) fn restart(&mut self) {
        (self.at, self.depth, self.step) = (0, 0, NEXT_FIELD);
    }

    /// Repairs the record's next bytes. `read` copies eight bytes of the record from a position on.
    pub(crate) fn repair(&mut self, mut bytes: &mut [u8], read: impl Fn(usize) -> Option<[u8; 8]>) {
        while let Some(&first) = bytes.first() {
            let n = match &mut self.step {
                Step::Skip(left) => {
                    let n = bytes.len().min(*left);
                    *left -= n;
                    if *left == 0 {
                        self.step = NEXT_FIELD;
                    }
                    n
                }
                Step::Time(time, out) => {
                    let rest = time.get(*out..).unwrap_or_default();
                    let n = bytes.len().min(rest.len());
                    bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                    *out += n;
                    if *out == time.len() {
                        self.step = NEXT_FIELD;
                    }
                    n
                }
                _ => {
                    self.head(first, &read);
                    1
                }
            };
            self.at += n;
            bytes = bytes.get_mut(n..).unwrap_or_default();
            self.leave();
        }
    }

    /// Takes a byte of a tag, a length or a varint.
    fn head(&mut self, byte: u8, read: &impl Fn(usize) -> Option<[u8; 8]>) {
        match &mut self.step {
            Step::Tag(tag) => {
                if let Some(tag) = tag.push(byte) {
                    self.step = self.behind(tag, read);
                }
            }
            Step::Len(inner, len) => {
                let inner = *inner;
                if let Some(len) = len.push(byte) {
                    self.step = self.enter(inner, len as usize);
                }
            }
            Step::Varint if byte < 0x80 => self.step = NEXT_FIELD,
            Step::Varint | Step::Skip(_) | Step::Time(..) => {}
        }
    }

    /// What comes behind a tag that ends at `at`.
    fn behind(&self, tag: u32, read: &impl Fn(usize) -> Option<[u8; 8]>) -> Step {
        let message = self.innermost().map_or(self.record, |(message, _)| message);
        match (tag & 7, message.role(tag >> 3, tag & 7)) {
            (VARINT, _) => Step::Varint,
            (FIXED64, Role::Time) => match read(self.at + 1) {
                Some(time) => Step::Time(self.offset.unix(u64::from_le_bytes(time)).to_le_bytes(), 0),
                None => Step::Skip(8),
            },
            (FIXED64, _) => Step::Skip(8),
            (FIXED32, _) => Step::Skip(4),
            (LEN, Role::Inner(inner)) => Step::Len(Some(inner), Number::default()),
            (LEN, _) => Step::Len(None, Number::default()),
            // No message: nothing of the rest is known.
            _ => Step::Skip(usize::MAX),
        }
    }

    /// What comes behind a length that ends at `at`.
    fn enter(&mut self, inner: Option<Message>, len: usize) -> Step {
        let slot = self.inner.get_mut(self.depth);
        match (inner, slot) {
            (Some(message), Some(slot)) => {
                *slot = (message, (self.at + 1).saturating_add(len));
                self.depth += 1;
                NEXT_FIELD
            }
            (_, _) if len == 0 => NEXT_FIELD,
            _ => Step::Skip(len),
        }
    }

    /// Leaves the messages that end here.
    fn leave(&mut self) {
        while self.innermost().is_some_and(|(_, end)| end <= self.at) {
            self.depth -= 1;
        }
    }

    fn innermost(&self) -> Option<(Message, usize)> {
        self.inner.get(self.depth.checked_sub(1)?).copied()
    }
}
