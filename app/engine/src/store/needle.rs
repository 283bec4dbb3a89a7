//! A text that is looked for in any case, over single values and over megabytes of them end to end.

use memchr::{memchr, memchr2, memchr3, memmem};

/// Bytes that are folded at a time: they stay in the nearest cache.
const CHUNK_BYTES: usize = 16 << 10;

/// A character of the text in its cases, as UTF-8.
type Cases = Vec<Vec<u8>>;

/// See the module. Two characters are the same if one is the other's single upper or lower case.
#[derive(Debug)]
pub(crate) struct Needle {
    /// In lower case, of a text of ASCII.
    folded: Option<Vec<u8>>,
    has_letters: bool,
    /// Of any other text.
    cases: Vec<Cases>,
}

impl Needle {
    /// Looks for this text, which is not empty.
    pub(crate) fn new(text: &str) -> Self {
        let folded = text.is_ascii().then(|| text.to_ascii_lowercase().into_bytes());
        let cases = if folded.is_some() { Vec::new() } else { text.chars().map(cases_of).collect() };
        Self { folded, has_letters: text.bytes().any(|byte| byte.is_ascii_alphabetic()), cases }
    }

    /// Where the text first stands in a value: from, to.
    pub(crate) fn find(&self, value: &[u8]) -> Option<(usize, usize)> {
        let Some(folded) = &self.folded else { return self.find_cases(value, 0) };
        let (first, last_start) = (*folded.first()?, value.len().checked_sub(folded.len())?);
        let starts = &value[..=last_start];
        let mut from = 0;
        loop {
            let at = from + if self.has_letters { memchr2(first, first.to_ascii_uppercase(), &starts[from..]) } else { memchr(first, &starts[from..]) }?;
            if value[at..at + folded.len()].eq_ignore_ascii_case(folded) {
                return Some((at, at + folded.len()));
            }
            from = at + 1;
        }
    }

    /// Calls back with places where the text stands, from and to; the callback says from where on to look for the next.
    pub(crate) fn each(&self, bytes: &[u8], mut found: impl FnMut(usize, usize) -> usize) {
        let Some(folded) = &self.folded else {
            let mut from = 0;
            while let Some((start, end)) = self.find_cases(bytes, from) {
                from = found(start, end);
            }
            return;
        };
        let finder = memmem::Finder::new(folded);
        if !self.has_letters {
            let mut from = 0;
            while let Some(at) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
                from = found(from + at, from + at + folded.len());
            }
            return;
        }
        let step = CHUNK_BYTES.max(2 * folded.len());
        let mut chunk = Vec::with_capacity(step + folded.len());
        let mut from = 0;
        while from < bytes.len() {
            chunk.clear();
            // What begins in this part ends in it or a little behind.
            chunk.extend_from_slice(&bytes[from..(from + step + folded.len() - 1).min(bytes.len())]);
            chunk.make_ascii_lowercase();
            let mut passed = 0;
            while let Some(at) = chunk.get(passed..).and_then(|rest| finder.find(rest)) {
                let start = from + passed + at;
                passed = found(start, start + folded.len()) - from;
            }
            from += passed.max(step);
        }
    }

    fn find_cases(&self, value: &[u8], mut from: usize) -> Option<(usize, usize)> {
        let first = self.cases.first()?;
        let byte = |case: usize| first.get(case).or(first.first()).and_then(|case| case.first()).copied().unwrap_or_default();
        let bytes = [byte(0), byte(1), byte(2)];
        loop {
            let at = from + memchr3(bytes[0], bytes[1], bytes[2], value.get(from..)?)?;
            if let Some(end) = self.end_of_cases(value, at) {
                return Some((at, end));
            }
            from = at + 1;
        }
    }

    fn end_of_cases(&self, value: &[u8], start: usize) -> Option<usize> {
        self.cases.iter().try_fold(start, |at, cases| {
            let rest = &value[at..];
            cases.iter().find(|case| rest.starts_with(case)).map(|case| at + case.len())
        })
    }
}

fn cases_of(letter: char) -> Cases {
    let single = |mut cases: Box<dyn Iterator<Item = char>>| cases.next().filter(|_| cases.next().is_none());
    let mut cases = vec![letter.to_string().into_bytes()];
    for other in [single(Box::new(letter.to_lowercase())), single(Box::new(letter.to_uppercase()))].into_iter().flatten() {
        let other = other.to_string().into_bytes();
        if !cases.contains(&other) {
            cases.push(other);
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(text: &str, needle: &str) -> bool {
        text.to_lowercase().contains(&needle.to_lowercase())
    }

    proptest! {
        #[test]
        fn finds_what_a_naive_search_finds(parts in proptest::collection::vec("[abAB1 äÄ]{0,6}", 1..8), needle in "[abAB1äÄ]{1,3}", padding in 0..40_000_usize) {
            let text = format!("{}{}", "x".repeat(padding), parts.join("-"));
            let needle_of = Needle::new(&needle);
            let found = needle_of.find(text.as_bytes());
            prop_assert_eq!(found.is_some(), naive(&text, &needle));
            let mut places = Vec::new();
            needle_of.each(text.as_bytes(), |start, end| {
                places.push((start, end));
                start + 1
            });
            prop_assert_eq!(places.first().copied(), found);
            let starts = text.char_indices().filter(|(at, _)| text[*at..].chars().take(needle.chars().count()).collect::<String>().to_lowercase() == needle.to_lowercase());
            prop_assert_eq!(starts.count(), places.len());
            for (start, end) in places {
                prop_assert_eq!(text[start..end].to_lowercase(), needle.to_lowercase());
            }
        }
    }
}
