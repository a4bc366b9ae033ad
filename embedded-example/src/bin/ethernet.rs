//! Records a span, a log record and a counter, and sends them to a gateway by OTLP/HTTP over Ethernet: smoltcp on the board's
//! LAN9118. The time is learned from the gateway's `Date`.
//!
//! In QEMU's own network the host is 10.0.2.2; the gateway's port is the program's argument. It ends well when all has been
//! accepted.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use semihosting::experimental::env;
use semihosting::{eprintln, process};
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr, Ipv4Address};
use smoltel_core::transport::embedded_io::{Pump, Turn};
use smoltel_core::transport::http::Http;
use smoltel_core::{Key, Pipeline, Resource, Seed, Severity};
use smoltel_embedded_example::clock::uptime_ns;
use smoltel_embedded_example::lan9118::{Lan9118, MAC, MTU};
use smoltel_embedded_example::report;
use smoltel_embedded_example::stream::Stream;
use static_cell::ConstStaticCell;

static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);
static RING: ConstStaticCell<[u8; 2048]> = ConstStaticCell::new([0; 2048]);
static SLOTS: ConstStaticCell<[[u8; 256]; 4]> = ConstStaticCell::new([[0; 256]; 4]);
static POINTS: ConstStaticCell<[u8; 256]> = ConstStaticCell::new([0; 256]);
/// What the chip has got, and gets.
static FRAMES: ConstStaticCell<[[u8; MTU]; 2]> = ConstStaticCell::new([[0; MTU]; 2]);
/// What the socket holds.
static RECEIVED: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);
static SENT: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);

/// A device reads its serial number here. With this one, all ids are the same in every run.
const SEED: Seed = Seed::Unique(*b"serial no. 00042");
/// This device and the host, as QEMU has them.
const OWN: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
const HOST: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
const LOCAL_PORT: u16 = 49_152;
/// When the program gives up.
const DEADLINE: u64 = 50_000_000_000;

#[entry]
fn main() -> ! {
    TELEMETRY.init(RING.take(), SLOTS.take(), SEED);
    TELEMETRY.init_metrics(POINTS.take());
    let (Some(mut chip), Some(port)) = (Lan9118::start(FRAMES.take()), port()) else {
        eprintln!("a network, and the gateway's port as an argument, are needed");
        process::exit(2)
    };
    let resource = Resource::<64>::new().with("service.name", "thermostat");
    let Ok(resource) = resource else { process::abort() };
    adjust_valve();
    TELEMETRY.collect();
    let mut http = Http::new("gateway", resource.as_bytes(), 0, 42);
    let sent = send(&mut chip, port, &mut http);
    if !sent {
        eprintln!("{} bytes of records have not been answered for", report::waiting(&TELEMETRY));
    }
    process::exit(if report::losses(&TELEMETRY) && sent { 0 } else { 1 })
}

/// The last argument.
fn port() -> Option<u16> {
    let arguments = env::args::<256>().ok()?;
    let last = (&arguments).filter_map(Result::ok).last()?;
    last.parse().ok()
}

/// What the device is for, telling what it does.
fn adjust_valve() {
    const VALVE: Key<'static> = Key::new("valve.id");
    let moves = TELEMETRY.meter("control-loop").counter_in("valve.moves", "{move}");
    let mut span = TELEMETRY.tracer("control-loop").start("adjust");
    span.set("target.celsius", 21.5).set(VALVE, 3);
    moves.add(2, &[(VALVE, 3.into())]);
    TELEMETRY.logger("control-loop").log(Severity::Warn).context(span.context()).text("stuck").emit();
    span.end();
}

/// The main loop: the network and the transport, until everything has been answered.
fn send(chip: &mut Lan9118, port: u16, http: &mut Http<'_>) -> bool {
    let mut interface = interface(chip);
    let (received, sent) =
        (SocketBuffer::new(&mut RECEIVED.take()[..]), SocketBuffer::new(&mut SENT.take()[..]));
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handle = sockets.add(Socket::new(received, sent));
    let mut pump = Pump::<128>::new();
    let mut connected = false;
    while uptime_ns() < DEADLINE {
        let now = uptime_ns();
        interface.poll(time(now), chip, &mut sockets);
        let socket = sockets.get_mut::<Socket<'_>>(handle);
        if !socket.is_open() {
            // Fails only with an address that is none.
            _ = socket.connect(interface.context(), (HOST, port), LOCAL_PORT + (now >> 20) as u16 % 1000);
        }
        let was = core::mem::replace(&mut connected, socket.may_send());
        let turned = connected.then(|| pump.turn(now, &TELEMETRY, http, &mut Stream(socket)));
        if matches!(turned, Some(Ok(Turn::Ended) | Err(_))) || was && !connected {
            socket.abort();
            pump.reset(now, &TELEMETRY, http);
        }
        if connected && http.is_idle() && report::waiting(&TELEMETRY) == 0 {
            return true;
        }
    }
    false
}

fn interface(chip: &mut Lan9118) -> Interface {
    let config = Config::new(HardwareAddress::Ethernet(EthernetAddress(MAC)));
    let mut interface = Interface::new(config, chip, time(uptime_ns()));
    // One address, for which there is room.
    interface.update_ip_addrs(|all| _ = all.push(IpCidr::new(IpAddress::Ipv4(OWN), 24)));
    interface
}

fn time(now: u64) -> Instant {
    Instant::from_micros((now / 1000) as i64)
}
