//! Text that came from elsewhere, made safe to show: what would hide, reverse or break the line is written out.

use std::borrow::Cow;

use crate::hidden::is_hidden;

/// More characters than this are never laid out.
const CHARS_MAX: usize = 400;

/// The text with control characters, bidirectional overrides and invisible characters written as escapes, cut at a length
/// that no layout chokes on.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let long = text.len() > CHARS_MAX && text.chars().nth(CHARS_MAX).is_some();
    if !long && !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(CHARS_MAX * 2));
    for c in text.chars().take(CHARS_MAX) {
        if is_hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if long {
        shown.push('…');
    }
    Cow::Owned(shown)
}

/// The text in at most so many characters, cut in the middle, for both ends of a name tell.
pub(crate) fn elide_middle(text: &str, chars_max: usize) -> Cow<'_, str> {
    let num_chars = text.chars().count();
    if num_chars <= chars_max || chars_max < 3 {
        return Cow::Borrowed(text);
    }
    let head = (chars_max - 1).div_ceil(2);
    let tail = chars_max - 1 - head;
    let shown = text.chars().take(head).chain(std::iter::once('…')).chain(text.chars().skip(num_chars - tail)).collect();
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_deceive_the_eye_is_written_out() {
        assert_eq!(visible("orders.placed"), "orders.placed");
        assert_eq!(visible("Zürich – ☂"), "Zürich – ☂");
        assert_eq!(visible("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(visible("user\u{202e}gpj.exe"), "user\\u{202e}gpj.exe");
        assert_eq!(visible("a\u{85}b\u{200b}c\u{2066}"), "a\\u{85}b\\u{200b}c\\u{2066}");
        assert_eq!(visible(&"x".repeat(1_000_000)).chars().count(), CHARS_MAX + 1);
    }

    #[test]
    fn both_ends_of_a_long_name_are_kept() {
        assert_eq!(elide_middle("inventory", 9), "inventory");
        assert_eq!(elide_middle("inventory.reservation.replies", 13), "invent…eplies");
    }
}
