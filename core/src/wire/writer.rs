use core::fmt;
use core::ops::Range;

use super::{FIXED32, FIXED64, LEN, VARINT, tag, varint};

/// Appends protobuf fields to a borrowed buffer.
///
/// A field that does not fit returns [`Full`] and may leave a part of itself behind: take
/// [`len`](Self::len) before, and [`truncate`](Self::truncate) to it after, a run that has to be whole.
///
/// ```
/// use smoltel_core::wire::Writer;
/// let mut buf = [0; 16];
/// let mut w = Writer::new(&mut buf);
/// w.string(1, "a")?;
/// w.varint_field(2, 300)?;
/// assert_eq!(w.written(), [0x0A, 1, b'a', 0x10, 0xAC, 0x02]);
/// # Ok::<(), smoltel_core::wire::Full>(())
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

/// The buffer has no room for what was to be written.
///
/// ```
/// use smoltel_core::wire::{Full, Writer};
/// assert_eq!(Writer::new(&mut [0; 2]).string(1, "long"), Err(Full));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the buffer is full; give it more room or write less")
    }
}

impl core::error::Error for Full {}

impl<'a> Writer<'a> {
    /// Starts at the front of `buf`.
    #[inline]
    pub fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Goes on behind `len` bytes that are already in `buf`.
    #[inline]
    pub fn resume(buf: &'a mut [u8], len: usize) -> Self {
        let len = len.min(buf.len());
        Self { buf, len }
    }

    /// Bytes written so far.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that still fit.
    #[inline]
    pub fn room(&self) -> usize {
        self.buf.len() - self.len
    }

    /// What has been written.
    pub fn written(&self) -> &[u8] {
        &self.buf[..self.len]
    }

    /// Takes back everything behind `len`.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends `len` bytes for the caller to fill: one check for a run of several pieces.
    #[inline]
    pub(crate) fn reserve(&mut self, len: usize) -> Result<&mut [u8], Full> {
        let Some(rest) = self.buf.get_mut(self.len..) else { return Err(Full) };
        let Some(room) = rest.get_mut(..len) else { return Err(Full) };
        self.len += len;
        Ok(room)
    }

    /// Appends what `write` puts into `N` bytes, if there are so many; it returns how many of them it needs.
    #[inline(always)]
    pub(crate) fn within<const N: usize>(
        &mut self,
        write: impl FnOnce(&mut [u8; N]) -> Option<usize>,
    ) -> Option<()> {
        let room = self.buf.get_mut(self.len..)?.first_chunk_mut()?;
        self.len += write(room)?.min(N);
        Some(())
    }

