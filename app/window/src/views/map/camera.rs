//! From the map's units to the screen.

use egui::{Pos2, Rect, Vec2, vec2};

/// Nothing is shown larger than this at first, however few there are.
pub(crate) const SCALE_FIT_MAX: f32 = 1.7;
/// What stays free around all of the map, points.
const FIT_MARGIN: Vec2 = vec2(44.0, 56.0);

/// From the map's units to the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Camera {
    /// Points on screen for each unit of the map.
    pub scale: f32,
    /// Where the map's origin is on screen.
    pub origin: Pos2,
}

impl Default for Camera {
    fn default() -> Self {
        Self { scale: 1.0, origin: Pos2::ZERO }
    }
}

impl Camera {
    /// The room that there is for all of the map.
    pub(crate) fn room(viewport: Rect) -> Vec2 {
        (viewport.size() - FIT_MARGIN).max(Vec2::splat(40.0))
    }

    /// Shows all of `bounds` in the middle of `viewport`, neither too large nor too small to read.
    pub(crate) fn fit(bounds: Rect, viewport: Rect) -> Self {
        let room = Self::room(viewport);
        let scale = (room.x / bounds.width().max(1.0)).min(room.y / bounds.height().max(1.0)).clamp(0.02, SCALE_FIT_MAX);
        Self { scale, origin: viewport.center() - bounds.center().to_vec2() * scale }
    }

    /// A point of the map on screen.
    pub(crate) fn on_screen(&self, point: Pos2) -> Pos2 {
        self.origin + point.to_vec2() * self.scale
    }

    /// A box of the map on screen.
    pub(crate) fn rect_on_screen(&self, rect: Rect) -> Rect {
        Rect::from_min_max(self.on_screen(rect.min), self.on_screen(rect.max))
    }

    /// A point on screen in the map.
    pub(crate) fn on_map(&self, point: Pos2) -> Pos2 {
        ((point - self.origin) / self.scale).to_pos2()
    }

    /// The same around `fixed`, which stays where it is on screen.
    pub(crate) fn zoomed(&self, factor: f32, fixed: Pos2) -> Self {
        let scale = (self.scale * factor).clamp(0.02, 4.0);
        Self { scale, origin: fixed - (fixed - self.origin) * (scale / self.scale) }
    }
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    #[test]
    fn zooming_keeps_the_point_under_the_pointer() {
        let camera = Camera { scale: 0.8, origin: pos2(40.0, 30.0) };
        let pointer = pos2(300.0, 200.0);
        let before = camera.on_map(pointer);
        let after = camera.zoomed(1.7, pointer).on_map(pointer);
        assert!(before.distance(after) < 0.01, "{before:?} became {after:?}");
        assert!(camera.on_screen(before).distance(pointer) < 0.01);
    }
}
