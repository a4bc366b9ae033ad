//! `spool …`: looking into a spool.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use smoltel::Signal;
use smoltel::transport::{Answer, Encoding, Request, Transport, file::Files};
use smoltel_proto::to_json;
use smoltel_spool::{Destination, DestinationStats, Entry, Listed, Reader, Repair, Report, Spool};

use crate::cli::{Drain, Export, Look, Place, Quarantine, Retire, SpoolCommand, Verify};
use crate::config::{self, Destination as Configured};
use crate::failure::Failure;
use crate::forward::{Advance, PLAIN, Stop, Target, Worker};
use crate::ledger::Delivered;
use crate::{log, run, signals};

pub(crate) fn execute(command: SpoolCommand) -> Result<(), Failure> {
    match command {
        SpoolCommand::Ls(look) => ls(&look),
        SpoolCommand::Verify(args) => verify(&args),
        SpoolCommand::Export(args) => export(&args),
        SpoolCommand::Drain(args) => drain(&args),
        SpoolCommand::Quarantine(args) => quarantine(&args),
        SpoolCommand::Retire(args) => retire(&open(&args.place)?, &args),
    }
}

fn open(place: &Place) -> Result<Spool, Failure> {
    Spool::open(find(place)?, config::spool_options(place)?).map_err(run::unusable)
}

/// Where the spool is; to look at one does not make it.
fn find(place: &Place) -> Result<PathBuf, Failure> {
    let dir = config::spool_dir(place)?;
    if !dir.join("spool.dat").exists() {
        return Err(Failure::other(format!("there is no spool in {}; check --data-dir", dir.display())));
    }
    Ok(dir)
}

/// Sums up by destination and signal, beside a gateway that runs or not.
fn ls(look: &Look) -> Result<(), Failure> {
    let dir = find(&look.place)?;
    let all = smoltel_spool::list(dir).map_err(run::unusable)?;
    let mut sums: BTreeMap<(&str, &str), Sum> = BTreeMap::new();
    for record in &all {
        let signal = signals::loaded(record.signal).map_or("profiles", Signal::name);
        for destination in &record.waiting_for {
            sums.entry((destination, signal)).or_default().add(record);
        }
    }
    if look.json {
        let waiting = sums.iter().map(|((destination, signal), sum)| sum.json(destination, signal));
        let all = json!({ "requests": all.len(), "waiting": waiting.collect::<Vec<_>>() });
        return crate::print(&format!("{all}\n"));
    }
    let mut out = format!("{} requests are kept\n", all.len());
    for ((destination, signal), sum) in sums {
        // Writing to a String does not fail.
        _ = writeln!(out, "{destination} {signal}: {sum}");
    }
    crate::print(&out)
}

/// Some records.
#[derive(Default)]
struct Sum {
    records: u64,
    items: u64,
    bytes: u64,
    oldest: u64,
}

impl Sum {
    fn add(&mut self, record: &Listed) {
        self.oldest = if self.records == 0 { record.wall_time } else { self.oldest.min(record.wall_time) };
        self.records += 1;
        self.items += u64::from(record.items);
        self.bytes += u64::from(record.bytes);
    }

    fn age(&self) -> u64 {
        (UNIX_EPOCH + Duration::from_nanos(self.oldest)).elapsed().unwrap_or_default().as_secs()
    }

    fn json(&self, destination: &str, signal: &str) -> Value {
        json!({
            "destination": destination, "signal": signal, "requests": self.records,
            "items": self.items, "bytes": self.bytes, "oldestSeconds": self.age(),
        })
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, items, bytes, .. } = self;
        let age = self.age();
        write!(f, "{records} requests wait, {items} items, {bytes} bytes, the oldest for {age} s")
    }
}

fn verify(args: &Verify) -> Result<(), Failure> {
    let (place, json) = (&args.look.place, args.look.json);
    let dir = find(place)?;
    let repaired = match args.repair {
        true => Some(smoltel_spool::repair(&dir, config::spool_options(place)?).map_err(run::unusable)?),
        false => None,
    };
    let spinner = ProgressBar::new_spinner().with_message("reading the spool");
    spinner.enable_steady_tick(Duration::from_millis(100));
    let report = smoltel_spool::verify(&dir).map_err(run::unusable);
    spinner.finish_and_clear();
    let report = report?;
    if json {
        crate::print(&format!("{}\n", report_json(repaired.as_ref(), &report)))?;
    } else {
        crate::print(&report_text(repaired.as_ref(), &report))?;
    }
    match report.problems.iter().filter(|problem| problem.loses()).count() {
        0 => Ok(()),
        n => Err(Failure::other(format!(
            "the spool in {} has {n} problems; it works all the same: stop the gateway and use --repair to count what is \
             lost now, or start it and what is lost is counted when its turn comes",
            dir.display()
        ))),
    }
}

