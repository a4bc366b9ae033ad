//! A fleet: very many devices on the link at once, each of them core's own end of it. What they record is stored once, over a
//! `kill -9` of the gateway, and each costs the gateway a bounded bit of memory.
//!
//! `FLEET` says how many (200); `cargo xtask fleet` runs 10,000 of them against the gateway as it is shipped, and prints what they take.

mod support;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use smoltel_core::link::{DeviceEnd, Identity};
use smoltel_core::{Pipeline, Resource, Seed, Severity};
use support::*;

const RECORDS: usize = 10;
/// What a device adds to the gateway at most, in KiB, with everything that is under way.
const MOST_KIB: f64 = 64.0;

/// One clock for all of them.
fn uptime() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 1
}

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

struct Device {
    pipeline: &'static Pipeline,
    end: DeviceEnd<'static>,
    wire: Option<TcpStream>,
}

impl Device {
    fn new(number: usize) -> Self {
        let pipeline: &'static Pipeline = leak(Pipeline::new(uptime));
        let mut seed = [7; 16];
        seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
        pipeline.init(leak([0; 2048]), leak([[0; 256]; 1]), Seed::Unique(seed));
        let resource = Resource::<64>::new().with("service.name", "thermostat").unwrap();
        let id = leak(format!("device-{number:05}"));
        let end = DeviceEnd::new(Identity::new(id.as_bytes(), 1 << 32), leak(resource.as_bytes().to_vec()));
        Self { pipeline, end, wire: None }
    }

    fn waiting(&self) -> usize {
        [0, 1].into_iter().filter_map(|lane| self.pipeline.with_lane(lane, |ring| ring.len())).sum()
    }

    /// Moves what can be moved now.
    fn turn(&mut self, gateway: SocketAddr) {
        if self.wire.is_none() {
            let Ok(wire) = TcpStream::connect(gateway) else { return };
            wire.set_nonblocking(true).unwrap();
            self.end.reset(uptime());
            self.wire = Some(wire);
        }
        if self.exchange().is_none() {
            self.wire = None;
        }
    }

    /// `None` when the wire is broken.
    fn exchange(&mut self) -> Option<()> {
        let wire = self.wire.as_mut()?;
        let mut bytes = [0; 1024];
        match wire.read(&mut bytes) {
            Ok(0) => return None,
            Ok(read) => self.end.receive(uptime(), &bytes[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
        // A kilobyte at a time fits into any socket's buffer.
        while let Some(written) = self.end.transmit(uptime(), self.pipeline, &mut bytes) {
            wire.write_all(&bytes[..written]).ok()?;
        }
        Some(())
    }
}

/// Turns all devices until that holds for each.
fn run(what: &str, fleet: &mut [Device], to: SocketAddr, mut done: impl FnMut(&Device) -> bool) -> Duration {
    let start = Instant::now();
    // Ten thousand of them take a while on a small machine.
    let limit = PATIENCE * (1 + fleet.len() as u32 / 1000);
    loop {
        fleet.iter_mut().for_each(|device| device.turn(to));
        if fleet.iter().all(&mut done) {
            return start.elapsed();
        }
        assert!(start.elapsed() < limit, "never: {what}");
    }
}

/// A size of the gateway's memory in KiB, or its CPU time in seconds.
fn memory(gateway: &Gateway, what: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse().unwrap()
}

fn cpu(gateway: &Gateway) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", gateway.id())).unwrap();
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    (fields[11] + fields[12]) / 100.0
}

fn log_all(fleet: &[Device], wave: usize) {
    for (number, device) in fleet.iter().enumerate() {
        for record in 0..RECORDS {
            let logger = device.pipeline.logger("control-loop");
            let text = format!("device {number} wave {wave} record {record}");
            logger.log(Severity::Info).set("valve.id", 3).text(&text).emit();
        }
    }
}

#[test]
fn a_fleet_is_stored_once_and_each_device_takes_little() {
    let devices: usize = std::env::var("FLEET").map_or(200, |devices| devices.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gateway.toml");
    // Nobody listens upstream: what is stored is there to be counted.
    let text = format!("[limits]\nconnections = {devices}\n[[destination]]\nurl = 'http://127.0.0.1:9'\n");
    std::fs::write(&config, text).unwrap();
    let data = dir.path().join("data");
    let start = || Gateway::start(&data, &["--config", config.to_str().unwrap()]);
    let gateway = start();
    let idle = memory(&gateway, "VmRSS");
    let mut fleet: Vec<Device> = (0..devices).map(Device::new).collect();
    let link = gateway.link.unwrap();
    let connected = run("all are connected", &mut fleet, link, |device| device.end.is_up());
    let with = memory(&gateway, "VmRSS");

    let syncs = gateway.metric("smoltel_gateway_spool_syncs_total");
    let before = cpu(&gateway);
    log_all(&fleet, 1);
    let stored = run("all is stored", &mut fleet, link, |device| device.waiting() == 0);
    let (records, spent) = ((devices * RECORDS) as f64, cpu(&gateway) - before);
    let syncs = gateway.metric("smoltel_gateway_spool_syncs_total") - syncs;
    let peak = memory(&gateway, "VmHWM");

    log_all(&fleet, 2);
    // Some of it is under way.
    fleet.iter_mut().for_each(|device| device.turn(link));
    gateway.kill();
    let gateway = start();
    let again =
        run("all is stored over a kill", &mut fleet, gateway.link.unwrap(), |device| device.waiting() == 0);
    let lost: u64 = fleet.iter().map(|device| device.pipeline.counters().lost_in_all()).sum();
    assert_eq!((gateway.stop(), lost), (Some(0), 0));

    let export = output(&["spool", "export", "--data-dir", data.to_str().unwrap()]);
    let lines = String::from_utf8(export.stdout).unwrap();
    let texts: Vec<String> = lines.lines().flat_map(|line| texts_of_json(line.as_bytes())).collect();
    assert_eq!(texts.len(), 2 * devices * RECORDS, "each once");
    assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
    let each = (with - idle) / devices as f64;
    assert!(each < MOST_KIB, "{each} KiB");
    println!(
        "fleet: {devices} | {:.1} | {idle:.0} → {with:.0} | {each:.1} | {peak:.0} | {:.1} | {:.1} | {:.3} | {:.1} | 0, 0",
        connected.as_secs_f64(),
        stored.as_secs_f64(),
        spent / records * 1e6,
        syncs as f64 / records,
        again.as_secs_f64(),
    );
}
