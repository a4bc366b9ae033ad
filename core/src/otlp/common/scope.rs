use super::bounds::{Bounds, Sink, bytes, head, put_varint};
use super::{Key, Value, field, len_field};
use crate::wire::{Full, VARINT, Writer, tag, varint};

/// Who produced a record: a library or a component, by name, version, schema URL and attributes. Two of
/// which one of these differs are two scopes.
///
/// On a device it is a `static`, so that it takes no RAM:
///
/// ```
/// use smoltel_core::{Key, Scope, Value};
/// static VALVE: Scope<'static> = Scope::new("valve")
///     .version("1.2")
///     .schema_url("https://opentelemetry.io/schemas/1.37.0")
///     .attributes(&[(Key::new("vendor"), Value::Str("acme"))]);
/// assert_eq!(VALVE.name, "valve");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Scope<'a> {
    /// The name; an empty one is legal and says nothing.
    pub name: &'a str,
    /// The version, or empty.
    pub version: &'a str,
    /// The URL of the schema that the scope's telemetry follows, or empty.
    pub schema_url: &'a str,
    /// How many attributes were left out before.
    pub dropped_attributes: u32,
    attributes: Attributes<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Attributes<'a> {
    Values(&'a [(Key<'a>, Value<'a>)]),
    /// As they are written.
    Encoded(&'a [u8]),
}

impl<'a> Scope<'a> {
    /// A scope of that name.
    pub const fn new(name: &'a str) -> Self {
        let attributes = Attributes::Encoded(&[]);
        Self { name, version: "", schema_url: "", attributes, dropped_attributes: 0 }
    }

    /// With a version.
    pub const fn version(mut self, version: &'a str) -> Self {
        self.version = version;
        self
    }

    /// With a schema URL.
    pub const fn schema_url(mut self, url: &'a str) -> Self {
        self.schema_url = url;
        self
    }

    /// With attributes, instead of any given before. Their order does not matter; of equal keys the last
    /// counts, and an empty one does not.
    pub const fn attributes(mut self, attributes: &'a [(Key<'a>, Value<'a>)]) -> Self {
        self.attributes = Attributes::Values(attributes);
        self
    }

    /// With attributes as [`encode_attributes`](Self::encode_attributes) has written them.
    pub const fn encoded_attributes(mut self, attributes: &'a [u8]) -> Self {
        self.attributes = Attributes::Encoded(attributes);
        self
    }

    /// With the number of attributes that were left out before: `dropped_attributes_count`.
    pub const fn dropped_attributes(mut self, count: u32) -> Self {
        self.dropped_attributes = count;
        self
    }

    /// Bytes of the attributes as fields of the `InstrumentationScope` message.
    pub fn attributes_len(&self) -> usize {
        match self.attributes {
            Attributes::Encoded(bytes) => bytes.len(),
            Attributes::Values(pairs) => {
                sorted(pairs).map(|(key, value)| len_field(Bounds::NONE.key_value_len(key, value))).sum()
            }
        }
    }

    /// Writes the attributes in the order of their keys, so that equal ones are equal bytes.
    pub fn encode_attributes(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.put_attributes(w)
    }

    fn put_attributes(&self, out: &mut dyn Sink) -> Result<(), Full> {
        match self.attributes {
            Attributes::Encoded(bytes) => out.put(bytes),
            Attributes::Values(pairs) => sorted(pairs).try_for_each(|(key, value)| {
                Bounds::NONE.key_value(field::scope::ATTRIBUTES, key, value, out)
            }),
        }
    }

    /// Bytes of the `InstrumentationScope` message.
    fn message_len(&self) -> usize {
        let dropped = match self.dropped_attributes {
            0 => 0,
            count => 1 + varint::len(count.into()),
        };
        text_len(self.name) + text_len(self.version) + self.attributes_len() + dropped
    }

    /// Bytes of `scope` and `schema_url` in `ScopeSpans` and its like.
    pub fn fields_len(&self) -> usize {
        len_field(self.message_len()) + text_len(self.schema_url)
    }

    /// Writes `scope` and `schema_url` as fields of `ScopeSpans` and its like.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.encode_fields(w)
    }

    /// A number that tells it from others, over restarts and new firmware: the CRC-32C of its fields.
    ///
    /// ```
    /// use smoltel_core::Scope;
    /// assert_ne!(Scope::new("valve").signature(), Scope::new("valve").version("1.2").signature());
    /// ```
    #[cfg(any(feature = "flash", feature = "recorder"))]
    pub fn signature(&self) -> u32 {
        let mut check = crate::crc::Crc::new();
        // A check takes all that is given to it.
        let _ = self.encode_fields(&mut check);
        check.value()
    }

    pub(crate) fn encode_fields(&self, out: &mut dyn Sink) -> Result<(), Full> {
        head(out, field::scoped::SCOPE, self.message_len())?;
        put_text(out, field::scope::NAME, self.name)?;
        put_text(out, field::scope::VERSION, self.version)?;
        self.put_attributes(out)?;
        if self.dropped_attributes > 0 {
            out.put(&[tag(field::scope::DROPPED_ATTRIBUTES, VARINT) as u8])?;
            put_varint(out, self.dropped_attributes.into())?;
        }
        put_text(out, field::scoped::SCHEMA_URL, self.schema_url)
    }
}

