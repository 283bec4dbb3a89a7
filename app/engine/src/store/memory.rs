//! The store: what goes in, what is given up, and how both are counted.

use std::hint::black_box;

use switchboard_model::{BatchHeader, ItemKind, LogBatch, RecordBatch, SourceId, SpanBatch, SpanKind, SpanStatus, TraceId};

use super::counts::Counts;
use super::evicted_records::EvictedRecords;
use super::hash::Seed;
use super::identity::MAX_COPIES;
use super::log_segment::{LogSegment, body_of};
use super::memory_split::MemorySplit;
use super::record_segment::{RecordSegment, channel_name, place_of};
use super::shelf::{STRIDE, Segment, Shelf};
use super::span_segment::SpanSegment;
use super::vocabulary::{Memo, text_at};
use super::{KindCounts, StoredAt};
use crate::state::KindNumber;

/// What became of a row of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// Kept.
    New(StoredAt),
    /// Not kept: this one has the same identity and content.
    Duplicate(StoredAt),
    /// Kept, although another of the same identity and other content is stored.
    Collision(StoredAt),
    /// Passed over, as the caller asked; not counted here.
    Skipped,
}

/// Which side of a call or message a span tells of: halves of a shared span have one id.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Caller,
    Callee,
    Neither,
}

impl Side {
    fn of(kind: SpanKind) -> Self {
        match kind {
            SpanKind::Client | SpanKind::Producer => Self::Caller,
            SpanKind::Server | SpanKind::Consumer => Self::Callee,
            SpanKind::Unspecified | SpanKind::Internal => Self::Neither,
        }
    }
}

/// Whether spans of these kinds tell of the same side.
pub(crate) fn is_same_side(kind: SpanKind, other: SpanKind) -> bool {
    Side::of(kind) == Side::of(other)
}

/// What was observed, within a budget of bytes. Spans may take 50 % of it, records 30 %, logs 10 %; the last 10 % are the
/// engine's own. Each kind gives up its oldest segments, whole, when it outgrows its part.
#[derive(Debug)]
pub struct Store {
    pub(crate) seed: Seed,
    pub(crate) spans: Shelf<SpanSegment>,
    pub(crate) records: Shelf<RecordSegment>,
    pub(crate) logs: Shelf<LogSegment>,
    /// Records of each channel that were given up.
    pub(crate) evicted_records: EvictedRecords,
    counts: Counts,
    memo: Memo,
    slots: Vec<u32>,
    hashes: Vec<u64>,
}

/// What a look for an item's like found.
struct Like {
    num_copies: usize,
    same: Option<StoredAt>,
}

