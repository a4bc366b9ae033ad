//! `tracestate` as W3C Trace Context Level 2 has it: what is read, what is kept, what is written again.

use smoltel_core::propagation::{Invalid, TraceState};
use smoltel_core::wire::Writer;

fn parsed(header: &str) -> Result<String, Invalid> {
    TraceState::parse(header.as_bytes()).map(|state| state.to_string())
}

fn state(header: &str) -> TraceState<'_> {
    TraceState::parse(header.as_bytes()).unwrap()
}

/// Members `k0=0`, `k1=1` and so on.
fn members(count: usize) -> String {
    (0..count).map(|n| format!("k{n}={n}")).collect::<Vec<_>>().join(",")
}

#[test]
fn members_keep_their_order_and_lose_their_whitespace() {
    assert_eq!(parsed("foo=1,bar=2").unwrap(), "foo=1,bar=2");
    assert_eq!(parsed("\t foo=1 \t , \t bar=2,\tbaz= 3 ").unwrap(), "foo=1,bar=2,baz= 3");
    assert_eq!(parsed(",foo=1,, \t,bar=2,").unwrap(), "foo=1,bar=2", "empty members are allowed");
    assert_eq!(parsed("").unwrap(), "");
    assert!(state(" ,\t").is_empty());
    assert_eq!(state("foo=1,bar=2").get("bar"), Some("2"));
    assert_eq!(state("foo=1,bar=2").get("ba"), None);
}

#[test]
fn every_legal_character_is_accepted_and_no_other() {
    for byte in 0..=127u8 {
        let character = char::from(byte);
        let alphanumeric = character.is_ascii_lowercase() || character.is_ascii_digit();
        assert_eq!(parsed(&format!("{character}a=1")).is_ok(), alphanumeric || " \t,".contains(character));
        let in_key = alphanumeric || "_-*/@".contains(character);
        assert_eq!(parsed(&format!("a{character}a=1")).is_ok(), in_key, "{character:?} in a key");
        let in_value = (' '..='~').contains(&character) && !",=".contains(character);
        assert_eq!(parsed(&format!("a=1{character}1")).is_ok(), in_value, "{character:?} in a value");
    }
    for wrong in ["a", "a=", "=1", "a =1", "a=1,b", "a=\u{e9}", "é=1", "a=1;b=2", "a= ", "A=1"] {
        assert_eq!(parsed(wrong), Err(Invalid), "{wrong}");
    }
    assert_eq!(TraceState::parse(b"a=\xff"), Err(Invalid));
}

#[test]
fn keys_and_values_have_256_characters_at_the_most() {
    let (fits, longer) = ("z".repeat(256), "z".repeat(257));
    for right in [format!("foo=1,{fits}=1"), format!("foo=1,bar={fits}")] {
        assert_eq!(parsed(&right).as_ref(), Ok(&right));
    }
    for wrong in [format!("foo=1,{longer}=1"), format!("foo=1,bar={longer}")] {
        assert_eq!(parsed(&wrong), Err(Invalid));
    }
}

#[test]
fn there_are_32_members_at_the_most() {
    assert_eq!(parsed(&members(32)).unwrap(), members(32));
    assert_eq!(parsed(&members(33)), Err(Invalid));
    assert_eq!(parsed(&(members(32) + ", ,")).unwrap(), members(32), "what is empty is no member");
}

#[test]
fn of_a_key_that_comes_again_the_newest_member_stays() {
    assert_eq!(parsed("foo=1,bar=2,foo=3").unwrap(), "foo=1,bar=2");
    assert_eq!(parsed("foo=1,foo=1").unwrap(), "foo=1");
}

#[test]
fn several_headers_are_one_in_their_order() {
    let mut room = [0; 64];
    let lines: [&[u8]; 4] = [b"foo=1,bar=2", b"", b"rojo=1 , congo=2", b"baz=3"];
    let joined = TraceState::parse_lines(lines, &mut room).unwrap();
    assert_eq!(joined.to_string(), "foo=1,bar=2,rojo=1,congo=2,baz=3");
    assert_eq!(TraceState::parse_lines(lines, &mut [0; 30]), Err(Invalid), "no room is no half header");
    assert_eq!(TraceState::parse_lines([&b"a=1"[..], b"B=1"], &mut room), Err(Invalid));
    assert!(TraceState::parse_lines([], &mut []).unwrap().is_empty());
}

