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

#[test]
fn topics_say_how_much_is_in_them_and_open_by_keyboard() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Messages));
    harness.get_by_label("topic orders.placed, 15,960 records, 38/s, read");
    harness.get_by_label("topic orders.placed-dlt, 98 records, 0.2/s, read, dead letters");
    harness.get_by_label("No topic is open");
    press(&mut harness, &[Key::ArrowDown]);
    harness.get_by_label("No record came in since the session began");
}

/// The rows in view: the beginning of each, and its key where it shows one.
fn rows_in_view(harness: &Harness) -> BTreeMap<String, Option<String>> {
    let rows = harness.query_all_by_role(Role::ListItem).filter_map(|node| node.accesskit_node().label());
    let row = |label: String| {
        let place = label.strip_prefix("record ")?.split(',').next()?.to_owned();
        Some((place, label.split(", key ").nth(1).map(str::to_owned)))
    };
    rows.filter_map(row).collect()
}

#[test]
fn while_records_come_in_no_row_turns_blank_and_new_ones_get_their_contents() {
    let num = Arc::new(AtomicU64::new(2_000));
    let source = FixedSource::new(testing::order_business());
    let stored = Arc::clone(&num);
    source.answer_with(move |query| match query {
        Query::Point(PointQuery::Records { after, .. }) => {
            let (from, to) = (after.map_or(FIRST_KEPT, |row| row.0 + 1), stored.load(Ordering::Relaxed));
            Some(Answer::Records(RecordPage { rows: (from..to).map(line).collect(), total_stored: to, evicted: 0, has_more: false }))
        }
        other => answer(other),
    });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Channel(channel()));
    settle(&mut harness);
    let mut shown = rows_in_view(&harness);
    assert!(shown.len() > 10 && shown.values().all(Option::is_some), "{shown:?}");
    let first: Vec<String> = shown.keys().cloned().collect();
    // Contents take three frames, and with each frame other rows are in view.
    source.answer_late(3, |query| matches!(query, Query::Point(PointQuery::RecordDetails { .. })));
    let mut blank_for: BTreeMap<String, usize> = BTreeMap::new();
    for frame in 0..120 {
        num.fetch_add(2, Ordering::Relaxed);
        source.publish(testing::order_business());
        source.advance_s(1);
        harness.run_steps(1);
        let now = rows_in_view(&harness);
        for (place, key) in &now {
            assert!(key.is_some() || shown.get(place).is_none_or(Option::is_none), "{place} turned blank in frame {frame}: {now:?}");
            let blank = blank_for.entry(place.clone()).or_default();
            *blank = if key.is_some() { 0 } else { *blank + 1 };
            assert!(*blank <= 12, "{place} stays blank in frame {frame}: {now:?}");
        }
        shown = now;
    }
    assert!(first.iter().any(|place| !shown.contains_key(place)), "others are in view: {shown:?}");
}

#[test]
fn what_is_seen_of_records_stays_while_it_is_asked_anew() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(4) });
    stays_while_answers_are_late(&mut harness, &source);
}

#[test]
fn a_million_records_are_walked_row_by_row() {
    let mut harness = loaded("orders.placed-dlt", "1,000,000");
    harness.get_by_label("· 999,997 stored here");
    harness.get_by_label("· 3 evicted");
    let rows = harness.get_all_by_role(Role::ListItem).count();
    assert!(rows < 40, "{rows} rows are drawn");
    // The end is followed: the newest is in view.
    harness.get_by_label_contains("record 3@999999");
    press(&mut harness, &[Key::End]);
    harness.get_by_role_and_label(Role::Heading, "3@999999");
    press(&mut harness, &[Key::Home]);
    harness.get_by_label("This record is no longer stored");
    harness.get_by_label_contains("record 0@0, 10:59:20.000, 92 B, evicted from the store");
    press(&mut harness, &[Key::PageDown, Key::ArrowDown]);
    assert!(harness.query_by_label("This record is no longer stored").is_none());
}

