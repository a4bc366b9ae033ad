//! Metric state of fixed size: one buffer that holds the points of every instrument.
//!
//! | file | what it is |
//! |---|---|
//! | `instrument` | what an instrument is, how its measurements become points |
//! | `view`, `declare` | what views make of instruments; instruments and streams come into being |
//! | `settings`, `usage` | what holds for all instruments; what there is of them |
//! | `measurement` | a value, and the bucket that it belongs to |
//! | `filter` | which attributes of a measurement count |
//! | `attributes` | a measurement's attributes as a set: hashed and compared without being encoded |
//! | `behaviour` | what each kind of instrument does with measurements and points |
//! | `prepared` | a set that was hashed and encoded before it is measured |
//! | `points` | the buffer: blocks, and the index that finds a set's point |
//! | `explicit`, `exponential`, `mapping` | histograms in the bytes of a point |
//! | `exemplars` | measurements kept as examples |
//! | `collect`, `run` | points as records; what of it is done outside of the lock |
//!
//! Attributes are encoded once, when their point is made; collecting it copies them.

mod attributes;
mod behaviour;
mod bytes;
mod collect;
mod declare;
mod distribution;
mod exemplars;
mod explicit;
mod exponential;
mod filter;
mod instrument;
mod mapping;
mod measurement;
mod points;
mod prepared;
mod run;
mod settings;
mod usage;
mod view;

pub(crate) use attributes::AttributeSet;
pub(crate) use behaviour::Behaviour;
pub(crate) use collect::{Next, Outgoing, Progress};
pub(crate) use declare::{Declared, STREAMS};
pub use exemplars::ExemplarFilter;
pub(crate) use exemplars::Sample;
pub(crate) use filter::Filter;
pub use instrument::{Aggregation, Kind, Preference};
pub(crate) use instrument::{Description, Instrument};
pub(crate) use measurement::Measurement;
pub(crate) use points::PointRef;
pub(crate) use prepared::Prepared;
pub use prepared::PreparedAttributes;
pub(crate) use run::Run;
pub use settings::MetricSettings;
pub use usage::MetricUsage;
pub use view::View;

use declare::Apply;
use points::{BOUND, DOUBLE, New, Points};

use crate::otlp::common::{Key, Value};
use crate::otlp::metrics::Number;
use crate::platform::Platform;

