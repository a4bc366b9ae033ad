//! Encryption at rest: what is on the disk says nothing without the key, and cannot be changed unnoticed.

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use disk::Disk;
use smoltel_spool::vfs::Site;
use smoltel_spool::{
    Class, Codec, Key, Loss, OpenError, Options, Reader, Record, Signal, Spool, list, verify,
};

const LONG: Duration = Duration::from_secs(10);
const SECRET: &[u8] = b"the patient's name";
const DATA: &str = "/spool/spool.dat";

fn key(n: u8) -> Option<Key> {
    Some(Key::new([n; 32]))
}

fn options(key: Option<Key>) -> Options {
    Options { capacity: 32 * 4096, segment_size: Some(4096), key, ..Options::default() }
}

fn open(dir: &Path, key: Option<Key>) -> Result<Spool, OpenError> {
    Spool::open(dir, options(key))
}

fn record(n: u8) -> Record {
    let payload = [SECRET, &[n; 300]].concat();
    let (class, codec) = (Class::Normal, Codec::Identity);
    Record { signal: Signal::Logs, class, codec, stream: 0, items: 10, origin: None, payload }
}

/// The last bytes of all records' payloads, which are released.
fn drain(spool: &Spool) -> Vec<u8> {
    let up = spool.destination("up").unwrap();
    let mut all = Vec::new();
    while let Some(lease) = up.take(None, 1 << 20, Instant::now()) {
        for entry in lease.records() {
            let plain = entry.decode(1 << 20).unwrap();
            assert_eq!(*plain, record(plain[plain.len() - 1]).payload[..]);
            all.push(plain[plain.len() - 1]);
        }
        lease.release();
    }
    all
}

/// Every file's bytes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            all.extend(
                files(&entry.path()).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)),
            );
        } else {
            all.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    all
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for (name, bytes) in files(from) {
        fs::write(to.join(name), bytes).unwrap();
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn with_its_key_a_spool_gives_back_what_it_took_through_every_codec() {
    for codec in [Codec::Identity, Codec::Gzip] {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), Options { codec, ..options(key(1)) }).unwrap();
        (0..20).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
        drop(spool);
        assert_eq!(drain(&open(dir.path(), key(1)).unwrap()), (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn no_file_of_it_holds_a_payload() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), key(1)).unwrap();
    spool.destination("up").unwrap();
    (0..20).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
    spool.close(LONG).unwrap();
    // A header that does not hold brings its segment into quarantine.
    let mut bytes = fs::read(dir.path().join("spool.dat")).unwrap();
    bytes[130] ^= 1;
    fs::write(dir.path().join("spool.dat"), bytes).unwrap();
    let spool = open(dir.path(), key(1)).unwrap();
    assert_eq!(spool.stats().quarantined, 1);
    drop(spool);
    let all = files(dir.path());
    assert!(all.keys().any(|name| name.starts_with("quarantine/")));
    for (name, bytes) in all {
        assert!(!contains(&bytes, SECRET) && !contains(&bytes, &[1; 32]), "{name}");
    }
}

#[test]
fn without_the_key_or_with_another_one_it_is_refused_and_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), key(1)).unwrap();
    spool.append_wait(record(1)).unwrap();
    drop(spool);
    // Something that recovery would mend.
    let mut bytes = fs::read(dir.path().join("spool.dat")).unwrap();
    bytes.extend([1; 100]);
    fs::write(dir.path().join("spool.dat"), bytes).unwrap();
    let before = files(dir.path());
    let none = open(dir.path(), None).err().unwrap();
    assert!(matches!(none, OpenError::NoKey) && none.to_string().contains("give the key"), "{none}");
    let wrong = open(dir.path(), key(2)).err().unwrap();
    assert!(matches!(wrong, OpenError::WrongKey) && wrong.to_string().contains("another key"), "{wrong}");
    assert_eq!(files(dir.path()), before);
    assert_eq!(drain(&open(dir.path(), key(1)).unwrap()), [1]);
}

#[test]
fn verify_and_list_need_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), key(1)).unwrap();
    (0..5).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
    drop(spool);
    let report = verify(dir.path()).unwrap();
    assert_eq!((report.records, report.items, report.problems), (5, 50, vec![]));
    assert_eq!(list(dir.path()).unwrap().len(), 5);
}

