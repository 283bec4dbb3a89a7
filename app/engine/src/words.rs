//! Counts, durations and foreign text as they stand in reasons.

use std::fmt::Write;

const SECOND_NS: i64 = 1_000_000_000;

/// A count with thousands separated: `1,204`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 record`, `1,204 records`.
pub(crate) fn records(number: u64) -> String {
    if number == 1 { "1 record".into() } else { format!("{} records", count(number)) }
}

/// A duration as a person says it: `0.4 s`, `38 s`, `4 min`, `2 h 5 min`, `3 d 4 h`. Negative durations keep their sign.
pub(crate) fn duration(duration_ns: i64) -> String {
    let sign = if duration_ns < 0 { "−" } else { "" };
    let tenths = duration_ns.unsigned_abs() / (SECOND_NS as u64 / 10);
    let seconds = tenths / 10;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let text = match seconds {
        0 => format!("0.{tenths} s"),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 if minutes % 60 == 0 => format!("{hours} h"),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ if hours % 24 == 0 => format!("{} d", count(days)),
        _ => format!("{} d {} h", count(days), hours % 24),
    };
    format!("{sign}{text}")
}

/// A time of day: `12:03:04 UTC`.
pub(crate) fn clock(at_ns: i64) -> String {
    let seconds = at_ns.div_euclid(SECOND_NS).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02} UTC", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Foreign text made safe to show: control, zero-width and direction characters are written as escapes, and what is
/// longer than `max_chars` is cut with `…`.
pub(crate) fn visible(text: &str, max_chars: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max_chars.saturating_mul(4)));
    for (index, letter) in text.chars().enumerate() {
        if index == max_chars {
            shown.push('…');
            break;
        }
        push_visible(&mut shown, letter);
    }
    shown
}

/// One character of foreign text, escaped where it would act instead of show.
pub(crate) fn push_visible(shown: &mut String, letter: char) {
    if acts(letter) {
        // Writing to a String cannot fail.
        let _ = write!(shown, "{}", letter.escape_unicode());
    } else {
        shown.push(letter);
    }
}

/// Whether a character steers the display instead of showing: C0, C1, zero-width, line and direction marks.
fn acts(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A short list of partition numbers: `partition 3`, `partitions 1, 2, 3 and 9 more`.
pub(crate) fn partitions(numbers: &[i32]) -> String {
    const SHOWN: usize = 4;
    let mut text = String::from(if numbers.len() == 1 { "partition " } else { "partitions " });
    for (index, number) in numbers.iter().take(SHOWN).enumerate() {
        let _ = write!(text, "{}{number}", if index > 0 { ", " } else { "" });
    }
    if numbers.len() > SHOWN {
        let _ = write!(text, " and {} more", count((numbers.len() - SHOWN) as u64));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_thousands_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_204, "1,204"), (12_345_678, "12,345,678")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(records(1), "1 record");
        assert_eq!(records(0), "0 records");
    }

    #[test]
    fn durations_read_as_a_person_says_them() {
        for (seconds, text) in [
            (0.0, "0.0 s"),
            (0.44, "0.4 s"),
            (38.9, "38 s"),
            (60.0, "1 min"),
            (600.0, "10 min"),
            (7200.0, "2 h"),
            (7500.0, "2 h 5 min"),
            (86_400.0, "1 d"),
            (100_000.0, "1 d 3 h"),
            (-2.0, "−2 s"),
        ] {
            assert_eq!(duration((seconds * 1e9) as i64), text, "{seconds}");
        }
        assert!(duration(i64::MIN).starts_with('−'));
    }

    #[test]
    fn foreign_text_cannot_steer_the_display() {
        assert_eq!(visible("a\u{202e}b\u{0}c\u{feff}", 10), "a\\u{202e}b\\u{0}c\\u{feff}");
        assert_eq!(visible("abcdef", 3), "abc…");
        assert_eq!(visible("abc", 3), "abc");
    }

    #[test]
    fn long_lists_of_partitions_are_cut_and_counted() {
        assert_eq!(partitions(&[3]), "partition 3");
        assert_eq!(partitions(&[1, 2]), "partitions 1, 2");
        assert_eq!(partitions(&[1, 2, 3, 4, 5, 6]), "partitions 1, 2, 3, 4 and 2 more");
    }
}
