//! The one pass over a text: which of its bytes are worth a look. A block of bytes is compared at once; most are none.

/// Who looks at what the pass comes upon: each kind in the order of the text.
pub(super) trait Look {
    /// A byte that a shape is recognised by: one of `:;<=>'%`, or the first of `--`, `\u`, `ba`, `be`.
    fn mark(&mut self, at: usize);
    /// Eight letters, digits, `-` or `_` at a multiple of eight; the first such of a word that begins at `start`. Any 15 bytes of a
    /// token hold such eight.
    fn word(&mut self, start: usize);
    /// Eight bytes from here on without letters, at a multiple of eight.
    fn numbers(&mut self, at: usize);
}

/// Bytes that are looked at at once: enough that comparing them takes few instructions each.
const BLOCK: usize = 64;

const MARK: u8 = 1;
const WORD: u8 = 2;
const NO_LETTER: u8 = 4;

const EACH: u64 = 0x0101_0101_0101_0101;
const MARKS: u64 = EACH * MARK as u64;
const ALL_WORD: u64 = EACH * WORD as u64;
const ALL_NO_LETTER: u64 = EACH * NO_LETTER as u64;

/// Below so many bytes there is neither a token nor the number of a card.
const SHORTEST_TOKEN: usize = 14;

/// Fills the last block; none of it is a mark.
const FILL: [u8; BLOCK + 1] = [b'.'; BLOCK + 1];

/// Walks over a text.
#[inline]
pub(super) fn walk(bytes: &[u8], look: &mut impl Look) {
    let mut last = FILL;
    let (mut at, mut before) = (0, 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let block = match rest.first_chunk::<{ BLOCK + 1 }>() {
            Some(block) => block,
            None if rest.len() >= 8 && bytes.len() >= SHORTEST_TOKEN => {
                last[..rest.len()].copy_from_slice(rest);
                &last
            }
            None => break,
        };
        before = look_at(block, at, bytes.len(), before, look);
        at += BLOCK;
    }
    for at in at..bytes.len() {
        if MAY_BE_MARK[usize::from(bytes[at])] && is_mark(bytes[at], bytes.get(at + 1).copied().unwrap_or_default()) {
            look.mark(at);
        }
    }
}

/// Bytes that may be a mark.
const MAY_BE_MARK: [bool; 256] = {
    let mut may = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        may[byte] = is_mark(byte as u8, b'-') || is_mark(byte as u8, b'a') || is_mark(byte as u8, b'u');
        byte += 1;
    }
    may
};

/// Looks at a block, and gives back the classes of its last eight bytes; `before` are those of the eight before it.
#[inline]
fn look_at(block: &[u8; BLOCK + 1], start: usize, end: usize, before: u64, look: &mut impl Look) -> u64 {
    let mut classes = [0; BLOCK];
    for ((class, byte), next) in classes.iter_mut().zip(&block[..BLOCK]).zip(&block[1..]) {
        *class = class_of(*byte, *next);
    }
    let eights = classes.as_chunks::<8>().0;
    // Most blocks hold nothing of some kind. For each eight, what they all are.
    let (mut all, mut full) = (0, 0);
    for (eight, classes) in eights.iter().enumerate() {
        let classes = u64::from_le_bytes(*classes);
        all |= classes;
        // Whose bits are set in each of the eight bytes: half of them, and half of that.
        let each = classes & classes >> 32;
        let each = each & each >> 16;
        full |= (each & each >> 8 & 0xff) << (eight * 8);
    }
    // What lies behind the end fills no eight.
    if end - start < BLOCK {
        full &= (1 << ((end - start) / 8 * 8)) - 1;
    }
    let words = full & ALL_WORD;
    // Where the eight before are a part of the word, it was looked at.
    let mut begins = words & !((words << 8) | if before & ALL_WORD == ALL_WORD { u64::from(WORD) } else { 0 });
    while begins != 0 {
        let eight = begins.trailing_zeros() as usize / 8;
        let before = eight.checked_sub(1).map_or(before, |before| u64::from_le_bytes(eights[before]));
        look.word(start + eight * 8 - (!before & ALL_WORD).leading_zeros() as usize / 8);
        begins &= begins - 1;
    }
    let mut numbers = full & ALL_NO_LETTER;
    while numbers != 0 {
        look.numbers(start + numbers.trailing_zeros() as usize / 8 * 8);
        numbers &= numbers - 1;
    }
    if all & MARKS != 0 {
        // The product gathers the lowest bits of eight bytes in its highest byte.
        let gathered = eights.iter().map(|eight| (u64::from_le_bytes(*eight) & MARKS).wrapping_mul(0x0102_0408_1020_4080) >> 56);
        let mut marks = gathered.enumerate().fold(0, |marks, (eight, bits)| marks | bits << (eight * 8));
        while marks != 0 {
            look.mark(start + marks.trailing_zeros() as usize);
            marks &= marks - 1;
        }
    }
    eights.last().map_or(0, |last| u64::from_le_bytes(*last))
}

