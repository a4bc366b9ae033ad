//! The gateway and all around it: two upstreams, a disk, a clock.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::account::{Account, records, records_of_json};
use crate::load::Address;
use crate::plan::{Event, Mood};
use crate::support::{Gateway, JSON, Upstream, binary, output, post, until};

/// Makes programs see another time. Debian's package faketime has it.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
const SIGNALS: [&str; 3] = ["traces", "metrics", "logs"];
/// The destination whose upstream is moody, and the one whose upstream takes everything.
const FLAKY: &str = "flaky";
const STEADY: &str = "steady";

pub(crate) struct World {
    account: Arc<Account>,
    gateway: Option<Gateway>,
    http: Address,
    link: Address,
    mood: Arc<Mutex<Mood>>,
    upstreams: [Upstream; 2],
    /// How often: killed, stopped, disk filled, clock set.
    happened: [u32; 4],
    disk: Disk,
    home: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(account: &Arc<Account>) -> Self {
        let home = tempfile::tempdir().unwrap();
        if !Path::new(FAKETIME).exists() {
            eprintln!("NOT RUN: the clock does not jump: {FAKETIME} is not here");
        }
        fs::write(home.path().join("clock"), "+0").unwrap();
        let mood = Arc::new(Mutex::new(Mood::Takes));
        let upstreams = [moody(account, &mood), steady(account)];
        let [flaky, steady] = [0, 1].map(|at: usize| upstreams[at].url());
        let config = format!(
            "[[destination]]\nname = '{FLAKY}'\nurl = '{flaky}'\n[[destination]]\nname = '{STEADY}'\nurl = '{steady}'\n\
             [spool]\ncapacity-mib = 8\n"
        );
        fs::write(home.path().join("gateway.toml"), config).unwrap();
        let disk = Disk::mount(&home.path().join("disk"));
        let nowhere = || Arc::new(Mutex::new(([127, 0, 0, 1], 9).into()));
        let (http, link, account) = (nowhere(), nowhere(), account.clone());
        let mut world =
            Self { account, gateway: None, http, link, mood, upstreams, happened: [0; 4], disk, home };
        world.start();
        world
    }

    pub(crate) fn address(&self) -> Address {
        self.http.clone()
    }

    pub(crate) fn link(&self) -> Address {
        self.link.clone()
    }

    fn start(&mut self) {
        let mut command = binary();
        if Path::new(FAKETIME).exists() {
            command
                .env("LD_PRELOAD", FAKETIME)
                .env("FAKETIME_TIMESTAMP_FILE", self.home.path().join("clock"));
            command.env("FAKETIME_NO_CACHE", "1").env("DONT_FAKE_MONOTONIC", "1");
        }
        let config = self.home.path().join("gateway.toml");
        let gateway = Gateway::start_as(command, &self.data(), &["--config", config.to_str().unwrap()]);
        *self.http.lock().unwrap() = gateway.http;
        *self.link.lock().unwrap() = gateway.link.unwrap();
        self.gateway = Some(gateway);
    }

