//! Log records into [`LogBatch`]es.

use switchboard_model::{Batch, LogBatch, LogRow, SpanId, TraceId, Value};

use super::any_value::{self, AnyValue};
use super::builder::{Builder, Mark, Rows};
use super::columns::{Shared, nanoseconds};
use super::tally::{Part, Rejection};
use super::wire::{Malformed, Reader};

/// The attribute that stands for OTLP's `event_name`, as the conventions called it before it was a field.
pub(crate) const EVENT_NAME: &[u8] = b"event.name";

/// Fills batches with log records and gives each away when it is full.
pub(crate) type LogBuilder<'c> = Builder<'c, LogRows>;

/// The records of the present batch.
#[derive(Default)]
pub(crate) struct LogRows {
    logs: Vec<LogRow>,
}

/// What of a record is not a row yet.
pub(crate) struct LogFields<'b> {
    pub(crate) time_ns: i64,
    pub(crate) observed_ns: i64,
    pub(crate) severity: u64,
    pub(crate) severity_text: &'b [u8],
    pub(crate) body: AnyValue<'b>,
    pub(crate) trace_id: &'b [u8],
    pub(crate) span_id: &'b [u8],
    pub(crate) event_name: &'b [u8],
}

impl Default for LogFields<'_> {
    fn default() -> Self {
        Self { time_ns: 0, observed_ns: 0, severity: 0, severity_text: &[], body: AnyValue::Empty, trace_id: &[], span_id: &[], event_name: &[] }
    }
}

impl Rows for LogRows {
    #[inline]
    fn mark(&self, attrs: usize) -> Mark {
        Mark { attrs, ..Mark::default() }
    }

    fn back_to(&mut self, _mark: Mark) {}

    #[inline]
    fn num_bytes(&self) -> usize {
        self.logs.len() * size_of::<LogRow>()
    }

    fn take(&mut self, Shared { header, text, resources, attrs }: Shared) -> Option<Batch> {
        let mut logs = std::mem::take(&mut self.logs);
        logs.shrink_to_fit();
        (!logs.is_empty()).then_some(Batch::Logs(LogBatch { header, text, resources, logs, attrs }))
    }

    fn read_protobuf(builder: &mut LogBuilder<'_>, mark: Mark, record: &[u8]) -> Result<(), Rejection> {
        match builder.protobuf_fields(record) {
            Ok(fields) => {
                builder.end_log(mark.attrs, fields);
                Ok(())
            }
            // A span's trace id stands where a log record's time is.
            Err(_) if is_span(record) => Err(Rejection::OtherSignal),
            Err(why) => Err(builder.note_malformed(&why)),
        }
    }
}

impl LogBuilder<'_> {
    /// Adds the record whose attributes stand since `start`.
    pub(crate) fn end_log(&mut self, start: usize, fields: LogFields<'_>) {
        if !fields.event_name.is_empty() {
            let place = self.columns.attrs.len() - start;
            self.columns.attr(place, EVENT_NAME, AnyValue::Text(fields.event_name));
        }
        let body: Value = self.columns.value(fields.body);
        let row = LogRow {
            time_ns: if fields.time_ns == 0 { fields.observed_ns } else { fields.time_ns },
            severity: u8::try_from(fields.severity).ok().filter(|severity| *severity <= 24).unwrap_or(0),
            severity_text: self.columns.text(fields.severity_text),
            body,
            trace_id: TraceId::from_bytes(fields.trace_id).unwrap_or_default(),
            span_id: SpanId::from_bytes(fields.span_id).unwrap_or_default(),
            scope: self.scope(),
            resource: self.resource(),
            attrs: self.attrs_since(start),
            truncated: self.columns.truncated,
        };
        self.rows.logs.push(row);
    }

    fn protobuf_fields<'b>(&mut self, record: &'b [u8]) -> Result<LogFields<'b>, Malformed> {
        let mut fields = LogFields::default();
        let mut truncated = false;
        let mut place = 0;
        let mut reader = Reader::new(record);
        while let Some(tag) = reader.tag()? {
            match tag {
                0x09 => fields.time_ns = nanoseconds(reader.fixed64()?, &mut truncated),
                0x10 => fields.severity = reader.varint()?,
                0x1a => fields.severity_text = reader.bytes()?,
                0x2a => match any_value::any_value(reader.bytes()?) {
                    Ok(body) => fields.body = body,
                    Err(why) => self.columns.lose(Part::Body, "", &why),
                },
                0x32 => {
                    self.columns.protobuf_attr(place, reader.bytes()?);
                    place += 1;
                }
                0x4a => fields.trace_id = reader.bytes()?,
                0x52 => fields.span_id = reader.bytes()?,
                0x59 => fields.observed_ns = nanoseconds(reader.fixed64()?, &mut truncated),
                0x62 => fields.event_name = reader.bytes()?,
                0x0a => return Err(Malformed("a span's trace id stands where a record's time is")),
                _ => reader.skip(tag)?,
            }
        }
        self.columns.truncated |= truncated;
        Ok(fields)
    }
}

fn is_span(record: &[u8]) -> bool {
    let mut reader = Reader::new(record);
    matches!(reader.tag(), Ok(Some(0x0a))) && reader.bytes().is_ok_and(|trace_id| trace_id.len() == 16)
}
