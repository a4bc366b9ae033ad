//! NOR flash as it is at its worst: a word is programmed once between two erases, and what was under way when power
//! failed reads differently each time.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

pub(crate) const PAGE: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PowerCut;

impl NorFlashError for PowerCut {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Erased,
    Programmed,
    /// Cut short: its bits that `may` be either differ from read to read, or were decided once.
    Torn,
}

/// A flash of words of `W` bytes.
#[derive(Clone, Debug)]
pub(crate) struct Nor<const W: usize> {
    bytes: Vec<u8>,
    /// Bits that read as anything.
    unsure: Vec<u8>,
    words: Vec<Word>,
    /// Words programmed and pages erased so far.
    pub(crate) operations: u64,
    /// The operation that power fails in.
    pub(crate) cut_at: u64,
    dead: bool,
    pub(crate) noise: u64,
    pub(crate) erases: u64,
}

impl<const W: usize> Nor<W> {
    pub(crate) fn blank(pages: usize) -> Self {
        let len = pages * PAGE;
        let (bytes, unsure, words) = (vec![0xFF; len], vec![0; len], vec![Word::Erased; len / W]);
        Self { bytes, unsure, words, operations: 0, cut_at: u64::MAX, dead: false, noise: 1, erases: 0 }
    }

    /// One that somebody else wrote.
    pub(crate) fn written(bytes: Vec<u8>) -> Self {
        let words = vec![Word::Programmed; bytes.len() / W];
        Self { unsure: vec![0; bytes.len()], words, bytes, ..Self::blank(0) }
    }

    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Power is back, and fails again so many operations later.
    pub(crate) fn power_on(&mut self, cut_in: u64) {
        (self.dead, self.cut_at) = (false, self.operations.saturating_add(cut_in));
    }

    fn random(&mut self) -> u8 {
        self.noise =
            self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.noise >> 40) as u8
    }

    /// Bits that an operation would have changed may be either now, from read to read or once and for all.
    fn tear(&mut self, at: usize, target: u8, stable: bool) {
        let differing = self.bytes[at] ^ target;
        if stable {
            self.bytes[at] ^= differing & self.random();
        } else {
            self.unsure[at] |= differing;
        }
    }

    /// Counts an operation; whether it is the one that is cut short.
    fn begin(&mut self) -> Result<bool, PowerCut> {
        if self.dead {
            return Err(PowerCut);
        }
        self.operations += 1;
        self.dead = self.operations > self.cut_at;
        Ok(self.dead)
    }
}

impl<const W: usize> ErrorType for Nor<W> {
    type Error = PowerCut;
}

impl<const W: usize> ReadNorFlash for Nor<W> {
    const READ_SIZE: usize = if W >= 4 { 4 } else { 1 };

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PowerCut> {
        assert!(
            (offset as usize).is_multiple_of(Self::READ_SIZE) && bytes.len().is_multiple_of(Self::READ_SIZE)
        );
        if self.dead {
            return Err(PowerCut);
        }
        for (at, byte) in (offset as usize..).zip(bytes) {
            *byte = self.bytes[at] ^ self.unsure[at] & self.random();
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const W: usize> NorFlash for Nor<W> {
    const WRITE_SIZE: usize = W;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerCut> {
        let range = from as usize..to as usize;
        assert!(range.start.is_multiple_of(PAGE) && range.len() == PAGE, "one page is erased at once");
        let cut = self.begin()?;
        let stable = self.random() & 1 == 0;
        self.erases += 1;
        for at in range.clone() {
            if cut {
                self.tear(at, 0xFF, stable);
            } else {
                (self.bytes[at], self.unsure[at]) = (0xFF, 0);
            }
        }
        self.words[range.start / W..range.end / W].fill(if cut { Word::Torn } else { Word::Erased });
        if cut { Err(PowerCut) } else { Ok(()) }
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), PowerCut> {
        let offset = offset as usize;
        assert!(offset.is_multiple_of(W) && bytes.len().is_multiple_of(W));
        for (word, bytes) in (offset / W..).zip(bytes.chunks(W)) {
            let cut = self.begin()?;
            let stable = self.random() & 1 == 0;
            assert_eq!(self.words[word], Word::Erased, "word {word} is programmed without an erase before");
            self.words[word] = if cut { Word::Torn } else { Word::Programmed };
            for (at, byte) in (word * W..).zip(bytes) {
                if cut {
                    self.tear(at, *byte, stable);
                } else {
                    self.bytes[at] = *byte;
                }
            }
            if cut {
                return Err(PowerCut);
            }
        }
        Ok(())
    }
}
