//! Connections as bytes in and bytes out: no I/O happens here.
//!
//! A transport is driven by whoever owns the wire, in a main loop, an interrupt or a task:
//!
//! 1. hand over what has arrived, with [`receive`](Transport::receive);
//! 2. ask for what is to leave, with [`transmit`](Transport::transmit), until it says `None`;
//! 3. come back when bytes arrive, when something was recorded, or at [`poll_at`](Transport::poll_at).

#[cfg(feature = "embedded-io-07")]
pub mod embedded_io;
pub mod http;

mod date;
mod response;

use crate::pipeline::Pipeline;
use crate::platform::{Device, Platform};

/// One end of a connection that takes records out of a pipeline.
///
/// Times are those of the pipeline's clock, in nanoseconds.
///
/// ```
/// use smoltel_core::Pipeline;
/// use smoltel_core::transport::Transport;
/// /// What a main loop does with bytes that arrived, and those that are to leave.
/// fn turn(to: &mut impl Transport, now: u64, pipeline: &Pipeline, arrived: &[u8], out: &mut [u8]) -> usize {
///     to.receive(now, pipeline, arrived);
///     to.transmit(now, pipeline, out).unwrap_or(0)
/// }
/// ```
pub trait Transport<P: Platform = Device> {
    /// Writes the next bytes to send into `out` and returns how many; `None` when there is nothing to
    /// send now.
    fn transmit(&mut self, now: u64, pipeline: &Pipeline<P>, out: &mut [u8]) -> Option<usize>;

    /// Takes bytes that have arrived, in any pieces.
    fn receive(&mut self, now: u64, pipeline: &Pipeline<P>, bytes: &[u8]);

    /// When `transmit` has to be called next although nothing arrives; `None` when it need not be.
    fn poll_at(&self) -> Option<u64>;

    /// The connection was lost, or made anew: what was in flight will be sent again.
    fn reset(&mut self, now: u64, pipeline: &Pipeline<P>);
}
