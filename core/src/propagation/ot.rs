//! OpenTelemetry's own member of `tracestate`: `ot=th:…;rv:…`, by which the samplers of a trace agree.

use super::tracestate::{TraceState, TraceStateEdit};

/// OpenTelemetry's key in `tracestate`.
const KEY: &str = "ot";
/// The most characters of its value.
const MAX: usize = 256;
/// Hex digits of 56 bits.
const DIGITS: usize = 14;

/// What the randomness of a trace, 56 bits, has to reach for the trace to be sampled. What a sampler of
/// a higher threshold takes, those of lower ones take too.
///
/// ```
/// use smoltel_core::propagation::Threshold;
/// const TENTH: Threshold = Threshold::from_probability(0.1).expect("between 2^-56 and 1");
/// assert_eq!(TENTH.bits(), 0xe666 << 40);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Threshold(u64);

impl Threshold {
    /// The lowest: everything is sampled.
    pub const ALWAYS: Self = Self(0);
    const END: u64 = 1 << 56;
    /// Hex digits that are kept behind the leading ones that are all `0` or all `f`.
    const PRECISION: u32 = 4;

    /// A threshold of 56 bits; `None` when there are more.
    pub const fn new(bits: u64) -> Option<Self> {
        if bits < Self::END { Some(Self(bits)) } else { None }
    }

    /// The threshold for `probability`, 2^-56 to 1, rounded to four hex digits behind the leading ones
    /// that are all `0` or all `f`. `None` for any other number.
    pub const fn from_probability(probability: f64) -> Option<Self> {
        let scaled = probability * Self::END as f64;
        if !(scaled >= 1.0 && probability <= 1.0) {
            return None;
        }
        // What is large enough to have lost its fraction is not rounded again.
        let whole = scaled as u64;
        let kept = whole + (scaled - whole as f64 >= 0.5) as u64;
        let bits = Self::END - kept;
        // Leading `f`s of the threshold are leading zeros of what is above it.
        let (zeros, ones) = (bits.leading_zeros() - 8, kept.leading_zeros().saturating_sub(8));
        let leading = if zeros > ones { zeros / 4 } else { ones / 4 };
        let shift = (DIGITS as u32).saturating_sub(leading + Self::PRECISION) * 4;
        Some(Self((bits + (1 << shift >> 1)) >> shift << shift))
    }

    /// The 56 bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether a trace of that randomness is sampled.
    pub const fn admits(self, randomness: u64) -> bool {
        randomness >= self.0
    }

    /// How many spans each sampled one stands for: 2^56 / (2^56 − threshold).
    pub const fn adjusted_count(self) -> f64 {
        Self::END as f64 / (Self::END - self.0) as f64
    }
}

/// What becomes of the threshold in the `tracestate` of a new span.
///
/// ```
/// use smoltel_core::propagation::{ThresholdChange, TraceState};
/// let state = TraceState::parse(b"ot=th:8,a=1")?;
/// assert_eq!(state.change_threshold(ThresholdChange::Erase).to_string(), "a=1");
/// # Ok::<(), smoltel_core::propagation::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum ThresholdChange {
    /// It stays as the parent's was.
    #[default]
    Keep,
    /// The span was sampled by that threshold.
    Set(Threshold),
    /// Nobody can say any more with what probability the span was sampled.
    Erase,
}

impl<'a> TraceState<'a> {
    /// The threshold by which the span that this came with was sampled: `th` of OpenTelemetry's member.
    pub fn threshold(&self) -> Option<Threshold> {
        self.ot().threshold.and_then(|digits| Threshold::new(padded(digits)?))
    }

    /// The randomness of the trace if it was given explicitly: `rv` of OpenTelemetry's member. Otherwise
    /// it is the low 56 bits of the trace id.
    pub fn randomness(&self) -> Option<u64> {
        self.ot().randomness.filter(|digits| digits.len() == DIGITS).and_then(padded)
    }

