use super::declare::InScope;
use super::{Aggregation, Behaviour, Description, Filter, Kind};
use crate::otlp::common::Scope;
use crate::platform::Platform;

/// What becomes of instruments, whoever makes them: it selects some, and says what the stream of their points is to be.
///
/// Everything that it selects by has to hold. Each view that selects an instrument makes a stream of its own, up to four;
/// an instrument that none selects has its usual one. Where a view says nothing, the instrument's own settings hold.
///
/// It can be made in a constant, and so lie in a `static`:
///
/// ```
/// use smoltel_core::{InstrumentKind, MetricSettings, Pipeline, View};
/// static VIEWS: [View; 2] = [
///     View::of("adc.*").where_kind(InstrumentKind::Histogram).exponential(16).keep(&["channel"]),
///     View::of("*").where_meter("chatty-driver").drop(),
/// ];
/// fn start(pipeline: &Pipeline, points: &'static mut [u8]) {
///     pipeline.init_metrics_with_views(points, MetricSettings::DEFAULT, &VIEWS);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[must_use = "a view does nothing until a pipeline has it"]
pub struct View {
    pattern: &'static str,
    kind: Option<Kind>,
    unit: Option<&'static str>,
    meter: Option<&'static str>,
    meter_version: Option<&'static str>,
    meter_schema_url: Option<&'static str>,
    pub(super) name: Option<&'static str>,
    pub(super) description: Option<&'static str>,
    filter: Option<Filter>,
    wanted: Wanted,
    limit: Option<u16>,
}

/// How measurements are to become points.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
enum Wanted {
    Usual,
    Drop,
    Sum,
    Last,
    Histogram(Aggregation),
}

impl View {
    /// Selects instruments by their name, in any case. `*` stands for any characters, also none, and `?` for one.
    pub const fn of(name: &'static str) -> Self {
        Self {
            pattern: name,
            kind: None,
            unit: None,
            meter: None,
            meter_version: None,
            meter_schema_url: None,
            name: None,
            description: None,
            filter: None,
            wanted: Wanted::Usual,
            limit: None,
        }
    }

    /// Only instruments of that kind.
    pub const fn where_kind(self, kind: Kind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Only instruments of that unit, as it is written.
    pub const fn where_unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// Only instruments of the meter of that name.
    pub const fn where_meter(self, name: &'static str) -> Self {
        Self { meter: Some(name), ..self }
    }

    /// Only instruments of meters of that version.
    pub const fn where_meter_version(self, version: &'static str) -> Self {
        Self { meter_version: Some(version), ..self }
    }

    /// Only instruments of meters of that schema.
    pub const fn where_meter_schema_url(self, url: &'static str) -> Self {
        Self { meter_schema_url: Some(url), ..self }
    }

    /// The stream's name, for a view that selects one instrument. Streams that get the same name both go out, and count
    /// as [conflicts](crate::MetricUsage::conflicts).
    pub const fn name(self, name: &'static str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// The stream's description.
    pub const fn description(self, text: &'static str) -> Self {
        Self { description: Some(text), ..self }
    }

    /// Keeps only attributes of those keys; measurements are counted together that differ in others. Exemplars still have
    /// them.
    pub const fn keep(self, keys: &'static [&'static str]) -> Self {
        Self { filter: Some(Filter::Only(keys)), ..self }
    }

    /// Keeps all attributes but those of those keys.
    pub const fn without(self, keys: &'static [&'static str]) -> Self {
        Self { filter: Some(Filter::Without(keys)), ..self }
    }

    /// There are to be no points; what is measured counts nowhere.
    pub const fn drop(self) -> Self {
        Self { wanted: Wanted::Drop, ..self }
    }

    /// A sum: of counters, and of histograms, which then take no negative values.
    pub const fn sum(self) -> Self {
        Self { wanted: Wanted::Sum, ..self }
    }

    /// The last value: of any instrument.
    pub const fn last_value(self) -> Self {
        Self { wanted: Wanted::Last, ..self }
    }

    /// A histogram with those bounds, as [`InstrumentBuilder::bounds`](crate::InstrumentBuilder::bounds) takes them: of
    /// histograms, and of counters that are not observable.
    pub const fn bounds(self, bounds: &'static [f64]) -> Self {
        Self { wanted: Wanted::Histogram(Aggregation::Explicit(bounds)), ..self }
    }

    /// A histogram with exponential buckets, up to `max_size` on either side of zero: of the same.
    pub const fn exponential(self, max_size: u16) -> Self {
        Self { wanted: Wanted::Histogram(Aggregation::Exponential { max_size }), ..self }
    }

