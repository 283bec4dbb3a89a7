//! Records into files and out of them, by keyboard and through labels.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::{Event, Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use switchboard_desk::send::replay::{AskedFile, AskedLetters, ClusterBoard, ReplayBoard, ReplayCommand, ReplayTarget, Writing};
use switchboard_desk::send::{RecordExport, RecordExportState, RecordsExported};
use switchboard_engine::view::{Answer, ChannelKey, FindHit, FindPage, PointQuery, Query, RecordLine, RecordPage, RowId, ScanQuery};
use switchboard_model::{MessageRef, Place};

use crate::{
    SessionCommand, ThemeChoice,
    testing::{self, FixedSource, NOW_NS},
    tests::harness::{Step, goto, harness, picture, press, run, settle},
    view::{Target, UiCommand, ViewKind},
};

type Harness = egui_kittest::Harness<'static, crate::WindowApp>;

fn at(row: u64) -> MessageRef {
    MessageRef { cluster: "lab-kafka".into(), channel: "orders.placed".into(), place: Place::at(0, row as i64) }
}

fn answer(query: &Query) -> Option<Answer> {
    match query {
        Query::Point(PointQuery::Records { channel, after, .. }) => {
            let num = if channel.name == "orders.placed" { 6 } else { 0 };
            let from = after.map_or(0, |row| row.0 + 1);
            let line = |row: u64| RecordLine { row: RowId(row), place: at(row).place, timestamp_ns: None, size_bytes: 9 };
            Some(Answer::Records(RecordPage { rows: (from..num).map(line).collect(), total_stored: num, ..RecordPage::default() }))
        }
        Query::Point(PointQuery::RecordDetails { rows }) => Some(Answer::RecordDetails(rows.iter().map(|_| None).collect())),
        Query::Scan(ScanQuery::Find { text, .. }) => {
            let hit =
                |row: u64| FindHit::Record { row: RowId(row), at: at(row), at_ns: Some(NOW_NS), field: "key".into(), excerpt: text.clone(), trace_id: None };
            let hits = if text == "4711" { vec![hit(2), hit(4)] } else { Vec::new() };
            Some(Answer::Found(FindPage { hits, is_done: true, looked: vec!["6 records".into()], ..FindPage::default() }))
        }
        _ => None,
    }
}

fn board(clusters: &[&str]) -> ReplayBoard {
    let clusters = clusters.iter().map(|name| ClusterBoard { name: (*name).to_owned(), writing: Writing::Allowed }).collect();
    ReplayBoard { version: 1, clusters: Arc::new(clusters), ..ReplayBoard::default() }
}

fn source() -> FixedSource {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(answer);
    source.show_replay(board(&["lab-kafka"]));
    source
}

fn channel() -> ChannelKey {
    ChannelKey { cluster: Some("lab-kafka".into()), name: "orders.placed".into() }
}

/// The last command about replaying.
fn asked(source: &FixedSource) -> Option<ReplayCommand> {
    source.commands().into_iter().rev().find_map(|command| if let SessionCommand::Replay(command) = command { Some(*command) } else { None })
}

fn type_in(harness: &mut Harness, text: &str) {
    harness.event(Event::Text(text.to_owned()));
    settle(harness);
}

#[test]
fn records_that_are_listed_or_marked_are_exported_by_keyboard_and_it_is_said_what_the_file_holds() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    assert!(harness.state().window.unavailable(UiCommand::ExportRecords).is_some_and(|why| why.contains("no topic is open")));
    goto(&mut harness, &Target::Channel(channel()));
    press(&mut harness, &[Key::X]);
    harness.get_by_label_contains("6 records that are listed; mark some for these alone");
    harness.get_by_label_contains("as they lie on the broker, secrets too, for you alone to read");
    type_in(&mut harness, "orders.jsonl");
    press(&mut harness, &[Key::Enter]);
    let of = |rows: &[u64], file: &str| Some(ReplayCommand::Export(RecordExport { records: rows.iter().map(|row| at(*row)).collect(), file: file.to_owned() }));
    assert_eq!(asked(&source), of(&[0, 1, 2, 3, 4, 5], "orders.jsonl"));
    assert!(harness.query_by_role_and_label(Role::TextInput, "File of the records").is_none(), "the form is closed");
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(2) });
    press(&mut harness, &[Key::Space, Key::ArrowDown, Key::Space, Key::X]);
    harness.get_by_label_contains("2 records that are marked");
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), of(&[2, 3], ""));
    press(&mut harness, &[Key::X, Key::Escape]);
    assert!(!harness.state().window.has_form(), "left");
}

#[test]
fn what_became_of_an_export_is_told_until_it_was_read() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    let show = |harness: &mut Harness, export: RecordExportState| {
        source.show_replay(ReplayBoard { export: Some(export), ..board(&["lab-kafka"]) });
        settle(harness);
    };
    show(&mut harness, RecordExportState::Writing { path: "/d/orders.jsonl".into(), num_read: 2, num_asked: 6 });
    harness.get_by_label_contains("2 of 6 records read again for /d/orders.jsonl…");
    let skipped = BTreeMap::from([("expired: the partition begins at offset 4 by now".to_owned(), 2)]);
    show(&mut harness, RecordExportState::Done(RecordsExported { path: "/d/orders.jsonl".into(), num_records: 4, num_bytes: 900, skipped, num_cut: 0 }));
    harness.get_by_label_contains("2 left out: 2 expired: the partition begins at offset 4 by now");
    show(&mut harness, RecordExportState::Failed("/d/orders.jsonl is there already".into()));
    harness.get_by_label_contains("Nothing was exported: /d/orders.jsonl is there already");
    harness.get_by_role_and_label(Role::Button, "Close").click();
    settle(&mut harness);
    assert_eq!(asked(&source), Some(ReplayCommand::CloseExport));
}

