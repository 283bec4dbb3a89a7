//! Whether records of the same key come to lie in the order in which they lay: of those that would be sent. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use switchboard_model::ToldPlace;

use crate::send::replay::AskedLetter;

/// What becomes of the order of records that have the same key and go to the same channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyOrder {
    /// Keys of which several are sent.
    pub num_keys: usize,
    /// Of these, those whose records go into one partition in the order in which they lay in one.
    pub num_kept: usize,
    /// Those of which some go into the partition where they lay and others by their key, or into several partitions.
    pub num_apart: usize,
    /// Those that lay in several partitions, or of which it is not known where: nothing tells which was first, so they go as they were chosen.
    pub num_from_several: usize,
    /// Those that were chosen in another order than that in which they lay.
    pub num_turned: usize,
    /// Keys of which some are sent and others were read and left out: what is sent later comes behind them.
    pub num_with_gaps: usize,
    /// Records that were left out unread: nobody looked at their keys.
    pub num_unread: usize,
    /// Records without a key, which have no order by it.
    pub num_keyless: usize,
    /// Channels to which records go by their keys and which have, or may have, another number of partitions than the one that these belong to: what lies
    /// there already of a key may lie in another partition.
    pub divided_otherwise: BTreeSet<String>,
}

/// Collects records, in the order in which they would be sent.
#[derive(Default)]
pub(super) struct KeyOrders {
    hasher: RandomState,
    /// By channel that is sent to and key.
    keys: HashMap<u64, OfKey>,
    /// Where records lay: cluster, channel and partition, as numbers.
    sources: HashMap<u64, u32>,
    num_keyless: usize,
    /// Records that were read and are left out.
    num_left_out: usize,
    /// By channel that is sent to by keys: the channels that what goes there belongs to.
    by_key: BTreeMap<String, BTreeSet<String>>,
}

/// The records of a key that go to one channel.
#[derive(Default)]
struct OfKey {
    num: usize,
    num_left_out: usize,
    /// Into which partition the first goes; `None` = by its key.
    partition: Option<i32>,
    /// Where the first lay; `None` = not known.
    source: Option<u32>,
    last_offset: i64,
    is_apart: bool,
    is_from_several: bool,
    is_turned: bool,
}

impl KeyOrders {
    /// The next that would be sent. `partition`: where to; `None` = by its key.
    pub(super) fn sends(&mut self, target: &str, asked: &AskedLetter, key: Option<&[u8]>, partition: Option<i32>) {
        if partition.is_none() && !self.by_key.get(target).is_some_and(|own| own.contains(asked.own_channel())) {
            self.by_key.entry(target.to_owned()).or_default().insert(asked.own_channel().to_owned());
        }
        let Some(key) = key else {
            self.num_keyless += 1;
            return;
        };
        let (source, offset) = self.lay(asked).unzip();
        let of_key = self.keys.entry(self.hasher.hash_one((target, key))).or_default();
        if of_key.num == 0 {
            (of_key.partition, of_key.source) = (partition, source);
        } else {
            of_key.is_apart |= of_key.partition != partition;
            of_key.is_from_several |= source.is_none() || of_key.source != source;
            of_key.is_turned |= offset.is_some_and(|offset| offset < of_key.last_offset);
        }
        of_key.last_offset = offset.unwrap_or_default();
        of_key.num += 1;
    }

    /// One that was read and would not be sent.
    pub(super) fn leaves_out(&mut self, target: &str, key: Option<&[u8]>) {
        self.num_left_out += 1;
        if let Some(key) = key {
            self.keys.entry(self.hasher.hash_one((target, key))).or_default().num_left_out += 1;
        }
    }

    /// Where it lay when its producer wrote it, and at which offset; `None` = it does not tell.
    fn lay(&mut self, asked: &AskedLetter) -> Option<(u32, i64)> {
        let at = &asked.letter.at;
        let (channel, partition, offset) = match &asked.origin_place {
            // What died of one key in several consumers, or after tries of different length, lies otherwise among the dead than it lay before.
            Some(place) if asked.is_dead => (asked.own_channel(), ToldPlace::partition(place)?, ToldPlace::offset(place)?),
            _ if asked.is_dead => return None,
            _ => (at.channel.as_str(), at.place.partition()?, at.place.offset()?),
        };
        let next = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let source = self.sources.entry(self.hasher.hash_one((&at.cluster, channel, partition))).or_insert(next);
        Some((*source, offset))
    }

