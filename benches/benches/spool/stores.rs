//! The stores: each keeps batches durably and gives them out in order.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fjall::{Database as Fjall, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{Database as Redb, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use rusqlite::Connection;
use smoltel_spool::{Class, Codec, Destination, Options, Record, Signal, Spool, Sync};

pub(crate) const RAW: &str = "raw write";
pub(crate) const NAMES: [&str; 5] = ["spool", RAW, "redb", "fjall", "SQLite"];
/// The spool's, where it is not to be filled.
pub(crate) const CAPACITY: u64 = 32 << 20;

pub(crate) trait Store {
    /// Stores `batches` of `payload`, `together` at a time, each durable before it counts, and takes out as many.
    fn pass(&mut self, payload: &[u8], together: usize, batches: usize);

    /// Stores `batches` of `payload` and takes none out, durable at the end.
    fn fill(&mut self, payload: &[u8], batches: usize);
}

pub(crate) fn open(name: &str, dir: &Path, capacity: u64) -> Box<dyn Store> {
    match name {
        "spool" => Box::new(Ours::open(dir, capacity)),
        RAW => Box::new(Raw::open(dir)),
        "redb" => Box::new(InRedb(Redb::create(dir.join("redb")).expect("a database"), 0)),
        "fjall" => Box::new(InFjall::open(dir)),
        "SQLite" => Box::new(InSqlite::open(dir)),
        _ => panic!("there is no store {name}"),
    }
}

struct Ours {
    spool: Spool,
    destination: Destination,
}

impl Ours {
    fn open(dir: &Path, capacity: u64) -> Ours {
        // What is not to be filled is measured with the default: durable before the answer.
        let sync = if capacity == CAPACITY { Sync::Always } else { Sync::Os };
        let options = Options { capacity, sync, ..Options::default() };
        let spool = Spool::open(dir.join("spool"), options).expect("a spool");
        let destination = spool.destination("bench").expect("a destination");
        Ours { spool, destination }
    }

    fn put(&self, payload: &[u8]) {
        let (class, codec) = (Class::Normal, Codec::Identity);
        let payload = payload.to_vec();
        let record =
            Record { signal: Signal::Traces, class, codec, stream: 0, items: 10, origin: None, payload };
        self.spool.append_wait(record).expect("room");
    }
}

impl Store for Ours {
    /// So many callers, each with one batch after the other.
    fn pass(&mut self, payload: &[u8], together: usize, batches: usize) {
        let caller = || {
            for _ in 0..batches / together {
                self.put(payload);
                if let Some(lease) = self.destination.take(None, 1, Instant::now()) {
                    lease.release();
                }
            }
        };
        match together {
            1 => caller(),
            _ => thread::scope(|scope| (0..together).for_each(|_| _ = scope.spawn(caller))),
        }
    }

    fn fill(&mut self, payload: &[u8], batches: usize) {
        (0..batches).for_each(|_| self.put(payload));
        self.spool.close(Duration::from_secs(60)).expect("a disk that syncs");
    }
}

/// The least there is to do: a file that is there already, written over and over.
struct Raw(File, u64);

impl Raw {
    fn open(dir: &Path) -> Raw {
        let file = File::create(dir.join("raw")).expect("a file");
        (0..CAPACITY / 4096).for_each(|i| file.write_all_at(&[0; 4096], i * 4096).expect("room"));
        file.sync_all().expect("a disk that syncs");
        Raw(file, 0)
    }
}

impl Store for Raw {
    fn pass(&mut self, payload: &[u8], together: usize, batches: usize) {
        let bytes = payload.repeat(together);
        for _ in 0..batches / together {
            self.1 = if self.1 + bytes.len() as u64 > CAPACITY { 0 } else { self.1 };
            self.0.write_all_at(&bytes, self.1).expect("room");
            self.0.sync_data().expect("a disk that syncs");
            self.1 += bytes.len() as u64;
        }
    }

    fn fill(&mut self, _: &[u8], _: usize) {}
}

