//! What processors do to records, read by a decoder that is not ours.

mod records;

use proptest::prelude::*;
use records::{Any, record};
use smoltel_core::platform::Priority;
use smoltel_core::processor::{Allow, Deny, Edit, HashKey, Processor, Record, Redact, Verdict};
use smoltel_proto::types::common::v1::{AnyValue, KeyValue, any_value::Value};

static KEY: HashKey = HashKey::new(*b"of sixteen bytes");

/// A processor for each of the keys that records have.
static REDACT: (Redact<'_>, Deny<'_>) = (
    Redact::new(&[
        ("masked", Edit::Mask),
        ("hashed", Edit::Hash(&KEY)),
        ("cut*", Edit::Truncate(3)),
        ("cut.too", Edit::Drop),
    ])
    .body(Edit::Truncate(2)),
    Deny::new(&["dropped"]),
);

/// What `processor` makes of a record in a slot with that much room left.
fn processed(record: &Any, room: usize, processor: &dyn Processor) -> Any {
    let mut slot = record.encode();
    let len = slot.len();
    slot.resize(len + room, 0xEE);
    let mut view = Record::new(record.signal(), 0, Priority::Low, &mut slot, len);
    assert_eq!(processor.process(&mut view), Verdict::Keep);
    record.decode(view.bytes())
}

fn text(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(Value::StringValue(text.into())) })
}

fn truncated(value: &mut AnyValue, chars: usize) {
    if let Some(Value::StringValue(text)) = &mut value.value {
        *text = text.chars().take(chars).collect();
    }
}

fn hashed(value: &AnyValue) -> Option<AnyValue> {
    let digits = match &value.value {
        Some(Value::StringValue(text)) => KEY.digits(text.as_bytes()),
        _ => KEY.digits(&prost::Message::encode_to_vec(value)),
    };
    text(std::str::from_utf8(&digits).unwrap())
}

fn redact(attributes: &mut Vec<KeyValue>) {
    attributes.retain(|attribute| attribute.key != "dropped");
    for KeyValue { key, value, .. } in attributes {
        let Some(found) = value else { continue };
        match key.as_str() {
            "masked" => *value = text("***"),
            "hashed" => *value = hashed(found),
            "cut" | "cut.too" => truncated(found, 3),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn every_attribute_of_a_record_is_changed_as_its_rule_says(record in record()) {
        let mut expected = record.clone();
        expected.each_attributes(&mut redact);
        if let Any::Log(log) = &mut expected {
            log.body.iter_mut().for_each(|body| truncated(body, 2));
        }
        prop_assert_eq!(processed(&record, 4096, &REDACT), expected);
    }

    #[test]
    fn without_room_an_attribute_goes_rather_than_show_its_value(record in record(), room in 0..40usize) {
        let mut left = processed(&record, room, &REDACT);
        let mut expected = record;
        // What needs no room is as it always is; what does is hidden or gone.
        let mut sure = Vec::new();
        expected.each_attributes(&mut |attributes| {
            redact(attributes);
            sure.push(std::mem::take(attributes));
        });
        let mut sure = sure.into_iter();
        left.each_attributes(&mut |attributes| {
            let mut expected = sure.next().unwrap();
            let may_go = |attribute: &KeyValue| matches!(attribute.key.as_str(), "masked" | "hashed");
            assert!(attributes.iter().all(|attribute| expected.contains(attribute)));
            attributes.retain(|attribute| !may_go(attribute));
            expected.retain(|attribute| !may_go(attribute));
            assert_eq!(*attributes, expected);
        });
    }

    #[test]
    fn only_what_is_allowed_stays(record in record()) {
        let mut expected = record.clone();
        expected.each_attributes(&mut |list| list.retain(|attribute| attribute.key.starts_with("cut")));
        prop_assert_eq!(processed(&record, 0, &Allow::new(&["cut*"])), expected);
        let mut none = record.clone();
        none.each_attributes(&mut Vec::clear);
        prop_assert_eq!(processed(&record, 0, &Deny::new(&["*"])), none);
    }

    #[test]
    fn bytes_that_are_no_record_are_dropped_or_left_and_never_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..80), signal in 0..3u8
    ) {
        let signal = smoltel_core::Signal::from_number(signal).unwrap();
        let len = bytes.len();
        let mut view = Record::new(signal, 0, Priority::Low, &mut bytes, len);
        let _ = (view.severity(), view.is_failed(), view.is_sampled());
        let _ = REDACT.process(&mut view);
    }
}
