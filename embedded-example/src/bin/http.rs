//! Posts to an HTTP server over UART0 and prints how it answered.
//!
//! The host carries the bytes of the UART to a TCP connection and back, as a modem would.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use semihosting::{eprintln, process};
use smoltel_embedded_example::uart::Uart;

/// An empty logs request is valid OTLP, and is no bytes.
const REQUEST: &[u8] = b"POST /v1/logs HTTP/1.1\r\nHost: gateway\r\n\
    Content-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";

#[entry]
fn main() -> ! {
    let Some(mut uart) = Uart::take() else { process::abort() };
    uart.write_all(REQUEST);
    let mut answer = [0; 512];
    match read_head(&mut uart, &mut answer) {
        Some(head) => {
            eprintln!("POST /v1/logs: {}", head.lines().next().unwrap_or_default());
            process::exit(0)
        }
        None => {
            eprintln!("the answer's head is not text, or is longer than {} bytes", answer.len());
            process::exit(1)
        }
    }
}

/// Reads up to the empty line that ends the head of an answer.
fn read_head<'a>(uart: &mut Uart, into: &'a mut [u8]) -> Option<&'a str> {
    let mut filled = 0;
    while !into.get(..filled)?.ends_with(b"\r\n\r\n") {
        let next = into.get_mut(filled..=filled)?;
        filled += uart.read(next);
    }
    core::str::from_utf8(into.get(..filled)?).ok()
}