    /// What it comes to. `num_skipped`: of all that are left out; `num_partitions`: of the channels that are sent to; `num_own`: of a channel that records
    /// belong to. `None` = unknown.
    pub(super) fn told(&self, num_skipped: usize, num_partitions: impl Fn(&str) -> Option<i32>, num_own: impl Fn(&str) -> Option<i32>) -> KeyOrder {
        let is_otherwise = |target: &str, own: &BTreeSet<String>| {
            let num = num_partitions(target);
            num.is_none() || own.iter().any(|own| num_own(own) != num)
        };
        let divided_otherwise = self.by_key.iter().filter(|(target, own)| is_otherwise(target, own)).map(|(target, _)| target.clone());
        let mut order = KeyOrder {
            num_unread: num_skipped.saturating_sub(self.num_left_out),
            num_keyless: self.num_keyless,
            divided_otherwise: divided_otherwise.collect(),
            ..KeyOrder::default()
        };
        for of_key in self.keys.values() {
            order.num_with_gaps += usize::from(of_key.num > 0 && of_key.num_left_out > 0);
            if of_key.num < 2 {
                continue;
            }
            order.num_keys += 1;
            let counted = match of_key {
                OfKey { is_apart: true, .. } => &mut order.num_apart,
                OfKey { is_from_several: true, .. } => &mut order.num_from_several,
                OfKey { is_turned: true, .. } => &mut order.num_turned,
                _ => &mut order.num_kept,
            };
            *counted += 1;
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use switchboard_model::{MessageRef, Place};

    use super::*;

    fn at(channel: &str, partition: i32, offset: i64) -> AskedLetter {
        AskedLetter::at(MessageRef { cluster: "a".into(), channel: channel.into(), place: Place::at(partition, offset) })
    }

    fn dead(offset: i64, origin: Option<(i32, i64)>) -> AskedLetter {
        let origin_place = origin.and_then(|(partition, offset)| ToldPlace::of(Some(partition), Some(offset)));
        AskedLetter { is_dead: true, origin: Some("orders".into()), origin_place, ..at("orders-dlt", 0, offset) }
    }

    /// Of records of these keys that go to `orders`, of which each channel has three partitions.
    fn order(of: &[(AskedLetter, &str, Option<i32>)]) -> KeyOrder {
        let mut orders = KeyOrders::default();
        for (asked, key, partition) in of {
            orders.sends("orders", asked, Some(key.as_bytes()), *partition);
        }
        orders.told(0, |_| Some(3), |_| Some(3))
    }

    #[test]
    fn records_of_a_key_keep_their_order_where_they_go_into_one_partition_as_they_lay_in_one() {
        let one = |order: KeyOrder| {
            assert_eq!(order.num_keys, 1, "{order:?}");
            [order.num_kept, order.num_apart, order.num_from_several, order.num_turned]
        };
        for (name, of, told) in [
            ("as they lay", [(at("orders", 1, 4), Some(1)), (at("orders", 1, 9), Some(1))], [1, 0, 0, 0]),
            ("by key", [(at("orders", 1, 4), None), (at("orders", 1, 9), None)], [1, 0, 0, 0]),
            ("some by key", [(at("orders", 1, 4), Some(1)), (at("orders", 1, 9), None)], [0, 1, 0, 0]),
            ("into several", [(at("orders", 1, 4), Some(1)), (at("orders", 2, 9), Some(2))], [0, 1, 0, 0]),
            ("from several", [(at("orders", 1, 4), None), (at("orders", 2, 9), None)], [0, 0, 1, 0]),
            ("from two topics", [(at("orders", 1, 4), None), (at("payments", 1, 9), None)], [0, 0, 1, 0]),
            ("turned round", [(at("orders", 1, 9), Some(1)), (at("orders", 1, 4), Some(1))], [0, 0, 0, 1]),
            ("dead as they lay", [(dead(7, Some((1, 4))), Some(1)), (dead(8, Some((1, 9))), Some(1))], [1, 0, 0, 0]),
            ("dead otherwise than they lay", [(dead(7, Some((1, 9))), Some(1)), (dead(8, Some((1, 4))), Some(1))], [0, 0, 0, 1]),
            ("dead, and where they lay is not told", [(dead(7, None), None), (dead(8, None), None)], [0, 0, 1, 0]),
        ] {
            assert_eq!(one(order(&of.map(|(asked, partition)| (asked, "k", partition)))), told, "{name}");
        }
    }

    #[test]
    fn each_key_is_counted_once_and_one_record_alone_has_no_order() {
        let of = [
            (at("orders", 0, 1), "a", Some(0)),
            (at("orders", 0, 2), "b", Some(0)),
            (at("orders", 0, 3), "a", Some(0)),
            (at("orders", 1, 1), "a", Some(1)),
            (at("orders", 0, 4), "b", Some(0)),
            (at("orders", 0, 5), "c", Some(0)),
        ];
        assert_eq!(order(&of), KeyOrder { num_keys: 2, num_kept: 1, num_apart: 1, ..KeyOrder::default() });
    }

    #[test]
    fn what_is_left_out_of_a_key_and_what_has_none_is_counted_and_so_is_another_number_of_partitions() {
        let mut orders = KeyOrders::default();
        orders.sends("orders", &at("orders", 0, 1), Some(b"a"), Some(0));
        orders.sends("copy", &at("orders", 0, 2), Some(b"a"), None);
        orders.sends("copy", &at("orders", 0, 3), None, None);
        orders.leaves_out("orders", Some(b"a"));
        orders.leaves_out("copy", Some(b"b"));
        orders.leaves_out("copy", None);
        let told = |of_copy: Option<i32>, own: Option<i32>| orders.told(5, |_| of_copy, |_| own);
        let same = KeyOrder { num_with_gaps: 1, num_unread: 2, num_keyless: 1, ..KeyOrder::default() };
        assert_eq!(told(Some(3), Some(3)), same);
        let other = KeyOrder { divided_otherwise: BTreeSet::from(["copy".to_owned()]), ..same };
        assert_eq!([told(Some(3), Some(4)), told(Some(3), None), told(None, None)], [other.clone(), other.clone(), other], "the other goes where it lay");
    }
}
