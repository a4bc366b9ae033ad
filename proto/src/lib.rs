//! OTLP's messages, for those who must look into them: the gateway's door, its archive, and tests.
//!
//! ```text
//!  bytes from outside ──▶ check ──▶ bytes, as they came        the relay path decodes nothing
//!  OTLP/JSON ──▶ json::from_json ──▶ bytes ──▶ json::to_json ──▶ OTLP/JSON
//!                     └───────── table: every message and field, static data
//!  bytes ──▶ types (feature `types`) : decoded messages, by prost
//! ```
//!
//! The table and the types are made from the `.proto` files in `proto/` and committed: using this crate runs no
//! generator.
//!
//! ```
//! use smoltel_proto::{check, from_json, table, to_json};
//!
//! let root = &table::EXPORT_TRACE_SERVICE_REQUEST;
//! let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"adjust","kind":1}]}]}]}"#;
//! let mut wire = Vec::new();
//! from_json(root, json, &mut wire).unwrap();
//! assert_eq!(check(root, &wire).unwrap().items, 1);
//! let mut back = Vec::new();
//! to_json(root, &wire, &mut back).unwrap();
//! assert_eq!(back, json);
//! ```

mod check;
mod generated;
mod json;
pub mod table;
mod wire;

pub use check::{Fault, Invalid, MAX_DEPTH, Summary, check};
pub use json::{JsonError, from_json, to_json};

/// The decoded messages, made by prost-build; paths follow the packages.
#[cfg(feature = "types")]
pub mod types {
    pub use crate::generated::types::google::{protobuf, rpc};
    pub use crate::generated::types::opentelemetry::proto::*;
}
