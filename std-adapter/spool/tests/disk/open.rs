//! The disk as the spool's operating system.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::thread;

use smoltel_spool::vfs::{Now, Site, Vfs, VfsFile};

use super::state::State;
use super::{Disk, Event, Fault, Random};

struct Lock(Disk, PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if self.0.process == state.process {
            state.locked.remove(&self.1);
        }
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

    /// Begins a changing operation.
    fn operate(&self, site: Site) -> io::Result<(MutexGuard<'_, State>, Option<Fault>)> {
        let mut state = self.state();
        while state.held && is_writer() {
            state = self.shared.1.wait(state).unwrap();
        }
        let fault = state.operate(site, self.process)?;
        Ok((state, fault))
    }

    /// Begins one that does half its work, or nothing, if it fails.
    fn simple(&self, site: Site) -> io::Result<MutexGuard<'_, State>> {
        match self.operate(site)? {
            (_, Some(Fault::Error(kind))) => Err(kind.into()),
            (state, _) => Ok(state),
        }
    }

    fn reading(&self, site: Site) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.alive(self.process)?;
        match state.faults.strike(site) {
            Some(Fault::Error(kind)) => Err(kind.into()),
            _ => Ok(state),
        }
    }
}

fn is_writer() -> bool {
    thread::current().name() == Some("smoltel-spool")
}

impl Vfs for Disk {
    fn create_dir(&self, site: Site, path: &Path) -> io::Result<()> {
        if self.state().medium.names.contains_key(path) {
            return self.state().alive(self.process);
        }
        let mut state = self.simple(site)?;
        state.medium.create_dir(path);
        state.ended()
    }

    fn open(&self, site: Site, path: &Path, create: bool) -> io::Result<Box<dyn VfsFile>> {
        let known = self.reading(site)?.medium.file(path);
        match known {
            Some(id) => Ok(self.opened(path, id)),
            None if !create => Err(io::ErrorKind::NotFound.into()),
            None => {
                let mut state = self.simple(site)?;
                let id = state.medium.create(path);
                state.ended()?;
                drop(state);
                Ok(self.opened(path, id))
            }
        }
    }

    fn open_read(&self, site: Site, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.open(site, path, false)
    }

    fn rename(&self, site: Site, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.simple(site)?;
        state.medium.rename(from, to)?;
        state.ended()
    }

    fn remove(&self, site: Site, path: &Path) -> io::Result<()> {
        let mut state = self.simple(site)?;
        state.medium.remove(path)?;
        state.ended()
    }

    fn list(&self, site: Site, path: &Path) -> io::Result<Vec<String>> {
        let state = self.reading(site)?;
        let inside = state.medium.names.keys().filter(|name| name.parent() == Some(path));
        Ok(inside.filter_map(|name| Some(name.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn sync_dir(&self, site: Site, path: &Path) -> io::Result<()> {
        let (mut state, fault) = self.operate(site)?;
        match fault {
            Some(Fault::Error(kind)) => return Err(kind.into()),
            None if !state.dead && !state.faults.is_off(site) => state.medium.sync_dir(path),
            _ => {}
        }
        state.ended()
    }

    fn lock(&self, site: Site, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let mut state = self.reading(site)?;
        if !state.locked.insert(path.into()) {
            return Ok(None);
        }
        state.writer = None;
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
        if state.writer.is_none() && is_writer() {
            let thread = std::fs::read_link("/proc/thread-self");
            state.writer = thread.ok().map(|thread| Path::new("/proc").join(thread));
        }
        state.clock.read()
    }

    fn boot_id(&self) -> [u8; 16] {
        self.state().clock.boot_id()
    }

    fn warning(&self, _: &Path) -> Option<String> {
        None
    }

    fn holds(&self, site: Site, holds: bool) -> bool {
        holds || self.state().faults.is_off(site)
    }

    fn keeps(&self, site: Site) -> bool {
        !self.state().faults.is_off(site)
    }
}

impl VfsFile for Open {
    fn read_at(&self, site: Site, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.reading(site)?;
        let len = state.faults.part(bytes.len());
        if state.faults.refuses(self.id, offset as usize, len) {
            return Err(io::Error::other("the disk cannot read"));
        }
        let content = state.medium.content(self.id).ok_or(io::ErrorKind::NotFound)?;
        Ok(content.now.read(offset as usize, &mut bytes[..len]))
    }

    fn write_at(&self, site: Site, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (mut state, fault) = self.disk.operate(site)?;
        let mut len = state.faults.part(bytes.len());
        let limit = state.faults.capacity.filter(|_| self.data).unwrap_or(usize::MAX);
        let end = offset as usize + len;
        if end > limit && end > state.medium.content(self.id).map_or(0, |content| content.now.len()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Some(Fault::Error(_)) = fault {
            len /= 2;
        }
        if !state.faults.is_off(site) {
            state.medium.write(self.id, offset as usize, &bytes[..len]);
        }
        if let Some(Fault::Error(kind)) = fault {
            return Err(kind.into());
        }
        // Of short writes the last one makes it whole.
        if site == Site::CursorWrite && len == bytes.len() {
            state.events.push(Event::CursorWritten);
        }
        state.ended()?;
        Ok(len)
    }

    fn sync_data(&self, site: Site) -> io::Result<()> {
        let (mut state, fault) = self.disk.operate(site)?;
        state.ended()?;
        match fault {
            Some(Fault::Error(kind)) => {
                state.medium.fail_to_sync(self.id);
                return Err(kind.into());
            }
            Some(Fault::Lie) => state.medium.fail_to_sync(self.id),
            None if !state.faults.is_off(site) => state.medium.sync(self.id),
            None => {}
        }
        state.events.push(Event::Synced(site));
        Ok(())
    }

    fn len(&self, site: Site) -> io::Result<u64> {
        let state = self.disk.reading(site)?;
        Ok(state.medium.content(self.id).map_or(0, |content| content.now.len() as u64))
    }

    fn set_len(&self, site: Site, len: u64) -> io::Result<()> {
        let mut state = self.disk.simple(site)?;
        state.medium.set_len(self.id, len as usize);
        state.ended()
    }
}
