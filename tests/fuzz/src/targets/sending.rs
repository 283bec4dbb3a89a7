//! What leads to something that is sent: requests in files and in what is pasted, plans, and changes to records.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;
use switchboard_desk::send::draft::{Draft, Request};
use switchboard_desk::send::edit::{Change, ChangeError, JsonPath, NewBytes};
use switchboard_desk::send::exchange::{from_text, to_curl, to_grpcurl, to_kcat};
use switchboard_desk::send::replay::AskedLetters;
use switchboard_desk::send::{Plan, Planned, Rows, Variables, fuzzing, plan};
use switchboard_model::{EDITED_HEADER, MessageRef, OriginalRecord, OutgoingRecord, Place, RawHash, RawHeader, SeenRecord, TimestampType};

use super::json_scan::{Part, parts, value};
use super::{Parts, RECEIVED_NS, REDACTOR};

/// What a draft comes to with these values, where it can be sent.
fn planned(draft: &Draft, named: &BTreeMap<String, String>, row: &BTreeMap<String, String>) -> Option<Plan> {
    let last = Cell::new(1);
    let random = || {
        last.set(last.get() + 1);
        last.get()
    };
    match plan(draft, &Variables { named, row, counter: 1, now_ns: RECEIVED_NS, random: &random }, &BTreeMap::new()) {
        Ok(plan) => Some(plan),
        Err(mistake) => {
            assert!(!mistake.reason.is_empty(), "a mistake without a word");
            None
        }
    }
}

/// What its file has is read as it is.
fn is_kept_in_a_file(draft: &Draft) {
    let text = draft.to_text();
    let again = Draft::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(again.to_text(), text, "a draft is another one in its file");
}

/// The line that others' programs take, and what is read of it again.
fn as_lines(plan: &Plan) {
    assert!(!plan.call().contains(['\r', '\n']) || matches!(plan.what, Planned::Record(_)), "a call of two lines");
    let line = match &plan.what {
        Planned::Http(_) => to_curl(plan),
        Planned::Grpc(_) => to_grpcurl(plan),
        Planned::Record(_) => return drop(to_kcat(plan, "localhost:9092")),
    };
    let Ok(imported) = from_text(&line) else { return assert!(line.starts_with('#'), "what is written is not read: {line}") };
    assert_eq!(imported.drafts.len(), 1, "one line, and so many requests: {line}");
    let again = planned(&imported.drafts[0], &BTreeMap::new(), &BTreeMap::new());
    // A path that betrays itself as a secret is not taken over.
    assert!(again.is_none_or(|again| again.origin() == plan.origin() && again.call() == plan.call()), "it is read as another: {line}");
}

/// Whatever somebody pastes.
pub fn import(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match from_text(&text) {
        Ok(imported) => {
            assert!(!imported.drafts.is_empty(), "nothing was read, and nobody says so");
            for draft in &imported.drafts {
                is_kept_in_a_file(draft);
                if let Some(plan) = planned(draft, &imported.variables, &BTreeMap::new()) {
                    as_lines(&plan);
                }
            }
        }
        Err(error) => assert!(!error.to_string().is_empty(), "a mistake without a word"),
    }
}

/// A request's file: text; behind a line `===`, values row by row that fill it in, and behind another one the name of a file.
pub fn draft(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut pieces = text.splitn(3, "\n===\n");
    let (text, rows, name) = (pieces.next().unwrap_or_default(), pieces.next(), pieces.next());
    name.map(fuzzing::is_inside);
    let lines = rows.and_then(|rows| Rows::parse("rows.jsonl", rows.as_bytes()).ok());
    let rows = lines.or_else(|| Rows::parse("rows.csv", rows?.as_bytes()).ok()).unwrap_or_default();
    let Ok(draft) = Draft::parse(text) else { return filled(text, &rows) };
    is_kept_in_a_file(&draft);
    draft.title();
    let named = BTreeMap::from([("base".to_owned(), "http://127.0.0.1:8080".to_owned()), ("order".to_owned(), "{{order}}".to_owned())]);
    for row in 0..=rows.len().min(3) as u64 {
        let Some(plan) = planned(&draft, &named, &rows.row(row)) else { continue };
        assert_eq!(plan.origin().is_none(), matches!(draft.request, Request::Record(_)), "a record goes to a cluster, all else to a server");
        plan.size_bytes();
        as_lines(&plan);
    }
}

