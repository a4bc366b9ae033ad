//! Resets in the middle of something, for tests.

use std::boxed::Box;
use std::cell::RefCell;
#[cfg(test)]
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

type Look = Box<dyn FnMut()>;

std::thread_local! {
    /// What looks at the memory where a reset may come.
    static LOOK: RefCell<Option<Look>> = const { RefCell::new(None) };
}

/// Before each store of which the order counts.
pub(super) fn point() {
    // It does not look at itself, and when it unwinds it has seen enough.
    let look = LOOK.with(RefCell::take);
    if let Some(mut look) = look {
        look();
        LOOK.with(|place| *place.borrow_mut() = Some(look));
    }
}

/// Does `work`, and calls `look` before each store.
pub fn before_each<R>(look: impl FnMut() + 'static, work: impl FnOnce() -> R) -> R {
    LOOK.with(|place| *place.borrow_mut() = Some(Box::new(look)));
    let done = work();
    LOOK.with(RefCell::take);
    done
}

/// The reset.
#[cfg(test)]
struct Cut;

/// Does `work` up to its first `stores` stores; whether that was all of it.
#[cfg(test)]
pub(crate) fn after(stores: u32, work: impl FnOnce()) -> bool {
    let mut left = stores;
    let count = move || match left.checked_sub(1) {
        Some(fewer) => left = fewer,
        None => resume_unwind(Box::new(Cut)),
    };
    match catch_unwind(AssertUnwindSafe(|| before_each(count, work))) {
        Ok(()) => true,
        Err(reason) if reason.is::<Cut>() => false,
        Err(reason) => resume_unwind(reason),
    }
}
