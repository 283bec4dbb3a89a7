//! Whether a batch that is read back is as collectors make them: whatever its rows refer to is there, once, and no more of it than a
//! collector lets through. Only reading one back pays for it; from a collector to the engine nothing is checked.

use crate::{AttrRow, Attrs, BATCH_VERSION, LogBatch, MAX_PLACE_BYTES, MAX_RUN_ROWS, PlaceRow, RecordBatch, ResourceRow, SpanBatch, Str, TextArena, Value};

/// Bytes of text that the rows of a batch say together, each as often as it is said: one text can be said by very many rows, and the engine
/// keeps what each says. The largest request that is taken has an eighth of that, and JSON of a list is at most six times as long as its text.
const MAX_SAID_BYTES: usize = 512 << 20;

/// Why a batch that was written down is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// It is of another version.
    #[error("the batch is of version {found}, and only version {BATCH_VERSION} can be read here. Read it with the Switchboard that wrote it")]
    OtherVersion {
        /// Its version.
        found: u16,
    },
    /// It is not as any collector makes it.
    #[error("the batch is unsound: `{field}` {why}. It is not as a Switchboard wrote it: take it once more from where it was written")]
    Unsound {
        /// Where: `spans[3].name`, the field `name` of the row 3 of `spans`.
        field: String,
        /// What is wrong with it.
        why: String,
    },
}

impl BatchError {
    /// A field is wrong.
    pub(crate) fn unsound(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unsound { field: field.into(), why: why.into() }
    }
}

/// A field of a row.
#[derive(Clone, Copy)]
struct Field {
    column: &'static str,
    row: usize,
    name: &'static str,
}

impl Field {
    /// Refuses the batch for this field, unless it is sound.
    fn must(self, is_sound: bool, why: impl FnOnce() -> String) -> Result<(), BatchError> {
        if is_sound { Ok(()) } else { Err(BatchError::unsound(format!("{}[{}].{}", self.column, self.row, self.name), why())) }
    }
}

/// The fields of a row of a column.
fn row(column: &'static str, row: usize) -> impl Fn(&'static str) -> Field {
    move |name| Field { column, row, name }
}

/// The texts of a batch, and how much its rows say.
struct Texts<'a> {
    arena: &'a TextArena,
    /// Of each text: each is looked at once, however often it is said.
    is_utf8: Vec<bool>,
    said_bytes: usize,
}

impl<'a> Texts<'a> {
    fn new(arena: &'a TextArena) -> Self {
        let is_utf8 = (0..arena.num_strings()).map(|at| std::str::from_utf8(arena.bytes(Str(at as u32))).is_ok()).collect();
        Self { arena, is_utf8, said_bytes: 0 }
    }

    /// A text or bytes that are there.
    fn find(&self, field: Field, at: Str) -> Result<(), BatchError> {
        let num = self.is_utf8.len();
        field.must(at.index() < num, || format!("is text {}, and there are {num}", at.0))
    }

    /// Text that stands once in what was sent, however many rows it is of.
    fn shared_text(&self, field: Field, at: Str) -> Result<(), BatchError> {
        self.find(field, at)?;
        field.must(self.is_utf8[at.index()], || format!("is text {}, which is not UTF-8", at.0))
    }

    /// Text that a row says.
    fn text(&mut self, field: Field, at: Str) -> Result<(), BatchError> {
        self.shared_text(field, at)?;
        self.bytes(field, at)
    }

    /// Bytes that a row says.
    fn bytes(&mut self, field: Field, at: Str) -> Result<(), BatchError> {
        self.find(field, at)?;
        self.said_bytes += self.arena.bytes(at).len();
        field.must(self.said_bytes <= MAX_SAID_BYTES, || format!("says too much: with it the batch comes to more than {MAX_SAID_BYTES} bytes"))
    }

    fn value(&mut self, field: Field, value: Value) -> Result<(), BatchError> {
        match value {
            Value::Str(at) | Value::List(at) => self.text(field, at),
            Value::Bytes(at) => self.bytes(field, at),
            Value::I64(_) | Value::F64(_) | Value::Bool(_) => Ok(()),
        }
    }

    fn attrs(&mut self, attrs: &[AttrRow]) -> Result<(), BatchError> {
        for (at, attr) in attrs.iter().enumerate() {
            let field = row("attrs", at);
            self.text(field("key"), attr.key)?;
            self.value(field("value"), attr.value)?;
        }
        Ok(())
    }

    fn resources(&mut self, resources: &[ResourceRow], attrs: &mut Runs) -> Result<(), BatchError> {
        for (at, resource) in resources.iter().enumerate() {
            let field = row("resources", at);
            self.text(field("service_name"), resource.service_name)?;
            self.text(field("namespace"), resource.namespace)?;
            self.text(field("environment"), resource.environment)?;
            self.text(field("version"), resource.version)?;
            self.text(field("instance"), resource.instance)?;
            attrs.take(field("attrs"), resource.attrs)?;
        }
        Ok(())
    }
}

/// The rows of a column that are of rows of other columns: each of one at most, or few rows would be very many.
struct Runs {
    column: &'static str,
    is_taken: Vec<bool>,
}

impl Runs {
    fn new<T>(column: &'static str, rows: &[T]) -> Self {
        Self { column, is_taken: vec![false; rows.len()] }
    }