#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "without a branch the compiler compares many bytes at once")]
const fn class_of(byte: u8, next: u8) -> u8 {
    let is_letter = is_last(byte | 0x20, b'z', 26);
    let is_word = is_letter | is_last(byte, b'9', 10) | (byte == b'_') | (byte == b'-');
    (if is_mark(byte, next) { MARK } else { 0 }) | (if is_word { WORD } else { 0 }) | (if is_letter { 0 } else { NO_LETTER })
}

#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "as above")]
const fn is_mark(byte: u8, next: u8) -> bool {
    // `:;<=>` stand side by side; `%` and `'` differ in one bit, as do `a` and `e`.
    let is_sign = is_last(byte, b'>', 5) | (byte | 2 == b'\'');
    let is_scheme = (byte | 0x20 == b'b') & (next & !0x24 == b'A');
    is_sign | (byte == b'-') & (next == b'-') | (byte == b'\\') & (next == b'u') | is_scheme
}

/// Whether it is one of the so many bytes up to `last`: they are moved to the upper end of small numbers with a sign, which takes one
/// instruction less than two comparisons.
#[inline]
const fn is_last(byte: u8, last: u8, num: i8) -> bool {
    byte.wrapping_add(0x7f - last) as i8 > 0x7f - num
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen {
        marks: Vec<usize>,
        words: Vec<usize>,
        numbers: Vec<usize>,
    }

    impl Look for Seen {
        fn mark(&mut self, at: usize) {
            self.marks.push(at);
        }

        fn word(&mut self, start: usize) {
            self.words.push(start);
        }

        fn numbers(&mut self, at: usize) {
            self.numbers.push(at);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_block_at_a_time_finds_what_byte_by_byte_is_found(bytes in proptest::collection::vec(proptest::sample::select(b"aaa00__--:='%3bBeaAsS ></\xffZ9<(\\u".to_vec()), 0..150)) {
            let mut seen = Seen::default();
            walk(&bytes, &mut seen);
            let is_mark = |at: &usize| {
                let begins = |mark: &&[u8]| bytes.len() >= at + mark.len() && bytes[*at..at + mark.len()].eq_ignore_ascii_case(mark);
                [&b":"[..], b";", b"<", b"=", b">", b"'", b"%", b"--", b"be", b"ba"].iter().any(begins) || bytes[*at..].starts_with(b"\\u")
            };
            proptest::prop_assert_eq!(seen.marks, (0..bytes.len()).filter(is_mark).collect::<Vec<_>>());
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            let eights = || (0..bytes.len() / 8).map(|eight| eight * 8).filter(|_| bytes.len() >= SHORTEST_TOKEN);
            let all = |at: &usize, is: &dyn Fn(u8) -> bool| bytes[*at..at + 8].iter().all(|byte| is(*byte));
            let begins_at = |at: usize| at - bytes[..at].iter().rev().take(8).take_while(|byte| is_word(**byte)).count();
            let words: Vec<usize> = eights().filter(|at| all(at, &is_word)).map(|at| (at, begins_at(at))).filter(|(at, from)| at - from < 8).map(|(_, from)| from).collect();
            proptest::prop_assert_eq!(seen.words, words);
            proptest::prop_assert_eq!(seen.numbers, eights().filter(|at| all(at, &|byte| !byte.is_ascii_alphabetic())).collect::<Vec<_>>());
        }
    }
}
