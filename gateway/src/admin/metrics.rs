//! `/metrics`: Prometheus' text format.

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use smoltel::Signal;
use smoltel::transport::pool;
use smoltel_spool::{Loss, Losses, Pending, Stats};

use super::{Admin, status::reason};
use crate::forward::{Delivery, State};
use crate::ledger::{Delivered, PerSignal};
use crate::link::{self, shown};
use crate::signals;

/// All that is counted.
pub(super) fn text(admin: &Admin) -> String {
    let mut text = String::with_capacity(8192);
    for Family { name, kind, help, samples } in families(admin) {
        // Writing to a String does not fail.
        _ = writeln!(text, "# HELP smoltel_gateway_{name} {help}\n# TYPE smoltel_gateway_{name} {kind}");
        samples.iter().for_each(|sample| sample.write(name, &mut text));
    }
    text
}

pub(super) fn families(admin: &Admin) -> Vec<Family> {
    let mut page = Page(Vec::new());
    page.head("up", "gauge", "Always 1.");
    page.sample("up", &[], 1);
    page.head("build_info", "gauge", "The version, as a label.");
    page.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.head("uptime_seconds", "gauge", "Since the start.");
    page.sample("uptime_seconds", &[], admin.started.elapsed().as_secs());
    page.received(admin);
    page.forwarded(&admin.destinations.all());
    let stats = admin.spool.stats();
    page.backlog(&stats);
    page.lost(&stats);
    page.devices(admin);
    page.spool(&stats);
    page.0
}

/// What has one name.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
    pub(super) samples: Vec<Sample>,
}

/// A number, as it is written, and its labels.
pub(super) struct Sample {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) value: String,
}

impl Sample {
    fn write(&self, name: &str, text: &mut String) {
        let labels: Vec<_> =
            self.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        _ = writeln!(text, "smoltel_gateway_{name}{labels} {}", self.value);
    }
}

struct Page(Vec<Family>);

impl Page {
    fn head(&mut self, name: &'static str, kind: &'static str, help: &'static str) {
        self.0.push(Family { name, kind, help, samples: Vec::new() });
    }

