//! Records a span, a log record and a counter, and sends them to a collector by OTLP/HTTP over UART0.
//!
//! The host carries the bytes of the UART to a TCP connection and back, as a modem would. The program ends well when
//! all has been accepted.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use semihosting::{eprintln, process};
use smoltel_core::transport::{Transport, http::Http};
use smoltel_core::{Key, Pipeline, Resource, Seed, Severity};
use smoltel_embedded_example::{clock::uptime_ns, report, uart::Uart0};
use static_cell::ConstStaticCell;

static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);

/// Records on their way: their bytes as they will be sent, and 8 each.
static RING: ConstStaticCell<[u8; 2048]> = ConstStaticCell::new([0; 2048]);
/// As many spans and log records can be open at once.
static SLOTS: ConstStaticCell<[[u8; 256]; 4]> = ConstStaticCell::new([[0; 256]; 4]);
/// Sums, each with its attributes.
static POINTS: ConstStaticCell<[u8; 256]> = ConstStaticCell::new([0; 256]);

/// A device reads its serial number here. With this one, all ids are the same in every run.
const SEED: Seed = Seed::Unique(*b"serial no. 00042");
/// How long records wait for company, in nanoseconds.
const DELAY: u64 = 5_000_000_000;
/// When the program gives up: time for a request without an answer, and for its second try.
const DEADLINE: u64 = 20_000_000_000;

#[entry]
fn main() -> ! {
    let Some(mut uart) = Uart0::take() else { process::abort() };
    TELEMETRY.init(RING.take(), SLOTS.take(), SEED);
    TELEMETRY.init_metrics(POINTS.take());
    let resource = Resource::<64>::new().with("service.name", "thermostat");
    let Ok(resource) = resource.and_then(|resource| resource.with("device.id", "00042")) else {
        eprintln!("the resource is longer than its buffer");
        process::exit(1)
    };
    adjust_valve();
    TELEMETRY.collect();
    let mut http = Http::new("gateway:4318", resource.as_bytes(), DELAY, 42);
    http.flush();
    let accepted = send(&mut uart, &mut http);
    process::exit(if report::losses(&TELEMETRY) && accepted { 0 } else { 1 })
}

/// What the device is for, telling what it does.
fn adjust_valve() {
    const VALVE: Key<'static> = Key::new("valve.id");
    let moves = TELEMETRY.meter("control-loop").counter_in("valve.moves", "{move}");
    let logger = TELEMETRY.logger("control-loop");

    let mut span = TELEMETRY.tracer("control-loop").start("adjust");
    span.set("target.celsius", 21.5).set(VALVE, 3).set("mode", "eco").set("manual", false);
    moves.add(2, &[(VALVE, 3.into())]);
    let position = 40;
    logger
        .log(Severity::Warn)
        .context(span.context())
        .set(VALVE, 3)
        .body(format_args!("stuck at {position} %"))
        .emit();
    span.end();
}

/// The main loop: moves bytes until everything has been answered, or for as long as that may take.
fn send(uart: &mut Uart0, http: &mut Http<'_>) -> bool {
    let (mut incoming, mut outgoing) = ([0; 64], [0; 64]);
    let mut unsent = 0..0;
    while uptime_ns() < DEADLINE {
        let read = uart.read(&mut incoming);
        http.receive(uptime_ns(), &TELEMETRY, &incoming[..read]);
        if unsent.is_empty() {
            unsent = 0..http.transmit(uptime_ns(), &TELEMETRY, &mut outgoing).unwrap_or(0);
        }
        unsent.start += uart.write(&outgoing[unsent.clone()]);
        if http.is_idle() && report::waiting(&TELEMETRY) == 0 {
            return true;
        }
    }
    eprintln!("{} bytes of records have not been answered for", report::waiting(&TELEMETRY));
    false
}
