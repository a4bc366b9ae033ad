//! What a device recorded before a reset, and why it was reset, in memory that survives it.
//!
//! ```text
//!  ring, slots ── go on where they were ──▶ link
//!  Words::leave (panic, fault) ───────────▶ a FATAL log record, and the spans that were open
//! ```
//!
//! `docs/RECORDER.md` says what each word means, and what is there after a reset at any instant. Finding the memory takes a linker script and a
//! few lines of `unsafe`: the crate `smoltel-cortex-m` has them for Cortex-M.
//!
//! ```
//! use smoltel_core::recorder::{Image, Memory, Reset, Words};
//! use smoltel_core::{Pipeline, Seed};
//!
//! # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
//! static WORDS: Words = Words::new();
//! static TELEMETRY: Pipeline = Pipeline::new(|| 0);
//! let memory = Memory { words: &WORDS, ring: cell([0; 2048]), slots: cell([[0; 256]; 4]) };
//! let reset = Reset::PowerOn; // from the part's reset register
//! let image = TELEMETRY.init_recorder(memory, Seed::Unique(*b"serial no. 00042"), *b"build 17", reset);
//! assert_eq!(image, Image::Fresh);
//! ```

#[cfg(any(test, smoltel_resets))]
#[doc(hidden)]
pub mod cut;
mod evidence;
pub(crate) mod mark;
mod recover;
#[cfg(test)]
mod tests;
pub(crate) mod twice;
mod words;

pub use evidence::Reset;
pub use words::Words;
pub(crate) use words::{halves, whole};

/// Memory that a reset leaves as it is. The [module](self) has an example.
///
/// ```
/// use smoltel_core::recorder::{Memory, Words};
/// static WORDS: Words = Words::new();
/// let memory = Memory::<64> { words: &WORDS, ring: &mut [], slots: &mut [] };
/// assert_eq!(memory.words.boots(), 0);
/// ```
#[derive(Debug)]
pub struct Memory<const M: usize> {
    /// What says which of the rest counts.
    pub words: &'static Words,
    /// For records that are complete: [`Pipeline::init`](crate::Pipeline::init) says how it is used.
    pub ring: &'static mut [u8],
    /// For spans and log records that are open. Four bytes of each are the recorder's.
    pub slots: &'static mut [[u8; M]],
}

/// What was in the memory.
///
/// ```
/// use smoltel_core::recorder::Image;
/// assert_ne!(Image::Survived, Image::Refused);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Image {
    /// Nothing: power was off.
    Fresh,
    /// What this firmware left: it goes on, and what the reset cut short was added.
    Survived,
    /// What another firmware left, or one with other lengths. It is counted as [`Damaged`](crate::Loss::Damaged).
    Refused,
}
