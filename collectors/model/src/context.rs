//! Trace context as headers carry it: W3C, B3, Jaeger, Datadog; and the mark of Switchboard's own requests.

use serde::{Deserialize, Serialize};

use crate::{SpanId, TraceId, hex};

/// A trace and a span in it, as a header named them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpanContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span that sent; [`SpanId::NONE`] where the header does not say.
    pub span_id: SpanId,
}

/// The first 8 bytes of the trace id of every request that a Switchboard makes by itself ("SWITCHBD"), so that any
/// Switchboard recognises and folds polls and probes in what services trace.
pub const OWN_TRACE_PREFIX: u64 = u64::from_be_bytes(*b"SWITCHBD");

/// User agent, and prefix of client ids and group ids, of everything Switchboard does by itself.
pub const OWN_USER_AGENT: &str = "switchboard";

/// User agent of a request or call that somebody sends by hand. It is none of Switchboard's own, which are folded: what it causes is looked for.
pub const SENT_USER_AGENT: &str = "switchboard-send";

/// Whether a trace was begun by a poll or probe of a Switchboard.
pub fn is_own_trace(trace_id: TraceId) -> bool {
    (trace_id.0 >> 64) as u64 == OWN_TRACE_PREFIX
}

/// A `traceparent` for a poll or probe: own prefix, the given number (not zero) as the rest, not sampled.
pub fn own_traceparent(number: u64) -> String {
    let number = number.max(1);
    format!("00-{OWN_TRACE_PREFIX:016x}{number:016x}-{number:016x}-00")
}

/// Reads W3C `traceparent`. Unknown versions are read by the first four fields; all-zero ids, version `ff` and upper
/// case are invalid, as the recommendation says.
pub fn parse_traceparent(text: &str) -> Option<SpanContext> {
    // What has the length of version 00 already is either that or invalid, so it needs no trimming.
    let bytes = if text.len() == 55 { text } else { text.trim() }.as_bytes();
    if bytes.len() < 55 || (bytes.len() > 55 && (&bytes[..2] == b"00" || bytes[55] != b'-')) {
        return None;
    }
    if bytes[2] != b'-' || bytes[35] != b'-' || bytes[52] != b'-' || &bytes[..2] == b"ff" {
        return None;
    }
    let lower = |from: usize, to: usize| hex::number(&bytes[from..to], hex::Case::Lower);
    lower(0, 2)?;
    lower(53, 55)?;
    let trace_id = u128::from(lower(3, 19)?) << 64 | u128::from(lower(19, 35)?);
    let span_id = lower(36, 52)?;
    (trace_id != 0).then_some(SpanContext { trace_id: TraceId(trace_id), span_id: SpanId(span_id) })
}

/// Reads B3's single header `{trace}-{span}[-{sampled}[-{parent}]]`; a bare `0`, `1` or `d` holds no context.
pub fn parse_b3_single(text: &str) -> Option<SpanContext> {
    let mut parts = text.trim().split('-');
    context(parts.next()?, parts.next()?)
}

/// Reads Jaeger's `uber-trace-id` `{trace}:{span}:{parent}:{flags}`; leading zeros may be missing.
pub fn parse_uber_trace_id(text: &str) -> Option<SpanContext> {
    let decoded = text.trim().replace("%3A", ":").replace("%3a", ":");
    let mut parts = decoded.split(':');
    context(parts.next()?, parts.next()?)
}

/// Reads Datadog's pair of decimal ids; the trace id is the low 64 bits of a 128-bit one.
pub fn parse_datadog(trace_id: &str, parent_id: Option<&str>) -> Option<SpanContext> {
    let trace_id: u64 = trace_id.trim().parse().ok()?;
    let span_id = parent_id.and_then(|id| id.trim().parse().ok()).unwrap_or(0);
    (trace_id != 0).then_some(SpanContext { trace_id: TraceId(u128::from(trace_id)), span_id: SpanId(span_id) })
}

/// Reads a trace id of up to 32 and a span id of up to 16 hex digits (B3's two headers); all-zero is none.
pub fn parse_hex_id(trace_id: &str, span_id: Option<&str>) -> Option<SpanContext> {
    context(trace_id.trim(), span_id.unwrap_or("0").trim())
}

