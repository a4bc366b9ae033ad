//! A client of gRPC made of a client of HTTP/2, so that it can also do what no client does.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper::body::{Body, Bytes, Frame};
use hyper::client::conn::http2;
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use smoltel_proto::{table, to_json};

use http_body_util::BodyExt;

pub const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
pub const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
pub const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

impl Reply {
    /// The call's status, wherever it stands.
    pub fn code(&self) -> u32 {
        self.find("grpc-status").parse().unwrap()
    }

    pub fn find(&self, name: &str) -> &str {
        let all = [Some(&self.headers), self.trailers.as_ref()];
        let found = all.into_iter().flatten().find_map(|headers| headers.get(name));
        found.unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    /// The `google.rpc.Status` in the details.
    pub fn status(&self) -> Value {
        let wire = STANDARD_NO_PAD.decode(self.find("grpc-status-details-bin")).unwrap();
        let mut json = Vec::new();
        to_json(&table::STATUS, &wire, &mut json).unwrap();
        serde_json::from_slice(&json).unwrap()
    }
}

/// A body in given pieces.
pub struct Pieces(pub VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

/// A message behind its prefix.
pub fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// Calls with one message.
pub fn call(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    pieces(to, path, headers, vec![body.to_vec()])
}

/// Calls with a body in pieces.
pub fn pieces(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: Vec<Vec<u8>>) -> Reply {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(to).await.unwrap();
        exchange(TokioIo::new(stream), path, headers, body).await
    })
}

pub async fn exchange(
    io: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<Vec<u8>>,
) -> Reply {
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::post(format!("http://x{path}")).header("te", "trailers");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Pieces(body.into_iter().map(Bytes::from).collect());
    let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200, "whatever gRPC says, HTTP is fine: {response:?}");
    let headers = response.headers().clone();
    let collected = response.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned();
    Reply { headers, body: collected.to_bytes().to_vec(), trailers }
}
