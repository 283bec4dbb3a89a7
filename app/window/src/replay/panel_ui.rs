//! Draws the replay panel; what was asked for.

use egui::{Rect, RichText, Sense, Stroke, StrokeKind, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_engine::view::Severity;

use super::{
    pace_form::PaceForm,
    panel::{PanelButton, Progress, ReplayPanel},
};
use switchboard_desk::{
    ledger::SettledAs,
    send::replay::{PaceBounds, SentCounts},
};

use crate::{
    fonts,
    ink::{Tone, tone_inks},
    theme::{DesignTokens, Ink, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::{UiCommand, ViewAction},
    widgets::{
        detail::section_ui,
        text_field::{TextEntry, TextField},
    },
};

/// Room left and right, points.
const MARGIN_PT: i8 = 18;
/// Room that the button takes which stops or closes it, points.
const STOP_WIDTH_PT: f32 = 120.0;
/// Room that a number of the pace takes, points.
const PACE_WIDTH_PT: f32 = 58.0;

/// What was asked for in the panel.
pub(crate) enum Asked {
    /// One of its buttons.
    Command(UiCommand),
    /// To something else.
    Action(ViewAction),
    /// Another pace than before was typed.
    Pace,
}

/// What is typed in it.
pub(super) struct Typed<'a> {
    /// The cluster's name.
    pub name: &'a mut String,
    /// How many go first and how fast the rest goes; `None` = nothing is previewed.
    pub pace: Option<PaceEntry<'a>>,
}

/// What is typed of the pace, and what it is where nothing is.
pub(super) struct PaceEntry<'a> {
    pub form: &'a mut PaceForm,
    pub bounds: PaceBounds,
    /// Why what is typed cannot be.
    pub wrong: Option<&'a str>,
}

/// Draws the panel: heading and buttons stay, what is between scrolls.
///
/// `form_ui` draws what is above the sections.
pub(crate) fn panel_ui(ui: &mut egui::Ui, panel: &ReplayPanel, typed: Typed<'_>, tokens: &DesignTokens, form_ui: impl FnOnce(&mut egui::Ui)) -> Option<Asked> {
    let mut asked = None;
    let wrong_pace = typed.pace.as_ref().and_then(|pace| pace.wrong.map(str::to_owned));
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel));
    egui::Panel::bottom("replay buttons").frame(frame).show_separator_line(false).resizable(false).show(ui, |ui| {
        egui::Frame::new().inner_margin(egui::Margin::symmetric(MARGIN_PT, 12)).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 8.0);
            if let Some(progress) = &panel.progress {
                progress_ui(ui, progress, tokens);
            }
            if let Some(entry) = typed.pace
                && pace_ui(ui, entry, tokens)
            {
                asked = Some(Asked::Pace);
            }
            if let Some(name) = &panel.asks_name {
                name_ui(ui, name, typed.name, tokens);
            }
            // What comes and goes stands above the buttons, which stay where they are under the pointer.
            if let Some(warning) = &panel.warning {
                ui.add(egui::Label::new(RichText::new(warning).color(tokens.ink(Ink::Bad))).wrap());
            }
            let is_told = |why: &str| why.is_empty() || wrong_pace.as_deref() == Some(why);
            if let Some(why) = panel.buttons.iter().find(|button| button.is_primary && !is_told(&button.unavailable)) {
                ui.label(RichText::new(&why.unavailable).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
            }
            ui.horizontal_wrapped(|ui| {
                let mut draw = |ui: &mut egui::Ui, button: &PanelButton| {
                    if button_ui(ui, button, tokens) {
                        asked = Some(Asked::Command(button.command));
                    }
                };
                // What stops has the same place in every phase: a click that was meant for it never sends.
                let (stops, others): (Vec<_>, Vec<_>) = panel.buttons.iter().partition(|button| button.command == UiCommand::StopReplay);
                for button in others {
                    draw(ui, button);
                }
                // Where it has no room beside the others it stands in a row of its own.
                if ui.available_size_before_wrap().x < STOP_WIDTH_PT {
                    ui.end_row();
                }
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    for button in stops {
                        draw(ui, button);
                    }
                });
            });
            if !panel.foot.is_empty() {
                ui.add(egui::Label::new(RichText::new(&panel.foot).size(11.0).color(tokens.ink(Ink::Faint))).wrap());
            }
        });
    });
    egui::ScrollArea::vertical().id_salt("replay panel").auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
        egui::Frame::new().inner_margin(egui::Margin { left: MARGIN_PT, right: MARGIN_PT, top: 14, bottom: 12 }).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 5.0;
            let title = ui.add(egui::Label::new(RichText::new(&panel.title).font(fonts::strong(TEXT_HEADING_PT)).color(tokens.ink(Ink::Text))).wrap());
            title.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &panel.title));
            let ink = if panel.phase_tone == Tone::Quiet { Ink::Dim } else { tone_inks(panel.phase_tone).0 };
            ui.add(egui::Label::new(RichText::new(&panel.phase).color(tokens.ink(ink))).wrap());
        });
        form_ui(ui);
        for section in &panel.sections {
            if let Some(action) = section_ui(ui, section, tokens) {
                asked = Some(Asked::Action(action));
            }
        }
    });
    asked
}

