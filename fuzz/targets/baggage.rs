//! `baggage`: whatever comes, what is kept of it says the same when it is written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smoltel_core::propagation::Baggage;

fuzz_target!(|header: &[u8]| {
    let baggage = Baggage::parse(header);
    assert!(baggage.entries().count() <= Baggage::MAX_ENTRIES && baggage.len() <= Baggage::MAX_LEN);
    for entry in baggage.entries() {
        assert_eq!(baggage.get(entry.name), Some(entry), "one entry for each name");
    }
    let written = baggage.to_string();
    assert_eq!(written.len(), baggage.len());
    let again = Baggage::parse(written.as_bytes());
    assert_eq!((again, again.dropped()), (baggage, 0), "{written}");
    assert!(baggage.fit(50).len() <= 50);

    let Ok(set) = baggage.set("ours", "ü %", "") else { panic!("a legal entry") };
    let set = set.to_string();
    let set = Baggage::parse(set.as_bytes());
    assert_eq!(set.get("ours").expect("it was set").value.to_string(), "ü %");
    assert_eq!(set.dropped(), 0);
});
