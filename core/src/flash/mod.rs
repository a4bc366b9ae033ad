//! A queue of encoded records on NOR flash, for when nobody takes them.
//!
//! ```text
//!  ring ── append ──▶ page │ page │ page ── record, read ──▶ link
//!                      ▲ poll: at most one erase, and only when that is allowed
//! ```
//!
//! `docs/FLASH.md` says what each byte means, and what is there after power failed. It needs no more than
//! `embedded-storage`'s [`NorFlash`]: a word is programmed once between two erases.
//!
//! ```
//! use smoltel_core::flash::{FlashQueue, Progress, Refused, Unknown};
//! use smoltel_core::ring::Header;
//! # use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
//! # struct Simulated([u8; 1024]);
//! # impl ErrorType for Simulated { type Error = NorFlashErrorKind; }
//! # impl ReadNorFlash for Simulated {
//! #     const READ_SIZE: usize = 1;
//! #     fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
//! #         Ok(bytes.copy_from_slice(&self.0[at as usize..][..bytes.len()]))
//! #     }
//! #     fn capacity(&self) -> usize { 1024 }
//! # }
//! # impl NorFlash for Simulated {
//! #     const WRITE_SIZE: usize = 4;
//! #     const ERASE_SIZE: usize = 256;
//! #     fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
//! #         Ok(self.0[from as usize..to as usize].fill(0xFF))
//! #     }
//! #     fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
//! #         Ok(self.0[at as usize..][..bytes.len()].copy_from_slice(bytes))
//! #     }
//! # }
//! # let flash = Simulated([0xFF; 1024]);
//! # let motor_turns = false;
//! let mut queue = FlashQueue::open(flash, Unknown::Refuse).map_err(|(error, _)| error)?;
//! let header = Header { len: 3, scope: 0, kind: 2, items: 1 };
//! let mut append = |queue: &mut FlashQueue<_>| queue.append(header, 0, |at, out| out.copy_from_slice(&b"abc"[at..]));
//! assert_eq!(append(&mut queue), Err(Refused::NoRoom), "no page was begun yet");
//! assert_eq!(queue.poll(|| !motor_turns), Ok(Progress::Erased));
//! assert_eq!(append(&mut queue), Ok(()));
//! # Ok::<(), smoltel_core::flash::OpenError<NorFlashErrorKind>>(())
//! ```
//!
//! [`NorFlash`]: embedded_storage::nor_flash::NorFlash

mod format;
mod medium;
mod open;
mod poll;
mod queue;
#[cfg(feature = "link")]
mod store;
mod walk;

pub use queue::FlashQueue;
#[cfg(feature = "link")]
pub use store::Store;

use core::fmt;

/// What to do with a flash that holds no queue and is not blank.
///
/// ```
/// use smoltel_core::flash::Unknown;
/// assert_ne!(Unknown::Refuse, Unknown::TakeOver);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Unknown {
    /// Leave it alone: it is somebody else's.
    Refuse,
    /// It is ours now. Nothing is erased before its page is needed.
    TakeOver,
}

/// Why there is no queue. The flash comes back with it.
///
/// ```
/// use smoltel_core::flash::OpenError;
/// let error: OpenError<()> = OpenError::Foreign;
/// assert!(error.to_string().contains("TakeOver"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum OpenError<E> {
    /// It has fewer than 2 or more than 65,535 pages.
    Pages,
    /// It holds something else, or a queue of another version or geometry. Nothing was changed.
    Foreign,
    /// Reading failed.
    Flash(E),
}

impl<E: fmt::Debug> fmt::Display for OpenError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pages => f.write_str("a flash queue needs 2 to 65,535 pages; give it another part of the flash"),
            Self::Foreign => f.write_str(
                "the flash holds something that is no queue; give another part of it, or take it over (Unknown::TakeOver)",
            ),
            Self::Flash(error) => write!(f, "the flash cannot be read: {error:?}; see its driver"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for OpenError<E> {}

/// Why a record was not appended.
///
/// ```
/// use smoltel_core::flash::Refused;
/// assert_eq!(Refused::<()>::NoRoom.to_string(), "no page has room; call poll, and append it again");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Refused<E> {
    /// No page has room for it now: [`FlashQueue::poll`] makes some. Keep the record.
    NoRoom,
    /// It fits in no page, ever. Count it as lost.
    TooLarge,
    /// Programming failed. The record may be appended again, behind a `poll`.
    Flash(E),
}

impl<E: fmt::Debug> fmt::Display for Refused<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => f.write_str("no page has room; call poll, and append it again"),
            Self::TooLarge => {
                f.write_str("the record is longer than a page; make records shorter or pages longer")
            }
            Self::Flash(error) => write!(f, "programming failed: {error:?}; append it again after poll"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for Refused<E> {}

/// What a [`FlashQueue::poll`] did.
///
/// ```
/// use smoltel_core::flash::Progress;
/// let call_again = |progress| !matches!(progress, Progress::Idle | Progress::Waiting);
/// assert!(call_again(Progress::Erased));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Progress {
    /// Nothing: there was nothing to do.
    Idle,
    /// Nothing: an erase is needed, and is not allowed now, or would take what is in flight.
    Waiting,
    /// A page that was there at the start was checked.
    Checked,
    /// What was released or gave way, or an epoch, was written.
    Written,
    /// A page was erased and begun.
    Erased,
}

/// How often pages were erased.
///
/// ```
/// use smoltel_core::flash::Wear;
/// let wear = Wear { least: 3, most: 4 };
/// assert!(wear.most < 10_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Wear {
    /// The page that was erased least; 0 if one was never used.
    pub least: u32,
    /// The page that was erased most.
    pub most: u32,
}
