//! The ledger view through labels and keys, and as pictures.

use std::sync::Arc;

use egui::{
    Key, Modifiers,
    accesskit::{Role, Toggled},
};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use switchboard_desk::ledger::{
    Became, ExportState, Exported, LedgerBoard, LedgerFilter, LedgerState, LineId, LineKind, RunId, RunLine, SendCounts, TargetKind,
};
use switchboard_engine::view::{Answer, Query, RecordLine, RecordMatches, RowId, ScanQuery, Snapshot};
use switchboard_model::Place;

use super::{
    rows::{standing_of_run, standing_of_send, target_words},
    sample,
};
use crate::{
    SessionCommand, ThemeChoice, WindowApp,
    ink::Tone,
    testing::{self, FixedSource},
    tests::harness::{Step, copied, goto, harness, picture, press, run, settle},
    view::{Target, UiCommand, ViewKind},
};

type Harness = egui_kittest::Harness<'static, WindowApp>;

fn source() -> FixedSource {
    let source = FixedSource::new(testing::order_business());
    source.show_ledger(|look| sample::answer(look, &sample::lines()));
    source
}

fn opened() -> (FixedSource, Harness) {
    let source = source();
    let harness = harness(&source, UiCommand::Show(ViewKind::Ledger));
    (source, harness)
}

fn rows(harness: &Harness, beginning: &str) -> Vec<String> {
    let rows = harness.query_all_by_role(Role::ListItem).filter_map(|row| row.accesskit_node().label());
    rows.filter(|label| label.starts_with(beginning) || beginning.is_empty()).collect()
}

fn is_there(harness: &Harness, label: &str) -> bool {
    harness.query_all_by_label_contains(label).next().is_some()
}

#[test]
fn what_became_of_a_run_is_told_in_the_words_of_what_was_sent_to() {
    let told: Vec<(String, Tone)> = sample::lines().iter().map(standing_of_run).map(|standing| (standing.text, standing.tone)).collect();
    let text = |of: &str| of.to_owned();
    assert_eq!(
        told,
        [
            (text("38 persisted · 12 consumed · 3 without an outcome · not ended"), Tone::Unknown),
            (text("answered 201"), Tone::Quiet),
            (text("refused: `shop.example` is production: its name has to be typed"), Tone::Warn),
            (text("not sent: nobody listens on localhost:9999"), Tone::Warn),
            (text("called OK"), Tone::Quiet),
            (text("possibly sent: the connection was lost while the answer was waited for"), Tone::Bad),
            (text("2 dead again · 1 not persisted · 1 skipped · 4 persisted · 2 consumed · halted: two of the first five are dead again"), Tone::Bad),
            (text("23 persisted"), Tone::Quiet),
            (text("2 possibly persisted · 118 persisted · 118 consumed · stopped"), Tone::Bad),
            (text("nothing was sent · halted: no broker answered within 10 s"), Tone::Warn),
        ]
    );
    let lines = sample::lines();
    assert_eq!(target_words(&lines[1]), "POST /checkout · localhost:8080");
    let edited = sample::sends(&lines[6]).into_iter().find(|send| send.is_edited).expect("one");
    assert!(standing_of_send(&edited).text.starts_with("dead again · edited: orders.placed-dlt 0@141"), "{:?}", standing_of_send(&edited));
    assert_eq!(standing_of_send(&sample::send(&lines[1], 0)).text, "answered 201");
}

#[test]
fn lines_stand_newest_first_and_one_tells_all_that_is_known_of_it() {
    let (_, mut harness) = opened();
    let all = rows(&harness, "");
    assert_eq!(all.len(), 10, "{all:?}");
    assert!(all[0].starts_with("replay to orders.placed, at 10:59:52.000, 64 planned, by ada: 38 persisted"), "{}", all[0]);
    harness.get_by_label("10 runs and refusals");
    press(&mut harness, &[Key::ArrowDown, Key::ArrowDown]);
    harness.get_by_role_and_label(Role::Heading, "POST /checkout");
    for told in ["target http://localhost:8080", "operator ada", "profile compose-local", "outcome answered 201, 10:59:20.004", "call POST /checkout"] {
        harness.get_by_label(told);
    }
    press(&mut harness, &[Key::ArrowDown]);
    harness.get_by_label("Refused: `shop.example` is production: its name has to be typed");
    assert!(!is_there(&harness, "outcome answered") && !is_there(&harness, "outcome not sent"), "nothing was sent");
    press(&mut harness, &[Key::Escape]);
    assert!(harness.query_by_role_and_label(Role::Heading, "DELETE /orders/4711").is_none());
}

