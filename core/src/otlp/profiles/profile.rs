use core::ops::Range;

use super::dictionary::{Table, attribute, link, stack};
use super::message::{message, numbers, packed};
use super::sample::split_sum;
use super::{
    AttributeIndex, Function, FunctionIndex, IndexedValue, LinkIndex, Location, LocationIndex, Mapping,
    MappingIndex, Refused, Sample, StackIndex, StringIndex,
};
use crate::context::SpanContext;
use crate::otlp::common::Scope;
use crate::wire::{Full, Payload, Reader, Writer, len_field};

mod field {
    /// `ExportProfilesServiceRequest`.
    pub(super) mod request {
        pub(in super::super) const RESOURCE_PROFILES: u32 = 1;
        pub(in super::super) const DICTIONARY: u32 = 2;
    }
    /// `ResourceProfiles`; its other fields come with the resource.
    pub(super) const SCOPE_PROFILES: u32 = 2;
    /// `ScopeProfiles`; its other fields come with the scope.
    pub(super) const PROFILES: u32 = 2;
    pub(super) mod profile {
        pub(in super::super) const SAMPLE_TYPE: u32 = 1;
        pub(in super::super) const SAMPLES: u32 = 2;
        pub(in super::super) const TIME: u32 = 3;
        pub(in super::super) const DURATION: u32 = 4;
        pub(in super::super) const PERIOD_TYPE: u32 = 5;
        pub(in super::super) const PERIOD: u32 = 6;
        pub(in super::super) const ID: u32 = 7;
        pub(in super::super) const DROPPED_ATTRIBUTES: u32 = 8;
        pub(in super::super) const ORIGINAL_FORMAT: u32 = 9;
        pub(in super::super) const ORIGINAL: u32 = 10;
        pub(in super::super) const ATTRIBUTES: u32 = 11;
    }
    pub(super) mod value_type {
        pub(in super::super) const TYPE: u32 = 1;
        pub(in super::super) const UNIT: u32 = 2;
    }
}

/// A profile while it is written, in a buffer that becomes the request. The [module](super) has an
/// example.
///
/// Equal entries of a table are one entry, and samples that are sums at one stack are one sample. Both are
/// found by looking through what is there: an interrupt should only note its addresses, and leave the
/// profile to the main loop.
///
/// ```
/// use smoltel_core::Scope;
/// use smoltel_core::otlp::profiles::Profile;
/// let mut buf = [0; 512];
/// let profile = Profile::new(&mut buf, b"", Scope::new("sampler"));
/// assert!(profile.is_ok(), "there is room to begin");
/// ```
#[derive(Debug)]
pub struct Profile<'a> {
    buf: &'a mut [u8],
    /// Bytes of the dictionary, which grows from the front.
    dictionary: usize,
    /// Where the profile's own fields begin, which grow from the back.
    start: usize,
    /// Bytes that [`finish`](Self::finish) takes at the most.
    reserve: usize,
    resource: &'a [u8],
    scope: Scope<'a>,
}

/// A tag and a length.
const HEAD: usize = 1 + 5;
/// Time and duration.
const TIMES: usize = 9 + 11;

impl<'a> Profile<'a> {
    /// An empty profile of a resource (as [`Resource`](crate::Resource) has it) and scope. Fails when not
    /// even these fit.
    pub fn new(buf: &'a mut [u8], resource: &'a [u8], scope: Scope<'a>) -> Result<Self, Full> {
        let reserve = 4 * HEAD + resource.len() + scope.fields_len() + TIMES;
        let start = buf.len();
        let mut profile = Self { buf, dictionary: 0, start, reserve, resource, scope };
        for table in Table::ALL {
            profile.entry(table, |w| match table {
                Table::Links => link(w, &[0; 16], &[0; 8]),
                _ => Ok(()),
            })?;
        }
        Ok(profile)
    }

    /// The place of a text.
    pub fn string(&mut self, text: &str) -> Result<StringIndex, Full> {
        self.entry(Table::Strings, |w| w.put(text.as_bytes())).map(StringIndex)
    }

    /// The place of a binary.
    pub fn mapping(&mut self, mapping: &Mapping<'_>) -> Result<MappingIndex, Full> {
        self.entry(Table::Mappings, |w| mapping.encode(w)).map(MappingIndex)
    }

    /// The place of an address.
    pub fn location(&mut self, location: &Location<'_>) -> Result<LocationIndex, Full> {
        self.entry(Table::Locations, |w| location.encode(w)).map(LocationIndex)
    }

    /// The place of a function; one without name and file is none.
    pub fn function(&mut self, function: &Function) -> Result<FunctionIndex, Full> {
        if !function.is_named() {
            return Ok(FunctionIndex::default());
        }
        self.entry(Table::Functions, |w| function.encode(w)).map(FunctionIndex)
    }

    /// The place of a span; a context that is not valid is none.
    pub fn link(&mut self, span: &SpanContext) -> Result<LinkIndex, Full> {
        if !span.is_valid() {
            return Ok(LinkIndex::default());
        }
        self.entry(Table::Links, |w| link(w, &span.trace_id.0, &span.span_id.0)).map(LinkIndex)
    }

