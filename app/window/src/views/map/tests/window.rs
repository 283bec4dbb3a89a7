//! The map in a window: what the camera, the pointer and the keys do to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use egui::{Galley, Key, Modifiers, Rect, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use switchboard_engine::view::{NodeBasis, NodeId, Snapshot};

use super::super::{MapSettings, MapView, Motion, edge_label::EdgeLabel, lit::Ways, mode::Mode, scene::Selection};

use crate::{
    WindowApp, WindowOptions,
    testing::{self, FixedSource},
    tests::harness::run,
    view::UiCommand,
};

fn harness(source: &FixedSource, size: [f32; 2]) -> Harness<'static, WindowApp> {
    let source = source.clone();
    let mut harness = Harness::builder()
        .with_size(egui::Vec2::from(size))
        .build_eframe(|creation| WindowApp::new(creation, Box::new(source), WindowOptions::default(), false));
    harness.run();
    harness
}

/// All boxes as they stand on screen, and whether all of them are seen.
fn is_all_in_view(harness: &Harness<'_, WindowApp>) -> bool {
    let map = harness.state().window.map();
    let (Some(camera), Some(viewport)) = (map.camera(), map.viewport()) else { return false };
    let all = map.boxes_for_tests().map(|rect| camera.rect_on_screen(rect)).reduce(Rect::union);
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
    harness.key_press(Key::Plus);
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
fn what_recovers_stays_marked_once_and_what_is_stale_does_not_look_healthy() {
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
    harness.get_by_label_contains("service inventory, 3 instances, 22/s, recovered 0 s ago, after");
    harness.get_by_label("1 recovered");
    // The broker is not heard of any more: lag that was zero is not zero now.
    source.advance_s(120);
    source.publish(Snapshot { topology, ..healthy });
    harness.run_steps(70);
    harness.get_by_label_contains("deliver orders.placed to inventory, 22/s, lag of 2 min ago, not read since");
}

#[test]
fn no_box_moves_by_itself_over_ten_minutes_of_two_hundred_services() {
    let mut map = MapView::default();
    for mode in [Mode::Problems, Mode::All] {
        map.remember(MapSettings { mode, ..MapSettings::default() }, "large");
        let mut known: BTreeMap<NodeId, [u32; 4]> = BTreeMap::new();
        let mut num_outside = BTreeSet::new();
        for at_s in 0..600 {
            // Two services come on the way.
            let num_services = 200 + usize::from(at_s >= 120) + usize::from(at_s >= 300);
            let mut snapshot = testing::large_business(num_services, at_s);
            Arc::make_mut(&mut snapshot.topology).version = num_services as u64;
            map.update(&snapshot, testing::NOW_NS + at_s * 1_000_000_000, at_s as f64, None);
            let placement = map.placement_for_tests();
            assert_eq!(placement.placed().rects.len(), map.shown_scene().nodes.len(), "every box has a place");
            if at_s < 10 {
                continue;
            }
            num_outside.insert(map.shown_scene().nodes.len());
            for (node_id, rect) in &placement.placed().rects {
                let bits = [rect.min.x, rect.min.y, rect.max.x, rect.max.y].map(f32::to_bits);
                let before = *known.entry(*node_id).or_insert(bits);
                assert_eq!(bits, before, "{node_id:?} moved in {mode:?} at {at_s} s");
            }
        }
        if mode == Mode::Problems {
            assert!(num_outside.len() > 3, "problems came and went: {num_outside:?}");
        }
        map = MapView::default();
    }
}

#[test]
fn a_dragged_box_stays_where_it_was_put_also_after_arranging_and_the_next_start() {
    let source = FixedSource::new(testing::order_business());
    let mut harness = harness(&source, [1280.0, 800.0]);
    let place = |harness: &Harness<'_, WindowApp>| harness.state().window.map().placement_for_tests().placed().rects.clone();
    let before = place(&harness);
    let from = harness.get_by_label_contains("service payments,").rect().center();
    harness.drag_at(from);
    harness.step();
    harness.hover_at(from + vec2(30.0, 40.0));
    harness.step();
    harness.hover_at(from + vec2(60.0, 130.0));
    harness.step();
    harness.drop_at(from + vec2(60.0, 130.0));
    harness.run();
    let after = place(&harness);
    let moved: Vec<&NodeId> = after.iter().filter(|(node_id, rect)| before[node_id] != **rect).map(|(node_id, _)| node_id).collect();
    assert_eq!(moved.len(), 1, "one box was dragged");
    let dragged = *moved[0];
    harness.key_press_modifiers(Modifiers::SHIFT, Key::A);
    harness.run();
    assert_eq!(place(&harness)[&dragged], after[&dragged], "what is pinned stays when the rest is arranged");
    // Another start with the same profile.
    let remembered = harness.state().window.settings().map;
    let mut next = MapView::default();
    next.remember(remembered, "");
    next.update(&testing::order_business(), testing::NOW_NS, 0.0, None);
    assert_eq!(next.placement_for_tests().placed().rects, place(&harness));
    assert!(next.placement_for_tests().pinned().contains(&dragged));
}

#[test]
fn groups_open_and_close_by_key_and_the_three_modes_show_what_they_say() {
    let source = FixedSource::new(testing::large_business(200, 30));
    let mut harness = harness(&source, [1600.0, 1000.0]);
    let num_shown = |harness: &Harness<'_, WindowApp>| harness.state().window.map().shown_scene().nodes.len();
    let grouped = num_shown(&harness);
    assert!(grouped < 60, "{grouped} boxes");
    harness.get_by_label_contains("group of boxes analytics-domain").click();
    harness.run();
    harness.get_by_role_and_label(Role::Heading, "analytics-domain");
    harness.key_press(Key::Enter);
    harness.run();
    assert!(num_shown(&harness) > grouped + 5, "its members stand on the map");
    harness.get_by_label_contains("service analytics-api");
    harness.key_press(Key::Num3);
    harness.run();
    assert!(num_shown(&harness) > 240);
    harness.key_press(Key::N);
    harness.run();
    harness.key_press(Key::Num2);
    harness.run();
    let near = num_shown(&harness);
    assert!((2..120).contains(&near), "{near} boxes near");
    harness.key_press(Key::OpenBracket);
    harness.run();
    assert!(num_shown(&harness) < near, "one step less");
    harness.key_press(Key::Num1);
    harness.run();
    assert!(num_shown(&harness) < 80);
}

#[test]
fn services_stand_together_by_the_label_that_was_chosen_and_it_is_remembered() {
    let mut snapshot = testing::large_business(200, 30);
    let topology = Arc::make_mut(&mut snapshot.topology);
    for (number, node) in topology.nodes.iter_mut().filter(|node| node.kind == switchboard_engine::view::NodeKind::Service).enumerate() {
        node.labels = vec![
            ("com.docker.compose.project".to_owned(), "shop".to_owned()),
            ("k8s.pod.label.team".to_owned(), ["red", "green", "blue"][number % 3].to_owned()),
        ];
    }
    let mut harness = harness(&FixedSource::new(snapshot), [1600.0, 1000.0]);
    harness.get_by_label("label…").click();
    harness.run();
    assert!(harness.query_by_label("com.docker.compose.project").is_none(), "all say the same: it groups nothing");
    harness.get_by_label("k8s.pod.label.team").click();
    harness.run();
    for team in ["red", "green", "blue"] {
        harness.get_by_label_contains(&format!("group of boxes {team}"));
    }
    harness.get_by_role_and_label(Role::RadioButton, "team");
    let remembered = serde_json::to_string(&harness.state().window.settings().map).expect("JSON");
    let settings: MapSettings = serde_json::from_str(&remembered).expect("the same");
    assert_eq!(settings.group_by, crate::views::map::grouping::GroupBy::Label("k8s.pod.label.team".to_owned()));
}

#[test]
fn what_comes_later_waits_to_be_placed_and_moves_nothing() {
    let source = FixedSource::new(business_with(0));
    let mut harness = harness(&source, [1280.0, 800.0]);
    harness.run_steps(60 * 10);
    let before = harness.state().window.map().placement_for_tests().placed().rects.clone();
    source.publish(business_with(3));
    harness.run_steps(70);
    harness.get_by_label("3 new boxes · Arrange the map");
    let after = harness.state().window.map().placement_for_tests().placed().rects.clone();
    assert!(before.iter().all(|(node_id, rect)| after[node_id] == *rect) && after.len() == before.len() + 3);
    harness.get_by_label("3 new boxes · Arrange the map").click();
    harness.run_steps(70);
    assert!(harness.query_by_label_contains("Arrange the map").is_none());
    let arranged = harness.state().window.map().placement_for_tests().placed().rects.clone();
    assert_eq!(arranged.len(), after.len());
    source.publish(business_with(4));
    harness.run_steps(70);
    harness.get_by_label("1 new box · Arrange the map");
    harness.get_by_label("Keep as it is").click();
    harness.run_steps(3);
    assert!(harness.query_by_label_contains("Arrange the map").is_none());
}

#[test]
fn twelve_services_can_be_read_beside_the_panel_in_a_small_window() {
    let harness = harness(&FixedSource::new(testing::order_business()), [1280.0, 720.0]);
    assert!(is_all_in_view(&harness));
    let camera = harness.state().window.map().camera().expect("a camera");
    assert!(camera.scale >= 0.7, "names, second lines and figures are shown at {}", camera.scale);
    harness.get_by_role_and_label(Role::Heading, "Problems");
}

#[test]
fn names_are_painted_with_the_glyphs_of_this_theme_after_it_has_changed() {
    let mut harness = harness(&FixedSource::new(testing::order_business()), [1280.0, 800.0]);
    let in_atlas = |galley: &Galley| -> Vec<_> { galley.rows.iter().flat_map(|placed| placed.row.glyphs.iter().map(|glyph| glyph.uv_rect)).collect() };
    for theme in [UiCommand::ThemeDark, UiCommand::ThemeLight, UiCommand::ThemeDark] {
        run(&mut harness, theme);
        let painted = testing::galleys(harness.output());
        assert!(painted.iter().any(|galley| galley.text() == "storefront"), "the map is shown");
        for galley in painted {
            let anew = harness.ctx.fonts_mut(|fonts| fonts.layout_job((*galley.job).clone()));
            assert_eq!(in_atlas(galley), in_atlas(&anew), "`{}` after {theme:?}", galley.text());
        }
    }
}

#[test]
fn the_minimap_shows_all_where_not_all_is_seen() {
    let source = FixedSource::new(testing::large_business(200, 30));
    let mut harness = harness(&source, [1280.0, 800.0]);
    harness.key_press(Key::Num3);
    harness.run();
    // So many boxes are laid out on a thread of their own.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while harness.state().window.map().placement_for_tests().placed().rects.len() < 200 || !is_all_in_view(&harness) {
        assert!(std::time::Instant::now() < deadline, "never laid out");
        harness.step();
        std::thread::yield_now();
    }
    assert!(harness.query_by_label("the whole map, small").is_none(), "all of it is seen");
    for _ in 0..5 {
        harness.key_press(Key::Plus);
    }
    harness.run_steps(3);
    let before = harness.state().window.map().camera();
    harness.get_by_label("the whole map, small").click();
    harness.run();
    assert_ne!(harness.state().window.map().camera(), before, "a click goes there");
}

