//! The account: what was offered, acknowledged, and arrived.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use smoltel_proto::table::{self, Message};
use smoltel_proto::to_json;

/// Every so many requests have one record that an upstream refuses for good.
const POISON_EVERY: u64 = 97;

#[derive(Default)]
pub(crate) struct Account {
    next: AtomicU64,
    /// Its custody passed to the gateway.
    acknowledged: Mutex<BTreeSet<u64>>,
    /// Refused for good by whoever does so.
    poison: Mutex<BTreeSet<u64>>,
    /// How often such a one may have been stored: a sender that got no answer sends again.
    poison_stored: AtomicU64,
    /// How often each arrived, for each destination.
    arrived: Mutex<HashMap<&'static str, HashMap<u64, u64>>>,
}

impl Account {
    /// The numbers of that many new records.
    pub(crate) fn offer(&self, count: u64) -> std::ops::Range<u64> {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        first..first + count
    }

    /// A request that is to be refused has this record and no other.
    pub(crate) fn is_poison(&self, request: u64) -> bool {
        request % POISON_EVERY == 1
    }

    pub(crate) fn poison(&self, record: u64) {
        self.poison.lock().unwrap().insert(record);
    }

    pub(crate) fn poison_may_be_stored(&self) {
        self.poison_stored.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn has_poison(&self, records: &[u64]) -> bool {
        let poison = self.poison.lock().unwrap();
        records.iter().any(|record| poison.contains(record))
    }

    pub(crate) fn acknowledge(&self, records: impl IntoIterator<Item = u64>) {
        self.acknowledged.lock().unwrap().extend(records);
    }

    pub(crate) fn arrive(&self, destination: &'static str, records: &[u64]) {
        let mut all = self.arrived.lock().unwrap();
        let arrived = all.entry(destination).or_default();
        records.iter().for_each(|record| *arrived.entry(*record).or_default() += 1);
    }

    pub(crate) fn offered(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// What was acknowledged and did not arrive.
    pub(crate) fn missing(&self, destination: &str) -> BTreeSet<u64> {
        let all = self.arrived.lock().unwrap();
        let arrived = |record: &u64| all.get(destination).is_some_and(|all| all.contains_key(record));
        self.acknowledged.lock().unwrap().iter().copied().filter(|record| !arrived(record)).collect()
    }

    /// What arrived and was never sent.
    pub(crate) fn invented(&self, destination: &str) -> usize {
        let all = self.arrived.lock().unwrap();
        let offered = self.offered();
        all.get(destination).map_or(0, |all| all.keys().filter(|record| **record >= offered).count())
    }

    /// Those acknowledged that are poison, and how often any may have been stored.
    pub(crate) fn poisons(&self) -> (BTreeSet<u64>, u64) {
        let poison = self.poison.lock().unwrap();
        let acknowledged = self.acknowledged.lock().unwrap().intersection(&poison).copied().collect();
        (acknowledged, self.poison_stored.load(Ordering::Relaxed))
    }

    pub(crate) fn summary(&self) -> String {
        let acknowledged = self.acknowledged.lock().unwrap().len();
        let mut text = format!("{} records offered, {acknowledged} acknowledged", self.offered());
        for (name, all) in self.arrived.lock().unwrap().iter() {
            let twice: u64 = all.values().map(|times| times - 1).sum();
            text += &format!("; {name}: {} arrived, {twice} once more", all.len());
        }
        text
    }
}

/// The numbers of the records in a request to that path.
pub(crate) fn records(path: &str, body: &[u8]) -> Vec<u64> {
    let mut json = Vec::new();
    to_json(root(path), body, &mut json).unwrap();
    records_of_json(&String::from_utf8(json).unwrap())
}

pub(crate) fn records_of_json(json: &str) -> Vec<u64> {
    json.split("\"id-").skip(1).map(|rest| rest.split(' ').next().unwrap().parse().unwrap()).collect()
}

pub(crate) fn root(path: &str) -> &'static Message {
    match path {
        "/v1/traces" => &table::EXPORT_TRACE_SERVICE_REQUEST,
        "/v1/metrics" => &table::EXPORT_METRICS_SERVICE_REQUEST,
        _ => &table::EXPORT_LOGS_SERVICE_REQUEST,
    }
}
