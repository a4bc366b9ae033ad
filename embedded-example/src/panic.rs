//! What a panic does.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use semihosting::{eprintln, process};

static RECORDED: AtomicBool = AtomicBool::new(false);

/// From now on a panic is left as evidence for the next boot, and resets the part. Before, it is printed and ends the program.
pub fn record() {
    RECORDED.store(true, Ordering::Relaxed);
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if RECORDED.load(Ordering::Relaxed) {
        smoltel_cortex_m::panicked(info)
    }
    eprintln!("{info}");
    process::abort()
}