#[test]
fn a_record_shows_key_headers_value_and_where_it_leads() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(70_001) });
    harness.get_by_role_and_label(Role::Heading, "1@70001");
    harness.get_by_label("Secrets in it were replaced when it came in; equal ones still look equal");
    harness.get_by_label("key k-70001");
    harness.get_by_label_contains("\"orderId\": 4704,");
    harness.get_by_label("Payload as Hex").click();
    settle(&mut harness);
    harness.get_by_label_contains("000000  7b 22 6f 72");
    harness.get_by_label("Payload as Text").click();
    settle(&mut harness);
    harness.get_by_label_contains("\"shipTo\":null}");
    harness.get_by_label("kafka_replyPartition 2, 4 bytes, big-endian").scroll_to_me();
    harness.get_by_label("authorization redacted:ab12cd, redacted");
    harness.get_by_label("its trace, 19ab4c110b774d208c0177aa11c20c47").scroll_to_me();
    settle(&mut harness);
    harness.get_by_label("its trace, 19ab4c110b774d208c0177aa11c20c47").click();
    settle(&mut harness);
    assert_eq!(harness.state().window.panes().focus(), crate::view::ViewKind::Traces);
    run(&mut harness, UiCommand::Back);
    harness.get_by_role_and_label(Role::Heading, "1@70001");
}

#[test]
fn a_framed_value_is_named_with_its_schema_id_and_a_tombstone_is_no_empty_value() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(12) });
    harness.get_by_label("framing schema id 57 (Confluent framing)");
    harness.get_by_label_contains("Avro or Protobuf by its framing");
    harness.get_by_label("kafka_dlt-original-offset 18204, 8 bytes, big-endian");
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(13) });
    harness.get_by_label("value null, a tombstone");
}

#[test]
fn a_text_is_looked_for_in_all_that_is_stored() {
    let mut harness = loaded("orders.placed", "120,000");
    harness.get_by_label("Key, text, number or 2@100").focus();
    harness.run();
    harness.get_by_label("Key, text, number or 2@100").type_text("K-1234");
    // k-1234, and k-12340 to k-12349.
    for _ in 0..200 {
        harness.run_steps(1);
        if harness.query_by_label_contains("looked at, all that are stored").is_some() {
            break;
        }
    }
    harness.get_by_label_contains("11 match · 119,997 looked at, all that are stored · 3 were evicted · 85,704 hold redacted values");
    settle(&mut harness);
    harness.get_by_label_contains("record 2@1234,");
    harness.get_by_label_contains("record 1@12349,");
}

#[test]
fn following_the_end_is_held_and_taken_up_again() {
    let mut harness = loaded("orders.placed", "120,000");
    press(&mut harness, &[Key::L]);
    harness.get_by_label("Follow the end").click();
    settle(&mut harness);
    harness.get_by_label("Hold still");
}

#[test]
fn another_session_is_read_from_its_first_record() {
    let source = FixedSource::new(testing::order_business());
    let num_stored = Arc::new(AtomicU64::new(10));
    let stored = Arc::clone(&num_stored);
    source.answer_with(move |query| match query {
        Query::Point(PointQuery::Records { after, .. }) => {
            let (from, to) = (after.map_or(0, |row| row.0 + 1), stored.load(Ordering::Relaxed));
            Some(Answer::Records(RecordPage { rows: (from..to).map(line).collect(), total_stored: to, ..RecordPage::default() }))
        }
        other => answer(other),
    });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(8) });
    harness.get_by_role_and_label(Role::Heading, "0@8");
    harness.get_by_label("10 loaded");
    assert!(harness.state().window.unavailable(UiCommand::Back).is_none());
    num_stored.store(6, Ordering::Relaxed);
    source.publish(Snapshot { started_ns: testing::NOW_NS, ..testing::order_business() });
    settle(&mut harness);
    harness.get_by_label("6 loaded");
    harness.get_by_label_contains("record 1@5,");
    assert!(harness.query_by_role_and_label(Role::Heading, "0@8").is_none(), "that row is another record's now");
    assert!(harness.state().window.unavailable(UiCommand::Back).is_some(), "no way leads back to rows of the former session");
}

