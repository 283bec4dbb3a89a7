//! The aggregates: one row for each thing that is counted apart, capped and shared out by source, with what found no room, or had
//! to leave for what came later, in rows of "other".

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;
use switchboard_model::SourceId;

use crate::figures::{Exemplars, NUM_RULES, RowKey, Rule, Sample, Series, SpanKey};
use crate::intern::Namer;
use crate::names::{Gone, ServiceId};
use crate::source_shares::Shares;

/// The number of a row; it is given again once nothing holds it.
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
    /// In whose batch it was first counted; `None` = it is of all, or of nobody.
    source: Option<SourceId>,
    /// The number of the batch in which it was counted last.
    seen: u32,
}

impl Row {
    fn new(key: RowKey, namer: Option<Namer>) -> Self {
        Self {
            key,
            series: Series::default(),
            rules: [0; NUM_RULES],
            exemplars: Exemplars::default(),
            since_ns: 0,
            source: namer.map(|namer| namer.source),
            seen: namer.map_or(0, |namer| namer.tick),
        }
    }
}

/// Where the counts of rows went that are no more.
#[derive(Debug, Default)]
pub(crate) struct RowMoves(HashMap<RowId, RowId>);

impl RowMoves {
    /// The row that holds them now.
    #[inline]
    pub(crate) fn of(&self, row_id: RowId) -> RowId {
        if self.0.is_empty() { row_id } else { self.0.get(&row_id).copied().unwrap_or(row_id) }
    }
}