fn context(trace_id: &str, span_id: &str) -> Option<SpanContext> {
    if !(1..=32).contains(&trace_id.len()) || !(1..=16).contains(&span_id.len()) {
        return None;
    }
    let any = |digits: &[u8]| hex::number(digits, hex::Case::Any);
    let (high, low) = trace_id.as_bytes().split_at(trace_id.len().saturating_sub(16));
    let trace_id = u128::from(any(high)?) << 64 | u128::from(any(low)?);
    let span_id = any(span_id.as_bytes())?;
    (trace_id != 0).then_some(SpanContext { trace_id: TraceId(trace_id), span_id: SpanId(span_id) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_by_the_letter() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = parse_traceparent(good).expect("valid");
        assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id.to_string(), "00f067aa0ba902b7");
        assert!(parse_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later").is_some());
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-1",
        ] {
            assert_eq!(parse_traceparent(bad), None, "{bad}");
        }
    }

    #[test]
    fn other_dialects() {
        let short = SpanContext { trace_id: TraceId(0xa3ce_929d_0e0e_4736), span_id: SpanId(0xf0_67aa_0ba9_02b7) };
        assert_eq!(parse_b3_single("a3ce929d0e0e4736-00f067aa0ba902b7-1"), Some(short));
        assert_eq!(parse_b3_single("0"), None);
        assert_eq!(parse_uber_trace_id("a3ce929d0e0e4736:f067aa0ba902b7:0:1"), Some(short));
        assert_eq!(parse_datadog(&0xa3ce_929d_0e0e_4736_u64.to_string(), Some(&0xf0_67aa_0ba9_02b7_u64.to_string())), Some(short));
        assert_eq!(parse_hex_id("a3ce929d0e0e4736", Some("00f067aa0ba902b7")), Some(short));
    }

    /// Read digit by digit by the standard library.
    fn plain_traceparent(text: &str) -> Option<SpanContext> {
        let bytes = text.trim().as_bytes();
        let is_lower_hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if bytes.len() < 55 || (bytes.len() > 55 && (&bytes[..2] == b"00" || bytes[55] != b'-')) || &bytes[..2] == b"ff" {
            return None;
        }
        let is_well_formed = [2, 35, 52].iter().all(|at| bytes[*at] == b'-')
            && is_lower_hex(&bytes[..2])
            && is_lower_hex(&bytes[3..35])
            && is_lower_hex(&bytes[36..52])
            && is_lower_hex(&bytes[53..55]);
        if !is_well_formed {
            return None;
        }
        let part = |from: usize, to: usize| std::str::from_utf8(&bytes[from..to]).ok();
        let trace_id = u128::from_str_radix(part(3, 35)?, 16).ok()?;
        let span_id = u64::from_str_radix(part(36, 52)?, 16).ok()?;
        (trace_id != 0).then_some(SpanContext { trace_id: TraceId(trace_id), span_id: SpanId(span_id) })
    }

    proptest::proptest! {
        #[test]
        fn a_traceparent_reads_as_its_digits_say(good in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", before in "[ \t]{0,2}", after in "(-x|x| )?", spoil in proptest::option::of((0_usize..55, "[0A-Gé -]"))) {
            let mut text = good;
            if let Some((at, with)) = spoil {
                text.replace_range(at..=at, &with);
            }
            let text = before + &text + &after;
            proptest::prop_assert_eq!(parse_traceparent(&text), plain_traceparent(&text), "{}", text);
        }

        #[test]
        fn ids_of_any_length_read_as_their_digits_say(trace_id in "[0-9a-fA-Fg+]{0,34}", span_id in "[0-9a-fA-F+]{0,18}") {
            let is_hex = |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
            let expected = (is_hex(&trace_id, 32) && is_hex(&span_id, 16))
                .then(|| (u128::from_str_radix(&trace_id, 16).expect("hex"), u64::from_str_radix(&span_id, 16).expect("hex")))
                .filter(|(trace_id, _)| *trace_id != 0)
                .map(|(trace_id, span_id)| SpanContext { trace_id: TraceId(trace_id), span_id: SpanId(span_id) });
            proptest::prop_assert_eq!(parse_hex_id(&trace_id, Some(&span_id)), expected);
        }
    }

    #[test]
    fn own_requests_are_recognised() {
        let context = parse_traceparent(&own_traceparent(7)).expect("valid");
        assert!(is_own_trace(context.trace_id));
    }
}
