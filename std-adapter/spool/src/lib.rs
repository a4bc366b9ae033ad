//! A durable queue on disk for telemetry: what was acknowledged survives a power cut.
//!
//! ```text
//!  callers              writer thread                 disk                      destinations
//!  append ──▶ inbox ──▶ group ──▶ write, sync ──▶ spool.dat │ CURSOR ──▶ take ──▶ Lease
//!     ▲                              │                         ▲                    │
//!     └───────── completion ◀────────┘                         └──── release ◀──────┘
//! ```
//!
//! A record is bytes with a few words about them: which signal, how dear, how many items. [`Spool::append`] takes custody
//! of it: its completion says that it is on the disk. Each [`Destination`] takes records in [`Lease`]s and releases them when the
//! next holder has them; a record leaves the spool when every destination has released it. What is lost on the way is counted,
//! by reason, in items.
//!
//! The format is docs/SPOOL.md. The layers, top down; each uses only those below it:
//!
//! | module | what |
//! |---|---|
//! | `spool`, `destination` | the handles |
//! | `writer`, `recovery`, `verify`, `reader` | the thread that owns the files; opening them; looking at them from outside |
//! | `group`, `slots`, `two_slots`, `marks_file`, `quarantine` | laying out records, room for segments, small files that are always whole, copies |
//! | `view`, `scan`, `location` | the disk from outside, walking segments, reading one record |
//! | `index`, `bitmap`, `marks` | what is stored, leased and released, and of which devices, in memory |
//! | `codec`, `cipher` | compression and encryption at rest |
//! | `format` | the bytes |
//! | `sync` | threads, locks and waiting |
//! | [`vfs`] | the rest of the operating system |

mod bitmap;
mod cipher;
mod codec;
mod destination;
mod error;
mod format;
mod gap;
mod group;
mod index;
mod limits;
mod location;
mod marks;
mod marks_file;
mod options;
mod problem;
mod quarantine;
mod quarantined;
mod reader;
mod record;
mod recovery;
mod scan;
mod scrub;
mod shared;
mod slots;
mod spool;
mod stats;
mod sync;
mod together;
mod two_slots;
mod verify;
pub mod vfs;
mod view;
mod writer;

pub use cipher::Key;
pub use codec::DecodeError;
pub use destination::{Destination, Lease};
pub use error::{AppendError, Error, OpenError};
pub use gap::Gap;
pub use limits::Limits;
pub use options::{Full, Options, Sync};
pub use problem::Problem;
pub use quarantined::Quarantined;
pub use reader::{Listed, Reader, list};
pub use record::{Class, Codec, Entry, Loss, Origin, Record, Signal, Stored};
pub use spool::Spool;
pub use stats::{DestinationStats, Losses, Pending, Stats};
pub use verify::{Repair, Report, repair, repair_with, verify, verify_with};
