//! Wire to JSON.

use std::io::Write as _;

use super::{any_type, text};
use crate::check::{Invalid, check};
use crate::generated::table::LARGEST_NUMBER;
use crate::table::{Cardinality, Field, Form, Kind, Message, WireType};
use crate::wire::{Entries, Entry, Value, fixed32, fixed64, varint};

/// Appends the message as one line of OTLP/JSON.
///
/// Ids are hexadecimal, enums integers, 64-bit integers strings; members come in the order of their numbers,
/// and defaults without presence are left out. What protobuf merges is merged. `out` grows by at most 20
/// times the length of `wire`. Only a message that lies in pieces takes memory beside it, 16 bytes a piece.
///
/// # Errors
/// [`Invalid`] when [`check`] refuses the bytes; nothing has been appended then.
pub fn to_json(root: &'static Message, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
    check(root, wire)?;
    Writer { out }.message(root, &[wire]);
    Ok(())
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

/// A place in a message: its piece, and the offset there.
type Place = (usize, usize);

/// The first and the last occurrence of a field that count, if there are any.
type Seen = Option<(Place, Place)>;

/// The occurrences of one field in the pieces of a message, from one place to another.
fn occurrences<'a>(
    pieces: &[&'a [u8]],
    number: u32,
    (first, last): (Place, Place),
) -> impl Iterator<Item = Entry<'a>> {
    let between = pieces.get(first.0..=last.0).unwrap_or_default();
    between.iter().zip(first.0..).flat_map(move |(piece, index)| {
        let start = if index == first.0 { first.1 } else { 0 };
        let end = if index == last.0 { last.1 } else { usize::MAX };
        Entries::new(piece.get(start..).unwrap_or_default())
            .take_while(move |entry| entry.start <= end - start)
            .filter(move |entry| entry.number == number)
    })
}

/// The last occurrence of a field, the one that counts where values do not merge.
fn last<'a>(pieces: &[&'a [u8]], number: u32, seen: Seen) -> Option<Value<'a>> {
    let (_, place) = seen?;
    occurrences(pieces, number, (place, place)).next().map(|entry| entry.value)
}

/// One pass over a message: where each field's occurrences are, the losers of a oneof forgotten.
fn survey(message: &Message, pieces: &[&[u8]]) -> [Seen; LARGEST_NUMBER + 1] {
    let mut all = [None; LARGEST_NUMBER + 1];
    let mut winner = 0;
    for (index, piece) in pieces.iter().enumerate() {
        for entry in Entries::new(piece) {
            let Some(field) = message.field(entry.number) else { continue };
            let number = field.number as usize;
            if field.cardinality == Cardinality::Oneof && winner != number {
                all[winner] = None;
                winner = number;
            }
            let here = (index, entry.start);
            all[number] = Some((all[number].map_or(here, |(first, _)| first), here));
        }
    }
    all
}

