//! Disks that are filled to the last byte.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use smoltel_spool::{AppendError, Destination, Full, Loss, Options, Spool};

use crate::Outcome;
use crate::kill;
use crate::life::{Life, Random, recognise, record};
use crate::oracle::Oracle;

/// A disk in memory, of 8 MiB.
pub(crate) fn tmpfs(prove: bool) -> Outcome {
    mounted(prove, &["-t", "tmpfs", "-o", "size=8m", "tmpfs"], |_| Ok(()))
}

/// An ext4 of 16 MiB, in a file.
pub(crate) fn ext4(prove: bool) -> Outcome {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let image = home.path().join("image");
    let made = File::create(&image).and_then(|file| file.set_len(16 << 20));
    made.map_err(|error| format!("{}: {error}", image.display()))?;
    let path = image.display().to_string();
    mounted(prove, &["-o", "loop", &path], |_| run("mkfs.ext4", &["-q", "-F", &path]))
}

/// Mounts, fills, unmounts. Who may not mount is told so.
fn mounted(prove: bool, arguments: &[&str], prepare: impl Fn(&Path) -> Result<(), String>) -> Outcome {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let point = home.path().display().to_string();
    prepare(home.path())?;
    if let Err(error) = run("mount", &[arguments, &[&point]].concat()) {
        // Not every machine lets its tests mount; one that does not is no reason to fail.
        let words = format!("NOT RUN: it needs root and loop devices: {error}");
        eprintln!("{words}");
        return Ok(words);
    }
    let _mount = Mount(home.path().into());
    let mut seen = Vec::new();
    for full in [Full::RefuseNewest, Full::DropOldest] {
        seen.push(fill(&home.path().join(format!("{full:?}")), full)?);
        let left = fs::read_dir(home.path()).map_err(|error| error.to_string())?;
        left.flatten().for_each(|entry| _ = fs::remove_dir_all(entry.path()));
    }
    nothing_free_from_the_start(home.path())?;
    let kills = if prove { 40 } else { 6 };
    killed_while_full(home.path(), kills)?;
    Ok(format!("{}; {kills} kills at zero bytes free", seen.join("; ")))
}

struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        _ = run("umount", &[&self.0.display().to_string()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {words}")) }
}

fn open(dir: &Path, full: Full) -> Result<(Spool, Destination), String> {
    // More than the disk has.
    let options = Options { capacity: 64 << 20, segment_size: Some(1 << 16), full, ..Options::default() };
    let spool = Spool::open(dir, options).map_err(|error| error.to_string())?;
    let up = spool.destination("up").map_err(|error| error.to_string())?;
    Ok((spool, up))
}

/// Appends until it is full or `most` are stored; which were stored.
fn append(spool: &Spool, base: u64, most: u64) -> Result<Vec<u64>, String> {
    let mut stored = Vec::new();
    for id in base..base + most {
        match spool.append_wait(record(id)) {
            Ok(_) => stored.push(id),
            Err(AppendError::Full) => break,
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(stored)
}

fn drain(up: &Destination) -> Result<Vec<u64>, String> {
    let mut all = Vec::new();
    while let Some(lease) = up.take(None, 1 << 20, Instant::now()) {
        all.extend(lease.records().iter().map(recognise).collect::<Result<Vec<_>, _>>()?);
        lease.release();
    }
    all.sort_unstable();
    Ok(all)
}

/// Takes what is left of the disk, to the last byte.
fn eat(path: &Path) -> Result<(), String> {
    let mut file = File::create(path).map_err(|error| error.to_string())?;
    for size in [1 << 16, 4096, 512, 1] {
        while file.write_all(&vec![7; size]).and_then(|()| file.sync_data()).is_ok() {}
    }
    Ok(())
}

fn fill(dir: &Path, full: Full) -> Result<String, String> {
    let expect = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{full:?}: {what}")) };
    let (spool, up) = open(dir, full)?;
    // Half full; then somebody else takes all the rest.
    let mut stored = append(&spool, 0, 1000)?;
    let food = dir.with_extension("food");
    eat(&food)?;
    stored.extend(append(&spool, 10_000, 6000)?);
    expect(spool.stats().read_only.is_none(), "a full disk is no failure")?;
    let evicted = spool.stats().losses.records(Loss::Evicted);
    expect((evicted > 0) == (full == Full::DropOldest), "the policy decides")?;
    // Everything goes out, with no byte free; and the room it leaves is used again.
    let first = drain(&up)?;
    expect(first.len() as u64 + evicted == stored.len() as u64, "something is missing")?;
    expect(first.iter().all(|id| stored.contains(id)), "something was refused and came all the same")?;
    let again = append(&spool, 50_000, 100)?;
    expect(again.len() == 100, "what was drained makes no room")?;
    spool.close(Duration::from_secs(30)).map_err(|error| format!("closing: {error}"))?;
    drop((spool, up));
    // It opens with no byte free, too.
    let (spool, up) = open(dir, full)?;
    expect(drain(&up)? == again, "something is missing after the restart")?;
    // With room again it grows again.
    fs::remove_file(&food).map_err(|error| error.to_string())?;
    drop((spool, up));
    let (spool, up) = open(dir, full)?;
    let before = spool.stats().file_bytes;
    let more = append(&spool, 90_000, 3000)?;
    expect(spool.stats().file_bytes > before, "it does not grow again")?;
    let evicted = spool.stats().losses.records(Loss::Evicted) - evicted;
    expect(drain(&up)?.len() as u64 + evicted == more.len() as u64, "something is missing at the end")?;
    Ok(format!("{full:?}: filled to zero with {} records, none missing", stored.len()))
}

/// No room even for CURSOR: a clear refusal, and the spool opens when there is room.
fn nothing_free_from_the_start(point: &Path) -> Result<(), String> {
    let (dir, food) = (point.join("late"), point.join("food"));
    eat(&food)?;
    match open(&dir, Full::RefuseNewest) {
        Err(error) if error.contains("No space left") => {}
        Err(error) => return Err(format!("a full disk is not named: {error}")),
        Ok(_) => return Err("it opened where no byte was free".into()),
    }
    fs::remove_file(&food).map_err(|error| error.to_string())?;
    let (spool, _) = open(&dir, Full::RefuseNewest)?;
    spool.append_wait(record(1)).map(drop).map_err(|error| error.to_string())
}

/// Killed again and again while no byte is free.
fn killed_while_full(point: &Path, kills: u64) -> Result<(), String> {
    for number in [0, 1] {
        let mut oracle = Oracle::new(point.join(number.to_string()), Life::new(number));
        let mut random = Random(number);
        kill::cycle(&mut oracle, &mut random)?;
        let food = point.join("food");
        eat(&food)?;
        for cycle in 0..kills / 2 {
            let judged = kill::cycle(&mut oracle, &mut random);
            judged.map_err(|wrong| format!("killed while full, life {number}, cycle {cycle}: {wrong}"))?;
        }
        fs::remove_file(&food).map_err(|error| error.to_string())?;
    }
    Ok(())
}
