//! As much of HTTP/1.1 as a load generator, a sink and a floor need, with as little work as can be.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use flate2::read::GzDecoder;

/// One side of a connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    /// The body of the message read last.
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(64 << 10, stream), line: String::new(), body: Vec::new() })
    }

    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        Self::new(TcpStream::connect(to)?)
    }

    /// Reads a request or an answer, its body into `body`; its first line, or `None` at the end.
    pub(crate) fn read(&mut self) -> io::Result<Option<String>> {
        let Some(first) = self.next_line()? else { return Ok(None) };
        let (mut length, mut chunked, mut gzip) = (0, false, false);
        while let Some(line) = self.next_line()?.filter(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            chunked |= name.eq_ignore_ascii_case("transfer-encoding");
            gzip |= name.eq_ignore_ascii_case("content-encoding");
        }
        self.body.clear();
        if chunked {
            self.read_chunks()?;
        } else {
            self.read_more(length)?;
        }
        if gzip {
            let packed = std::mem::take(&mut self.body);
            GzDecoder::new(&*packed).read_to_end(&mut self.body)?;
        }
        Ok(Some(first))
    }

    fn read_chunks(&mut self) -> io::Result<()> {
        loop {
            let line = self.next_line()?.unwrap_or_default();
            let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            self.read_more(length)?;
            self.next_line()?;
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn read_more(&mut self, length: usize) -> io::Result<()> {
        let start = self.body.len();
        self.body.resize(start + length, 0);
        self.stream.read_exact(&mut self.body[start..])
    }

    fn next_line(&mut self) -> io::Result<Option<String>> {
        self.line.clear();
        let read = self.stream.read_line(&mut self.line)?;
        Ok((read > 0).then(|| self.line.trim_end().to_owned()))
    }

    pub(crate) fn write(&mut self, head: &str, body: &[u8]) -> io::Result<()> {
        let message = format!("{head}\r\ncontent-length: {}\r\n\r\n", body.len());
        let stream = self.stream.get_mut();
        stream.write_all(message.as_bytes())?;
        stream.write_all(body)
    }

    /// Posts traces; the status of the answer.
    pub(crate) fn post(&mut self, body: &[u8]) -> io::Result<u16> {
        self.write("POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf", body)?;
        let answer = self.read()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or(io::ErrorKind::InvalidData.into())
    }

    /// Answers a request with success.
    pub(crate) fn accept(&mut self, body: &[u8]) -> io::Result<()> {
        self.write("HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf", body)
    }
}
