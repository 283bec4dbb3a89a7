//! The aggregates: one row for each thing that is counted apart, capped, with what came after the cap in rows of "other".

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use crate::figures::{Exemplars, NUM_RULES, Rule, Sample, Series, SpanKey};
use crate::flow::{ChannelId, GroupId, PeerId, Via};
use crate::intern::ServiceId;

/// An end of a call as its spans tell it, before peers are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum End {
    /// Nothing tells.
    Unknown,
    /// Whoever calls a root.
    Root,
    /// The parent that was never seen.
    Missing,
    /// A service that sends spans.
    Service(ServiceId),
    /// What the caller's attributes name.
    Peer(PeerId),
}

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RowKey {
    /// Calls, as the caller saw them (as the server saw them where the caller sent no span).
    Call {
        /// Who calls.
        from: End,
        /// Who answers.
        to: End,
        /// Over what.
        via: Via,
    },
    /// The same calls as the server saw them, where both sides sent a span.
    Callee {
        /// Who calls.
        from: ServiceId,
        /// Who answers.
        to: ServiceId,
        /// Over what.
        via: Via,
    },
    /// Server spans of a service.
    Received {
        /// Who answered.
        service: ServiceId,
    },
    /// Messages published.
    Publish {
        /// Who published.
        service: ServiceId,
        /// Where to.
        channel: ChannelId,
    },
    /// Messages that reached a service: each message of a batch counts.
    Consume(Subscription),
    /// The spans that handled them: a batch counts once.
    Handled(Subscription),
    /// Pairs of producing and consuming span; messages without a producing span have no `from`.
    Message {
        /// Who published; [`ServiceId::NONE`] = unknown.
        from: ServiceId,
        /// Who reads, and how.
        to: Subscription,
    },
}

/// A service that reads a channel as a member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Subscription {
    /// The channel; [`ChannelId::NONE`] = not told.
    pub(crate) channel: ChannelId,
    /// The group; [`GroupId::NONE`] = not told.
    pub(crate) group: GroupId,
    /// The service.
    pub(crate) service: ServiceId,
    /// Whether its spans say "receive": these count only where none says "process".
    pub(crate) receive: bool,
}

impl RowKey {
    /// The row of all that came after the cap.
    fn other(self) -> Self {
        let end = End::Service(ServiceId::OTHER);
        let reader = |receive| Subscription { channel: ChannelId::OTHER, group: GroupId::NONE, service: ServiceId::OTHER, receive };
        match self {
            Self::Call { via, .. } => Self::Call { from: end, to: end, via },
            Self::Callee { via, .. } => Self::Callee { from: ServiceId::OTHER, to: ServiceId::OTHER, via },
            Self::Received { .. } => Self::Received { service: ServiceId::OTHER },
            Self::Publish { .. } => Self::Publish { service: ServiceId::OTHER, channel: ChannelId::OTHER },
            Self::Consume(to) => Self::Consume(reader(to.receive)),
            Self::Handled(to) => Self::Handled(reader(to.receive)),
            Self::Message { to, .. } => Self::Message { from: ServiceId::OTHER, to: reader(to.receive) },
        }
    }

    /// All of it in one word, different for each: ids have 13 bits, for each kind of name is capped far below.
    fn packed(self) -> u64 {
        let end = |end: End| -> u64 {
            match end {
                End::Unknown => 0,
                End::Root => 1,
                End::Missing => 2,
                End::Service(service) => 3 | u64::from(service.0) << 3,
                End::Peer(peer) => 4 | u64::from(peer.0) << 3,
            }
        };
        let reader = |to: Subscription| u64::from(to.receive) | u64::from(to.channel.0) << 1 | u64::from(to.group.0) << 14 | u64::from(to.service.0) << 27;
        let (kind, rest) = match self {
            Self::Call { from, to, via } => (0, via as u64 | end(from) << 3 | end(to) << 22),
            Self::Callee { from, to, via } => (1, via as u64 | u64::from(from.0) << 3 | u64::from(to.0) << 19),
            Self::Received { service } => (2, u64::from(service.0)),
            Self::Publish { service, channel } => (3, u64::from(service.0) | u64::from(channel.0) << 16),
            Self::Consume(to) => (4, reader(to)),
            Self::Handled(to) => (5, reader(to)),
            Self::Message { from, to } => (6, reader(to) | u64::from(from.0) << 40),
        };
        kind | rest << 3
    }

