//! A record as a line of JSON. Bytes are written as changes and drafts write them: `{"text": "…"}`, `{"hex": "…"}`, or `"null"`.

use serde::{Deserialize, Serialize};
use serde_json::Error;
use switchboard_model::{OriginalRecord, RawHeader, TimestampType};

use crate::send::edit::NewBytes;

/// What is said where bytes are written otherwise.
const BYTES: &str = "bytes are written as {\"text\": \"…\"}, {\"hex\": \"…\"} or \"null\"";

/// A record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// The line it stands in, from 1 on.
    pub line: usize,
    /// What the cluster that it lay on calls itself; `None` = it does not tell.
    pub cluster_id: Option<String>,
    /// Its topic.
    pub topic: String,
    /// The partition in which it lay; `None` = it does not tell.
    pub partition: Option<i32>,
    /// Its offset there; `None` = it does not tell.
    pub offset: Option<i64>,
    /// Its timestamp, ms since the Unix epoch; `None` = it has none.
    pub timestamp_ms: Option<i64>,
    /// What that means.
    pub timestamp_type: TimestampType,
    /// The key; `None` = null.
    pub key: Option<Vec<u8>>,
    /// The value; `None` = null.
    pub value: Option<Vec<u8>>,
    /// Headers in their order, duplicates kept.
    pub headers: Vec<RawHeader>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// What the cluster calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp_type: Option<Time>,
    #[serde(default = "null")]
    key: NewBytes,
    /// Never left out: a record without a value is a tombstone, which takes others away.
    value: NewBytes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Header>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    value: NewBytes,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Time {
    Create,
    LogAppend,
}

fn null() -> NewBytes {
    NewBytes::Null
}

/// A line of kcat's (`kcat -J`), by the names that it has. It writes keys and values as text, whatever they are.
#[derive(Deserialize)]
struct KcatLine {
    topic: String,
    #[serde(default)]
    partition: Option<i32>,
    #[serde(default)]
    offset: Option<i64>,
    #[serde(default)]
    tstype: Option<String>,
    #[serde(default)]
    ts: Option<i64>,
    /// Names and values in turn.
    #[serde(default)]
    headers: Vec<Option<String>>,
    // Null where there is none, and never left out.
    #[serde(deserialize_with = "Option::deserialize")]
    key: Option<String>,
    #[serde(deserialize_with = "Option::deserialize")]
    payload: Option<String>,
}

/// A record as it lies on a cluster, as a line without its end.
pub(in crate::send) fn write(record: &OriginalRecord, cluster_id: &str) -> Result<String, String> {
    let place = &record.seen.at.place;
    let headers = record.headers.iter().map(|header| Header { name: header.name.clone(), value: NewBytes::of(header.value.as_deref()) });
    let line = Line {
        cluster: Some(cluster_id.to_owned()),
        topic: record.seen.at.channel.clone(),
        partition: place.partition(),
        offset: place.offset(),
        timestamp_ms: record.timestamp_ms,
        timestamp_type: match record.timestamp_type {
            TimestampType::Unknown => None,
            TimestampType::Create => Some(Time::Create),
            TimestampType::LogAppend => Some(Time::LogAppend),
        },
        key: NewBytes::of(record.key.as_deref()),
        value: NewBytes::of(record.value.as_deref()),
        headers: headers.collect(),
    };
    serde_json::to_string(&line).map_err(|error| error.to_string())
}

/// The record of a line; the reason, without what stands in it, where it is none. `number`: which line it is.
pub(super) fn read(text: &[u8], number: usize) -> Result<FileRecord, String> {
    let text = std::str::from_utf8(text).map_err(|error| format!("it is no UTF-8 from byte {} on", error.valid_up_to() + 1))?;
    let record = match serde_json::from_str::<Line>(text) {
        Ok(line) => of_line(line, number),
        // A line of kcat's says what its timestamp is by a name of its own.
        Err(_) if text.contains("\"tstype\"") => of_kcat(serde_json::from_str(text).map_err(|error| words(&error))?, number),
        Err(error) => Err(words(&error)),
    }?;
    match record.mistake() {
        Some(mistake) => Err(mistake.to_owned()),
        None => Ok(record),
    }
}

