//! Trace context and baggage of any bytes: nothing panics, what is accepted is what a slow and plain reading
//! of the grammars accepts, and what is written is read again as it was.

use proptest::collection::vec;
use proptest::prelude::*;
use smoltel::propagation::{Baggage, Threshold, ThresholdChange, TraceState};
use smoltel::{SpanContext, SpanId, TraceId};
use smoltel_core::wire::Writer;

/// Text of mostly these characters, with some bytes of any kind in between.
fn near(characters: &'static [u8], len: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![40 => proptest::sample::select(characters), 1 => any::<u8>()], 0..len)
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c| c == ' ' || c == '\t')
}

/// The grammar of `traceparent`, field by field. What later versions append may be of any bytes.
fn plain_traceparent(header: &[u8]) -> Option<(String, String, u8)> {
    let text = String::from_utf8_lossy(header);
    let text = trim(&text);
    let fields: Vec<&str> = text.split('-').collect();
    let hex = |at: usize, len: usize| {
        let field = *fields.get(at)?;
        let digits = field.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        (field.len() == len && digits).then_some(field)
    };
    let (version, trace, span, flags) = (hex(0, 2)?, hex(1, 32)?, hex(2, 16)?, hex(3, 2)?);
    let zeros = |id: &str| id.chars().all(|c| c == '0');
    if version == "ff" || zeros(trace) || zeros(span) || (version == "00" && fields.len() > 4) {
        return None;
    }
    let known = if version == "00" { 3 } else { 1 };
    Some((trace.into(), span.into(), u8::from_str_radix(flags, 16).ok()? & known))
}

type Members = Vec<(String, String)>;

/// The grammar of `tracestate`, member by member.
fn plain_tracestate(header: &[u8]) -> Option<Members> {
    let text = std::str::from_utf8(header).ok()?;
    let mut members = Members::new();
    let written = text.split(',').map(trim).filter(|member| !member.is_empty());
    for (n, member) in written.enumerate() {
        let (key, value) = member.split_once('=')?;
        let start = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let key_fits = key.starts_with(start) && key.chars().all(|c| start(c) || "_-*/@".contains(c));
        let value_fits = !value.is_empty()
            && !value.ends_with(' ')
            && value.chars().all(|c| (' '..='~').contains(&c) && c != '=');
        if n >= 32 || !key_fits || !value_fits || key.len() > 256 || value.len() > 256 {
            return None;
        }
        if members.iter().all(|(other, _)| other != key) {
            members.push((key.into(), value.into()));
        }
    }
    Some(members)
}

/// A percent-coded value, decoded.
fn plain_decoded(encoded: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), encoded.as_bytes());
    while let [first, tail @ ..] = rest {
        let code = std::str::from_utf8(tail.get(..2).unwrap_or_default()).ok();
        let byte = code.filter(|code| code.len() == 2 && code.chars().all(|c| c.is_ascii_hexdigit()));
        (bytes, rest) = match byte.filter(|_| *first == b'%') {
            Some(code) => ([bytes, vec![u8::from_str_radix(code, 16).unwrap()]].concat(), &tail[2..]),
            None => ([bytes, vec![*first]].concat(), tail),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The grammar of `baggage`, entry by entry, where it is within the limits: name, value, metadata.
fn plain_baggage(header: &[u8]) -> Vec<(String, String, String)> {
    let mut entries = Vec::<(String, String, String)>::new();
    for member in header.split(|byte| *byte == b',') {
        let Ok(text) = std::str::from_utf8(member.trim_ascii()) else { continue };
        let (pair, metadata) = text.split_once(';').unwrap_or((text, ""));
        let Some((name, value)) = pair.split_once('=') else { continue };
        let (name, value, metadata) = (trim(name), trim(value), trim(metadata));
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let is_octet = |c: char| c.is_ascii_graphic() && !"\",;\\".contains(c);
        let is_plain = |c: char| c == '\t' || (' '..='~').contains(&c);
        if name.is_empty() || !name.chars().all(is_token) || !value.chars().all(is_octet) {
            continue;
        }
        if metadata.chars().all(is_plain) {
            entries.retain(|(other, ..)| other != name);
            entries.push((name.into(), plain_decoded(value), metadata.into()));
        }
    }
    entries
}

fn members(state: &TraceState<'_>) -> Members {
    state.members().map(|(key, value)| (key.into(), value.into())).collect()
}

fn entries(baggage: &Baggage<'_>) -> Vec<(String, String, String)> {
    let owned = baggage.entries().map(|e| (e.name.into(), e.value.to_string(), e.metadata.into()));
    owned.collect()
}

fn is_subsequence<T: PartialEq>(part: &[T], whole: &[T]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|one| rest.any(|other| one == other))
}

fn a_context() -> impl Strategy<Value = SpanContext> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), 0..4u8).prop_map(|(trace_id, span_id, flags)| SpanContext {
        trace_id: TraceId(trace_id),
        span_id: SpanId(span_id),
        flags,
        is_remote: true,
    })
}

fn a_key() -> impl Strategy<Value = String> {
    "[a-d][a-z0-9_*/@-]{0,1}"
}

fn a_value() -> impl Strategy<Value = String> {
    prop_oneof![9 => "[ -+\\--<>-~]{0,8}[!-+\\--<>-~]", 1 => "[a-z]{120,140}"]
}

