//! What is known of a letter: why it died, where it stands, and its headers with what a replay makes of them. Pure.

use switchboard_engine::view::RecordView;
use switchboard_model::{HeaderChange, HeaderChangeKind, Place, ShownValue, SpanId, ToldPlace, TraceId};

use super::{letters::LetterRow, view::OpenLetter};
use switchboard_desk::{
    ledger::{LetterRecord, LetterState, SentState, SettledAs},
    send::replay::{Planned, ReplayBoard, ShownRecord},
};

use crate::{
    figures,
    ink::Tone,
    sanitise::{lines, visible},
    view::{Target, ViewAction},
    widgets::{
        detail::{Detail, Row, Section},
        payload::header_value,
    },
};

/// Characters of a parking note: as many as can be written.
const NOTE_CHARS_MAX: usize = 1_000;
/// Headers shown of a record.
const HEADERS_MAX: usize = 200;

/// What is known of a letter.
pub(crate) struct Letter<'a> {
    /// Its row.
    pub row: &'a LetterRow,
    /// Its headers, as they are or as a replay makes them; `None` = they are not known.
    pub headers: Option<&'a Section>,
    /// The stack traces in its headers.
    pub stacks: &'a [Row],
    /// What the ledger knows; `None` = nobody dealt with it.
    pub ledger: Option<&'a LetterRecord>,
    /// What the preview makes of it.
    pub planned: Option<&'a Planned>,
    /// Why the preview leaves it out.
    pub skipped: Option<&'a str>,
    /// Where it was consumed after it was sent.
    pub new_trace: Option<(TraceId, SpanId)>,
}

impl<'a> Letter<'a> {
    /// Puts together what the board knows of it.
    pub(crate) fn new(row: &'a LetterRow, open: Option<&'a OpenLetter>, board: &'a ReplayBoard) -> Self {
        let preview = board.preview.as_deref();
        let planned = preview.and_then(|preview| preview.planned.iter().find(|planned| planned.asked.letter == row.key));
        let skipped = preview.and_then(|preview| preview.skipped.iter().find(|skipped| skipped.letter == row.key)).map(|skipped| skipped.reason.as_str());
        let (headers, new_trace) = (open.map(|open| &open.headers), open.and_then(|open| open.new_trace));
        let stacks = open.map(|open| open.stacks.as_slice()).unwrap_or_default();
        Self { row, headers, stacks, ledger: board.letters.get(&row.key), planned, skipped, new_trace }
    }

    /// Heading, sentences and sections.
    pub(crate) fn detail(&self, now_ns: i64) -> Detail {
        let view = &self.row.view;
        let key = if self.row.key_text.is_empty() { String::new() } else { format!(" · key {}", self.row.key_text) };
        let schema = view.schema_id.map(|schema_id| format!("schema {schema_id} · ")).unwrap_or_default();
        let written = view.timestamp_ns.map(|ns| format!(" · written {}", figures::when(ns, now_ns).to_ms())).unwrap_or_default();
        Detail {
            title: format!("{}{key}", self.row.place_text()),
            kind: format!("{schema}{}{written}", figures::bytes(u64::from(view.value_size_bytes))),
            verdict: self.standing(now_ns),
            sections: [self.why(), self.traces()].into_iter().chain(self.headers.cloned()).filter(|section| !section.rows.is_empty()).collect(),
        }
    }

