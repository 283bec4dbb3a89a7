//! The window as a whole: through labels and keys, and as pictures.

mod command_walk;
mod desktop;
mod focus;
mod frame;
mod frame_pictures;
pub(crate) mod harness;
mod long_texts;
pub(crate) mod objects;
mod over_time;
mod pausing;
pub(crate) mod pictures;
mod tables;
mod typing;
mod verdicts;

use std::time::Duration;

use egui::{Key, Modifiers, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use switchboard_engine::view::{NodeId, Snapshot};

use crate::{
    ScreenshotOptions, SessionCommand, Strokes, ThemeChoice, WindowApp, WindowOptions,
    shell::{Window, screenshot, settings::Settings},
    testing::{self, FixedSource, NOW_NS},
    view::{UiCommand, ViewKind},
    views::map::scene::Selection,
};
use switchboard_desk::lab::LabState;

fn options() -> WindowOptions {
    WindowOptions { profile_name: "compose-local".to_owned(), otlp_grpc_port: Some(4317), otlp_http_port: Some(4318), ..WindowOptions::default() }
}

/// Draws the window after some commands and compares it with the picture of that name. Where nothing can draw it says so.
fn picture(name: &str, theme: ThemeChoice, size_px: (u32, u32), snapshot: &Snapshot, commands: &[UiCommand]) {
    let screenshot_options = ScreenshotOptions { size_px, theme, view: crate::ViewKind::Map, keys: Strokes::default() };
    let drawn = screenshot::draw(&screenshot_options, |ctx| {
        let mut window = Window::new_in_place(ctx, Settings { theme, ..Settings::default() }, options());
        let (snapshot, mut commands) = (snapshot.clone(), commands.to_vec());
        move |ui: &mut egui::Ui| {
            window.take(ui.ctx(), snapshot.clone(), None, NOW_NS);
            window.ui(ui);
            for command in commands.drain(..) {
                window.run(ui.ctx(), command);
            }
        }
    });
    pictures::compare(name, drawn);
}

#[test]
fn pictures_of_the_map_stay_as_they_are() {
    let business = testing::order_business();
    picture("map-dark", ThemeChoice::Dark, (1280, 800), &business, &[]);
    picture("map-light", ThemeChoice::Light, (1280, 800), &business, &[]);
    picture("table-light", ThemeChoice::Light, (1280, 800), &business, &[UiCommand::ToggleTable]);
    let large = testing::large_business(200, 30);
    picture("map-200-light", ThemeChoice::Light, (1280, 800), &large, &[]);
    picture("map-200-all-dark", ThemeChoice::Dark, (1280, 800), &large, &[UiCommand::MapAll]);
    picture("map-200-near-light", ThemeChoice::Light, (1280, 800), &large, &[UiCommand::NextProblem, UiCommand::MapNeighbourhood]);
    picture("empty-dark", ThemeChoice::Dark, (1280, 800), &Snapshot::default(), &[]);
}

fn harness(source: &FixedSource) -> Harness<'static, WindowApp> {
    let source = source.clone();
    let mut harness = Harness::builder().with_size(vec2(1280.0, 800.0)).build_eframe(|creation| WindowApp::new(creation, Box::new(source), options(), false));
    harness.run();
    harness
}

fn node_named(snapshot: &Snapshot, name: &str) -> Selection {
    Selection::Node(snapshot.topology.nodes.iter().find(|node| node.name == name).expect("a node of that name").node_id)
}

fn edge_between(snapshot: &Snapshot, from: &str, to: &str) -> Selection {
    let id = |name: &str| snapshot.topology.nodes.iter().find(|node| node.name == name).expect("a node of that name").node_id;
    let found = snapshot.topology.edges.iter().find(|edge| edge.from == id(from) && edge.to == id(to));
    Selection::Edge(found.expect("an edge between them").edge_id)
}

fn selected(harness: &Harness<'_, WindowApp>) -> Option<Selection> {
    harness.state().window.map().selected()
}

fn press(harness: &mut Harness<'_, WindowApp>, keys: &[Key]) {
    for key in keys {
        harness.key_press(*key);
        harness.run();
    }
}

