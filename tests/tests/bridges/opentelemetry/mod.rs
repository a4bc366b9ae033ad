//! The SDK's data arrives as its own exporter would have sent it: opentelemetry-proto's transformation is the oracle.

mod logs;
mod metrics;
mod traces;

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_proto::tonic::common::v1::{self as common, any_value};
use opentelemetry_sdk::Resource;

/// What an exporter beside ours was given, as the oracle has it.
type Expected<T> = Arc<Mutex<Vec<T>>>;

/// The answer of an exporter that does not wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it blocks instead"),
    }
}

fn resource() -> Resource {
    let attributes = [KeyValue::new("service.name", "switched"), KeyValue::new("answer", 42)];
    Resource::builder_empty().with_schema_url(attributes, "https://example.com/resource").build()
}

fn scope(name: &'static str) -> InstrumentationScope {
    InstrumentationScope::builder(name)
        .with_version("1.2")
        .with_schema_url("https://example.com/scope")
        .with_attributes([KeyValue::new("team", "valves"), KeyValue::new("tier", 1)])
        .build()
}

/// An attribute of each kind; zeros and empty ones among them.
fn attributes() -> Vec<KeyValue> {
    vec![
        KeyValue::new("bool", false),
        KeyValue::new("int", 0),
        KeyValue::new("least", i64::MIN),
        KeyValue::new("double", 0.0),
        KeyValue::new("nan", f64::NAN.copysign(1.0)),
        KeyValue::new("text", "zwölf"),
        KeyValue::new("empty", ""),
        KeyValue::new("long", "x".repeat(3000)),
        KeyValue::new("bools", Value::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("ints", Value::Array(Array::I64(vec![1, -1]))),
        KeyValue::new("doubles", Value::Array(Array::F64(vec![]))),
        KeyValue::new("texts", Value::Array(Array::String(vec!["a".into(), "".into()]))),
    ]
}

/// Makes the order of what has none the same.
fn sort(attributes: &mut [common::KeyValue]) {
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    for value in attributes.iter_mut().filter_map(|attribute| attribute.value.as_mut()) {
        sort_value(value);
    }
}

fn sort_value(value: &mut common::AnyValue) {
    match &mut value.value {
        Some(any_value::Value::KvlistValue(list)) => sort(&mut list.values),
        Some(any_value::Value::ArrayValue(list)) => list.values.iter_mut().for_each(sort_value),
        // It is not equal to itself.
        Some(any_value::Value::DoubleValue(value)) if value.is_nan() => *value = 7e77,
        _ => {}
    }
}