    /// Where it stands, in sentences.
    fn standing(&self, now_ns: i64) -> Vec<(String, Tone)> {
        let mut said = Vec::new();
        if let Some(ledger) = self.ledger {
            let at = figures::when(ledger.at_ns, now_ns).to_ms();
            let why = if ledger.reason.is_empty() { String::new() } else { format!(": {}", visible(&ledger.reason)) };
            let (text, severity) = match &ledger.state {
                LetterState::Open if ledger.send_id.is_none() => (String::new(), ledger.state.severity()),
                // Whatever leaves it open after it was tried is as urgent.
                LetterState::Open => (format!("Open; it was tried at {at} and not sent{why}"), SettledAs::NotDone.severity()),
                LetterState::Sent(SentState::Persisted) => {
                    // Whether others read it, or it is tried again, is told of the run: it says nothing of the group that failed.
                    let text = format!("Sent at {at} to {}; the group that failed was not yet seen to process it", Self::target(ledger));
                    (text, ledger.state.severity())
                }
                LetterState::Sent(SentState::Possibly) => {
                    let text = format!("It may have been written to {} at {at}{why}. It is not sent again", visible(&ledger.target));
                    (text, ledger.state.severity())
                }
                LetterState::Consumed => (format!("Consumed by {at}{why}"), ledger.state.severity()),
                LetterState::DeadAgain => (format!("Dead again at {at}{why}"), ledger.state.severity()),
                LetterState::Parked(note) => {
                    let by = ledger.parked_by.as_deref().map(|who| format!(" by {}", visible(who))).unwrap_or_default();
                    (format!("Parked{by} at {at}: {}", lines(note, NOTE_CHARS_MAX)), ledger.state.severity())
                }
            };
            if !text.is_empty() {
                said.push((text, severity.into()));
            }
        }
        if self.row.view.replay_count > 0 {
            let by = self.row.view.replay_id.as_deref().map(|id| format!(", last by {}", visible(id))).unwrap_or_default();
            said.push((format!("It was replayed {} before{by}", figures::things(u64::from(self.row.view.replay_count), "time", "times")), Tone::Warn));
        }
        if let Some(reason) = self.skipped {
            said.push((format!("The preview leaves it out: {}", visible(reason)), SettledAs::Skipped.severity().into()));
        }
        said
    }

    fn target(ledger: &LetterRecord) -> String {
        match &ledger.written_to {
            Some(place) => place.on(&visible(&ledger.target)).to_string(),
            None => visible(&ledger.target).into_owned(),
        }
    }

