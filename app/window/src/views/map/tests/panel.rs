//! The side panel in a window: what it says of a call, a service and a group once the engine has answered, and where it leads.

use egui::{Key, accesskit::Role};
use egui_kittest::{Harness, kittest::Queryable as _};
use switchboard_engine::view::{Answer, NodeKind, Query, ScanQuery, Snapshot, TracePart};
use switchboard_model::{BreakerState, SourcePhase, SpanId};

use super::super::sample;
use crate::{
    ScreenshotOptions, SnapshotSource as _, Strokes, ThemeChoice, ViewKind, WindowApp, WindowOptions,
    shell::{Window, screenshot, settings::Settings},
    testing::{self, FixedSource, NOW_NS},
    tests::harness,
    view::{Target, UiCommand},
};

fn source() -> FixedSource {
    let business = testing::order_business();
    let source = FixedSource::new(business.clone());
    source.answer_with(move |query| sample::answer(&business, query));
    source
}

fn harness(size: [f32; 2]) -> Harness<'static, WindowApp> {
    let source = source();
    let options = || WindowOptions { profile_name: "compose-local".to_owned(), otlp_grpc_port: Some(4317), ..WindowOptions::default() };
    let mut harness =
        Harness::builder().with_size(egui::Vec2::from(size)).build_eframe(|creation| WindowApp::new(creation, Box::new(source), options(), false));
    harness.run();
    harness
}

fn target(business: &Snapshot, from: &str, to: Option<&str>) -> Target {
    let id = |name: &str| business.topology.nodes.iter().find(|node| node.name == name).expect("a node of that name").node_id;
    match to {
        None => Target::Node(id(from)),
        Some(to) => Target::Edge(business.topology.edges.iter().find(|edge| edge.from == id(from) && edge.to == id(to)).expect("an edge").edge_id),
    }
}

/// Selects by the table, which reaches everything.
fn select(harness: &mut Harness<'_, WindowApp>, row: &str) {
    harness.key_press(Key::T);
    harness.run();
    harness.get_by_role_and_label(Role::ListItem, row).click();
    harness.run_steps(20);
    harness.key_press(Key::T);
    harness.run_steps(20);
}

fn row_label(harness: &Harness<'_, WindowApp>, starts: &str) -> String {
    use egui_kittest::kittest::NodeT as _;
    let found = harness.get_all_by_role(Role::ListItem).find_map(|row| row.accesskit_node().label().filter(|label| label.starts_with(starts)));
    found.expect("a row")
}

fn select_starting(harness: &mut Harness<'_, WindowApp>, starts: &str) {
    harness.key_press(Key::T);
    harness.run();
    let label = row_label(harness, starts);
    harness.key_press(Key::T);
    harness.run();
    select(harness, &label);
}

#[test]
fn what_is_seen_in_the_panel_stays_while_it_is_asked_anew() {
    let business = testing::order_business();
    let placed = business.topology.nodes.iter().find(|node| node.name == "orders.placed").expect("a channel").node_id;
    let read_by_a_group = business.topology.edges.iter().find(|edge| edge.from == placed).expect("an edge").edge_id;
    for target in [target(&business, "orders", Some("payments")), target(&business, "orders", None), Target::Edge(read_by_a_group)] {
        let source = source();
        let mut harness = harness::harness(&source, UiCommand::Show(ViewKind::Map));
        harness::goto(&mut harness, &target);
        harness::stays_while_answers_are_late(&mut harness, &source);
    }
}

#[test]
fn a_call_is_told_by_both_sides_its_breakers_statuses_and_traces() {
    let mut harness = harness([1600.0, 1900.0]);
    select_starting(&mut harness, "call orders to payments");
    harness.get_by_role_and_label(Role::Heading, "orders → payments");
    harness.get_by_label_contains("p95, caller 2.06 s");
    harness.get_by_label_contains("p95, callee 41 ms");
    harness.get_by_label_contains("at callee 2.2 %");
    harness.get_by_label("Circuit breaker payment-client");
    harness.get_by_label("orders-1, open 58 s");
    harness.get_by_label("orders-2, closed 6 min");
    harness.get_by_label("Known by its own events, 1 s ago");
    harness.get_by_label("Status");
    for row in ["java.net.SocketTimeoutException × 121", "503 × 41", "409 × 8", "200 × 1,136", "not permitted × 184"] {
        harness.get_by_label(row);
    }
    harness.get_by_label("retries 112");
    harness.get_by_label("Failed traces");
    harness.get_by_label("Slowest traces");
    harness.get_all_by_label_contains("storefront POST /orders, 2.00 s, 2 s ago · 14 spans · 2 failed").next().expect("a failed trace").click();
    harness.run_steps(5);
    assert_eq!(harness.state().window.focus(), ViewKind::Traces, "a failed trace opens");
    harness.key_press(Key::Backspace);
    harness.run_steps(5);
    assert_eq!(harness.state().window.focus(), ViewKind::Map);
    harness.get_by_role_and_label(Role::Heading, "orders → payments");
}

