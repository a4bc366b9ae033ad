//! The marks and the file that keeps them over restarts.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::marks::Marks;
use crate::sync::{self, Mutex};
use crate::two_slots::{self, TwoSlots};
use crate::vfs::{Site, Vfs};

#[derive(Default)]
pub(crate) struct MarksFile {
    /// The spool's handles look into them.
    pub(crate) marks: Arc<Mutex<Marks>>,
    /// The highest sequence of a record with an origin.
    pub(crate) last: u64,
    /// MARKS has the marks of all records up to this sequence.
    pub(crate) covered: u64,
    /// There is none before the first origin comes.
    file: Option<TwoSlots>,
    counter: u64,
}

impl MarksFile {
    /// Opens what was loaded; what it holds is not of interest here any more.
    pub(crate) fn open(vfs: &dyn Vfs, dir: &Path, uuid: [u8; 16], loaded: &two_slots::Loaded) -> MarksFile {
        let file = two_slots::MARKS.open(vfs, dir, uuid, 0, loaded);
        MarksFile { file: file.ok().flatten(), counter: loaded.counter(), ..MarksFile::default() }
    }

    /// Makes the marks of all records up to `covered` durable. A file that has become too small is made anew.
    pub(crate) fn save(&mut self, vfs: &dyn Vfs, dir: &Path, uuid: [u8; 16], covered: u64) -> io::Result<()> {
        let (body, devices) = {
            let marks = sync::lock(&self.marks);
            (marks.encode(covered), marks.len())
        };
        match &mut self.file {
            Some(file) if body.len() <= file.room() => {
                file.write(&body)?;
                file.sync(vfs, Site::MarksSync)?;
            }
            _ => {
                let counter = self.file.as_ref().map_or(self.counter, TwoSlots::counter);
                let room = Marks::body_len(devices * 2);
                self.file = Some(two_slots::MARKS.make(vfs, dir, uuid, room, counter, &body)?);
                vfs.sync_dir(Site::MarksDirectorySync, dir)?;
            }
        }
        self.covered = covered;
        Ok(())
    }
}
