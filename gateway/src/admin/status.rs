//! `/api/status`: everything that can be known, in JSON.

use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::{Map, Value, json};
use smoltel::Signal;
use smoltel_spool::{DestinationStats, Loss, Losses, Pending, Stats};

use super::Admin;
use crate::forward::Delivery;
use crate::link::{State, shown};
use crate::signals;

pub(super) fn json(admin: &Admin) -> String {
    let stats = admin.spool.stats();
    let all = admin.destinations.all();
    let of = |id: &str| stats.destinations.iter().find(|destination| destination.id == id);
    let others = stats.destinations.iter().filter(|other| all.iter().all(|one| one.id != other.id));
    let status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeSeconds": admin.started.elapsed().as_secs(),
        "received": by_signal(|signal| json!({
            "requests": admin.ledger.received_requests.get(signal),
            "items": admin.ledger.received_items.get(signal),
        })),
        "refusedRequests": admin.ledger.refused_by_status()
            .map(|(status, count)| (status.to_string(), count.into())).collect::<Map<_, _>>(),
        "refusedConnections": admin.ledger.refused_connections.load(Ordering::Relaxed),
        "destinations": all.iter().map(|one| destination(one, of(&one.id))).collect::<Vec<_>>(),
        "otherDestinations": others.map(|other| json!({
            "id": other.id, "waiting": waiting(other), "lostItems": lost(&other.losses),
        })).collect::<Vec<_>>(),
        "devices": admin.devices.all().into_iter().map(|(id, state)| device(&id, &state)).collect::<Vec<_>>(),
        "spool": spool(&stats),
    });
    status.to_string()
}

fn destination(delivery: &Delivery, stats: Option<&DestinationStats>) -> Value {
    json!({
        "id": delivery.id,
        "target": delivery.target.to_string(),
        "signals": by_name(delivery.signals(), |signal| {
            let (health, counts) = (delivery.health(signal), &delivery.counts);
            json!({
                "state": health.state.name(),
                "message": health.message,
                "attempts": counts.attempts.get(signal),
                "failures": counts.failures.get(signal),
                "sentBytes": counts.sent_bytes.get(signal),
                "forwardedItems": counts.forwarded_items.get(signal),
                "rejectedItems": counts.rejected_items.get(signal),
                "waiting": pending(stats.map(|stats| stats.pending(signals::stored(signal))).unwrap_or_default()),
            })
        }),
        "endpoints": delivery.endpoints().iter().map(|endpoint| json!({
            "url": endpoint.name,
            "state": endpoint.state.name(),
            "lastError": endpoint.last_error,
        })).collect::<Vec<_>>(),
        "budgetLeftBytes": delivery.budget.as_ref().map(|budget| budget.left(Instant::now())),
        "lostItems": stats.map(|stats| lost(&stats.losses)),
    })
}

fn device(id: &[u8], state: &State) -> Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let offset = state.offset.map(|offset| offset.unix(1).saturating_sub(1));
    json!({
        "id": shown(id),
        "build": hex(&state.build),
        "connected": state.connected,
        "sealed": state.sealed,
        "sessions": state.sessions,
        "epochs": state.epochs.iter().map(|(stream, epoch)| (stream.to_string(), hex(&epoch.to_be_bytes()).into())).collect::<Map<_, _>>(),
        // What its uptime is behind Unix time by is when it started.
        "bootUnixNano": offset.map(|offset| offset.to_string()),
        "lastSeenSeconds": state.seen.elapsed().as_secs(),
        "items": state.items,
        "refusedItems": state.refused,
        "gapBytes": state.gap_bytes,
        "lostItems": state.losses.iter().map(|((signal, reason), count)| (format!("{}.{reason}", signal.name()), (*count).into())).collect::<Map<_, _>>(),
        "badFrames": state.bad,
        "defmtLost": state.defmt.iter().map(|(what, count)| (what.name().to_owned(), (*count).into())).collect::<Map<_, _>>(),
    })
}

fn spool(stats: &Stats) -> Value {
    json!({
        "capacityBytes": stats.capacity,
        "fileBytes": stats.file_bytes,
        "usedBytes": stats.used_bytes,
        "records": stats.records,
        "items": stats.items,
        "inFlightBytes": stats.in_flight,
        "lostItems": lost(&stats.losses),
        "gaps": stats.gaps,
        "quarantined": stats.quarantined,
        "readOnly": stats.read_only,
        "warning": stats.warning,
    })
}

fn by_signal(value: impl Fn(Signal) -> Value) -> Map<String, Value> {
    by_name(Signal::ALL.into_iter(), value)
}

fn by_name(signals: impl Iterator<Item = Signal>, value: impl Fn(Signal) -> Value) -> Map<String, Value> {
    signals.map(|signal| (signal.name().to_owned(), value(signal))).collect()
}

fn waiting(stats: &DestinationStats) -> Map<String, Value> {
    by_signal(|signal| pending(stats.pending(signals::stored(signal))))
}

fn pending(pending: Pending) -> Value {
    json!({
        "records": pending.records,
        "items": pending.items,
        "bytes": pending.bytes,
        "oldestSeconds": pending.oldest.map(|age| age.as_secs()),
    })
}

fn lost(losses: &Losses) -> Map<String, Value> {
    Loss::ALL.into_iter().map(|loss| (reason(loss).to_owned(), losses.items(loss).into())).collect()
}

/// A reason for a loss, in one word.
pub(crate) fn reason(loss: Loss) -> &'static str {
    match loss {
        Loss::Rejected => "rejected",
        Loss::Expired => "expired",
        Loss::Evicted => "evicted",
        Loss::Corrupt => "corrupt",
        Loss::Full => "full",
        Loss::Other => "other",
        Loss::Lagged => "lagged",
    }
}
