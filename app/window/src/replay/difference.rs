//! What a change changed, in a line: the part that is another, and a little of what stands around it. Pure.

use crate::sanitise::visible;

/// Characters around what is another.
const AROUND: usize = 18;
/// Characters of what is another that are shown.
const SHOWN: usize = 60;

/// The part that is another in two texts, with what stands around it; `None` = they are the same.
pub(crate) fn difference(was: &[u8], now: &[u8]) -> Option<(String, String)> {
    if was == now {
        return None;
    }
    let (was, now) = (String::from_utf8_lossy(was), String::from_utf8_lossy(now));
    let (was, now): (Vec<char>, Vec<char>) = (was.chars().collect(), now.chars().collect());
    let before = was.iter().zip(&now).take_while(|(one, other)| one == other).count();
    let behind = was[before..].iter().rev().zip(now[before..].iter().rev()).take_while(|(one, other)| one == other).count();
    Some((part(&was, before, behind), part(&now, before, behind)))
}

fn part(text: &[char], before: usize, behind: usize) -> String {
    let end = text.len() - behind;
    let from = before.saturating_sub(AROUND);
    let shown_end = end.min(before + SHOWN);
    let to = (shown_end + AROUND).min(text.len());
    let lead = if from > 0 { "…" } else { "" };
    let tail = if to < text.len() { "…" } else { "" };
    let middle: String = text[from..to].iter().collect();
    format!("{lead}{}{tail}", visible(&middle.split_whitespace().collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_another_is_shown_with_a_little_around_it() {
        let told = |was: &str, now: &str| difference(was.as_bytes(), now.as_bytes());
        assert_eq!(told("{\"a\":1}", "{\"a\":1}"), None);
        assert_eq!(told("{\"a\":1}", "{\"a\":22}"), Some(("{\"a\":1}".to_owned(), "{\"a\":22}".to_owned())));
        let long = |parcels: u8| format!("{{\"order\":\"{}\",\"parcels\":{parcels},\"to\":\"{}\"}}", "x".repeat(200), "y".repeat(200));
        let (was, now) = told(&long(0), &long(1)).expect("another");
        assert!(was.starts_with('…') && was.ends_with('…') && was.contains("\"parcels\":0,") && now.contains("\"parcels\":1,"), "{was} {now}");
        assert!(was.chars().count() < 120);
        assert_eq!(told("", "ü\u{202e}"), Some((String::new(), "ü\\u{202e}".to_owned())));
        assert_eq!(told("aa", "aaa"), Some(("aa".to_owned(), "aaa".to_owned())));
        assert!(difference(&[0xff, 0], &[0xfe]).is_some());
    }
}
