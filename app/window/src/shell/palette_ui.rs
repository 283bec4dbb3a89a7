//! The command palette: all commands by name.

use std::borrow::Cow;

use egui::{Align2, Id, Key, Modifiers, Rect, Sense, WidgetInfo, accesskit::Role, vec2};

use crate::{
    fonts,
    shell::fuzzy,
    theme::{DesignTokens, Ink, OVERLAY_TOP_PT, TEXT_BODY_PT, TEXT_SMALL_PT},
    view::UiCommand,
    widgets::{
        row_ground::row_ground,
        text_field::{TextEntry, TextField},
    },
};

const WIDTH_PT: f32 = 480.0;
const ROW_PT: f32 = 32.0;
const ROWS_MAX: usize = 9;

/// An open palette.
#[derive(Default)]
pub(crate) struct Palette {
    open: Option<Opened>,
}

#[derive(Default)]
struct Opened {
    query: String,
    selected: usize,
}

impl Palette {
    /// Opens it, or closes it if it is open.
    pub(crate) fn toggle(&mut self) {
        self.open = if self.open.is_some() { None } else { Some(Opened::default()) };
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Draws it, if open; the command that was chosen.
    pub(crate) fn ui(&mut self, ctx: &egui::Context, tokens: &DesignTokens, unavailable: &dyn Fn(UiCommand) -> Option<Cow<'static, str>>) -> Option<UiCommand> {
        let opened = self.open.as_mut()?;
        let area = egui::Modal::default_area(Id::unique("palette")).anchor(Align2::CENTER_TOP, vec2(0.0, OVERLAY_TOP_PT));
        let modal = egui::Modal::new(Id::unique("palette")).area(area).backdrop_color(tokens.shade.0).show(ctx, |ui| {
            ui.set_width(WIDTH_PT);
            opened.ui(ui, tokens, unavailable)
        });
        let chosen = modal.inner;
        if chosen.is_some() || modal.should_close() {
            self.open = None;
        }
        chosen
    }
}

impl Opened {
    fn ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens, unavailable: &dyn Fn(UiCommand) -> Option<Cow<'static, str>>) -> Option<UiCommand> {
        let (up, down, enter) = ui.input_mut(|input| {
            (
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowUp),
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowDown),
                input.consume_key(Modifiers::NONE, Key::Enter),
            )
        });
        let response = TextEntry::new(TextField::Command, &mut self.query).ui(ui, tokens).response;
        response.request_focus();
        if response.changed() {
            self.selected = 0;
        }
        let found = matches(&self.query);
        self.selected = (self.selected + down).saturating_sub(up).min(found.len().saturating_sub(1));
        ui.add_space(4.0);
        if found.is_empty() {
            ui.label(egui::RichText::new("No command of that name").color(tokens.ink(Ink::Dim)));
            return None;
        }
        let mut chosen = enter.then(|| found[self.selected]).filter(|command| unavailable(*command).is_none());
        let first = self.selected.saturating_sub(ROWS_MAX - 1);
        for (index, &command) in found.iter().enumerate().skip(first).take(ROWS_MAX) {
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT - ui.spacing().item_spacing.y), Sense::click());
            let reason = unavailable(command);
            ui.painter().add(row_ground(rect, index == self.selected, response.hovered(), tokens));
            row_ui(ui, rect, command, reason.as_deref(), tokens);
            response.widget_info(|| {
                let words = reason.as_ref().map_or_else(|| command.text().to_owned(), |reason| format!("{}, not now: {reason}", command.text()));
                WidgetInfo::selected(Role::ListBoxOption, reason.is_none(), index == self.selected, words)
            });
            if response.clicked() && reason.is_none() {
                chosen = Some(command);
            }
        }
        chosen
    }
}

fn row_ui(ui: &egui::Ui, rect: Rect, command: UiCommand, reason: Option<&str>, tokens: &DesignTokens) {
    let painter = ui.painter();
    let ink = if reason.is_some() { Ink::Faint } else { Ink::Text };
    let left = painter.text(rect.left_center() + vec2(10.0, 0.0), Align2::LEFT_CENTER, command.text(), fonts::words(TEXT_BODY_PT), tokens.ink(ink));
    let keys = painter.text(rect.right_center() - vec2(10.0, 0.0), Align2::RIGHT_CENTER, command.keys(), fonts::data(TEXT_SMALL_PT), tokens.ink(Ink::Dim));
    let room = Rect::from_min_max(egui::pos2(left.right() + 12.0, rect.top()), egui::pos2(keys.left() - 12.0, rect.bottom()));
    let text = reason.unwrap_or_else(|| command.tooltip());
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Faint));
    job.wrap = egui::text::TextWrapping::truncate_at_width(room.width().max(0.0));
    let galley = painter.layout_job(job);
    painter.galley(egui::pos2(room.left(), room.center().y - galley.size().y / 2.0), galley, tokens.ink(Ink::Faint));
}

/// The commands that match, best first; the palette itself is not among them.
fn matches(query: &str) -> Vec<UiCommand> {
    let mut found: Vec<_> = UiCommand::all()
        .filter(|command| *command != UiCommand::OpenPalette)
        .filter_map(|command| fuzzy::score(query, command.text()).map(|score| (score, command)))
        .collect();
    found.sort_by_key(|(score, _)| -score);
    found.into_iter().map(|(_, command)| command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_match_comes_first_and_nothing_shows_all() {
        assert_eq!(matches("").len(), UiCommand::all().count() - 1);
        assert_eq!(matches("dark").first(), Some(&UiCommand::ThemeDark));
        assert_eq!(matches("fit").first(), Some(&UiCommand::FitMap));
        assert!(matches("zzzz").is_empty());
    }
}
