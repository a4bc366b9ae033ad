//! The one background thread: it takes lanes, sends them, and spools what cannot be sent.
//!
//! ```text
//!  lane ──swap──▶ held ──▶ request ──▶ transport ──▶ answered: released
//!                                          │ no answer
//!                                          ▼
//!                                        spool ──▶ request ──▶ transport (when it is back)
//! ```

mod found;
mod outcome;
mod ready;
mod stored;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use smoltel_core::batch::{Batch, Cursor, Taken};
use smoltel_core::exporter::{Exporter, Verdict};
use smoltel_core::ring::Ring;
use smoltel_core::{BoundHistogram, Loss, Pipeline};

use crate::command::Command;
use crate::config::Schedule;
use crate::diagnostics::Diagnostics;
use crate::observe::Watcher;
#[cfg(feature = "spool")]
use crate::outbox::Outbox;
use crate::own_metrics::{self, ExportMetrics};
use crate::platform::Threads;
use crate::stream::{Stream, items};
use crate::transport::Transport;
use crate::{Meter, Signal, silence};

/// The most bytes of one request, as long as the endpoint takes them.
pub(crate) const MAX_REQUEST: usize = 1 << 20;

pub(crate) struct Worker {
    pub(crate) pipeline: Arc<Pipeline<Threads>>,
    pub(crate) commands: Receiver<Command>,
    pub(crate) transport: Box<dyn Transport>,
    #[cfg(feature = "spool")]
    pub(crate) outbox: Option<Outbox>,
    pub(crate) resource: Vec<u8>,
    pub(crate) schedule: Schedule,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) watcher: Watcher,
    /// Of the worker's own metrics, if they are wanted.
    pub(crate) own_meter: Option<Meter>,
}

impl Worker {
    /// Works until told to end. What is logged meanwhile is not telemetry: it would be sent in turn.
    pub(crate) fn run(self) {
        silence::with(true, || self.work());
    }

    fn work(self) {
        let seed = u64::from_le_bytes(std::array::from_fn(|i| crate::random()[i]));
        let delay = |signal: Signal| nanos(self.schedule.delay(signal));
        let streams = Signal::ALL.map(|signal| {
            let metrics = self
                .own_meter
                .as_ref()
                .map(|meter| ExportMetrics::new(meter, signal, &*self.transport, self.stored_items(signal)));
            let exporter = Exporter::new(delay(signal), seed ^ signal as u64);
            Stream::new(signal, exporter, metrics, self.schedule.batches[signal as usize].queue_bytes)
        });
        let collection = self.own_meter.as_ref().map(own_metrics::collection_duration);
        let start = Instant::now();
        let next_collection = start + self.schedule.metric_interval;
        Running { worker: self, streams, collection, start, next_collection, next: None, body: Vec::new() }
            .run();
    }
}

struct Running {
    worker: Worker,
    streams: [Stream; 3],
    /// How long collections took, if that is wanted.
    collection: Option<BoundHistogram<Threads>>,
    start: Instant,
    next_collection: Instant,
    /// A command that came while another was carried out.
    next: Option<Command>,
    body: Vec<u8>,
}

/// How long one signal may hold the others when there is much to send and nobody waits for it.
const SLICE: Duration = Duration::from_millis(250);

