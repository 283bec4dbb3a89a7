//! Log records into [`LogBatch`]es.

use std::ops::ControlFlow;

use switchboard_model::{Attrs, Batch, LogBatch, LogRow, SpanId, Str, TraceId, Value};

use super::any_value::{self, AnyValue};
use super::columns::{Columns, nanoseconds};
use super::envelope::Visit;
use super::tally::{Lost, Part, Rejection, Tally};
use super::wire::{Malformed, Reader};
use super::{Context, Emit};

/// The attribute that stands for OTLP's `event_name`, as the conventions called it before it was a field.
pub(crate) const EVENT_NAME: &[u8] = b"event.name";

/// Fills batches with log records and gives each away when it is full.
pub(crate) struct LogBuilder<'c> {
    pub(crate) columns: Columns<'c>,
    logs: Vec<LogRow>,
    emit: &'c mut Emit<'c>,
    tally: Tally,
    num_expected: u64,
    /// The present resource and scope, once the present batch has them.
    resource: Option<u32>,
    /// Whether the present resource was not read before.
    is_new_resource: bool,
    scope: Option<Str>,
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

impl<'c> LogBuilder<'c> {
    pub(crate) fn new(context: Context<'c>, num_expected: u64, emit: &'c mut Emit<'c>) -> Self {
        let mut columns = Columns::new(context);
        columns.reserve(num_expected);
        Self { columns, logs: Vec::new(), emit, tally: Tally::default(), num_expected, resource: None, is_new_resource: true, scope: None }
    }

    /// Gives the last batch away, and says what became of the items.
    pub(crate) fn finish(mut self) -> Tally {
        self.give_away().is_break();
        self.tally.lost = std::mem::take(&mut self.columns.lost);
        self.tally
    }

    pub(crate) fn begin_resource(&mut self) {
        self.resource = None;
        self.is_new_resource = true;
    }

    pub(crate) fn begin_scope(&mut self) {
        self.scope = None;
    }

    pub(crate) fn has_resource(&self) -> bool {
        self.resource.is_some()
    }

    pub(crate) fn set_resource(&mut self, resource: u32) {
        self.resource = Some(resource);
    }

    pub(crate) fn set_scope(&mut self, name: &[u8]) {
        if self.scope.is_none() {
            self.scope = Some(self.columns.shared_text(name));
        }
    }

    /// Begins a record: its attributes go on from the number returned.
    pub(crate) fn begin_log(&mut self) -> usize {
        self.columns.begin_item();
        self.columns.attrs.len()
    }

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
            scope: self.scope.unwrap_or(Str::EMPTY),
            resource: self.resource.unwrap_or(0),
            attrs: Attrs { start: start as u32, end: self.columns.attrs.len() as u32 },
            truncated: self.columns.truncated,
        };
        self.logs.push(row);
    }

    /// Counts what became of a record, and gives the batch away if it is full.
    pub(crate) fn account(&mut self, start: usize, outcome: Result<(), Rejection>) -> ControlFlow<()> {
        self.tally.num_items += 1;
        self.num_expected = self.num_expected.saturating_sub(1);
        if let Err(why) = outcome {
            self.columns.attrs.truncate(start);
            self.tally.reject(why);
        }
        if self.columns.is_full(self.logs.len() * size_of::<LogRow>()) {
            self.give_away()?;
            self.columns.reserve(self.num_expected);
        }
        ControlFlow::Continue(())
    }

    /// What around the items could not be read.
    pub(crate) fn note_lost(&mut self, lost: Lost) {
        self.columns.lost.merge(lost);
    }

    /// The present item cannot be decoded; why.
    pub(crate) fn note_malformed(&mut self, why: &dyn std::fmt::Display) -> Rejection {
        self.tally.note_malformed(why);
        Rejection::Malformed
    }

    pub(crate) fn note_base64_ids(&mut self) {
        self.tally.has_base64_ids = true;
    }

    fn give_away(&mut self) -> ControlFlow<()> {
        self.resource = None;
        self.scope = None;
        if self.logs.is_empty() {
            self.columns.clear();
            return ControlFlow::Continue(());
        }
        let columns = &mut self.columns;
        let mut batch = LogBatch {
            header: columns.context.header,
            text: std::mem::take(&mut columns.text),
            resources: std::mem::take(&mut columns.resources),
            logs: std::mem::take(&mut self.logs),
            attrs: std::mem::take(&mut columns.attrs),
        };
        columns.clear();
        batch.text.shrink_to_fit();
        batch.resources.shrink_to_fit();
        batch.logs.shrink_to_fit();
        batch.attrs.shrink_to_fit();
        (self.emit)(Batch::Logs(batch))
    }

    fn protobuf_log(&mut self, start: usize, record: &[u8]) -> Result<(), Rejection> {
        let outcome = self.protobuf_fields(record);
        match outcome {
            Ok(fields) => {
                self.end_log(start, fields);
                Ok(())
            }
            // A span's trace id stands where a log record's time is.
            Err(_) if is_span(record) => Err(Rejection::OtherSignal),
            Err(why) => Err(self.note_malformed(&why)),
        }
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

impl<'b> Visit<'b> for LogBuilder<'_> {
    fn resource(&mut self, _resource: &[u8]) -> Result<(), Malformed> {
        self.begin_resource();
        Ok(())
    }

    fn scope(&mut self) {
        self.begin_scope();
    }

    fn item(&mut self, resource: &[u8], scope_name: &[u8], item: &'b [u8]) -> ControlFlow<()> {
        if self.resource.is_none() {
            // The survey has looked at it: it is whole.
            self.resource = self.columns.protobuf_resource(resource, std::mem::take(&mut self.is_new_resource)).ok();
        }
        self.set_scope(scope_name);
        let start = self.begin_log();
        let outcome = self.protobuf_log(start, item);
        self.account(start, outcome)
    }
}
