//! One request as several: for a spool whose segments, or an upstream whose limits, are smaller than it.
//!
//! Only bytes move: the items themselves are copied as they are, and what encloses them (resource, scope, metric) is framed anew
//! around each part.
//!
//! ```
//! use smoltel::{Signal, split::{Most, split}};
//!
//! // Two log records in one scope of one resource.
//! let request = [0x0A, 10, 0x12, 8, 0x12, 2, 0x10, 9, 0x12, 2, 0x10, 17];
//! let pieces = split(Signal::Logs, &request, Most { items: 1, ..Most::default() })?;
//! assert_eq!(pieces.len(), 2);
//! assert_eq!(pieces[1].body, [0x0A, 6, 0x12, 4, 0x12, 2, 0x10, 17]);
//! # Ok::<(), smoltel::split::Unsplittable>(())
//! ```

use std::error::Error;
use std::fmt;

use smoltel_core::wire::{LEN, Malformed, Payload, Reader, tag, varint};

use crate::Signal;

/// How much a piece may hold. The default is anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// Bytes of its body.
    pub bytes: usize,
    /// Spans, log records or data points.
    pub items: u64,
}

impl Default for Most {
    fn default() -> Self {
        Self { bytes: usize::MAX, items: u64::MAX }
    }
}

/// A part of a request: a request itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// An `Export…ServiceRequest`.
    pub body: Vec<u8>,
    /// Spans, log records or data points in it.
    pub items: u64,
}

/// Splits a request into pieces of at most so many bytes and items, each filled as far as it goes. They hold the same items, in
/// the same order, each within its own resource, scope and metric.
///
/// An item that does not fit with what encloses it is a piece of its own that is longer than `most.bytes`: it cannot be made
/// shorter. Whoever has a limit has to look. Fields that nobody here knows stand in every piece.
///
/// # Errors
/// The bytes are not a request of this signal, or what would have to be repeated is so long that the pieces together would be
/// more than four times as long as the request.
pub fn split(signal: Signal, body: &[u8], most: Most) -> Result<Vec<Piece>, Unsplittable> {
    let path: &[&[u32]] = match signal {
        Signal::Traces | Signal::Logs => &[RESOURCES, SCOPES, ITEMS],
        Signal::Metrics => &[RESOURCES, SCOPES, ITEMS, DATA, POINTS],
    };
    let room = body.len().saturating_mul(GROWTH);
    let mut splitter = Splitter { path, most, room, open: Vec::new(), items: 0, pieces: Vec::new() };
    splitter.enter(0, body)?;
    splitter.finish();
    Ok(splitter.pieces)
}

/// A request that cannot be split: it is no request, or mostly made of what would have to be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsplittable {
    /// The bytes are not a request of this signal, or hold groups, which OTLP has none of.
    Malformed,
    /// Resources, scopes or descriptions of metrics are so long that repeating them is no way out: send less with each.
    Repetitive,
}

impl From<Malformed> for Unsplittable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl fmt::Display for Unsplittable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not an OTLP request of this signal",
            Self::Repetitive => "its resources and scopes are too long to be repeated in smaller requests",
        })
    }
}

impl Error for Unsplittable {}

/// How many times longer than the request its pieces may be together.
const GROWTH: usize = 4;

/// The fields that lead from a message to what it encloses.
const RESOURCES: &[u32] = &[1];
const SCOPES: &[u32] = &[2];
/// Spans, log records; or metrics, which enclose data, which enclose points.
const ITEMS: &[u32] = &[2];
const DATA: &[u32] = &[5, 7, 9, 10, 11];
const POINTS: &[u32] = &[1];

struct Splitter<'a> {
    path: &'static [&'static [u32]],
    most: Most,
    /// The bytes that pieces may still take.
    room: usize,
    /// The messages around the item that comes next, outermost first.
    open: Vec<Frame<'a>>,
    /// Of the piece that is being filled.
    items: u64,
    pieces: Vec<Piece>,
}

/// A message of which each piece gets a copy, with a part of what it encloses.
struct Frame<'a> {
    /// The field that holds it in the message around it; 0 for the request.
    number: u32,
    /// All but what it encloses.
    context: Vec<&'a [u8]>,
    context_len: usize,
    enclosed: Vec<u8>,
}

