//! Looking along the bytes of a text.

/// Where the run of bytes that are a part ends, of so many at most.
#[inline]
pub(super) fn run_end(bytes: &[u8], from: usize, most: usize, is_part: impl Fn(u8) -> bool) -> usize {
    from + bytes[from.min(bytes.len())..].iter().take(most).take_while(|byte| is_part(**byte)).count()
}

/// Where a part of a text begins in it.
#[inline]
pub(super) fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
