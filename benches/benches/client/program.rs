//! A program that is instrumented by one of the libraries.

/// One thing to do, from any thread.
pub(crate) type Act = Box<dyn Fn() + Send + Sync>;

pub(crate) struct Program {
    /// A root span with eight attributes and an event.
    pub(crate) span: Act,
    /// A log record with six attributes and a body of eighty bytes.
    pub(crate) log: Option<Act>,
    /// A point of a counter, with three attributes made before.
    pub(crate) count: Option<Act>,
    /// Sends what waits.
    pub(crate) flush: Act,
    /// Sends the rest and says what was lost, as far as the library tells.
    pub(crate) finish: Box<dyn FnOnce() -> String>,
}

/// Starts a program that sends to that address.
pub(crate) type Start = fn(endpoint: &str) -> Program;

pub(crate) const PROGRAMS: &[(&str, Start)] = &[
    ("smoltel", crate::ours::start),
    ("opentelemetry", crate::with_opentelemetry::start),
    ("emit", crate::with_emit::start),
    ("fastrace", crate::with_fastrace::start),
];

/// The program of that name, sending to the collector of the parent process.
pub(crate) fn start(name: &str) -> Program {
    let (_, start) = PROGRAMS.iter().find(|(known, _)| *known == name).expect("a name in the table");
    start(&crate::collector::of_parent())
}
