//! Anything in any order, with power failing in between, beside a model.

use proptest::prelude::*;

use super::nor::{Nor, PowerCut};
use super::world::{World, open};
use smoltel_core::flash::FlashQueue;

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Send(u8),
    Settle,
    /// Power fails within so many operations.
    Cut(u16),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u8..6).prop_map(Step::Append),
        3 => (1u8..8).prop_map(Step::Send),
        2 => Just(Step::Settle),
        2 => (0u16..300).prop_map(Step::Cut),
        1 => Just(Step::Restart),
    ]
}

fn take(world: &mut World, queue: &mut FlashQueue<Nor<8>>, step: &Step) -> Result<(), PowerCut> {
    match step {
        Step::Append(n) => (0..*n).try_for_each(|_| world.append(queue)),
        Step::Send(n) => world.send(queue, (*n).into()),
        Step::Settle => world.settle(queue),
        Step::Cut(_) | Step::Restart => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn what_was_promised_arrives_once_in_order(steps in prop::collection::vec(step(), 1..60), noise: u64) {
        let mut world = World::default();
        let mut flash = Nor::<8>::blank(64);
        flash.noise = noise;
        let mut queue = open(flash);
        for step in &steps {
            let cut = match step {
                Step::Cut(after) => {
                    queue.flash_mut().power_on((*after).into());
                    false
                }
                step => take(&mut world, &mut queue, step).is_err(),
            };
            if cut || matches!(step, Step::Restart) {
                let mut flash = queue.into_inner();
                flash.power_on(u64::MAX);
                queue = open(flash);
            }
        }
        queue.flash_mut().power_on(u64::MAX);
        world.drain(&mut queue).unwrap();
        world.check_arrived();
        prop_assert_eq!(world.missing(), Vec::<u32>::new());
        prop_assert_eq!(world.lost, 0);
    }
}
