//! Crashes a spool at every operation of a workload, in every way that there is, and then again while it recovers.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod oracle;
pub(crate) mod record;
pub(crate) mod run;
mod scripts;
mod search;
mod unread;
mod workloads;

#[allow(unused_imports, reason = "each test file uses a part of it")]
pub(crate) use search::{Effort, Search, replay};
#[allow(unused_imports, reason = "each test file uses a part of it")]
pub(crate) use unread::Unread;
pub(crate) use workloads::all;
