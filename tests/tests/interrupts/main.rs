//! Interrupts record whenever no lock is held: also between any two steps of what the main loop does.

mod collecting;
mod device;
mod sending;
