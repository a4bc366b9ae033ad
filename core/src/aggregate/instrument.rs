use super::{Behaviour, Filter, View, exponential};
use crate::otlp::metrics::{self, ExponentialPoint, Head, HistogramPoint, Number, NumberPoint, Temporality};
use crate::platform::Platform;

/// What an instrument measures.
///
/// ```
/// use smoltel_core::{InstrumentKind, View};
/// const SUMS: View = View::of("*").where_kind(InstrumentKind::Counter).cardinality_limit(10);
/// # let _ = SUMS;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Kind {
    /// What only grows.
    Counter,
    /// What grows and shrinks.
    UpDownCounter,
    /// A value, as it is when it is told.
    Gauge,
    /// How values are distributed.
    Histogram,
    /// A counter that is observed when metrics are collected.
    ObservableCounter,
    /// An up-down counter that is observed when metrics are collected.
    ObservableUpDownCounter,
    /// A gauge that is observed when metrics are collected.
    ObservableGauge,
}

impl Kind {
    pub(crate) const fn is_observable(self) -> bool {
        matches!(self, Self::ObservableCounter | Self::ObservableUpDownCounter | Self::ObservableGauge)
    }

    pub(super) const fn is_gauge(self) -> bool {
        matches!(self, Self::Gauge | Self::ObservableGauge)
    }

    pub(crate) const fn is_monotonic(self) -> bool {
        matches!(self, Self::Counter | Self::ObservableCounter)
    }

    /// Whether that is a measurement for it.
    #[inline(always)]
    pub(crate) fn takes(self, value: Number) -> bool {
        match value {
            _ if self.is_gauge() => true,
            Number::Int(value) => value >= 0 || !self.is_monotonic(),
            Number::Double(value) => value.is_finite() && (value >= 0.0 || !self.is_monotonic()),
        }
    }
}

/// Which temporality points are to have. Up-down counters always are cumulative, and gauges have none.
///
/// ```
/// use smoltel_core::{MetricSettings, Preference};
/// let settings = MetricSettings { temporality: Preference::Delta, ..MetricSettings::DEFAULT };
/// # let _ = settings;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Preference {
    /// Every point counts from the start of its series, and every series is sent each time.
    #[default]
    Cumulative,
    /// Points of counters and histograms count from the collection before; series that were not
    /// measured since, gauges too, are not sent, and those that stay so give their memory back.
    Delta,
    /// Delta where that saves memory (counters and histograms), cumulative where it would take some
    /// (observable counters).
    LowMemory,
}

impl Preference {
    pub(crate) const fn of(self, kind: Kind) -> Temporality {
        match (self, kind) {
            (Self::Delta | Self::LowMemory, Kind::Counter | Kind::Histogram)
            | (Self::Delta, Kind::ObservableCounter | Kind::Gauge) => Temporality::Delta,
            _ => Temporality::Cumulative,
        }
    }
}

/// How measurements become a point: for [`InstrumentBuilder`](crate::InstrumentBuilder), and for knowing
/// what points take.
///
/// ```
/// use smoltel_core::{Aggregation, platform::Device};
/// assert_eq!(Aggregation::Value.point_len::<Device>(), 40);
/// assert_eq!(Aggregation::Explicit(&[0.5, 1.0]).point_len::<Device>(), 76);
/// assert_eq!(Aggregation::Exponential { max_size: 16 }.point_len::<Device>(), 216);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Aggregation {
    /// A sum or the last value.
    Value,
    /// A histogram with those bounds, which have to be finite and strictly increasing; without any it
    /// has one bucket.
    Explicit(&'static [f64]),
    /// A histogram with up to `max_size` buckets (2 to [`MAX_SIZE`](Self::MAX_SIZE)) on either side of
    /// zero, as fine as they can be.
    Exponential {
        /// Buckets of positive values, and as many of negative ones.
        max_size: u16,
    },
}

