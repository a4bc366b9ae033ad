//! Resets in the middle of something, for tests.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

std::thread_local! {
    /// How many stores are still done.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// The reset.
struct Cut;

/// Before each store.
pub(super) fn point() {
    LEFT.with(|left| match left.get() {
        Some(0) => resume_unwind(std::boxed::Box::new(Cut)),
        Some(more) => left.set(Some(more - 1)),
        None => {}
    });
}

/// Does `work` up to its first `stores` stores; whether that was all of it.
pub(crate) fn after(stores: u32, work: impl FnOnce()) -> bool {
    LEFT.with(|left| left.set(Some(stores)));
    let done = catch_unwind(AssertUnwindSafe(work));
    LEFT.with(|left| left.set(None));
    match done {
        Ok(()) => true,
        Err(reason) if reason.is::<Cut>() => false,
        Err(reason) => resume_unwind(reason),
    }
}