#[test]
fn a_service_is_told_with_traces_breakers_logs_and_what_is_missing() {
    let mut harness = harness([1600.0, 2400.0]);
    select_starting(&mut harness, "service orders,");
    for heading in ["Failed traces", "Slowest traces", "Circuit breakers", "Calls", "Called by", "Logs from warn up", "Instances", "Evidence"] {
        harness.get_by_label(heading);
    }
    harness.get_by_label_contains("payment of order 4711 timed out after 2 s, error");
    select_starting(&mut harness, "service fraud,");
    harness.get_by_label_contains("OTEL_SERVICE_NAME=fraud");
}

#[test]
fn what_is_not_known_of_a_breaker_is_told_with_the_instances_that_it_is_not_known_of() {
    for (state, stale, told) in [
        (None, false, "The caller's breaker does not tell its state in 2 of 2 instances"),
        (Some(BreakerState::Open), true, "The caller's breaker has not been heard of lately in 2 of 2 instances"),
    ] {
        let mut business = testing::order_business();
        for breaker in std::sync::Arc::make_mut(&mut business.breakers) {
            (breaker.state, breaker.stale) = (state, stale);
        }
        let call = target(&business, "orders", Some("payments"));
        let mut harness = harness::harness(&FixedSource::new(business), UiCommand::Show(ViewKind::Map));
        harness::goto(&mut harness, &call);
        harness.get_by_label(told);
    }
}

#[test]
fn a_channel_that_was_made_again_says_when() {
    let mut business = testing::order_business();
    let channel = target(&business, "orders.placed", None);
    let Target::Node(node_id) = channel else { panic!("a channel is a box") };
    let figures = &mut std::sync::Arc::make_mut(&mut business.figures).channels;
    figures.iter_mut().find(|figures| figures.node_id == node_id).expect("its figures").made_again_ns = Some(NOW_NS - 60_000_000_000);
    let mut harness = harness::harness(&FixedSource::new(business), UiCommand::Show(ViewKind::Map));
    harness::goto(&mut harness, &channel);
    harness.get_by_label(&format!("made again at {}", crate::figures::instant(NOW_NS - 60_000_000_000)));
}

#[test]
fn a_part_without_a_duration_has_no_figure() {
    for (duration_ns, told) in [(Some(-1), "ends before it starts"), (None, "no duration")] {
        let business = testing::order_business();
        let source = FixedSource::new(business.clone());
        let call = target(&business, "orders", Some("payments"));
        source.answer_with(move |query| match sample::answer(&business, query) {
            Some(Answer::Traces(mut list)) => {
                for row in &mut list.rows {
                    row.part = Some(TracePart { span_id: SpanId(3), duration_ns, is_failed: false });
                }
                Some(Answer::Traces(list))
            }
            other => other,
        });
        let mut harness = harness::harness(&source, UiCommand::Show(ViewKind::Map));
        harness::goto(&mut harness, &call);
        assert!(harness.query_all_by_label_contains(&format!(", {told}, ")).next().is_some(), "{told}");
        for figure in ["−0 µs", " 0 µs"] {
            assert!(harness.query_all_by_label_contains(figure).next().is_none(), "{told}: {figure}");
        }
    }
}

#[test]
fn a_trace_without_a_duration_has_no_figure() {
    let business = testing::order_business();
    let source = FixedSource::new(business.clone());
    let call = target(&business, "orders", Some("payments"));
    source.answer_with(move |query| match sample::answer(&business, query) {
        Some(Answer::Traces(mut list)) => {
            for row in &mut list.rows {
                (row.duration_ns, row.part) = (None, None);
            }
            Some(Answer::Traces(list))
        }
        other => other,
    });
    let mut harness = harness::harness(&source, UiCommand::Show(ViewKind::Map));
    harness::goto(&mut harness, &call);
    assert!(harness.query_all_by_label_contains(", no duration, ").next().is_some());
    assert!(harness.query_all_by_label_contains(" 0 µs").next().is_none());
}

#[test]
fn a_group_is_told_with_partitions_owners_commits_and_the_time_it_needs() {
    let mut harness = harness([1600.0, 2000.0]);
    select_starting(&mut harness, "deliver orders.placed to inventory");
    for label in ["messages behind 1,204", "time behind 38 s", "Catching up", "Partitions", "Dead letters"] {
        harness.get_by_label(label);
    }
    for label in ["caught up never at this pace", "come in 216 in 18 s · 12/s", "are handled 54 in 18 s · 3.0/s"] {
        harness.get_by_label_contains(label);
    }
    harness.get_by_label_contains("partition 2: falls behind, 1,020 behind, read by");
    harness.get_by_label("p2, 1,020, inventory-1 · committed 4 s ago");
    harness.get_by_label("p3, 40, no owner · committed 4 s ago");
    harness.get_by_label_contains("NullPointerException at OrderMapper:88, 11");
}

