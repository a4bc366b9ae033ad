//! What is on the medium for certain, what programs see, and what lies between: written, and not yet synced.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::image::{File, Image, Names, Node, SECTOR, Sector};
use super::random::Random;

/// Sectors in a block, which is what a disk of larger sectors, or the page cache, writes whole.
const BLOCK: usize = 8;

#[derive(Clone, Debug)]
enum Change {
    Sector(usize, Arc<Sector>),
    Len(usize),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// As programs see it.
    pub(crate) now: File,
    /// As it is on the medium for certain.
    durable: File,
    /// Since the last sync, by the number of the write.
    pending: Vec<(u64, Change)>,
    /// What a sync failed to write, or lied about: perhaps on the medium, and no later sync changes that.
    limbo: Vec<(u64, Change)>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Put(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, Node),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Medium {
    files: BTreeMap<u64, Content>,
    pub(crate) names: Names,
    durable_names: Names,
    pending_names: Vec<NameChange>,
    writes: u64,
    next_file: u64,
}

/// One way for the power to fail: which of what is pending reaches the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Whole blocks, not sectors, reach the medium or do not.
    pub(crate) blocks: bool,
    pub(crate) pick: Pick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// The combination with this number, of all there are.
    Nth(u64),
    /// A random one; in some, what was just being written is garbage.
    Random(u64),
}

/// Something that reaches the medium or does not, or reached it as one of several writes left it.
struct Unit {
    what: What,
    /// Numbers of the writes, in order.
    versions: Vec<u64>,
    /// It may have been under way when the power failed.
    in_flight: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Of a file, sectors from here on.
    Sectors(u64, usize),
    Len(u64),
    Name(usize),
}

impl Medium {
    pub(crate) fn from_image(image: Image) -> Medium {
        let content = |file: File| Content { now: file.clone(), durable: file, ..Content::default() };
        Medium {
            next_file: image.files.keys().last().map_or(0, |last| last + 1),
            files: image.files.into_iter().map(|(id, file)| (id, content(file))).collect(),
            durable_names: image.names.clone(),
            names: image.names,
            ..Medium::default()
        }
    }

    /// As programs see it.
    pub(crate) fn image(&self) -> Image {
        let files = self.files.iter().map(|(id, content)| (*id, content.now.clone())).collect();
        Image { names: self.names.clone(), files }
    }

    pub(crate) fn file(&self, path: &Path) -> Option<u64> {
        match self.names.get(path) {
            Some(Node::File(id)) => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn content(&self, id: u64) -> Option<&Content> {
        self.files.get(&id)
    }

    pub(crate) fn create(&mut self, path: &Path) -> u64 {
        let id = self.next_file;
        self.next_file += 1;
        self.files.insert(id, Content::default());
        self.name(NameChange::Put(path.into(), Node::File(id)));
        id
    }

    pub(crate) fn create_dir(&mut self, path: &Path) {
        if !self.names.contains_key(path) {
            self.name(NameChange::Put(path.into(), Node::Directory));
        }
    }

    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = *self.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        self.name(NameChange::Rename(from.into(), to.into(), node));
        Ok(())
    }

    pub(crate) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        self.name(NameChange::Remove(path.into()));
        Ok(())
    }

    fn name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    pub(crate) fn sync_dir(&mut self, dir: &Path) {
        for change in std::mem::take(&mut self.pending_names) {
            if change.path().parent() == Some(dir) {
                change.apply(&mut self.durable_names);
            } else {
                self.pending_names.push(change);
            }
        }
    }

    pub(crate) fn write(&mut self, id: u64, at: usize, bytes: &[u8]) {
        self.writes += 1;
        let number = self.writes;
        let content = self.files.entry(id).or_default();
        if at + bytes.len() > content.now.len() {
            content.now.set_len(at + bytes.len());
            content.pending.push((number, Change::Len(at + bytes.len())));
        }
        for (place, sector) in content.now.changes(at, bytes) {
            content.now.put(place, &sector);
            content.pending.push((number, Change::Sector(place, sector)));
        }
    }

    pub(crate) fn set_len(&mut self, id: u64, len: usize) {
        self.writes += 1;
        let number = self.writes;
        let content = self.files.entry(id).or_default();
        content.now.set_len(len);
        content.pending.push((number, Change::Len(len)));
    }

    /// Makes a file's contents and length durable.
    pub(crate) fn sync(&mut self, id: u64) {
        let content = self.files.entry(id).or_default();
        for (_, change) in std::mem::take(&mut content.pending) {
            if let Change::Sector(place, _) = &change {
                content.limbo.retain(|(_, old)| !matches!(old, Change::Sector(at, _) if at == place));
            }
            change.apply(&mut content.durable);
        }
    }

    /// What Linux does when a sync fails: the pages count as clean, whether they reached the medium or not.
    pub(crate) fn fail_to_sync(&mut self, id: u64) {
        let content = self.files.entry(id).or_default();
        let (lengths, sectors): (Vec<_>, Vec<_>) = std::mem::take(&mut content.pending)
            .into_iter()
            .partition(|(_, change)| matches!(change, Change::Len(_)));
        content.limbo.extend(sectors);
        content.pending = lengths;
    }

