//! Reading what is stored from outside, beside the writer.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cipher::{Key, SegmentKey};
use crate::error::OpenError;
use crate::format::record::RecordHeader;
use crate::location::Location;
use crate::record::{Class, Codec, Entry, Origin, Signal};
use crate::recovery;
use crate::vfs::{StdVfs, Vfs};
use crate::view::{Live, Look, View};

/// A stored record, as [`list`] and [`Reader::list`] show it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The spool's number for it.
    pub sequence: u64,
    /// What the payload holds.
    pub signal: Signal,
    /// How dearly it is held.
    pub class: Class,
    /// How the payload is encoded.
    pub codec: Codec,
    /// The caller's number for what may be concatenated with it.
    pub stream: u32,
    /// Spans, log records or data points in the payload.
    pub items: u32,
    /// The payload's length in bytes.
    pub bytes: u32,
    /// Where it was first made, if that is known.
    pub origin: Option<Origin>,
    /// When it was stored, in nanoseconds since 1970 by the wall clock of that moment.
    pub wall_time: u64,
    /// The ids of destinations that have not released it.
    pub waiting_for: Vec<String>,
    /// Of the segment that it is in.
    generation: u64,
    location: Location,
    encrypted: bool,
}

/// All stored records, oldest first, without their payloads.
///
/// # Errors
/// There is no spool, it is newer than this program, or it cannot be read at all.
pub fn list(dir: impl AsRef<Path>) -> Result<Vec<Listed>, OpenError> {
    Reader::open(dir)?.list()
}

/// Reads a spool without its lock, while a writer may be at work: nothing is changed, and nothing is released.
///
/// ```
/// use smoltel_spool::{Class, Codec, Options, Reader, Record, Signal, Spool};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let temp = tempfile::tempdir()?;
/// # let dir = temp.path();
/// let spool = Spool::open(dir, Options { capacity: 1 << 20, ..Options::default() })?;
/// let payload = b"an OTLP request".to_vec();
/// let record =
///     Record { signal: Signal::Logs, class: Class::Normal, codec: Codec::Identity, stream: 0, items: 1, origin: None, payload };
/// spool.append_wait(record)?;
///
/// let reader = Reader::open(dir)?; // perhaps in another process
/// for listed in reader.list()? {
///     if let Some(entry) = reader.read(&listed)? {
///         assert_eq!(entry.payload, b"an OTLP request");
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Reader {
    pub(crate) view: View,
    pub(crate) dir: PathBuf,
    pub(crate) key: Option<Key>,
}

impl Reader {
    /// Opens the spool in `dir` for reading. What CURSOR says is read now; open anew to see later releases.
    ///
    /// # Errors
    /// There is no spool, it is newer than this program, or it cannot be read at all.
    pub fn open(dir: impl AsRef<Path>) -> Result<Reader, OpenError> {
        Reader::open_with(Arc::new(StdVfs::default()), dir)
    }

    /// As [`Reader::open`], on another [`Vfs`].
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn open_with(vfs: Arc<dyn Vfs>, dir: impl AsRef<Path>) -> Result<Reader, OpenError> {
        let dir = dir.as_ref();
        Ok(Reader { view: View::open(vfs, dir)?, dir: dir.into(), key: None })
    }

    /// With the key that payloads are encrypted with. Only [`Reader::read`] needs it.
    pub fn with_key(self, key: Option<Key>) -> Reader {
        Reader { key, ..self }
    }

    /// All stored records, oldest first.
    ///
    /// # Errors
    /// A newer program has taken over the spool.
    pub fn list(&self) -> Result<Vec<Listed>, OpenError> {
        let mut all = Vec::new();
        for slot in 0..self.view.slots {
            let Look::Live(segment) = self.view.look(slot)? else { continue };
            let key = self.key.as_ref().filter(|_| segment.header.key_check.is_some());
            let key = key.and_then(|key| key.unlock(&segment.header)).map(Arc::new);
            all.extend(segment.records.iter().map(|record| self.listed(&segment, record, key.as_ref())));
        }
        all.sort_unstable_by_key(|listed| (listed.sequence, Reverse(listed.generation)));
        // Of copies that a failed write left the newest whole one counts, or the oldest.
        all.dedup_by(|next, kept| {
            let copies = next.sequence == kept.sequence;
            if copies && !self.is_whole(kept) {
                std::mem::swap(next, kept);
            }
            copies
        });
        Ok(all)
    }

    fn is_whole(&self, listed: &Listed) -> bool {
        matches!(listed.location.read(&*self.view.vfs, &*self.view.file, self.view.size), Ok(Some(_)))
    }

    /// Reads a listed record. `None`: it is damaged, or has been released and its place taken meanwhile.
    ///
    /// # Errors
    /// It is encrypted and there is no key, or another one; or the disk cannot read.
    pub fn read(&self, listed: &Listed) -> Result<Option<Entry>, OpenError> {
        if listed.encrypted && listed.location.key.is_none() {
            return Err(if self.key.is_some() { OpenError::WrongKey } else { OpenError::NoKey });
        }
        let path = self.dir.join("spool.dat");
        let read = listed.location.read(&*self.view.vfs, &*self.view.file, self.view.size);
        read.map_err(recovery::io_error("read", &path))
    }

    fn listed(&self, live: &Live<'_>, record: &RecordHeader, key: Option<&Arc<SegmentKey>>) -> Listed {
        let header = &live.header;
        let location = Location::of(header, &record.outline(), key.cloned());
        let ids = self.view.cursor().into_iter().flat_map(|cursor| &cursor.destinations);
        let waiting = ids.enumerate().filter(|(at, _)| !live.released(record, *at));
        Listed {
            sequence: record.sequence,
            signal: record.signal,
            class: header.class,
            codec: record.codec,
            stream: record.stream,
            items: record.items,
            bytes: record.len,
            origin: record.origin,
            wall_time: record.wall_time,
            waiting_for: waiting.map(|(_, destination)| destination.id.clone()).collect(),
            generation: header.generation,
            location,
            encrypted: header.key_check.is_some(),
        }
    }
}
