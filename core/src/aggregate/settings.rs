use super::{Aggregation, ExemplarFilter, Preference};

/// What holds for all instruments of a pipeline. Set it before the first is made.
///
/// ```
/// use smoltel_core::{MetricSettings, Preference};
/// let settings = MetricSettings { temporality: Preference::Delta, ..MetricSettings::DEFAULT };
/// assert_eq!(settings.cardinality_limit, 2000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct MetricSettings {
    /// What points cover.
    pub temporality: Preference,
    /// How a histogram counts that was given neither bounds nor a size.
    pub histograms: Aggregation,
    /// Which measurements may be kept as exemplars.
    pub exemplars: ExemplarFilter,
    /// The most sets of attributes of an instrument that has no limit of its own.
    pub cardinality_limit: u16,
}

impl MetricSettings {
    /// Cumulative, histograms over the usual bounds, exemplars of sampled spans, 2000 sets.
    pub const DEFAULT: Self = Self {
        temporality: Preference::Cumulative,
        histograms: Aggregation::Explicit(Aggregation::DEFAULT_BOUNDS),
        exemplars: ExemplarFilter::TraceBased,
        cardinality_limit: 2000,
    };
}

impl Default for MetricSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}
