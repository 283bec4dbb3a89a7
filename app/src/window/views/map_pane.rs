//! The map as a pane: its sentence above, its side panel beside, and what stands there before anything has come in.

use std::time::Duration;

use egui::Stroke;

use crate::window::{
    bars,
    command::UiCommand,
    empty,
    map::{MapView, PanelAction, panel_ui, scene::Selection, walk::Step},
    status,
    theme::Ink,
    view::{CopyForm, Target, View, ViewAction, ViewContext},
};

/// Width of the side panel at first, points.
pub(crate) const PANEL_WIDTH_PT: f32 = 344.0;

/// The map's pane.
pub(crate) struct MapPane {
    map: MapView,
    /// The status sentence, and the scene it is of.
    sentence: (u64, Vec<status::Part>),
    panel_text: String,
    wants_problem: bool,
    /// Width of the side panel, points.
    pub panel_width_pt: f32,
}

impl Default for MapPane {
    fn default() -> Self {
        Self { map: MapView::default(), sentence: (0, Vec::new()), panel_text: String::new(), wants_problem: false, panel_width_pt: PANEL_WIDTH_PT }
    }
}

impl MapPane {
    /// The map itself.
    #[cfg(test)]
    pub(crate) fn map(&self) -> &MapView {
        &self.map
    }

    /// Zooms into the middle of the map.
    pub(crate) fn zoom(&mut self, factor: f32) {
        self.map.zoom(factor);
    }

    fn side_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let frame = egui::Frame::new().fill(context.tokens.ink(Ink::Panel)).stroke(Stroke::NONE);
        let side = egui::Panel::right("side").resizable(true).default_size(self.panel_width_pt).size_range(260.0..=640.0).frame(frame);
        let shown = side.show(ui, |ui| {
            let panel = self.map.panel(context.now_ns);
            self.panel_text = panel.to_text();
            panel_ui(ui, panel, context.tokens)
        });
        self.panel_width_pt = shown.response.rect.width();
        match shown.inner {
            Some(PanelAction::Select(selection)) => self.map.select(Some(selection)),
            Some(PanelAction::Copy) => actions.push(ViewAction::Copy(self.panel_text.clone())),
            None => {}
        }
    }
}

impl View for MapPane {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let mut actions = Vec::new();
        let now_s = ui.input(|input| input.time);
        let ctx = ui.ctx().clone();
        self.map.update(context.snapshot, context.now_ns, now_s, (!context.in_place).then_some(&ctx));
        if std::mem::take(&mut self.wants_problem) {
            self.map.next_problem(context.now_ns);
        }
        if self.map.is_empty() {
            if empty::empty_ui(ui, context.snapshot, context.options, context.tokens) {
                actions.push(ViewAction::Run(UiCommand::CopyEndpoint));
            }
            return actions;
        }
        if let Some((shown, revision)) = self.map.shown()
            && self.sentence.0 != revision
        {
            self.sentence = (revision, status::sentence(self.map.scene(), shown, context.now_ns));
        }
        if let Some(selection) = bars::status_ui(ui, &self.sentence.1, context.tokens) {
            self.map.select(Some(selection));
        }
        self.side_ui(ui, context, &mut actions);
        self.map.ui(ui, context.tokens);
        if !context.in_place
            && let Some(due_s) = self.map.figures_due_in_s(context.snapshot, now_s)
        {
            // Figures wait for their second.
            ctx.request_repaint_after(Duration::from_secs_f64(due_s.max(0.02)));
        }
        actions
    }

    fn goto(&mut self, target: &Target) {
        let selection = match target {
            Target::Node(node_id) => Selection::Node(*node_id),
            Target::Edge(edge_id) => Selection::Edge(*edge_id),
            _ => return,
        };
        self.map.select(Some(selection));
    }

    fn target(&self) -> Option<Target> {
        self.map.selected().map(|selected| match selected {
            Selection::Node(node_id) => Target::Node(node_id),
            Selection::Edge(edge_id) => Target::Edge(edge_id),
        })
    }

    fn run(&mut self, command: UiCommand) -> bool {
        match command {
            UiCommand::FitMap => self.map.fit(),
            UiCommand::ZoomMapIn => self.map.zoom(1.25),
            UiCommand::ZoomMapOut => self.map.zoom(0.8),
            UiCommand::WalkLeft => self.map.walk(Step::Left),
            UiCommand::WalkRight => self.map.walk(Step::Right),
            UiCommand::WalkUp => self.map.walk(Step::Up),
            UiCommand::WalkDown => self.map.walk(Step::Down),
            UiCommand::NextProblem => self.wants_problem = true,
            UiCommand::ClearSelection => self.map.select(None),
            UiCommand::ToggleTable => self.map.toggle_table(),
            _ => return false,
        }
        true
    }

    fn copy(&self, _context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        match form {
            CopyForm::Text => Some(self.panel_text.clone()),
            CopyForm::Json | CopyForm::Markdown => None,
        }
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        let toggled = if self.map.is_table() { "map" } else { "table" };
        vec![
            (UiCommand::WalkRight, "walk"),
            (UiCommand::NextProblem, "next problem"),
            (UiCommand::FitMap, "fit"),
            (UiCommand::ToggleTable, toggled),
            (UiCommand::ClearSelection, "clear"),
        ]
    }
}