    /// Whether it may lose all that it holds to a better row: what is in flight comes and goes in it.
    fn is_provisional(self) -> bool {
        match self {
            Self::Call { from, to, .. } => from == End::Missing || matches!(to, End::Peer(_) | End::Unknown),
            Self::Message { from, .. } => from == ServiceId::NONE,
            _ => false,
        }
    }

    /// Whether its evidence is shown.
    fn has_examples(self) -> bool {
        !matches!(self, Self::Callee { .. } | Self::Received { .. } | Self::Handled(_))
    }

    fn is_interaction(self) -> bool {
        matches!(self, Self::Call { .. } | Self::Message { .. })
    }
}

/// The number of a row; rows are never removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RowId(pub(crate) u32);

impl RowId {
    /// No row.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// One aggregate.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What it counts.
    pub(crate) key: RowKey,
    /// The figure.
    pub(crate) series: Series,
    /// How often each rule made it, by [`Rule`].
    pub(crate) rules: [u64; NUM_RULES],
    /// Examples.
    pub(crate) exemplars: Exemplars,
    /// Since when it holds something without a break, by the engine's time, ns.
    pub(crate) since_ns: i64,
}

/// Spreads packed keys. Their ids are given by the engine, so that no sender can aim at one place.
#[derive(Clone, Copy, Debug, Default)]
struct PackedHasher(u64);

impl Hasher for PackedHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd1b5_4a32_d192_ed03;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

/// All aggregates.
#[derive(Debug)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    by_key: HashMap<u64, RowId, BuildHasherDefault<PackedHasher>>,
    /// Buckets before this one are no longer kept apart.
    oldest: i32,
    /// Late arrivals before this one are of no minute that is shown any more.
    oldest_late: i32,
    bucket_bytes: usize,
    status_bytes: usize,
    max_bucket_bytes: usize,
    max_interactions: usize,
    num_interactions: usize,
    num_capped: u64,
    num_out_of_range: u64,
    now_ns: i64,
    /// Rises when a row that is not provisional comes to hold something, or nothing any more.
    shape: u64,
}

impl Rows {
    /// Keeps at most so many interactions, and so many bytes of buckets.
    pub(crate) fn new(max_interactions: usize, max_bucket_bytes: usize) -> Self {
        Self {
            rows: Vec::new(),
            by_key: HashMap::default(),
            oldest: i32::MIN + 1,
            oldest_late: i32::MIN + 1,
            bucket_bytes: 0,
            status_bytes: 0,
            max_bucket_bytes,
            max_interactions,
            num_interactions: 0,
            num_capped: 0,
            num_out_of_range: 0,
            now_ns: 0,
            shape: 1,
        }
    }

    /// The row of a key; made if it is new, a row of "other" once the cap is reached.
    pub(crate) fn row(&mut self, key: RowKey) -> RowId {
        if let Some(known) = self.by_key.get(&key.packed()) {
            return *known;
        }
        let is_full = self.num_interactions >= self.max_interactions || self.rows.len() >= 3 * self.max_interactions;
        let key = if is_full { key.other() } else { key };
        if is_full {
            self.num_capped += 1;
            if let Some(known) = self.by_key.get(&key.packed()) {
                return *known;
            }
        }
        let row_id = RowId(self.rows.len() as u32);
        self.rows.push(Row { key, series: Series::default(), rules: [0; NUM_RULES], exemplars: Exemplars::default(), since_ns: 0 });
        self.by_key.insert(key.packed(), row_id);
        self.num_interactions += usize::from(key.is_interaction());
        row_id
    }

