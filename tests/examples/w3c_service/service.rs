//! `POST /` with `[{"url": …, "arguments": …}, …]` posts each `arguments` to its `url`, in the trace of the
//! request that it came with.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use smoltel::propagation::{Context, Propagator, TraceContext};
use smoltel::{Span, SpanKind, Tracer};
use ureq::Agent;

/// Serves connections for as long as there are any to accept.
pub(crate) fn serve(listener: &TcpListener, tracer: &Tracer) {
    let config = Agent::config_builder().timeout_global(Some(Duration::from_secs(10)));
    let agent = config.build().new_agent();
    for stream in listener.incoming().map_while(Result::ok) {
        let (tracer, agent) = (tracer.clone(), agent.clone());
        thread::spawn(move || {
            // A connection that breaks is its client's concern.
            let _ = converse(stream, &tracer, &agent);
        });
    }
}

fn converse(stream: TcpStream, tracer: &Tracer, agent: &Agent) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader)? {
        let status = answer(&request, tracer, agent);
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\nnull");
        reader.get_mut().write_all(head.as_bytes())?;
    }
    Ok(())
}

fn answer(request: &Request, tracer: &Tracer, agent: &Agent) -> &'static str {
    let mut context = Context::default();
    TraceContext.extract(&mut context, &|name| request.headers.get(name).map(Vec::as_slice));
    let mut span = tracer
        .span("POST")
        .kind(SpanKind::Server)
        .parent(context.span)
        .trace_state(context.trace_state)
        .start();
    let Ok(Value::Array(calls)) = serde_json::from_slice(&request.body) else {
        span.fail("the body is not a list of calls");
        return "400 Bad Request";
    };
    let failed = calls.iter().filter(|one| call(one, &span, tracer, agent).is_err()).count();
    if failed > 0 { "502 Bad Gateway" } else { "200 OK" }
}

fn call(call: &Value, parent: &Span, tracer: &Tracer, agent: &Agent) -> Result<(), ureq::Error> {
    let mut span = tracer.span("POST").kind(SpanKind::Client).child_of(parent).start();
    let trace_state = span.trace_state();
    let context = Context { span: Some(span.context()), trace_state, ..Context::default() };
    let mut headers = Vec::new();
    TraceContext.inject(&context, &mut vec![0; trace_state.len()], &mut |name, value| {
        headers.push((name, value.to_owned()));
    });
    let mut post = agent.post(call["url"].as_str().unwrap_or_default()).content_type("application/json");
    for (name, value) in headers {
        post = post.header(name, value);
    }
    match post.send(call["arguments"].to_string()) {
        Ok(_) => Ok(()),
        Err(error) => {
            span.fail(&error);
            Err(error)
        }
    }
}

struct Request {
    /// Names in lower case; the values of a name that comes again are joined by commas, as HTTP has it.
    headers: HashMap<String, Vec<u8>>,
    body: Vec<u8>,
}

impl Request {
    /// The most bytes of a head, and of a body.
    const MAX: u64 = 1 << 20;

    /// The next request; `None` when there is none, or it is none.
    fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut head = reader.by_ref().take(Self::MAX);
        let mut line = Vec::new();
        if head.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let mut headers = HashMap::<String, Vec<u8>>::new();
        loop {
            line.clear();
            head.read_until(b'\n', &mut line)?;
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            let value = line[colon + 1..].trim_ascii();
            let values = headers.entry(name).and_modify(|values| values.push(b',')).or_default();
            values.extend_from_slice(value);
        }
        let length =
            headers.get("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let mut body = Vec::new();
        reader.take(length.unwrap_or(0).min(Self::MAX)).read_to_end(&mut body)?;
        Ok(Some(Self { headers, body }))
    }
}