    /// The same with its threshold changed; all other pairs of OpenTelemetry's member stay as they are.
    /// Nothing is changed when that member would become longer than 256 characters.
    ///
    /// ```
    /// use smoltel_core::propagation::{Threshold, ThresholdChange, TraceState};
    /// let state = TraceState::parse(b"other=1,ot=rv:0123456789abcd;th:8")?;
    /// let edit = state.change_threshold(ThresholdChange::Set(Threshold::ALWAYS));
    /// assert_eq!(edit.to_string(), "ot=th:0;rv:0123456789abcd,other=1");
    /// # Ok::<(), smoltel_core::propagation::Invalid>(())
    /// ```
    pub fn change_threshold(self, change: ThresholdChange) -> TraceStateEdit<'a> {
        let ot = self.ot();
        let threshold = match change {
            ThresholdChange::Set(threshold) => Pair::of(threshold),
            ThresholdChange::Erase if ot.threshold.is_some() => Pair::NONE,
            ThresholdChange::Keep | ThresholdChange::Erase => return self.into(),
        };
        let edit = self.with_front(KEY, threshold, ot.others);
        if edit.value_len() > MAX { self.into() } else { edit }
    }

    fn ot(&self) -> Ot<'a> {
        self.get(KEY).and_then(Ot::parse).unwrap_or_default()
    }
}

/// OpenTelemetry's member, taken apart. One that does not follow its grammar says nothing.
#[derive(Clone, Copy, Default)]
struct Ot<'a> {
    threshold: Option<&'a str>,
    randomness: Option<&'a str>,
    /// The pairs before and behind the threshold.
    others: [&'a str; 2],
}

impl<'a> Ot<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let mut ot = Self { others: [value, ""], ..Self::default() };
        let mut at = 0;
        for pair in value.split(';') {
            let (key, text) = pair.split_once(':').filter(|(key, text)| is_pair(key, text))?;
            let again = match key {
                "th" => {
                    let behind = at + pair.len() + 1;
                    ot.others = [value.get(..at)?.trim_end_matches(';'), value.get(behind..).unwrap_or("")];
                    ot.threshold.replace(text)
                }
                "rv" => ot.randomness.replace(text),
                _ => None,
            };
            if again.is_some() {
                return None;
            }
            at += pair.len() + 1;
        }
        Some(ot)
    }
}

fn is_pair(key: &str, text: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// 1 to 14 digits, with as many zeros behind them as are missing.
fn padded(digits: &str) -> Option<u64> {
    let missing = DIGITS.checked_sub(digits.len()).filter(|missing| *missing < DIGITS)?;
    let number =
        digits.bytes().try_fold(0, |number, digit| Some(number << 4 | u64::from(hex_digit(digit)?)))?;
    Some(number << (4 * missing))
}

/// The value of a lower-case hex digit.
pub(super) fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// `th:` and its digits without the trailing zeros, or nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    text: [u8; 3 + DIGITS],
    len: usize,
}

impl Pair {
    pub(super) const NONE: Self = Self { text: *b"th:00000000000000", len: 0 };

    fn of(threshold: Threshold) -> Self {
        let mut pair = Self { len: 4, ..Self::NONE };
        for (at, place) in pair.text.iter_mut().enumerate().skip(3) {
            let nibble = (threshold.0 >> (4 * (2 + DIGITS - at)) & 15) as u8;
            *place = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            if nibble > 0 {
                pair.len = at + 1;
            }
        }
        pair
    }

    pub(super) fn as_str(&self) -> &str {
        self.text.get(..self.len).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::{String, ToString};

    fn state(header: &str) -> TraceState<'_> {
        TraceState::parse(header.as_bytes()).unwrap()
    }

    fn changed(header: &str, change: ThresholdChange) -> String {
        state(header).change_threshold(change).to_string()
    }

