//! Numbers of payment cards, told by issuer, length, grouping and check digit. Other long numbers stay readable.

use std::ops::Range;

/// Digits of the longest row that is looked at; what is longer is no card.
const LONGEST: usize = 32;

/// Digits of the shortest card number.
const SHORTEST: usize = 14;

/// The highest bit of each of eight bytes that is no digit.
#[inline]
fn no_digits(eight: [u8; 8]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Digits become 0 to 9; what is more sets the highest bit once 0x76 is added.
    let eight = u64::from_le_bytes(eight) ^ (EACH * 0x30);
    (((eight & (EACH * 0x7f)) + EACH * 0x76) | eight) & (EACH * 0x80)
}

/// Whether the eight bytes there may belong to a card's number: digits, but for two.
#[inline]
pub(super) fn may_be(bytes: &[u8], at: usize) -> bool {
    bytes[at..].first_chunk::<8>().is_some_and(|eight| {
        // Without the lowest, and that once more.
        let others = no_digits(*eight);
        let others = others & others.wrapping_sub(1);
        others & others.wrapping_sub(1) == 0
    })
}

/// Where the digits end that stand from there on.
#[inline]
fn digits_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(eight) = bytes[at..].first_chunk::<8>() {
        let others = no_digits(*eight);
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Gives the card numbers in the row of numbers around `at`, and says where the row ends. Numbers belong to a row where a single
/// space or dash is between them.
pub(super) fn cards(bytes: &[u8], at: usize, mut give: impl FnMut(Range<usize>)) -> usize {
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_gap = |at: usize| matches!(bytes.get(at), Some(b' ' | b'-'));
    let Some(first) = (at..at + 8).find(|at| is_digit(*at)) else { return at + 8 };
    let mut start = first;
    // What lies further back was looked at, or is no card.
    while start > 0 && first - start < LONGEST && (is_digit(start - 1) || start > 1 && is_gap(start - 1) && is_digit(start - 2)) {
        start -= 1;
    }
    let mut group_start = start;
    // Lengths of the last four groups, the last one lowest.
    let mut lengths = 0_u32;
    loop {
        let end = digits_end(bytes, group_start);
        let len = end - group_start;
        lengths = lengths << 8 | len.min(0xff) as u32;
        let begins = match len {
            4 if lengths == 0x0404_0404 => Some(end - 19),
            5 if lengths & 0x00ff_ffff == 0x0004_0605 => Some(end - 17),
            13..=19 => Some(group_start),
            _ => None,
        };
        if let Some(begins) = begins
            && stands_alone(bytes, begins..end)
            && is_card(&bytes[begins..end])
        {
            give(begins..end);
            lengths = 0;
        }
        if !is_gap(end) || !is_digit(end + 1) {
            return end.max(at + 8);
        }
        group_start = end + 1;
    }
}

/// Whether it is no part of a word, a fraction or another number.
fn stands_alone(bytes: &[u8], number: Range<usize>) -> bool {
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'+');
    let behind = bytes.get(number.end);
    let is_fraction = behind == Some(&b'.') && bytes.get(number.end + 1).is_some_and(u8::is_ascii_digit);
    bytes[..number.start].last().is_none_or(|byte| !goes_on(*byte))
        && behind.is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-'))
        && !is_fraction
}

fn is_card(number: &[u8]) -> bool {
    let mut digits = [0_u8; 19];
    let mut len = 0;
    for digit in number.iter().filter(|byte| byte.is_ascii_digit()) {
        let Some(place) = digits.get_mut(len) else { return false };
        *place = digit - b'0';
        len += 1;
    }
    let digits = &digits[..len];
    let leading = |num: usize| digits[..num].iter().fold(0_u32, |all, digit| all * 10 + u32::from(*digit));
    if len < SHORTEST {
        return false;
    }
    let is_issued = match leading(4) {
        // Visa; Mastercard; Discover; JCB
        4000..=4999 | 5100..=5599 | 2221..=2720 | 6011 | 6440..=6599 | 3528..=3589 => len == 16,
        // American Express
        3400..=3499 | 3700..=3799 => len == 15,
        // Diners Club
        3600..=3699 | 3800..=3899 | 3000..=3059 => len == 14,
        // UnionPay
        6200..=6299 => len == 16 || len == 19,
        _ => false,
    };
    is_issued && digits.iter().any(|digit| *digit != digits[len - 1]) && check_digit_fits(digits)
}

/// Luhn's sum (ISO/IEC 7812-1, annex B).
fn check_digit_fits(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            match (place % 2, digit) {
                (0, digit) => digit,
                (_, digit @ 0..=4) => digit * 2,
                (_, digit) => digit * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}
