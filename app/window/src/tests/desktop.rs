//! The window as a desktop runs it, with made-up time: a frame is drawn only when one was asked for, at most 60 a second;
//! of a hidden window only its logic runs, as eframe does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::{
    WindowApp, WindowOptions,
    testing::{FixedSource, NOW_NS},
};

/// Between two pictures of the screen, s.
const VBLANK_S: f64 = 1.0 / 60.0;
/// What is computed beside the window is there within this time, by a real clock.
const COMPUTED_WITHIN: Duration = Duration::from_mins(1);

/// A desktop with one window.
pub(crate) struct Desktop {
    ctx: egui::Context,
    app: WindowApp,
    frame: eframe::Frame,
    source: FixedSource,
    clock: Arc<Mutex<Clock>>,
    viewport: egui::ViewportInfo,
    drawn_s: Vec<f64>,
    num_logic_only: usize,
}

#[derive(Default)]
struct Clock {
    now_s: f64,
    /// When the next frame was asked for.
    next_s: Option<f64>,
}

impl Desktop {
    /// Opens the window of 1440 × 900 points.
    pub(crate) fn open(source: &FixedSource) -> Self {
        let (ctx, clock) = (egui::Context::default(), Arc::new(Mutex::new(Clock { now_s: 0.0, next_s: Some(0.0) })));
        let asked = Arc::clone(&clock);
        ctx.set_request_repaint_callback(move |info| {
            let mut clock = asked.lock();
            let at_s = clock.now_s + info.delay.as_secs_f64();
            clock.next_s = Some(clock.next_s.map_or(at_s, |next_s| next_s.min(at_s)));
        });
        let creation = eframe::CreationContext::_new_kittest(ctx.clone());
        let options = WindowOptions { otlp_grpc_port: Some(4317), ..WindowOptions::default() };
        let app = WindowApp::new(&creation, Box::new(source.clone()), options, false);
        let viewport = egui::ViewportInfo { minimized: Some(false), occluded: Some(false), ..egui::ViewportInfo::default() };
        Self { ctx, app, frame: eframe::Frame::_new_kittest(), source: source.clone(), clock, viewport, drawn_s: Vec::new(), num_logic_only: 0 }
    }

    /// The window.
    pub(crate) fn app(&mut self) -> &mut WindowApp {
        &mut self.app
    }

    /// Its context.
    pub(crate) fn ctx(&self) -> egui::Context {
        self.ctx.clone()
    }

    /// When a frame was drawn, seconds since it was opened.
    pub(crate) fn drawn_s(&self) -> &[f64] {
        &self.drawn_s
    }

    /// Frames that were drawn from then on.
    pub(crate) fn num_drawn_since(&self, from_s: f64) -> usize {
        self.drawn_s.iter().filter(|at_s| **at_s >= from_s).count()
    }

    /// How often it was woken without being drawn.
    pub(crate) fn num_logic_only(&self) -> usize {
        self.num_logic_only
    }

    /// The desktop minimises it, covers it, or shows it again.
    pub(crate) fn show(&mut self, minimized: bool, occluded: bool) {
        (self.viewport.minimized, self.viewport.occluded) = (Some(minimized), Some(occluded));
        // Such a change is an event, and eframe draws after each.
        let mut clock = self.clock.lock();
        clock.next_s = Some(clock.now_s);
    }

    /// Lets time pass, with every frame that is asked for until then.
    pub(crate) fn run_until(&mut self, until_s: f64) {
        loop {
            self.wait_for_computed();
            let (now_s, next_s) = {
                let clock = self.clock.lock();
                (clock.now_s, clock.next_s)
            };
            let free_s = self.drawn_s.last().map_or(0.0, |drawn_s| drawn_s + VBLANK_S);
            let Some(at_s) = next_s.map(|next_s| next_s.max(now_s).max(free_s)).filter(|at_s| *at_s <= until_s) else { break };
            *self.clock.lock() = Clock { now_s: at_s, next_s: None };
            self.turn(at_s);
        }
        let mut clock = self.clock.lock();
        clock.now_s = clock.now_s.max(until_s);
    }

    /// Made-up time waits for what threads beside the window compute in real time.
    fn wait_for_computed(&self) {
        let deadline = Instant::now() + COMPUTED_WITHIN;
        while self.app.window.is_computing() {
            {
                let clock = self.clock.lock();
                if clock.next_s.is_some_and(|next_s| next_s <= clock.now_s) {
                    return;
                }
            }
            assert!(Instant::now() < deadline, "nothing came of what is computed beside the window");
            std::thread::yield_now();
        }
    }

    fn turn(&mut self, now_s: f64) {
        self.source.set_now_ns(NOW_NS + (now_s * 1e9) as i64);
        let mut input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(1440.0, 900.0))),
            time: Some(now_s),
            ..egui::RawInput::default()
        };
        input.viewports.insert(egui::ViewportId::ROOT, self.viewport.clone());
        let Self { ctx, app, frame, .. } = self;
        if self.viewport.visible() == Some(false) {
            let _output = ctx.run_logic(&input, |ctx| eframe::App::logic(app, ctx, frame));
            self.num_logic_only += 1;
        } else {
            let output = ctx.run_ui(input, |ui| {
                eframe::App::logic(app, ui.ctx(), frame);
                eframe::App::ui(app, ui, frame);
            });
            output.drop_without_applying_deltas();
            self.drawn_s.push(now_s);
        }
    }
}