    /// Counts an observation in a row.
    pub(crate) fn add(&mut self, row_id: RowId, sample: &Sample, rule: Rule, example: Option<SpanKey>) {
        let row = &mut self.rows[row_id.0 as usize];
        if row.series.total().calls == 0 {
            self.shape += u64::from(!row.key.is_provisional());
            row.since_ns = self.now_ns;
        }
        let status_bytes = row.series.status_bytes();
        self.bucket_bytes += row.series.add(sample, self.oldest);
        self.status_bytes += row.series.status_bytes() - status_bytes;
        row.rules[rule as usize] += u64::from(sample.num);
        if let Some(span) = example
            && row.key.has_examples()
        {
            row.exemplars.add(span);
        }
    }

    /// Takes an observation back from a row.
    pub(crate) fn subtract(&mut self, row_id: RowId, sample: &Sample, rule: Rule, example: Option<SpanKey>) {
        let row = &mut self.rows[row_id.0 as usize];
        let status_bytes = row.series.status_bytes();
        self.bucket_bytes = self.bucket_bytes.saturating_sub(row.series.subtract(sample));
        self.status_bytes = self.status_bytes.saturating_sub(status_bytes - row.series.status_bytes());
        let tally = &mut row.rules[rule as usize];
        *tally = tally.saturating_sub(u64::from(sample.num));
        if let Some(span) = example
            && row.key.has_examples()
        {
            row.exemplars.remove(span);
        }
        self.shape += u64::from(row.series.total().calls == 0 && !row.key.is_provisional());
    }

    /// The engine's time, ns since the Unix epoch.
    pub(crate) fn set_now(&mut self, now_ns: i64) {
        self.now_ns = now_ns;
    }

    /// Lets buckets before `oldest` go, and the oldest of the rest while they take more than their share of memory, but
    /// never those from `keep` on.
    pub(crate) fn forget_before(&mut self, oldest: i32, keep: i32) {
        self.oldest = self.oldest.max(oldest);
        self.oldest_late = self.oldest_late.max(keep);
        self.drop_old();
        while self.bucket_bytes > self.max_bucket_bytes {
            let Some(first) = self.rows.iter().filter_map(|row| row.series.oldest()).min().filter(|first| *first < keep) else { return };
            self.oldest = first + 1;
            self.drop_old();
        }
    }

    fn drop_old(&mut self) {
        for row in &mut self.rows {
            self.bucket_bytes = self.bucket_bytes.saturating_sub(row.series.forget_before(self.oldest, self.oldest_late));
        }
    }

    /// Buckets before this one are no longer kept apart.
    pub(crate) fn oldest_bucket(&self) -> i32 {
        self.oldest
    }

    /// Whether buckets take more than their share.
    pub(crate) fn is_over_budget(&self) -> bool {
        self.bucket_bytes > self.max_bucket_bytes
    }

    /// A row.
    pub(crate) fn get(&self, row_id: RowId) -> &Row {
        &self.rows[row_id.0 as usize]
    }

    /// A row, to mend its examples.
    pub(crate) fn exemplars_mut(&mut self, row_id: RowId) -> &mut Exemplars {
        &mut self.rows[row_id.0 as usize].exemplars
    }

    /// All rows.
    pub(crate) fn all(&self) -> impl Iterator<Item = (RowId, &Row)> {
        self.rows.iter().enumerate().map(|(at, row)| (RowId(at as u32), row))
    }

    /// Rows that hold something.
    pub(crate) fn held(&self) -> impl Iterator<Item = (RowId, &Row)> {
        self.all().filter(|(_, row)| row.series.total().calls > 0)
    }

    /// Rises when other rows, but for provisional ones, hold something than before.
    pub(crate) fn shape(&self) -> u64 {
        self.shape
    }

    /// Counts what happened, by its own time, too far from its arrival to be believed.
    pub(crate) fn count_out_of_range(&mut self) {
        self.num_out_of_range += 1;
    }

