//! OTLP/HTTP and OTLP/gRPC in, on any of the ports: a request is answered with success when it is durable in the spool.

mod answer;
mod body;
mod budget;
mod class;
mod grpc;
mod rate;
mod request;

use std::sync::Arc;
use std::time::Instant;

use hyper::Request;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use smoltel::Signal;
use smoltel::split::{Most, Piece, split};
use smoltel_proto::{check, from_json};
use smoltel_spool::{AppendError, Class, Codec, Record, Spool};
use tokio::sync::oneshot;

use crate::config::Limits;
use crate::forward::Destinations;
use crate::ledger::Ledger;
use crate::server::{Answer, Handler, Peer};
use crate::signals;
use answer::Refusal;
use budget::{Budget, Permit};
use grpc::Call;
use rate::Rates;
use request::{Encoding, Head};

/// The stream of records that may be sent laid end to end.
pub(crate) const MERGEABLE: u32 = 0;
/// The stream of records that must be sent as they are: merging could change what nobody here knows.
const ALONE: u32 = 1;

/// Takes requests into the spool.
pub(crate) struct Receiver {
    spool: Spool,
    ledger: Arc<Ledger>,
    budget: Budget,
    rates: Rates,
    limits: Limits,
    destinations: Arc<Destinations>,
}

impl Receiver {
    pub(crate) fn new(
        spool: Spool,
        ledger: Arc<Ledger>,
        destinations: Arc<Destinations>,
        limits: Limits,
    ) -> Self {
        let budget = Budget::new(limits.in_flight(), ledger.clone());
        Self { spool, budget, rates: Rates::new(&limits), ledger, limits, destinations }
    }

    /// Whether the sender may send at all, and now.
    fn admit(&self, parts: &Parts, peer: &Peer) -> Result<(), Refusal> {
        if !peer.guard.admits(&parts.headers) {
            return Err(Refusal::unauthenticated());
        }
        self.rates.request(peer.ip, Instant::now()).map_err(Refusal::too_often)
    }

    async fn call(&self, parts: &Parts, body: &mut Incoming, peer: &Peer) -> Result<(), Refusal> {
        self.admit(parts, peer)?;
        let call = Call::parse(parts)?;
        let mut permit = self.budget.permit();
        let payload = body::read_message(body, call.coding, self.limits.request(), &mut permit).await?;
        self.rates.bytes(peer.ip, Instant::now(), payload.len());
        self.store(call.signal, payload, permit).await
    }

    async fn export(&self, parts: &Parts, body: &mut Incoming, peer: &Peer) -> Result<(), Refusal> {
        self.admit(parts, peer)?;
        let head = Head::parse(parts)?;
        let mut permit = self.budget.permit();
        let bytes = body::read(body, head.compressed, self.limits.request(), &mut permit).await?;
        self.rates.bytes(peer.ip, Instant::now(), bytes.len());
        let payload = match head.encoding {
            Encoding::Protobuf => bytes,
            Encoding::Json => transcode(head.signal, bytes)?,
        };
        self.store(head.signal, payload, permit).await
    }

    async fn store(&self, signal: Signal, payload: Vec<u8>, permit: Permit) -> Result<(), Refusal> {
        let summary = check(signals::request(signal), &payload).map_err(|error| Refusal::invalid(&error))?;
        if summary.items == 0 && !summary.unknown_top_level {
            return Ok(());
        }
        let pieces = self.pieces(signal, payload, summary.items)?;
        let stream = if summary.unknown_top_level { ALONE } else { MERGEABLE };
        let class = |piece: &Piece| match self.destinations.choose() {
            true => class::of(signal, &piece.body),
            false => Class::Normal,
        };
        let records = pieces.into_iter().map(|piece| record(signal, stream, class(&piece), piece)).collect();
        let (answer, answered) = oneshot::channel();
        let ledger = self.ledger.clone();
        self.spool.append_all(records, move |result| {
            if result.is_ok() {
                ledger.received_requests.add(signal, 1);
                ledger.received_items.add(signal, summary.items);
            }
            // The bytes are in flight until now, even if the sender has gone.
            drop(permit);
            _ = answer.send(result);
        });
        match answered.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Refusal::spool(&error)),
            Err(_) => Err(Refusal::spool(&AppendError::Closed)),
        }
    }

    /// The request, in parts that fit the spool.
    fn pieces(&self, signal: Signal, body: Vec<u8>, items: u64) -> Result<Vec<Piece>, Refusal> {
        let max = self.spool.max_record();
        if body.len() <= max {
            return Ok(vec![Piece { body, items }]);
        }
        split(signal, &body, Most { bytes: max, ..Most::default() }).map_err(|_| Refusal::too_large(max))
    }
}

fn record(signal: Signal, stream: u32, class: Class, piece: Piece) -> Record {
    Record {
        signal: signals::stored(signal),
        class,
        codec: Codec::Identity,
        stream,
        items: u32::try_from(piece.items).unwrap_or(u32::MAX),
        origin: None,
        payload: piece.body,
    }
}

impl Handler for Receiver {
    const HTTP2: bool = true;

    async fn handle(&self, request: Request<Incoming>, peer: &Peer) -> Answer {
        let (parts, mut body) = request.into_parts();
        if grpc::is_call(&parts) {
            return match self.call(&parts, &mut body, peer).await {
                Ok(()) => grpc::success(),
                Err(refusal) => {
                    self.ledger.refused(refusal.status());
                    grpc::refuse(&refusal)
                }
            };
        }
        let form = request::form(&parts.headers);
        match self.export(&parts, &mut body, peer).await {
            Ok(()) => answer::success(form),
            Err(refusal) => {
                self.ledger.refused(refusal.status());
                if !parts.headers.contains_key(hyper::header::EXPECT) {
                    body::discard(&mut body).await;
                }
                refusal.answer(form)
            }
        }
    }
}

/// JSON to the bytes that go on from here.
fn transcode(signal: Signal, json: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    let mut wire = Vec::with_capacity(json.len() / 2);
    // An empty body is an empty request in binary; in JSON people mean the same by it.
    if !json.is_empty() {
        from_json(signals::request(signal), &json, &mut wire).map_err(|error| Refusal::not_json(&error))?;
    }
    Ok(wire)
}
