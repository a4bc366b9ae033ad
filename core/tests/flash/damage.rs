//! A flash that lost bits, holds something else, or does not do as it is told.

use super::nor::{Nor, PAGE};
use super::world::{World, look, open};
use smoltel_core::flash::{FlashQueue, OpenError, Progress, Refused, Unknown};
use smoltel_core::ring::Header;

/// A queue of `records` in `pages` pages, and what is known of it.
fn filled(pages: usize, records: usize) -> (World, Nor<4>) {
    let (mut world, mut queue) = (World::default(), open(Nor::blank(pages)));
    (0..records).for_each(|_| world.append(&mut queue).unwrap());
    world.send(&mut queue, 2).unwrap();
    world.settle(&mut queue).unwrap();
    (world, queue.into_inner())
}

#[test]
fn every_bit_that_flips_costs_a_page_at_most_and_is_counted() {
    let (_, flash) = filled(6, 14);
    let used = flash.clone().bytes().iter().rposition(|byte| *byte != 0xFF).unwrap();
    for at in 0..=used {
        let mut flash = flash.clone();
        flash.bytes()[at] ^= 1 << (at % 8);
        let (mut world, _) = filled(6, 14);
        let mut queue = open(flash);
        world.drain(&mut queue).unwrap();
        // A state that is lost takes the epoch with it: what was released since the one before comes again.
        if world.arrived.starts_with(&[0, 1, 0, 1]) {
            world.arrived.drain(..2);
        }
        world.check_arrived();
        let missing = world.missing().len() as u64;
        assert!(missing <= 8, "byte {at}: {missing} are missing");
        // Nothing behind the last page says how much it held, and nothing before the first how much of it was wanted.
        let unknown = at / PAGE == used / PAGE || at < 72;
        // Of the head's page, the two that were released are damaged, too.
        let released = if at < PAGE { 2 } else { 0 };
        assert!(
            (missing..=missing + released).contains(&world.lost) || unknown,
            "byte {at}: {missing} are missing, {} counted",
            world.lost
        );
    }
}

#[test]
fn another_programs_flash_is_refused_or_taken_over_as_one_says() {
    let mut noise = 7u64;
    let mut random = move || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (noise >> 33) as u8
    };
    for bytes in [vec![0; 4 * PAGE], vec![0xA5; 4 * PAGE], (0..4 * PAGE).map(|_| random()).collect()] {
        let (error, flash) = FlashQueue::open(Nor::<4>::written(bytes.clone()), Unknown::Refuse).unwrap_err();
        assert_eq!((error, flash.operations), (OpenError::Foreign, 0));
        let mut queue = FlashQueue::open(flash, Unknown::TakeOver).map_err(|(error, _)| error).unwrap();
        let mut world = World::default();
        (0..5).for_each(|_| world.append(&mut queue).unwrap());
        let mut queue = open(queue.into_inner());
        world.drain(&mut queue).unwrap();
        assert_eq!((world.missing(), world.lost), (vec![], 0));
    }
}

#[test]
fn a_queue_of_another_geometry_is_another_programs() {
    let (_, mut flash) = filled(6, 14);
    let mut half = Nor::<4>::blank(3);
    half.bytes().copy_from_slice(&flash.bytes()[..3 * PAGE]);
    assert_eq!(FlashQueue::open(half, Unknown::Refuse).unwrap_err().0, OpenError::Foreign);
    assert_eq!(FlashQueue::open(Nor::<4>::blank(1), Unknown::TakeOver).unwrap_err().0, OpenError::Pages);
}

#[test]
fn nothing_is_erased_while_that_is_not_allowed() {
    let (mut world, mut queue) = (World::default(), open(Nor::<4>::blank(4)));
    let header = Header { len: 3, scope: 0, kind: 0, items: 1 };
    assert_eq!(queue.poll(|| panic!("nothing is to be erased")), Ok(Progress::Idle));
    assert_eq!(queue.append(header, 0, |_, out| out.fill(1)), Err(Refused::NoRoom));
    for _ in 0..3 {
        assert_eq!(queue.poll(|| false), Ok(Progress::Waiting));
        assert_eq!(queue.flash_mut().operations, 0);
    }
    world.append(&mut queue).unwrap();
    assert_eq!(look(&mut queue, 0).unwrap().unwrap().0, 0);
}

#[test]
fn what_is_in_flight_does_not_give_way() {
    let (mut world, mut queue) = (World::default(), open(Nor::<4>::blank(3)));
    (0..20).for_each(|_| world.append(&mut queue).unwrap());
    let (first, next) = look(&mut queue, 0).unwrap().unwrap();
    queue.pin(next);
    let long = Header { len: 300, scope: 0, kind: 0, items: 1 };
    while queue.append(long, 0, |_, out| out.fill(1)).is_err() {
        if queue.poll(|| true).unwrap() == Progress::Waiting {
            break;
        }
    }
    assert_eq!(look(&mut queue, 0).unwrap(), Some((first, next)));
    queue.pin(0);
    while queue.append(long, 0, |_, out| out.fill(1)).is_err() {
        assert_ne!(queue.poll(|| true).unwrap(), Progress::Waiting);
    }
    assert!(look(&mut queue, 0).unwrap().unwrap().0 > first);
}

#[test]
fn a_record_that_no_page_holds_is_told() {
    let mut queue = open(Nor::<4>::blank(4));
    let header = Header { len: PAGE as u16, scope: 0, kind: 0, items: 1 };
    assert_eq!(queue.append(header, 0, |_, _| panic!("it is not read")), Err(Refused::TooLarge));
}

#[test]
fn pages_wear_alike() {
    let (mut world, mut queue) = (World::default(), open(Nor::<4>::blank(5)));
    for _ in 0..200 {
        (0..4).for_each(|_| world.append(&mut queue).unwrap());
        world.drain(&mut queue).unwrap();
    }
    let wear = queue.wear().unwrap();
    assert!(wear.least > 20 && wear.most - wear.least <= 1, "{wear:?}");
    assert_eq!(world.missing(), []);
}
