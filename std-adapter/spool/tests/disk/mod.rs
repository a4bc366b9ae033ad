//! A disk in memory, behind the spool's [`Vfs`]: it forgets what was not synced, tears writes, fails and lies on
//! demand, remembers its state before each operation, and dies at a chosen one.
#![allow(dead_code, reason = "each test file uses a part of it")]

mod clock;
mod events;
mod faults;
mod image;
mod medium;
mod open;
mod random;
mod state;

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use smoltel_spool::vfs::{Site, Vfs};

pub(crate) use clock::Clock;
pub(crate) use events::Event;
pub(crate) use faults::{Fault, Faults, Unreadable};
#[allow(unused_imports, reason = "each test file uses a part of it")]
pub(crate) use image::{File, Image, Node, SECTOR};
pub(crate) use medium::{Cut, Medium, Pick};
pub(crate) use random::Random;
pub(crate) use state::Snapshot;
use state::State;

/// A disk, as one process sees it. Clones are the same process on the same disk.
#[derive(Clone)]
pub(crate) struct Disk {
    shared: Arc<(Mutex<State>, Condvar)>,
    process: u64,
}

impl Default for Disk {
    fn default() -> Disk {
        Disk::with(Medium::default(), Clock::ticking(), Faults::default())
    }
}

impl Disk {
    fn with(medium: Medium, clock: Clock, faults: Faults) -> Disk {
        let state = State { clock, faults, ..State::new(medium) };
        Disk { shared: Arc::new((Mutex::new(state), Condvar::new())), process: 0 }
    }

    /// An empty disk whose clock stands still until [`Disk::advance`].
    pub(crate) fn still() -> Disk {
        Disk::with(Medium::default(), Clock::still(), Faults::default())
    }

    /// The machine started again with this on its disk.
    pub(crate) fn boot(image: Image, before: &Snapshot) -> Disk {
        let clock = before.clock.rebooted(&mut Random(image.hash()));
        let disk = Disk::with(Medium::from_image(image), clock, before.faults.only_off());
        disk.state().random = before.random ^ 0xb007;
        disk
    }

    /// The processes were killed, the machine goes on: nothing is lost that was written.
    pub(crate) fn killed(before: &Snapshot) -> Disk {
        let disk = Disk::with(before.medium.clone(), before.clock.clone(), before.faults.only_off());
        disk.state().random = before.random ^ 0xdead;
        disk
    }

    /// Kills all processes, and gives the disk to another.
    pub(crate) fn kill(&self) -> Disk {
        let mut state = self.state();
        state.process += 1;
        state.locked.clear();
        state.events.push(Event::Killed);
        Disk { shared: self.shared.clone(), process: state.process }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }

    /// From now on remembers its state before each operation.
    pub(crate) fn record(&self) {
        self.state().history = Some(Vec::new());
    }

    /// Its states before each operation, and the one now.
    pub(crate) fn history(&self) -> Vec<Snapshot> {
        let mut state = self.state();
        let mut history = state.history.take().unwrap_or_default();
        history.push(state.snapshot(None));
        history
    }

    pub(crate) fn note(&self, event: Event) {
        self.state().events.push(event);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    pub(crate) fn advance(&self, nanos: u64) {
        self.state().clock.advance(nanos);
    }

    pub(crate) fn set_wall(&self, wall: u64) {
        self.state().clock.set_wall(wall);
    }

    /// The spool's thread waits before its next operation, until [`Disk::go_on`].
    pub(crate) fn hold(&self) {
        self.state().held = true;
    }

    pub(crate) fn go_on(&self) {
        self.state().held = false;
        self.shared.1.notify_all();
    }

    /// Waits until the spool's thread has nothing to do, so that a run can be repeated exactly.
    pub(crate) fn quiet(&self) {
        let mut asleep = 0;
        while asleep < 3 {
            let state = self.state();
            let (open, writer) = (!state.locked.is_empty(), state.writer.clone());
            drop(state);
            // It makes itself known when it reads the clock for the first time.
            asleep = if !open || writer.is_some_and(|writer| sleeps(&writer)) { asleep + 1 } else { 0 };
            std::thread::yield_now();
        }
    }

    /// The operation with this number, counted from 0, is the last; all later ones fail.
    pub(crate) fn die_at(&self, operation: u64) {
        self.state().dies_at = Some(operation);
    }

    /// No operation succeeds any more.
    pub(crate) fn die(&self) {
        self.state().dead = true;
    }

    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The next `times` operations at a site fail.
    pub(crate) fn fail(&self, site: Site, kind: io::ErrorKind, times: u64) {
        self.plan(site, 0, times, Fault::Error(kind));
    }

    pub(crate) fn plan(&self, site: Site, after: u64, times: u64, fault: Fault) {
        self.state().faults.plan(site, after, times, fault);
    }

    /// Reads and writes do a part of what they are asked to.
    pub(crate) fn shorten(&self) {
        self.state().faults.shorten();
    }

    /// Something cannot be read.
    pub(crate) fn unreadable(&self, what: Unreadable) {
        self.state().faults.unreadable(what);
    }

    /// The number of a file.
    pub(crate) fn file(&self, path: &str) -> u64 {
        self.state().medium.file(Path::new(path)).unwrap()
    }

    /// How many reads there were.
    pub(crate) fn reads(&self) -> u64 {
        self.state().faults.reads()
    }

    /// Its state now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.state().snapshot(None)
    }

    /// The protection at this site is gone: a sync does nothing, a check always passes, an order is not kept.
    pub(crate) fn switch_off(&self, site: Site) {
        self.state().faults.switch_off(site);
    }

    pub(crate) fn limit(&self, bytes: Option<usize>) {
        self.state().faults.capacity = bytes;
    }

    /// How many operations came from a site.
    pub(crate) fn count(&self, site: Site) -> u64 {
        self.state().counts.get(&site).copied().unwrap_or(0)
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        let image = self.image();
        let Some(Node::File(id)) = image.names.get(Path::new(path)) else { return Vec::new() };
        image.files[id].bytes()
    }

    /// Puts other bytes into a file, durably.
    pub(crate) fn write(&self, path: &str, bytes: Vec<u8>) {
        let mut image = self.image();
        let Node::File(id) = image.names[Path::new(path)] else { panic!("{path} is no file") };
        image.files.insert(id, File::from_bytes(&bytes));
        self.state().medium = Medium::from_image(image);
    }

    /// All files, as programs see them.
    pub(crate) fn image(&self) -> Image {
        self.state().medium.image()
    }

    /// The names of the files in a directory.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        self.list(Site::Quarantine, Path::new(path)).unwrap()
    }

    /// A disk with the same files, as programs see them.
    pub(crate) fn copy(&self) -> Disk {
        let state = self.state();
        let medium = Medium::from_image(state.medium.image());
        let copy = Disk::with(medium, state.clock.clone(), state.faults.only_off());
        copy.state().random = state.random ^ 0xc0b7;
        copy
    }

    /// The machine started again after the power failed: of what was not synced, a random part is there.
    pub(crate) fn after_power_cut(&self, random: &mut Random) -> Disk {
        let cut = Cut { blocks: random.below(2) == 0, pick: Pick::Random(random.next()) };
        let now = self.state().snapshot(None);
        Disk::boot(now.medium.cut(cut), &now)
    }
}

/// Whether a thread of this process sleeps, or has ended.
fn sleeps(thread: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(thread.join("stat")) else { return true };
    text.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['S', 'Z', 'X']))
}
