//! What makes the other proofs believable: with any one protection switched off, crashes or flipped bits show it.
//!
//! `PROVE=1` switches off every one; without it, the few that show soonest.

mod disk;
mod explore;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use disk::Disk;
use explore::record::{identify, items, record, sent_by_a_device};
use explore::run::{DIR, NAMES, Run};
use explore::{Effort, Search};
use smoltel_spool::vfs::Site;
use smoltel_spool::{Class, Loss, Options, Spool, Stored};

/// What shows that a protection is off.
enum Shown {
    ByCrashes,
    ByFlips,
    /// It protects nothing that was promised, because.
    Nothing(&'static str),
}

/// Every site is here: a new one must be given its place.
fn shown(site: Site) -> Shown {
    match site {
        Site::DirectorySync | Site::ParentSync => Shown::ByCrashes,
        Site::GroupSync | Site::RecoverySync | Site::FreshBlock => Shown::ByCrashes,
        Site::CursorOpenSync | Site::CursorSync | Site::RecycleSync | Site::OtherSlot => Shown::ByCrashes,
        Site::CursorMakeSync => Shown::ByCrashes,
        Site::MarksSync | Site::MarksMakeSync => Shown::ByCrashes,
        Site::SegmentCrc | Site::RecordCrc | Site::IndexCrc | Site::PayloadCrc => Shown::ByFlips,
        Site::CursorCrc | Site::MarksCrc | Site::HeaderWrite => Shown::ByFlips,
        Site::MarksOpenSync => Shown::Nothing("MARKS in both slots unsynced is found again in the records"),
        Site::MarksDirectorySync => {
            Shown::Nothing("the records still tell until CURSOR, whose sync follows, is made")
        }
        Site::GrowSync => {
            Shown::Nothing("a group's sync is one of the same file; it is there to meet a full disk early")
        }
        Site::Lock => Shown::Nothing("one process at a time: a test of its own, in queue.rs"),
        Site::Directory | Site::DataOpen | Site::CursorOpen | Site::MarksOpen => Shown::Nothing("opening"),
        Site::HeaderRead | Site::RecordRead | Site::IndexRead | Site::PayloadRead => {
            Shown::Nothing("reading")
        }
        Site::CursorRead | Site::MarksRead | Site::SlotRead => Shown::Nothing("reading"),
        Site::Grow | Site::GroupWrite | Site::CursorWrite | Site::MarksWrite => {
            Shown::Nothing("writing what is synced later")
        }
        Site::CursorMake | Site::CursorRename | Site::MarksMake | Site::MarksRename => {
            Shown::Nothing("writing what is synced later")
        }
        Site::IndexWrite => Shown::Nothing("without an index the records are looked for"),
        Site::Trim => Shown::Nothing("cutting off what holds nothing"),
        Site::Wipe => Shown::Nothing("zeros over what nobody can read, after it was copied"),
        Site::Quarantine => Shown::Nothing("copies for people to look at"),
        other => panic!("say what shows that {other:?} is off"),
    }
}

fn by_crashes(site: Site) -> Result<(), String> {
    let effort = Effort { all_up_to: 16, random: 16, again_every: 12, again_all: false, again: 2 };
    Search::new(effort, Some(site)).run(&explore::all())
}

fn options() -> Options {
    Options { capacity: 8 * 16384, segment_size: Some(16384), ..Options::default() }
}

/// Several records in each segment, and room in the last; some are released, and none of a segment that has an index.
fn image(off: Option<Site>) -> Disk {
    let disk = Disk::still();
    off.iter().for_each(|site| disk.switch_off(*site));
    let mut run = Run::new(disk.clone(), options(), true);
    for round in 0..9 {
        run.append(&[(700, Class::Normal), (600, Class::High)]);
        run.append(&[(900, Class::High), (800, Class::Normal)]);
        if round < 7 {
            run.release(0, 1 << 20);
            run.release(1, 1 << 20);
        }
    }
    // In a fresh segment these leave the last block.
    run.reopen();
    run.append(&[(2800, Class::Normal); 3]);
    run.append(&[(4000, Class::Normal)]);
    assert!(off.is_some() || disk.count(Site::IndexWrite) > 0, "no segment has an index");
    run.close();
    disk
}

/// Opens, takes all for one destination, and judges: at most one record is lost, and counted.
fn look(disk: &Disk, stock: &BTreeSet<u32>) -> Result<BTreeSet<u32>, String> {
    let spool =
        Spool::open_with(Arc::new(disk.clone()), DIR, options()).map_err(|error| error.to_string())?;
    let east = spool.destination(NAMES[0]).map_err(|error| error.to_string())?;
    let (mut came, mut kept) = (BTreeSet::new(), Vec::new());
    while let Some(lease) = east.take(None, 1 << 20, Instant::now()) {
        for entry in lease.records() {
            came.insert(identify(entry).ok_or("wrong bytes")?);
        }
        kept.push(lease);
    }
    let lost: Vec<u32> = stock.difference(&came).copied().collect();
    let lost_items: u64 = lost.iter().map(|id| u64::from(items(*id))).sum();
    let losses = spool.stats().losses;
    let counted = (losses.records(Loss::Corrupt), losses.items(Loss::Corrupt));
    if !stock.is_empty() && (lost.len() > 1 || counted != (lost.len() as u64, lost_items)) {
        return Err(format!("{lost:?} are lost, {counted:?} are counted"));
    }
    // The next record of each device is none that came before.
    for id in 100..103 {
        let new = sent_by_a_device(record(id, 4, Class::Low), id);
        match spool.append_wait(new) {
            Ok(Stored::New(_)) => {}
            other => return Err(format!("a new record is answered with {other:?}")),
        }
    }
    Ok(came)
}

fn by_flips(site: Option<Site>, step: usize) -> Result<(), String> {
    let image = image(site);
    let stock = look(&image.copy(), &BTreeSet::new())?;
    for path in ["/spool/spool.dat", "/spool/CURSOR", "/spool/MARKS"] {
        let bytes = image.read(path);
        for bit in (0..bytes.len() * 8).step_by(step) {
            if bytes[bit / 8] == 0 && bytes[(bit / 8).saturating_sub(64)] == 0 {
                continue;
            }
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let disk = image.copy();
            disk.write(path, damaged);
            look(&disk, &stock).map_err(|problem| format!("{path}, bit {bit}: {problem}"))?;
        }
    }
    Ok(())
}

/// Whether something is not as it should be; a panic of the test's own program says so too.
fn shows(search: impl Fn() -> Result<(), String>) -> bool {
    !matches!(catch_unwind(AssertUnwindSafe(search)), Ok(Ok(())))
}

#[test]
fn every_protection_is_missed_when_it_is_off() {
    let all = std::env::var_os("PROVE").is_some();
    by_flips(None, if all { 97 } else { 997 }).unwrap();
    let soon = [Site::GroupSync, Site::HeaderWrite, Site::CursorCrc];
    let (mut missed, mut unmissed) = (0, Vec::new());
    for site in Site::ALL.iter().filter(|site| all || soon.contains(site)) {
        let shown = match shown(*site) {
            Shown::ByCrashes => shows(|| by_crashes(*site)),
            Shown::ByFlips => shows(|| by_flips(Some(*site), 3)),
            Shown::Nothing(_) => continue,
        };
        missed += usize::from(shown);
        if !shown {
            unmissed.push(*site);
        }
    }
    assert_eq!(unmissed, [], "nobody misses them");
    let reasons =
        Site::ALL.iter().filter(|site| matches!(shown(**site), Shown::Nothing(why) if !why.is_empty()));
    println!(
        "proved: {missed} protections switched off, one at a time: each is missed; {} other sites protect nothing that was promised",
        reasons.count()
    );
}
