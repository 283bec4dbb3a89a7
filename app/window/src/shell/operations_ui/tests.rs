//! The list of operations through labels and keys.

use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::{Harness, kittest::Queryable as _};
use switchboard_desk::operations::{OperationEnded, OperationView, OperationsBoard};
use switchboard_engine::view::Snapshot;
use switchboard_model::{FailureKind, OperationEnd, OperationFailure, OperationId, OperationInfo, Progress};

use crate::{
    ScreenshotError, ScreenshotOptions, SessionCommand, ThemeChoice, WindowApp, WindowOptions,
    shell::operations_list::{OperationRow, rows},
    testing::{self, FixedSource, NOW_NS},
    tests::{harness, pictures},
    theme::Ink,
    view::{UiCommand, ViewKind},
};

const S: i64 = 1_000_000_000;

fn view(id: u64, what: &str, source: &str) -> OperationView {
    OperationView {
        id: OperationId(id),
        info: OperationInfo { what: what.to_owned(), source: source.to_owned() },
        started_ns: NOW_NS - 12 * S,
        progress: None,
        num_lost: 0,
        num_late: 0,
        end: None,
    }
}

fn letters(done: u64, total: Option<u64>) -> Progress {
    Progress { done, total, unit: "letters" }
}

fn ended(of: OperationView, how: OperationEnd) -> OperationView {
    OperationView { end: Some(OperationEnded { at_ns: NOW_NS - 10 * S, how }), ..of }
}

fn failed() -> OperationView {
    let failure = OperationFailure { kind: FailureKind::Connect, reason: "nobody\u{202e} listens".to_owned(), next_step: "Start the broker".to_owned() };
    ended(view(3, "Test", "lab-kafka"), OperationEnd::Failed(failure))
}

/// Two that run.
fn running() -> OperationsBoard {
    let preview = OperationView { progress: Some(letters(3, Some(12))), ..view(1, "Preview of a replay to orders", "lab-kafka") };
    OperationsBoard {
        running: vec![preview, OperationView { progress: Some(letters(1_204, None)), ..view(2, "Test", "actuator") }],
        ..OperationsBoard::default()
    }
}

fn source(board: OperationsBoard) -> FixedSource {
    let source = FixedSource::new(testing::order_business());
    source.show_operations(board);
    source
}

fn window(source: &FixedSource) -> Harness<'static, WindowApp> {
    harness::harness(source, UiCommand::Show(ViewKind::Map))
}

fn open(harness: &mut Harness<'static, WindowApp>) {
    harness.key_press_modifiers(Modifiers::COMMAND, Key::J);
    harness::settle(harness);
}

#[test]
fn rows_say_how_far_each_is_and_how_it_ended() {
    let lossy = OperationView { num_lost: 3, num_late: 1, progress: Some(letters(12, Some(12))), ..view(4, "Preview", "local") };
    let board = OperationsBoard { ended: vec![failed(), ended(lossy, OperationEnd::Cancelled)], ..running() };
    let rows = rows(&board, NOW_NS);
    let words: Vec<String> = rows.iter().map(OperationRow::words).collect();
    assert_eq!(
        words,
        [
            "Preview of a replay to orders, lab-kafka, running, 12 s so far, 3 of 12 letters",
            "Test, actuator, running, 12 s so far, letters so far: 1,204",
            &format!("Test, lab-kafka, failed, took 2.00 s, 10 s ago, {}, Start the broker", rows[2].reason),
            "Preview, local, cancelled, took 2.00 s, 10 s ago, 12 of 12 letters, 3 pages of results found no room; 1 page of results came after its end",
        ]
    );
    assert!(!rows[2].reason.contains('\u{202e}'), "what turns text around is shown as what it is");
    assert_eq!((rows[0].share, rows[1].share, rows[2].state.1), (Some(0.25), None, Ink::Bad));
}

#[test]
fn where_nothing_runs_the_bar_is_quiet_and_the_list_says_what_would_fill_it() {
    for snapshot in [testing::order_business(), Snapshot::default()] {
        let mut harness = window(&FixedSource::new(snapshot));
        assert!(harness.query_by_label_contains("operations:").is_none());
        open(&mut harness);
        harness.get_by_role_and_label(Role::Heading, "Operations");
        harness.get_by_label("Nothing runs");
        harness.get_by_label("Esc closes");
        harness.key_press(Key::Escape);
        harness::settle(&mut harness);
        assert!(harness.query_by_label("Nothing runs").is_none(), "escape closes it");
    }
}

