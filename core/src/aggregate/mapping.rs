//! The index of a value in exponential buckets, exactly and without a logarithm.

/// The finest scale: the index of every value fits in 32 bits.
pub(super) const MAX_SCALE: i32 = 20;

const MANTISSA: u32 = 52;
const FRACTION: u64 = (1 << MANTISSA) - 1;

/// The index at [`MAX_SCALE`] of the bucket that holds `value`, which has to be positive and finite: the
/// `i` with `base^i < value <= base^(i + 1)`. At a scale lower by `n` it is this one `>> n`. Subnormal
/// numbers count as the smallest normal one.
pub(super) fn index(value: f64) -> i32 {
    let bits = value.max(f64::MIN_POSITIVE).to_bits();
    let exponent = (bits >> MANTISSA) as i32 - 1023;
    let whole = exponent << MAX_SCALE;
    match bits & FRACTION {
        // A power of two is the upper bound of its bucket.
        0 => whole - 1,
        fraction => whole + log2(fraction),
    }
}

/// The first 20 binary digits of the logarithm of `1 + fraction / 2^52`: squaring a number doubles its
/// logarithm, and a digit is whether the square has reached 2.
///
/// The number has 127 binary places. Each squaring loses less than two units of the last, and doubles
/// what was lost before: less than `2^-104` of the number after twenty. No floating-point number but a power
/// of two comes nearer than `2^-78` to a bucket's bound, so every digit is right.
fn log2(fraction: u64) -> i32 {
    let mut x = u128::from(fraction | 1 << MANTISSA) << (127 - MANTISSA);
    let mut digits = 0;
    for _ in 0..MAX_SCALE {
        let (high, low) = (x >> 64, x & u128::from(u64::MAX));
        // With 126 places, as it can be up to 4; the square of the low half is below them.
        x = high * high + ((high * low) >> 63);
        let two = (x >> 127) as i32;
        digits = digits << 1 | two;
        if two == 0 {
            x <<= 1;
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(scale: i32, value: f64) -> i32 {
        index(value) >> (MAX_SCALE - scale)
    }

    #[test]
    fn values_are_in_the_buckets_that_the_specification_puts_them_in() {
        let vectors = [
            (0.45, [-1, -2, -3, -10, -74]),
            (0.5, [-1, -2, -3, -9, -65]),
            (0.75, [-1, -1, -1, -4, -27]),
            (1.0, [-1, -1, -1, -1, -1]),
            (1.5, [0, 0, 1, 4, 37]),
            (2.0, [0, 0, 1, 7, 63]),
            (3.0, [0, 1, 3, 12, 101]),
            (4.0, [0, 1, 3, 15, 127]),
            (5.0, [1, 2, 4, 18, 148]),
            (15.0, [1, 3, 7, 31, 250]),
            (1000.0, [4, 9, 19, 79, 637]),
            (1e-9, [-15, -30, -60, -240, -1914]),
            (1e300, [498, 996, 1993, 7972, 63781]),
        ];
        for (value, expected) in vectors {
            assert_eq!([-1, 0, 1, 3, 6].map(|scale| at(scale, value)), expected, "{value}");
        }
    }

    #[test]
    fn extremes_have_indexes_of_32_bits() {
        assert_eq!(at(0, f64::MAX), 1023);
        assert_eq!(at(0, f64::from_bits(0x7FE << 52)), 1022);
        assert_eq!(at(0, f64::MIN_POSITIVE), -1023);
        assert_eq!(at(0, 1.5 * f64::MIN_POSITIVE), -1022);
        assert_eq!(at(0, f64::from_bits(1)), -1023, "rounded up");
        assert_eq!(index(f64::MAX), (1024 << MAX_SCALE) - 1);
        assert_eq!(at(-10, f64::MAX), 0);
        assert_eq!(at(-10, f64::MIN_POSITIVE), -1);
    }

    #[test]
    fn powers_of_two_are_the_upper_bounds_of_their_buckets() {
        for exponent in -1022..1024 {
            // From its bits: a power that is computed need not be exact everywhere.
            let value = f64::from_bits(((exponent + 1023) as u64) << 52);
            for scale in -10..=MAX_SCALE {
                let below = if scale >= 0 { (exponent << scale) - 1 } else { (exponent - 1) >> -scale };
                assert_eq!(at(scale, value), below, "2^{exponent} at {scale}");
            }
            let above = f64::from_bits(value.to_bits() + 1);
            assert_eq!(index(above), exponent << MAX_SCALE);
        }
    }
}
