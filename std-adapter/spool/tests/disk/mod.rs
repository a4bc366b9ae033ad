//! A disk in memory that forgets what was not synced, tears writes at 512 bytes, fails on demand and dies at a
//! chosen operation. Its clock moves one millisecond each time it is read.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use smoltel_spool::vfs::{Now, Site, Vfs, VfsFile};

pub(crate) const SECTOR: usize = 512;

/// A small generator, so that a seed replays a case.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[derive(Clone, Default)]
struct Content {
    /// As programs see it.
    now: Vec<u8>,
    /// As it is on the medium for certain.
    durable: Vec<u8>,
    /// Sectors written since the last sync, in order; any subset may be on the medium.
    pending: Vec<(usize, Vec<u8>)>,
}

#[derive(Default)]
struct State {
    files: HashMap<u64, Content>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    next_file: u64,
    operations: u64,
    dies_at: Option<u64>,
    dead: bool,
    clock: u64,
    random: u64,
    locked: HashSet<PathBuf>,
    failures: Vec<(Site, io::ErrorKind, u32)>,
    off: HashSet<Site>,
    /// Bytes that spool.dat may have.
    capacity: Option<usize>,
    counts: HashMap<Site, u64>,
}

#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The operation with this number, counted from 0, is the last, half done; all later ones fail.
    pub(crate) fn die_at(&self, operation: u64) {
        self.state().dies_at = Some(operation);
    }

    /// No operation succeeds any more.
    pub(crate) fn die(&self) {
        self.state().dead = true;
    }

    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The next `times` operations at a site fail. A sync that fails forgets what it should have made durable.
    pub(crate) fn fail(&self, site: Site, kind: io::ErrorKind, times: u32) {
        self.state().failures.push((site, kind, times));
    }

    /// Syncs at this site do nothing, checks at it always pass.
    pub(crate) fn switch_off(&self, site: Site) {
        self.state().off.insert(site);
    }

    pub(crate) fn limit(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    /// How many operations came from a site.
    pub(crate) fn count(&self, site: Site) -> u64 {
        self.state().counts.get(&site).copied().unwrap_or(0)
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        let state = self.state();
        state.names.get(Path::new(path)).map(|id| state.files[id].now.clone()).unwrap_or_default()
    }

    pub(crate) fn write(&self, path: &str, bytes: Vec<u8>) {
        let mut state = self.state();
        let id = state.names[Path::new(path)];
        state.files.insert(id, Content { now: bytes.clone(), durable: bytes, pending: Vec::new() });
    }

    /// The names of the files in a directory.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        self.list(Site::Quarantine, Path::new(path)).unwrap()
    }

    /// A disk with the same files, as programs see them.
    pub(crate) fn copy(&self) -> Disk {
        self.after(|content, _| content.now.clone(), &mut Random(0), true)
    }

    /// What is on the medium if the power fails now: of what was not synced, a random part.
    pub(crate) fn after_power_cut(&self, random: &mut Random) -> Disk {
        let all_names = random.below(2) == 0;
        // Nothing, everything, or a random subset of the sectors.
        let mode = random.below(4);
        let survivors = move |content: &Content, random: &mut Random| {
            let mut bytes = content.durable.clone();
            for (at, sector) in &content.pending {
                if mode == 0 || (mode > 1 && random.below(2) == 0) {
                    continue;
                }
                let end = at + sector.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(sector);
            }
            bytes
        };
        self.after(survivors, random, all_names)
    }

    fn after(
        &self,
        bytes: impl Fn(&Content, &mut Random) -> Vec<u8>,
        random: &mut Random,
        all_names: bool,
    ) -> Disk {
        let state = self.state();
        let names = if all_names { state.names.clone() } else { state.durable_names.clone() };
        let mut files = HashMap::new();
        for id in names.values() {
            let bytes = bytes(&state.files[id], random);
            files.insert(*id, Content { now: bytes.clone(), durable: bytes, pending: Vec::new() });
        }
        let new = State {
            files,
            durable_names: names.clone(),
            names,
            next_file: state.next_file,
            clock: state.clock,
            random: state.random.wrapping_add(1000),
            off: state.off.clone(),
            ..State::default()
        };
        Disk(Arc::new(Mutex::new(new)))
    }
}

impl State {
    /// Counts a changing operation: an error if it must fail, true if it is the last.
    fn operate(&mut self, site: Site) -> io::Result<bool> {
        if self.dead {
            return Err(io::Error::other("the power is off"));
        }
        *self.counts.entry(site).or_default() += 1;
        self.dead = self.dies_at == Some(self.operations);
        self.operations += 1;
        let failing = self.failures.iter_mut().find(|(at, _, times)| *at == site && *times > 0);
        if let Some((_, kind, times)) = failing {
            *times -= 1;
            return Err((*kind).into());
        }
        Ok(self.dead)
    }

    fn alive(&self) -> io::Result<()> {
        if self.dead { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }
}

fn dying(last: bool) -> io::Result<()> {
    if last { Err(io::Error::other("the power went off")) } else { Ok(()) }
}

struct Lock(Disk, PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.state().locked.remove(&self.1);
    }
}

