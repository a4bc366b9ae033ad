//! A modem for firmware: carries what comes out of a UART to a TCP server, and its answers back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;

/// Carries bytes both ways over one connection to `server`, until the UART ends. Says how many the UART sent.
///
/// A connection that ends before that is an error: a UART has no word for it, and what it would send into a new one
/// begins in the middle of a request. The rest of its bytes go nowhere, and it gets no more.
pub(crate) fn run<W>(mut from_uart: impl Read, mut to_uart: W, server: SocketAddr) -> io::Result<u64>
where
    W: Write + Send + 'static,
{
    let mut to_server = TcpStream::connect(server)?;
    // A UART hands over a few bytes at a time: they must not wait until the last ones are acknowledged.
    to_server.set_nodelay(true)?;
    let mut from_server = to_server.try_clone()?;
    let (tell, told) = mpsc::channel();
    let answers = thread::spawn(move || {
        let ended = carry(&mut from_server, &mut to_uart);
        // Nobody hears it when the UART has ended first.
        let _ = tell.send(ended);
    });
    let sent = carry(&mut from_uart, &mut to_server);
    if sent.is_err() {
        carry(&mut from_uart, &mut io::sink())?;
    }
    let ended = told.try_recv().ok();
    // The program is over. Whether its last answer still found a reader is nobody's concern.
    let _ = to_server.shutdown(Shutdown::Both);
    let _ = answers.join();
    match ended {
        // That was the UART.
        Some(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => sent,
        Some(_) => Err(io::Error::other("the server closed the connection before the UART's end")),
        None => sent,
    }
}

/// Moves bytes as they come, until there are no more, and says how many.
///
/// Not `io::copy`: between a socket and a pipe that is splice(2), which holds the pipe's lock while it waits for the
/// socket, and whoever reads the pipe meanwhile hangs where no signal reaches it.
fn carry(from: &mut impl Read, to: &mut impl Write) -> io::Result<u64> {
    let mut carried = 0;
    let mut buffer = [0; 4096];
    loop {
        let bytes = match from.read(&mut buffer)? {
            0 => return Ok(carried),
            read => buffer.get(..read).unwrap_or_default(),
        };
        to.write_all(bytes)?;
        to.flush()?;
        carried += bytes.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// Answers each line of one connection with itself twice.
    fn echo_twice(listener: &TcpListener) {
        let (stream, _) = listener.accept().unwrap();
        let mut answer = stream.try_clone().unwrap();
        for line in BufReader::new(stream).lines() {
            let line = line.unwrap();
            writeln!(answer, "{line} {line}").unwrap();
        }
    }

    #[test]
    fn bytes_go_both_ways_until_the_uart_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let (firmware, uart) = UnixStream::pair().unwrap();
        let server_thread = thread::spawn(move || echo_twice(&listener));
        let relay = thread::spawn(move || run(uart.try_clone().unwrap(), uart, server));
        let mut answers = BufReader::new(firmware.try_clone().unwrap()).lines();
        for text in ["one", "two"] {
            writeln!(&firmware, "{text}").unwrap();
            assert_eq!(answers.next().unwrap().unwrap(), format!("{text} {text}"));
        }
        firmware.shutdown(Shutdown::Write).unwrap();
        assert_eq!(relay.join().unwrap().unwrap(), 8);
        server_thread.join().unwrap();
    }

    #[test]
    fn a_server_that_hangs_up_is_an_error_but_only_after_the_uarts_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let (from_uart, mut firmware) = io::pipe().unwrap();
        let (mut answers, to_uart) = io::pipe().unwrap();
        let relay = thread::spawn(move || run(from_uart, to_uart, server));
        drop(listener.accept().unwrap());
        assert_eq!(answers.read(&mut [0]).unwrap(), 0);
        // More than the pipe holds: it gets rid of it.
        firmware.write_all(&[0; 200_000]).unwrap();
        drop(firmware);
        assert!(relay.join().unwrap().unwrap_err().to_string().contains("closed the connection"));
    }

    #[test]
    fn without_a_server_it_says_so() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(
            run(io::empty(), io::sink(), server).unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    }
}
