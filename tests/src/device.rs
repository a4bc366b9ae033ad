//! A device's pipeline, and what it would send.

use smoltel_core::batch::{Batch, Cursor, Lane};
use smoltel_core::platform::{Device, Platform};
use smoltel_core::processor::Processor;
use smoltel_core::sampler::Sampler;
use smoltel_core::{Pipeline, Resource, Seed, Signal};

/// The lane of what can be missed first.
pub const LOW: usize = 0;
/// The lane of failed spans and of records of `WARN` and above.
pub const KEEP: usize = 1;

/// A pipeline with room for everything that a test records. Its clock stands at 7 ns.
pub fn pipeline() -> &'static Pipeline {
    on(Device::new(|| 7))
}

/// The same on another device.
pub fn on<C, S>(device: Device<C, S>) -> &'static Pipeline<Device<C, S>>
where
    C: Processor + Send + Sync + 'static,
    S: Sampler + Send + Sync + 'static,
{
    let pipeline: &'static Pipeline<Device<C, S>> = Box::leak(Box::new(Pipeline::on(device)));
    let ring: &'static mut [u8] = vec![0; 1 << 20].leak();
    pipeline.init(ring, vec![[0; 16 << 10]; 4].leak(), Seed::Unique([3; 16]));
    pipeline.init_metrics(vec![0; 4096].leak());
    pipeline
}

/// Everything in a lane as one request of that signal; empty when there is nothing.
pub fn request<P: Platform>(pipeline: &Pipeline<P>, lane: usize, signal: Signal) -> Vec<u8> {
    let resource = Resource::<64>::new().with("service.name", "test").expect("64 bytes suffice");
    let source = Lane { pipeline, number: lane };
    let resource = resource.as_bytes();
    let Some(batch) = Batch::plan(&source, signal, resource.len(), (0, usize::MAX), usize::MAX) else {
        return Vec::new();
    };
    let mut bytes = vec![0; batch.encoded_len() + 1];
    let n = Cursor::default().copy(&batch, &source, resource, &mut bytes);
    assert_eq!(n, batch.encoded_len());
    bytes.truncate(n);
    bytes
}