#[test]
fn dots_move_along_one_selected_edge_or_a_running_replay_and_else_nowhere() {
    let business = testing::order_business();
    let mut map = MapView::default();
    map.update(&business, testing::NOW_NS, 0.0, None);
    let hop = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let none = Ways::default();
    let lit = Ways { hops: [hop("orders", "orders.placed"), hop("orders", "nobody")].into(), boxes: ["orders".to_owned()].into(), ..Ways::default() };
    let moving = |replayed_into| Motion::Moving { replayed_into, lit: &none };
    let channels = ["inventory.reserved", "orders.placed"].map(str::to_owned);
    assert_eq!((map.moving_edges(moving(&[])), map.moving_edges(Motion::Still)), (vec![], vec![]));
    let titles = |map: &MapView, motion| -> Vec<String> {
        let scene = map.shown_scene();
        map.moving_edges(motion).into_iter().map(|index| scene.edge_title(&scene.edges[index])).collect()
    };
    assert_eq!(titles(&map, moving(&channels[..1])), ["inventory.reserved → orders"]);
    assert_eq!(titles(&map, moving(&channels[1..])).len(), 4, "every group that reads there");
    assert_eq!(titles(&map, moving(&channels)).len(), 5, "of several each");
    assert_eq!(titles(&map, Motion::Moving { replayed_into: &[], lit: &lit }), ["orders → orders.placed"], "the way of what was just sent");
    let entered = Ways { entered: ["storefront".to_owned()].into(), ..Ways::default() };
    assert_eq!(titles(&map, Motion::Moving { replayed_into: &[], lit: &entered }).len(), 1, "from outside into the first service");
    let boxes = map.lit_boxes(Motion::Moving { replayed_into: &[], lit: &lit });
    let names: Vec<&str> = map.shown_scene().nodes.iter().filter(|node| boxes.contains(&node.node_id)).map(|node| node.full_name.as_str()).collect();
    assert_eq!((names.as_slice(), map.lit_boxes(Motion::Still).len()), (&["orders"][..], 0));
    let edge_id = map.shown_scene().edges[0].edge_id;
    map.select(Some(Selection::Edge(edge_id)));
    assert_eq!(map.moving_edges(moving(&[])), [0]);
    assert!(map.moving_edges(Motion::Still).is_empty(), "off is off");
}

