//! How deep the stack has been. Startup code paints it, and what is used loses the paint.
#![allow(unsafe_code, reason = "the stack is no object of the program's")]

use core::ptr::{addr_of, read_volatile};

use cortex_m_rt::STACK_PAINT_VALUE;

unsafe extern "C" {
    /// The stack's lowest address and the one above its highest, from the linker.
    static _stack_end: u32;
    static _stack_start: u32;
}

/// The most bytes of stack that have been in use at once so far.
pub fn deepest() -> usize {
    let (mut word, top) = (addr_of!(_stack_end), addr_of!(_stack_start));
    // SAFETY: the linker aligns both, and between them is RAM that holds nothing but the stack. `word` stays below
    // `top`; the reads are volatile, and of a whole word, which any bits are.
    while word < top && unsafe { read_volatile(word) } == STACK_PAINT_VALUE {
        word = word.wrapping_add(1);
    }
    top.addr() - word.addr()
}
