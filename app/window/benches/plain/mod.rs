//! What no drawing of a view can be below: plain egui with as much on it, in the same run.

/// Size of the window, points.
pub const SIZE: [f32; 2] = [2560.0, 1440.0];

/// Plain egui, frame by frame.
pub struct Plain {
    ctx: egui::Context,
    time: f64,
    cells: Option<(usize, usize)>,
}

impl Plain {
    /// As many labels on rectangles as there are cells in view, rows by columns; without cells as many lines and rectangles as the map of
    /// 1,000 boxes and 5,000 edges has.
    pub fn new(cells: Option<(usize, usize)>) -> Self {
        Self { ctx: egui::Context::default(), time: 0.0, cells }
    }

    /// Runs and tessellates one; how many shapes it comes to.
    pub fn frame(&mut self) -> usize {
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
