//! Channels: bytes of other streams beside the telemetry.

use smoltel_core::link::{Access, DeviceEnd, Event, GatewayEnd};

use crate::device;

type Gateway = GatewayEnd<Box<dyn Fn(&[u8]) -> Access>>;
/// Channel, position and bytes of a frame that arrived.
type Heard = (u8, u32, Vec<u8>);

/// Hands all that the device says to the gateway and back, once; what came in channels.
fn turn(device: &mut DeviceEnd<'static>, gateway: &mut Gateway, now: u64) -> Vec<Heard> {
    let mut out = [0; 128];
    let mut heard = Vec::new();
    while let Some(n) = device.transmit(now, device::pipeline(), &mut out) {
        heard.extend(arrive(gateway, &out[..n]));
    }
    while let Some(n) = gateway.transmit(1, &mut out) {
        device.receive(now, &out[..n]);
    }
    heard
}

fn arrive(gateway: &mut Gateway, mut bytes: &[u8]) -> Vec<Heard> {
    let mut heard = Vec::new();
    while let Some(event) = gateway.receive(&mut bytes) {
        match event {
            Event::Hello(_) => gateway.welcome(77),
            Event::Channel { channel, position, bytes } => heard.push((channel, position, bytes.to_vec())),
            _ => {}
        }
    }
    heard
}

fn ends(sealed: bool) -> (DeviceEnd<'static>, Gateway) {
    let access = move |_: &[u8]| if sealed { Access::Sealed(device::key()) } else { Access::Plain };
    let (mut device, mut gateway) =
        (device::end(1 << 32, sealed), GatewayEnd::new(Box::new(access) as _, 4096));
    for now in 1..5 {
        assert_eq!(device.transmit_channel(0, 0, b"early", &mut [0; 128]), None, "before it was declared");
        turn(&mut device, &mut gateway, now);
        if device.is_up() {
            break;
        }
    }
    turn(&mut device, &mut gateway, 5);
    (device, gateway)
}

#[test]
fn bytes_of_a_channel_arrive_with_their_position_plain_and_sealed() {
    for sealed in [false, true] {
        let (mut device, mut gateway) = ends(sealed);
        let stream: Vec<u8> = (0..1000_u32).map(|at| (at % 251) as u8).collect();
        let (mut at, mut heard) = (0, Vec::new());
        while at < stream.len() {
            let mut out = [0; 128];
            let position = (at as u32).wrapping_sub(500);
            let (taken, n) = device.transmit_channel(9, position, &stream[at..], &mut out).unwrap();
            assert!(taken > 0 && n <= 128);
            let frame = arrive(&mut gateway, &out[..n]);
            assert_eq!(frame.first().map(|frame| (frame.0, frame.1)), Some((9, position)));
            heard.extend(frame.into_iter().flat_map(|(_, _, bytes)| bytes));
            at += taken;
        }
        assert_eq!(heard, stream);
    }
}

#[test]
fn a_channel_with_nothing_in_it_a_short_buffer_and_a_session_that_is_over_send_nothing() {
    let (mut device, _) = ends(false);
    assert_eq!(device.transmit_channel(0, 0, b"", &mut [0; 128]), None);
    assert_eq!(device.transmit_channel(0, 0, b"x", &mut [0; 63]), None);
    assert!(device.transmit_channel(0, 0, b"x", &mut [0; 64]).is_some());
    device.reset(9);
    assert_eq!(device.transmit_channel(0, 0, b"x", &mut [0; 64]), None);
}
