//! `kill -9` at any moment, also while the spool is being opened.

use std::time::Duration;

use crate::child::Child;
use crate::life::{Life, Random};
use crate::oracle::{Count, Oracle};
use crate::{Outcome, home};

/// How many times a spool is killed before the next one's life begins.
const LIFE: u64 = 40;

/// Kills a worker at a random moment; whether that was before it had opened the spool.
pub(crate) fn cycle(oracle: &mut Oracle, random: &mut Random) -> Result<bool, String> {
    let mut child = Child::start(&oracle.task, &[]);
    let said = match random.below(20) {
        0 => {
            child.listen(Duration::from_millis(300));
            child.kill()
        }
        1 => {
            child.opened();
            child.listen(Duration::from_millis(random.below(20)));
            child.stop()
        }
        2..8 => {
            child.listen(Duration::from_micros(random.below(8000)));
            child.kill()
        }
        _ => {
            child.opened();
            child.listen(Duration::from_micros(random.below(40_000)));
            child.kill()
        }
    };
    oracle.judge(&said)?;
    Ok(!said.opened)
}

pub(crate) fn run(prove: bool) -> Outcome {
    the_oracle_sees()?;
    let all: u64 = if prove { 1000 } else { 60 };
    let (mut early, mut sum) = (0, Count::default());
    for number in 0..all.div_ceil(LIFE) {
        let dir = home(number)?;
        let mut oracle = Oracle::new(dir.path().join("spool"), Life::new(number));
        let mut random = Random(number << 32);
        for turn in 0..LIFE.min(all - number * LIFE) {
            early +=
                u64::from(cycle(&mut oracle, &mut random).map_err(|wrong| {
                    format!("life {number}, cycle {turn}: {wrong}\n{:?}", oracle.task.life)
                })?);
        }
        sum.add(&oracle.count);
    }
    if sum.acknowledged < all || sum.delivered < all || early == 0 {
        return Err(format!("it did too little to show anything: {early} early, {sum}"));
    }
    Ok(format!("{all} cycles of kill -9, {early} of them before the spool was open; {sum}"))
}

/// A worker that throws away what it says is stored must be found out.
fn the_oracle_sees() -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut oracle = Oracle::new(dir.path().join("spool"), Life::new(0));
    oracle.task.lies = true;
    let mut child = Child::start(&oracle.task, &[]);
    child.opened();
    child.listen(Duration::from_millis(200));
    match oracle.judge(&child.kill()) {
        Err(wrong) if wrong.starts_with("acknowledged and gone") => Ok(()),
        other => Err(format!("a worker lied, and the oracle says {other:?}")),
    }
}
