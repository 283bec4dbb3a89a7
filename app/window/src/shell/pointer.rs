//! The pointer shows what it is on: a hand over all that does something when it is clicked, unless a widget says better.

use egui::{Context, CursorIcon};

/// To be called once a frame, after all was drawn.
pub(crate) fn show(ctx: &Context) {
    if ctx.output(|output| output.cursor_icon) != CursorIcon::Default || ctx.dragged_id().is_some() {
        return;
    }
    // What is also dragged says itself what it is; what Tab does not come to is background: of a menu, of a dialog.
    let is_clicked = ctx.viewport(|viewport| viewport.hits.click.is_some_and(|widget| widget.enabled && widget.sense == egui::Sense::click()));
    let is_over = ctx.input(|input| input.pointer.hover_pos().is_some());
    if is_clicked && is_over {
        ctx.set_cursor_icon(CursorIcon::PointingHand);
    }
}