#[test]
fn what_runs_is_counted_in_the_bar_and_stopped_in_the_list_by_pointer_and_by_keys() {
    let source = source(running());
    let mut harness = window(&source);
    harness.get_by_label("operations: 2 running").click();
    harness::settle(&mut harness);
    harness.get_by_role_and_label(Role::ProgressIndicator, "progress 3 of 12 letters");
    harness.get_by_label("running, letters so far: 1,204");
    harness.get_by_label("stop: Test, actuator").click();
    harness::settle(&mut harness);
    assert_eq!(source.commands(), [SessionCommand::CancelOperation(OperationId(2))]);
    // The first is chosen until another is.
    harness::press(&mut harness, &[Key::Delete, Key::ArrowDown, Key::Delete]);
    let stopped = [2, 1, 2].map(|id| SessionCommand::CancelOperation(OperationId(id)));
    assert_eq!(source.commands(), stopped);
    for theme in [UiCommand::ThemeLight, UiCommand::ThemeDark] {
        harness::run(&mut harness, theme);
        harness.get_by_label("stop: Test, actuator");
    }
}

#[test]
fn what_ended_is_told_in_the_bar_until_it_is_read_or_half_a_minute_old() {
    let source = source(OperationsBoard { ended: vec![failed(), ended(view(1, "Test", "actuator"), OperationEnd::Done)], ..OperationsBoard::default() });
    let mut harness = window(&source);
    harness.get_by_label("operations: 1 failed");
    source.advance_s(21);
    harness.step();
    assert!(harness.query_by_label_contains("operations:").is_none(), "it is old");
    source.advance_s(-21);
    harness.step();
    harness.get_by_label("operations: 1 failed");
    open(&mut harness);
    harness.get_by_label("Start the broker");
    harness.get_by_label_contains("Test, actuator, done, took 2.00 s, 10 s ago");
    harness.event(egui::Event::Key { key: Key::C, physical_key: None, pressed: true, repeat: false, modifiers: Modifiers::NONE });
    harness.step();
    let copied = harness::copied(&harness).expect("copied");
    assert!(copied.starts_with("operation: Test\nsource: lab-kafka\nstate: failed, took 2.00 s, 10 s ago\nreason: nobody"), "{copied}");
    assert!(copied.ends_with("next step: Start the broker"), "{copied}");
    harness.key_press(Key::Escape);
    harness::settle(&mut harness);
    assert!(harness.query_by_label_contains("operations:").is_none(), "it was read");
    assert!(source.commands().is_empty(), "what has ended is not stopped");
}

#[test]
fn one_of_list_palette_and_search_stands_above_the_panes_and_keys_mean_that_one() {
    let source = source(running());
    let mut harness = window(&source);
    let keys = [(Key::J, Role::Heading, "Operations"), (Key::P, Role::SearchInput, "Find a command"), (Key::K, Role::SearchInput, "Find anything")];
    for (before, after) in [(0, 1), (1, 2), (2, 0), (0, 2), (2, 1), (1, 0)] {
        for shown in [before, after] {
            if harness.query_by_role_and_label(keys[shown].1, keys[shown].2).is_none() {
                harness.key_press_modifiers(Modifiers::COMMAND, keys[shown].0);
                harness::settle(&mut harness);
            }
            for (number, (_, role, label)) in keys.iter().enumerate() {
                assert_eq!(harness.query_by_role_and_label(*role, label).is_some(), number == shown, "{label} from {before} to {after}");
            }
        }
        if after > 0 {
            harness::press(&mut harness, &[Key::Delete]);
        }
    }
    assert!(source.commands().is_empty(), "what is typed elsewhere stops nothing");
}

#[test]
fn what_is_chosen_by_key_is_in_sight() {
    let ended = (10..60).map(|id| ended(view(id, &format!("Preview {id}"), "lab-kafka"), OperationEnd::Done)).collect();
    let mut harness = window(&source(OperationsBoard { ended, ..OperationsBoard::default() }));
    open(&mut harness);
    let list = harness.get_by_role_and_label(Role::Heading, "Operations").rect();
    let hints = harness.get_by_label("Esc closes").rect();
    let is_in_sight = |harness: &Harness<'static, WindowApp>, number: u32| {
        let row = harness.get_by_label_contains(&format!("Preview {number}, lab-kafka, done")).rect();
        row.top() > list.bottom() && row.bottom() < hints.top()
    };
    assert!(is_in_sight(&harness, 10) && !is_in_sight(&harness, 59));
    for _ in 0..49 {
        harness::press(&mut harness, &[Key::ArrowDown]);
    }
    assert!(is_in_sight(&harness, 59) && !is_in_sight(&harness, 10));
}

