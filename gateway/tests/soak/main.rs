//! A soak: random load on a real gateway while upstreams fail, it is killed and stopped, its disk is full and the clock jumps. An
//! account outside of it knows every record: it was delivered, it waits, or it is in the ledger of losses. Nothing else.
//!
//! `SOAK_SECONDS` says how long (15), `SOAK_SEED` what happens; `cargo xtask soak` sets both. The seed decides every event and every
//! request; how they fall together in time is the machine's.

#[path = "../support/device.rs"]
mod device;
#[path = "../support/mod.rs"]
mod support;

mod account;
mod load;
mod plan;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use account::Account;
use plan::{Plan, Random};
use support::PATIENCE;
use world::World;

const SENDERS: u64 = 4;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_record_is_delivered_or_waits_or_is_in_the_ledger() {
    let lasts = Duration::from_secs(number("SOAK_SECONDS").unwrap_or(15));
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |now| now.as_secs());
    let seed = number("SOAK_SEED").unwrap_or_else(now);
    println!("soak: SOAK_SEED={seed} SOAK_SECONDS={} is this run", lasts.as_secs());
    let account = Arc::new(Account::default());
    let mut world = World::new(&account);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (address, over, account) = (world.address(), &over, &account);
            scope.spawn(move || load::send(Random(seed ^ (sender + 1)), &address, account, over));
        }
        let (link, over_now, account_now) = (world.link(), &over, &account);
        scope.spawn(move || load::device(&link, account_now, over_now));
        // However it ends, the senders do too.
        let _over = OnDrop(&over);
        let mut plan = Plan::new(seed);
        let end = Instant::now() + lasts;
        while Instant::now() < end {
            let (pause, event) = plan.next();
            thread::park_timeout(pause);
            world.meet(event);
        }
        world.calm();
    });
    world.check_what_waits();
    world.check_that_all_is_home();
    println!("soak: {}", world.summary());
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
