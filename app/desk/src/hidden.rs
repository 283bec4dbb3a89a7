//! Characters that hide, reverse or break a line, written out wherever text from elsewhere is shown.

use std::borrow::Cow;

/// C0 and C1 controls, line separators, bidirectional marks, embeddings, overrides and isolates, and what has no width.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text with every such character as an escape, but for those that `is_kept`.
pub fn written_out(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_told = |c: char| is_hidden(c) && !is_kept(c);
    if !text.chars().any(is_told) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_told(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_deceive_is_written_out_and_the_rest_stays() {
        for (text, shown) in [
            ("orders.placed", "orders.placed"),
            ("Zürich – ☂ 日本語", "Zürich – ☂ 日本語"),
            ("user\u{202e}gpj.exe", "user\\u{202e}gpj.exe"),
            ("a\u{1b}[31mb\u{9b}c", "a\\u{1b}[31mb\\u{9b}c"),
            ("one\ntwo\r", "one\ntwo\\r"),
        ] {
            assert_eq!(written_out(text, |c| c == '\n'), shown);
        }
        assert_eq!(written_out("one\ntwo", |_| false), "one\\ntwo");
    }
}
