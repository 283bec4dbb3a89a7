//! A request's body, put together from the parts in which it comes.

use bytes::Bytes;

use crate::failure::Failure;

/// A body of more bytes than these gets all the room it is told to need at once.
const LONG_BYTES: usize = 1 << 20;
/// What stands before the message of a gRPC frame: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// The parts of a body, put together without taking memory for more than has come.
pub(crate) struct Gathered {
    /// How long it is told to be.
    told_bytes: Option<usize>,
    max_bytes: usize,
    /// Whether it is a gRPC frame.
    is_framed: bool,
    /// The only part, while there is one.
    single: Bytes,
    joined: Vec<u8>,
}

impl Gathered {
    /// Of a body that is told to have so many bytes, has so many at most, and is a gRPC frame or not.
    pub(crate) fn new(told_bytes: Option<usize>, max_bytes: usize, is_framed: bool) -> Self {
        Self { told_bytes, max_bytes, is_framed, single: Bytes::new(), joined: Vec::new() }
    }

    /// What it will hold with one part more.
    pub(crate) fn num_bytes_with(&self, data: &Bytes) -> usize {
        self.single.len() + self.joined.len() + data.len()
    }

    pub(crate) fn push(&mut self, data: Bytes) -> Result<(), Failure> {
        if self.single.is_empty() && self.joined.is_empty() {
            self.single = data;
            return Ok(());
        }
        let num_bytes = self.num_bytes_with(&data);
        if num_bytes > self.joined.capacity() {
            let room = self.room_for(num_bytes);
            self.joined.try_reserve_exact(room - self.joined.len()).map_err(|_| Failure::NoRoom)?;
        }
        let single = std::mem::take(&mut self.single);
        self.joined.extend_from_slice(&single);
        self.joined.extend_from_slice(&data);
        Ok(())
    }

    fn room_for(&self, num_bytes: usize) -> usize {
        if num_bytes <= LONG_BYTES {
            return num_bytes.next_power_of_two();
        }
        // Pages that are not written to take no memory, and what never moves is never there twice.
        let framed = || self.frame_length().map(|length| length + PREFIX_BYTES);
        let told_bytes = self.told_bytes.or_else(framed).filter(|told_bytes| *told_bytes >= num_bytes);
        told_bytes.unwrap_or(self.max_bytes).min(self.max_bytes).max(num_bytes)
    }

    /// The length that a gRPC frame says it has, once that has arrived.
    pub(crate) fn frame_length(&self) -> Option<usize> {
        let bytes: &[u8] = if self.joined.is_empty() { &self.single } else { &self.joined };
        let length = bytes.get(1..PREFIX_BYTES).filter(|_| self.is_framed)?;
        Some(u32::from_be_bytes(length.try_into().ok()?) as usize)
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.single } else { self.joined.into() }
    }
}

/// The one message in a gRPC body, and whether it is compressed.
pub(crate) fn unframed(body: &Bytes) -> Result<(Bytes, bool), Failure> {
    let Some((&[flag, a, b, c, d], message)) = body.split_first_chunk::<PREFIX_BYTES>() else {
        return Err(Failure::Frame(if body.is_empty() { "there is no message" } else { "it ends within its prefix" }));
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if flag > 1 {
        return Err(Failure::Frame("its first byte is neither 0 nor 1"));
    }
    if length > message.len() {
        return Err(Failure::Frame("its length reaches past the end"));
    }
    if length < message.len() {
        return Err(Failure::Frame("something comes after its only message"));
    }
    Ok((body.slice(PREFIX_BYTES..), flag == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// Pushes parts of 64 KiB, and tells where the body lay when it first was long, and the whole.
    fn pushed(mut gathered: Gathered, body: &[u8]) -> (*const u8, Vec<u8>) {
        let mut at: *const u8 = std::ptr::null();
        for part in body.chunks(64 << 10) {
            gathered.push(Bytes::copy_from_slice(part)).expect("room");
            if at.is_null() && gathered.joined.len() > LONG_BYTES {
                at = gathered.joined.as_ptr();
            }
        }
        (at, gathered.into_bytes().into())
    }

    #[test]
    fn a_long_body_never_moves_whatever_is_told_of_its_length() {
        let body: Vec<u8> = (0..9 * MIB as u32 / 4).flat_map(u32::to_le_bytes).collect();
        for told_bytes in [None, Some(body.len())] {
            let (at, whole) = pushed(Gathered::new(told_bytes, 16 * MIB, false), &body);
            assert_eq!((whole.as_ptr(), whole == body), (at, true), "{told_bytes:?}");
        }
        let frame = [&[0][..], &(body.len() as u32).to_be_bytes(), &body].concat();
        let (at, whole) = pushed(Gathered::new(None, 16 * MIB, true), &frame);
        assert_eq!((whole.as_ptr(), whole.capacity(), whole == frame), (at, frame.len(), true));
        // It has more than it said.
        let (_, whole) = pushed(Gathered::new(Some(2 * MIB), 16 * MIB, false), &body);
        assert!(whole == body && whole.capacity() <= 16 * MIB, "{}", whole.capacity());
    }

    #[test]
    fn nothing_is_taken_for_what_is_only_told() {
        let mut gathered = Gathered::new(Some(64 * MIB), 64 * MIB, false);
        for _ in 0..16 {
            gathered.push(Bytes::from_static(&[0; 1024])).expect("room");
        }
        assert_eq!(gathered.joined.capacity(), 16 << 10);
    }

    #[test]
    fn what_there_is_no_room_for_is_refused() {
        let mut gathered = Gathered::new(Some(isize::MAX as usize), usize::MAX, false);
        let long = Bytes::from(vec![0; MIB]);
        gathered.push(long.clone()).expect("room");
        assert!(matches!(gathered.push(long), Err(Failure::NoRoom)));
    }
}
