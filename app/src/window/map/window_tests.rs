//! The map in a window: what the camera, the pointer and the keys do to it.

use std::sync::Arc;

use egui::{Rect, accesskit::Role, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};
use switchboard_engine::view::{NodeBasis, Snapshot};

use crate::window::{
    WindowApp, WindowOptions,
    testing::{self, FixedSource},
};

fn harness(source: &FixedSource, size: [f32; 2]) -> Harness<'static, WindowApp> {
    let source = source.clone();
    let mut harness =
        Harness::builder().with_size(egui::Vec2::from(size)).build_eframe(|creation| WindowApp::new(creation, Box::new(source), WindowOptions::default()));
    harness.run();
    harness
}

/// All boxes as they stand on screen, and whether all of them are seen.
fn is_all_in_view(harness: &Harness<'_, WindowApp>) -> bool {
    let map = harness.state().window.map();
    let (Some(camera), Some(viewport)) = (map.camera(), map.viewport()) else { return false };
    let all = map.placement_for_tests().placed().rects.values().map(|rect| camera.rect_on_screen(*rect)).reduce(Rect::union);
    all.is_some_and(|all| viewport.contains_rect(all))
}

fn business_with(num_more: usize) -> Snapshot {
    let mut business = testing::Business::default();
    let mut before = business.service("storefront", 1, testing::figure(60, 0, 1, 2));
    for number in 0..6 + num_more {
        let next = business.service(&format!("service-{number:02}"), 1, testing::figure(60, 0, 1, 2));
        business.call(before, next, "http", testing::figure(60, 0, 1, 2), None);
        before = next;
    }
    let mut snapshot = business.snapshot();
    Arc::make_mut(&mut snapshot.topology).version = 1 + num_more as u64;
    snapshot
}

#[test]
fn the_whole_map_stays_in_view_until_the_user_takes_the_camera() {
    let source = FixedSource::new(business_with(0));
    let mut harness = harness(&source, [1280.0, 800.0]);
    assert!(is_all_in_view(&harness));
    for size in [[900.0, 600.0], [2560.0, 1440.0], [1280.0, 720.0]] {
        harness.set_size(egui::Vec2::from(size));
        harness.run();
        assert!(is_all_in_view(&harness), "after the window became {size:?}");
    }
    // The layout settles; what comes later is seen too.
    harness.run_steps(60 * 10);
    source.publish(business_with(1));
    harness.run_steps(4);
    let settled = harness.state().window.map().placement_for_tests().placed().clone();
    for num_more in 2..8 {
        source.publish(business_with(num_more));
        harness.run_steps(4);
        assert!(is_all_in_view(&harness), "after {num_more} came");
    }
    let now = &harness.state().window.map().placement_for_tests().placed().rects;
    assert!(settled.rects.iter().all(|(node_id, rect)| now[node_id] == *rect), "the camera moves, boxes do not");
    // From now on the camera is the user's.
    harness.state_mut().window.zoom_map(1.3);
    harness.run();
    let taken = harness.state().window.map().camera();
    source.publish(business_with(9));
    harness.run_steps(4);
    harness.set_size(vec2(1000.0, 700.0));
    harness.run();
    assert_eq!(harness.state().window.map().camera(), taken);
}

/// The order business with noise around it, sampled in part.
fn noisy_business() -> Snapshot {
    let mut snapshot = testing::order_business();
    let topology = Arc::make_mut(&mut snapshot.topology);
    for name in ["__consumer_offsets", "orders.placed-retry-0", "load-generator"] {
        let mut node = topology.nodes[13].clone();
        node.node_id = switchboard_engine::view::NodeId(topology.nodes.len() as u32);
        node.name = name.to_owned();
        node.basis = NodeBasis::Broker;
        node.kind = if name == "load-generator" { switchboard_engine::view::NodeKind::Service } else { switchboard_engine::view::NodeKind::Channel };
        topology.nodes.push(node);
    }
    for interaction in Arc::make_mut(&mut snapshot.interactions).iter_mut().filter(|interaction| interaction.via == "grpc") {
        interaction.sampled_share = Some(0.1);
    }
    snapshot
}

#[test]
fn every_part_of_the_sentence_leads_to_what_it_speaks_of() {
    let mut harness = harness(&FixedSource::new(noisy_business()), [1920.0, 1080.0]);
    for (part, heading) in [
        ("13 services", "Services"),
        ("10 traced", "Traced"),
        ("2 known from the broker only", "Known from the broker only"),
        ("1 silent", "Silent"),
        ("2 channels", "Channels"),
        ("1 breaker open", "orders → payments"),
        ("inventory 38 s behind", "orders.placed → inventory"),
        ("14 dead", "orders.placed"),
        ("10 % sampled", "Sampling"),
        ("2 hidden", "Hidden"),
    ] {
        harness.get_by_label(part).click();
        harness.run();
        let found = harness.query_by_role_and_label(Role::Heading, heading).is_some();
        assert!(found, "`{part}` did not lead to `{heading}`");
    }
}

#[test]
fn noise_is_hidden_by_rules_that_can_be_changed() {
    let mut harness = harness(&FixedSource::new(noisy_business()), [1920.0, 1080.0]);
    assert!(harness.query_by_label_contains("channel __consumer_offsets").is_none());
    harness.get_by_label("2 hidden").click();
    harness.run();
    harness.get_by_label("channel *-retry-#").click();
    harness.run();
    harness.get_by_label("1 hidden");
    harness.get_by_label_contains("channel orders.placed-retry-0");
    harness.get_by_label("Pattern of a new rule").click();
    harness.run();
    harness.get_by_label("Pattern of a new rule").type_text("load-*");
    harness.run();
    harness.get_by_label("Hide").click();
    harness.run();
    harness.get_by_label("2 hidden");
    assert!(harness.query_by_label_contains("service load-generator, ").is_none());
    harness.get_by_label("Remove rule service load-*").scroll_to_me();
    harness.run();
    harness.get_by_label("Remove rule service load-*").click();
    harness.run();
    harness.get_by_label("1 hidden");
    harness.get_by_label("As at first").click();
    harness.run();
    harness.get_by_label("2 hidden");
}

#[test]
fn what_recovers_stays_marked_and_what_is_stale_does_not_look_healthy() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source, [1280.0, 800.0]);
    let mut healthy = testing::order_business();
    for group in Arc::make_mut(&mut healthy.groups) {
        (group.lag, group.verdict) = (Some(0), switchboard_engine::view::LagVerdict::Ok);
    }
    let topology = Arc::clone(&healthy.topology);
    source.publish(healthy.clone());
    source.advance_s(1);
    harness.run_steps(70);
    harness.get_by_label_contains("service inventory, 3 instances, 22/s, recovered 0 s ago");
    harness.get_by_label("2 recovered");
    // The broker is not heard of any more: lag that was zero is not zero now.
    source.advance_s(120);
    source.publish(Snapshot { topology, ..healthy });
    harness.run_steps(70);
    harness.get_by_label_contains("deliver orders.placed to inventory, 22/s, lag of 2 min ago, not read since");
}
