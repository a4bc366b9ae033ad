//! What a panic does.

use core::panic::PanicInfo;

use semihosting::process;

#[cfg(feature = "full")]
use core::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "full")]
static RECORDED: AtomicBool = AtomicBool::new(false);

/// From now on a panic is left as evidence for the next boot, and resets the part. Before, it is printed and ends the program.
#[cfg(feature = "full")]
pub fn record() {
    RECORDED.store(true, Ordering::Relaxed);
}

#[cfg(feature = "full")]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if RECORDED.load(Ordering::Relaxed) {
        smoltel_cortex_m::panicked(info)
    }
    semihosting::eprintln!("{info}");
    process::abort()
}

/// Says where: what the message is made with would be in the program, too.
#[cfg(not(feature = "full"))]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if let Some(place) = info.location() {
        for part in ["panicked at ", place.file(), ":"] {
            crate::say::text(part);
        }
        crate::say::number(place.line());
        crate::say::text("\n");
    }
    process::abort()
}
