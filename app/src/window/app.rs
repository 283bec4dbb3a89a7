//! The window: bars, map, side panel and palette, and what commands do.

use std::time::Duration;

use egui::{Stroke, ViewportCommand};
use switchboard_engine::view::Snapshot;

use crate::window::{
    SessionCommand, SnapshotSource, ThemeChoice, WindowOptions,
    bars::{self, TopBar},
    command::UiCommand,
    empty, fonts,
    map::{MapView, PanelAction, panel_ui, walk::Step},
    palette::Palette,
    sanitise::visible,
    settings::Settings,
    status,
    theme::{Ink, Themes},
};

/// Smallest window, points.
const SIZE_MIN: [f32; 2] = [720.0, 480.0];
/// Size of the first start, points.
const SIZE_FIRST: [f32; 2] = [1440.0, 900.0];

/// Opens the window and returns when it is closed.
pub fn run_window(source: impl SnapshotSource + 'static, options: WindowOptions) -> Result<(), eframe::Error> {
    let title = if options.profile_name.is_empty() { "Switchboard".to_owned() } else { format!("Switchboard · {}", visible(&options.profile_name)) };
    let viewport = egui::ViewportBuilder::default().with_app_id("switchboard").with_title(&title).with_inner_size(SIZE_FIRST).with_min_inner_size(SIZE_MIN);
    let native = eframe::NativeOptions { viewport, renderer: eframe::Renderer::Wgpu, system_font_fallback: false, ..eframe::NativeOptions::default() };
    eframe::run_native("switchboard", native, Box::new(move |creation| Ok(Box::new(WindowApp::new(creation, Box::new(source), options)))))
}

/// The window as eframe sees it.
pub struct WindowApp {
    source: Box<dyn SnapshotSource>,
    pub(super) window: Window,
}

impl WindowApp {
    /// Dresses the context, remembers the looks of the last time, and asks to be woken by publications.
    pub fn new(creation: &eframe::CreationContext<'_>, mut source: Box<dyn SnapshotSource>, options: WindowOptions) -> Self {
        let mut settings = Settings::load(creation.storage);
        if let Some(theme) = options.theme {
            settings.theme = theme;
        }
        let ctx = creation.egui_ctx.clone();
        let window = Window::new(&ctx, settings, options);
        source.on_publish(Box::new(move || ctx.request_repaint()));
        Self { source, window }
    }
}

impl eframe::App for WindowApp {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        match self.source.closes_in() {
            Some(left) if left.is_zero() => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Some(left) => ctx.request_repaint_after(left),
            None => {}
        }
        let failure = self.source.engine_failure();
        let (snapshot, now_ns) = (self.source.snapshot(), self.source.now_ns());
        self.window.take(ctx, snapshot, failure, now_ns);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        for command in self.window.ui(ui) {
            self.source.command(command);
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.window.settings.save(storage);
    }

