//! Stands for the PAC of a part, such as `stm32f1` or `nrf52840-pac`: the interrupts of the mps2-an385 that the sketch uses.
#![allow(unsafe_code, reason = "the linker puts the table where the processor looks")]

use cortex_m::interrupt::InterruptNumber;

/// The processor has 8 priorities.
pub(crate) const NVIC_PRIO_BITS: u8 = 3;

/// RTIC asks for the name that `svd2rust` gives where there is a vector table.
pub(crate) use Interrupt as interrupt;

/// Interrupts, by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Interrupt {
    /// UART1 has received a byte.
    UARTRX1 = 2,
    /// Unused by the hardware here: RTIC runs software tasks from it.
    UARTTX2 = 5,
}

// SAFETY: each variant has a number of its own, which is always the same and below that of the table's entries.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

unsafe extern "C" {
    fn UARTRX1();
    fn UARTTX2();
}

/// The vector table behind the processor's own exceptions.
// SAFETY: cortex-m-rt's `link.x` looks for this name, in this section, and nothing else has it. An interrupt that has no entry is
// never switched on.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [Option<unsafe extern "C" fn()>; 6] =
    [None, None, Some(UARTRX1), None, None, Some(UARTTX2)];
