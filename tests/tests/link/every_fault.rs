//! Every fault at every frame, and every second fault after it.

use crate::wire::Fault;
use crate::world::{Blow, Setup, World};

const FAULTS: [Blow; 17] = [
    Blow::Wire(Fault::Lose),
    Blow::Wire(Fault::Twice),
    Blow::Wire(Fault::Swap),
    Blow::Wire(Fault::Again(3)),
    Blow::Wire(Fault::Again(12)),
    Blow::Wire(Fault::Cut),
    Blow::Wire(Fault::Flip(3)),
    Blow::Wire(Fault::Flip(30)),
    Blow::Wire(Fault::Flip(100)),
    Blow::Wire(Fault::Flip(0xFFF0)),
    Blow::Wire(Fault::Noise),
    Blow::GatewayDies,
    Blow::GatewayErased,
    Blow::DeviceReset,
    Blow::DeviceErased,
    Blow::Reconnected,
    Blow::Wire(Fault::Again(30)),
];

/// The smallest frames and a ring of a few records, so that there are few states to go through.
const SMALL: Setup = Setup { sealed: false, mtu: 64, ring: 320, credit: 150, sync_every: 2 };

/// Runs a short life of a device with these blows, each at the frame of that number. How many frames there were.
fn run(setup: Setup, blows: &[(usize, Blow)], early: bool) -> usize {
    let mut world = World::new(setup);
    world.owner.acknowledges_early = early;
    for len in [20, 90, 8] {
        world.push(len);
    }
    for turn in 0..24 {
        world.turn(|frame| blows.iter().find(|(at, _)| *at == frame).map(|(_, blow)| *blow));
        if [8, 10, 12, 14].contains(&turn) {
            world.push(40 + turn * 5);
        }
    }
    let frames = world.frames;
    world.finish(&blows);
    frames
}

fn all_pairs(setup: Setup, early: bool) -> usize {
    let frames = run(setup, &[], early);
    // All pairs, or those of which the second comes soon after the first.
    let near = if std::env::var_os("PROVE").is_some() { frames } else { 1 };
    let mut runs = 0;
    for first in 0..frames {
        for a in FAULTS {
            run(setup, &[(first, a)], early);
            for second in first + 1..frames.min(first + 1 + near) {
                for b in FAULTS {
                    run(setup, &[(first, a), (second, b)], early);
                    runs += 1;
                }
            }
        }
    }
    runs
}

#[test]
fn without_a_fault_all_arrives() {
    let frames = run(SMALL, &[], false);
    assert!((20..100).contains(&frames), "{frames}");
}

#[test]
fn whatever_happens_to_any_two_frames_nothing_is_lost_or_doubled() {
    let runs = all_pairs(SMALL, false);
    println!("proved: {runs} pairs of faults on a plain link");
}

#[test]
fn nor_when_frames_are_sealed() {
    let setup = Setup { sealed: true, ..SMALL };
    let frames = run(setup, &[], false);
    for first in 0..frames {
        for a in FAULTS {
            run(setup, &[(first, a)], false);
        }
    }
}

#[test]
#[should_panic = "is acknowledged and not on the disk"]
fn a_gateway_that_acknowledges_before_the_sync_is_found_out() {
    all_pairs(SMALL, true);
}
