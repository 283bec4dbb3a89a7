//! The program's own log, kept in memory for the window's log view: a bounded ring that a `tracing` layer fills.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::Context;

/// Lines that are kept; the oldest go first.
const LINES_MAX: usize = 5_000;
/// A longer text is cut, bytes.
const TEXT_BYTES_MAX: usize = 4 << 10;

/// How urgent a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For whoever looks for a fault in Switchboard.
    Debug,
    /// What happened.
    Info,
    /// What may go wrong.
    Warn,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// All, the least urgent first.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// What it is called.
    pub fn text(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl From<tracing::Level> for LogLevel {
    fn from(level: tracing::Level) -> Self {
        match level {
            tracing::Level::TRACE => Self::Trace,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::INFO => Self::Info,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::ERROR => Self::Error,
        }
    }
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
    /// How urgent.
    pub level: LogLevel,
    /// The part of the program that says it.
    pub target: String,
    /// What it says.
    pub message: String,
    /// Names and values that go with it.
    pub fields: Vec<(String, String)>,
}

/// The log at one moment.
#[derive(Clone, Debug, Default)]
pub struct OwnLogPage {
    /// Oldest first.
    pub lines: Vec<Arc<LogLine>>,
    /// Lines that were dropped since the program began: there was no room for them any more.
    pub dropped: u64,
    /// Rises with each line.
    pub revision: u64,
}

/// The log of this run. Cheap to clone; all clones are the same log.
#[derive(Clone, Default)]
pub struct OwnLog {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for OwnLog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "OwnLog({} lines so far)", self.revision())
    }
}

#[derive(Default)]
struct Shared {
    ring: Mutex<Ring>,
    revision: AtomicU64,
}

#[derive(Default)]
struct Ring {
    lines: VecDeque<Arc<LogLine>>,
    dropped: u64,
}

impl OwnLog {
    /// Rises with each line; to be looked at before asking for all of them.
    pub fn revision(&self) -> u64 {
        self.shared.revision.load(Ordering::Acquire)
    }

    /// All lines that are kept.
    pub fn page(&self) -> OwnLogPage {
        let revision = self.revision();
        let ring = self.shared.ring.lock();
        OwnLogPage { lines: ring.lines.iter().cloned().collect(), dropped: ring.dropped, revision }
    }

    /// Adds a line.
    pub fn push(&self, line: LogLine) {
        let mut ring = self.shared.ring.lock();
        if ring.lines.len() >= LINES_MAX {
            ring.lines.pop_front();
            ring.dropped += 1;
        }
        ring.lines.push_back(Arc::new(line));
        drop(ring);
        self.shared.revision.fetch_add(1, Ordering::Release);
    }

    /// What fills it, to be given to `tracing`.
    pub fn layer(&self) -> OwnLogLayer {
        OwnLogLayer { log: self.clone() }
    }
}

/// Fills an [`OwnLog`].
pub struct OwnLogLayer {
    log: OwnLog,
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for OwnLogLayer {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let at_ns = switchboard_model::now_ns();
        let (level, target) = (LogLevel::from(*event.metadata().level()), event.metadata().target().to_owned());
        self.log.push(LogLine { at_ns, level, target, message: said.message, fields: said.fields });
    }
}

#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(String, String)>,
}

impl Said {
    fn take(&mut self, field: &Field, text: String) {
        let text = cut(text);
        if field.name() == "message" {
            self.message = text;
        } else {
            self.fields.push((field.name().to_owned(), text));
        }
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.take(field, value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn what_is_logged_is_kept_with_its_fields() {
        let log = OwnLog::default();
        let subscriber = tracing_subscriber::registry().with(log.layer());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(source = "lab-kafka", attempts = 3, "The broker does not answer.");
            tracing::error!(error = %std::fmt::Error, "It failed.");
        });
        let page = log.page();
        assert_eq!((page.lines.len(), page.dropped, page.revision), (2, 0, 2));
        let line = &page.lines[0];
        assert_eq!((line.level, line.message.as_str()), (LogLevel::Warn, "The broker does not answer."));
        assert_eq!(line.fields, [("source".to_owned(), "lab-kafka".to_owned()), ("attempts".to_owned(), "3".to_owned())]);
        assert!(line.target.contains("own_log") && line.at_ns > 0);
    }

    #[test]
    fn the_oldest_lines_go_first_and_are_counted_and_long_ones_are_cut() {
        let log = OwnLog::default();
        for n in 0..LINES_MAX + 10 {
            let message = if n == 0 { "x".repeat(3) } else { n.to_string() };
            log.push(LogLine { at_ns: 0, level: LogLevel::Info, target: String::new(), message, fields: Vec::new() });
        }
        let page = log.page();
        assert_eq!((page.lines.len(), page.dropped), (LINES_MAX, 10));
        assert_eq!(page.lines[0].message, "10");
        assert_eq!(cut("ü".repeat(TEXT_BYTES_MAX)).chars().count(), TEXT_BYTES_MAX / 2 + 1);
    }
}
