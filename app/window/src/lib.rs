//! The window: what was observed, on one screen. It reads snapshots and gives back commands; it does no network, waits for
//! nothing and never touches the store.
//!
//! Each of these knows only what stands before it: the ground (`theme`, `fonts`, `figures`, `sanitise`, `ink`); `view`, what a view is, what it
//! gets and what it asks for; `widgets` and `words`, what several views are made of and say; `views`, a folder for each, of which none knows
//! another; `shell`, the window around them. A view is added by its folder in `views`, a line in `view/table.rs`, and its field in `views.rs`, for
//! which the compiler asks.

mod figures;
mod fonts;
mod ink;
mod missing_glyphs;
mod replay;
mod sanitise;
mod shell;
mod source;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod theme;
mod view;
mod views;
mod widgets;
mod words;

pub use shell::{ScreenshotError, ScreenshotOptions, Stroke, Strokes, WindowApp, run_window, screenshot};
pub use source::{SessionCommand, SnapshotSource, WindowOptions};
pub use theme::ThemeChoice;
pub use view::ViewKind;
pub use widgets::text_field::TextField;
