//! The window: what was observed, on one screen. It reads snapshots and gives back commands; it does no network, waits for
//! nothing and never touches the store.

mod app;
mod asker;
mod attendance;
mod bars;
mod beside;
mod breakers;
mod command;
#[cfg(test)]
mod command_walk_tests;
mod dead_letters;
#[cfg(test)]
mod desktop_harness;
mod desktop_motion;
mod elsewhere;
mod empty;
mod figures;
mod find;
mod fonts;
#[cfg(test)]
mod frame_pictures;
#[cfg(test)]
mod frame_tests;
mod fuzzy;
mod groups;
#[cfg(test)]
#[path = "../../../collectors/model/tests/growth/mod.rs"]
mod growth;
mod history;
mod log;
mod map;
mod messages;
mod missing_glyphs;
mod news;
mod notice;
mod notice_ui;
mod operations_list;
mod operations_ui;
#[cfg(test)]
mod operations_ui_tests;
mod palette;
mod panes;
mod sanitise;
mod screenshot;
mod settings;
mod signs;
mod source;
mod sources;
mod status;
mod strokes;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod theme;
mod traces;
#[cfg(test)]
mod verdict_tests;
mod view;
#[cfg(test)]
mod view_harness;
mod views;
#[cfg(test)]
mod whole_window_tests;
mod widgets;

pub use app::{WindowApp, run_window};
pub use screenshot::{ScreenshotError, ScreenshotOptions, screenshot};
pub use source::{SessionCommand, SnapshotSource, WindowOptions};
pub use strokes::{Stroke, Strokes};
pub use theme::ThemeChoice;
pub use view::ViewKind;
