//! The sources view through labels and keys.

use std::sync::Arc;

use egui::{Key, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use switchboard_engine::view::{Answer, LeftOut, PointQuery, Query, RefusalView, Snapshot};
use switchboard_model::SourcePhase;

use crate::{
    SessionCommand, WindowApp, WindowOptions,
    ink::Tone,
    testing::{self, FixedSource, NOW_NS},
    tests::objects,
    view::{Target, UiCommand, ViewKind},
    views::map::{scene::Scene, sentence::sentence},
};
use switchboard_desk::profile::Profile;
use switchboard_desk::send::{SendCommand, draft::Request};
use switchboard_desk::sources::SourceProfile;
use switchboard_desk::sources_desk::{SourcesBoard, SourcesCommand, Trial};

fn board() -> SourcesBoard {
    let profile = "name = \"x\"\n[otlp]\ngrpc_port = 0\nhttp_port = 0\n[[kafka]]\nname = \"lab-kafka\"\nbrokers = \"localhost:9092\"";
    SourcesBoard { profile: Profile::parse(profile, "x").expect("valid"), path: Some("profile.toml".into()), ..SourcesBoard::default() }
}

fn source() -> FixedSource {
    let mut business = testing::order_business();
    let kafka = &mut Arc::make_mut(&mut business.sources)[1];
    (kafka.phase, kafka.detail, kafka.next_step) = (SourcePhase::Degraded, "1 of 3 brokers answers".to_owned(), "Start the other two".to_owned());
    let source = FixedSource::new(business);
    source.show_sources(board());
    source.answer_with(|query| {
        let refusal = RefusalView {
            at_ns: NOW_NS - 5_000_000_000,
            source: "otlp".to_owned(),
            peer: "172.17.0.2".to_owned(),
            host: Some("host.docker.internal:4317".to_owned()),
            origin: None,
            rule: "Host is not loopback".to_owned(),
            next_step: "Set docker_bridge = true under [otlp]".to_owned(),
            count: 1_204,
        };
        matches!(query, Query::Point(PointQuery::Refused { .. })).then(|| Answer::Refused(vec![refusal]))
    });
    source
}

fn harness(source: &FixedSource) -> Harness<'static, WindowApp> {
    let shown = source.clone();
    let mut harness =
        Harness::builder().with_size(vec2(1280.0, 800.0)).build_eframe(|creation| WindowApp::new(creation, Box::new(shown), WindowOptions::default(), false));
    let ctx = harness.ctx.clone();
    let _asked = harness.state_mut().window.run(&ctx, UiCommand::Show(ViewKind::Sources));
    harness.run();
    harness.run();
    harness
}

fn press(harness: &mut Harness<'_, WindowApp>, keys: &[Key]) {
    for key in keys {
        harness.key_press(*key);
        harness.run();
    }
}

fn sent(source: &FixedSource) -> Vec<SourcesCommand> {
    let sources = |command: SessionCommand| if let SessionCommand::Sources(command) = command { Some(*command) } else { None };
    source.commands().into_iter().filter_map(sources).collect()
}

#[test]
fn each_source_says_how_it_is_doing_and_what_it_refused() {
    let source = source();
    let mut harness = harness(&source);
    harness.get_by_label_contains("source lab-kafka, Kafka, works in part for 0 s, 26,110 received, 1 of 3 brokers answers").click();
    harness.run();
    harness.get_by_role_and_label(Role::Heading, "lab-kafka");
    harness.get_by_label("Start the other two");
    harness.get_by_label("records, 23,499, 23,499 stored");
    harness.get_by_label_contains("facts: offsets, states and the like, 2,611");
    assert_eq!(harness.state().window.target(), Some(Target::Source("lab-kafka".to_owned())));
    harness.get_by_label_contains("source otlp, OpenTelemetry, live for 0 s, 184,202 received, 1,204 connections refused").click();
    harness.run();
    harness.get_by_label("1,204 × Host is not loopback from 172.17.0.2, last 5 s ago");
    harness.get_by_label("Host host.docker.internal:4317");
    harness.get_by_label("Set docker_bridge = true under [otlp]");
    harness.get_by_label_contains("The profile does not have it");
}