    /// Appends raw bytes.
    #[cfg_attr(not(target_os = "none"), inline)]
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        copy(self.reserve(bytes.len())?, bytes);
        Ok(())
    }

    /// Appends a head and what is behind it: one check for both.
    #[inline(always)]
    pub(crate) fn put_behind<const N: usize>(&mut self, head: [u8; N], bytes: &[u8]) -> Result<(), Full> {
        let (first, rest) = self.reserve(N + bytes.len())?.split_first_chunk_mut().ok_or(Full)?;
        *first = head;
        copy(rest, bytes);
        Ok(())
    }

    /// Appends a varint without a tag.
    #[cfg_attr(not(target_os = "none"), inline)]
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn varint(&mut self, value: u64) -> Result<(), Full> {
        if value < 0x80 {
            return self.put(&[value as u8]);
        }
        let mut out = [0; varint::MAX_LEN];
        let n = varint::encode(value, &mut out);
        self.put(&out[..n])
    }

    /// A varint field: `uint32`, `uint64`, `int64` (as two's complement), `bool`, enums.
    #[inline]
    pub fn varint_field(&mut self, number: u32, value: u64) -> Result<(), Full> {
        self.varint(u64::from(tag(number, VARINT)))?;
        self.varint(value)
    }

    /// A `fixed64`, `sfixed64` or (by its bits) `double` field.
    #[cfg_attr(not(target_os = "none"), inline)]
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn fixed64(&mut self, number: u32, value: u64) -> Result<(), Full> {
        if number < 16 {
            // One piece, so one bounds check: every record has several of these.
            let mut out = [tag(number, FIXED64) as u8; 9];
            out[1..].copy_from_slice(&value.to_le_bytes());
            return self.put(&out);
        }
        self.varint(u64::from(tag(number, FIXED64)))?;
        self.put(&value.to_le_bytes())
    }

    /// A `fixed32` field.
    #[inline]
    pub fn fixed32(&mut self, number: u32, value: u32) -> Result<(), Full> {
        self.varint(u64::from(tag(number, FIXED32)))?;
        self.put(&value.to_le_bytes())
    }

    /// A tag and length, with `payload` bytes to be written behind it by the caller.
    #[cfg_attr(not(target_os = "none"), inline)]
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn head(&mut self, number: u32, payload: usize) -> Result<(), Full> {
        if number < 16 && payload < 0x80 {
            return self.put(&[tag(number, LEN) as u8, payload as u8]);
        }
        self.varint(u64::from(tag(number, LEN)))?;
        self.varint(payload as u64)
    }

    /// A message as a field: `fields` writes what is in it, and its length is filled in behind. That is
    /// one byte nearly always; a longer one moves the message up.
    #[inline]
    pub fn message<T>(
        &mut self,
        number: u32,
        fields: impl FnOnce(&mut Self) -> Result<T, Full>,
    ) -> Result<T, Full> {
        self.head(number, 0)?;
        let start = self.len;
        let result = fields(self)?;
        self.end_message(start)?;
        Ok(result)
    }

    /// Fills in the length of the message that begins at `start`, behind one byte for it.
    #[inline]
    pub(crate) fn end_message(&mut self, start: usize) -> Result<(), Full> {
        let len = self.len - start;
        match self.buf.get_mut(start - 1).filter(|_| len < 0x80) {
            Some(byte) => *byte = len as u8,
            None => self.lengthen(start, len)?,
        }
        Ok(())
    }

    /// Makes room for a length of more than one byte before a message that is written already.
    #[cold]
    fn lengthen(&mut self, start: usize, len: usize) -> Result<(), Full> {
        let more = varint::len(len as u64) - 1;
        self.reserve(more)?;
        slide(self.buf, start..start + len, start + more);
        let mut head = Writer::resume(self.buf, start - 1);
        head.varint(len as u64)
    }

    /// A `bytes` field.
    #[cfg_attr(not(target_os = "none"), inline)]
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn bytes(&mut self, number: u32, bytes: &[u8]) -> Result<(), Full> {
        self.head(number, bytes.len())?;
        self.put(bytes)
    }

    /// A `string` field.
    #[inline]
    pub fn string(&mut self, number: u32, text: &str) -> Result<(), Full> {
        self.bytes(number, text.as_bytes())
    }
}

/// Up to so many bytes, a call to `memcpy` costs more than they do; on a microcontroller it is as quick, and
/// smaller.
pub(crate) const SHORT: usize = 32;
/// Whether code is to be small rather than quick, as on a microcontroller: nothing is there twice for speed.
pub(crate) const SMALL: bool = size_of::<usize>() < 8;

/// Copies between slices of one length.
#[inline(always)]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    if from.len() > SHORT {
        to.copy_from_slice(from);
    } else {
        copy_short(to, from);
    }
}

/// Copies up to [`SHORT`] bytes between slices of one length, as two overlapping pieces of a fixed size.
#[inline(always)]
pub(crate) fn copy_short(to: &mut [u8], from: &[u8]) {
    #[inline(always)]
    fn pieces<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
        let (Some(head), Some(tail)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
            return false;
        };
        if let Some(to) = to.first_chunk_mut::<N>() {
            *to = *head;
        }
        if let Some(to) = to.last_chunk_mut::<N>() {
            *to = *tail;
        }
        true
    }
    if SMALL && to.len() == from.len() {
        return to.copy_from_slice(from);
    }
    let _ = pieces::<16>(to, from)
        || pieces::<8>(to, from)
        || pieces::<4>(to, from)
        || pieces::<2>(to, from)
        || pieces::<1>(to, from);
}

/// Moves bytes within a buffer; those that are not in it, or would not be, stay. It is one function, and has no panic, whose
/// text would be much of a small program.
#[inline(never)]
pub(crate) fn slide(buf: &mut [u8], from: Range<usize>, to: usize) {
    if from.start <= from.end && from.end <= buf.len() && to <= buf.len() - (from.end - from.start) {
        buf.copy_within(from, to);
    }
}

