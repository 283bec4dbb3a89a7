//! What a text that is looked for may mean: itself, a number, a trace, a span, an id.

use switchboard_model::{CorrelationId, SpanId, TraceId, WrittenPlace};

use super::super::written::Written;
use super::words;
use crate::store::{Needle, StoredValue, TextSearch};

/// Characters of an excerpt on either side of what was found.
const AROUND_BYTES: usize = 48;
/// Decimal numbers from here on may be trace ids: Datadog writes them so.
const LEAST_DECIMAL_TRACE: u64 = 1 << 32;
/// A text is cut here, in bytes, which is told.
const MAX_TEXT_BYTES: usize = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Sought {
    /// Spellings of the text; none if there is nothing to look for.
    pub(crate) needles: Vec<Needle>,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) correlation: Option<CorrelationId>,
    pub(crate) integer: Option<i64>,
    pub(crate) double: Option<f64>,
    /// A place on a channel.
    pub(crate) place: Option<WrittenPlace>,
    /// Whether only the beginning of the text is looked for.
    pub(crate) is_cut: bool,
}

impl Sought {
    /// Reads a text.
    pub(crate) fn new(text: &str) -> Self {
        let text = text.trim();
        let beginning = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
        Self { is_cut: beginning.len() < text.len(), place: WrittenPlace::parse(text), ..Self::of(beginning) }
    }

