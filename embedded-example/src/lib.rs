//! What the programs in `src/bin` share: the board.
//!
//! Each program `src/bin/NAME.rs` has the output it must give beside it in `NAME.out`.
#![no_std]

pub mod uart;
