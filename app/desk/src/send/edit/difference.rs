//! What a change changed in a key or a value, place by place: the parts that are others, with a little of what stands around them. Pure.

use std::ops::Range;
use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// Places that are told one by one.
const PLACES_MAX: usize = 12;
/// Characters around what is another.
const AROUND: usize = 24;
/// Characters of what is another that are told.
const CHARS_MAX: usize = 200;
/// Bytes of what is another, and around it, that are told where it is no text.
const BYTES_MAX: usize = 24;
/// Between the first and the last place that is another, so many bytes of either text are compared; what is behind them is not looked at.
const COMPARED_BYTES_MAX: usize = 64 << 10;
/// Bytes that are compared at a time.
const BLOCK_BYTES: usize = 256;
/// Places that are no further from one another, bytes, are one.
const NEAR_BYTES: usize = 8;

/// How what was differs from what is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Whether it was null.
    pub was_null: bool,
    /// Whether it is null now.
    pub is_null: bool,
    /// The first places that are others, in their order. Of what is null they are all of the other.
    pub places: Vec<Place>,
    /// So many more are not told.
    pub num_more: usize,
    /// Whether what lies behind them was not looked at: there may be more.
    pub is_cut: bool,
}

/// A place at which both differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its line in what was, from 1 on; of what is no text its offset in bytes.
    pub at: usize,
    /// What stands before it in its line, or the end of that.
    pub before: String,
    /// What stood there.
    pub was: Part,
    /// What stands there now.
    pub now: Part,
    /// What stands behind it in its line, or the beginning of that.
    pub behind: String,
}

/// What stands at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The text, or its beginning; of what is no text hexadecimal digits.
    pub text: String,
    /// Characters, or bytes of what is no text, that are not told of it.
    pub num_more: usize,
}

/// Bytes that are others, in both.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Other {
    was: Range<usize>,
    now: Range<usize>,
}

impl Difference {
    /// Of two; `None` = they are the same. What takes longer than `within` to compare is told less finely.
    pub fn of(was: Option<&[u8]>, now: Option<&[u8]>, within: Duration) -> Option<Self> {
        if was == now {
            return None;
        }
        let (was_null, is_null) = (was.is_none(), now.is_none());
        let (was, now) = (was.unwrap_or_default(), now.unwrap_or_default());
        let told = match (std::str::from_utf8(was), std::str::from_utf8(now)) {
            (Ok(was), Ok(now)) => of_texts(was, now, within),
            _ => of_bytes(was, now),
        };
        Some(Self { was_null, is_null, ..told })
    }
}

fn of_texts(was: &str, now: &str, within: Duration) -> Difference {
    let (others, is_cut) = others(was, now, within);
    let (mut line, mut counted) = (1, 0);
    let mut places = Vec::with_capacity(others.len().min(PLACES_MAX));
    for other in others.iter().take(PLACES_MAX) {
        line += was[counted..other.was.start].matches('\n').count();
        counted = other.was.start;
        places.push(Place {
            at: line,
            before: end_of_line(&was[..other.was.start]),
            was: part(&was[other.was.clone()]),
            now: part(&now[other.now.clone()]),
            behind: beginning_of_line(&was[other.was.end..]),
        });
    }
    Difference { num_more: others.len() - places.len(), places, is_cut, ..Difference::default() }
}