impl Aggregation {
    /// The bounds of a histogram that was not given any.
    pub const DEFAULT_BOUNDS: &'static [f64] = &[
        0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0,
    ];
    /// The buckets of an exponential histogram on either side of zero, unless set otherwise.
    pub const DEFAULT_SIZE: u16 = 160;
    /// The most buckets on either side of zero.
    pub const MAX_SIZE: u16 = 512;
    /// The most bounds of a histogram; of more, the first ones are used.
    pub const MAX_BOUNDS: usize = 255;

    /// Bytes of one point in the memory for metrics, without its attributes (their encoded length; the
    /// sum is rounded up to 16 at most). Observable counters that are sent as deltas take 8 more. An
    /// exemplar takes up to 49 bytes, and 49 more if the instrument drops attributes, beside 12 for each
    /// point that has any.
    pub const fn point_len<P: Platform>(self) -> usize {
        super::points::HEAD + self.state_len(P::CELL)
    }

    /// Bytes of a point's value.
    pub(crate) const fn state_len(self, cell: usize) -> usize {
        match self {
            Self::Value => 8,
            Self::Explicit(bounds) => super::explicit::CELLS + (bounds.len() + 1) * cell,
            Self::Exponential { max_size } => exponential::CELLS + 2 * max_size as usize * cell,
        }
    }

    /// The same with what cannot work left out.
    pub(crate) fn valid(self) -> Self {
        match self {
            Self::Value => self,
            Self::Explicit(bounds) => {
                let increasing = |(at, bound): (usize, &f64)| {
                    bound.is_finite()
                        && at.checked_sub(1).and_then(|at| bounds.get(at)).is_none_or(|last| last < bound)
                };
                let good =
                    bounds.iter().enumerate().take(Self::MAX_BOUNDS).take_while(|b| increasing(*b)).count();
                Self::Explicit(bounds.get(..good).unwrap_or_default())
            }
            Self::Exponential { max_size } => {
                Self::Exponential { max_size: max_size.clamp(2, Self::MAX_SIZE) }
            }
        }
    }

    /// What a histogram does that has it.
    pub(crate) const fn behaviour(self) -> &'static Behaviour {
        match self {
            Self::Value => &Behaviour::LAST,
            Self::Explicit(_) => &Behaviour::EXPLICIT,
            Self::Exponential { .. } => &Behaviour::EXPONENTIAL,
        }
    }

    /// The same of an instrument whose measurements are floating-point numbers, or whole ones.
    pub(crate) const fn behaviour_of(self, double: bool) -> &'static Behaviour {
        match self {
            Self::Explicit(_) if !double => &Behaviour::EXPLICIT_OF_INTS,
            Self::Exponential { .. } if !double => &Behaviour::EXPONENTIAL_OF_INTS,
            _ => self.behaviour(),
        }
    }

    /// The numbers of a point's fields for attributes and exemplars.
    pub(crate) const fn fields(self) -> (u32, u32) {
        match self {
            Self::Value => (NumberPoint::ATTRIBUTES, NumberPoint::EXEMPLARS),
            Self::Explicit(_) => (HistogramPoint::ATTRIBUTES, HistogramPoint::EXEMPLARS),
            Self::Exponential { .. } => (ExponentialPoint::ATTRIBUTES, ExponentialPoint::EXEMPLARS),
        }
    }
}

/// What an instrument is, as it was declared, or one of the streams that views make of it.
#[derive(Debug)]
pub(crate) struct Description<P: Platform> {
    pub(crate) scope: u16,
    pub(crate) name: P::Text,
    pub(crate) unit: P::Text,
    pub(crate) text: P::Text,
    /// What made this stream of the instrument, if it is not the usual one.
    pub(crate) view: Option<&'static View>,
    /// What the points are.
    pub(crate) kind: Kind,
    /// What the instrument is.
    pub(crate) measures: Kind,
    /// Whether values are floating-point numbers. Those of observable instruments are what they are.
    pub(crate) double: bool,
    pub(crate) aggregation: Aggregation,
    pub(crate) behaviour: &'static Behaviour,
    pub(crate) filter: Filter,
    /// The most sets of attributes.
    pub(crate) limit: u16,
}

impl<P: Platform> Clone for Description<P> {
    fn clone(&self) -> Self {
        let (name, unit, text) = (self.name.clone(), self.unit.clone(), self.text.clone());
        Self { name, unit, text, ..*self }
    }
}

