//! The window: what was observed, on one screen. It reads snapshots and gives back commands; it does no network, waits for
//! nothing and never touches the store.

mod app;
mod bars;
mod command;
mod empty;
mod figures;
mod fonts;
mod fuzzy;
mod map;
mod palette;
mod sanitise;
mod screenshot;
mod settings;
mod source;
mod status;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod theme;

pub use app::{WindowApp, run_window};
pub use screenshot::{ScreenshotError, ScreenshotOptions, screenshot};
pub use source::{SessionCommand, SnapshotSource, WindowOptions};
pub use theme::ThemeChoice;