#[test]
fn a_click_on_a_box_shows_what_is_known_of_it() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business.clone()));
    harness.get_by_label_contains("service orders,").click();
    harness.run();
    assert_eq!(selected(&harness), Some(node_named(&business, "orders")));
    harness.get_by_role_and_label(Role::Heading, "orders");
    harness.get_by_label_contains("orders → payments: breaker payment-client open in 1 of 2");
    harness.get_by_label("Circuit breakers");
    harness.get_by_label_contains("orders-1, open 58 s");
    // From the list of callees to the call.
    harness.get_by_label_contains("payments, 31/s · 12 %").scroll_to_me();
    harness.run();
    harness.get_by_label_contains("payments, 31/s · 12 %").click();
    harness.run();
    assert_eq!(selected(&harness), Some(edge_between(&business, "orders", "payments")));
    harness.get_by_label("p95 2.00 s, 41 ms");
    harness.get_by_label("The difference is spent before the callee: pool, network or time-out");
    harness.get_by_label("time-outs 75");
}

#[test]
fn the_sentence_says_what_is_wrong_and_leads_there() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business.clone()));
    for text in ["12 services", "10 traced", "1 known from the broker only", "1 silent", "1 breaker open", "14 dead", "pause: live, 1 s old"] {
        harness.get_by_label(text);
    }
    harness.get_by_label("inventory 38 s behind").click();
    harness.run();
    harness.get_by_role_and_label(Role::Heading, "orders.placed → inventory");
    harness.get_by_label("inventory falls behind: 12 messages a second come in, 3 are handled");
    harness.get_by_label("messages behind 1,204");
    harness.get_by_label("14 dead").click();
    harness.run();
    assert_eq!(selected(&harness), Some(node_named(&business, "orders.placed")));
    harness.get_by_label_contains("NullPointerException at OrderMapper:88, 11, on orders.placed-dlt");
}

#[test]
fn arrows_walk_along_edges_and_escape_clears() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business.clone()));
    press(&mut harness, &[Key::ArrowRight]);
    assert_eq!(selected(&harness), Some(node_named(&business, "user")));
    press(&mut harness, &[Key::ArrowRight]);
    assert_eq!(selected(&harness), Some(edge_between(&business, "user", "storefront")));
    press(&mut harness, &[Key::ArrowRight]);
    assert_eq!(selected(&harness), Some(node_named(&business, "storefront")));
    let mut seen = Vec::new();
    press(&mut harness, &[Key::ArrowRight]);
    for _ in 0..8 {
        seen.extend(selected(&harness));
        press(&mut harness, &[Key::ArrowUp]);
    }
    for _ in 0..8 {
        seen.extend(selected(&harness));
        press(&mut harness, &[Key::ArrowDown]);
    }
    for callee in ["accounts", "catalog", "search", "orders"] {
        assert!(seen.contains(&edge_between(&business, "storefront", callee)), "the edge to {callee} was not reached");
    }
    press(&mut harness, &[Key::ArrowLeft]);
    assert_eq!(selected(&harness), Some(node_named(&business, "storefront")));
    press(&mut harness, &[Key::Escape]);
    assert_eq!(selected(&harness), None);
    harness.get_by_role_and_label(Role::Heading, "Problems");
}

#[test]
fn every_problem_on_the_map_is_reached_by_one_key() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business.clone()));
    let mut seen = Vec::new();
    for _ in 0..5 {
        press(&mut harness, &[Key::N]);
        seen.extend(selected(&harness));
    }
    for place in [edge_between(&business, "orders", "payments"), node_named(&business, "orders.placed"), node_named(&business, "legacy-billing")] {
        assert!(seen.contains(&place), "{place:?} is not among {seen:?}");
    }
    assert_eq!(seen.first(), seen.last(), "the round begins again");
}