    /// The most sets of attributes, besides the overflow point.
    pub const fn cardinality_limit(self, sets: u16) -> Self {
        Self { limit: Some(sets), ..self }
    }

    /// The name that it selects by.
    pub const fn pattern(&self) -> &'static str {
        self.pattern
    }

    /// Whether it gives one name to whatever its pattern selects.
    pub fn renames_many(&self) -> bool {
        self.name.is_some() && self.pattern.contains(['*', '?'])
    }
}

/// What a view makes of an instrument.
pub(super) enum Applied<P: Platform> {
    /// Nothing: it selects others.
    Other,
    /// Nothing, though it selects it: such an instrument cannot be aggregated so.
    Unfit,
    /// There are to be no points.
    Dropped,
    /// A stream.
    Stream(Description<P>),
}

impl View {
    pub(super) fn apply<P: Platform>(
        &'static self,
        is: &Description<P>,
        in_scope: InScope<'_>,
    ) -> Applied<P> {
        let about = selects(self.pattern.as_bytes(), is.name.as_bytes())
            && self.kind.is_none_or(|kind| kind == is.kind)
            && self.unit.is_none_or(|unit| unit == &*is.unit)
            && in_scope(&|scope| self.is_about(scope));
        if !about {
            return Applied::Other;
        }
        if self.wanted == Wanted::Drop {
            return Applied::Dropped;
        }
        let Some((kind, aggregation, behaviour)) = self.shape(is) else { return Applied::Unfit };
        let (filter, limit) = (self.filter.unwrap_or(is.filter), self.limit.unwrap_or(is.limit));
        let view = Some(self);
        Applied::Stream(Description { kind, aggregation, behaviour, filter, limit, view, ..is.clone() })
    }

    fn is_about(&self, meter: &Scope<'_>) -> bool {
        self.meter.is_none_or(|name| name == meter.name)
            && self.meter_version.is_none_or(|version| version == meter.version)
            && self.meter_schema_url.is_none_or(|url| url == meter.schema_url)
    }

    /// What the points are and how they come about; `None` for what would make no sense.
    fn shape<P: Platform>(&self, is: &Description<P>) -> Option<(Kind, Aggregation, &'static Behaviour)> {
        let value = Aggregation::Value;
        Some(match (self.wanted, is.kind) {
            (Wanted::Usual | Wanted::Drop, kind) => (kind, is.aggregation, is.behaviour),
            (Wanted::Sum, Kind::Histogram) => (Kind::Counter, value, &Behaviour::DOUBLE_SUM),
            (Wanted::Sum, Kind::Gauge | Kind::ObservableGauge) => return None,
            (Wanted::Sum, kind) => (kind, value, is.behaviour),
            (Wanted::Last, kind) if kind.is_observable() => (Kind::ObservableGauge, value, is.behaviour),
            (Wanted::Last, _) => (Kind::Gauge, value, &Behaviour::LAST),
            (Wanted::Histogram(aggregation), Kind::Histogram | Kind::Counter) => {
                let aggregation = aggregation.valid();
                (Kind::Histogram, aggregation, aggregation.behaviour_of(is.double))
            }
            (Wanted::Histogram(_), _) => return None,
        })
    }
}

/// Whether a pattern is about a name. Names are ASCII.
fn selects(mut pattern: &[u8], mut name: &[u8]) -> bool {
    // What is behind the last `*`, and what that has not taken.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', behind)), _) => {
                star = Some((behind, name));
                pattern = behind;
            }
            (Some((p, behind)), Some((n, rest))) if *p == b'?' || p.eq_ignore_ascii_case(n) => {
                (pattern, name) = (behind, rest);
            }
            (None, None) => return true,
            _ => {
                let Some((behind, [_, rest @ ..])) = star else { return false };
                star = Some((behind, rest));
                (pattern, name) = (behind, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_the_whole_name_in_any_case() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "anything"),
            ("a", "A"),
            ("http.*", "http."),
            ("http.*.duration", "HTTP.server.request.duration"),
            ("a*b*c", "a.b.b.c"),
            ("*.b", "a.b.b"),
            ("a?c", "abc"),
            ("?*?", "ab"),
            ("**", "x"),
        ] {
            assert!(selects(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("a", ""),
            ("a", "ab"),
            ("?", ""),
            ("a?c", "ac"),
            ("http.*", "https"),
            ("*b", "abc"),
            ("?*?", "a"),
        ] {
            assert!(!selects(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }
}
