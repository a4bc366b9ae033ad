//! The link's bytes on UART1.

use core::ops::Range;

use smoltel_core::link::DeviceEnd;

use crate::clock::uptime_ns;
use crate::uart::Uart1;

/// The longest frame that is sent: at 115,200 Bd it takes 22 ms.
const FRAME: usize = 256;

/// A UART, and the frame that is on its way out.
#[derive(Debug)]
pub struct Wire {
    uart: Uart1,
    frame: [u8; FRAME],
    unsent: Range<usize>,
}

impl Wire {
    /// Switches the UART on; `None` from the second call on.
    pub fn take() -> Option<Self> {
        Some(Self { uart: Uart1::take()?, frame: [0; FRAME], unsent: 0..0 })
    }

    /// Moves what can be moved now, both ways, and returns at once. `next` asks `link` for a frame, when there is room for one.
    pub fn turn(
        &mut self,
        link: &mut DeviceEnd<'_>,
        next: impl FnOnce(&mut DeviceEnd<'_>, u64, &mut [u8]) -> Option<usize>,
    ) {
        let mut incoming = [0; 32];
        let read = self.uart.read(&mut incoming);
        let now = uptime_ns();
        link.receive(now, incoming.get(..read).unwrap_or_default());
        if self.unsent.is_empty() {
            self.unsent = 0..next(link, now, &mut self.frame).unwrap_or(0);
        }
        let waiting = self.frame.get(self.unsent.clone()).unwrap_or_default();
        self.unsent.start += self.uart.write(waiting);
    }
}