#[test]
fn what_is_not_read_says_why_and_what_to_do() {
    let mut business = testing::order_business();
    let mut figures = (*business.figures).clone();
    for broker in &mut figures.channels {
        broker.not_tailed = Some("it matches no pattern of the source".to_owned());
    }
    business.figures = figures.into();
    let source = FixedSource::new(business);
    source.answer_with(|query| matches!(query, Query::Point(PointQuery::Records { .. })).then(|| Answer::Records(RecordPage::default())));
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    harness.get_by_label("topic orders.placed, 15,960 records, 38/s, not read: it matches no pattern of the source");
    goto(&mut harness, &Target::Channel(channel()));
    harness.get_by_label("Its records are not read");
    harness.get_by_label("it matches no pattern of the source");
    let mut empty = crate::tests::harness::harness(&FixedSource::new(Snapshot::default()), UiCommand::Show(ViewKind::Messages));
    empty.get_by_label("No topics yet");
    press(&mut empty, &[Key::ArrowDown, Key::Enter, Key::L, Key::Escape]);
}

#[test]
fn a_record_is_copied_in_three_forms() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(8) });
    let mut copy = |command: UiCommand| {
        let ctx = harness.ctx.clone();
        harness.state_mut().window.run(&ctx, command);
        harness.step();
        copied(&harness).expect("something was copied")
    };
    let json: serde_json::Value = serde_json::from_str(&copy(UiCommand::CopyJson)).expect("JSON");
    assert_eq!((json["offset"].as_i64(), json["redacted"].as_bool()), (Some(8), Some(true)));
    let text = copy(UiCommand::CopyText);
    assert!(text.starts_with("0@8\norders.placed · lab-kafka") && text.contains("\n{\n  \"orderId\": 4704,"), "{text}");
    assert!(copy(UiCommand::CopyMarkdown).starts_with("### 0@8\n"));
}

#[test]
fn pictures_of_messages_stay_as_they_are() {
    let source = source();
    let steps = [Step::Goto(Target::Record { channel: channel(), row: RowId(40) })];
    picture("messages-light", ThemeChoice::Light, (1280, 800), &source, &steps);
    let side_by_side = [Step::Run(UiCommand::LayoutMessages), Step::Goto(Target::Channel(channel()))];
    picture("messages-groups-dark", ThemeChoice::Dark, (1280, 800), &source, &side_by_side);
}

#[test]
fn marked_records_are_replayed_and_the_panel_stands_beside_them() {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(answer);
    source
        .show_replay(ReplayBoard { clusters: Arc::new(vec![ClusterBoard { name: "lab-kafka".into(), writing: Writing::Allowed }]), ..ReplayBoard::default() });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    let channel = ChannelKey { cluster: None, name: "orders.placed".into() };
    goto(&mut harness, &Target::Record { channel, row: RowId(20) });
    press(&mut harness, &[Key::Space, Key::ArrowDown, Key::Space]);
    harness.get_by_label_contains("record 0@20, marked");
    // What can be chosen is asked about the marked records before anything is previewed.
    press(&mut harness, &[Key::E]);
    harness.get_by_role_and_label(Role::Button, "Preview 2 records…");
    assert!(harness.query_by_role_and_label(Role::Button, "Park…").is_none(), "records are not put aside");
    press(&mut harness, &[Key::Escape, Key::R]);
    let replay = |source: &FixedSource| {
        source
            .commands()
            .into_iter()
            .filter_map(|command| if let SessionCommand::Replay(command) = command { Some(*command) } else { None })
            .collect::<Vec<_>>()
    };
    let Some(ReplayCommand::Preview(ask)) = replay(&source).pop() else { panic!("{:?}", replay(&source)) };
    let AskedLetters::These(letters) = &ask.letters else { panic!("{ask:?}") };
    let places: Vec<String> = letters.iter().map(|asked| asked.letter.at.to_string()).collect();
    assert_eq!((ask.cluster.as_str(), &ask.target), ("lab-kafka", &"orders.placed".into()));
    assert_eq!(places, ["orders.placed 0@20", "orders.placed 1@21"]);
    assert!(letters.iter().all(|asked| !asked.is_dead && asked.raw_hash == RawHash::UNKNOWN), "whatever lies there is meant");
    // The letters' preview stands beside the letters, this one here.
    let board = dead_letters::previewed(Writing::Allowed);
    source.show_replay(board.clone());
    settle(&mut harness);
    assert!(harness.query_by_label("Dismiss").is_none());
    let mut board = board;
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    preview.ask = Arc::new(ask);
    source.show_replay(board);
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "Replay 296 to orders.placed");
    press(&mut harness, &[Key::E]);
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to");
    press(&mut harness, &[Key::Escape, Key::Escape]);
    assert_eq!(replay(&source).pop(), Some(ReplayCommand::Dismiss));
    source.show_replay(ReplayBoard::default());
    settle(&mut harness);
    press(&mut harness, &[Key::End, Key::A, Key::A]);
    assert!(harness.query_all_by_label_contains(", marked").count() > 5, "all that are listed");
}

