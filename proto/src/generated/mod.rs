//! Made from the `.proto` files by the `generate` example; a test holds them up to date.

#[rustfmt::skip]
pub(crate) mod table;

#[cfg(feature = "types")]
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "prost-build wrote it")]
#[rustfmt::skip]
pub(crate) mod types;