    fn units(&self, blocks: bool) -> Vec<Unit> {
        let mut units: Vec<Unit> = Vec::new();
        for (id, content) in &self.files {
            let changes = content.limbo.iter().map(|change| (change, false));
            for ((number, change), in_flight) in changes.chain(content.pending.iter().map(|c| (c, true))) {
                let what = What::of(*id, change, blocks);
                match units.iter_mut().find(|unit| unit.what == what) {
                    None => units.push(Unit { what, versions: vec![*number], in_flight }),
                    Some(unit) => {
                        unit.in_flight |= in_flight;
                        if unit.versions.last() != Some(number) {
                            unit.versions.push(*number);
                        }
                    }
                }
            }
        }
        let names = (0..self.pending_names.len()).map(What::Name);
        units.extend(names.map(|what| Unit { what, versions: vec![1], in_flight: false }));
        units
    }

    /// How many combinations there are of what may have reached the medium, and of how many parts.
    pub(crate) fn combinations(&self, blocks: bool) -> (u64, usize) {
        let units = self.units(blocks);
        let count = |all: u64, unit: &Unit| all.saturating_mul(unit.versions.len() as u64 + 1);
        (units.iter().fold(1, count), units.len())
    }

    /// What is on the medium if the power fails now, in this way.
    pub(crate) fn cut(&self, cut: Cut) -> Image {
        let units = self.units(cut.blocks);
        let choices = choose(&units, cut.pick);
        let mut image = Image { names: self.durable_names.clone(), files: BTreeMap::new() };
        for (id, content) in &self.files {
            image.files.insert(*id, content.durable.clone());
        }
        // Lengths first: a sector beyond the end is nowhere.
        for lengths in [true, false] {
            for (unit, choice) in units.iter().zip(&choices) {
                if lengths == matches!(unit.what, What::Len(_)) {
                    self.apply(&mut image, unit, *choice, cut.blocks);
                }
            }
        }
        if let Pick::Random(seed) = cut.pick {
            spoil(&mut image, &units, cut.blocks, &mut Random(seed ^ 0x5eed));
        }
        image.tidy()
    }

    fn apply(&self, image: &mut Image, unit: &Unit, choice: usize, blocks: bool) {
        let Some(last) = choice.checked_sub(1).map(|at| unit.versions[at]) else { return };
        let id = match unit.what {
            What::Name(at) => return self.pending_names[at].apply(&mut image.names),
            What::Len(id) | What::Sectors(id, _) => id,
        };
        let (Some(content), Some(file)) = (self.files.get(&id), image.files.get_mut(&id)) else { return };
        for (number, change) in content.limbo.iter().chain(&content.pending) {
            if *number <= last && What::of(id, change, blocks) == unit.what {
                change.apply(file);
            }
        }
    }
}

impl What {
    fn of(id: u64, change: &Change, blocks: bool) -> What {
        match change {
            Change::Sector(at, _) if blocks => What::Sectors(id, at / BLOCK * BLOCK),
            Change::Sector(at, _) => What::Sectors(id, *at),
            Change::Len(_) => What::Len(id),
        }
    }
}

/// For each unit the version that reached the medium, 0 for none.
fn choose(units: &[Unit], pick: Pick) -> Vec<usize> {
    match pick {
        Pick::Nth(mut number) => {
            let mut digit = |unit: &Unit| {
                let base = unit.versions.len() as u64 + 1;
                let digit = number % base;
                number /= base;
                digit as usize
            };
            units.iter().map(&mut digit).collect()
        }
        Pick::Random(seed) => {
            let mut random = Random(seed);
            // Mostly there, mostly not, or half and half.
            let odds = 1 + random.below(3);
            let mut pick = |unit: &Unit| {
                let reached = random.below(4) < odds;
                if reached { 1 + random.below(unit.versions.len() as u64) as usize } else { 0 }
            };
            units.iter().map(&mut pick).collect()
        }
    }
}

/// Every second time: what the disk was just writing is neither old nor new.
fn spoil(image: &mut Image, units: &[Unit], blocks: bool, random: &mut Random) {
    let parts: Vec<What> = units.iter().filter(|unit| unit.in_flight).map(|unit| unit.what).collect();
    if parts.is_empty() || random.below(2) == 0 {
        return;
    }
    if let What::Sectors(id, first) = parts[random.below(parts.len() as u64) as usize] {
        for at in first..first + if blocks { BLOCK } else { 1 } {
            let mut garbage = [0; SECTOR];
            garbage.iter_mut().for_each(|byte| *byte = random.next() as u8);
            if let Some(file) = image.files.get_mut(&id) {
                file.put(at, &Sector::new(garbage));
            }
        }
    }
}

impl Change {
    fn apply(&self, file: &mut File) {
        match self {
            Change::Sector(at, sector) => file.put(*at, sector),
            Change::Len(len) => file.set_len(*len),
        }
    }
}

impl NameChange {
    fn path(&self) -> &Path {
        match self {
            NameChange::Put(path, _) | NameChange::Remove(path) | NameChange::Rename(_, path, _) => path,
        }
    }

    fn apply(&self, names: &mut Names) {
        match self {
            NameChange::Put(path, node) => _ = names.insert(path.clone(), *node),
            NameChange::Remove(path) => _ = names.remove(path),
            NameChange::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}
