//! The pointer that is pressed in a long text, until it is let go.

use egui::{Key, Pos2, Rangef, Response, Vec2};

use super::{
    rows::Measure,
    text::{Grain, LongText},
};

/// Beyond the rows in view it goes on by so many rows a second, and by as many more for each row that the pointer is further away.
const ROWS_PER_S: f32 = 60.0;
/// A frame that took longer counts as one of so many seconds.
const FRAME_MAX_S: f32 = 0.1;

/// How the pointer was pressed in a field last.
pub(super) struct Pressed {
    /// It still is.
    pub is_held: bool,
    /// Where.
    at: Pos2,
    /// From where to where the field was then, points.
    field: Rangef,
    /// It has gone further from there than a hand trembles.
    has_left: bool,
    /// How often in a row, up to three times.
    num: u32,
    /// The frame that it was followed in last.
    frame_nr: u64,
    /// The part of a row that it has gone on beyond the rows in view.
    row_part: f32,
}

impl Default for Pressed {
    fn default() -> Self {
        Self { is_held: false, at: Pos2::ZERO, field: Rangef::NOTHING, has_left: false, num: 0, frame_nr: 0, row_part: 0.0 }
    }
}

impl Pressed {
    /// Takes the next press, which may be let go already; what it selects at once.
    pub(super) fn again(&mut self, ui: &egui::Ui, response: &Response, at: Pos2) -> Grain {
        let (dist_max, delay_max) = ui.ctx().options(|options| (options.input_options.max_click_dist, options.input_options.max_double_click_delay));
        let is_again = self.at.distance(at) < dist_max && f64::from(ui.input(|input| input.pointer.time_since_last_click())) < delay_max;
        self.num = match self.num {
            _ if response.triple_clicked() => 3,
            _ if response.double_clicked() => 2,
            num if is_again && !response.clicked() => (num + 1).min(3),
            _ => 1,
        };
        (self.at, self.field, self.has_left, self.row_part) = (at, response.rect.y_range(), false, 0.0);
        [Grain::Character, Grain::Word, Grain::Line][self.num as usize - 1]
    }

    /// Follows it into the next frame, where it is at `pos`, and may be pressed anew; whether what is selected goes up to there.
    pub(super) fn follow(&mut self, ui: &egui::Ui, response: &Response, pos: Option<Pos2>, is_pressed: bool) -> bool {
        let ctx = ui.ctx();
        let (is_down, is_released, escape) = ui.input(|input| (input.pointer.primary_down(), input.pointer.primary_released(), input.key_pressed(Key::Escape)));
        let frame_nr = ctx.cumulative_frame_nr();
        // What was let go while the field was not drawn was let go unseen.
        let was_held = self.is_held && self.frame_nr + 1 >= frame_nr;
        self.frame_nr = frame_nr;
        self.is_held = is_down && !escape && (is_pressed || was_held);
        let Some(pos) = pos.filter(|_| was_held) else { return false };
        // Pressed for long it counts as dragged, too; but under a pointer that stands still the rows may be moved, to bring the caret into view.
        let dist_max = ctx.options(|options| options.input_options.max_click_dist);
        self.has_left |= self.at.distance(pos) > dist_max || !self.field.contains(pos.y);
        // Where frames take long it is moved and let go within one, and was never seen as dragged.
        self.has_left && (ctx.is_being_dragged(response.id) || is_released && !response.clicked())
    }

    /// Up to which place of which row it selects while it is beyond the rows in view, so many seconds after the frame before. It is so many points from the
    /// left and rows from the first that is drawn, as are the rows in view.
    pub(super) fn beyond(
        &mut self,
        text: &LongText,
        first: usize,
        from_first: Vec2,
        in_view: Rangef,
        passed_s: f32,
        measure: &mut Measure<'_>,
    ) -> (usize, usize) {
        let is_above = from_first.y < in_view.min;
        let away = if is_above { in_view.min - from_first.y } else { from_first.y - in_view.max };
        let gone = self.row_part + (1.0 + away) * ROWS_PER_S * passed_s.clamp(0.0, FRAME_MAX_S);
        self.row_part = gone.fract();
        // A row at the edge is in view if half of it is.
        let (num, last) = (gone as usize, text.rows().len() - 1);
        let row =
            if is_above { (first + in_view.min.round() as usize).checked_sub(num) } else { Some(first + (in_view.max.round() as usize).max(1) - 1 + num) };
        match row {
            None => (0, 0),
            Some(row) if row > last => (last, text.text().len()),
            Some(row) => (row, text.at_x(row, from_first.x, measure)),
        }
    }

    /// It is among the rows in view.
    pub(super) fn comes_back(&mut self) {
        self.row_part = 0.0;
    }
}
