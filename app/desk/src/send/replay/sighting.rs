//! What was seen of a record after it was sent, beyond what the ledger writes down: retries, other readers, and why it is not yet
//! known whether the group that failed has processed it. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use switchboard_engine::view::{ConversationItem, GroupDetail, NodeId, RecordView, Snapshot, SpanView};
use switchboard_model::{Place, REPLAY_ID_HEADER, SpanId, SpanKind, SpanStatus, TraceId, is_dead_letter_name, is_retry_name, java_big_integer, retry_delay_ms};

use crate::send::replay::GroupsAt;

/// Java's framework writes when a record that waits on a retry channel is to be tried again, ms since the Unix epoch.
const DUE_HEADER: &str = "retry_topic-backoff-timestamp";
/// The number of the try that comes next.
const ATTEMPTS_HEADER: &str = "retry_topic-attempts";
/// What else only records to be tried again bear.
const RETRY_PREFIXES: [&str; 2] = ["retry_topic-", "delayed-retry-"];

/// Where a record lies in a log: how far a group has come, and what a span handled, is told of no other place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// Channel.
    pub channel: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

impl At {
    /// Of a place on a channel; `None` = it is none in a log.
    pub fn of(channel: &str, place: &Place) -> Option<Self> {
        let Place::Offset { partition, offset } = *place else { return None };
        Some(Self { channel: channel.to_owned(), partition, offset })
    }
}

/// A record that was moved to a channel where it waits to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Where it lies there.
    pub at: At,
    /// Which try comes next; `None` = not told.
    pub next_try: Option<u32>,
    /// When that is, ns since the Unix epoch; `None` = not told.
    pub due_ns: Option<i64>,
    /// When it came there, ns since the Unix epoch.
    pub since_ns: i64,
    /// Once this is over it would have come back dead, ns since the Unix epoch; `None` = unknown.
    pub over_ns: Option<i64>,
}

/// What was seen of a record that was sent. Of this session only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// The retry channel it was moved to last.
    pub retry: Option<Retry>,
    /// Who else read it: groups, and services that do not say for which group.
    pub others: BTreeSet<String>,
    /// How it died in another group than the one that had failed.
    pub died_elsewhere: Option<String>,
    /// Why it is not known to be consumed; empty where there is nothing to say.
    pub waits_for: String,
    /// Whether only waiting can not tell it: no group that failed is known, or nobody knows how long it is tried again, or not well.
    pub is_untellable: bool,
    /// Whether it lies unread where it lies, as far as is known: the group that failed stands before it, or is not there.
    pub is_unread: bool,
    /// Where the group that failed processed it.
    pub new_trace: Option<(TraceId, SpanId)>,
    /// That the group that failed processed it; of what never was a dead letter, that every group known where it lies has read it.
    pub proof: Option<Proof>,
    /// Of what never was a dead letter: how far the groups on the channel that it was sent to are with it; `None` = it was one, or may have been.
    pub groups: Option<GroupsAt>,
}

/// That the group that failed processed a record, or, where none did, that every group has read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How that is known, in words.
    pub evidence: String,
    /// Where the record lay.
    pub at: At,
    /// Since when, ns since the Unix epoch.
    pub since_ns: i64,
    /// Whether a retry or a death of it would have shown by now.
    pub has_settled: bool,
}

impl Sighting {
    /// Whether every group known where it lies has read it; of what never was a dead letter only.
    pub fn is_read_by_all(&self) -> bool {
        self.groups.is_some() && self.proof.is_some() && !self.is_being_retried()
    }

    /// Whether it waits to be tried again, as far as is known.
    pub fn is_being_retried(&self) -> bool {
        self.retry.as_ref().is_some_and(|retry| self.proof.as_ref().is_none_or(|proof| proof.at != retry.at))
    }

    /// Takes in a record with its id on a retry channel. What proved that it was consumed before proves nothing then: who fails
    /// commits too.
    pub(super) fn retried(&mut self, retry: Retry) {
        if self.retry.as_ref().is_none_or(|known| (known.next_try, known.since_ns) <= (retry.next_try, retry.since_ns)) {
            if self.proof.as_ref().is_some_and(|proof| proof.at != retry.at) {
                self.proof = None;
            }
            self.retry = Some(retry);
        }
    }

