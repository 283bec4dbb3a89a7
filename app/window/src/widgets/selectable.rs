//! Painted text that the pointer selects and Ctrl+C copies, as it does labels.

use std::cell::Cell;
use std::sync::Arc;

use egui::{Color32, Context, Galley, Id, Pos2, Rect, Response, Sense, Stroke, accesskit, text_selection::LabelSelectionState};

use super::object_menu;

/// The painted texts of one row. Where a click does something they are only painted: then a right click offers the copy.
pub(crate) struct Texts<'a> {
    ui: &'a egui::Ui,
    row: Id,
    is_clicked: bool,
    num: Cell<u32>,
}

impl<'a> Texts<'a> {
    /// The texts of the row with this response.
    pub(crate) fn of(ui: &'a egui::Ui, row: &Response) -> Self {
        Self { ui, row: row.id, is_clicked: row.sense.senses_click(), num: Cell::new(0) }
    }

    /// Paints a text; `whole` is what it is of. One whose middle was left out is copied as a whole or not at all.
    pub(crate) fn put(&self, at: Pos2, galley: Arc<Galley>, color: Color32, whole: &str) {
        self.num.set(self.num.get() + 1);
        if self.is_clicked {
            self.ui.painter().galley(at, galley, color);
            return;
        }
        // Not focusable: Tab goes to what does something.
        let response = self.ui.interact(Rect::from_min_size(at, galley.size()), self.row.with(self.num.get()), Sense::CLICK | Sense::DRAG);
        if response.secondary_clicked() {
            object_menu::offer(self.ui.ctx(), Some(whole), None);
        }
        let (is_whole, is_cut) = (galley.text() == whole, galley.elided);
        if is_whole {
            LabelSelectionState::label_text_selection(self.ui, &response, at, galley, color, Stroke::NONE);
            // Its lines are told to screen readers with the row; where it stands belongs to that.
            let rect = response.rect;
            let bounds = accesskit::Rect { x0: rect.left().into(), y0: rect.top().into(), x1: rect.right().into(), y1: rect.bottom().into() };
            self.ui.ctx().accesskit_node_builder(response.id, |node| node.set_bounds(bounds));
        } else {
            self.ui.painter().galley(at, galley, color);
        }
        if is_cut || !is_whole {
            response.on_hover_text(whole);
        }
    }
}

/// Whether a text is selected somewhere in the window.
pub(crate) fn is_any_selected(ctx: &Context) -> bool {
    ctx.plugin::<LabelSelectionState>().lock().has_selection()
}

/// A click that selects no word ends what was selected before: to be called once a frame, after all was drawn.
pub(crate) fn end_with_click(ctx: &Context) {
    let ends = ctx.input(|input| {
        let pointer = &input.pointer;
        pointer.primary_clicked()
            && !input.modifiers.shift
            && !pointer.button_double_clicked(egui::PointerButton::Primary)
            && !pointer.button_triple_clicked(egui::PointerButton::Primary)
    });
    if ends {
        ctx.plugin::<LabelSelectionState>().lock().clear_selection();
    }
}