/// A text with variables: values are not looked into, and braces that are meant as such stay.
fn filled(text: &str, rows: &Rows) {
    let (named, row) = (BTreeMap::from([("a".to_owned(), "{{a}}".to_owned())]), rows.row(0));
    let variables = Variables { named: &named, row: &row, counter: 1, now_ns: RECEIVED_NS, random: &|| 1 };
    let literal = text.replace("{{", "\\{{");
    assert_eq!(variables.fill(&literal).as_deref(), Ok(text), "braces that stand for themselves");
    if let Ok(filled) = variables.fill(text) {
        assert!(text.contains("{{") || filled == text, "a text without variables is another one");
    }
}

/// A file of records: each of its lines is one, or says why not, without what stands in it; written anew it is the same.
pub fn record_file(bytes: &[u8]) {
    let records = match fuzzing::records_of(bytes) {
        Ok(records) => records,
        Err(mistake) => return assert!(!mistake.to_string().is_empty(), "no record, and nobody says why"),
    };
    let num_lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(!records.is_empty() && records.len() <= num_lines, "{} records in {num_lines} lines", records.len());
    assert!(records.is_sorted_by(|a, b| a.line < b.line), "lines out of their order");
    for record in records {
        let fits = |number: Option<i64>| number.is_none_or(|number| number >= 0);
        assert!(
            !record.topic.is_empty() && fits(record.partition.map(i64::from)) && fits(record.offset) && fits(record.timestamp_ms),
            "no record is like that"
        );
        let (Some(partition), Some(offset), Some(cluster_id)) = (record.partition, record.offset, record.cluster_id.clone()) else { continue };
        let at = MessageRef { cluster: "lab".into(), channel: record.topic.clone(), place: Place::at(partition, offset) };
        let original = OriginalRecord {
            seen: SeenRecord { at, raw_hash: RawHash::UNKNOWN },
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.clone(),
            timestamp_ms: record.timestamp_ms,
            timestamp_type: record.timestamp_type,
        };
        let line = fuzzing::record_line(&original, &cluster_id).unwrap_or_else(|reason| panic!("it is not written: {reason}"));
        let again = fuzzing::records_of(line.as_bytes()).unwrap_or_else(|mistake| panic!("what is written is not read: {mistake}"));
        assert_eq!(again, [fuzzing::FileRecord { line: 1, ..record }], "a record is another one in its file");
    }
}

