//! How large a record may be on a topic, and how large one is there.

use std::time::Duration;

use switchboard_model::OutgoingRecord;

use crate::asking::once;
use crate::config::Config;
use crate::failure::Code;

/// The topic's setting: how many bytes a batch of records may have.
const SETTING: &str = "max.message.bytes";
/// How long the brokers may take to tell.
const WITHIN: Duration = Duration::from_secs(5);
/// Bytes of a batch before its records, from its first offset to their number (message format 2).
const HEAD_BYTES: u64 = 61;

/// Bytes of a record as it is sent: in a batch of its own, not compressed. That is what brokers compare with `max.message.bytes`.
///
/// Source: Kafka's message format 2; see `org.apache.kafka.common.record.DefaultRecordBatch` and `DefaultRecord`.
pub fn batch_bytes(record: &OutgoingRecord) -> u64 {
    let nullable = |bytes: Option<&[u8]>| bytes.map_or(number_bytes(-1), |bytes| text_bytes(bytes.len()));
    let headers = record.headers.iter().map(|header| text_bytes(header.name.len()) + nullable(header.value.as_deref()));
    // Attributes, and the differences of time and offset to the batch's, which are 0 in a batch of one.
    let body = 3 + nullable(record.key.as_deref()) + nullable(record.value.as_deref()) + number_bytes(len(record.headers.len())) + headers.sum::<u64>();
    HEAD_BYTES + number_bytes(i64::try_from(body).unwrap_or(i64::MAX)) + body
}

fn len(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Bytes with their length before them.
fn text_bytes(num: usize) -> u64 {
    number_bytes(len(num)) + num as u64
}

/// Bytes of a number as records write it: seven bits a byte, the sign in the lowest.
fn number_bytes(number: i64) -> u64 {
    let bits = u64::BITS - ((number << 1) ^ (number >> 63)).leading_zeros();
    u64::from(bits.div_ceil(7).max(1))
}

/// How many bytes a batch of a topic may have at most, as the brokers say now; an error says why that is not known. One question, asked once and
/// bounded in time; it ends when the future is dropped.
pub async fn batch_limit(config: &Config, topic: &str) -> Result<u64, String> {
    let asked = topic.to_owned();
    let told =
        once(config, WITHIN, move |asker, patience| asker.topic_setting(&asked, SETTING, patience)).await.map_err(|unanswered| match unanswered.code {
            Code::TOPIC_AUTHORIZATION_FAILED => format!("this user may not look at the settings of {topic}. Allow it (ACL operation DESCRIBE_CONFIGS)"),
            Code::UNKNOWN_TOPIC_OR_PARTITION => format!("there is no topic {topic}. Check its name"),
            Code::UNSUPPORTED_FEATURE => format!("these brokers do not tell the settings of topics. Look up {SETTING} where {topic} was made"),
            _ => unanswered.words(),
        })?;
    told.and_then(|value| value.parse().ok()).ok_or_else(|| format!("the brokers do not tell {SETTING} of {topic}. Look it up where {topic} was made"))
}

#[cfg(test)]
mod tests {
    use switchboard_model::{RawHeader, Route};

    use super::*;

    fn record(key: Option<usize>, value: Option<usize>, headers: &[(usize, Option<usize>)]) -> OutgoingRecord {
        let bytes = |num: usize| vec![b'x'; num];
        OutgoingRecord {
            channel: "orders".to_owned(),
            route: Route::Key,
            key: key.map(bytes),
            value: value.map(bytes),
            headers: headers.iter().map(|(name, value)| RawHeader { name: "n".repeat(*name), value: value.map(bytes) }).collect(),
            timestamp_ms: None,
        }
    }

    #[test]
    fn a_record_is_as_large_as_its_batch() {
        for (name, record, bytes) in [
            // Length, attributes, two differences, -1, -1, 0.
            ("nothing in it", record(None, None, &[]), 61 + 1 + 6),
            ("empty is as long as null", record(Some(0), Some(0), &[]), 61 + 1 + 6),
            ("a length of one byte", record(None, Some(57), &[]), 61 + 1 + 6 + 57),
            ("the whole needs two bytes for its own", record(None, Some(58), &[]), 61 + 2 + 6 + 58),
            ("the value needs two, too", record(None, Some(64), &[]), 61 + 2 + 7 + 64),
            ("three", record(None, Some(8_192), &[]), 61 + 3 + 8 + 8_192),
            ("a mebibyte", record(Some(36), Some(1 << 20), &[]), 61 + 4 + 9 + 36 + (1 << 20)),
            ("headers", record(None, None, &[(5, Some(3)), (5, None)]), 61 + 1 + 6 + (1 + 5 + 1 + 3) + (1 + 5 + 1)),
        ] {
            assert_eq!(batch_bytes(&record), bytes, "{name}");
        }
    }
}
