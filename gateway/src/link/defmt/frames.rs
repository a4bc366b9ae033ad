use super::Lost;

/// The longest frame, without its zero.
const LONGEST: usize = 4096;

/// Cuts what comes of the stream at its zeros.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The position of the next byte; `None` until something has come.
    next: Option<u32>,
    frame: Vec<u8>,
    skips: bool,
    /// Whether anything was passed over since it does.
    skipped: bool,
}

impl Frames {
    /// Takes bytes at that position, hands on the frames that end in them, and says what is lost and how much of it.
    pub(crate) fn take(
        &mut self,
        position: u32,
        bytes: &[u8],
        mut frame: impl FnMut(Vec<u8>),
        mut lost: impl FnMut(Lost, u64),
    ) {
        let gap = position.wrapping_sub(self.next.unwrap_or(0));
        if gap > 0 {
            // What was before this session is nobody's loss here, and neither is a device that counts anew.
            if self.next.is_some() && gap <= u32::MAX / 2 {
                lost(Lost::Gap, gap.into());
            }
            self.frame.clear();
            (self.skips, self.skipped) = (true, false);
        }
        self.next = Some(position.wrapping_add(bytes.len() as u32));
        for part in bytes.split_inclusive(|&byte| byte == 0) {
            let (part, ends) = part.strip_suffix(&[0]).map_or((part, false), |part| (part, true));
            if self.skips {
                self.skipped |= !part.is_empty();
            } else {
                self.frame.extend_from_slice(part);
            }
            if self.frame.len() > LONGEST {
                lost(Lost::TooLong, 1);
                self.frame.clear();
                self.skips = !ends;
                continue;
            }
            if ends && std::mem::take(&mut self.skips) {
                lost(Lost::Torn, std::mem::take(&mut self.skipped).into());
            } else if ends && !self.frame.is_empty() {
                frame(std::mem::take(&mut self.frame));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `frames` makes of bytes at a position.
    fn take(frames: &mut Frames, position: u32, bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<(Lost, u64)>) {
        let (mut found, mut lost) = (Vec::new(), Vec::new());
        frames.take(position, bytes, |frame| found.push(frame), |what, count| lost.push((what, count)));
        (found, lost)
    }

    #[test]
    fn frames_end_at_zeros_wherever_the_stream_is_cut() {
        let mut frames = Frames::default();
        assert_eq!(take(&mut frames, 0, b"\0ab\0\0c"), (vec![b"ab".to_vec()], vec![]));
        assert_eq!(take(&mut frames, 6, b"d"), (vec![], vec![]));
        assert_eq!(take(&mut frames, 7, b"\0e\0"), (vec![b"cd".to_vec(), b"e".to_vec()], vec![]));
    }

    #[test]
    fn what_a_gap_tore_is_passed_over_and_counted() {
        let mut frames = Frames::default();
        take(&mut frames, u32::MAX, b"x\0begun");
        let (found, lost) = take(&mut frames, 8, b"end\0whole\0");
        assert_eq!(found, [b"whole".to_vec()]);
        assert_eq!(lost, [(Lost::Gap, 2), (Lost::Torn, 1)]);
        let (found, lost) = take(&mut frames, 3, b"of another boot\0whole\0");
        assert_eq!((found, lost), (vec![b"whole".to_vec()], vec![(Lost::Torn, 1)]));
    }

    #[test]
    fn a_session_that_begins_within_a_frame_gives_up_that_one() {
        assert_eq!(
            take(&mut Frames::default(), 5, b"end\0a\0"),
            (vec![b"a".to_vec()], vec![(Lost::Torn, 1)])
        );
    }

    #[test]
    fn what_never_ends_takes_no_memory() {
        let mut frames = Frames::default();
        let (mut position, mut lost) = (0, Vec::new());
        for _ in 0..100 {
            lost.extend(take(&mut frames, position, &[1; 1000]).1);
            position += 1000;
        }
        assert_eq!(lost, [(Lost::TooLong, 1)]);
        assert!(frames.frame.capacity() <= 2 * LONGEST + 1000);
        let (found, lost) = take(&mut frames, position, b"\0a\0");
        assert_eq!((found, lost), (vec![b"a".to_vec()], vec![(Lost::Torn, 1)]), "its end is passed over");
    }

    #[test]
    fn a_device_that_puts_a_zero_behind_what_it_dropped_loses_no_more() {
        let mut frames = Frames::default();
        take(&mut frames, 0, b"a\0");
        let (found, lost) = take(&mut frames, 9, b"\0b\0");
        assert_eq!((found, lost), (vec![b"b".to_vec()], vec![(Lost::Gap, 7), (Lost::Torn, 0)]));
    }
}
