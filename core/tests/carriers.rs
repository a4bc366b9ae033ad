//! Context goes through whatever carries it: headers of any case, lines that come twice, the environment.

use smoltel_core::propagation::{Context, Propagator, TraceContext, TraceState, W3cBaggage, env_name};
use smoltel_core::{SpanContext, SpanId, TraceId};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const W3C: (TraceContext, W3cBaggage) = (TraceContext, W3cBaggage);

fn extract<'a>(propagator: &impl Propagator, fields: &[(&str, &'a str)], context: &mut Context<'a>) {
    propagator.extract(context, &|name| {
        let found = fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_bytes())
    });
}

fn extracted<'a>(fields: &[(&str, &'a str)]) -> Context<'a> {
    let mut context = Context::default();
    extract(&W3C, fields, &mut context);
    context
}

fn injected(propagator: &impl Propagator, context: &Context<'_>, room: usize) -> Vec<String> {
    let mut sent = Vec::new();
    propagator.inject(context, &mut vec![0; room], &mut |name, value| sent.push(format!("{name}: {value}")));
    sent
}

#[test]
fn what_comes_in_goes_out_in_lower_case() {
    let context = extracted(&[("TraceParent", PARENT), ("TRACESTATE", "a=1, b=2"), ("Baggage", "k=v;m")]);
    let parent = context.span.unwrap();
    assert!(parent.is_remote && parent.flags == SpanContext::SAMPLED);
    let expected = [format!("traceparent: {PARENT}"), "tracestate: a=1,b=2".into(), "baggage: k=v;m".into()];
    assert_eq!(injected(&W3C, &context, 512), expected);
}

#[test]
fn what_is_missing_or_invalid_leaves_the_context_as_it_was() {
    let before = extracted(&[("traceparent", PARENT), ("tracestate", "a=1"), ("baggage", "k=v")]);
    for fields in [
        &[][..],
        &[("traceparent", "00-0-0-00"), ("tracestate", "b=2"), ("baggage", ",")],
        &[("tracestate", "b=2")],
        &[("baggage", "not baggage")],
    ] {
        let mut context = before;
        extract(&W3C, fields, &mut context);
        assert_eq!(context, before, "{fields:?}");
    }
}

#[test]
fn a_bad_traceparent_takes_tracestate_with_it_but_not_the_other_way_round() {
    let upper = PARENT.to_uppercase();
    let context = extracted(&[("traceparent", &upper), ("tracestate", "a=1")]);
    assert_eq!(context, Context::default());
    let context = extracted(&[("traceparent", PARENT), ("tracestate", "A=1")]);
    assert_eq!((context.span.is_some(), context.trace_state), (true, TraceState::EMPTY));
}

#[test]
fn a_new_parent_does_not_get_the_old_one_s_state() {
    let mut context = extracted(&[("traceparent", PARENT), ("tracestate", "a=1")]);
    extract(&W3C, &[("traceparent", PARENT)], &mut context);
    assert!(context.trace_state.is_empty());
}

#[test]
fn two_parents_are_none() {
    assert_eq!(extracted(&[("traceparent", &format!("{PARENT},{PARENT}"))]).span, None);
}

#[test]
fn nothing_is_sent_of_what_there_is_not() {
    assert_eq!(injected(&W3C, &Context::default(), 512), [""; 0]);
    let invalid =
        SpanContext { trace_id: TraceId([0; 16]), span_id: SpanId([1; 8]), flags: 1, is_remote: false };
    let state = TraceState::parse(b"a=1").unwrap();
    let context = Context { span: Some(invalid), trace_state: state, ..Context::default() };
    assert_eq!(injected(&W3C, &context, 512), [""; 0]);
}

#[test]
fn little_room_cuts_whole_members() {
    let fields = [("traceparent", PARENT), ("tracestate", "a=1,b=2"), ("baggage", "k=1,l=2")];
    let context = extracted(&fields);
    let expected = [format!("traceparent: {PARENT}"), "tracestate: a=1".into(), "baggage: k=1".into()];
    assert_eq!(injected(&W3C, &context, 6), expected);
    assert_eq!(injected(&W3C, &context, 0), expected[..1]);
}

/// Writes and reads a field of its own.
struct Vendor(&'static str);

impl Propagator for Vendor {
    fn extract<'a>(&self, context: &mut Context<'a>, get: &dyn Fn(&str) -> Option<&'a [u8]>) {
        context.trace_state = get(self.0).and_then(|value| TraceState::parse(value).ok()).unwrap_or_default();
    }

    fn inject(&self, _: &Context<'_>, _: &mut [u8], set: &mut dyn FnMut(&'static str, &str)) {
        set(self.0, "1");
    }
}

#[test]
fn propagators_run_in_order() {
    let all = (Vendor("x-first"), ((), (Some(Vendor("x-second")), None::<Vendor>)));
    assert_eq!(injected(&all, &Context::default(), 0), ["x-first: 1", "x-second: 1"]);
    let mut context = Context::default();
    extract(&all, &[("x-first", "a=1"), ("x-second", "b=2")], &mut context);
    assert_eq!(context.trace_state.to_string(), "b=2", "the last word is the last one's");
}

#[test]
fn names_of_the_environment_are_upper_case_and_underscores() {
    let mut room = [0; 16];
    for (field, name) in [
        ("traceparent", "TRACEPARENT"),
        ("tracestate", "TRACESTATE"),
        ("baggage", "BAGGAGE"),
        ("x-b3-TraceId", "X_B3_TRACEID"),
        ("1st", "_1ST"),
        ("_a.é", "_A__"),
        ("", "_"),
    ] {
        assert_eq!(env_name(field, &mut room), Ok(name));
    }
    assert!(env_name("traceparent", &mut room[..10]).is_err());
}
