//! Core's reader and prost say the same of bytes from outside.
//!
//! Compared are: whether the bytes are a message, against prost's walk without a schema (`()`), and every field's number
//! and value, against prost's own primitives. Where they differ is stated and held: core refuses groups, which OTLP does
//! not have. Then what an endpoint's answer says, against prost's decoded one.

use proptest::prelude::*;
use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use smoltel_core::otlp::collector::Response;
use smoltel_core::wire::{Payload, Reader};
use smoltel_proto::types::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};

#[derive(Clone, Debug)]
enum Value {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Vec<u8>),
    Group(Vec<(u32, Value)>),
}

fn fields() -> impl Strategy<Value = Vec<(u32, Value)>> {
    let number = || prop_oneof![4 => 1..4u32, 1 => 1..1u32 << 29];
    let value = prop_oneof![
        prop_oneof![0..300u64, any::<u64>()].prop_map(Value::Varint),
        any::<u64>().prop_map(Value::Fixed64),
        any::<u32>().prop_map(Value::Fixed32),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Value::Bytes),
    ];
    let value = value.prop_recursive(2, 8, 3, move |inner| {
        prop::collection::vec((number(), inner), 0..3).prop_map(Value::Group)
    });
    prop::collection::vec((number(), value), 0..8)
}

fn encode(fields: &[(u32, Value)], out: &mut Vec<u8>) {
    for (number, value) in fields {
        let mut key = |wire_type| encode_key(*number, wire_type, out);
        match value {
            Value::Varint(value) => {
                key(WireType::Varint);
                encode_varint(*value, out);
            }
            Value::Fixed64(value) => {
                key(WireType::SixtyFourBit);
                out.extend(value.to_le_bytes());
            }
            Value::Fixed32(value) => {
                key(WireType::ThirtyTwoBit);
                out.extend(value.to_le_bytes());
            }
            Value::Bytes(bytes) => {
                key(WireType::LengthDelimited);
                encode_varint(bytes.len() as u64, out);
                out.extend(bytes);
            }
            Value::Group(inner) => {
                key(WireType::StartGroup);
                encode(inner, out);
                encode_key(*number, WireType::EndGroup, out);
            }
        }
    }
}

