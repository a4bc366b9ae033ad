//! `spool …`: looking into a spool that no gateway has open.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use smoltel::Signal;
use smoltel::transport::{Answer, Encoding, Request, Transport, file::Files};
use smoltel_proto::to_json;
use smoltel_spool::{Destination, DestinationStats, Entry, Loss, Spool, Stats};

use crate::cli::{Drain, Export, Place, Retire, SpoolCommand};
use crate::config::{self, Upstream};
use crate::failure::Failure;
use crate::forward::{Advance, Stop, Target, Worker};
use crate::ledger::Ledger;
use crate::{run, signals};

/// The destination that an export reads for, as long as it runs.
pub(crate) const EXPORT: &str = "spool export";

pub(crate) fn execute(command: SpoolCommand) -> Result<(), Failure> {
    match command {
        SpoolCommand::Ls(place) => ls(&open(&place)?),
        SpoolCommand::Export(args) => export(&open(&args.place)?, &args),
        SpoolCommand::Drain(args) => drain(&args),
        SpoolCommand::Retire(args) => retire(&open(&args.place)?, &args),
    }
}

fn open(place: &Place) -> Result<Spool, Failure> {
    let (dir, options) = config::spool_place(place)?;
    if !dir.join("spool.dat").exists() {
        return Err(Failure::other(format!("there is no spool in {}; check --data-dir", dir.display())));
    }
    Spool::open(dir, options).map_err(run::unusable)
}

fn ls(spool: &Spool) -> Result<(), Failure> {
    crate::print(&listing(&spool.stats()))
}

fn listing(stats: &Stats) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    _ = writeln!(
        out,
        "{} requests, {} items in {} of at most {} bytes",
        stats.records, stats.items, stats.used_bytes, stats.capacity
    );
    for loss in Loss::ALL.into_iter().filter(|loss| stats.losses.items(*loss) > 0) {
        _ = writeln!(out, "lost by the spool: {} items, {loss:?}", stats.losses.items(loss));
    }
    for destination in &stats.destinations {
        _ = writeln!(out, "destination {:?}", destination.id);
        for signal in Signal::ALL {
            let pending = destination.pending(signals::stored(signal));
            let age = pending.oldest.map_or(String::new(), |age| format!(", oldest {} s", age.as_secs()));
            let name = signal.name();
            _ = writeln!(
                out,
                "  {name:8} waiting: {} requests, {} items, {} bytes{age}",
                pending.records, pending.items, pending.bytes
            );
        }
        for loss in Loss::ALL.into_iter().filter(|loss| destination.losses.items(*loss) > 0) {
            _ = writeln!(out, "  lost: {} items, {loss:?}", destination.losses.items(loss));
        }
    }
    out
}

/// Reads everything kept, as a destination of its own, so that nobody else misses anything.
fn export(spool: &Spool, args: &Export) -> Result<(), Failure> {
    // One may be left of an export that was killed.
    spool.retire(EXPORT).map_err(disk)?;
    let all = spool.destination(EXPORT).map_err(disk)?;
    let mut files = match &args.to {
        Some(dir) => Some(files(dir)?),
        None => None,
    };
    let written = write_all(&all, files.as_mut());
    spool.retire(EXPORT).map_err(disk)?;
    written
}

fn files(dir: &std::path::Path) -> Result<Files, Failure> {
    let files = Files::new(dir);
    let files = files.map_err(|error| {
        Failure::other(format!("cannot write to {}: {error}; choose another --to", dir.display()))
    })?;
    // An export is whole: nothing of it is rotated away.
    Ok(files.bounded(u64::MAX, 0))
}

fn write_all(all: &Destination, mut files: Option<&mut Files>) -> Result<(), Failure> {
    while let Some(lease) = all.take(None, 1 << 20, Instant::now()) {
        for record in lease.records() {
            match &mut files {
                Some(files) => append(files, record)?,
                None => crate::print(&line(record)?)?,
            }
        }
        lease.release();
    }
    Ok(())
}

