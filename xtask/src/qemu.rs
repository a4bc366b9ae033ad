//! One run of a program in QEMU: its UART as a pair of pipes, what it printed, how it ended.

use std::io::{self, Read};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::wait::wait;

/// A program that takes longer hangs: the slowest, `cost`, needs some seconds.
const DEADLINE: Duration = Duration::from_secs(60);

/// A machine that runs.
pub(crate) struct Machine {
    child: Child,
    console: JoinHandle<io::Result<String>>,
}

/// The host's end of the machine's UART. It reads as ended when the machine stops.
pub(crate) struct Uart {
    pub(crate) from: ChildStdout,
    pub(crate) to: ChildStdin,
}

impl Machine {
    /// Starts `command`, a QEMU with the UART on stdin and stdout and semihosting on stderr.
    pub(crate) fn start(command: &mut Command) -> io::Result<(Self, Uart)> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(to), Some(from), Some(console)) = pipes else {
            return Err(io::Error::other("the pipes asked for are not there"));
        };
        let console = thread::spawn(move || read_text(console));
        Ok((Self { child, console }, Uart { from, to }))
    }

    /// Waits for the program's end, and returns what it printed by semihosting and how it exited.
    pub(crate) fn finish(mut self) -> io::Result<(String, ExitStatus)> {
        let status = self.wait()?;
        let console = self.console.join().map_err(|_| io::Error::other("reading the console panicked"))?;
        Ok((console?, status))
    }

    fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(ended) = wait(DEADLINE, || self.child.try_wait().transpose()) {
            return ended;
        }
        self.child.kill()?;
        self.child.wait()?;
        Err(io::Error::other(format!("still running after {} s, killed", DEADLINE.as_secs())))
    }
}

fn read_text(mut from: ChildStderr) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