impl Store {
    /// An empty store for a session whose whole budget is `memory_bytes`.
    pub fn new(memory_bytes: usize) -> Self {
        let seed = Seed::random();
        let split = MemorySplit::of(memory_bytes);
        Self {
            seed,
            spans: Shelf::new(split.spans, |limits| SpanSegment::new(seed, limits)),
            records: Shelf::new(split.records, |limits| RecordSegment::new(seed, limits)),
            logs: Shelf::new(split.logs, |limits| LogSegment::new(seed, limits)),
            evicted_records: EvictedRecords::default(),
            counts: Counts::default(),
            memo: Memo::default(),
            slots: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// Stores spans of which the status alone says whether they failed; see [`Self::insert_weighed`].
    pub fn insert_spans(&mut self, batch: &SpanBatch, service_of: impl Fn(usize) -> u16, skip: impl Fn(usize) -> bool, inserted: &mut Vec<Inserted>) {
        self.insert_weighed(batch, service_of, |row| batch.spans[row].status == SpanStatus::Error, skip, inserted);
    }

    /// Stores spans. `service_of` gives the engine's number of the service of each of the batch's resources, which the
    /// stored spans keep, `has_failed` what all that a span says of its end comes to; rows for which `skip` holds are passed over.
    /// `inserted` is emptied and gets one entry a row.
    pub fn insert_weighed(
        &mut self,
        batch: &SpanBatch,
        service_of: impl Fn(usize) -> u16,
        has_failed: impl Fn(usize) -> bool,
        skip: impl Fn(usize) -> bool,
        inserted: &mut Vec<Inserted>,
    ) {
        inserted.clear();
        let Self { seed, spans, memo, slots, hashes, .. } = self;
        memo.begin_batch(&batch.text, batch.attrs.iter().filter_map(|attr| text_at(attr.value)), batch.resources.len());
        hashes.clear();
        hashes.extend(batch.spans.iter().map(|span| SpanSegment::identity_of(*seed, span.trace_id.low(), span.span_id.0)));
        let mut tally = KindCounts::default();
        for (row, span) in batch.spans.iter().enumerate() {
            if row % STRIDE == 0 {
                black_box(spans.identities.approach(&hashes[row..(row + STRIDE).min(hashes.len())]));
            }
            if skip(row) {
                inserted.push(Inserted::Skipped);
                continue;
            }
            let mut like = Like { num_copies: 0, same: None };
            spans.each_of(hashes[row], |at, segment| {
                let stored = usize::from(at.row);
                if segment.span_ids[stored] == span.span_id.0
                    && TraceId(segment.trace_ids[stored]).matches(span.trace_id)
                    && is_same_side(segment.head(stored).kind, span.kind)
                {
                    like.num_copies += 1;
                    like.same = segment.is_same(stored, batch, span).then_some(at);
                }
                like.same.is_some()
            });
            inserted.push(keep(spans, hashes[row], &like, &mut tally, span.truncated, |segment, is_new| {
                if is_new {
                    memo.begin_segment();
                }
                segment.push(batch, (span, has_failed(row)), &service_of, memo, slots)
            }));
        }
        self.count(&batch.header, ItemKind::Span, tally);
        let counts = &mut self.counts;
        self.spans.evict(|gone| counts.evicted(gone, ItemKind::Span));
    }

    /// Stores records of a broker. One that lies at the place of a stored one is a duplicate or a collision; without a place each is
    /// new. `kinds` says of each what it died of; shorter = of the rest nothing. `inserted` is emptied and gets one
    /// entry a row.
    pub(crate) fn insert_records(&mut self, batch: &RecordBatch, kinds: &[Option<KindNumber>], inserted: &mut Vec<Inserted>) {
        inserted.clear();
        let Self { seed, records, memo, .. } = self;
        memo.begin_batch(&batch.text, batch.headers.iter().filter_map(|header| header.value), batch.channels.len());
        let mut tally = KindCounts::default();
        for (row, record) in batch.records.iter().enumerate() {
            let (channel, (place, is_place_cut)) = (channel_name(batch, record), place_of(batch, record));
            let hash = RecordSegment::identity_of(*seed, channel, place);
            let mut like = Like { num_copies: 0, same: None };
            if let Some(hash) = hash {
                records.each_of(hash, |at, segment| {
                    let stored = usize::from(at.row);
                    if segment.is_at(stored, channel, place) && segment.is_in(stored, &batch.cluster) {
                        like.num_copies += 1;
                        like.same = segment.is_same(stored, record).then_some(at);
                    }
                    like.same.is_some()
                });
            }
            let hash = hash.filter(|_| like.num_copies < MAX_COPIES);
            inserted.push(keep_under(records, hash, &like, &mut tally, record.truncated || is_place_cut, |segment, is_new| {
                if is_new {
                    memo.begin_segment();
                }
                segment.push(batch, record, kinds.get(row).copied().flatten(), memo)
            }));
        }
        self.count(&batch.header, ItemKind::Record, tally);
        let (counts, evicted) = (&mut self.counts, &mut self.evicted_records);
        self.records.evict(|gone| {
            counts.evicted(gone, ItemKind::Record);
            evicted.count(gone);
        });
    }

    /// Stores log records; one that equals a stored one in all, its time included, is a duplicate. `inserted` is emptied and
    /// gets one entry a row.
    pub fn insert_logs(&mut self, batch: &LogBatch, inserted: &mut Vec<Inserted>) {
        inserted.clear();
        let Self { seed, logs, memo, hashes, .. } = self;
        let values = batch.attrs.iter().map(|attr| attr.value).chain(batch.logs.iter().map(|log| log.body));
        memo.begin_batch(&batch.text, values.filter_map(text_at), batch.resources.len());
        hashes.clear();
        let identity = |log: &switchboard_model::LogRow| LogSegment::identity_of(*seed, log.trace_id.low(), log.span_id.0, log.time_ns, body_of(batch, log));
        hashes.extend(batch.logs.iter().map(identity));
        let mut tally = KindCounts::default();
        for (row, log) in batch.logs.iter().enumerate() {
            // Two log records that differ are simply two: none is a collision.
            let mut like = Like { num_copies: 0, same: None };
            let mut num_seen = 0;
            logs.each_of(hashes[row], |at, segment| {
                num_seen += 1;
                like.same = segment.is_same(usize::from(at.row), batch, log).then_some(at);
                like.same.is_some()
            });
            let is_crowd = num_seen >= MAX_COPIES;
            let hash = if is_crowd { None } else { Some(hashes[row]) };
            inserted.push(keep_under(logs, hash, &like, &mut tally, log.truncated, |segment, is_new| {
                if is_new {
                    memo.begin_segment();
                }
                segment.push(batch, log, memo)
            }));
        }
        self.count(&batch.header, ItemKind::Log, tally);
        let counts = &mut self.counts;
        self.logs.evict(|gone| counts.evicted(gone, ItemKind::Log));
    }

    fn count(&mut self, header: &BatchHeader, kind: ItemKind, tally: KindCounts) {
        let counts = self.counts.of_mut(header.source, kind);
        counts.stored += tally.stored;
        counts.duplicate += tally.duplicate;
        counts.truncated += tally.truncated;
    }

    /// Counts by source and kind, sorted by source: what came in is stored, evicted or duplicate, always.
    pub fn counts(&self) -> &[(SourceId, [KindCounts; ItemKind::ALL.len()])] {
        self.counts.all()
    }

    /// The counts of a source and kind.
    pub fn counts_of(&self, source: SourceId, kind: ItemKind) -> KindCounts {
        self.counts.all().iter().find(|(known, _)| *known == source).map_or_else(KindCounts::default, |(_, counts)| counts[kind.index()])
    }

    /// Bytes held, by capacity, indexes included.
    pub fn size_bytes(&self) -> usize {
        let scratch = self.memo.size_bytes() + self.slots.capacity() * 4 + self.hashes.capacity() * 8;
        self.spans.size_bytes() + self.records.size_bytes() + self.logs.size_bytes() + scratch
    }

    /// How many items of a kind were given up to keep within the budget.
    pub fn num_evicted(&self, kind: ItemKind) -> u64 {
        self.counts.all().iter().map(|(_, counts)| counts[kind.index()].evicted).sum()
    }

    /// Spans, records and logs kept now.
    pub fn num_items(&self) -> u64 {
        self.spans.num_rows() + self.records.num_rows() + self.logs.num_rows()
    }

    /// When the oldest span that is kept arrived, ns since the Unix epoch: so far do spans reach back.
    pub fn oldest_span_ns(&self) -> Option<i64> {
        self.spans.segments().find(|(_, segment)| segment.num_rows() > 0).map(|(_, segment)| segment.arrivals.of(0).1)
    }
}

#[inline]
fn keep<S: Segment>(
    shelf: &mut Shelf<S>,
    hash: u64,
    like: &Like,
    tally: &mut KindCounts,
    truncated: bool,
    push: impl FnOnce(&mut S, bool) -> usize,
) -> Inserted {
    keep_under(shelf, (like.num_copies < MAX_COPIES).then_some(hash), like, tally, truncated, push)
}

/// Keeps an item unless the same was found, and enters it under its hash, if it is given one.
#[inline]
fn keep_under<S: Segment>(
    shelf: &mut Shelf<S>,
    hash: Option<u64>,
    like: &Like,
    tally: &mut KindCounts,
    truncated: bool,
    push: impl FnOnce(&mut S, bool) -> usize,
) -> Inserted {
    if let Some(same) = like.same {
        tally.duplicate += 1;
        return Inserted::Duplicate(same);
    }
    let is_new_segment = shelf.make_room();
    let row = push(&mut shelf.active, is_new_segment);
    let at = StoredAt { segment: shelf.active_number(), row: row as u16 };
    if let Some(hash) = hash {
        shelf.identities.insert(hash, at);
    }
    tally.stored += 1;
    tally.truncated += u64::from(truncated);
    if like.num_copies > 0 { Inserted::Collision(at) } else { Inserted::New(at) }
}
