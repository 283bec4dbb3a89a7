//! Draws the way of what was sent: who worked on it, below one another, with bars of time.

use egui::{Rect, Sense, Shape, Stroke, WidgetInfo, accesskit::Role, pos2, vec2};

use super::caused::WayRow;
use crate::{
    fonts,
    ink::{Glyph, fitted, glyph, one_line},
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_MIN_PT},
    view::ViewAction,
    widgets::object_menu,
};

/// Height of a row, points.
const ROW_PT: f32 = 24.0;
/// Depth of a step, points; deeper than so many steps none is told apart.
const STEP_PT: f32 = 11.0;
const STEPS_MAX: usize = 8;
/// Share of the width that names have.
const NAMES_SHARE: f32 = 0.54;
/// With less room left than this, points, it is not said in the row why it failed.
const FAILURE_FROM_PT: f32 = 50.0;
/// Room that is kept right of the bars for a duration, points.
const TOOK_PT: f32 = 56.0;

/// Draws the rows; what was clicked.
pub(super) fn way_ui(ui: &mut egui::Ui, rows: &[WayRow], tokens: &DesignTokens) -> Option<ViewAction> {
    let mut asked = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    for row in rows {
        if row_ui(ui, row, tokens) {
            asked = row.target.clone().map(ViewAction::Goto);
        }
    }
    asked
}

fn row_ui(ui: &mut egui::Ui, row: &WayRow, tokens: &DesignTokens) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, row.words()));
    let painter = ui.painter();
    if response.hovered() || response.has_focus() {
        painter.rect_filled(rect.expand2(vec2(8.0, 0.0)), RADIUS_PT, tokens.ink(Ink::Raised));
    }
    let inset = row.depth.min(STEPS_MAX) as f32 * STEP_PT;
    let names_pt = (rect.width() * NAMES_SHARE - inset - 8.0).max(40.0);
    let (service_ink, name_ink) = if row.failure.is_some() { (Ink::Bad, Ink::Bad) } else { (Ink::Text, Ink::Dim) };
    let service = fitted(painter, &row.service, &fonts::words(12.5), names_pt);
    let name_room = names_pt - service.size().x - 6.0;
    let middle = |height: f32| rect.center().y - height / 2.0;
    let left = rect.left() + inset;
    let name_left = left + service.size().x + 6.0;
    painter.galley(pos2(left, middle(service.size().y)), service, tokens.ink(service_ink));
    if name_room > 24.0 {
        let name = fitted(painter, &row.name, &fonts::words(12.5), name_room);
        let (name_pt, height_pt) = (name.size().x, name.size().y);
        painter.galley(pos2(name_left, middle(height_pt)), name, tokens.ink(name_ink));
        // Why it failed has what is left; as a whole it is told when it is pointed at.
        let left_pt = name_room - name_pt;
        if let Some(failure) = row.failure.as_ref().filter(|_| left_pt > FAILURE_FROM_PT) {
            let wrap = egui::text::TextWrapping::truncate_at_width(left_pt);
            let failure = one_line(painter, &format!(" · {failure}"), &fonts::words(12.5), wrap);
            painter.galley(pos2(name_left + name_pt, middle(failure.size().y)), failure, tokens.ink(name_ink));
        }
    }
    let bars = Rect::from_min_max(pos2(rect.left() + rect.width() * NAMES_SHARE, rect.top()), pos2(rect.right() - TOOK_PT, rect.bottom()));
    let x = |share: f32| bars.left() + share * bars.width();
    if let Some(waited_from) = row.waited_from {
        let wait = [pos2(x(waited_from), rect.center().y), pos2(x(row.from) - 2.0, rect.center().y)];
        if wait[1].x - wait[0].x > 3.0 {
            painter.extend(Shape::dashed_line(&wait, Stroke::new(1.0, tokens.ink(Ink::Dim)), 2.0, 3.0));
        }
    }
    let right = x(row.to).max(x(row.from) + 3.0);
    let bar = Rect::from_min_max(pos2(x(row.from), rect.center().y - 5.0), pos2(right, rect.center().y + 5.0));
    painter.rect_filled(bar, 2.5, tokens.ink(if row.failure.is_some() { Ink::Bad } else { Ink::Edge }));
    let took = painter.layout_no_wrap(row.took.clone(), fonts::data(TEXT_MIN_PT), tokens.ink(if row.failure.is_some() { Ink::Bad } else { Ink::Dim }));
    let mut took_left = rect.right() - took.size().x;
    if row.failure.is_some() {
        // Never colour alone.
        glyph::paint(painter, Glyph::Cross, pos2(took_left - 9.0, rect.center().y), 4.0, tokens.ink(Ink::Bad));
        took_left -= 14.0;
    }
    if took_left > bar.right() - 4.0 || took.size().x <= TOOK_PT {
        let at = pos2(rect.right() - took.size().x, middle(took.size().y));
        painter.galley(at, took, tokens.ink(Ink::Dim));
    }
    if response.secondary_clicked() {
        object_menu::offer(ui.ctx(), Some(&row.name), row.target.clone().map(ViewAction::Goto).as_ref());
    }
    response.on_hover_text(row.words()).clicked()
}