#[test]
fn sends_of_a_run_are_walked_by_keys_and_lead_to_letters_story_and_record() {
    let source = source();
    source.answer_with(|query| match query {
        Query::Scan(ScanQuery::RecordMatches { channel, text, after: None, .. }) if channel.name == "orders.placed" => {
            let (partition, offset) = text.split_once('@').expect("a place");
            let place = Place::at(partition.parse().expect("a number"), offset.parse().expect("a number"));
            let other = RecordLine { row: RowId(6), place: Place::at(9, 9), timestamp_ns: None, size_bytes: 1 };
            let rows = vec![other, RecordLine { row: RowId(7), place, timestamp_ns: None, size_bytes: 9 }];
            Some(Answer::RecordMatches(RecordMatches { rows, looked_at: 2, up_to: Some(RowId(7)), ..RecordMatches::default() }))
        }
        Query::Scan(ScanQuery::RecordMatches { .. }) => Some(Answer::RecordMatches(RecordMatches::default())),
        _ => None,
    });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Ledger));
    goto(&mut harness, &Target::LedgerLine(LineId::Run(RunId(4))));
    harness.get_by_label("6 sends");
    let sends = rows(&harness, "send of ");
    assert!(sends[0].starts_with("send of orders.placed-dlt 0@100, 412 B: consumed: inventory committed 18,233"), "{sends:?}");
    assert!(sends[5].contains("not persisted: the broker refused it: RecordTooLarge"), "{sends:?}");
    press(&mut harness, &[Key::Enter]);
    for told in [
        "letter orders.placed-dlt 0@100",
        "written to orders.placed 0@18190",
        "route key",
        "then consumed, 09:50:01.004",
        "known by inventory committed 18,233",
    ] {
        harness.get_by_label(told);
    }
    harness.get_by_label("The record of the letter is not stored here, or no more");
    harness.get_by_label("record that was written");
    let chosen = |harness: &Harness| harness.state().window.target();
    press(&mut harness, &[Key::M]);
    assert!(matches!(chosen(&harness), Some(Target::Record { row: RowId(7), .. })), "{:?}", chosen(&harness));
    run(&mut harness, UiCommand::Back);
    assert_eq!(chosen(&harness), Some(Target::LedgerLine(LineId::Run(RunId(4)))));
    press(&mut harness, &[Key::Enter, Key::ArrowDown]);
    harness.get_by_label("letter orders.placed-dlt 0@101");
    press(&mut harness, &[Key::S]);
    assert_eq!(harness.state().window.focus(), ViewKind::Traces);
    run(&mut harness, UiCommand::Back);
    press(&mut harness, &[Key::Enter, Key::L]);
    assert_eq!(harness.state().window.focus(), ViewKind::DeadLetters);
}

#[test]
fn a_search_and_choices_are_asked_of_the_desk_by_keys_alone() {
    let (source, mut harness) = opened();
    let asked = |source: &FixedSource| source.ledger_look().expect("it is looked at").runs.filter;
    press(&mut harness, &[Key::F]);
    assert_eq!(asked(&source), LedgerFilter { became: Some(Became::Possibly), ..LedgerFilter::default() });
    press(&mut harness, &[Key::K]);
    assert_eq!(asked(&source).target_kind, Some(TargetKind::Channel));
    assert!(is_there(&harness, "what became of it: possibly persisted"));
    press(&mut harness, &[Key::ArrowDown, Key::T]);
    assert_eq!(asked(&source).target.as_deref(), Some("orders.placed"));
    harness.get_by_label("only to orders.placed; all targets again").click();
    settle(&mut harness);
    assert_eq!(asked(&source).target, None);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
    settle(&mut harness);
    harness.event(egui::Event::Text("4711".to_owned()));
    settle(&mut harness);
    assert_eq!(asked(&source).text, "4711");
    press(&mut harness, &[Key::Escape, Key::A]);
    assert_eq!(asked(&source), LedgerFilter::default());
    run(&mut harness, UiCommand::Show(ViewKind::Map));
    assert_eq!(source.ledger_look(), None, "nobody looks at it");
}

#[test]
fn a_filter_that_nothing_passes_says_so_and_goes_again() {
    let source = FixedSource::new(Snapshot::default());
    source.show_ledger(|look| {
        let lines = if look.runs.filter == LedgerFilter::default() { sample::lines() } else { Vec::new() };
        let board = sample::answer(look, &lines);
        LedgerBoard { runs: Arc::new(switchboard_desk::ledger::RunsPage { num_all: 10, ..(*board.runs).clone() }), ..board }
    });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Ledger));
    press(&mut harness, &[Key::F]);
    harness.get_by_label("None of the ledger's lines is possibly sent");
    harness.get_by_label("List all lines").click();
    settle(&mut harness);
    assert_eq!(rows(&harness, "").len(), 10);
}

