//! A file of records, held in memory once it was read: what was previewed is what goes, whatever becomes of the file.

use std::collections::HashMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use switchboard_engine::view::{RecordView, letter_told};
use switchboard_model::{MessageRef, OriginalRecord, Place, RawHash, Redactor, SeenRecord, Skipped, ToldPlace, parse_traceparent};

use super::line;
pub use super::line::FileRecord;
use crate::ledger::{ClusterIds, HashKey, KindHash, LetterKey};
use crate::send::replay::AskedLetter;

/// A longer file is not read.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// A file with more records is not read.
pub const FILE_RECORDS_MAX: usize = 100_000;
/// What stands for the cluster of records that do not tell theirs: such are known by what they hold, on no cluster.
const NO_CLUSTER: &str = "a file";
const TRACEPARENT: &str = "traceparent";

/// Why a file is none of records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileMistake {
    /// A line is no record.
    #[error("line {line}: {reason}")]
    Line {
        /// Which, from 1 on.
        line: usize,
        /// Why.
        reason: String,
    },
    /// It has none.
    #[error("it holds no record: write one a line, or export some in Messages")]
    Empty,
    /// It has too many.
    #[error("it has more than {FILE_RECORDS_MAX} records; split it, and replay one part after the other")]
    TooMany,
}

/// The records of a text, a line each; empty lines are passed over.
pub fn records_of(text: &[u8]) -> Result<Vec<FileRecord>, FileMistake> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut records = Vec::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if records.len() == FILE_RECORDS_MAX {
            return Err(FileMistake::TooMany);
        }
        records.push(line::read(line, at + 1).map_err(|reason| FileMistake::Line { line: at + 1, reason })?);
    }
    if records.is_empty() { Err(FileMistake::Empty) } else { Ok(records) }
}

/// A file that was read. Of its records nothing is told but by those who may send them.
pub struct RecordFile {
    path: PathBuf,
    /// Of all of it, under the ledger's key.
    hash: RawHash,
    /// In the order of the file, each with its line.
    records: Vec<(usize, OriginalRecord)>,
    /// Of each, in which partition and at which offset it lay, as far as it tells.
    told: Vec<Option<ToldPlace>>,
    by_place: HashMap<MessageRef, usize>,
    /// What the clusters of its records call themselves, by the names under which they are known here.
    cluster_ids: ClusterIds,
    num_twice: usize,
}

impl fmt::Debug for RecordFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordFile").field("path", &self.path).field("num_records", &self.records.len()).finish_non_exhaustive()
    }
}

impl PartialEq for RecordFile {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, self.hash, self.records.len()) == (&other.path, other.hash, other.records.len())
    }
}

impl RecordFile {
    /// Reads a file; the reason and what to do where it cannot be. `known`: what the clusters in reach call themselves, by the names of their sources.
    pub(in crate::send) fn read(path: &Path, known: &ClusterIds, hash_key: &HashKey) -> Result<Self, String> {
        let unread = |error: std::io::Error| format!("{} cannot be read: {error}. Name a file that this user may read", path.display());
        let is_too_long = || format!("{} is longer than {} MiB. Split it, and replay one part after the other", path.display(), FILE_BYTES_MAX >> 20);
        // A pipe would be waited for.
        let found = std::fs::metadata(path).map_err(unread)?;
        if !found.is_file() {
            return Err(format!("{} is no file. Name one with a record a line", path.display()));
        }
        if found.len() > FILE_BYTES_MAX {
            return Err(is_too_long());
        }
        let mut text = Vec::new();
        std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text)).map_err(unread)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(is_too_long());
        }
        // By whatever name it was asked for, a plan names it from everywhere.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self::of(&path, &text, known, hash_key).map_err(|mistake| match mistake {
            FileMistake::Line { .. } => format!("{}, {mistake}. Mend the line, or take it out", path.display()),
            FileMistake::Empty | FileMistake::TooMany => format!("{}: {mistake}", path.display()),
        })
    }

    fn of(path: &Path, text: &[u8], known: &ClusterIds, hash_key: &HashKey) -> Result<Self, FileMistake> {
        let mut file = Self {
            path: path.to_owned(),
            hash: hash_key.hash_parts(&[Some(text)]),
            records: Vec::new(),
            told: Vec::new(),
            by_place: HashMap::new(),
            cluster_ids: ClusterIds::new(),
            num_twice: 0,
        };
        let mut alike: HashMap<(String, RawHash), u32> = HashMap::new();
        for record in records_of(text)? {
            let line = record.line;
            let (cluster, cluster_id) = name_of(record.cluster_id.as_deref(), known);
            let place = if let (Some(_), Some(partition), Some(offset)) = (&record.cluster_id, record.partition, record.offset) {
                Place::at(partition, offset)
            } else {
                // Where it lay is not known, so it is known by what it holds; of several that hold the same, by its turn.
                let hash = content_hash(&record, hash_key);
                let turn = alike.entry((cluster.clone(), hash)).or_default();
                *turn += 1;
                Place::Opaque([&hash.0.to_be_bytes()[..], &turn.to_be_bytes()].concat())
            };
            let at = MessageRef { cluster: cluster.clone(), channel: record.topic.clone(), place };
            let original = OriginalRecord {
                seen: SeenRecord { at: at.clone(), raw_hash: RawHash::UNKNOWN },
                key: record.key,
                value: record.value,
                headers: record.headers,
                timestamp_ms: record.timestamp_ms,
                timestamp_type: record.timestamp_type,
            };
            if let Some(before) = file.by_place.get(&at) {
                let (before_line, before) = &file.records[*before];
                if *before != original {
                    let reason = format!("it says to lie at {at}, where line {before_line} has another record");
                    return Err(FileMistake::Line { line, reason });
                }
                file.num_twice += 1;
                continue;
            }
            file.cluster_ids.insert(cluster, cluster_id);
            file.by_place.insert(at, file.records.len());
            file.told.push(ToldPlace::of(record.partition, record.offset));
            file.records.push((line, original));
        }
        Ok(file)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records in it, each once.
    pub fn num_records(&self) -> usize {
        self.records.len()
    }

    /// Lines that say the same of a record as one before them: they are passed over.
    pub fn num_twice(&self) -> usize {
        self.num_twice
    }

    /// Of all of it, under the ledger's key.
    pub(in crate::send) fn hash(&self) -> RawHash {
        self.hash
    }

    /// What the clusters of its records call themselves, by the names under which they are known here.
    pub(in crate::send) fn cluster_ids(&self) -> &ClusterIds {
        &self.cluster_ids
    }

    /// The line in which a record stands; `None` = it is none of these.
    pub fn line(&self, at: &MessageRef) -> Option<usize> {
        self.by_place.get(at).map(|index| self.records[*index].0)
    }

    /// The record that stands in a line.
    pub(in crate::send) fn letter_in(&self, line: usize) -> Option<LetterKey> {
        let index = self.records.binary_search_by_key(&line, |(of, _)| *of).ok()?;
        Some(key(&self.records[index].1))
    }

    /// Its records, as they were read.
    pub(in crate::send) fn again(&self, seen: &[SeenRecord]) -> Vec<Result<OriginalRecord, Skipped>> {
        let read = |seen: &SeenRecord| self.by_place.get(&seen.at).map(|index| self.records[*index].1.clone()).ok_or(Skipped::Gone);
        seen.iter().map(read).collect()
    }

    /// Its records as what is asked for, in the order of the file. `is_for_the_dead`: whether a channel of a cluster holds dead letters.
    pub(in crate::send) fn letters(&self, redactor: &Redactor, is_for_the_dead: &dyn Fn(&str, &str) -> bool) -> Vec<AskedLetter> {
        let asked = |((_, record), told): (&(usize, OriginalRecord), &Option<ToldPlace>)| asked(record, told.clone(), redactor, is_for_the_dead);
        self.records.iter().zip(&self.told).map(asked).collect()
    }
}

