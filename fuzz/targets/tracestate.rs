//! `tracestate`: what is taken says the same when it is written again, changed or cut to fit.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smoltel_core::propagation::{Threshold, ThresholdChange, TraceState};

fuzz_target!(|header: &[u8]| {
    let Ok(state) = TraceState::parse(header) else { return };
    assert!(state.members().count() <= TraceState::MAX_MEMBERS);
    let written = state.to_string();
    assert_eq!(written.len(), state.len());
    assert_eq!(TraceState::parse(written.as_bytes()), Ok(state));
    assert!(state.fit(100).len() <= 100);

    let set = state.set("ours", "1").expect("a legal member").to_string();
    let set = TraceState::parse(set.as_bytes()).expect("what is written is taken");
    assert_eq!(set.members().next(), Some(("ours", "1")));
    assert_eq!(set.remove("ours").members().count(), state.remove("ours").members().count().min(31));

    for change in [ThresholdChange::Set(Threshold::ALWAYS), ThresholdChange::Erase] {
        let changed = state.change_threshold(change);
        let text = changed.to_string();
        assert_eq!(text.len(), changed.len());
        let changed = TraceState::parse(text.as_bytes()).expect("what is written is taken");
        assert_eq!(changed.randomness(), state.randomness());
    }
});
