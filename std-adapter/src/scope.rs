use smoltel_core::Scope;
use smoltel_core::wire::Writer;

/// A scope that outlives what it was made from; its attributes are as they go out.
#[derive(Debug)]
pub struct OwnedScope {
    name: Box<str>,
    version: Box<str>,
    schema_url: Box<str>,
    dropped_attributes: u32,
    attributes: Box<[u8]>,
}

impl OwnedScope {
    /// The scope as core writes it.
    pub(crate) fn borrow(&self) -> Scope<'_> {
        Scope::new(&self.name)
            .version(&self.version)
            .schema_url(&self.schema_url)
            .encoded_attributes(&self.attributes)
            .dropped_attributes(self.dropped_attributes)
    }
}

impl From<&Scope<'_>> for OwnedScope {
    fn from(scope: &Scope<'_>) -> Self {
        let mut attributes = vec![0; scope.attributes_len()].into_boxed_slice();
        // Fits: the room was computed from the same attributes.
        let _ = scope.encode_attributes(&mut Writer::new(&mut attributes));
        Self {
            name: scope.name.into(),
            version: scope.version.into(),
            schema_url: scope.schema_url.into(),
            dropped_attributes: scope.dropped_attributes,
            attributes,
        }
    }
}

impl From<&'static str> for OwnedScope {
    fn from(name: &'static str) -> Self {
        Self::from(&Scope::new(name))
    }
}
