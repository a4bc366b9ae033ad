//! OTLP JSON Lines in files, one for each signal, by the OpenTelemetry file exporter's format.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Answer, Outcome, Request, Transport, json};
use crate::Signal;

/// Appends requests to `traces.jsonl`, `metrics.jsonl` and `logs.jsonl` in one directory.
///
/// A request is accepted when its line is on the disk. A file that has grown to
/// its [bound](Self::bounded) becomes `traces.1.jsonl`, and so on up to `traces.N.jsonl`; the oldest
/// is then deleted.
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    max_bytes: u64,
    generations: u32,
    files: [Option<Lines>; 3],
    line: Vec<u8>,
}

#[derive(Debug)]
struct Lines {
    file: File,
    len: u64,
}

impl Files {
    /// Files in `dir`, which is made when it is not there: 64 MiB each, and three older ones of each.
    pub fn new(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(&dir)?;
        Ok(Self { dir, max_bytes: 64 << 20, generations: 3, files: [None, None, None], line: Vec::new() })
    }

    /// Bounds the disk space: each signal takes at most `max_bytes` × (`generations` + 1), and one line.
    pub fn bounded(mut self, max_bytes: u64, generations: u32) -> Self {
        (self.max_bytes, self.generations) = (max_bytes, generations);
        self
    }

    fn append(&mut self, signal: Signal) -> io::Result<()> {
        let slot = &mut self.files[signal as usize];
        if slot
            .as_ref()
            .is_some_and(|lines| lines.len > 0 && lines.len + self.line.len() as u64 > self.max_bytes)
        {
            *slot = None;
            rotate(&self.dir, signal, self.generations)?;
        }
        if slot.is_none() {
            *slot = Some(Lines::open(&path(&self.dir, signal, 0))?);
        }
        let Some(lines) = slot else { return Ok(()) };
        let written = lines.append(&self.line);
        if written.is_err() {
            // What the file holds now is not known; opening it again cuts an unfinished line off.
            *slot = None;
        }
        written
    }
}

impl Transport for Files {
    fn send(&mut self, request: &Request<'_>, _: Instant) -> Outcome {
        self.line.clear();
        if let Err(outcome) = json::append(request, &mut self.line) {
            return outcome;
        }
        self.line.push(b'\n');
        match self.append(request.signal) {
            Ok(()) => Outcome::new(Answer::Accepted { rejected: 0 }, ""),
            Err(error) => Outcome::new(Answer::NONE, format!("{}: {error}", self.dir.display())),
        }
    }

    fn destination(&self, _: Signal) -> String {
        self.dir.display().to_string()
    }
}

impl Lines {
    /// Opens for appending, behind the last whole line.
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let len = end_of_lines(&mut file)?;
        file.set_len(len)?;
        file.seek(SeekFrom::Start(len))?;
        Ok(Self { file, len })
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.file.write_all(line)?;
        self.file.sync_data()?;
        self.len += line.len() as u64;
        Ok(())
    }
}

/// The offset behind the last newline: what is behind it was never accepted.
fn end_of_lines(file: &mut File) -> io::Result<u64> {
    const STEP: u64 = 64 << 10;
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut buf = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        buf.clear();
        Read::by_ref(file).take(end - start).read_to_end(&mut buf)?;
        if let Some(newline) = buf.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Makes every generation one older; the oldest is gone.
fn rotate(dir: &Path, signal: Signal, generations: u32) -> io::Result<()> {
    if generations == 0 {
        return fs::remove_file(path(dir, signal, 0));
    }
    for older in (1..=generations).rev() {
        match fs::rename(path(dir, signal, older - 1), path(dir, signal, older)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn path(dir: &Path, signal: Signal, generation: u32) -> PathBuf {
    match generation {
        0 => dir.join(format!("{}.jsonl", signal.name())),
        n => dir.join(format!("{}.{n}.jsonl", signal.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Encoding;

    /// A request with one resource without anything in it.
    const BODY: &[u8] = b"\x0A\x00";

    fn send(files: &mut Files) -> Answer {
        let request = Request { signal: Signal::Logs, body: BODY, encoding: Encoding::Identity, items: 0 };
        files.send(&request, Instant::now()).answer
    }

    #[test]
    fn an_unfinished_line_is_cut_off_and_appending_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs.jsonl");
        fs::write(&path, "{\"resourceLogs\":[]}\n{\"resour").unwrap();
        assert_eq!(send(&mut Files::new(dir.path()).unwrap()), Answer::Accepted { rejected: 0 });
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"resourceLogs\":[]}\n{\"resourceLogs\":[{}]}\n");
    }

    #[test]
    fn files_are_rotated_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Files::new(dir.path()).unwrap().bounded(50, 2);
        for _ in 0..20 {
            send(&mut files);
        }
        let mut sizes: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).collect();
        sizes.sort();
        assert_eq!(sizes.len(), 3);
        assert!(sizes.iter().all(|&size| size <= 50), "{sizes:?}");
        assert!(dir.path().join("logs.2.jsonl").exists());
    }

    #[test]
    fn what_is_no_request_is_refused_as_data() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Files::new(dir.path()).unwrap();
        let request =
            Request { signal: Signal::Traces, body: b"\xFF", encoding: Encoding::Identity, items: 1 };
        assert_eq!(files.send(&request, Instant::now()).answer, Answer::BadData);
        assert!(!dir.path().join("traces.jsonl").exists());
    }
}