/// The places at which two texts differ, and whether what lies behind the last of them was not looked at.
fn others(was: &str, now: &str, within: Duration) -> (Vec<Other>, bool) {
    let begin = floor(was, alike_from_begin(was.as_bytes(), now.as_bytes()));
    let num_behind = alike_from_end(&was.as_bytes()[begin..], &now.as_bytes()[begin..]);
    // Both ends are the same text, so what begins a character in one does so in the other.
    let was_end = ceil(was, was.len() - num_behind);
    let now_end = now.len() - (was.len() - was_end);
    let [was_to, now_to] = [(was, was_end), (now, now_end)].map(|(text, end)| floor(text, end.min(begin + COMPARED_BYTES_MAX)));
    let is_cut = was_to < was_end || now_to < now_end;
    let [was_pieces, now_pieces] = [&was[begin..was_to], &now[begin..now_to]].map(pieces);
    let ops = capture_diff_slices_deadline(Algorithm::Myers, &was_pieces, &now_pieces, Some(Instant::now() + within));
    let [was_at, now_at] = [&was_pieces, &now_pieces].map(|pieces| beginnings(pieces, begin));
    let mut others: Vec<Other> = Vec::new();
    // What is no part of anything that is the same in both is another, whatever else an operation tells.
    let (mut was_done, mut now_done) = (0, 0);
    let same = ops.iter().filter(|op| matches!(op, DiffOp::Equal { .. })).map(|op| (op.old_range(), op.new_range()));
    let ends = (was_pieces.len()..was_pieces.len(), now_pieces.len()..now_pieces.len());
    for (of_was, of_now) in same.chain([ends]) {
        if was_done < of_was.start || now_done < of_now.start {
            others.push(Other { was: was_at[was_done]..was_at[of_was.start], now: now_at[now_done]..now_at[of_now.start] });
        }
        (was_done, now_done) = (of_was.end, of_now.end);
    }
    // Where both were cut, they end at different places, which is no difference.
    let mut same_to = if is_cut { was_to } else { was.len() };
    if is_cut
        && others.len() > 1
        && let Some(end) = others.pop_if(|last| last.was.end == was_to || last.now.end == now_to)
    {
        same_to = end.was.start;
    }
    for other in &mut others {
        trim(was, now, other);
    }
    let mut whole = Vec::with_capacity(others.len());
    for at in 0..others.len() {
        // What stands between two places is the same in both.
        let from = if at > 0 { others[at - 1].was.end } else { 0 };
        let to = others.get(at + 1).map_or(same_to, |next| next.was.start);
        let Other { was: of_was, now: of_now } = &others[at];
        let before = word_bytes(was[from..of_was.start].chars().rev());
        let behind = word_bytes(was[of_was.end..to].chars());
        let other = Other { was: of_was.start - before..of_was.end + behind, now: of_now.start - before..of_now.end + behind };
        join(&mut whole, other, NEAR_BYTES);
    }
    (whole, is_cut)
}

/// Adds a place; it is of the one before where it is no further from that.
fn join(others: &mut Vec<Other>, other: Other, near_bytes: usize) {
    match others.last_mut() {
        Some(last) if other.was.start <= last.was.end + near_bytes => (last.was.end, last.now.end) = (other.was.end, other.now.end),
        _ => others.push(other),
    }
}

/// Leaves out what is the same at both ends of a place.
fn trim(was: &str, now: &str, other: &mut Other) {
    let (old, new) = (&was[other.was.clone()], &now[other.now.clone()]);
    let before = floor(old, alike_from_begin(old.as_bytes(), new.as_bytes()));
    let behind = alike_from_end(&old.as_bytes()[before..], &new.as_bytes()[before..]);
    let behind = old.len() - ceil(old, old.len() - behind);
    *other = Other { was: other.was.start + before..other.was.end - behind, now: other.now.start + before..other.now.end - behind };
}

