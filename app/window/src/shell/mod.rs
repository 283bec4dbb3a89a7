//! The window around the views: bars, panes, palette, search, notices, and what is remembered of how it looks.

pub(crate) mod app;
mod attendance;
mod bars;
mod desktop_motion;
mod elsewhere;
pub(crate) mod find;
mod fuzzy;
mod history;
mod keys_in_turn;
mod notice;
mod notice_ui;
pub(crate) mod object_menu;
mod operations_list;
mod operations_ui;
mod palette_ui;
pub(crate) mod panes;
mod pointer;
pub(crate) mod screenshot;
pub(crate) mod settings;
mod strokes;

pub(crate) use app::Window;
pub use app::{WindowApp, run_window};
pub use screenshot::{ScreenshotError, ScreenshotOptions, screenshot};
pub use strokes::{Stroke, Strokes};
