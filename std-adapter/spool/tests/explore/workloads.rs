//! What is crashed: scripts, under different options and on disks with different faults.

use std::io::ErrorKind;
use std::time::Duration;

use smoltel_spool::vfs::Site;
use smoltel_spool::{Codec, Full, Options, Sync};

use super::oracle::Trust;
use super::run::Run;
use super::scripts;
use crate::disk::{Disk, Fault};

#[derive(Clone)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(super) script: fn(&mut Run),
    pub(crate) options: Options,
    faults: Vec<(Site, u64, u64, Fault)>,
    short: bool,
    space: Option<usize>,
    pub(super) disk: Trust,
    pub(super) origins: bool,
}

/// In eight segments of one block.
fn plain(name: &'static str, script: fn(&mut Run)) -> Workload {
    let options = Options { capacity: 8 * 4096, segment_size: Some(4096), ..Options::default() };
    Workload {
        name,
        script,
        options,
        faults: Vec::new(),
        short: false,
        space: None,
        disk: Trust::Sound,
        origins: false,
    }
}

impl Workload {
    pub(super) fn prepare(&self, disk: &Disk) {
        for (site, after, times, fault) in &self.faults {
            disk.plan(*site, *after, *times, *fault);
        }
        if self.short {
            disk.shorten();
        }
        disk.limit(self.space);
    }

    fn segments(mut self, count: u64, size: u32) -> Workload {
        self.options.capacity = count * u64::from(size);
        self.options.segment_size = Some(size);
        self
    }

    fn sync(mut self, sync: Sync) -> Workload {
        self.options.sync = sync;
        self
    }

    fn interval(self) -> Workload {
        self.sync(Sync::Interval(Duration::from_millis(30)))
    }

    fn full(mut self, full: Full) -> Workload {
        self.options.full = full;
        self
    }

    fn origins(mut self) -> Workload {
        self.origins = true;
        self
    }

    fn short(mut self) -> Workload {
        self.short = true;
        self
    }

    /// The disk has no more room than this for spool.dat.
    fn space(mut self, bytes: usize) -> Workload {
        self.space = Some(bytes);
        self
    }

    /// Calls from a site fail, after the first few.
    fn fails(mut self, site: Site, after: u64, times: u64) -> Workload {
        let syncs =
            [Site::GroupSync, Site::GrowSync, Site::RecoverySync, Site::CursorSync, Site::RecycleSync];
        if syncs.contains(&site) {
            self.disk = Trust::Fails;
        }
        self.faults.push((site, after, times, Fault::Error(ErrorKind::Other)));
        self
    }

    fn no_space(mut self, site: Site, after: u64, times: u64) -> Workload {
        self.faults.push((site, after, times, Fault::Error(ErrorKind::StorageFull)));
        self
    }

    fn lies(mut self, site: Site, after: u64, times: u64) -> Workload {
        self.faults.push((site, after, times, Fault::Lie));
        let data = matches!(site, Site::GroupSync) && self.disk != Trust::Void;
        self.disk = if data { Trust::Lies } else { Trust::Void };
        self
    }

    fn codec(mut self, codec: Codec) -> Workload {
        self.options.codec = codec;
        self
    }

