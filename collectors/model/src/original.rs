//! Records read again from their channel, byte for byte, to be sent once more.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{MessageRef, RawHash, TimestampType};

/// A record that was seen: where it lies, and what it was when it was stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SeenRecord {
    /// Where it lies.
    pub at: MessageRef,
    /// Keyed hash of key, value and headers as they lay on the broker when the record was stored; [`RawHash::UNKNOWN`] = it is not known, and
    /// whatever lies there is meant.
    pub raw_hash: RawHash,
}

/// A header as it lies on the broker.
#[derive(Clone, PartialEq, Eq)]
pub struct RawHeader {
    /// Its name.
    pub name: String,
    /// Its value; `None` = null, which is not the same as empty.
    pub value: Option<Vec<u8>>,
}

/// A record as it lies on the broker, secrets included: it is never stored, logged or shown as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct OriginalRecord {
    /// What was looked for, and found as it was.
    pub seen: SeenRecord,
    /// The key; `None` = null.
    pub key: Option<Vec<u8>>,
    /// The value; `None` = null (a tombstone).
    pub value: Option<Vec<u8>>,
    /// Headers in their order, duplicates kept.
    pub headers: Vec<RawHeader>,
    /// Its timestamp, ms since the Unix epoch; `None` = it has none.
    pub timestamp_ms: Option<i64>,
    /// What the timestamp means.
    pub timestamp_type: TimestampType,
}

/// Which way a record goes into its channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Route {
    /// Into this partition.
    Partition(i32),
    /// By its key, as Java's clients choose (murmur2); without a key into any.
    Key,
    /// Through an exchange, to whatever is bound to it.
    Exchange {
        /// The exchange; empty = the default one.
        name: String,
        /// The routing key.
        routing_key: String,
    },
}

/// A record to be sent: one that was read again, with its headers as planned, or one that was composed.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingRecord {
    /// The channel to send it to.
    pub channel: String,
    /// Which way it goes there.
    pub route: Route,
    /// The key; `None` = null.
    pub key: Option<Vec<u8>>,
    /// The value; `None` = null (a tombstone).
    pub value: Option<Vec<u8>>,
    /// Headers in their order.
    pub headers: Vec<RawHeader>,
    /// The timestamp to carry, ms since the Unix epoch; `None` = the time of sending.
    pub timestamp_ms: Option<i64>,
}

/// Why a record is not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Skipped {
    /// Retention took it: its offset lies before the partition's first.
    #[error("expired: the partition begins at offset {low_watermark} by now")]
    Expired {
        /// The partition's first offset.
        low_watermark: i64,
    },
    /// Its partition is there, but no record lies at its offset: compacted away, or the topic was made anew.
    #[error("gone: no record lies at this offset any more")]
    Gone,
    /// Another record lies there than the one that was stored.
    #[error("changed: another record lies at this offset than the one that was seen")]
    Changed,
    /// A header's name is not UTF-8, so that the headers cannot be kept as they are.
    #[error("unreadable: a header's name is not UTF-8")]
    HeadersUnreadable,
    /// A dead letter of a share group that holds no copy, only the place of the record that died.
    #[error("no copy: this dead letter only points at {topic} {partition}@{offset}. Replay the record that lies there")]
    NoCopy {
        /// The topic it points to.
        topic: String,
        /// The partition, as the header writes it.
        partition: String,
        /// The offset, as the header writes it.
        offset: String,
    },
    /// It was sent again as often as is let.
    #[error("replayed {count} times already; the limit is {limit}")]
    ReplayedTooOften {
        /// How often it was replayed before.
        count: u32,
        /// How often it may be.
        limit: u32,
    },
    /// It says it was replayed before, but not how often in a way that can be read.
    #[error("its header x-switchboard-replay-count is not a number, so it cannot be told how often it was replayed")]
    CountUnreadable,
    /// The broker did not hand it out in time.
    #[error("timed out: the broker did not hand it out within {seconds} s")]
    TimedOut {
        /// The bound, in seconds.
        seconds: u64,
    },
    /// The records before it took up all the room there is for one reading.
    #[error("not read: the records before it fill the {limit_bytes} bytes of one reading. Select fewer")]
    TooManyBytes {
        /// The bound, in bytes.
        limit_bytes: u64,
    },
    /// The reading was cancelled before it came to this record.
    #[error("cancelled before it was read")]
    Cancelled,
    /// The broker refused it, or could not be asked.
    #[error("not read: {0}")]
    Refused(String),
}

