//! Which message: its cluster, its channel, and where it lies there, whatever its broker.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hex::{self, Case};
use crate::{ClusterRef, Str, TextArena};

/// Bytes of an opaque place; what a broker tells beyond that is no place that is kept.
pub const MAX_PLACE_BYTES: usize = 1024;

/// Where a message lies in its channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// In a log: a partition, and an offset in it (Kafka).
    Offset {
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
    },
    /// What its broker tells it by, in bytes that mean something to that broker alone.
    Opaque(Vec<u8>),
    /// Nothing that it could be found by again.
    #[default]
    None,
}

impl Place {
    /// In a partition, at an offset.
    pub fn at(partition: i32, offset: i64) -> Self {
        Self::Offset { partition, offset }
    }

    /// The partition, where it lies in one.
    pub fn partition(&self) -> Option<i32> {
        match self {
            Self::Offset { partition, .. } => Some(*partition),
            Self::Opaque(_) | Self::None => None,
        }
    }

    /// The offset, where it has one.
    pub fn offset(&self) -> Option<i64> {
        match self {
            Self::Offset { offset, .. } => Some(*offset),
            Self::Opaque(_) | Self::None => None,
        }
    }

    /// Reads what is printed, and the spellings of [`WrittenPlace::parse`]; `None` if it is no place.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self::None);
        }
        WrittenPlace::parse(text).filter(|written| written.channel.is_none()).map(|written| written.place)
    }
}

/// As people see it everywhere: `2@100`, `0x0a7f`, and nothing for no place.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset { partition, offset } => write!(f, "{partition}@{offset}"),
            Self::Opaque(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::None => Ok(()),
        }
    }
}

impl From<PlaceRef<'_>> for Place {
    fn from(place: PlaceRef<'_>) -> Self {
        match place {
            PlaceRef::Offset { partition, offset } => Self::Offset { partition, offset },
            PlaceRef::Opaque(bytes) => Self::Opaque(bytes.to_vec()),
            PlaceRef::None => Self::None,
        }
    }
}

/// The same place, read where its bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceRef<'a> {
    /// As [`Place::Offset`].
    Offset {
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
    },
    /// As [`Place::Opaque`].
    Opaque(&'a [u8]),
    /// As [`Place::None`].
    None,
}

impl<'a> From<&'a Place> for PlaceRef<'a> {
    fn from(place: &'a Place) -> Self {
        match place {
            Place::Offset { partition, offset } => Self::Offset { partition: *partition, offset: *offset },
            Place::Opaque(bytes) => Self::Opaque(bytes),
            Place::None => Self::None,
        }
    }
}

/// The same place in a row of a batch or a segment: its bytes are in the arena beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlaceRow {
    /// As [`Place::Offset`].
    Offset {
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
    },
    /// As [`Place::Opaque`].
    Opaque(Str),
    /// As [`Place::None`].
    #[default]
    None,
}

impl PlaceRow {
    /// The place, with its bytes read from the arena beside it.
    #[inline]
    pub fn read(self, text: &TextArena) -> PlaceRef<'_> {
        match self {
            Self::Offset { partition, offset } => PlaceRef::Offset { partition, offset },
            Self::Opaque(bytes) => PlaceRef::Opaque(text.bytes(bytes)),
            Self::None => PlaceRef::None,
        }
    }
}

/// A place as people and logs write it: on the channel that is named, or on any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPlace {
    /// The channel; `None` = any.
    pub channel: Option<String>,
    /// Where on it.
    pub place: Place,
}