/// A plan's file.
pub fn plan_file(bytes: &[u8]) {
    let ask = match fuzzing::parse_plan(bytes) {
        Ok(ask) => ask,
        Err(why) => return assert!(!why.is_empty(), "no plan, and nobody says why"),
    };
    let changes = &ask.options.changes;
    changes.mistake();
    let letters = match &ask.letters {
        AskedLetters::These(letters) => letters,
        AskedLetters::Ranges(ranges) => {
            assert!((1..=64).contains(&ranges.len()) && ask.num_stored == 0, "{} ranges, and {} records before any is read", ranges.len(), ask.num_stored);
            return assert!(ask.plan_key.is_none() && changes.to_one.is_empty(), "no hash and no record is known");
        }
        AskedLetters::File(file) => {
            assert!(ask.num_stored == 0 && changes.to_one.is_empty(), "no record is known before the file is read");
            return assert_eq!(ask.plan_key.is_some(), file.planned_hash.is_some(), "a hash and what it is of");
        }
        AskedLetters::AllOpen { .. } => panic!("a plan names its records, or where they lie"),
    };
    assert_eq!(ask.num_stored, letters.len() as u64);
    assert!(ask.plan_key.is_some() && letters.iter().all(|asked| asked.planned_hash.is_some()), "its records could be others");
    for asked in letters {
        assert_eq!(asked.letter.at.cluster, ask.cluster, "a record of another cluster");
        let all: Vec<Change> = changes.to(&asked.letter).cloned().collect();
        for change in &all {
            let written = serde_json::to_string(change).expect("a change can be written");
            assert_eq!(serde_json::from_str::<Change>(&written).ok().as_ref(), Some(change), "{written}");
        }
        apply(record(Some(b"4711"), Some(br#"{"parcels":0}"#), Vec::new()), &all);
    }
}

fn record(key: Option<&[u8]>, value: Option<&[u8]>, headers: Vec<RawHeader>) -> OriginalRecord {
    OriginalRecord {
        seen: SeenRecord { at: MessageRef { channel: "orders-dlt".to_owned(), place: Place::at(0, 7), ..MessageRef::default() }, raw_hash: RawHash(0) },
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers,
        timestamp_ms: None,
        timestamp_type: TimestampType::Unknown,
    }
}

/// What becomes of a record that is let be replayed; no change is asked for that makes no sense.
fn apply(original: OriginalRecord, changes: &[Change]) -> Option<Result<OutgoingRecord, ChangeError>> {
    if changes.iter().any(|change| change.mistake().is_some()) {
        return None;
    }
    fuzzing::edited(original, changes, &REDACTOR)
}

/// A change, and a record: its parts are the kind of the change, where it is made, what it makes, key and value, then names and values of headers.
/// What the change does not name stays byte for byte, and JSON stays JSON.
pub fn edit(bytes: &[u8]) {
    let mut rest = Parts(bytes);
    let text = |part: Option<&[u8]>| String::from_utf8_lossy(part.unwrap_or_default()).into_owned();
    let (kind, path, with) = (text(rest.take()), text(rest.take()), text(rest.take()));
    let (key, value) = (rest.take(), rest.take());
    let mut headers = Vec::new();
    while !rest.is_over() {
        headers.push(RawHeader { name: text(rest.take()), value: rest.take().map(<[u8]>::to_vec) });
    }
    if let Ok(path) = path.parse::<JsonPath>() {
        assert_eq!(path.to_string().parse(), Ok(path.clone()), "a path is read as another: {path}");
    }
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    let new = NewBytes::of(rest_of(&with));
    let Some(change) = change(&kind, &steps, &path, with, new) else { return };
    let original = record(key, value, headers);
    let Some(changed) = apply(original.clone(), std::slice::from_ref(&change)) else { return };
    match changed {
        Ok(outgoing) => stays(&original, &outgoing, &change, &steps),
        Err(error) => assert!(!error.to_string().is_empty(), "not changed, and nobody says why"),
    }
}

/// What a new value is of a text: none of an empty one.
fn rest_of(with: &str) -> Option<&[u8]> {
    (!with.is_empty()).then_some(with.as_bytes())
}

/// The path of steps that are names, or `#` and a number.
fn json_path(steps: &[&str]) -> Option<JsonPath> {
    let step = |step: &&str| match step.strip_prefix('#').map(str::parse::<u16>) {
        Some(Ok(index)) => format!("[{index}]"),
        _ => format!("[{}]", serde_json::Value::from(*step)),
    };
    steps.iter().map(step).collect::<String>().parse().ok()
}

fn change(kind: &str, steps: &[&str], name: &str, with: String, new: NewBytes) -> Option<Change> {
    let name = name.to_owned();
    Some(match kind.as_bytes().first()? {
        b's' => Change::Set { path: json_path(steps)?, json: with },
        b'r' => Change::Remove { path: json_path(steps)? },
        b'n' => Change::Rename { path: json_path(steps)?, to: with },
        b't' => Change::Replace { find: name, with },
        b'h' => Change::SetHeader { name, value: new },
        b'g' => Change::RemoveHeader { name },
        b'm' => Change::RenameHeader { name, to: with },
        b'k' => Change::Key(new),
        b'v' => Change::Value(new),
        _ => return None,
    })
}

/// What the change names is changed, and nothing else.
fn stays(original: &OriginalRecord, outgoing: &OutgoingRecord, change: &Change, steps: &[&str]) {
    assert!(outgoing.key == original.key || matches!(change, Change::Key(_)), "another key");
    let named: &[&str] = match change {
        Change::SetHeader { name, .. } | Change::RemoveHeader { name } => &[name],
        Change::RenameHeader { name, to } => &[name, to],
        _ => &[],
    };
    // Of the others some go and come with every replay, so they are compared with those of one that changes the key only.
    let others = |headers: &[RawHeader]| {
        headers.iter().filter(|header| header.name != EDITED_HEADER && !named.contains(&header.name.as_str())).cloned().collect::<Vec<_>>()
    };
    let as_planned = [Change::Key(NewBytes::Text(format!("{:?}, and another", original.key)))];
    if let Some(Ok(planned)) = fuzzing::edited(original.clone(), &as_planned, &REDACTOR) {
        assert_eq!(others(&planned.headers), others(&outgoing.headers), "another header than is named");
    }
    assert!(outgoing.headers.iter().any(|header| header.name == EDITED_HEADER), "it does not say that it was edited");
    let texts = |value: &Option<Vec<u8>>| value.as_deref().map(|value| std::str::from_utf8(value).map(str::to_owned));
    match change {
        Change::Value(_) => {}
        Change::Set { .. } | Change::Remove { .. } | Change::Rename { .. } => {
            let (Some(Ok(before)), Some(Ok(after))) = (texts(&original.value), texts(&outgoing.value)) else { panic!("what is changed is a text") };
            assert!(serde_json::from_str::<&RawValue>(&before).is_ok(), "it is changed, and no JSON");
            assert!(serde_json::from_str::<&RawValue>(&after).is_ok(), "JSON is no JSON any more: {after}");
            assert!(json_stays(&before, &after, change, steps), "{change} of {before} makes {after}");
        }
        Change::Replace { find, with } => {
            let (Some(Ok(before)), Some(Ok(after))) = (texts(&original.value), texts(&outgoing.value)) else { panic!("what is changed is a text") };
            assert_eq!(before.split(find.as_str()).collect::<Vec<_>>().join(with.as_str()), after);
        }
        _ => assert_eq!(outgoing.value, original.value, "another value"),
    }
}

/// Whether one text becomes the other by the change alone.
fn json_stays(before: &str, after: &str, change: &Change, steps: &[&str]) -> bool {
    let Some((last, above)) = steps.split_last() else {
        let Change::Set { json, .. } = change else { return false };
        let all = value(before, 0);
        return after == [&before[..all.start], json, &before[all.end..]].concat();
    };
    let mut at = value(before, 0);
    for step in above {
        let Some(part) = part(before, &at, step) else { return false };
        at = part.value;
    }
    let (Some(all), found) = (parts(before, &at), part(before, &at, last)) else { return false };
    // What is between what stays on both sides, where both stay.
    let between = |stays: Range<usize>| after.strip_prefix(&before[..stays.start])?.strip_suffix(&before[stays.end..]);
    match (change, found) {
        (Change::Set { json, .. }, Some(part)) => between(part.value) == Some(json.as_str()),
        (Change::Set { json, .. }, None) => {
            let room = all.last().map_or(at.start + 1..at.end - 1, |last| last.value.end..last.value.end);
            let comma = if all.is_empty() { "" } else { "," };
            // Written as those that are there, which may have blanks before their commas.
            let added = between(room).map(|added| added.trim_start_matches([' ', '\t', '\r', '\n']));
            added.and_then(|added| added.strip_prefix(comma)).is_some_and(|added| is_one_member(added, last, json))
        }
        (Change::Remove { .. }, Some(part)) => {
            let (whole, num_gone) = (part.whole(), before.len() - after.len());
            let is_gone = |start: usize| {
                let (Some(end), commas) = (start.checked_add(num_gone).filter(|end| *end >= whole.end && *end <= before.len()), usize::from(all.len() > 1))
                else {
                    return false;
                };
                if !(before.is_char_boundary(start) && before.is_char_boundary(end)) {
                    return false;
                }
                let around = [&before[start..whole.start], &before[whole.end..end]].concat();
                after == [&before[..start], &before[end..]].concat()
                    && around.trim_matches([' ', '\t', '\r', '\n', ',']).is_empty()
                    && around.matches(',').count() == commas
            };
            (at.start + 1..=whole.start).any(is_gone)
        }
        (Change::Rename { to, .. }, Some(Part { name: Some(name), .. })) => {
            between(name).is_some_and(|renamed| serde_json::from_str::<String>(renamed).ok().as_ref() == Some(to))
        }
        _ => false,
    }
}

/// Whether a text is a member of an object, of this name and value.
fn is_one_member(text: &str, name: &str, json: &str) -> bool {
    let object = format!("{{{text}}}");
    if serde_json::from_str::<&RawValue>(&object).is_err() {
        return false;
    }
    let all = parts(&object, &(0..object.len()));
    let Some([part]) = all.as_deref() else { return false };
    part.name(&object).as_deref() == Some(name) && object[part.value.clone()] == *json.trim_matches([' ', '\t', '\r', '\n'])
}

/// The one part of that name, or at that place.
fn part(text: &str, of: &Range<usize>, step: &str) -> Option<Part> {
    let all = parts(text, of)?;
    if let Some(Ok(index)) = step.strip_prefix('#').map(str::parse::<u16>) {
        return all.into_iter().filter(|part| part.name.is_none()).nth(usize::from(index));
    }
    let mut named = all.into_iter().filter(|part| part.name(text).as_deref() == Some(step));
    named.next().filter(|_| named.next().is_none())
}