    #[cfg(feature = "encryption")]
    fn encrypted(mut self) -> Workload {
        self.options.key = Some(smoltel_spool::Key::new([7; 32]));
        self
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Workload> {
    let mut all = sound();
    all.extend(from_devices());
    all.extend(policies());
    all.extend(failing());
    all.extend(lying());
    #[cfg(all(feature = "encryption", feature = "gzip"))]
    all.extend(transformed());
    all
}

fn sound() -> Vec<Workload> {
    vec![
        plain("all classes", scripts::all_classes),
        plain("all classes in larger segments", scripts::all_classes).segments(6, 16384),
        plain("groups across segments", scripts::groups_across_segments),
        plain("groups across larger segments", scripts::groups_across_segments).segments(4, 8192),
        plain("using segments again", scripts::using_segments_again),
        plain("using larger segments again", scripts::using_segments_again).segments(4, 8192),
        plain("using segments again, several at a time", scripts::using_segments_again).segments(32, 4096),
        plain("reopening", scripts::reopening),
        plain("reopening larger segments", scripts::reopening).segments(6, 8192),
        plain("killing", scripts::killing),
        plain("killing over larger segments", scripts::killing).segments(4, 16384),
        plain("one lags", scripts::one_lags),
        plain("retiring", scripts::retiring),
        plain("retiring in larger segments", scripts::retiring).segments(4, 8192),
        plain("nobody takes at first", scripts::nobody_takes_at_first),
        plain("large records", scripts::large_records),
        plain("small records", scripts::small_records).segments(4, 16384),
        plain("small records in a crowd of segments", scripts::small_records).segments(16, 4096),
        plain("filled segments", scripts::filled_segments).segments(8, 16384),
        plain("giving back", scripts::giving_back),
        plain("giving back in larger segments", scripts::giving_back).segments(4, 8192),
        plain("timers", scripts::timers).segments(4, 16384),
        plain("out of order", scripts::out_of_order).segments(6, 8192),
        plain("ages", scripts::ages),
        plain("lag", scripts::lag),
        plain("growing capacity", scripts::growing_capacity),
        plain("skewed", scripts::skewed),
        plain("drained", scripts::drained),
        plain("short transfers", scripts::groups_across_segments).short(),
    ]
}

fn from_devices() -> Vec<Workload> {
    vec![
        plain("origins, using segments again", scripts::using_segments_again).origins(),
        plain("origins, using larger segments again", scripts::using_segments_again)
            .origins()
            .segments(4, 8192),
        plain("origins, killing", scripts::killing).origins(),
        plain("origins, drained", scripts::drained).origins(),
        plain("origins, filled segments", scripts::filled_segments).origins().segments(6, 16384),
        plain("origins, skewed", scripts::skewed).origins(),
        plain("origins, dropping the oldest", scripts::full)
            .origins()
            .segments(6, 4096)
            .full(Full::DropOldest),
    ]
}

fn policies() -> Vec<Workload> {
    vec![
        plain("full, refusing", scripts::full).segments(6, 4096),
        plain("full, dropping the oldest", scripts::full).segments(6, 4096).full(Full::DropOldest),
        plain("few segments, dropping the oldest", scripts::groups_across_segments)
            .segments(4, 4096)
            .full(Full::DropOldest),
        plain("one lags, dropping the oldest", scripts::one_lags).segments(4, 4096).full(Full::DropOldest),
        plain("waiting for room", scripts::waiting_for_room).segments(4, 4096).full(Full::Block),
        plain("full and waiting", scripts::using_segments_again).segments(5, 4096).full(Full::Block),
        plain("synced now and then: killing", scripts::killing).interval(),
        plain("synced now and then: timers", scripts::timers).interval().segments(4, 8192),
        plain("synced now and then: segments again", scripts::using_segments_again).interval(),
        plain("synced now and then: reopening", scripts::reopening).interval(),
        plain("not synced: killing", scripts::killing).sync(Sync::Os),
        plain("not synced: segments again", scripts::using_segments_again).sync(Sync::Os),
        plain("not synced: drained", scripts::drained).sync(Sync::Os),
        plain("not synced: full, dropping the oldest", scripts::full)
            .segments(6, 4096)
            .sync(Sync::Os)
            .full(Full::DropOldest),
    ]
}

fn failing() -> Vec<Workload> {
    vec![
        plain("a sync fails", scripts::all_classes).fails(Site::GroupSync, 2, 1),
        plain("a sync fails in larger segments", scripts::small_records).segments(4, 16384).fails(
            Site::GroupSync,
            5,
            1,
        ),
        plain("a sync fails, then another", scripts::groups_across_segments)
            .fails(Site::GroupSync, 1, 1)
            .fails(Site::GroupSync, 3, 1),
        plain("a sync fails twice", scripts::reopening).fails(Site::GroupSync, 3, 2),
        plain("a late sync fails", scripts::timers).interval().fails(Site::GroupSync, 1, 1),
        plain("a write fails", scripts::groups_across_segments).fails(Site::GroupWrite, 3, 1),
        plain("a sync fails that a segment's end waits for", scripts::filled_segments)
            .segments(8, 16384)
            .fails(Site::GroupSync, 2, 1),
        plain("an index fails", scripts::filled_segments).segments(8, 16384).fails(Site::IndexWrite, 1, 1),
        plain("a second header fails", scripts::all_classes).segments(4, 8192).fails(Site::HeaderWrite, 1, 1),
        plain("a write finds no space", scripts::using_segments_again).no_space(Site::GroupWrite, 4, 1),
        plain("growing fails", scripts::full).fails(Site::Grow, 5, 2),
        plain("the growth's sync fails", scripts::full).fails(Site::GrowSync, 1, 2),
        plain("the growth's sync fails among late ones", scripts::using_segments_again).interval().fails(
            Site::GrowSync,
            2,
            1,
        ),
        plain("no space to grow", scripts::full).space(5 * 4096),
        plain("no space to grow, dropping the oldest", scripts::full).space(4 * 4096).full(Full::DropOldest),
        plain("CURSOR fails once", scripts::using_segments_again).fails(Site::CursorWrite, 4, 1),
        plain("CURSOR's sync fails once", scripts::using_segments_again).fails(Site::RecycleSync, 1, 1),
        plain("CURSOR's sync fails twice", scripts::reopening).fails(Site::CursorSync, 4, 2),
        plain("the recovery's sync fails", scripts::reopening).fails(Site::RecoverySync, 1, 1),
        plain("a payload cannot be read", scripts::one_lags).fails(Site::PayloadRead, 3, 2),
        plain("the directory's sync fails", scripts::reopening).fails(Site::DirectorySync, 1, 1),
    ]
}

fn lying() -> Vec<Workload> {
    vec![
        plain("one sync lies", scripts::all_classes).lies(Site::GroupSync, 3, 1),
        plain("one sync lies in larger segments", scripts::small_records).segments(4, 16384).lies(
            Site::GroupSync,
            4,
            1,
        ),
        plain("one sync lies to a filled segment", scripts::filled_segments).segments(8, 16384).lies(
            Site::GroupSync,
            1,
            1,
        ),
        plain("syncs lie from some moment on", scripts::groups_across_segments).lies(Site::GroupSync, 2, 99),
        plain("CURSOR's syncs lie", scripts::using_segments_again).lies(Site::CursorSync, 1, 99).lies(
            Site::RecycleSync,
            0,
            99,
        ),
        plain("all syncs lie", scripts::reopening)
            .lies(Site::GroupSync, 1, 99)
            .lies(Site::RecoverySync, 0, 99)
            .lies(Site::CursorSync, 1, 99)
            .lies(Site::RecycleSync, 0, 99),
    ]
}

#[cfg(all(feature = "encryption", feature = "gzip"))]
fn transformed() -> Vec<Workload> {
    vec![
        plain("compressed", scripts::groups_across_segments).codec(Codec::Gzip),
        plain("compressed small records", scripts::small_records).codec(Codec::Gzip).segments(4, 8192),
        plain("encrypted", scripts::using_segments_again).encrypted(),
        plain("encrypted, reopening", scripts::reopening).encrypted().segments(4, 8192),
        plain("compressed and encrypted", scripts::killing).codec(Codec::Gzip).encrypted(),
        plain("encrypted, a sync fails", scripts::all_classes).encrypted().fails(Site::GroupSync, 2, 1),
    ]
}