#[test]
fn a_range_of_the_open_topic_is_replayed_where_nothing_is_marked() {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(answer);
    source
        .show_replay(ReplayBoard { clusters: Arc::new(vec![ClusterBoard { name: "lab-kafka".into(), writing: Writing::Allowed }]), ..ReplayBoard::default() });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Channel(ChannelKey { cluster: None, name: "orders.placed".into() }));
    press(&mut harness, &[Key::E]);
    let previewed = |source: &FixedSource| {
        source.commands().into_iter().rev().find_map(|command| match command {
            SessionCommand::Replay(command) => match *command {
                ReplayCommand::Preview(ask) => Some(ask),
                _ => None,
            },
            _ => None,
        })
    };
    write(&mut harness, "First offset", "100");
    press(&mut harness, &[Key::Enter]);
    harness.get_by_label_contains("is no offset; write a number");
    assert!(previewed(&source).is_none(), "half a range asks for nothing");
    write(&mut harness, "Last offset", "109");
    // The button above the form previews it as well, though nothing is marked.
    harness.get_by_role_and_label(Role::Button, "Preview…").click();
    settle(&mut harness);
    let ask = previewed(&source).expect("it is asked for");
    let of = RangeOf::Offsets { partition: 0, from: 100, to: 109 };
    assert_eq!(ask.letters, AskedLetters::Ranges(vec![AskedRange { channel: "orders.placed".into(), of }]));
    assert_eq!((ask.cluster.as_str(), &ask.target), ("lab-kafka", &"orders.placed".into()));
}

/// Types into a field.
fn write(harness: &mut Harness, label: &str, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, label).focus();
    settle(harness);
    harness.event(egui::Event::Text(text.to_owned()));
    settle(harness);
}

#[test]
fn a_range_of_a_dead_letter_topic_is_of_that_topic_and_goes_where_its_letters_came_from() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    let ctx = harness.ctx.clone();
    harness.state_mut().window.goto(&ctx, &Target::Channel(ChannelKey { cluster: None, name: "orders.placed-dlt".into() }));
    // It is long: it comes in many frames.
    harness.run_steps(40);
    settle(&mut harness);
    press(&mut harness, &[Key::E]);
    write(&mut harness, "First offset", "100");
    write(&mut harness, "Last offset", "109");
    press(&mut harness, &[Key::Enter]);
    let ask = previewed(&source).expect("it is asked for");
    let of = RangeOf::Offsets { partition: 0, from: 100, to: 109 };
    assert_eq!(ask.letters, AskedLetters::Ranges(vec![AskedRange { channel: "orders.placed-dlt".into(), of }]));
    assert_eq!(ask.target, "orders.placed".into());
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

#[test]
fn records_marked_on_several_topics_go_each_to_its_own() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    let dead = || ChannelKey { cluster: None, name: "orders.placed-dlt".into() };
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    press(&mut harness, &[Key::Space]);
    goto(&mut harness, &Target::Record { channel: dead(), row: RowId(30) });
    harness.get_by_role_and_label(Role::Button, "1 marked on 1 topic: take all marks away");
    press(&mut harness, &[Key::Space, Key::R]);
    let ask = previewed(&source).expect("it is asked for");
    assert_eq!(
        (places(&ask), ask.target.clone()),
        (vec!["orders.placed-dlt 2@30".to_owned(), "orders.placed 0@20".to_owned()], own(&[("orders.placed-dlt", "orders.placed")]))
    );
    // Where they come back to their topic their marks are there.
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    harness.get_by_label_contains("record 0@20, marked");
    press(&mut harness, &[Key::E]);
    harness.get_by_role_and_label(Role::RadioButton, "goes each to its own topic");
    // What lies among the dead is proposed to go where it came from.
    let proposed = harness.get_by_role_and_label(Role::TextInput, "orders.placed-dlt goes to").accesskit_node().value();
    assert_eq!(proposed.as_deref(), Some("orders.placed"));
    harness.get_by_role_and_label(Role::TextInput, "orders.placed goes to").focus();
    settle(&mut harness);
    harness.event(egui::Event::Text("orders.again".to_owned()));
    settle(&mut harness);
    press(&mut harness, &[Key::Enter]);
    assert_eq!(previewed(&source).map(|ask| ask.target), Some(own(&[("orders.placed", "orders.again"), ("orders.placed-dlt", "orders.placed")])));
    // All to one after all.
    harness.get_by_role_and_label(Role::RadioButton, "goes all to one topic").click();
    settle(&mut harness);
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to").focus();
    settle(&mut harness);
    harness.event(egui::Event::Text("everything".to_owned()));
    settle(&mut harness);
    press(&mut harness, &[Key::Enter]);
    assert_eq!(previewed(&source).map(|ask| ask.target), Some("everything".into()));
    press(&mut harness, &[Key::Escape]);
    harness.get_by_role_and_label(Role::Button, "2 marked on 2 topics: take all marks away").click();
    settle(&mut harness);
    assert!(harness.query_by_label_contains(", marked").is_none() && harness.query_by_label_contains("marked on").is_none());
}