impl WrittenPlace {
    /// Reads `2@100`, `p2@100`, and with a topic before it `orders@2@100`, `orders 2@100`, `orders p2@100`, `orders-2@100`,
    /// `orders[2]@100`, `orders:2:100` or `orders/2/100`; `0x0a7f`, and `orders@0x0a7f`, `orders 0x0a7f`, `orders:0x0a7f` or
    /// `orders/0x0a7f`; `None` if it is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(opaque) = Self::opaque(text) {
            return Some(opaque);
        }
        if let Some((place, offset)) = text.rsplit_once('@') {
            let (channel, partition) = channel_and_partition(place.trim())?;
            return Some(Self { channel, place: Place::Offset { partition, offset: number(offset.trim())? } });
        }
        let (place, offset) = text.rsplit_once([':', '/'])?;
        let (channel, partition) = place.rsplit_once([':', '/'])?;
        let channel = Some(channel.to_owned()).filter(|channel| !channel.is_empty())?;
        Some(Self { channel: Some(channel), place: Place::Offset { partition: number(partition)?, offset: number(offset)? } })
    }

    fn opaque(text: &str) -> Option<Self> {
        let (before, digits) = text.rsplit_once(['x', 'X'])?;
        let before = before.strip_suffix('0')?;
        if !digits.len().is_multiple_of(2) || digits.len() > 2 * MAX_PLACE_BYTES {
            return None;
        }
        let bytes = digits.as_bytes().chunks(2).map(|pair| hex::number(pair, Case::Any).map(|byte| byte as u8)).collect::<Option<Vec<u8>>>()?;
        let place = Place::Opaque(bytes);
        if before.is_empty() {
            return Some(Self { channel: None, place });
        }
        let channel = before.strip_suffix(|c: char| c.is_whitespace() || matches!(c, '@' | ':' | '/'))?.trim_end();
        (!channel.is_empty()).then(|| Self { channel: Some(channel.to_owned()), place })
    }

    /// Whether a channel is the one that is named, or none is.
    pub fn is_on<'a>(&self, channel: impl FnOnce() -> Cow<'a, str>) -> bool {
        self.channel.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(&channel()))
    }
}

fn channel_and_partition(place: &str) -> Option<(Option<String>, i32)> {
    let is_separator = |c: char| c.is_whitespace() || matches!(c, '@' | '-' | '/' | ':' | '[' | '#');
    let place = place.strip_suffix(']').unwrap_or(place);
    let start = place.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let partition = number(&place[start..])?;
    let before = &place[..start];
    let before = before.strip_suffix(['p', 'P']).filter(|rest| rest.is_empty() || rest.ends_with(is_separator)).unwrap_or(before);
    if before.is_empty() {
        return Some((None, partition));
    }
    let channel = before.strip_suffix(is_separator)?.trim_end();
    (!channel.is_empty()).then(|| (Some(channel.to_owned()), partition))
}