fn report_text(repaired: Option<&Repair>, report: &Report) -> String {
    let mut out = String::new();
    if let Some(repair) = repaired {
        out = format!(
            "repaired: {} requests with {} items were lost and are counted; {} segments were copied to quarantine\n",
            repair.records, repair.items, repair.quarantined
        );
    }
    out += &format!(
        "{} requests, {} items, {} bytes are sound; {} of them were stored last and are perhaps not durable yet\n",
        report.records, report.items, report.bytes, report.in_progress
    );
    for problem in &report.problems {
        out += &format!("{problem}\n    {}\n", problem.meaning());
    }
    out
}

fn report_json(repaired: Option<&Repair>, report: &Report) -> Value {
    json!({
        "repaired": repaired.map(|repair| json!({
            "requests": repair.records, "items": repair.items, "quarantined": repair.quarantined,
        })),
        "requests": report.records, "items": report.items, "bytes": report.bytes, "inProgress": report.in_progress,
        "problems": report.problems.iter().map(|problem| json!({
            "text": problem.to_string(), "meaning": problem.meaning(), "loses": problem.loses(),
        })).collect::<Vec<_>>(),
    })
}

/// What was set aside, beside a gateway that runs or not.
fn quarantine(args: &Quarantine) -> Result<(), Failure> {
    let key = config::spool_options(&args.look.place)?.key;
    let reader = Reader::open(find(&args.look.place)?).map_err(run::unusable)?.with_key(key);
    let all = reader.quarantined().map_err(run::unusable)?;
    if args.export {
        return all
            .iter()
            .filter_map(|copy| copy.record.as_ref())
            .try_for_each(|record| crate::print(&line(record)?));
    }
    if args.look.json {
        let all: Vec<_> = all.iter().map(|copy| json!({
            "name": copy.name, "bytes": copy.bytes,
            "sequence": copy.record.as_ref().map(|record| record.sequence),
            "signal": copy.record.as_ref().and_then(|record| signals::loaded(record.signal)).map(Signal::name),
            "items": copy.record.as_ref().map(|record| record.items),
        })).collect();
        return crate::print(&format!("{}\n", json!(all)));
    }
    let mut out = format!("{} copies are in quarantine\n", all.len());
    for copy in all {
        _ = match copy.record {
            Some(record) => {
                let signal = signals::loaded(record.signal).map_or("profiles", Signal::name);
                writeln!(
                    out,
                    "{}: request {} of {signal}, {} items, was refused",
                    copy.name, record.sequence, record.items
                )
            }
            None => writeln!(out, "{}: {} bytes that cannot be read", copy.name, copy.bytes),
        };
    }
    crate::print(&out)
}

/// Reads everything kept, beside a gateway that runs or not.
fn export(args: &Export) -> Result<(), Failure> {
    let dir = find(&args.place)?;
    let key = config::spool_options(&args.place)?.key;
    let reader = Reader::open(dir).map_err(run::unusable)?.with_key(key);
    let mut files = match &args.to {
        Some(dir) => Some(files(dir)?),
        None => None,
    };
    let mut gone = 0;
    let all = reader.list().map_err(run::unusable)?;
    // Lines on a terminal show by themselves that it goes on.
    let bar = if files.is_some() { bar(all.len() as u64) } else { ProgressBar::hidden() };
    for listed in all {
        bar.inc(1);
        match (reader.read(&listed).map_err(run::unusable)?, &mut files) {
            (Some(record), Some(files)) => append(files, &record)?,
            (Some(record), None) => crate::print(&line(&record)?)?,
            (None, _) => gone += 1,
        }
    }
    bar.finish_and_clear();
    if gone > 0 {
        log::line(format_args!(
            "{gone} requests are damaged, or were delivered meanwhile: they are not exported"
        ));
    }
    Ok(())
}

fn files(dir: &Path) -> Result<Files, Failure> {
    let files = Files::new(dir);
    let files = files.map_err(|error| {
        Failure::other(format!("cannot write to {}: {error}; choose another --to", dir.display()))
    })?;
    // An export is whole: nothing of it is rotated away.
    Ok(files.bounded(u64::MAX, 0))
}

fn append(files: &mut Files, record: &Entry) -> Result<(), Failure> {
    let signal = known(record)?;
    let items = record.items.into();
    let body = &plain(record)?;
    let request = Request { signal, body, encoding: Encoding::Identity, items };
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
    to_json(signals::request(known(record)?), &plain(record)?, &mut json)
        .map_err(|error| unreadable(&error))?;
    json.push(b'\n');
    String::from_utf8(json).map_err(|error| unreadable(&error))
}

fn plain(record: &Entry) -> Result<Cow<'_, [u8]>, Failure> {
    let unreadable = |error| Failure::other(format!("record {}: {error}", record.sequence));
    record.decode(PLAIN).map_err(unreadable)
}

fn known(record: &Entry) -> Result<Signal, Failure> {
    let unknown = || {
        Failure::other(format!("record {} is of a signal that this version cannot write", record.sequence))
    };
    signals::loaded(record.signal).ok_or_else(unknown)
}

fn drain(args: &Drain) -> Result<(), Failure> {
    let target = Target::new(Configured::to([&*args.to]).checked()?);
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
    let mut worker = Worker::new(signal, target, from.clone(), Arc::new(Delivered::default()), stop)?;
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
