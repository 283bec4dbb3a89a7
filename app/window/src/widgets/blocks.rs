//! Blocks one below the other, in two columns where there is room: a line of text is never longer than eyes follow.

use egui::{Id, Rect, Stroke, UiBuilder, pos2, vec2};

use crate::theme::{DesignTokens, Ink};

/// From this width on there are two columns, points.
const TWO_FROM_PT: f32 = 720.0;
/// Blocks move to the other column only where one is longer than the other by more than this, points: they do not jump with each row.
const UNEVEN_PT: f32 = 160.0;

/// What is known of blocks from the frame before.
#[derive(Clone, Debug, Default, PartialEq)]
struct Standing {
    /// Their heights, points.
    heights: Vec<f32>,
    /// The first one of the second column.
    first_right: usize,
}

impl Standing {
    /// The two columns as they stand, points.
    fn columns_pt(&self, first_right: usize) -> [f32; 2] {
        let (left, right) = self.heights.split_at(first_right.min(self.heights.len()));
        [left.iter().sum(), right.iter().sum()]
    }

    /// Where the second column begins: as before, unless the columns have become too uneven for that.
    fn arranged(mut self) -> Self {
        let longest = |first_right: usize| self.columns_pt(first_right).into_iter().fold(0.0, f32::max);
        let best = (1..=self.heights.len()).min_by(|one, other| longest(*one).total_cmp(&longest(*other))).unwrap_or(0);
        let is_kept = (1..=self.heights.len()).contains(&self.first_right) && longest(self.first_right) - longest(best) <= UNEVEN_PT;
        if !is_kept {
            self.first_right = best;
        }
        self
    }
}

/// Draws that many blocks; `block` draws one of them, and what was asked for in any is returned.
pub(crate) fn blocks_ui<R>(
    ui: &mut egui::Ui,
    name: &'static str,
    num_blocks: usize,
    tokens: &DesignTokens,
    mut block: impl FnMut(&mut egui::Ui, usize) -> Option<R>,
) -> Option<R> {
    let mut asked = None;
    let room = ui.available_rect_before_wrap();
    if room.width() < TWO_FROM_PT || num_blocks < 2 {
        for index in 0..num_blocks {
            asked = block(ui, index).or(asked);
        }
        return asked;
    }
    let id = Id::unique(("blocks", name));
    let known: Standing = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    // Heights of other blocks say nothing of these.
    let is_of_these = known.heights.len() == num_blocks;
    let standing = if is_of_these { known.clone().arranged() } else { Standing { heights: Vec::new(), first_right: num_blocks.div_ceil(2) } };
    let middle = room.center().x;
    let mut heights = Vec::with_capacity(num_blocks);
    for (left, right, blocks) in [(room.left(), middle, 0..standing.first_right), (middle, room.right(), standing.first_right..num_blocks)] {
        let column = Rect::from_min_max(pos2(left, room.top()), pos2(right, room.bottom()));
        let mut column =
            ui.new_child(UiBuilder::new().id_salt(("blocks", name, heights.len())).max_rect(column).layout(egui::Layout::top_down(egui::Align::Min)));
        for index in blocks {
            let top = column.cursor().top();
            asked = block(&mut column, index).or(asked);
            heights.push(column.cursor().top() - top);
        }
    }
    // Columns that were guessed are evened out, those that were arranged stay as long as they may.
    let next = Standing { heights, first_right: if is_of_these { standing.first_right } else { 0 } };
    let height = next.columns_pt(standing.first_right).into_iter().fold(0.0, f32::max);
    let (rect, _) = ui.allocate_exact_size(vec2(room.width(), height), egui::Sense::hover());
    ui.painter().vline(middle, rect.y_range(), Stroke::new(1.0, tokens.ink(Ink::Hairline)));
    if next.clone().arranged() != next || !is_of_these {
        ui.ctx().request_discard("columns are evened out");
    }
    ui.data_mut(|data| data.insert_temp(id, next));
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_even_and_blocks_stay_where_they_are_as_rows_come() {
        let arranged = |heights: &[f32], first_right: usize| Standing { heights: heights.to_vec(), first_right }.arranged().first_right;
        assert_eq!(arranged(&[100.0, 100.0, 100.0, 100.0], 0), 2);
        assert_eq!(arranged(&[400.0, 100.0, 100.0, 100.0], 0), 1);
        assert_eq!(arranged(&[100.0, 100.0, 100.0, 400.0], 0), 3);
        assert_eq!(arranged(&[100.0, 100.0, 100.0, 160.0], 2), 2);
        assert_eq!(arranged(&[100.0, 100.0, 100.0, 240.0], 2), 2, "not yet by enough");
        assert_eq!(arranged(&[300.0, 300.0, 300.0, 900.0], 2), 3);
        assert_eq!(arranged(&[50.0], 7), 1);
    }

    #[test]
    fn a_wide_room_has_two_columns_and_a_narrow_one_has_one() {
        let themes = crate::theme::Themes::load();
        let drawn = |width: f32| {
            let ctx = egui::Context::default();
            themes.install(&ctx);
            let mut places = Vec::new();
            for _frame in 0..3 {
                places.clear();
                let input = egui::RawInput { screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(width, 600.0))), ..egui::RawInput::default() };
                let output = ctx.run_ui(input, |ui| {
                    places.clear();
                    let tokens = themes.tokens(egui::Theme::Dark);
                    let _asked: Option<()> = blocks_ui(ui, "test", 4, tokens, |ui, index| {
                        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), if index == 0 { 300.0 } else { 100.0 }), egui::Sense::hover());
                        places.push(rect);
                        None
                    });
                });
                output.drop_without_applying_deltas();
            }
            places
        };
        let lefts = |places: &[Rect]| places.iter().map(|rect| (rect.left() - places[0].left()).round() as i32).collect::<Vec<_>>();
        let narrow = drawn(600.0);
        assert_eq!(lefts(&narrow), [0; 4]);
        assert!(narrow.windows(2).all(|pair| pair[0].bottom() <= pair[1].top()), "{narrow:?}");
        let wide = drawn(1_000.0);
        assert_eq!(lefts(&wide), [0, 500, 500, 500], "{wide:?}");
        assert!((wide[1].top() - wide[0].top()).abs() < 0.1 && wide.iter().all(|rect| rect.width() <= 500.0), "{wide:?}");
    }
}
