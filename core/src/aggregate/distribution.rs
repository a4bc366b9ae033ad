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
    let sum = (min >= 0.0).then(|| finite(f64_at(state, SUM)));
    (sum, Some(min), Some(f64_at(state, MAX)))
}

/// Takes in a finite value.
#[inline(always)]
pub(super) fn add(state: &mut [u8], value: f64) {
    let Some(state) = state.first_chunk_mut::<LEN>() else { return };
    // Whether the sum is still a number is for those to see who read it.
    let (count, total) = (count(state), f64_at(state, SUM) + value);
    let first = count == 0;
    if first || value < f64_at(state, MIN) {
        set_f64(state, MIN, value);
    }
    if first || value > f64_at(state, MAX) {
        set_f64(state, MAX, value);
    }
    set_u64(state, 0, count.wrapping_add(1));
    set_f64(state, SUM, total);
}

/// The sum of finite numbers; beyond what a number can be it stays at the last one that can.
#[inline(always)]
pub(super) fn sum(a: f64, b: f64) -> f64 {
    finite(a + b)
}

#[inline(always)]
fn finite(sum: f64) -> f64 {
    if sum.is_finite() { sum } else { f64::MAX.copysign(sum) }
}
