//! Knows from outside what the spool promised, and holds it to that.

use std::collections::BTreeSet;

use crate::child::identify;

/// What all children of one directory have said.
#[derive(Default)]
pub(crate) struct Oracle {
    acknowledged: BTreeSet<u64>,
    released: BTreeSet<u64>,
    waiting: BTreeSet<u64>,
    /// The last child closed its spool.
    closed: bool,
    pub(crate) tally: Tally,
}

/// Sums for the summary.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) acknowledged: u64,
    pub(crate) openings: u64,
    pub(crate) again: u64,
    pub(crate) refused: u64,
    /// A child said that its spool takes no more, or that it could not be opened.
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Tally) {
        self.acknowledged += other.acknowledged;
        self.openings += other.openings;
        self.again += other.again;
        self.refused += other.refused;
        self.failed += other.failed;
    }
}

impl Oracle {
    /// Takes note of a line, and checks what can be checked with it.
    pub(crate) fn hear(&mut self, line: &str) -> Result<(), String> {
        let (kind, rest) = line.split_at_checked(1).ok_or("an empty line")?;
        let ids =
            || rest.split_whitespace().map(|id| id.parse::<u64>().map_err(|_| format!("what is {line:?}?")));
        match kind {
            "O" => {
                self.tally.openings += 1;
                self.waiting.clear();
            }
            "P" => {
                for id in ids() {
                    if !self.waiting.insert(id?) {
                        return Err(format!("{line}: it waits twice"));
                    }
                }
            }
            "E" if rest == " 0 0" => self.check()?,
            "E" | "W" => return Err(format!("damage where no disk failed: {line}")),
            "A" => {
                for id in ids() {
                    self.acknowledged.insert(id?);
                    self.tally.acknowledged += 1;
                }
            }
            "T" => {
                for id in ids() {
                    self.released.insert(id?);
                }
            }
            "R" => self.tally.refused += 1,
            "C" => self.closed = true,
            "X" | "F" => self.tally.failed += 1,
            _ => return Err(format!("what is {line:?}?")),
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), String> {
        let missing: Vec<_> = self.acknowledged.difference(&self.waiting).collect();
        if let Some(lost) = missing.iter().find(|id| !self.released.contains(id)) {
            return Err(format!("{lost} was acknowledged, was not released, and is gone"));
        }
        let again = self.waiting.intersection(&self.released).count() as u64;
        if std::mem::take(&mut self.closed) && again > 0 {
            return Err(format!("{again} records came again after a close"));
        }
        self.tally.again += again;
        Ok(())
    }
}

/// The bytes of a lease are checked by whoever has them; here so that there is one opinion of what they should be.
pub(crate) fn ids<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u64>, String> {
    payloads.map(|bytes| identify(bytes).ok_or_else(|| "wrong bytes".to_owned())).collect()
}