#[test]
fn the_modes_are_always_there_and_one_that_shows_nothing_else_cannot_be_chosen() {
    let small = harness(&FixedSource::new(testing::order_business()), [1280.0, 800.0]);
    let large = harness(&FixedSource::new(testing::large_business(200, 30)), [1280.0, 800.0]);
    let is_offered = |harness: &Harness<'_, WindowApp>, mode: &str| !harness.get_by_role_and_label(Role::RadioButton, mode).accesskit_node().is_disabled();
    assert_eq!(["Problems", "Neighbourhood", "All"].map(|mode| is_offered(&small, mode)), [true, true, false]);
    assert_eq!(["Problems", "Neighbourhood", "All"].map(|mode| is_offered(&large, mode)), [true, true, true]);
}

#[test]
fn what_stands_on_edges_is_chosen_by_key_or_on_the_map_and_remembered() {
    let mut harness = harness(&FixedSource::new(testing::order_business()), [1600.0, 1000.0]);
    let chosen = |harness: &Harness<'_, WindowApp>| harness.state().window.settings().map.edge_label;
    let num_told = |harness: &Harness<'_, WindowApp>| harness.query_all_by_label_contains(" to ").count();
    let before = num_told(&harness);
    harness.key_press(Key::L);
    harness.run();
    assert_eq!(chosen(&harness), EdgeLabel::Rate);
    assert!(num_told(&harness) > before + 5, "edges say what they do");
    harness.get_by_role_and_label(Role::RadioButton, "p95 on edges").click();
    harness.run();
    assert_eq!(chosen(&harness), EdgeLabel::P95);
    let remembered = harness.state().window.settings().map;
    let mut next = MapView::default();
    next.remember(remembered, "");
    assert_eq!(next.to_remember().edge_label, EdgeLabel::P95);
    harness.get_by_role_and_label(Role::RadioButton, "auto on edges").click();
    harness.run();
    assert_eq!((chosen(&harness), num_told(&harness)), (EdgeLabel::Auto, before));
}

