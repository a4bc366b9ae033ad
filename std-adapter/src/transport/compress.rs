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
}

/// How a body's bytes are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    #[default]
    Identity,
    /// As one gzip member.
    Gzip,
}

impl Compression {
    /// The body as it is to be sent, and its encoding. One that is compressed already stays so.
    pub(super) fn apply<'a>(
        self,
        body: &'a [u8],
        encoding: Encoding,
    ) -> io::Result<(Cow<'a, [u8]>, Encoding)> {
        match (self, encoding) {
            #[cfg(feature = "gzip")]
            (Self::Gzip, Encoding::Identity) => Ok((Cow::Owned(gzip(body)?), Encoding::Gzip)),
            _ => Ok((Cow::Borrowed(body), encoding)),
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
