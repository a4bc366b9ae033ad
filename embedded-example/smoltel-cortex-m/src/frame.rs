//! What the core has pushed when it takes an exception.
#![allow(unsafe_code, reason = "an exception's frame is found by the stack pointer alone")]

/// The registers of who was interrupted, as the core has put them on the stack.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Frame {
    /// General registers.
    pub r0_to_r3: [u32; 4],
    /// R12.
    pub r12: u32,
    /// Where the function that was running returns to.
    pub lr: u32,
    /// What was running.
    pub pc: u32,
    /// The program status.
    pub xpsr: u32,
}

// Why `checked` below gets a reference that is one: on taking an exception the core pushes these eight words, aligned to four at least, and
// below them lies nothing of the program's; the stack pointer that the link register names points at them, and where there is an FPU its
// registers lie behind them. The handler does not return, so that nobody pops them while the reference lives. A stack that was broken before
// is another matter: the core faults while it pushes, or while the handler reads, and locks up with no evidence; the watchdog ends that.

/// Makes `handler`, a `fn(&Frame) -> !`, what the core runs at that exception or interrupt, with the frame of who was interrupted:
/// `with_frame!(NonMaskableInt, watchdog)`. The vector's name is cortex-m-rt's or the part's.
#[macro_export]
macro_rules! with_frame {
    ($vector:ident, $handler:path) => {
        #[allow(non_snake_case, reason = "it has the vector's name")]
        mod $vector {
            use super::*;

            extern "C" fn checked(frame: &$crate::Frame) -> ! {
                let handler: fn(&$crate::Frame) -> ! = $handler;
                handler(frame)
            }
            // Bit 2 of the link register says which stack the frame is on. All of these are in Armv6-M, too.
            core::arch::global_asm!(
                concat!(".section .text.", stringify!($vector), ",\"ax\",%progbits"),
                concat!(".global ", stringify!($vector)),
                concat!(".type ", stringify!($vector), ",%function"),
                ".thumb_func",
                concat!(stringify!($vector), ":"),
                "mov r0, lr",
                "movs r1, #4",
                "tst r0, r1",
                "bne 1f",
                "mrs r0, MSP",
                "b 2f",
                "1: mrs r0, PSP",
                "2: ldr r1, =({handler} + 1)",
                "bx r1",
                ".ltorg",
                handler = sym checked,
            );
        }
    };
}
