use core::fmt;

use super::message::{numbers, packed};
use super::{AttributeIndex, LinkIndex, StackIndex};
use crate::wire::{Full, Payload, Reader, Writer, varint};

mod field {
    pub(super) const STACK: u32 = 1;
    pub(super) const ATTRIBUTES: u32 = 2;
    pub(super) const LINK: u32 = 3;
    pub(super) const VALUES: u32 = 4;
    pub(super) const TIMESTAMPS: u32 = 5;
}

/// What was seen at one stack: values, times, or a value for each time.
///
/// ```
/// use smoltel_core::otlp::profiles::{Sample, StackIndex};
/// let stack = StackIndex::default(); // as Profile::stack gives it
/// let seen_five_times = Sample::new(stack, &[5]);
/// let allocations = Sample { timestamps: &[10, 11], ..Sample::new(stack, &[64, 1024]) };
/// # let _ = (seen_five_times, allocations);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample<'a> {
    /// The stack.
    pub stack: StackIndex,
    /// Values of the profile's sample type. A single one without a time is a sum.
    pub values: &'a [i64],
    /// Nanoseconds since 1970, one for each value; or without values, each standing for 1.
    pub timestamps: &'a [u64],
    /// Attributes; their keys have to be unique.
    pub attributes: &'a [AttributeIndex],
    /// The span that it happened in.
    pub link: LinkIndex,
}

impl<'a> Sample<'a> {
    /// Values at a stack.
    pub const fn new(stack: StackIndex, values: &'a [i64]) -> Self {
        Self { stack, values, timestamps: &[], attributes: &[], link: LinkIndex(0) }
    }

    /// At least one value or time, and as many of these as of those if there are both.
    pub(super) fn is_valid(&self) -> bool {
        match (self.values.len(), self.timestamps.len()) {
            (0, 0) => false,
            (0, _) | (_, 0) => true,
            (values, times) => values == times,
        }
    }

    /// The sum that it is, if it is one.
    pub(super) fn sum(&self) -> Option<i64> {
        match (self.values, self.timestamps) {
            (&[sum], []) => Some(sum),
            _ => None,
        }
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        packed(w, field::ATTRIBUTES, self.attributes.iter().map(|index| index.number()))?;
        numbers(w, &[(field::STACK, self.stack.number()), (field::LINK, self.link.number())])?;
        if !self.timestamps.is_empty() {
            w.head(field::TIMESTAMPS, 8 * self.timestamps.len())?;
            self.timestamps.iter().try_for_each(|time| w.put(&time.to_le_bytes()))?;
        }
        packed(w, field::VALUES, self.values.iter().map(|value| *value as u64))
    }
}

/// What stands in front of the sum in an encoded sample, and the sum.
pub(super) fn split_sum(sample: &[u8]) -> Option<(&[u8], i64)> {
    let mut fields = Reader::new(sample);
    let mut identity: &[u8] = &[];
    while let Some(Ok((number, payload))) = fields.next() {
        match (number, payload) {
            (field::VALUES, Payload::Len(values)) => {
                let (sum, len) = varint::decode(values)?;
                return (len == values.len()).then_some((identity, sum as i64));
            }
            (field::TIMESTAMPS, _) => return None,
            _ => identity = sample.get(..sample.len() - fields.rest().len())?,
        }
    }
    None
}

/// Why something is not in the profile.
///
/// ```
/// use smoltel_core::otlp::profiles::Refused;
/// use smoltel_core::wire::Full;
/// assert_eq!(Refused::from(Full), Refused::Full);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not fit: send what is there and begin another profile.
    Full,
    /// A sample needs a value or a time, and as many of these as of those if it has both; a stack of
    /// addresses has at most [`MAX_FRAMES`](super::MAX_FRAMES); a payload has a format.
    Shape,
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the profile is full; send it and begin another",
            Self::Shape => "OTLP has no such sample, stack or payload; see the documentation of its fields",
        })
    }
}

impl core::error::Error for Refused {}
