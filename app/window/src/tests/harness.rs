//! The window with made-up answers, driven through labels and keys, and as pictures: for the tests of views.

use std::collections::BTreeSet;

use egui::{Key, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use switchboard_engine::view::Snapshot;

use crate::{
    ScreenshotOptions, SnapshotSource, Strokes, ThemeChoice, WindowApp, WindowOptions,
    shell::{Window, screenshot, settings::Settings},
    testing::{FixedSource, NOW_NS},
    tests::pictures,
    view::{Target, UiCommand},
};

fn options() -> WindowOptions {
    WindowOptions { profile_name: "compose-local".to_owned(), otlp_grpc_port: Some(4317), otlp_http_port: Some(4318), ..WindowOptions::default() }
}

/// The window of 1280 × 800 points, after a command.
pub(crate) fn harness(source: &FixedSource, command: UiCommand) -> Harness<'static, WindowApp> {
    let source = source.clone();
    let mut harness = Harness::builder().with_size(vec2(1280.0, 800.0)).build_eframe(|creation| WindowApp::new(creation, Box::new(source), options(), false));
    // As the program has it.
    crate::missing_glyphs::install(&harness.ctx);
    run(&mut harness, command);
    harness
}

/// Runs a command, and frames until all is there.
pub(crate) fn run(harness: &mut Harness<'static, WindowApp>, command: UiCommand) {
    let ctx = harness.ctx.clone();
    harness.state_mut().window.run(&ctx, command);
    settle(harness);
}

/// Jumps to an object.
pub(crate) fn goto(harness: &mut Harness<'static, WindowApp>, target: &Target) {
    let ctx = harness.ctx.clone();
    harness.state_mut().window.goto(&ctx, target);
    settle(harness);
}

/// Frames until answers have come and all stands still.
pub(crate) fn settle(harness: &mut Harness<'static, WindowApp>) {
    for _ in 0..3 {
        harness.run_steps(2);
        harness.run();
    }
}

/// Presses keys, one after another.
pub(crate) fn press(harness: &mut Harness<'static, WindowApp>, keys: &[Key]) {
    for key in keys {
        harness.key_press(*key);
        settle(harness);
    }
}

/// What was copied with the last step.
pub(crate) fn copied(harness: &Harness<'static, WindowApp>) -> Option<String> {
    harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

/// What rows, headings and labels say.
fn said(harness: &Harness<'static, WindowApp>) -> BTreeSet<String> {
    let all = [Role::ListItem, Role::Label, Role::Heading].into_iter().flat_map(|role| harness.query_all_by_role(role));
    all.filter_map(|node| node.accesskit_node().label().or_else(|| node.accesskit_node().value())).collect()
}

/// News come with each frame, and answers to what is asked anew a while later: what was said is said in each frame between.
pub(crate) fn stays_while_answers_are_late(harness: &mut Harness<'static, WindowApp>, source: &FixedSource) {
    settle(harness);
    let before = said(harness);
    assert!(before.len() > 10, "{before:?}");
    let (snapshot, num_asked) = (SnapshotSource::snapshot(&mut source.clone()), source.queries().len());
    source.answer_late(3, |_| true);
    for frame in 0..40 {
        source.publish(snapshot.clone());
        harness.run_steps(1);
        let now = said(harness);
        let gone: Vec<&String> = before.difference(&now).collect();
        assert!(gone.is_empty(), "in frame {frame} is gone: {gone:?}");
    }
    assert!(source.queries().len() > num_asked, "nothing was asked anew");
}

/// A step of what is done before a picture is taken.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A command.
    Run(UiCommand),
    /// A jump.
    Goto(Target),
    /// What is typed.
    Type(Vec<egui::Event>),
}

/// Draws the window after some steps and compares it with the picture of that name. Where nothing can draw it says so.
pub(crate) fn picture(name: &str, theme: ThemeChoice, size_px: (u32, u32), source: &FixedSource, steps: &[Step]) {
    let screenshot_options = ScreenshotOptions { size_px, theme, view: crate::ViewKind::Map, keys: Strokes::default() };
    let mut source = source.clone();
    let snapshot: Snapshot = source.snapshot();
    let drawn = screenshot::draw(&screenshot_options, |ctx| {
        let mut window = Window::new_in_place(ctx, Settings { theme, ..Settings::default() }, options());
        // Each step needs the answers to the one before; the picture is taken when all is there.
        let mut frame = |ui: &mut egui::Ui, window: &mut Window| {
            window.take_replay(source.replay());
            window.take_send(source.send());
            window.take_ledger(source.ledger(window.ledger_look().as_ref()));
            window.take(ui.ctx(), snapshot.clone(), None, NOW_NS);
            window.ui(ui);
            window.ask(ui.ctx(), |query| source.query(query));
        };
        let mut size = ctx.content_rect();
        size.set_width(size_px.0 as f32);
        size.set_height(size_px.1 as f32);
        let input = egui::RawInput { screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, size.size())), ..egui::RawInput::default() };
        for step in steps {
            match step {
                Step::Run(command) => drop(window.run(ctx, *command)),
                Step::Goto(target) => window.goto(ctx, target),
                Step::Type(events) => {
                    let typed = egui::RawInput { events: events.clone(), ..input.clone() };
                    ctx.run_ui(typed, |ui| frame(ui, &mut window)).drop_without_applying_deltas();
                }
            }
            for _ in 0..4 {
                ctx.run_ui(input.clone(), |ui| frame(ui, &mut window)).drop_without_applying_deltas();
            }
        }
        let mut source = source.clone();
        let snapshot = snapshot.clone();
        move |ui: &mut egui::Ui| {
            window.take_replay(source.replay());
            window.take_send(source.send());
            window.take_ledger(source.ledger(window.ledger_look().as_ref()));
            window.take(ui.ctx(), snapshot.clone(), None, NOW_NS);
            window.ui(ui);
            window.ask(ui.ctx(), |query| source.query(query));
        }
    });
    pictures::compare(name, drawn);
}