    /// What of a text is not looked for, in words.
    pub(crate) fn cut_off(&self) -> Option<String> {
        self.is_cut.then(|| format!("the end of the text: its first {} bytes are looked for", words::number(MAX_TEXT_BYTES as u64)))
    }

    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        if let Some((trace_id, span_id)) = traceparent(text) {
            let needles = vec![Needle::new(&trace_id.to_string())];
            return Self { needles, trace_id: Some(trace_id), span_id: Some(span_id), ..Self::default() };
        }
        let correlation = CorrelationId::parse(text.as_bytes());
        if let Some(CorrelationId::Wide(wide)) = correlation {
            let hex = format!("{wide:032x}");
            let uuid = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
            let needles = vec![Needle::new(&hex), Needle::new(&uuid)];
            return Self { needles, trace_id: (wide != 0).then_some(TraceId(wide)), correlation, ..Self::default() };
        }
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let word = is_hex.then(|| u64::from_str_radix(text, 16).ok()).flatten().filter(|word| *word != 0);
        let decimal = match correlation {
            Some(CorrelationId::Number(number)) => Some(number).filter(|number| *number >= LEAST_DECIMAL_TRACE),
            _ => None,
        };
        Self {
            needles: vec![Needle::new(text)],
            trace_id: word.or(decimal).map(|low| TraceId(low.into())),
            span_id: word.map(SpanId),
            correlation,
            integer: text.parse().ok(),
            double: text.parse().ok().filter(|_| text.bytes().any(|byte| byte.is_ascii_digit())),
            ..Self::default()
        }
    }

    /// The search for rows that may contain it.
    pub(crate) fn search(&self) -> TextSearch<'_> {
        TextSearch::new(&self.needles, self.integer, self.double, self.span_id).with_bytes(self.in_bytes())
    }

    /// What stands around the text, where bytes contain it.
    pub(crate) fn excerpt(&self, bytes: &[u8]) -> Option<String> {
        self.needles.iter().find_map(|needle| needle.find(bytes)).map(|(start, end)| around(bytes, start, end))
    }

    /// The number or the UUID as Kafka's own serialisers write it.
    fn in_bytes(&self) -> Vec<Vec<u8>> {
        let mut patterns = Vec::new();
        if let Some(number) = self.integer {
            patterns.push(number.to_be_bytes().to_vec());
            patterns.extend(i32::try_from(number).ok().map(|number| number.to_be_bytes().to_vec()));
        }
        if let Some(CorrelationId::Wide(wide)) = self.correlation {
            patterns.push(wide.to_be_bytes().to_vec());
        }
        patterns
    }

    /// What stands around the text where a part of a record contains it, or the number or UUID that its bytes are.
    pub(crate) fn excerpt_of_bytes(&self, bytes: &[u8]) -> Option<String> {
        self.excerpt(bytes).or_else(|| match Written::of(bytes) {
            Written::As(written) if self.in_bytes().iter().any(|pattern| pattern == bytes) => Some(written),
            Written::As(_) | Written::Text | Written::Hex => None,
        })
    }

    /// What stands around the text where a value contains it, or the number that it is.
    pub(crate) fn excerpt_of(&self, value: StoredValue<'_>) -> Option<String> {
        match value {
            StoredValue::Str(bytes) | StoredValue::List(bytes) | StoredValue::Bytes(bytes) => self.excerpt(bytes),
            StoredValue::I64(number) => (self.integer == Some(number)).then(|| number.to_string()),
            StoredValue::F64(number) => self.double.filter(|double| double.to_bits() == number.to_bits()).map(|double| double.to_string()),
            StoredValue::Bool(_) => None,
        }
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>` of W3C Trace Context.
fn traceparent(text: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, len: usize| part.len() == len && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if parts.next().is_some() || !(is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2)) {
        return None;
    }
    let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
    let span_id = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
    Some((TraceId(trace_id), SpanId(span_id)))
}

/// A text with what stands around it, cut between characters; what is not text reads as replacement characters.
fn around(bytes: &[u8], start: usize, end: usize) -> String {
    let is_inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let mut from = start.saturating_sub(AROUND_BYTES);
    let mut to = (end + AROUND_BYTES).min(bytes.len());
    while from < start && is_inside(from) {
        from += 1;
    }
    while to > end && is_inside(to) {
        to -= 1;
    }
    let cut = |is_cut: bool| if is_cut { "…" } else { "" };
    format!("{}{}{}", cut(from > 0), String::from_utf8_lossy(&bytes[from..to]), cut(to < bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_in_their_spellings() {
        let trace = TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        let parent = Sought::new(" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ");
        assert_eq!((parent.trace_id, parent.span_id), (Some(trace), Some(SpanId(0x00f0_67aa_0ba9_02b7))));
        for text in ["4bf92f3577b34da6a3ce929d0e0e4736", "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"] {
            let sought = Sought::new(text);
            assert_eq!((sought.trace_id, &sought.correlation), (Some(trace), &Some(CorrelationId::Wide(trace.0))));
            for spelling in ["4bf92f3577b34da6a3ce929d0e0e4736", "4BF92F35-77b3-4da6-a3ce-929d0e0e4736"] {
                assert_eq!(sought.excerpt(spelling.as_bytes()).as_deref(), Some(spelling));
            }
        }
        let low = Sought::new("a3ce929d0e0e4736");
        assert_eq!((low.trace_id, low.span_id), (Some(TraceId(0xa3ce_929d_0e0e_4736)), Some(SpanId(0xa3ce_929d_0e0e_4736))));
        let number = Sought::new("4711");
        assert_eq!((number.trace_id, number.integer, number.double), (None, Some(4711), Some(4711.0)));
        assert_eq!(Sought::new("11803532876627986230").trace_id, Some(TraceId(11_803_532_876_627_986_230)));
        let text = Sought::new("inf");
        assert_eq!((text.integer, text.double, text.needles.len()), (None, None, 1));
        assert!(Sought::new(" \n").needles.is_empty());
    }

    #[test]
    fn an_excerpt_is_cut_between_characters() {
        let text = format!("{}ORDER{}", "ä".repeat(100), "ö".repeat(100));
        let excerpt = Sought::new("order").excerpt(text.as_bytes());
        assert_eq!(excerpt, Some(format!("…{}ORDER{}…", "ä".repeat(24), "ö".repeat(24))));
        assert_eq!(Sought::new("b").excerpt(b"a\xffb"), Some("a\u{fffd}b".to_owned()));
        assert_eq!(Sought::new("b").excerpt(b"ac"), None);
    }
}