struct Open {
    disk: Disk,
    id: u64,
    data: bool,
}

impl Disk {
    fn opened(&self, path: &Path, id: u64) -> Box<dyn VfsFile> {
        Box::new(Open { disk: self.clone(), id, data: path.ends_with("spool.dat") })
    }
}

impl Vfs for Disk {
    fn create_dir(&self, _: Site, _: &Path) -> io::Result<()> {
        self.state().alive()
    }

    fn open(&self, site: Site, path: &Path, create: bool) -> io::Result<Box<dyn VfsFile>> {
        let mut state = self.state();
        state.alive()?;
        if let Some(id) = state.names.get(path).copied() {
            return Ok(self.opened(path, id));
        }
        if !create {
            return Err(io::ErrorKind::NotFound.into());
        }
        let last = state.operate(site)?;
        let id = state.next_file;
        state.next_file += 1;
        state.files.insert(id, Content::default());
        state.names.insert(path.into(), id);
        dying(last)?;
        Ok(self.opened(path, id))
    }

    fn open_read(&self, site: Site, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.open(site, path, false)
    }

    fn rename(&self, site: Site, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let last = state.operate(site)?;
        let id = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.into(), id);
        dying(last)
    }

    fn remove(&self, site: Site, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let last = state.operate(site)?;
        state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        dying(last)
    }

    fn list(&self, _: Site, path: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.alive()?;
        let inside = state.names.keys().filter(|name| name.parent() == Some(path));
        Ok(inside.filter_map(|name| Some(name.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn sync_dir(&self, site: Site, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        dying(state.operate(site)?)?;
        if state.off.contains(&site) {
            return Ok(());
        }
        let inside = |name: &PathBuf| name.parent() == Some(path);
        state.durable_names.retain(|name, _| !inside(name));
        let new: Vec<_> =
            state.names.iter().filter(|(name, _)| inside(name)).map(|(n, id)| (n.clone(), *id)).collect();
        state.durable_names.extend(new);
        Ok(())
    }

    fn lock(&self, _: Site, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let mut state = self.state();
        state.alive()?;
        if !state.locked.insert(path.into()) {
            return Ok(None);
        }
        Ok(Some(Box::new(Lock(self.clone(), path.into()))))
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut random = Random(state.random);
        bytes.iter_mut().for_each(|byte| *byte = random.next() as u8);
        state.random = random.0;
        Ok(())
    }

    fn now(&self) -> Now {
        let mut state = self.state();
        state.clock += 1_000_000;
        Now { boot: state.clock, wall: 1_700_000_000_000_000_000 + state.clock }
    }

    fn boot_id(&self) -> [u8; 16] {
        [7; 16]
    }

    fn warning(&self, _: &Path) -> Option<String> {
        None
    }

    fn holds(&self, site: Site, holds: bool) -> bool {
        holds || self.state().off.contains(&site)
    }
}

impl VfsFile for Open {
    fn read_at(&self, site: Site, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.alive()?;
        if let Some((_, kind, times)) =
            state.failures.iter_mut().find(|(at, _, times)| *at == site && *times > 0)
        {
            *times -= 1;
            return Err((*kind).into());
        }
        let now = &state.files[&self.id].now;
        let from = (offset as usize).min(now.len());
        let n = bytes.len().min(now.len() - from);
        bytes[..n].copy_from_slice(&now[from..from + n]);
        Ok(n)
    }

    fn write_at(&self, site: Site, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        let last = state.operate(site)?;
        let limit = state.capacity.filter(|_| self.data).unwrap_or(usize::MAX);
        let content = state.files.entry(self.id).or_default();
        let (from, to) = (offset as usize, offset as usize + bytes.len());
        if to > limit && to > content.now.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if content.now.len() < to {
            content.now.resize(to, 0);
        }
        content.now[from..to].copy_from_slice(bytes);
        let mut at = from;
        while at < to {
            let end = ((at / SECTOR + 1) * SECTOR).min(to);
            content.pending.push((at, bytes[at - from..end - from].to_vec()));
            at = end;
        }
        dying(last)?;
        Ok(bytes.len())
    }

    fn sync_data(&self, site: Site) -> io::Result<()> {
        let mut state = self.disk.state();
        let result = state.operate(site);
        let off = state.off.contains(&site);
        let dead = state.dead;
        let content = state.files.entry(self.id).or_default();
        match result {
            Ok(_) if off || dead => {}
            Ok(_) => {
                content.durable = content.now.clone();
                content.pending.clear();
            }
            Err(_) if dead => {}
            Err(_) => content.pending.clear(),
        }
        dying(result?)
    }

    fn len(&self, _: Site) -> io::Result<u64> {
        let state = self.disk.state();
        state.alive()?;
        Ok(state.files[&self.id].now.len() as u64)
    }

    fn set_len(&self, site: Site, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let last = state.operate(site)?;
        let content = state.files.entry(self.id).or_default();
        content.now.resize(len as usize, 0);
        content.durable.truncate(len as usize);
        content.pending.retain(|(at, bytes)| at + bytes.len() <= len as usize);
        dying(last)
    }
}
