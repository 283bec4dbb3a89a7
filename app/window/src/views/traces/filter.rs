//! What the list of traces is asked for, and what a text that was pasted means. Pure.

use switchboard_engine::view::{Query, Range, ScanQuery, TraceFilter, TraceOrder};
use switchboard_model::{CorrelationId, SpanId, TraceId};

use crate::view::Target;

/// Rows that are asked for.
pub(crate) const ROWS_MAX: usize = 1_000;

/// What the user has set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FilterState {
    /// Service; empty = all.
    pub service: String,
    /// Part of the operation, or an id.
    pub text: String,
    /// Shortest duration, as typed.
    pub min_duration: String,
    /// Only those with a failed span.
    pub failed_only: bool,
    /// Which come first.
    pub order: TraceOrder,
    /// An instance that has a span of it, from elsewhere.
    pub instance: Option<String>,
    /// Caller and callee that it has to go through, from elsewhere.
    pub through: Option<(String, String)>,
    /// Longest duration, ns, from elsewhere.
    pub max_duration_ns: Option<i64>,
    /// A range of its own, from elsewhere; `None` = the window's.
    pub range: Option<Range>,
}

impl Default for FilterState {
    fn default() -> Self {
        Self {
            service: String::new(),
            text: String::new(),
            min_duration: String::new(),
            failed_only: false,
            order: TraceOrder::Newest,
            instance: None,
            through: None,
            max_duration_ns: None,
            range: None,
        }
    }
}

impl FilterState {
    /// What a filter from elsewhere says.
    pub(crate) fn from_filter(filter: &TraceFilter, order: TraceOrder) -> Self {
        Self {
            service: filter.service.clone().unwrap_or_default(),
            text: filter.operation.clone().unwrap_or_default(),
            min_duration: filter.min_duration_ns.map(|ns| format!("{} ms", ns as f64 / 1e6)).unwrap_or_default(),
            failed_only: filter.failed_only,
            order,
            instance: filter.instance.clone(),
            through: filter.through.clone(),
            max_duration_ns: filter.max_duration_ns,
            range: filter.range,
        }
    }

    /// Whether it lets everything through.
    pub(crate) fn is_open(&self) -> bool {
        Self { order: self.order, ..Self::default() } == *self
    }

    /// The question; `window_range` is what the window looks at.
    pub(crate) fn query(&self, window_range: Option<Range>) -> Query {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let filter = TraceFilter {
            service: given(&self.service),
            instance: self.instance.clone(),
            operation: given(&self.text),
            min_duration_ns: parse_duration(&self.min_duration),
            max_duration_ns: self.max_duration_ns,
            failed_only: self.failed_only,
            range: self.range.or(window_range),
            through: self.through.clone(),
        };
        Query::Scan(ScanQuery::Traces { filter, order: self.order, limit: ROWS_MAX })
    }
}

/// A duration as people type it: `100`, `100 ms`, `1.5s`, `250 µs`, `2min`; without a unit it is ms. `None` = none, or not understood.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..split].parse().ok()?;
    let unit_ns = match text[split..].trim() {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "" | "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 6e10,
        "h" => 3.6e12,
        _ => return None,
    };
    Some((number * unit_ns) as i64)
}

/// Where a pasted id leads: a trace header or trace id to its trace, a UUID or a header of ours to its conversation. Words and
/// short numbers lead nowhere: they are parts of names.
pub(crate) fn parse_id(text: &str) -> Option<Target> {
    let text = text.trim().trim_matches(['"', '\'']);
    let text = text.strip_prefix("traceparent:").map_or(text, str::trim);
    let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let trace = |hex: &str| u128::from_str_radix(hex, 16).ok().filter(|id| *id != 0).map(TraceId);
    let span = |hex: &str| u64::from_str_radix(hex, 16).ok().filter(|id| *id != 0).map(SpanId);
    let parts: Vec<&str> = text.split('-').collect();
    if let [_, trace_id, span_id, _] = parts.as_slice()
        && trace_id.len() == 32
        && span_id.len() == 16
        && is_hex(trace_id)
        && is_hex(span_id)
    {
        return Some(Target::Trace { trace_id: trace(trace_id)?, span_id: span(span_id) });
    }
    // B3 in one header: trace, span, and maybe more.
    if let [trace_id, span_id, ..] = parts.as_slice()
        && matches!(trace_id.len(), 16 | 32)
        && span_id.len() == 16
        && is_hex(trace_id)
        && is_hex(span_id)
    {
        return Some(Target::Trace { trace_id: trace(trace_id)?, span_id: span(span_id) });
    }
    let is_uuid = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| is_hex(part));
    if is_uuid {
        return CorrelationId::parse(text.as_bytes()).map(Target::Conversation);
    }
    if matches!(text.len(), 16 | 32) && is_hex(text) {
        return Some(Target::Trace { trace_id: trace(text)?, span_id: None });
    }
    // Datadog's ids: 64 bits in decimal.
    if (17..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let id = text.parse::<u64>().ok()?;
        return Some(Target::Trace { trace_id: TraceId(u128::from(id)), span_id: None });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_type_them() {
        for (text, ns) in [
            ("100", Some(100_000_000)),
            (" 1.5 s ", Some(1_500_000_000)),
            ("250µs", Some(250_000)),
            ("2 min", Some(120_000_000_000)),
            ("", None),
            ("fast", None),
            ("1e5 ms", None),
            ("1.2.3", None),
        ] {
            assert_eq!(parse_duration(text), ns, "{text}");
        }
    }

    #[test]
    fn a_pasted_id_leads_to_what_it_names() {
        let trace = |id: u128, span: Option<u64>| Some(Target::Trace { trace_id: TraceId(id), span_id: span.map(SpanId) });
        for (text, target) in [
            ("4bf92f3577b34da6a3ce929d0e0e4736", trace(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, None)),
            (
                "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                trace(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, Some(0x00f0_67aa_0ba9_02b7)),
            ),
            ("a3ce929d0e0e4736-00f067aa0ba902b7-1", trace(0xa3ce_929d_0e0e_4736, Some(0x00f0_67aa_0ba9_02b7))),
            (" \"a3ce929d0e0e4736\" ", trace(0xa3ce_929d_0e0e_4736, None)),
            ("11803532876627986230", trace(11_803_532_876_627_986_230, None)),
            ("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", Some(Target::Conversation(CorrelationId::Wide(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)))),
            ("POST /checkout", None),
            ("4711", None),
            ("00000000000000000000000000000000", None),
            ("99999999999999999999", None),
            ("process", None),
        ] {
            assert_eq!(parse_id(text), target, "{text}");
        }
    }

    #[test]
    fn a_filter_from_elsewhere_asks_the_same() {
        let filter = TraceFilter {
            service: Some("orders".to_owned()),
            instance: Some("orders-1".to_owned()),
            min_duration_ns: Some(250_000_000),
            failed_only: true,
            through: Some(("orders".to_owned(), "payments".to_owned())),
            ..TraceFilter::default()
        };
        let state = FilterState::from_filter(&filter, TraceOrder::Slowest);
        assert!(!state.is_open() && FilterState::default().is_open());
        assert_eq!(state.query(None), Query::Scan(ScanQuery::Traces { filter, order: TraceOrder::Slowest, limit: ROWS_MAX }));
    }
}