#[test]
fn what_was_stored_before_there_was_a_key_stays_readable() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), None).unwrap().append_wait(record(1)).unwrap();
    open(dir.path(), key(1)).unwrap().append_wait(record(2)).unwrap();
    assert!(matches!(open(dir.path(), None).err(), Some(OpenError::NoKey)));
    assert_eq!(drain(&open(dir.path(), key(1)).unwrap()), [1, 2]);
}

#[test]
fn an_empty_spool_takes_another_key_or_none() {
    let dir = tempfile::tempdir().unwrap();
    for (n, key) in [key(1), key(2), None, key(3)].into_iter().enumerate() {
        let spool = open(dir.path(), key).unwrap();
        spool.append_wait(record(n as u8)).unwrap();
        assert_eq!(drain(&spool), [n as u8]);
    }
    // What was let go has other keys; without CURSOR nothing says that it was.
    open(dir.path(), key(3)).unwrap().append_wait(record(9)).unwrap();
    fs::remove_file(dir.path().join("CURSOR")).unwrap();
    assert_eq!(drain(&open(dir.path(), key(3)).unwrap()).last(), Some(&9));
}

#[test]
fn segments_are_used_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), key(1)).unwrap();
    for n in 0..100 {
        let payload = vec![n; spool.max_record()];
        spool.append_wait(Record { payload, ..record(n) }).unwrap();
        let lease = spool.destination("up").unwrap().take(None, 1, Instant::now()).unwrap();
        assert!(lease.records()[0].payload.iter().all(|byte| *byte == n));
        lease.release();
    }
}

/// A spool of one record, and its bytes.
fn image() -> (Disk, Vec<u8>) {
    let disk = Disk::default();
    let spool = Spool::open_with(Arc::new(disk.clone()), "/spool", options(key(1))).unwrap();
    spool.destination("up").unwrap();
    spool.append_wait(record(1)).unwrap();
    spool.close(LONG).unwrap();
    let bytes = disk.read(DATA);
    (disk, bytes)
}

/// What comes of these bytes, and how many items are counted as corrupt.
fn look(image: &Disk, bytes: Vec<u8>) -> (Vec<u8>, u64) {
    let disk = image.copy();
    disk.write(DATA, bytes);
    let spool = Spool::open_with(Arc::new(disk), "/spool", options(key(1))).unwrap();
    (drain(&spool), spool.stats().losses.items(Loss::Corrupt))
}

/// Makes the CRCs of the record at 128 right again, as somebody who can write to the disk would.
fn forge(bytes: &mut [u8]) {
    let salt: [u8; 8] = bytes[40..48].try_into().unwrap();
    let len = u32::from_le_bytes(bytes[132..136].try_into().unwrap()) as usize;
    let payload = crc32c::crc32c(&bytes[240..240 + len]);
    bytes[136..140].copy_from_slice(&payload.to_le_bytes());
    let header = crc32c::crc32c_append(crc32c::crc32c(&salt), &bytes[132..240]);
    bytes[128..132].copy_from_slice(&header.to_le_bytes());
}

#[test]
fn whatever_is_changed_is_noticed_and_counted_even_with_crcs_that_hold() {
    let (disk, sound) = image();
    assert_eq!(look(&disk, sound.clone()), (vec![1], 0));
    let mut same = sound.clone();
    forge(&mut same);
    assert_eq!(same, sound);
    let payload = (240..240 + record(1).payload.len() + 16).step_by(13);
    // In the header: what it says of signal, sequence, items, stream and origin.
    for at in payload.chain([141, 144, 176, 184, 224]) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        if at >= 240 {
            assert_eq!(look(&disk, bytes.clone()), (vec![], 10), "byte {at}");
        }
        forge(&mut bytes);
        let (came, lost) = look(&disk, bytes);
        assert!(came.is_empty() && lost > 0, "byte {at}");
    }
}

#[test]
fn two_that_go_on_from_one_image_never_use_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    open(&one, key(1)).unwrap().append_wait(record(1)).unwrap();
    copy(&one, &two);
    let written = [one, two].map(|dir| {
        let before = fs::read(dir.join("spool.dat")).unwrap();
        open(&dir, key(1)).unwrap().append_wait(record(2)).unwrap();
        let after = fs::read(dir.join("spool.dat")).unwrap();
        let slot = after.chunks(4096).zip(before.chunks(4096)).position(|(after, before)| after != before);
        after.chunks(4096).nth(slot.unwrap()).unwrap().to_vec()
    });
    let [one, two] = &written;
    assert_eq!(one[32..40], two[32..40], "the same generation");
    assert_ne!(one[40..48], two[40..48], "another salt");
    assert_ne!(one[108..112], two[108..112], "another key");
    assert_ne!(one[240..300], two[240..300], "the same payload is something else on the disk");
}

