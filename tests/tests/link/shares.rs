//! How many of the bytes on the wire are records.

use smoltel_core::link::{Access, DeviceEnd, Event, GatewayEnd, Identity};
use smoltel_core::{Pipeline, Resource, Severity, SpanKind};
use smoltel_tests::device::{KEEP, LOW};

use crate::device;

/// What a device records: a span with three attributes, a log record of its own, and a warning now and then.
fn work(pipeline: &'static Pipeline, turn: i64) {
    let tracer = pipeline.tracer("control-loop");
    let logger = pipeline.logger("control-loop");
    let mut span = tracer.span("adjust").kind(SpanKind::Internal).start();
    span.set("valve.id", 3).set("target.celsius", 21.5).set("mode", "eco");
    let context = span.context();
    logger
        .log(Severity::Info)
        .context(context)
        .set("valve.id", 3)
        .body(format_args!("moved to {turn} %"))
        .emit();
    if turn % 10 == 0 {
        logger.log(Severity::Warn).context(context).body(format_args!("stuck at {turn} %")).emit();
    }
    span.end();
}

fn waiting(pipeline: &Pipeline) -> usize {
    let of = |lane| {
        pipeline
            .with_lane(lane, |ring| ring.records(0).map(|(_, header)| usize::from(header.len)).sum::<usize>())
    };
    [LOW, KEEP].into_iter().filter_map(of).sum()
}

/// Sends it all, and returns the bytes of records and all that the device has written.
fn send(sealed: bool) -> (usize, usize) {
    let pipeline = smoltel_tests::device::pipeline();
    let resource = Resource::<128>::new().with("service.name", "thermostat").expect("it fits");
    let resource = resource.with("service.instance.id", "00042").expect("it fits");
    (0..400).for_each(|turn| work(pipeline, turn));
    let records = waiting(pipeline);
    let identity = Identity { key: sealed.then(device::key), ..Identity::new(device::ID, 1) };
    let mut end = DeviceEnd::new(identity, resource.as_bytes());
    let access = |_: &[u8]| if sealed { Access::Sealed(device::key()) } else { Access::Plain };
    let mut gateway = GatewayEnd::new(access, 1 << 20);
    let (mut wire, mut written, mut now) = ([0; 256], 0, 1);
    while waiting(pipeline) > 0 {
        now += 1_000_000;
        while let Some(n) = end.transmit(now, pipeline, &mut wire) {
            written += n;
            take(&mut gateway, &wire[..n]);
        }
        while let Some(n) = gateway.transmit(1_700_000_000_000_000_000, &mut wire) {
            end.receive(now, &wire[..n]);
        }
        assert!(now < 60_000_000_000, "it does not go on: {end:?}");
    }
    (records, written)
}

fn take<K: Fn(&[u8]) -> Access>(gateway: &mut GatewayEnd<K>, mut arrived: &[u8]) {
    loop {
        let (mut open, mut end) = (None, None);
        match gateway.receive(&mut arrived) {
            None => return,
            Some(Event::Hello(_)) => gateway.welcome(77),
            Some(Event::Open { stream, place }) => open = Some((stream, place)),
            Some(Event::Data { stream, pieces, .. }) => {
                end = pieces.filter(|piece| piece.last).last().map(|piece| (stream, piece.end));
            }
            Some(_) => {}
        }
        open.into_iter().for_each(|(stream, place)| gateway.opened(stream, 5, place.position));
        end.into_iter().for_each(|(stream, end)| gateway.stored(stream, end));
    }
}

#[test]
fn most_of_what_a_uart_carries_is_records() {
    for (sealed, least) in [(false, 92.0), (true, 88.0)] {
        let (records, written) = send(sealed);
        let share = 100.0 * records as f64 / written as f64;
        println!(
            "{}: {records} bytes of records in {written}: {share:.1} %",
            if sealed { "AEAD" } else { "CRC" }
        );
        assert!(share >= least, "{share} %");
    }
}
