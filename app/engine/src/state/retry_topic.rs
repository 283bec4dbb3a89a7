//! Retry topics: their listener waits on purpose until a record is due.

use std::collections::BTreeMap;

use switchboard_model::{PlaceRow, RecordBatch};

/// The header in which Spring says when a record is due (`RetryTopicHeaders`): milliseconds, as the bytes of a `BigInteger`.
const DUE_HEADER: &str = "retry_topic-backoff-timestamp";
/// Due times kept a topic: the newest.
const MAX_DUES: usize = 1_024;
/// A record that has been due for so long is late.
const LATE_NS: i64 = 30_000_000_000;

/// Whether a topic is one for retries by its name: `orders-retry`, `orders-retry-0`, `orders-retry-1000`.
pub(crate) fn is_retry_name(topic: &str) -> bool {
    let mut parts = topic.split(['-', '.', '_']).rev().skip_while(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    parts.next().is_some_and(|part| part.eq_ignore_ascii_case("retry")) && parts.next().is_some()
}

/// When the record of a header is due, ns since the Unix epoch.
fn due_ns(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > 8 || bytes[0] & 0x80 != 0 {
        return None;
    }
    let ms = bytes.iter().fold(0_i64, |ms, byte| (ms << 8) | i64::from(*byte));
    ms.checked_mul(1_000_000)
}

/// When records of a batch are due: channel's name, partition, offset, and the time.
pub(crate) fn dues(batch: &RecordBatch) -> impl Iterator<Item = (&str, i32, i64, i64)> {
    let is_retry: Vec<bool> = batch.channels.iter().map(|channel| is_retry_name(batch.text.get(channel.name))).collect();
    let any = is_retry.contains(&true);
    batch.records.iter().filter(move |_| any).filter_map(move |record| {
        is_retry.get(record.channel as usize).filter(|is| **is)?;
        let PlaceRow::Offset { partition, offset } = record.place else { return None };
        let channel = batch.channels.get(record.channel as usize)?;
        let headers = batch.headers.get(record.headers.range()).unwrap_or_default();
        let header = headers.iter().rev().find(|header| batch.text.get(header.name) == DUE_HEADER)?;
        Some((batch.text.get(channel.name), partition, offset, due_ns(batch.text.bytes(header.value?))?))
    })
}

/// What is known of when records of a retry topic are due.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dues {
    by_place: BTreeMap<(i32, i64), i64>,
    /// By how much the machine's clock was set, ns: those who wait go by that clock, whenever the record was written.
    pub(crate) clock_set_by_ns: i64,
}

impl Dues {
    /// A record is due then.
    pub(crate) fn observe(&mut self, partition: i32, offset: i64, due_ns: i64) {
        self.by_place.insert((partition, offset), due_ns);
        if self.by_place.len() > MAX_DUES {
            // The oldest offset of the partition that holds most of them, or nearly so: its own.
            let oldest = self.by_place.range((partition, i64::MIN)..).next().map(|(place, _)| *place);
            self.by_place.remove(&oldest.unwrap_or((partition, offset)));
        }
    }

    /// When the first of what waits at these places is due; `None` = nothing tells, or it is late.
    pub(crate) fn next_due_ns(&self, places: impl Iterator<Item = (i32, i64)>, now_ns: i64) -> Option<i64> {
        // Of offsets that are no records (markers, compaction) the next one counts.
        let due = |(partition, offset): (i32, i64)| self.by_place.range((partition, offset)..=(partition, i64::MAX)).next().map(|(_, due_ns)| *due_ns);
        let first = places.filter_map(due).min().map(|first_ns| first_ns.saturating_sub(self.clock_set_by_ns));
        first.filter(|first_ns| first_ns.saturating_add(LATE_NS) >= now_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_topics_are_told_by_name() {
        for (topic, is_retry) in [
            ("orders-retry", true),
            ("orders-retry-0", true),
            ("orders-retry-1000", true),
            ("orders.RETRY", true),
            ("orders_retry_2", true),
            ("retry", false),
            ("retry-0", false),
            ("orders-retries", false),
            ("orders-retry-policy", false),
            ("card-retrying", false),
            ("orders-0", false),
            ("", false),
        ] {
            assert_eq!(is_retry_name(topic), is_retry, "{topic}");
        }
    }

    #[test]
    fn the_time_a_record_is_due_is_read_as_spring_writes_it() {
        assert_eq!(due_ns(&1_764_000_000_123_i64.to_be_bytes()[2..]), Some(1_764_000_000_123_000_000));
        for broken in [&[][..], &[0x80], &[0; 9], &[0x7f; 8]] {
            assert_eq!(due_ns(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn what_is_late_does_not_wait_any_more() {
        let second = 1_000_000_000;
        let mut dues = Dues::default();
        dues.observe(0, 7, 100 * second);
        let at = |offset: i64, now_s: i64| dues.next_due_ns(std::iter::once((0, offset)), now_s * second);
        assert_eq!(at(7, 90), Some(100 * second));
        assert_eq!(at(5, 90), Some(100 * second), "what lies before it is no record");
        assert_eq!((at(7, 131), at(8, 131)), (None, None));
        for offset in 0..5_000 {
            dues.observe(0, offset, offset);
        }
        assert_eq!(dues.by_place.len(), MAX_DUES);
    }
}
