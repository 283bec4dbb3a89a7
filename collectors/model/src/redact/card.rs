//! Numbers of payment cards, told by issuer, length, grouping and check digit. Other long numbers stay readable.

use std::ops::Range;

/// Digits of the longest row that is looked at; what is longer is no card.
const LONGEST: usize = 32;

/// Digits of the shortest card number.
const SHORTEST: usize = 14;

/// Whether the eight bytes there may belong to a card's number: digits, but for two.
#[inline]
pub(super) fn may_be(bytes: &[u8], at: usize) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = EACH * 0x80;
    let Some(eight) = bytes[at..].first_chunk::<8>() else { return false };
    let eight = u64::from_le_bytes(*eight);
    // None is above `9`, so that this sets the highest bit of those from `0` on.
    eight & HIGHEST == 0 && ((eight + EACH * 0x50) & HIGHEST).count_ones() >= 6
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
    let mut end = first;
    while is_digit(end) || is_gap(end) && is_digit(end + 1) {
        end += 1;
    }
    if end - start < SHORTEST {
        return end.max(at + 8);
    }
    let mut group_start = start;
    // Starts of the last three groups, and their lengths.
    let mut last = [(0, 0); 4];
    while group_start < end {
        let mut group_end = group_start;
        while group_end < end && is_digit(group_end) {
            group_end += 1;
        }
        last.rotate_left(1);
        last[3] = (group_start, group_end - group_start);
        let lengths = last.map(|(_, len)| len);
        let begins = match lengths {
            [4, 4, 4, 4] => Some(last[0].0),
            [_, 4, 6, 5] => Some(last[1].0),
            [_, _, _, 13..=19] => Some(group_start),
            _ => None,
        };
        if let Some(begins) = begins
            && stands_alone(bytes, begins..group_end)
            && is_card(&bytes[begins..group_end])
        {
            give(begins..group_end);
            last = [(0, 0); 4];
        }
        group_start = group_end + 1;
    }
    end.max(at + 8)
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
