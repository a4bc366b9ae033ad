//! Prints without `core::fmt`, which is much of a small program.

use semihosting::io::{Write, stderr};

/// Prints a text as it is.
pub fn text(text: &str) {
    bytes(text.as_bytes());
}

/// Prints a number in decimal.
pub fn number(mut number: u32) {
    let mut digits = [0; 10];
    let mut from = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (number % 10) as u8;
        (number, from) = (number / 10, at);
        if number == 0 {
            break;
        }
    }
    bytes(digits.get(from..).unwrap_or_default());
}

fn bytes(bytes: &[u8]) {
    // Nobody is told that nobody can be told.
    let _ = stderr().and_then(|mut console| console.write_all(bytes));
}
