//! Spans, log records and metrics as OTLP/JSON has them.

use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::fields::{Bounded, Id, JsonAttrs, Unsigned, enumerated};
use super::lenient;
use super::text::Text;
use super::value::JsonValue;
use super::visit::{Around, MAX_ITEM_BYTES, Resource, Visit};
use crate::decode::builder::{Builder, Mark, Rows};
use crate::decode::columns::nanoseconds;
use crate::decode::logs::{LogFields, LogRows};
use crate::decode::spans::{SpanFields, SpanRows};
use crate::decode::tally::Lost;
use crate::decode::{LogBuilder, Rejection, SpanBuilder};

/// Why an item is not read.
const TOO_LONG: &str = "it is longer than 4 MiB";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are called as OTLP/JSON calls them")]
pub(super) struct Span<'a> {
    #[serde(borrow, alias = "trace_id")]
    pub(super) trace_id: Text<'a>,
    #[serde(borrow, alias = "span_id")]
    pub(super) span_id: Text<'a>,
    #[serde(borrow, alias = "trace_state")]
    pub(super) trace_state: Text<'a>,
    #[serde(borrow, alias = "parent_span_id")]
    pub(super) parent_span_id: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(deserialize_with = "span_kind")]
    kind: u64,
    #[serde(alias = "start_time_unix_nano")]
    pub(super) start_time_unix_nano: Unsigned,
    #[serde(alias = "end_time_unix_nano")]
    pub(super) end_time_unix_nano: Unsigned,
    #[serde(borrow)]
    pub(super) attributes: JsonAttrs<'a>,
    #[serde(borrow)]
    pub(super) events: Bounded<Event<'a>>,
    #[serde(borrow)]
    pub(super) links: Bounded<Link<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Status<'a>>,
    pub(super) flags: Unsigned,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(alias = "time_unix_nano")]
    pub(super) time_unix_nano: Unsigned,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) attributes: JsonAttrs<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Link<'a> {
    #[serde(borrow, alias = "trace_id")]
    pub(super) trace_id: Text<'a>,
    #[serde(borrow, alias = "span_id")]
    pub(super) span_id: Text<'a>,
    #[serde(borrow)]
    pub(super) attributes: JsonAttrs<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Status<'a> {
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(deserialize_with = "status_code")]
    code: u64,
}

fn span_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    enumerated(deserializer, "SPAN_KIND_", &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"])
}

fn status_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    enumerated(deserializer, "STATUS_CODE_", &["UNSET", "OK", "ERROR"])
}

impl Span<'_> {
    pub(super) fn set_kind(&mut self, json: &str) -> Result<(), serde_json::Error> {
        self.kind = span_kind(&mut serde_json::Deserializer::from_str(json))?;
        Ok(())
    }
}

impl LogRecord<'_> {
    pub(super) fn set_severity(&mut self, json: &str) -> Result<(), serde_json::Error> {
        self.severity_number = severity_number(&mut serde_json::Deserializer::from_str(json))?;
        Ok(())
    }
}

