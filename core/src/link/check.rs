//! What says that a frame is one of this session, and whole.

use core::ops::Range;

use super::key::{Key, Nonce};
use super::{frame, kind};
use crate::crc::Crc;
use crate::wire::{Full, Writer};

/// One session, as one of its ends has it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The gateway's random number; 0 before there is one.
    pub(super) number: u64,
    /// The device's.
    pub(super) nonce: u64,
    pub(super) key: Option<Key>,
    is_gateway: bool,
    sent: u64,
    got: u64,
}

const CRC: usize = 4;
const TAG: usize = 16;
const COUNTER: usize = 2;

impl Session {
    /// A session of the gateway's end, or of the device's.
    pub(super) const fn new(number: u64, nonce: u64, key: Option<Key>, is_gateway: bool) -> Self {
        Self { number, nonce, key, is_gateway, sent: 0, got: 0 }
    }

    /// Where the body of a frame of that first byte begins.
    pub(super) fn body(&self, first: u8) -> usize {
        if self.seals(first) && !greets(first) { 1 + COUNTER } else { 1 }
    }

    /// How long the check behind such a frame is.
    pub(super) fn check(&self, first: u8) -> usize {
        if self.seals(first) { TAG } else { CRC }
    }

    fn seals(&self, first: u8) -> bool {
        self.key.is_some() && kind::of(first) != kind::STRANGER
    }

