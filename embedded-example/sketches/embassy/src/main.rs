//! Telemetry in a firmware on embassy: one task records, another drives the link.
//!
//! `time` and `uart` stand where a HAL would be: without them this is what a firmware of yours needs.
#![no_std]
#![no_main]

mod time;
mod uart;

use embassy_executor::Spawner;
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Ticker, Timer};
use embedded_io_async::{Read, Write};
use smoltel_core::link::{DeviceEnd, Identity};
use smoltel_core::{Key, Pipeline, Resource, Seed, Severity};
use static_cell::ConstStaticCell;

use crate::uart::Uart;

/// A static without a lock of yours: any task, and any interrupt, records into it.
static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);

static RING: ConstStaticCell<[u8; 4096]> = ConstStaticCell::new([0; 4096]);
static SLOTS: ConstStaticCell<[[u8; 256]; 4]> = ConstStaticCell::new([[0; 256]; 4]);
static POINTS: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);

/// A record wakes nobody: this is the longest that one waits before the link looks for it.
const LINGER: Duration = Duration::from_millis(100);

fn uptime_ns() -> u64 {
    Instant::now().as_micros() * 1000
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    // With a HAL: `let p = embassy_…::init(Default::default());`
    time::start();
    let Some(uart) = Uart::take() else { return };
    TELEMETRY.init(RING.take(), SLOTS.take(), Seed::Unique(*b"serial no. 00042"));
    TELEMETRY.init_metrics(POINTS.take());
    if let (Ok(measuring), Ok(linking)) = (measure(), deliver(uart)) {
        spawner.spawn(measuring);
        spawner.spawn(linking);
    }
}

/// What the device is for.
#[embassy_executor::task]
async fn measure() {
    let tracer = TELEMETRY.tracer("thermometer");
    let logger = TELEMETRY.logger("thermometer");
    let readings = TELEMETRY.meter("thermometer").counter_in("sensor.readings", "{reading}").bind(&[]);
    let mut ticker = Ticker::every(Duration::from_secs(1));
    for reading in 0_u32.. {
        let mut span = tracer.start("measure");
        span.set(Key::new("reading"), i64::from(reading));
        readings.add(1);
        logger.log(Severity::Info).context(span.context()).body(format_args!("measured")).emit();
        span.end();
        if reading % 10 == 9 {
            TELEMETRY.collect(); // what was counted becomes metric points
        }
        ticker.next().await;
    }
}

/// Tasks are not generic: this one names the UART, and `drive` is for all.
#[embassy_executor::task]
async fn deliver(mut uart: Uart) {
    let resource = Resource::<64>::new().with("service.name", "thermometer");
    let Ok(resource) = resource else { return };
    let mut link = DeviceEnd::new(Identity::new(b"00042", 1), resource.as_bytes());
    loop {
        // A UART's error is an overrun, a parity error or the like: that frame is sent again, and the link goes on.
        let Err(_) = drive(&mut link, &mut uart).await;
    }
}

/// Moves the link's bytes until the UART has an error.
///
/// `uart` buffers what arrives meanwhile, and its `read` may be dropped while it waits without losing a byte: a HAL's buffered UART.
async fn drive<S: Read + Write>(
    link: &mut DeviceEnd<'_>,
    uart: &mut S,
) -> Result<core::convert::Infallible, S::Error> {
    let (mut frame, mut arrived) = ([0; 256], [0; 64]);
    loop {
        while let Some(n) = link.transmit(uptime_ns(), &TELEMETRY, &mut frame) {
            uart.write_all(frame.get(..n).unwrap_or_default()).await?;
        }
        let linger = Instant::now() + LINGER;
        let due = link.poll_at().map_or(linger, |at| linger.min(Instant::from_micros(at.div_ceil(1000))));
        if let Either::First(read) = select(uart.read(&mut arrived), Timer::at(due)).await {
            link.receive(uptime_ns(), arrived.get(..read?).unwrap_or_default());
        }
    }
}
