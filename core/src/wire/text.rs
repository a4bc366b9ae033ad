//! Formatted text straight into a buffer.

use core::fmt;

/// Formats `text` at the front of `room`, cut at a character when it does not fit, and returns its
/// length and whether it was cut.
pub(crate) fn format(room: &mut [u8], text: fmt::Arguments<'_>) -> (usize, bool) {
    let mut cut = Cut { room, len: 0, cut: false };
    // An error from a user's Display ends the text early, as a full buffer does.
    let failed = fmt::write(&mut cut, text).is_err();
    (cut.len, failed)
}

/// As much of `text` as fits in `max` bytes, cut at a character.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

struct Cut<'a> {
    room: &'a mut [u8],
    len: usize,
    cut: bool,
}

impl fmt::Write for Cut<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        let room = self.room.get_mut(self.len..).unwrap_or_default();
        let fits = cut(text, room.len());
        if let Some(to) = room.get_mut(..fits.len()) {
            to.copy_from_slice(fits.as_bytes());
            self.len += fits.len();
        }
        self.cut = fits.len() < text.len();
        if self.cut { Err(fmt::Error) } else { Ok(()) }
    }
}