    fn take(&mut self, field: Field, run: Attrs) -> Result<(), BatchError> {
        let Self { column, is_taken } = self;
        let (Attrs { start, end }, num) = (run, is_taken.len());
        field.must(start <= end, || format!("ends at row {end} of `{column}`, before it begins at {start}"))?;
        field.must(run.range().end <= num, || format!("ends at row {end} of `{column}`, which has {num}"))?;
        field.must(run.len() <= MAX_RUN_ROWS, || format!("has {} rows of `{column}`, and {MAX_RUN_ROWS} are the most", run.len()))?;
        let rows = &mut is_taken[run.range()];
        field.must(!rows.contains(&true), || format!("has rows of `{column}` that are another's too"))?;
        rows.fill(true);
        Ok(())
    }
}

/// A row of another column, by its index.
fn index(field: Field, at: u32, column: &'static str, num: usize) -> Result<(), BatchError> {
    field.must((at as usize) < num, || format!("is row {at} of `{column}`, which has {num}"))
}

/// An id that has to name something.
fn id(field: Field, is_set: bool) -> Result<(), BatchError> {
    field.must(is_set, || "is zero, which names nothing".to_owned())
}

/// Spans with all that they refer to.
pub(crate) fn spans(batch: &SpanBatch) -> Result<(), BatchError> {
    batch.header.check()?;
    let mut texts = Texts::new(&batch.text);
    let (mut attrs, mut links, mut events) = (Runs::new("attrs", &batch.attrs), Runs::new("links", &batch.links), Runs::new("events", &batch.events));
    texts.attrs(&batch.attrs)?;
    texts.resources(&batch.resources, &mut attrs)?;
    for (at, span) in batch.spans.iter().enumerate() {
        let field = row("spans", at);
        id(field("trace_id"), span.trace_id.0 != 0)?;
        id(field("span_id"), span.span_id.is_some())?;
        texts.text(field("name"), span.name)?;
        texts.text(field("status_message"), span.status_message)?;
        texts.text(field("trace_state"), span.trace_state)?;
        texts.shared_text(field("scope"), span.scope)?;
        index(field("resource"), span.resource, "resources", batch.resources.len())?;
        attrs.take(field("attrs"), span.attrs)?;
        links.take(field("links"), span.links)?;
        events.take(field("events"), span.events)?;
        field("sample_weight").must((1.0..=f32::MAX).contains(&span.sample_weight), || format!("is {}, and the least is 1", span.sample_weight))?;
    }
    for (at, link) in batch.links.iter().enumerate() {
        let field = row("links", at);
        id(field("trace_id"), link.trace_id.0 != 0)?;
        id(field("span_id"), link.span_id.is_some())?;
        attrs.take(field("attrs"), link.attrs)?;
    }
    for (at, event) in batch.events.iter().enumerate() {
        let field = row("events", at);
        texts.text(field("name"), event.name)?;
        attrs.take(field("attrs"), event.attrs)?;
    }
    Ok(())
}

/// Log records with all that they refer to.
pub(crate) fn logs(batch: &LogBatch) -> Result<(), BatchError> {
    batch.header.check()?;
    let mut texts = Texts::new(&batch.text);
    let mut attrs = Runs::new("attrs", &batch.attrs);
    texts.attrs(&batch.attrs)?;
    texts.resources(&batch.resources, &mut attrs)?;
    for (at, log) in batch.logs.iter().enumerate() {
        let field = row("logs", at);
        field("severity").must(log.severity <= 24, || format!("is {}, and 24 is the most", log.severity))?;
        texts.text(field("severity_text"), log.severity_text)?;
        texts.value(field("body"), log.body)?;
        texts.shared_text(field("scope"), log.scope)?;
        index(field("resource"), log.resource, "resources", batch.resources.len())?;
        attrs.take(field("attrs"), log.attrs)?;
    }
    Ok(())
}

/// Records with all that they refer to.
pub(crate) fn records(batch: &RecordBatch) -> Result<(), BatchError> {
    batch.header.check()?;
    let mut texts = Texts::new(&batch.text);
    let (mut headers, mut correlations) = (Runs::new("headers", &batch.headers), Runs::new("correlations", &batch.correlations));
    for (at, channel) in batch.channels.iter().enumerate() {
        texts.text(row("channels", at)("name"), channel.name)?;
    }
    for (at, record) in batch.records.iter().enumerate() {
        let field = row("records", at);
        index(field("channel"), record.channel, "channels", batch.channels.len())?;
        if let PlaceRow::Opaque(place) = record.place {
            texts.bytes(field("place"), place)?;
            let num_bytes = batch.text.bytes(place).len();
            field("place").must(num_bytes <= MAX_PLACE_BYTES, || format!("has {num_bytes} bytes, and {MAX_PLACE_BYTES} are the most"))?;
        }
        record.key.map_or(Ok(()), |key| texts.bytes(field("key"), key))?;
        record.value.map_or(Ok(()), |value| texts.bytes(field("value"), value))?;
        headers.take(field("headers"), record.headers)?;
        id(field("trace"), record.trace.is_none_or(|context| context.trace_id.0 != 0))?;
        correlations.take(field("correlations"), record.correlations)?;
    }
    for (at, header) in batch.headers.iter().enumerate() {
        let field = row("headers", at);
        texts.text(field("name"), header.name)?;
        header.value.map_or(Ok(()), |value| texts.bytes(field("value"), value))?;
    }
    for (at, correlation) in batch.correlations.iter().enumerate() {
        texts.text(row("correlations", at)("name"), correlation.name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
