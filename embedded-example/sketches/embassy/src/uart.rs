//! Stands for a HAL's buffered UART: QEMU's, which is asked again and again instead of interrupting.

use core::convert::Infallible;

use embassy_futures::yield_now;
use embedded_io_async::{ErrorType, Read, Write};
use smoltel_embedded_example::uart::Uart1;

pub(crate) struct Uart(Uart1);

impl Uart {
    /// Switches it on; `None` from the second call on.
    pub(crate) fn take() -> Option<Self> {
        Uart1::take().map(Self)
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Read for Uart {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Infallible> {
        loop {
            match self.0.read(out) {
                0 if !out.is_empty() => yield_now().await,
                read => return Ok(read),
            }
        }
    }
}

impl Write for Uart {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        loop {
            match self.0.write(bytes) {
                0 if !bytes.is_empty() => yield_now().await,
                written => return Ok(written),
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
