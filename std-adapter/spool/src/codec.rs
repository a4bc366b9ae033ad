//! Compressing payloads before they are stored, and undoing that.

use std::borrow::Cow;
use std::fmt;
use std::io;

use crate::record::{Codec, Record};

/// A payload that could not be turned back into what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It is longer than the caller allows.
    TooLarge {
        /// How much the caller allows, in bytes.
        limit: usize,
    },
    /// It is not what its codec says.
    Damaged,
    /// This is a build without the codec's feature.
    Unsupported(Codec),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::TooLarge { limit } => write!(f, "the payload has more than {limit} bytes"),
            DecodeError::Damaged => f.write_str("the payload cannot be decompressed"),
            DecodeError::Unsupported(codec) => {
                write!(f, "the payload is {}, which needs smoltel-spool's feature of that name", codec.name())
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// Compresses a payload that is not compressed yet, if that makes it smaller. Returns its plain length; 0: not known.
pub(crate) fn compress(record: &mut Record, codec: Codec) -> u32 {
    if record.codec != Codec::Identity {
        return 0;
    }
    let plain_len = u32::try_from(record.payload.len()).unwrap_or(0);
    let compressed = match codec {
        Codec::Identity => return plain_len,
        Codec::Gzip => gzip::compress(&record.payload),
        Codec::Zstd => zstd::compress(&record.payload),
    };
    // A payload that cannot be compressed is as good as it is.
    if let Some(smaller) = compressed.ok().filter(|bytes| bytes.len() < record.payload.len()) {
        record.payload = smaller;
        record.codec = codec;
    }
    plain_len
}

/// Undoes a codec. Takes no more memory than for `limit` bytes, and what the codec itself needs: at most 8 MiB, or twice
/// `limit`.
pub(crate) fn decode(
    codec: Codec,
    bytes: &[u8],
    plain_len: Option<u32>,
    limit: usize,
) -> Result<Cow<'_, [u8]>, DecodeError> {
    let known = plain_len.map(|len| len as usize);
    let too_large = DecodeError::TooLarge { limit };
    if known.is_some_and(|len| len > limit) || (codec == Codec::Identity && bytes.len() > limit) {
        return Err(too_large);
    }
    let most = known.unwrap_or(limit);
    let plain = match codec {
        Codec::Identity => return Ok(Cow::Borrowed(bytes)),
        Codec::Gzip => gzip::decompress(bytes, most),
        Codec::Zstd => zstd::decompress(bytes, most),
    };
    match plain {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Err(DecodeError::Unsupported(codec)),
        Err(_) => Err(DecodeError::Damaged),
        Ok(plain) if known.is_some_and(|len| len != plain.len()) => Err(DecodeError::Damaged),
        Ok(plain) if plain.len() > limit => Err(too_large),
        Ok(plain) => Ok(Cow::Owned(plain)),
    }
}

/// All that a decoder gives, but no more than one byte beyond `most`.
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn read(decoder: &mut impl io::Read, most: usize) -> io::Result<Vec<u8>> {
    /// Memory for more than this comes as bytes come.
    const AT_ONCE: usize = 1 << 20;
    let mut plain = Vec::with_capacity(most.min(AT_ONCE));
    io::Read::read_to_end(&mut io::Read::take(decoder, (most as u64).saturating_add(1)), &mut plain)?;
    Ok(plain)
}

/// Bytes behind the one member or frame are none of the payload's.
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn nothing_left(plain: Vec<u8>, most: usize, rest: &[u8]) -> io::Result<Vec<u8>> {
    if plain.len() <= most && !rest.is_empty() { Err(io::ErrorKind::InvalidData.into()) } else { Ok(plain) }
}

#[cfg(feature = "gzip")]
mod gzip {
    use std::io::{Result, Write};

    use flate2::Compression;
    use flate2::bufread::GzDecoder;
    use flate2::write::GzEncoder;

    pub(super) fn compress(plain: &[u8]) -> Result<Vec<u8>> {
        // Telemetry repeats itself so much that the fastest level gains nearly all there is to gain.
        let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
        encoder.write_all(plain)?;
        encoder.finish()
    }

    pub(super) fn decompress(bytes: &[u8], most: usize) -> Result<Vec<u8>> {
        let mut decoder = GzDecoder::new(bytes);
        let plain = super::read(&mut decoder, most)?;
        super::nothing_left(plain, most, decoder.into_inner())
    }
}

#[cfg(feature = "zstd")]
mod zstd {
    use std::io::Result;

    use ::zstd::stream::read::Decoder;

    /// The fastest of the ordinary levels.
    const LEVEL: i32 = 1;
    /// What every decoder is asked to cope with, by RFC 8878: 8 MiB.
    const WINDOW_LOG: u32 = 23;
    const MAX_WINDOW_LOG: u32 = 27;

    pub(super) fn compress(plain: &[u8]) -> Result<Vec<u8>> {
        ::zstd::bulk::compress(plain, LEVEL)
    }

    pub(super) fn decompress(bytes: &[u8], most: usize) -> Result<Vec<u8>> {
        let mut decoder = Decoder::with_buffer(bytes)?.single_frame();
        let log = most.checked_next_power_of_two().map_or(MAX_WINDOW_LOG, usize::ilog2);
        // A frame says how much memory it wants; it does not get more than its content could be worth.
        decoder.window_log_max(log.clamp(WINDOW_LOG, MAX_WINDOW_LOG))?;
        let plain = super::read(&mut decoder, most)?;
        super::nothing_left(plain, most, decoder.finish())
    }
}

#[cfg(not(feature = "gzip"))]
use absent as gzip;
#[cfg(not(feature = "zstd"))]
use absent as zstd;

#[cfg(not(all(feature = "gzip", feature = "zstd")))]
mod absent {
    use std::io::{ErrorKind, Result};

    pub(super) fn compress(_: &[u8]) -> Result<Vec<u8>> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn decompress(_: &[u8], _: usize) -> Result<Vec<u8>> {
        Err(ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, not(feature = "zstd")))]
mod tests {
    use super::*;
    use crate::{OpenError, Options, Spool};

    #[test]
    fn a_codec_that_this_build_does_not_have_is_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { codec: Codec::Zstd, ..Options::default() };
        let refused = Spool::open(dir.path(), options).err();
        assert!(matches!(refused, Some(OpenError::Options(words)) if words.contains("feature `zstd`")));
        let unsupported = DecodeError::Unsupported(Codec::Zstd);
        assert_eq!(decode(Codec::Zstd, b"(", None, 100), Err(unsupported));
        assert!(unsupported.to_string().contains("zstd"));
    }
}