impl Running {
    fn run(mut self) {
        loop {
            let command = match self.next.take() {
                Some(command) => Ok(command),
                None => self.worker.commands.recv_deadline(self.next_turn()),
            };
            match command {
                Ok(Command::Flush(deadline, done)) => {
                    self.flush(deadline);
                    let _ = done.send(());
                }
                Ok(Command::Shutdown(deadline, done)) => {
                    self.flush(deadline);
                    self.end(deadline);
                    let _ = done.send(());
                    return;
                }
                Ok(Command::Send(ready)) => self.send_ready(*ready),
                Ok(Command::Hurry(signal)) => {
                    self.streams[signal as usize].exporter.flush();
                    self.turn(None);
                }
                Ok(Command::Wake) | Err(RecvTimeoutError::Timeout) => self.turn(None),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// When there is something to do although nobody asks.
    fn next_turn(&self) -> Instant {
        let now = Instant::now();
        if self.streams.iter().any(|stream| stream.unfinished) {
            return now;
        }
        let streams = self.streams.iter().filter_map(|stream| stream.exporter.poll_at());
        let next = streams.map(|at| self.start + Duration::from_nanos(at)).min();
        // Records that came since are seen at the latest then.
        let idle = now + self.worker.schedule.sleep();
        self.next_collection.min(next.unwrap_or(idle)).min(idle)
    }

    /// Sends what is due; with a deadline, all there is until then.
    fn turn(&mut self, deadline: Option<Instant>) {
        if Instant::now() >= self.next_collection {
            self.collect();
            self.next_collection = Instant::now() + self.worker.schedule.metric_interval;
        }
        for stream in &mut self.streams {
            stream.unfinished = self.worker.is_due(stream, nanos(self.start.elapsed()));
        }
        for i in 0..self.streams.len() {
            let times = self.times(i, deadline);
            self.worker.serve(&mut self.streams[i], self.start, times, &mut self.body);
        }
    }

    /// Until when that stream begins requests, and when the last of them ends. A deadline is for all: each that is due has an
    /// equal share of what is left, so that a call which hangs leaves the others their part.
    fn times(&self, stream: usize, deadline: Option<Instant>) -> (Instant, Instant) {
        let now = Instant::now();
        match deadline {
            Some(deadline) => {
                let due = self.streams[stream..].iter().filter(|stream| stream.unfinished).count() as u32;
                let share = now + deadline.saturating_duration_since(now) / due.max(1);
                (share, share)
            }
            None => (now + SLICE, now + self.worker.schedule.batches[stream].timeout),
        }
    }

    fn collect(&mut self) {
        for stream in &mut self.streams {
            if let Some(metrics) = &mut stream.metrics {
                metrics.observe(items(&stream.held) + self.worker.stored_items(stream.signal));
            }
        }
        let start = Instant::now();
        self.worker.pipeline.collect();
        if let Some(duration) = &self.collection {
            duration.record(start.elapsed().as_secs_f64());
        }
    }

    /// Sends everything, trying again until `deadline` what is not safe in the spool.
    fn flush(&mut self, deadline: Instant) {
        self.collect();
        for stream in &mut self.streams {
            stream.exporter.hurry();
        }
        loop {
            self.turn(Some(deadline));
            let Some(next) = self.next_try().filter(|next| *next < deadline) else { return };
            match self.worker.commands.recv_deadline(next.min(self.next_collection)) {
                Ok(Command::Wake) | Err(_) => {}
                Ok(Command::Hurry(signal)) => self.streams[signal as usize].exporter.flush(),
                Ok(Command::Send(ready)) => self.send_ready(*ready),
                Ok(command) => {
                    self.next = Some(command);
                    return;
                }
            }
        }
    }

    /// When there is another try of what is not safe; `None` if all is. What was recorded since the last one is not meant.
    fn next_try(&self) -> Option<Instant> {
        let unsaved = self.streams.iter().filter(|stream| self.worker.has_unsaved(stream));
        let tries = unsaved.filter_map(|stream| match stream.exporter.poll_at() {
            _ if stream.unfinished => Some(Instant::now()),
            Some(at) if stream.exporter.is_backing_off() => Some(self.start + Duration::from_nanos(at)),
            _ => None,
        });
        tries.min()
    }

    /// Counts what is left, and closes.
    fn end(&mut self, deadline: Instant) {
        for stream in &mut self.streams {
            // What there was no time to send.
            self.worker.save(stream, &mut self.body);
            // What is recorded from now on is counted as lost.
            let rest = self.worker.pipeline.take_lane(stream.signal, &mut Ring::new(Box::default()));
            let left = (items(&stream.held) + rest).saturating_sub(stream.in_doubt);
            self.worker.lose(stream.signal, Loss::Expired, left);
        }
        #[cfg(unix)]
        if let Some(evidence) = self.worker.pipeline.platform().evidence() {
            evidence.end();
        }
        #[cfg(feature = "spool")]
        if let Some(outbox) = &self.worker.outbox {
            outbox.close(deadline);
        }
        #[cfg(not(feature = "spool"))]
        let _ = deadline;
    }
}

impl Worker {
    /// Whether there is something of a signal to be sent now.
    fn is_due(&self, stream: &mut Stream, now: u64) -> bool {
        self.pipeline.platform().seen(stream.signal);
        let older =
            !stream.held.is_empty() || self.has_stored(stream.signal) || self.has_found(stream.signal);
        let queue = stream.held.capacity();
        let waiting = if older { queue } else { self.fresh(stream.signal) };
        stream.exporter.poll(now, waiting, queue)
    }

    /// Sends what is due of one signal, beginning nothing after `until`; no attempt takes longer than to
    /// `limit`. What an endpoint in trouble keeps waiting goes to the spool.
    fn serve(
        &mut self,
        stream: &mut Stream,
        start: Instant,
        (until, limit): (Instant, Instant),
        body: &mut Vec<u8>,
    ) {
        while stream.unfinished && Instant::now() < until {
            let now = nanos(start.elapsed());
            // The oldest first, unless that would cost new records their place.
            let crowded = !stream.held.is_empty() || self.fresh(stream.signal) >= stream.held.capacity() / 2;
            let older = |this: &mut Self, stream: &mut Stream, body: &mut Vec<u8>| {
                this.send_found(stream, now, limit) || this.send_stored(stream, now, limit, body)
            };
            let progress = !crowded && older(self, stream, body)
                || self.take(stream) && self.send_held(stream, now, limit, body);
            stream.unfinished = progress && !stream.exporter.is_backing_off();
        }
        if stream.exporter.is_backing_off() {
            self.save(stream, body);
        }
    }

    /// Bytes in the signal's lane.
    fn fresh(&self, signal: Signal) -> usize {
        self.pipeline.with_lane(signal as usize, |ring| ring.len()).unwrap_or(0)
    }

    /// Whether there are records that are not safe on disk.
    fn has_unsaved(&self, stream: &Stream) -> bool {
        self.fresh(stream.signal) > 0 || !stream.held.is_empty()
    }

    /// Takes the lane's records when none are held; whether any are held then.
    fn take(&self, stream: &mut Stream) -> bool {
        if stream.held.is_empty() {
            let taken = self.pipeline.take_lane(stream.signal, &mut stream.held);
            if let Some(metrics) = &mut stream.metrics {
                metrics.given(taken);
            }
        }
        !stream.held.is_empty()
    }

    /// Sends the first request of what is held.
    fn send_held(&mut self, stream: &mut Stream, now: u64, deadline: Instant, body: &mut Vec<u8>) -> bool {
        let Some(batch) = self.encode(stream, stream.max_request, body) else { return false };
        let items = u64::from(batch.items());
        let outcome = self.send(stream, body, items, deadline);
        stream.in_doubt = 0;
        match stream.exporter.answered(now, outcome.answer) {
            Verdict::Release { rejected } => self.accepted(stream.signal, items, rejected),
            Verdict::Drop(_) if stream.shorten(&outcome, &batch, body.len()) => return true,
            Verdict::Drop(reason) => self.lose(stream.signal, reason, items),
            Verdict::Keep => {
                stream.in_doubt = if outcome.in_doubt { items } else { 0 };
                return true;
            }
        }
        stream.ended(items, &outcome);
        self.release(stream, &batch);
        true
    }

    /// Lets go of the records of a request that was answered for good, or is safe.
    fn release(&self, stream: &mut Stream, batch: &Batch) {
        stream.held.release(batch.end());
        #[cfg(unix)]
        if let Some(evidence) = self.pipeline.platform().evidence() {
            evidence.release(stream.signal, batch.items().into());
        }
    }

    fn encode(&self, stream: &Stream, max_len: usize, body: &mut Vec<u8>) -> Option<Batch> {
        let source = Taken { ring: &stream.held, pipeline: &*self.pipeline };
        let until = end_of(&stream.held, self.schedule.batches[stream.signal as usize].max_items);
        let batch = Batch::plan(&source, stream.signal, self.resource.len(), (0, until), max_len)?;
        body.resize(batch.encoded_len(), 0);
        Cursor::default().copy(&batch, &source, &self.resource, body);
        Some(batch)
    }
}

/// Where the first records end that have so many items together; one record with more goes alone.
fn end_of(ring: &Ring<Box<[u8]>>, most: u32) -> usize {
    // Looking at every record costs as much as a part of sending them.
    if most == u32::MAX {
        return usize::MAX;
    }
    let mut items = 0_u32;
    let mut records = ring.records(0);
    let over = |items: &mut u32, more: u32| {
        let first = *items == 0;
        *items = items.saturating_add(more);
        *items > most && !first
    };
    records.find(|(_, header)| over(&mut items, header.items.into())).map_or(usize::MAX, |(at, _)| at)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