#[test]
fn what_found_no_room_is_told_where_it_came_from_and_on_top() {
    let mut business = testing::order_business();
    let left = |what: &str, num| LeftOut { what: what.to_owned(), num };
    Arc::make_mut(&mut business.sources)[1].left_out = vec![left("circuit breakers", 16_000), left("services", 12)];
    business.totals.limits.capped = 16_012;
    let scene = Scene::build(&business, NOW_NS);
    let on_top: Vec<_> = sentence(&scene, &business, NOW_NS).into_iter().filter(|part| part.text == "16,012 left out").collect();
    assert_eq!(on_top.iter().map(|part| (part.tone, part.dim)).collect::<Vec<_>>(), [(Tone::Quiet, false)], "calm, and shown however narrow it is");
    let source = FixedSource::new(business);
    source.show_sources(board());
    let mut harness = harness(&source);
    harness.get_by_label_contains("source lab-kafka, Kafka, live for 0 s, 26,110 received, localhost:9092; no room for all it tells of").click();
    harness.run();
    harness.get_by_label("Each source has its share of what is kept: no room for all it tells of; left out so far: 16,000 circuit breakers, 12 services");
}

#[test]
fn without_sources_it_says_what_they_are_and_how_to_add_one() {
    let mut harness = harness(&FixedSource::new(Snapshot::default()));
    harness.get_by_label("No source yet");
    harness.get_by_role_and_label(Role::Button, "Add a Kafka cluster…").click();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "brokers");
}

#[test]
fn a_source_is_edited_tested_and_removed_by_keys() {
    let source = source();
    let mut harness = harness(&source);
    press(&mut harness, &[Key::ArrowDown, Key::T]);
    let kafka = board().profile.source("lab-kafka").expect("a cluster").clone();
    assert_eq!(sent(&source), [SourcesCommand::Test(kafka)]);
    let trial = Trial {
        name: "lab-kafka".to_owned(),
        begun_ns: NOW_NS - 3_000_000_000,
        phase: SourcePhase::Connecting,
        detail: "asking for the cluster".to_owned(),
        next_step: String::new(),
        ended_ns: None,
    };
    source.show_sources(SourcesBoard { trial: Some(trial.clone()), ..board() });
    harness.run();
    harness.get_by_label("testing, 3 s so far");
    harness.get_by_label("Cancel the test").click();
    harness.run();
    assert_eq!(sent(&source).last(), Some(&SourcesCommand::CancelTest));
    let ended = Trial { phase: SourcePhase::Live, ended_ns: Some(NOW_NS - 1_000_000_000), ..trial };
    source.show_sources(SourcesBoard { trial: Some(ended), ..board() });
    harness.run();
    harness.get_by_label("test: live after 2.00 s");

    press(&mut harness, &[Key::Delete]);
    harness.get_by_label("Remove now");
    press(&mut harness, &[Key::Escape]);
    assert!(harness.query_by_label("Remove now").is_none(), "it is kept");
    press(&mut harness, &[Key::Delete, Key::Delete]);
    assert_eq!(sent(&source).last(), Some(&SourcesCommand::Remove("lab-kafka".to_owned())));

    press(&mut harness, &[Key::E]);
    harness.get_by_role_and_label(Role::TextInput, "brokers").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "brokers").type_text(",other:9092");
    harness.run();
    harness.get_by_label("Save").click();
    harness.run();
    let Some(SourcesCommand::Put { before, source: SourceProfile::Kafka(kafka) }) = sent(&source).pop() else { panic!("{:?}", sent(&source)) };
    assert_eq!(before.as_deref(), Some("lab-kafka"));
    assert!(kafka.brokers.contains("other:9092"), "{}", kafka.brokers);
}

#[test]
fn a_new_source_is_added_once_its_settings_make_sense() {
    let source = source();
    let mut harness = harness(&source);
    press(&mut harness, &[Key::A]);
    harness.get_by_role_and_label(Role::Heading, "New source: Kafka");
    harness.get_by_label("kind actuator").click();
    harness.run();
    harness.get_by_label_contains("name: write what the source is to be called");
    harness.get_by_role_and_label(Role::TextInput, "name").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "name").type_text("orders-2");
    harness.run();
    harness.get_by_label("bearer token from environment").click();
    harness.run();
    harness.get_by_label_contains("write the name of an environment variable");
    harness.get_by_role_and_label(Role::TextInput, "bearer token comes from").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "bearer token comes from").type_text("ORDERS_TOKEN");
    harness.run();
    harness.get_by_label("Add").click();
    harness.run();
    let Some(SourcesCommand::Put { before: None, source: SourceProfile::Http(http) }) = sent(&source).pop() else { panic!("{:?}", sent(&source)) };
    assert_eq!((http.name.as_str(), http.url.as_str()), ("orders-2", "http://localhost:8081/actuator"));
    // Once it is saved the form is gone.
    let mut saved = board();
    saved.profile.sources.push(SourceProfile::Http(http));
    saved.said = Some(("orders-2 started and the profile saved".to_owned(), false));
    source.show_sources(saved);
    harness.run();
    harness.get_by_label("orders-2 started and the profile saved");
    assert!(harness.query_by_role_and_label(Role::Heading, "New source: actuator").is_none());
    harness.get_by_label_contains("source orders-2, actuator, not heard of");
}