    /// Takes in a proof; the first of a place stays.
    pub(super) fn proved(&mut self, proof: Proof) {
        if self.proof.as_ref().is_none_or(|known| known.at != proof.at) {
            self.proof = Some(proof);
        }
    }
}

/// Whether a group is the one that failed, or works off its retry channels: Spring Kafka calls those `<group>-retry-…`. A sink of
/// Kafka Connect tells its connector, whose group is `connect-<connector>`.
pub(super) fn is_of_group(group: &str, failed: &str) -> bool {
    if group.strip_prefix("connect-") == Some(failed) {
        return true;
    }
    let rest = group.strip_prefix(failed);
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(['-', '.', '_']).is_some_and(|rest| rest.to_ascii_lowercase().starts_with("retry")))
}

/// What a group has committed on a channel, as it was read last.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupReading {
    pub partitions: BTreeMap<i32, PartitionReading>,
    /// Since when nobody was seen in it, ns since the Unix epoch; `None` = somebody is, or it is not known.
    pub is_empty_since: Option<i64>,
    /// When that was answered, ns since the Unix epoch.
    pub answered_ns: i64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PartitionReading {
    pub committed: Option<i64>,
    pub low: Option<i64>,
    pub end: Option<i64>,
}

impl GroupReading {
    pub fn of(detail: &GroupDetail, is_empty_since: Option<i64>, answered_ns: i64) -> Self {
        let partition = |of: &switchboard_engine::view::PartitionLag| (of.partition, PartitionReading { committed: of.committed, low: of.low, end: of.end });
        Self { partitions: detail.partitions.iter().map(partition).collect(), is_empty_since, answered_ns }
    }

    /// What is told of it, with its age where nobody has answered since.
    pub fn with_age(&self, told: String, now_ns: i64) -> String {
        match now_ns.saturating_sub(self.answered_ns) {
            ..=0 => told,
            age_ns => format!("{told}, as it was {} s ago: nobody has answered since", (age_ns / 1_000_000_000).max(1)),
        }
    }

    /// Whether the group has processed the record at this place; else what is waited for, in words. A commit proves it only where
    /// somebody was there to read, and something to be read. `sent_ns`: when it was sent, ns since the Unix epoch.
    pub fn has_read(&self, group: &str, at: &At, sent_ns: i64) -> Result<String, String> {
        let At { partition, offset, .. } = at;
        let (place, place_of) = (Place::at(*partition, *offset), |committed: i64| Place::at(*partition, committed));
        let is_empty = self.is_empty_since.is_some();
        let is_set_from_outside = self.is_empty_since.is_some_and(|since_ns| since_ns <= sent_ns);
        let reading = self.partitions.get(partition).copied().unwrap_or_default();
        match reading.committed {
            None if is_empty => Err(format!("{group} has no members")),
            None => Err(format!("{group} has committed nothing on partition {partition}")),
            Some(committed) if committed <= *offset && is_empty => Err(format!("{group} has no members")),
            Some(committed) if committed <= *offset => Err(format!("{group} stands at {}, before {place}", place_of(committed))),
            Some(_) if is_set_from_outside => Err(format!("{group} is past {place}, but nobody was in it since: its offsets were set from outside")),
            Some(_) if reading.low.is_some_and(|low| low > *offset) => {
                Err(format!("{group} is past {place}, which is no longer on the broker: it may have been passed over"))
            }
            Some(committed) if reading.end.is_some_and(|end| committed > end) => {
                Err(format!("{group} has committed {}, beyond the end: the channel was made anew or cut", place_of(committed)))
            }
            Some(_) => Ok(format!("{group} past {place}")),
        }
    }

    /// Whether it is on its way to a place: somebody is in it, as far as is known, and it has committed, but not past it.
    pub fn stands_before(&self, at: &At) -> bool {
        let committed = self.partitions.get(&at.partition).and_then(|reading| reading.committed);
        self.is_empty_since.is_none() && committed.is_some_and(|committed| committed <= at.offset)
    }

    /// Whether it has committed past a place, whatever that proves.
    pub fn is_past(&self, at: &At) -> bool {
        self.partitions.get(&at.partition).and_then(|reading| reading.committed).is_some_and(|committed| committed > at.offset)
    }
}

/// Of a span, the value of the first of these attributes that it has.
fn value<'a>(span: &'a SpanView, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|wanted| span.attributes.iter().find(|(name, _)| name == wanted)).map(|(_, value)| value.as_str())
}

