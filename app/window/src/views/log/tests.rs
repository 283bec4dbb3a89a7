//! The log view through labels and keys.

use egui::{Key, accesskit::Role, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};

use crate::{
    WindowApp, WindowOptions,
    testing::{self, FixedSource, NOW_NS},
    view::{UiCommand, ViewKind},
};
use switchboard_desk::own_log::{LogLevel, LogLine, OwnLog};

fn line(level: LogLevel, message: &str) -> LogLine {
    LogLine {
        at_ns: NOW_NS,
        level,
        target: "switchboard::session".to_owned(),
        message: message.to_owned(),
        fields: vec![("source".to_owned(), "lab-kafka".to_owned())],
    }
}

fn harness(own_log: &OwnLog) -> Harness<'static, WindowApp> {
    let source = FixedSource::new(testing::order_business());
    let options = WindowOptions { own_log: own_log.clone(), ..WindowOptions::default() };
    let mut harness = Harness::builder().with_size(vec2(1280.0, 800.0)).build_eframe(|creation| WindowApp::new(creation, Box::new(source), options, false));
    let ctx = harness.ctx.clone();
    let _asked = harness.state_mut().window.run(&ctx, UiCommand::Show(ViewKind::Log));
    harness.run();
    harness
}

#[test]
fn an_empty_log_says_what_would_stand_there() {
    let harness = harness(&OwnLog::default());
    harness.get_by_label_contains("Switchboard has said nothing yet");
}

#[test]
fn lines_are_shown_by_level_and_text_and_one_of_them_whole() {
    let log = OwnLog::default();
    log.push(line(LogLevel::Debug, "a step"));
    log.push(line(LogLevel::Warn, "The broker does not answer."));
    let mut harness = harness(&log);
    harness.get_by_label("1 of 2 lines");
    harness.get_by_label("level debug").click();
    harness.run();
    harness.get_by_label("2 of 2 lines");
    harness.get_by_role_and_label(Role::SearchInput, "Find in the log").focus();
    harness.run();
    harness.get_by_role_and_label(Role::SearchInput, "Find in the log").type_text("BROKER");
    harness.run();
    harness.get_by_label("1 of 2 lines");
    harness.get_by_label_contains("warn 11:00:00.000 The broker").click();
    harness.run();
    harness.get_by_label("2026-11-21T11:00:00.000000Z · switchboard::session");
    log.push(line(LogLevel::Error, "The broker is gone."));
    harness.run();
    harness.get_by_label("2 of 3 lines");
}

#[test]
fn keys_walk_the_lines_and_copy_one() {
    let log = OwnLog::default();
    for n in 0..100 {
        log.push(line(LogLevel::Info, &format!("line {n}")));
    }
    let mut harness = harness(&log);
    harness.get_by_label_contains("line 99");
    harness.key_press(Key::Home);
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    harness.event(egui::Event::Copy);
    harness.step();
    let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(copied.as_deref(), Some("2026-11-21T11:00:00.000000Z info switchboard::session line 1  source=lab-kafka"));
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_label_contains("2026-11-21T11").is_none(), "closed");
}
