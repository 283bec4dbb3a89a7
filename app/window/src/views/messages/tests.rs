//! The messages view through labels and keys, and as pictures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use egui::{Key, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use switchboard_engine::view::{
    Answer, ChannelKey, DeadLetterView, PointQuery, Query, RecordLine, RecordMatches, RecordPage, RecordView, RowId, ScanQuery, Snapshot,
};
use switchboard_model::{MessageRef, Place, RawHash};

use switchboard_desk::send::replay::{
    AskedLetter, AskedLetters, AskedRange, ClusterBoard, PartitionRule, RangeOf, ReplayAsk, ReplayBoard, ReplayCommand, ReplayTarget, TargetPlan, Writing,
};

use crate::{
    SessionCommand, ThemeChoice, WindowApp,
    testing::{self, FixedSource},
    tests::harness::{Step, copied, goto, harness, picture, press, run, settle, stays_while_answers_are_late},
    view::{StoredRecord, Target, UiCommand, ViewKind},
    views::{dead_letters::sample as dead_letters, traces::sample},
};

mod marks;
mod records;
mod replaying;

type Harness = egui_kittest::Harness<'static, WindowApp>;

/// Records that are stored of `orders.placed`.
const NUM_PLACED: u64 = 120_000;
/// Records that are stored of `orders.placed-dlt`.
const NUM_DEAD: u64 = 1_000_000;
/// Records below this were evicted.
const FIRST_KEPT: u64 = 3;

/// A record, made up from its row.
fn record(row: RowId) -> Option<RecordView> {
    if row.0 < FIRST_KEPT {
        return None;
    }
    let made = sample::record();
    let (value, headers) = match row.0 % 7 {
        5 => (Some(vec![0, 0, 0, 0, 57, 0x08, 0xfe, 0x12, 0x00]), vec![("kafka_dlt-original-offset".to_owned(), Some(vec![0, 0, 0, 0, 0, 0, 0x47, 0x1c]))]),
        6 => (None, Vec::new()),
        _ => (made.value.clone(), made.headers.clone()),
    };
    let trace_id = made.trace_id.filter(|_| row.0 % 7 < 5);
    let value_size_bytes = value.as_ref().map_or(0, |value| value.len() as u32);
    let redacted = row.0 % 7 < 5;
    Some(RecordView {
        row,
        at: MessageRef { place: Place::at((row.0 % 4) as i32, row.0 as i64), ..made.at },
        key: Some(format!("k-{}", row.0).into_bytes()),
        value,
        headers,
        trace_id,
        value_size_bytes,
        redacted,
        ..made
    })
}

fn answer(query: &Query) -> Option<Answer> {
    match query {
        Query::Point(PointQuery::Records { channel, after, limit }) => {
            let num = match channel.name.as_str() {
                "orders.placed" => NUM_PLACED,
                "orders.placed-dlt" => NUM_DEAD,
                _ => 0,
            };
            let from = after.map_or(0, |row| row.0 + 1);
            let to = num.min(from + *limit as u64);
            let evicted = if num > 0 { FIRST_KEPT } else { 0 };
            Some(Answer::Records(RecordPage { rows: (from..to).map(line).collect(), total_stored: num - evicted, evicted, has_more: to < num }))
        }
        Query::Scan(ScanQuery::RecordMatches { channel, text, after, limit }) => {
            let num = if channel.name == "orders.placed" { NUM_PLACED } else { NUM_DEAD };
            let from = after.map_or(FIRST_KEPT, |row| row.0 + 1);
            let to = num.min(from + 50_000);
            let mut found = RecordMatches { looked_at: to - from, up_to: (to > from).then(|| RowId(to - 1)), has_more: to < num, ..RecordMatches::default() };
            for row in from..to {
                if format!("k-{row}").contains(&text.to_lowercase()) && found.rows.len() < *limit {
                    found.rows.push(line(row));
                } else {
                    found.num_redacted += u64::from(row % 7 < 5);
                }
            }
            Some(Answer::RecordMatches(found))
        }
        Query::Point(PointQuery::RecordDetails { rows }) => Some(Answer::RecordDetails(rows.iter().map(|row| record(*row)).collect())),
        _ => None,
    }
}

fn line(row: u64) -> RecordLine {
    RecordLine { row: RowId(row), place: Place::at((row % 4) as i32, row as i64), timestamp_ns: Some(sample::START_NS + row as i64), size_bytes: 92 }
}

fn source() -> FixedSource {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(answer);
    source
}

/// A topic is open and all its lines are loaded.
fn loaded(name: &str, num: &str) -> Harness {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Messages));
    let ctx = harness.ctx.clone();
    harness.state_mut().window.goto(&ctx, &Target::Channel(ChannelKey { cluster: None, name: name.to_owned() }));
    for _ in 0..200 {
        harness.run_steps(1);
        if harness.query_by_label(&format!("{num} loaded")).is_some() {
            settle(&mut harness);
            return harness;
        }
    }
    panic!("not all was loaded");
}

fn channel() -> ChannelKey {
    ChannelKey { cluster: None, name: "orders.placed".to_owned() }
}

fn own(others: &[(&str, &str)]) -> ReplayTarget {
    ReplayTarget::Own(others.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect())
}

/// What was asked to be previewed last.
fn previewed(source: &FixedSource) -> Option<ReplayAsk> {
    source.commands().into_iter().rev().find_map(|command| match command {
        SessionCommand::Replay(command) => match *command {
            ReplayCommand::Preview(ask) => Some(ask),
            _ => None,
        },
        _ => None,
    })
}

fn places(ask: &ReplayAsk) -> Vec<String> {
    let AskedLetters::These(letters) = &ask.letters else { return Vec::new() };
    letters.iter().map(|asked| asked.letter.at.to_string()).collect()
}

fn can_send(source: &FixedSource) -> ReplayBoard {
    let board = ReplayBoard { clusters: Arc::new(vec![ClusterBoard { name: "lab-kafka".into(), writing: Writing::Allowed }]), ..ReplayBoard::default() };
    source.show_replay(board.clone());
    board
}

fn stored(channel: &str, row: u64) -> StoredRecord {
    StoredRecord { channel: ChannelKey { cluster: Some("lab-kafka".into()), name: channel.into() }, row: RowId(row), place: line(row).place }
}
