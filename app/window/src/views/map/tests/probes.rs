//! Probes of ours that fail, on the map.

use std::sync::Arc;

use egui::{Rect, accesskit::Role, pos2};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use switchboard_desk::send::{SendBoard, Sent};
use switchboard_engine::view::{Answer, PointQuery, Query};
use switchboard_model::SpanKind;

use super::super::{camera::Camera, draw, geometry::Geometry, layout, place::layout_graph, sample as answers, scene::Scene, sentence::sentence};
use super::{NONE, sight};
use crate::{
    ThemeChoice, WindowApp,
    ink::Glyph,
    testing::{self, FixedSource, NOW_NS},
    tests::harness::{Step, harness, picture, run, settle},
    view::{UiCommand, ViewKind},
    views::{
        send::sample,
        traces::sample::{of, of_kind, span},
    },
    words::probes::FailingProbe,
};

const FAILS: &str = "probe GET /health fails";

fn board(probe: Sent) -> SendBoard {
    SendBoard { sent: vec![Arc::new(probe)], ..SendBoard::default() }
}

/// Each trace that is asked for begins at the orders service, or nowhere.
fn source(probe: Sent, has_spans: bool) -> FixedSource {
    let source = FixedSource::new(testing::order_business());
    let business = testing::order_business();
    source.answer_with(move |query| match query {
        Query::Point(PointQuery::Trace { .. }) => {
            let spans = if has_spans { vec![of_kind(SpanKind::Server, span(1, 0, "orders", "GET /health", 0, 2))] } else { Vec::new() };
            Some(Answer::Trace(Arc::new(of(spans))))
        }
        query => answers::answer(&business, query),
    });
    source.show_send(board(probe));
    source
}

/// The box of a service, in words.
fn service(harness: &Harness<'static, WindowApp>, name: &str) -> String {
    let words = |label: &str| label == format!("service {name}") || label.starts_with(&format!("service {name}, "));
    let boxes: Vec<String> = harness.query_all_by_role(Role::Button).filter_map(|node| node.accesskit_node().label()).filter(|label| words(label)).collect();
    assert_eq!(boxes.len(), 1, "{boxes:?}");
    boxes[0].clone()
}

#[test]
fn a_probe_that_fails_marks_the_box_of_who_answered_it_until_it_ends_or_goes_well() {
    let source = source(sample::failing_probe(), true);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Map));
    run(&mut harness, UiCommand::MapAll);
    let words = service(&harness, "orders");
    let told = ["http://localhost:8080 · since ", " · 6 of 40 failed · nobody listens on localhost:8080"];
    assert!(words.contains(FAILS) && told.iter().all(|part| words.contains(part)), "{words}");
    assert!(!service(&harness, "payments").contains(FAILS));
    assert!(harness.query_all_by_label_contains(FAILS).count() > 1, "it is in the list of problems, too");
    // One that went well again, and one that has ended.
    let ended = Sent { settled: sample::board().sent[0].settled.clone(), ..sample::failing_probe() };
    for probe in [sample::probe(), ended] {
        source.show_send(board(sample::failing_probe()));
        settle(&mut harness);
        assert!(service(&harness, "orders").contains(FAILS));
        source.show_send(board(probe));
        settle(&mut harness);
        let words = service(&harness, "orders");
        assert!(!words.contains("probe") && !words.contains("recovered"), "{words}");
        assert!(harness.query_by_label_contains(FAILS).is_none());
    }
}

#[test]
fn a_probe_of_what_the_map_does_not_know_is_told_among_the_problems_alone() {
    let source = source(sample::failing_probe(), false);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Map));
    run(&mut harness, UiCommand::MapAll);
    harness.get_by_label_contains("nobody listens on localhost:8080 · no box of the map is known to be there");
    for name in ["orders", "payments", "storefront"] {
        assert!(!service(&harness, name).contains("probe"));
    }
}

#[test]
fn the_sentence_counts_probes_that_fail() {
    let business = testing::order_business();
    let mut scene = Scene::build(&business, NOW_NS);
    let told = |scene: &Scene| sentence(scene, &business, NOW_NS).into_iter().map(|part| part.text).collect::<Vec<_>>();
    assert!(!told(&scene).iter().any(|text| text.contains("probe")));
    let failing = FailingProbe::of(&sample::failing_probe()).expect("it fails");
    let elsewhere = FailingProbe { target: "http://elsewhere:1".into(), ..failing.clone() };
    scene.mark_probes(&business.topology, &[FailingProbe { service: Some("orders".into()), ..failing }, elsewhere], NOW_NS);
    assert!(told(&scene).contains(&"2 probes failing".to_owned()), "{:?}", told(&scene));
}

#[test]
fn the_badge_on_a_box_and_a_breakers_mark_on_an_edge_beside_it_do_not_cover_each_other() {
    let business = testing::order_business();
    let mut scene = Scene::build(&business, NOW_NS);
    let failing = FailingProbe::of(&sample::failing_probe()).expect("it fails");
    scene.mark_probes(&business.topology, &[FailingProbe { service: Some("orders".into()), ..failing }], NOW_NS);
    let geometry = Geometry::of(&scene, &layout::layout(&layout_graph(&scene)), &NONE);
    for scale in [0.3, 0.5, 0.76, 0.9, 1.0, 1.35, 2.0] {
        let mut sight = sight(&scene, &geometry, Camera { scale, origin: pos2(20.0, 60.0) });
        sight.viewport = Rect::EVERYTHING;
        let list = draw::draw_list(&sight);
        let of = |wanted: fn(&Glyph) -> bool| list.pills.iter().filter(move |pill| pill.glyph.as_ref().is_some_and(wanted)).collect::<Vec<_>>();
        let probe = of(|glyph| *glyph == Glyph::Probe);
        let breakers = of(|glyph| matches!(glyph, Glyph::BreakerOpen | Glyph::BreakerHalfOpen));
        assert!(probe.len() == 1 && !breakers.is_empty(), "{} and {} at {scale}", probe.len(), breakers.len());
        for breaker in &breakers {
            assert!(!breaker.covers().intersects(probe[0].covers()), "at {scale}: {:?} and {:?}", breaker.covers(), probe[0].covers());
        }
        let orders = list.nodes.iter().find(|mark| scene.nodes[mark.node].name == "orders").expect("in view").rect;
        assert!(probe[0].rect.intersects(orders), "it still stands on its box at {scale}");
    }
}

#[test]
fn pictures_of_a_probe_that_fails_stay_as_they_are() {
    let show = [Step::Run(UiCommand::Show(ViewKind::Map)), Step::Run(UiCommand::MapAll)];
    picture("map-probe-dark", ThemeChoice::Dark, (1440, 900), &source(sample::failing_probe(), true), &show);
    picture("map-probe-light", ThemeChoice::Light, (1440, 900), &source(sample::failing_probe(), true), &show);
}