#[test]
fn a_file_is_asked_for_from_anywhere_and_what_is_wrong_with_it_is_told_beside_it() {
    let source = source();
    source.show_replay(board(&["lab-kafka", "staging"]));
    let mut harness = harness(&source, UiCommand::Show(ViewKind::DeadLetters));
    press(&mut harness, &[Key::I]);
    assert_eq!(harness.state().window.focus(), ViewKind::Messages);
    press(&mut harness, &[Key::Enter]);
    harness.get_by_label_contains("Write the whole path of a file");
    type_in(&mut harness, "orders.jsonl");
    press(&mut harness, &[Key::Enter]);
    harness.get_by_label_contains("orders.jsonl is no whole path");
    assert_eq!(asked(&source), None);
    press(&mut harness, &[Key::Escape, Key::I]);
    type_in(&mut harness, "/d/orders.jsonl");
    harness.get_by_role_and_label(Role::RadioButton, "to the cluster staging").click();
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Button, "Preview").click();
    settle(&mut harness);
    let Some(ReplayCommand::Preview(ask)) = asked(&source) else { panic!("{:?}", asked(&source)) };
    assert_eq!((ask.letters, ask.cluster.as_str()), (AskedLetters::File(AskedFile::at("/d/orders.jsonl")), "staging"));
    assert_eq!((ask.target, ask.options.to), (ReplayTarget::Own(BTreeMap::new()), None));
    let refusal = "/d/orders.jsonl, line 3: missing field `value`. Mend the line, or take it out".to_owned();
    source.show_replay(ReplayBoard { version: 2, refusal: Some(refusal.clone()), ..board(&["lab-kafka", "staging"]) });
    settle(&mut harness);
    harness.get_by_label_contains(&refusal);
    let typed = harness.get_by_role_and_label(Role::TextInput, "File to replay").accesskit_node().value();
    assert_eq!(typed.as_deref(), Some("/d/orders.jsonl"), "it can be asked for again");
    press(&mut harness, &[Key::Escape]);
    assert!(harness.query_by_role_and_label(Role::TextInput, "File to replay").is_none());
}

#[test]
fn the_keys_that_send_do_what_the_form_is_for_and_send_nothing() {
    let source = source();
    let mut harness = harness(&source, UiCommand::ReplayFile);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    settle(&mut harness);
    harness.get_by_label_contains("Write the whole path of a file");
    assert_eq!(asked(&source), None);
    type_in(&mut harness, "/d/orders.jsonl");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    settle(&mut harness);
    assert!(matches!(asked(&source), Some(ReplayCommand::Preview(_))), "{:?}", asked(&source));
    press(&mut harness, &[Key::Escape]);
    goto(&mut harness, &Target::Channel(channel()));
    press(&mut harness, &[Key::X]);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    settle(&mut harness);
    assert!(matches!(asked(&source), Some(ReplayCommand::Export(export)) if export.records.len() == 6), "{:?}", asked(&source));
}

#[test]
fn the_records_that_were_found_are_replayed_by_a_key_and_where_there_are_none_it_says_so() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Find);
    type_in(&mut harness, "4711");
    harness.get_by_role_and_label(Role::Button, "Replay 2 records… (Ctrl+Enter)");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    settle(&mut harness);
    assert_eq!(harness.state().window.focus(), ViewKind::Messages);
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to");
    harness.get_by_role_and_label(Role::Button, "Preview 2 records…");
    assert!(asked(&source).is_none(), "it is asked first");
    run(&mut harness, UiCommand::PreviewReplay);
    let Some(ReplayCommand::Preview(ask)) = asked(&source) else { panic!("{:?}", asked(&source)) };
    let AskedLetters::These(letters) = &ask.letters else { panic!("{ask:?}") };
    assert_eq!(letters.iter().map(|asked| &asked.letter.at).collect::<Vec<_>>(), [&at(2), &at(4)]);
}

#[test]
fn pictures_of_what_is_asked_about_files_stay_as_they_are() {
    let source = source();
    source.show_replay(board(&["lab-kafka", "staging"]));
    let open = Step::Goto(Target::Channel(channel()));
    picture("export-records-dark", ThemeChoice::Dark, (1280, 800), &source, &[open.clone(), Step::Run(UiCommand::ExportRecords)]);
    picture("replay-file-light", ThemeChoice::Light, (1280, 800), &source, &[open, Step::Run(UiCommand::ReplayFile)]);
    let skipped = BTreeMap::from([("expired: the partition begins at offset 4 by now".to_owned(), 2)]);
    let done = RecordsExported { path: "/home/ada/.local/share/switchboard/exports/orders.jsonl".into(), num_records: 4, num_bytes: 900, skipped, num_cut: 0 };
    source.show_replay(ReplayBoard { export: Some(RecordExportState::Done(done)), ..board(&["lab-kafka"]) });
    picture("exported-records-light", ThemeChoice::Light, (1280, 800), &source, &[Step::Goto(Target::Channel(channel()))]);
}
