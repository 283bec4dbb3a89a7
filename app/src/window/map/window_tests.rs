//! The map in a window: what the camera, the pointer and the keys do to it.

use egui::{Rect, vec2};
use egui_kittest::Harness;
use switchboard_engine::view::Snapshot;

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
    let all = map.placement().placed().rects.values().map(|rect| camera.rect_on_screen(*rect)).reduce(Rect::union);
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
    std::sync::Arc::make_mut(&mut snapshot.topology).version = 1 + num_more as u64;
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
    let settled = harness.state().window.map().placement().placed().clone();
    for num_more in 2..8 {
        source.publish(business_with(num_more));
        harness.run_steps(4);
        assert!(is_all_in_view(&harness), "after {num_more} came");
    }
    let now = &harness.state().window.map().placement().placed().rects;
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
