//! Reads a firmware's defmt frames for the gateway: frames on stdin, OTLP log records on stdout.
//!
//! ```text
//! smoltel-defmt DIR BUILD
//!   stdin:   len u32 │ a frame in rzCOBS, without its zero
//!   stdout:  letter  │ len u32 │ bytes
//!            r         the ELF in DIR whose build id begins with BUILD is read: frames may come
//!            u         there is none, or it cannot be read: why; then it ends
//!            l         the frame's log record: a `LogRecord`
//!            m         the frame is none of this firmware
//! ```
//!
//! It is a process of its own, since defmt-decoder trusts frames: what they make it allocate is bounded by the process' limit,
//! what they make it run by the gateway's patience, and if it panics, it is started again.

mod firmware;
mod record;

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use firmware::Firmware;
use rustix::process::{Resource, Rlimit, setrlimit};

/// An ELF with its debug information, and all that is made of it, takes less.
const MEMORY: u64 = 512 << 20;
/// The gateway hands on no longer one.
const LONGEST_FRAME: usize = 4096;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(dir), Some(build)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: smoltel-defmt DIR BUILD; smoltel-gateway runs it by itself");
        return ExitCode::from(2);
    };
    // Where that cannot be had, the gateway's patience is the only bound.
    _ = setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) });
    let served = match Firmware::find(Path::new(&dir), &build.to_string_lossy()) {
        Ok(firmware) => serve(&firmware),
        Err(why) => answer(b'u', why.as_bytes()),
    };
    // The gateway is gone, or sees that this program is.
    if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn serve(firmware: &Firmware) -> io::Result<()> {
    answer(b'r', &[])?;
    let mut stdin = io::stdin().lock();
    let mut len = [0; 4];
    while stdin.read_exact(&mut len).is_ok() {
        let len = usize::try_from(u32::from_le_bytes(len)).unwrap_or(usize::MAX);
        if len > LONGEST_FRAME {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut frame = vec![0; len + 1];
        stdin.read_exact(&mut frame[..len])?;
        match firmware.record(&frame) {
            Some(record) => answer(b'l', &record)?,
            None => answer(b'm', &[])?,
        }
    }
    Ok(())
}

fn answer(letter: u8, bytes: &[u8]) -> io::Result<()> {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut stdout = io::stdout().lock();
    stdout.write_all(&[&[letter], &len[..], bytes].concat())?;
    stdout.flush()
}
