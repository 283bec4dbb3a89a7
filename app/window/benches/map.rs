//! What the map costs: `ui` and tessellation of a frame at 1,000 boxes and 5,000 edges, beside a reference of plain lines and
//! rectangles in the same run, and the layouts.

mod plain;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use plain::{Plain, SIZE};
use switchboard_window::testing::{self, Frames};

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("map frame 1,000 / 5,000");
    group.measurement_time(Duration::from_secs(6));
    let mut plain = Plain::new(None);
    group.bench_function("reference: plain lines and rectangles", |bencher| bencher.iter(|| plain.frame()));
    let mut whole = Frames::new(testing::generated(1_000, 5_000), SIZE[0], SIZE[1]);
    group.bench_function("whole map in view", |bencher| bencher.iter(|| whole.frame(Vec::new())));
    let mut moving = Frames::new(testing::generated(1_000, 5_000), SIZE[0], SIZE[1]);
    let mut at = 0.0_f32;
    group.bench_function("pointer moving over it", |bencher| {
        bencher.iter(|| {
            at = (at + 3.0) % 1_200.0;
            moving.frame(vec![egui::Event::PointerMoved(egui::pos2(300.0 + at, 300.0 + at * 0.5))])
        });
    });
    let mut near = Frames::new(testing::generated(1_000, 5_000), SIZE[0], SIZE[1]);
    near.frame(vec![egui::Event::PointerMoved(egui::pos2(1_000.0, 700.0))]);
    near.zoom_into_map(8);
    group.bench_function("zoomed in until names are read", |bencher| bencher.iter(|| near.frame(Vec::new())));
    group.finish();
}

fn layouts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("map layout");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    for (num_nodes, num_edges) in [(16, 24), (200, 420), (1_000, 5_000)] {
        let snapshot = testing::generated(num_nodes, num_edges);
        group.bench_function(format!("own layers {num_nodes} / {num_edges}"), |bencher| bencher.iter(|| testing::lay_out(&snapshot)));
    }
    // The alternative that was considered. At 1,000 / 5,000 it takes more than a minute, so it is measured up to 200 / 420.
    for (num_nodes, num_edges) in [(16, 24), (200, 420)] {
        let edges = testing::edges_of(&testing::generated(num_nodes, num_edges));
        let config = rust_sugiyama::configure::Config::default();
        group.bench_function(format!("reference: rust-sugiyama {num_nodes} / {num_edges}"), |bencher| {
            bencher.iter(|| rust_sugiyama::from_edges(&edges, &config).len());
        });
    }
    group.finish();
}

criterion_group!(benches, frames, layouts);
criterion_main!(benches);
