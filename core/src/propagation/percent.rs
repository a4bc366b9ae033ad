//! Percent-coding of baggage values: UTF-8 as the characters that may stand in a header.

use core::fmt;

use crate::wire::{Full, Writer};

/// A baggage value as it stands in the header.
///
/// ```
/// use smoltel_core::propagation::Baggage;
/// let baggage = Baggage::parse(b"city=K%C3%B6ln,odd=%FFa");
/// let city = baggage.get("city").expect("there is one").value;
/// assert_eq!((city.encoded(), city.to_string().as_str()), ("K%C3%B6ln", "Köln"));
/// assert!(baggage.get("odd").expect("there is one").value.chars().eq(['\u{FFFD}', 'a']));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BaggageValue<'a>(pub(super) &'a str);

impl<'a> BaggageValue<'a> {
    /// As it stands in the header.
    pub fn encoded(&self) -> &'a str {
        self.0
    }

    /// The characters it stands for. What is not UTF-8 becomes U+FFFD; a `%` without two hex digits
    /// stands for itself.
    pub fn chars(&self) -> impl Iterator<Item = char> + use<'a> {
        Chars { bytes: Bytes(self.0.as_bytes()), pending: [0; 4], len: 0 }
    }

    /// Writes the decoded text.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; a part may have been written.
    pub fn write(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.chars().try_for_each(|character| w.put(character.encode_utf8(&mut [0; 4]).as_bytes()))
    }
}

/// The decoded text.
impl fmt::Display for BaggageValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|character| fmt::Write::write_char(f, character))
    }
}

impl fmt::Debug for BaggageValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

/// Puts `value` in pieces that may stand in a header.
pub(super) fn encode<E>(value: &str, mut put: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let escaped = |byte: u8| !is_octet(byte) || byte == b'%';
    for character in value.chars() {
        let mut room = [0; 4];
        let text = character.encode_utf8(&mut room);
        if !text.bytes().any(escaped) {
            put(text)?;
            continue;
        }
        for byte in text.bytes() {
            let code = [b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
            put(core::str::from_utf8(&code).unwrap_or_default())?;
        }
    }
    Ok(())
}

/// Whether a byte may stand in a value: visible ASCII but `"`, `,`, `;` and `\`.
pub(super) fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

/// Bytes behind the percent signs.
struct Bytes<'a>(&'a [u8]);

impl Iterator for Bytes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        let digit = |at: usize| char::from(*rest.get(at)?).to_digit(16);
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                self.0 = rest.get(2..).unwrap_or_default();
                Some((high << 4 | low) as u8)
            }
            _ => {
                self.0 = rest;
                Some(first)
            }
        }
    }
}

/// Characters of bytes that need not be UTF-8, in the way of `String::from_utf8_lossy`.
struct Chars<'a> {
    bytes: Bytes<'a>,
    /// Bytes that are no character yet, the first `len`.
    pending: [u8; 4],
    len: usize,
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            let pending = self.pending.get(..self.len)?;
            let wrong = match core::str::from_utf8(pending) {
                Ok("") => None,
                Ok(text) => {
                    self.len = 0;
                    return text.chars().next();
                }
                Err(error) => error.error_len(),
            };
            if let Some(wrong) = wrong {
                self.pending.copy_within(wrong.., 0);
                self.len -= wrong;
                return Some(char::REPLACEMENT_CHARACTER);
            }
            let Some(byte) = self.bytes.next() else {
                let cut = core::mem::take(&mut self.len) > 0;
                return cut.then_some(char::REPLACEMENT_CHARACTER);
            };
            *self.pending.get_mut(self.len)? = byte;
            self.len += 1;
        }
    }
}
