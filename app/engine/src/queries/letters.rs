//! Dead letters one by one.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use switchboard_model::NO_TIME;

use crate::state::{DeadLetterInfo, death};
use crate::store::{Held, RecordContent, RecordRef, RecordSegment, Segment, StoredAt};
use crate::view::{ChannelKey, LetterPage, LetterView};

/// Header of the replay that sent a record.
const REPLAY_ID: &str = "x-switchboard-replay-id";
/// Header of how often a record was replayed.
const REPLAY_COUNT: &str = "x-switchboard-replay-count";
/// Letters are read between two looks whether anybody still waits.
const STRIDE: usize = 256;

/// A look over all stored records of a dead-letter channel.
#[derive(Debug)]
pub(crate) struct LetterScan {
    pub(crate) records: Held<RecordSegment>,
    pub(crate) channel: ChannelKey,
    pub(crate) origin: Option<String>,
    pub(crate) fingerprint: String,
    /// Where the fingerprint stands for all others: those that are told apart.
    pub(crate) told_apart: Option<HashSet<(Option<String>, String)>>,
    pub(crate) limit: usize,
}

impl LetterScan {
    /// Runs to the end, or until `cancelled` is set: then `None`. A letter is as old as its own time says, or its arrival
    /// where it has none.
    pub(crate) fn run(&self, cancelled: &AtomicBool) -> Option<LetterPage> {
        let mut found: Vec<(i64, StoredAt)> = Vec::new();
        let mut num_read = 0_usize;
        for (number, segment) in self.records.segments() {
            let (channels, num_rows) = segment.rows_of(&self.channel);
            if num_rows == 0 {
                continue;
            }
            for row in (0..segment.num_rows()).filter(|row| channels.contains(&segment.channel_of(*row))) {
                if num_read.is_multiple_of(STRIDE) && cancelled.load(Ordering::Relaxed) {
                    return None;
                }
                num_read += 1;
                let record = RecordRef::new(segment, row);
                let (info, fingerprint) = death_of(record, &record.content());
                if self.is_asked_for(info, fingerprint) {
                    let time_ns = if record.timestamp_ns() == NO_TIME { record.received_ns() } else { record.timestamp_ns() };
                    found.push((time_ns, StoredAt { segment: number, row: row as u16 }));
                }
            }
        }
        found.sort_unstable();
        let total = found.len() as u64;
        found.truncate(self.limit);
        let is_capped = total > found.len() as u64;
        let letter = |(_, at): &(i64, StoredAt)| Some(letter(*at, RecordRef::new(self.records.segment(at.segment)?, at.row.into())));
        Some(LetterPage { letters: found.iter().filter_map(letter).collect(), total, is_capped })
    }

    fn is_asked_for(&self, info: Option<DeadLetterInfo>, fingerprint: String) -> bool {
        let origin = info.and_then(|info| info.origin);
        match &self.told_apart {
            Some(others) => !others.contains(&(origin, fingerprint)),
            None => fingerprint == self.fingerprint && origin == self.origin,
        }
    }
}

fn death_of(record: RecordRef<'_>, content: &RecordContent<'_>) -> (Option<DeadLetterInfo>, String) {
    let readable = content.headers.iter().filter(|header| !header.redacted);
    death(readable.map(|header| (header.name, header.value)), record.headers_readable())
}

fn letter(at: StoredAt, record: RecordRef<'_>) -> LetterView {
    let content = record.content();
    let info = death_of(record, &content).0.unwrap_or_default();
    // The last of equal names counts: a replay adds its own behind those that were there.
    let header = |name: &str| content.headers.iter().rev().find(|header| header.name == name && !header.redacted)?.value;
    let text = |name: &str| std::str::from_utf8(header(name)?).ok().map(str::trim);
    LetterView {
        row: at.into(),
        cluster: record.cluster().name.clone(),
        channel: record.channel().to_owned(),
        partition: record.partition(),
        offset: record.offset(),
        timestamp_ns: (record.timestamp_ns() != NO_TIME).then(|| record.timestamp_ns()),
        key: content.key.map(<[u8]>::to_vec),
        value_size_bytes: content.value_size_bytes,
        origin_partition: info.origin_partition,
        origin_offset: info.origin_offset,
        origin_group: info.group,
        exception: info.cause.or(info.exception),
        message: info.message,
        attempts: info.attempts.and_then(|attempts| u32::try_from(attempts).ok()),
        origin: info.origin,
        schema_id: content.value.and_then(schema_id),
        trace_id: content.trace.map(|context| context.trace_id),
        raw_hash: record.raw_hash(),
        redacted: record.redacted(),
        replay_id: text(REPLAY_ID).filter(|id| !id.is_empty()).map(str::to_owned),
        replay_count: text(REPLAY_COUNT).and_then(|count| count.parse().ok()).unwrap_or(0),
        dialect: (!info.dialect.is_empty()).then(|| info.dialect.to_owned()),
    }
}

/// The schema id of Confluent's framing: a zero byte, then four bytes, highest first.
fn schema_id(value: &[u8]) -> Option<u32> {
    let (magic, rest) = value.split_first()?;
    (*magic == 0).then(|| rest.first_chunk().copied().map(u32::from_be_bytes)).flatten()
}
