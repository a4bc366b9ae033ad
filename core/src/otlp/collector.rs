//! `collector/*/v1/*_service.proto`: what an endpoint answers.
//!
//! The requests of all signals have one shape, which [`batch`](crate::batch) writes.

use crate::wire::{Malformed, Payload, Reader};

mod field {
    pub(super) const PARTIAL_SUCCESS: u32 = 1;
    pub(super) const REJECTED: u32 = 1;
    pub(super) const ERROR_MESSAGE: u32 = 2;
}

/// What an `Export…ServiceResponse` says: nothing (full success), or that items were rejected.
///
/// ```
/// use smoltel_core::otlp::collector::Response;
/// let full = Response::decode(&[])?;
/// assert_eq!((full.rejected, full.message), (0, ""));
/// let partial = Response::decode(b"\x0A\x07\x08\x05\x12\x03bad")?;
/// assert_eq!((partial.rejected, partial.message), (5, "bad"));
/// # Ok::<(), smoltel_core::wire::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Response<'a> {
    /// Spans, points or log records that were not taken and must not be sent again.
    pub rejected: u64,
    /// Why, or a warning when nothing was rejected.
    pub message: &'a str,
}

impl<'a> Response<'a> {
    /// Reads the binary form. Unknown fields are skipped.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut response = Self::default();
        for field in Reader::new(bytes) {
            if let (field::PARTIAL_SUCCESS, Payload::Len(partial)) = field? {
                response.merge(partial)?;
            }
        }
        Ok(response)
    }

    fn merge(&mut self, partial: &'a [u8]) -> Result<(), Malformed> {
        for field in Reader::new(partial) {
            match field? {
                (field::REJECTED, Payload::Varint(n)) => {
                    self.rejected = if n > i64::MAX as u64 { 0 } else { n }
                }
                (field::ERROR_MESSAGE, Payload::Len(text)) => {
                    self.message = core::str::from_utf8(text).map_err(|_| Malformed)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
