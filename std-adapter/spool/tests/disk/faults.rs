//! What is to go wrong, and where.

use std::collections::HashSet;
use std::io;

use smoltel_spool::vfs::Site;

use super::image::SECTOR;
use super::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails. A sync that fails leaves unsaid what reached the medium; a write does half its work.
    Error(io::ErrorKind),
    /// A sync says that it has done its work, and has not.
    Lie,
}

#[derive(Clone, Debug)]
struct Planned {
    site: Site,
    /// So many calls go well before.
    after: u64,
    times: u64,
    fault: Fault,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    planned: Vec<Planned>,
    off: HashSet<Site>,
    /// Bytes that spool.dat may have.
    pub(crate) capacity: Option<usize>,
    /// Reads and writes do a part of what they are asked to.
    short: Option<Random>,
    /// What cannot be read.
    unreadable: Option<Unreadable>,
    reads: u64,
}

/// What the disk cannot read for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The read with this number, counted from 0.
    Read(u64),
    /// Of the file with this number, from this sector on, so many.
    Sectors(u64, usize, usize),
}

impl Faults {
    pub(crate) fn plan(&mut self, site: Site, after: u64, times: u64, fault: Fault) {
        self.planned.push(Planned { site, after, times, fault });
    }

    /// What is to go wrong with this call.
    pub(crate) fn strike(&mut self, site: Site) -> Option<Fault> {
        for planned in self.planned.iter_mut().filter(|planned| planned.site == site && planned.times > 0) {
            if planned.after > 0 {
                planned.after -= 1;
            } else {
                planned.times -= 1;
                return Some(planned.fault);
            }
        }
        None
    }

    pub(crate) fn unreadable(&mut self, what: Unreadable) {
        self.unreadable = Some(what);
    }

    /// Counts a read, and says whether it fails.
    pub(super) fn refuses(&mut self, file: u64, at: usize, len: usize) -> bool {
        self.reads += 1;
        match self.unreadable {
            Some(Unreadable::Read(number)) => self.reads == number + 1,
            Some(Unreadable::Sectors(bad, first, count)) => {
                bad == file && at / SECTOR < first + count && first < (at + len).div_ceil(SECTOR)
            }
            None => false,
        }
    }

    pub(super) fn reads(&self) -> u64 {
        self.reads
    }

    pub(crate) fn switch_off(&mut self, site: Site) {
        self.off.insert(site);
    }

    pub(crate) fn is_off(&self, site: Site) -> bool {
        self.off.contains(&site)
    }

    /// The same protections are off, and nothing else is to go wrong.
    pub(crate) fn only_off(&self) -> Faults {
        Faults { off: self.off.clone(), ..Faults::default() }
    }

    pub(crate) fn shorten(&mut self) {
        self.short = Some(Random(1));
    }

    /// How much of a transfer of `len` bytes is done.
    pub(crate) fn part(&mut self, len: usize) -> usize {
        match &mut self.short {
            Some(random) if len > 1 => 1 + random.below(len as u64 - 1) as usize,
            _ => len,
        }
    }
}