#[test]
fn a_ledger_without_lines_or_that_cannot_be_read_says_what_would_fill_it_or_what_to_do() {
    let source = FixedSource::new(Snapshot::default());
    let failed = LedgerState::Failed { reason: "It belongs to another program: application id 0x1".to_owned(), next_step: "Name another file".to_owned() };
    source.show_ledger(move |_| LedgerBoard { state: failed.clone(), path: Some("/x/ledger.sqlite".into()), ..LedgerBoard::default() });
    let mut broken = harness(&source, UiCommand::Show(ViewKind::Ledger));
    for told in ["The ledger cannot be read", "/x/ledger.sqlite", "It belongs to another program: application id 0x1", "Name another file"] {
        broken.get_by_label(told);
    }
    press(&mut broken, &[Key::ArrowDown, Key::Enter, Key::E, Key::F, Key::Escape]);
    source.show_ledger(|_| LedgerBoard { state: LedgerState::Nothing, path: Some("/x/ledger.sqlite".into()), ..LedgerBoard::default() });
    settle(&mut broken);
    broken.get_by_label("Nothing was sent from here yet");
    broken.get_by_label("It will lie in /x/ledger.sqlite");
    broken.get_by_label("Show sending").click();
    settle(&mut broken);
    assert_eq!(broken.state().window.focus(), ViewKind::Send);
}

#[test]
fn what_is_listed_is_exported_into_the_file_that_is_named() {
    let (source, mut harness) = opened();
    press(&mut harness, &[Key::F, Key::E]);
    assert!(harness.state().window.has_form());
    assert!(is_there(&harness, "A name lies in /home/ada/.local/share/switchboard/exports; a whole path anywhere"));
    press(&mut harness, &[Key::Escape]);
    assert!(!harness.state().window.has_form() && source.commands().is_empty());
    press(&mut harness, &[Key::E]);
    harness.event(egui::Event::Text("doubt.jsonl".to_owned()));
    settle(&mut harness);
    press(&mut harness, &[Key::Enter]);
    let [SessionCommand::ExportLedger(export)] = &source.commands()[..] else { panic!("{:?}", source.commands()) };
    assert_eq!((export.file.as_str(), export.filter.became), ("doubt.jsonl", Some(Became::Possibly)));
    let show = |export: ExportState| source.show_ledger(move |look| LedgerBoard { export: Some(export.clone()), ..sample::answer(look, &sample::lines()) });
    show(ExportState::Failed("doubt.jsonl is there already".to_owned()));
    settle(&mut harness);
    harness.get_by_label("Nothing was exported: doubt.jsonl is there already");
    show(ExportState::Done(Exported { path: "/x/doubt.jsonl".into(), num_lines: 1_204, is_cut: false }));
    settle(&mut harness);
    harness.get_by_label("1,204 lines in /x/doubt.jsonl");
    harness.get_by_label("Close").click();
    settle(&mut harness);
    assert!(!is_there(&harness, "1,204 lines in"));
}

#[test]
fn a_run_and_a_send_are_copied_in_every_form() {
    let (_, mut harness) = opened();
    let copy = |harness: &mut Harness, command: UiCommand| {
        let ctx = harness.ctx.clone();
        harness.state_mut().window.run(&ctx, command);
        harness.step();
        copied(harness).expect("copied")
    };
    goto(&mut harness, &Target::LedgerLine(LineId::Run(RunId(7))));
    let json: serde_json::Value = serde_json::from_str(&copy(&mut harness, UiCommand::CopyJson)).expect("JSON");
    assert_eq!((json["what"].as_str(), json["became"]["not sent"].as_u64(), json["send"]["outcome"].as_str()), (Some("request"), Some(1), Some("not sent")));
    let text = copy(&mut harness, UiCommand::CopyText);
    assert!(text.starts_with("GET /health") && text.contains("nobody listens on localhost:9999") && text.contains("compose-local"), "{text}");
    goto(&mut harness, &Target::LedgerLine(LineId::Run(RunId(4))));
    press(&mut harness, &[Key::Enter]);
    let json: serde_json::Value = serde_json::from_str(&copy(&mut harness, UiCommand::CopyJson)).expect("JSON");
    assert_eq!((json["line"].as_str(), json["letter"]["place"].as_str(), json["fate"].as_str()), (Some("send"), Some("0@100"), Some("consumed")));
    assert!(copy(&mut harness, UiCommand::CopyMarkdown).contains("orders.placed-dlt"));
}

fn many(num: i64) -> Vec<RunLine> {
    let base = sample::lines().remove(7);
    (0..num).map(|number| RunLine { id: LineId::Run(RunId(num - number)), at_ns: base.at_ns - number * 1_000_000, ..base.clone() }).collect()
}

