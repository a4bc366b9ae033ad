//! A bad line between a device and a gateway.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// One bit in so many is flipped, both ways.
const NOISE: u64 = 1000;

/// A line that flips bits, for one connection.
pub(crate) struct Cable {
    /// The device's end.
    pub(crate) device: SocketAddr,
    carrying: JoinHandle<io::Result<u64>>,
}

impl Cable {
    /// A line to `gateway`, which is connected when the device is.
    pub(crate) fn lay(gateway: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let device = socket.local_addr()?;
        Ok(Self { device, carrying: thread::spawn(move || carry(&socket.accept()?.0, gateway)) })
    }

    /// How many bits it flipped, after the device is gone.
    pub(crate) fn flipped(self) -> io::Result<u64> {
        self.carrying.join().map_err(|_| io::Error::other("the cable panicked"))?
    }
}

fn carry(device: &TcpStream, gateway: SocketAddr) -> io::Result<u64> {
    let gateway = TcpStream::connect(gateway)?;
    device.set_nodelay(true)?;
    gateway.set_nodelay(true)?;
    let answers = [gateway.try_clone()?, device.try_clone()?];
    let back = thread::spawn(move || flip(&answers[0], &answers[1], 2));
    let forth = flip(device, &gateway, 1);
    // Whoever is left hears that the line is gone.
    let _ = gateway.shutdown(std::net::Shutdown::Both);
    let back = back.join().map_err(|_| io::Error::other("carrying answers panicked"))?;
    Ok(forth + back)
}

/// Carries bytes until one of both is gone, and says how many bits it flipped.
fn flip(mut from: &TcpStream, mut to: &TcpStream, seed: u64) -> u64 {
    let (mut random, mut flipped, mut buffer) = (Random(seed), 0, [0; 256]);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get_mut(..read).unwrap_or_default();
        for byte in &mut *bytes {
            for bit in 0..8 {
                let flips = random.next() % NOISE == 0;
                *byte ^= u8::from(flips) << bit;
                flipped += u64::from(flips);
            }
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    flipped
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

    #[test]
    fn it_flips_one_bit_in_a_thousand() {
        let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
        let cable = Cable::lay(gateway.local_addr().unwrap()).unwrap();
        let mut device = TcpStream::connect(cable.device).unwrap();
        device.write_all(&[0; 12_500]).unwrap();
        device.shutdown(std::net::Shutdown::Write).unwrap();
        let mut arrived = Vec::new();
        gateway.accept().unwrap().0.read_to_end(&mut arrived).unwrap();
        let flipped: u64 = arrived.iter().map(|byte| u64::from(byte.count_ones())).sum();
        assert_eq!((arrived.len(), cable.flipped().unwrap()), (12_500, flipped));
        assert!((50..200).contains(&flipped), "{flipped} of 100,000");
    }
}