#[test]
fn an_instance_opens_and_tells_of_itself() {
    let source = source();
    let mut harness = harness::harness(&source, UiCommand::Show(ViewKind::Map));
    let orders = target(&testing::order_business(), "orders", None);
    harness::goto(&mut harness, &orders);
    harness.get_by_label("Instances").scroll_to_me();
    harness::settle(&mut harness);
    harness.get_by_label_contains("orders-1, 1 s ago").click();
    harness::settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "orders-1");
    harness.get_by_label("Heard 1 s ago");
    harness.get_by_label("payment-client, open 58 s, → payments");
    harness.get_by_label("Other instances");
    // What is asked is asked of it alone.
    let of_instance = |query: &Query| match query {
        Query::Scan(ScanQuery::Traces { filter, .. }) => filter.instance.as_deref() == Some("orders-1") && filter.service.as_deref() == Some("orders"),
        Query::Scan(ScanQuery::Logs { instance, .. }) => instance.as_deref() == Some("orders-1"),
        _ => false,
    };
    assert!(source.queries().iter().filter(|query| of_instance(query)).count() >= 3, "{:?}", source.queries());
    harness.get_by_label("its failed traces").scroll_to_me();
    harness::settle(&mut harness);
    harness.get_by_label("its failed traces").click();
    harness::settle(&mut harness);
    harness.get_by_label("of orders-1  ×");
    harness::run(&mut harness, UiCommand::Back);
    harness.get_by_role_and_label(Role::Heading, "orders-1");
    harness.get_by_label("← orders").scroll_to_me();
    harness::settle(&mut harness);
    harness.get_by_label("← orders").click();
    harness::settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "orders");
    harness::run(&mut harness, UiCommand::Back);
    harness.get_by_role_and_label(Role::Heading, "orders-1");
    harness::goto(&mut harness, &Target::Instance { node_id: node_of(&orders), instance: "orders-9".to_owned() });
    harness.get_by_label_contains("It is not among the instances that are kept");
}

fn node_of(target: &Target) -> switchboard_engine::view::NodeId {
    match target {
        Target::Node(node_id) => *node_id,
        other => panic!("{other:?} is no box"),
    }
}

#[test]
fn a_source_that_was_removed_leaves_the_list() {
    let mut business = testing::order_business();
    let is_listed = |business: &Snapshot| {
        let harness = harness::harness(&FixedSource::new(business.clone()), UiCommand::Show(ViewKind::Map));
        harness.query_all_by_label_contains("orders-1 actuator").next().is_some()
    };
    assert!(is_listed(&business));
    std::sync::Arc::make_mut(&mut business.sources)[2].phase = SourcePhase::Stopped;
    assert!(!is_listed(&business), "it has stopped, and the profile does not have it");
}

#[test]
fn what_is_selected_is_copied_in_three_forms_with_ids_and_times() {
    let mut harness = harness([1600.0, 1000.0]);
    select_starting(&mut harness, "call orders to payments");
    let Target::Edge(edge_id) = target(&testing::order_business(), "orders", Some("payments")) else { panic!("an edge") };
    let mut copied = |command: UiCommand| {
        let ctx = harness.ctx.clone();
        drop(harness.state_mut().window.run(&ctx, command));
        harness.step();
        let mut texts = harness.output().platform_output.commands.iter().filter_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
        texts.next_back().expect("something was copied")
    };
    let trace = "trace 7c1f90ab0000000000000000000a901";
    let text = copied(UiCommand::CopyText);
    assert!(text.starts_with("orders → payments\n") && text.contains(&format!("edge {}", edge_id.0)) && text.contains("as of 2026-"), "{text}");
    let markdown = copied(UiCommand::CopyMarkdown);
    assert!(markdown.starts_with("### orders → payments\n") && markdown.contains("as of `2026-"), "{markdown}");
    let json: serde_json::Value = serde_json::from_str(&copied(UiCommand::CopyJson)).expect("JSON");
    assert_eq!((json["kind"].as_str(), json["id"].as_u64()), (Some("edge"), Some(u64::from(edge_id.0))));
    assert!(json["as_of"].as_str().is_some_and(|at| at.starts_with("2026-")));
    for (form, told) in [("text", text.contains("trace ")), ("Markdown", markdown.contains("trace ")), ("JSON", json.to_string().contains("trace_id"))] {
        assert!(told, "no trace id in {form}, as `{trace}`");
    }
    // With nothing selected the sentence above the map is copied with its list.
    let ctx = harness.ctx.clone();
    drop(harness.state_mut().window.run(&ctx, UiCommand::ClearSelection));
    harness.run_steps(3);
    drop(harness.state_mut().window.run(&ctx, UiCommand::CopyText));
    harness.step();
    let text = harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    assert!(text.is_some_and(|text| text.contains("12 services") && text.contains("1 breaker open")), "the sentence");
}

