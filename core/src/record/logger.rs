use super::Log;
use crate::otlp::logs::Severity;
use crate::platform::{Device, Platform};

/// Makes log records for one component. Cheap to clone and to keep.
///
/// ```
/// # use smoltel_core::{Logger, Severity};
/// fn report(logger: &Logger, level: u32) {
///     logger.info("valve opened");
///     logger.log(Severity::Warn).set("tank.level", level).body(format_args!("low: {level} %")).emit();
/// }
/// ```
pub struct Logger<P: Platform = Device> {
    pipeline: P::Handle,
    scope: u16,
    minimum: Severity,
    trace_based: bool,
}

impl<P: Platform> Clone for Logger<P> {
    fn clone(&self) -> Self {
        Self {
            pipeline: self.pipeline.clone(),
            scope: self.scope,
            minimum: self.minimum,
            trace_based: self.trace_based,
        }
    }
}

impl<P: Platform> Logger<P> {
    /// A logger over `pipeline` for a scope that was declared there.
    pub fn new(pipeline: P::Handle, scope: u16) -> Self {
        Self { pipeline, scope, minimum: Severity::Unspecified, trace_based: false }
    }

    /// This logger without the records below `minimum`. Those of [`Severity::Unspecified`] stay.
    #[must_use]
    pub fn minimum_severity(self, minimum: Severity) -> Self {
        Self { minimum, ..self }
    }

    /// This logger without the records that belong to a span that is not sampled. Those of no span stay.
    #[must_use]
    pub fn trace_based(self) -> Self {
        Self { trace_based: true, ..self }
    }

    /// Whether a record of that severity goes anywhere: ask before making something costly to log.
    #[inline]
    pub fn is_enabled(&self, severity: Severity) -> bool {
        severity == Severity::Unspecified || severity >= self.minimum
    }

    /// Begins a record of that severity; it is on its way from [`Log::emit`] on.
    #[inline]
    pub fn log(&self, severity: Severity) -> Log<P> {
        let pipeline = self.pipeline.clone();
        if !self.is_enabled(severity) {
            return Log::nowhere(pipeline, self.scope, severity, self.trace_based);
        }
        Log::new(pipeline, self.scope, severity, self.trace_based)
    }

    /// Emits `text` as `TRACE`.
    pub fn trace(&self, text: &str) {
        self.log(Severity::Trace).text(text).emit();
    }

    /// Emits `text` as `DEBUG`.
    pub fn debug(&self, text: &str) {
        self.log(Severity::Debug).text(text).emit();
    }

    /// Emits `text` as `INFO`.
    pub fn info(&self, text: &str) {
        self.log(Severity::Info).text(text).emit();
    }

    /// Emits `text` as `WARN`.
    pub fn warn(&self, text: &str) {
        self.log(Severity::Warn).text(text).emit();
    }

    /// Emits `text` as `ERROR`.
    pub fn error(&self, text: &str) {
        self.log(Severity::Error).text(text).emit();
    }

    /// Emits `text` as `FATAL`.
    pub fn fatal(&self, text: &str) {
        self.log(Severity::Fatal).text(text).emit();
    }
}

crate::opaque_debug!(Logger<P>);