// The databases take out what the transaction before has stored in the one that stores: one sync does for both. They are given
// as many batches in one transaction as come together.

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("queue");

struct InRedb(Redb, u64);

impl InRedb {
    fn transact(&mut self, payload: &[u8], store: usize, take: usize) {
        let transaction = self.0.begin_write().expect("a transaction");
        {
            let mut table = transaction.open_table(TABLE).expect("a table");
            (0..take).for_each(|_| _ = table.pop_first().expect("a batch"));
            for _ in 0..store {
                table.insert(self.1, payload).expect("room");
                self.1 += 1;
            }
        }
        transaction.commit().expect("a disk that syncs");
    }
}

impl Store for InRedb {
    fn pass(&mut self, payload: &[u8], together: usize, batches: usize) {
        (0..batches / together).for_each(|_| self.transact(payload, together, together));
    }

    fn fill(&mut self, payload: &[u8], batches: usize) {
        (0..batches / 64).for_each(|_| self.transact(payload, 64, 0));
        let table = self.0.begin_read().expect("a transaction").open_table(TABLE).expect("a table");
        assert!(table.len().expect("a length") > 0);
    }
}

struct InFjall {
    database: Fjall,
    queue: Keyspace,
    next: u64,
    first: u64,
}

impl InFjall {
    fn open(dir: &Path) -> InFjall {
        let database = Fjall::builder(dir.join("fjall")).open().expect("a database");
        let queue = database.keyspace("queue", KeyspaceCreateOptions::default).expect("a keyspace");
        InFjall { database, queue, next: 0, first: 0 }
    }

    fn transact(&mut self, payload: &[u8], store: usize, take: usize) {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for _ in 0..take.min((self.next - self.first) as usize) {
            assert!(self.queue.get(self.first.to_be_bytes()).expect("a batch").is_some());
            batch.remove(&self.queue, self.first.to_be_bytes());
            self.first += 1;
        }
        for _ in 0..store {
            batch.insert(&self.queue, self.next.to_be_bytes(), payload);
            self.next += 1;
        }
        batch.commit().expect("a disk that syncs");
    }
}

impl Store for InFjall {
    fn pass(&mut self, payload: &[u8], together: usize, batches: usize) {
        (0..batches / together).for_each(|_| self.transact(payload, together, together));
    }

    fn fill(&mut self, payload: &[u8], batches: usize) {
        (0..batches / 64).for_each(|_| self.transact(payload, 64, 0));
    }
}

struct InSqlite(Connection);

impl InSqlite {
    fn open(dir: &Path) -> InSqlite {
        let connection = Connection::open(dir.join("sqlite")).expect("a database");
        connection.pragma_update(None, "journal_mode", "wal").expect("a pragma");
        connection.pragma_update(None, "synchronous", "full").expect("a pragma");
        let table = "CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB)";
        connection.execute(table, ()).expect("a table");
        InSqlite(connection)
    }

    fn transact(&mut self, payload: &[u8], store: usize, take: usize) {
        let transaction = self.0.transaction().expect("a transaction");
        {
            let mut oldest = transaction
                .prepare_cached("DELETE FROM queue WHERE id = (SELECT min(id) FROM queue) RETURNING payload")
                .expect("a statement");
            let mut insert =
                transaction.prepare_cached("INSERT INTO queue (payload) VALUES (?1)").expect("a statement");
            for _ in 0..take {
                _ = oldest.query_row((), |row| row.get::<_, Vec<u8>>(0));
            }
            (0..store).for_each(|_| _ = insert.execute([payload]).expect("room"));
        }
        transaction.commit().expect("a disk that syncs");
    }
}

impl Store for InSqlite {
    fn pass(&mut self, payload: &[u8], together: usize, batches: usize) {
        (0..batches / together).for_each(|_| self.transact(payload, together, together));
    }

    fn fill(&mut self, payload: &[u8], batches: usize) {
        (0..batches / 64).for_each(|_| self.transact(payload, 64, 0));
    }
}