fn stored(channel: &str, row: u64) -> StoredRecord {
    StoredRecord { channel: ChannelKey { cluster: Some("lab-kafka".into()), name: channel.into() }, row: RowId(row), place: line(row).place }
}

#[test]
fn records_from_elsewhere_are_marked_and_it_is_asked_where_they_go() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(50) });
    press(&mut harness, &[Key::Space]);
    goto(&mut harness, &Target::Replay(vec![stored("orders.placed", 20), stored("inventory.reserved", 21), stored("orders.placed", 22)]));
    harness.get_by_role_and_label(Role::TextInput, "inventory.reserved goes to");
    harness.get_by_label_contains("3 marked on 2 topics");
    press(&mut harness, &[Key::Escape, Key::R]);
    let ask = previewed(&source).expect("it is asked for");
    let told = ["orders.placed 0@20", "orders.placed 2@22", "inventory.reserved 1@21"].map(str::to_owned);
    assert_eq!((places(&ask), ask.target.clone(), ask.cluster.as_str()), (told.to_vec(), own(&[]), "lab-kafka"));
    // A replay that stands here is not changed by it.
    let mut board = dead_letters::previewed(Writing::Allowed);
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    preview.ask = Arc::new(ask);
    source.show_replay(board);
    press(&mut harness, &[Key::Escape]);
    goto(&mut harness, &Target::Replay(vec![stored("orders.placed", 23)]));
    assert!(harness.query_by_role_and_label(Role::TextInput, "Channel to send to").is_none());
    harness.get_by_label_contains("record 3@23, marked");
}

#[test]
fn a_form_that_is_open_is_of_the_records_from_elsewhere_once_they_are_marked() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(50) });
    press(&mut harness, &[Key::Space, Key::E]);
    harness.get_by_role_and_label(Role::Button, "Preview 1 record…");
    goto(&mut harness, &Target::Replay(vec![stored("orders.placed", 20), stored("orders.placed", 22)]));
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to");
    run(&mut harness, UiCommand::PreviewReplay);
    assert_eq!(previewed(&source).map(|ask| places(&ask)), Some(vec!["orders.placed 0@20".to_owned(), "orders.placed 2@22".to_owned()]));
}

#[test]
fn of_records_from_elsewhere_that_lie_on_two_clusters_it_is_told_why_nothing_is_asked() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    let mut other = stored("inventory.reserved", 21);
    other.channel.cluster = Some("staging".into());
    goto(&mut harness, &Target::Replay(vec![stored("orders.placed", 20), other]));
    harness.get_by_label_contains("Change what is replayed…: the marked records lie on several clusters");
    assert!(harness.query_by_role_and_label(Role::TextInput, "Channel to send to").is_none());
}

