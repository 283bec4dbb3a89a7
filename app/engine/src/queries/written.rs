//! As what the bytes of a record are shown.

use crate::store::is_text;

/// As what bytes are shown.
#[derive(Debug, PartialEq)]
pub(crate) enum Written {
    /// Text.
    Text,
    /// A number or a UUID, written out.
    As(String),
    /// Digits.
    Hex,
}

impl Written {
    /// Four and eight bytes that are no text are numbers, as Kafka's own serialisers write them, and sixteen are a UUID.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if is_text(bytes) {
            return Self::Text;
        }
        if let Ok(bytes) = <[u8; 8]>::try_from(bytes) {
            return Self::As(i64::from_be_bytes(bytes).to_string());
        }
        if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
            return Self::As(i32::from_be_bytes(bytes).to_string());
        }
        if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
            let hex = format!("{:032x}", u128::from_be_bytes(bytes));
            return Self::As(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]));
        }
        Self::Hex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_a_number_a_uuid_or_digits() {
        let written = |text: &str| Written::As(text.to_owned());
        for (bytes, expected) in [
            (b"orders.placed".as_slice(), Written::Text),
            ("Zürich\n".as_bytes(), Written::Text),
            (b"1234", Written::Text),
            (b"", Written::Text),
            (b"a\x7fbc", written("1635738211")),
            ("a\u{85}b".as_bytes(), written("1640138082")),
            (b"a\0b", Written::Hex),
            (&[0, 0, 0, 0, 0, 0, 0x1c, 0xad], written("7341")),
            (&[0xff; 8], written("-1")),
            (&[0, 0, 0x1c, 0xad], written("7341")),
            (&[0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0, 0xa7, 0x65, 0, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6], written("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")),
            (&[0, 1, 0xff], Written::Hex),
        ] {
            assert_eq!(Written::of(bytes), expected, "{bytes:?}");
        }
    }
}
