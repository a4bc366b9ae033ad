//! `collector/*/v1/*_service.proto`: what an endpoint answers.
//!
//! The requests of all signals have one shape, which [`batch`](crate::batch) writes; `TracesData` and its
//! like, which files hold, are the same bytes.

use crate::wire::{Full, Malformed, Payload, Reader, Writer, len_field, varint};

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
///
/// // A device that receives can answer, too.
/// let mut buf = [0; 16];
/// let mut w = smoltel_core::wire::Writer::new(&mut buf);
/// partial.encode(&mut w)?;
/// assert_eq!(w.written(), b"\x0A\x07\x08\x05\x12\x03bad");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
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

    /// Writes the binary form. Full success is an empty message: `partial_success` is there only if it
    /// says something.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        let rejected = self.rejected.min(i64::MAX as u64);
        let rejected_len = if rejected == 0 { 0 } else { 1 + varint::len(rejected) };
        let message_len = if self.message.is_empty() { 0 } else { len_field(self.message.len()) };
        if rejected_len + message_len == 0 {
            return Ok(());
        }
        w.head(field::PARTIAL_SUCCESS, rejected_len + message_len)?;
        if rejected > 0 {
            w.varint_field(field::REJECTED, rejected)?;
        }
        if message_len > 0 {
            w.string(field::ERROR_MESSAGE, self.message)?;
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written_and_full_success_is_nothing() {
        for rejected in [0, 1, 300, i64::MAX as u64] {
            for message in ["", "why"] {
                let response = Response { rejected, message };
                let mut buf = [0; 32];
                let mut w = Writer::new(&mut buf);
                response.encode(&mut w).unwrap();
                assert_eq!(Response::decode(w.written()), Ok(response));
                assert_eq!(w.is_empty(), response == Response::default());
            }
        }
    }
}