#[test]
fn while_a_replay_of_dead_letters_stands_nothing_here_acts_on_it() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    press(&mut harness, &[Key::Space, Key::E]);
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to");
    source.show_replay(dead_letters::previewed(Writing::Allowed));
    settle(&mut harness);
    assert!(harness.query_by_role_and_label(Role::TextInput, "Channel to send to").is_none());
    for command in
        [UiCommand::PreviewReplay, UiCommand::ChangeReplay, UiCommand::EditRecord, UiCommand::SaveReplayPlan, UiCommand::SendReplay, UiCommand::StopReplay]
    {
        let why = harness.state().window.unavailable(command).map(std::borrow::Cow::into_owned);
        assert!(why.as_ref().is_some_and(|why| why.contains("a replay of dead letters stands in Dead letters")), "{command:?}: {why:?}");
        run(&mut harness, command);
    }
    let asked: Vec<SessionCommand> = source.commands().into_iter().filter(|command| matches!(command, SessionCommand::Replay(_))).collect();
    assert!(asked.is_empty(), "{asked:?}");
    // Once it is closed, what was filled in here is of the records that were marked here.
    can_send(&source);
    settle(&mut harness);
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to");
    run(&mut harness, UiCommand::PreviewReplay);
    assert_eq!(previewed(&source).map(|ask| places(&ask)), Some(vec!["orders.placed 0@20".to_owned()]));
}

#[test]
fn the_selected_record_is_edited_and_not_the_first_that_is_marked() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    press(&mut harness, &[Key::Space, Key::ArrowDown, Key::Space, Key::ArrowDown]);
    let why = harness.state().window.unavailable(UiCommand::EditRecord).map(std::borrow::Cow::into_owned);
    assert_eq!(why.as_deref(), Some("select one of the marked records"));
    press(&mut harness, &[Key::ArrowUp]);
    run(&mut harness, UiCommand::EditRecord);
    let edited = source.commands().into_iter().rev().find_map(|command| match command {
        SessionCommand::Replay(command) => match *command {
            ReplayCommand::Edit(asked) => Some(asked.letter.at.to_string()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(edited.as_deref(), Some("orders.placed 1@21"));
}

#[test]
fn all_of_one_topic_are_marked_and_unmarked_and_what_is_marked_elsewhere_stays() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: ChannelKey { cluster: None, name: "orders.placed-dlt".into() }, row: RowId(30) });
    press(&mut harness, &[Key::Space]);
    goto(&mut harness, &Target::Channel(channel()));
    press(&mut harness, &[Key::A]);
    harness.get_by_label_contains("marked on 2 topics");
    press(&mut harness, &[Key::A]);
    harness.get_by_role_and_label(Role::Button, "1 marked on 1 topic: take all marks away");
}

#[test]
fn what_is_marked_on_a_topic_is_not_taken_for_another_clusters() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    press(&mut harness, &[Key::Space]);
    goto(&mut harness, &Target::Channel(ChannelKey { cluster: None, name: "inventory.reserved".into() }));
    let on = |cluster: &str| ChannelKey { cluster: Some(cluster.into()), ..channel() };
    goto(&mut harness, &Target::Record { channel: on("staging"), row: RowId(20) });
    assert!(harness.query_by_label_contains(", marked").is_none());
    harness.get_by_role_and_label(Role::Button, "1 marked on 1 topic: take all marks away");
    goto(&mut harness, &Target::Record { channel: on("lab-kafka"), row: RowId(20) });
    harness.get_by_label_contains("record 0@20, marked");
}

#[test]
fn pictures_of_a_replay_to_several_topics_stay_as_they_are() {
    let source = source();
    let board = can_send(&source);
    let marked =
        || Target::Replay(vec![stored("orders.placed", 40), stored("orders.placed", 41), stored("inventory.reserved", 42), stored("shipments.sent", 43)]);
    picture("replay-own-light", ThemeChoice::Light, (1280, 800), &source, &[Step::Goto(marked())]);
    let of_letters = dead_letters::previewed(Writing::Allowed);
    let mut preview = of_letters.preview.expect("a preview");
    let of = Arc::make_mut(&mut preview);
    of.ask = Arc::new(ReplayAsk { target: own(&[("orders.placed", "orders.again")]), letters: AskedLetters::Ranges(Vec::new()), ..ReplayAsk::clone(&of.ask) });
    let plan = |channel: &str, num: usize, partitions: PartitionRule, size_limit: Result<u64, String>| TargetPlan {
        channel: channel.into(),
        num,
        size_bytes: 613 * num,
        partitions,
        size_limit,
    };
    of.targets = vec![
        plan("inventory.reserved", 96, PartitionRule::AsOriginal { num_partitions: 4 }, Ok(1_048_588)),
        plan(
            "orders.again",
            180,
            PartitionRule::ByKey { num_unknown: 180, num_partitions: None },
            Err("these brokers do not tell the settings of topics".into()),
        ),
        plan("shipments.sent", 20, PartitionRule::ByKey { num_unknown: 3, num_partitions: Some(2) }, Ok(8_388_608)),
    ];
    for (place, reader) in of.readers.groups.iter_mut().enumerate() {
        reader.has_failed = false;
        reader.topic = of.targets[place % 3].channel.clone();
    }
    source.show_replay(ReplayBoard { preview: Some(preview), ..board });
    picture("replay-own-preview-dark", ThemeChoice::Dark, (1280, 800), &source, &[Step::Goto(marked())]);
}

