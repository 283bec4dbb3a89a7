//! How far two texts are alike from their beginnings and from their ends. Pure.

/// Bytes that are compared at once.
const BLOCK_BYTES: usize = 256;

/// The bytes of the first blocks that are the same.
fn same<'a>(blocks: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> usize {
    blocks.take_while(|(one, other)| one == other).map(|(block, _)| block.len()).sum()
}

/// The bytes that are the same at the beginning, and of the rest those that are the same at the end.
pub(crate) fn common_ends(one: &[u8], other: &[u8]) -> (usize, usize) {
    let mut before = same(one.chunks(BLOCK_BYTES).zip(other.chunks(BLOCK_BYTES)));
    before += one[before..].iter().zip(&other[before..]).take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[before..], &other[before..]);
    let mut behind = same(one.rchunks(BLOCK_BYTES).zip(other.rchunks(BLOCK_BYTES)));
    let rests = (&one[..one.len() - behind], &other[..other.len() - behind]);
    behind += rests.0.iter().rev().zip(rests.1.iter().rev()).take_while(|(one, other)| one == other).count();
    (before, behind)
}

/// The same of texts, in whole characters.
pub(crate) fn common_ends_of_texts(one: &str, other: &str) -> (usize, usize) {
    let (mut before, mut behind) = common_ends(one.as_bytes(), other.as_bytes());
    while !(one.is_char_boundary(before) && other.is_char_boundary(before)) {
        before -= 1;
    }
    behind = behind.min(one.len() - before).min(other.len() - before);
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
            let (one, other) = (one.as_bytes(), other.as_bytes());
            let (before, behind) = common_ends(one, other);
            let is_all = before + behind == one.len().min(other.len());
            prop_assert!(is_all || one[before] != other[before] && one[one.len() - behind - 1] != other[other.len() - behind - 1]);
        }
    }
}
