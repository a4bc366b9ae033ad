//! What the workloads do.

use std::time::Duration;

use smoltel_spool::{Class, Limits, Loss};

use super::run::Run;

use Class::{High, Low, Normal};

/// More than there is.
const ALL: usize = 1 << 20;

pub(super) fn all_classes(run: &mut Run) {
    for len in [10, 300, 1000, 40] {
        run.append(&[(len, Normal)]);
        run.append(&[(len, Low), (len / 2, High), (20, Normal)]);
    }
}

pub(super) fn groups_across_segments(run: &mut Run) {
    for _ in 0..3 {
        run.append(&[(1500, Normal); 5]);
        run.release(0, 4000);
        run.release(1, 9000);
    }
}

pub(super) fn using_segments_again(run: &mut Run) {
    for round in 0..10 {
        run.append(&[(3000, Normal), (400 + round, High)]);
        run.release(0, 6000);
        run.release(1, 6000);
    }
}

pub(super) fn reopening(run: &mut Run) {
    for round in 0..4 {
        run.append(&[(700, Normal), (700, Low)]);
        run.append(&[(30, High)]);
        run.release(round % 2, 1000);
        run.reopen();
    }
    run.release(0, ALL);
    run.close();
}

pub(super) fn killing(run: &mut Run) {
    for round in 0..5 {
        run.append(&[(500, Normal), (900, High), (100, Normal)]);
        run.release(round % 2, 800);
        run.wait(25);
        run.kill();
        run.release(0, 300);
    }
}

pub(super) fn one_lags(run: &mut Run) {
    for _ in 0..6 {
        run.append(&[(900, Normal), (200, High)]);
        run.release(0, ALL);
    }
    run.reopen();
    run.release(1, ALL);
    run.append(&[(3000, Normal)]);
    run.append(&[(3000, Normal)]);
}

pub(super) fn retiring(run: &mut Run) {
    run.append(&[(600, Normal), (600, High)]);
    run.join(2);
    run.append(&[(600, Normal)]);
    run.release(2, 1000);
    run.release(0, ALL);
    run.retire(1);
    run.append(&[(2000, Normal), (2000, Normal)]);
    run.release(2, ALL);
    run.retire(2);
    run.release(0, ALL);
    run.join(1);
    run.append(&[(1000, Low)]);
    run.reopen();
    run.release(1, ALL);
}

pub(super) fn nobody_takes_at_first(run: &mut Run) {
    run.without_destinations();
    run.append(&[(600, Normal), (3000, High), (3000, Normal)]);
    run.reopen();
    run.append(&[(100, Low)]);
    run.join(2);
    run.release(2, 4000);
    run.append(&[(3000, Normal)]);
    run.kill();
    run.release(2, ALL);
}

pub(super) fn large_records(run: &mut Run) {
    for len in [3728, 3700, 3600, 3728, 3000] {
        run.append(&[(len, Normal)]);
        run.release(0, 1);
        run.release(1, 1);
    }
    run.append(&[(3728, High), (3728, Low), (3728, High)]);
}

pub(super) fn small_records(run: &mut Run) {
    for round in 0..12 {
        run.append(&[(round * 9, Normal)]);
        if round % 3 == 2 {
            run.append(&[(1, Normal), (77, Normal), (300, Normal), (5, High), (8, Normal)]);
            run.release(round % 2, 400);
        }
    }
}

/// In segments of 16 KiB: what is too long for the last block leaves it to the index.
pub(super) fn filled_segments(run: &mut Run) {
    for round in 0..3 {
        run.append(&[(2000, Normal), (3000, Normal), (900, Normal)]);
        run.append(&[(9000, Normal), (20, High)]);
        run.release(0, 8000);
        run.release(1, 300);
        match round {
            0 => run.reopen(),
            1 => run.kill(),
            _ => {}
        }
    }
}

pub(super) fn giving_back(run: &mut Run) {
    run.append(&[(400, Normal), (400, High), (400, Low), (400, Normal)]);
    run.take(0, 500);
    run.take(0, 500);
    run.take(1, 900);
    run.append(&[(800, Normal)]);
    run.last_done();
    run.give_back();
    run.done(Some(Loss::Rejected));
    run.wait(25);
    run.take(0, 300);
    run.done(Some(Loss::Other));
    run.wait(6000);
    run.release(0, ALL);
    run.append(&[(3000, Normal)]);
}