    /// Writes a frame with that body into `out`, stuffed; how long it is.
    pub(super) fn write(
        &mut self,
        first: u8,
        out: &mut [u8],
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Option<usize> {
        let raw = frame::room(out.len());
        let lead = frame::lead(raw);
        let at = self.body(first);
        let room = out.get_mut(lead..lead + raw)?;
        *room.first_mut()? = first;
        let mut w = Writer::new(room.get_mut(at..raw.checked_sub(self.check(first))?)?);
        body(&mut w).ok()?;
        let len = at + w.len();
        let len = self.close(room, len)?;
        frame::stuff(out, lead, len)
    }

    /// Puts the check behind the frame that is `raw[..len]`; how long it is then.
    pub(super) fn close(&mut self, raw: &mut [u8], len: usize) -> Option<usize> {
        let first = *raw.first()?;
        let end = len + self.check(first);
        let (frame, check) = raw.get_mut(..end)?.split_at_mut_checked(len)?;
        let Some(key) = self.key.as_ref().filter(|_| self.seals(first)) else {
            check.copy_from_slice(&self.crc(frame).to_le_bytes());
            return Some(end);
        };
        let nonce = if greets(first) {
            self.nonce(0, self.is_gateway)
        } else {
            self.sent += 1;
            let [low, high, ..] = self.sent.to_le_bytes();
            frame.get_mut(1..1 + COUNTER)?.copy_from_slice(&[low, high]);
            self.nonce(self.sent, self.is_gateway)
        };
        let (clear, text) = frame.split_at_mut_checked(clear(first, len))?;
        check.copy_from_slice(&key.encrypt(&nonce, clear, text)?);
        Some(end)
    }

    /// The body of a frame that the other end has closed, which is in clear then; `None`, with nothing changed, if it was not or
    /// is not whole.
    pub(super) fn open(&mut self, raw: &mut [u8]) -> Option<Range<usize>> {
        let first = *raw.first()?;
        let len = raw.len().checked_sub(self.check(first))?;
        let body = self.body(first);
        let (frame, check) = raw.split_at_mut_checked(len).filter(|(frame, _)| frame.len() >= body)?;
        let Some(key) = self.key.as_ref().filter(|_| self.seals(first)) else {
            return (*check == self.crc(frame).to_le_bytes()).then_some(body..len);
        };
        let counter = if greets(first) { 0 } else { self.counter([*frame.get(1)?, *frame.get(2)?])? };
        let nonce = self.nonce(counter, !self.is_gateway);
        let (clear, text) = frame.split_at_mut_checked(clear(first, len))?;
        key.decrypt(&nonce, clear, text, (&*check).try_into().ok()?)?;
        self.got = self.got.max(counter);
        Some(body..len)
    }

    /// The counter with those lower bytes that is next beyond the last one.
    fn counter(&self, low: [u8; COUNTER]) -> Option<u64> {
        let ahead = u16::from_le_bytes(low).wrapping_sub(self.got as u16);
        // Of an old frame the lower half is a little behind, which looks like far ahead.
        (1..1 << 15).contains(&ahead).then(|| self.got + u64::from(ahead))
    }

    fn crc(&self, frame: &[u8]) -> u32 {
        let first = frame.first().copied().unwrap_or(0);
        let number = if greets(first) || kind::of(first) == kind::STRANGER { 0 } else { self.number };
        Crc::new().add(&number.to_le_bytes()).add(frame).value()
    }

    fn nonce(&self, counter: u64, from_gateway: bool) -> Nonce {
        let mut nonce = [0; 24];
        let counter = counter | u64::from(from_gateway) << 63;
        for (to, part) in nonce.chunks_exact_mut(8).zip([self.number, self.nonce, counter]) {
            to.copy_from_slice(&part.to_le_bytes());
        }
        nonce
    }
}

/// Whether a frame of that first byte is HELLO or WELCOME, which are not encrypted.
fn greets(first: u8) -> bool {
    matches!(kind::of(first), kind::HELLO | kind::WELCOME)
}

/// How much of a sealed frame of `len` bytes stays in clear.
fn clear(first: u8, len: usize) -> usize {
    if greets(first) { len } else { 1 + COUNTER }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(number: u64) -> (Session, Session) {
        #[cfg(feature = "link-aead")]
        let key = Some(Key::new([9; 32]));
        #[cfg(not(feature = "link-aead"))]
        let key = None;
        (Session::new(number, 7, key.clone(), false), Session::new(number, 7, key, true))
    }

    /// A closed frame with that kind and the body `hello`.
    fn closed(from: &mut Session, kind: u8) -> std::vec::Vec<u8> {
        let mut raw = [0; 64];
        raw[0] = kind << 4;
        let body = from.body(raw[0]);
        raw[body..body + 5].copy_from_slice(b"hello");
        let end = from.close(&mut raw, body + 5).unwrap();
        raw[..end].to_vec()
    }

    #[test]
    fn only_a_whole_frame_of_this_session_opens_and_every_flipped_bit_is_seen() {
        for kind in [kind::HELLO, kind::WELCOME, kind::DATA, kind::ACK] {
            let (mut device, mut gateway) = ends(5);
            let mut raw = closed(&mut device, kind);
            for bit in 0..raw.len() * 8 {
                raw[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(gateway.open(&mut raw), None, "bit {bit} of kind {kind}");
                raw[bit / 8] ^= 1 << (bit % 8);
            }
            for end in 0..raw.len() {
                assert_eq!(gateway.open(&mut raw[..end]), None, "cut at {end}");
            }
            let body = gateway.open(&mut raw).unwrap();
            assert_eq!(raw[body], *b"hello");
        }
        let (mut device, _) = ends(5);
        let (_, mut other) = ends(6);
        assert_eq!(other.open(&mut closed(&mut device, kind::DATA)), None, "another session");
    }

    #[cfg(feature = "link-aead")]
    #[test]
    fn a_sealed_frame_opens_once_and_only_in_its_direction() {
        let (mut device, mut gateway) = ends(5);
        let (mut first, mut second) = (closed(&mut device, kind::DATA), closed(&mut device, kind::DATA));
        let mut again = second.clone();
        assert!(!second.windows(5).any(|part| part == b"hello"));
        assert_eq!(device.open(&mut second.clone()), None, "its own");
        assert!(gateway.open(&mut second).is_some());
        assert_eq!(gateway.open(&mut again), None, "twice");
        assert_eq!(gateway.open(&mut first), None, "late");
        (device.sent, gateway.got) = (0xFFF0, 0xFFF0);
        for _ in 0..100 {
            let mut raw = closed(&mut device, kind::STATUS);
            assert!(gateway.open(&mut raw).is_some());
        }
    }
}
