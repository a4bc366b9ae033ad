//! A device's clock that jumps back.

use crate::device::Queued;
use crate::wire::Fault;
use crate::world::{Blow, Setup, World};

const HOUR: u64 = 3_600_000_000_000;
const SETUP: Setup = Setup { sealed: false, mtu: 128, ring: 2048, credit: 1000, sync_every: 2 };

/// Where the records begin whose times are of the clock as it is now.
fn boot(queue: &Queued) -> u64 {
    queue.ring.borrow().place().boot
}

#[test]
fn the_gateway_hears_of_the_clock_before_records_that_carry_it_and_nothing_waits_or_is_lost() {
    for sealed in [false, true] {
        let mut world = World::new(Setup { sealed, ..SETUP });
        world.now = 2 * HOUR;
        (0..6).for_each(|_| world.push(40));
        (0..10).for_each(|_| world.turn(|_| None));
        // What is on its way then is not acknowledged.
        (0..6).for_each(|_| world.push(40));
        (0..2).for_each(|_| world.turn(|_| Some(Blow::Wire(Fault::Lose))));
        let (sessions, end) = (world.end.stats().sessions, {
            let ring = world.queue.ring.borrow();
            ring.place().position + ring.len() as u64
        });
        world.now = HOUR;
        world.turn(|_| None);
        assert_eq!((world.end.stats().jumps, boot(&world.queue)), (1, end));
        world.push(40);
        world.finish(&"a jump");
        assert!(world.now < HOUR + HOUR / 60, "it waited until the clock was where it had been");
        assert_eq!(world.end.stats().sessions, sessions + 1);
        assert_eq!(world.end.stats().jumps, 1);
    }
}

#[test]
fn a_clock_that_is_read_a_little_late_is_no_other_clock() {
    let mut world = World::new(SETUP);
    world.now = HOUR;
    for late in 0..20 {
        world.push(40);
        world.now -= late * 10_000_000;
        world.turn(|_| None);
    }
    world.finish(&"small steps back");
    assert_eq!((world.end.stats().jumps, world.end.stats().sessions), (0, 1));
}
