//! What the operating system knows of a run.

use std::fs;
use std::os::linux::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// Bytes that the device below `dir` has written since the machine started, all that was pending included.
pub(crate) fn device_bytes(dir: &Path) -> f64 {
    assert!(Command::new("sync").status().is_ok_and(|status| status.success()), "sync");
    let device = fs::metadata(dir).expect("a directory").st_dev();
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
    // A file system in memory has no device, and writes nothing.
    let stat = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).unwrap_or_default();
    let sectors = stat.split_whitespace().nth(6).and_then(|sectors| sectors.parse().ok());
    sectors.unwrap_or(0.0) * 512.0
}

/// The memory of this process that is in use, in MiB.
pub(crate) fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

/// How many calls strace has seen between the first and the last time that [`device_bytes`] was asked for.
pub(crate) fn syncs(seen: &str) -> Option<f64> {
    // A call that another thread interrupts has two lines.
    let calls: Vec<&str> =
        seen.lines().filter(|line| line.contains('(') && !line.contains("<... ")).collect();
    let all = |line: &&str| line.contains(" sync(");
    let (first, last) = (calls.iter().position(all)?, calls.iter().rposition(all)?);
    Some((last - first).checked_sub(1)? as f64)
}
