use core::fmt;

use crate::wire::{Full, Writer, len_field};

mod field {
    pub(super) const SCHEMA_URL: u32 = 1;
    pub(super) const TYPE: u32 = 2;
    pub(super) const ID_KEYS: u32 = 3;
    pub(super) const DESCRIPTION_KEYS: u32 = 4;
}

/// The number of an entity's type: by it they are told apart.
pub(super) const TYPE: u32 = field::TYPE;

/// Which of a resource's attributes identify and describe an entity: a service, a host, a device. In
/// development in OTLP.
///
/// ```
/// use smoltel_core::Resource;
/// use smoltel_core::otlp::resource::EntityRef;
/// let device = EntityRef::new("device", &["device.id"]).description_keys(&["device.model.name"]);
/// let resource = Resource::<128>::new().with("device.id", "0042")?.with("device.model.name", "T1")?;
/// assert!(resource.clone().entity(&device).is_ok());
/// assert!(resource.entity(&EntityRef::new("host", &["host.id"])).is_err());
/// # Ok::<(), smoltel_core::wire::Full>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityRef<'a> {
    /// The type, such as `service`.
    pub kind: &'a str,
    /// The keys of the attributes that identify it; at least one.
    pub id_keys: &'a [&'a str],
    /// The keys of the attributes that describe it, and may change.
    pub description_keys: &'a [&'a str],
    /// The URL of the schema that its type and attributes follow, or empty.
    pub schema_url: &'a str,
}

impl<'a> EntityRef<'a> {
    /// An entity of that type, identified by the attributes of those keys.
    pub const fn new(kind: &'a str, id_keys: &'a [&'a str]) -> Self {
        Self { kind, id_keys, description_keys: &[], schema_url: "" }
    }

    /// With the keys of the attributes that describe it.
    pub const fn description_keys(mut self, keys: &'a [&'a str]) -> Self {
        self.description_keys = keys;
        self
    }

    /// With a schema URL.
    pub const fn schema_url(mut self, url: &'a str) -> Self {
        self.schema_url = url;
        self
    }

    /// Whether a resource may refer to it that has the attributes of those keys for which `has` is true.
    pub fn check(&self, has: impl Fn(&str) -> bool) -> Result<(), InvalidEntity> {
        if self.kind.is_empty() || self.id_keys.is_empty() {
            return Err(InvalidEntity::Incomplete);
        }
        if self.keys().all(has) { Ok(()) } else { Err(InvalidEntity::NoAttribute) }
    }

    /// The keys of all its attributes.
    fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.id_keys.iter().chain(self.description_keys).copied()
    }

    pub(super) fn encoded_len(&self) -> usize {
        let url = if self.schema_url.is_empty() { 0 } else { len_field(self.schema_url.len()) };
        let keys: usize = self.keys().map(|key| len_field(key.len())).sum();
        url + len_field(self.kind.len()) + keys
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        if !self.schema_url.is_empty() {
            w.string(field::SCHEMA_URL, self.schema_url)?;
        }
        w.string(field::TYPE, self.kind)?;
        self.id_keys.iter().try_for_each(|key| w.string(field::ID_KEYS, key))?;
        self.description_keys.iter().try_for_each(|key| w.string(field::DESCRIPTION_KEYS, key))
    }
}

/// Why an entity cannot be referred to.
///
/// ```
/// use smoltel_core::Resource;
/// use smoltel_core::otlp::resource::{EntityRef, InvalidEntity};
/// let refused = Resource::<64>::new().entity(&EntityRef::new("device", &[])).unwrap_err();
/// assert_eq!(refused, InvalidEntity::Incomplete);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum InvalidEntity {
    /// It has no type or no key that identifies it.
    Incomplete,
    /// The resource has no attribute of one of its keys: set attributes first.
    NoAttribute,
    /// It does not fit: make the resource's buffer larger.
    Full,
}

impl From<Full> for InvalidEntity {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl fmt::Display for InvalidEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "an entity needs a type and a key that identifies it",
            Self::NoAttribute => "the resource lacks an attribute of the entity; set attributes first",
            Self::Full => "the buffer is full; give it more room or write less",
        })
    }
}

impl core::error::Error for InvalidEntity {}