#[test]
fn the_palette_finds_commands_and_carries_them_out() {
    let mut harness = harness(&FixedSource::new(testing::order_business()));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::P);
    harness.run();
    harness.get_by_role_and_label(Role::SearchInput, "Find a command").type_text("light");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.ctx.theme(), egui::Theme::Light);
    assert!(harness.query_by_label("Find a command").is_none(), "the palette is closed");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::P);
    harness.run();
    harness.get_by_role_and_label(Role::SearchInput, "Find a command").type_text("theme");
    harness.run();
    harness.get_by_label("Theme: dark").click();
    harness.run();
    assert_eq!(harness.ctx.theme(), egui::Theme::Dark);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::P);
    harness.run();
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_label("Find a command").is_none(), "escape closes it");
}

#[test]
fn every_command_runs_with_and_without_data() {
    for snapshot in [testing::order_business(), Snapshot::default()] {
        let source = FixedSource::new(snapshot);
        let mut harness = harness(&source);
        for command in UiCommand::all().filter(|command| *command != UiCommand::Quit) {
            let ctx = harness.ctx.clone();
            let asked = harness.state_mut().window.run(&ctx, command);
            assert_eq!(asked.is_some(), command == UiCommand::RefreshSources, "{command:?}");
            harness.run();
        }
    }
}

#[test]
fn keys_with_control_ask_the_session_and_zoom_the_window() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::R);
    harness.run();
    assert_eq!(source.commands(), [SessionCommand::RefreshSources]);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Plus);
    harness.run();
    assert!((harness.ctx.zoom_factor() - 1.1).abs() < 0.001);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Num0);
    harness.run();
    assert!((harness.ctx.zoom_factor() - 1.0).abs() < 0.001);
}

#[test]
fn the_table_lists_all_boxes_and_edges_the_unusual_first() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business.clone()));
    press(&mut harness, &[Key::T]);
    let first = harness.get_all_by_role(Role::ListItem).next().and_then(|row| row.accesskit_node().label());
    assert_eq!(first.as_deref(), Some("call orders to payments, 31/s, breaker open in 1/2 instances"));
    harness.get_by_label("service catalog, 2 instances, 88 req/s").click();
    harness.run();
    assert_eq!(selected(&harness), Some(node_named(&business, "catalog")));
    press(&mut harness, &[Key::ArrowUp]);
    assert_ne!(selected(&harness), Some(node_named(&business, "catalog")), "arrows walk the rows");
    press(&mut harness, &[Key::T]);
    harness.get_by_label("map");
}

#[test]
fn an_empty_window_says_what_would_fill_it() {
    let mut harness = harness(&FixedSource::new(Snapshot::default()));
    harness.get_by_label_contains("port 4317 (gRPC) and 4318 (HTTP)");
    harness.get_by_label("Copy").click();
    harness.step();
    let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(copied.as_deref(), Some("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317"));
}

#[test]
fn a_stopped_engine_is_told_and_can_be_restarted() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    source.fail(Some("index out of bounds in flow"));
    harness.run();
    harness.get_by_label("The engine has stopped");
    harness.get_by_label("Restart engine").click();
    harness.run();
    assert_eq!(source.commands(), [SessionCommand::RestartEngine]);
    source.fail(None);
    harness.run();
    assert!(harness.query_by_label("The engine has stopped").is_none());
}

#[test]
fn a_lab_that_ended_by_itself_is_told_in_a_sentence_and_can_be_started_again() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    assert!(harness.state().window.unavailable(UiCommand::RestartLab).is_some_and(|reason| reason.contains("no lab has ended")));
    source.show_lab(LabState::Ended("signal: 6 (SIGABRT)".to_owned()));
    harness.run();
    harness.get_by_label("The demo's lab has ended by itself (signal: 6 (SIGABRT)), and what is shown is of before");
    harness.get_by_label("Start it again").click();
    harness.run();
    assert_eq!(source.commands(), [SessionCommand::RestartLab]);
    source.show_lab(LabState::Starting);
    harness.run();
    harness.get_by_label("The demo's lab is being started again…");
    assert!(harness.query_by_label("Start it again").is_none(), "once is enough");
    source.show_lab(LabState::Well);
    harness.run();
    assert!(harness.query_by_label_contains("The demo's lab").is_none());
}

