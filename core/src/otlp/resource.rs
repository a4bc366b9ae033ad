//! `resource.proto`: what produced the telemetry.

use super::common::{Key, Value, attribute, key_value_len};
use crate::wire::{Full, Writer, len_field};

mod field {
    pub(super) const ATTRIBUTES: u32 = 1;
}

/// A `Resource` message in a buffer of `N` bytes, encoded once and then only copied.
///
/// On a device it stands in a `static`, or in a cell when it has attributes that are known only at run
/// time, such as a serial number.
///
/// ```
/// use smoltel_core::Resource;
/// let resource = Resource::<96>::new()
///     .with("service.name", "thermostat")?
///     .with("device.id", "0042")?;
/// assert!(resource.as_bytes().len() < 96);
/// # Ok::<(), smoltel_core::wire::Full>(())
/// ```
#[derive(Clone, Debug)]
pub struct Resource<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Resource<N> {
    /// A resource without attributes.
    pub const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// With one more attribute. Keys have to be unique. When it does not fit, make `N` larger.
    pub fn with<'a>(mut self, key: impl Into<Key<'a>>, value: impl Into<Value<'a>>) -> Result<Self, Full> {
        let mut w = Writer::resume(&mut self.bytes, self.len);
        encode_attribute(&mut w, &key.into(), &value.into())?;
        self.len = w.len();
        Ok(self)
    }

    /// The message's bytes, without a tag and length around them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> Default for Resource<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes that one attribute adds to a `Resource` message.
pub fn attribute_len(key: &Key<'_>, value: &Value<'_>) -> usize {
    len_field(key_value_len(key, value))
}

/// Adds one attribute to a `Resource` message, whole or not at all.
pub fn encode_attribute(w: &mut Writer<'_>, key: &Key<'_>, value: &Value<'_>) -> Result<(), Full> {
    attribute(w, field::ATTRIBUTES, key, value)
}
