//! `baggage` as W3C has it: what is read, what is kept, what is written again.

use smoltel_core::propagation::{Baggage, Invalid};
use smoltel_core::wire::Writer;

fn parsed(header: &str) -> Baggage<'_> {
    Baggage::parse(header.as_bytes())
}

fn value(header: &str) -> String {
    parsed(header).get("k").expect("there is a k").value.to_string()
}

#[test]
fn entries_keep_their_order_values_and_metadata() {
    let baggage = parsed("a=1 , b = 2;x;y=3 ; z,\tc=,d=e=f=");
    assert_eq!(baggage.to_string(), "a=1,b=2;x;y=3 ; z,c=,d=e=f=");
    assert_eq!(baggage.get("b").unwrap().metadata, "x;y=3 ; z", "opaque");
    assert_eq!(baggage.get("c").unwrap().value.encoded(), "", "an empty value is a value");
    assert_eq!(baggage.get("d").unwrap().value.to_string(), "e=f=");
    assert_eq!(baggage.get("A"), None, "names are case-sensitive");
    assert_eq!(baggage.dropped(), 0);
    assert!(parsed("").is_empty() && parsed(" ,, ").is_empty() && parsed(", ").dropped() == 0);
}

#[test]
fn names_are_tokens_and_values_are_octets() {
    for byte in 0..=127u8 {
        let character = char::from(byte);
        let token = character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
        let name = format!("n{character}n");
        assert_eq!(parsed(&format!("{name}=1")).get(&name).is_some(), token, "{character:?} in a name");
        let octet = character.is_ascii_graphic() && !"\",;\\".contains(character);
        let header = format!("k=1{character}2");
        let whole = parsed(&header).get("k").is_some_and(|entry| entry.value.encoded().len() == 3);
        assert_eq!(whole, octet, "{character:?} in a value");
    }
}

#[test]
fn what_is_not_valid_is_left_out_alone_and_counted() {
    for wrong in ["b", "=2", "b =2 3", "b b=2", "b=\"2\"", "b=é", "ü=2", "b=2;\u{1}", "b=2;é", "b=2\r\nc: d"]
    {
        let header = format!("a=1,{wrong},c=3");
        assert_eq!(
            (parsed(&header).to_string(), parsed(&header).dropped()),
            ("a=1,c=3".into(), 1),
            "{wrong}"
        );
    }
    let bytes = Baggage::parse(b"a=1,b=\xFF,c=3");
    assert_eq!((bytes.to_string(), bytes.dropped()), ("a=1,c=3".into(), 1));
}

