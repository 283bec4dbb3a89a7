//! Which views are shown, and where: four fixed layouts, and docking for those who want it.

use egui::{Color32, Rect, Response, Sense, Stroke, StrokeKind, WidgetInfo, accesskit::Role, vec2};
use egui_tiles::{Container, Linear, LinearDir, ResizeState, SimplificationOptions, TabState, Tile, TileId, Tiles, Tree, UiResponse};
use serde::{Deserialize, Serialize};

use crate::{
    fonts,
    theme::{DesignTokens, Ink},
    view::ViewKind,
};

const TREE: &str = "panes";
/// Height of the line above each of several panes, points.
const TITLE_PT: f32 = 28.0;

/// A layout that comes with the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FixedLayout {
    /// The map alone.
    #[default]
    Map,
    /// Map and traces.
    MapTraces,
    /// Messages and groups.
    MessagesGroups,
    /// Dead letters alone.
    DeadLetters,
}

impl FixedLayout {
    /// The views in it, left to right.
    pub(crate) fn views(self) -> &'static [ViewKind] {
        match self {
            Self::Map => &[ViewKind::Map],
            Self::MapTraces => &[ViewKind::Map, ViewKind::Traces],
            Self::MessagesGroups => &[ViewKind::Messages, ViewKind::Groups],
            Self::DeadLetters => &[ViewKind::DeadLetters],
        }
    }
}

/// The panes as they are remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Panes {
    tree: Tree<ViewKind>,
    focus: ViewKind,
    layout: FixedLayout,
}

impl Default for Panes {
    fn default() -> Self {
        Self::of(FixedLayout::default())
    }
}

impl Panes {
    /// A fixed layout.
    pub(crate) fn of(layout: FixedLayout) -> Self {
        let mut tiles = Tiles::default();
        let panes: Vec<TileId> = layout.views().iter().map(|view| tiles.insert_pane(*view)).collect();
        let root = match panes[..] {
            [left, right] => tiles.insert_container(Linear::new_binary(LinearDir::Horizontal, [left, right], 0.5)),
            _ => panes[0],
        };
        Self { tree: Tree::new(egui::Id::unique(TREE), root, tiles), focus: layout.views()[0], layout }
    }

    /// Mends what was remembered: a tree without panes, a view that stands in it twice, a focus on what is not there.
    pub(crate) fn mended(mut self) -> Self {
        let mut seen = Vec::new();
        for (_, view) in self.placed() {
            if seen.contains(&view) {
                return Self::of(self.layout);
            }
            seen.push(view);
        }
        self.tree.simplify(&simplification(&self.tree));
        let shown = self.shown();
        let Some(first) = shown.first() else { return Self::of(self.layout) };
        if !shown.contains(&self.focus) {
            self.focus = *first;
        }
        self
    }

    /// The view that has the keys.
    pub(crate) fn focus(&self) -> ViewKind {
        self.focus
    }

    /// The layout that was chosen last.
    pub(crate) fn layout(&self) -> FixedLayout {
        self.layout
    }

    /// The panes in the tree, also those behind a tab.
    fn placed(&self) -> Vec<(TileId, ViewKind)> {
        let mut placed: Vec<(TileId, ViewKind)> = self.tree.tiles.iter().filter_map(|(id, tile)| pane_of(tile).map(|view| (*id, view))).collect();
        placed.sort_by_key(|(id, _)| id.0);
        placed
    }

    /// The views that can be seen now, in the order of the bar.
    pub(crate) fn shown(&self) -> Vec<ViewKind> {
        let mut shown: Vec<ViewKind> = self.tree.active_tiles().into_iter().filter_map(|id| self.tree.tiles.get_pane(&id).copied()).collect();
        shown.sort_unstable();
        shown
    }

    /// Whether there is more than one pane, so that each has a title.
    pub(crate) fn are_several(&self) -> bool {
        self.placed().len() > 1
    }

    /// Shows a view and gives it the keys: where it is already, or else in place of the one that has them.
    pub(crate) fn open(&mut self, view: ViewKind) {
        if self.placed().iter().any(|(_, placed)| *placed == view) {
            self.tree.make_active(|_, tile| pane_of(tile) == Some(view));
        } else if let Some((id, _)) = self.placed().into_iter().find(|(_, placed)| *placed == self.focus)
            && let Some(Tile::Pane(pane)) = self.tree.tiles.get_mut(id)
        {
            *pane = view;
        } else {
            *self = Self { layout: self.layout, ..Self::single(view) };
        }
        self.focus = view;
    }

    /// Shows a view beside the others.
    pub(crate) fn open_beside(&mut self, view: ViewKind) {
        if self.placed().iter().any(|(_, placed)| *placed == view) {
            self.open(view);
            return;
        }
        let pane = self.tree.tiles.insert_pane(view);
        self.tree.root = Some(match self.tree.root {
            None => pane,
            Some(root) => match self.tree.tiles.get_mut(root) {
                Some(Tile::Container(Container::Linear(row))) if row.dir == LinearDir::Horizontal => {
                    row.add_child(pane);
                    root
                }
                _ => self.tree.tiles.insert_horizontal_tile(vec![root, pane]),
            },
        });
        self.focus = view;
    }

