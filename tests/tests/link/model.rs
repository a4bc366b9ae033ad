//! Longer lives, by chance.

use proptest::prelude::*;

use crate::wire::Fault;
use crate::world::{Blow, Setup, World};

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Turn,
    Blow(Blow),
}

fn blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        6 => Just(Blow::Wire(Fault::Lose)),
        2 => Just(Blow::Wire(Fault::Twice)),
        2 => Just(Blow::Wire(Fault::Swap)),
        2 => (1..60u8).prop_map(|later| Blow::Wire(Fault::Again(later))),
        2 => Just(Blow::Wire(Fault::Cut)),
        4 => any::<u16>().prop_map(|at| Blow::Wire(Fault::Flip(at))),
        1 => Just(Blow::Wire(Fault::Noise)),
        1 => Just(Blow::GatewayDies),
        1 => Just(Blow::GatewayErased),
        1 => Just(Blow::DeviceReset),
        1 => Just(Blow::DeviceErased),
        1 => Just(Blow::Reconnected),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (8..400usize).prop_map(Step::Push),
        6 => Just(Step::Turn),
        2 => blow().prop_map(Step::Blow),
    ]
}

fn setup() -> impl Strategy<Value = Setup> {
    let (mtu, ring) = (64..1025usize, 512..4096usize);
    (any::<bool>(), mtu, ring, 100..5000u32, 1..9u64)
        .prop_map(|(sealed, mtu, ring, credit, sync_every)| Setup { sealed, mtu, ring, credit, sync_every })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_doubled_whatever_happens(setup in setup(), steps in prop::collection::vec(step(), 1..200)) {
        let mut world = World::new(setup);
        let mut next = None;
        for step in &steps {
            match step {
                Step::Push(len) => world.push(*len),
                Step::Turn => world.turn(|_| next.take()),
                Step::Blow(blow) => next = Some(*blow),
            }
        }
        world.finish(&"all that");
    }
}

/// A bit in a thousand is wrong, in both directions, for as long as it takes.
#[test]
fn with_one_bit_in_a_thousand_flipped_everything_arrives() {
    for sealed in [false, true] {
        let setup = Setup { sealed, mtu: 256, ring: 4096, credit: 2000, sync_every: 2 };
        let mut world = World::new(setup);
        let (mut random, mut pushed) = (1u64, 0);
        for _ in 0..20_000 {
            if pushed < 100 && world.queue.ring.borrow().len() < 3000 {
                world.push(40 + pushed);
                pushed += 1;
            }
            world.turn(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // A frame of some 60 bytes has a wrong bit in two cases out of five.
                ((random >> 33) % 5 < 2).then_some(Blow::Wire(Fault::Flip((random >> 40) as u16)))
            });
            if pushed == 100 && world.queue.numbers().is_empty() {
                break;
            }
        }
        assert_eq!(world.oracle.stored(), 100, "{:?}", world.end.stats());
    }
}
