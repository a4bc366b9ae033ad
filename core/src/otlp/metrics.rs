//! `metrics.proto`: a metric, its points and their exemplars.
//!
//! Instruments write these by themselves. What comes from elsewhere (a meter read over a bus, a summary
//! of another library) is described as a [`Metric`] and written by [`Meter::write`](crate::Meter::write).

mod exemplar;
mod exponential;
mod histogram;
mod number;
mod parts;
mod summary;

pub use exemplar::Exemplar;
pub use exponential::{Buckets, ExponentialPoint};
pub use histogram::HistogramPoint;
pub use number::{Number, NumberPoint};
pub use parts::{Attributes, Counts, Exemplars};
pub use summary::{Quantile, SummaryPoint};

pub(crate) use number::StoredPoint;
pub(crate) use parts::{Point, StoredExemplars};

use super::common::{Key, Value};
use crate::wire::{Full, VARINT, Writer, len_field, tag};

mod field {
    pub(super) mod metric {
        pub(in super::super) const NAME: u32 = 1;
        pub(in super::super) const DESCRIPTION: u32 = 2;
        pub(in super::super) const UNIT: u32 = 3;
        pub(in super::super) const GAUGE: u32 = 5;
        pub(in super::super) const SUM: u32 = 7;
        pub(in super::super) const HISTOGRAM: u32 = 9;
        pub(in super::super) const EXPONENTIAL_HISTOGRAM: u32 = 10;
        pub(in super::super) const SUMMARY: u32 = 11;
        pub(in super::super) const METADATA: u32 = 12;
    }
    /// Of every kind of data.
    pub(super) mod data {
        pub(in super::super) const POINTS: u32 = 1;
        pub(in super::super) const TEMPORALITY: u32 = 2;
        pub(in super::super) const IS_MONOTONIC: u32 = 3;
    }
}

/// What a point of a sum or a histogram covers. There is no unspecified one to send.
///
/// ```
/// use smoltel_core::otlp::metrics::Temporality;
/// assert_eq!((Temporality::Delta as u8, Temporality::Cumulative as u8), (1, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[repr(u8)]
pub enum Temporality {
    /// What was measured since the point before.
    Delta = 1,
    /// Everything since a start that stays.
    Cumulative = 2,
}

/// A point's flag: there is no value, only a series that was there before.
pub const NO_RECORDED_VALUE: u32 = 1;

/// A metric with its points.
///
/// ```
/// use smoltel_core::otlp::metrics::{Data, Metric, Number, NumberPoint};
/// use smoltel_core::wire::Writer;
/// let points = [NumberPoint { time: 7, value: Some(Number::Double(21.5)), ..NumberPoint::default() }];
/// let metric = Metric { name: "room.temperature", unit: "Cel", ..Metric::new(Data::Gauge(&points)) };
/// let mut buf = [0; 128];
/// let mut w = Writer::new(&mut buf);
/// metric.encode(&mut w)?;
/// assert_eq!(w.len(), metric.encoded_len());
/// # Ok::<(), smoltel_core::wire::Full>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Metric<'a> {
    /// The instrument's name.
    pub name: &'a str,
    /// What it says, for people.
    pub description: &'a str,
    /// In UCUM notation, or empty.
    pub unit: &'a str,
    /// The points.
    pub data: Data<'a>,
    /// Says more of the metric, without being part of what identifies it.
    pub metadata: Attributes<'a>,
}

/// The points of a metric: of one kind.
///
/// ```
/// use smoltel_core::otlp::metrics::{Data, Temporality};
/// let nothing = Data::Sum { points: &[], temporality: Temporality::Delta, monotonic: true };
/// assert!(nothing.is_empty());
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// Values as they were at a time.
    Gauge(&'a [NumberPoint<'a>]),
    /// Sums.
    Sum {
        /// One for each series.
        points: &'a [NumberPoint<'a>],
        /// What they cover.
        temporality: Temporality,
        /// Whether they only grow.
        monotonic: bool,
    },
    /// Distributions over given bounds.
    Histogram {
        /// One for each series.
        points: &'a [HistogramPoint<'a>],
        /// What they cover.
        temporality: Temporality,
    },
    /// Distributions over exponential buckets.
    ExponentialHistogram {
        /// One for each series.
        points: &'a [ExponentialPoint<'a>],
        /// What they cover.
        temporality: Temporality,
    },
    /// Quantiles that were computed elsewhere; not for new use.
    Summary(&'a [SummaryPoint<'a>]),
}

