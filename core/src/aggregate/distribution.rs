//! What both kinds of histogram keep beside their buckets.
//!
//! ```text
//! ┌───────┬─────┬─────┬─────┬─────────┐
//! │ count │ sum │ min │ max │ buckets │
//! └───────┴─────┴─────┴─────┴─────────┘
//! ```

use super::bytes::{f64_at, set_f64, set_u64, u64_at};

const SUM: usize = 8;
const MIN: usize = 16;
const MAX: usize = 24;
/// Bytes in all.
pub(super) const LEN: usize = 32;

pub(super) fn count(state: &[u8]) -> u64 {
    u64_at(state, 0)
}

/// Takes back what found no room in a bucket.
pub(super) fn uncount(state: &mut [u8], lost: u64) {
    set_u64(state, 0, count(state).saturating_sub(lost));
}

/// The sum, unless something negative is in it, least and greatest. Only for a count above zero.
pub(super) fn summary(state: &[u8]) -> (Option<f64>, Option<f64>, Option<f64>) {
    let min = f64_at(state, MIN);
    let sum = (min >= 0.0).then(|| f64_at(state, SUM));
    (sum, Some(min), Some(f64_at(state, MAX)))
}

/// Takes in a finite value.
pub(super) fn add(state: &mut [u8], value: f64) {
    let first = count(state) == 0;
    let (min, max) = if first { (value, value) } else { (f64_at(state, MIN), f64_at(state, MAX)) };
    set_u64(state, 0, count(state).saturating_add(1));
    // A sum beyond what a number can be stays at the last one that can.
    set_f64(state, SUM, (f64_at(state, SUM) + value).clamp(f64::MIN, f64::MAX));
    set_f64(state, MIN, min.min(value));
    set_f64(state, MAX, max.max(value));
}
