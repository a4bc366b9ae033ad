//! Memory that the linker sets aside, as references.
#![allow(unsafe_code, reason = "no object of the program's: only the linker script knows of it")]

use core::fmt;
use core::mem::{align_of, size_of};
#[cfg(target_arch = "arm")]
use core::sync::atomic::{AtomicBool, Ordering};

use smoltel_core::recorder::{Memory, Words};

/// The region is too small for what was asked for, or was taken already.
///
/// ```
/// use smoltel_cortex_m::Lacking;
/// assert!(Lacking { needed: 4096, there: 1024 }.to_string().contains("RETAINED"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// Bytes that are needed.
    pub needed: usize,
    /// Bytes that there are; 0 from the second call on.
    pub there: usize,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, there } = self;
        write!(
            f,
            "the region RETAINED of the linker script has {there} bytes and {needed} are needed; take it once, and make it longer"
        )
    }
}

impl core::error::Error for Lacking {}

#[cfg(target_arch = "arm")]
unsafe extern "C" {
    /// The region's lowest address and the one above its highest, from the linker script.
    static _smoltel_retained_start: u32;
    static _smoltel_retained_end: u32;
}

/// The region: where it begins, and its bytes. It is no object of the program's, so what the compiler knows of the linker's two symbols, a word
/// each, says nothing of it: only their addresses count.
#[cfg(target_arch = "arm")]
fn region() -> (*mut u8, usize) {
    let [start, end] = [&raw const _smoltel_retained_start, &raw const _smoltel_retained_end];
    let start = start.expose_provenance();
    (core::ptr::with_exposed_provenance_mut(start), end.addr().saturating_sub(start))
}

/// The region as memory for [`Pipeline::init_recorder`](smoltel_core::Pipeline::init_recorder): a ring of `RING` bytes, and `SLOTS` slots of `M`
/// each. `M` should be a multiple of four, so that a slot's mark is written by one store.
///
/// # Errors
///
/// It is too small, or this is not the first call.
#[cfg(target_arch = "arm")]
pub fn take<const RING: usize, const SLOTS: usize, const M: usize>() -> Result<Memory<M>, Lacking> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    // There are parts without a compare-and-swap. Whoever calls this at once from two places has two chances.
    let taken = cortex_m::interrupt::free(|_| {
        let taken = TAKEN.load(Ordering::Relaxed);
        TAKEN.store(true, Ordering::Relaxed);
        taken
    });
    let (start, len) = region();
    let len = if taken { 0 } else { len };
    // SAFETY: the linker script promises that this region is RAM, aligned to a word, and no object of the program's; `words` makes shared
    // references to its first bytes and nobody else any. This call is the first one, else `len` is 0.
    unsafe { carve::<RING, SLOTS, M>(start, len) }
}

/// The region's words, for handlers that cannot be given them.
#[cfg(target_arch = "arm")]
pub fn words() -> &'static Words {
    // SAFETY: as in `take`, which fails to link where the region is missing and makes no other kind of reference to these bytes. A region that is
    // too small for them is refused by `take`, without which there is no recorder and no evidence to leave.
    unsafe { &*region().0.cast() }
}

/// `Memory` in the `len` bytes at `start`.
///
/// # Safety
///
/// They are readable and writable for ever, whatever bits they hold, and aligned to a word. There is no reference to them, but shared ones to the
/// `Words` at their front, and none will be made but such.
#[cfg_attr(not(target_arch = "arm"), allow(dead_code, reason = "tests call it, elsewhere nobody does"))]
pub(crate) unsafe fn carve<const RING: usize, const SLOTS: usize, const M: usize>(
    start: *mut u8,
    len: usize,
) -> Result<Memory<M>, Lacking> {
    const { assert!(align_of::<Words>() == align_of::<u32>()) };
    let needed = size_of::<Words>() + RING + SLOTS * M;
    if needed > len {
        return Err(Lacking { needed, there: len });
    }
    // SAFETY: all three lie within the `len` bytes, one behind the other, so that they do not overlap. `Words` is made of atomics alone, for
    // which any bits are a value and to which any number of shared references may be; bytes are aligned anywhere and any bits are some.
    // Nobody else refers to them, by what the caller promises.
    unsafe {
        let ring = start.add(size_of::<Words>());
        Ok(Memory {
            words: &*start.cast(),
            ring: core::slice::from_raw_parts_mut(ring, RING),
            slots: core::slice::from_raw_parts_mut(ring.add(RING).cast(), SLOTS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smoltel_core::recorder::{Image, Reset};
    use smoltel_core::{Pipeline, Seed, Signal};

    /// Memory as a reset leaves it, for any number of boots, one after the other.
    fn region(words: usize) -> (*mut u8, usize) {
        let memory = Box::leak(vec![0xA5A5_A5A5_u32; words].into_boxed_slice());
        (memory.as_mut_ptr().cast(), words * 4)
    }

    fn boot(start: *mut u8, len: usize) -> (&'static Pipeline, Image) {
        let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| 7)));
        // SAFETY: the test's memory lives for ever, and the boot before is over: nothing of it is used again.
        let memory = unsafe { carve::<512, 2, 128>(start, len) }.expect("there is room");
        let image = pipeline.init_recorder(memory, Seed::Unique([1; 16]), [2; 8], Reset::Software);
        (pipeline, image)
    }

    #[test]
    fn what_a_boot_leaves_the_next_one_finds() {
        let (start, len) = region(1024);
        let (first, image) = boot(start, len);
        assert_eq!(image, Image::Fresh);
        first.logger("valve").info("ready");
        core::mem::forget(first.tracer("valve").start("adjust"));
        let (second, image) = boot(start, len);
        assert_eq!(image, Image::Survived);
        let len = |lane| second.with_lane(lane, |ring| ring.records(0).count());
        assert_eq!((len(0), len(1)), (Some(1), Some(1)), "the log record, and the span");
        assert_eq!(second.counters().recorded(Signal::Traces), 1);
    }

    #[test]
    fn a_region_that_is_too_small_is_said() {
        let (start, len) = region(64);
        // SAFETY: nothing else refers to the test's memory.
        let lacking = unsafe { carve::<512, 2, 128>(start, len) }.expect_err("it is too small");
        assert_eq!((lacking.there, lacking.needed), (256, size_of::<Words>() + 768));
    }
}
