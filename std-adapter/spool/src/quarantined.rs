//! What is in quarantine, for whoever wants to know.

use std::io;

use crate::error::OpenError;
use crate::format::Parsed;
use crate::format::record::{HEADER_LEN as RECORD_HEADER_LEN, OFFSET_AT};
use crate::format::segment::{HEADER_LEN, SegmentHeader};
use crate::location::Location;
use crate::reader::Reader;
use crate::record::Entry;
use crate::recovery;
use crate::vfs::{Site, read_full};

/// A copy in `quarantine/`.
///
/// ```no_run
/// for copy in smoltel_spool::Reader::open("/var/lib/thermostat/spool")?.quarantined()? {
///     println!("{}: {} bytes, {}", copy.name, copy.bytes, if copy.record.is_some() { "refused" } else { "damaged" });
/// }
/// # Ok::<(), smoltel_spool::OpenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The file's name in the directory.
    pub name: String,
    /// The file's length.
    pub bytes: u64,
    /// The record that a destination refused for good. `None`: a damaged segment, or a record that cannot be read without its key.
    pub record: Option<Entry>,
}

impl Reader {
    /// Everything in quarantine, oldest first.
    ///
    /// # Errors
    /// The disk cannot read.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, OpenError> {
        let dir = self.dir.join("quarantine");
        let mut names = match self.view.vfs.list(Site::Quarantine, &dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => names.map_err(recovery::io_error("list", &dir))?,
        };
        names.sort_unstable();
        let mut all = Vec::new();
        for name in names {
            let path = dir.join(&name);
            let read = || -> io::Result<(u64, Vec<u8>)> {
                let file = self.view.vfs.open_read(Site::Quarantine, &path)?;
                let bytes = file.len(Site::Quarantine)?;
                let mut copy = Vec::new();
                if name.contains("-record") {
                    copy.resize(bytes.min(MOST) as usize, 0);
                    read_full(&*file, Site::Quarantine, &mut copy, 0)?;
                }
                Ok((bytes, copy))
            };
            match read() {
                Ok((bytes, copy)) => all.push(Quarantined { record: self.record(&copy), name, bytes }),
                // The oldest make room for others.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(recovery::io_error("read", &path)(error)),
            }
        }
        Ok(all)
    }

    /// The record of a copy: behind the header of its segment.
    fn record(&self, copy: &[u8]) -> Option<Entry> {
        let (segment, record) = copy.split_at_checked(HEADER_LEN as usize)?;
        let Parsed::Good(segment) = SegmentHeader::decode(segment, &*self.view.vfs) else { return None };
        let key = self.key.as_ref().filter(|_| segment.key_check.is_some());
        let key = key.and_then(|key| key.unlock(&segment)).map(std::sync::Arc::new);
        if segment.key_check.is_some() && key.is_none() {
            return None;
        }
        let location = Location {
            slot: segment.slot,
            class: segment.class,
            salt: segment.salt,
            key,
            boot_id: segment.boot_id,
            offset: word(record, OFFSET_AT)?,
            len: u32::try_from(record.len().checked_sub(RECORD_HEADER_LEN as usize)?).ok()?,
            sequence: u64::from(word(record, 16)?) | u64::from(word(record, 20)?) << 32,
        };
        location.decode(record.to_vec(), &*self.view.vfs, segment.segment_size)
    }
}

/// The longest copy: a segment of the largest size.
const MOST: u64 = 64 << 20;

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