impl PartialEq for Attributes<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Values(a), Self::Values(b)) => sorted(a).eq(sorted(b)),
            (Self::Encoded(a), Self::Encoded(b)) => a == b,
            // A platform keeps all of its scopes in one form; only no attributes are the same in both.
            (Self::Values(values), Self::Encoded(bytes)) | (Self::Encoded(bytes), Self::Values(values)) => {
                bytes.is_empty() && sorted(values).next().is_none()
            }
        }
    }
}

/// The pairs that count, in the order of their keys. Sets are small: a selection is cheaper than anything
/// that needs memory.
fn sorted<'a, 'b>(pairs: &'a [(Key<'b>, Value<'b>)]) -> impl Iterator<Item = &'a (Key<'b>, Value<'b>)> {
    let mut last = "";
    core::iter::from_fn(move || {
        let rest = pairs.iter().rev().filter(|(key, _)| key.name > last);
        // min_by_key returns the first of equals, so the search runs from the back.
        let next = rest.min_by_key(|(key, _)| key.name)?;
        last = next.0.name;
        Some(next)
    })
}

fn text_len(text: &str) -> usize {
    if text.is_empty() { 0 } else { len_field(text.len()) }
}

fn put_text(out: &mut dyn Sink, number: u32, text: &str) -> Result<(), Full> {
    if text.is_empty() { Ok(()) } else { bytes(out, number, text.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_all_that_it_says_of_itself() {
        let pairs =
            [("b".into(), 2.into()), ("a".into(), 0.into()), ("".into(), 9.into()), ("a".into(), 1.into())];
        let same = [("a".into(), 1.into()), ("b".into(), 2.into())];
        let scope = Scope::new("n").version("v").schema_url("s").attributes(&pairs).dropped_attributes(1);
        assert_eq!(scope, scope.attributes(&same));
        for other in [
            Scope { name: "m", ..scope },
            scope.version("w"),
            scope.schema_url("t"),
            scope.attributes(&same[1..]),
            scope.attributes(&[]),
        ] {
            assert_ne!(scope, other);
        }
        assert_eq!(Scope::new("n"), Scope::new("n").attributes(&[]));
    }

    #[test]
    fn values_and_encoded_attributes_are_the_same_bytes() {
        let pairs = [("b".into(), Value::Empty), ("a".into(), true.into())];
        let scope = Scope::new("n").schema_url("s").attributes(&pairs).dropped_attributes(3);
        let mut attributes = [0; 32];
        let mut w = Writer::new(&mut attributes);
        scope.encode_attributes(&mut w).unwrap();
        assert_eq!(w.len(), scope.attributes_len());
        for scope in [scope, scope.encoded_attributes(w.written())] {
            let mut buf = [0; 64];
            let mut w = Writer::new(&mut buf);
            scope.encode_fields(&mut w).unwrap();
            let expected = b"\x0A\x15\x0A\x01n\x1A\x07\x0A\x01a\x12\x02\x10\x01\x1A\x05\x0A\x01b\x12\x00\x20\x03\x1A\x01s";
            assert_eq!(w.written(), expected);
            assert_eq!(w.len(), scope.fields_len());
        }
    }
}
