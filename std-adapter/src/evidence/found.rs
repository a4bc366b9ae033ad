//! What a run left in its evidence file, as requests. The file may hold anything.

use smoltel_core::wire::{Writer, len_field, varint};

use super::format::{CARRIED, Frame, Header, Marks};
use crate::Signal;

/// The most bytes of a request that is made of records.
const MAX_REQUEST: usize = 256 << 10;

/// A request of an earlier run that nobody has taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) signal: Signal,
    pub(crate) items: u64,
    pub(crate) body: Vec<u8>,
}

/// All that a file holds and its marks do not release, the oldest first.
pub(super) fn found(file: &[u8], header: &Header) -> Vec<Found> {
    let marks = Marks::read(file, header.salt);
    let mut requests = carried(file, header, &marks);
    let mut records = records(file, header, &marks);
    records.sort_unstable_by_key(|frame| (frame.kind, frame.sequence));
    records.dedup_by_key(|frame| (frame.kind, frame.sequence));
    let resource = header.resource(file);
    for signal in Signal::ALL {
        let of_signal: Vec<&Frame<'_>> = records.iter().filter(|frame| frame.kind == signal as u8).collect();
        let mut rest = &of_signal[..];
        while !rest.is_empty() {
            let (these, later) = rest.split_at(fitting(rest));
            requests.push(Found { signal, items: these.len() as u64, body: request(resource, these) });
            rest = later;
        }
    }
    requests
}

/// How many of these records, one at least, are a request of their own.
fn fitting(records: &[&Frame<'_>]) -> usize {
    let mut len = 0;
    let fit = records.iter().take_while(|frame| {
        len += Frame::len(frame.scope, frame.content);
        len <= MAX_REQUEST
    });
    fit.count().max(1)
}

fn carried(file: &[u8], header: &Header, marks: &Marks) -> Vec<Found> {
    let mut rest = file.get(header.carried_at()..header.ring_at()).unwrap_or_default();
    let mut requests = Vec::new();
    while let Some(frame) = Frame::decode(rest, header.salt) {
        let signal = frame.kind.checked_sub(CARRIED).and_then(signal);
        if let Some(signal) = signal.filter(|signal| frame.place >= marks.carried[*signal as usize]) {
            requests.push(Found { signal, items: frame.sequence, body: frame.content.to_vec() });
        }
        rest = rest.get(Frame::len(frame.scope, frame.content)..).unwrap_or_default();
    }
    requests
}

fn records<'a>(file: &'a [u8], header: &Header, marks: &Marks) -> Vec<Frame<'a>> {
    let ring = file.get(header.ring_at()..).unwrap_or_default();
    let ring = ring.get(..header.ring).unwrap_or(ring);
    let (mut records, mut at) = (Vec::new(), 0);
    // Frames that were overwritten in part are few; a file with very many was made to be slow.
    let mut patience = 16 * ring.len();
    while let Some(rest) = ring.get(at..).filter(|rest| !rest.is_empty() && patience > 0) {
        let frame = Frame::decode(rest, header.salt);
        let here = frame.filter(|frame| frame.place % header.ring as u64 == at as u64);
        if here.is_none() {
            patience = patience.saturating_sub(Frame::body_len(rest, header.salt).unwrap_or(0));
        }
        at += here.map_or(8, |frame| Frame::len(frame.scope, frame.content));
        let waits = |frame: &Frame<'_>| {
            signal(frame.kind).is_some_and(|signal| frame.sequence > marks.released[signal as usize])
        };
        records.extend(here.filter(waits));
    }
    records
}

fn signal(kind: u8) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| *signal as u8 == kind)
}

/// Records as a request: their resource, and each run of one scope in a message of its own.
fn request(resource: &[u8], records: &[&Frame<'_>]) -> Vec<u8> {
    let scopes: Vec<(&[u8], Vec<&[u8]>)> = by_scope(records);
    let scope_len = |(scope, records): &(&[u8], Vec<&[u8]>)| {
        scope.len() + records.iter().map(|record| len_field(record.len())).sum::<usize>()
    };
    let len = resource.len() + scopes.iter().map(|scope| len_field(scope_len(scope))).sum::<usize>();
    let mut body = Vec::with_capacity(1 + varint::MAX_LEN + len);
    head(&mut body, 1, len);
    body.extend_from_slice(resource);
    for scope in &scopes {
        head(&mut body, 2, scope_len(scope));
        body.extend_from_slice(scope.0);
        for record in &scope.1 {
            head(&mut body, 2, record.len());
            body.extend_from_slice(record);
        }
    }
    body
}

fn by_scope<'a>(records: &[&Frame<'a>]) -> Vec<(&'a [u8], Vec<&'a [u8]>)> {
    let mut scopes: Vec<(&[u8], Vec<&[u8]>)> = Vec::new();
    for frame in records {
        match scopes.last_mut().filter(|(scope, _)| *scope == frame.scope) {
            Some((_, records)) => records.push(frame.content),
            None => scopes.push((frame.scope, vec![frame.content])),
        }
    }
    scopes
}

