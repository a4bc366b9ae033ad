use smoltel::Signal;
use smoltel::split::{Most, Piece, split};
use smoltel::transport::Outcome;
use smoltel_spool::{Class, Lease};

use super::request::{PLAIN, class};

/// A record that the other side finds too long, in parts. Only when each of them has its answer, the record is let go of; a
/// gateway that dies before sends it from its beginning.
pub(super) struct Parts {
    pub(super) lease: Lease,
    /// Those that are still to be sent; the next one is the last.
    pub(super) left: Vec<Piece>,
    /// Items that were taken, and that were refused, and with which words.
    pub(super) taken: u64,
    pub(super) refused: u64,
    pub(super) message: String,
}

impl Parts {
    /// Gives the record back if it is not too long, or cannot be split.
    pub(super) fn of(signal: Signal, single: Lease, too_long: bool) -> Result<Self, Lease> {
        let [record] = single.records() else { return Err(single) };
        let plain = record.decode(PLAIN).ok().filter(|_| too_long);
        match plain.and_then(|plain| halves(signal, &plain)) {
            Some(left) => Ok(Self { lease: single, left, taken: 0, refused: 0, message: String::new() }),
            None => Err(single),
        }
    }

    pub(super) fn class(&self) -> Class {
        class(std::slice::from_ref(&self.lease))
    }

    /// A part is refused: it goes in smaller ones, or not at all.
    pub(super) fn refuse(&mut self, signal: Signal, part: Piece, outcome: &Outcome) {
        match halves(signal, &part.body).filter(|_| outcome.too_large) {
            Some(smaller) => self.left.extend(smaller),
            None => {
                self.refused += part.items;
                self.message.clone_from(&outcome.message);
            }
        }
    }
}

/// In parts of half the length where that can be, the first one last.
fn halves(signal: Signal, body: &[u8]) -> Option<Vec<Piece>> {
    let mut pieces = split(signal, body, Most { bytes: body.len() / 2, ..Most::default() }).ok()?;
    pieces.reverse();
    (pieces.len() > 1).then_some(pieces)
}
