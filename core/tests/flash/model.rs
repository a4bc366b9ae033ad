//! Anything in any order, with power failing in between, beside a model.

use proptest::prelude::*;

use super::nor::Nor;
use super::world::{Step, World, open};

#[derive(Clone, Debug)]
enum Event {
    Step(Step),
    /// Power fails within so many operations.
    Cut(u16),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1u8..6).prop_map(|n| Event::Step(Step::Append(n))),
        3 => (1u8..8).prop_map(|n| Event::Step(Step::Send(n))),
        2 => Just(Event::Step(Step::Settle)),
        2 => (0u16..300).prop_map(Event::Cut),
        1 => Just(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn what_was_promised_arrives_once_in_order(events in prop::collection::vec(event(), 1..60), noise: u64) {
        let mut world = World::default();
        let mut flash = Nor::<8>::blank(64);
        flash.noise = noise;
        let mut queue = open(flash);
        for event in &events {
            let restarts = match event {
                Event::Step(step) => world.take(&mut queue, *step).is_err(),
                Event::Cut(after) => {
                    queue.flash_mut().power_on((*after).into());
                    false
                }
                Event::Restart => true,
            };
            if restarts {
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
