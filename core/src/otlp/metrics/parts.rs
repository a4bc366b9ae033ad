//! What points of several kinds have in common.

use super::Exemplar;
use crate::otlp::common::{Key, Value, attribute, distinct, key_value_len};
use crate::wire::{Full, VARINT, Writer, len_field, tag, varint};

/// A point of any kind.
pub(crate) trait Point {
    /// Bytes of the message, without its tag and length.
    fn encoded_len(&self) -> usize;
    /// Writes the message's fields.
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full>;
}

/// The attributes of a point: a list, of which the last of equal keys counts.
///
/// ```
/// use smoltel_core::otlp::metrics::Attributes;
/// let of_a_valve = [("valve.id".into(), 3.into())];
/// let attributes = Attributes::list(&of_a_valve);
/// # let _ = attributes;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(Kept<'a>);

#[derive(Clone, Copy, Debug)]
enum Kept<'a> {
    List(&'a [(Key<'a>, Value<'a>)]),
    /// As fields of the message that they belong to.
    Encoded(&'a [u8]),
}

impl<'a> Attributes<'a> {
    /// No attributes.
    pub const NONE: Self = Self::list(&[]);

    /// Those attributes.
    pub const fn list(list: &'a [(Key<'a>, Value<'a>)]) -> Self {
        Self(Kept::List(list))
    }

    pub(crate) const fn encoded(bytes: &'a [u8]) -> Self {
        Self(Kept::Encoded(bytes))
    }

    pub(super) fn encoded_len(&self) -> usize {
        match self.0 {
            Kept::List(list) => distinct(list).map(|(key, value)| len_field(key_value_len(key, value))).sum(),
            Kept::Encoded(bytes) => bytes.len(),
        }
    }

    pub(super) fn encode(&self, number: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        match self.0 {
            Kept::List(list) => distinct(list).try_for_each(|(key, value)| attribute(w, number, key, value)),
            Kept::Encoded(bytes) => w.put(bytes),
        }
    }
}

impl Default for Attributes<'_> {
    fn default() -> Self {
        Self::NONE
    }
}

/// The counts of a histogram's buckets.
///
/// ```
/// use smoltel_core::otlp::metrics::Counts;
/// assert_eq!(Counts::from(&[3, 0, 1][..]).iter().sum::<u64>(), 4);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Counts<'a>(Cells<'a>);

#[derive(Clone, Copy, Debug)]
enum Cells<'a> {
    List(&'a [u64]),
    /// Little-endian, of four or eight bytes each.
    Bytes(&'a [u8], usize),
}

impl<'a> From<&'a [u64]> for Counts<'a> {
    fn from(counts: &'a [u64]) -> Self {
        Self(Cells::List(counts))
    }
}

impl Default for Counts<'_> {
    fn default() -> Self {
        Self(Cells::List(&[]))
    }
}

impl<'a> Counts<'a> {
    /// Counts of `width` bytes each, 4 or 8.
    pub(crate) const fn cells(bytes: &'a [u8], width: usize) -> Self {
        Self(Cells::Bytes(bytes, width))
    }

    /// The number of buckets.
    pub const fn len(&self) -> usize {
        match self.0 {
            Cells::List(list) => list.len(),
            Cells::Bytes(bytes, width) => bytes.len() / width,
        }
    }

    /// Whether there is no bucket.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The counts, the lowest bucket's first.
    pub fn iter(self) -> impl Iterator<Item = u64> + 'a {
        (0..self.len()).map(move |i| self.get(i))
    }

    fn get(&self, i: usize) -> u64 {
        match self.0 {
            Cells::List(list) => list.get(i).copied().unwrap_or_default(),
            Cells::Bytes(bytes, width) => {
                let mut wide = [0; 8];
                if let (Some(to), Some(from)) = (wide.get_mut(..width), bytes.get(i * width..(i + 1) * width))
                {
                    to.copy_from_slice(from);
                }
                u64::from_le_bytes(wide)
            }
        }
    }
}

