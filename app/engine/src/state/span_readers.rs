//! Who reads a topic for a group by what consumer spans say, where no broker tells of the group's members.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::flow::{ChannelId, FlowNames, GroupId};
use crate::intern::ServiceId;
use crate::view::SpanReader;

/// Readers kept; beyond them the one that was not seen for longest leaves.
const MAX_READERS: usize = 4_096;
/// Partitions kept a reader.
const MAX_PARTITIONS: usize = 1_024;
/// One that was not seen for so long does not read any more, ns.
const FORGOTTEN_NS: i64 = 300_000_000_000;
/// The longest client id or instance that is kept, bytes.
const MAX_NAME: usize = 200;

/// What a consumer span says of its reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReaderSpan<'a> {
    /// Its group.
    pub(crate) group: GroupId,
    /// Its channel.
    pub(crate) channel: ChannelId,
    /// Its service.
    pub(crate) service: ServiceId,
    /// The instance of its service; empty = not told.
    pub(crate) instance: &'a str,
    /// Its client id; empty = not told.
    pub(crate) client_id: &'a str,
    /// The partition that it handled a record of; below 0 = not told.
    pub(crate) partition: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    group: GroupId,
    channel: ChannelId,
    service: ServiceId,
    who: u64,
}

#[derive(Debug)]
struct Seen {
    instance: Box<str>,
    client_id: Box<str>,
    /// When it last handled a record of each, by when that arrived.
    partitions: BTreeMap<i32, i64>,
    last_ns: i64,
}

/// All readers that spans told of lately.
#[derive(Debug, Default)]
pub(crate) struct SpanReaders {
    seen: HashMap<Key, Seen>,
    hasher: DefaultHashBuilder,
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}

impl SpanReaders {
    /// A consumer span arrived.
    pub(crate) fn observe(&mut self, span: ReaderSpan<'_>, received_ns: i64) {
        let ReaderSpan { group, channel, service, instance, client_id, partition } = span;
        let who = self.hasher.hash_one((instance, client_id));
        let key = Key { group, channel, service, who };
        if self.seen.len() >= MAX_READERS && !self.seen.contains_key(&key) {
            self.make_room(received_ns);
        }
        let seen = self.seen.entry(key).or_insert_with(|| Seen {
            instance: cut(instance).into(),
            client_id: cut(client_id).into(),
            partitions: BTreeMap::new(),
            last_ns: received_ns,
        });
        seen.last_ns = seen.last_ns.max(received_ns);
        if partition >= 0 && (seen.partitions.len() < MAX_PARTITIONS || seen.partitions.contains_key(&partition)) {
            let at_ns = seen.partitions.entry(partition).or_insert(received_ns);
            *at_ns = (*at_ns).max(received_ns);
        }
    }

    /// Forgets those that are gone, and if there are none, a quarter of all, the longest unseen.
    fn make_room(&mut self, now_ns: i64) {
        self.seen.retain(|_, seen| now_ns.saturating_sub(seen.last_ns) <= FORGOTTEN_NS);
        if self.seen.len() < MAX_READERS {
            return;
        }
        let mut times: Vec<i64> = self.seen.values().map(|seen| seen.last_ns).collect();
        let (_, quarter_ns, _) = times.select_nth_unstable(MAX_READERS / 4);
        let quarter_ns = *quarter_ns;
        self.seen.retain(|_, seen| seen.last_ns > quarter_ns);
    }

    /// The readers of now, by group and topic. A partition belongs to the one that handled a record of it last.
    pub(crate) fn of(&self, names: &FlowNames, now_ns: i64) -> BTreeMap<(String, String), Vec<SpanReader>> {
        let is_of_now = |at_ns: i64| now_ns.saturating_sub(at_ns) <= FORGOTTEN_NS;
        let mut newest: HashMap<(GroupId, ChannelId, i32), i64> = HashMap::new();
        for (key, seen) in &self.seen {
            for (partition, at_ns) in &seen.partitions {
                let known = newest.entry((key.group, key.channel, *partition)).or_insert(*at_ns);
                *known = (*known).max(*at_ns);
            }
        }
        let mut readers: BTreeMap<(String, String), Vec<SpanReader>> = BTreeMap::new();
        for (key, seen) in self.seen.iter().filter(|(_, seen)| is_of_now(seen.last_ns)) {
            let is_its = |(partition, at_ns): &(&i32, &i64)| is_of_now(**at_ns) && newest.get(&(key.group, key.channel, **partition)) == Some(*at_ns);
            let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let reader = SpanReader {
                client_id: told(&seen.client_id),
                service: names.get_service(key.service).name.clone(),
                instance: told(&seen.instance),
                partitions: seen.partitions.iter().filter(is_its).map(|(partition, _)| *partition).collect(),
            };
            let place = (names.get_group(key.group).to_owned(), names.get_channel(key.channel).name.clone());
            readers.entry(place).or_default().push(reader);
        }
        for of_group in readers.values_mut() {
            of_group.sort();
            of_group.dedup();
        }
        readers
    }
}