fn button_ui(ui: &mut egui::Ui, button: &PanelButton, tokens: &DesignTokens) -> bool {
    let keys = button.command.keys();
    let text = if keys.is_empty() { button.text.clone() } else { format!("{}  {keys}", button.text) };
    let is_available = button.unavailable.is_empty();
    let ink = match (is_available, button.is_primary) {
        (true, true) => Ink::Accent,
        (true, false) => Ink::Text,
        (false, _) => Ink::Faint,
    };
    let mut drawn = egui::Button::new(RichText::new(text).color(tokens.ink(ink))).min_size(vec2(72.0, 30.0));
    if button.is_primary && is_available {
        drawn = drawn.fill(tokens.accent_fill.0).stroke(Stroke::new(1.0, tokens.ink(Ink::Accent)));
    }
    let response = ui.add_enabled(is_available, drawn);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, is_available, &button.text));
    if is_available { response.on_hover_text(button.command.tooltip()).clicked() } else { response.on_disabled_hover_text(&button.unavailable).clicked() }
}

/// How many go first and how fast the rest goes; whether something else was typed than before.
fn pace_ui(ui: &mut egui::Ui, PaceEntry { form, bounds, wrong }: PaceEntry<'_>, tokens: &DesignTokens) -> bool {
    let small = |text: &str| RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim));
    let mut is_other = false;
    ui.horizontal_wrapped(|ui| {
        let fields = [
            (TextField::ReplayFirst, &mut form.first, bounds.num_first.to_string(), "How many go first, and are followed before the rest goes"),
            (TextField::ReplayRate, &mut form.rate, bounds.rate_per_s.to_string(), "How many the rest goes at, a second"),
        ];
        for (field, text, as_said, means) in fields {
            ui.label(small(field.name())).on_hover_text(means);
            let entry = TextEntry::new(field, text).hint(&as_said).width(PACE_WIDTH_PT).font(fonts::data(12.0));
            let entered = entry.ui(ui, tokens);
            is_other |= entered.response.changed();
            let _hovered = entered.response.on_hover_text(format!("{means}; left empty: {as_said}"));
        }
        ui.label(small("/s"));
        ui.label(RichText::new(UiCommand::PaceReplay.keys()).size(11.0).color(tokens.ink(Ink::Faint)));
    });
    if let Some(wrong) = wrong {
        ui.add(egui::Label::new(RichText::new(crate::sanitise::visible(wrong)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Bad))).wrap());
    }
    is_other
}

fn name_ui(ui: &mut egui::Ui, name: &str, typed_name: &mut String, tokens: &DesignTokens) {
    let hint = format!("Type {} to send to this production cluster", crate::sanitise::visible(name));
    ui.label(RichText::new(&hint).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Warn)));
    let _typed = TextEntry::new(TextField::ClusterName, typed_name).first(true).ui(ui, tokens);
}

/// The colour of what became of a send: what is urgent has the colour of that.
fn outcome_ink(outcome: SettledAs) -> Ink {
    match outcome.severity() {
        Severity::Quiet => Ink::Good,
        severity => tone_inks(severity.into()).0,
    }
}

/// How many records are in each part of the bar, and its colour.
pub(crate) fn bar_parts(counts: SentCounts) -> [(usize, Ink); 5] {
    [
        (counts.persisted, outcome_ink(SettledAs::Done)),
        (counts.in_flight, Ink::Accent),
        (counts.possibly_persisted, outcome_ink(SettledAs::Possibly)),
        (counts.not_persisted, outcome_ink(SettledAs::NotDone)),
        (counts.skipped, outcome_ink(SettledAs::Skipped)),
    ]
}

/// A bar of what became of the records: acknowledged, doubtful, not written, skipped; the rest is empty.
fn progress_ui(ui: &mut egui::Ui, progress: &Progress, tokens: &DesignTokens) {
    let (room, response) = ui.allocate_exact_size(vec2(ui.available_width(), 8.0), Sense::hover());
    let painter = ui.painter();
    painter.rect_filled(room, 4.0, tokens.ink(Ink::Raised));
    let sum = progress.counts.sum().max(1) as f32;
    let mut left = room.left();
    for (num, ink) in bar_parts(progress.counts) {
        let width = room.width() * num as f32 / sum;
        if num > 0 {
            let part = Rect::from_min_max(pos2(left, room.top()), pos2((left + width.max(2.0)).min(room.right()), room.bottom()));
            painter.rect_filled(part, 2.0, tokens.ink(ink));
        }
        left += width;
    }
    painter.rect_stroke(room, 4.0, Stroke::new(1.0, tokens.ink(Ink::Line)), StrokeKind::Inside);
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, format!("{}, {}", progress.left, progress.right)));
    ui.horizontal(|ui| {
        ui.label(RichText::new(&progress.left).font(fonts::data(12.0)).color(tokens.ink(Ink::Text)));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(&progress.right).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
        });
    });
}