    /// The place of an attribute. `unit` is in UCUM notation, or the empty string.
    pub fn attribute<'v>(
        &mut self,
        key: &str,
        value: impl Into<IndexedValue<'v>>,
        unit: &str,
    ) -> Result<AttributeIndex, Full> {
        let (key, value, unit) = (self.string(key)?, value.into(), self.string(unit)?);
        self.entry(Table::Attributes, |w| attribute(w, key, &value, unit)).map(AttributeIndex)
    }

    /// The place of a stack: its locations, the innermost first.
    pub fn stack(&mut self, locations: &[LocationIndex]) -> Result<StackIndex, Full> {
        self.entry(Table::Stacks, |w| stack(w, locations)).map(StackIndex)
    }

    /// Adds a sample. A sum at a stack (and link and attributes) that has one already is added to it.
    pub fn sample(&mut self, sample: &Sample<'_>) -> Result<(), Refused> {
        if !sample.is_valid() {
            return Err(Refused::Shape);
        }
        let Some(sum) = sample.sum() else {
            return Ok(self.message(field::profile::SAMPLES, |w| sample.encode(w))?);
        };
        let candidate = self.scratch(|w| sample.encode(w))?;
        let known = self.sum_like(candidate);
        let sum = sum.saturating_add(known.as_ref().map_or(0, |(_, known)| *known));
        let values = &[sum];
        let sample = Sample { values, ..*sample };
        // Room first: a sample that is there is not lost for one that does not fit.
        let len = self.scratch(|w| sample.encode(w))?;
        if self.dictionary + len + HEAD > self.limit() {
            return Err(Refused::Full);
        }
        if let Some((old, _)) = known {
            self.remove(old);
        }
        Ok(self.message(field::profile::SAMPLES, |w| sample.encode(w))?)
    }

    /// Says what the samples' values are, and their unit in UCUM notation.
    pub fn sample_type(&mut self, name: &str, unit: &str) -> Result<&mut Self, Full> {
        let fields = self.value_type(name, unit)?;
        self.replace(field::profile::SAMPLE_TYPE, |w, number| message(w, number, &fields))
    }

    /// Says how much of what lies between two samples.
    pub fn period(&mut self, name: &str, unit: &str, period: i64) -> Result<&mut Self, Full> {
        let fields = self.value_type(name, unit)?;
        self.replace(field::profile::PERIOD_TYPE, |w, number| message(w, number, &fields))?;
        self.replace(field::profile::PERIOD, |w, number| numbers(w, &[(number, period as u64)]))
    }

    /// Gives the profile an id, by which those that come twice can be told. Zeros are none.
    pub fn id(&mut self, id: &[u8; 16]) -> Result<&mut Self, Full> {
        self.replace(field::profile::ID, |w, number| w.bytes(number, id))
    }

    /// Sets the profile's attributes; their keys have to be unique.
    pub fn attributes(&mut self, attributes: &[AttributeIndex]) -> Result<&mut Self, Full> {
        let indices = attributes.iter().map(|index| index.number());
        self.replace(field::profile::ATTRIBUTES, |w, number| packed(w, number, indices))
    }

    /// Sets the number of attributes that were left out.
    pub fn dropped_attributes(&mut self, count: u32) -> Result<&mut Self, Full> {
        self.replace(field::profile::DROPPED_ATTRIBUTES, |w, number| numbers(w, &[(number, count.into())]))
    }

    /// Keeps what the profile was made from, such as `pprof` data. Both format and payload are there or
    /// neither is.
    pub fn original(&mut self, format: &str, payload: &[u8]) -> Result<&mut Self, Refused> {
        if format.is_empty() || payload.is_empty() {
            return Err(Refused::Shape);
        }
        let room = self.limit().saturating_sub(self.dictionary);
        if room < format.len() + payload.len() + 2 * HEAD {
            return Err(Refused::Full);
        }
        self.replace(field::profile::ORIGINAL_FORMAT, |w, number| w.string(number, format))?;
        Ok(self.replace(field::profile::ORIGINAL, |w, number| w.bytes(number, payload))?)
    }

    /// The request's bytes. `time` is when the first sample was taken, in nanoseconds since 1970, and
    /// `duration` the nanoseconds from there to the last.
    pub fn finish(mut self, time: u64, duration: u64) -> &'a [u8] {
        // Room for all of this was kept.
        self.reserve -= TIMES;
        let times = self.prepend(|w| {
            w.fixed64(field::profile::TIME, time)?;
            numbers(w, &[(field::profile::DURATION, duration)])
        });
        debug_assert_eq!(times, Ok(()), "the reserve is too small");
        let Self { buf, dictionary, start, resource, scope, .. } = self;
        let head = len_field(dictionary) - dictionary;
        buf.copy_within(..dictionary, head);
        let own = buf.len() - start;
        let written = write_heads(buf, dictionary, own, resource, &scope);
        debug_assert!(written.is_ok_and(|len| len <= start), "the reserve is too small");
        let at = written.unwrap_or(start);
        buf.copy_within(start.., at);
        buf.get(..at + own).unwrap_or_default()
    }

    /// Where what may be written ends.
    fn limit(&self) -> usize {
        self.start.saturating_sub(self.reserve)
    }

    /// Writes behind the dictionary, where it does not stay, and returns the length.
    fn scratch(&mut self, write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Result<usize, Full> {
        let limit = self.limit();
        let mut w = Writer::resume(self.buf.get_mut(..limit).ok_or(Full)?, self.dictionary);
        write(&mut w)?;
        Ok(w.len() - self.dictionary)
    }

    /// The place of an entry in its table, in which it may be already.
    fn entry(
        &mut self,
        table: Table,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<i32, Full> {
        let len = self.scratch(write)?;
        let (dictionary, behind) = self.buf.split_at_mut_checked(self.dictionary).ok_or(Full)?;
        let place = match table.find(dictionary, behind.get(..len).ok_or(Full)?) {
            Ok(known) => return Ok(known),
            Err(place) => place,
        };
        let end = self.dictionary + len_field(len);
        if end > self.limit() {
            return Err(Full);
        }
        self.buf.copy_within(self.dictionary..self.dictionary + len, end - len);
        Writer::resume(self.buf, self.dictionary).head(table as u32, len)?;
        self.dictionary = end;
        Ok(place)
    }

    /// Writes fields of the profile in front of those that are there.
    fn prepend(&mut self, write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Result<(), Full> {
        let len = self.scratch(write)?;
        self.buf.copy_within(self.dictionary..self.dictionary + len, self.start - len);
        self.start -= len;
        Ok(())
    }

    /// Writes a message as a field of the profile.
    fn message(
        &mut self,
        number: u32,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let len = self.scratch(write)?;
        if self.dictionary + len_field(len) > self.limit() {
            return Err(Full);
        }
        self.buf.copy_within(self.dictionary..self.dictionary + len, self.start - len);
        self.start -= len;
        self.prepend(|w| w.head(number, len))
    }

    /// Writes a field of the profile instead of the one of that number.
    fn replace(
        &mut self,
        number: u32,
        write: impl FnOnce(&mut Writer<'_>, u32) -> Result<(), Full>,
    ) -> Result<&mut Self, Full> {
        let old = self.fields().find(|(known, ..)| *known == number).map(|(.., place)| place);
        self.prepend(|w| write(w, number))?;
        if let Some(place) = old {
            self.remove(place);
        }
        Ok(self)
    }

    fn value_type(&mut self, name: &str, unit: &str) -> Result<[(u32, u64); 2], Full> {
        use field::value_type as number;
        Ok([(number::TYPE, self.string(name)?.number()), (number::UNIT, self.string(unit)?.number())])
    }

    /// Where the sum is that the sample of `len` bytes behind the dictionary belongs to, and what it is.
    fn sum_like(&self, len: usize) -> Option<(Range<usize>, i64)> {
        let (identity, _) = split_sum(self.buf.get(self.dictionary..self.dictionary + len)?)?;
        self.fields().find_map(|(number, payload, at)| match split_sum(payload) {
            Some((known, sum)) if number == field::profile::SAMPLES && known == identity => Some((at, sum)),
            _ => None,
        })
    }

    /// The profile's own fields: number, payload of messages and texts, place.
    fn fields(&self) -> impl Iterator<Item = (u32, &[u8], Range<usize>)> {
        let mut fields = Reader::new(self.buf.get(self.start..).unwrap_or_default());
        let mut start = self.start;
        core::iter::from_fn(move || {
            let (number, payload) = fields.next()?.ok()?;
            let end = self.buf.len() - fields.rest().len();
            let payload = if let Payload::Len(payload) = payload { payload } else { &[] };
            Some((number, payload, core::mem::replace(&mut start, end)..end))
        })
    }

    /// Removes one of the profile's own fields.
    fn remove(&mut self, place: Range<usize>) {
        let len = place.len();
        self.buf.copy_within(self.start..place.start, self.start + len);
        self.start += len;
    }
}

/// Writes all that stands before the profile's own fields, around the dictionary, which is in its place.
fn write_heads(
    buf: &mut [u8],
    dictionary: usize,
    own: usize,
    resource: &[u8],
    scope: &Scope<'_>,
) -> Result<usize, Full> {
    let in_scope = scope.fields_len() + len_field(own);
    let mut w = Writer::new(buf);
    w.head(field::request::DICTIONARY, dictionary)?;
    let at = w.len() + dictionary;
    let mut w = Writer::resume(buf, at);
    w.head(field::request::RESOURCE_PROFILES, resource.len() + len_field(in_scope))?;
    w.put(resource)?;
    w.head(field::SCOPE_PROFILES, in_scope)?;
    scope.encode_fields(&mut w)?;
    w.head(field::PROFILES, own)?;
    Ok(w.len())
}