/// Who processed the record at a place, and whether that went well.
#[derive(Clone, Copy, Debug)]
pub struct Processed<'a> {
    /// Its span.
    pub span: &'a SpanView,
    /// Its consumer group; `None` = it does not say.
    pub group: Option<&'a str>,
    /// Whether it failed.
    pub has_failed: bool,
}

/// Spans that processed the record at a place.
pub fn processed<'a>(items: &'a [ConversationItem], at: &At) -> impl Iterator<Item = Processed<'a>> {
    let (partition, offset, channel) = (at.partition.to_string(), at.offset.to_string(), at.channel.clone());
    items.iter().filter_map(move |item| {
        let ConversationItem::Span(span) = item else { return None };
        let is_there = value(span, &["messaging.kafka.offset", "messaging.kafka.message.offset"]) == Some(offset.as_str())
            && value(span, &["messaging.destination.partition.id", "messaging.kafka.destination.partition", "messaging.kafka.partition"])
                .is_none_or(|told| told == partition)
            && value(span, &["messaging.destination.name", "messaging.destination"]).is_none_or(|told| told == channel);
        let is_receipt =
            matches!(value(span, &["messaging.operation.type", "messaging.operation"]), Some("receive" | "settle" | "publish" | "send" | "create"));
        let group = value(span, &["messaging.consumer.group.name", "messaging.kafka.consumer.group", "messaging.kafka.consumer_group"]);
        let has_failed = span.status == SpanStatus::Error || span.failure.is_some() || value(span, &["error.type"]).is_some();
        (span.kind == SpanKind::Consumer && is_there && !is_receipt).then_some(Processed { span, group: group.filter(|group| !group.is_empty()), has_failed })
    })
}

/// The span of the group that failed which processed a record without an error at its place.
pub fn consumed_in<'a>(items: &'a [ConversationItem], at: &At, failed_group: Option<&str>) -> Option<&'a SpanView> {
    let failed = failed_group?;
    processed(items, at)
        .find(|processed| !processed.has_failed && processed.group.is_some_and(|group| is_of_group(group, failed)))
        .map(|processed| processed.span)
}

/// The retry of a record as it lies on its channel; `None` where the record is none that waits to be tried again.
pub(super) fn retry_of(record: &RecordView, replay_id: &str, target: &str) -> Option<Retry> {
    let header = |name: &str| record.headers.iter().rev().find(|(known, _)| known == name)?.1.as_deref();
    if header(REPLAY_ID_HEADER) != Some(replay_id.as_bytes()) || record.at.channel == target || is_dead_letter_name(&record.at.channel) {
        return None;
    }
    // Its own time and when it is due are by the clock of who wrote it: their difference holds, and counts from its arrival here.
    let written_ns = record.timestamp_ns.unwrap_or(record.received_ns);
    let due_in_ns = header(DUE_HEADER).and_then(java_big_integer).and_then(|ms| ms.checked_mul(1_000_000)).map(|due_ns| due_ns.saturating_sub(written_ns));
    let bears_marks = record.headers.iter().any(|(name, _)| RETRY_PREFIXES.iter().any(|prefix| name.starts_with(prefix)));
    // Headers of a retry stay on what is dead in the end: there they name a time that is over.
    let is_retry = is_retry_name(&record.at.channel) || (bears_marks && due_in_ns.is_some_and(|ns| ns > 0));
    let next_try = header(ATTEMPTS_HEADER).and_then(java_big_integer).and_then(|number| u32::try_from(number).ok());
    // Where it lies elsewhere nothing would tell that it was read.
    let at = At::of(&record.at.channel, &record.at.place)?;
    let due_ns = due_in_ns.map(|ns| record.received_ns.saturating_add(ns));
    is_retry.then_some(Retry { at, next_try, due_ns, since_ns: record.received_ns, over_ns: None })
}

/// A retry channel that a broker tells of.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryChannel<'a> {
    /// Its cluster; `None` = any.
    cluster: Option<&'a str>,
    name: &'a str,
    /// Why it is not read; `None` = it is.
    not_tailed: Option<&'a str>,
}