/// Under which name a cluster is known here, and what it calls itself: by the source that reads it, or else by that.
fn name_of(cluster_id: Option<&str>, known: &ClusterIds) -> (String, String) {
    let Some(cluster_id) = cluster_id else { return (NO_CLUSTER.to_owned(), NO_CLUSTER.to_owned()) };
    let source = known.iter().find(|(_, told)| *told == cluster_id).map(|(name, _)| name.clone());
    (source.unwrap_or_else(|| format!("cluster {cluster_id}")), cluster_id.to_owned())
}

fn key(record: &OriginalRecord) -> LetterKey {
    LetterKey { at: record.seen.at.clone(), timestamp_ns: record.timestamp_ms.and_then(|ms| ms.checked_mul(1_000_000)) }
}

/// What tells a record from others that does not tell where it lay.
fn content_hash(record: &FileRecord, hash_key: &HashKey) -> RawHash {
    let number = |number: Option<i64>| number.map(i64::to_be_bytes);
    let [partition, offset, time] = [record.partition.map(i64::from), record.offset, record.timestamp_ms].map(number);
    let mut parts: Vec<Option<&[u8]>> = vec![Some(record.topic.as_bytes())];
    parts.extend([&partition, &offset, &time].map(|number| number.as_ref().map(|bytes| &bytes[..])));
    parts.extend([record.key.as_deref(), record.value.as_deref()]);
    for header in &record.headers {
        parts.extend([Some(header.name.as_bytes()), header.value.as_deref()]);
    }
    hash_key.hash_parts(&parts)
}

fn asked(record: &OriginalRecord, told: Option<ToldPlace>, redactor: &Redactor, is_for_the_dead: &dyn Fn(&str, &str) -> bool) -> AskedLetter {
    let at = &record.seen.at;
    let text = |name: &str| record.headers.iter().find(|header| header.name == name).and_then(|header| std::str::from_utf8(header.value.as_deref()?).ok());
    let is_plain = |name: &str, value: Option<&[u8]>| !redactor.is_secret_name(name) && value.is_none_or(|value| redactor.redact_bytes(value) == value);
    let view = RecordView {
        at: at.clone(),
        timestamp_ns: key(record).timestamp_ns,
        // As a stored one: what is secret tells nothing of how it died.
        headers: record
            .headers
            .iter()
            .filter(|header| is_plain(&header.name, header.value.as_deref()))
            .map(|header| (header.name.clone(), header.value.clone()))
            .collect(),
        headers_readable: true,
        trace_id: text(TRACEPARENT).and_then(parse_traceparent).map(|context| context.trace_id),
        raw_hash: RawHash::UNKNOWN,
        ..RecordView::default()
    };
    match letter_told(&view, is_for_the_dead(&at.cluster, &at.channel)) {
        Some((letter, fingerprint)) => AskedLetter::of(&letter, KindHash::of(letter.origin.as_deref(), &fingerprint)),
        None => AskedLetter { origin_place: told, ..AskedLetter::of_record(&view) },
    }
}