#[test]
fn rows_that_came_while_it_was_closed_are_in_sight_at_once() {
    let done = |ids: std::ops::Range<u64>| OperationsBoard {
        ended: ids.map(|id| ended(view(id, &format!("Preview {id}"), "lab-kafka"), OperationEnd::Done)).collect(),
        ..OperationsBoard::default()
    };
    let source = source(done(10..11));
    let mut harness = window(&source);
    open(&mut harness);
    harness.get_by_label_contains("Preview 10, lab-kafka, done");
    harness::press(&mut harness, &[Key::Escape]);
    source.show_operations(done(10..16));
    harness::settle(&mut harness);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::J);
    harness.run_steps(2);
    let hints = harness.get_by_label("Esc closes").rect();
    for id in 10..16 {
        let row = harness.get_by_label_contains(&format!("Preview {id}, lab-kafka, done")).rect();
        assert!(row.bottom() < hints.top(), "Preview {id} at {row:?} is not above {hints:?}");
    }
}

#[test]
fn until_one_is_chosen_the_first_is_meant_also_where_it_came_later() {
    let old = || vec![ended(view(4, "Test", "lab-kafka"), OperationEnd::Done), ended(view(3, "Test", "actuator"), OperationEnd::Done)];
    let new = || OperationsBoard { running: vec![view(5, "Preview", "lab-kafka")], ended: old(), ..OperationsBoard::default() };
    let before = || OperationsBoard { ended: old(), ..OperationsBoard::default() };
    let source = source(before());
    let mut harness = window(&source);
    open(&mut harness);
    source.show_operations(new());
    harness::settle(&mut harness);
    harness::press(&mut harness, &[Key::Delete]);
    assert_eq!(source.commands(), [SessionCommand::CancelOperation(OperationId(5))]);
    // What was chosen, by key or by pointer, stays so wherever it moves.
    for by_pointer in [false, true] {
        harness::press(&mut harness, &[Key::Escape]);
        source.show_operations(before());
        harness::settle(&mut harness);
        open(&mut harness);
        if by_pointer {
            harness.get_by_label_contains("Test, lab-kafka, done, took").click();
            harness::settle(&mut harness);
        } else {
            harness::press(&mut harness, &[Key::ArrowUp]);
        }
        source.show_operations(new());
        harness::settle(&mut harness);
        harness::press(&mut harness, &[Key::Delete]);
        assert_eq!(source.commands().len(), 1, "what has ended is not stopped, by pointer: {by_pointer}");
    }
}

#[test]
fn heading_rows_and_hints_have_one_left_edge() {
    let mut harness = window(&source(running()));
    open(&mut harness);
    let heading = harness.get_by_role_and_label(Role::Heading, "Operations").rect();
    for label in ["running, letters so far: 1,204", "Arrows choose"] {
        let left = harness.get_by_label(label).rect().left();
        assert!((left - heading.left()).abs() < 0.5, "{label} begins at {left}, the heading at {}", heading.left());
    }
}

/// The picture that the program makes without a window.
fn drawn(board: OperationsBoard, theme: ThemeChoice, size_px: (u32, u32)) -> Result<image::RgbaImage, ScreenshotError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("list.png");
    let options = ScreenshotOptions { size_px, theme, view: ViewKind::Map, keys: "Ctrl+J".parse().expect("keys") };
    crate::screenshot(&mut source(board), &WindowOptions::default(), &options, &path)?;
    Ok(image::open(&path).expect("a picture").to_rgba8())
}

#[test]
fn a_screenshot_shows_the_list_as_it_is() {
    let drawn = |board: OperationsBoard| match drawn(board, ThemeChoice::Dark, (900, 600)) {
        Ok(picture) => Some(picture),
        Err(ScreenshotError::NoAdapter(reason)) => {
            println!("SKIPPED: {reason}");
            None
        }
        Err(error) => panic!("{error}"),
    };
    if let (Some(none), Some(two)) = (drawn(OperationsBoard::default()), drawn(running())) {
        assert!(none != two, "what runs is not in the picture");
    }
}

#[test]
fn pictures_of_the_list_stay_as_they_are() {
    let lossy = OperationView { num_lost: 3, progress: Some(letters(12, Some(12))), ..view(4, "Preview of a replay to orders", "local") };
    let ended_ones = || vec![failed(), ended(lossy.clone(), OperationEnd::Cancelled), ended(view(5, "Test", "actuator"), OperationEnd::Done)];
    for (name, theme) in [("operations-dark", ThemeChoice::Dark), ("operations-light", ThemeChoice::Light)] {
        pictures::compare(name, drawn(OperationsBoard { ended: ended_ones(), ..running() }, theme, (1280, 800)));
    }
}