/// What leaves at a time, as a part of the cap: one in 64.
const LEAVING_PART: usize = 64;

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
    /// Calls and messages.
    interactions: Shares,
    /// All rows.
    shares: Shares,
    namer: Namer,
    free: Vec<RowId>,
    /// Rows that are found by their key no more, until what holds them is told.
    leaving: Vec<RowId>,
    num_moves: u64,
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
            interactions: Shares::default(),
            shares: Shares::default(),
            namer: Namer { source: SourceId(0), tick: 0 },
            free: Vec::new(),
            leaving: Vec::new(),
            num_moves: 0,
            num_out_of_range: 0,
            now_ns: 0,
            shape: 1,
        }
    }

    /// Whose batch is counted from now on.
    pub(crate) fn set_namer(&mut self, namer: Namer) {
        self.namer = namer;
    }

    /// The row of a key; made if it is new, a row of "other" where there is no room.
    pub(crate) fn row(&mut self, key: RowKey) -> RowId {
        if let Some(known) = self.by_key.get(&key.packed()) {
            return *known;
        }
        let source = self.namer.source;
        let has_room = (!key.is_interaction() || self.has_room(true)) && self.has_room(false);
        if !has_room {
            self.shares.leave_out(source, 1);
            return self.other(key);
        }
        self.shares.take(source);
        if key.is_interaction() {
            self.interactions.take(source);
        }
        self.put(Row::new(key, Some(self.namer)))
    }

    /// The row of all that is not counted apart.
    fn other(&mut self, key: RowKey) -> RowId {
        let key = key.other();
        let known = self.by_key.get(&key.packed()).copied();
        known.unwrap_or_else(|| self.put(Row::new(key, None)))
    }

    fn put(&mut self, row: Row) -> RowId {
        let packed = row.key.packed();
        let row_id = if let Some(row_id) = self.free.pop() {
            self.rows[row_id.0 as usize] = row;
            row_id
        } else {
            self.rows.push(row);
            RowId(self.rows.len() as u32 - 1)
        };
        self.by_key.insert(packed, row_id);
        row_id
    }

    /// Whether there is room for one more, after those not counted for longest left where that is needed.
    fn has_room(&mut self, is_interaction: bool) -> bool {
        let (shares, cap) = if is_interaction { (&self.interactions, self.max_interactions) } else { (&self.shares, 3 * self.max_interactions) };
        let source = self.namer.source;
        let Some(from) = shares.yields_to(source, cap) else { return true };
        let most = (cap / LEAVING_PART).max(1);
        if self.leaving.len() + most > self.max_interactions {
            return false;
        }
        let spare = if from == source { most } else { shares.of(from).saturating_sub(shares.share(source, cap)).clamp(1, most) };
        let is_its = |row: &Row| row.source == Some(from) && (!is_interaction || row.key.is_interaction());
        let mut oldest: Vec<(u32, RowId)> = self.all().filter(|(_, row)| is_its(row)).map(|(row_id, row)| (row.seen, row_id)).collect();
        let num = spare.min(oldest.len());
        if num > 0 && num < oldest.len() {
            oldest.select_nth_unstable(num - 1);
        }
        for (_, row_id) in &oldest[..num] {
            self.disown(*row_id);
            let packed = self.rows[row_id.0 as usize].key.packed();
            self.by_key.remove(&packed);
            self.leaving.push(*row_id);
            self.shares.leave_out(from, 1);
        }
        num > 0
    }

    /// A row takes no source's room any more.
    fn disown(&mut self, row_id: RowId) {
        let row = &mut self.rows[row_id.0 as usize];
        if let Some(source) = row.source.take() {
            self.shares.give_back(source);
            if row.key.is_interaction() {
                self.interactions.give_back(source);
            }
        }
    }

    /// Whether anything leaves at the end of the batch.
    pub(crate) fn has_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Rows that leave, and those of names that are gone, are added to those of "other". Tells where, for all that holds them.
    pub(crate) fn forget(&mut self, gone: &Gone) -> RowMoves {
        let mut moves = RowMoves::default();
        for row_id in std::mem::take(&mut self.leaving) {
            let to = self.other(self.rows[row_id.0 as usize].key);
            self.merge(row_id, to);
            moves.0.insert(row_id, to);
        }
        for at in 0..self.rows.len() {
            let row_id = RowId(at as u32);
            if gone.has_statuses() {
                let before = self.rows[at].series.status_bytes();
                self.rows[at].series.forget_statuses(gone);
                self.status_bytes = (self.status_bytes + self.rows[at].series.status_bytes()).saturating_sub(before);
            }
            let (key, new) = (self.rows[at].key, gone.key(self.rows[at].key));
            if key == new || self.by_key.get(&key.packed()) != Some(&row_id) {
                continue;
            }
            self.by_key.remove(&key.packed());
            if let Some(to) = self.by_key.get(&new.packed()).copied() {
                self.disown(row_id);
                self.merge(row_id, to);
                moves.0.insert(row_id, to);
            } else {
                self.rows[at].key = new;
                self.by_key.insert(new.packed(), row_id);
            }
        }
        self.num_moves += 1;
        self.shape += 1;
        moves
    }

    /// Rises when rows move.
    pub(crate) fn num_moves(&self) -> u64 {
        self.num_moves
    }

    fn merge(&mut self, from: RowId, to: RowId) {
        // What is left behind stands for nothing.
        let left = std::mem::replace(&mut self.rows[from.0 as usize], Row::new(RowKey::Received { service: ServiceId::NONE }, None));
        self.free.push(from);
        let row = &mut self.rows[to.0 as usize];
        let (bytes, status_bytes) = (row.series.bucket_bytes() + left.series.bucket_bytes(), row.series.status_bytes() + left.series.status_bytes());
        if row.series.total().calls == 0 || (left.series.total().calls > 0 && left.since_ns < row.since_ns) {
            row.since_ns = left.since_ns;
        }
        row.seen = row.seen.max(left.seen);
        row.series.merge(left.series);
        row.exemplars.merge(left.exemplars);
        for (rule, more) in row.rules.iter_mut().zip(left.rules) {
            *rule += more;
        }
        self.bucket_bytes = (self.bucket_bytes + row.series.bucket_bytes()).saturating_sub(bytes);
        self.status_bytes = (self.status_bytes + row.series.status_bytes()).saturating_sub(status_bytes);
    }

    /// Counts an observation in a row.
    pub(crate) fn add(&mut self, row_id: RowId, sample: &Sample, rule: Rule, example: Option<SpanKey>) {
        let row = &mut self.rows[row_id.0 as usize];
        row.seen = self.namer.tick;
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

    /// What found no room.
    pub(crate) fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Bytes of all rows, roughly by capacity.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bucket_bytes + self.status_bytes + self.rows.capacity() * size_of::<Row>() + self.by_key.capacity() * (size_of::<(u64, RowId)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use switchboard_model::{SpanId, TraceId};

    use super::*;
    use crate::figures::{BUCKET_NS, End};
    use crate::names::{StatusId, Via};

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
    fn what_was_not_counted_for_longest_leaves_and_is_counted_as_other() {
        let mut rows = Rows::new(10, 1 << 20);
        for number in 0..100 {
            rows.set_namer(Namer { source: SourceId(1), tick: number });
            let row_id = rows.row(call(number as u16 + 2));
            rows.add(row_id, &sample(1), Rule::Root, Some(SpanKey { trace_id: TraceId(1), span_id: SpanId(u64::from(number)) }));
            assert_eq!(rows.held().map(|(_, row)| row.series.total().calls).sum::<u64>(), u64::from(number) + 1);
            let moves = rows.forget(&Gone::default());
            assert!(rows.has_leaving() == (moves.of(row_id) != row_id) || number < 10);
        }
        assert_eq!(rows.shares().num_left_out(), 90);
        let named: Vec<u16> = rows
            .held()
            .filter_map(|(_, row)| if let RowKey::Call { from: End::Root, to: End::Service(ServiceId(to)), .. } = row.key { Some(to) } else { None })
            .collect();
        assert_eq!((named.len(), named.contains(&101), named.contains(&92), named.contains(&91)), (10, true, true, false));
        let other = rows.other(call(500));
        assert_eq!((rows.get(other).series.total().calls, rows.get(other).rules[Rule::Root as usize]), (90, 90));
        assert_eq!(rows.rows.len(), 12, "numbers are given again");
        // Another source has its share.
        for number in 0..5 {
            rows.set_namer(Namer { source: SourceId(2), tick: 200 });
            let row_id = rows.row(call(300 + number));
            rows.add(row_id, &sample(1), Rule::Root, None);
        }
        rows.forget(&Gone::default());
        for number in 0..50 {
            rows.set_namer(Namer { source: SourceId(1), tick: 201 });
            let row_id = rows.row(call(400 + number));
            rows.add(row_id, &sample(1), Rule::Root, None);
            rows.forget(&Gone::default());
        }
        let is_held = |number: u16| rows.held().any(|(_, row)| row.key == call(number));
        assert!((0..5).all(|number| is_held(300 + number)) && is_held(449));
        assert_eq!(rows.held().map(|(_, row)| row.series.total().calls).sum::<u64>(), 155);
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
