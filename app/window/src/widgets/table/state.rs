//! What a table keeps from frame to frame.

use std::ops::Range;

use super::sorting::Sorting;
use crate::{theme::ROW_HEIGHT_PT, view::UiCommand};

/// What a table keeps from frame to frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableState {
    /// Points from the top of the first row to the top of the view; `f64`, for at 10⁷ rows `f32` no longer tells points apart.
    pub(super) scroll_pt: f64,
    /// Rows that were in view.
    page: usize,
    /// A row to be brought into view.
    reveal: Option<usize>,
    /// Stays at the end as rows come.
    pub(super) follows_end: bool,
    pub(super) pointer_inside: bool,
    /// What a column needed so that nothing was cut that may not be, points; 0 = it had enough. It grows only: columns do not tremble with
    /// their figures.
    pub(super) needs: Vec<f32>,
    /// How rows that are all there are sorted.
    pub(super) sorting: Sorting,
    /// A column that is to be as wide as what it shows.
    pub(super) fits: Option<usize>,
    /// The rows are in another order: the selected one is brought into view again.
    pub(super) reveals_selected: bool,
}

impl TableState {
    /// Moves the selection as a command says; `None` if it is no command of a table. The new row is brought into view.
    pub(crate) fn run(&mut self, command: UiCommand, selected: Option<usize>, num_rows: usize) -> Option<usize> {
        let last = num_rows.checked_sub(1)?;
        let page = self.page.saturating_sub(1).max(1);
        let row = match (command, selected) {
            (UiCommand::WalkFirst, _) => 0,
            (UiCommand::WalkLast, _) => last,
            (UiCommand::WalkUp | UiCommand::WalkDown | UiCommand::WalkPageUp | UiCommand::WalkPageDown, None) => self.first_row().min(last),
            (UiCommand::WalkUp, Some(row)) => row.saturating_sub(1),
            (UiCommand::WalkDown, Some(row)) => (row + 1).min(last),
            (UiCommand::WalkPageUp, Some(row)) => row.saturating_sub(page),
            (UiCommand::WalkPageDown, Some(row)) => (row + page).min(last),
            _ => return None,
        };
        self.reveal(row);
        Some(row.min(last))
    }

    /// One whose rows the pointer rests on, or not, and that is sorted so.
    #[cfg(test)]
    pub(crate) fn for_tests(pointer_inside: bool, sorting: Sorting) -> Self {
        Self { pointer_inside, sorting, ..Self::default() }
    }

    /// How rows that are all there are sorted.
    pub(crate) fn sorting(&self) -> Sorting {
        self.sorting
    }

    /// Brings a row into view with the next frame.
    pub(crate) fn reveal(&mut self, row: usize) {
        self.reveal = Some(row);
        self.follows_end = false;
    }

    /// Whether the end stays in view as rows come; scrolling up ends that.
    pub(crate) fn follow_end(&mut self, follows: bool) {
        self.follows_end = follows;
    }

    /// Whether the end stays in view.
    pub(crate) fn follows_end(&self) -> bool {
        self.follows_end
    }

    /// Whether the pointer is over the rows: then a view that sorts keeps its order, for a row under the pointer never moves.
    pub(crate) fn is_pointer_inside(&self) -> bool {
        self.pointer_inside
    }

    /// Whether the last of so many rows is in view.
    pub(crate) fn is_at_end(&self, num_rows: usize) -> bool {
        self.scroll_pt >= (num_rows as f64 - self.page as f64 - 1.0) * f64::from(ROW_HEIGHT_PT)
    }

    /// That many rows came above the first: what is in view stays where it is.
    pub(crate) fn rows_came_above(&mut self, num_rows: usize) {
        if self.scroll_pt > 0.0 {
            self.scroll_pt += num_rows as f64 * f64::from(ROW_HEIGHT_PT);
        }
    }

    fn first_row(&self) -> usize {
        (self.scroll_pt / f64::from(ROW_HEIGHT_PT)).ceil() as usize
    }

    /// The rows in view and where the first of them begins, points from the top (≤ 0).
    pub(super) fn settle(&mut self, num_rows: usize, height_pt: f32) -> (Range<usize>, f32) {
        let row_pt = f64::from(ROW_HEIGHT_PT);
        let (total_pt, height_pt) = (num_rows as f64 * row_pt, f64::from(height_pt.max(0.0)));
        let max_pt = (total_pt - height_pt).max(0.0);
        if let Some(row) = self.reveal.take() {
            let top_pt = row.min(num_rows.saturating_sub(1)) as f64 * row_pt;
            self.scroll_pt = self.scroll_pt.min(top_pt).max(top_pt + row_pt - height_pt);
        }
        if self.follows_end {
            self.scroll_pt = max_pt;
        }
        self.scroll_pt = self.scroll_pt.clamp(0.0, max_pt);
        self.page = (height_pt / row_pt) as usize;
        let first = (self.scroll_pt / row_pt) as usize;
        let end = ((self.scroll_pt + height_pt) / row_pt).ceil() as usize;
        (first..end.min(num_rows), (first as f64 * row_pt - self.scroll_pt) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(height_pt: f32, num_rows: usize) -> TableState {
        let mut state = TableState::default();
        let _first_frame = state.settle(num_rows, height_pt);
        state
    }

    #[test]
    fn keys_move_the_selection_and_keep_it_in_view() {
        let mut state = state(300.0, 1_000);
        for (command, selected, row) in [
            (UiCommand::WalkDown, None, 0),
            (UiCommand::WalkDown, Some(0), 1),
            (UiCommand::WalkUp, Some(0), 0),
            (UiCommand::WalkPageDown, Some(1), 10),
            (UiCommand::WalkPageUp, Some(10), 1),
            (UiCommand::WalkLast, Some(1), 999),
            (UiCommand::WalkDown, Some(999), 999),
            (UiCommand::WalkFirst, Some(999), 0),
        ] {
            assert_eq!(state.run(command, selected, 1_000), Some(row), "{command:?} from {selected:?}");
            let (visible, _) = state.settle(1_000, 300.0);
            assert!(visible.contains(&row), "{row} is not in {visible:?}");
        }
        assert_eq!(state.run(UiCommand::Quit, Some(0), 1_000), None);
        assert_eq!(state.run(UiCommand::WalkDown, None, 0), None);
    }

    #[test]
    fn the_ten_millionth_row_stands_as_exactly_as_the_first() {
        let mut state = state(300.0, 10_000_000);
        state.reveal(9_999_999);
        let (visible, top_pt) = state.settle(10_000_000, 300.0);
        assert_eq!((visible, top_pt), (9_999_990..10_000_000, 0.0));
        state.scroll_pt -= 7.5;
        let (visible, top_pt) = state.settle(10_000_000, 300.0);
        assert_eq!((visible, top_pt), (9_999_989..10_000_000, -22.5));
    }

    #[test]
    fn the_end_is_followed_until_a_row_is_asked_for_and_new_rows_above_move_nothing() {
        let mut state = state(300.0, 100);
        state.follow_end(true);
        assert_eq!(state.settle(100, 300.0).0, 90..100);
        assert_eq!(state.settle(120, 300.0).0, 110..120);
        state.reveal(50);
        assert_eq!(state.settle(130, 300.0).0, 50..60);
        state.rows_came_above(7);
        assert_eq!(state.settle(137, 300.0).0, 57..67);
        assert_eq!(state.settle(3, 300.0).0, 0..3, "fewer rows than there is room for");
    }
}
