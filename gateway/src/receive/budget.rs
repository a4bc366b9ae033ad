use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::ledger::Ledger;

/// Bounds the bytes of all bodies that are held at once; the ledger shows how many they are.
pub(super) struct Budget {
    most: usize,
    ledger: Arc<Ledger>,
}

/// One request's part of the budget; dropping it gives it back.
pub(super) struct Permit {
    most: usize,
    ledger: Arc<Ledger>,
    held: usize,
}

impl Budget {
    pub(super) fn new(most: usize, ledger: Arc<Ledger>) -> Self {
        Self { most, ledger }
    }

    /// A permit for nothing yet.
    pub(super) fn permit(&self) -> Permit {
        Permit { most: self.most, ledger: self.ledger.clone(), held: 0 }
    }
}

impl Permit {
    /// Takes more; false when there is not enough left.
    #[must_use]
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let all = &self.ledger.receiving_bytes;
        let more = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.most);
        let taken = all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        self.held += if taken { bytes } else { 0 };
        taken
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.ledger.receiving_bytes.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_given_and_all_comes_back() {
        let budget = Budget::new(10, Arc::default());
        let (mut a, mut b) = (budget.permit(), budget.permit());
        assert!(a.grow(6) && b.grow(4));
        assert!(!a.grow(1));
        drop(b);
        assert!(a.grow(4));
        drop(a);
        assert!(budget.permit().grow(10));
    }
}
