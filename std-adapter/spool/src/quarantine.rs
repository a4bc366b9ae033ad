//! Copies of what could not be read.

use std::io;
use std::path::Path;

use crate::vfs::{Site, Vfs, VfsFile, read_full, write_full};

/// How many copies are kept.
const KEEP: usize = 8;
const SITE: Site = Site::Quarantine;

/// Copies a slot into `quarantine/`, and removes the oldest copies beyond the bound.
pub(crate) fn keep(vfs: &dyn Vfs, dir: &Path, file: &dyn VfsFile, slot: u32, size: u32) -> io::Result<()> {
    let dir = dir.join("quarantine");
    vfs.create_dir(SITE, &dir)?;
    let mut names: Vec<String> =
        vfs.list(SITE, &dir)?.into_iter().filter(|name| number(name).is_some()).collect();
    names.sort_unstable_by_key(|name| number(name));
    let next = names.last().and_then(|name| number(name)).map_or(1, |last| last + 1);
    while names.len() >= KEEP {
        vfs.remove(SITE, &dir.join(names.remove(0)))?;
    }
    let copy = vfs.open(SITE, &dir.join(format!("{next:08}-slot{slot}.bin")), true)?;
    let mut block = [0; 4096];
    for at in (0..u64::from(size)).step_by(block.len()) {
        // What cannot be read at all is zeros in the copy.
        if read_full(file, SITE, &mut block, u64::from(slot) * u64::from(size) + at).is_err() {
            block.fill(0);
        }
        write_full(&*copy, SITE, &block, at)?;
    }
    copy.sync_data(SITE)?;
    vfs.sync_dir(SITE, &dir)
}

fn number(name: &str) -> Option<u32> {
    name.split_once('-').filter(|(_, rest)| rest.ends_with(".bin"))?.0.parse().ok()
}
