//! A TCP socket of smoltcp as a stream of embedded-io.

use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use smoltcp::socket::tcp::Socket;

/// A socket that is connected.
#[derive(Debug)]
pub struct Stream<'a, 'b>(pub &'a mut Socket<'b>);

/// The connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl core::fmt::Display for Gone {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the connection is gone; connect again")
    }
}

impl core::error::Error for Gone {}

impl Error for Gone {
    fn kind(&self) -> ErrorKind {
        ErrorKind::ConnectionReset
    }
}

impl ErrorType for Stream<'_, '_> {
    type Error = Gone;
}

impl Read for Stream<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Gone> {
        if !self.0.may_recv() {
            return Ok(0);
        }
        self.0.recv_slice(out).map_err(|_| Gone)
    }
}

impl ReadReady for Stream<'_, '_> {
    fn read_ready(&mut self) -> Result<bool, Gone> {
        // An end is read, too.
        Ok(self.0.can_recv() || !self.0.may_recv())
    }
}

impl Write for Stream<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Gone> {
        self.0.send_slice(bytes).map_err(|_| Gone)
    }

    /// What was written leaves when the interface is polled.
    fn flush(&mut self) -> Result<(), Gone> {
        Ok(())
    }
}

impl WriteReady for Stream<'_, '_> {
    fn write_ready(&mut self) -> Result<bool, Gone> {
        if self.0.may_send() { Ok(self.0.can_send()) } else { Err(Gone) }
    }
}
