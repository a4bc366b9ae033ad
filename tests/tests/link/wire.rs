//! A wire on which anything can happen to a frame.

/// What happens to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Lose,
    Twice,
    /// It comes after the next one.
    Swap,
    /// It comes once more, that many frames later: in another session, perhaps.
    Again(u8),
    /// Its end is missing, so that it runs into the next.
    Cut,
    /// A bit is flipped, at a place that the number says.
    Flip(u16),
    /// Something is in front of it that nobody sent.
    Noise,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// Bytes that are to come, after so many more frames.
    held: Vec<(u8, Vec<u8>)>,
}

impl Wire {
    /// What arrives when `frame` is sent.
    pub(crate) fn carry(&mut self, frame: &[u8], fault: Option<Fault>) -> Vec<u8> {
        let mut arrived = Vec::new();
        match fault {
            None => arrived.extend(frame),
            Some(Fault::Lose) => {}
            Some(Fault::Twice) => arrived.extend([frame, frame].concat()),
            Some(Fault::Swap) => self.held.push((1, frame.to_vec())),
            Some(Fault::Again(later)) => {
                arrived.extend(frame);
                self.held.push((later, frame.to_vec()));
            }
            Some(Fault::Cut) => arrived.extend(&frame[..frame.len() / 2]),
            Some(Fault::Flip(at)) => {
                arrived.extend(frame);
                let bit = usize::from(at) % (frame.len() * 8);
                arrived[bit / 8] ^= 1 << (bit % 8);
            }
            Some(Fault::Noise) => arrived.extend([b"\x09noise\0\x03\x51\0\0\xFF", frame].concat()),
        }
        if fault != Some(Fault::Swap) {
            for (later, frame) in &mut self.held {
                *later = later.saturating_sub(1);
                if *later == 0 {
                    arrived.append(frame);
                }
            }
            self.held.retain(|(later, _)| *later > 0);
        }
        arrived
    }
}