#[test]
fn of_a_hundred_thousand_lines_the_pages_in_view_are_asked_for() {
    let source = FixedSource::new(Snapshot::default());
    let lines = Arc::new(many(100_000));
    source.show_ledger({
        let lines = Arc::clone(&lines);
        move |look| sample::answer(look, &lines)
    });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Ledger));
    harness.get_by_label("100,000 runs and refusals");
    press(&mut harness, &[Key::End]);
    let look = source.ledger_look().expect("it is looked at");
    assert!(look.runs.skip > 99_000, "{look:?}");
    assert_eq!(harness.state().window.target(), Some(Target::LedgerLine(LineId::Run(RunId(1)))));
    assert!(rows(&harness, "line ").is_empty(), "all rows in view are read: {:?}", rows(&harness, "line "));
    press(&mut harness, &[Key::PageUp, Key::ArrowUp, Key::Home]);
    assert_eq!(harness.state().window.target(), Some(Target::LedgerLine(LineId::Run(RunId(100_000)))));
}

#[test]
fn what_comes_above_moves_neither_the_rows_nor_the_selection() {
    let source = FixedSource::new(Snapshot::default());
    let show = |num: i64| {
        let lines = many(num);
        source.show_ledger(move |look| sample::answer(look, &lines));
    };
    show(2_000);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Ledger));
    press(&mut harness, &[Key::PageDown, Key::PageDown, Key::PageDown, Key::PageDown]);
    let before = harness.state().window.target();
    let place =
        |harness: &Harness| harness.query_all_by_role(Role::ListItem).find(|row| row.accesskit_node().toggled() == Some(Toggled::True)).map(|row| row.rect());
    let at = place(&harness);
    assert!(before.is_some() && at.is_some());
    show(2_003);
    settle(&mut harness);
    assert_eq!((harness.state().window.target(), place(&harness)), (before, at));
}

#[test]
fn a_window_draws_what_it_has_while_the_ledger_is_read() {
    let source = FixedSource::new(testing::order_business());
    // Nothing is ever answered.
    source.show_ledger(|_| LedgerBoard::default());
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Ledger));
    harness.get_by_label("The ledger is read…");
    press(&mut harness, &[Key::ArrowDown, Key::F, Key::E]);
    assert!(source.commands().is_empty(), "{:?}", source.commands());
    // And what was read stays while another look is read.
    source.show_ledger(|look| {
        let of_all = switchboard_desk::ledger::LedgerLook { runs: switchboard_desk::ledger::RunsQuery::default(), ..look.clone() };
        sample::answer(&of_all, &sample::lines())
    });
    settle(&mut harness);
    press(&mut harness, &[Key::K, Key::F]);
    assert_eq!(rows(&harness, "").len(), 10);
}

#[test]
fn words_of_a_line_are_never_cut_in_the_middle_of_a_figure() {
    let (_, mut harness) = opened();
    goto(&mut harness, &Target::LedgerLine(LineId::Run(RunId(4))));
    let shown = testing::painted_lines(harness.output());
    for row in shown.iter().filter(|text| text.starts_with("2 dead again") || text.starts_with("38 persisted")) {
        let cut = row.strip_suffix('…').unwrap_or(row);
        let is_whole = |of: &str| {
            let rest = of.strip_prefix(cut);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" · ") || rest.starts_with(": ") || rest.starts_with(", "))
        };
        assert!(sample::lines().iter().any(|line| is_whole(&standing_of_run(line).text)), "{row}");
    }
    assert!(shown.iter().any(|text| text.starts_with("2 dead again")), "{shown:?}");
}

#[test]
fn a_kind_of_line_has_its_word() {
    let refusal = sample::lines().remove(2);
    assert!(refusal.is_refusal() && refusal.kind == LineKind::Send);
    let none = RunLine { counts: Some(SendCounts::default()), ..sample::lines().remove(0) };
    assert_eq!(standing_of_run(&none).text, "nothing was sent · not ended");
}

#[test]
fn pictures_of_the_ledger_stay_as_they_are() {
    let of = |number: i64| Step::Goto(Target::LedgerLine(LineId::Run(RunId(number))));
    let show = Step::Run(UiCommand::Show(ViewKind::Ledger));
    picture(
        "ledger-dark",
        ThemeChoice::Dark,
        (1280, 800),
        &source(),
        &[show.clone(), of(4), Step::Run(UiCommand::Open), Step::Run(UiCommand::WalkDown), Step::Run(UiCommand::WalkDown)],
    );
    picture("ledger-light", ThemeChoice::Light, (1280, 800), &source(), &[show.clone(), of(7)]);
    picture("ledger-wide-dark", ThemeChoice::Dark, (2560, 1440), &source(), &[show, of(2), Step::Run(UiCommand::Open)]);
}
