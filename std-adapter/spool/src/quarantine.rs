//! `quarantine/`: copies of what could not be read, and of what a destination refused for good.

use std::io;
use std::path::{Path, PathBuf};

use crate::format::record::HEADER_LEN as RECORD_HEADER_LEN;
use crate::format::segment::HEADER_LEN;
use crate::location::Location;
use crate::vfs::{Site, Vfs, VfsFile, read_full, write_full};

/// How many copies of slots are kept.
const SLOTS: usize = 8;
/// How many copies of records are kept.
const RECORDS: usize = 256;
const SITE: Site = Site::Quarantine;

/// Copies a slot into `quarantine/`, and removes the oldest copies beyond the bound. There is no copy of what cannot be read in full.
pub(crate) fn keep(vfs: &dyn Vfs, dir: &Path, file: &dyn VfsFile, slot: u32, size: u32) -> io::Result<()> {
    let (dir, path) = place(vfs, dir, &format!("slot{slot}"), SLOTS)?;
    let copied = copy(vfs, &path, file, slot, size);
    if copied.is_err() {
        _ = vfs.remove(SITE, &path);
    }
    copied?;
    vfs.sync_dir(SITE, &dir)
}

fn copy(vfs: &dyn Vfs, path: &Path, file: &dyn VfsFile, slot: u32, size: u32) -> io::Result<()> {
    let copy = vfs.open(SITE, path, true)?;
    let mut block = [0; 4096];
    for at in (0..u64::from(size)).step_by(block.len()) {
        read_full(file, Site::SlotRead, &mut block, u64::from(slot) * u64::from(size) + at)?;
        write_full(&*copy, SITE, &block, at)?;
    }
    copy.sync_data(SITE)
}

/// Copies a record as it is stored: the header of its segment, which says how to read it, then its own header and payload.
pub(crate) fn keep_record(
    vfs: &dyn Vfs,
    dir: &Path,
    file: &dyn VfsFile,
    location: &Location,
    size: u32,
) -> io::Result<()> {
    let base = u64::from(location.slot) * u64::from(size);
    let mut bytes = vec![0; (HEADER_LEN + RECORD_HEADER_LEN + location.len) as usize];
    let (header, record) = bytes.split_at_mut(HEADER_LEN as usize);
    read_full(file, SITE, header, base)?;
    read_full(file, SITE, record, base + u64::from(location.offset))?;
    let (dir, path) = place(vfs, dir, &format!("record{}", location.sequence), RECORDS)?;
    let copy = vfs.open(SITE, &path, true)?;
    write_full(&*copy, SITE, &bytes, 0)?;
    copy.sync_data(SITE)?;
    vfs.sync_dir(SITE, &dir)
}

/// Where the next copy goes; the oldest of its kind make room for it.
fn place(vfs: &dyn Vfs, dir: &Path, what: &str, most: usize) -> io::Result<(PathBuf, PathBuf)> {
    let dir = dir.join("quarantine");
    vfs.create_dir(SITE, &dir)?;
    let kind = what.trim_end_matches(|c: char| c.is_ascii_digit());
    let names = vfs.list(SITE, &dir)?;
    let next = names.iter().filter_map(|name| number(name)).max().map_or(1, |(last, _)| last + 1);
    let mut same: Vec<&String> =
        names.iter().filter(|name| number(name).is_some_and(|(_, rest)| rest.starts_with(kind))).collect();
    same.sort_unstable_by_key(|name| number(name));
    for oldest in same.iter().take((same.len() + 1).saturating_sub(most)) {
        vfs.remove(SITE, &dir.join(oldest))?;
    }
    let path = dir.join(format!("{next:08}-{what}.bin"));
    Ok((dir, path))
}

fn number(name: &str) -> Option<(u32, &str)> {
    let (number, rest) = name.strip_suffix(".bin")?.split_once('-')?;
    Some((number.parse().ok()?, rest))
}
