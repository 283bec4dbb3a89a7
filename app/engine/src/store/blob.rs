//! Values of varying length, end to end in one run of bytes.

/// Appends an unsigned number, 7 bits a byte, lowest first.
#[inline]
pub(crate) fn put_varint(blob: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        blob.push(number as u8 | 0x80);
        number >>= 7;
    }
    blob.push(number as u8);
}

/// Appends a signed number; small ones of either sign are short.
#[inline]
pub(crate) fn put_signed(blob: &mut Vec<u8>, number: i64) {
    put_varint(blob, (number << 1 ^ number >> 63) as u64);
}

/// Appends bytes behind their length.
#[inline]
pub(crate) fn put_bytes(blob: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(blob, bytes.len() as u64);
    blob.extend_from_slice(bytes);
}

/// Appends bytes or "null", which is not the same as empty.
pub(crate) fn put_optional(blob: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(blob, 0),
        Some(bytes) => {
            put_varint(blob, bytes.len() as u64 + 1);
            blob.extend_from_slice(bytes);
        }
    }
}

/// Reads what the `put` functions wrote, in the same order. Past the end all is zero and empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Reads from the start of these bytes.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// One byte.
    #[inline]
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// An unsigned number.
    #[inline]
    pub(crate) fn varint(&mut self) -> u64 {
        let mut number = 0;
        let mut shift = 0;
        loop {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 || shift > 63 {
                return number;
            }
        }
    }

    /// A signed number.
    #[inline]
    pub(crate) fn signed(&mut self) -> i64 {
        let number = self.varint();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }

    /// That many bytes, or all that are left.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Bytes behind their length.
    #[inline]
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let len = self.varint() as usize;
        self.take(len)
    }

    /// Bytes or "null".
    pub(crate) fn optional(&mut self) -> Option<&'a [u8]> {
        match self.varint() {
            0 => None,
            len => Some(self.take(len as usize - 1)),
        }
    }

    /// 8 bytes as they lie.
    pub(crate) fn fixed_u64(&mut self) -> u64 {
        self.take(8).try_into().map_or(0, u64::from_le_bytes)
    }

    /// 16 bytes as they lie.
    pub(crate) fn fixed_u128(&mut self) -> u128 {
        self.take(16).try_into().map_or(0, u128::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_come_back() {
        let mut blob = Vec::new();
        let numbers = [0, 1, -1, 63, -64, 64, i64::MAX, i64::MIN];
        for number in numbers {
            put_signed(&mut blob, number);
        }
        put_varint(&mut blob, u64::MAX);
        put_bytes(&mut blob, b"abc");
        put_optional(&mut blob, None);
        put_optional(&mut blob, Some(b""));
        let mut cursor = Cursor::new(&blob);
        for number in numbers {
            assert_eq!(cursor.signed(), number);
        }
        assert_eq!(cursor.varint(), u64::MAX);
        assert_eq!(cursor.bytes(), b"abc");
        assert_eq!((cursor.optional(), cursor.optional()), (None, Some(&b""[..])));
        assert_eq!((cursor.varint(), cursor.bytes()), (0, &b""[..]));
    }
}