#[test]
fn percent_codes_are_decoded_and_what_is_not_utf_8_is_replaced() {
    for (encoded, decoded) in [
        ("", ""),
        ("plain", "plain"),
        ("a%20b%2C%3b%25", "a b,;%"),
        ("%e2%82%AC", "€"),
        ("%F0%9F%A6%80!", "🦀!"),
        ("%00%7F", "\0\u{7f}"),
        ("100%", "100%"),
        ("%2", "%2"),
        ("%zz%4g", "%zz%4g"),
        ("%%41", "%A"),
        ("%FF", "\u{FFFD}"),
        ("a%E2%82b", "a\u{FFFD}b"),
        ("%C3", "\u{FFFD}"),
        ("%ED%A0%80", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        ("%F0%9F%41%F5", "\u{FFFD}A\u{FFFD}"),
    ] {
        assert_eq!(value(&format!("k={encoded}")), decoded, "{encoded}");
    }
    let mut room = [0; 4];
    let mut w = Writer::new(&mut room);
    parsed("k=%C3%B6b").get("k").unwrap().value.write(&mut w).unwrap();
    assert_eq!(w.written(), "öb".as_bytes());
}

#[test]
fn of_a_name_that_comes_again_the_last_value_stays() {
    assert_eq!(parsed("a=1;x,b=2,a=3").to_string(), "b=2,a=3");
    assert_eq!(parsed("a=1,a=1,a=1").to_string(), "a=1");
}

#[test]
fn any_utf_8_is_a_value_and_is_written_as_octets() {
    for (given, written) in [
        ("", "k="),
        ("a=b", "k=a=b"),
        ("100 %", "k=100%20%25"),
        ("\",;\\", "k=%22%2C%3B%5C"),
        ("ö€🦀", "k=%C3%B6%E2%82%AC%F0%9F%A6%80"),
        ("\r\n\0\u{7f}", "k=%0D%0A%00%7F"),
    ] {
        let header = Baggage::EMPTY.set("k", given, "").unwrap().to_string();
        assert_eq!(header, written);
        assert_eq!(value(&header), given);
    }
}

#[test]
fn a_new_value_replaces_the_old_one_and_its_metadata() {
    let baggage = parsed("a=1;old,b=2;stays");
    assert_eq!(baggage.set("a", "3", "").unwrap().to_string(), "a=3,b=2;stays");
    assert_eq!(baggage.set("A", "3", " new ; x=1 ").unwrap().to_string(), "A=3;new ; x=1,a=1;old,b=2;stays");
    assert_eq!(baggage.remove("a").to_string(), "b=2;stays");
    assert_eq!(baggage.remove("c"), baggage);
    for (name, metadata) in [("", ""), ("a b", ""), ("ü", ""), ("a", "x,y"), ("a", "x\r\ny"), ("a", "ü")] {
        assert_eq!(
            baggage.set(name, "1", metadata).map(|edit| edit.len()),
            Err(Invalid),
            "{name} {metadata}"
        );
    }
}

fn entries(count: usize, len: usize) -> String {
    let value = |n: usize| format!("{n:03}{}", "v".repeat(len - 7));
    (0..count).map(|n| format!("{n:03}={}", value(n))).collect::<Vec<_>>().join(",")
}

#[test]
fn sixty_four_entries_and_8192_bytes_pass_and_more_goes_by_whole_entries() {
    let most = entries(64, 127);
    assert_eq!(most.len(), 8191);
    let longest = format!("{most}v");
    assert_eq!((parsed(&longest).to_string(), parsed(&longest).dropped()), (longest.clone(), 0));
    let too_long = format!("{longest}v");
    assert_eq!((parsed(&too_long).to_string(), parsed(&too_long).dropped()), (entries(63, 127), 1));
    let many = parsed("").set("x", "1", "").map(|_| entries(65, 8)).unwrap();
    assert_eq!((parsed(&many).to_string(), parsed(&many).dropped()), (entries(64, 8), 1));
    assert_eq!(parsed(&most).fit(300).to_string(), entries(2, 127));
    assert!(parsed(&most).fit(126).is_empty());
}

#[test]
fn what_is_set_pushes_out_the_last_where_the_limits_are_reached() {
    let many = entries(64, 8);
    assert_eq!(parsed(&many).set("x", "1", "").unwrap().to_string(), format!("x=1,{}", entries(63, 8)));
    let moved = parsed(&many).set("063", "1", "").unwrap().to_string();
    assert_eq!(moved, format!("063=1,{}", entries(63, 8)), "a known name pushes out nobody");
    let long = entries(4, 2047);
    assert_eq!(parsed(&long).set("x", "1", "").unwrap().to_string(), format!("x=1,{}", entries(3, 2047)));
    let value = "v".repeat(Baggage::MAX_LEN - 2);
    assert_eq!(parsed(&long).set("x", &value, "").unwrap().len(), Baggage::MAX_LEN);
    let value = "v".repeat(Baggage::MAX_LEN - 1);
    assert!(parsed(&long).set("x", &value, "").is_err());
}

#[test]
fn several_headers_are_one() {
    let mut room = [0; 16];
    let joined = Baggage::parse_lines([&b"a=1"[..], b"", b"b=2, a=3"], &mut room).unwrap();
    assert_eq!(joined.to_string(), "b=2,a=3");
    assert!(Baggage::parse_lines([&b"a=1"[..]], &mut [0; 3]).is_err());
}
