use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use metrics::{CounterFn, GaugeFn, HistogramFn, KeyName, Metadata, Recorder, SharedString, Unit};

use smoltel_core::{BoundGauge, BoundHistogram};

use crate::{BoundCounter, ConfigError, InstrumentBuilder, Key, Meter, Telemetry, Threads, Value};

/// A recorder for the `metrics` crate: its counters, gauges and histograms are instruments of smoltel's, bound to
/// their labels.
///
/// | of the `metrics` crate | becomes |
/// |---|---|
/// | counter, gauge, histogram | a monotonic sum, a gauge, a histogram, in the scope `metrics` |
/// | labels | attributes |
/// | `describe_…!` | unit and description; call it before the metric's first use, a unit that comes later is not known |
///
/// A handle is looked up by a hash that its key brings with it, and what it does takes no lock but the one of
/// smoltel's metrics. Neither allocates once the series is there.
///
/// ```
/// use smoltel::Telemetry;
/// use smoltel::bridge::MetricsRecorder;
///
/// # let telemetry = Telemetry::builder("thermostat").endpoint("http://127.0.0.1:9").on_message(|_| {}).build()?;
/// MetricsRecorder::new(&telemetry).bounds("loop.duration", &[0.001, 0.01, 0.1]).install()?;
/// metrics::describe_histogram!("loop.duration", metrics::Unit::Seconds, "one turn of the control loop");
/// metrics::counter!("valve.moves", "valve.id" => "3").increment(1);
/// metrics::histogram!("loop.duration").record(0.004);
/// # telemetry.shutdown(std::time::Duration::ZERO);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MetricsRecorder {
    meter: Meter,
    bounds: HashMap<&'static str, &'static [f64]>,
    described: RwLock<HashMap<KeyName, (Option<Unit>, SharedString)>>,
    counters: Handles<Counter>,
    gauges: Handles<Gauge>,
    histograms: Handles<Histogram>,
}

impl MetricsRecorder {
    /// A recorder of what `telemetry` sends.
    pub fn new(telemetry: &Telemetry) -> Self {
        Self {
            meter: telemetry.meter("metrics"),
            bounds: HashMap::new(),
            described: RwLock::default(),
            counters: Handles::default(),
            gauges: Handles::default(),
            histograms: Handles::default(),
        }
    }

    /// The buckets of the histogram of that name, by their upper bounds, strictly increasing. The others have those of
    /// [`MetricSettings::histograms`](crate::MetricSettings::histograms), which are made for milliseconds.
    #[must_use]
    pub fn bounds(mut self, name: &'static str, bounds: &'static [f64]) -> Self {
        self.bounds.insert(name, bounds);
        self
    }

    /// Makes it the program's recorder.
    ///
    /// # Errors
    /// There is a recorder already: it was set before.
    pub fn install(self) -> Result<(), ConfigError> {
        let taken =
            |_| ConfigError::new("the `metrics` crate has a recorder already: install this one before it");
        metrics::set_global_recorder(self).map_err(taken)
    }

    fn describe(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        let mut described = self.described.write().unwrap_or_else(PoisonError::into_inner);
        described.insert(name, (unit, text));
    }

    fn instrument(&self, name: &str) -> InstrumentBuilder {
        let builder = self.meter.instrument(name);
        let described = self.described.read().unwrap_or_else(PoisonError::into_inner);
        let Some((unit, text)) = described.get(name) else { return builder };
        builder.unit(unit.map_or("", ucum)).description(&**text)
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(name, unit, text);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(name, unit, text);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(name, unit, text);
    }

    fn register_counter(&self, key: &metrics::Key, _: &Metadata<'_>) -> metrics::Counter {
        let counter = self.counters.get(key, |attributes| {
            let bound = self.instrument(key.name()).counter().bind(attributes);
            Counter { bound, highest: AtomicU64::new(0) }
        });
        metrics::Counter::from_arc(counter)
    }

    fn register_gauge(&self, key: &metrics::Key, _: &Metadata<'_>) -> metrics::Gauge {
        let gauge = self.gauges.get(key, |attributes| Gauge {
            bound: self.instrument(key.name()).gauge().bind(attributes),
            value: Mutex::new(0.0),
        });
        metrics::Gauge::from_arc(gauge)
    }

    fn register_histogram(&self, key: &metrics::Key, _: &Metadata<'_>) -> metrics::Histogram {
        let histogram = self.histograms.get(key, |attributes| {
            let mut builder = self.instrument(key.name());
            if let Some(bounds) = self.bounds.get(key.name()) {
                builder = builder.bounds(bounds);
            }
            Histogram(builder.histogram().bind(attributes))
        });
        metrics::Histogram::from_arc(histogram)
    }
}

struct Counter {
    bound: BoundCounter,
    /// What it stands at, for those who say that instead of what is added.
    highest: AtomicU64,
}

impl CounterFn for Counter {
    fn increment(&self, value: u64) {
        self.highest.fetch_add(value, Ordering::Relaxed);
        self.bound.add(value);
    }

    fn absolute(&self, value: u64) {
        let before = self.highest.fetch_max(value, Ordering::Relaxed);
        if value > before {
            self.bound.add(value - before);
        }
    }
}

struct Gauge {
    bound: BoundGauge<Threads>,
    /// Held while it is recorded, so that the last value of all is the last one recorded.
    value: Mutex<f64>,
}

impl Gauge {
    fn change(&self, to: impl FnOnce(f64) -> f64) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        *value = to(*value);
        self.bound.record(*value);
    }
}

impl GaugeFn for Gauge {
    fn increment(&self, value: f64) {
        self.change(|old| old + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|old| old - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

struct Histogram(BoundHistogram<Threads>);

impl HistogramFn for Histogram {
    fn record(&self, value: f64) {
        self.0.record(value);
    }
}

/// The handles of one kind, by key.
struct Handles<T>(RwLock<HashMap<metrics::Key, Arc<T>, BuildHasherDefault<OwnHash>>>);

/// Labels can be made up at run time. Handles of what comes after these are not kept, and made anew at each call.
const MAX: usize = 1 << 16;

impl<T> Handles<T> {
    fn get(&self, key: &metrics::Key, make: impl FnOnce(&[(Key<'_>, Value<'_>)]) -> T) -> Arc<T> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = known.get(key) {
            return handle.clone();
        }
        drop(known);
        let attributes: Vec<_> =
            key.labels().map(|label| (label.key().into(), label.value().into())).collect();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX {
            return Arc::new(make(&attributes));
        }
        known.entry(key.clone()).or_insert_with(|| Arc::new(make(&attributes))).clone()
    }
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

/// A key of the `metrics` crate knows its hash and gives nothing else to hash.
#[derive(Default)]
struct OwnHash(u64);

impl Hasher for OwnHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A unit as OpenTelemetry writes it.
const fn ucum(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "1",
        Unit::Percent => "%",
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Nanoseconds => "ns",
        Unit::Tebibytes => "TiBy",
        Unit::Gibibytes => "GiBy",
        Unit::Mebibytes => "MiBy",
        Unit::Kibibytes => "KiBy",
        Unit::Bytes => "By",
        Unit::TerabitsPerSecond => "Tbit/s",
        Unit::GigabitsPerSecond => "Gbit/s",
        Unit::MegabitsPerSecond => "Mbit/s",
        Unit::KilobitsPerSecond => "kbit/s",
        Unit::BitsPerSecond => "bit/s",
        Unit::CountPerSecond => "1/s",
    }
}

impl fmt::Debug for MetricsRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsRecorder").finish_non_exhaustive()
    }
}
