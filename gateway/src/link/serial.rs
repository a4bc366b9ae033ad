//! A serial line, raw: 8 data bits, no parity, one stop bit, no flow control.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use rustix::termios::{self, ControlModes, OptionalActions};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe::{Receiver, Sender};

use crate::config::Line;

/// Opens a line for both directions.
pub(super) fn open(line: &Line) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&line.path)?;
    let mut settings = termios::tcgetattr(&file)?;
    settings.make_raw();
    settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    settings.control_modes &= !(ControlModes::CRTSCTS | ControlModes::CSTOPB);
    settings.set_speed(line.baud)?;
    termios::tcsetattr(&file, OptionalActions::Now, &settings)?;
    // Tokio's pipes take whatever can be waited for, and read and written, as a terminal can.
    let sender = Sender::from_file_unchecked(file.try_clone()?)?;
    Ok(tokio::io::join(Receiver::from_file_unchecked(file)?, sender))
}
