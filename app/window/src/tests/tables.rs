//! Every table of the window, walked from a list: its columns are made wider and narrower, its headings sort, and the selected row stays selected.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{
    CursorIcon, Event, Modifiers, PointerButton, Pos2, Rect,
    accesskit::{Role, SortDirection, Toggled},
    pos2, vec2,
};
use egui_kittest::{
    Harness,
    kittest::{By, NodeT as _, Queryable as _},
};
use switchboard_desk::{
    ledger::{LineId, RunId},
    own_log::{LogLevel, LogLine, OwnLog},
    profile::Profile,
    sources_desk::SourcesBoard,
};
use switchboard_engine::view::{Answer, ChannelKey, ConversationItem, PointQuery, Query, RecordLine, RecordPage, RowId, ScanQuery};
use switchboard_model::{CorrelationId, Place};

use crate::{
    WindowApp, WindowOptions,
    testing::{FixedSource, NOW_NS},
    tests::harness::{Step, goto, press, run, settle},
    view::{Target, UiCommand, ViewKind},
    views::{dead_letters, ledger, send, traces},
};

/// A table, and how one comes to it.
pub(super) struct Walked {
    /// The table's name.
    pub name: &'static str,
    /// What is done.
    pub steps: Vec<Step>,
    /// Whether a click on a heading sorts its rows.
    sorts: Sorts,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sorts {
    /// By each heading.
    All,
    /// By these, as they can be asked for.
    Some(&'static [&'static str]),
}

/// All tables of the window.
pub(super) fn all() -> Vec<Walked> {
    let show = |view: ViewKind| vec![Step::Run(UiCommand::Show(view))];
    let of = |name: &'static str, steps: Vec<Step>, sorts: Sorts| Walked { name, steps, sorts };
    let placed = Target::Channel(ChannelKey { cluster: None, name: "orders.placed".to_owned() });
    vec![
        of("map as a table", vec![Step::Run(UiCommand::Show(ViewKind::Map)), Step::Run(UiCommand::ToggleTable)], Sorts::All),
        of("traces", show(ViewKind::Traces), Sorts::Some(&["started (UTC)", "failed", "duration"])),
        of("spans", vec![Step::Goto(Target::Trace { trace_id: traces::sample::TRACE, span_id: None })], Sorts::Some(&[])),
        of("story", vec![Step::Goto(Target::Conversation(CorrelationId::Number(4_704)))], Sorts::All),
        of("topics", show(ViewKind::Messages), Sorts::All),
        of("records", vec![Step::Goto(placed)], Sorts::Some(&[])),
        of("groups", show(ViewKind::Groups), Sorts::All),
        of("dead letters", show(ViewKind::DeadLetters), Sorts::Some(&[])),
        of("breakers", show(ViewKind::Breakers), Sorts::All),
        of("ledger", show(ViewKind::Ledger), Sorts::Some(&[])),
        of("sends", vec![Step::Goto(Target::LedgerLine(LineId::Run(RunId(4)))), Step::Run(UiCommand::Open)], Sorts::Some(&[])),
        of("sources", show(ViewKind::Sources), Sorts::All),
        of("log", show(ViewKind::Log), Sorts::Some(&[])),
    ]
}

fn answer(query: &Query) -> Option<Answer> {
    match query {
        Query::Scan(ScanQuery::Traces { .. }) => Some(Answer::Traces(traces::sample::list())),
        Query::Point(PointQuery::Trace { .. }) => Some(Answer::Trace(Arc::new(traces::sample::checkout()))),
        Query::Point(PointQuery::Conversation { id, .. }) if *id == CorrelationId::Number(4_704) => {
            Some(Answer::Conversation(traces::sample::checkout().spans.into_iter().map(ConversationItem::Span).collect()))
        }
        Query::Point(PointQuery::Records { after: None, .. }) => {
            let line = |row: u64| RecordLine { row: RowId(row), place: Place::at((row % 4) as i32, row as i64), timestamp_ns: Some(NOW_NS), size_bytes: 92 };
            Some(Answer::Records(RecordPage { rows: (0..40).map(line).collect(), total_stored: 40, evicted: 0, has_more: false }))
        }
        query => dead_letters::sample::answer(query),
    }
}

/// A window in which every table has rows.
pub(super) fn window() -> Harness<'static, WindowApp> {
    let source = FixedSource::new(dead_letters::sample::snapshot());
    source.answer_with(answer);
    source.show_send(send::sample::board());
    source.show_ledger(|look| ledger::sample::answer(look, &ledger::sample::lines()));
    let profile = "name = \"x\"\n[otlp]\ngrpc_port = 0\nhttp_port = 0\n[[kafka]]\nname = \"lab-kafka\"\nbrokers = \"localhost:9092\"";
    source.show_sources(SourcesBoard { profile: Profile::parse(profile, "x").expect("valid"), ..SourcesBoard::default() });
    let own_log = OwnLog::default();
    for (level, message) in [(LogLevel::Info, "Listening."), (LogLevel::Warn, "The broker does not answer."), (LogLevel::Error, "The broker is gone.")] {
        own_log.push(LogLine { at_ns: NOW_NS, level, target: "switchboard::session".to_owned(), message: message.to_owned(), fields: Vec::new() });
    }
    let options = WindowOptions { profile_name: "x".to_owned(), otlp_grpc_port: Some(4317), own_log, ..WindowOptions::default() };
    let mut harness = Harness::builder().with_size(vec2(1280.0, 800.0)).build_eframe(|creation| WindowApp::new(creation, Box::new(source), options, false));
    settle(&mut harness);
    harness
}

