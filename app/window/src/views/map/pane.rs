//! The map as a pane: its sentence above, its side panel beside, and what stands there before anything has come in.

use std::borrow::Cow;
use std::time::Duration;

use egui::Stroke;

use crate::{
    figures,
    theme::Ink,
    view::{CopyForm, Freshness, Target, UiCommand, View, ViewAction, ViewContext},
    views::map::{
        Answers, Known, MapSettings, MapView, Motion, PanelAction, empty, lit::Lit, mode::Mode, panel_ui, probed::Probed, scene::Selection, sentence,
        topic::Ask,
    },
    widgets::detail::Detail,
};

/// Width of the side panel at first, points.
pub(crate) const PANEL_WIDTH_PT: f32 = 344.0;
/// A narrower pane has the panel below the map, points.
const BESIDE_FROM_PT: f32 = 760.0;

/// The map's pane.
pub(crate) struct MapPane {
    map: MapView,
    /// The status sentence, and the scene it is of.
    sentence: (u64, Vec<sentence::Part>),
    freshness: Freshness,
    answers: Answers,
    /// What they are about: those about something else are not shown for it.
    answers_of: Option<Target>,
    /// What the panel says, to be copied.
    panel: Detail,
    /// The way of what was just sent.
    lit: Lit,
    /// Who answers the probes that fail.
    probed: Probed,
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
            answers_of: None,
            panel: Detail::default(),
            lit: Lit::default(),
            probed: Probed::default(),
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

    /// Whether anything may move by itself.
    pub(crate) fn moves(&self) -> bool {
        self.moves
    }

    /// Whether a layout is computed beside the window, for tests and benches.
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

    /// How much of the map is shown.
    pub(crate) fn mode(&self) -> Mode {
        self.map.mode()
    }

    /// Shows so much of the map.
    pub(crate) fn show(&mut self, mode: Mode) {
        if mode != self.map.mode() {
            self.map.set_mode(mode);
        }
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
        let about = self.target();
        if self.answers_of != about {
            (self.answers, self.answers_of) = (Answers::default(), about);
        }
        match self.map.questions(context.range, context.asked_at_ns) {
            Some((range, questions)) => self.answers.ask(context.asker, range, &questions),
            None => self.answers = Answers::default(),
        }
        let endpoint = context.options.otlp_endpoint();
        let known = Known { now_ns: context.now_ns, answers: &self.answers, otlp_endpoint: endpoint.as_deref() };
        let shown = side.show(ui, |ui| {
            let panel = self.map.panel(&known);
            self.panel.clone_from(&panel.detail);
            panel_ui(ui, panel, context.tokens)
        });
        if !is_narrow {
            self.panel_width_pt = shown.response.rect.width();
        }
        match shown.inner {
            Some(PanelAction::Any(asked)) => actions.push(asked),
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
        if !context.is_paused {
            self.map.take_probes(self.probed.take(context.send, context.asker, context.clock_ns));
        }
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
            self.sentence = (revision, sentence::sentence(self.map.scene(), shown, context.now_ns));
        }
        self.freshness.take(context.snapshot, context.now_ns);
        let freshness = (!context.is_paused).then(|| sentence::freshness_part(&self.freshness.words, self.freshness.is_live));
        if let Some(ask) = sentence::sentence_ui(ui, self.sentence.1.iter().chain(&freshness), context.tokens) {
            match ask {
                Ask::Select(selection) => actions.push(ViewAction::Goto(Target::from(selection))),
                Ask::List(_) => self.map.ask(ask),
            }
        }
        self.side_ui(ui, context, &mut actions);
        self.map.ask_labels(context.asker, context.range, context.asked_at_ns);
        let run = context.replay.run.as_ref().filter(|run| !run.phase.is_ended());
        let motion = if self.moves && !context.in_place && !context.is_paused {
            let (lit, ends_in_s) = self.lit.take(context.send, context.asker, &context.snapshot.topology, (context.clock_ns, now_s));
            if let Some(ends_in_s) = ends_in_s {
                ctx.request_repaint_after(Duration::from_secs_f64(ends_in_s.max(0.02)));
            }
            Motion::Moving { replayed_into: run.map_or(&[][..], |run| &run.targets), lit }
        } else {
            Motion::Still
        };
        self.map.ui(ui, context.tokens, motion);
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
            Target::Node(node_id) | Target::Instance { node_id, .. } => Selection::Node(*node_id),
            Target::Edge(edge_id) => Selection::Edge(*edge_id),
            _ => return,
        };
        self.map.ask(Ask::Select(selection));
        if let Target::Instance { instance, .. } = target {
            self.map.look_at_instance(instance);
        }
    }

    fn target(&self) -> Option<Target> {
        let selected = self.map.selected()?;
        match (selected, self.map.instance()) {
            (Selection::Node(node_id), Some(instance)) => Some(Target::Instance { node_id, instance: instance.to_owned() }),
            _ => Some(Target::from(selected)),
        }
    }

    fn begin_anew(&mut self) {
        self.probed = Probed::default();
    }

    fn run(&mut self, command: UiCommand) -> bool {
        match command {
            UiCommand::ToggleMotion => self.moves = !self.moves,
            _ => return self.map.run(command),
        }
        true
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        let is_box = matches!(self.map.selected(), Some(Selection::Node(_)));
        match command {
            UiCommand::PinBox if !is_box => Some(Cow::Borrowed("no box is selected")),
            UiCommand::Open if self.map.selected().is_none() => Some(Cow::Borrowed("nothing is selected")),
            _ => None,
        }
    }

    fn copy(&self, context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        if self.panel == Detail::default() {
            return None;
        }
        let (kind, id) = match self.target() {
            Some(Target::Node(node_id)) => ("node", Some(node_id.0)),
            Some(Target::Instance { node_id, .. }) => ("instance of node", Some(node_id.0)),
            Some(Target::Edge(edge_id)) => ("edge", Some(edge_id.0)),
            _ => ("map", None),
        };
        let sentence = || self.sentence.1.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" · ");
        let at = figures::instant(context.now_ns);
        let of = id.map_or_else(sentence, |id| format!("{kind} {id}"));
        Some(match form {
            CopyForm::Text => format!("{}\n{of} · as of {at}\n", self.panel.to_text()),
            CopyForm::Markdown => format!("{}\n{of} · as of `{at}`\n", self.panel.to_markdown()),
            CopyForm::Json => {
                let mut said = serde_json::json!({ "kind": kind, "id": id, "as_of": at, "as_of_ns": context.now_ns, "shown": self.panel.to_json() });
                if id.is_none() {
                    said["sentence"] = sentence().into();
                }
                serde_json::to_string_pretty(&said).unwrap_or_default()
            }
        })
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        let toggled = if self.map.is_table() { "map" } else { "table" };
        vec![
            (UiCommand::WalkRight, "walk"),
            (UiCommand::Open, "open"),
            (UiCommand::Back, "back"),
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
