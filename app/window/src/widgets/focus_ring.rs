//! The ring around what has the keyboard's focus, drawn in one place for all that can have it, painted or not.

use egui::{Event, StrokeKind};

use crate::theme::{DesignTokens, RADIUS_PT};

/// How far outside of the widget the ring is, points.
const AROUND_PT: f32 = 2.0;

/// Whether what has the focus is to be seen: from the first key until the pointer is used again.
#[derive(Default)]
pub(crate) struct FocusRing {
    is_by_keys: bool,
}

impl FocusRing {
    /// Sees whether keys or the pointer are used, before commands take their keys out of the input.
    pub(crate) fn watch(&mut self, ctx: &egui::Context) {
        self.is_by_keys = ctx.input(|input| {
            let by_keys = |event: &Event| match event {
                Event::Key { pressed: true, .. } => Some(true),
                Event::PointerButton { pressed: true, .. } => Some(false),
                _ => None,
            };
            input.events.iter().filter_map(by_keys).next_back().unwrap_or(self.is_by_keys)
        });
    }

    /// Draws it above what was drawn before. A field has its own frame, and a cursor.
    pub(crate) fn ui(&self, ctx: &egui::Context, tokens: &DesignTokens) {
        if !self.is_by_keys || ctx.text_edit_focused() {
            return;
        }
        let Some(focused) = ctx.memory(egui::Memory::focused).and_then(|id| ctx.read_response(id)) else { return };
        // What is scrolled out of view is cut; the window's edge cuts nothing.
        let seen = focused.interact_rect.expand(AROUND_PT).intersect(ctx.content_rect());
        let ring = focused.rect.expand(AROUND_PT).intersect(ctx.content_rect());
        if seen.is_positive() {
            let painter = ctx.layer_painter(focused.layer_id).with_clip_rect(seen);
            painter.rect_stroke(ring, RADIUS_PT, tokens.focus_stroke(), StrokeKind::Inside);
        }
    }
}
