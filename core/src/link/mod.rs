//! The device link: one protocol for every stream of bytes between a device and a gateway.
//!
//! ```text
//!  Pipeline ─▶ DeviceEnd ── DATA ──▶ UART, TCP … ──▶ GatewayEnd ─▶ Event ─▶ spool
//!     ▲            │                                     ▲                    │
//!     └─ release ──┴◀──── ACK (received, durable, time) ─┴──── stored ◀───────┘
//! ```
//!
//! `docs/LINK.md` says what each byte means, and why nothing is lost or comes twice. Both ends are state machines without I/O:
//! bytes in, bytes out, and `now` is given. A device drives [`DeviceEnd`] from its main loop, an interrupt or a task;
//! a gateway has one [`GatewayEnd`] for each connection.
//!
//! ```
//! use smoltel_core::link::{Access, DeviceEnd, Event, GatewayEnd, Identity};
//! use smoltel_core::{Pipeline, Resource, Seed};
//!
//! # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
//! static TELEMETRY: Pipeline = Pipeline::new(|| 0);
//! TELEMETRY.init(cell([0; 1024]), cell([[0; 256]; 2]), Seed::Unique([7; 16]));
//! let resource = Resource::<64>::new().with("service.name", "thermostat")?;
//! let mut device = DeviceEnd::new(Identity::new(b"00042", 1), resource.as_bytes());
//! let mut gateway = GatewayEnd::new(|_id: &[u8]| Access::Plain, 4096);
//! TELEMETRY.logger("main").info("ready");
//!
//! let (mut wire, mut records) = ([0; 256], 0);
//! for now in 1..40 {
//!     while let Some(n) = device.transmit(now, &TELEMETRY, &mut wire) {
//!         let mut arrived = &wire[..n];
//!         while let Some(event) = gateway.receive(&mut arrived) {
//!             match event {
//!                 Event::Hello(_) => gateway.welcome(0x5EED), // a random number
//!                 Event::Open { stream, place } => gateway.opened(stream, 77, place.position),
//!                 Event::Data { stream: 3, .. } => {} // the resource and the scopes
//!                 Event::Data { stream, mut pieces, .. } => {
//!                     let end = pieces.next().expect("all of the record").end;
//!                     records += 1;
//!                     gateway.stored(stream, end); // when the spool has synced it
//!                 }
//!                 _ => {}
//!             }
//!         }
//!     }
//!     while let Some(n) = gateway.transmit(1_700_000_000_000_000_000, &mut wire) {
//!         device.receive(now, &wire[..n]);
//!     }
//! }
//! assert_eq!((records, TELEMETRY.with_lane(0, |ring| ring.len())), (1, Some(0)), "there, and released");
//! # Ok::<(), smoltel_core::wire::Full>(())
//! ```

mod channel;
mod check;
mod device;
mod event;
mod flow;
mod frame;
mod gateway;
mod incoming;
mod key;
mod piece;
mod queue;
mod up;

pub use device::{DeviceEnd, Identity};
pub use event::{Access, Event, Hello, Losses, Refusal, Status};
pub use flow::Stats;
pub use gateway::GatewayEnd;
pub use key::Key;
pub use piece::{Head, Piece, Pieces};
pub use queue::{Held, Queue};

/// The version of docs/LINK.md.
const VERSION: u8 = 1;
/// The shortest and the longest frame, with its stuffing and its zero.
pub const FRAME: core::ops::RangeInclusive<usize> = 64..=1024;
/// How many streams there are, the declarations among them.
pub const STREAMS: usize = 4;
/// The stream of the resource and the scopes.
pub const DECLARATIONS: u8 = 3;
/// The scope of records whose own has no number; among declarations, the resource.
pub const NO_SCOPE: u8 = 63;
/// The longest id of a device, in bytes.
pub const MAX_ID: usize = 15;

/// The kinds of frames: the upper half of the first byte.
mod kind {
    pub(super) const HELLO: u8 = 1;
    pub(super) const WELCOME: u8 = 2;
    pub(super) const OPEN: u8 = 3;
    pub(super) const OPENED: u8 = 4;
    pub(super) const DATA: u8 = 5;
    pub(super) const ACK: u8 = 6;
    pub(super) const STATUS: u8 = 7;
    pub(super) const STRANGER: u8 = 8;
    pub(super) const CHANNEL: u8 = 9;

    /// Of the first byte of a frame.
    pub(super) const fn of(first: u8) -> u8 {
        first >> 4
    }
}

/// In the first byte of HELLO and WELCOME.
const SEALED: u8 = 1;
/// In the first byte of DATA: nothing before its position will come.
const FIRST: u8 = 4;
/// In the first byte of ACK: send again from `received` on.
const AGAIN: u8 = 4;

/// Numbers one after the other out of a frame's body.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

/// The position nearest to `near` whose lower half is `low`.
const fn position(near: u64, low: u32) -> u64 {
    let ahead = low.wrapping_sub(near as u32) as i32;
    near.wrapping_add_signed(ahead as i64)
}
