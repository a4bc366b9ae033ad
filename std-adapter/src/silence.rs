//! Which threads the bridges do not listen to: what the worker's HTTP client logs while it sends would be sent
//! in turn, for ever.

use std::cell::Cell;

thread_local! {
    /// None on the program's own threads; on the worker's, whether it is silent.
    static SILENT: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Whether what this thread logs is the library's own.
#[cfg(any(feature = "bridge-log", feature = "bridge-tracing"))]
pub(crate) fn is_silent() -> bool {
    SILENT.get() == Some(true)
}

/// Whether this thread is a worker's: it must not wait for itself.
pub(crate) fn is_worker() -> bool {
    SILENT.get().is_some()
}

/// Runs `f`, on a worker's thread, silent or not.
pub(crate) fn with<R>(silent: bool, f: impl FnOnce() -> R) -> R {
    let _restore = Restore(SILENT.replace(Some(silent)));
    f()
}

/// Also when `f` panics.
struct Restore(Option<bool>);

impl Drop for Restore {
    fn drop(&mut self) {
        SILENT.set(self.0);
    }
}
