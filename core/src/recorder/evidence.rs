use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicU32, Ordering};

use super::twice::store;

/// Words of the file's name and the text.
const TEXT: usize = 48;
/// The upper bytes of the cause's word.
const MAGIC: u32 = 0x45_56_44_00;

/// Why a device was reset.
///
/// ```
/// use smoltel_core::recorder::Reset;
/// assert_eq!(Reset::HardFault.name(), "hard_fault");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[repr(u8)]
pub enum Reset {
    /// The part does not tell.
    Unknown = 1,
    /// Power came.
    PowerOn = 2,
    /// Power was low.
    Brownout = 3,
    /// Somebody pulled the reset pin.
    Pin = 4,
    /// The firmware asked for it.
    Software = 5,
    /// The main loop did not feed the watchdog.
    Watchdog = 6,
    /// The firmware panicked.
    Panic = 7,
    /// The core took a fault that nobody handles.
    HardFault = 8,
}

impl Reset {
    const ALL: [Self; 8] = [
        Self::Unknown,
        Self::PowerOn,
        Self::Brownout,
        Self::Pin,
        Self::Software,
        Self::Watchdog,
        Self::Panic,
        Self::HardFault,
    ];

    /// The reason as the attribute `smoltel.reset.reason` has it, in `snake_case`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::PowerOn => "power_on",
            Self::Brownout => "brownout",
            Self::Pin => "pin",
            Self::Software => "software",
            Self::Watchdog => "watchdog",
            Self::Panic => "panic",
            Self::HardFault => "hard_fault",
        }
    }
}

/// What a crash leaves for the next boot.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Evidence {
    cause: AtomicU32,
    line: AtomicU32,
    /// Bytes of the file's name, and of that and the text.
    lens: [AtomicU32; 2],
    text: [AtomicU32; TEXT],
}

/// Evidence, read.
pub(super) struct Found {
    pub(super) cause: Reset,
    pub(super) line: u32,
    file: usize,
    end: usize,
    text: [u8; TEXT * 4],
}

impl Evidence {
    pub(super) const fn new() -> Self {
        Self {
            cause: AtomicU32::new(0),
            line: AtomicU32::new(0),
            lens: [const { AtomicU32::new(0) }; 2],
            text: [const { AtomicU32::new(0) }; TEXT],
        }
    }

    /// Leaves it, unless there is some: what comes first is the cause of what follows.
    pub(super) fn leave(&self, cause: Reset, (file, line): (&str, u32), text: fmt::Arguments<'_>) {
        if self.cause.load(Ordering::Relaxed) != 0 {
            return;
        }
        let mut to = Text { words: &self.text, len: 0 };
        // What finds no room is cut. A `Display` that fails leaves what it has written.
        let _ = to.write_str(file);
        store(&self.lens[0], to.len as u32);
        let _ = to.write_fmt(text);
        store(&self.lens[1], to.len as u32);
        store(&self.line, line);
        store(&self.cause, MAGIC | u32::from(cause as u8));
    }

    pub(super) fn find(&self) -> Option<Found> {
        let cause = self.cause.load(Ordering::Relaxed);
        let cause = Reset::ALL.into_iter().find(|known| MAGIC | u32::from(*known as u8) == cause)?;
        let [file, end] = [&self.lens[0], &self.lens[1]].map(|len| len.load(Ordering::Relaxed) as usize);
        let mut text = [0; TEXT * 4];
        for (to, word) in text.chunks_exact_mut(4).zip(&self.text) {
            to.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        let end = end.min(text.len());
        Some(Found { cause, line: self.line.load(Ordering::Relaxed), file: file.min(end), end, text })
    }

    pub(super) fn clear(&self) {
        store(&self.cause, 0);
    }
}

impl Found {
    /// The file's name; nothing when it is not known.
    pub(super) fn file(&self) -> &str {
        valid(self.text.get(..self.file))
    }

    pub(super) fn text(&self) -> &str {
        valid(self.text.get(self.file..self.end))
    }
}

/// As much of `bytes` as is text.
fn valid(bytes: Option<&[u8]>) -> &str {
    bytes.and_then(|bytes| bytes.utf8_chunks().next()).map_or("", |chunk| chunk.valid())
}

/// Text in words, four bytes each.
struct Text<'a> {
    words: &'a [AtomicU32; TEXT],
    len: usize,
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let word = self.words.get(self.len / 4).ok_or(fmt::Error)?;
            let shift = self.len % 4 * 8;
            let others = word.load(Ordering::Relaxed) & !(0xFF << shift);
            word.store(others | u32::from(byte) << shift, Ordering::Relaxed);
            self.len += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::cut;

    #[test]
    fn what_was_left_first_is_found_until_it_is_cleared() {
        let evidence = Evidence::new();
        assert!(evidence.find().is_none());
        evidence.leave(Reset::Panic, ("src/main.rs", 7), format_args!("no {}", "valve"));
        evidence.leave(Reset::HardFault, ("", 0), format_args!("while panicking"));
        let found = evidence.find().unwrap();
        assert_eq!((found.cause, found.file(), found.line), (Reset::Panic, "src/main.rs", 7));
        assert_eq!(found.text(), "no valve");
        evidence.clear();
        assert!(evidence.find().is_none());
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let evidence = Evidence::new();
        let text = std::string::String::from_iter(["x"; 190].into_iter().chain(["\u{20ac}"; 9]));
        evidence.leave(Reset::Panic, ("", 0), format_args!("{text}"));
        assert_eq!(evidence.find().unwrap().text(), &text[..190]);
    }

    #[test]
    fn a_reset_in_the_middle_leaves_none() {
        for stores in 0.. {
            let evidence = Evidence::new();
            let whole = cut::after(stores, || evidence.leave(Reset::Panic, ("a", 1), format_args!("b")));
            assert_eq!(evidence.find().is_some(), whole);
            if whole {
                return;
            }
        }
    }
}
