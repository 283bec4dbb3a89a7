//! Keys in one line, and header values: as text, as the number they are, or as hex.

use switchboard_model::{FailureField, HeaderDecoder, failure_header};

use super::framing::uuid;
use crate::{figures::instant, sanitise::visible};

/// More bytes than this are not written out as hex.
const HEX_BYTES_MAX: usize = 96;

/// Bytes in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BytesView {
    /// What they say.
    pub text: String,
    /// How they were read: empty for text, else `8 bytes, big-endian`, `hex` …
    pub how: &'static str,
}

/// Reads bytes as senders mean them: text where they are text, a big-endian number where they are 4 or 8 bytes that are none
/// (Spring's offsets and partitions), a UUID where they are 16, else hex. `None` is null, which is not empty.
pub(crate) fn bytes_in_line(bytes: Option<&[u8]>) -> BytesView {
    bytes_as(bytes, |text| visible(text).into_owned())
}

/// The same, with `shown` for what is text.
fn bytes_as(bytes: Option<&[u8]>, shown: impl Fn(&str) -> String) -> BytesView {
    let view = |text: String, how: &'static str| BytesView { text, how };
    let Some(bytes) = bytes else { return view("null".to_owned(), "no value") };
    if bytes.is_empty() {
        return view(String::new(), "empty");
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return view(shown(text), "");
    }
    if let Ok(bytes) = <[u8; 8]>::try_from(bytes) {
        return view(i64::from_be_bytes(bytes).to_string(), "8 bytes, big-endian");
    }
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return view(i32::from_be_bytes(bytes).to_string(), "4 bytes, big-endian");
    }
    if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
        return view(uuid(u128::from_be_bytes(bytes)), "16 bytes");
    }
    let mut text = hex(&bytes[..bytes.len().min(HEX_BYTES_MAX)]);
    if bytes.len() > HEX_BYTES_MAX {
        text.push('…');
    }
    view(text, "hex")
}

/// Reads a header's value: as the frameworks write it that give records up, where the name is one of theirs, else as any bytes. Text is as it was
/// sent, also over several lines: whoever shows it makes it safe.
pub(crate) fn header_value(name: &str, bytes: Option<&[u8]>) -> BytesView {
    let told = failure_header(name).and_then(|(field, decoder)| Some((field, decoder.of(bytes?), decoder.number(bytes?)?)));
    let Some((field, decoder, number)) = told else { return bytes_as(bytes, str::to_owned) };
    let is_time = matches!(field, FailureField::TimestampMs | FailureField::FirstTryMs | FailureField::DueMs);
    let text = match number.checked_mul(1_000_000).filter(|_| is_time) {
        Some(ns) => instant(ns),
        None => number.to_string(),
    };
    let how = match decoder {
        HeaderDecoder::Count if bytes.is_some_and(|bytes| bytes.len() == 1) => "1 byte",
        HeaderDecoder::Be32 | HeaderDecoder::Count => "4 bytes, big-endian",
        HeaderDecoder::Be64 if is_time => "8 bytes, big-endian, ms",
        HeaderDecoder::Be64 => "8 bytes, big-endian",
        HeaderDecoder::BigInteger => "Java's BigInteger, ms",
        HeaderDecoder::AsciiDecimal if is_time => "digits, ms",
        HeaderDecoder::AsciiDecimal | HeaderDecoder::Text => "",
    };
    BytesView { text, how }
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_frameworks_are_read_as_they_were_written() {
        for (name, bytes, text, how) in [
            ("retry_topic-original-timestamp", &[0x01, 0xa2, 0x1f, 0x1f, 0x58, 0x00][..], "2026-11-27T22:27:57.568000Z", "Java's BigInteger, ms"),
            ("retry_topic-attempts", &[4], "4", "1 byte"),
            ("retry_topic-attempts", &[0, 0, 0, 4], "4", "4 bytes, big-endian"),
            ("kafka_dlt-original-offset", &[0, 0, 0, 0, 0, 0, 0x47, 0x1c], "18204", "8 bytes, big-endian"),
            ("kafka_dlt-original-timestamp", &[0, 0, 0x01, 0xa2, 0x1f, 0x1f, 0x58, 0x00], "2026-11-27T22:27:57.568000Z", "8 bytes, big-endian, ms"),
            ("delayed-retry-original-timestamp", b"1795818477568", "2026-11-27T22:27:57.568000Z", "digits, ms"),
            ("dead-letter-offset", b"77", "77", ""),
            ("x-original-partition", b"1", "1", ""),
            ("x-original-offset", b"20480000", "20480000", ""),
            ("x-original-timestamp", b"1795818477568", "2026-11-27T22:27:57.568000Z", "digits, ms"),
            // What cannot be what the framework writes is shown as any bytes.
            ("retry_topic-original-timestamp", b"yesterday", "yesterday", ""),
            ("kafka_dlt-original-topic", b"orders", "orders", ""),
            ("any", &[0, 1, 2], "000102", "hex"),
        ] {
            assert_eq!(header_value(name, Some(bytes)), BytesView { text: text.to_owned(), how }, "{name}");
        }
        assert_eq!(header_value("retry_topic-attempts", None).text, "null");
    }

    #[test]
    fn bytes_are_text_a_number_or_hex() {
        for (bytes, text, how) in [
            (Some(b"orders.placed".as_slice()), "orders.placed", ""),
            (Some("Zürich".as_bytes()), "Zürich", ""),
            (Some(&[0, 0, 0, 0, 0, 0, 0x47, 0x1c]), "18204", "8 bytes, big-endian"),
            (Some(&[0xff; 8]), "-1", "8 bytes, big-endian"),
            (Some(&[0, 0, 0, 2]), "2", "4 bytes, big-endian"),
            (Some(b"1234"), "1234", ""),
            (
                Some(&[0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36]),
                "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
                "16 bytes",
            ),
            (Some(&[0, 1, 2]), "000102", "hex"),
            (Some(&[]), "", "empty"),
            (None, "null", "no value"),
        ] {
            assert_eq!(bytes_in_line(bytes), BytesView { text: text.to_owned(), how }, "{bytes:?}");
        }
        assert_eq!(bytes_in_line(Some("a\u{202e}b".as_bytes())).text, "a\\u{202e}b");
        assert_eq!(bytes_in_line(Some(&[1; 1_000])).text.chars().count(), 2 * 96 + 1);
    }
}
