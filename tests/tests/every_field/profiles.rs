//! A profile that says all that a profile can.

use prost::Message;
use smoltel_core::otlp::profiles::{Function, IndexedValue, Line, Location, Mapping, Profile, Sample};
use smoltel_core::{SpanContext, SpanId, TraceId};
use smoltel_proto::types::collector::profiles::v1development::ExportProfilesServiceRequest;
use smoltel_proto::types::common::v1::{AnyValue, KeyValue, KeyValueList, any_value};
use smoltel_proto::types::profiles::v1development as types;

use super::producer::{self, RESOURCE_SCHEMA, SCOPE, SCOPE_SCHEMA};

const SPAN: SpanContext =
    SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 1, is_remote: false };

/// The request, after prost has found in it what was put in.
pub(crate) fn request() -> Vec<u8> {
    let (resource, mut buf) = (producer::our_resource(), vec![0; 4096]);
    let mut profile = Profile::new(&mut buf, resource.as_bytes(), SCOPE).unwrap();
    let [name, system, file] = ["adjust", "_adjust", "valve.c"].map(|text| profile.string(text).unwrap());
    let texts = [(name, IndexedValue::Text(system)), (file, IndexedValue::Text(Default::default()))];
    let attribute = profile.attribute("key", IndexedValue::Map(&texts), "By").unwrap();
    let attributes = &[attribute];
    let mapping = Mapping { memory_start: 1, memory_limit: 2, file_offset: 3, file, attributes };
    let mapping = profile.mapping(&mapping).unwrap();
    let function = Function { name, system_name: system, file, start_line: 4 };
    let function = profile.function(&function).unwrap();
    let lines = &[Line { function, line: 5, column: 6 }];
    let location = profile.location(&Location { mapping, address: 7, lines, attributes }).unwrap();
    let (stack, link) = (profile.stack(&[location]).unwrap(), profile.link(&SPAN).unwrap());
    profile.sample(&Sample { stack, values: &[8], timestamps: &[9], attributes, link }).unwrap();
    profile.sample_type("adjust", "By").unwrap().period("_adjust", "By", 10).unwrap();
    profile.id(&[3; 16]).unwrap().attributes(attributes).unwrap().dropped_attributes(11).unwrap();
    profile.original("pprof", b"data").unwrap();
    let bytes = profile.finish(12, 13).to_vec();
    let decoded = ExportProfilesServiceRequest::decode(&bytes[..]).unwrap();
    assert_eq!(decoded.resource_profiles, [expected_profile()]);
    assert_eq!(decoded.dictionary, Some(expected_dictionary()));
    let data = types::ProfilesData::decode(&bytes[..]).unwrap();
    assert_eq!(data.encode_to_vec(), decoded.encode_to_vec(), "data at rest are the same bytes");
    bytes
}

fn expected_profile() -> types::ResourceProfiles {
    let sample = types::Sample {
        stack_index: 1,
        attribute_indices: vec![1],
        link_index: 1,
        values: vec![8],
        timestamps_unix_nano: vec![9],
    };
    let profile = types::Profile {
        sample_type: Some(types::ValueType { type_strindex: 1, unit_strindex: 5 }),
        samples: vec![sample],
        time_unix_nano: 12,
        duration_nano: 13,
        period_type: Some(types::ValueType { type_strindex: 2, unit_strindex: 5 }),
        period: 10,
        profile_id: vec![3; 16],
        dropped_attributes_count: 11,
        original_payload_format: "pprof".into(),
        original_payload: b"data".to_vec(),
        attribute_indices: vec![1],
    };
    let scope = types::ScopeProfiles {
        scope: Some(producer::scope()),
        profiles: vec![profile],
        schema_url: SCOPE_SCHEMA.into(),
    };
    types::ResourceProfiles {
        resource: Some(producer::resource()),
        scope_profiles: vec![scope],
        schema_url: RESOURCE_SCHEMA.into(),
    }
}

fn expected_dictionary() -> types::ProfilesDictionary {
    let text = |index| Some(AnyValue { value: Some(any_value::Value::StringValueStrindex(index)) });
    let pair = |key_strindex, index| KeyValue { key_strindex, value: text(index), ..KeyValue::default() };
    let map = KeyValueList { values: vec![pair(1, 2), pair(3, 0)] };
    let map = AnyValue { value: Some(any_value::Value::KvlistValue(map)) };
    let line = types::Line { function_index: 1, line: 5, column: 6 };
    let mapping = types::Mapping {
        memory_start: 1,
        memory_limit: 2,
        file_offset: 3,
        filename_strindex: 3,
        attribute_indices: vec![1],
    };
    let location =
        types::Location { mapping_index: 1, address: 7, lines: vec![line], attribute_indices: vec![1] };
    let function =
        types::Function { name_strindex: 1, system_name_strindex: 2, filename_strindex: 3, start_line: 4 };
    let link = |trace, span| types::Link { trace_id: vec![trace; 16], span_id: vec![span; 8] };
    let nothing = types::KeyValueAndUnit::default();
    let attribute = types::KeyValueAndUnit { key_strindex: 4, value: Some(map), unit_strindex: 5 };
    types::ProfilesDictionary {
        mapping_table: vec![Default::default(), mapping],
        location_table: vec![Default::default(), location],
        function_table: vec![Default::default(), function],
        link_table: vec![link(0, 0), link(1, 2)],
        string_table: ["", "adjust", "_adjust", "valve.c", "key", "By"].map(String::from).to_vec(),
        attribute_table: vec![nothing, attribute],
        stack_table: vec![Default::default(), types::Stack { location_indices: vec![1] }],
    }
}
