use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::{Request as Call, Response};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinHandle, yield_now};

use super::answer;
use super::connect::{Route, Unreachable};
use crate::transport::{Answer, Outcome};

/// One connection, made when it is needed and kept until it fails, and the runtime that it lives in. Between calls nothing
/// runs: what the server has said meanwhile, be it that it closes, is seen when the next call begins.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) route: Route,
    runtime: Option<Runtime>,
    connection: Option<Connection>,
}

/// An HTTP/2 connection and the task that moves its bytes.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    pub(super) task: JoinHandle<()>,
}

/// Why a call has no answer.
enum Failure {
    Unreachable(Unreachable),
    Broken(hyper::Error),
    TooLong,
}

impl Link {
    pub(super) fn new(route: Route) -> Self {
        Self { route, runtime: None, connection: None }
    }

    /// Makes one call. The connection is kept if it was answered.
    pub(super) fn exchange(&mut self, call: Call<Bytes>, timeout: Duration, max_response: u64) -> Outcome {
        let runtime = match self.runtime.take().map_or_else(runtime, Ok) {
            Ok(runtime) => runtime,
            Err(error) => return Outcome::new(Answer::NONE, format!("no runtime: {error}")),
        };
        let sent = AtomicBool::new(false);
        let (route, connection) = (&self.route, &mut self.connection);
        let outcome = block_on(&runtime, async {
            let exchange =
                tokio::time::timeout(timeout, converse(route, connection, call, max_response, &sent));
            let (outcome, is_alive) = match exchange.await {
                Ok(Ok(outcome)) => (outcome, true),
                Ok(Err(failure)) => (failure.outcome(), false),
                Err(_) => {
                    let in_doubt = sent.load(Ordering::Relaxed);
                    let what = if in_doubt { "answer" } else { "connection" };
                    (Outcome { in_doubt, ..Outcome::new(Answer::NONE, format!("no {what} in time")) }, false)
                }
            };
            if !is_alive && let Some(dead) = connection.take() {
                // Nobody shall wait for an answer to it.
                dead.task.abort();
                _ = dead.task.await;
            }
            outcome
        });
        self.runtime = Some(runtime);
        outcome
    }
}

/// Dropping a runtime waits for its threads, which is forbidden inside of another one.
impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_io().enable_time().thread_name("smoltel-lookup").build()
}

/// Runs a future here; or, where a runtime may be running this thread, beside it.
fn block_on<F: Future<Output: Send> + Send>(runtime: &Runtime, future: F) -> F::Output {
    if Handle::try_current().is_err() {
        return runtime.block_on(future);
    }
    thread::scope(|scope| match scope.spawn(|| runtime.block_on(future)).join() {
        Ok(output) => output,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

async fn converse(
    route: &Route,
    connection: &mut Option<Connection>,
    call: Call<Bytes>,
    max_response: u64,
    sent: &AtomicBool,
) -> Result<Outcome, Failure> {
    let mut call = call.map(Full::new);
    loop {
        // The connection's task reads what came since the last call.
        yield_now().await;
        yield_now().await;
        if connection.as_ref().is_some_and(|connection| connection.sender.is_closed()) {
            *connection = None;
        }
        let is_new = connection.is_none();
        let sender = match connection {
            Some(connection) => &mut connection.sender,
            None => {
                let made = route.connect().await.map_err(Failure::Unreachable)?;
                &mut connection.insert(made).sender
            }
        };
        if let Err(error) = sender.ready().await {
            if is_new {
                return Err(Failure::Broken(error));
            }
            *connection = None;
            continue;
        }
        sent.store(true, Ordering::Relaxed);
        match sender.try_send_request(call).await {
            Ok(response) => return read(response, max_response).await,
            Err(mut error) => match error.take_message().filter(|_| !is_new) {
                // It closed before the call began: that costs nobody anything.
                Some(unsent) => {
                    sent.store(false, Ordering::Relaxed);
                    call = unsent;
                    *connection = None;
                }
                None => return Err(Failure::Broken(error.into_error())),
            },
        }
    }
}

/// Reads an answer to its end, within bounds.
async fn read(response: Response<Incoming>, max_response: u64) -> Result<Outcome, Failure> {
    let (head, body) = response.into_parts();
    let (mut body, mut message, mut trailers) = (pin!(body), Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame.map_err(Failure::Broken)?.into_data() {
            Ok(data) => {
                if (message.len() + data.len()) as u64 > max_response {
                    return Err(Failure::TooLong);
                }
                message.extend_from_slice(&data);
            }
            Err(other) => trailers = other.into_trailers().ok(),
        }
    }
    // An answer without a body has its status in the head.
    Ok(answer::outcome(head.status.as_u16(), trailers.as_ref().unwrap_or(&head.headers), &message))
}

impl Failure {
    fn outcome(self) -> Outcome {
        match self {
            Self::Unreachable(why) => Outcome::new(Answer::NONE, why.to_string()),
            Self::Broken(error) => {
                let in_doubt = !error.is_canceled();
                Outcome { in_doubt, ..Outcome::new(Answer::NONE, with_causes(&error)) }
            }
            // What it says comes at its end. To ask again would bring the same.
            Self::TooLong => Outcome::new(Answer::BadData, "the answer is longer than the limit"),
        }
    }
}

/// An error and what it came from, in one line: hyper's own texts say little.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
