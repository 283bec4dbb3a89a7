//! The one pass over a text: which of its bytes are worth a look. A block of bytes is compared at once; most are none.

/// Who looks at what the pass comes upon: each kind in the order of the text.
pub(super) trait Look {
    /// A byte that a shape is recognised by: one of `:;<=>?@'%bB`, or the first of two dashes.
    fn mark(&mut self, at: usize);
    /// Eight letters, digits, `-` or `_` from here on, at a multiple of eight. Any 15 bytes of a token hold such eight.
    fn word(&mut self, at: usize);
    /// Eight bytes from here on without letters, at a multiple of eight.
    fn numbers(&mut self, at: usize);
}

/// Bytes that are looked at at once: enough that comparing them takes few instructions each.
const BLOCK: usize = 32;

const MARK: u8 = 1;
const WORD: u8 = 2;
const NUMBERS: u8 = 4;

/// Below so many bytes there is neither a token nor the number of a card.
const SHORTEST_TOKEN: usize = 14;

/// Fills the last block; none of it is a mark.
const FILL: [u8; BLOCK + 8] = *b"a a a a a a a a a a a a a a a a a a a a ";

/// Walks over a text.
pub(super) fn walk(bytes: &[u8], look: &mut impl Look) {
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ BLOCK + 1 }>) {
        look_at(block, at, bytes.len(), look);
        at += BLOCK;
    }
    let rest = &bytes[at..];
    if rest.len() >= 8 && bytes.len() >= SHORTEST_TOKEN {
        let mut last = FILL;
        last[..rest.len()].copy_from_slice(rest);
        if let Some(block) = last.first_chunk::<{ BLOCK + 1 }>() {
            look_at(block, at, bytes.len(), look);
        }
        return;
    }
    for (place, byte) in rest.iter().enumerate() {
        if IS_MARK[usize::from(*byte)] && (*byte != b'-' || rest.get(place + 1) == Some(&b'-')) {
            look.mark(at + place);
        }
    }
}

/// Bytes that may be a mark.
const IS_MARK: [bool; 256] = {
    let mut is = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        is[byte] = class_of(byte as u8, b'-') & MARK != 0;
        byte += 1;
    }
    is
};

#[inline]
fn look_at(block: &[u8; BLOCK + 1], start: usize, end: usize, look: &mut impl Look) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const MARKS: u64 = EACH * MARK as u64;
    const ALL_WORD: u64 = EACH * WORD as u64;
    const ALL_NUMBERS: u64 = EACH * NUMBERS as u64;
    let mut classes = [0; BLOCK];
    for ((class, byte), next) in classes.iter_mut().zip(&block[..BLOCK]).zip(&block[1..]) {
        *class = class_of(*byte, *next);
    }
    let eights = classes.as_chunks::<8>().0;
    // Most blocks hold nothing of some kind.
    let mut all = 0;
    let mut full = 0;
    for classes in eights {
        let classes = u64::from_le_bytes(*classes);
        all |= classes;
        // Whose bits are set in each of the eight bytes: half of them, and half of that.
        let each = classes & classes >> 32;
        let each = each & each >> 16;
        full |= each & each >> 8;
    }
    if full as u8 & (WORD | NUMBERS) != 0 {
        for (eight, classes) in eights.iter().enumerate() {
            let classes = u64::from_le_bytes(*classes);
            let at = start + eight * 8;
            if classes & ALL_WORD == ALL_WORD && at + 8 <= end {
                look.word(at);
            }
            if classes & ALL_NUMBERS == ALL_NUMBERS && at + 8 <= end {
                look.numbers(at);
            }
        }
    }
    if all & MARKS != 0 {
        for (eight, classes) in eights.iter().enumerate() {
            let mut marks = u64::from_le_bytes(*classes) & MARKS;
            while marks != 0 {
                look.mark(start + eight * 8 + marks.trailing_zeros() as usize / 8);
                marks &= marks - 1;
            }
        }
    }
}

#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "without a branch the compiler compares many bytes at once")]
const fn class_of(byte: u8, next: u8) -> u8 {
    let small = byte | 0x20;
    let is_dash = byte == b'-';
    // `:;<=>?@` stand side by side, between digits and letters.
    let is_mark = (byte.wrapping_sub(b':') < 7) | (byte == b'\'') | (byte == b'%') | (small == b'b') | (is_dash & (next == b'-'));
    let is_word = (small.wrapping_sub(b'a') < 26) | (byte.wrapping_sub(b'0') < 10) | (byte == b'_') | is_dash;
    let is_number = (byte as i8) < b':' as i8;
    is_mark as u8 * MARK + is_word as u8 * WORD + is_number as u8 * NUMBERS
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

        fn word(&mut self, at: usize) {
            self.words.push(at);
        }

        fn numbers(&mut self, at: usize) {
            self.numbers.push(at);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_block_at_a_time_finds_what_byte_by_byte_is_found(bytes in proptest::collection::vec(proptest::sample::select(b"a0_-:='%bB \xffZ9<".to_vec()), 0..150)) {
            let mut seen = Seen::default();
            walk(&bytes, &mut seen);
            let is_mark = |at: &usize| b":;<=>?@'%bB".contains(&bytes[*at]) || bytes[*at..].starts_with(b"--");
            proptest::prop_assert_eq!(seen.marks, (0..bytes.len()).filter(is_mark).collect::<Vec<_>>());
            let eights = || (0..bytes.len() / 8).map(|eight| eight * 8);
            let all = |at: &usize, is: &dyn Fn(u8) -> bool| bytes[*at..at + 8].iter().all(|byte| is(*byte));
            proptest::prop_assert_eq!(seen.words, eights().filter(|at| all(at, &|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')).collect::<Vec<_>>());
            proptest::prop_assert_eq!(seen.numbers, eights().filter(|at| all(at, &|b| !(b':'..=127).contains(&b))).collect::<Vec<_>>());
        }
    }
}
