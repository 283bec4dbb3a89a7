//! Any text over spans, logs and stored records: by the indexes first, then over all of it, newest arrival first.

mod hits;
mod sought;
mod words;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::{Held, LogSegment, RecordSegment, Seed, Segment, SpanSegment, StoredAt};
use crate::view::{FindHit, FindPage};

use hits::Indexed;
use sought::Sought;
pub(crate) use words::NotKept;

/// Segments between two words about how far the look has come, where nothing is found.
const STRIDE: u32 = 16;

/// A look for a text.
#[derive(Debug)]
pub(crate) struct FindScan {
    pub(crate) spans: Held<SpanSegment>,
    pub(crate) records: Held<RecordSegment>,
    pub(crate) logs: Held<LogSegment>,
    pub(crate) seed: Seed,
    pub(crate) text: String,
    /// At most so many hits of each kind.
    pub(crate) limit: usize,
    /// What was observed but is not stored.
    pub(crate) not_kept: NotKept,
}

/// How far one kind has been looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Looked {
    num_hits: usize,
    num_rows: u64,
}

/// A look in progress.
struct Progress<'a> {
    limit: usize,
    /// Of spans, records and logs.
    looked: [Looked; 3],
    total: u64,
    last_seen_ns: Option<i64>,
    hits: Vec<FindHit>,
    found: HashSet<(usize, StoredAt)>,
    num_segments: u32,
    deliver: &'a mut dyn FnMut(FindPage),
}

impl Progress<'_> {
    fn has_room(&self, kind: usize) -> bool {
        self.looked[kind].num_hits < self.limit
    }

    /// Takes a hit that was not found before.
    fn take(&mut self, kind: usize, at: StoredAt, hit: impl FnOnce() -> Option<FindHit>) {
        if !self.has_room(kind) || self.found.contains(&(kind, at)) {
            return;
        }
        let Some(hit) = hit() else { return };
        self.found.insert((kind, at));
        self.looked[kind].num_hits += 1;
        let at_ns = match &hit {
            FindHit::Span { at_ns, .. } | FindHit::Log { at_ns, .. } => Some(*at_ns),
            FindHit::Record { at_ns, .. } => *at_ns,
        };
        self.last_seen_ns = self.last_seen_ns.max(at_ns);
        self.hits.push(hit);
    }

    /// Looks at a segment's rows that may be hits, newest first.
    fn segment(&mut self, kind: usize, (number, num_rows): (u32, usize), rows: impl Iterator<Item = usize>, hit: impl Fn(StoredAt) -> Option<FindHit>) {
        let mut oldest = 0;
        for row in rows {
            if !self.has_room(kind) {
                break;
            }
            let at = StoredAt { segment: number, row: row as u16 };
            self.take(kind, at, || hit(at));
            oldest = if self.has_room(kind) { 0 } else { row };
        }
        self.looked[kind].num_rows += (num_rows - oldest) as u64;
        self.num_segments += 1;
        if !self.hits.is_empty() || self.num_segments.is_multiple_of(STRIDE) {
            self.tell(Vec::new(), false);
        }
    }

    fn tell(&mut self, not_looked: Vec<String>, is_done: bool) {
        let page = FindPage {
            hits: std::mem::take(&mut self.hits),
            looked_at: self.looked.iter().map(|looked| looked.num_rows).sum(),
            total: self.total,
            is_done,
            last_seen_ns: self.last_seen_ns,
            looked: words::looked(self.looked.map(|looked| looked.num_rows)),
            not_looked,
        };
        (self.deliver)(page);
    }
}

const SPANS: usize = 0;
const RECORDS: usize = 1;
const LOGS: usize = 2;

/// Segments with their numbers, the newest first, until `cancelled` is set.
fn newest_first<'a, S: Segment>(held: &'a Held<S>, cancelled: &'a AtomicBool) -> impl Iterator<Item = (u32, &'a S)> {
    held.segments().rev().take_while(|_| !cancelled.load(Ordering::Relaxed))
}

