//! What the programs in `src/bin` share: the board.
//!
//! Each program `src/bin/NAME.rs` has the output it must give beside it in `NAME.out`, and
//! what must arrive at the gateway in `NAME.json`, or `NAME.records`, if it sends there.
#![no_std]

pub mod build_id;
#[cfg(feature = "full")]
pub mod channel;
pub mod clock;
#[cfg(feature = "full")]
pub mod flash;
#[cfg(feature = "full")]
pub mod lan9118;
pub mod loopback;
pub mod measure;
pub mod panic;
pub mod peers;
pub mod report;
pub mod say;
pub mod stack;
#[cfg(feature = "full")]
pub mod stream;
pub mod uart;
pub mod watchdog;
pub mod wire;

mod registers;