    /// Of the family whose head came last.
    fn sample(&mut self, name: &str, labels: &[(&'static str, &str)], value: impl Display) {
        debug_assert_eq!(self.0.last().map(|family| family.name), Some(name));
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let sample = Sample { labels, value: value.to_string() };
        if let Some(family) = self.0.last_mut() {
            family.samples.push(sample);
        }
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn per_signal(&mut self, name: &'static str, help: &'static str, counts: &PerSignal) {
        self.head(name, "counter", help);
        for signal in Signal::ALL {
            self.sample(name, &[("signal", signal.name())], counts.get(signal));
        }
    }

    fn received(&mut self, admin: &Admin) {
        let ledger = &admin.ledger;
        self.per_signal("received_requests_total", "Requests stored durably.", &ledger.received_requests);
        let help = "Spans, data points and log records stored durably.";
        self.per_signal("received_items_total", help, &ledger.received_items);
        let help = "Bytes of requests that are being read or not durable yet.";
        self.gauge("receiving_bytes", help, ledger.receiving_bytes.load(Ordering::Relaxed));
        self.head("refused_requests_total", "counter", "Requests answered with an error.");
        for (status, count) in ledger.refused_by_status() {
            self.sample("refused_requests_total", &[("status", &status.to_string())], count);
        }
        self.head("refused_connections_total", "counter", "Connections of senders that had too many.");
        self.sample("refused_connections_total", &[], ledger.refused_connections.load(Ordering::Relaxed));
    }

    fn forwarded(&mut self, all: &[Arc<Delivery>]) {
        type Counts = fn(&Delivered) -> &PerSignal;
        let counters: [(&'static str, &'static str, Counts); 5] = [
            ("forwarded_items_total", "Items that the destination took.", |counts| &counts.forwarded_items),
            ("rejected_items_total", "Items that it rejected of requests that it took.", |counts| {
                &counts.rejected_items
            }),
            ("send_attempts_total", "Requests sent to it.", |counts| &counts.attempts),
            ("send_failures_total", "Requests that it did not take.", |counts| &counts.failures),
            ("sent_bytes_total", "Bytes of the bodies of requests sent to it.", |counts| &counts.sent_bytes),
        ];
        for (name, help, counts) in counters {
            self.head(name, "counter", help);
            self.per_destination(name, all, |delivery, signal| counts(&delivery.counts).get(signal));
        }
        self.head("destination_up", "gauge", "Whether what comes goes out, or will when bytes cost less.");
        self.per_destination("destination_up", all, |delivery, signal| {
            matches!(delivery.health(signal).state, State::Flowing | State::Saving).into()
        });
        self.head("endpoint_up", "gauge", "Of several endpoints of a destination: whether it is in use.");
        for delivery in all {
            for endpoint in delivery.endpoints() {
                let labels = [("destination", &*delivery.id), ("endpoint", &*endpoint.name)];
                self.sample("endpoint_up", &labels, u8::from(endpoint.state == pool::State::Closed));
            }
        }
        self.head("budget_left_bytes", "gauge", "Where bytes cost: what may leave now.");
        for delivery in all {
            let left = delivery.budget.iter().map(|budget| budget.left(Instant::now()));
            left.for_each(|left| self.sample("budget_left_bytes", &[("destination", &delivery.id)], left));
        }
    }

    fn per_destination(
        &mut self,
        name: &str,
        all: &[Arc<Delivery>],
        value: impl Fn(&Delivery, Signal) -> u64,
    ) {
        for delivery in all {
            for signal in delivery.signals() {
                let labels = [("destination", &*delivery.id), ("signal", signal.name())];
                self.sample(name, &labels, value(delivery, signal));
            }
        }
    }

    fn backlog(&mut self, stats: &Stats) {
        type Value = fn(&Pending) -> u64;
        let all: [(&'static str, &'static str, Value); 4] = [
            ("backlog_records", "Requests that wait for a destination.", |pending| pending.records),
            ("backlog_items", "Items that wait for a destination.", |pending| pending.items),
            ("backlog_bytes", "Bytes that wait for a destination.", |pending| pending.bytes),
            ("backlog_oldest_seconds", "Age of the oldest that waits.", |pending| {
                pending.oldest.map_or(0, |age| age.as_secs())
            }),
        ];
        for (name, help, value) in all {
            self.head(name, "gauge", help);
            for destination in &stats.destinations {
                for signal in Signal::ALL {
                    let pending = destination.pending(signals::stored(signal));
                    let labels = [("destination", &*destination.id), ("signal", signal.name())];
                    self.sample(name, &labels, value(&pending));
                }
            }
        }
    }

    fn lost(&mut self, stats: &Stats) {
        let name = "lost_items_total";
        self.head(
            name,
            "counter",
            "Items lost, kept across restarts; `full` ones were refused, the sender has them.",
        );
        let mut losses = |whose: &str, losses: &Losses| {
            for loss in Loss::ALL {
                self.sample(name, &[("destination", whose), ("reason", reason(loss))], losses.items(loss));
            }
        };
        losses("", &stats.losses);
        stats.destinations.iter().for_each(|destination| losses(&destination.id, &destination.losses));
    }

    fn devices(&mut self, admin: &Admin) {
        type Value = fn(&link::State) -> u64;
        let all = admin.devices.all();
        let connected = all.values().filter(|state| state.connected).count();
        self.gauge("devices", "Devices met on the link since the start.", all.len());
        self.gauge("devices_connected", "Those that are connected now.", connected);
        let help = "How often records of devices waited for the spool to take them.";
        self.head("device_waits_total", "counter", help);
        self.sample("device_waits_total", &[], admin.ledger.link_waits.load(Ordering::Relaxed));
        let values: [(&'static str, &'static str, &'static str, Value); 6] = [
            ("device_up", "gauge", "Whether it is connected.", |state| state.connected.into()),
            ("device_last_seen_seconds", "gauge", "Since it said something.", |state| {
                state.seen.elapsed().as_secs()
            }),
            ("device_items_total", "counter", "Items stored.", |state| state.items),
            ("device_refused_items_total", "counter", "Records that were no OTLP.", |state| state.refused),
            ("device_gap_bytes_total", "counter", "Bytes of records that gave way unsent.", |state| {
                state.gap_bytes
            }),
            ("device_bad_frames_total", "counter", "Frames that arrived damaged.", |state| state.bad),
        ];
        for (name, kind, help, value) in values {
            self.head(name, kind, help);
            for (id, state) in &all {
                self.sample(name, &[("device", &shown(id))], value(state));
            }
        }
        let help = "Lost of its defmt stream: bytes of gaps, frames and records otherwise.";
        self.head("device_defmt_lost_total", "counter", help);
        for (id, state) in &all {
            for (what, count) in &state.defmt {
                let labels = [("device", &*shown(id)), ("reason", what.name())];
                self.sample("device_defmt_lost_total", &labels, count);
            }
        }
        self.head("device_lost_items", "gauge", "Items that the device lost since its boot, as it says.");
        for (id, state) in &all {
            for ((signal, reason), count) in &state.losses {
                let labels = [("device", &*shown(id)), ("signal", signal.name()), ("reason", reason)];
                self.sample("device_lost_items", &labels, count);
            }
        }
    }

    fn spool(&mut self, stats: &Stats) {
        self.gauge("spool_capacity_bytes", "The most that the spool may take on the disk.", stats.capacity);
        self.gauge("spool_file_bytes", "What it takes now.", stats.file_bytes);
        self.gauge("spool_used_bytes", "How much of that holds records.", stats.used_bytes);
        self.gauge("spool_records", "Requests in the spool.", stats.records);
        self.gauge("spool_read_only", "1 after a disk error.", u8::from(stats.read_only.is_some()));
        self.gauge("spool_gaps", "Damaged places found, ever.", stats.gaps);
        self.head("spool_syncs_total", "counter", "Syncs of the spool's file.");
        self.sample("spool_syncs_total", &[], stats.data_syncs);
        self.head("spool_written_bytes_total", "counter", "Bytes written to the spool's file.");
        self.sample("spool_written_bytes_total", &[], stats.bytes_written);
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let labels = vec![("a", "b\"c\\\n".to_owned()), ("d", "e".to_owned())];
        let mut text = String::new();
        Sample { labels, value: "7".into() }.write("x", &mut text);
        assert_eq!(text, "smoltel_gateway_x{a=\"b\\\"c\\\\\\n\",d=\"e\"} 7\n");
    }
}
