//! A profile that was written in a buffer decodes with prost to what was put in.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;
use smoltel_core::otlp::profiles::{
    Function, Image, IndexedValue, Line, Location, MAX_FRAMES, Mapping, Profile, Refused, Sample,
};
use smoltel_core::{Resource, Scope, SpanContext, SpanId, TraceId};
use smoltel_proto::types::collector::profiles::v1development::ExportProfilesServiceRequest;
use smoltel_proto::types::common::v1::any_value::Value;
use smoltel_proto::types::profiles::v1development as types;
use smoltel_proto::{check, table};

fn decoded(request: &[u8]) -> (types::Profile, types::ProfilesDictionary) {
    assert_eq!(check(&table::EXPORT_PROFILES_SERVICE_REQUEST, request).unwrap().items, 1);
    let mut request = ExportProfilesServiceRequest::decode(request).unwrap();
    let dictionary = request.dictionary.unwrap();
    assert_zero_elements(&dictionary);
    let mut resource = request.resource_profiles.remove(0);
    assert_eq!(resource.resource.unwrap().attributes[0].key, "service.name");
    assert_eq!(resource.scope_profiles[0].scope.as_ref().unwrap().name, "sampler");
    (resource.scope_profiles.remove(0).profiles.remove(0), dictionary)
}

/// Entry 0 of every table stands for nothing.
fn assert_zero_elements(dictionary: &types::ProfilesDictionary) {
    assert_eq!(dictionary.mapping_table[0], types::Mapping::default());
    assert_eq!(dictionary.location_table[0], types::Location::default());
    assert_eq!(dictionary.function_table[0], types::Function::default());
    assert_eq!(dictionary.link_table[0], types::Link { trace_id: vec![0; 16], span_id: vec![0; 8] });
    assert_eq!(dictionary.string_table[0], "");
    assert_eq!(dictionary.attribute_table[0].key_strindex, 0);
    assert_eq!(dictionary.stack_table[0], types::Stack::default());
}

fn resource() -> Resource<64> {
    Resource::new().with("service.name", "thermostat").unwrap()
}

/// The addresses of a sample's stack.
fn addresses(dictionary: &types::ProfilesDictionary, sample: &types::Sample) -> Vec<u64> {
    let stack = &dictionary.stack_table[sample.stack_index as usize];
    let locations = stack.location_indices.iter().map(|at| &dictionary.location_table[*at as usize]);
    locations.map(|location| location.address).collect()
}