#[test]
fn what_is_set_comes_first_and_the_rest_stays_in_order() {
    let edited = |header, key, value| state(header).set(key, value).unwrap().to_string();
    assert_eq!(edited("foo=1,bar=2", "new", "3"), "new=3,foo=1,bar=2");
    assert_eq!(edited("foo=1,bar=2,baz=3", "bar", "4"), "bar=4,foo=1,baz=3");
    assert_eq!(edited("", "bar", "4"), "bar=4");
    assert_eq!(state("foo=1,bar=2").remove("foo").to_string(), "bar=2");
    assert_eq!(state("foo=1").remove("bar"), state("foo=1"));
    let refused =
        [("UP", "1"), ("", "1"), ("a", ""), ("a", "1,2"), ("a", "1=2"), ("a", "1 "), ("a", "\u{7f}")];
    for (key, value) in refused {
        assert_eq!(
            state("foo=1").set(key, value).map(|edit| edit.to_string()),
            Err(Invalid),
            "{key}={value}"
        );
    }
}

#[test]
fn a_33rd_member_pushes_out_the_last() {
    let full = members(32);
    let edited = state(&full).set("new", "1").unwrap().to_string();
    assert_eq!(edited, format!("new=1,{}", members(31)));
    let changed = state(&full).set("k31", "x").unwrap().to_string();
    assert_eq!(changed, format!("k31=x,{}", members(31)), "a known key pushes out nobody");
}

#[test]
fn what_is_too_long_loses_long_members_first_and_then_the_last() {
    let long = format!("l={}", "x".repeat(127));
    let edge = format!("e={}", "x".repeat(126));
    let header = format!("a=1,{long},b=2,{edge},m{long},c=3");
    let cut = |max| state(&header).fit(max).to_string();
    assert_eq!(cut(header.len()), header);
    assert_eq!(cut(header.len() - 1), format!("a=1,{long},b=2,{edge},c=3"));
    assert_eq!(cut(250), format!("a=1,b=2,{edge},c=3"));
    assert_eq!(cut(139), format!("a=1,b=2,{edge}"));
    assert_eq!(cut(10), "a=1,b=2", "128 characters are not more than 128");
    assert_eq!(cut(3), "a=1");
    assert_eq!(cut(2), "");
    let edit = state(&header).set("new", "1").unwrap();
    assert_eq!(edit.fit(13).to_string(), "new=1,a=1,b=2");
    assert_eq!(edit.fit(5).to_string(), "new=1");
    assert_eq!(edit.fit(4).to_string(), "");
}

#[test]
fn at_least_512_characters_pass() {
    let header = (0..4).map(|n| format!("k{n}={}", "v".repeat(124))).collect::<Vec<_>>().join(",");
    assert!(header.len() >= TraceState::MIN_PROPAGATED - 2 && header.len() <= TraceState::MIN_PROPAGATED);
    assert_eq!(state(&header).fit(TraceState::MIN_PROPAGATED).to_string(), header);
}

#[test]
fn the_stated_length_is_the_written_one_and_less_room_is_an_error() {
    let whole = state(" a=1,b=2 ,a=3");
    let edit = whole.set("c", "4").unwrap();
    let mut buf = [0; 16];
    let mut w = Writer::new(&mut buf);
    whole.write(&mut w).unwrap();
    assert_eq!((w.written(), whole.len()), (&b"a=1,b=2"[..], 7));
    assert!(whole.write(&mut Writer::new(&mut buf[..6])).is_err());
    let mut w = Writer::new(&mut buf);
    edit.write(&mut w).unwrap();
    assert_eq!((w.written(), edit.len()), (&b"c=4,a=1,b=2"[..], 11));
    assert!(edit.write(&mut Writer::new(&mut buf[..10])).is_err());
}