#[test]
fn a_key_shows_nowhere() {
    let shown = format!("{:?} {:?}", key(0xAB), options(key(0xAB))).to_lowercase();
    assert!(!shown.contains("ab") && !shown.contains("171"), "{shown}");
}

#[test]
fn a_key_file_is_bytes_or_digits_for_its_owner_and_a_group_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let read = |bytes: &[u8], mode: u32| {
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let key = Key::read(&path).map_err(|error| error.to_string());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        key
    };
    assert_eq!(read(&[0xa5; 32], 0o600).ok(), key(0xa5));
    assert_eq!(read("a5".repeat(32).as_bytes(), 0o400).ok(), key(0xa5));
    assert_eq!(read((("A5".repeat(32)) + "\r\n").as_bytes(), 0o600).ok(), key(0xa5));
    for bytes in [vec![1; 31], vec![1; 33], "g5".repeat(32).into_bytes(), vec![b'a'; 65], vec![b'a'; 200]] {
        assert!(read(&bytes, 0o600).unwrap_err().contains("64 hexadecimal digits"));
    }
    // As systemd's LoadCredential= makes them.
    assert_eq!(read(&[0xa5; 32], 0o440).ok(), key(0xa5));
    for mode in [0o604, 0o602, 0o601] {
        assert!(read(&[1; 32], mode).unwrap_err().contains("chmod 640"));
    }
    let missing = Key::read(dir.path().join("none")).unwrap_err().to_string();
    assert!(missing.contains("read the key") && missing.contains("none"), "{missing}");
}

/// A reader beside the writer needs the key for payloads, and says so.
#[test]
fn a_reader_without_the_key_says_so_and_with_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), key(7)).unwrap();
    spool.append_wait(record(3)).unwrap();
    let read = |key| {
        let reader = Reader::open(dir.path()).unwrap().with_key(key);
        reader.read(&reader.list().unwrap()[0])
    };
    assert!(matches!(read(None), Err(OpenError::NoKey)));
    assert!(matches!(read(key(8)), Err(OpenError::WrongKey)));
    assert_eq!(read(key(7)).unwrap().unwrap().payload, record(3).payload);
}

/// Seven records, one after the other, on a disk that may fail and die; returns which were acknowledged.
fn store_seven(disk: &Disk) -> Vec<u8> {
    let options = Options { codec: Codec::Gzip, ..options(key(1)) };
    let Ok(spool) = Spool::open_with(Arc::new(disk.clone()), "/spool", options) else { return Vec::new() };
    (0..7).filter(|n| spool.append_wait(record(*n)).is_ok()).collect()
}

#[test]
fn a_power_cut_at_any_operation_costs_nothing_that_was_acknowledged() {
    let whole = Disk::default();
    assert_eq!(store_seven(&whole).len(), 7);
    let mut random = disk::Random(3);
    for operation in 0..whole.operations() {
        let disk = Disk::default();
        disk.die_at(operation);
        let acknowledged = store_seven(&disk);
        let disk = disk.after_power_cut(&mut random);
        let spool = Spool::open_with(Arc::new(disk), "/spool", options(key(1))).unwrap();
        let came = drain(&spool);
        assert!(acknowledged.iter().all(|n| came.contains(n)), "operation {operation}");
        assert_eq!(spool.stats().losses.records(Loss::Corrupt), 0, "operation {operation}");
    }
}

#[test]
fn a_group_that_is_written_again_is_encrypted_with_another_key() {
    let disk = Disk::default();
    let spool = Spool::open_with(Arc::new(disk.clone()), "/spool", options(key(1))).unwrap();
    for (n, site) in [Site::GroupWrite, Site::GroupSync, Site::HeaderWrite].into_iter().enumerate() {
        let n = n as u8;
        spool.append_wait(record(2 * n)).unwrap();
        disk.fail(site, std::io::ErrorKind::Other, 1);
        spool.append_wait(record(2 * n + 1)).unwrap();
    }
    let bytes = disk.read(DATA);
    let salts: BTreeSet<&[u8]> = bytes.chunks(4096).map(|slot| &slot[40..48]).collect();
    assert!(salts.len() > 4, "each time a segment is left, and another one with its own salt taken");
    assert_eq!(drain(&spool), [0, 1, 2, 3, 4, 5]);
}