/// Instruments and their points.
///
/// ```
/// let usage = PIPELINE.metric_usage();
/// # use smoltel_core::Pipeline;
/// # static PIPELINE: Pipeline = Pipeline::new(|| 0);
/// assert_eq!((usage.series, usage.capacity), (0, 0)); // its memory comes with init_metrics
/// ```
pub struct Metrics<P: Platform> {
    instruments: P::Table<Instrument<P>>,
    callbacks: P::Table<(u16, P::Callback)>,
    points: Points<P::Buffer>,
    settings: MetricSettings,
    /// What is made of instruments, if there are views.
    views: Option<(&'static [View], Apply<P>)>,
    /// How exemplars are kept of what is measured outside a span, if they are.
    exemplars: Option<Keep<P>>,
    random: u32,
    collecting: bool,
    conflicts: u16,
    invalid_names: u16,
    unfit_views: u16,
}

/// Whether the usual histogram's code is named where it is called. A microcontroller's program has it only if the
/// program has such a histogram.
const DIRECT: bool = size_of::<usize>() == 8;

/// How a measurement is kept as an exemplar of its point.
pub(crate) type Keep<P> = fn(&mut Metrics<P>, u32, &Measurement, &Sample<'_, P>) -> Option<()>;

/// The field of the attributes of a sum or gauge that is not observable, and the bytes of its value.
pub(crate) const VALUE: (u32, usize) = (Aggregation::Value.fields().0, Aggregation::Value.state_len(8));

/// The attribute of the point for measurements whose own found no room.
const OVERFLOW: (Key<'static>, Value<'static>) = (Key::new("otel.metric.overflow"), Value::Bool(true));

impl<P: Platform> Metrics<P> {
    /// No instruments and no memory yet.
    pub(crate) const fn new(
        memory: P::Buffer,
        instruments: P::Table<Instrument<P>>,
        callbacks: P::Table<(u16, P::Callback)>,
    ) -> Self {
        Self {
            instruments,
            callbacks,
            points: Points::new(memory),
            settings: MetricSettings::DEFAULT,
            views: None,
            exemplars: None,
            random: 0x2545_F491,
            collecting: false,
            conflicts: 0,
            invalid_names: 0,
            unfit_views: 0,
        }
    }

    /// No instruments yet; their points will be kept in `memory`, and made as settings and views say.
    pub fn with_memory(memory: P::Buffer, settings: MetricSettings, views: &'static [View]) -> Self {
        let mut metrics = Self::new(memory, Default::default(), Default::default());
        metrics.points.reset();
        metrics.settings = settings;
        metrics.exemplars = Some(Self::keep);
        metrics.view(views);
        metrics
    }

    /// Gives memory to metrics that have none. Points that are there already stay where they are.
    /// The code that keeps exemplars is there if somebody names it: `keep` is for settings that ask for it.
    pub(crate) fn init(&mut self, memory: P::Buffer, settings: MetricSettings, keep: Option<Keep<P>>) {
        if self.points.used() == 0 {
            self.points = Points::new(memory);
            self.points.reset();
            (self.settings, self.exemplars) = (settings, keep);
        }
    }

    /// Has views for the instruments that will be made.
    pub(crate) fn view(&mut self, views: &'static [View]) {
        self.views = if views.is_empty() { None } else { Some((views, Self::apply)) };
    }

    /// The point of those attributes, if there is one.
    #[inline]
    pub(crate) fn find(&self, number: u16, set: &AttributeSet<'_>) -> Option<PointRef> {
        let instrument = self.instruments.as_ref().get(usize::from(number))?;
        let (attributes, _) = instrument.is.aggregation.fields();
        let place =
            self.points.find(number, (hash(number, set), set), (attributes, instrument.state_len.into()))?;
        Some(PointRef(place))
    }

    /// The point of those attributes, a new one if need be; the overflow point when there is no room for it,
    /// and for attributes that are too many to be a set. None without memory even for that.
    pub(crate) fn point(
        &mut self,
        number: u16,
        set: Option<&AttributeSet<'_>>,
        now: u64,
    ) -> Option<PointRef> {
        let Some(set) = set else { return self.overflow(number, now) };
        if let Some(point) = self.find(number, set) {
            return Some(point);
        }
        // Room for the overflow point is taken before the first set that might need it.
        let overflow = if set.is_empty() { None } else { Some(self.overflow(number, now)?) };
        let instrument = self.instruments.as_ref().get(usize::from(number))?;
        let new = (instrument.series < instrument.is.limit).then(|| self.insert(number, set, now)).flatten();
        match new {
            Some(place) => {
                let instrument = self.instruments.as_mut().get_mut(usize::from(number))?;
                instrument.series += 1;
                Some(PointRef(place))
            }
            None => overflow.or_else(|| self.overflow(number, now)),
        }
    }

    /// The same, and it will not be forgotten.
    pub(crate) fn bind(&mut self, number: u16, set: Option<&AttributeSet<'_>>, now: u64) -> Option<PointRef> {
        let point = self.point(number, set, now)?;
        self.points.set_flags(point.0, self.points.flags(point.0) | BOUND);
        Some(point)
    }

    fn overflow(&mut self, number: u16, now: u64) -> Option<PointRef> {
        let instrument = self.instruments.as_ref().get(usize::from(number))?;
        let mut place = instrument.overflow;
        if place == 0 {
            place = self.insert(number, &AttributeSet::new(&[OVERFLOW], Filter::All)?, now)?;
            self.instruments.as_mut().get_mut(usize::from(number))?.overflow = place;
        }
        Some(PointRef(place))
    }

    fn insert(&mut self, number: u16, set: &AttributeSet<'_>, now: u64) -> Option<u32> {
        let instrument = self.instruments.as_mut().get_mut(usize::from(number))?;
        let measured_since = instrument.is_delta() || instrument.is.kind.is_observable();
        let new = New {
            instrument: number,
            hash: hash(number, set),
            state_len: instrument.state_len.into(),
            start: if measured_since { instrument.since } else { now },
        };
        let (attributes, _) = instrument.is.aggregation.fields();
        let place = self.points.insert(&new, set.encoded_len(), |w| set.encode(attributes, w))?;
        match core::mem::replace(&mut instrument.last, place) {
            0 => instrument.first = place,
            last => self.points.set_sibling(last, place),
        }
        Some(place)
    }

    /// Takes in a measurement of an instrument; how many measurements are lost for it, because a count can
    /// be no greater.
    pub(crate) fn record(
        &mut self,
        point: PointRef,
        of: &Declared,
        measurement: &Measurement,
        sample: Option<&Sample<'_, P>>,
    ) -> u64 {
        let PointRef(place) = point;
        let double = matches!(measurement.value, Number::Double(_));
        let Some((flags, state)) = self.points.measured(place, double) else { return 1 };
        let lost = (of.behaviour.record)(state, P::CELL, of.aggregation, measurement);
        if of.kind.is_observable() && (flags & DOUBLE != 0) != double {
            self.forget_before(place);
        }
        if let Some(sample) = sample
            && let Some(keep) = sample.keep.or(self.exemplars)
        {
            keep(self, place, measurement, sample);
        }
        lost
    }

    /// Takes in a value of a sum or gauge that is not observable.
    #[inline(always)]
    pub(crate) fn put(&mut self, point: PointRef, kind: Kind, value: Number) {
        if let Some((_, state)) = self.points.measured(point.0, matches!(value, Number::Double(_))) {
            put(state, kind, value);
        }
    }

    /// Takes in a measurement of a histogram, with no exemplar; how many are lost for it.
    #[inline(always)]
    pub(crate) fn distribute(&mut self, point: PointRef, of: &Declared, measurement: Measurement) -> u64 {
        let Some((_, state)) = self.points.measured(point.0, true) else { return 1 };
        match of.aggregation {
            Aggregation::Explicit(_) if DIRECT => {
                explicit::record(state, P::CELL, of.aggregation, &measurement)
            }
            _ => (of.behaviour.record)(state, P::CELL, of.aggregation, &{ measurement }),
        }
    }

    /// [`find`](Self::find) for a sum or gauge that is not observable.
    #[inline]
    pub(crate) fn find_value(&self, number: u16, set: &AttributeSet<'_>) -> Option<PointRef> {
        self.points.find(number, (hash(number, set), set), VALUE).map(PointRef)
    }

    /// The point of attributes that are ready, if there is one that has them in the same order.
    #[inline]
    pub(crate) fn find_prepared(
        &self,
        of: &Declared,
        attributes: &Prepared<'_>,
        (number, state_len): (u32, usize),
    ) -> Option<PointRef> {
        let (instrument, (set, encoded)) = (of.number?, attributes.ready.filter(|_| of.filter.is_all())?);
        let hash = hash_of(instrument, set);
        let place = self.points.find_where(instrument, hash, state_len, |stored, len| {
            stored.get(..len).is_some_and(|stored| prepared::same(encoded, number, stored))
        });
        place.map(PointRef)
    }

    /// A value of the other kind of number came: the one before it cannot be compared with.
    #[cold]
    fn forget_before(&mut self, place: u32) {
        let number = usize::from(self.points.instrument(place));
        let Some(instrument) = self.instruments.as_ref().get(number) else { return };
        let state_len = usize::from(instrument.state_len);
        self.points.state(place).get_mut(8..state_len).unwrap_or_default().fill(0);
    }

    /// Keeps a measurement as an exemplar, if there is room and it is chosen.
    #[cold]
    pub(crate) fn keep(
        &mut self,
        place: u32,
        measurement: &Measurement,
        sample: &Sample<'_, P>,
    ) -> Option<()> {
        let number = self.points.instrument(place);
        let is = &self.instruments.as_ref().get(usize::from(number))?.is;
        let (filtered, (_, field)) = (!is.filter.is_all(), is.aggregation.fields());
        let buckets = match is.aggregation {
            Aggregation::Explicit(bounds) => Some(bounds.len() + 1),
            _ => None,
        };
        let places = buckets.unwrap_or(P::EXEMPLARS.into());
        let block = match self.points.exemplars(place) {
            Some(block) => block,
            None => {
                let block = self.points.add_exemplars(place, exemplars::block_len(places, filtered))?;
                exemplars::begin(self.points.at_mut(block), places as u16);
                block
            }
        };
        // Xorshift: good enough for a choice.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        let block = self.points.at_mut(block);
        let chosen = match buckets {
            Some(_) => measurement.bucket as usize,
            None => exemplars::choose(block, self.random)?,
        };
        exemplars::keep(block, chosen, filtered, field, measurement.value, sample);
        Some(())
    }

    /// What there is, and what it takes.
    pub(crate) fn usage(&self) -> MetricUsage {
        let instruments = self.instruments.as_ref();
        MetricUsage {
            instruments: instruments.len(),
            series: instruments.iter().map(|instrument| usize::from(instrument.series)).sum(),
            conflicts: self.conflicts.into(),
            invalid_names: self.invalid_names.into(),
            unfit_views: self.unfit_views.into(),
            used: self.points.used(),
            capacity: self.points.capacity(),
        }
    }
}

#[inline]
fn hash(number: u16, set: &AttributeSet<'_>) -> u32 {
    hash_of(number, set.hash())
}

#[inline]
fn hash_of(number: u16, set: u32) -> u32 {
    (set ^ u32::from(number)).wrapping_mul(0x9E37_79B1)
}

/// Adds to a sum or sets a value.
#[inline]
fn put(state: &mut [u8], kind: Kind, value: Number) {
    let Some(place) = state.first_chunk_mut::<8>() else { return };
    let adds = matches!(kind, Kind::Counter | Kind::UpDownCounter);
    let before = u64::from_le_bytes(*place);
    let after = match value {
        Number::Int(value) if adds => (before as i64).saturating_add(value) as u64,
        Number::Int(value) => value as u64,
        Number::Double(value) if adds => distribution::sum(f64::from_bits(before), value).to_bits(),
        Number::Double(value) => value.to_bits(),
    };
    *place = after.to_le_bytes();
}

crate::opaque_debug!(Metrics<P>);