/// All retry channels of a snapshot.
pub(super) fn retry_channels(snapshot: &Snapshot) -> Vec<RetryChannel<'_>> {
    let nodes = snapshot.topology.nodes.iter().filter(|node| is_retry_name(&node.name));
    let names: HashMap<NodeId, &str> = nodes.map(|node| (node.node_id, node.name.as_str())).collect();
    let channels = snapshot.figures.channels.iter();
    channels
        .filter_map(|figures| {
            let name = names.get(&figures.node_id).copied()?;
            Some(RetryChannel { cluster: figures.cluster.as_deref(), name, not_tailed: figures.not_tailed.as_deref() })
        })
        .collect()
}

/// The retry channels of a channel, as far as the brokers' names tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RetryChannels {
    /// All of them.
    pub names: BTreeSet<String>,
    /// Of these, those that are not read; why.
    pub unread: BTreeMap<String, String>,
}

impl RetryChannels {
    /// Of all, those of a channel on a cluster.
    pub fn of(all: &[RetryChannel<'_>], cluster: &str, target: &str) -> Self {
        let mut found = Self::default();
        let there = all.iter().filter(|channel| channel.cluster.is_none_or(|name| name == cluster));
        for channel in there.filter(|channel| is_named_after(channel.name, target)) {
            found.names.insert(channel.name.to_owned());
            if let Some(why) = channel.not_tailed {
                found.unread.insert(channel.name.to_owned(), why.to_owned());
            }
        }
        found
    }

    /// How long a record is tried again in all, ns, where the names tell it of every one.
    pub fn whole_delay_ns(&self) -> Option<i64> {
        let delays: Option<Vec<u64>> = self.names.iter().map(|name| retry_delay_ms(name)).collect();
        let ms: u64 = delays.filter(|delays| !delays.is_empty())?.into_iter().fold(0, u64::saturating_add);
        i64::try_from(ms).ok()?.checked_mul(1_000_000)
    }
}

/// Whether a retry channel bears another's name: as its beginning or its end, up to a separator.
fn is_named_after(name: &str, target: &str) -> bool {
    let is_edge = |byte: Option<u8>| byte.is_none_or(|byte| matches!(byte, b'-' | b'.' | b'_'));
    name.match_indices(target).any(|(at, _)| {
        let (before, after) = (at.checked_sub(1).map(|at| name.as_bytes()[at]), name.as_bytes().get(at + target.len()).copied());
        is_edge(before) && is_edge(after)
    })
}

/// How long a letter was tried again before it died the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Retried {
    /// That long, ns.
    For(i64),
    /// Not at all, as far as it tells.
    Not,
    /// Nobody knows: an earlier session sent it, and it was not read again.
    #[default]
    Unknown,
}

impl Retried {
    /// What a letter tells, ns.
    pub fn of(told_ns: Option<i64>) -> Self {
        told_ns.map_or(Self::Not, Self::For)
    }

    /// How long, ns, where that is known.
    pub fn ns(self) -> Option<i64> {
        match self {
            Self::For(ns) => Some(ns),
            Self::Not | Self::Unknown => None,
        }
    }
}

/// How long after the group that failed had read it a record counts as consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Settles {
    /// After so long, ns.
    After(i64),
    /// Nobody knows; why, in words.
    Unknown(String),
}

/// How long it has to be waited for a retry or a dead letter of a record that was read. Where its retry channels are read, both
/// would show within `quiet_ns`; where they are not, only its death would, after all tries: `retried` is how long it was tried
/// again before it died the last time, with the time before its first try. The names tell less where a channel serves several
/// tries, as Spring Kafka's last one does, and too early a word would be wrong.
pub(super) fn settles(channels: &RetryChannels, retried: Retried, quiet_ns: i64) -> Settles {
    let is_unseen = !channels.unread.is_empty() || (channels.names.is_empty() && retried != Retried::Not);
    if !is_unseen {
        return Settles::After(quiet_ns);
    }
    if let Some(delay_ns) = retried.ns().or_else(|| channels.whole_delay_ns()) {
        return Settles::After(delay_ns.saturating_add(quiet_ns));
    }
    Settles::Unknown(match channels.unread.iter().next() {
        Some((name, why)) => format!("{name} is not read ({why}), so nobody sees whether it is tried again, and how long that takes is not told"),
        None => "an earlier session sent it, and nobody knows by now whether it is tried again, and for how long".to_owned(),
    })
}

#[cfg(test)]
mod tests;
