//! Correlation ids: one value, many spellings.

use serde::{Deserialize, Serialize};

use crate::hex;

/// A correlation id, normalised so that equal ids are equal values: 16 raw bytes, UUID text and 32 hex digits
/// are one; a decimal number is its 64 bits (Datadog); all else is its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CorrelationId {
    /// 128 bits, however they were written.
    Wide(u128),
    /// A decimal number of at most 64 bits. Matches the low 64 bits of a wide id.
    Number(u64),
    /// Any other text (or bytes, as hex).
    Text(String),
}

impl CorrelationId {
    /// Reads an id from the bytes of a header or attribute; `None` for an empty one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Some(Self::from_raw(bytes));
        };
        let text = text.trim();
        if bytes.len() == 16 && text.bytes().any(|byte| byte.is_ascii_control()) {
            return Some(Self::from_raw(bytes));
        }
        if text.is_empty() {
            return None;
        }
        if let Some(wide) = wide(text.as_bytes()) {
            return Some(Self::Wide(wide));
        }
        let is_decimal = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
        if let Some(number) = is_decimal.then(|| text.parse().ok()).flatten() {
            return Some(Self::Number(number));
        }
        Some(Self::Text(text.to_owned()))
    }

    fn from_raw(bytes: &[u8]) -> Self {
        match <[u8; 16]>::try_from(bytes) {
            Ok(raw) => Self::Wide(u128::from_be_bytes(raw)),
            Err(_) => Self::Text(bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))),
        }
    }

    /// Whether both may be the same id: equal, or a 64-bit number against the low half of a wide id.
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Wide(wide), Self::Number(number)) | (Self::Number(number), Self::Wide(wide)) => *wide as u64 == *number,
            _ => self == other,
        }
    }
}

impl std::fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wide(id) => write!(f, "{id:032x}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// 32 hex digits, plain or as a UUID.
fn wide(text: &[u8]) -> Option<u128> {
    let mut digits = [0; 32];
    let digits: &[u8] = match text.len() {
        32 => text,
        36 => {
            let mut filled = 0;
            for (part, len) in text.split(|byte| *byte == b'-').zip([8, 4, 4, 4, 12]) {
                if part.len() != len {
                    return None;
                }
                digits[filled..filled + len].copy_from_slice(part);
                filled += len;
            }
            &digits
        }
        _ => return None,
    };
    let (high, low) = digits.split_at(16);
    Some(u128::from(hex::number(high, hex::Case::Any)?) << 64 | u128::from(hex::number(low, hex::Case::Any)?))
}

/// Whether a header or attribute of this name carries a correlation id: case is ignored, `-`, `_` and `.` are one.
pub fn is_correlation_name(name: &str) -> bool {
    /// Folded names met in the wild: Spring, `NServiceBus`, `MassTransit`, Eventuate, Debezium, `CloudEvents`, Zilla.
    const NAMES: &[&str] = &[
        "ceid",
        "cecorrelationid",
        "causationid",
        "commandreplytomessageid",
        "commandsagaid",
        "conversationid",
        "correlationid",
        "idempotencykey",
        "initiatorid",
        "kafkacorrelationid",
        "messageid",
        "messagingmessageconversationid",
        "messagingconversationid",
        "messagingmessageid",
        "mtoriginalmessageid",
        "nservicebusconversationid",
        "nservicebuscorrelationid",
        "nservicebusmessageid",
        "nservicebusrelatedto",
        "orderid",
        "replytomessageid",
        "requestid",
        "xconversationid",
        "xcorrelationid",
        "xrequestid",
        "xswitchboardreplayid",
        "xtraceid",
        "zillacorrelationid",
    ];
    if name.len() > 48 {
        return false;
    }
    let mut folded = [0_u8; 48];
    let mut len = 0;
    for byte in name.bytes() {
        if !matches!(byte, b'-' | b'_' | b'.' | b':') {
            folded[len] = byte.to_ascii_lowercase();
            len += 1;
        }
    }
    std::str::from_utf8(&folded[..len]).is_ok_and(|folded| NAMES.binary_search(&folded).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_in_all_its_spellings() {
        let raw = 0x0123_4567_89ab_cdef_0011_2233_4455_6677_u128;
        let wide = Some(CorrelationId::Wide(raw));
        assert_eq!(CorrelationId::parse(&raw.to_be_bytes()), wide);
        assert_eq!(CorrelationId::parse(b"01234567-89ab-cdef-0011-223344556677"), wide);
        assert_eq!(CorrelationId::parse(b"0123456789ABCDEF0011223344556677"), wide);
        let decimal = CorrelationId::parse((raw as u64).to_string().as_bytes()).expect("an id");
        assert!(decimal.matches(&CorrelationId::Wide(raw)));
        assert_eq!(CorrelationId::parse(b"0042"), Some(CorrelationId::Text("0042".to_owned())));
        assert_eq!(CorrelationId::parse(b""), None);
        assert_eq!(CorrelationId::parse(b"order-4711"), Some(CorrelationId::Text("order-4711".to_owned())));
        assert_eq!(CorrelationId::parse(b"abcdefghijklmnop"), Some(CorrelationId::Text("abcdefghijklmnop".to_owned())));
    }

    proptest::proptest! {
        #[test]
        fn wide_is_32_digits_or_a_uuid(text in "([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[0-9a-f-]{32}|[0-9a-fg-]{36}|[0-9a-f]{30}é|[0-9a-f]{28,40})") {
            let digits: String = text.chars().filter(|c| *c != '-').collect();
            let is_uuid = text.len() == 36 && [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-');
            let is_wide = digits.len() == 32 && (is_uuid || text.len() == 32) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let expected = is_wide.then(|| u128::from_str_radix(&digits, 16).expect("hex"));
            proptest::prop_assert_eq!(wide(text.as_bytes()), expected, "{}", text);
        }
    }

    #[test]
    fn names_are_folded() {
        for name in ["X-Correlation-ID", "kafka_correlationId", "correlation_id", "CORRELATION-ID", "order.id", "NServiceBus.ConversationId"] {
            assert!(is_correlation_name(name), "{name}");
        }
        for name in ["correlation", "trace", "http.request.method", "x-correlation-id-but-much-longer-than-any-name-in-the-table"] {
            assert!(!is_correlation_name(name), "{name}");
        }
    }
}
