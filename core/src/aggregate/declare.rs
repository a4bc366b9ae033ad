//! Instruments, and the streams that views make of them, come into being.

use super::view::Applied;
use super::{
    Aggregation, Behaviour, Description, ExemplarFilter, Filter, Instrument, Kind, MetricSettings, Metrics,
    View,
};
use crate::otlp::common::Scope;
use crate::platform::{Platform, Table};

/// What an instrument's handle has to know, so that most of a measurement's work is done outside the lock. It is
/// about one stream of points; nearly always there is no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    /// None when the table of instruments was full, and for what is dropped.
    pub(crate) number: Option<u16>,
    /// The next stream of the same instrument, or 0. It is unknown if the table was full.
    pub(crate) also: u16,
    /// Whether a view wants no points.
    pub(crate) dropped: bool,
    /// Whether a measurement may take the short way: there is one stream, of the instrument's own kind, and outside
    /// of spans there are no exemplars.
    pub(crate) plain: bool,
    /// What the points are.
    pub(crate) kind: Kind,
    /// What the instrument is.
    pub(crate) measures: Kind,
    pub(crate) aggregation: Aggregation,
    pub(crate) behaviour: &'static Behaviour,
    pub(crate) filter: Filter,
    pub(crate) exemplars: ExemplarFilter,
}

/// Asks for an instrument's scope, which is not to be looked up unless a view wants to know.
pub(crate) type InScope<'a> = &'a dyn Fn(&dyn Fn(&Scope<'_>) -> bool) -> bool;

/// How views are applied. A program has the code for that if it has named it, with views.
pub(crate) type Apply<P> =
    fn(&mut Metrics<P>, &'static [View], &Description<P>, InScope<'_>, u64) -> Option<Declared>;

/// The most streams of an instrument.
pub(crate) const STREAMS: usize = 4;

/// The number of a stream that found no room.
const NO_ROOM: u16 = u16::MAX;

impl<P: Platform> Metrics<P> {
    /// The instrument of that description, the same for the same scope, name (in any case), unit and kind.
    pub(crate) fn declare(
        &mut self,
        mut is: Description<P>,
        limit: Option<u16>,
        in_scope: InScope<'_>,
        now: u64,
    ) -> Declared {
        is.limit = limit.unwrap_or(self.settings.cardinality_limit);
        let viewed = self.views.and_then(|(views, apply)| apply(self, views, &is, in_scope, now));
        viewed.unwrap_or_else(|| self.declare_stream(is, now))
    }

    /// The first stream of an instrument that views select; `None` if there is no such view.
    pub(super) fn apply(
        &mut self,
        views: &'static [View],
        is: &Description<P>,
        in_scope: InScope<'_>,
        now: u64,
    ) -> Option<Declared> {
        let (mut streams, mut first, mut last) = (0, None, None);
        for view in views {
            match view.apply(is, in_scope) {
                Applied::Other => {}
                Applied::Dropped => {
                    first = first.or(Some(Declared { dropped: true, ..self.declared(is, None) }));
                }
                Applied::Stream(_) if streams == STREAMS => self.unfit_views += 1,
                Applied::Unfit => self.unfit_views += 1,
                Applied::Stream(stream) => {
                    let declared = self.declare_stream(stream, now);
                    streams += 1;
                    if let Some(before) = last.replace(declared.number) {
                        self.link(before, declared.number);
                    } else {
                        first = Some(declared);
                    }
                }
            }
        }
        // What is behind the first stream was not known yet when it was declared.
        let known = |number| self.stream(number);
        first.map(|first| first.number.and_then(known).unwrap_or(first))
    }

    fn link(&mut self, before: Option<u16>, number: Option<u16>) {
        let before = before.and_then(|before| self.instruments.as_mut().get_mut(usize::from(before)));
        if let Some(before) = before {
            before.also = number.unwrap_or(NO_ROOM);
        }
    }

    fn declare_stream(&mut self, is: Description<P>, now: u64) -> Declared {
        let known = self.instruments.as_ref().iter().position(|instrument| instrument.is.is(&is));
        let at = known.unwrap_or(self.instruments.as_ref().len());
        let number = u16::try_from(at).ok();
        if let Some(instrument) = self.instruments.as_mut().get_mut(at)
            && is.text.len() > instrument.is.text.len()
        {
            instrument.is.text = is.text.clone();
        }
        if let Some(known) = number.and_then(|number| self.stream(number)) {
            return known;
        }
        let new = self.declared(&is, number);
        let conflict = self.instruments.as_ref().iter().any(|instrument| instrument.is.shares_name(&is));
        self.conflicts = self.conflicts.saturating_add(conflict.into());
        self.invalid_names = self.invalid_names.saturating_add((!is.has_valid_name()).into());
        let temporality = self.settings.temporality.of(is.kind);
        let added = number.is_some() && self.instruments.push(Instrument::new(is, temporality, now)).is_ok();
        Declared { number: number.filter(|_| added), ..new }
    }

    /// What there is to know of a stream.
    pub(crate) fn stream(&self, number: u16) -> Option<Declared> {
        let instrument = self.instruments.as_ref().get(usize::from(number))?;
        let (also, known) = (instrument.also, self.declared(&instrument.is, Some(number)));
        Some(Declared { also, plain: known.plain && also == 0, ..known })
    }

    pub(crate) fn settings(&self) -> MetricSettings {
        self.settings
    }

    fn declared(&self, is: &Description<P>, number: Option<u16>) -> Declared {
        let exemplars = self.settings.exemplars;
        Declared {
            number,
            also: 0,
            dropped: false,
            plain: exemplars != ExemplarFilter::AlwaysOn && is.kind == is.measures,
            kind: is.kind,
            measures: is.measures,
            aggregation: is.aggregation,
            behaviour: is.behaviour,
            filter: is.filter,
            exemplars,
        }
    }

    /// Adds what an observable instrument is observed by; gives it back when the table is full.
    pub(crate) fn observe_by(&mut self, instrument: u16, callback: P::Callback) -> Result<(), P::Callback> {
        self.callbacks.push((instrument, callback)).map_err(|(_, callback)| callback)
    }

    /// One of the callbacks, to be called outside the lock, and the instrument that it observes.
    pub(crate) fn callback(&self, at: usize) -> Option<(Declared, P::Callback)> {
        let (number, callback) = self.callbacks.as_ref().get(at)?;
        Some((self.stream(*number)?, callback.clone()))
    }
}