/// A number without sign.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A message: by its place, and where it has none by its own id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageRef {
    /// Its cluster.
    pub cluster: ClusterRef,
    /// Its channel.
    pub channel: String,
    /// Where it lies there.
    pub place: Place,
    /// The id that its sender gave it; `None` = none, or unknown.
    pub message_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_written_in_one_way() {
        for (place, text) in [(Place::at(2, 100), "2@100"), (Place::Opaque(vec![0x0a, 0x7f]), "0x0a7f"), (Place::None, "")] {
            assert_eq!(place.to_string(), text);
        }
    }

    #[test]
    fn a_row_gives_its_place_back() {
        let mut text = TextArena::default();
        let opaque = PlaceRow::Opaque(text.push(&[1, 0, 255]));
        let read = |row: PlaceRow| Place::from(row.read(&text));
        assert_eq!(read(opaque), Place::Opaque(vec![1, 0, 255]));
        assert_eq!(read(PlaceRow::Offset { partition: 1, offset: 7 }), Place::at(1, 7));
        assert_eq!(read(PlaceRow::None), Place::None);
        assert!(size_of::<PlaceRow>() <= 16, "a row takes no more than a partition and an offset, aligned");
    }

    #[test]
    fn places_lie_in_the_order_of_their_partitions_and_offsets_and_those_without_last() {
        let opaque = |bytes: &[u8]| Place::Opaque(bytes.to_vec());
        let sorted =
            [Place::at(0, 9), Place::at(0, 10), Place::at(2, 1), Place::at(10, 0), opaque(b""), opaque(&[1]), opaque(&[1, 0]), opaque(&[2]), Place::None];
        let mut places = sorted.clone();
        places.reverse();
        places.sort();
        assert_eq!(places, sorted);
    }

    #[test]
    fn a_position_is_read_in_its_spellings() {
        let at = |channel: Option<&str>, partition: i32, offset: i64| {
            Some(WrittenPlace { channel: channel.map(str::to_owned), place: Place::Offset { partition, offset } })
        };
        for (text, position) in [
            ("2@100", at(None, 2, 100)),
            (" p2@100 ", at(None, 2, 100)),
            ("2 @ 100", at(None, 2, 100)),
            ("orders.placed@2@100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed 2@100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed p2@100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed-2@100", at(Some("orders.placed"), 2, 100)),
            ("orders-7-2@100", at(Some("orders-7"), 2, 100)),
            ("orders.placed[2]@100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed:2:100", at(Some("orders.placed"), 2, 100)),
            ("orders.placed/2/100", at(Some("orders.placed"), 2, 100)),
            ("box 2@100", at(Some("box"), 2, 100)),
            ("0x12 2@100", at(Some("0x12"), 2, 100)),
            ("shop 2@9223372036854775807", at(Some("shop"), 2, i64::MAX)),
            ("2@9223372036854775808", None),
            ("2147483648@1", None),
            ("-2@100", None),
            ("2@-100", None),
            ("orders@100", None),
            ("shop2@example.com", None),
            ("shop2@100", None),
            ("12:30", None),
            ("@100", None),
            ("2@", None),
            ("@", None),
            (":2:100", None),
            ("", None),
        ] {
            assert_eq!(WrittenPlace::parse(text), position, "{text}");
        }
    }

    #[test]
    fn an_opaque_place_is_read_with_its_channel_and_without() {
        let at = |channel: Option<&str>, bytes: &[u8]| Some(WrittenPlace { channel: channel.map(str::to_owned), place: Place::Opaque(bytes.to_vec()) });
        for (text, place) in [
            ("0x0a7f", at(None, &[0x0a, 0x7f])),
            (" 0X0A7F ", at(None, &[0x0a, 0x7f])),
            ("0x", at(None, &[])),
            ("orders@0x0a7f", at(Some("orders"), &[0x0a, 0x7f])),
            ("orders 0x0a7f", at(Some("orders"), &[0x0a, 0x7f])),
            ("orders:0x0a7f", at(Some("orders"), &[0x0a, 0x7f])),
            ("box/0x0a7f", at(Some("box"), &[0x0a, 0x7f])),
            ("0x0a7", None),
            ("0x0a7g", None),
            ("0a7f", None),
            ("x0a7f", None),
            ("orders0x0a7f", None),
            ("@0x0a7f", None),
            ("0xé1", None),
        ] {
            assert_eq!(WrittenPlace::parse(text), place, "{text}");
        }
        let long = |num_bytes: usize| format!("0x{}", "0a".repeat(num_bytes));
        assert_eq!(Place::parse(&long(MAX_PLACE_BYTES)), Some(Place::Opaque(vec![0x0a; MAX_PLACE_BYTES])));
        assert_eq!(Place::parse(&long(MAX_PLACE_BYTES + 1)), None);
    }

    #[test]
    fn without_a_channel_it_is_the_place_on_any() {
        let is_on = |text: &str, channel: &'static str| WrittenPlace::parse(text).expect("a place").is_on(|| channel.into());
        assert!(is_on("2@100", "orders") && is_on("2@100", "audit"));
        assert!(is_on("Orders@2@100", "orders") && !is_on("Orders@2@100", "audit"));
        assert!(is_on("Orders 0x0a", "orders") && !is_on("Orders 0x0a", "audit"));
    }

    /// Places as brokers count them: not below 0.
    fn places() -> impl Strategy<Value = Place> {
        prop_oneof![
            (0..=i32::MAX, 0..=i64::MAX).prop_map(|(partition, offset)| Place::at(partition, offset)),
            proptest::collection::vec(any::<u8>(), 0..=MAX_PLACE_BYTES).prop_map(Place::Opaque),
            Just(Place::None),
        ]
    }

    /// A place, or what is written much like one.
    const NEARLY_A_PLACE: &str = "[0-9a-fxXpP@:/\\[\\] -]{0,24}|[ pP]{0,2}[0-9]{1,11}[ @]{1,3}[0-9]{1,20}|0[xX][0-9a-fA-F]{0,8}";

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_printed_is_read_again(place in places(), channel in "[a-z0-9x._-]{0,12}[a-z._-]") {
            prop_assert_eq!(Place::parse(&place.to_string()), Some(place.clone()));
            prop_assert_eq!(Place::from(PlaceRef::from(&place)), place.clone());
            if place != Place::None {
                let written = WrittenPlace { channel: Some(channel.clone()), place: place.clone() };
                prop_assert_eq!(WrittenPlace::parse(&format!("{channel} {place}")), Some(written));
            }
        }

        #[test]
        fn whatever_is_typed_is_read_or_refused(text in NEARLY_A_PLACE) {
            if let Some(place) = Place::parse(&text) {
                prop_assert_eq!(Place::parse(&place.to_string()), Some(place));
            }
        }
    }
}