    #[test]
    fn probabilities_have_the_thresholds_of_the_specification() {
        for (probability, digits) in [
            (1.0, "0"),
            (1.0 / 2.0, "8"),
            (1.0 / 3.0, "aaab"),
            (1.0 / 4.0, "c"),
            (1.0 / 5.0, "cccd"),
            (1.0 / 8.0, "e"),
            (1.0 / 10.0, "e666"),
            (1.0 / 16.0, "f"),
            (1.0 / 100.0, "fd70a"),
            (1.0 / 1000.0, "ffbe77"),
            (1e-4, "fff9724"),
            (1e-5, "ffff583a"),
            (1e-6, "ffffef39"),
            (1.0 / (1u64 << 56) as f64, "ffffffffffffff"),
            (0.9999, "00068dc"),
        ] {
            let threshold = Threshold::from_probability(probability).unwrap();
            let text = changed("", ThresholdChange::Set(threshold));
            assert_eq!(text, format!("ot=th:{digits}"), "{probability}");
            assert_eq!(state(&text).threshold(), Some(threshold));
            let back = 1.0 / threshold.adjusted_count();
            assert!((back - probability).abs() <= probability / 4096.0, "{probability} {back}");
        }
        for none in [0.0, -0.5, 1.0000001, f64::NAN, f64::INFINITY, 1.0 / (1u64 << 57) as f64] {
            assert_eq!(Threshold::from_probability(none), None, "{none}");
        }
    }

    #[test]
    fn thresholds_are_padded_and_randomness_is_whole() {
        assert_eq!(state("ot=th:8").threshold(), Threshold::new(1 << 55));
        assert_eq!(state("ot=th:0").threshold(), Some(Threshold::ALWAYS));
        assert_eq!(state("ot=th:00000000000001").threshold(), Threshold::new(1));
        assert_eq!(state("ot=a:b;rv:0123456789abcd;th:c").randomness(), Some(0x01_2345_6789_abcd));
        for wrong in ["th:", "th:123456789012345", "th:8F", "th:g", "th:8;", "th:8;th:8", "th:8;UP:1", "th"] {
            assert_eq!(state(&format!("ot={wrong}")).threshold(), None, "{wrong}");
        }
        for wrong in ["rv:123", "rv:0123456789abcde", "rv:0123456789ABCD", "rv:0123456789abcd;;"] {
            assert_eq!(state(&format!("ot={wrong}")).randomness(), None, "{wrong}");
        }
    }

    #[test]
    fn a_change_of_threshold_touches_nothing_else() {
        let half = ThresholdChange::Set(Threshold::from_probability(0.5).unwrap());
        assert_eq!(changed("a=1,ot=x:1;th:c;rv:0123456789abcd,b=2", half), {
            "ot=th:8;x:1;rv:0123456789abcd,a=1,b=2"
        });
        assert_eq!(changed("a=1", half), "ot=th:8,a=1");
        assert_eq!(
            changed("a=1,ot=th:c;rv:0123456789abcd", ThresholdChange::Erase),
            "ot=rv:0123456789abcd,a=1"
        );
        assert_eq!(changed("a=1,ot=th:c,b=2", ThresholdChange::Erase), "a=1,b=2");
        for same in ["a=1,ot=x:1,b=2", "ot=th:UP;", ""] {
            assert_eq!(changed(same, ThresholdChange::Erase), same, "nothing to erase");
        }
        assert_eq!(changed("a=1,ot=th:c", ThresholdChange::Keep), "a=1,ot=th:c");
    }

    #[test]
    fn an_entry_of_ours_never_exceeds_256_characters() {
        let half = ThresholdChange::Set(Threshold::from_probability(0.5).unwrap());
        for (len, fits) in [(250, true), (251, true), (252, false)] {
            let header = format!("a=1,ot=x:{}", "y".repeat(len - 2));
            let expected =
                if fits { format!("ot=th:8;x:{},a=1", "y".repeat(len - 2)) } else { header.clone() };
            assert_eq!(changed(&header, half), expected, "{len}");
        }
    }
}
