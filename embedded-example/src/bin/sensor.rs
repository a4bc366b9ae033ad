//! Measures, and tells a gateway over the link on UART1: spans, log records, a counter and a histogram.
//!
//! The main loop does its job whatever the line does; what was recorded waits in the ring until the gateway has stored it. The
//! program ends well when all has been.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use semihosting::process;
use smoltel_core::link::{DeviceEnd, Identity};
use smoltel_core::{BoundCounter, BoundHistogram, Key, Logger, Pipeline, Resource, Seed, Severity, Tracer};
use smoltel_embedded_example::clock::uptime_ns;
use smoltel_embedded_example::wire::Wire;
use smoltel_embedded_example::{report, say};
use static_cell::ConstStaticCell;

static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);

/// A quarter is for warnings and failed spans, and the gateway's answer is waited for with half of each in flight.
static RING: ConstStaticCell<[u8; 4096]> = ConstStaticCell::new([0; 4096]);
static SLOTS: ConstStaticCell<[[u8; 256]; 4]> = ConstStaticCell::new([[0; 256]; 4]);
static POINTS: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);

/// A device reads its serial number here. With this one, all ids are the same in every run.
const SEED: Seed = Seed::Unique(*b"serial no. 00042");
const SENSOR: Key<'static> = Key::new("sensor.id");
const CELSIUS: Key<'static> = Key::new("temperature.celsius");

/// Tenths of a degree, as the sensor gave them.
const READINGS: [i32; 8] = [215, 214, 216, 221, 230, 302, 228, 219];
/// Above that it is too warm.
const LIMIT: i32 = 300;
/// Between two of them, in nanoseconds.
const PERIOD: u64 = 20_000_000;
/// When the program gives up.
const DEADLINE: u64 = 50_000_000_000;

#[entry]
fn main() -> ! {
    let Some(mut wire) = Wire::take() else { process::abort() };
    TELEMETRY.init(RING.take(), SLOTS.take(), SEED);
    TELEMETRY.init_metrics(POINTS.take());
    let resource = Resource::<64>::new().with("service.name", "thermometer");
    let Ok(resource) = resource.and_then(|resource| resource.with("device.id", "00042")) else {
        say::text("the resource is longer than its buffer\n");
        process::exit(1)
    };
    let mut link = DeviceEnd::new(Identity::new(b"00042", 1), resource.as_bytes());
    let sensor = Sensor::new();
    let (mut measured, mut stored) = (0, false);
    while uptime_ns() < DEADLINE && !stored {
        if let Some(reading) = READINGS.get(measured)
            && uptime_ns() >= measured as u64 * PERIOD
        {
            sensor.measure(*reading);
            measured += 1;
            if measured == READINGS.len() {
                TELEMETRY.collect();
            }
        }
        wire.turn(&mut link, |link, now, frame| link.transmit(now, &TELEMETRY, frame));
        stored = measured == READINGS.len() && link.is_idle() && report::waiting(&TELEMETRY) == 0;
    }
    if !stored {
        say::number(report::waiting(&TELEMETRY) as u32);
        say::text(" bytes of records are not stored\n");
    }
    process::exit(if report::losses(&TELEMETRY) && stored { 0 } else { 1 })
}

/// What the device is for.
struct Sensor {
    tracer: Tracer,
    logger: Logger,
    measured: BoundCounter,
    celsius: BoundHistogram,
}

impl Sensor {
    #[inline(never)]
    fn new() -> Self {
        let meter = TELEMETRY.meter("thermometer");
        let celsius = meter.instrument("sensor.temperature").unit("Cel").bounds(&[20.0, 22.0, 25.0, 30.0]);
        Self {
            tracer: TELEMETRY.tracer("thermometer"),
            logger: TELEMETRY.logger("thermometer"),
            measured: meter.counter_in("sensor.readings", "{reading}").bind(&[(SENSOR, 7.into())]),
            celsius: celsius.histogram().bind(&[(SENSOR, 7.into())]),
        }
    }

    #[inline(never)]
    fn measure(&self, tenths: i32) {
        let mut span = self.tracer.start("measure");
        let celsius = f64::from(tenths) / 10.0;
        span.set(SENSOR, 7).set(CELSIUS, celsius);
        self.measured.add(1);
        self.celsius.record(celsius);
        let severity = if tenths > LIMIT { Severity::Warn } else { Severity::Info };
        let log = self.logger.log(severity).context(span.context());
        // Not as a text: that is made where somebody reads it.
        log.set(SENSOR, 7).set(CELSIUS, celsius).text("measured").emit();
        if tenths > LIMIT {
            span.fail("too warm");
        }
        span.end();
    }
}