/// Bytes of the word, or number, of which these are the next characters.
fn word_bytes(chars: impl Iterator<Item = char>) -> usize {
    let of_word = chars.take(AROUND).take_while(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    of_word.map(char::len_utf8).sum()
}

/// How many bytes are the same from the first on.
fn alike_from_begin(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.chunks_exact(BLOCK_BYTES).zip(other.chunks_exact(BLOCK_BYTES));
    let begin = BLOCK_BYTES * blocks.take_while(|(one, other)| one == other).count();
    begin + one[begin..].iter().zip(&other[begin..]).take_while(|(one, other)| one == other).count()
}

/// How many bytes are the same from the last on.
fn alike_from_end(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.rchunks_exact(BLOCK_BYTES).zip(other.rchunks_exact(BLOCK_BYTES));
    let end = BLOCK_BYTES * blocks.take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[..one.len() - end], &other[..other.len() - end]);
    end + one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count()
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// A text in pieces that are compared: lines, members of JSON, words.
fn pieces(text: &str) -> Vec<&str> {
    text.split_inclusive(['\n', ' ', ',', ':', '{', '}', '[', ']']).collect()
}

/// Where each piece begins, and behind them where the last ends.
fn beginnings(pieces: &[&str], mut at: usize) -> Vec<usize> {
    let mut beginnings = Vec::with_capacity(pieces.len() + 1);
    beginnings.push(at);
    for piece in pieces {
        at += piece.len();
        beginnings.push(at);
    }
    beginnings
}

fn end_of_line(text: &str) -> String {
    let line = text.rsplit('\n').next().unwrap_or_default();
    match line.char_indices().rev().nth(AROUND) {
        Some((at, first)) => format!("…{}", &line[at + first.len_utf8()..]),
        None => line.trim_start().to_owned(),
    }
}

fn beginning_of_line(text: &str) -> String {
    let line = text.split('\n').next().unwrap_or_default();
    match line.char_indices().nth(AROUND) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.trim_end().to_owned(),
    }
}

fn part(text: &str) -> Part {
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => Part { text: text[..at].to_owned(), num_more: text[at..].chars().count() },
        None => Part { text: text.to_owned(), num_more: 0 },
    }
}