impl Data<'_> {
    /// The number of points.
    pub const fn len(&self) -> usize {
        match self {
            Self::Gauge(points) | Self::Sum { points, .. } => points.len(),
            Self::Histogram { points, .. } => points.len(),
            Self::ExponentialHistogram { points, .. } => points.len(),
            Self::Summary(points) => points.len(),
        }
    }

    /// Whether there is no point.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn kind(&self) -> Kind {
        match *self {
            Self::Gauge(_) => Kind::Gauge,
            Self::Sum { temporality, monotonic, .. } => Kind::Sum { temporality, monotonic },
            Self::Histogram { temporality, .. } => Kind::Histogram(temporality),
            Self::ExponentialHistogram { temporality, .. } => Kind::Exponential(temporality),
            Self::Summary(_) => Kind::Summary,
        }
    }

    fn points_len(&self) -> usize {
        fn of(points: &[impl Point]) -> usize {
            points.iter().map(|point| len_field(point.encoded_len())).sum()
        }
        match self {
            Self::Gauge(points) | Self::Sum { points, .. } => of(points),
            Self::Histogram { points, .. } => of(points),
            Self::ExponentialHistogram { points, .. } => of(points),
            Self::Summary(points) => of(points),
        }
    }

    fn encode_points(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        fn all(points: &[impl Point], w: &mut Writer<'_>) -> Result<(), Full> {
            points.iter().try_for_each(|one| point(one, w))
        }
        match self {
            Self::Gauge(points) | Self::Sum { points, .. } => all(points, w),
            Self::Histogram { points, .. } => all(points, w),
            Self::ExponentialHistogram { points, .. } => all(points, w),
            Self::Summary(points) => all(points, w),
        }
    }
}

impl<'a> Metric<'a> {
    /// A metric with those points and no name yet.
    pub const fn new(data: Data<'a>) -> Self {
        Self { name: "", description: "", unit: "", data, metadata: Attributes::NONE }
    }

    /// Bytes of the `Metric` message, without its own tag and length.
    pub fn encoded_len(&self) -> usize {
        let points = self.data.points_len();
        self.head().encoded_len(points) + points + self.metadata.encoded_len()
    }

    /// Writes the fields of the `Metric` message.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.head().encode(self.data.points_len(), w)?;
        self.data.encode_points(w)?;
        self.metadata.encode(field::metric::METADATA, w)
    }

    fn head(&self) -> Head<'a> {
        Head { name: self.name, description: self.description, unit: self.unit, kind: self.data.kind() }
    }
}

/// Writes a point as a field of its metric's data.
pub(crate) fn point(point: &impl Point, w: &mut Writer<'_>) -> Result<(), Full> {
    w.head(field::data::POINTS, point.encoded_len())?;
    point.encode(w)
}

/// Everything of a metric that goes before its points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) kind: Kind,
}

/// A metric's data but for its points.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Gauge,
    Sum { temporality: Temporality, monotonic: bool },
    Histogram(Temporality),
    Exponential(Temporality),
    Summary,
}

impl Kind {
    const fn number(self) -> u32 {
        match self {
            Self::Gauge => field::metric::GAUGE,
            Self::Sum { .. } => field::metric::SUM,
            Self::Histogram(_) => field::metric::HISTOGRAM,
            Self::Exponential(_) => field::metric::EXPONENTIAL_HISTOGRAM,
            Self::Summary => field::metric::SUMMARY,
        }
    }

    const fn temporality(self) -> Option<Temporality> {
        match self {
            Self::Sum { temporality, .. } | Self::Histogram(temporality) | Self::Exponential(temporality) => {
                Some(temporality)
            }
            Self::Gauge | Self::Summary => None,
        }
    }

    /// Bytes of the data's own fields.
    const fn encoded_len(self) -> usize {
        match self {
            Self::Gauge | Self::Summary => 0,
            Self::Histogram(_) | Self::Exponential(_) => 2,
            Self::Sum { .. } => 4,
        }
    }
}

impl<'a> Head<'a> {
    fn texts(&self) -> [(u32, &'a str); 3] {
        use field::metric as number;
        [(number::NAME, self.name), (number::DESCRIPTION, self.description), (number::UNIT, self.unit)]
    }

    /// Bytes of the fields before points of that length.
    pub(crate) fn encoded_len(&self, points: usize) -> usize {
        let texts = self.texts().into_iter().filter(|(_, text)| !text.is_empty());
        let own = self.kind.encoded_len();
        texts.map(|(_, text)| len_field(text.len())).sum::<usize>() + len_field(own + points) - points
    }

    /// Writes the fields that go before points of that length.
    pub(crate) fn encode(&self, points: usize, w: &mut Writer<'_>) -> Result<(), Full> {
        for (number, text) in self.texts() {
            if !text.is_empty() {
                w.string(number, text)?;
            }
        }
        w.head(self.kind.number(), self.kind.encoded_len() + points)?;
        if let Some(temporality) = self.kind.temporality() {
            w.put(&[tag(field::data::TEMPORALITY, VARINT) as u8, temporality as u8])?;
        }
        match self.kind {
            Kind::Sum { monotonic, .. } => {
                w.put(&[tag(field::data::IS_MONOTONIC, VARINT) as u8, monotonic.into()])
            }
            _ => Ok(()),
        }
    }
}

impl<'a> From<&'a [(Key<'a>, Value<'a>)]> for Attributes<'a> {
    fn from(list: &'a [(Key<'a>, Value<'a>)]) -> Self {
        Self::list(list)
    }
}
