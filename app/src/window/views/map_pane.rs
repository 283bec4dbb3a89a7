//! The map as a pane: its sentence above, its side panel beside, and what stands there before anything has come in.

use std::time::Duration;

use egui::Stroke;

use crate::window::{
    attendance::Freshness,
    command::UiCommand,
    empty, figures,
    map::{Answers, Known, MapSettings, MapView, PanelAction, panel_ui, scene::Selection, topic::Ask},
    status,
    theme::Ink,
    view::{CopyForm, Target, View, ViewAction, ViewContext},
};

/// Width of the side panel at first, points.
pub(crate) const PANEL_WIDTH_PT: f32 = 344.0;
/// A narrower pane has the panel below the map, points.
const BESIDE_FROM_PT: f32 = 760.0;

/// The map's pane.
pub(crate) struct MapPane {
    map: MapView,
    /// The status sentence, and the scene it is of.
    sentence: (u64, Vec<status::Part>),
    freshness: Freshness,
    answers: Answers,
    panel_text: String,
    /// Whether anything on the map may move by itself.
    moves: bool,
    /// Width of the side panel, points.
    pub panel_width_pt: f32,
}

impl Default for MapPane {
    fn default() -> Self {
        Self {
            map: MapView::default(),
            sentence: (0, Vec::new()),
            freshness: Freshness::default(),
            answers: Answers::default(),
            panel_text: String::new(),
            moves: true,
            panel_width_pt: PANEL_WIDTH_PT,
        }
    }
}

impl MapPane {
    /// The map itself.
    #[cfg(test)]
    pub(crate) fn map(&self) -> &MapView {
        &self.map
    }

    /// Whether a layout is computed beside the window.
    pub(crate) fn is_computing(&self) -> bool {
        self.map.is_computing()
    }

    /// Takes what was remembered, for this profile.
    pub(crate) fn remember(&mut self, settings: MapSettings, profile: &str) {
        self.moves = !settings.is_still;
        self.map.remember(settings, profile);
    }

    /// What is to be remembered.
    pub(crate) fn to_remember(&self) -> MapSettings {
        MapSettings { is_still: !self.moves, ..self.map.to_remember() }
    }

    /// Whether there is nothing to show yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Zooms into the middle of the map.
    pub(crate) fn zoom(&mut self, factor: f32) {
        self.map.zoom(factor);
    }

    fn side_ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let frame = egui::Frame::new().fill(context.tokens.ink(Ink::Panel)).stroke(Stroke::NONE);
        // In a narrow pane the panel stands below, so that the map keeps its width.
        let is_narrow = ui.available_width() < BESIDE_FROM_PT;
        let side = if is_narrow {
            egui::Panel::bottom("below").resizable(true).default_size(ui.available_height() * 0.4).frame(frame)
        } else {
            egui::Panel::right("side").resizable(true).default_size(self.panel_width_pt).size_range(260.0..=640.0).frame(frame)
        };
        match self.map.questions(context.range, context.asked_at_ns) {
            Some((range, questions)) => self.answers.ask(context.asker, range, &questions),
            None => self.answers = Answers::default(),
        }
        let endpoint = context.options.otlp_endpoint();
        let known = Known { now_ns: context.now_ns, answers: &self.answers, otlp_endpoint: endpoint.as_deref() };
        let shown = side.show(ui, |ui| {
            let panel = self.map.panel(&known);
            self.panel_text = panel.to_text();
            panel_ui(ui, panel, context.tokens)
        });
        if !is_narrow {
            self.panel_width_pt = shown.response.rect.width();
        }
        match shown.inner {
            Some(PanelAction::Copy) => actions.push(ViewAction::Copy(self.panel_text.clone())),
            Some(PanelAction::CopyText(text)) => actions.push(ViewAction::Copy(text)),
            // A jump, so that there is a way back.
            Some(PanelAction::Goto(target)) => actions.push(ViewAction::Goto(target)),
            Some(action) => self.map.act(action),
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
        self.freshness.take(context.snapshot, context.now_ns);
        let freshness = (!context.is_paused).then(|| status::freshness_part(&self.freshness.words, self.freshness.is_live));
        if let Some(ask) = status::sentence_ui(ui, self.sentence.1.iter().chain(&freshness), context.tokens) {
            match ask {
                Ask::Select(selection) => actions.push(ViewAction::Goto(Target::from(selection))),
                Ask::List(_) => self.map.ask(ask),
            }
        }
        self.side_ui(ui, context, &mut actions);
        self.map.ui(ui, context.tokens, self.moves && !context.in_place && !context.is_paused);
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
        self.map.ask(Ask::Select(selection));
    }

    fn target(&self) -> Option<Target> {
        self.map.selected().map(Target::from)
    }

    fn run(&mut self, command: UiCommand) -> bool {
        match command {
            UiCommand::ToggleMotion => self.moves = !self.moves,
            _ => return self.map.run(command),
        }
        true
    }

    fn copy(&self, context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        if self.panel_text.is_empty() {
            return None;
        }
        let at = figures::instant(context.as_of_ns);
        let mut lines = self.panel_text.lines().map(str::trim_end);
        Some(match form {
            CopyForm::Text => self.panel_text.clone(),
            CopyForm::Json => {
                let (kind, id) = match self.target() {
                    Some(Target::Node(node_id)) => ("node", Some(node_id.0)),
                    Some(Target::Edge(edge_id)) => ("edge", Some(edge_id.0)),
                    _ => ("map", None),
                };
                let title = lines.next().unwrap_or_default();
                let said: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
                serde_json::json!({ "kind": kind, "id": id, "as_of": at, "title": title, "lines": said }).to_string()
            }
            CopyForm::Markdown => {
                let mut text = format!("**{}** `{at}`\n\n", lines.next().unwrap_or_default());
                for line in lines.filter(|line| !line.is_empty()) {
                    text.push_str(&format!("- {}\n", line.trim_start()));
                }
                text
            }
        })
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        let toggled = if self.map.is_table() { "map" } else { "table" };
        vec![
            (UiCommand::WalkRight, "walk"),
            (UiCommand::NextProblem, "next problem"),
            (UiCommand::FitMap, "fit"),
            (UiCommand::ToggleTable, toggled),
            (UiCommand::MapProblems, "problems"),
            (UiCommand::MapNeighbourhood, "neighbourhood"),
            (UiCommand::MapAll, "all"),
            (UiCommand::ClearSelection, "clear"),
        ]
    }
}
