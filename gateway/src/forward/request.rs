//! Records as they go out: which of them in one request, and its bytes.

use std::borrow::Cow;

use smoltel::transport::{Answer, Compression, Encoding, Outcome};
use smoltel_spool::{Class, Codec, DecodeError, Entry, Lease};

use crate::receive::MERGEABLE;

/// A record that is stored compressed in so many bytes is worth a request of its own, as it is. Smaller ones are decompressed
/// and laid end to end with their neighbours.
const WORTH_A_REQUEST: usize = 16_000;
/// The longest request that is decompressed: the longest that the config allows.
pub(crate) const PLAIN: usize = 64 << 20;

/// How requests are to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Whether what is stored in gzip may go so.
    pub(super) takes_gzip: bool,
    /// What the rest is compressed with.
    pub(super) compression: Compression,
}

/// A body, and how it is compressed.
pub(super) type Body<'a> = (Cow<'a, [u8]>, Encoding);

impl Form {
    /// Neighbours that go out as one request each, of at most `most` bytes where that can be.
    pub(super) fn requests(self, lease: Lease, most: usize) -> Vec<Vec<Lease>> {
        let records = lease.records();
        let all: usize = records.iter().map(plain_len).sum();
        if records.len() == 1 || (all <= most && records.iter().all(|record| self.mergeable(record))) {
            return vec![vec![lease]];
        }
        let mut requests: Vec<Vec<Lease>> = Vec::new();
        // What the last request has room for; a record that may not be merged leaves none.
        let mut room = 0;
        for single in lease.split() {
            let mergeable = single.records().iter().all(|record| self.mergeable(record));
            let len = single.records().iter().map(plain_len).sum();
            match requests.last_mut().filter(|_| mergeable && len <= room) {
                Some(last) => {
                    room -= len;
                    last.push(single);
                }
                None => {
                    room = if mergeable { most.saturating_sub(len) } else { 0 };
                    requests.push(vec![single]);
                }
            }
        }
        requests
    }

    fn mergeable(self, record: &Entry) -> bool {
        let alone = self.goes_as_stored(record) && record.payload.len() >= WORTH_A_REQUEST;
        record.stream == MERGEABLE && record.signal != smoltel_spool::Signal::Profiles && !alone
    }

    /// Whether the record, if it goes alone, goes as it is stored, compressed.
    pub(super) fn goes_as_stored(self, record: &Entry) -> bool {
        record.codec == Codec::Gzip && self.takes_gzip
    }

    /// The body of a request with these records. One that cannot be made is as if the other side had refused it: it is found among
    /// its neighbours, set aside and counted.
    pub(super) fn body<'a>(self, leases: &'a [Lease]) -> Result<Body<'a>, Outcome> {
        let mut records = leases.iter().flat_map(Lease::records);
        let plain = match (records.next(), records.next()) {
            (Some(only), None) if self.goes_as_stored(only) => {
                return Ok((Cow::Borrowed(&only.payload[..]), Encoding::Gzip));
            }
            (Some(only), None) => only.decode(PLAIN),
            _ => merged(leases).map(Cow::Owned),
        };
        self.compress(plain.map_err(|error| Outcome::new(Answer::BadData, error.to_string()))?)
    }

    pub(super) fn compress(self, plain: Cow<'_, [u8]>) -> Result<Body<'_>, Outcome> {
        let body = self.compression.apply(plain, Encoding::Identity);
        body.map_err(|error| Outcome::new(Answer::BadData, error.to_string()))
    }
}

/// The records, decompressed, laid end to end.
fn merged(leases: &[Lease]) -> Result<Vec<u8>, DecodeError> {
    let mut all = Vec::with_capacity(leases.iter().flat_map(Lease::records).map(plain_len).sum());
    for record in leases.iter().flat_map(Lease::records) {
        all.extend_from_slice(&record.decode(PLAIN)?);
    }
    Ok(all)
}

/// The record's length when it is decompressed, as far as it is known.
fn plain_len(record: &Entry) -> usize {
    record.plain_len.map_or(record.payload.len(), |len| len as usize)
}

pub(super) fn items(leases: &[Lease]) -> u64 {
    leases.iter().flat_map(Lease::records).map(|record| u64::from(record.items)).sum()
}

/// The dearest of them.
pub(super) fn class(leases: &[Lease]) -> Class {
    leases.iter().flat_map(Lease::records).map(|record| record.class).max().unwrap_or_default()
}
