//! A preview as a file, from which it can be looked at, and sent without a window: what would be sent to where, what is changed, what is skipped
//! and who would read it. Of records it has places and hashes, and no contents but those of changes; what an edit left of a record's secrets stands in it
//! as its place, and one that puts a secret into another part of its record is not saved. Why a record is skipped stands in it without what a change writes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use switchboard_model::{MessageRef, Place, RawHash, ToldPlace, TraceId};

use crate::ledger::{KindHash, LetterKey};
use crate::send::edit::{Change, Changes, Extent};
use crate::send::record_file::RecordFile;
use crate::send::replay::{
    AskedFile, AskedLetter, AskedLetters, AskedRange, ChosenPace, Planned, Preview, RangeOf, ReplayAsk, ReplayOptions, ReplayTarget, TargetPlan,
};

/// Version of the file.
const VERSION: u32 = 1;
/// Ranges of a plan.
const RANGES_MAX: usize = 64;
/// A longer file is no plan.
const BYTES_MAX: u64 = 256 << 20;

/// Where plans are written: beside the ledger.
pub(super) fn plans_folder(ledger: &Path) -> PathBuf {
    ledger.with_file_name("plans")
}

#[derive(Debug, Serialize, Deserialize)]
struct PlanFile {
    /// Version of the file.
    switchboard_plan: u32,
    /// The cluster on which the records lie, by the name of its source; left out where they are of a file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    from: String,
    /// The one that is sent to; where it is left out, the same.
    #[serde(default)]
    to: String,
    /// What it calls itself.
    #[serde(default)]
    to_id: Option<String>,
    /// The channel that is sent to; left out where `targets` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Each goes to the channel that it lies on, or that a dead letter came from; those of the channels named here to the other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    targets: Option<BTreeMap<String, String>>,
    /// Whether each keeps its time.
    #[serde(default)]
    keeps_time: bool,
    /// Whether each goes by its key.
    #[serde(default)]
    by_key: bool,
    /// Whether what was sent before is sent once more.
    #[serde(default)]
    again: bool,
    /// How many go first, and how many a second the rest goes at, as far as it was chosen; left out, it is as the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_second: Option<u32>,
    /// Which key the hashes are of; `None` = it has no records.
    #[serde(default)]
    key_id: Option<String>,
    /// What is changed of each.
    #[serde(default)]
    changes: Vec<Change>,
    #[serde(default)]
    num_records: usize,
    #[serde(default)]
    num_bytes: usize,
    /// Told only, and not read: what goes to each channel, how many bytes a record may take there, and who would read them, as it was when the plan was
    /// written.
    #[serde(default)]
    size_limit_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    goes_to: Vec<TargetLine>,
    #[serde(default)]
    readers: Vec<ReaderLine>,
    #[serde(default)]
    breakers: Vec<BreakerLine>,
    #[serde(default)]
    skipped: Vec<SkippedLine>,
    #[serde(default)]
    records: Vec<RecordLine>,
    /// Instead of records: those of this file; a path that is not whole leads from the folder of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    /// Hash of all of the file, which is refused where it is another; left out, it is taken as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_hash: Option<String>,
    /// What is changed of the records in these lines of the file besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<LineChanges>,
    /// Instead of records: what lies in these ranges when the plan is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<RangeLine>,
}

/// What is changed of the record in a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineChanges {
    line: usize,
    changes: Vec<Change>,
}

