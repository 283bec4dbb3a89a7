//! How far two texts are alike from their beginnings and from their ends. Pure.

/// Bytes that are compared at once.
const BLOCK_BYTES: usize = 256;

/// The bytes of the first blocks that are the same.
fn same<'a>(blocks: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> usize {
    blocks.take_while(|(one, other)| one == other).map(|(block, _)| block.len()).sum()
}

/// The bytes that are the same at the beginning.
fn alike_from_begin(one: &[u8], other: &[u8]) -> usize {
    let before = same(one.chunks(BLOCK_BYTES).zip(other.chunks(BLOCK_BYTES)));
    before + one[before..].iter().zip(&other[before..]).take_while(|(one, other)| one == other).count()
}

/// The bytes that are the same at the end.
fn alike_from_end(one: &[u8], other: &[u8]) -> usize {
    let behind = same(one.rchunks(BLOCK_BYTES).zip(other.rchunks(BLOCK_BYTES)));
    let rests = (&one[..one.len() - behind], &other[..other.len() - behind]);
    behind + rests.0.iter().rev().zip(rests.1.iter().rev()).take_while(|(one, other)| one == other).count()
}

/// How much of two texts is the same at the beginning, and of the rest at the end, in bytes of whole characters.
pub(crate) fn common_ends_of_texts(one: &str, other: &str) -> (usize, usize) {
    let mut before = alike_from_begin(one.as_bytes(), other.as_bytes());
    while !(one.is_char_boundary(before) && other.is_char_boundary(before)) {
        before -= 1;
    }
    let mut behind = alike_from_end(&one.as_bytes()[before..], &other.as_bytes()[before..]);
    while !(one.is_char_boundary(one.len() - behind) && other.is_char_boundary(other.len() - behind)) {
        behind -= 1;
    }
    (before, behind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_between_the_ends_makes_one_text_of_the_other(start in "[aé]{0,600}", one in "[abé☂]{0,9}", other in "[abè☁]{0,9}", end in "[aé]{0,600}") {
            let (one, other) = (format!("{start}{one}{end}"), format!("{start}{other}{end}"));
            let (before, behind) = common_ends_of_texts(&one, &other);
            let mut made = one.clone();
            made.replace_range(before..one.len() - behind, &other[before..other.len() - behind]);
            prop_assert_eq!(&made, &other);
            prop_assert!(before >= start.len());
            prop_assert!(before + behind >= (start.len() + end.len()).min(one.len()).min(other.len()));
        }
    }
}
