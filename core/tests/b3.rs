//! B3 headers are read in both forms, and written in the one that was chosen.

use smoltel_core::SpanContext;
use smoltel_core::propagation::{B3, Context, Propagator, TraceContext};

const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN: &str = "e457b5a2e4d86bd1";

type Lines<'a> = &'a [(&'a str, &'a str)];

/// What comes of a carrier's lines.
fn read<'a>(propagator: &impl Propagator, lines: Lines<'a>) -> Context<'a> {
    let mut context = Context::default();
    let get = |name: &str| lines.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
    propagator.extract(&mut context, &get);
    context
}

fn written(propagator: &impl Propagator, context: &Context<'_>) -> String {
    let mut lines = Vec::new();
    propagator.inject(context, &mut [0; 512], &mut |name, value| lines.push(format!("{name}: {value}")));
    lines.join("\n")
}

#[test]
fn both_forms_are_read_whichever_is_written() {
    for (state, lines, flags) in [
        ("-1", &[("x-b3-sampled", "1")][..], SpanContext::SAMPLED),
        ("-1", &[("x-b3-sampled", "true")], SpanContext::SAMPLED),
        ("-0", &[("x-b3-sampled", "0")], 0),
        ("", &[], 0),
        ("-d", &[("x-b3-flags", "1")], SpanContext::SAMPLED | SpanContext::DEBUG),
        ("-d", &[("x-b3-flags", "1"), ("x-b3-sampled", "0")], SpanContext::SAMPLED | SpanContext::DEBUG),
        ("-1-05e3ac9a4f6e3b90", &[("x-b3-sampled", "1"), ("x-b3-flags", "0")], SpanContext::SAMPLED),
    ] {
        let single = format!(" {TRACE}-{SPAN}{state}\t");
        let multi = [&[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)], lines].concat();
        for propagator in [B3::Single, B3::Multi] {
            for context in [read(&propagator, &[("b3", &single)]), read(&propagator, &multi)] {
                let span = context.span.unwrap();
                assert_eq!(
                    (span.trace_id.to_string(), span.span_id.to_string()),
                    (TRACE.into(), SPAN.into())
                );
                assert_eq!((span.flags, span.is_remote), (flags, true), "{state} {lines:?}");
            }
        }
    }
}

#[test]
fn a_trace_id_of_64_bits_gets_zeros_in_front() {
    let context = read(&B3::Single, &[("b3", "64fe8b2a57d3eff7-e457b5a2e4d86bd1-1")]);
    assert_eq!(context.span.unwrap().trace_id.to_string(), "000000000000000064fe8b2a57d3eff7");
}

#[test]
fn the_chosen_form_is_written_without_a_parent() {
    let with = |state: &str| format!("{TRACE}-{SPAN}-{state}");
    for (state, decision) in [("1", "x-b3-sampled: 1"), ("0", "x-b3-sampled: 0"), ("d", "x-b3-flags: 1")] {
        let single = with(state);
        let child = format!("{single}-05e3ac9a4f6e3b90");
        let lines = [("b3", &*child)];
        let context = read(&B3::Single, &lines);
        assert_eq!(written(&B3::Single, &context), format!("b3: {single}"));
        let multi = format!("x-b3-traceid: {TRACE}\nx-b3-spanid: {SPAN}\n{decision}");
        assert_eq!(written(&B3::Multi, &context), multi);
    }
    assert_eq!(written(&B3::Single, &Context::default()), "");
}

#[test]
fn a_single_header_that_is_wrong_leaves_it_to_the_others() {
    let zeros = format!("{}-{SPAN}-1", "0".repeat(32));
    let wrong = [
        "",
        "0",
        "1",
        "d",
        "-",
        "--",
        &zeros,
        "80F198EE56343BA864FE8B2A57D3EFF7-e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-2",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-x",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90-",
        "80f198ee56343ba864fe8b2a57d3eff7",
        "80f198ee-e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86b-1",
        "é",
    ];
    for single in wrong {
        assert_eq!(read(&B3::Single, &[("b3", single)]), Context::default(), "{single}");
        let all = [("b3", single), ("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
        assert!(read(&B3::Single, &all).span.is_some(), "{single}");
    }
    assert_eq!(read(&B3::Multi, &[("x-b3-traceid", TRACE)]), Context::default());
}

#[test]
fn what_w3cs_header_says_of_the_same_span_stays() {
    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let (b3, other) = (format!("{TRACE}-{SPAN}-d"), format!("{TRACE}-05e3ac9a4f6e3b90-1"));
    let both = |b3| [("traceparent", &*traceparent), ("tracestate", "a=1"), ("b3", b3)];
    let lines = both(&b3);
    let context = read(&(TraceContext, B3::Single), &lines);
    assert_eq!(context.trace_state.to_string(), "a=1");
    assert_eq!(
        written(&TraceContext, &context),
        format!("traceparent: {traceparent}\ntracestate: a=1"),
        "no debug flag"
    );
    let lines = both(&other);
    let context = read(&(TraceContext, B3::Single), &lines);
    assert!(context.trace_state.is_empty(), "of another span");
}