/// Offsets of a partition, or a span of time.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RangeLine {
    channel: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    /// The first offset, and the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<i64>,
    /// RFC 3339; the end is no part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_time: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TargetLine {
    channel: String,
    num_records: usize,
    num_bytes: usize,
    size_limit_bytes: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ReaderLine {
    group: String,
    #[serde(default)]
    channel: String,
    has_failed: bool,
    lag: Option<u64>,
    members: Option<usize>,
    state: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct BreakerLine {
    caller: String,
    guards: String,
    is_open: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct SkippedLine {
    at: String,
    reason: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct RecordLine {
    channel: String,
    partition: i32,
    offset: i64,
    time_ns: Option<i64>,
    #[serde(default)]
    is_dead: bool,
    #[serde(default)]
    kind: i64,
    #[serde(default)]
    failed_group: Option<String>,
    /// The channel that a dead letter came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(default)]
    origin_partition: Option<i32>,
    #[serde(default)]
    origin_offset: Option<i64>,
    #[serde(default)]
    replay_count: u32,
    #[serde(default)]
    trace_id: Option<String>,
    #[serde(default)]
    retried_ns: Option<i64>,
    /// Of what lies on the broker.
    hash: String,
    size_bytes: usize,
    /// Told only, where the plan has `targets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    to_partition: Option<i32>,
    #[serde(default)]
    edited: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
}

/// Writes a preview into a new file in the folder, readable by its owner only. `changes`: those of the preview, without secrets of its records.
pub(super) fn write(folder: &Path, preview: &Preview, changes: &Changes, key_id: &str) -> Result<PathBuf, String> {
    let path = folder.join(format!("{}.json", preview.replay_id));
    let text = serde_json::to_string_pretty(&of_preview(preview, changes, key_id)?).map_err(|error| error.to_string())?;
    if text.len() as u64 > BYTES_MAX {
        return Err(too_long(preview.file.is_some()));
    }
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}. Make room, or let the program write there", path.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let part = path.with_extension("part");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(&part).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&part, &path)).map_err(failed)?;
    Ok(path)
}

/// What it would hold of records that lie on a cluster is a line of each; of a file's it is what is changed, and what is skipped.
fn too_long(is_of_file: bool) -> String {
    let shorten = if is_of_file { "Change fewer records of the file, or change its lines themselves" } else { "Mark fewer records" };
    format!("the plan would be longer than {} MiB, and nobody could read it again. {shorten}", BYTES_MAX >> 20)
}

fn of_preview(preview: &Preview, changes: &Changes, key_id: &str) -> Result<PlanFile, String> {
    let options = preview.options();
    let readers = preview.readers.groups.iter().map(|reader| ReaderLine {
        group: reader.group.clone(),
        channel: reader.topic.clone(),
        has_failed: reader.has_failed,
        lag: reader.lag,
        members: reader.num_members,
        state: reader.sentence.clone(),
    });
    let breakers = preview.readers.breakers.iter().map(|breaker| BreakerLine {
        caller: breaker.caller.clone(),
        guards: breaker.guards.clone(),
        is_open: breaker.is_open(),
    });
    let (target, targets) = match &preview.ask.target {
        ReplayTarget::One(channel) => (Some(channel.clone()), None),
        ReplayTarget::Own(others) => (None, Some(others.clone())),
    };
    let limit = |target: &TargetPlan| target.size_limit.as_ref().ok().copied();
    let goes_to = |target: &TargetPlan| TargetLine {
        channel: target.channel.clone(),
        num_records: target.num,
        num_bytes: target.size_bytes,
        size_limit_bytes: limit(target),
    };
    let is_own = targets.is_some();
    let changed = |file: &RecordFile| -> Vec<LineChanges> {
        let of_one = changes.to_one.iter().filter(|(_, changes)| !changes.is_empty());
        of_one.filter_map(|(letter, changes)| Some(LineChanges { line: file.line(&letter.at)?, changes: changes.clone() })).collect()
    };
    let is_of_file = preview.file.is_some();
    Ok(PlanFile {
        switchboard_plan: VERSION,
        from: if is_of_file { String::new() } else { preview.from.clone() },
        file: preview.file.as_ref().map(|file| file.path().to_owned()),
        file_hash: preview.file.as_ref().map(|file| format!("{:032x}", file.hash().0)),
        lines: preview.file.as_deref().map(changed).unwrap_or_default(),
        to: preview.cluster.clone(),
        to_id: preview.cluster_id.clone(),
        target,
        targets,
        keeps_time: options.keeps_time,
        by_key: options.by_key,
        again: options.again,
        first: options.pace.num_first,
        per_second: options.pace.rate_per_s,
        key_id: Some(key_id.to_owned()),
        changes: changes.to_all.clone(),
        num_records: preview.planned.len(),
        num_bytes: preview.size_bytes(),
        size_limit_bytes: preview.targets.first().filter(|_| !is_own).and_then(limit),
        goes_to: preview.targets.iter().filter(|_| is_own).map(goes_to).collect(),
        readers: readers.collect(),
        breakers: breakers.collect(),
        skipped: preview.skipped.iter().map(|skipped| SkippedLine { at: skipped.letter.to_string(), reason: skipped.reason.clone() }).collect(),
        // Which of a file's go is told anew by the ledger.
        records: preview.planned.iter().filter(|_| !is_of_file).map(|planned| line(planned, changes, is_own)).collect::<Result<_, _>>()?,
        ranges: Vec::new(),
    })
}

fn line(planned: &Planned, changes: &Changes, is_own: bool) -> Result<RecordLine, String> {
    let asked = &planned.asked;
    let Place::Offset { partition, offset } = asked.letter.at.place else {
        return Err(format!("{} is no partition and offset, so no plan can name it", asked.letter));
    };
    let (origin_partition, origin_offset) = match &asked.origin_place {
        Some(ToldPlace::Whole(place)) => (place.partition(), place.offset()),
        Some(ToldPlace::Partition(partition)) => (Some(*partition), None),
        Some(ToldPlace::Offset(offset)) => (None, Some(*offset)),
        None => (None, None),
    };
    Ok(RecordLine {
        channel: asked.letter.at.channel.clone(),
        partition,
        offset,
        time_ns: asked.letter.timestamp_ns,
        is_dead: asked.is_dead,
        kind: asked.kind.0,
        failed_group: asked.failed_group.clone(),
        origin: asked.origin.clone(),
        origin_partition,
        origin_offset,
        replay_count: asked.replay_count,
        trace_id: asked.trace_id.map(|trace_id| format!("{:032x}", trace_id.0)),
        retried_ns: asked.retried_ns,
        hash: format!("{:032x}", planned.source_hash.0),
        size_bytes: planned.size_bytes,
        to: is_own.then(|| planned.target.clone()),
        to_partition: planned.partition,
        edited: planned.edited,
        changes: changes.to_one.get(&asked.letter).cloned().unwrap_or_default(),
    })
}

/// What a plan's file asks for.
pub fn read(path: &Path) -> Result<ReplayAsk, String> {
    let unread = |why: String| format!("{} is no plan: {why}", path.display());
    let len = std::fs::metadata(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?.len();
    if len > BYTES_MAX {
        return Err(unread(format!("it is longer than {} MiB", BYTES_MAX >> 20)));
    }
    let text = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let mut ask = parse(&text).map_err(unread)?;
    if let (AskedLetters::File(file), Some(folder)) = (&mut ask.letters, path.parent()) {
        // A path that is whole stays what it is.
        file.path = folder.join(&file.path);
    }
    Ok(ask)
}

/// What the text of a plan's file asks for.
pub fn parse(text: &[u8]) -> Result<ReplayAsk, String> {
    let plan: PlanFile = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if plan.switchboard_plan != VERSION {
        return Err(format!("it is of version {}, and this program knows {VERSION}", plan.switchboard_plan));
    }
    let target = match (plan.target.clone(), plan.targets.clone()) {
        (Some(channel), None) => ReplayTarget::One(channel),
        (None, Some(others)) => ReplayTarget::Own(others),
        (Some(_), Some(_)) => return Err("it has `target` and `targets`; leave one of the two out".to_owned()),
        (None, None) => return Err("it does not say where its records go: write `target`, or `targets` ({} = each to its own channel)".to_owned()),
    };
    if let Some(path) = plan.file.clone() {
        return of_file(plan, path, target);
    }
    if plan.from.is_empty() {
        return Err("missing field `from`: the cluster on which the records lie, by the name of its source".to_owned());
    }
    if !plan.ranges.is_empty() {
        return of_ranges(plan, target);
    }
    if plan.key_id.is_none() {
        return Err("it has no `key_id`, which says what the hashes of its records are of. Save it anew in the window, or write `ranges`".to_owned());
    }
    let options = plan.options();
    let (mut letters, mut to_one) = (Vec::with_capacity(plan.records.len()), BTreeMap::new());
    for record in plan.records {
        let at = MessageRef { cluster: plan.from.clone(), channel: record.channel, place: Place::at(record.partition, record.offset) };
        let letter = LetterKey { at, timestamp_ns: record.time_ns };
        let number = |digits: &str| u128::from_str_radix(digits, 16).map_err(|_| format!("{digits:?} of {letter} is no hexadecimal number"));
        let planned_hash = Some(RawHash(number(&record.hash)?));
        let trace_id = record.trace_id.as_deref().map(number).transpose()?.map(TraceId);
        if !record.changes.is_empty() {
            to_one.insert(letter.clone(), record.changes);
        }
        letters.push(AskedLetter {
            kind: KindHash(record.kind),
            is_dead: record.is_dead,
            raw_hash: RawHash::UNKNOWN,
            planned_hash,
            origin: record.origin,
            origin_place: ToldPlace::of(record.origin_partition, record.origin_offset),
            failed_group: record.failed_group,
            replay_count: record.replay_count,
            trace_id,
            retried_ns: record.retried_ns,
            letter,
        });
    }
    let changes = Arc::new(Changes { to_all: plan.changes, to_one });
    if let Some(why) = changes.too_much() {
        return Err(why);
    }
    Ok(ReplayAsk {
        cluster: plan.from,
        target,
        num_stored: letters.len() as u64,
        letters: AskedLetters::These(letters),
        plan_key: plan.key_id,
        options: ReplayOptions { changes, ..options },
    })
}

impl PlanFile {
    /// How its records go, but for what is changed of them.
    fn options(&self) -> ReplayOptions {
        ReplayOptions {
            to: Some(self.to.clone()).filter(|to| !to.is_empty() && *to != self.from),
            changes: Arc::default(),
            by_key: self.by_key,
            keeps_time: self.keeps_time,
            again: self.again,
            pace: ChosenPace { num_first: self.first, rate_per_s: self.per_second },
        }
    }
}

/// What a plan of a file's records asks for.
fn of_file(plan: PlanFile, path: PathBuf, target: ReplayTarget) -> Result<ReplayAsk, String> {
    if !plan.records.is_empty() || !plan.ranges.is_empty() {
        return Err("it has `file`, and `records` or `ranges` as well; leave all but one out".to_owned());
    }
    if plan.to.is_empty() {
        return Err("it does not say to which cluster the records of its file go: write `to`, the name of a source".to_owned());
    }
    let hash = |digits: &String| u128::from_str_radix(digits, 16).map(RawHash).map_err(|_| format!("`file_hash` {digits:?} is no hexadecimal number"));
    let planned_hash = plan.file_hash.as_ref().map(hash).transpose()?;
    if planned_hash.is_some() && plan.key_id.is_none() {
        return Err("it has no `key_id`, which says what `file_hash` is of. Save it anew in the window, or leave both out".to_owned());
    }
    let to_all = Extent::default().with(&plan.changes);
    let of_line = |line: &LineChanges| to_all.with(&line.changes).too_much().map(|why| format!("line {}: {why}", line.line));
    if let Some(why) = to_all.too_much().or_else(|| plan.lines.iter().find_map(of_line)) {
        return Err(why);
    }
    // The cluster that is sent to is the only one that is named.
    let options = ReplayOptions { to: None, ..plan.options() };
    let line_changes = plan.lines.into_iter().map(|line| (line.line, line.changes)).collect();
    Ok(ReplayAsk {
        target,
        letters: AskedLetters::File(AskedFile { planned_hash, line_changes, ..AskedFile::at(path) }),
        num_stored: 0,
        plan_key: plan.key_id.filter(|_| planned_hash.is_some()),
        options: ReplayOptions { changes: Arc::new(Changes { to_all: plan.changes, ..Changes::default() }), ..options },
        cluster: plan.to,
    })
}

/// What a plan of ranges asks for: it is written by hand.
fn of_ranges(plan: PlanFile, target: ReplayTarget) -> Result<ReplayAsk, String> {
    if !plan.records.is_empty() {
        return Err("it has `records` and `ranges`; leave one of the two out".to_owned());
    }
    if plan.ranges.len() > RANGES_MAX {
        return Err(format!("it has {} ranges; write {RANGES_MAX} at most", plan.ranges.len()));
    }
    let ranges = plan.ranges.iter().map(range).collect::<Result<_, _>>()?;
    let options = plan.options();
    let changes = Arc::new(Changes { to_all: plan.changes, ..Changes::default() });
    if let Some(why) = changes.too_much() {
        return Err(why);
    }
    Ok(ReplayAsk {
        target,
        letters: AskedLetters::Ranges(ranges),
        num_stored: 0,
        plan_key: None,
        options: ReplayOptions { changes, ..options },
        cluster: plan.from,
    })
}

fn range(line: &RangeLine) -> Result<AskedRange, String> {
    match (line.partition, line.from, line.to, &line.from_time, &line.to_time) {
        (Some(partition), Some(from), Some(to), None, None) => Ok(AskedRange { channel: line.channel.clone(), of: RangeOf::Offsets { partition, from, to } }),
        (None, None, None, Some(from), Some(to)) => AskedRange::typed_times(&line.channel, from, to),
        _ => {
            let write = "write `partition`, `from` and `to`, or `from_time` and `to_time`";
            Err(format!("a range of {} is neither of offsets nor of time: {write}", line.channel))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plan_says_why() {
        for (text, why) in [("", "EOF"), ("7", "invalid type"), ("{\"switchboard_plan\":1,\"target\":\"t\"}", "missing field `from`")] {
            assert!(parse(text.as_bytes()).is_err_and(|told| told.contains(why)), "{text}");
        }
        let other = "{\"switchboard_plan\":2,\"from\":\"a\",\"to\":\"a\",\"to_id\":null,\"target\":\"t\",\"key_id\":\"\",\"num_records\":0,\"num_bytes\":0,\"records\":[]}";
        assert_eq!(parse(other.as_bytes()), Err("it is of version 2, and this program knows 1".to_owned()));
        let plan = |rest: &str| parse(format!("{{\"switchboard_plan\":1,\"from\":\"a\",\"target\":\"t\"{rest}}}").as_bytes());
        let of = |range: &str| plan(&format!(",\"ranges\":[{{\"channel\":\"orders\"{range}}}]"));
        for (parsed, why) in [
            (plan(""), "it has no `key_id`"),
            (of(""), "a range of orders is neither of offsets nor of time: write `partition`, `from` and `to`, or `from_time` and `to_time`"),
            (of(",\"partition\":0,\"from\":1"), "is neither of offsets nor of time"),
            (of(",\"partition\":0,\"from\":1,\"to\":2,\"to_time\":\"2026-11-21T10:00:00Z\""), "is neither of offsets nor of time"),
            (of(",\"from_time\":\"noon\",\"to_time\":\"2026-11-21T10:00:00Z\""), "\"noon\" is no time; write RFC 3339"),
            (of(",\"form\":1"), "unknown field `form`"),
            (plan(&format!(",\"ranges\":[{}]", vec!["{\"channel\":\"o\"}"; 65].join(","))), "it has 65 ranges; write 64 at most"),
        ] {
            assert!(parsed.as_ref().is_err_and(|told| told.contains(why)), "{why}: {parsed:?}");
        }
        let times = of(",\"from_time\":\"1970-01-01T00:00:01Z\",\"to_time\":\"1970-01-01T01:00:02+01:00\"").expect("a plan");
        let range = AskedRange { channel: "orders".to_owned(), of: RangeOf::Times { from_ns: 1_000_000_000, to_ns: 2_000_000_000 } };
        assert_eq!((times.letters, times.cluster.as_str(), times.options.to), (AskedLetters::Ranges(vec![range]), "a", None));
        let to = |target: &str| {
            let range = "{\"channel\":\"orders\",\"partition\":0,\"from\":1,\"to\":2}";
            parse(format!("{{\"switchboard_plan\":1,\"from\":\"a\"{target},\"ranges\":[{range}]}}").as_bytes()).map(|ask| ask.target)
        };
        let own = ReplayTarget::Own(BTreeMap::from([("orders".to_owned(), "copy".to_owned())]));
        assert_eq!([to(",\"target\":\"t\""), to(",\"targets\":{\"orders\":\"copy\"}")], [Ok("t".into()), Ok(own)]);
        assert!(to("").is_err_and(|told| told.contains("write `target`, or `targets`")));
        assert!(to(",\"target\":\"t\",\"targets\":{}").is_err_and(|told| told.contains("leave one of the two out")));
        let of_file = |rest: &str| parse(format!("{{\"switchboard_plan\":1,\"file\":\"orders.jsonl\",\"targets\":{{}}{rest}}}").as_bytes());
        for (parsed, why) in [
            (of_file(""), "write `to`, the name of a source"),
            (of_file(",\"to\":\"a\",\"ranges\":[{\"channel\":\"o\"}]"), "leave all but one out"),
            (of_file(",\"to\":\"a\",\"file_hash\":\"x\""), "`file_hash` \"x\" is no hexadecimal number"),
            (of_file(",\"to\":\"a\",\"file_hash\":\"1f\""), "it has no `key_id`, which says what `file_hash` is of"),
        ] {
            assert!(parsed.as_ref().is_err_and(|told| told.contains(why)), "{why}: {parsed:?}");
        }
        let changes = |num: usize| vec!["{\"key\":\"null\"}"; num].join(",");
        let of_two = |to_all: usize, to_one: usize| {
            let record = format!(
                "{{\"channel\":\"o\",\"partition\":0,\"offset\":1,\"time_ns\":null,\"hash\":\"1f\",\"size_bytes\":1,\"to_partition\":null,\"changes\":[{}]}}",
                changes(to_one)
            );
            plan(&format!(",\"key_id\":\"k\",\"changes\":[{}],\"records\":[{record}]", changes(to_all)))
        };
        let of_lines = |num: usize| of_file(&format!(",\"to\":\"a\",\"lines\":[{{\"line\":3,\"changes\":[{}]}}]", changes(num)));
        assert!(of_two(600, 400).is_ok() && of_lines(1_000).is_ok(), "{:?}", of_two(600, 400));
        for (parsed, why) in [
            (of_two(600, 401), "there are 1001 changes to it; make 1000 at most"),
            (of_lines(1_001), "line 3: there are 1001 changes to it"),
            (
                plan(&format!(",\"ranges\":[{{\"channel\":\"o\",\"partition\":0,\"from\":1,\"to\":2}}],\"changes\":[{}]", changes(1_001))),
                "there are 1001 changes",
            ),
        ] {
            assert!(parsed.as_ref().is_err_and(|told| told.contains(why)), "{why}");
        }
        assert!(too_long(false).ends_with("Mark fewer records") && too_long(true).ends_with("or change its lines themselves"));
        let folder = tempfile::tempdir().expect("a folder");
        let plan = folder.path().join("plan.json");
        std::fs::write(&plan, "{\"switchboard_plan\":1,\"to\":\"a\",\"file\":\"orders.jsonl\",\"targets\":{}}").expect("written");
        let ask = read(&plan).expect("a plan");
        assert_eq!((ask.letters, ask.cluster.as_str(), ask.plan_key), (AskedLetters::File(AskedFile::at(folder.path().join("orders.jsonl"))), "a", None));
        assert!(read(&folder.path().join("none.json")).is_err_and(|told| told.contains("cannot be read")));
    }
}
