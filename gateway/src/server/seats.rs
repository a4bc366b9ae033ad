use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::config::Limits;
use crate::ledger::Ledger;

/// A listener's connections, as many as there are seats. When all are taken, the one that has been idle for longest has
/// to leave for the next; when none is idle, the next waits.
pub(super) struct Seats {
    most: usize,
    most_each: u32,
    inner: Mutex<Inner>,
    /// Somebody left, or has become idle.
    freed: Arc<Notify>,
    ledger: Arc<Ledger>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    taken: HashMap<u64, Arc<State>>,
    /// How many each sender has.
    senders: HashMap<IpAddr, u32>,
}

/// One connection's seat; dropping it frees it.
pub(super) struct Seat {
    id: u64,
    sender: IpAddr,
    seats: Arc<Seats>,
    state: Arc<State>,
}

/// What a connection does.
pub(super) struct State {
    /// Requests that are not answered yet.
    busy: AtomicU32,
    idle_since: Mutex<Instant>,
    leave: Notify,
    freed: Arc<Notify>,
}

/// Held while a request is answered.
pub(super) struct Busy(Arc<State>);

impl Seats {
    pub(super) fn new(limits: &Limits, ledger: Arc<Ledger>) -> Arc<Self> {
        let (most, most_each) = (limits.connections as usize, limits.sender_connections());
        Arc::new(Self { most, most_each, inner: Mutex::default(), freed: Arc::default(), ledger })
    }

    /// A seat for that sender, as soon as there is one; none if the sender has all that one may have.
    pub(super) async fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Seat> {
        let sender = sender(ip);
        loop {
            {
                let mut inner = self.lock();
                if inner.senders.get(&sender).is_some_and(|held| *held >= self.most_each) {
                    self.ledger.refused_connections.fetch_add(1, Ordering::Relaxed);
                    return None;
                }
                if inner.taken.len() < self.most {
                    return Some(self.seat(&mut inner, sender));
                }
                inner.dismiss_the_idlest();
            }
            self.freed.notified().await;
        }
    }

    pub(super) async fn wait_until_empty(&self) {
        while !self.lock().taken.is_empty() {
            self.freed.notified().await;
        }
    }

    fn seat(self: &Arc<Self>, inner: &mut Inner, sender: IpAddr) -> Seat {
        let (busy, idle_since) = (AtomicU32::new(0), Mutex::new(Instant::now()));
        let state = Arc::new(State { busy, idle_since, leave: Notify::new(), freed: self.freed.clone() });
        let id = inner.next;
        inner.next += 1;
        inner.taken.insert(id, state.clone());
        *inner.senders.entry(sender).or_default() += 1;
        Seat { id, sender, seats: self.clone(), state }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn dismiss_the_idlest(&self) {
        let idle = self.taken.values().filter_map(|state| Some((state.idle_since()?, state)));
        if let Some((_, state)) = idle.min_by_key(|(since, _)| *since) {
            state.leave.notify_one();
        }
    }
}

impl Seat {
    pub(super) fn state(&self) -> &Arc<State> {
        &self.state
    }
}

impl State {
    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Since when nothing is under way, if so.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let since = *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner);
        (self.busy.load(Ordering::Relaxed) == 0).then_some(since)
    }

    /// Until somebody else needs the seat.
    pub(super) async fn dismissed(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if self.0.busy.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.freed.notify_one();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.seats.lock();
        inner.taken.remove(&self.id);
        if let Some(held) = inner.senders.get_mut(&self.sender) {
            *held -= 1;
            if *held == 0 {
                inner.senders.remove(&self.sender);
            }
        }
        drop(inner);
        self.seats.freed.notify_one();
    }
}

/// Whom an address stands for: whoever has one of IPv6 has 2⁶⁴.
pub(crate) fn sender(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_idlest_leaves_and_the_busy_stay() {
        let limits = Limits { connections: 2, ..Limits::default() };
        let seats = Seats::new(&limits, Arc::default());
        let ip = IpAddr::from([192, 0, 2, 1]);
        let (first, second) = (seats.take(ip).await.unwrap(), seats.take(ip).await.unwrap());
        let _busy = first.state().begin();
        let waits = seats.take(ip);
        tokio::join!(waits, async {
            second.state().dismissed().await;
            drop(second);
        });
    }

    #[tokio::test]
    async fn a_sender_with_enough_is_refused_and_another_is_not() {
        let limits = Limits { sender_connections: Some(1), ..Limits::default() };
        let seats = Seats::new(&limits, Arc::default());
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let held = seats.take(one).await;
        assert!(held.is_some());
        assert!(seats.take("2001:db8::2".parse().unwrap()).await.is_none(), "the same network");
        assert!(seats.take("2001:db8:1::1".parse().unwrap()).await.is_some());
        drop(held);
        assert!(seats.take(one).await.is_some());
    }
}
