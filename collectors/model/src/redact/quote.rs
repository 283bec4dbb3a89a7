//! Quotes as they stand in texts that are quoted themselves: behind backslashes, or written as an escape.

/// A quote, with how deep the text around it is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// `"`, `'` or a backtick, behind so many backslashes.
    Mark(u8, usize),
    /// `\u0022`.
    Unicode,
    /// `&quot;`.
    Entity,
    /// `%22`.
    Percent,
}

/// Most backslashes before a quote: six levels.
const MOST_BACKSLASHES: usize = 64;

/// How many backslashes stand right before a place.
pub(super) fn backslashes_before(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rev().take(MOST_BACKSLASHES).take_while(|byte| **byte == b'\\').count()
}

/// Past the backslashes that stand from there on.
pub(super) fn behind_backslashes(bytes: &[u8], from: usize) -> usize {
    super::bytes::run_end(bytes, from, MOST_BACKSLASHES, |byte| byte == b'\\')
}

impl Quote {
    const UNICODE: &[u8] = b"u0022";
    const ENTITY: &[u8] = b"&quot;";
    const PERCENT: &[u8] = b"%22";

    /// The quote that begins there, and what follows it.
    pub(super) fn begins(bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        let num = bytes[at..].iter().take(MOST_BACKSLASHES).take_while(|byte| **byte == b'\\').count();
        let rest = &bytes[at + num..];
        match rest.first() {
            Some(mark @ (b'"' | b'\'' | b'`')) => Some((Self::Mark(*mark, num), at + num + 1)),
            Some(b'u') if num > 0 && rest.starts_with(Self::UNICODE) => Some((Self::Unicode, at + num + Self::UNICODE.len())),
            Some(b'&') if rest.starts_with(Self::ENTITY) => Some((Self::Entity, at + num + Self::ENTITY.len())),
            Some(b'%') if rest.starts_with(Self::PERCENT) => Some((Self::Percent, at + num + Self::PERCENT.len())),
            _ => None,
        }
    }

    /// Where the text ends that a closing quote written as an escape follows.
    pub(super) fn ends_before(bytes: &[u8], end: usize) -> Option<usize> {
        let before = &bytes[..end];
        if before.ends_with(Self::UNICODE) {
            let at = end - Self::UNICODE.len();
            let num = backslashes_before(bytes, at);
            return (num > 0).then(|| at - num);
        }
        [Self::ENTITY, Self::PERCENT].iter().find(|quote| before.ends_with(quote)).map(|quote| end - quote.len())
    }

    /// Where the text ends that began at `from` behind this quote; the end of all where nothing closes it.
    pub(super) fn close(self, bytes: &[u8], from: usize) -> usize {
        match self {
            Self::Mark(mark, depth) => {
                let mut num = 0;
                for (at, byte) in bytes.iter().enumerate().skip(from) {
                    if *byte == b'\\' {
                        num += 1;
                        continue;
                    }
                    if *byte == mark && is_same_depth(num, depth) {
                        return at - num.min(depth);
                    }
                    num = 0;
                }
                bytes.len()
            }
            Self::Unicode => {
                let at = super::bytes::find(&bytes[from..], Self::UNICODE).map_or(bytes.len(), |len| from + len);
                at - if at < bytes.len() { backslashes_before(&bytes[from..], at - from) } else { 0 }
            }
            Self::Entity => super::bytes::find(&bytes[from..], Self::ENTITY).map_or(bytes.len(), |len| from + len),
            Self::Percent => super::bytes::find(&bytes[from..], Self::PERCENT).map_or(bytes.len(), |len| from + len),
        }
    }
}

/// Whether a quote behind `num` backslashes closes one behind `depth`: each level of quoting writes a backslash as two, and
/// `"` with one before it. Fewer close a text around.
pub(super) fn is_same_depth(num: usize, depth: usize) -> bool {
    num <= depth || num % (2 * (depth + 1)) == depth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_at_its_own_quote() {
        for (text, content) in [
            (r#""ab" c""#, "ab"),
            (r#""a\"b" c""#, r#"a\"b"#),
            (r#""a\\" c""#, r"a\\"),
            (r#"\"ab\" c"#, "ab"),
            (r#"\"a\\\"b\" c"#, r#"a\\\"b"#),
            (r#"\\\"ab\\\" \""#, "ab"),
            (r#"\"ab" c"#, "ab"),
            ("'it' b", "it"),
            (r#""cut"#, "cut"),
            (r"\u0022ab\u0022:", "ab"),
            ("&quot;ab&quot;:", "ab"),
            ("%22ab%22", "ab"),
        ] {
            let (quote, from) = Quote::begins(text.as_bytes(), 0).expect(text);
            assert_eq!(&text[from..quote.close(text.as_bytes(), from)], content, "{text}");
        }
        assert_eq!(Quote::begins(b"ab", 0), None);
        assert_eq!(Quote::begins(b"\\n", 0), None);
    }
}
