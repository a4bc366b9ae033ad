//! What became of everything that was recorded.

use std::fmt;

/// Counts of spans, log records and data points since the start.
///
/// `recorded + found = exported + spooled + in_doubt + dropped`, always.
///
/// ```
/// # let telemetry = smoltel::Telemetry::builder("doc").endpoint("http://127.0.0.1:9").build()?;
/// let report = telemetry.shutdown(std::time::Duration::from_secs(5));
/// if report.dropped() > 0 {
///     eprintln!("{report}");
/// }
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Recorded by this program.
    pub recorded: u64,
    /// Found in the spool at the start, from an earlier run.
    pub found: u64,
    /// Accepted by the endpoint.
    pub exported: u64,
    /// Safe on disk, to be sent later.
    pub spooled: u64,
    /// Not accounted for: after a shutdown, sent but not answered in time; before, still on the way.
    pub in_doubt: u64,
    /// Lost, by reason; reasons that did not occur are left out.
    pub reasons: Vec<(&'static str, u64)>,
}

impl Report {
    /// Lost, whatever the reason.
    pub fn dropped(&self) -> u64 {
        self.reasons.iter().map(|(_, items)| items).sum()
    }

    pub(crate) fn add_dropped(&mut self, reason: &'static str, items: u64) {
        match self.reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += items,
            None if items > 0 => self.reasons.push((reason, items)),
            None => {}
        }
    }

    /// What is left when everything else is counted.
    pub(crate) fn settle(mut self) -> Self {
        let known = self.exported + self.spooled + self.dropped();
        self.in_doubt = (self.recorded + self.found).saturating_sub(known);
        self
    }
}

/// One line for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recorded, found, exported, spooled, in_doubt, .. } = self;
        write!(
            f,
            "{recorded} recorded, {found} found, {exported} exported, {spooled} spooled, {in_doubt} in doubt"
        )?;
        write!(f, ", {} dropped", self.dropped())?;
        self.reasons.iter().try_for_each(|(reason, items)| write!(f, "; {items} {reason}"))
    }
}
