use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Limits;
use crate::server::sender;

/// How much each sender may send. One that has been silent may send a second's worth at once.
pub(super) struct Rates {
    /// The time that one request is worth.
    request: Option<Duration>,
    /// The bytes that a second is worth.
    bytes: Option<f64>,
    senders: Mutex<HashMap<IpAddr, Spent>>,
}

/// Until when a sender has used up what it may send.
#[derive(Clone, Copy)]
struct Spent {
    requests: Instant,
    bytes: Instant,
}

/// Senders that are told apart; further ones share an allowance.
const SENDERS: usize = 4096;
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const BURST: Duration = Duration::from_secs(1);

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        let request = limits.sender_requests_per_second.map(|rate| Duration::from_secs(1) / rate);
        let bytes = limits.sender_kib_per_second.map(|rate| f64::from(rate) * 1024.0);
        Self { request, bytes, senders: Mutex::default() }
    }

    /// Counts a request; the seconds to wait if it is one too many.
    pub(super) fn request(&self, ip: IpAddr, now: Instant) -> Result<(), u32> {
        if self.request.is_none() && self.bytes.is_none() {
            return Ok(());
        }
        self.with(ip, now, |spent| {
            let ahead = spent.requests.max(spent.bytes).saturating_duration_since(now);
            if let Some(more) = ahead.checked_sub(BURST).filter(|more| !more.is_zero()) {
                return Err(more.as_secs() as u32 + 1);
            }
            spent.requests = spent.requests.max(now) + self.request.unwrap_or_default();
            Ok(())
        })
    }

    /// Counts the bytes of a request, once they are known.
    pub(super) fn bytes(&self, ip: IpAddr, now: Instant, bytes: usize) {
        if let Some(rate) = self.bytes {
            let worth = Duration::from_secs_f64(bytes as f64 / rate);
            self.with(ip, now, |spent| spent.bytes = spent.bytes.max(now) + worth);
        }
    }

    fn with<T>(&self, ip: IpAddr, now: Instant, f: impl FnOnce(&mut Spent) -> T) -> T {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = sender(ip);
        if senders.len() >= SENDERS && !senders.contains_key(&key) {
            senders.retain(|_, spent| spent.requests > now || spent.bytes > now);
            if senders.len() >= SENDERS {
                key = OTHERS;
            }
        }
        f(senders.entry(key).or_insert(Spent { requests: now, bytes: now }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests: Option<u32>, kib: Option<u32>) -> Limits {
        Limits { sender_requests_per_second: requests, sender_kib_per_second: kib, ..Limits::default() }
    }

    fn ip(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn who_sends_too_often_waits_and_others_do_not() {
        let (rates, now) = (Rates::new(&limits(Some(10), None)), Instant::now());
        assert!((0..11).all(|_| rates.request(ip(1), now).is_ok()));
        assert_eq!(rates.request(ip(1), now), Err(1));
        assert!(rates.request(ip(2), now).is_ok());
        assert!(rates.request(ip(1), now + Duration::from_millis(100)).is_ok());
    }

    #[test]
    fn bytes_are_paid_for_afterwards() {
        let (rates, now) = (Rates::new(&limits(None, Some(1))), Instant::now());
        rates.bytes(ip(1), now, 10 * 1024);
        assert_eq!(rates.request(ip(1), now), Err(10));
        assert!(rates.request(ip(1), now + Duration::from_secs(9)).is_ok());
    }

    #[test]
    fn any_number_of_senders_takes_bounded_memory() {
        let (rates, now) = (Rates::new(&limits(Some(1), None)), Instant::now());
        for number in 1..6_000 {
            _ = rates.request(ip(number), now);
        }
        assert!(rates.senders.lock().unwrap().len() <= SENDERS + 1);
        assert!(rates.request(ip(100_000), now + Duration::from_secs(100_000)).is_ok());
    }
}
