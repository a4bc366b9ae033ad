/// What a pipeline's metrics are and take.
///
/// ```
/// # use smoltel_core::Pipeline;
/// # static TELEMETRY: Pipeline = Pipeline::new(|| 0);
/// let usage = TELEMETRY.metric_usage();
/// assert_eq!((usage.instruments, usage.conflicts), (0, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct MetricUsage {
    /// Instruments.
    pub instruments: usize,
    /// Sets of attributes that have a point.
    pub series: usize,
    /// Instruments that share their name with one of another kind or unit. Both work; what reads them may
    /// not be able to tell them apart.
    pub conflicts: usize,
    /// Instruments whose name the specification does not allow. They work; backends may refuse them.
    pub invalid_names: usize,
    /// Views that could not be applied to an instrument that they select, each time that it was made: it has no such
    /// aggregation, or more than four would have made a stream of it. It is as if they were not there.
    pub unfit_views: usize,
    /// Bytes of memory that are in use.
    pub used: usize,
    /// Bytes of memory in all.
    pub capacity: usize,
}
