//! What each view costs at the sizes it is held to: `ui` and tessellation of frames at 2560 × 1440 without a graphics adapter.
//! Beside each stands a reference of the same run: as many plain labels on plain rectangles as the view has cells in view, or
//! for a map as many plain lines and rectangles as it has edges and boxes. The percentiles are of single frames; once a second
//! of made-up time the map takes in figures, which is the slowest of its frames.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use switchboard_window::testing::loads;

const SIZE: [f32; 2] = [2560.0, 1440.0];
const NUM_FRAMES: usize = 480;

/// Plain egui, a frame.
struct Plain {
    ctx: egui::Context,
    time: f64,
    cells: Option<(usize, usize)>,
}

impl Plain {
    fn frame(&mut self) -> usize {
        self.time += 1.0 / 60.0;
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::Vec2::from(SIZE))),
            time: Some(self.time),
            ..egui::RawInput::default()
        };
        let cells = self.cells;
        let output = self.ctx.run_ui(input, |ui| match cells {
            Some((num_rows, num_columns)) => labels_ui(ui, num_rows, num_columns),
            None => lines_ui(ui),
        });
        let primitives = self.ctx.tessellate(output.shapes.clone(), output.pixels_per_point);
        output.drop_without_applying_deltas();
        primitives.len()
    }
}

fn labels_ui(ui: &mut egui::Ui, num_rows: usize, num_columns: usize) {
    for row in 0..num_rows {
        ui.horizontal(|ui| {
            for column in 0..num_columns {
                let at = ui.cursor().min;
                ui.painter().rect_filled(egui::Rect::from_min_size(at, egui::vec2(200.0, 18.0)), 0.0, egui::Color32::DARK_GRAY);
                ui.label(format!("cell {column} of row {row}"));
            }
        });
    }
}

fn lines_ui(ui: &egui::Ui) {
    let painter = ui.painter();
    let point = |number: u32| egui::pos2((number.wrapping_mul(7_919) % 2_500) as f32, (number.wrapping_mul(104_729) % 1_400) as f32);
    for number in 0..5_000 {
        painter.line_segment([point(number), point(number + 37)], egui::Stroke::new(1.0, egui::Color32::GRAY));
    }
    for number in 0..1_000 {
        let rect = egui::Rect::from_min_size(point(number), egui::vec2(40.0, 12.0));
        painter.rect(rect, 2.0, egui::Color32::DARK_GRAY, egui::Stroke::new(1.0, egui::Color32::GRAY), egui::StrokeKind::Middle);
    }
}

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
        let mut plain = Plain { ctx: egui::Context::default(), time: 0.0, cells: load.cells };
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