impl<P: Platform> Description<P> {
    /// Whether both are one instrument. What differs otherwise than by name is a stream of its own.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.scope == other.scope
            && self.name.eq_ignore_ascii_case(&other.name)
            && *self.unit == *other.unit
            && self.measures == other.measures
            && self.double == other.double
            && self.view.map(core::ptr::from_ref) == other.view.map(core::ptr::from_ref)
    }

    /// Whether both arrive under one name.
    pub(crate) fn shares_name(&self, other: &Self) -> bool {
        self.scope == other.scope && self.exported_name().eq_ignore_ascii_case(other.exported_name())
    }

    pub(crate) fn exported_name(&self) -> &str {
        self.view.and_then(|view| view.name).unwrap_or(&self.name)
    }

    pub(crate) fn exported_text(&self) -> &str {
        self.view.and_then(|view| view.description).unwrap_or(&self.text)
    }

    /// Whether the name is one that every backend takes: a letter, and up to 254 of `A-Za-z0-9_./-`.
    pub(crate) fn has_valid_name(&self) -> bool {
        let name = self.exported_name().as_bytes();
        let rest = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./-".contains(byte);
        name.first().is_some_and(u8::is_ascii_alphabetic) && name.len() <= 255 && name.iter().all(rest)
    }

    /// The data that its points are in.
    pub(crate) fn data(&self, temporality: Temporality) -> metrics::Kind {
        match self.aggregation {
            Aggregation::Explicit(_) => metrics::Kind::Histogram(temporality),
            Aggregation::Exponential { .. } => metrics::Kind::Exponential(temporality),
            Aggregation::Value if self.kind.is_gauge() => metrics::Kind::Gauge,
            Aggregation::Value => metrics::Kind::Sum { temporality, monotonic: self.kind.is_monotonic() },
        }
    }
}

/// An instrument and where its points are.
pub(crate) struct Instrument<P: Platform> {
    pub(crate) is: Description<P>,
    pub(crate) temporality: Temporality,
    /// Bytes of a point's value.
    pub(crate) state_len: u16,
    /// The next stream of the same instrument, or 0.
    pub(crate) also: u16,
    /// Sets of attributes that have a point; the overflow point is none of them.
    pub(crate) series: u16,
    /// When points of deltas and of observable instruments begin: the creation, or the last collection.
    pub(crate) since: u64,
    /// The first point, or 0; the others follow, up to the last.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// The point for sets that found no room, or 0.
    pub(crate) overflow: u32,
}

impl<P: Platform> Clone for Instrument<P> {
    fn clone(&self) -> Self {
        Self { is: self.is.clone(), ..*self }
    }
}

impl<P: Platform> Instrument<P> {
    pub(crate) fn new(is: Description<P>, temporality: Temporality, now: u64) -> Self {
        // An observable counter's delta is to what was observed before, which is kept behind the value.
        let before = if is.kind.is_observable() && matches!(temporality, Temporality::Delta) { 8 } else { 0 };
        let state_len = is.aggregation.state_len(P::CELL) + before;
        Self {
            temporality,
            state_len: u16::try_from(state_len).unwrap_or(u16::MAX),
            also: 0,
            series: 0,
            since: now,
            first: 0,
            last: 0,
            overflow: 0,
            is,
        }
    }

    /// What goes before its points.
    pub(crate) fn head(&self) -> Head<'_> {
        Head {
            name: self.is.exported_name(),
            description: self.is.exported_text(),
            unit: &self.is.unit,
            kind: self.is.data(self.temporality),
        }
    }

    pub(crate) fn is_delta(&self) -> bool {
        matches!(self.temporality, Temporality::Delta)
    }

    /// Whether every series is sent each time, measured or not.
    pub(crate) fn sends_all(&self) -> bool {
        !self.is_delta() && !self.is.kind.is_observable()
    }

    /// Whether a series that is not measured can be forgotten without losing anything.
    pub(crate) fn forgets(&self) -> bool {
        self.is_delta() != self.is.kind.is_observable()
    }
}

crate::opaque_debug!(Instrument<P>);
