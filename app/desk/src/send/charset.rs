//! Bodies that are no UTF-8, as their type says that they are to be read.

use std::borrow::Cow;

/// What stands in Windows-1252 from 0x80 to 0x9f, where ISO-8859-1 has control characters that nobody means (WHATWG Encoding, 9.1); `\0` = the same number.
const FROM_0X80: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', //
    '\0', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Names of the encodings of one byte a character that are read here, and how each is told. All are read as Windows-1252, as browsers do.
const NAMES: [(&str, &str); 9] = [
    ("iso-8859-1", "ISO-8859-1"),
    ("iso8859-1", "ISO-8859-1"),
    ("iso_8859-1", "ISO-8859-1"),
    ("latin1", "ISO-8859-1"),
    ("latin-1", "ISO-8859-1"),
    ("l1", "ISO-8859-1"),
    ("windows-1252", "Windows-1252"),
    ("cp1252", "Windows-1252"),
    ("us-ascii", "ISO-8859-1"),
];

/// A body as text, and by which encoding, where it is none of UTF-8; `None` = it is no text, as far as its type says. What is UTF-8 is read so, whatever its
/// type says: in another encoding it would hardly be.
pub(super) fn text_of<'a>(body: &'a [u8], content_type: Option<&str>) -> Option<(Cow<'a, str>, Option<&'static str>)> {
    if let Ok(text) = std::str::from_utf8(body) {
        return Some((Cow::Borrowed(text), None));
    }
    let told = encoding(content_type?)?;
    let character = |byte: &u8| match byte {
        0x80..=0x9f => Some(FROM_0X80[usize::from(byte - 0x80)]).filter(|c| *c != '\0').unwrap_or(char::from(*byte)),
        _ => char::from(*byte),
    };
    Some((Cow::Owned(body.iter().map(character).collect()), Some(told)))
}

/// The encoding that a type names, where it is one that is read here.
pub(super) fn encoding(content_type: &str) -> Option<&'static str> {
    let mut parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, charset) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    let charset = charset.trim().trim_matches(['"', '\'']);
    NAMES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(charset)).map(|(_, told)| told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf_8_is_read_as_its_type_says() {
        let read = |body: &[u8], content_type: &str| text_of(body, Some(content_type)).map(|(text, charset)| (text.into_owned(), charset));
        let latin = b"Stra\xdfe 1\x80";
        for content_type in ["text/plain;charset=iso-8859-1", "text/html; charset=\"Latin1\"", "application/json; version=1; CHARSET=ISO-8859-1"] {
            assert_eq!(read(latin, content_type), Some(("Straße 1€".to_owned(), Some("ISO-8859-1"))), "{content_type}");
        }
        assert_eq!(read(b"\x93a\x94 \x81", "text/plain; charset=windows-1252"), Some(("“a” \u{81}".to_owned(), Some("Windows-1252"))));
        // What is UTF-8 is that, and what nobody here can read stays bytes.
        assert_eq!(read("Straße".as_bytes(), "text/plain; charset=iso-8859-1"), Some(("Straße".to_owned(), None)));
        for content_type in ["text/plain", "text/plain; charset=utf-8", "text/plain; charset=shift_jis", "charset=iso-8859-1"] {
            assert_eq!(read(latin, content_type), None, "{content_type}");
        }
        assert_eq!(text_of(latin, None), None);
    }
}
