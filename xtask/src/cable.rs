//! A bad line between a device and a gateway.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// One bit in so many is flipped, both ways, if bits are flipped.
const NOISE: u64 = 1000;

/// A line for one device, which may be plugged into a gateway, or another one.
pub(crate) struct Cable {
    /// The device's end.
    pub(crate) device: SocketAddr,
    line: Arc<Line>,
}

struct Line {
    noisy: bool,
    /// Where it is plugged in, and how often it was.
    gateway: Mutex<(Option<SocketAddr>, u64)>,
    flipped: AtomicU64,
}

impl Cable {
    /// A line that is plugged in nowhere: what the device says is lost, and answered with rubbish.
    pub(crate) fn lay(noisy: bool) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let device = socket.local_addr()?;
        let line = Arc::new(Line { noisy, gateway: Mutex::new((None, 0)), flipped: AtomicU64::new(0) });
        let carrying = Arc::clone(&line);
        // It ends with the device.
        thread::spawn(move || carrying.carry(&socket.accept()?.0));
        Ok(Self { device, line })
    }

    /// Connects it to `gateway` before the device's next byte is carried.
    pub(crate) fn plug(&self, gateway: SocketAddr) {
        let mut plugged = self.line.gateway.lock().unwrap_or_else(PoisonError::into_inner);
        *plugged = (Some(gateway), plugged.1 + 1);
    }

    /// How many bits it has flipped.
    pub(crate) fn flipped(&self) -> u64 {
        self.line.flipped.load(Ordering::Relaxed)
    }
}

impl Line {
    /// Carries what the device says to where the line is plugged in at that moment.
    fn carry(self: &Arc<Self>, mut device: &TcpStream) -> io::Result<()> {
        device.set_nodelay(true)?;
        let (mut random, mut buffer) = (Random(1), [0; 256]);
        let (mut to, mut plugs): (Option<TcpStream>, _) = (None, 0);
        while let read @ 1.. = device.read(&mut buffer)? {
            let bytes = buffer.get_mut(..read).unwrap_or_default();
            let (gateway, times) = *self.gateway.lock().unwrap_or_else(PoisonError::into_inner);
            if times > plugs {
                plugs = times;
                to = gateway.and_then(|gateway| self.connect(device, gateway).ok());
            }
            match &mut to {
                Some(gateway) => {
                    self.disturb(&mut random, bytes);
                    // A gateway that is gone takes nothing, and the device has to find out by itself.
                    let _ = gateway.write_all(bytes);
                }
                None => {
                    bytes.fill_with(|| (random.next() & 0xff) as u8);
                    device.write_all(bytes)?;
                }
            }
        }
        if let Some(gateway) = to {
            gateway.shutdown(Shutdown::Both)?;
        }
        Ok(())
    }

    /// A connection whose answers are carried back until it ends.
    fn connect(self: &Arc<Self>, device: &TcpStream, gateway: SocketAddr) -> io::Result<TcpStream> {
        let to = TcpStream::connect(gateway)?;
        to.set_nodelay(true)?;
        let (line, mut from, mut device) = (Arc::clone(self), to.try_clone()?, device.try_clone()?);
        thread::spawn(move || -> io::Result<()> {
            let (mut random, mut buffer) = (Random(2), [0; 256]);
            while let read @ 1.. = from.read(&mut buffer)? {
                let bytes = buffer.get_mut(..read).unwrap_or_default();
                line.disturb(&mut random, bytes);
                device.write_all(bytes)?;
            }
            Ok(())
        });
        Ok(to)
    }

    fn disturb(&self, random: &mut Random, bytes: &mut [u8]) {
        for byte in bytes.iter_mut().filter(|_| self.noisy) {
            for bit in 0..8 {
                let flips = random.next().is_multiple_of(NOISE);
                *byte ^= u8::from(flips) << bit;
                self.flipped.fetch_add(flips.into(), Ordering::Relaxed);
            }
        }
    }
}

/// SplitMix64: the same noise in every run, as far as the bytes are the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(gateway: &TcpListener) -> Vec<u8> {
        let mut arrived = Vec::new();
        gateway.accept().unwrap().0.read_to_end(&mut arrived).unwrap();
        arrived
    }

    #[test]
    fn a_noisy_one_flips_one_bit_in_a_thousand() {
        let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
        let cable = Cable::lay(true).unwrap();
        cable.plug(gateway.local_addr().unwrap());
        let mut device = TcpStream::connect(cable.device).unwrap();
        device.write_all(&[0; 12_500]).unwrap();
        device.shutdown(Shutdown::Write).unwrap();
        let arrived = arrived(&gateway);
        let flipped: u64 = arrived.iter().map(|byte| u64::from(byte.count_ones())).sum();
        assert_eq!((arrived.len(), cable.flipped()), (12_500, flipped));
        assert!((50..200).contains(&flipped), "{flipped} of 100,000");
    }

    #[test]
    fn before_it_is_plugged_in_it_answers_rubbish_and_later_carries_what_comes_then() {
        let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
        let cable = Cable::lay(false).unwrap();
        let mut device = TcpStream::connect(cable.device).unwrap();
        device.write_all(b"lost").unwrap();
        let mut rubbish = [0; 4];
        device.read_exact(&mut rubbish).unwrap();
        cable.plug(gateway.local_addr().unwrap());
        device.write_all(b"carried").unwrap();
        device.shutdown(Shutdown::Write).unwrap();
        assert_eq!(arrived(&gateway), b"carried");
        assert_eq!(cable.flipped(), 0);
    }
}
