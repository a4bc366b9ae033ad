//! JSON from outside: what is taken makes bytes that pass the check, and comes back as JSON that says the same.
//!
//! The first byte picks the message.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smoltel_proto::table::{self, Message};
use smoltel_proto::{check, from_json, to_json};

const ROOTS: [&Message; 4] = [
    &table::EXPORT_TRACE_SERVICE_REQUEST,
    &table::EXPORT_METRICS_SERVICE_REQUEST,
    &table::EXPORT_LOGS_SERVICE_REQUEST,
    &table::EXPORT_PROFILES_SERVICE_REQUEST,
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, json)) = bytes.split_first() else { return };
    let root = ROOTS[usize::from(*first) % ROOTS.len()];
    let mut wire = Vec::new();
    if from_json(root, json, &mut wire).is_err() {
        return;
    }
    check(root, &wire).expect("what JSON makes is a message");
    let (mut back, mut again) = (Vec::new(), Vec::new());
    to_json(root, &wire, &mut back).expect("what was checked has a JSON form");
    from_json(root, &back, &mut again).expect("our own JSON is taken");
    // Fields come in JSON's order and go in the messages': it is the second form that has to be the same.
    let mut same = Vec::new();
    to_json(root, &again, &mut same).expect("what was checked has a JSON form");
    assert_eq!(String::from_utf8_lossy(&same), String::from_utf8_lossy(&back));
    assert_eq!(again.len(), wire.len());
});
