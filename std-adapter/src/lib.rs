//! See the crate description.
pub mod error;
pub mod transport;
pub use smoltel_core::Signal;
