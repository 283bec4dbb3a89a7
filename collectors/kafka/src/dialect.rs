//! Trace context and correlation ids in record headers, in every dialect that is met on Kafka.

use hashbrown::HashMap;
use switchboard_model::{Redactor, SpanContext, is_correlation_name, parse_b3_single, parse_datadog, parse_hex_id, parse_traceparent, parse_uber_trace_id};

/// The headers that trace contexts are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TraceHeader {
    /// W3C Trace Context.
    Traceparent,
    /// The `CloudEvents` binding's attribute of the same meaning.
    CeTraceparent,
    /// B3, single header.
    B3,
    /// B3, several headers.
    B3TraceId,
    B3SpanId,
    /// Jaeger.
    UberTraceId,
    /// Datadog.
    DatadogTraceId,
    DatadogParentId,
    /// `OpenTracing`'s basic tracers.
    OtTraceId,
    OtSpanId,
}

const NUM_TRACE_HEADERS: usize = 10;

const TRACE_HEADERS: [(&str, TraceHeader); NUM_TRACE_HEADERS] = [
    ("traceparent", TraceHeader::Traceparent),
    ("ce_traceparent", TraceHeader::CeTraceparent),
    ("b3", TraceHeader::B3),
    ("x-b3-traceid", TraceHeader::B3TraceId),
    ("x-b3-spanid", TraceHeader::B3SpanId),
    ("uber-trace-id", TraceHeader::UberTraceId),
    ("x-datadog-trace-id", TraceHeader::DatadogTraceId),
    ("x-datadog-parent-id", TraceHeader::DatadogParentId),
    ("ot-tracer-traceid", TraceHeader::OtTraceId),
    ("ot-tracer-spanid", TraceHeader::OtSpanId),
];

/// What a header's name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameMeaning {
    /// The value is a secret.
    pub is_secret: bool,
    /// The value is a correlation id.
    pub is_correlation: bool,
    /// The value is part of a trace context.
    pub trace: Option<TraceHeader>,
}

/// Meanings of names met so far; bounded, since names come from outside.
#[derive(Default)]
pub(crate) struct NameMeanings {
    known: HashMap<Box<str>, NameMeaning>,
}

impl NameMeanings {
    const MOST: usize = 4_096;
    const LONGEST: usize = 256;

    /// What a name means.
    pub fn of(&mut self, name: &str, redactor: &Redactor) -> NameMeaning {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let meaning = NameMeaning {
            is_secret: redactor.is_secret_name(name),
            is_correlation: is_correlation_name(name),
            trace: TRACE_HEADERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, header)| *header),
        };
        if name.len() <= Self::LONGEST && self.known.len() < Self::MOST {
            self.known.insert(name.into(), meaning);
        }
        meaning
    }
}

/// The values of a record's trace headers. Of a name that comes twice the last one counts, as in `OpenTelemetry`'s getter.
#[derive(Default)]
pub(crate) struct TraceHeaders<'a> {
    values: [Option<&'a [u8]>; NUM_TRACE_HEADERS],
}

impl<'a> TraceHeaders<'a> {
    pub fn put(&mut self, header: TraceHeader, value: Option<&'a [u8]>) {
        self.values[header as usize] = value;
    }

    /// The context of the first dialect that holds a valid one.
    pub fn context(&self) -> Option<SpanContext> {
        let text = |header: TraceHeader| self.values[header as usize].and_then(|value| std::str::from_utf8(value).ok());
        text(TraceHeader::Traceparent)
            .and_then(parse_traceparent)
            .or_else(|| text(TraceHeader::CeTraceparent).and_then(parse_traceparent))
            .or_else(|| text(TraceHeader::B3).and_then(parse_b3_single))
            .or_else(|| text(TraceHeader::B3TraceId).and_then(|trace| parse_hex_id(trace, text(TraceHeader::B3SpanId))))
            .or_else(|| text(TraceHeader::UberTraceId).and_then(parse_uber_trace_id))
            .or_else(|| text(TraceHeader::DatadogTraceId).and_then(|trace| parse_datadog(trace, text(TraceHeader::DatadogParentId))))
            .or_else(|| text(TraceHeader::OtTraceId).and_then(|trace| parse_hex_id(trace, text(TraceHeader::OtSpanId))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(headers: &[(&str, &str)]) -> Option<String> {
        let (mut meanings, redactor, mut found) = (NameMeanings::default(), Redactor::new([0; 16], &[]), TraceHeaders::default());
        for (name, value) in headers {
            if let Some(header) = meanings.of(name, &redactor).trace {
                found.put(header, Some(value.as_bytes()));
            }
        }
        found.context().map(|context| format!("{}/{}", context.trace_id, context.span_id))
    }

    #[test]
    fn every_dialect_gives_the_same_context() {
        let wide = Some("4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7".to_owned());
        let half = Some("0000000000000000a3ce929d0e0e4736/00f067aa0ba902b7".to_owned());
        let w3c = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(context(&[("traceparent", w3c)]), wide);
        assert_eq!(context(&[("Traceparent", w3c)]), wide);
        assert_eq!(context(&[("ce_traceparent", w3c)]), wide);
        assert_eq!(context(&[("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1")]), wide);
        assert_eq!(context(&[("X-B3-TraceId", "4bf92f3577b34da6a3ce929d0e0e4736"), ("x-b3-spanid", "00f067aa0ba902b7")]), wide);
        assert_eq!(context(&[("uber-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1")]), wide);
        assert_eq!(context(&[("x-datadog-trace-id", "11803532876627986230"), ("x-datadog-parent-id", "67667974448284343")]), half);
        assert_eq!(context(&[("ot-tracer-traceid", "a3ce929d0e0e4736"), ("ot-tracer-spanid", "00f067aa0ba902b7")]), half);
    }

    #[test]
    fn an_invalid_dialect_gives_way_to_a_valid_one_and_the_last_value_counts() {
        assert_eq!(
            context(&[("traceparent", "nonsense"), ("b3", "a3ce929d0e0e4736-00f067aa0ba902b7")]),
            Some("0000000000000000a3ce929d0e0e4736/00f067aa0ba902b7".to_owned())
        );
        assert_eq!(context(&[("b3", "1"), ("traceparent", "")]), None);
        assert_eq!(
            context(&[("b3", "b3ce929d0e0e4736-00f067aa0ba902b7"), ("b3", "a3ce929d0e0e4736-00f067aa0ba902b7")]),
            Some("0000000000000000a3ce929d0e0e4736/00f067aa0ba902b7".to_owned())
        );
    }
}