pub(super) fn timers(run: &mut Run) {
    for round in 0..4 {
        run.append(&[(300, Normal), (300, Low)]);
        run.release(round % 2, 200);
        run.wait(25);
        run.release(0, 200);
        run.wait(6000);
    }
}

pub(super) fn out_of_order(run: &mut Run) {
    run.append(&[(100, Normal); 9]);
    for _ in 0..4 {
        run.take(0, 150);
        run.take(1, 250);
    }
    for _ in 0..3 {
        run.last_done();
        run.wait(25);
        run.done(None);
    }
    run.wait(6000);
    run.last_done();
    run.append(&[(2000, Normal), (2000, Normal)]);
}

pub(super) fn full(run: &mut Run) {
    for round in 0..12 {
        let class = Class::ALL[round % 3];
        run.append(&[(3000, class)]);
        if round == 8 {
            run.release(0, 7000);
            run.release(1, 4000);
        }
    }
    run.release(0, ALL);
    run.append(&[(3000, Normal)]);
    run.release(1, ALL);
    run.append(&[(3000, Low), (3000, Normal)]);
}

/// With a policy that lets records wait for room.
pub(super) fn waiting_for_room(run: &mut Run) {
    let done = run.send(&[(3000, Normal); 10]);
    run.quiet();
    for _ in 0..8 {
        run.release(0, 3000);
        run.release(1, 3000);
    }
    while done.recv().is_ok() {}
    run.release(0, ALL);
    run.append(&[(3000, High)]);
}

pub(super) fn ages(run: &mut Run) {
    run.append(&[(500, Normal), (500, High)]);
    let age = Some(Duration::from_secs(60));
    run.limit(0, Limits { age, ..Limits::default() });
    run.disk.set_wall(0);
    run.append(&[(500, Normal)]);
    run.disk.advance(40_000_000_000);
    run.limit(1, Limits { age, ..Limits::default() });
    run.append(&[(3000, Normal)]);
    run.disk.set_wall(u64::MAX / 2);
    run.disk.advance(30_000_000_000);
    run.limit(0, Limits { age, ..Limits::default() });
    run.append(&[(900, Normal)]);
    run.release(1, 4000);
    run.wait(6000);
    run.reopen();
    run.append(&[(3000, Low), (100, Normal)]);
}

pub(super) fn lag(run: &mut Run) {
    run.append(&[(900, Low), (900, Normal)]);
    run.limit(1, Limits { lag: Some(2500), newest: 50, ..Limits::default() });
    for _ in 0..4 {
        run.append(&[(900, Normal), (900, High)]);
        run.release(0, 1500);
    }
    run.release(1, 1000);
    run.wait(6000);
    run.release(1, 1000);
    run.append(&[(3000, Normal)]);
}

/// CURSOR is made anew, with more room.
pub(super) fn growing_capacity(run: &mut Run) {
    run.append(&[(2000, Normal); 4]);
    run.release(0, 5000);
    run.release(1, 3000);
    run.close();
    run.options.capacity *= 40;
    run.append(&[(2000, Normal); 4]);
    run.release(1, 5000);
    run.kill();
    run.append(&[(2000, Normal)]);
}

/// One class fills up while another hardly moves.
pub(super) fn skewed(run: &mut Run) {
    run.append(&[(50, High)]);
    for round in 0..9 {
        run.append(&[(1800, Low), (1800, Low)]);
        run.release(0, ALL);
        if round % 2 == 0 {
            run.release(1, ALL);
            run.append(&[(50, High)]);
        }
    }
}

/// Everything is released: nothing is live.
pub(super) fn drained(run: &mut Run) {
    for _ in 0..4 {
        run.append(&[(1000, Normal), (1000, High)]);
        run.release(0, ALL);
        run.release(1, ALL);
        run.wait(25);
        run.reopen();
    }
    run.append(&[(1, Normal)]);
}
