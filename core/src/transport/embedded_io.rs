//! A transport on a stream of [`embedded_io`]: a UART, or a socket.

use core::ops::Range;

use embedded_io::{Read, ReadReady, Write, WriteReady};

use super::Transport;
use crate::pipeline::Pipeline;
use crate::platform::Platform;

/// Moves bytes between a transport and a stream, and holds those that the stream had no room for: `N` at the most, which is the
/// longest frame of the link.
///
/// It asks the stream first whether it is ready, since reading and writing wait by contract: 256 bytes take 22 ms at 115,200 Bd.
///
/// ```
/// use embedded_io::{Read, ReadReady, Write, WriteReady};
/// use smoltel_core::transport::{Transport, embedded_io::{Pump, Turn}};
/// use smoltel_core::Pipeline;
///
/// /// What a main loop does, beside its own job.
/// fn turn<S: Read + Write + ReadReady + WriteReady>(
///     pump: &mut Pump<256>, now: u64, telemetry: &Pipeline, http: &mut impl Transport, socket: &mut S,
/// ) {
///     if !matches!(pump.turn(now, telemetry, http, socket), Ok(Turn::Moved | Turn::Idle)) {
///         pump.reset(now, telemetry, http); // and connect again
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Pump<const N: usize> {
    out: [u8; N],
    unsent: Range<usize>,
}

/// What a turn did.
///
/// ```
/// use smoltel_core::transport::embedded_io::Turn;
/// /// Whether the main loop may sleep.
/// fn may_sleep(turn: Turn) -> bool {
///     turn == Turn::Idle
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Turn {
    /// Bytes went in or out: there may be more at once.
    Moved,
    /// Nothing to read, and nothing to write or no room for it.
    Idle,
    /// The stream has ended: connect anew, and call [`Pump::reset`].
    Ended,
}

impl<const N: usize> Pump<N> {
    /// One that holds nothing.
    pub const fn new() -> Self {
        Self { out: [0; N], unsent: 0..0 }
    }

    /// Moves what can be moved without waiting: at most 64 bytes in and `N` out.
    ///
    /// # Errors
    ///
    /// The stream's own: what was in flight is sent again after [`reset`](Self::reset), on a new connection.
    pub fn turn<P: Platform, S: Read + Write + ReadReady + WriteReady>(
        &mut self,
        now: u64,
        pipeline: &Pipeline<P>,
        transport: &mut impl Transport<P>,
        stream: &mut S,
    ) -> Result<Turn, S::Error> {
        let mut turn = Turn::Idle;
        if stream.read_ready()? {
            let mut arrived = [0; 64];
            let n = stream.read(&mut arrived)?;
            if n == 0 {
                return Ok(Turn::Ended);
            }
            transport.receive(now, pipeline, arrived.get(..n).unwrap_or_default());
            turn = Turn::Moved;
        }
        if self.unsent.is_empty() {
            self.unsent = 0..transport.transmit(now, pipeline, &mut self.out).unwrap_or(0);
        }
        let unsent = self.out.get(self.unsent.clone()).unwrap_or_default();
        if !unsent.is_empty() && stream.write_ready()? {
            self.unsent.start += stream.write(unsent)?;
            turn = Turn::Moved;
        }
        Ok(turn)
    }

    /// The connection was lost, or made anew.
    pub fn reset<P: Platform>(
        &mut self,
        now: u64,
        pipeline: &Pipeline<P>,
        transport: &mut impl Transport<P>,
    ) {
        self.unsent = 0..0;
        transport.reset(now, pipeline);
    }
}

impl<const N: usize> Default for Pump<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Device;
    use embedded_io::{ErrorKind, ErrorType};
    use std::vec::Vec;

    /// A stream that takes as many bytes as it has room for, and fails if it is asked when it is not ready.
    #[derive(Default)]
    struct Wire {
        arrived: Vec<u8>,
        ended: bool,
        room: usize,
        sent: Vec<u8>,
    }

    impl ErrorType for Wire {
        type Error = ErrorKind;
    }

    impl Read for Wire {
        fn read(&mut self, out: &mut [u8]) -> Result<usize, ErrorKind> {
            assert!(!self.arrived.is_empty() || self.ended, "it would wait");
            let n = out.len().min(self.arrived.len());
            out.iter_mut().zip(self.arrived.drain(..n)).for_each(|(to, from)| *to = from);
            Ok(n)
        }
    }

    impl Write for Wire {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
            assert!(self.room > 0, "it would wait");
            let n = bytes.len().min(self.room);
            self.room -= n;
            self.sent.extend_from_slice(&bytes[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> Result<(), ErrorKind> {
            Ok(())
        }
    }

    impl ReadReady for Wire {
        fn read_ready(&mut self) -> Result<bool, ErrorKind> {
            Ok(self.ended || !self.arrived.is_empty())
        }
    }

    impl WriteReady for Wire {
        fn write_ready(&mut self) -> Result<bool, ErrorKind> {
            Ok(self.room > 0)
        }
    }

    /// Sends `left` bytes that count up, and remembers what it hears.
    #[derive(Default)]
    struct Counting {
        next: u8,
        left: usize,
        heard: Vec<u8>,
        resets: usize,
    }

    impl Transport for Counting {
        fn transmit(&mut self, _: u64, _: &Pipeline, out: &mut [u8]) -> Option<usize> {
            let n = self.left.min(out.len());
            self.left -= n;
            for byte in &mut out[..n] {
                (*byte, self.next) = (self.next, self.next + 1);
            }
            (n > 0).then_some(n)
        }

        fn receive(&mut self, _: u64, _: &Pipeline<Device>, bytes: &[u8]) {
            self.heard.extend_from_slice(bytes);
        }

        fn poll_at(&self) -> Option<u64> {
            None
        }

        fn reset(&mut self, _: u64, _: &Pipeline) {
            self.resets += 1;
        }
    }

    static TELEMETRY: Pipeline = Pipeline::new(|| 0);

    #[test]
    fn nothing_waits_nothing_is_lost_and_nothing_comes_twice_however_slow_the_stream_is() {
        let (mut pump, mut wire) =
            (Pump::<16>::new(), Wire { arrived: (0..200).collect(), ..Wire::default() });
        let mut transport = Counting { left: 100, ..Counting::default() };
        let mut idle = 0;
        for turn in 0..1000 {
            wire.room = turn % 4;
            idle += usize::from(pump.turn(0, &TELEMETRY, &mut transport, &mut wire) == Ok(Turn::Idle));
        }
        assert_eq!(wire.sent, (0..100).collect::<Vec<u8>>());
        assert_eq!(transport.heard, (0..200).collect::<Vec<u8>>());
        assert!(idle > 800, "{idle}");
    }

    #[test]
    fn an_end_is_said_and_what_was_unsent_is_forgotten_with_the_connection() {
        let (mut pump, mut wire) = (Pump::<16>::new(), Wire::default());
        let mut transport = Counting { left: 20, ..Counting::default() };
        assert_eq!(pump.turn(0, &TELEMETRY, &mut transport, &mut wire), Ok(Turn::Idle), "16 bytes are held");
        wire.ended = true;
        assert_eq!(pump.turn(0, &TELEMETRY, &mut transport, &mut wire), Ok(Turn::Ended));
        pump.reset(0, &TELEMETRY, &mut transport);
        (wire.ended, wire.room) = (false, 100);
        assert_eq!(pump.turn(0, &TELEMETRY, &mut transport, &mut wire), Ok(Turn::Moved));
        assert_eq!((wire.sent, transport.resets), ((16..20).collect(), 1));
    }
}
