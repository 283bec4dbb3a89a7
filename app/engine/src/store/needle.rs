//! A text that is looked for in any case, over single values and over megabytes of them end to end.

use memchr::{memchr, memchr2, memchr3, memmem};

/// Bytes that are folded at a time: they stay in the nearest cache.
const CHUNK_BYTES: usize = 16 << 10;

/// A text longer than this is not compared place by place.
const LONG_BYTES: usize = 64;

/// A character of the text in its cases, as UTF-8.
type Cases = Vec<Vec<u8>>;

/// See the module. Two characters are the same if one is the other's single upper or lower case; in a long text also if both have the
/// same one.
#[derive(Debug)]
pub(crate) struct Needle {
    /// In lower case, of a text of ASCII.
    folded: Option<Vec<u8>>,
    has_letters: bool,
    /// Of any other text that is short.
    cases: Vec<Cases>,
    /// Of any other text that is long.
    long: Option<LongText>,
}

impl Needle {
    /// Looks for this text, which is not empty.
    pub(crate) fn new(text: &str) -> Self {
        let folded = text.is_ascii().then(|| text.to_ascii_lowercase().into_bytes());
        let long = (folded.is_none() && text.len() > LONG_BYTES).then(|| LongText::new(text));
        let cases = if folded.is_some() || long.is_some() { Vec::new() } else { text.chars().map(cases_of).collect() };
        Self { folded, has_letters: text.bytes().any(|byte| byte.is_ascii_alphabetic()), cases, long }
    }

