//! `profiles.proto`, package `v1development`: a profile as a request of its own. OTLP may still change it
//! in ways that do not fit together, which is why the feature `profiles` turns it on.
//!
//! A profile refers to its strings, addresses and stacks by their places in tables, the dictionary. Both
//! are written once, from the two ends of one buffer:
//!
//! ```text
//!  ┌────────────┬────── free ──────┬──────────┐      ┌────┬────────────┬───────────────────┬─────────┐
//!  │ dictionary │ ▶              ◀ │ samples  │ ───▶ │ 12 │ dictionary │ 0A resource, scope│ samples │
//!  └────────────┴──────────────────┴──────────┘      └────┴────────────┴───────────────────┴─────────┘
//!   in order                          the last first                     finish()
//! ```
//!
//! A request has one dictionary for all that is in it, so two of these must not be laid end to end as the
//! requests of other signals may.
//!
//! A firmware's sampler needs no symbols: it gives addresses and the build's id, and whoever has the ELF
//! file finds the names.
//!
//! ```
//! use smoltel_core::otlp::profiles::{Image, Profile, Sample};
//! use smoltel_core::{Resource, Scope};
//!
//! let resource = Resource::<64>::new().with("service.name", "thermostat")?;
//! let mut buf = [0; 1024];
//! let mut profile = Profile::new(&mut buf, resource.as_bytes(), Scope::new("sampler"))?;
//! profile.sample_type("samples", "{sample}")?.period("cpu", "ns", 10_000_000)?;
//! let flash = 0x0800_0000..0x0802_0000;
//! let image = profile.image(&Image { file: "thermostat.elf", build_id: &[0xC0, 0xDE], addresses: flash })?;
//! for addresses in [[0x0800_1234, 0x0800_0100], [0x0800_1300, 0x0800_0100]] {
//!     let stack = profile.addresses(image, &addresses)?; // the innermost first
//!     profile.sample(&Sample::new(stack, &[1]))?;
//! }
//! let request = profile.finish(1_700_000_000_000_000_000, 20_000_000);
//! # assert!(request.len() < 300);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! The request goes to [`PATH`]; its answer is a [`Response`](super::collector::Response).

mod dictionary;
mod image;
mod message;
mod profile;
mod sample;

pub use super::common::{IndexedValue, StringIndex};
pub use dictionary::{
    AttributeIndex, Function, FunctionIndex, Line, LinkIndex, Location, LocationIndex, Mapping, MappingIndex,
    StackIndex,
};
pub use image::Image;
pub use profile::Profile;
pub use sample::{Refused, Sample};

/// The path of OTLP/HTTP requests with profiles.
pub const PATH: &str = "/v1development/profiles";

/// The most addresses in one stack of [`Profile::addresses`].
pub const MAX_FRAMES: usize = 64;