    fn why(&self) -> Section {
        let view = &self.row.view;
        let mut rows = Vec::new();
        let told = [view.exception.as_deref(), view.message.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ");
        if told.is_empty() {
            rows.push(Row::text("No header tells why"));
        } else {
            rows.push(Row::text(&told).toned(Tone::Bad));
        }
        let origin = view.origin.as_deref().map(|origin| format!("{origin} {}", self.row.origin_text()));
        let pairs = [
            ("came from", origin),
            ("in the group", view.origin_group.clone()),
            ("tried", view.attempts.map(|n| figures::things(u64::from(n), "time", "times"))),
        ];
        rows.extend(pairs.into_iter().filter_map(|(key, value)| Some(Row::pair(key, &value?))));
        rows.extend(self.stacks.iter().cloned());
        Section::new("Why it died", rows).noted(view.dialect.as_deref().unwrap_or_default())
    }

    fn traces(&self) -> Section {
        let trace = |name: &str, trace_id: TraceId, span_id: Option<SpanId>| {
            Row::link(name, &trace_id.to_string(), Some(ViewAction::Goto(Target::Trace { trace_id, span_id })))
        };
        let failed = self.row.view.trace_id.map(|trace_id| trace("failed in", trace_id, None));
        let consumed = self.new_trace.map(|(trace_id, span_id)| trace("consumed in", trace_id, Some(span_id)));
        Section::new("Traces", failed.into_iter().chain(consumed).collect())
    }

    /// One JSON value with ids and times.
    pub(crate) fn json(&self) -> String {
        let view = &self.row.view;
        let value = serde_json::json!({
            "cluster": view.at.cluster,
            "channel": view.at.channel,
            "place": view.at.place.to_string(),
            "partition": view.at.place.partition(),
            "offset": view.at.place.offset(),
            "timestamp": view.timestamp_ns.map(figures::instant),
            "key": self.row.key_text,
            "value_size_bytes": view.value_size_bytes,
            "schema_id": view.schema_id,
            "origin": view.origin,
            "origin_place": view.origin_place.as_ref().and_then(ToldPlace::whole).map(Place::to_string),
            "origin_partition": view.origin_place.as_ref().and_then(ToldPlace::partition),
            "origin_offset": view.origin_place.as_ref().and_then(ToldPlace::offset),
            "group": view.origin_group,
            "exception": view.exception,
            "message": view.message,
            "attempts": view.attempts,
            "trace_id": view.trace_id.map(|trace_id| trace_id.to_string()),
            "state": self.row.state.word(),
            "replay_id": self.ledger.map(|ledger| ledger.replay_id.clone()).filter(|id| !id.is_empty()),
            "new_trace_id": self.new_trace.map(|(trace_id, _)| trace_id.to_string()),
        });
        format!("{value:#}")
    }
}

/// Headers as a replay makes them, or else as they are stored; empty where neither is known.
pub(super) fn headers(shown: Option<&ShownRecord>, record: Option<&RecordView>) -> Section {
    if let Some(shown) = shown {
        let counts = shown.diff.counts();
        let note = format!("{} kept · {} stripped · {} added", counts.kept, counts.removed, counts.added + counts.changed);
        let mut rows: Vec<Row> = shown.diff.changes.iter().take(HEADERS_MAX).map(change_row).collect();
        rows.extend(Row::more(shown.diff.changes.len(), HEADERS_MAX));
        return Section::new("Headers as they will be sent", rows).noted(&note);
    }
    let Some(record) = record else { return Section::default() };
    if !record.headers_readable {
        return Section::new("Headers", vec![Row::text("A header's name is not UTF-8, so the client library does not give them out").toned(Tone::Warn)]);
    }
    let rows = record.headers.iter().take(HEADERS_MAX).map(|(name, value)| {
        let shown = header_value(name, value.as_deref());
        Row::pair(name, &shown.text).read(shown.how)
    });
    Section::new("Headers as they are", rows.chain(Row::more(record.headers.len(), HEADERS_MAX)).collect())
}

/// The stack traces of headers: they stand where it is told why it died, and among the headers only their names.
pub(super) fn take_stacks(headers: &mut Section) -> Vec<Row> {
    let mut stacks = Vec::new();
    for row in &mut headers.rows {
        if let Row::Stack { key, how, .. } = row {
            let named = Row::pair(key, "the stack trace above").read(how);
            stacks.push(std::mem::replace(row, named).read(""));
        }
    }
    stacks
}

fn change_row(change: &HeaderChange) -> Row {
    let (value, word, tone) = match change.kind {
        HeaderChangeKind::Kept => (&change.after, "kept".to_owned(), Tone::Quiet),
        HeaderChangeKind::Removed { dialect } => (&change.before, format!("stripped · {dialect}"), Tone::Unknown),
        HeaderChangeKind::Added => (&change.after, "added".to_owned(), Tone::Quiet),
        HeaderChangeKind::Changed => (&change.after, "changed".to_owned(), Tone::Quiet),
    };
    let shown = header_value(&change.name, value.as_ref().and_then(|value| value.bytes.as_deref()));
    let is_secret = value.as_ref().is_some_and(|ShownValue { redacted, .. }| *redacted);
    let word = match change.kind {
        HeaderChangeKind::Kept if is_secret => "kept, sent as it is on the broker".to_owned(),
        _ => word,
    };
    Row::pair(&change.name, &shown.text).read(&word).toned(tone)
}

#[cfg(test)]
mod tests {
    use switchboard_engine::view::LetterView;

