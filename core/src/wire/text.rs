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
        let n = text.floor_char_boundary(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..n), text.as_bytes().get(..n)) {
            to.copy_from_slice(from);
            self.len += n;
        }
        self.cut = n < text.len();
        if self.cut { Err(fmt::Error) } else { Ok(()) }
    }
}