/// Does what leads to a place.
pub(super) fn go(harness: &mut Harness<'static, WindowApp>, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Run(command) => run(harness, *command),
            Step::Goto(target) => goto(harness, target),
            Step::Type(events) => {
                for event in events {
                    harness.event(event.clone());
                }
                settle(harness);
            }
        }
    }
}

/// What the tree says of the nodes of a role within the table of this name.
pub(super) fn within(harness: &Harness<'static, WindowApp>, table: &str, role: Role) -> Vec<(String, Rect)> {
    let body = harness.get_by_role_and_label(Role::Table, table).rect();
    // Its headings stand above its rows.
    let room = Rect::from_min_max(body.min - vec2(1.0, 30.0), body.max + vec2(1.0, 1.0));
    let nodes = harness.query_all(By::new().role(role));
    nodes.filter(|node| room.contains_rect(node.rect())).filter_map(|node| Some((node.accesskit_node().label()?, node.rect()))).collect()
}

fn selected(harness: &Harness<'static, WindowApp>, table: &str) -> Option<String> {
    let body = harness.get_by_role_and_label(Role::Table, table).rect();
    let nodes = harness.query_all(By::new().role(Role::ListItem));
    let mut chosen = nodes.filter(|node| body.intersects(node.rect()) && node.accesskit_node().toggled() == Some(Toggled::True));
    chosen.next().and_then(|node| node.accesskit_node().label())
}

fn drag(harness: &mut Harness<'static, WindowApp>, from: Pos2, to: Pos2) {
    harness.hover_at(from);
    harness.run_steps(2);
    harness.drag_at(from);
    harness.run_steps(2);
    for step in 1..=4 {
        harness.hover_at(from + (to - from) * (step as f32 / 4.0));
        harness.run_steps(2);
    }
    harness.drop_at(to);
    settle(harness);
}

fn source_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn every_table_of_the_window_is_in_the_walk() {
    let mut files = Vec::new();
    source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/views"), &mut files);
    source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shell"), &mut files);
    let mut named = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("it is text");
        for after in text.split("= Table {").skip(1) {
            let name = after.trim_start().strip_prefix("name: \"").and_then(|name| name.split('"').next());
            named.insert(name.unwrap_or_else(|| panic!("a table of {} does not begin with its name", file.display())).to_owned());
        }
    }
    let walked: BTreeSet<String> = all().into_iter().map(|place| place.name.to_owned()).collect();
    assert_eq!(walked, named);
}

#[test]
fn columns_of_every_table_are_made_wider_and_come_back() {
    for place in all() {
        let name = place.name;
        let mut harness = window();
        go(&mut harness, &place.steps);
        let grips = within(&harness, name, Role::Splitter);
        assert!(!grips.is_empty(), "{name} has columns");
        let mut farthest = 0.0_f32;
        for (index, (label, before)) in grips.iter().enumerate() {
            harness.hover_at(before.center());
            harness.run_steps(3);
            assert_eq!(harness.output().platform_output.cursor_icon, CursorIcon::ResizeHorizontal, "{name}: {label}");
            // Towards the wider of both neighbours, so that there is room.
            let left = if index == 0 { before.center().x - 20.0 } else { grips[index - 1].1.center().x };
            let right = grips.get(index + 1).map_or(before.center().x + 60.0, |(_, next)| next.center().x);
            let by = if right - before.center().x > before.center().x - left { 12.0 } else { -12.0 };
            drag(&mut harness, before.center(), before.center() + vec2(by, 3.0));
            let after = within(&harness, name, Role::Splitter);
            let moved = after[index].1.center().x - before.center().x;
            assert!(moved * by >= 0.0 && moved.abs() <= 12.5, "{name}: {label} moved by {moved} of {by}");
            farthest = farthest.max(moved.abs());
            let others = grips.iter().zip(&after).enumerate().filter(|(other, _)| *other != index);
            for (_, ((other, was), (_, is))) in others {
                assert!((was.center().x - is.center().x).abs() < 1.5, "{name}: {label} moved {other}");
            }
            let columns = &harness.state().window.settings().columns;
            assert!(!columns.is_empty(), "{name}: {label} is remembered");
            run(&mut harness, UiCommand::ResetColumns);
            let again = within(&harness, name, Role::Splitter);
            assert!((again[index].1.center().x - before.center().x).abs() < 1.0, "{name}: {label} comes back");
            assert!(harness.state().window.unavailable(UiCommand::ResetColumns).is_some());
        }
        assert!(farthest > 11.0, "{name}: none follows the pointer");
    }
}