    use super::*;
    use switchboard_desk::ledger::LetterKey;
    #[test]
    fn of_what_was_sent_no_more_is_said_than_is_known() {
        let view = LetterView::default();
        let row = LetterRow { state: LetterState::Sent(SentState::Persisted), key: LetterKey::of(&view), view, key_text: String::new() };
        let ledger = LetterRecord { state: row.state.clone(), target: "orders".to_owned(), written_to: Some(Place::at(2, 100)), ..LetterRecord::default() };
        let letter = Letter { row: &row, headers: None, stacks: &[], ledger: Some(&ledger), planned: None, skipped: None, new_trace: None };
        let told = "Sent at 00:00:00.000 to orders 2@100; the group that failed was not yet seen to process it";
        assert_eq!(letter.standing(0), [(told.to_owned(), Tone::Quiet)]);
    }

    #[test]
    fn a_stack_trace_stands_where_it_is_told_why_it_died() {
        let stack = "com.shop.Bad: no\n\tat com.shop.A.b(A.java:1)\n\tat com.shop.C.d(C.java:2)";
        let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
        let record = RecordView {
            headers: vec![header("kafka_dlt-exception-stacktrace", stack), header("ce_id", "1")],
            headers_readable: true,
            ..RecordView::default()
        };
        let mut section = headers(None, Some(&record));
        let stacks = take_stacks(&mut section);
        assert!(matches!(&stacks[..], [Row::Stack { key, .. }] if key == "kafka_dlt-exception-stacktrace"), "{stacks:?}");
        assert_eq!(section.rows, [Row::pair("kafka_dlt-exception-stacktrace", "the stack trace above"), Row::pair("ce_id", "1")]);
        let view = LetterView::default();
        let row = LetterRow { state: LetterState::Open, key: LetterKey::of(&view), view, key_text: String::new() };
        let letter = Letter { row: &row, headers: Some(&section), stacks: &stacks, ledger: None, planned: None, skipped: None, new_trace: None };
        assert!(letter.detail(0).to_text().contains("at com.shop.A.b(A.java:1)\n"), "{}", letter.detail(0).to_text());
    }

    #[test]
    fn a_parking_note_is_told_whole_with_who_wrote_it_and_when() {
        let view = LetterView::default();
        let note = "ask the catalog team; ".repeat(40);
        let row = LetterRow { state: LetterState::Parked(note.clone()), key: LetterKey::of(&view), view, key_text: String::new() };
        let ledger = LetterRecord { state: row.state.clone(), parked_by: Some("ada".to_owned()), ..LetterRecord::default() };
        let letter = Letter { row: &row, headers: None, stacks: &[], ledger: Some(&ledger), planned: None, skipped: None, new_trace: None };
        assert_eq!(letter.standing(0)[0].0, format!("Parked by ada at 00:00:00.000: {note}"));
        assert!(row.words(false).contains(&note), "and in its row");
    }

    #[test]
    fn of_where_it_came_from_as_much_is_said_as_its_headers_name() {
        for (partition, offset, said, place) in
            [(Some(2), Some(100), "2@100", Some("2@100")), (Some(2), None, "p2", None), (None, Some(100), "@100", None), (None, None, "–", None)]
        {
            let view = LetterView { origin: Some("orders".to_owned()), origin_place: ToldPlace::of(partition, offset), ..LetterView::default() };
            let row = LetterRow { state: LetterState::Open, key: LetterKey::of(&view), view, key_text: String::new() };
            let letter = Letter { row: &row, headers: None, stacks: &[], ledger: None, planned: None, skipped: None, new_trace: None };
            assert!(row.words(false).contains(&format!("origin {said},")), "{}", row.words(false));
            assert!(letter.why().rows.contains(&Row::pair("came from", &format!("orders {said}"))), "{:?}", letter.why());
            let json: serde_json::Value = serde_json::from_str(&letter.json()).expect("JSON");
            assert_eq!((json["origin_partition"].as_i64(), json["origin_offset"].as_i64()), (partition.map(i64::from), offset));
            assert_eq!(json["origin_place"].as_str(), place);
        }
    }
}