#[test]
fn names_are_whole_in_every_window_that_has_room_for_them() {
    let business = testing::order_business();
    let (alone, beside) = (UiCommand::LayoutMap, UiCommand::LayoutTraces);
    for (size, layout) in [([1280.0, 720.0], alone), ([1280.0, 800.0], alone), ([1280.0, 800.0], beside), ([1440.0, 900.0], beside), ([2560.0, 1440.0], alone)]
    {
        let mut harness = harness(&FixedSource::new(business.clone()), size);
        run(&mut harness, layout);
        let painted: BTreeSet<&str> = testing::galleys(harness.output()).into_iter().map(Galley::text).collect();
        for node in &harness.state().window.map().shown_scene().nodes {
            assert!(painted.contains(node.name.as_str()), "{} is cut at {size:?} with {layout:?}", node.name);
        }
    }
}

#[test]
fn a_small_map_fills_a_large_window_and_the_height_of_any() {
    for (size, share) in [([1280.0, 800.0], 0.75), ([1440.0, 900.0], 0.75), ([2560.0, 1440.0], 0.75)] {
        let harness = harness(&FixedSource::new(testing::order_business()), size);
        let map = harness.state().window.map();
        let (camera, viewport) = (map.camera().expect("a camera"), map.viewport().expect("a viewport"));
        let boxes = map.boxes_for_tests().map(|rect| camera.rect_on_screen(rect)).reduce(Rect::union).expect("boxes");
        assert!(viewport.contains_rect(boxes));
        assert!(boxes.height() > viewport.height() * share, "{} of {} at {size:?}", boxes.height(), viewport.height());
        assert!(boxes.width() > viewport.width() * 0.7, "{} of {} at {size:?}", boxes.width(), viewport.width());
    }
}
