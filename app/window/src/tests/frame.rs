//! The frame around the views, through labels and keys: notices, absence, the way to other programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::{Key, vec2};
use egui_kittest::{
    Harness,
    kittest::{By, NodeT as _, Queryable as _},
};
use switchboard_engine::view::Snapshot;
use switchboard_model::{BreakerState, SourcePhase};

use crate::{
    WindowApp, WindowOptions,
    testing::{self, FixedSource},
    view::{UiCommand, ViewKind},
};
use switchboard_desk::{lab::LabState, links::Links};

fn options() -> WindowOptions {
    let links = Links { service: Some("http://grafana/explore?service={service}".to_owned()), ..Links::default() };
    WindowOptions { profile_name: "compose-local".to_owned(), otlp_grpc_port: Some(4317), links, ..WindowOptions::default() }
}

fn harness(source: &FixedSource) -> Harness<'static, WindowApp> {
    let source = source.clone();
    let mut harness = Harness::builder().with_size(vec2(1280.0, 800.0)).build_eframe(|creation| WindowApp::new(creation, Box::new(source), options(), false));
    harness.run();
    harness
}

fn minimise(harness: &mut Harness<'_, WindowApp>, minimised: bool) {
    harness.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default().minimized = Some(minimised);
    harness.run();
}

fn run(harness: &mut Harness<'_, WindowApp>, command: UiCommand) {
    let ctx = harness.ctx.clone();
    let _asked = harness.state_mut().window.run(&ctx, command);
    harness.run();
}

#[test]
fn on_return_one_line_says_what_changed_meanwhile() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    minimise(&mut harness, true);
    let mut changed = testing::order_business();
    for breaker in Arc::make_mut(&mut changed.breakers) {
        breaker.state = Some(BreakerState::Open);
    }
    Arc::make_mut(&mut changed.dead_letters)[0].num_open += 12;
    source.publish(changed);
    source.advance_s(240);
    harness.run();
    assert!(harness.query_by_label_contains("While you were away").is_none(), "not before it is seen again");
    minimise(&mut harness, false);
    harness.get_by_label("While you were away (4 min)");
    harness.get_by_label("1 breaker opened");
    harness.get_by_label("12 new dead letters");
    harness.get_by_label("close: while you were away").click();
    harness.run();
    assert!(harness.query_by_label_contains("While you were away").is_none());
    minimise(&mut harness, true);
    minimise(&mut harness, false);
    assert!(harness.query_by_label_contains("While you were away").is_none(), "nothing changed");
}

#[test]
fn a_lost_connection_is_one_line_that_can_be_closed() {
    let mut business = testing::order_business();
    let failed = &mut Arc::make_mut(&mut business.sources)[1];
    failed.phase = SourcePhase::Failed;
    failed.detail = "connection refused".to_owned();
    let source = FixedSource::new(business.clone());
    let mut harness = harness(&source);
    harness.get_by_label("lab-kafka failed 0 s ago · connection refused");
    run(&mut harness, UiCommand::CloseNotices);
    assert!(harness.query_by_label("close: lab-kafka").is_none());
    Arc::make_mut(&mut business.sources)[1].at_ns -= 5_000_000_000;
    source.publish(business.clone());
    harness.run();
    harness.get_by_label("lab-kafka failed 5 s ago · connection refused");
    harness.get_by_label("close: lab-kafka").click();
    harness.run();
    assert!(harness.query_by_label("close: lab-kafka").is_none());
}

#[test]
fn what_is_selected_opens_in_another_program() {
    let mut harness = harness(&FixedSource::new(testing::order_business()));
    let opened = |harness: &Harness<'_, WindowApp>| {
        harness.output().platform_output.commands.iter().find_map(|command| match command {
            egui::OutputCommand::OpenUrl(open) => Some(open.url.clone()),
            _ => None,
        })
    };
    let press = |harness: &mut Harness<'_, WindowApp>| {
        harness.event(egui::Event::Key { key: Key::O, physical_key: None, pressed: true, repeat: false, modifiers: egui::Modifiers::NONE });
        harness.step();
    };
    press(&mut harness);
    assert_eq!(opened(&harness), None, "nothing is selected");
    harness.run();
    harness.get_by_label_contains("service orders,").click();
    harness.run();
    press(&mut harness);
    assert_eq!(opened(&harness).as_deref(), Some("http://grafana/explore?service=orders"));
}

#[test]
fn back_and_forward_lead_along_what_was_looked_at() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business.clone()));
    let named = |name: &str| crate::view::Target::Node(business.topology.nodes.iter().find(|node| node.name == name).expect("a node").node_id);
    let ctx = harness.ctx.clone();
    for name in ["orders", "catalog"] {
        harness.state_mut().window.goto(&ctx, &named(name));
        harness.run();
    }
    let selected = |harness: &Harness<'_, WindowApp>| harness.state().window.target();
    assert_eq!(selected(&harness), Some(named("catalog")));
    harness.key_press(Key::Backspace);
    harness.run();
    assert_eq!(selected(&harness), Some(named("orders")));
    harness.key_press_modifiers(egui::Modifiers::ALT, Key::ArrowLeft);
    harness.run();
    assert_eq!(selected(&harness), None);
    harness.key_press_modifiers(egui::Modifiers::ALT, Key::ArrowRight);
    harness.run();
    assert_eq!(selected(&harness), Some(named("orders")));
}