#[test]
fn what_lies_among_the_dead_is_proposed_to_go_where_it_came_from_or_the_field_is_empty_and_says_why() {
    let replayed = |origin: Option<&str>, name: &str| {
        let mut business = testing::order_business();
        let dead = business.dead_letters.iter().map(|view| DeadLetterView { origin: origin.map(str::to_owned), ..view.clone() }).collect();
        business.dead_letters = Arc::new(dead);
        let source = FixedSource::new(business);
        source.answer_with(answer);
        let clusters = Arc::new(vec![ClusterBoard { name: "lab-kafka".into(), writing: Writing::Allowed }]);
        source.show_replay(ReplayBoard { clusters, ..ReplayBoard::default() });
        let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
        let channel = ChannelKey { cluster: Some("lab-kafka".into()), name: name.to_owned() };
        goto(&mut harness, &Target::Record { channel, row: RowId(20) });
        press(&mut harness, &[Key::E]);
        (harness, source)
    };
    let field = |harness: &Harness| harness.get_by_role_and_label(Role::TextInput, "Channel to send to").accesskit_node().value().unwrap_or_default();
    let (mut harness, source) = replayed(Some("orders.v2"), "orders.placed-dlt");
    assert_eq!(field(&harness), "orders.v2");
    press(&mut harness, &[Key::Escape, Key::R]);
    let asked = source.commands().into_iter().rev().find_map(|command| match command {
        SessionCommand::Replay(command) => match *command {
            ReplayCommand::Preview(ask) => Some(ask),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(asked.map(|ask| ask.target), Some("orders.v2".into()));
    let (harness, _) = replayed(None, "orders.placed-dlt");
    assert_eq!(field(&harness), "orders.placed", "by the name of the topic");
    let (harness, _) = replayed(None, "unheard-of-dlt");
    assert_eq!(field(&harness), "");
    harness.get_by_label_contains("neither the headers of what lies here nor the name of the topic tell which channel it came from");
}

#[test]
fn in_half_a_window_the_replay_stands_below_and_leaves_the_records_their_width() {
    let source = source();
    let mut board = dead_letters::previewed(Writing::Allowed);
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    let at = |offset: i64| MessageRef { cluster: "lab-kafka".into(), channel: "orders.placed".into(), place: Place::at(0, offset) };
    let letters = AskedLetters::These((20..60).map(|offset| AskedLetter::at(at(offset))).collect());
    preview.ask = Arc::new(ReplayAsk { letters, ..ReplayAsk::clone(&preview.ask) });
    source.show_replay(board);
    let target = Target::Record { channel: channel(), row: RowId(40) };
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    run(&mut harness, UiCommand::LayoutMessages);
    goto(&mut harness, &target);
    let title = harness.get_by_role_and_label(Role::Heading, "Replay 296 to orders.placed").rect();
    let is_row = |label: Option<String>| label.is_some_and(|label| label.starts_with("record "));
    let rows = harness.query_all_by_role(Role::ListItem).filter(|node| is_row(node.accesskit_node().label()));
    let rows: Vec<egui::Rect> = rows.map(|node| node.rect()).collect();
    let widest = rows.iter().map(egui::Rect::width).fold(0.0, f32::max);
    assert!(rows.len() > 3 && widest > 300.0, "{widest} points wide, {} rows", rows.len());
    assert!(rows.iter().all(|row| row.top() < title.top()), "the panel stands below");
    let steps = [Step::Run(UiCommand::LayoutMessages), Step::Goto(target)];
    picture("messages-replay-narrow-light", ThemeChoice::Light, (1280, 800), &source, &steps);
}