/// What was asked to be sent last.
fn request(source: &FixedSource) -> Request {
    let send = |command: SessionCommand| match command {
        SessionCommand::Send(command) => match *command {
            SendCommand::Send(ask) => Some(ask.draft.request.clone()),
            _ => None,
        },
        _ => None,
    };
    source.commands().into_iter().rev().find_map(send).expect("something is sent")
}

#[test]
fn a_request_to_a_source_is_composed_by_pointer_and_by_keys() {
    let source = source();
    let tables = "name = \"x\"\n[[kafka]]\nname = \"lab-kafka\"\nbrokers = \"h:1\"\n[[http]]\nname = \"orders-1 actuator\"\nurl = \"http://h:2/actuator\"\n\
                  [[grpc]]\nname = \"stock\"\nurl = \"http://h:50051\"";
    source.show_sources(SourcesBoard { profile: Profile::parse(tables, "x").expect("valid"), path: Some("profile.toml".into()), ..SourcesBoard::default() });
    let mut harness = harness(&source);
    let row = harness.get_by_label_contains("source lab-kafka, ").rect().center();
    objects::click(&mut harness, row, egui::PointerButton::Secondary);
    harness.get_by_role_and_label(Role::MenuItem, "Send to this…").click();
    harness.run();
    assert_eq!(harness.state().window.focus(), ViewKind::Send);
    // The topic has the keys.
    harness.event(egui::Event::Text("orders.placed".to_owned()));
    harness.run();
    harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::Enter);
    harness.run();
    let Request::Record(record) = request(&source) else { panic!("{:?}", request(&source)) };
    assert_eq!((record.cluster.as_str(), record.topic.as_str()), ("lab-kafka", "orders.placed"));

    for (name, label, address) in [("orders-1 actuator", "URL", "http://h:2/actuator"), ("stock", "Server", "http://h:50051")] {
        let ctx = harness.ctx.clone();
        harness.state_mut().window.goto(&ctx, &Target::Source(name.to_owned()));
        harness.run();
        harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::P);
        harness.run();
        harness.event(egui::Event::Text("Send to this".to_owned()));
        harness.run();
        press(&mut harness, &[Key::Enter]);
        harness.run();
        assert_eq!(harness.state().window.focus(), ViewKind::Send, "{name}");
        assert_eq!(harness.get_by_role_and_label(Role::TextInput, label).accesskit_node().value().as_deref(), Some(address));
    }
    let why_not = |harness: &mut Harness<'_, WindowApp>, name: &str| {
        let ctx = harness.ctx.clone();
        harness.state_mut().window.goto(&ctx, &Target::Source(name.to_owned()));
        harness.run();
        harness.state().window.unavailable(UiCommand::SendToThis).map(std::borrow::Cow::into_owned)
    };
    assert_eq!(why_not(&mut harness, "OTLP").as_deref(), Some("it only receives: nothing can be sent to it"));
    assert_eq!(why_not(&mut harness, "otlp").as_deref(), Some("the profile does not have this source"));
    assert_eq!(why_not(&mut harness, "stock"), None);
}

#[test]
fn what_can_not_be_changed_says_why() {
    let source = source();
    let mut harness = harness(&source);
    let reason = |harness: &Harness<'_, WindowApp>| harness.state().window.unavailable(UiCommand::EditSource);
    assert_eq!(reason(&harness).as_deref(), Some("no source is selected"));
    press(&mut harness, &[Key::End]);
    assert_eq!(reason(&harness).as_deref(), Some("the profile does not have this source"));
    press(&mut harness, &[Key::Home]);
    assert_eq!(reason(&harness), None);
}
