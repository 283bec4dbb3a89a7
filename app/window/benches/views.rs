//! What each view costs at the sizes it is held to: `ui` and tessellation of frames at 2560 × 1440 without a graphics adapter.
//! Beside each stands a reference of the same run: as many plain labels on plain rectangles as the view has cells in view, or
//! for a map as many plain lines and rectangles as it has edges and boxes. The percentiles are of single frames; once a second
//! of made-up time the map takes in figures, which is the slowest of its frames.

mod plain;

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use plain::Plain;
use switchboard_window::testing::loads;

const NUM_FRAMES: usize = 480;

/// p50, p95 and the longest of many frames, ms.
fn percentiles(mut frame: impl FnMut() -> usize) -> [f64; 3] {
    let mut took: Vec<Duration> = (0..NUM_FRAMES)
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(frame());
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    [took.len() / 2, took.len() * 95 / 100, took.len() - 1].map(|place| took[place].as_secs_f64() * 1e3)
}

#[expect(clippy::print_stdout, reason = "criterion tells means only")]
fn views(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("views");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    println!("{:<36} {:>24}   reference {:>24}", "ms a frame", "p50      p95      max", "p50      p95      max");
    for make in loads() {
        let mut load = make();
        let mut plain = Plain::new(load.cells);
        let [of_view, of_plain] = [percentiles(|| load.frame()), percentiles(|| plain.frame())];
        let words = |[p50, p95, max]: [f64; 3]| format!("{p50:8.2} {p95:8.2} {max:8.2}");
        println!("{:<36} {}             {}", load.name, words(of_view), words(of_plain));
        group.bench_function(load.name, |bencher| bencher.iter(|| load.frame()));
        group.bench_function(format!("{}, reference", load.name), |bencher| bencher.iter(|| plain.frame()));
    }
    group.finish();
}

criterion_group!(benches, views);
criterion_main!(benches);