    fn persist_egui_memory(&self) -> bool {
        false
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

/// The window apart from where it is shown: on a desktop, in a picture, in a test.
pub(crate) struct Window {
    themes: Themes,
    settings: Settings,
    options: WindowOptions,
    snapshot: Snapshot,
    now_ns: i64,
    engine_failure: Option<String>,
    map: MapView,
    /// The status sentence, and the scene it is of.
    sentence: (u64, Vec<status::Part>),
    palette: Palette,
    /// Layouts are computed before the next frame instead of beside it.
    in_place: bool,
}

impl Window {
    /// A window in this context.
    pub(crate) fn new(ctx: &egui::Context, settings: Settings, options: WindowOptions) -> Self {
        let themes = Themes::load();
        themes.install(ctx);
        ctx.set_theme(egui::ThemePreference::from(settings.theme));
        ctx.set_zoom_factor(settings.zoom);
        Self {
            themes,
            settings,
            options,
            snapshot: Snapshot::default(),
            now_ns: 0,
            engine_failure: None,
            map: MapView::default(),
            sentence: (0, Vec::new()),
            palette: Palette::default(),
            in_place: false,
        }
    }

    /// The same, for pictures: every frame shows the whole truth, nothing is computed beside it.
    pub(crate) fn new_in_place(ctx: &egui::Context, settings: Settings, options: WindowOptions) -> Self {
        Self { in_place: true, ..Self::new(ctx, settings, options) }
    }

    /// Takes in the newest snapshot.
    pub(crate) fn take(&mut self, ctx: &egui::Context, snapshot: Snapshot, engine_failure: Option<String>, now_ns: i64) {
        self.snapshot = snapshot;
        self.engine_failure = engine_failure;
        self.now_ns = now_ns;
        let now_s = ctx.input(|input| input.time);
        self.map.update(&self.snapshot, now_ns, now_s, (!self.in_place).then_some(ctx));
    }

    /// Zooms into the middle of the map.
    pub(crate) fn zoom_map(&mut self, factor: f32) {
        self.map.zoom(factor);
    }

    /// The map, for tests.
    #[cfg(test)]
    pub(crate) fn map(&self) -> &MapView {
        &self.map
    }

    /// Draws everything; what the session has to do.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui) -> Vec<SessionCommand> {
        let ctx = ui.ctx().clone();
        let mut commands = UiCommand::pressed(&ctx, self.palette.is_open() || ctx.text_edit_focused());
        let theme = ctx.theme();
        let tokens = self.themes.tokens(theme).clone();

        let (freshness, is_live) = status::freshness(&self.snapshot, self.now_ns);
        let bar = TopBar { profile_name: &visible(&self.options.profile_name), view_name: "Map", freshness: &freshness, is_live };
        if bars::top_ui(ui, &bar, &tokens) {
            commands.push(UiCommand::OpenPalette);
        }
        if !self.map.is_empty() {
            let asked = bars::status_ui(ui, self.sentence(), &tokens);
            if let Some(selection) = asked {
                self.map.select(Some(selection));
            }
        }
        self.failure_ui(ui, &mut commands);
        bars::foot_ui(ui, self.map.is_table(), &tokens);
        if !self.map.is_empty() {
            self.side_ui(ui, &tokens, &mut commands);
        }
        let frame = egui::Frame::new().fill(tokens.ink(Ink::Background));
        egui::CentralPanel::no_frame().frame(frame).show(ui, |ui| {
            if self.map.is_empty() {
                if empty::empty_ui(ui, &self.snapshot, &self.options, &tokens) {
                    commands.push(UiCommand::CopyEndpoint);
                }
            } else {
                self.map.ui(ui, &tokens);
            }
        });
        commands.extend(self.palette.ui(&ctx, &tokens));
        let asked = commands.into_iter().filter_map(|command| self.run(&ctx, command)).collect();
        self.schedule(&ctx);
        asked
    }

    /// The status sentence, of the scene that is drawn.
    fn sentence(&mut self) -> &[status::Part] {
        if let Some((shown, revision)) = self.map.shown()
            && self.sentence.0 != revision
        {
            self.sentence = (revision, status::sentence(self.map.scene(), shown, self.now_ns));
        }
        &self.sentence.1
    }

    fn side_ui(&mut self, ui: &mut egui::Ui, tokens: &crate::window::theme::DesignTokens, commands: &mut Vec<UiCommand>) {
        let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel)).stroke(Stroke::NONE);
        let side = egui::Panel::right("side").resizable(true).default_size(self.settings.panel_width_pt).size_range(260.0..=640.0).frame(frame);
        let shown = side.show(ui, |ui| {
            let panel = self.map.panel(self.now_ns);
            panel_ui(ui, panel, tokens)
        });
        self.settings.panel_width_pt = shown.response.rect.width();
        match shown.inner {
            Some(PanelAction::Select(selection)) => self.map.select(Some(selection)),
            Some(PanelAction::Copy) => commands.push(UiCommand::CopyPanel),
            None => {}
        }
    }

    /// A failed engine stands above everything until it is restarted.
    fn failure_ui(&self, ui: &mut egui::Ui, commands: &mut Vec<UiCommand>) {
        let Some(failure) = &self.engine_failure else { return };
        let tokens = self.themes.tokens(ui.ctx().theme());
        let frame = egui::Frame::new().fill(tokens.ink(Ink::BadFill)).inner_margin(crate::window::theme::margin(18, 9));
        egui::Panel::top("engine failure").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.label(egui::RichText::new("The engine has stopped").font(fonts::strong(13.0)).color(tokens.ink(Ink::Bad)));
                ui.label(egui::RichText::new(visible(failure)).color(tokens.ink(Ink::Text)));
                ui.label(egui::RichText::new("What is shown is of before. Nothing is taken in until it runs again").color(tokens.ink(Ink::Dim)));
                if ui.button("Restart engine").clicked() {
                    commands.push(UiCommand::RestartEngine);
                }
            });
        });
    }

    /// Carries out a command; what of it is the session's.
    pub(crate) fn run(&mut self, ctx: &egui::Context, command: UiCommand) -> Option<SessionCommand> {
        // Whatever it is, it shows.
        ctx.request_repaint();
        match command {
            UiCommand::OpenPalette => self.palette.toggle(),
            UiCommand::FitMap => self.map.fit(),
            UiCommand::ZoomMapIn => self.map.zoom(1.25),
            UiCommand::ZoomMapOut => self.map.zoom(0.8),
            UiCommand::WalkLeft => self.map.walk(Step::Left),
            UiCommand::WalkRight => self.map.walk(Step::Right),
            UiCommand::WalkUp => self.map.walk(Step::Up),
            UiCommand::WalkDown => self.map.walk(Step::Down),
            UiCommand::NextProblem => self.map.next_problem(self.now_ns),
            UiCommand::ClearSelection => self.map.select(None),
            UiCommand::ToggleTable => self.map.toggle_table(),
            UiCommand::CopyPanel => ctx.copy_text(self.map.panel(self.now_ns).to_text()),
            UiCommand::CopyEndpoint => {
                if let Some(endpoint) = self.options.otlp_endpoint() {
                    ctx.copy_text(empty::setting(&endpoint));
                }
            }
            UiCommand::ThemeDark => self.wear(ctx, ThemeChoice::Dark),
            UiCommand::ThemeLight => self.wear(ctx, ThemeChoice::Light),
            UiCommand::ThemeSystem => self.wear(ctx, ThemeChoice::System),
            UiCommand::ZoomIn => self.zoom(ctx, self.settings.zoom + 0.1),
            UiCommand::ZoomOut => self.zoom(ctx, self.settings.zoom - 0.1),
            UiCommand::ZoomReset => self.zoom(ctx, 1.0),
            UiCommand::RefreshSources => return Some(SessionCommand::RefreshSources),
            UiCommand::RestartEngine => return Some(SessionCommand::RestartEngine),
            UiCommand::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
        }
        None
    }

    fn wear(&mut self, ctx: &egui::Context, theme: ThemeChoice) {
        self.settings.theme = theme;
        ctx.set_theme(egui::ThemePreference::from(theme));
    }

    fn zoom(&mut self, ctx: &egui::Context, zoom: f32) {
        self.settings.zoom = ((zoom * 10.0).round() / 10.0).clamp(0.5, 3.0);
        ctx.set_zoom_factor(self.settings.zoom);
    }

    /// The only frames that nobody asked for: figures that wait for their second, and ages that are seen to grow.
    fn schedule(&self, ctx: &egui::Context) {
        if self.in_place {
            return;
        }
        let now_s = ctx.input(|input| input.time);
        if let Some(due_s) = self.map.figures_due_in_s(&self.snapshot, now_s) {
            ctx.request_repaint_after(Duration::from_secs_f64(due_s.max(0.02)));
        }
        if let Some(newest_ns) = status::newest_ns(&self.snapshot) {
            let age_s = (self.now_ns - newest_ns).max(0) / 1_000_000_000;
            let next_s = if age_s < 60 { 1 } else { 60 };
            ctx.request_repaint_after(Duration::from_secs(next_s));
        }
    }
}
