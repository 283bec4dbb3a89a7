//! Hexadecimal digits to numbers, faster than the standard library reads any radix.

/// Which letters count as digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// `0`–`9`, `a`–`f`.
    Lower,
    /// Also `A`–`F`.
    Any,
}

/// No digit.
const NONE: u8 = 0xff;
const LOWER: [u8; 256] = table(false);
const ANY: [u8; 256] = table(true);

const fn table(any_case: bool) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut digit = 0;
    while digit < 16 {
        let lower = b"0123456789abcdef"[digit as usize];
        table[lower as usize] = digit;
        if any_case {
            table[lower.to_ascii_uppercase() as usize] = digit;
        }
        digit += 1;
    }
    table
}

/// The number that at most 16 digits write; no digits are 0. `None` where there are more, or one is none.
#[inline]
pub(crate) fn number(digits: &[u8], case: Case) -> Option<u64> {
    if digits.len() > 16 {
        return None;
    }
    let table = if case == Case::Lower { &LOWER } else { &ANY };
    let (mut number, mut seen) = (0_u64, 0);
    for digit in digits {
        let value = table[usize::from(*digit)];
        seen |= value;
        number = number << 4 | u64::from(value & 0xf);
    }
    (seen < 16).then_some(number)
}