impl<'a> Splitter<'a> {
    fn enter(&mut self, number: u32, message: &'a [u8]) -> Result<(), Unsplittable> {
        let (depth, mut enclosed) = (self.open.len(), Vec::new());
        let mut frame = Frame { number, context: Vec::new(), context_len: 0, enclosed: Vec::new() };
        for field in Fields(Reader::new(message)) {
            let field = field?;
            match field.payload {
                Payload::Len(payload) if self.path[depth].contains(&field.number) => {
                    enclosed.push((field, payload));
                }
                _ => {
                    frame.context_len += field.bytes.len();
                    frame.context.push(field.bytes);
                }
            }
        }
        self.open.push(frame);
        for (field, payload) in enclosed {
            if depth + 1 == self.path.len() {
                self.push(field.bytes, 1)?;
            } else if encloses_nothing(&self.path[depth + 1..], payload)? {
                self.push(field.bytes, 0)?;
            } else {
                self.enter(field.number, payload)?;
                self.leave();
            }
        }
        Ok(())
    }

    /// Adds what cannot be split any further, beginning a new piece if this one is full.
    fn push(&mut self, bytes: &[u8], items: u64) -> Result<(), Unsplittable> {
        let full = self.len_with(bytes.len()) > self.most.bytes || self.items + items > self.most.items;
        if full && self.open.iter().any(|frame| !frame.enclosed.is_empty()) {
            self.cut()?;
        }
        if let Some(frame) = self.open.last_mut() {
            frame.enclosed.extend_from_slice(bytes);
        }
        self.items += items;
        Ok(())
    }

    /// The length of the piece if the innermost message got `more` bytes.
    fn len_with(&self, more: usize) -> usize {
        self.open.iter().rev().fold(more, |len, frame| frame.len_in_parent(len))
    }

    /// Ends the innermost message: the one around it has it now.
    fn leave(&mut self) {
        let Some(frame) = self.open.pop() else { return };
        if let Some(parent) = self.open.last_mut() {
            frame.write(&mut parent.enclosed);
        }
    }

    /// Ends a piece; the messages around the next item stay open, with nothing in them.
    fn cut(&mut self) -> Result<(), Unsplittable> {
        let mut inner = Vec::new();
        for frame in self.open.iter_mut().rev() {
            frame.enclosed.append(&mut inner);
            if !frame.enclosed.is_empty() {
                frame.write(&mut inner);
                frame.enclosed.clear();
            }
        }
        self.room = self.room.checked_sub(inner.len()).ok_or(Unsplittable::Repetitive)?;
        self.pieces.push(Piece { body: inner, items: std::mem::take(&mut self.items) });
        Ok(())
    }

    fn finish(&mut self) {
        if self.pieces.is_empty() || self.open.iter().any(|frame| !frame.enclosed.is_empty()) {
            let mut body = Vec::new();
            self.open.iter().for_each(|frame| frame.write(&mut body));
            self.pieces.push(Piece { body, items: self.items });
        }
    }
}

impl Frame<'_> {
    /// Its length in the message around it, with `enclosed` bytes more in it.
    fn len_in_parent(&self, enclosed: usize) -> usize {
        let len = self.context_len + self.enclosed.len() + enclosed;
        match self.number {
            0 => len,
            number => varint::len(tag(number, LEN).into()) + varint::len(len as u64) + len,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.number != 0 {
            put_varint(out, tag(self.number, LEN).into());
            put_varint(out, (self.context_len + self.enclosed.len()) as u64);
        }
        self.context.iter().for_each(|field| out.extend_from_slice(field));
        out.extend_from_slice(&self.enclosed);
    }
}

/// Whether there is no item in a message, however deep. It is kept then, in one piece.
fn encloses_nothing(path: &[&[u32]], message: &[u8]) -> Result<bool, Malformed> {
    for field in Reader::new(message) {
        if let (number, Payload::Len(payload)) = field?
            && path[0].contains(&number)
            && (path.len() == 1 || !encloses_nothing(&path[1..], payload)?)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn put_varint(out: &mut Vec<u8>, value: u64) {
    let mut bytes = [0; varint::MAX_LEN];
    let len = varint::encode(value, &mut bytes);
    out.extend_from_slice(&bytes[..len]);
}

/// A message's fields, each with its bytes as they stand.
struct Fields<'a>(Reader<'a>);

struct Field<'a> {
    number: u32,
    payload: Payload<'a>,
    bytes: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let before = self.0.rest();
        let field = self.0.next()?;
        let bytes = &before[..before.len() - self.0.rest().len()];
        Some(field.map(|(number, payload)| Field { number, payload, bytes }))
    }
}