    fn data(&self) -> PathBuf {
        self.disk.path.join("data")
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    pub(crate) fn meet(&mut self, event: Event) {
        match event {
            Event::Upstream(mood) => *self.mood.lock().unwrap() = mood,
            Event::Kill => {
                self.happened[0] += 1;
                self.gateway.take().unwrap().kill();
                self.start();
            }
            Event::Stop => {
                self.happened[1] += 1;
                self.stop();
                self.start();
            }
            Event::Reload => self.gateway().signal("HUP"),
            Event::Fill => {
                self.happened[2] += 1;
                self.disk.fill();
            }
            Event::Free => self.disk.free(),
            Event::Clock(seconds) => {
                self.happened[3] += 1;
                fs::write(self.home.path().join("clock"), format!("{seconds:+}")).unwrap();
            }
        }
        self.upstreams.iter().for_each(Upstream::forget);
    }

    fn stop(&mut self) {
        let gateway = self.gateway.take().unwrap();
        let log = gateway.log();
        assert_eq!(gateway.stop(), Some(0), "{log}");
    }

    /// Room on the disk, and whoever takes what comes; the moody upstream stays as it is.
    pub(crate) fn calm(&mut self) {
        self.disk.free();
    }

    /// Between what has left and what is kept, nothing acknowledged is missing.
    pub(crate) fn check_what_waits(&mut self) {
        *self.mood.lock().unwrap() = Mood::Says(503);
        self.stop();
        let export = output(&["spool", "export", "--data-dir", self.data().to_str().unwrap()]);
        let kept: BTreeSet<u64> =
            records_of_json(&String::from_utf8(export.stdout).unwrap()).into_iter().collect();
        let (refused, _) = self.account.poisons();
        for destination in [FLAKY, STEADY] {
            let missing = self.account.missing(destination);
            let lost: Vec<_> =
                missing.iter().filter(|id| !kept.contains(id) && !refused.contains(id)).collect();
            assert!(lost.is_empty(), "{destination} neither got nor will get {lost:?}");
        }
    }

    /// When everything works again all of it leaves, and the ledger has what the moody upstream refused, and no more.
    pub(crate) fn check_that_all_is_home(&mut self) {
        *self.mood.lock().unwrap() = Mood::Takes;
        self.start();
        // What is refused is given up when something else is taken: of each signal there has to be one.
        for (signal, body) in SIGNALS.iter().zip(LAST) {
            let path = format!("/v1/{signal}");
            // The spool may be full at first.
            until("a last one is taken", || {
                post(self.gateway().http, &path, JSON, body.as_bytes()).status == 200
            });
        }
        for destination in [FLAKY, STEADY] {
            until(&format!("nothing waits for {destination}"), || {
                SIGNALS
                    .iter()
                    .all(|signal| self.sample("backlog_records", destination, "signal", signal) == 0)
            });
            assert_eq!(self.account.invented(destination), 0);
        }
        let missing = self.account.missing(FLAKY);
        let (refused, stored) = self.account.poisons();
        assert_eq!(missing, refused, "refused, or there");
        assert!(self.account.missing(STEADY).is_empty());
        let rejected = self.sample("lost_items_total", FLAKY, "reason", "rejected");
        let range = refused.len() as u64..=stored;
        assert!(range.contains(&rejected), "{rejected} of {range:?} are in the ledger");
        for reason in ["expired", "evicted", "corrupt", "lagged", "other"] {
            for destination in ["", FLAKY, STEADY] {
                assert_eq!(self.sample("lost_items_total", destination, "reason", reason), 0, "{reason}");
            }
        }
        self.stop();
    }

    fn sample(&self, name: &str, destination: &str, label: &str, value: &str) -> u64 {
        let line = format!("smoltel_gateway_{name}{{destination=\"{destination}\",{label}=\"{value}\"}}");
        self.gateway().metric(&line)
    }

    pub(crate) fn summary(&self) -> String {
        let [kills, stops, fills, jumps] = self.happened;
        let (refused, _) = self.account.poisons();
        format!(
            "{kills} kill -9, {stops} stops, the disk full {fills} times, the clock set {jumps} times; {}; {} refused and \
             in the ledger; 0 missing",
            self.account.summary(),
            refused.len()
        )
    }
}

/// One last record of each signal, with a number that was offered: its arrival is nobody's concern.
const LAST: [&str; 3] = [
    r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"last"}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"last","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}"#,
    r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"last"}}]}]}]}"#,
];

/// An upstream that answers as it is in the mood to, and never takes poison.
fn moody(account: &Arc<Account>, mood: &Arc<Mutex<Mood>>) -> Upstream {
    let (account, mood) = (account.clone(), mood.clone());
    Upstream::new(move |path, body| {
        let records = records(path, body);
        let mood = *mood.lock().unwrap();
        match mood {
            Mood::Says(status) => return status,
            Mood::HangsUp => return 0,
            Mood::Takes | Mood::TakesAndHangsUp => {}
        }
        if account.has_poison(&records) {
            return 400;
        }
        account.arrive(FLAKY, &records);
        if mood == Mood::Takes { 200 } else { 0 }
    })
}

/// An upstream that takes everything.
fn steady(account: &Arc<Account>) -> Upstream {
    let account = account.clone();
    Upstream::new(move |path, body| {
        account.arrive(STEADY, &records(path, body));
        200
    })
}

/// A disk that is small enough to be filled, or a folder where nothing may be mounted.
struct Disk {
    path: PathBuf,
    mounted: bool,
}

impl Disk {
    fn mount(path: &Path) -> Self {
        fs::create_dir(path).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(path).output();
        let mounted = mount.is_ok_and(|mount| mount.status.success());
        if !mounted {
            eprintln!("NOT RUN: the disk is never full: it needs root to mount a small one");
        }
        Self { path: path.to_owned(), mounted }
    }

    /// Takes what is left, to the last byte.
    fn fill(&self) {
        if !self.mounted {
            return;
        }
        let mut file = File::create(self.path.join("ballast")).unwrap();
        for size in [1 << 16, 4096, 512, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
    }

    fn free(&self) {
        // It may not be there.
        _ = fs::remove_file(self.path.join("ballast"));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
        }
    }
}