/// When the next frame is asked for, once nothing happens any more.
fn next_frame_in(harness: &mut Harness<'_, WindowApp>) -> Duration {
    harness.run();
    harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay
}

#[test]
fn no_frame_is_drawn_while_nothing_happens() {
    let mut empty = harness(&FixedSource::new(Snapshot::default()));
    assert_eq!(next_frame_in(&mut empty), Duration::MAX, "nothing on screen grows older");
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    let next = next_frame_in(&mut harness);
    assert!(next > Duration::from_millis(900) && next <= Duration::from_secs(1), "ages in seconds move once a second, not after {next:?}");
    source.advance_s(300);
    let next = next_frame_in(&mut harness);
    assert!(next > Duration::from_secs(50) && next <= Duration::from_mins(1), "ages in minutes move once a minute, not after {next:?}");
    harness.get_by_label("pause: nothing new for 5 min");
}

#[test]
fn a_publication_draws_one_frame_and_figures_change_once_a_second() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    let mut changed = testing::order_business();
    let mut figures = (*changed.figures).clone();
    for row in figures.nodes.iter_mut().filter(|row| row.node_id == NodeId(4)) {
        row.figure = testing::figure(5_400, 0, 30, 170);
    }
    changed.figures = std::sync::Arc::new(figures);
    changed.topology = source_topology(&source);
    source.publish(changed);
    harness.run();
    harness.run_steps(8);
    harness.get_by_label_contains("service orders, 2 instances, 90 req/s");
}

fn source_topology(source: &FixedSource) -> std::sync::Arc<switchboard_engine::view::Topology> {
    use crate::SnapshotSource as _;
    source.clone().snapshot().topology
}

#[test]
fn wheel_zooms_to_the_pointer_and_dragging_moves_the_map() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business));
    let before = harness.state().window.map().camera().expect("a camera");
    let pointer = egui::pos2(500.0, 400.0);
    let on_map = before.on_map(pointer);
    harness.hover_at(pointer);
    harness.run();
    harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, 60.0),
        phase: egui::TouchPhase::Move,
        modifiers: Modifiers::NONE,
        source: egui::MouseWheelSource::Wheel,
    });
    harness.run_steps(30);
    let zoomed = harness.state().window.map().camera().expect("a camera");
    assert!(zoomed.scale > before.scale * 1.1, "{} is not larger than {}", zoomed.scale, before.scale);
    assert!(zoomed.on_screen(on_map).distance(pointer) < 1.0, "the point under the pointer moved");
    let free = egui::pos2(120.0, 700.0);
    harness.drag_at(free);
    harness.step();
    harness.hover_at(free + vec2(40.0, -25.0));
    harness.step();
    harness.drop_at(free + vec2(40.0, -25.0));
    harness.run();
    let dragged = harness.state().window.map().camera().expect("a camera");
    assert!((dragged.origin - zoomed.origin - vec2(40.0, -25.0)).length() < 1.0, "{:?} instead", dragged.origin - zoomed.origin);
    press(&mut harness, &[Key::F]);
    assert_eq!(harness.state().window.map().camera(), Some(before), "the whole map is shown again");
}

#[test]
fn names_that_would_deceive_are_written_out() {
    let mut business = testing::Business::default();
    let evil = business.service("pay\u{202e}stnem\n\u{7}", 1, testing::figure(60, 0, 1, 2));
    let long = business.service(&"x".repeat(100_000), 1, testing::figure(60, 0, 1, 2));
    business.call(evil, long, "http", testing::figure(60, 0, 1, 2), None);
    let mut harness = harness(&FixedSource::new(business.snapshot()));
    harness.get_by_label_contains("service pay\\u{202e}stnem\\n\\u{7}").click();
    harness.run();
    harness.get_by_role_and_label(Role::Heading, "pay\\u{202e}stnem\\n\\u{7}");
}

#[test]
fn the_side_panel_is_copied_as_text() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business));
    press(&mut harness, &[Key::N]);
    harness.event(egui::Event::Copy);
    harness.step();
    let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    insta::assert_snapshot!(copied.expect("something was copied"));
}