/// A kind of item that JSON is read into.
pub(super) trait JsonItem: Rows {
    /// Reads an item, whose columns go on from the mark.
    fn read(builder: &mut Builder<'_, Self>, mark: Mark, json: &str) -> Result<(), Rejection>;
}

/// Reads an item as a structure: as the specification has it, else leniently.
fn structure<'j, T: Deserialize<'j>, R: Rows>(
    builder: &mut Builder<'_, R>,
    json: &'j str,
    leniently: fn(&'j str, &mut Lost) -> Result<T, String>,
) -> Result<T, Rejection> {
    if json.len() > MAX_ITEM_BYTES {
        return Err(builder.note_malformed(&TOO_LONG));
    }
    if let Ok(item) = serde_json::from_str(json) {
        return Ok(item);
    }
    let mut lost = Lost::default();
    let read = leniently(json, &mut lost);
    builder.columns.truncated |= lost.num_all() > 0;
    builder.note_lost(lost);
    read.map_err(|why| builder.note_malformed(&why))
}

impl<R: JsonItem> Visit for Builder<'_, R> {
    fn resource(&mut self) {
        self.begin_resource();
    }

    fn lost(&mut self, lost: Lost) {
        self.note_lost(lost);
    }

    fn scope(&mut self) {
        self.begin_scope();
    }

    fn item(&mut self, resource: &Resource<'_>, scope_name: &str, item: &str) -> ControlFlow<()> {
        self.set_resource(|columns, _| Some(resource.write(columns)));
        self.set_scope(scope_name.as_bytes());
        let mark = self.begin_item();
        let outcome = R::read(self, mark, item);
        self.account(mark, outcome)
    }
}

impl JsonItem for SpanRows {
    fn read(builder: &mut SpanBuilder<'_>, mark: Mark, json: &str) -> Result<(), Rejection> {
        let span: Span<'_> = structure(builder, json, lenient::span)?;
        let mut truncated = span.events.is_cut || span.links.is_cut;
        span.attributes.write(&mut builder.columns);
        let attrs = builder.attrs_since(mark.attrs);
        for event in &span.events.rows {
            let start = builder.num_attrs();
            event.attributes.write(&mut builder.columns);
            builder.event(nanoseconds(event.time_unix_nano.0, &mut truncated), event.name.0.as_bytes(), start);
        }
        for link in &span.links.rows {
            let start = builder.num_attrs();
            link.attributes.write(&mut builder.columns);
            builder.link(Id::<16>::read(&link.trace_id.0).bytes(), Id::<8>::read(&link.span_id.0).bytes(), start);
        }
        let (trace_id, span_id, parent_span_id) = (Id::<16>::read(&span.trace_id.0), Id::<8>::read(&span.span_id.0), Id::<8>::read(&span.parent_span_id.0));
        if trace_id.is_base64 || span_id.is_base64 {
            builder.note_base64_ids();
        }
        let status = span.status.as_ref();
        let fields = SpanFields {
            trace_id: trace_id.bytes(),
            span_id: span_id.bytes(),
            parent_span_id: parent_span_id.bytes(),
            name: span.name.0.as_bytes(),
            trace_state: span.trace_state.0.as_bytes(),
            status_message: status.map_or(&[], |status| status.message.0.as_bytes()),
            kind: span.kind,
            status: status.map_or(0, |status| status.code),
            flags: span.flags.0 as u32,
            start_ns: nanoseconds(span.start_time_unix_nano.0, &mut truncated),
            end_ns: nanoseconds(span.end_time_unix_nano.0, &mut truncated),
        };
        builder.columns.truncated |= truncated;
        builder.end_span(mark, attrs, &fields)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LogRecord<'a> {
    #[serde(alias = "time_unix_nano")]
    pub(super) time_unix_nano: Unsigned,
    #[serde(alias = "observed_time_unix_nano")]
    pub(super) observed_time_unix_nano: Unsigned,
    #[serde(alias = "severity_number", deserialize_with = "severity_number")]
    severity_number: u64,
    #[serde(borrow, alias = "severity_text")]
    pub(super) severity_text: Text<'a>,
    #[serde(borrow)]
    pub(super) body: JsonValue<'a>,
    #[serde(borrow)]
    pub(super) attributes: JsonAttrs<'a>,
    #[serde(borrow, alias = "trace_id")]
    pub(super) trace_id: Text<'a>,
    #[serde(borrow, alias = "span_id")]
    pub(super) span_id: Text<'a>,
    #[serde(borrow, alias = "event_name")]
    pub(super) event_name: Text<'a>,
}

fn severity_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    enumerated(
        deserializer,
        "SEVERITY_NUMBER_",
        &[
            "UNSPECIFIED",
            "TRACE",
            "TRACE2",
            "TRACE3",
            "TRACE4",
            "DEBUG",
            "DEBUG2",
            "DEBUG3",
            "DEBUG4",
            "INFO",
            "INFO2",
            "INFO3",
            "INFO4",
            "WARN",
            "WARN2",
            "WARN3",
            "WARN4",
            "ERROR",
            "ERROR2",
            "ERROR3",
            "ERROR4",
            "FATAL",
            "FATAL2",
            "FATAL3",
            "FATAL4",
        ],
    )
}

impl JsonItem for LogRows {
    fn read(builder: &mut LogBuilder<'_>, mark: Mark, json: &str) -> Result<(), Rejection> {
        let record: LogRecord<'_> = structure(builder, json, lenient::log)?;
        let mut truncated = false;
        record.attributes.write(&mut builder.columns);
        let (trace_id, span_id) = (Id::<16>::read(&record.trace_id.0), Id::<8>::read(&record.span_id.0));
        if trace_id.is_base64 || span_id.is_base64 {
            builder.note_base64_ids();
        }
        let fields = LogFields {
            time_ns: nanoseconds(record.time_unix_nano.0, &mut truncated),
            observed_ns: nanoseconds(record.observed_time_unix_nano.0, &mut truncated),
            severity: record.severity_number,
            severity_text: record.severity_text.0.as_bytes(),
            body: record.body.as_any(),
            trace_id: trace_id.bytes(),
            span_id: span_id.bytes(),
            event_name: record.event_name.0.as_bytes(),
        };
        builder.columns.truncated |= truncated;
        builder.end_log(mark.attrs, fields);
        Ok(())
    }
}

/// Counts the data points of metrics.
#[derive(Default)]
pub(super) struct Points {
    pub(super) num_points: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metric {
    gauge: Option<Data>,
    sum: Option<Data>,
    histogram: Option<Data>,
    #[serde(alias = "exponential_histogram")]
    exponential_histogram: Option<Data>,
    summary: Option<Data>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    #[serde(alias = "data_points")]
    data_points: Option<Vec<IgnoredAny>>,
}

impl Visit for Points {
    fn reads(&mut self, _around: Around, _num_bytes: usize) -> bool {
        false
    }

    fn item(&mut self, _resource: &Resource<'_>, _scope_name: &str, item: &str) -> ControlFlow<()> {
        if let Ok(metric) = serde_json::from_str::<Metric>(item) {
            let data = [metric.gauge, metric.sum, metric.histogram, metric.exponential_histogram, metric.summary];
            self.num_points += data.into_iter().flatten().map(|data| data.data_points.map_or(0, |points| points.len() as u64)).sum::<u64>();
        }
        ControlFlow::Continue(())
    }
}