#[test]
fn backspace_goes_back_over_clicks_steps_and_openings() {
    let mut harness = harness([1280.0, 800.0]);
    let heading = |harness: &Harness<'_, WindowApp>, name: &str| harness.query_by_role_and_label(Role::Heading, name).is_some();
    harness.get_by_label_contains("service orders,").click();
    harness.run_steps(3);
    harness.get_by_label_contains("service inventory,").click();
    harness.run_steps(3);
    harness.key_press(Key::ArrowRight);
    harness.run_steps(3);
    assert!(heading(&harness, "inventory → inventory.reserved"));
    let ctx = harness.ctx.clone();
    drop(harness.state_mut().window.run(&ctx, UiCommand::Open));
    harness.run_steps(3);
    let num_near = harness.state().window.map().shown_scene().nodes.len();
    harness.key_press(Key::Backspace);
    harness.run_steps(3);
    assert!(harness.state().window.map().shown_scene().nodes.len() > num_near, "all boxes are there again");
    assert!(heading(&harness, "inventory → inventory.reserved"));
    harness.key_press(Key::Backspace);
    harness.run_steps(3);
    assert!(heading(&harness, "inventory"));
    harness.key_press(Key::Backspace);
    harness.run_steps(3);
    assert!(heading(&harness, "orders"));
    harness.key_press(Key::Backspace);
    harness.run_steps(3);
    assert!(heading(&harness, "Problems"));
}

#[test]
fn the_table_is_sorted_and_find_is_opened_by_keys_alone() {
    let mut harness = harness([1280.0, 800.0]);
    harness.key_press(Key::T);
    harness.run_steps(3);
    harness.get_by_label("sort by rate").focus();
    harness.run_steps(3);
    harness.key_press(Key::Enter);
    harness.run_steps(3);
    let label = row_label(&harness, "");
    assert!(label.starts_with("database postgres"), "the largest rate first, not {label}");
    harness.key_press(Key::T);
    harness.run_steps(3);
    harness.key_press(Key::Slash);
    harness.run_steps(3);
    assert!(harness.query_by_role(Role::SearchInput).is_some() || harness.query_by_role(Role::TextInput).is_some(), "find is open");
}

/// The edge from orders.placed to the group that falls behind.
fn of_group(business: &Snapshot) -> Option<Target> {
    let id = |kind, name: &str| business.topology.nodes.iter().find(|node| node.kind == kind && node.name == name).expect("a node of that name").node_id;
    let ends = (id(NodeKind::Channel, "orders.placed"), id(NodeKind::Group, "inventory"));
    business.topology.edges.iter().find(|edge| (edge.from, edge.to) == ends).map(|edge| Target::Edge(edge.edge_id))
}

/// Draws the map with one object selected and compares it with the picture of that name.
fn picture(name: &str, theme: ThemeChoice, size_px: (u32, u32), selected: Option<Target>) {
    let screenshot_options = ScreenshotOptions { size_px, theme, view: ViewKind::Map, keys: Strokes::default() };
    let mut source = source();
    let snapshot = source.snapshot();
    let options = WindowOptions { profile_name: "compose-local".to_owned(), otlp_grpc_port: Some(4317), ..WindowOptions::default() };
    let mut is_first = true;
    let drawn = screenshot::draw(&screenshot_options, |ctx| {
        let mut window = Window::new_in_place(ctx, Settings { theme, ..Settings::default() }, options);
        move |ui: &mut egui::Ui| {
            window.take(ui.ctx(), snapshot.clone(), None, NOW_NS);
            window.ui(ui);
            window.ask(ui.ctx(), |query| source.query(query));
            if let Some(selected) = selected.as_ref().filter(|_| std::mem::take(&mut is_first)) {
                window.goto(ui.ctx(), selected);
            }
        }
    });
    crate::tests::pictures::compare(name, drawn);
}

#[test]
fn pictures_of_the_panel_stay_as_they_are() {
    let business = testing::order_business();
    let of = |from: &str, to: Option<&str>| Some(target(&business, from, to));
    picture("map-edge-dark", ThemeChoice::Dark, (1280, 800), of("orders", Some("payments")));
    picture("map-service-dark", ThemeChoice::Dark, (1440, 900), of("orders", None));
    picture("map-group-light", ThemeChoice::Light, (1440, 900), of_group(&business));
    picture("map-large-dark", ThemeChoice::Dark, (2560, 1440), of("orders.placed", None));
}
