//! A record as a broker may hold it, read as the tail reads it.

use std::sync::Arc;

use switchboard_model::{BatchHeader, ClusterRef, RecordBatch, Redactor, TimestampType};

use crate::convert::{RawRecord, RecordBuilder};

/// A header's name and its value; `None` = null.
pub type RawHeaders<'a> = [(&'a [u8], Option<&'a [u8]>)];

/// A batch of one record of a topic, at offset 0 of partition 0.
pub fn record_batch(
    header: BatchHeader,
    topic: &str,
    (key, value): (Option<&[u8]>, Option<&[u8]>),
    headers: &RawHeaders<'_>,
    redactor: Arc<Redactor>,
) -> RecordBatch {
    let cluster = ClusterRef { system: "kafka".to_owned(), cluster_id: None, name: "k".to_owned() };
    let mut builder = RecordBuilder::new(header.source, cluster, redactor);
    let channel = builder.channel(topic);
    let timestamp_ms = header.received_ns / 1_000_000;
    builder.add(channel, &RawRecord { partition: 0, offset: 0, timestamp_ms, timestamp_type: TimestampType::Create, key, value, headers });
    builder.finish(header.received_ns)
}
