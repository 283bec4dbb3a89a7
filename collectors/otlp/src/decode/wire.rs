//! A protobuf reader that borrows from the wire and never trusts a length.

/// Bytes that are not what they say they are: why, in a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// How deep unknown groups may nest.
const MAX_GROUP_DEPTH: usize = 64;

/// Reads the fields of one message in the order in which they were sent.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field's tag (field number × 8 + wire type), or `None` at the end of the message.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<Option<u32>, Malformed> {
        let Some((&first, rest)) = self.rest.split_first() else { return Ok(None) };
        let tag = if first < 0x80 {
            self.rest = rest;
            u32::from(first)
        } else {
            u32::try_from(self.varint()?).map_err(|_| Malformed("a field number is too large"))?
        };
        if tag < 8 { Err(Malformed("a field has the number 0")) } else { Ok(Some(tag)) }
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        match self.rest.split_first() {
            Some((&first, rest)) if first < 0x80 => {
                self.rest = rest;
                Ok(u64::from(first))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (at, &byte) in self.rest.iter().take(10).enumerate() {
            if at == 9 && byte > 1 {
                return Err(Malformed("a number has more than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(Malformed(if self.rest.len() < 10 { "it ends in the middle of a number" } else { "a number has more than 64 bits" }))
    }

    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, Malformed> {
        let Some((value, rest)) = self.rest.split_first_chunk::<8>() else { return Err(Malformed("it ends in the middle of a number")) };
        self.rest = rest;
        Ok(u64::from_le_bytes(*value))
    }

    #[inline]
    pub(crate) fn fixed32(&mut self) -> Result<u32, Malformed> {
        let Some((value, rest)) = self.rest.split_first_chunk::<4>() else { return Err(Malformed("it ends in the middle of a number")) };
        self.rest = rest;
        Ok(u32::from_le_bytes(*value))
    }

    /// The bytes of a string, of bytes or of a message within.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.varint()?;
        if len > self.rest.len() as u64 {
            return Err(Malformed("a length reaches past the end"));
        }
        let (bytes, rest) = self.rest.split_at(len as usize);
        self.rest = rest;
        Ok(bytes)
    }

    /// Passes over the value of a field that is not known (or has another type than the known one).
    #[inline]
    pub(crate) fn skip(&mut self, tag: u32) -> Result<(), Malformed> {
        match tag & 7 {
            0 => self.varint().map(drop),
            1 => self.fixed64().map(drop),
            2 => self.bytes().map(drop),
            5 => self.fixed32().map(drop),
            3 => self.skip_group(tag >> 3),
            4 => Err(Malformed("a group ends that never began")),
            _ => Err(Malformed("a field has an unknown wire type")),
        }
    }

    #[cold]
    fn skip_group(&mut self, field: u32) -> Result<(), Malformed> {
        let mut open = vec![field];
        while let Some(&innermost) = open.last() {
            let Some(tag) = self.tag()? else { return Err(Malformed("a group does not end")) };
            match tag & 7 {
                3 if open.len() >= MAX_GROUP_DEPTH => return Err(Malformed("groups nest too deep")),
                3 => open.push(tag >> 3),
                4 if tag >> 3 == innermost => drop(open.pop()),
                4 => return Err(Malformed("a group ends that never began")),
                _ => self.skip(tag)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX >> 1, u64::MAX] {
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(value, &mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.varint(), Ok(value));
            assert!(reader.rest.is_empty());
            for cut in 0..bytes.len() {
                assert!(Reader::new(&bytes[..cut]).varint().is_err(), "{value} cut at {cut}");
            }
        }
        assert!(Reader::new(&[0xff; 10]).varint().is_err());
        assert!(Reader::new(&[0xff; 11]).varint().is_err());
    }

    #[test]
    fn lengths_are_not_believed() {
        assert_eq!(Reader::new(&[5, b'a', b'b']).bytes(), Err(Malformed("a length reaches past the end")));
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, b'a'];
        assert_eq!(Reader::new(&huge).bytes(), Err(Malformed("a length reaches past the end")));
    }

    #[test]
    fn groups_are_passed_over_and_bounded() {
        // Field 9: group { field 1: 5, group 2 {} }, then field 1: 7.
        let bytes = [0x4b, 0x08, 5, 0x13, 0x14, 0x4c, 0x08, 7];
        let mut reader = Reader::new(&bytes);
        let tag = reader.tag().unwrap().unwrap();
        reader.skip(tag).unwrap();
        assert_eq!(reader.tag(), Ok(Some(8)));
        assert_eq!(reader.varint(), Ok(7));
        let deep = vec![0x4b; 100_000];
        let mut reader = Reader::new(&deep);
        let tag = reader.tag().unwrap().unwrap();
        assert_eq!(reader.skip(tag), Err(Malformed("groups nest too deep")));
        for bad in [&[0x4c][..], &[0x4f, 0], &[0x00, 0], &[0x4b, 0x54], &[0x4b]] {
            let mut reader = Reader::new(bad);
            assert!(reader.tag().and_then(|tag| reader.skip(tag.unwrap())).is_err(), "{bad:?}");
        }
    }
}
