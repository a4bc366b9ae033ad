use super::{Counter, Gauge, Histogram, InstrumentBuilder, UpDownCounter};
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::otlp::metrics::Metric;
use crate::pipeline::Stored;
use crate::platform::{Device, Platform, Priority};
use crate::ring::Header;
use crate::wire::Writer;

/// Makes instruments for one component. Cheap to clone and to keep.
///
/// ```
/// # use smoltel_core::Meter;
/// fn instruments(meter: &Meter) {
///     meter.counter("valve.moves").add(1, &[]);
///     meter.instrument("tank.level").unit("%").gauge().record(75.0, &[]);
/// }
/// ```
pub struct Meter<P: Platform = Device> {
    pipeline: P::Handle,
    scope: u16,
}

impl<P: Platform> Clone for Meter<P> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone(), scope: self.scope }
    }
}

impl<P: Platform> Meter<P> {
    /// A meter over `pipeline` for a scope that was declared there.
    pub fn new(pipeline: P::Handle, scope: u16) -> Self {
        Self { pipeline, scope }
    }

    /// An instrument of that name, to be described: any kind, with unit, description, buckets.
    pub fn instrument<T: Into<P::Text>>(&self, name: T) -> InstrumentBuilder<P>
    where
        &'static str: Into<P::Text>,
    {
        InstrumentBuilder::new(self.pipeline.clone(), self.scope, name.into(), &"".into())
    }

    /// A counter of whole numbers.
    pub fn counter<T: Into<P::Text>>(&self, name: T) -> Counter<P>
    where
        &'static str: Into<P::Text>,
    {
        self.instrument(name).counter()
    }

    /// A counter of whole numbers with a unit, in UCUM notation: `By`, `s`, `{request}`.
    pub fn counter_in<T: Into<P::Text>, U: Into<P::Text>>(&self, name: T, unit: U) -> Counter<P>
    where
        &'static str: Into<P::Text>,
    {
        self.instrument(name).unit(unit).counter()
    }

    /// An up-down counter of whole numbers.
    pub fn up_down_counter<T: Into<P::Text>>(&self, name: T) -> UpDownCounter<P>
    where
        &'static str: Into<P::Text>,
    {
        self.instrument(name).up_down_counter()
    }

    /// A gauge of floating-point numbers.
    pub fn gauge<T: Into<P::Text>>(&self, name: T) -> Gauge<P>
    where
        &'static str: Into<P::Text>,
    {
        self.instrument(name).gauge()
    }

    /// A histogram as the pipeline's [settings](crate::MetricSettings::histograms) have it: over the usual bounds,
    /// unless they say otherwise.
    pub fn histogram<T: Into<P::Text>>(&self, name: T) -> Histogram<P>
    where
        &'static str: Into<P::Text>,
    {
        self.instrument(name).histogram()
    }

    /// Sends a metric whose points were made elsewhere, as it is. One that does not fit in a slot, or has
    /// more than 63 points, is counted as lost.
    ///
    /// ```
    /// # use smoltel_core::Meter;
    /// use smoltel_core::otlp::metrics::{Data, Metric, SummaryPoint};
    /// fn forward(meter: &Meter, points: &[SummaryPoint<'_>]) {
    ///     meter.write(&Metric { name: "rpc.latency", ..Metric::new(Data::Summary(points)) });
    /// }
    /// ```
    pub fn write(&self, metric: &Metric<'_>) {
        let points = metric.data.len();
        let Some(mut slot) = self.pipeline.take_slot() else {
            return self.pipeline.add_unmeasured(Loss::NoSlot, points as u64);
        };
        let mut w = Writer::new(&mut slot);
        let fits = points <= usize::from(Header::MAX_ITEMS) && metric.encode(&mut w).is_ok();
        let len = w.len();
        if points > 0 && fits {
            let (signal, priority) = (Signal::Metrics, Priority::Low);
            let time = self.pipeline.now();
            let record = Stored { signal, priority, scope: self.scope, items: points as u8, time };
            return self.pipeline.store(record, slot, len);
        }
        self.pipeline.give_back(slot);
        if !fits {
            self.pipeline.add_unmeasured(Loss::TooLarge, points as u64);
        }
    }
}

crate::opaque_debug!(Meter<P>);
