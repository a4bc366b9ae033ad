//! From records of a device to requests: the resource and the scopes are put in front.

use std::collections::BTreeMap;

use smoltel::Signal;
use smoltel_core::link::NO_SCOPE;
use smoltel_core::wire::{LEN, Writer, len_field, tag, varint};
use smoltel_proto::check;

use super::clock::{Repair, latest};
use crate::signals;

/// What a device has declared in a session: fields of `ResourceSpans` and of `ScopeSpans`, and their like.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    pub(super) resource: Vec<u8>,
    pub(super) scopes: BTreeMap<u8, Vec<u8>>,
}

impl Declarations {
    pub(super) fn declare(&mut self, scope: u8, bytes: Vec<u8>) {
        if scope == NO_SCOPE {
            self.resource = bytes;
        } else {
            self.scopes.insert(scope, bytes);
        }
    }
}

/// A complete record.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) signal: Signal,
    pub(super) scope: u8,
    pub(super) bytes: Vec<u8>,
    /// The position behind it.
    pub(super) end: u64,
    pub(super) repair: Repair,
}

/// A request, and the items in it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) signal: Signal,
    pub(super) body: Vec<u8>,
    pub(super) items: u64,
}

/// The request that holds all `records` of that signal, if there are any. Records that are no OTLP are left out and
/// counted in `refused`.
pub(super) fn request(
    signal: Signal,
    declared: &Declarations,
    records: &[Whole],
    refused: &mut u64,
) -> Option<Request> {
    let records: Vec<&Whole> = records.iter().filter(|record| record.signal == signal).collect();
    let count = records.len() as u64;
    let whole = checked(signal, declared, &records);
    let request = whole.or_else(|| {
        // Which of them is it?
        let good: Vec<&Whole> =
            records.into_iter().filter(|record| checked(signal, declared, &[record]).is_some()).collect();
        *refused += count - good.len() as u64;
        checked(signal, declared, &good)
    });
    request.filter(|request| request.items > 0)
}

/// The request, if it is one.
fn checked(signal: Signal, declared: &Declarations, records: &[&Whole]) -> Option<Request> {
    let mut body = Vec::new();
    // Records of different boots are told apart by their resource.
    for run in records.chunk_by(|a, b| a.repair == b.repair) {
        resource(signal, declared, run, &mut body);
    }
    let summary = check(signals::request(signal), &body).ok()?;
    Some(Request { signal, body, items: summary.items })
}

fn resource(signal: Signal, declared: &Declarations, run: &[&Whole], body: &mut Vec<u8>) {
    let Some(first) = run.first() else { return };
    let uptime = run.iter().map(|record| latest(signal, &record.bytes)).max().unwrap_or(0);
    let (offset, bound) = first.repair.offset(uptime);
    let mut fields = declared.resource.clone();
    if let Some(bound) = bound {
        // A resource that comes twice is one with the attributes of both.
        let attributes = [bounded(), before(bound)].concat();
        put(&mut fields, 1, &attributes);
    }
    let mut scopes: BTreeMap<u8, Vec<&Whole>> = BTreeMap::new();
    for record in run {
        scopes.entry(record.scope).or_default().push(record);
    }
    for (scope, records) in scopes {
        let mut of_scope = declared.scopes.get(&scope).cloned().unwrap_or_default();
        for record in records {
            let mut bytes = record.bytes.clone();
            if let Some(offset) = offset {
                offset.repair(signal, &record.bytes, &mut bytes);
            }
            put(&mut of_scope, 2, &bytes);
        }
        put(&mut fields, 2, &of_scope);
    }
    put(body, 1, &fields);
}

/// Appends a field of bytes.
fn put(to: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    let mut len = [0; varint::MAX_LEN];
    let n = varint::encode(bytes.len() as u64, &mut len);
    to.reserve(len_field(bytes.len()));
    // Field numbers here are below 16: a tag is a byte.
    to.push(tag(number, LEN) as u8);
    to.extend_from_slice(&len[..n]);
    to.extend_from_slice(bytes);
}

/// `smoltel.time.bounded` is true, as an attribute of a resource.
fn bounded() -> Vec<u8> {
    attribute("smoltel.time.bounded", &[2 << 3, 1])
}

/// `smoltel.time.latest`, as an attribute of a resource.
fn before(bound: u64) -> Vec<u8> {
    let mut value = [0; 16];
    let mut w = Writer::new(&mut value);
    // 16 bytes are enough.
    _ = w.varint_field(3, bound);
    attribute("smoltel.time.latest", w.written())
}

fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    let (mut pair, mut field) = (Vec::new(), Vec::new());
    put(&mut pair, 1, key.as_bytes());
    put(&mut pair, 2, value);
    put(&mut field, 1, &pair);
    field
}
