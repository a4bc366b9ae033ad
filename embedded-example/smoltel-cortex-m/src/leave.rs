//! What handlers call: they leave evidence and reset the part.

use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use smoltel_core::recorder::Reset;

use crate::Frame;
use crate::region::words;

/// For the panic handler: leaves the message and where it came from.
pub fn panicked(info: &PanicInfo<'_>) -> ! {
    let place = info.location().map_or(("", 0), |place| (place.file(), place.line()));
    words().leave(Reset::Panic, place, format_args!("{}", info.message()));
    SCB::sys_reset()
}

/// For `HardFault`, by [`with_frame!`](crate::with_frame): leaves where it happened.
pub fn faulted(frame: &Frame) -> ! {
    let Frame { pc, lr, .. } = frame;
    words().leave(
        Reset::HardFault,
        ("", 0),
        format_args!("hard fault at {pc:#010x}, called from {lr:#010x}"),
    );
    SCB::sys_reset()
}

/// For what a watchdog raises before it resets, by [`with_frame!`](crate::with_frame): leaves what did not come to an end.
pub fn hung(frame: &Frame) -> ! {
    let Frame { pc, lr, .. } = frame;
    words().leave(Reset::Watchdog, ("", 0), format_args!("hung at {pc:#010x}, called from {lr:#010x}"));
    SCB::sys_reset()
}
