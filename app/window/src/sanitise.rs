//! Text that came from elsewhere, made safe to show: what would hide, reverse or break the line is written out.

use std::borrow::Cow;

use switchboard_desk::hidden::is_hidden;

/// More characters than this are never laid out.
const CHARS_MAX: usize = 400;

/// The text with control characters, bidirectional overrides and invisible characters written as escapes, cut at a length
/// that no layout chokes on.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    visible_within(text, CHARS_MAX)
}

/// The same, cut at so many characters.
pub(crate) fn visible_within(text: &str, chars_max: usize) -> Cow<'_, str> {
    let long = text.len() > chars_max && text.chars().nth(chars_max).is_some();
    if !long && !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(chars_max.saturating_mul(2)));
    for c in text.chars().take(chars_max) {
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

/// The text with its lines as lines and its tabs as spaces; what else would deceive is written out, and it is cut at so many characters.
pub(crate) fn lines(text: &str, chars_max: usize) -> Cow<'_, str> {
    let long = text.len() > chars_max && text.chars().nth(chars_max).is_some();
    if !long && !text.chars().any(|c| is_hidden(c) && c != '\n') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(chars_max.saturating_mul(2)));
    let mut chars = text.chars().take(chars_max).peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => shown.push('\n'),
            '\t' => shown.push_str("    "),
            '\r' if chars.peek() == Some(&'\n') => {}
            c if is_hidden(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
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

/// What fits with the most characters, of four at least and `most` at most, where fewer fit the better. Names are of strangers: few tries
/// are made, though all that makes one wide may stand at its ends.
pub(crate) fn longest_fitting<T>(most: usize, mut fitting: impl FnMut(usize) -> Option<T>) -> Option<T> {
    const TOO_FEW: usize = 3;
    if most <= TOO_FEW {
        return None;
    }
    // The first guess is a good one for most names.
    let mut best = fitting(most);
    if best.is_some() {
        return best;
    }
    let (mut fits, mut too_many) = (TOO_FEW, most);
    // As the next one or two are for nearly all others.
    let mut guess = most - 1;
    while too_many - fits > 1 {
        let fitted = fitting(guess);
        if fitted.is_some() {
            (best, fits) = (fitted, guess);
        } else {
            too_many = guess;
        }
        guess = if most - too_many < 3 && too_many - fits > 1 { too_many - 1 } else { fits + (too_many - fits) / 2 };
    }
    best
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
    fn lines_stay_lines_and_what_deceives_is_written_out() {
        assert_eq!(lines("a\r\n\tb\u{202e}c\rd", 100), "a\n    b\\u{202e}c\\rd");
        assert_eq!(lines("a\nb\nc", 3), "a\nb…");
        assert!(matches!(lines("a\nb", 100), Cow::Borrowed(_)));
    }

    #[test]
    fn both_ends_of_a_long_name_are_kept() {
        assert_eq!(elide_middle("inventory", 9), "inventory");
        assert_eq!(elide_middle("inventory.reservation.replies", 13), "invent…eplies");
    }

    #[test]
    fn a_name_is_cut_to_what_fits_in_few_tries() {
        for most in (0..60_usize).chain([1_000, 65_536]) {
            for fits in (0..60).chain([most / 3, most.saturating_sub(1), most]) {
                let mut num_tries = 0;
                let found = longest_fitting(most, |chars| {
                    num_tries += 1;
                    (chars <= fits).then_some(chars)
                });
                let expected = Some(fits.min(most)).filter(|chars| *chars > 3);
                assert_eq!(found, expected, "{fits} of {most}");
                assert!(num_tries <= 5 + most.max(1).ilog2(), "{num_tries} tries for {fits} of {most}");
            }
        }
    }
}