    /// Where the text first stands in a value: from, to.
    pub(crate) fn find(&self, value: &[u8]) -> Option<(usize, usize)> {
        if self.long.is_some() {
            return self.find_long(value);
        }
        let Some(folded) = &self.folded else { return self.find_cases(value, 0) };
        let (first, last_start) = (*folded.first()?, value.len().checked_sub(folded.len())?);
        if folded.len() > LONG_BYTES {
            return self.find_long(value);
        }
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

    /// The same for a text that would take long to compare at each place that it may begin at.
    #[cold]
    fn find_long(&self, value: &[u8]) -> Option<(usize, usize)> {
        let mut found = None;
        self.each(value, |start, end| {
            found = Some((start, end));
            value.len()
        });
        found
    }

    /// Calls back with places where the text stands, from and to; the callback says from where on to look for the next.
    pub(crate) fn each(&self, bytes: &[u8], mut found: impl FnMut(usize, usize) -> usize) {
        if let Some(long) = &self.long {
            return long.each(bytes, found);
        }
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

/// A long text, looked for in one pass over the characters (Knuth, Morris and Pratt), which are compared folded.
#[derive(Debug)]
struct LongText {
    letters: Vec<char>,
    /// After so many characters that were the same: so many of them may be the text's first ones again.
    again: Vec<usize>,
}

impl LongText {
    fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().map(fold).collect();
        let mut again = vec![0; letters.len() + 1];
        let mut len = 0;
        for (at, letter) in letters.iter().enumerate().skip(1) {
            while len > 0 && *letter != letters[len] {
                len = again[len];
            }
            len += usize::from(*letter == letters[len]);
            again[at + 1] = len;
        }
        Self { letters, again }
    }

    /// As [`Needle::each`].
    fn each(&self, bytes: &[u8], mut found: impl FnMut(usize, usize) -> usize) {
        let Self { letters, again } = self;
        if bytes.len() < letters.len() {
            return;
        }
        // Where the last characters stand, as many as the text has.
        let mut starts = vec![0; letters.len()];
        let (mut at, mut num_read, mut len, mut next) = (0, 0, 0, 0);
        while at < bytes.len() {
            let (letter, num_bytes) = letter_of(&bytes[at..]);
            starts[num_read % letters.len()] = at;
            num_read += 1;
            at += num_bytes;
            while len > 0 && letter != Some(letters[len]) {
                len = again[len];
            }
            len += usize::from(letter == Some(letters[len]));
            if len < letters.len() {
                continue;
            }
            len = again[len];
            let start = starts[num_read % letters.len()];
            if start >= next {
                next = found(start, at);
            }
            if next > at {
                (at, len) = (next, 0);
            }
        }
    }
}

/// The first character, folded, and how many bytes it has; `None` = the first byte begins none.
fn letter_of(bytes: &[u8]) -> (Option<char>, usize) {
    let num_bytes = match bytes.first() {
        Some(byte @ 0..=0x7f) => return (Some(char::from(byte.to_ascii_lowercase())), 1),
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return (None, 1),
    };
    let letter = bytes.get(..num_bytes).and_then(|bytes| std::str::from_utf8(bytes).ok()).and_then(|text| text.chars().next());
    letter.map_or((None, 1), |letter| (Some(fold(letter)), num_bytes))
}

/// The lower case of the upper case, where these are single characters.
fn fold(letter: char) -> char {
    let upper = single(letter.to_uppercase()).unwrap_or(letter);
    single(upper.to_lowercase()).unwrap_or(upper)
}

fn single(mut cases: impl Iterator<Item = char>) -> Option<char> {
    cases.next().filter(|_| cases.next().is_none())
}

fn cases_of(letter: char) -> Cases {
    let mut cases = vec![letter.to_string().into_bytes()];
    for other in [single(letter.to_lowercase()), single(letter.to_uppercase())].into_iter().flatten() {
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
    use switchboard_measure::growth::assert_linear;

    #[test]
    fn twice_the_text_takes_twice_the_time_and_so_does_twice_the_needle() {
        for (part, end) in [
            ("a", "b"),
            ("A", "b"),
            ("aA", "b"),
            ("ab", "a"),
            ("0", "1"),
            ("é", "à"),
            ("éÉ", "à"),
            ("aé", "à"),
            ("日", "本"),
            ("ß", "x"),
            ("İ", "i"),
            ("\u{301}", "e"),
        ] {
            let text = |len: usize| part.repeat(len / part.len()).into_bytes();
            let places = |bytes: &[u8], needle: &Needle| {
                let mut num = 0;
                needle.each(bytes, |_, end| {
                    num += 1;
                    end
                });
                (num, needle.find(bytes))
            };
            for num_before in [0, 1, 20] {
                let needle = Needle::new(&(part.repeat(num_before) + end));
                assert_linear(&format!("{part:?} before {end:?}"), 1 << 16, text, |bytes| places(bytes, &needle));
            }
            let both = |len: usize| (text(len * 4), Needle::new(&(part.repeat(len / part.len()) + end)));
            assert_linear(&format!("a needle that grows with the text, of {part:?} before {end:?}"), 1 << 14, both, |(bytes, needle)| places(bytes, needle));
        }
    }

    #[test]
    fn a_long_text_is_found_in_any_case_wherever_it_stands() {
        for part in ["Order ", "4711 ", "Überhöhung ", "Заказ ", "注文 "] {
            let text = part.repeat(40);
            let needle = Needle::new(&text.to_lowercase());
            for padding in [0, 1, 100, CHUNK_BYTES - 7, 3 * CHUNK_BYTES] {
                let value = "o".repeat(padding) + &text.to_uppercase() + "!";
                assert_eq!(needle.find(value.as_bytes()), Some((padding, padding + text.len())), "{padding}");
                assert_eq!(needle.find(&value.as_bytes()[..padding + text.len() - 1]), None, "{padding}");
            }
        }
    }

    #[test]
    fn a_long_text_of_any_script_is_found_between_bytes_that_are_no_text() {
        let text = "Größe XL, ".repeat(8);
        let needle = Needle::new(&text.to_uppercase().replace("SS", "ẞ"));
        let value = [b"\xc3\xff\xe6\x97".as_slice(), text.as_bytes(), b"\xc3", text.as_bytes(), b"\xf0\x9f"].concat();
        let mut places = Vec::new();
        needle.each(&value, |start, end| {
            places.push((start, end));
            end
        });
        let len = text.len();
        assert_eq!(places, [(4, 4 + len), (5 + len, 5 + 2 * len)]);
        // What reaches over a byte that is no text is not found.
        let half = text.len() / 2;
        assert_eq!(needle.find(&[&text.as_bytes()[..half], b"\xff", &text.as_bytes()[half..]].concat()), None);
    }

    fn naive(text: &str, needle: &str) -> bool {
        text.to_lowercase().contains(&needle.to_lowercase())
    }

    proptest! {
        #[test]
        fn finds_every_place_of_a_long_text(parts in proptest::collection::vec("[aAäÄ]{1,3}", 1..60), needle in "ä[aAäÄ]{0,2}", times in 33..40_usize) {
            // Long enough not to be compared place by place, and short enough to stand there more than once.
            let needle = needle.repeat(times);
            let text = parts.join("") + &needle + &parts.join("") + &needle;
            let (letters, wanted): (Vec<char>, Vec<char>) = (text.chars().map(fold).collect(), needle.chars().map(fold).collect());
            let naive: Vec<usize> = letters.windows(wanted.len()).enumerate().filter(|(_, window)| **window == *wanted).map(|(at, _)| at).collect();
            let mut places = Vec::new();
            Needle::new(&needle).each(text.as_bytes(), |start, _| {
                places.push(text[..start].chars().count());
                start + 1
            });
            prop_assert!(needle.len() > LONG_BYTES);
            prop_assert_eq!(places, naive);
        }

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
