use std::borrow::Cow;
use std::io;

/// Whether requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are: the least work, and right on the same machine.
    #[default]
    None,
    /// gzip: a quarter of the bytes or less, for some CPU time.
    #[cfg(feature = "gzip")]
    Gzip,
    /// Zstandard: smaller and quicker than gzip, where the other side takes it; OTLP does not ask that of it.
    #[cfg(feature = "zstd")]
    Zstd,
}

/// How a body's bytes are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    #[default]
    Identity,
    /// As one gzip member.
    Gzip,
    /// As one frame of Zstandard.
    Zstd,
}

impl Encoding {
    /// What `content-encoding` and `grpc-encoding` call it, if it is said at all.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

impl Compression {
    /// The compressions that are there, by the names that the environment has for them.
    pub(crate) const NAMES: &[(&str, Self)] = &[
        ("none", Self::None),
        #[cfg(feature = "gzip")]
        ("gzip", Self::Gzip),
        #[cfg(feature = "zstd")]
        ("zstd", Self::Zstd),
    ];

    /// The body as it is to be sent, and its encoding. One that is compressed already stays so. Transports do this by
    /// themselves; it is here for whoever has to know how long a body will be.
    ///
    /// ```
    /// use smoltel::transport::{Compression, Encoding};
    ///
    /// let (body, encoding) = Compression::None.apply(b"as it is".into(), Encoding::Identity)?;
    /// assert_eq!((&*body, encoding), (&b"as it is"[..], Encoding::Identity));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What compresses has failed: out of memory, mostly.
    pub fn apply(self, body: Cow<'_, [u8]>, encoding: Encoding) -> io::Result<(Cow<'_, [u8]>, Encoding)> {
        match (self, encoding) {
            #[cfg(feature = "gzip")]
            (Self::Gzip, Encoding::Identity) => Ok((Cow::Owned(gzip(&body)?), Encoding::Gzip)),
            #[cfg(feature = "zstd")]
            (Self::Zstd, Encoding::Identity) => {
                // The level that zstd itself begins with.
                Ok((
                    Cow::Owned(zstd::bulk::compress(&body, zstd::DEFAULT_COMPRESSION_LEVEL)?),
                    Encoding::Zstd,
                ))
            }
            _ => Ok((body, encoding)),
        }
    }
}

#[cfg(feature = "gzip")]
fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    use std::io::Write;
    let out = Vec::with_capacity(body.len() / 4);
    // Telemetry repeats itself so much that the fastest level gains nearly all there is to gain.
    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