impl Skipped {
    /// The reason in one word, for counts and the ledger.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::HeadersUnreadable => "headers_unreadable",
            Self::NoCopy { .. } => "no_copy",
            Self::ReplayedTooOften { .. } => "replayed_too_often",
            Self::CountUnreadable => "count_unreadable",
            Self::TimedOut { .. } => "timed_out",
            Self::TooManyBytes { .. } => "too_many_bytes",
            Self::Cancelled => "cancelled",
            Self::Refused(_) => "refused",
        }
    }
}

impl OriginalRecord {
    /// What is hashed of it, in the order that [`SeenRecord::raw_hash`] goes by: key, value, each header's name and value.
    pub fn parts(&self) -> Vec<Option<&[u8]>> {
        parts(self.key.as_deref(), self.value.as_deref(), &self.headers)
    }

    /// Bytes of key, value and headers.
    pub fn size_bytes(&self) -> usize {
        size_bytes(self.key.as_deref(), self.value.as_deref(), &self.headers)
    }
}

impl OutgoingRecord {
    /// Bytes of key, value and headers.
    pub fn size_bytes(&self) -> usize {
        size_bytes(self.key.as_deref(), self.value.as_deref(), &self.headers)
    }

    /// What is hashed of it, in the order that [`SeenRecord::raw_hash`] goes by: key, value, each header's name and value.
    pub fn parts(&self) -> Vec<Option<&[u8]>> {
        parts(self.key.as_deref(), self.value.as_deref(), &self.headers)
    }
}

fn parts<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>, headers: &'a [RawHeader]) -> Vec<Option<&'a [u8]>> {
    let headers = headers.iter().flat_map(|header| [Some(header.name.as_bytes()), header.value.as_deref()]);
    [key, value].into_iter().chain(headers).collect()
}

fn size_bytes(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[RawHeader]) -> usize {
    let headers: usize = headers.iter().map(|header| header.name.len() + header.value.as_ref().map_or(0, Vec::len)).sum();
    key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + headers
}

// What these hold may be secret, so their debug text tells sizes only.

impl fmt::Debug for RawHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawHeader").field("name", &self.name).field("value_bytes", &self.value.as_ref().map(Vec::len)).finish()
    }
}

impl fmt::Debug for OriginalRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginalRecord")
            .field("seen", &self.seen)
            .field("key_bytes", &self.key.as_ref().map(Vec::len))
            .field("value_bytes", &self.value.as_ref().map(Vec::len))
            .field("headers", &self.headers)
            .field("timestamp_ms", &self.timestamp_ms)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OutgoingRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRecord")
            .field("channel", &self.channel)
            .field("route", &self.route)
            .field("key_bytes", &self.key.as_ref().map(Vec::len))
            .field("value_bytes", &self.value.as_ref().map(Vec::len))
            .field("headers", &self.headers)
            .field("timestamp_ms", &self.timestamp_ms)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    #[test]
    fn debug_text_holds_no_values() {
        let headers = vec![RawHeader { name: "a".to_owned(), value: Some(b"hunter2".to_vec()) }];
        let at = MessageRef { cluster: "c".to_owned(), channel: "t".to_owned(), place: Place::at(0, 7) };
        let seen = SeenRecord { at, raw_hash: RawHash::default() };
        let (key, value) = (Some(b"hunter3".to_vec()), Some(b"hunter4".to_vec()));
        let original = OriginalRecord {
            seen,
            key: key.clone(),
            value: value.clone(),
            headers: headers.clone(),
            timestamp_ms: None,
            timestamp_type: TimestampType::Unknown,
        };
        let outgoing = OutgoingRecord { channel: "t".to_owned(), route: Route::Key, key, value, headers, timestamp_ms: None };
        let text = format!("{original:?} {outgoing:?}");
        assert!(!text.contains("hunter") && !text.contains("104, 117"), "{text}");
        assert_eq!((original.size_bytes(), outgoing.size_bytes()), (22, 22));
    }

    #[test]
    fn null_and_empty_hash_apart() {
        let record =
            |value: Option<Vec<u8>>| OutgoingRecord { channel: "t".to_owned(), route: Route::Key, key: None, value, headers: Vec::new(), timestamp_ms: None };
        let hash = |record: OutgoingRecord| RawHash::of(&[3; 16], &record.parts());
        assert_ne!(hash(record(None)), hash(record(Some(Vec::new()))));
    }
}
