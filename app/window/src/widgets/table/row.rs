//! A row that is being painted: words, names and figures in its cells.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use egui::{Color32, FontId, Galley, Rect, pos2, text::LayoutJob};

use super::columns::{Column, MARGIN_PT};
use crate::{
    fonts,
    ink::fitted,
    theme::{DesignTokens, Ink},
};

/// Edges of columns are sums: they are off by less than the eye sees, points.
const SLACK_PT: f32 = 0.1;
/// Of a text that was cut, so many characters are told where the pointer rests on it.
const TOLD_CHARS_MAX: usize = 1_000;

/// What is learned of cells while they are painted.
#[derive(Default)]
pub(super) struct Learned {
    /// What each column needs, points.
    pub(super) needs: RefCell<Vec<f32>>,
    /// Whether one of them is wider than it was known.
    pub(super) has_grown: Cell<bool>,
    /// Texts of the row below the pointer that were cut.
    pub(super) cut: RefCell<Vec<String>>,
    /// A column that is measured, and the widest of its texts, points.
    pub(super) measured: Option<usize>,
    pub(super) widest: Cell<f32>,
    /// Where a text is wanted that can be copied, and what stands there.
    pub(super) copies_at: Cell<Option<f32>>,
    pub(super) copied: RefCell<Option<String>>,
}

/// A row that is being painted.
pub(crate) struct Row<'a> {
    pub(super) painter: &'a egui::Painter,
    pub(super) rect: Rect,
    pub(super) columns: &'a [Column],
    pub(super) edges: &'a [(f32, f32)],
    pub(super) learned: &'a Learned,
    pub(super) is_hovered: bool,
    /// Colours.
    pub tokens: &'a DesignTokens,
    /// Whether it is the selected one.
    pub is_selected: bool,
}