    fn single(view: ViewKind) -> Self {
        let mut tiles = Tiles::default();
        let root = tiles.insert_pane(view);
        Self { tree: Tree::new(egui::Id::unique(TREE), root, tiles), focus: view, layout: FixedLayout::default() }
    }

    /// Closes the pane that has the keys; the last one stays.
    pub(crate) fn close_focused(&mut self) {
        if !self.are_several() {
            return;
        }
        if let Some((id, _)) = self.placed().into_iter().find(|(_, view)| *view == self.focus) {
            let _removed = self.tree.remove_recursively(id);
            self.tree.simplify(&simplification(&self.tree));
        }
        if let Some(first) = self.shown().first() {
            self.focus = *first;
        }
    }

    /// Gives the keys to the pane after the one that has them.
    pub(crate) fn focus_next(&mut self) {
        let shown = self.shown();
        let place = shown.iter().position(|view| *view == self.focus);
        if let Some(next) = place.map_or(shown.first(), |place| shown.get((place + 1) % shown.len().max(1))) {
            self.focus = *next;
        }
    }

    /// Draws the panes; `draw` draws what is in one.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens, draw: &mut dyn FnMut(&mut egui::Ui, ViewKind)) {
        // Whichever pane the pointer pressed takes the keys.
        let pressed = ui.input(|input| input.pointer.any_pressed().then(|| input.pointer.interact_pos()).flatten());
        let several = self.are_several();
        let mut frame = PanesFrame { tokens, draw, focus: self.focus, pressed, pressed_in: None, close: None, several };
        self.tree.ui(&mut frame, ui);
        let (pressed_in, close) = (frame.pressed_in, frame.close);
        if let Some(view) = pressed_in {
            self.focus = view;
        }
        if let Some(view) = close {
            self.focus = view;
            self.close_focused();
        }
        if let shown = self.shown()
            && !shown.contains(&self.focus)
            && let Some(first) = shown.first()
        {
            self.focus = *first;
        }
    }
}

fn pane_of(tile: &Tile<ViewKind>) -> Option<ViewKind> {
    match tile {
        Tile::Pane(view) => Some(*view),
        Tile::Container(_) => None,
    }
}

/// Several panes have a title each, by which they are moved and closed; one alone needs none.
fn simplification(tree: &Tree<ViewKind>) -> SimplificationOptions {
    let num_panes = tree.tiles.tiles().filter(|tile| pane_of(tile).is_some()).count();
    SimplificationOptions { all_panes_must_have_tabs: num_panes > 1, ..SimplificationOptions::default() }
}

struct PanesFrame<'a> {
    tokens: &'a DesignTokens,
    draw: &'a mut dyn FnMut(&mut egui::Ui, ViewKind),
    focus: ViewKind,
    pressed: Option<egui::Pos2>,
    pressed_in: Option<ViewKind>,
    close: Option<ViewKind>,
    several: bool,
}

