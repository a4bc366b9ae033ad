//! How much one record may hold.

use crate::otlp::common::Bounds;

/// Limits on what a record holds, with the specification's defaults. A slot's bytes are a limit of their
/// own; whatever goes over one of them is counted in the record's `dropped_…_count`.
///
/// Metrics and resources are exempt, and a log's body is.
///
/// ```
/// use smoltel_core::{AttributeLimits, Limits};
/// let mut limits = Limits::DEFAULT;
/// limits.span = AttributeLimits { count: 16, value_len: 64, ..limits.span };
/// assert_eq!(limits.events, 128);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Limits {
    /// For the attributes of spans, and the values of those of events and links.
    pub span: AttributeLimits,
    /// For the attributes of log records.
    pub log: AttributeLimits,
    /// The most events of a span.
    pub events: u16,
    /// The most links of a span.
    pub links: u16,
    /// The most attributes of an event.
    pub event_attributes: u16,
    /// The most attributes of a link.
    pub link_attributes: u16,
}

/// Limits on attributes.
///
/// ```
/// use smoltel_core::AttributeLimits;
/// let few = AttributeLimits { count: 16, ..AttributeLimits::DEFAULT };
/// assert_eq!((few.count, few.value_len, few.depth), (16, u32::MAX, 64));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct AttributeLimits {
    /// The most attributes; setting a key again is not one more.
    pub count: u16,
    /// The most characters of a string and bytes of a byte string; longer ones are cut, those within
    /// arrays and maps too. [`u32::MAX`] is no limit.
    pub value_len: u32,
    /// How deep arrays and maps may nest, a value that is neither counting as 1; what is deeper is
    /// replaced by an empty value.
    pub depth: u8,
}

impl AttributeLimits {
    /// 128 attributes, values of any length, 64 deep.
    pub const DEFAULT: Self = Self { count: 128, value_len: u32::MAX, depth: 64 };

    #[inline]
    pub(crate) const fn bounds(&self) -> Bounds {
        Bounds::new(self.value_len, self.depth)
    }
}

impl Limits {
    /// 128 of everything, values of any length.
    pub const DEFAULT: Self = Self {
        span: AttributeLimits::DEFAULT,
        log: AttributeLimits::DEFAULT,
        events: 128,
        links: 128,
        event_attributes: 128,
        link_attributes: 128,
    };
}

impl Default for AttributeLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