fn head(body: &mut Vec<u8>, number: u32, len: usize) {
    let mut head = [0; 1 + varint::MAX_LEN];
    let mut w = Writer::new(&mut head);
    // Fits: a tag and a length.
    let _ = w.head(number, len);
    body.extend_from_slice(w.written());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::format::{BODY, Is, MARKS};
    use proptest::prelude::*;

    const SALT: [u8; 8] = *b"a salt..";
    const RING: usize = 2048;

    /// The file of a run that has recorded `records` and released so many of the spans.
    fn file(records: &[(Signal, Vec<u8>)], released: u64) -> Vec<u8> {
        let mut carried = Vec::new();
        let (kind, content) = (CARRIED + Signal::Logs as u8, &b"carried"[..]);
        Frame { kind, sequence: 3, place: 0, scope: &[], content }.encode(SALT, &mut carried);
        let header = Header::new(SALT, b"resource", carried.len(), RING);
        let mut file = header.encode().to_vec();
        file.resize(BODY, 0);
        let marks = Marks { number: 1, released: [released, 0, 0], carried: [0; 3] };
        file[MARKS[1] as usize..][..64].copy_from_slice(&marks.encode(SALT));
        file.extend_from_slice(b"resource");
        file.extend_from_slice(&carried);
        let (mut ring, mut sequences) = (Vec::new(), [0; 3]);
        for (signal, content) in records {
            sequences[*signal as usize] += 1;
            let (sequence, place) = (sequences[*signal as usize], ring.len() as u64);
            Frame { kind: *signal as u8, sequence, place, scope: b"scope", content }.encode(SALT, &mut ring);
        }
        ring.resize(RING, 0);
        file.extend_from_slice(&ring);
        file
    }

    fn all(file: &[u8]) -> Vec<Found> {
        match Header::read(file) {
            Is::Evidence(header) => found(file, &header),
            _ => Vec::new(),
        }
    }

    fn sample() -> Vec<u8> {
        let spans = (0..5).map(|n| (Signal::Traces, vec![n; 20 + usize::from(n)]));
        file(&spans.chain([(Signal::Logs, b"log".to_vec())]).collect::<Vec<_>>(), 3)
    }

    #[test]
    fn what_is_not_released_is_found_as_requests() {
        let found = all(&sample());
        let of = |found: &Found| (found.signal, found.items);
        assert_eq!(
            found.iter().map(of).collect::<Vec<_>>(),
            [(Signal::Logs, 3), (Signal::Traces, 2), (Signal::Logs, 1)]
        );
        assert_eq!(found[0].body, b"carried");
        // 0A len resource, 12 len scope, 12 3 log
        assert_eq!(found[2].body, b"\x0A\x14resource\x12\x0Ascope\x12\x03log");
        assert!(found[1].body.ends_with(&[&[0x12, 24][..], &[4; 24]].concat()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Whatever is overwritten: nothing comes out that did not go in, and nobody panics.
        #[test]
        fn damage_takes_records_and_never_changes_them(
            at in 0..BODY + 3000, bytes in prop::collection::vec(any::<u8>(), 1..200), cut in 0..BODY + 3000
        ) {
            let (mut file, whole) = (sample(), all(&sample()));
            let end = (at + bytes.len()).min(file.len());
            if at < end {
                file[at..end].copy_from_slice(&bytes[..end - at]);
            }
            file.truncate(cut.max(100));
            let genuine = |record: &[u8]| {
                record == b"log" || (20..25).contains(&record.len()) && record.iter().all(|byte| usize::from(*byte) == record.len() - 20)
            };
            for found in all(&file) {
                if found.body == b"carried" {
                    continue;
                }
                // Without the resource when that is damaged.
                let scopes = found.body.windows(7).position(|bytes| bytes.starts_with(b"scope\x12"));
                let mut rest = &found.body[scopes.expect("a scope with records") + 5..];
                while let [0x12, len, behind @ ..] = rest {
                    let (record, later) = behind.split_at(usize::from(*len));
                    prop_assert!(genuine(record), "{record:?}");
                    rest = later;
                }
                prop_assert!(rest.is_empty());
            }
            prop_assert!(all(&file).iter().map(|found| found.items).sum::<u64>() <= whole.iter().map(|f| f.items).sum::<u64>() + 3);
        }

        /// Heads that hold, over anything: as a file could be made by somebody who knows the format.
        #[test]
        fn a_file_that_was_made_to_harm_does_not(
            resource in any::<u64>(), carried in 0usize..5000, ring in 0usize..5000, kinds in any::<[u8; 4]>(), tail in prop::collection::vec(any::<u8>(), 0..5000)
        ) {
            let mut header = Header::new(SALT, b"", carried, ring);
            header.resource = resource as usize;
            let mut file = header.encode().to_vec();
            file.resize(BODY, 0);
            for kind in kinds {
                Frame { kind, sequence: resource, place: u64::MAX, scope: &[], content: &tail }.encode(SALT, &mut file);
            }
            file.extend_from_slice(&tail);
            let _ = all(&file);
            let _ = all(&tail);
        }
    }
}
