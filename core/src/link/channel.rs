//! Another stream beside the telemetry, such as defmt's: without acknowledgements.

use super::device::{DeviceEnd, State};
use super::{DECLARATIONS, FRAME, frame, kind};

/// The position in front of the bytes.
const POSITION: usize = 4;

impl DeviceEnd<'_> {
    /// Writes a frame with as many of `bytes`, from the front, as it has room for into `out`; how many these are, and how long the
    /// frame is. `None` while the gateway cannot take them: then they stay the caller's, for later.
    ///
    /// `position` is how many bytes of that channel, 0 to 15, there were before since the device started, with those that
    /// were dropped; it wraps. Nothing is sent again, so call it when [`transmit`](Self::transmit) has nothing to send.
    ///
    /// ```
    /// use smoltel_core::link::{DeviceEnd, Identity};
    /// let mut device = DeviceEnd::new(Identity::new(b"00042", 1), &[]);
    /// let mut out = [0; 256];
    /// assert_eq!(device.transmit_channel(0, 0, b"a defmt frame\0", &mut out), None, "no session yet");
    /// ```
    pub fn transmit_channel(
        &mut self,
        channel: u8,
        position: u32,
        bytes: &[u8],
        out: &mut [u8],
    ) -> Option<(usize, usize)> {
        let declarations = self.flows.get(usize::from(DECLARATIONS))?;
        let State::Up(up) = &mut self.state else { return None };
        if bytes.is_empty() || declarations.received == 0 || declarations.unreceived() {
            return None;
        }
        let first = kind::CHANNEL << 4 | channel & 15;
        let size = up.size.min(out.len());
        let out = out.get_mut(..size).filter(|out| out.len() >= *FRAME.start())?;
        let around = up.session.body(first) + POSITION + up.session.check(first);
        let room = frame::room(size).checked_sub(around)?;
        let taken = bytes.get(..room).unwrap_or(bytes);
        let len = up.session.write(first, out, |w| {
            w.put(&position.to_le_bytes())?;
            w.put(taken)
        })?;
        Some((taken.len(), len))
    }
}