/// Whether two slices are the same: short ones without a call to `memcmp`, for the reason above.
#[inline(always)]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    /// Of slices of one length, if they are long enough.
    #[inline(always)]
    fn pieces<const N: usize>(a: &[u8], b: &[u8]) -> Option<bool> {
        Some(a.first_chunk::<N>()? == b.first_chunk()? && a.last_chunk::<N>()? == b.last_chunk()?)
    }
    if SMALL || a.len() > SHORT {
        return a == b;
    }
    let each = || a.iter().zip(b).all(|(a, b)| a == b);
    a.len() == b.len()
        && pieces::<16>(a, b).or_else(|| pieces::<8>(a, b)).or_else(|| pieces::<4>(a, b)).unwrap_or_else(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_equal_when_every_byte_is() {
        let bytes: [u8; 48] = core::array::from_fn(|i| i as u8 + 1);
        for n in 0..=48 {
            let a = &bytes[..n];
            assert!(equal(a, &{ bytes }[..n]), "{n} equal bytes");
            assert!(n == 0 || !equal(a, &a[1..]), "another length than {n}");
            for at in 0..n {
                let mut b = bytes;
                b[at] ^= 0x80;
                assert!(!equal(a, &b[..n]), "byte {at} of {n} differs");
            }
        }
    }

    #[test]
    fn every_short_length_is_copied_whole() {
        let from: [u8; 64] = core::array::from_fn(|i| i as u8 + 1);
        for n in 0..=64 {
            let mut buf = [0; 66];
            let mut w = Writer::new(&mut buf);
            w.put(&from[..n]).unwrap();
            assert_eq!(w.written(), &from[..n]);
            assert_eq!(buf[n], 0, "nothing behind {n}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_behind_is_touched() {
        let mut buf = [7; 4];
        let mut w = Writer::new(&mut buf[..3]);
        assert_eq!(w.put(&[1, 2, 3, 4]), Err(Full));
        assert_eq!(w.string(1, "ab"), Err(Full));
        w.truncate(0);
        assert_eq!(w.room(), 3);
        assert_eq!(w.string(1, "a"), Ok(()));
        assert_eq!(buf, [0x0A, 1, b'a', 7]);
    }

    #[test]
    fn a_message_gets_its_length_when_it_is_known() {
        for len in [0, 1, 127, 128, 300] {
            let (mut buf, mut expected) = ([7; 400], [7; 400]);
            let (mut w, mut e) = (Writer::new(&mut buf), Writer::new(&mut expected));
            let content = [9; 300];
            w.message(16, |w| w.put(&content[..len])).unwrap();
            e.bytes(16, &content[..len]).unwrap();
            assert_eq!(w.written(), e.written());
            let mut buf = [0; 400];
            let mut short = Writer::new(&mut buf[..e.len() - 1]);
            assert_eq!(short.message(16, |w| w.put(&content[..len])), Err(Full));
        }
    }

    #[test]
    fn high_field_numbers_take_a_two_byte_tag() {
        let mut buf = [0; 16];
        let mut w = Writer::new(&mut buf);
        w.fixed32(16, 0x101).unwrap();
        assert_eq!(w.written(), [0x85, 0x01, 0x01, 0x01, 0, 0]);
    }

    /// What a writer with room has written, and then that it has less room by as much.
    fn written<const N: usize>(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> [u8; N] {
        let mut buf = [0; 160];
        let mut w = Writer::new(&mut buf);
        assert!(w.is_empty());
        write(&mut w).unwrap();
        assert_eq!((w.is_empty(), w.len(), w.room()), (false, N, 160 - N));
        w.written().try_into().unwrap()
    }

    #[test]
    fn a_varint_of_a_field_grows_at_128() {
        assert_eq!(written(|w| w.varint_field(1, 127)), [0x08, 0x7F]);
        assert_eq!(written(|w| w.varint_field(1, 128)), [0x08, 0x80, 0x01]);
        assert_eq!(written(|w| w.varint_field(16, 1)), [0x80, 0x01, 0x01]);
    }

    #[test]
    fn tags_grow_at_field_16_and_heads_also_at_128_bytes() {
        assert_eq!(written(|w| w.fixed64(15, 2)), [0x79, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(written(|w| w.fixed64(16, 2)), [0x81, 0x01, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(written(|w| w.fixed64(17, 2)), [0x89, 0x01, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(written(|w| w.head(15, 127)), [0x7A, 0x7F]);
        assert_eq!(written(|w| w.head(15, 128)), [0x7A, 0x80, 0x01]);
        assert_eq!(written(|w| w.head(16, 127)), [0x82, 0x01, 0x7F]);
        assert_eq!(written(|w| w.head(17, 127)), [0x8A, 0x01, 0x7F]);
        assert_eq!(written(|w| w.head(1, 129)), [0x0A, 0x81, 0x01]);
    }

    #[test]
    fn an_error_says_what_to_do() {
        let text = std::string::ToString::to_string(&Full);
        assert_eq!(text, "the buffer is full; give it more room or write less");
    }
}