/// What is no text differs at one place, from the first byte that is another to the last.
fn of_bytes(was: &[u8], now: &[u8]) -> Difference {
    let begin = alike_from_begin(was, now);
    let behind = alike_from_end(&was[begin..], &now[begin..]);
    let part = |bytes: &[u8]| {
        let other = &bytes[begin..bytes.len() - behind];
        let told = other.len().min(BYTES_MAX);
        Part { text: digits(&other[..told]), num_more: other.len() - told }
    };
    let (from, end) = (begin.saturating_sub(BYTES_MAX / 2), was.len() - behind);
    let to = was.len().min(end + BYTES_MAX / 2);
    let lead = if from > 0 { "… " } else { "" };
    let tail = if to < was.len() { " …" } else { "" };
    let (before, behind) = (digits(&was[from..begin]), digits(&was[end..to]));
    let spaced = |digits: &str, lead: &str, tail: &str| if digits.is_empty() { String::new() } else { format!("{lead}{digits}{tail}") };
    let place = Place { at: begin, before: spaced(&before, lead, " "), was: part(was), now: part(now), behind: spaced(&behind, " ", tail) };
    Difference { places: vec![place], ..Difference::default() }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    fn told(was: &str, now: &str) -> Vec<(usize, String)> {
        let difference = Difference::of(Some(was.as_bytes()), Some(now.as_bytes()), WITHIN).expect("another");
        let line = |place: &Place| format!("{}[{}|{}]{}", place.before, place.was.text, place.now.text, place.behind);
        difference.places.iter().map(|place| (place.at, line(place))).collect()
    }

    #[test]
    fn each_place_that_is_another_is_told_with_a_little_around_it() {
        let all =
            |one: u8, two: &str, three: &str| format!("{{\"parcels\":{one},\"note\":\"{}\",\"to\":{two},\"by\":\"{}\"{three}}}", "x".repeat(90), "y".repeat(9));
        let x = "x".repeat(17);
        assert_eq!(
            told(&all(0, "null", ""), &all(1, "\"here\"", ",\"b\":2")),
            [
                (1, "{\"parcels\":[0|1],\"note\":\"xxxxxxxxxxxxxxx…".to_owned()),
                (1, format!("…{x}\",\"to\":[null|\"here\"],\"by\":\"yyyyyyyyy\"}}")),
                (1, "…o\":null,\"by\":\"yyyyyyyyy\"[|,\"b\":2]}".to_owned()),
            ]
        );
        let pretty = |one: u8, two: u8| format!("{{\n  \"a\": {one},\n  \"b\": [1, 2, 3],\n  \"c\": {two}\n}}\n");
        assert_eq!(told(&pretty(0, 7), &pretty(1, 8)), [(2, "\"a\": [0|1],".to_owned()), (4, "\"c\": [7|8]".to_owned())]);
        assert_eq!(told("", "ü"), [(1, "[|ü]".to_owned())]);
        assert_eq!(told("é", "è"), [(1, "[é|è]".to_owned())], "which share a byte");
        assert_eq!(told("aa", "aaa"), [(1, "[aa|aaa]".to_owned())], "a word is told whole");
        assert_eq!(Difference::of(Some(b"a"), Some(b"a"), WITHIN), None);
    }

    #[test]
    fn null_is_not_empty_and_what_is_no_text_is_told_in_digits() {
        let of = |was: Option<&[u8]>, now: Option<&[u8]>| Difference::of(was, now, WITHIN);
        let emptied = of(None, Some(b"")).expect("another");
        assert_eq!((emptied.was_null, emptied.is_null, emptied.places.len()), (true, false, 0));
        let gone = of(Some(b"x"), None).expect("another");
        assert_eq!((gone.was_null, gone.is_null, gone.places[0].was.text.as_str()), (false, true, "x"));
        let bytes = of(Some(&[1, 0xff, 0, 9]), Some(&[1, 0xfe, 9])).expect("another");
        let place = &bytes.places[0];
        assert_eq!(
            (place.at, place.before.as_str(), place.was.text.as_str(), place.now.text.as_str(), place.behind.as_str()),
            (1, "01 ", "ff 00", "fe", " 09")
        );
    }

    #[test]
    fn of_what_is_long_the_first_places_are_told_and_that_there_are_more() {
        let line = |at: usize, is_other: bool| format!("{{\"n\":{}}},", if is_other { 0 } else { at });
        let of = |is_other: &dyn Fn(usize) -> bool| (0..40_000).map(|at| line(at, is_other(at))).collect::<Vec<_>>().concat();
        let was = of(&|_| false);
        // Far behind what is shown of a record.
        let late = Difference::of(Some(was.as_bytes()), Some(of(&|at| at == 39_000).as_bytes()), WITHIN).expect("another");
        assert_eq!((late.places.len(), late.num_more, late.is_cut), (1, 0, false));
        assert!(late.places[0].before.ends_with("{\"n\":") && late.places[0].was.text == "39000", "{late:?}");
        // The first bytes are looked at, and what begins later is not told as if it was gone.
        let many = Difference::of(Some(was.as_bytes()), Some(of(&|at| at % 1_000 == 7).as_bytes()), WITHIN).expect("another");
        assert!(many.is_cut && many.places.len() == 7 && many.places.iter().all(|place| place.now.text == "0"), "{many:?}");
        let near = Difference::of(Some(was.as_bytes()), Some(of(&|at| at % 100 == 7).as_bytes()), WITHIN).expect("another");
        assert!(near.is_cut && near.places.len() == PLACES_MAX && near.num_more > 30, "{near:?}");
        let whole = Difference::of(Some(b"a"), Some(was.as_bytes()), WITHIN).expect("another");
        assert!(whole.is_cut && whole.places[0].now.num_more > 60_000, "{}", whole.places[0].now.num_more);
    }

    proptest! {
        #[test]
        fn what_was_becomes_what_is_now_where_each_place_is_put_in(was in "[ab{}:,\\n üé0-2]{0,60}", now in "[ab{}:,\\n üé0-2]{0,60}") {
            let (others, is_cut) = others(&was, &now, WITHIN);
            prop_assert!(!is_cut);
            let (mut made, mut at) = (String::new(), 0);
            for other in &others {
                made.push_str(&was[at..other.was.start]);
                made.push_str(&now[other.now.clone()]);
                at = other.was.end;
            }
            made.push_str(&was[at..]);
            prop_assert_eq!(made, now);
        }
    }
}