    /// What happened, by its own time, too far from its arrival.
    pub(crate) fn num_out_of_range(&self) -> u64 {
        self.num_out_of_range
    }

    /// Observations that came after the cap.
    pub(crate) fn num_capped(&self) -> u64 {
        self.num_capped
    }

    /// Bytes of all rows, roughly by capacity.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bucket_bytes + self.status_bytes + self.rows.capacity() * size_of::<Row>() + self.by_key.capacity() * (size_of::<(u64, RowId)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{BUCKET_NS, StatusId};

    fn sample(bucket: i32) -> Sample {
        Sample {
            bucket,
            late_by: 0,
            latency_ns: Some(BUCKET_NS),
            error: false,
            retry: false,
            timeout: false,
            num: 1,
            weight_milli: 1000,
            status: StatusId::NONE,
        }
    }

    fn call(number: u16) -> RowKey {
        RowKey::Call { from: End::Root, to: End::Service(ServiceId(number)), via: Via::Http }
    }

    #[test]
    fn every_key_has_a_word_of_its_own() {
        let ids = [0_u16, 1, 2, 3, 5_001];
        let mut keys = std::collections::BTreeSet::new();
        let ends = ids.iter().flat_map(|id| [End::Service(ServiceId(*id)), End::Peer(PeerId(*id))]).chain([End::Unknown, End::Root, End::Missing]);
        let ends: Vec<End> = ends.collect();
        for via in [Via::Call, Via::Http, Via::Grpc, Via::Rpc, Via::Database] {
            keys.extend(ends.iter().flat_map(|from| ends.iter().map(move |to| RowKey::Call { from: *from, to: *to, via })));
            keys.extend(ids.iter().flat_map(|from| ids.iter().map(move |to| RowKey::Callee { from: ServiceId(*from), to: ServiceId(*to), via })));
        }
        for (a, b) in ids.iter().flat_map(|a| ids.iter().map(move |b| (*a, *b))) {
            keys.insert(RowKey::Received { service: ServiceId(a) });
            keys.insert(RowKey::Publish { service: ServiceId(a), channel: ChannelId(b) });
            for (c, d) in ids.iter().flat_map(|c| ids.iter().map(move |d| (*c, *d))) {
                for receive in [false, true] {
                    let to = Subscription { channel: ChannelId(a), group: GroupId(b), service: ServiceId(c), receive };
                    keys.extend([RowKey::Consume(to), RowKey::Handled(to), RowKey::Message { from: ServiceId(d), to }]);
                }
            }
        }
        let words: std::collections::BTreeSet<u64> = keys.iter().map(|key| key.packed()).collect();
        assert_eq!(words.len(), keys.len());
    }

    #[test]
    fn what_comes_after_the_cap_is_counted_as_other() {
        let mut rows = Rows::new(10, 1 << 20);
        for number in 0..100 {
            let row_id = rows.row(call(number + 2));
            rows.add(row_id, &sample(1), Rule::Root, None);
        }
        assert_eq!(rows.num_capped(), 90);
        let other = rows.row(call(500));
        assert_eq!(rows.get(other).series.total().calls, 90);
        assert_eq!(rows.held().map(|(_, row)| row.series.total().calls).sum::<u64>(), 100);
    }

    #[test]
    fn the_oldest_buckets_go_first() {
        let mut rows = Rows::new(100, 10 << 10);
        for bucket in 0..180 {
            for number in 2..12 {
                let row_id = rows.row(call(number));
                rows.add(row_id, &sample(bucket), Rule::Root, None);
            }
            rows.forget_before(bucket - 186, bucket - 6);
        }
        let oldest: Vec<i32> = rows.held().filter_map(|(_, row)| row.series.oldest()).collect();
        assert!(oldest.iter().all(|first| *first == oldest[0]) && oldest[0] > 0 && oldest[0] <= 174, "{oldest:?}");
        assert!(!rows.is_over_budget() || oldest[0] == 174);
        assert_eq!(rows.held().map(|(_, row)| row.series.total().calls).sum::<u64>(), 1_800);
    }
}
