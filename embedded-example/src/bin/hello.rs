//! Says hello over UART0. It shows that toolchain, linker script, board and runner fit together.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use semihosting::process;
use smoltel_embedded_example::uart::Uart0;

#[entry]
fn main() -> ! {
    let Some(mut uart) = Uart0::take() else { process::abort() };
    uart.write_all(b"hello from a Cortex-M3\n");
    process::exit(0)
}
