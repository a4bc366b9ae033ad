use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::Lost;
use crate::log;

/// The decoder's name: it is beside this program.
pub(crate) const PROGRAM: &str = "smoltel-defmt";
/// As many run at once; the one that was not needed for longest gives way.
const MOST: usize = 16;
/// How long reading ELFs may take, and a frame.
const START: Duration = Duration::from_secs(30);
const FRAME: Duration = Duration::from_secs(2);
/// How long a build that cannot be decoded is left alone: its ELF may come later.
const AGAIN: Duration = Duration::from_secs(10);
/// The longest log record, which is what the link has as the longest.
const LONGEST: usize = 65_535;

/// The processes that know a firmware's frames, by build.
#[derive(Default)]
pub(crate) struct Decoders {
    /// The program and where the ELFs are; `None` if nothing is to be decoded.
    place: Option<(PathBuf, PathBuf)>,
    /// The one that was needed last is the last.
    all: Mutex<Vec<([u8; 8], Shared)>>,
}

type Shared = Arc<tokio::sync::Mutex<Decoder>>;

#[derive(Default)]
struct Decoder {
    running: Option<Running>,
    /// Not before then, for that reason.
    not_before: Option<(Instant, Lost)>,
}

struct Running {
    /// Killed when it is dropped.
    _child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Decoders {
    pub(crate) fn new(place: Option<(PathBuf, PathBuf)>) -> Self {
        Self { place, all: Mutex::default() }
    }

    /// The log record that a frame of that build's firmware is.
    pub(crate) async fn decode(&self, build: [u8; 8], frame: &[u8]) -> Result<Vec<u8>, Lost> {
        let (program, dir) = self.place.as_ref().ok_or(Lost::Off)?;
        let shared = self.of(build);
        let mut decoder = shared.lock().await;
        if let Some((at, why)) = decoder.not_before
            && Instant::now() < at
        {
            return Err(why);
        }
        let started = match decoder.running.take() {
            Some(running) => Ok(running),
            None => timeout(START, Running::start(program, dir, build)).await.unwrap_or(Err(Lost::Decoder)),
        };
        let exchanged = match started {
            Ok(running) => timeout(FRAME, running.exchange(frame)).await.unwrap_or(Err(Lost::Decoder)),
            Err(why) => Err(why),
        };
        let (running, record) = exchanged.inspect_err(|why| {
            decoder.not_before = Some((Instant::now() + AGAIN, *why));
            if *why == Lost::Decoder {
                log::warning(format_args!("the decoder of defmt build {} failed", hex(build)));
            }
        })?;
        decoder.running = Some(running);
        record.ok_or(Lost::Malformed)
    }

    fn of(&self, build: [u8; 8]) -> Shared {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|(known, _)| *known == build).map(|at| all.remove(at));
        if known.is_none() && all.len() >= MOST {
            all.remove(0);
        }
        let entry = known.unwrap_or_else(|| (build, Shared::default()));
        all.push(entry.clone());
        entry.1
    }
}

impl Running {
    async fn start(program: &PathBuf, dir: &PathBuf, build: [u8; 8]) -> Result<Self, Lost> {
        let mut command = Command::new(program);
        command.arg(dir).arg(hex(build)).kill_on_drop(true).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| {
            log::warning(format_args!("cannot run {}: {error}", program.display()));
            Lost::Decoder
        })?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Lost::Decoder);
        };
        let mut running = Self { _child: child, to, from };
        match running.answer().await {
            Ok(Answer::Ready) => Ok(running),
            Ok(Answer::Unknown(why)) => {
                log::warning(format_args!("defmt build {}: {why}; its logs are dropped", hex(build)));
                Err(Lost::UnknownBuild)
            }
            _ => Err(Lost::Decoder),
        }
    }

    /// The record of a frame, if it is one.
    async fn exchange(mut self, frame: &[u8]) -> Result<(Self, Option<Vec<u8>>), Lost> {
        let len = u32::try_from(frame.len()).map_err(|_| Lost::TooLong)?;
        let sent = async {
            self.to.write_all(&len.to_le_bytes()).await?;
            self.to.write_all(frame).await
        };
        sent.await.map_err(|_| Lost::Decoder)?;
        match self.answer().await {
            Ok(Answer::Record(record)) => Ok((self, Some(record))),
            Ok(Answer::Malformed) => Ok((self, None)),
            _ => Err(Lost::Decoder),
        }
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        let mut head = [0; 5];
        self.from.read_exact(&mut head).await?;
        let [kind, len @ ..] = head;
        let len = usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX);
        if len > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; len];
        self.from.read_exact(&mut bytes).await?;
        match kind {
            b'r' => Ok(Answer::Ready),
            b'u' => Ok(Answer::Unknown(String::from_utf8_lossy(&bytes).into_owned())),
            b'l' => Ok(Answer::Record(bytes)),
            b'm' => Ok(Answer::Malformed),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// What the process says: a letter, a length and bytes.
enum Answer {
    /// It has the ELF.
    Ready,
    /// It has none, and why.
    Unknown(String),
    Record(Vec<u8>),
    Malformed,
}

fn hex(build: [u8; 8]) -> String {
    build.iter().map(|byte| format!("{byte:02x}")).collect()
}
