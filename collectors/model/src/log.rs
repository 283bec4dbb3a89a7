//! Log records as they arrive.

use serde::{Deserialize, Serialize};

use crate::{AttrRow, Attrs, BatchError, BatchHeader, ResourceRow, SpanId, Str, TextArena, TraceId, Value, batch_check};

/// Log records of one request, cut at 1 MiB.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "LogBatchRead")]
pub struct LogBatch {
    /// Version, source and time of arrival.
    pub header: BatchHeader,
    /// All text.
    pub text: TextArena,
    /// The resources that sent.
    pub resources: Vec<ResourceRow>,
    /// The records.
    pub logs: Vec<LogRow>,
    /// Attributes of resources and records.
    pub attrs: Vec<AttrRow>,
}

/// One log record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRow {
    /// When it happened (or was observed, if only that was sent), ns since the Unix epoch.
    pub time_ns: i64,
    /// OTLP severity number 1 to 24, 0 = not said. 9 = info, 13 = warn, 17 = error.
    pub severity: u8,
    /// Severity as text.
    pub severity_text: Str,
    /// The message.
    pub body: Value,
    /// The trace it belongs to; zero = none.
    pub trace_id: TraceId,
    /// The span it belongs to; zero = none.
    pub span_id: SpanId,
    /// Name of the instrumentation scope.
    pub scope: Str,
    /// Index into `resources`.
    pub resource: u32,
    /// Attributes.
    pub attrs: Attrs,
    /// Whether anything was cut at a limit.
    pub truncated: bool,
}

impl LogBatch {
    /// What the batch weighs in a queue, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.text.size_bytes()
            + self.resources.capacity() * size_of::<ResourceRow>()
            + self.logs.capacity() * size_of::<LogRow>()
            + self.attrs.capacity() * size_of::<AttrRow>()
    }
}

/// A batch as it is read back, before it is checked.
#[derive(Deserialize)]
struct LogBatchRead {
    header: BatchHeader,
    text: TextArena,
    resources: Vec<ResourceRow>,
    logs: Vec<LogRow>,
    attrs: Vec<AttrRow>,
}

impl TryFrom<LogBatchRead> for LogBatch {
    type Error = BatchError;

    fn try_from(LogBatchRead { header, text, resources, logs, attrs }: LogBatchRead) -> Result<Self, BatchError> {
        let mut batch = Self { header, text, resources, logs, attrs };
        batch_check::logs(&batch)?;
        AttrRow::tell_meanings(&mut batch.attrs, &batch.text);
        Ok(batch)
    }
}
