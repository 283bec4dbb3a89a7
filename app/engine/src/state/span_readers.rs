//! Who reads a topic for a group by what consumer spans say, where no broker tells of the group's members.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap};
use switchboard_model::SourceId;

use crate::names::{ChannelId, FlowNames, Gone, GroupId, ServiceId};
use crate::source_shares::{SharedMap, Shares};
use crate::view::SpanReader;

/// Readers kept, shared out by source; beyond them the one that was not seen for longest leaves.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    group: GroupId,
    channel: ChannelId,
    service: ServiceId,
    who: u64,
}

#[derive(Debug, Default)]
struct Seen {
    instance: Box<str>,
    client_id: Box<str>,
    /// When it last handled a record of each, by when that arrived.
    partitions: BTreeMap<i32, i64>,
    last_ns: i64,
}

/// All readers that spans told of lately.
#[derive(Debug)]
pub(crate) struct SpanReaders {
    seen: SharedMap<Key, Seen>,
    hasher: DefaultHashBuilder,
}

impl Default for SpanReaders {
    fn default() -> Self {
        Self { seen: SharedMap::new(MAX_READERS, 0), hasher: DefaultHashBuilder::default() }
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}

impl SpanReaders {
    /// A consumer span arrived.
    pub(crate) fn observe(&mut self, span: ReaderSpan<'_>, source: SourceId, received_ns: i64) {
        let ReaderSpan { group, channel, service, instance, client_id, partition } = span;
        let who = self.hasher.hash_one((instance, client_id));
        let Some(seen) = self.seen.see(&Key { group, channel, service, who }, source, received_ns) else { return };
        if seen.last_ns == 0 {
            (seen.instance, seen.client_id) = (cut(instance).into(), cut(client_id).into());
        }
        seen.last_ns = seen.last_ns.max(received_ns);
        if partition >= 0 && (seen.partitions.len() < MAX_PARTITIONS || seen.partitions.contains_key(&partition)) {
            let at_ns = seen.partitions.entry(partition).or_insert(received_ns);
            *at_ns = (*at_ns).max(received_ns);
        }
    }

    /// Names that are gone do not read.
    pub(crate) fn forget(&mut self, gone: &Gone) {
        self.seen.retain(|key, _| !gone.has_group(key.group) && !gone.has_channel(key.channel) && !gone.has_service(key.service));
    }

    /// What found no room.
    pub(crate) fn shares(&self) -> &Shares {
        self.seen.shares()
    }

    /// The readers of now, by group and topic. A partition belongs to the one that handled a record of it last.
    pub(crate) fn of(&self, names: &FlowNames, now_ns: i64) -> BTreeMap<(String, String), Vec<SpanReader>> {
        let is_of_now = |at_ns: i64| now_ns.saturating_sub(at_ns) <= FORGOTTEN_NS;
        let mut newest: HashMap<(GroupId, ChannelId, i32), i64> = HashMap::new();
        for (key, seen) in self.seen.iter() {
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
