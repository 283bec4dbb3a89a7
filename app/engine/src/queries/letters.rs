//! Dead letters one by one.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};

use switchboard_model::{NO_TIME, REPLAY_COUNT_HEADER, REPLAY_ID_HEADER, group_in_name};

use crate::state::{Asked, DeadLetterInfo, death, dies_there};
use crate::store::{Held, RecordContent, RecordRef, RecordSegment, StoredAt};
use crate::view::{LetterOrder, LetterPage, LetterView, LettersOnly, RecordView};

/// Letters are read between two looks whether anybody still waits.
const STRIDE: usize = 256;

/// A look over all stored dead letters. What each died of stands beside it, so only the letters of the page are read.
#[derive(Debug)]
pub(crate) struct LetterScan {
    pub(crate) records: Held<RecordSegment>,
    /// Only letters of these kinds.
    pub(crate) asked: Asked,
    /// Only letters that came at this time or later, ns since the Unix epoch.
    pub(crate) since_ns: i64,
    /// Which of them, and which come first.
    pub(crate) order: LetterOrder,
    /// So many of the first are left out.
    pub(crate) skip: usize,
    pub(crate) limit: usize,
}

impl LetterScan {
    /// Runs to the end, or until `cancelled` is set: then `None`. A letter is as old as its own time says, or its arrival
    /// where it has none.
    pub(crate) fn run(&self, cancelled: &AtomicBool) -> Option<LetterPage> {
        let mut found: Vec<(bool, i64, StoredAt)> = Vec::new();
        let mut page = LetterPage { skipped: self.skip as u64, ..LetterPage::default() };
        for (number, segment) in self.records.segments() {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            for (row, kind) in segment.letters() {
                let record = RecordRef::new(segment, *row as usize);
                let is_unkept = || self.asked.unkept.as_ref().is_some_and(|unkept| unkept.holds(*kind, &record.cluster().name, record.channel()));
                if (self.asked.kinds.contains(kind) || is_unkept()) && record.received_ns() >= self.since_ns {
                    let (is_dealt_with, is_listed) = self.order.stands(record);
                    page.num_stored += 1;
                    page.num_dealt_with += u64::from(is_dealt_with);
                    page.last_received_ns = page.last_received_ns.max(Some(record.received_ns()));
                    if is_listed {
                        let time_ns = if record.timestamp_ns() == NO_TIME { record.received_ns() } else { record.timestamp_ns() };
                        found.push((is_dealt_with, time_ns, StoredAt { segment: number, row: *row as u16 }));
                    }
                }
            }
        }
        match self.order {
            LetterOrder::OldestFirst => found.sort_unstable(),
            LetterOrder::OpenFirst { .. } => found.sort_unstable_by_key(|(is_dealt_with, time_ns, at)| (*is_dealt_with, Reverse((*time_ns, *at)))),
        }
        page.total = found.len() as u64;
        for (.., at) in found.into_iter().skip(self.skip).take(self.limit) {
            if page.letters.len().is_multiple_of(STRIDE) && cancelled.load(Ordering::Relaxed) {
                return None;
            }
            page.letters.extend(self.records.segment(at.segment).map(|segment| letter(at, RecordRef::new(segment, at.row.into()))));
        }
        Some(page)
    }
}

impl LetterOrder {
    /// Whether somebody dealt with a letter, and whether it is listed.
    fn stands(&self, record: RecordRef<'_>) -> (bool, bool) {
        let Self::OpenFirst { dealt_with, only } = self else { return (false, true) };
        if dealt_with.is_empty() {
            return (false, !matches!(only, LettersOnly::These(_)));
        }
        let letter = (record.message(), (record.timestamp_ns() != NO_TIME).then(|| record.timestamp_ns()));
        let is_dealt_with = dealt_with.contains(&letter);
        let is_listed = match only {
            LettersOnly::All => true,
            LettersOnly::Open => !is_dealt_with,
            LettersOnly::These(these) => these.contains(&letter),
        };
        (is_dealt_with, is_listed)
    }
}

/// A record that is not stored, as a dead letter, and the fingerprint of its death: the same that a stored one has. Its headers are those that hold no secrets.
/// `is_chosen`: whether its channel is for dead letters whatever its name. `None` = it is no dead letter.
pub fn letter_told(record: &RecordView, is_chosen: bool) -> Option<(LetterView, String)> {
    let channel = &record.at.channel;
    let (info, fingerprint) = death(record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())), record.headers_readable);
    if !dies_there(info.as_ref(), channel, record.timestamp_ns.unwrap_or(NO_TIME), is_chosen) {
        return None;
    }
    let info = info.unwrap_or_default();
    let text = |name: &str| {
        let header = record.headers.iter().rev().find(|(of, _)| of == name)?;
        std::str::from_utf8(header.1.as_deref()?).ok().map(str::trim)
    };
    let retried_ns = info.first_try_ns.zip(record.timestamp_ns).map(|(first_ns, at_ns)| at_ns.saturating_sub(first_ns)).filter(|ns| *ns >= 0);
    let letter = LetterView {
        at: record.at.clone(),
        timestamp_ns: record.timestamp_ns,
        origin_place: info.origin_place,
        origin_group: info.group.or_else(|| group_in_name(channel, info.origin.as_deref()?).map(str::to_owned)),
        exception: info.cause.or(info.exception),
        message: info.message,
        attempts: info.attempts.and_then(|attempts| u32::try_from(attempts).ok()),
        origin: info.origin,
        trace_id: record.trace_id,
        raw_hash: record.raw_hash,
        replay_count: text(REPLAY_COUNT_HEADER).and_then(|count| count.parse().ok()).unwrap_or(0),
        retried_ns,
        dialect: (!info.dialect.is_empty()).then(|| info.dialect.to_owned()),
        ..LetterView::default()
    };
    Some((letter, fingerprint))
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
    let timestamp_ns = (record.timestamp_ns() != NO_TIME).then(|| record.timestamp_ns());
    let (retried_ns, group) = (info.retried_ns(timestamp_ns), info.group_on(record.channel()));
    LetterView {
        row: at.into(),
        at: record.message(),
        timestamp_ns,
        received_ns: record.received_ns(),
        key: content.key.map(<[u8]>::to_vec),
        value_size_bytes: content.value_size_bytes,
        origin_place: info.origin_place,
        origin_group: group,
        exception: info.cause.or(info.exception),
        message: info.message,
        attempts: info.attempts.and_then(|attempts| u32::try_from(attempts).ok()),
        origin: info.origin,
        schema_id: content.value.and_then(schema_id),
        trace_id: content.trace.map(|context| context.trace_id),
        raw_hash: record.raw_hash(),
        redacted: record.redacted(),
        replay_id: text(REPLAY_ID_HEADER).filter(|id| !id.is_empty()).map(str::to_owned),
        replay_count: text(REPLAY_COUNT_HEADER).and_then(|count| count.parse().ok()).unwrap_or(0),
        retried_ns,
        dialect: (!info.dialect.is_empty()).then(|| info.dialect.to_owned()),
    }
}

/// The schema id of Confluent's framing: a zero byte, then four bytes, highest first.
fn schema_id(value: &[u8]) -> Option<u32> {
    let (magic, rest) = value.split_first()?;
    (*magic == 0).then(|| rest.first_chunk().copied().map(u32::from_be_bytes)).flatten()
}
