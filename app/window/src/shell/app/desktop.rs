//! The window on a desktop, as eframe sees it.

use std::time::Instant;

use super::Window;
use crate::{
    SnapshotSource, WindowOptions, missing_glyphs,
    sanitise::visible,
    shell::{desktop_motion, settings::Settings},
};

/// Smallest window, points.
const SIZE_MIN: [f32; 2] = [720.0, 480.0];
/// Size of the first start, points.
const SIZE_FIRST: [f32; 2] = [1440.0, 900.0];

/// What the desktop knows the program by: its desktop entry and its icon have this name.
const APP_ID: &str = "switchboard";
/// For desktops that take the icon from the window.
const ICON: &[u8] = include_bytes!("../../../../../assets/icon/switchboard-128.png");

/// Opens the window of a program that started then, and returns when it is closed.
pub fn run_window(source: impl SnapshotSource + 'static, options: WindowOptions, started: Instant) -> Result<(), eframe::Error> {
    let title = if options.profile_name.is_empty() { "Switchboard".to_owned() } else { format!("Switchboard · {}", visible(&options.profile_name)) };
    let icon = eframe::icon_data::from_png_bytes(ICON).expect("our own picture");
    let viewport = egui::ViewportBuilder::default().with_app_id(APP_ID).with_title(&title).with_icon(icon);
    let viewport = viewport.with_inner_size(SIZE_FIRST).with_min_inner_size(SIZE_MIN);
    let native = eframe::NativeOptions { viewport, renderer: eframe::Renderer::Wgpu, ..eframe::NativeOptions::default() };
    let is_still = desktop_motion::is_reduced();
    let create = move |creation: &eframe::CreationContext<'_>| {
        let app = WindowApp { first_frame: FirstFrame::Awaited(started), ..created(creation, Box::new(source), options, is_still) };
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    eframe::run_native(APP_ID, native, Box::new(create))
}

/// The window in the context that eframe has made for it. `is_still` is what the desktop asks for.
pub(crate) fn created(creation: &eframe::CreationContext<'_>, source: Box<dyn SnapshotSource>, options: WindowOptions, is_still: bool) -> WindowApp {
    // After the faces of this program come those of the desktop, and after these the code points themselves.
    missing_glyphs::install(&creation.egui_ctx);
    WindowApp::new(creation, source, options, is_still)
}

/// How far the first frame is, of a program that started then.
#[derive(Clone, Copy)]
enum FirstFrame {
    Awaited(Instant),
    /// It is being drawn, and on screen once eframe calls again.
    Drawn(Instant),
    /// It has been told of, or nobody asked.
    Told,
}

/// The window as eframe sees it.
pub struct WindowApp {
    source: Box<dyn SnapshotSource>,
    first_frame: FirstFrame,
    pub(crate) window: Window,
}

impl WindowApp {
    /// Dresses the context, remembers the looks of the last time, and asks to be woken by publications. Until the user says otherwise the map moves
    /// unless `is_still`.
    pub fn new(creation: &eframe::CreationContext<'_>, mut source: Box<dyn SnapshotSource>, options: WindowOptions, is_still: bool) -> Self {
        let mut settings = Settings::load(creation.storage, is_still);
        if let Some(theme) = options.theme {
            settings.theme = theme;
        }
        let ctx = creation.egui_ctx.clone();
        let window = Window::new(&ctx, settings, options);
        source.on_publish(window.attendance.waker(ctx));
        Self { source, first_frame: FirstFrame::Told, window }
    }
}

impl eframe::App for WindowApp {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        if let FirstFrame::Drawn(started) = self.first_frame {
            tracing::info!("The first frame was drawn {} ms after the start.", started.elapsed().as_millis());
            self.first_frame = FirstFrame::Told;
        }
        match self.source.closes_in() {
            Some(left) if left.is_zero() => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Some(left) => ctx.request_repaint_after(left),
            None => {}
        }
        let failure = self.source.engine_failure();
        let (snapshot, now_ns) = (self.source.snapshot(), self.source.now_ns());
        self.window.take_replay(self.source.replay());
        self.window.take_send(self.source.send());
        self.window.take_ledger(self.source.ledger(self.window.ledger_look().as_ref()));
        self.window.take_sources(self.source.sources());
        self.window.take_operations(self.source.operations());
        self.window.take_lab(self.source.lab());
        self.window.take(ctx, snapshot, failure, now_ns);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        if let FirstFrame::Awaited(started) = self.first_frame {
            self.first_frame = FirstFrame::Drawn(started);
            ui.ctx().request_repaint();
        }
        for command in self.window.ui(ui) {
            self.source.command(command);
        }
        self.window.ask(ui.ctx(), |query| self.source.query(query));
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.window.settings().save(storage);
    }

    fn persist_egui_memory(&self) -> bool {
        false
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