proptest! {
    #[test]
    fn sums_by_stack_are_those_of_the_samples(
        samples in proptest::collection::vec((proptest::collection::vec(0..12u64, 0..6), -3..2000i64), 0..60),
        room in 0..3000usize,
    ) {
        let (resource, mut buf) = (resource(), vec![0xEE; room]);
        let Ok(mut profile) = Profile::new(&mut buf, resource.as_bytes(), Scope::new("sampler")) else {
            return Ok(());
        };
        let addresses_in_flash = 0x0800_0000..0x0900_0000;
        let image = Image { file: "a.elf", build_id: &[0x0F, 0xA0], addresses: addresses_in_flash };
        let Ok(image) = profile.image(&image) else { return Ok(()) };
        let mut expected = BTreeMap::new();
        for (stack, value) in &samples {
            let stack: Vec<u64> = stack.iter().map(|low| 0x0800_0000 + low * 1000).collect();
            let Ok(index) = profile.addresses(image, &stack) else { continue };
            match profile.sample(&Sample::new(index, &[*value])) {
                Ok(()) => *expected.entry(stack).or_insert(0) += value,
                Err(refused) => prop_assert_eq!(refused, Refused::Full),
            }
        }
        let (profile, dictionary) = decoded(profile.finish(7, 9));
        let mut found = BTreeMap::new();
        for sample in &profile.samples {
            prop_assert_eq!(sample.values.len(), 1);
            let twice = found.insert(addresses(&dictionary, sample), sample.values[0]);
            prop_assert!(twice.is_none(), "one sample for each stack");
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!((profile.time_unix_nano, profile.duration_nano), (7, 9));
        let mapping = &dictionary.mapping_table[1];
        prop_assert_eq!((mapping.memory_start, mapping.memory_limit), (0x0800_0000, 0x0900_0000));
        prop_assert_eq!(&dictionary.string_table[mapping.filename_strindex as usize], "a.elf");
        let build_id = &dictionary.attribute_table[mapping.attribute_indices[0] as usize];
        prop_assert_eq!(&dictionary.string_table[build_id.key_strindex as usize], "process.executable.build_id.gnu");
        prop_assert_eq!(build_id.value.clone().unwrap().value, Some(Value::StringValue("0fa0".into())));
        prop_assert!(dictionary.location_table[1..].iter().all(|location| location.mapping_index == 1));
    }
}

#[test]
fn entries_are_written_once_and_found_again() {
    let (resource, mut buf) = (resource(), [0; 2048]);
    let mut profile = Profile::new(&mut buf, resource.as_bytes(), Scope::new("sampler")).unwrap();
    let name = profile.string("adjust").unwrap();
    let function = Function { name, start_line: 3, ..Function::default() };
    let function = profile.function(&function).unwrap();
    assert_eq!(
        profile.function(&Function { start_line: 3, ..Function::default() }).unwrap(),
        Default::default()
    );
    let lines = [Line { function, line: -1, column: 1 }];
    let location = Location { address: u64::MAX, lines: &lines, ..Location::default() };
    let location = profile.location(&location).unwrap();
    let span =
        SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 1, is_remote: false };
    let none = SpanContext { span_id: SpanId([0; 8]), ..span };
    let link = profile.link(&span).unwrap();
    assert_eq!(profile.link(&none).unwrap(), Default::default());
    let indexed = [(name, IndexedValue::Text(name))];
    let attribute = profile.attribute("thread", IndexedValue::Map(&indexed), "By").unwrap();
    let (stack, empty) = (profile.stack(&[location, location]).unwrap(), profile.stack(&[]).unwrap());
    assert_eq!(empty, Default::default());
    assert_eq!(profile.string("adjust").unwrap(), name);
    assert_eq!(profile.link(&span).unwrap(), link);
    let attributes = &[attribute];
    let both = Sample { stack, values: &[-1, 2], timestamps: &[5, 6], attributes, link };
    let times = Sample { values: &[], ..both };
    for _ in 0..2 {
        [both, times].iter().for_each(|sample| profile.sample(sample).unwrap());
    }
    profile.sample_type("old", "old").unwrap().sample_type("wall", "ns").unwrap();
    profile.dropped_attributes(5).unwrap().dropped_attributes(0).unwrap();
    let (profile, dictionary) = decoded(profile.finish(0, 0));
    assert_eq!(profile.samples.len(), 4, "what is not a sum stands by itself");
    let both = profile.samples.iter().find(|sample| sample.values == [-1, 2]).unwrap();
    assert_eq!((&both.timestamps_unix_nano[..], &both.attribute_indices[..]), (&[5, 6][..], &[1][..]));
    assert_eq!(addresses(&dictionary, both), [u64::MAX; 2]);
    assert_eq!(dictionary.link_table[both.link_index as usize].span_id, [2; 8]);
    let line = dictionary.location_table[1].lines[0];
    assert_eq!((line.function_index, line.line, line.column), (1, -1, 1));
    let sample_type = profile.sample_type.unwrap();
    assert_eq!(dictionary.string_table[sample_type.type_strindex as usize], "wall");
    assert_eq!(profile.dropped_attributes_count, 0);
    let Some(Value::KvlistValue(map)) = dictionary.attribute_table[1].value.clone().unwrap().value else {
        panic!("a map")
    };
    assert_eq!(map.values[0].key_strindex, 1);
    assert_eq!(map.values[0].value.as_ref().unwrap().value, Some(Value::StringValueStrindex(1)));
}

#[test]
fn what_otlp_does_not_have_is_refused() {
    let (resource, mut buf) = (resource(), [0; 4096]);
    let mut profile = Profile::new(&mut buf, resource.as_bytes(), Scope::new("sampler")).unwrap();
    let mapping = profile.mapping(&Mapping::default()).unwrap();
    let stack = profile.addresses(mapping, &[1; MAX_FRAMES]).unwrap();
    assert_eq!(profile.addresses(mapping, &[1; MAX_FRAMES + 1]), Err(Refused::Shape));
    assert_eq!(profile.sample(&Sample::new(stack, &[])), Err(Refused::Shape));
    let uneven = Sample { timestamps: &[1], ..Sample::new(stack, &[1, 2]) };
    assert_eq!(profile.sample(&uneven), Err(Refused::Shape));
    assert_eq!(profile.original("", b"x").unwrap_err(), Refused::Shape);
    assert_eq!(profile.original("pprof", b"").unwrap_err(), Refused::Shape);
    assert_eq!(profile.original("pprof", &[1; 4096]).unwrap_err(), Refused::Full);
    let long = Image { file: "", build_id: &[1; 33], addresses: 0..0 };
    assert_eq!(profile.image(&long), Err(Refused::Shape));
    let (profile, _) = decoded(profile.finish(0, 0));
    assert_eq!((profile.samples.len(), profile.original_payload_format.as_str()), (0, ""));
}
