//! Files of sectors that are shared until they are written, and directories of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The unit that a disk writes whole, in bytes.
pub(crate) const SECTOR: usize = 512;

/// A sector's bytes, and their hash once somebody asked for it.
#[derive(Debug)]
pub(crate) struct Sector {
    bytes: [u8; SECTOR],
    hash: OnceLock<u64>,
}

impl Sector {
    pub(crate) fn new(bytes: [u8; SECTOR]) -> Arc<Sector> {
        Arc::new(Sector { bytes, hash: OnceLock::new() })
    }

    fn hash(&self) -> u64 {
        *self.hash.get_or_init(|| {
            let words = self.bytes.chunks_exact(8).map(|word| word.try_into().map_or(0, u64::from_le_bytes));
            words.fold(0, mix)
        })
    }
}

pub(super) fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// A file. Sectors that were never written are zeros.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    sectors: Vec<Option<Arc<Sector>>>,
    len: usize,
}

impl File {
    pub(crate) fn from_bytes(bytes: &[u8]) -> File {
        let mut file = File::default();
        file.set_len(bytes.len());
        for (at, chunk) in bytes.chunks(SECTOR).enumerate() {
            let mut sector = [0; SECTOR];
            sector[..chunk.len()].copy_from_slice(chunk);
            file.sectors[at] = Some(Sector::new(sector));
        }
        file
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        self.read(0, &mut bytes);
        bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn set_len(&mut self, len: usize) {
        self.len = len;
        self.sectors.resize(len.div_ceil(SECTOR), None);
        if let Some(Some(last)) = self.sectors.last_mut().filter(|_| !len.is_multiple_of(SECTOR)) {
            let mut bytes = last.bytes;
            bytes[len % SECTOR..].fill(0);
            *last = Sector::new(bytes);
        }
    }

    /// Fills as much of `bytes` as there is.
    pub(crate) fn read(&self, at: usize, bytes: &mut [u8]) -> usize {
        let end = self.len.min(at + bytes.len());
        let mut done = 0;
        while at + done < end {
            let (sector, skip) = ((at + done) / SECTOR, (at + done) % SECTOR);
            let n = (SECTOR - skip).min(end - at - done);
            let target = &mut bytes[done..done + n];
            match &self.sectors[sector] {
                Some(sector) => target.copy_from_slice(&sector.bytes[skip..skip + n]),
                None => target.fill(0),
            }
            done += n;
        }
        done
    }

    /// The sectors that a write makes different, as they are then.
    pub(crate) fn changes(&self, at: usize, bytes: &[u8]) -> Vec<(usize, Arc<Sector>)> {
        let mut changes = Vec::new();
        let mut done = 0;
        while done < bytes.len() {
            let (number, skip) = ((at + done) / SECTOR, (at + done) % SECTOR);
            let n = (SECTOR - skip).min(bytes.len() - done);
            let old = self.sectors.get(number).and_then(Option::as_ref).map_or([0; SECTOR], |old| old.bytes);
            let mut new = old;
            new[skip..skip + n].copy_from_slice(&bytes[done..done + n]);
            if new != old {
                changes.push((number, Sector::new(new)));
            }
            done += n;
        }
        changes
    }

    /// Replaces a sector, if the file is long enough to have it.
    pub(crate) fn put(&mut self, number: usize, sector: &Arc<Sector>) {
        if let Some(place) = self.sectors.get_mut(number) {
            *place = Some(sector.clone());
        }
    }

    fn hash(&self) -> u64 {
        let zeros = Sector { bytes: [0; SECTOR], hash: OnceLock::new() };
        let sectors = self.sectors.iter().map(|sector| sector.as_deref().unwrap_or(&zeros).hash());
        sectors.fold(mix(1, self.len as u64), mix)
    }
}

/// What a name stands for.
pub(crate) type Names = BTreeMap<PathBuf, Node>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Directory,
    File(u64),
}

/// All of a disk, with nothing under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pub(crate) names: Names,
    pub(crate) files: BTreeMap<u64, File>,
}

impl Image {
    /// Two images with the same files have the same hash.
    pub(crate) fn hash(&self) -> u64 {
        let mut hash = 0;
        for (name, node) in &self.names {
            hash = name.to_string_lossy().bytes().fold(hash, |hash, byte| mix(hash, byte.into()));
            if let Node::File(id) = node {
                hash = mix(hash, self.files.get(id).map_or(0, File::hash));
            }
        }
        hash
    }

    /// Forgets names whose directory is gone, and files without a name.
    pub(crate) fn tidy(mut self) -> Image {
        let reachable = |names: &Names, path: &Path| {
            path.ancestors().skip(1).all(|above| above.parent().is_none() || names.contains_key(above))
        };
        let all = self.names.clone();
        self.names.retain(|path, _| reachable(&all, path));
        let names = &self.names;
        self.files.retain(|id, _| names.values().any(|node| *node == Node::File(*id)));
        self
    }
}