impl FindScan {
    /// Runs to the end, or until `cancelled` is set, and delivers what it finds in parts; the last one says that it is.
    pub(crate) fn run(&self, cancelled: &AtomicBool, deliver: &mut dyn FnMut(FindPage)) {
        let totals = [self.spans.num_rows(), self.records.num_rows(), self.logs.num_rows()];
        let mut progress = Progress {
            limit: self.limit,
            looked: [Looked::default(); 3],
            total: totals.iter().sum(),
            last_seen_ns: None,
            hits: Vec::new(),
            found: HashSet::new(),
            num_segments: 0,
            deliver,
        };
        let sought = Sought::new(&self.text);
        if sought.needles.is_empty() {
            progress.tell(vec!["anything: there is no text to look for".to_owned()], true);
            return;
        }
        self.by_index(&sought, cancelled, &mut progress);
        if cancelled.load(Ordering::Relaxed) {
            return;
        }
        if !progress.hits.is_empty() {
            progress.tell(Vec::new(), false);
        }
        let search = sought.search();
        for (number, segment) in newest_first(&self.spans, cancelled) {
            if progress.has_room(SPANS) {
                let rows = search.spans(segment);
                progress.segment(SPANS, (number, segment.num_rows()), rows.descending(), |at| hits::span(segment, at, &sought));
            }
        }
        for (number, segment) in newest_first(&self.records, cancelled) {
            if progress.has_room(RECORDS) {
                let rows = search.records(segment);
                progress.segment(RECORDS, (number, segment.num_rows()), rows.descending(), |at| hits::record(segment, at, &sought));
            }
        }
        for (number, segment) in newest_first(&self.logs, cancelled) {
            if progress.has_room(LOGS) {
                let rows = search.logs(segment);
                progress.segment(LOGS, (number, segment.num_rows()), rows.descending(), |at| hits::log(segment, at, &sought));
            }
        }
        if cancelled.load(Ordering::Relaxed) {
            return;
        }
        let mut not_looked: Vec<String> = sought.cut_off().into_iter().collect();
        not_looked.extend(self.not_looked(&progress, totals));
        progress.tell(not_looked, true);
    }

    fn by_index(&self, sought: &Sought, cancelled: &AtomicBool, progress: &mut Progress<'_>) {
        let indexed = Indexed { sought, seed: self.seed };
        for (number, segment) in newest_first(&self.spans, cancelled).filter(|_| indexed.is_any()) {
            indexed.spans(segment, number, |at, hit| progress.take(SPANS, at, || Some(hit())));
        }
        for (number, segment) in newest_first(&self.records, cancelled).filter(|_| indexed.is_any()) {
            indexed.records(segment, number, |at, hit| progress.take(RECORDS, at, || Some(hit())));
        }
        for (number, segment) in newest_first(&self.logs, cancelled).filter(|_| indexed.is_any()) {
            indexed.logs(segment, number, |at, hit| progress.take(LOGS, at, || Some(hit())));
        }
        let Some(place) = &sought.place else { return };
        for (number, segment) in newest_first(&self.records, cancelled) {
            hits::records_at(place, segment, number, |at, hit| progress.take(RECORDS, at, || Some(hit())));
        }
        for (number, segment) in newest_first(&self.spans, cancelled) {
            hits::spans_at(place, segment, number, |at, hit| progress.take(SPANS, at, || Some(hit())));
        }
    }

    fn not_looked(&self, progress: &Progress<'_>, totals: [u64; 3]) -> Vec<String> {
        let mut not_looked = Vec::new();
        for (kind, total) in totals.into_iter().enumerate() {
            let num_left = total - progress.looked[kind].num_rows.min(total);
            if num_left > 0 {
                let of = words::items(kind, num_left);
                not_looked.push(format!("{of}: the limit of {} was reached", words::hits(self.limit as u64)));
            }
        }
        let [mut num_truncated, mut num_redacted, mut num_binary] = [0; 3];
        for (_, segment) in self.records.segments() {
            let [truncated, redacted, binary] = segment.num_truncated_redacted_binary();
            num_truncated += truncated;
            num_redacted += redacted;
            num_binary += binary;
        }
        let cut = [
            (SPANS, self.spans.segments().map(|(_, segment)| segment.num_truncated()).sum::<u64>()),
            (RECORDS, num_truncated),
            (LOGS, self.logs.segments().map(|(_, segment)| segment.num_truncated()).sum::<u64>()),
        ];
        for (kind, num_cut) in cut.into_iter().filter(|(_, num_cut)| *num_cut > 0) {
            not_looked.push(format!("values beyond the limits of length: {} cut", words::are(kind, num_cut)));
        }
        if num_binary > 0 {
            not_looked.push(format!("keys and values that are no text, but for texts within them: {} some", words::hold(RECORDS, num_binary)));
        }
        if num_redacted > 0 {
            not_looked.push(format!("redacted values: {} some", words::hold(RECORDS, num_redacted)));
        }
        if totals[SPANS] + totals[LOGS] > 0 {
            not_looked.push("secrets in spans and logs: they are redacted before anything is kept".to_owned());
        }
        not_looked.extend(self.not_kept.in_words());
        not_looked
    }
}