/// A valid `tracestate`, now and then with whitespace in it.
fn a_tracestate() -> impl Strategy<Value = String> {
    let member = (a_key(), a_value(), "[ \t]{0,1}")
        .prop_map(|(key, value, space)| format!("{space}{key}={value}{space}"));
    vec(member, 0..=32).prop_map(|members| members.join(","))
}

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_parent_that_is_sent_is_the_one_that_arrives(context in a_context()) {
        let parsed = SpanContext::from_traceparent(context.traceparent().as_str().as_bytes());
        prop_assert_eq!(parsed.ok(), context.is_valid().then_some(context));
    }

    #[test]
    fn a_parent_is_accepted_as_its_grammar_says(
        spoilt in vec((0..58usize, proptest::sample::select(&b"0123456789abcdefABCF-. \t_g\xC3"[..])), 0..3),
        end in "(-.*|[.-]|[ \t]{1,2}|)",
        version in "(00|01|cc|fe|ff)",
    ) {
        let mut header = format!("{version}{}{end}", &TRACEPARENT[2..]).into_bytes();
        for (at, byte) in spoilt {
            if let Some(place) = header.get_mut(at) {
                *place = byte;
            }
        }
        let parsed = SpanContext::from_traceparent(&header).ok();
        let parsed = parsed.map(|context| (context.trace_id.to_string(), context.span_id.to_string(), context.flags));
        prop_assert_eq!(parsed, plain_traceparent(&header));
    }

    #[test]
    fn a_state_is_accepted_as_its_grammar_says(header in near(b"aab01_=,, \t*/@.A~", 60)) {
        let parsed = TraceState::parse(&header).ok();
        prop_assert_eq!(parsed.as_ref().map(members), plain_tracestate(&header));
    }

    #[test]
    fn a_state_that_is_sent_is_the_one_that_arrives(header in a_tracestate(), max in 0..1024usize) {
        let state = TraceState::parse(header.as_bytes()).unwrap();
        let written = state.to_string();
        prop_assert_eq!(written.len(), state.len());
        prop_assert_eq!(TraceState::parse(written.as_bytes()), Ok(state));
        let cut = state.fit(max);
        prop_assert!(cut.len() <= max && is_subsequence(&members(&cut), &members(&state)));
        prop_assert!(state.len() > max || cut == state);
    }

    #[test]
    fn changes_of_a_state_are_those_of_a_plain_list(
        header in a_tracestate(),
        changes in vec((a_key(), proptest::option::of(a_value())), 0..6),
    ) {
        let mut header = header;
        let mut plain = plain_tracestate(header.as_bytes()).unwrap();
        for (key, value) in &changes {
            let state = TraceState::parse(header.as_bytes()).unwrap();
            plain.retain(|(other, _)| other != key);
            header = match value {
                Some(value) => {
                    plain.insert(0, (key.clone(), value.clone()));
                    plain.truncate(32);
                    state.set(key, value).unwrap().to_string()
                }
                None => state.remove(key).to_string(),
            };
            prop_assert_eq!(Some(plain.clone()), plain_tracestate(header.as_bytes()));
        }
    }

    #[test]
    fn a_threshold_is_read_as_it_was_set_and_all_else_stays(
        header in a_tracestate(),
        ot in near(b"tthhrrvv::;;08acf", 24),
        bits in 0..1u64 << 56,
    ) {
        let Ok(ot) = String::from_utf8(ot) else { return Ok(()) };
        let header = format!("ot=rv:00000000000000;{ot},{header}");
        let Ok(state) = TraceState::parse(header.as_bytes()) else { return Ok(()) };
        let threshold = Threshold::new(bits).unwrap();
        let set = state.change_threshold(ThresholdChange::Set(threshold)).to_string();
        let set = TraceState::parse(set.as_bytes()).unwrap();
        prop_assert_eq!(set.threshold(), Some(threshold));
        prop_assert_eq!(set.randomness(), state.randomness(), "randomness is nobody's to change");
        let erased = set.change_threshold(ThresholdChange::Erase).to_string();
        let erased = TraceState::parse(erased.as_bytes()).unwrap();
        prop_assert_eq!(erased.threshold(), None);
        prop_assert_eq!(erased.remove("ot"), state.remove("ot"));
    }

    #[test]
    fn baggage_is_accepted_as_its_grammar_says(header in near(b"aabB01==,,;; \t%%2CcE\xC3\"\\", 80)) {
        prop_assert_eq!(entries(&Baggage::parse(&header)), plain_baggage(&header));
    }

    #[test]
    fn baggage_that_is_sent_is_what_arrives(
        values in vec(("[a-c!#$]{1,2}", any::<String>(), "[ -+\\--~]{0,6}"), 1..12),
        max in 0..600usize,
    ) {
        let mut header = String::new();
        let mut plain = Vec::<(String, String, String)>::new();
        for (name, value, metadata) in &values {
            let edit = Baggage::parse(header.as_bytes()).set(name, value, metadata).unwrap().to_string();
            header = edit;
            plain.retain(|(other, ..)| other != name);
            plain.insert(0, (name.clone(), value.clone(), trim(metadata).into()));
        }
        let baggage = Baggage::parse(header.as_bytes());
        prop_assert_eq!(entries(&baggage), &plain[..]);
        prop_assert_eq!((baggage.to_string(), baggage.len(), baggage.dropped()), (header.clone(), header.len(), 0));
        let cut = baggage.fit(max);
        prop_assert!(cut.len() <= max && plain.starts_with(&entries(&cut)));
    }

    #[test]
    fn any_bytes_are_read_without_harm(header in vec(any::<u8>(), 0..200), max in 0..40usize) {
        let _ = SpanContext::from_traceparent(&header);
        if let Ok(state) = TraceState::parse(&header) {
            let _ = (state.threshold(), state.randomness(), state.fit(max).to_string());
            let _ = state.write(&mut Writer::new(&mut vec![0; max]));
        }
        let baggage = Baggage::parse(&header);
        let _ = (baggage.fit(max).to_string(), baggage.write(&mut Writer::new(&mut vec![0; max])));
    }
}