impl Writer<'_> {
    /// Writes a message that may lie in several pieces, which protobuf merges into one.
    fn message(&mut self, message: &'static Message, pieces: &[&[u8]]) {
        let all = survey(message, pieces);
        match message.form {
            Form::Fields => {
                self.out.push(b'{');
                self.members(message, pieces, &all, true);
                self.out.push(b'}');
            }
            Form::Any => self.any(message, pieces, &all),
            Form::Duration => self.duration(pieces, &all),
        }
    }

    fn members(&mut self, message: &'static Message, pieces: &[&[u8]], all: &[Seen], mut first: bool) {
        for field in message.fields() {
            let Some(seen) = all.get(field.number as usize).copied().flatten() else { continue };
            let before = self.out.len();
            if !first {
                self.out.push(b',');
            }
            let _ = write!(self.out, "\"{}\":", field.json_name);
            if self.member(field, pieces, seen) {
                first = false;
            } else {
                self.out.truncate(before);
            }
        }
    }

    /// Writes a field's value; false when it is a default that goes without saying.
    fn member(
        &mut self,
        field: &'static Field,
        pieces: &[&[u8]],
        seen: ((usize, usize), (usize, usize)),
    ) -> bool {
        let all = occurrences(pieces, field.number, seen);
        if field.is_repeated() {
            self.array(field, all);
            return true;
        }
        if let Kind::Message(inner) = field.kind {
            if seen.0 == seen.1 {
                all.for_each(|entry| self.message(inner, &[bytes(entry.value)]));
            } else {
                let inner_pieces: Vec<_> =
                    all.map(|entry| bytes(entry.value)).filter(|piece| !piece.is_empty()).collect();
                self.message(inner, &inner_pieces);
            }
            return true;
        }
        last(pieces, field.number, Some(seen)).is_some_and(|value| self.singular(field, value))
    }

    fn singular(&mut self, field: &Field, value: Value<'_>) -> bool {
        if field.cardinality == Cardinality::Singular && is_default(field.kind, value) {
            return false;
        }
        self.scalar(field.kind, value);
        true
    }

    fn array<'a>(&mut self, field: &'static Field, all: impl Iterator<Item = Entry<'a>>) {
        self.out.push(b'[');
        let start = self.out.len();
        for entry in all {
            match (field.kind, entry.value) {
                (Kind::Message(inner), value) => {
                    self.comma(start);
                    self.message(inner, &[bytes(value)]);
                }
                (kind, Value::Length(block)) if field.cardinality == Cardinality::Packed => {
                    self.block(kind, field.wire, block, start);
                }
                (kind, value) => {
                    self.comma(start);
                    self.scalar(kind, value);
                }
            }
        }
        self.out.push(b']');
    }

    fn block(&mut self, kind: Kind, wire: WireType, mut block: &[u8], start: usize) {
        while !block.is_empty() {
            let read = match wire {
                WireType::Fixed64 => fixed64(block).map(|(value, rest)| (Value::Fixed64(value), rest)),
                WireType::Fixed32 => fixed32(block).map(|(value, rest)| (Value::Fixed32(value), rest)),
                _ => varint(block).map(|(value, rest)| (Value::Varint(value), rest)),
            };
            let Ok((value, rest)) = read else { return };
            self.comma(start);
            self.scalar(kind, value);
            block = rest;
        }
    }

    fn comma(&mut self, start: usize) {
        if self.out.len() > start {
            self.out.push(b',');
        }
    }

    fn scalar(&mut self, kind: Kind, value: Value<'_>) {
        // Writing to a Vec cannot fail.
        let _ = match (kind, value) {
            (Kind::Bool, Value::Varint(v)) => write!(self.out, "{}", v != 0),
            (Kind::Int32 | Kind::Enum, Value::Varint(v)) => write!(self.out, "{}", v as i32),
            (Kind::Uint32, Value::Varint(v)) => write!(self.out, "{}", v as u32),
            (Kind::Sint32, Value::Varint(v)) => write!(self.out, "{}", unzigzag(v as u32)),
            (Kind::Int64, Value::Varint(v)) => write!(self.out, "\"{}\"", v as i64),
            (Kind::Uint64, Value::Varint(v)) => write!(self.out, "\"{v}\""),
            (Kind::Fixed32, Value::Fixed32(v)) => write!(self.out, "{v}"),
            (Kind::Fixed64, Value::Fixed64(v)) => write!(self.out, "\"{v}\""),
            (Kind::Sfixed64, Value::Fixed64(v)) => write!(self.out, "\"{}\"", v as i64),
            (Kind::Double, Value::Fixed64(v)) => text::put_double(self.out, f64::from_bits(v)),
            (Kind::String, value) => {
                text::put_string(self.out, bytes(value));
                Ok(())
            }
            (Kind::Id, value) => {
                text::put_hex(self.out, bytes(value));
                Ok(())
            }
            (_, value) => {
                text::put_base64(self.out, bytes(value));
                Ok(())
            }
        };
    }

    /// `{"@type":url, …}` with the members of the message within, or its bytes as `value` where it is unknown.
    fn any(&mut self, message: &'static Message, pieces: &[&[u8]], all: &[Seen; LARGEST_NUMBER + 1]) {
        let url = last(pieces, 1, all[1]).map_or(&[][..], bytes);
        let value = last(pieces, 2, all[2]).map_or(&[][..], bytes);
        self.out.extend_from_slice(b"{\"@type\":");
        text::put_string(self.out, url);
        match str::from_utf8(url).ok().and_then(any_type).filter(|inner| check(inner, value).is_ok()) {
            Some(inner) => self.members(inner, &[value], &survey(inner, &[value]), false),
            None => self.members(message, pieces, &[None, None, all[2]], false),
        }
        self.out.push(b'}');
    }

    fn duration(&mut self, pieces: &[&[u8]], all: &[Seen; LARGEST_NUMBER + 1]) {
        let [seconds, nanos] = [1, 2].map(|number| match last(pieces, number, all[number as usize]) {
            Some(Value::Varint(value)) => value as i64,
            _ => 0,
        });
        text::put_duration(self.out, seconds, nanos as i32);
    }
}

fn bytes(value: Value<'_>) -> &[u8] {
    if let Value::Length(bytes) = value { bytes } else { &[] }
}

/// What the kind makes of the value counts: a varint beyond 32 bits can still be an int32 of 0.
fn is_default(kind: Kind, value: Value<'_>) -> bool {
    match (kind, value) {
        (Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Enum, Value::Varint(v)) => v as u32 == 0,
        (_, Value::Varint(v) | Value::Fixed64(v)) => v == 0,
        (_, Value::Fixed32(v)) => v == 0,
        (_, value) => bytes(value).is_empty(),
    }
}

fn unzigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}
