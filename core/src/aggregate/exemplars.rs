//! Measurements that are kept as examples of what went into a point, encoded as they will be sent.
//!
//! ```text
//! ┌──────┬──────┬────────┬──────┬────────────────┬────────────────┐
//! │ next │ size │ places │ seen │ length, fields │ length, fields │ …
//! │ u32  │ u16  │ u16    │ u32  │ u8             │ u8             │
//! └──────┴──────┴────────┴──────┴────────────────┴────────────────┘
//! ```

use super::Keep;
use super::attributes::AttributeSet;
use super::bytes::{set, u16_at, u32_at};
use crate::context::SpanContext;
use crate::otlp::common::attribute;
use crate::otlp::metrics::{Attributes, Exemplar, Number, StoredExemplars};
use crate::platform::Platform;
use crate::wire::{Writer, len_field};

const PLACES: usize = 6;
const SEEN: usize = 8;
/// Where the places begin.
const FIRST: usize = 12;

/// A place for one exemplar: its length, its tag and length, and its fields.
const PLACE: usize = 1 + 2 + Exemplar::MAX;
/// What the attributes may take that a point does not have.
const FILTERED: usize = 49;

/// Which measurements may be kept as exemplars.
///
/// ```
/// use smoltel_core::{ExemplarFilter, MetricSettings};
/// let settings = MetricSettings { exemplars: ExemplarFilter::AlwaysOff, ..MetricSettings::DEFAULT };
/// # let _ = settings;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum ExemplarFilter {
    /// Those made in a sampled span, which has to be given to the instrument.
    #[default]
    TraceBased,
    /// All.
    AlwaysOn,
    /// None; exemplars then cost nothing.
    AlwaysOff,
}

impl ExemplarFilter {
    /// Whether a measurement made there may be kept.
    #[inline]
    pub(crate) fn admits(self, context: Option<&SpanContext>) -> bool {
        match self {
            Self::TraceBased => context.is_some_and(is_sampled),
            Self::AlwaysOn => true,
            Self::AlwaysOff => false,
        }
    }
}

fn is_sampled(context: &SpanContext) -> bool {
    context.flags & SpanContext::SAMPLED != 0 && context.is_valid()
}

/// A measurement that may be kept.
pub(crate) struct Sample<'a, P: Platform> {
    pub(crate) time: u64,
    pub(crate) context: Option<SpanContext>,
    /// With the attributes that its point does not have.
    pub(crate) set: Option<&'a AttributeSet<'a>>,
    /// How it is kept, if it is not left to the settings.
    pub(crate) keep: Option<Keep<P>>,
}

/// Bytes of a block of that many places.
pub(super) const fn block_len(places: usize, filtered: bool) -> usize {
    FIRST + places * place_len(filtered)
}

const fn place_len(filtered: bool) -> usize {
    if filtered { PLACE + FILTERED } else { PLACE }
}

/// Notes how many places a new block has.
pub(super) fn begin(block: &mut [u8], places: u16) {
    set(block, PLACES, places.to_le_bytes());
}

/// The place for the next measurement among those of a block, every one of which is to have the same
/// chance; `None` when it is not to be kept.
pub(super) fn choose(block: &mut [u8], random: u32) -> Option<usize> {
    let (places, seen) = (u32::from(u16_at(block, PLACES)), u32_at(block, SEEN));
    set(block, SEEN, seen.saturating_add(1).to_le_bytes());
    let place = if seen < places { seen } else { random % seen.saturating_add(1) };
    (place < places).then_some(place as usize)
}

/// Writes an exemplar, as field `number` of its point, into a place.
pub(super) fn keep<P: Platform>(
    block: &mut [u8],
    place: usize,
    filtered: bool,
    number: u32,
    value: Number,
    sample: &Sample<'_, P>,
) {
    let len = place_len(filtered);
    let from = FIRST + place * len;
    let Some((written, room)) = block.get_mut(from..from + len).and_then(<[u8]>::split_first_mut) else {
        return;
    };
    let mut filtered_fields = [0; FILTERED];
    let mut w = Writer::new(&mut filtered_fields);
    if let Some(set) = sample.set.filter(|_| filtered) {
        // What finds no room is left out: an exemplar without it still is one.
        set.dropped()
            .for_each(|(key, value)| _ = attribute(&mut w, Exemplar::FILTERED_ATTRIBUTES, key, value));
    }
    let exemplar = Exemplar {
        filtered_attributes: Attributes::encoded(w.written()),
        time: sample.time,
        value,
        context: sample.context.filter(is_sampled),
    };
    let mut w = Writer::new(room);
    let fits = len_field(exemplar.encoded_len()) < len && exemplar.encode_as(number, &mut w).is_ok();
    *written = if fits { w.len() as u8 } else { 0 };
}

/// A block to its last place.
pub(super) fn whole(block: &[u8], filtered: bool) -> &[u8] {
    let len = block_len(u16_at(block, PLACES).into(), filtered);
    block.get(..len).unwrap_or_default()
}

/// The exemplars in a block; none without one.
pub(super) fn of(block: &[u8], filtered: bool) -> StoredExemplars<'_> {
    let len = usize::from(u16_at(block, PLACES)) * place_len(filtered);
    StoredExemplars::new(block.get(FIRST..FIRST + len).unwrap_or_default(), place_len(filtered))
}

/// Forgets the exemplars in a block.
pub(super) fn clear(block: &mut [u8], filtered: bool) {
    set(block, SEEN, [0; 4]);
    let len = usize::from(u16_at(block, PLACES)) * place_len(filtered);
    let places = block.get_mut(FIRST..FIRST + len).unwrap_or_default();
    places
        .chunks_exact_mut(place_len(filtered))
        .filter_map(<[u8]>::first_mut)
        .for_each(|written| *written = 0);
}
