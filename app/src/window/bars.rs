//! The bars above and below the map: what this is, how it is, and which keys there are.

use egui::{Align, Layout, RichText, Sense, Stroke, vec2};

use crate::window::{
    command::UiCommand,
    fonts,
    map::scene::{Selection, Tone},
    status::Part,
    theme::{DesignTokens, Ink, TEXT_BODY_PT, TEXT_SMALL_PT, margin},
};

/// What the top bar tells.
pub(crate) struct TopBar<'a> {
    /// Name of the profile.
    pub profile_name: &'a str,
    /// Name of the view.
    pub view_name: &'a str,
    /// How fresh the data are.
    pub freshness: &'a str,
    /// Whether that is as it should be.
    pub is_live: bool,
}

/// Height of the top bar, points.
const TOP_PT: f32 = 42.0;
/// Height of the status line, points.
const STATUS_PT: f32 = 42.0;
/// Height of the key hints, points.
const FOOT_PT: f32 = 32.0;

/// Name, profile, view, freshness; true if the palette is asked for.
pub(crate) fn top_ui(ui: &mut egui::Ui, bar: &TopBar<'_>, tokens: &DesignTokens) -> bool {
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel)).inner_margin(margin(18, 0));
    let panel = egui::Panel::top("top").exact_size(TOP_PT).frame(frame).show_separator_line(false);
    panel
        .show(ui, |ui| {
            ui.horizontal_centered(|ui| {
                ui.label(RichText::new("Switchboard").font(fonts::strong(15.0)).color(tokens.ink(Ink::Text)));
                ui.add_space(6.0);
                ui.label(RichText::new(bar.profile_name).color(tokens.ink(Ink::Dim)));
                ui.add_space(28.0);
                tab_ui(ui, bar.view_name, tokens);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let palette = UiCommand::OpenPalette;
                    let text = RichText::new(palette.keys()).font(fonts::data(TEXT_SMALL_PT)).color(tokens.ink(Ink::Dim));
                    let asked = ui.add(egui::Button::new(text).frame(false)).on_hover_text(palette.tooltip()).clicked();
                    ui.add_space(12.0);
                    let ink = if bar.is_live { Ink::Dim } else { Ink::Text };
                    ui.label(RichText::new(bar.freshness).size(12.5).color(tokens.ink(ink)));
                    dot_ui(ui, tokens.ink(if bar.is_live { Ink::Good } else { Ink::Faint }), bar.is_live);
                    ui.add_space(8.0);
                    ui.label(RichText::new("last 60 s").size(12.5).color(tokens.ink(Ink::Dim))).on_hover_text("Figures on the map are of the last 60 seconds");
                    asked
                })
                .inner
            })
            .inner
        })
        .inner
}

/// The name of the view, underlined.
fn tab_ui(ui: &mut egui::Ui, name: &str, tokens: &DesignTokens) {
    let response = ui.label(RichText::new(name).font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
    let y = ui.max_rect().bottom() - 1.0;
    ui.painter().hline(response.rect.expand2(vec2(3.0, 0.0)).x_range(), y, Stroke::new(2.5, tokens.ink(Ink::Accent)));
}

/// A dot: full where data flow, a ring where they do not.
fn dot_ui(ui: &mut egui::Ui, color: egui::Color32, full: bool) {
    let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
    if full {
        ui.painter().circle_filled(rect.center(), 3.5, color);
    } else {
        ui.painter().circle_stroke(rect.center(), 3.0, Stroke::new(1.3, color));
    }
}

/// The sentence; what was clicked in it.
pub(crate) fn status_ui(ui: &mut egui::Ui, parts: &[Part], tokens: &DesignTokens) -> Option<Selection> {
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Background)).inner_margin(margin(18, 0));
    let panel = egui::Panel::top("status").exact_size(STATUS_PT).frame(frame).show_separator_line(false);
    let shown = panel.show(ui, |ui| {
        let mut chosen = None;
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 7.0;
            for (index, part) in fitting(ui, parts).into_iter().enumerate() {
                if index > 0 {
                    ui.label(RichText::new("·").color(tokens.ink(Ink::Faint)));
                }
                chosen = part_ui(ui, part, tokens).or(chosen);
            }
        });
        let line = ui.max_rect();
        ui.painter().hline(line.x_range().expand(18.0), line.bottom() - 0.5, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
        chosen
    });
    shown.inner
}

/// The parts that find room side by side: what is second goes first, from the end.
fn fitting<'a>(ui: &egui::Ui, parts: &'a [Part]) -> Vec<&'a Part> {
    let gap = 7.0 * 2.0 + 5.0;
    let width = |part: &Part| {
        let font = if part.tone >= Tone::Warn { fonts::strong(TEXT_BODY_PT) } else { fonts::words(TEXT_BODY_PT) };
        ui.painter().layout_no_wrap(part.text.clone(), font, egui::Color32::PLACEHOLDER).size().x + gap
    };
    let mut total: f32 = parts.iter().map(width).sum();
    let mut shown: Vec<&Part> = parts.iter().collect();
    while total > ui.available_width() {
        let Some(place) = shown.iter().rposition(|part| part.dim) else { break };
        total -= width(shown.remove(place));
    }
    shown
}

fn part_ui(ui: &mut egui::Ui, part: &Part, tokens: &DesignTokens) -> Option<Selection> {
    let ink = match part.tone {
        Tone::Bad => Ink::Bad,
        Tone::Warn => Ink::Warn,
        Tone::Unknown => Ink::Dim,
        Tone::Quiet if part.dim => Ink::Dim,
        Tone::Quiet => Ink::Text,
    };
    let mut text = RichText::new(&part.text).color(tokens.ink(ink));
    if part.tone >= Tone::Warn {
        text = text.font(fonts::strong(TEXT_BODY_PT));
    }
    let Some(selects) = part.selects else {
        ui.label(text);
        return None;
    };
    let response = ui.add(egui::Button::new(text).frame(false)).on_hover_cursor(egui::CursorIcon::PointingHand);
    response.clicked().then_some(selects)
}

/// The keys of the view.
pub(crate) fn foot_ui(ui: &mut egui::Ui, is_table: bool, tokens: &DesignTokens) {
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Background)).inner_margin(margin(18, 0));
    egui::Panel::bottom("foot").exact_size(FOOT_PT).frame(frame).show_separator_line(false).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let toggled = if is_table { "map" } else { "table" };
            let hints = [("Arrows", "walk"), ("N", "next problem"), ("F", "fit"), ("T", toggled), ("Esc", "clear"), ("Ctrl+P", "commands")];
            for (index, (key, what)) in hints.into_iter().enumerate() {
                if index > 0 {
                    ui.add_space(10.0);
                }
                ui.label(RichText::new(key).font(fonts::data(TEXT_SMALL_PT)).color(tokens.ink(Ink::Dim)));
                ui.label(RichText::new(what).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint)));
            }
        });
    });
}
