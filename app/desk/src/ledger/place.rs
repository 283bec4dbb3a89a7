//! How the ledger writes a place: bytes that are compared as places are, so that an index over them keeps their order.
//!
//! The first byte tells the kind. 1: in a log; partition (4 bytes), then offset (8 bytes), both big-endian with their sign bit turned, so
//! that what is less than zero comes first. 2: opaque; its bytes as they are. 3: no place; nothing follows.

use switchboard_model::Place;

const OFFSET: u8 = 1;
const OPAQUE: u8 = 2;
const NONE: u8 = 3;

const SIGN_32: u32 = 1 << 31;
const SIGN_64: u64 = 1 << 63;

/// A place as it is written.
pub(super) fn encode(place: &Place) -> Vec<u8> {
    match place {
        Place::Offset { partition, offset } => {
            let mut bytes = vec![OFFSET];
            bytes.extend((partition.cast_unsigned() ^ SIGN_32).to_be_bytes());
            bytes.extend((offset.cast_unsigned() ^ SIGN_64).to_be_bytes());
            bytes
        }
        Place::Opaque(opaque) => [&[OPAQUE][..], opaque].concat(),
        Place::None => vec![NONE],
    }
}

/// A place as it was written; `None` = these bytes are none.
pub(super) fn decode(bytes: &[u8]) -> Option<Place> {
    match bytes.split_first()? {
        (&OFFSET, rest) => {
            let (partition, offset) = rest.split_first_chunk::<4>()?;
            let partition = (u32::from_be_bytes(*partition) ^ SIGN_32).cast_signed();
            let offset = (u64::from_be_bytes(offset.try_into().ok()?) ^ SIGN_64).cast_signed();
            Some(Place::Offset { partition, offset })
        }
        (&OPAQUE, rest) => Some(Place::Opaque(rest.to_vec())),
        (&NONE, []) => Some(Place::None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> impl Strategy<Value = Place> {
        let number = prop_oneof![any::<i64>(), prop::sample::select(vec![i64::MIN, -1, 0, 1, 255, 256, i64::MAX])];
        let partition = prop_oneof![any::<i32>(), prop::sample::select(vec![i32::MIN, -1, 0, 1, 255, 256, i32::MAX])];
        prop_oneof![
            4 => (partition, number).prop_map(|(partition, offset)| Place::at(partition, offset)),
            2 => prop::collection::vec(any::<u8>(), 0..20).prop_map(Place::Opaque),
            1 => Just(Place::None),
        ]
    }

    #[test]
    fn a_place_is_written_as_it_is_documented() {
        assert_eq!(encode(&Place::at(2, 100)), [1, 0x80, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 100]);
        assert_eq!(encode(&Place::at(-1, -1)), [1, 0x7f, 255, 255, 255, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(encode(&Place::Opaque(vec![1, 0])), [2, 1, 0]);
        assert_eq!(encode(&Place::None), [3]);
        for bytes in [&[][..], &[0], &[1], &[1, 2, 3], &[1; 12], &[1; 14], &[3, 0], &[4]] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_it_was_and_is_ordered_as_places_are(one in place(), other in place()) {
            prop_assert_eq!(decode(&encode(&one)), Some(one.clone()));
            prop_assert_eq!(encode(&one).cmp(&encode(&other)), one.cmp(&other));
        }

        #[test]
        fn no_bytes_are_read_as_what_they_do_not_say(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Some(place) = decode(&bytes) {
                prop_assert_eq!(encode(&place), bytes);
            }
        }
    }
}
