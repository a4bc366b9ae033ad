use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bounds the bytes of all bodies that are held at once.
pub(super) struct Budget(Arc<AtomicUsize>);

/// One request's part of the budget; dropping it gives it back.
pub(super) struct Permit {
    left: Arc<AtomicUsize>,
    held: usize,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// A permit for nothing yet.
    pub(super) fn permit(&self) -> Permit {
        Permit { left: self.0.clone(), held: 0 }
    }
}

impl Permit {
    /// Takes more; false when there is not enough left.
    #[must_use]
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let taken =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        self.held += if taken.is_ok() { bytes } else { 0 };
        taken.is_ok()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.left.fetch_add(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_given_and_all_comes_back() {
        let budget = Budget::new(10);
        let (mut a, mut b) = (budget.permit(), budget.permit());
        assert!(a.grow(6) && b.grow(4));
        assert!(!a.grow(1));
        drop(b);
        assert!(a.grow(4));
        drop(a);
        assert!(budget.permit().grow(10));
    }
}