impl egui_tiles::Behavior<ViewKind> for PanesFrame<'_> {
    fn pane_ui(&mut self, ui: &mut egui::Ui, _tile_id: TileId, view: &mut ViewKind) -> UiResponse {
        let room = ui.max_rect();
        if self.pressed.is_some_and(|at| room.contains(at)) {
            self.pressed_in = Some(*view);
        }
        ui.painter().rect_filled(room, 0.0, self.tokens.ink(Ink::Background));
        (self.draw)(ui, *view);
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, view: &ViewKind) -> egui::WidgetText {
        view.text().into()
    }

    fn tab_ui(&mut self, tiles: &mut Tiles<ViewKind>, ui: &mut egui::Ui, id: egui::Id, tile_id: TileId, state: &TabState) -> Response {
        let Some(view) = tiles.get_pane(&tile_id).copied() else { return ui.interact(Rect::NOTHING, id, Sense::hover()) };
        let ink = if view == self.focus { Ink::Text } else { Ink::Dim };
        let galley = ui.painter().layout_no_wrap(view.text().to_owned(), fonts::strong(12.0), self.tokens.ink(ink));
        let (_, rect) = ui.allocate_space(vec2(galley.size().x + 54.0, ui.available_height()));
        let response = ui.interact(rect, id, Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, state.active, format!("pane {}", view.text())));
        if response.clicked() {
            self.pressed_in = Some(view);
        }
        let close_rect = Rect::from_center_size(egui::pos2(rect.right() - 14.0, rect.center().y), egui::Vec2::splat(18.0));
        let close = ui.interact(close_rect, id.with("close"), Sense::click()).on_hover_text("Close the pane");
        close.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("close pane {}", view.text())));
        if close.clicked() {
            self.close = Some(view);
        }
        if !state.is_being_dragged {
            let painter = ui.painter();
            painter.galley(egui::pos2(rect.left() + 18.0, rect.center().y - galley.size().y / 2.0), galley, self.tokens.ink(ink));
            if view == self.focus {
                painter.hline(egui::Rangef::new(rect.left() + 18.0, rect.right() - 36.0), rect.bottom() - 1.0, Stroke::new(2.0, self.tokens.ink(Ink::Accent)));
            }
            if response.hovered() || close.hovered() {
                let (at, arm) = (close_rect.center(), 3.5);
                let stroke = Stroke::new(1.2, self.tokens.ink(if close.hovered() { Ink::Text } else { Ink::Dim }));
                painter.line_segment([at - vec2(arm, arm), at + vec2(arm, arm)], stroke);
                painter.line_segment([at + vec2(-arm, arm), at + vec2(arm, -arm)], stroke);
            }
        }
        response
    }

    fn tab_bar_height(&self, _style: &egui::Style) -> f32 {
        TITLE_PT
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        1.0
    }

    fn min_size(&self) -> f32 {
        240.0
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: self.several, ..SimplificationOptions::default() }
    }

    fn resize_stroke(&self, _style: &egui::Style, state: ResizeState) -> Stroke {
        match state {
            ResizeState::Idle => Stroke::new(1.0, self.tokens.ink(Ink::Hairline)),
            ResizeState::Hovering => Stroke::new(2.0, self.tokens.ink(Ink::Line)),
            ResizeState::Dragging => Stroke::new(2.0, self.tokens.ink(Ink::Accent)),
        }
    }

    fn tab_bar_color(&self, _visuals: &egui::Visuals) -> Color32 {
        self.tokens.ink(Ink::Panel)
    }

    fn tab_bar_hline_stroke(&self, _visuals: &egui::Visuals) -> Stroke {
        Stroke::new(1.0, self.tokens.ink(Ink::Hairline))
    }

    fn dragged_overlay_color(&self, _visuals: &egui::Visuals) -> Color32 {
        self.tokens.shade.0
    }

    fn drag_preview_stroke(&self, _visuals: &egui::Visuals) -> Stroke {
        Stroke::new(1.5, self.tokens.ink(Ink::Accent))
    }

    fn drag_preview_color(&self, _visuals: &egui::Visuals) -> Color32 {
        self.tokens.ink(Ink::Accent).gamma_multiply(0.12)
    }

    fn paint_drag_preview(&self, visuals: &egui::Visuals, painter: &egui::Painter, parent_rect: Option<Rect>, preview_rect: Rect) {
        if let Some(parent_rect) = parent_rect {
            painter.rect_stroke(parent_rect, 0.0, Stroke::new(1.0, self.tokens.ink(Ink::Line)), StrokeKind::Inside);
        }
        painter.rect(preview_rect, 0.0, self.drag_preview_color(visuals), self.drag_preview_stroke(visuals), StrokeKind::Inside);
    }

    fn tab_hover_cursor_icon(&self) -> egui::CursorIcon {
        egui::CursorIcon::Default
    }

    // Ctrl+Tab and its kin are not among our commands.
    fn cycle_tabs_with_keyboard(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_opens_where_it_is_or_in_place_of_the_one_with_the_keys() {
        let mut panes = Panes::of(FixedLayout::MapTraces);
        assert_eq!((panes.shown(), panes.focus()), (vec![ViewKind::Map, ViewKind::Traces], ViewKind::Map));
        panes.open(ViewKind::Traces);
        assert_eq!((panes.shown().len(), panes.focus()), (2, ViewKind::Traces));
        panes.open(ViewKind::Log);
        assert_eq!((panes.shown(), panes.focus()), (vec![ViewKind::Map, ViewKind::Log], ViewKind::Log));
        panes.focus_next();
        assert_eq!(panes.focus(), ViewKind::Map);
        panes.close_focused();
        assert_eq!((panes.shown(), panes.focus()), (vec![ViewKind::Log], ViewKind::Log));
        panes.close_focused();
        assert_eq!(panes.shown(), vec![ViewKind::Log], "the last pane stays");
        panes.open_beside(ViewKind::Map);
        panes.open_beside(ViewKind::Traces);
        assert_eq!(panes.shown(), vec![ViewKind::Map, ViewKind::Traces, ViewKind::Log]);
    }

    #[test]
    fn what_was_remembered_wrongly_is_mended() {
        assert_eq!(Panes::of(FixedLayout::MapTraces).mended().shown(), vec![ViewKind::Map, ViewKind::Traces]);
        let mut twice = Panes::of(FixedLayout::DeadLetters);
        twice.tree = Tree::new_horizontal(egui::Id::unique(TREE), vec![ViewKind::Map, ViewKind::Map]);
        assert_eq!(twice.mended().shown(), vec![ViewKind::DeadLetters]);
        let none = Panes { tree: Tree::empty(egui::Id::unique(TREE)), ..Panes::default() };
        assert_eq!(none.mended().shown(), vec![ViewKind::Map]);
        let elsewhere = Panes { focus: ViewKind::Log, ..Panes::default() };
        assert_eq!(elsewhere.mended().focus(), ViewKind::Map);
    }
}