fn of_line(line: Line, number: usize) -> Result<FileRecord, String> {
    let bytes = |what: &str, written: &NewBytes| written.bytes().map_err(|_| format!("{what} is written as hex, and is no hexadecimal digits, two a byte"));
    let headers = line.headers.iter().enumerate().map(|(at, header)| {
        let value = bytes(&format!("the value of header {}", at + 1), &header.value)?;
        Ok(RawHeader { name: header.name.clone(), value })
    });
    Ok(FileRecord {
        line: number,
        partition: line.partition,
        offset: line.offset,
        timestamp_ms: line.timestamp_ms,
        timestamp_type: match line.timestamp_type {
            Some(Time::LogAppend) => TimestampType::LogAppend,
            Some(Time::Create) => TimestampType::Create,
            None => TimestampType::Unknown,
        },
        key: bytes("the key", &line.key)?,
        value: bytes("the value", &line.value)?,
        headers: headers.collect::<Result<_, String>>()?,
        cluster_id: line.cluster,
        topic: line.topic,
    })
}

fn of_kcat(line: KcatLine, number: usize) -> Result<FileRecord, String> {
    let bytes = |text: Option<String>| text.map(String::into_bytes);
    if line.headers.len() % 2 == 1 {
        return Err("`headers` has a name without a value".to_owned());
    }
    let headers = line.headers.chunks_exact(2).map(|pair| match pair {
        [Some(name), value] => Ok(RawHeader { name: name.clone(), value: bytes(value.clone()) }),
        _ => Err("a name in `headers` is null".to_owned()),
    });
    let timestamp_type = match line.tstype.as_deref() {
        Some("create") => TimestampType::Create,
        Some("logappend") => TimestampType::LogAppend,
        _ => TimestampType::Unknown,
    };
    Ok(FileRecord {
        line: number,
        cluster_id: None,
        partition: line.partition,
        offset: line.offset,
        timestamp_ms: line.ts.filter(|ms| *ms >= 0 && timestamp_type != TimestampType::Unknown),
        timestamp_type,
        headers: headers.collect::<Result<_, String>>()?,
        key: bytes(line.key),
        value: bytes(line.payload),
        topic: line.topic,
    })
}

impl FileRecord {
    /// Why no record is like that; `None` = one may be.
    fn mistake(&self) -> Option<&'static str> {
        if self.topic.is_empty() {
            Some("`topic` is empty; name the topic that it lay on, or is to go to")
        } else if self.partition.is_some_and(|partition| partition < 0) {
            Some("partitions begin with 0")
        } else if self.offset.is_some_and(|offset| offset < 0) {
            Some("offsets begin with 0")
        } else if self.timestamp_ms.is_some_and(|ms| ms < 0 || ms.checked_mul(1_000_000).is_none()) {
            Some("`timestamp_ms` is no time in ms since 1970")
        } else if self.cluster_id.as_ref().is_some_and(String::is_empty) {
            Some("`cluster` is empty; leave it out where it is not known")
        } else {
            None
        }
    }
}

/// Why a line is none, in words that hold nothing of what stands in it: that may be a secret.
fn words(error: &Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(before, _)| before);
    let told = if text.starts_with("unknown variant") || text == "expected value" {
        BYTES.to_owned()
    } else if let Some((_, expected)) = text.rsplit_once(", expected ").filter(|_| text.starts_with("invalid ")) {
        let expected = if expected.contains("NewBytes") || expected.contains("variant") { BYTES } else { expected };
        format!("something else than expected: {expected}")
    } else if text.starts_with("unknown field") {
        format!("it has a part that no record has{}", text.rsplit_once(", expected").map_or(String::new(), |(_, expected)| format!("; a record has{expected}")))
    } else {
        text.to_owned()
    };
    match error.column() {
        0 => told,
        column => format!("{told} (column {column})"),
    }
}