#[test]
fn a_thousand_services_are_laid_out_beside_the_window() {
    let mut harness = harness(&FixedSource::new(testing::generated(1_000, 5_000)));
    harness.key_press(Key::Num3);
    harness.step();
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    while harness.state().window.map().placement_for_tests().placed().rects.is_empty() {
        assert!(std::time::Instant::now() < deadline, "no layout came");
        harness.step();
        std::thread::yield_now();
    }
    harness.run();
    assert_eq!(harness.state().window.map().placement_for_tests().placed().rects.len(), 1_000);
    assert!(!harness.state().window.map().placement_for_tests().is_pending());
}

#[test]
fn an_edge_is_found_under_the_pointer() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business.clone()));
    let bounds = |harness: &Harness<'_, WindowApp>, name: &str| harness.get_by_label_contains(name).rect();
    let (from, to) = (bounds(&harness, "caller user"), bounds(&harness, "service storefront,"));
    let middle = egui::pos2(f32::midpoint(from.right(), to.left()), to.center().y);
    harness.hover_at(middle);
    harness.run();
    harness.drag_at(middle);
    harness.drop_at(middle);
    harness.run();
    assert_eq!(selected(&harness), Some(edge_between(&business, "user", "storefront")));
}

#[test]
fn another_session_begins_with_an_empty_map() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    press(&mut harness, &[Key::N]);
    source.publish(Snapshot { started_ns: NOW_NS, ..Snapshot::default() });
    harness.run();
    harness.get_by_label("Nothing has come in yet");
    source.publish(Snapshot { started_ns: NOW_NS, ..testing::generated(16, 24) });
    harness.run();
    assert_eq!(selected(&harness), None);
    assert_eq!(harness.state().window.map().placement_for_tests().placed().rects.len(), 16);
}

#[test]
fn a_window_with_an_end_closes_itself() {
    let source = FixedSource::new(Snapshot::default());
    let mut harness = harness(&source);
    source.close_in(Duration::from_secs(30));
    assert_eq!(next_frame_in(&mut harness), Duration::from_secs(30));
    source.close_in(Duration::ZERO);
    harness.step();
    let commands = &harness.output().viewport_output[&egui::ViewportId::ROOT].commands;
    assert!(commands.contains(&egui::ViewportCommand::Close), "{commands:?}");
}

#[test]
fn the_four_layouts_are_one_key_each_and_views_have_the_keys_in_turn() {
    let mut harness = harness(&FixedSource::new(testing::order_business()));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Num1);
    harness.run();
    assert_eq!(harness.state().window.panes().shown(), [ViewKind::Map]);
    harness.get_by_label("view Map").click();
    harness.run();
    assert_eq!(harness.state().window.panes().focus(), ViewKind::Map);
}

#[test]
fn a_paused_window_keeps_what_it_shows_and_says_for_how_long() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    press(&mut harness, &[Key::Space]);
    harness.get_by_label("go on: paused 00:00 ago");
    source.publish(Snapshot { started_ns: testing::order_business().started_ns, ..Snapshot::default() });
    source.advance_s(12);
    harness.run();
    harness.get_by_label("go on: paused 00:12 ago");
    harness.get_by_label_contains("service orders,");
    press(&mut harness, &[Key::Space]);
    harness.get_by_label("Nothing has come in yet");
    harness.get_by_label("pause: waiting for data").click();
    harness.run();
    harness.get_by_label("go on: paused 00:00 ago");
    source.publish(Snapshot { started_ns: NOW_NS, ..testing::order_business() });
    source.advance_s(1);
    harness.run();
    harness.get_by_label("pause: nothing new for 14 s");
}

#[test]
fn the_range_is_chosen_from_the_bar() {
    let mut harness = harness(&FixedSource::new(testing::order_business()));
    harness.get_by_label("range 1 min").click();
    harness.run();
    harness.get_by_label("15 min").click();
    harness.run();
    harness.get_by_label("range 15 min");
}