#[test]
fn a_column_is_as_wide_as_what_it_shows_after_a_double_click_and_never_vanishes() {
    let mut harness = window();
    go(&mut harness, &[Step::Run(UiCommand::Show(ViewKind::Groups))]);
    let grip = |harness: &Harness<'static, WindowApp>| within(harness, "groups", Role::Splitter)[0].1.center();
    let (first, heading) = (grip(&harness), within(&harness, "groups", Role::ColumnHeader)[0].1);
    drag(&mut harness, first, pos2(0.0, first.y));
    let narrow = within(&harness, "groups", Role::ColumnHeader)[0].1;
    assert!((39.0..42.0).contains(&narrow.width()), "{narrow:?} of {heading:?}");
    let at = grip(&harness);
    harness.hover_at(at);
    // A frame of the harness takes longer than there is between two clicks.
    harness.ctx.options_mut(|options| options.input_options.max_double_click_delay = 60.0);
    for pressed in [true, false, true, false] {
        harness.event(Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE });
    }
    settle(&mut harness);
    let fitting = within(&harness, "groups", Role::ColumnHeader)[0].1;
    // `orders-replies` is the longest name.
    assert!(fitting.width() > 70.0 && fitting.width() < 130.0, "{fitting:?}");
    let remembered = harness.state().window.settings();
    assert!(!remembered.columns.is_empty());
}

#[test]
fn every_table_is_sorted_by_its_headings_and_keeps_what_is_selected() {
    for place in all() {
        let name = place.name;
        let mut harness = window();
        go(&mut harness, &place.steps);
        if selected(&harness, name).is_none() {
            press(&mut harness, &[egui::Key::ArrowDown, egui::Key::ArrowDown]);
        }
        let chosen = selected(&harness, name);
        assert!(chosen.is_some(), "{name} has a selected row");
        let headings = within(&harness, name, Role::ColumnHeader);
        let sorting: Vec<String> = headings.iter().filter_map(|(label, _)| label.strip_prefix("sort by ").map(str::to_owned)).collect();
        match place.sorts {
            Sorts::All => assert_eq!(sorting.len(), within(&harness, name, Role::Splitter).len() + 1, "{name}: each heading sorts, {headings:?}"),
            Sorts::Some(titles) => assert_eq!(sorting, titles, "{name}"),
        }
        for title in sorting {
            let mut ways = Vec::new();
            for _ in 0..2 {
                let label = format!("sort by {title}");
                let rect = within(&harness, name, Role::ColumnHeader).into_iter().find(|(of, _)| *of == label).expect("it is there").1;
                harness.hover_at(rect.center());
                harness.run_steps(3);
                assert_eq!(harness.output().platform_output.cursor_icon, CursorIcon::PointingHand, "{name}: {title}");
                harness.drag_at(rect.center());
                harness.drop_at(rect.center());
                settle(&mut harness);
                let marked: Vec<(String, SortDirection)> = marks(&harness, name);
                if let [(of, way)] = marked.as_slice() {
                    assert_eq!(*of, label, "{name}");
                    ways.push(*way);
                } else {
                    assert!(name == "sources" && marked.is_empty(), "{name}: {marked:?} after {title}");
                }
                assert_eq!(selected(&harness, name), chosen, "{name} by {title}");
            }
            if place.sorts == Sorts::All {
                ways.dedup();
                assert_eq!(ways.len(), 2, "{name}: a second click on {title} turns it round");
                // The order in which it came.
                let label = format!("sort by {title}");
                let rect = within(&harness, name, Role::ColumnHeader).into_iter().find(|(of, _)| *of == label).expect("it is there").1;
                harness.drag_at(rect.center());
                harness.drop_at(rect.center());
                settle(&mut harness);
            }
        }
    }
}

/// Headings of a table that say that rows are sorted by them.
fn marks(harness: &Harness<'static, WindowApp>, table: &str) -> Vec<(String, SortDirection)> {
    let own = within(harness, table, Role::ColumnHeader);
    let headings = harness.query_all(By::new().role(Role::ColumnHeader)).filter(|node| own.iter().any(|(_, rect)| *rect == node.rect()));
    let sorted = headings.filter_map(|node| Some((node.accesskit_node().label()?, node.accesskit_node().data().sort_direction()?)));
    sorted.collect()
}

#[test]
fn a_right_click_on_a_row_of_every_table_selects_it_and_opens_its_menu() {
    for place in all() {
        let name = place.name;
        let mut harness = window();
        go(&mut harness, &place.steps);
        let rows = within(&harness, name, Role::ListItem);
        let (label, rect) = rows.get(1).or(rows.first()).unwrap_or_else(|| panic!("{name} has rows")).clone();
        harness.hover_at(rect.center());
        harness.run_steps(3);
        assert_eq!(harness.output().platform_output.cursor_icon, CursorIcon::PointingHand, "{name}: {label}");
        super::objects::click(&mut harness, rect.center(), PointerButton::Secondary);
        let chosen = selected(&harness, name).unwrap_or_else(|| panic!("{name}: a row is selected"));
        assert_eq!(chosen.split(',').next(), label.split(',').next(), "{name}");
        harness.get_by_role_and_label(Role::MenuItem, "Copy as text");
    }
}
