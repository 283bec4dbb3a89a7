//! A window without a desktop and without a graphics adapter, frame by frame: for benches.

use std::time::{Duration, Instant};

use switchboard_engine::view::Snapshot;

use super::FixedSource;
use crate::{
    SnapshotSource as _, WindowOptions,
    shell::{Window, settings::Settings},
    view::{Target, UiCommand},
    views::map::{MapSettings, mode::Mode},
    widgets::text_field::TextField,
};

/// What is computed beside the window is there within this time.
const COMPUTED_WITHIN: Duration = Duration::from_mins(3);
/// Frames until answers have come and sizes have settled.
const NUM_SETTLING: usize = 64;

/// A window, and the frames that it draws.
pub struct Frames {
    ctx: egui::Context,
    window: Window,
    source: FixedSource,
    size: egui::Vec2,
    time: f64,
}

impl Frames {
    /// The map of a snapshot in a window of this size, each box by itself: the most there can be to draw.
    pub fn new(snapshot: Snapshot, width: f32, height: f32) -> Self {
        let map = MapSettings { mode: Mode::All, ..MapSettings::default() };
        let mut frames = Self::open(&FixedSource::new(snapshot), Settings { map, ..Settings::default() }, WindowOptions::default(), egui::vec2(width, height));
        frames.settle();
        frames
    }

    /// A window as a desktop would open it.
    pub(crate) fn open(source: &FixedSource, settings: Settings, options: WindowOptions, size: egui::Vec2) -> Self {
        let ctx = egui::Context::default();
        let window = Window::new(&ctx, settings, options);
        Self { ctx, window, source: source.clone(), size, time: 0.0 }
    }

    /// Draws frames until answers are there and nothing is computed any more.
    pub(crate) fn settle(&mut self) {
        let deadline = Instant::now() + COMPUTED_WITHIN;
        for _ in 0..NUM_SETTLING {
            self.frame(Vec::new());
            while self.window.is_computing() {
                assert!(Instant::now() < deadline, "nothing came of what is computed beside the window");
                std::thread::yield_now();
                self.frame(Vec::new());
            }
        }
    }

    /// Runs a command.
    pub(crate) fn run(&mut self, command: UiCommand) {
        let _asked = self.window.run(&self.ctx, command);
    }

    /// Jumps to an object.
    pub(crate) fn goto(&mut self, target: &Target) {
        self.window.goto(&self.ctx, target);
    }

    /// Leads the keys into a field that is in view.
    pub(crate) fn type_into(&mut self, field: TextField) {
        field.seek(&self.ctx);
        self.settle();
        assert!(self.ctx.memory(|memory| memory.focused().is_some()), "{field:?} is not in view");
    }

    /// Clicks in the middle of a text that is in view.
    pub(crate) fn click(&mut self, text: &str) {
        let output = self.draw(Vec::new());
        let place = super::text_shapes(&output).into_iter().find(|shape| shape.galley.text() == text).map(|shape| shape.visual_bounding_rect().center());
        output.drop_without_applying_deltas();
        let pos = place.unwrap_or_else(|| panic!("{text} is not in view"));
        let button = |pressed| egui::Event::PointerButton { pos, button: egui::PointerButton::Primary, pressed, modifiers: egui::Modifiers::NONE };
        for event in [egui::Event::PointerMoved(pos), button(true), button(false)] {
            self.frame(vec![event]);
        }
        self.settle();
    }

    /// Zooms a number of steps into the middle of the map.
    pub fn zoom_into_map(&mut self, num_steps: usize) {
        for _ in 0..num_steps {
            self.run(UiCommand::ZoomMapIn);
        }
    }

    /// Draws and tessellates a frame; the number of vertices.
    pub fn frame(&mut self, events: Vec<egui::Event>) -> usize {
        let output = self.draw(events);
        let primitives = self.ctx.tessellate(output.shapes.clone(), output.pixels_per_point);
        output.drop_without_applying_deltas();
        let vertices = |primitive: &egui::ClippedPrimitive| match &primitive.primitive {
            egui::epaint::Primitive::Mesh(mesh) => mesh.vertices.len(),
            egui::epaint::Primitive::Callback(_) => 0,
        };
        primitives.iter().map(vertices).sum()
    }

    /// Draws a frame; the texts in it.
    #[cfg(test)]
    pub(crate) fn texts(&mut self) -> Vec<String> {
        let output = self.draw(Vec::new());
        let texts = super::shape_texts(&output);
        output.drop_without_applying_deltas();
        texts
    }

    fn draw(&mut self, events: Vec<egui::Event>) -> egui::FullOutput {
        self.time += 1.0 / 60.0;
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, self.size)),
            time: Some(self.time),
            events,
            ..egui::RawInput::default()
        };
        let (window, source) = (&mut self.window, &mut self.source);
        self.ctx.run_ui(input, |ui| {
            let now_ns = source.now_ns();
            window.take_replay(source.replay());
            window.take_send(source.send());
            window.take_ledger(source.ledger(window.ledger_look().as_ref()));
            window.take_sources(source.sources());
            window.take(ui.ctx(), source.snapshot(), None, now_ns);
            window.ui(ui);
            window.ask(ui.ctx(), |query| source.query(query));
        })
    }
}