/// Flips a bit, inserts or removes a byte, or cuts the end off.
fn mutate(bytes: &mut Vec<u8>, changes: &[(usize, u8, u8)]) {
    for &(place, what, byte) in changes {
        let place = place % (bytes.len() + 1);
        match what % 4 {
            0 => bytes.insert(place, byte),
            1 if place < bytes.len() => drop(bytes.remove(place)),
            2 => bytes.truncate(place.max(bytes.len() / 2)),
            _ if place < bytes.len() => bytes[place] ^= 1 << (byte % 8),
            _ => {}
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 0..4)
}

/// Reads with prost the field that core's reader gave out, and compares.
fn same_field(field: (u32, Payload<'_>), prosts: &mut &[u8]) -> Result<(), TestCaseError> {
    let (number, wire_type) = decode_key(prosts).expect("core's reader took it");
    prop_assert_eq!(field.0, number);
    match field.1 {
        Payload::Varint(value) => {
            prop_assert_eq!((WireType::Varint, value), (wire_type, decode_varint(prosts).unwrap()));
        }
        Payload::Fixed64(value) => {
            prop_assert_eq!((WireType::SixtyFourBit, value), (wire_type, prosts.get_u64_le()));
        }
        Payload::Fixed32(value) => {
            prop_assert_eq!((WireType::ThirtyTwoBit, value), (wire_type, prosts.get_u32_le()));
        }
        Payload::Len(bytes) => {
            let len = decode_varint(prosts).unwrap() as usize;
            prop_assert_eq!((WireType::LengthDelimited, bytes), (wire_type, &prosts[..len]));
            prosts.advance(len);
        }
    }
    Ok(())
}

/// Walks `bytes` with core's reader beside prost, and returns whether they were taken.
fn agree(bytes: &[u8]) -> Result<bool, TestCaseError> {
    let accepted = <()>::decode(bytes).is_ok();
    let (mut reader, mut prosts) = (Reader::new(bytes), bytes);
    while let Some(field) = reader.next() {
        match field {
            Ok(field) => same_field(field, &mut prosts)?,
            Err(_) if accepted => {
                let (_, wire_type) = decode_key(&mut prosts).expect("prost took it");
                prop_assert_eq!(wire_type, WireType::StartGroup, "refused without a reason");
                return Ok(false);
            }
            Err(_) => return Ok(false),
        }
        prop_assert_eq!(reader.rest(), prosts);
    }
    prop_assert!(accepted, "taken, and prost refuses it");
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn fields_are_read_as_prost_reads_them(fields in fields(), changes in changes()) {
        let mut bytes = Vec::new();
        encode(&fields, &mut bytes);
        let groups = fields.iter().any(|(_, value)| matches!(value, Value::Group(_)));
        prop_assert_eq!(agree(&bytes)?, !groups, "what prost wrote is read");
        mutate(&mut bytes, &changes);
        agree(&bytes)?;
    }

    #[test]
    fn short_bytes_are_read_as_prost_reads_them(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x78..=0x88u8, Just(0xFF), Just(0)], 0..24)) {
        agree(&bytes)?;
    }

    #[test]
    fn answers_say_what_prost_reads_in_them(
        answer in answer(),
        twice in proptest::option::of(answer()),
        changes in changes(),
    ) {
        let mut bytes = answer.encode_to_vec();
        bytes.extend(twice.into_iter().flat_map(|answer| answer.encode_to_vec()));
        mutate(&mut bytes, &changes);
        if let Ok(prosts) = ExportLogsServiceResponse::decode(&bytes[..]) {
            let expected = prosts.partial_success.unwrap_or_default();
            match Response::decode(&bytes) {
                Ok(ours) => {
                    prop_assert_eq!(ours.rejected, u64::try_from(expected.rejected_log_records).unwrap_or(0));
                    prop_assert_eq!(ours.message, expected.error_message);
                }
                Err(_) => prop_assert!(has_group(&bytes), "refused without a reason"),
            }
        }
    }
}

fn answer() -> impl Strategy<Value = ExportLogsServiceResponse> {
    let partial = (any::<i64>(), ".{0,40}").prop_map(|(rejected_log_records, error_message)| {
        ExportLogsPartialSuccess { rejected_log_records, error_message }
    });
    proptest::option::of(partial).prop_map(|partial_success| ExportLogsServiceResponse { partial_success })
}

/// Whether an answer that prost takes has a group in it, or in its partial success.
fn has_group(bytes: &[u8]) -> bool {
    Reader::new(bytes).any(|field| match field {
        Ok((1, Payload::Len(partial))) => has_group(partial),
        field => field.is_err(),
    })
}

#[test]
fn the_ends_of_numbers_are_where_prost_has_them() {
    let varint = |tenth| [[0x08].as_slice(), &[0xFF; 9], &[tenth]].concat();
    let padded = |n: usize| [&vec![0x88; 1][..], &vec![0x80; n - 2], &[0], &[5]].concat();
    let cases = [
        (varint(0), true),
        (varint(1), true),
        (varint(2), false),
        (varint(0x81), false),
        (padded(5), true),
        (padded(10), true),
        (padded(11), false),
        (vec![0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 0], true),
        (vec![0xF8, 0xFF, 0xFF, 0xFF, 0x1F, 0], false),
        (vec![0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], false),
        (vec![0x0A, 0x81, 0x80, 0, 7], true),
        (vec![0x00, 0], false),
    ];
    for (bytes, taken) in cases {
        assert_eq!(agree(&bytes).unwrap(), taken, "{bytes:02x?}");
    }
}
