//! A worker as its parent sees it: started, listened to, killed.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::life::Life;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a worker is to do.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) dir: PathBuf,
    pub(crate) life: Life,
    pub(crate) cycle: u64,
    /// Says of some records that they are stored, and throws them away: the oracle has to notice.
    pub(crate) lies: bool,
}

impl Task {
    fn arguments(&self) -> [String; 4] {
        let dir = self.dir.display().to_string();
        [dir, self.life.number.to_string(), self.cycle.to_string(), self.lies.to_string()]
    }

    pub(crate) fn parse(arguments: &[String]) -> Option<Task> {
        let [dir, life, cycle, lies] = arguments else { return None };
        let life = Life::new(life.parse().ok()?);
        Some(Task { dir: dir.into(), life, cycle: cycle.parse().ok()?, lies: lies.parse().ok()? })
    }
}

/// What a worker said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) opened: bool,
    pub(crate) closed: bool,
    pub(crate) stored: BTreeSet<u64>,
    /// For each destination: what it had in its hands, and was going to let go of.
    pub(crate) has: [BTreeSet<u64>; 2],
    /// For each destination: what it has let go of, and when, in nanoseconds since 1970.
    pub(crate) released: [Vec<(u64, u128)>; 2],
    pub(crate) read_only: bool,
    pub(crate) failed: Option<String>,
    pub(crate) wrong: Vec<String>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let what = words.next().unwrap_or_default();
        let mut number = || words.next().and_then(|word| word.parse::<u128>().ok()).expect(line);
        match what {
            "opened" => self.opened = true,
            "closed" => self.closed = true,
            "stored" => _ = self.stored.insert(number() as u64),
            "has" => _ = self.has[number() as usize].insert(number() as u64),
            "released" => self.released[number() as usize].push((number() as u64, number())),
            "read-only" => self.read_only = true,
            "failed" => self.failed = Some(line.into()),
            "wrong" | "refused" => self.wrong.push(line.into()),
            _ => self.wrong.push(format!("what is {line:?}?")),
        }
    }
}

pub(crate) struct Child {
    process: process::Child,
    lines: Receiver<String>,
    said: Said,
}

impl Child {
    /// Starts a worker; `before` are the words of a program that runs it, if any.
    pub(crate) fn start(task: &Task, before: &[String]) -> Child {
        let this = env::current_exe().unwrap();
        let mut command = match before {
            [] => Command::new(this),
            [program, words @ ..] => {
                let mut command = Command::new(program);
                command.args(words).arg(this);
                command
            }
        };
        command.arg("worker").args(task.arguments());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            // Half a line, cut off by death, says nothing.
            while out.read_line(&mut line).is_ok() && line.ends_with('\n') {
                _ = send.send(line.trim_end().to_owned());
                line.clear();
            }
        });
        Child { process, lines, said: Said::default() }
    }

    /// Listens for so long, or until it has ended.
    pub(crate) fn listen(&mut self, time: Duration) {
        self.listen_until(Instant::now() + time);
    }

    /// Listens until it has opened the spool, or has ended.
    pub(crate) fn opened(&mut self) {
        let until = Instant::now() + PATIENCE;
        while !self.said.opened && self.said.failed.is_none() {
            let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) else {
                return;
            };
            self.said.hear(&line);
        }
    }

    /// Whether it has ended.
    fn listen_until(&mut self, until: Instant) -> bool {
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.hear(&line),
                Err(error) => return error == RecvTimeoutError::Disconnected,
            }
        }
    }

    /// `kill -9`. What it said.
    pub(crate) fn kill(mut self) -> Said {
        self.process.kill().unwrap();
        self.end()
    }

    /// Lets it close its spool and end.
    pub(crate) fn stop(mut self) -> Said {
        drop(self.process.stdin.take());
        self.end()
    }

    fn end(mut self) -> Said {
        let until = Instant::now() + PATIENCE;
        if !self.listen_until(until) {
            self.said.wrong.push("it hangs".into());
            self.process.kill().unwrap();
        }
        self.process.wait().unwrap();
        self.said
    }
}
