//! The operating system as the spool sees it: files, a lock, clocks and randomness, behind one trait.
//!
//! Production code has one implementation, [`StdVfs`]. Tests put a disk that fails and forgets in its place.
//! Every call says from which [`Site`] it comes, so that a test can let one of them fail or do nothing.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

macro_rules! sites {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The place in the spool that a call comes from, or a protection that it has there.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Site {
            $($(#[$doc])* $name,)*
        }

        impl Site {
            /// All of them.
            pub const ALL: &[Site] = &[$(Site::$name,)*];
        }
    };
}

sites! {
    /// Making or looking at the spool's directory.
    Directory,
    /// Syncing the directory after files were made in it.
    DirectorySync,
    /// Syncing the directory that holds the spool's.
    ParentSync,
    /// The lock file.
    Lock,
    /// Opening spool.dat, or asking for its length.
    DataOpen,
    /// Filling new segments with zeros.
    Grow,
    /// Syncing new segments before use.
    GrowSync,
    /// Cutting back a growth that failed, or a partial segment.
    Trim,
    /// Writing a group.
    GroupWrite,
    /// The sync after which a group is acknowledged.
    GroupSync,
    /// Writing a segment's second header.
    HeaderWrite,
    /// Writing a filled segment's index.
    IndexWrite,
    /// Reading a segment's index.
    IndexRead,
    /// Reading segment headers.
    HeaderRead,
    /// Reading record headers.
    RecordRead,
    /// Reading a payload to hand it out.
    PayloadRead,
    /// The sync that makes an unsynced tail durable before it is shown.
    RecoverySync,
    /// Zeroing an unreadable slot of which there is a copy.
    Wipe,
    /// Opening CURSOR.
    CursorOpen,
    /// Syncing the slot of CURSOR that was read, before the other one is written.
    CursorOpenSync,
    /// Reading CURSOR.
    CursorRead,
    /// Writing a slot of CURSOR.
    CursorWrite,
    /// Syncing CURSOR on its timer, or when the spool opens, closes or learns of a destination.
    CursorSync,
    /// Syncing CURSOR before a segment is used again.
    RecycleSync,
    /// Making CURSOR.new.
    CursorMake,
    /// Syncing CURSOR.new.
    CursorMakeSync,
    /// Putting CURSOR.new in CURSOR's place.
    CursorRename,
    /// Opening MARKS.
    MarksOpen,
    /// Syncing the slot of MARKS that was read, before the other one is written.
    MarksOpenSync,
    /// Reading MARKS.
    MarksRead,
    /// Writing a slot of MARKS.
    MarksWrite,
    /// Syncing MARKS before segments with origins are used again.
    MarksSync,
    /// Making MARKS.new.
    MarksMake,
    /// Syncing MARKS.new.
    MarksMakeSync,
    /// Putting MARKS.new in MARKS's place.
    MarksRename,
    /// Syncing the directory after MARKS was made in it.
    MarksDirectorySync,
    /// Reading a slot that is copied to quarantine.
    SlotRead,
    /// Quarantine: its directory and copies.
    Quarantine,
    /// Order: a group starts on a block of its own.
    FreshBlock,
    /// Order: after a sync, the next write of CURSOR or MARKS goes to the other slot.
    OtherSlot,
    /// Check: the CRC of a segment header.
    SegmentCrc,
    /// Check: the CRC of a record header.
    RecordCrc,
    /// Check: the CRC of a segment's index.
    IndexCrc,
    /// Check: the CRC of a payload.
    PayloadCrc,
    /// Check: the CRC of a CURSOR slot.
    CursorCrc,
    /// Check: the CRC of a MARKS slot.
    MarksCrc,
}

/// What the clocks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds since the machine booted; never runs backwards.
    pub boot: u64,
    /// Nanoseconds since 1970 by the wall clock, which may jump or be wrong.
    pub wall: u64,
}