impl Row<'_> {
    /// The room of a column in this row.
    pub(crate) fn cell(&self, column: usize) -> Rect {
        let (left, right) = self.edges[column];
        Rect::from_min_max(pos2(left, self.rect.top()), pos2(right, self.rect.bottom()))
    }

    /// Whether the table has so many columns now that this one is among them.
    pub(crate) fn has(&self, column: usize) -> bool {
        column < self.columns.len()
    }

    /// Where in a column the pointer rests on this row.
    pub(crate) fn pointer_in(&self, column: usize) -> Option<egui::Pos2> {
        let at = self.painter.ctx().pointer_hover_pos().filter(|_| self.is_hovered)?;
        self.cell(column).contains(at).then_some(at)
    }

    /// What draws in this row.
    pub(crate) fn painter(&self) -> &egui::Painter {
        self.painter
    }

    /// A dot before the first column: this is new.
    pub(crate) fn mark_new(&self) {
        self.painter.circle_filled(pos2(self.rect.left() + MARGIN_PT / 2.0, self.rect.center().y), 3.0, self.tokens.ink(Ink::Accent));
    }

    /// Words in a column; what finds no room is cut, unless the column is whole.
    pub(crate) fn words(&self, column: usize, text: &str, ink: Ink) {
        self.text_in(column, self.cell(column), text, fonts::words(12.5), self.tokens.ink(ink));
    }

    /// Names in a column, in the bold face.
    pub(crate) fn strong(&self, column: usize, text: &str, ink: Ink) {
        self.text_in(column, self.cell(column), text, fonts::strong(12.5), self.tokens.ink(ink));
    }

    /// Data in a column, in the mono face.
    pub(crate) fn data(&self, column: usize, text: &str, ink: Ink) {
        self.text_in(column, self.cell(column), text, fonts::data(12.0), self.tokens.ink(ink));
    }

    /// Text in a part of a column.
    pub(crate) fn text_in(&self, column: usize, room: Rect, text: &str, font: FontId, color: Color32) {
        self.note(column, room, text, &font);
        let galley = if self.columns[column].whole {
            let whole = self.laid(text, &font, color);
            self.need(column, room, whole.size().x);
            if fits(&whole, room) { whole } else { self.cut_at_end(room, text, font, color) }
        } else {
            self.cut_at_end(room, text, font, color)
        };
        self.place(column, room, galley, color);
    }

    /// A name in a part of a column, its middle left out where it finds no room: both ends tell.
    pub(crate) fn name_in(&self, column: usize, room: Rect, text: &str, font: &FontId, color: Color32) {
        self.note(column, room, text, font);
        let galley = fitted(self.painter, text, font, room.width().max(0.0));
        if galley.text() != text {
            self.note_cut(text);
        }
        self.place(column, room, galley, color);
    }

    /// How something stands and why. The word with which the text begins is never cut; of the rest as many clauses are shown as find room:
    /// a figure of which half is left would be another figure.
    pub(crate) fn standing_in(&self, column: usize, room: Rect, [word, text]: [&str; 2], font: &FontId, color: Color32) {
        self.note(column, room, text, font);
        let whole = self.laid(text, font, color);
        if word == text {
            self.need(column, room, whole.size().x);
        } else {
            self.need(column, room, self.laid(&format!("{word}…"), font, color).size().x);
        }
        if fits(&whole, room) {
            return self.place(column, room, whole, color);
        }
        let ends = clause_ends(text, word.len());
        let part = |end: usize| self.laid(&format!("{}…", &text[..end]), font, color);
        let num = ends.partition_point(|end| fits(&part(*end), room));
        self.note_cut(text);
        let galley = num.checked_sub(1).map(|last| part(ends[last]));
        let galley = galley.unwrap_or_else(|| self.cut_at_end(room, text, font.clone(), color));
        self.place(column, room, galley, color);
    }

    /// How wide the text is as a whole, where its column is measured, and the text itself, where it is to be copied.
    fn note(&self, column: usize, room: Rect, text: &str, font: &FontId) {
        if self.learned.measured == Some(column) {
            let whole = self.laid(text, font, Color32::PLACEHOLDER).size().x + self.cell(column).width() - room.width();
            self.learned.widest.set(self.learned.widest.get().max(whole));
        }
        let is_under = |x: f32| self.cell(column).x_range().contains(x) && (room.left() <= x || self.learned.copied.borrow().is_none());
        if !text.is_empty() && self.learned.copies_at.get().is_some_and(is_under) {
            self.learned.copied.replace(Some(text.to_owned()));
        }
    }

    /// This text is not shown as a whole: it is told where the pointer rests on the row.
    fn note_cut(&self, text: &str) {
        if self.is_hovered {
            let told: String = text.chars().take(TOLD_CHARS_MAX).collect();
            let mut cut = self.learned.cut.borrow_mut();
            if !cut.contains(&told) {
                cut.push(told);
            }
        }
    }

    /// A text takes so much of a part of its column; where that is more than there is, the column needs more.
    fn need(&self, column: usize, room: Rect, width: f32) {
        let has = self.cell(column).width();
        let width = width + has - room.width();
        let mut needs = self.learned.needs.borrow_mut();
        if let Some(need) = needs.get_mut(column).filter(|need| has + SLACK_PT < width && **need < width) {
            *need = width.ceil();
            self.learned.has_grown.set(true);
        }
    }

    fn laid(&self, text: &str, font: &FontId, color: Color32) -> Arc<Galley> {
        self.painter.layout_job(LayoutJob::simple_singleline(text.to_owned(), font.clone(), color))
    }

    fn cut_at_end(&self, room: Rect, text: &str, font: FontId, color: Color32) -> Arc<Galley> {
        let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
        job.wrap = egui::text::TextWrapping::truncate_at_width(room.width().max(0.0));
        let galley = self.painter.layout_job(job);
        if galley.elided {
            self.note_cut(text);
        }
        galley
    }

    fn place(&self, column: usize, room: Rect, galley: Arc<Galley>, color: Color32) {
        let x = if self.columns[column].right { room.right() - galley.size().x } else { room.left() };
        self.painter.galley(pos2(x, room.center().y - galley.size().y / 2.0), galley, color);
    }
}

/// Whether a text finds room.
fn fits(galley: &Galley, room: Rect) -> bool {
    galley.size().x <= room.width() + SLACK_PT
}

/// Where the clauses of a sentence end behind its first word, in bytes, rising.
fn clause_ends(text: &str, word_len: usize) -> Vec<usize> {
    let behind = |mark: &'static str| text.match_indices(mark).map(|(at, _)| at);
    let mut ends: Vec<usize> = [": ", "; ", ", ", " · "].into_iter().flat_map(behind).filter(|end| *end >= word_len).collect();
    ends.sort_unstable();
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_cut_between_its_clauses() {
        let text = "falls behind: 1,249 records, 12 s; grew by 178 in 17 s";
        let parts: Vec<&str> = clause_ends(text, "falls behind".len()).into_iter().map(|end| &text[..end]).collect();
        assert_eq!(parts, ["falls behind", "falls behind: 1,249 records", "falls behind: 1,249 records, 12 s"]);
        assert!(clause_ends("a, b: c", "a, b: c".len()).is_empty());
    }
}
