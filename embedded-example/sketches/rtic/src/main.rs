//! Telemetry in a firmware on RTIC: a task records, the UART's interrupt takes what arrives, and `idle` drives the link.
//!
//! `pac` and the board's UART stand where a PAC and a HAL would be.
#![no_std]
#![no_main]

mod pac;

use rtic_monotonics::systick_monotonic;
use smoltel_core::Pipeline;
use smoltel_embedded_example::clock::uptime_ns;

/// A static outside of RTIC's resources: any task, and any interrupt, records into it without a lock of yours.
static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);

systick_monotonic!(Mono, 1000);

#[rtic::app(device = crate::pac, peripherals = false, dispatchers = [UARTTX2])]
mod app {
    use heapless::spsc::{Consumer, Producer, Queue};
    use rtic_monotonics::Timebase as _;
    use rtic_monotonics::fugit::ExtU32;
    use smoltel_core::link::{DeviceEnd, Identity};
    use smoltel_core::{Key, Resource, Seed, Severity};
    use smoltel_embedded_example::clock::uptime_ns;
    use smoltel_embedded_example::uart::Uart1;

    use crate::{Mono, TELEMETRY};

    #[shared]
    struct Shared {
        uart: Uart1,
    }

    #[local]
    struct Local {
        arriving: Producer<'static, u8>,
        arrived: Consumer<'static, u8>,
    }

    #[init(local = [
        ring: [u8; 4096] = [0; 4096],
        slots: [[u8; 256]; 4] = [[0; 256]; 4],
        points: [u8; 512] = [0; 512],
        bytes: Queue<u8, 256> = Queue::new(),
    ])]
    fn init(cx: init::Context) -> (Shared, Local) {
        Mono::start(cx.core.SYST, 25_000_000);
        TELEMETRY.init(cx.local.ring, cx.local.slots, Seed::Unique(*b"serial no. 00042"));
        TELEMETRY.init_metrics(cx.local.points);
        let Some(mut uart) = Uart1::take() else { panic!("the first to take it") };
        uart.interrupt_on_receive();
        let (arriving, arrived) = cx.local.bytes.split();
        if measure::spawn().is_err() {
            panic!("the first to spawn it");
        }
        (Shared { uart }, Local { arriving, arrived })
    }

    /// What the device is for.
    #[task(priority = 1)]
    async fn measure(_: measure::Context) {
        let tracer = TELEMETRY.tracer("thermometer");
        let logger = TELEMETRY.logger("thermometer");
        let readings = TELEMETRY.meter("thermometer").counter_in("sensor.readings", "{reading}").bind(&[]);
        let mut next = Mono::now();
        for reading in 0_u32.. {
            let mut span = tracer.start("measure");
            span.set(Key::new("reading"), i64::from(reading));
            readings.add(1);
            logger.log(Severity::Info).context(span.context()).body(format_args!("measured")).emit();
            span.end();
            if reading % 10 == 9 {
                TELEMETRY.collect(); // what was counted becomes metric points
            }
            next += 1.secs();
            Mono::delay_until(next).await;
        }
    }

    /// Takes a byte before the next one comes, whatever else runs. If `idle` has fallen behind so far that the queue is full, the
    /// byte is lost, and with it a frame: the link counts it, and has it sent again.
    #[task(binds = UARTRX1, priority = 2, shared = [uart], local = [arriving])]
    fn receive(mut cx: receive::Context) {
        let mut byte = [0];
        while cx.shared.uart.lock(|uart| uart.read(&mut byte)) == 1 {
            let _ = cx.local.arriving.enqueue(byte[0]);
        }
    }

    #[idle(shared = [uart], local = [arrived])]
    fn idle(mut cx: idle::Context) -> ! {
        let resource = Resource::<64>::new().with("service.name", "thermometer");
        let Ok(resource) = resource else { panic!("the resource is longer than its buffer") };
        let mut link = DeviceEnd::new(Identity::new(b"00042", 1), resource.as_bytes());
        let (mut frame, mut unsent) = ([0; 256], 0..0);
        loop {
            while let Some(byte) = cx.local.arrived.dequeue() {
                link.receive(uptime_ns(), &[byte]);
            }
            if unsent.is_empty() {
                unsent = 0..link.transmit(uptime_ns(), &TELEMETRY, &mut frame).unwrap_or(0);
            }
            let waiting = frame.get(unsent.clone()).unwrap_or_default();
            unsent.start += cx.shared.uart.lock(|uart| uart.write(waiting));
            if unsent.is_empty() {
                // Until a byte, or the monotonic's next tick: what came just before waits for a millisecond at the most.
                cortex_m::asm::wfi();
            }
        }
    }
}