#[test]
fn an_empty_snapshot_has_no_notices() {
    let mut harness = harness(&FixedSource::new(Snapshot::default()));
    minimise(&mut harness, true);
    minimise(&mut harness, false);
    assert!(harness.query_by_label_contains("While you were away").is_none());
}

#[test]
fn copying_nothing_says_so_in_one_line_until_the_next_command() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    run(&mut harness, UiCommand::Show(ViewKind::Groups));
    run(&mut harness, UiCommand::CopyText);
    harness.get_by_label("Copy as text: no group is selected");
    run(&mut harness, UiCommand::Show(ViewKind::Log));
    assert!(harness.query_by_label("Copy as text: no group is selected").is_none());
    run(&mut harness, UiCommand::CopyJson);
    harness.get_by_label("Copy as JSON: no line is selected");
    source.fail(Some("index out of bounds in flow"));
    harness.run();
    harness.get_by_label("The engine has stopped");
    source.fail(None);
    harness.run();
    run(&mut harness, UiCommand::Show(ViewKind::Groups));
    run(&mut harness, UiCommand::WalkDown);
    run(&mut harness, UiCommand::CopyMarkdown);
    harness.get_by_label_contains("Copied ");
}

#[test]
fn a_view_with_something_new_has_a_mark_on_its_tab_until_it_is_looked_at() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    harness.get_by_label("view Dead letters");
    let mut changed = testing::order_business();
    Arc::make_mut(&mut changed.dead_letters)[0].num_open += 3;
    source.publish(changed);
    harness.run_steps(70);
    harness.get_by_label("view Dead letters, something is new").click();
    harness.run_steps(8);
    harness.get_by_label("view Dead letters");
    assert!(harness.query_by_label("view Dead letters, something is new").is_none());
}

#[test]
fn a_breaker_that_opened_meanwhile_is_marked_in_the_list_until_that_is_left() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source);
    let mut changed = testing::order_business();
    Arc::make_mut(&mut changed.breakers)[1].state = Some(BreakerState::Open);
    source.publish(changed);
    harness.run_steps(70);
    harness.get_by_label("view Breakers, something is new").click();
    harness.run_steps(8);
    let marked = |harness: &Harness<'_, WindowApp>| harness.query_all_by_label_contains("s old, new").count();
    assert_eq!(marked(&harness), 1);
    run(&mut harness, UiCommand::Show(ViewKind::Map));
    run(&mut harness, UiCommand::Show(ViewKind::Breakers));
    assert_eq!(marked(&harness), 0);
}

/// Where all that has words stands above the foot.
fn stands(harness: &Harness<'_, WindowApp>) -> BTreeMap<String, String> {
    let told = |node: egui_kittest::Node<'_>| {
        let is = node.accesskit_node();
        let bounds = is.raw_bounds().filter(|bounds| bounds.y1 <= 768.0)?;
        Some((format!("{:?} {}", is.role(), is.label()?), format!("{bounds:?}")))
    };
    harness.query_all(By::new()).filter_map(told).collect()
}

#[test]
fn nothing_moves_in_any_view_when_something_stops_or_is_lost_and_comes_back() {
    for view in ViewKind::ALL {
        let source = FixedSource::new(testing::order_business());
        let mut harness = harness(&source);
        run(&mut harness, UiCommand::Show(view));
        harness.run();
        let before = stands(&harness);
        assert!(before.len() > 8, "{view:?}: {before:?}");
        source.fail(Some("index out of bounds in flow"));
        source.show_lab(LabState::Ended("signal: 6 (SIGABRT)".to_owned()));
        harness.run();
        harness.get_by_label("The engine has stopped");
        assert_eq!(stands(&harness), before, "{view:?}");
        harness.get_by_label("next notice, 1 of 2").click();
        harness.run();
        harness.get_by_label("Start it again");
        source.fail(None);
        source.show_lab(LabState::Well);
        harness.run();
        assert!(harness.query_by_label("Start it again").is_none());
        assert_eq!(stands(&harness), before, "{view:?}");

        let mut failed = testing::order_business();
        Arc::make_mut(&mut failed.sources)[1].phase = SourcePhase::Failed;
        source.publish(failed);
        harness.run_steps(8);
        harness.get_by_label_contains("lab-kafka failed 0 s ago");
        // The failure changes words in some views; what has the same words is where it was.
        let mut now = stands(&harness);
        now.retain(|what, _| before.contains_key(what));
        let was: BTreeMap<_, _> = before.into_iter().filter(|(what, _)| now.contains_key(what) && !what.starts_with("Button")).collect();
        now.retain(|what, _| was.contains_key(what));
        assert!(was.len() > 4, "{view:?}: {was:?}");
        assert_eq!(now, was, "{view:?}");
    }
}