/// Files, a lock, clocks and randomness.
pub trait Vfs: Send + Sync {
    /// Makes `path` and its parents, mode 0700, unless they exist.
    fn create_dir(&self, site: Site, path: &Path) -> io::Result<()>;
    /// Opens a file for reading and writing; `create` makes it, mode 0600, if it is missing.
    fn open(&self, site: Site, path: &Path, create: bool) -> io::Result<Box<dyn VfsFile>>;
    /// Opens a file for reading only.
    fn open_read(&self, site: Site, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// Puts `from` in the place of `to`.
    fn rename(&self, site: Site, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, site: Site, path: &Path) -> io::Result<()>;
    /// The file names in a directory, in any order.
    fn list(&self, site: Site, path: &Path) -> io::Result<Vec<String>>;
    /// Makes the directory's entries durable.
    fn sync_dir(&self, site: Site, path: &Path) -> io::Result<()>;
    /// Takes the lock on `path`, making the file if needed. `None`: another process holds it.
    /// The lock is held until the guard is dropped.
    fn lock(&self, site: Site, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>>;
    /// Fills `bytes` with randomness.
    fn random(&self, bytes: &mut [u8]) -> io::Result<()>;
    /// Reads the clocks.
    fn now(&self) -> Now;
    /// Identifies this boot of the machine; zeros if it cannot be known.
    fn boot_id(&self) -> [u8; 16];
    /// Why a sync on this directory's file system would mean nothing, if so.
    fn warning(&self, path: &Path) -> Option<String>;
    /// The result of a check that the spool has just made. Production code passes it on; a test may switch a check off.
    fn holds(&self, _site: Site, holds: bool) -> bool {
        holds
    }
    /// Whether the spool keeps an order that its promises rest on. Production code does; a test may see what comes of it if not.
    fn keeps(&self, _site: Site) -> bool {
        true
    }
}

/// An open file.
pub trait VfsFile: Send + Sync {
    /// Reads at an offset; may return fewer bytes than asked for, 0 at the end of the file.
    fn read_at(&self, site: Site, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at an offset; may write fewer bytes than given.
    fn write_at(&self, site: Site, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Makes the file's contents and length durable.
    fn sync_data(&self, site: Site) -> io::Result<()>;
    /// The file's length in bytes.
    fn len(&self, site: Site) -> io::Result<u64>;
    /// Cuts the file to a length.
    fn set_len(&self, site: Site, len: u64) -> io::Result<()>;
}

/// Reads until `bytes` is full or the file ends; returns how much was read. What was not read is zeroed.
pub(crate) fn read_full(file: &dyn VfsFile, site: Site, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(site, &mut bytes[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes[done..].fill(0);
    Ok(done)
}

/// Writes all of `bytes`.
pub(crate) fn write_full(file: &dyn VfsFile, site: Site, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(site, &bytes[done..], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// The operating system, through `std`.
#[derive(Debug, Default)]
pub struct StdVfs {
    started: OnceLock<(Instant, u64)>,
}

impl StdVfs {
    /// `/proc/uptime` once, then the monotonic clock: time the machine sleeps after opening is not counted.
    fn uptime(&self) -> u64 {
        let (since, base) = self.started.get_or_init(|| (Instant::now(), read_uptime().unwrap_or(0)));
        base + nanos(since.elapsed())
    }
}

impl Vfs for StdVfs {
    fn create_dir(&self, _: Site, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    fn open(&self, _: Site, path: &Path, create: bool) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(open_private(path, create)?))
    }

    fn open_read(&self, _: Site, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(File::open(path)?))
    }

    fn rename(&self, _: Site, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, _: Site, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, _: Site, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn sync_dir(&self, _: Site, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, _: Site, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let file = open_private(path, true)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(Locked(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        getrandom::fill(bytes).map_err(|e| io::Error::other(e.to_string()))
    }

    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, nanos);
        Now { boot: self.uptime(), wall }
    }

    fn boot_id(&self) -> [u8; 16] {
        fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()
            .and_then(|id| parse_uuid(&id))
            .unwrap_or_default()
    }

    fn warning(&self, path: &Path) -> Option<String> {
        let path = fs::canonicalize(path).ok()?;
        volatile_mount(&fs::read_to_string("/proc/self/mountinfo").ok()?, &path)
    }
}

/// A file that is locked while this lives, whoever else has it open: a child of `fork` has a copy.
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        _ = self.0.unlock();
    }
}

impl VfsFile for File {
    fn read_at(&self, _: Site, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, bytes, offset)
    }

    fn write_at(&self, _: Site, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn sync_data(&self, _: Site) -> io::Result<()> {
        File::sync_data(self)
    }

    fn len(&self, _: Site) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_len(&self, _: Site, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }
}

fn open_private(path: &Path, create: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(create).truncate(false).mode(0o600).open(path)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn read_uptime() -> Option<u64> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some((seconds * 1e9) as u64)
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 {
        return None;
    }
    Some(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes())
}

/// Finds the mount that holds `path` and says if what is synced there does not last.
fn volatile_mount(mountinfo: &str, path: &Path) -> Option<String> {
    let holder = mountinfo
        .lines()
        .filter_map(|line| Some((line.split(' ').nth(4)?, line.split_once(" - ")?.1)))
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.len())?;
    let mut fields = holder.1.split(' ');
    let kind = fields.next()?;
    let volatile_overlay = kind == "overlay" && fields.nth(1)?.split(',').any(|option| option == "volatile");
    if volatile_overlay || kind == "tmpfs" || kind == "ramfs" {
        return Some(format!(
            "{} is on {kind} at {}: it does not outlive the machine",
            path.display(),
            holder.0
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,size=2G
31 22 0:26 / /var/lib/box rw - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c,volatile
32 22 0:27 / /srv rw - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c
";

    #[test]
    fn memory_and_volatile_overlays_are_called_out() {
        assert!(volatile_mount(MOUNTS, Path::new("/run/spool")).is_some());
        assert!(volatile_mount(MOUNTS, Path::new("/var/lib/box/spool")).is_some());
        assert!(volatile_mount(MOUNTS, Path::new("/srv/spool")).is_none());
        assert!(volatile_mount(MOUNTS, Path::new("/runner/spool")).is_none());
    }

    #[test]
    fn a_boot_id_is_sixteen_bytes() {
        let id = parse_uuid("00010203-0405-0607-0809-0a0b0c0d0e0f\n").unwrap();
        assert_eq!(id, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(parse_uuid("no"), None);
    }
}