/// The exemplars of a point.
///
/// ```
/// use smoltel_core::otlp::metrics::{Exemplar, Exemplars, Number};
/// let slowest = [Exemplar { time: 7, value: Number::Double(1.5), ..Exemplar::default() }];
/// let exemplars = Exemplars::from(&slowest[..]);
/// # let _ = exemplars;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Exemplars<'a>(Samples<'a>);

#[derive(Clone, Copy, Debug)]
enum Samples<'a> {
    List(&'a [Exemplar<'a>]),
    Stored(StoredExemplars<'a>),
}

impl<'a> From<&'a [Exemplar<'a>]> for Exemplars<'a> {
    fn from(list: &'a [Exemplar<'a>]) -> Self {
        Self(Samples::List(list))
    }
}

impl Default for Exemplars<'_> {
    fn default() -> Self {
        Self(Samples::List(&[]))
    }
}

impl<'a> From<StoredExemplars<'a>> for Exemplars<'a> {
    fn from(stored: StoredExemplars<'a>) -> Self {
        Self(Samples::Stored(stored))
    }
}

impl Exemplars<'_> {
    pub(super) fn encoded_len(&self) -> usize {
        match self.0 {
            Samples::List(list) => list.iter().map(|one| len_field(one.encoded_len())).sum(),
            Samples::Stored(stored) => stored.encoded_len(),
        }
    }

    pub(super) fn encode(&self, number: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        match self.0 {
            Samples::List(list) => list.iter().try_for_each(|one| one.encode_as(number, w)),
            Samples::Stored(stored) => stored.encode(w),
        }
    }
}

/// Exemplars that are encoded already, as fields of their point, in places of a fixed size: a length of one
/// byte each, and that many bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredExemplars<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> StoredExemplars<'a> {
    /// Those in `bytes`, in places of `place` bytes.
    pub(crate) const fn new(bytes: &'a [u8], place: usize) -> Self {
        Self { bytes, place }
    }

    fn all(&self) -> impl Iterator<Item = &'a [u8]> {
        self.bytes.chunks_exact(self.place.max(1)).filter_map(|place| {
            let (len, rest) = place.split_first()?;
            rest.get(..usize::from(*len))
        })
    }

    pub(super) fn encoded_len(&self) -> usize {
        self.all().map(<[u8]>::len).sum()
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.all().try_for_each(|one| w.put(one))
    }
}

/// Bytes of a `fixed64` or `double` field that is left out when it is zero.
pub(super) const fn nonzero_len(bits: u64) -> usize {
    if bits == 0 { 0 } else { 9 }
}

/// Writes a `fixed64` or `double` field unless it is zero.
pub(super) fn nonzero(w: &mut Writer<'_>, number: u32, bits: u64) -> Result<(), Full> {
    if bits == 0 { Ok(()) } else { w.fixed64(number, bits) }
}

/// Bytes of a `double` field that may be absent; a zero that is there is written.
pub(super) const fn optional_len(value: Option<f64>) -> usize {
    if value.is_some() { 9 } else { 0 }
}

/// Writes a `double` field if it is there.
pub(super) fn optional(w: &mut Writer<'_>, number: u32, value: Option<f64>) -> Result<(), Full> {
    value.map_or(Ok(()), |value| w.fixed64(number, value.to_bits()))
}

/// Bytes of a varint field of a low number that is left out when it is zero.
pub(super) const fn varint_len(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + varint::len(value) }
}

/// Writes a varint field unless it is zero.
pub(super) fn varint_field(w: &mut Writer<'_>, number: u32, value: u64) -> Result<(), Full> {
    if value == 0 {
        return Ok(());
    }
    w.put(&[tag(number, VARINT) as u8])?;
    w.varint(value)
}

/// A `sint32` as the varint it is written as.
pub(super) const fn zigzag(value: i32) -> u64 {
    ((value << 1) ^ (value >> 31)) as u32 as u64
}