fn append(files: &mut Files, record: &Entry) -> Result<(), Failure> {
    let signal = known(record)?;
    let items = record.items.into();
    let request = Request { signal, body: &record.payload, encoding: Encoding::Identity, items };
    let outcome = files.send(&request, Instant::now());
    match outcome.answer {
        Answer::Accepted { .. } => Ok(()),
        _ => Err(Failure::other(format!("cannot export: {}; check --to", outcome.message))),
    }
}

fn line(record: &Entry) -> Result<String, Failure> {
    let mut json = Vec::new();
    let unreadable = |what: &dyn std::fmt::Display| {
        Failure::other(format!("record {} is not OTLP: {what}", record.sequence))
    };
    to_json(signals::request(known(record)?), &record.payload, &mut json)
        .map_err(|error| unreadable(&error))?;
    json.push(b'\n');
    String::from_utf8(json).map_err(|error| unreadable(&error))
}

fn known(record: &Entry) -> Result<Signal, Failure> {
    let unknown = || {
        Failure::other(format!("record {} is of a signal that this version cannot write", record.sequence))
    };
    signals::loaded(record.signal).ok_or_else(unknown)
}

fn drain(args: &Drain) -> Result<(), Failure> {
    let target = Target::Upstream(Upstream::new(&*args.to));
    target.transport()?;
    let spool = open(&args.place)?;
    let id = which(&spool.stats().destinations, args.destination.as_deref())?;
    let destination = spool.destination(&id).map_err(disk)?;
    let total = destination.pending().records;
    let bar = bar(total);
    let mut said = String::new();
    for signal in Signal::ALL {
        said = drain_signal(signal, &target, &destination, &bar)?.unwrap_or(said);
    }
    bar.finish_and_clear();
    let left = destination.pending().records;
    if left > 0 {
        let kept = format!("{left} of {total} requests are still in the spool: {target}: {said}");
        return Err(Failure::other(format!("{kept}; try again later, or another --to")));
    }
    crate::print(&format!("{target} took {total} requests that waited for {id}\n"))?;
    spool.close(Duration::from_secs(10)).map_err(disk)
}

/// Why something is left, if so.
fn drain_signal(
    signal: Signal,
    target: &Target,
    from: &Destination,
    bar: &ProgressBar,
) -> Result<Option<String>, Failure> {
    const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let stop = Stop::begun(Instant::now() + FAR);
    let mut worker = Worker::new(signal, target, from.clone(), Arc::new(Ledger::default()), stop)?;
    let total = bar.length().unwrap_or_default();
    while worker.advance() == Advance::Done {
        bar.set_position(total.saturating_sub(from.pending().records));
    }
    let message = worker.health().message.clone();
    Ok((!message.is_empty()).then_some(message))
}

/// The destination that was named, or the only one.
fn which(all: &[DestinationStats], named: Option<&str>) -> Result<String, Failure> {
    let ids = || all.iter().map(|destination| format!("{:?}", destination.id)).collect::<Vec<_>>().join(", ");
    match (named, all) {
        (Some(named), _) if all.iter().any(|destination| destination.id == named) => Ok(named.to_owned()),
        (Some(named), _) => {
            Err(Failure::usage(format!("the spool has no destination {named:?}; it has {}", ids())))
        }
        (None, [only]) => Ok(only.id.clone()),
        (None, []) => Err(Failure::other("nothing waits in this spool for anybody; check --data-dir")),
        (None, _) => Err(Failure::usage(format!(
            "the spool has several destinations; name one with --destination: {}",
            ids()
        ))),
    }
}

/// Shows only on a terminal.
fn bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} requests, {eta} left");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn retire(spool: &Spool, args: &Retire) -> Result<(), Failure> {
    let id = which(&spool.stats().destinations, Some(&args.destination))?;
    spool.retire(&id).map_err(disk)?;
    crate::print(&format!("{id} is forgotten\n"))
}

fn disk(error: smoltel_spool::Error) -> Failure {
    Failure::other(format!("{error}; mend the data directory, or try again"))
}
