//! A NOR flash that is simulated in RAM: pages of 1 KiB, words of 4 bytes that are programmed once between two erases.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// Flash in that memory, whose length is a multiple of a page's.
#[derive(Debug)]
pub struct SimulatedFlash {
    memory: &'static mut [u8],
}

impl SimulatedFlash {
    /// A flash that was just erased.
    pub fn blank(memory: &'static mut [u8]) -> Self {
        memory.fill(0xFF);
        Self { memory }
    }

    fn range(&mut self, at: u32, len: usize) -> &mut [u8] {
        // Checked by all who call this.
        self.memory.get_mut(at as usize..at as usize + len).unwrap_or_default()
    }
}

/// What a real flash's driver would say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashError {
    /// Out of bounds or not aligned.
    Access(NorFlashErrorKind),
    /// A word that was programmed already.
    Programmed,
}

impl From<NorFlashErrorKind> for FlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        Self::Access(kind)
    }
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Access(kind) => *kind,
            Self::Programmed => NorFlashErrorKind::Other,
        }
    }
}

impl ErrorType for SimulatedFlash {
    type Error = FlashError;
}

impl ReadNorFlash for SimulatedFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(self, at, bytes.len())?;
        bytes.copy_from_slice(self.range(at, bytes.len()));
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.memory.len()
    }
}

impl NorFlash for SimulatedFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(self, from, to)?;
        self.range(from, (to - from) as usize).fill(0xFF);
        Ok(())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(self, at, bytes.len())?;
        let words = self.range(at, bytes.len());
        if words.iter().any(|byte| *byte != 0xFF) {
            return Err(FlashError::Programmed);
        }
        words.copy_from_slice(bytes);
        Ok(())
    }
}
