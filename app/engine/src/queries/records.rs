//! A channel's records, page by page.

use switchboard_model::NO_TIME;

use crate::store::{RecordRef, Segment, Store, StoredAt};
use crate::view::{ChannelKey, RecordLine, RecordPage, RowId};

/// Records of a channel behind a row, oldest first.
pub(crate) fn record_page(store: &Store, channel: &ChannelKey, after: Option<RowId>, limit: usize) -> RecordPage {
    let mut page = RecordPage { evicted: store.evicted_records.of(channel), ..RecordPage::default() };
    for (number, segment) in store.records.segments() {
        let (channels, num_rows) = segment.rows_of(channel);
        page.total_stored += num_rows;
        let first_row = match after.map(StoredAt::from) {
            // Numbers rise with arrival.
            Some(after) if after.segment == number => usize::from(after.row) + 1,
            Some(after) if after.segment > number => continue,
            Some(_) | None => 0,
        };
        if num_rows == 0 || page.has_more {
            continue;
        }
        for row in first_row..segment.num_rows() {
            if !channels.contains(&segment.channel_of(row)) {
                continue;
            }
            if page.rows.len() >= limit {
                page.has_more = true;
                break;
            }
            page.rows.push(line(StoredAt { segment: number, row: row as u16 }, RecordRef::new(segment, row)));
        }
    }
    page
}

pub(super) fn line(at: StoredAt, record: RecordRef<'_>) -> RecordLine {
    let (key, value) = record.sizes_bytes();
    RecordLine {
        row: at.into(),
        place: record.place().into(),
        timestamp_ns: (record.timestamp_ns() != NO_TIME).then(|| record.timestamp_ns()),
        size_bytes: key.saturating_add(value),
    }
}
