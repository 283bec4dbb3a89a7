//! Draws the side panel.

use egui::{Align, Layout, Rect, RichText, Sense, Stroke, WidgetInfo, accesskit::Role, pos2, vec2};

use super::{
    glyph,
    noise::NoiseOf,
    paint::{fitted, tone_inks},
    panel::{Panel, Row, Section},
    scene::{Glyph, Selection, Tone},
};
use crate::window::{
    fonts,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_BODY_PT, TEXT_HEADING_PT, TEXT_SMALL_PT},
};

/// What was done in the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PanelAction {
    /// Something was chosen from a list.
    Select(Selection),
    /// The panel is wanted as text.
    Copy,
    /// A line is wanted in the clipboard.
    CopyText(String),
    /// A rule for what is hidden is to hold, or not.
    SwitchRule(usize, bool),
    /// A rule is to go.
    RemoveRule(usize),
    /// A rule is to be added.
    AddRule(NoiseOf, String),
    /// The rules are to be as they were at first.
    ResetRules,
}

/// Draws the panel into the room there is.
pub(crate) fn panel_ui(ui: &mut egui::Ui, panel: &Panel, tokens: &DesignTokens) -> Option<PanelAction> {
    let mut action = None;
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 5.0);
        egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 16, bottom: 14 }).show(ui, |ui| {
            head_ui(ui, panel, tokens, &mut action);
        });
        for section in &panel.sections {
            hairline(ui, tokens);
            egui::Frame::new().inner_margin(egui::Margin::symmetric(18, 12)).show(ui, |ui| section_ui(ui, section, tokens, &mut action));
        }
    });
    action
}

fn head_ui(ui: &mut egui::Ui, panel: &Panel, tokens: &DesignTokens, action: &mut Option<PanelAction>) {
    ui.horizontal(|ui| {
        let button_width = 58.0;
        let room = (ui.available_width() - button_width).max(60.0);
        let galley = fitted(ui.painter(), &panel.title, &fonts::strong(TEXT_HEADING_PT), room);
        let (rect, response) = ui.allocate_exact_size(vec2(room, 24.0), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &panel.title));
        let cut = galley.size().x + 1.0 < ui.painter().layout_no_wrap(panel.title.clone(), fonts::strong(TEXT_HEADING_PT), tokens.ink(Ink::Text)).size().x;
        let y = rect.center().y - galley.size().y / 2.0;
        ui.painter().galley(pos2(rect.left(), y), galley, tokens.ink(Ink::Text));
        if cut {
            response.on_hover_text(&panel.title);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let copy = egui::Button::new(RichText::new("Copy").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).min_size(vec2(46.0, 24.0));
            if ui.add(copy).on_hover_text("This panel as text").clicked() {
                *action = Some(PanelAction::Copy);
            }
        });
    });
    ui.label(RichText::new(&panel.kind).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
    ui.add_space(3.0);
    for (text, tone) in &panel.verdict {
        let (ink, _) = tone_inks(*tone);
        let ink = if *tone == Tone::Quiet { Ink::Text } else { ink };
        ui.add(egui::Label::new(RichText::new(text).color(tokens.ink(ink))).wrap());
    }
}

fn hairline(ui: &mut egui::Ui, tokens: &DesignTokens) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
}

fn section_ui(ui: &mut egui::Ui, section: &Section, tokens: &DesignTokens, action: &mut Option<PanelAction>) {
    if !section.title.is_empty() {
        ui.horizontal(|ui| {
            ui.label(RichText::new(&section.title).font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(RichText::new(&section.note).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint)));
            });
        });
        ui.add_space(1.0);
    }
    for row in &section.rows {
        match row {
            Row::Figure { label, value, other, tone } => figure_ui(ui, label, value, other, *tone, tokens),
            Row::Text { text, tone } => {
                let (ink, _) = tone_inks(*tone);
                ui.add(egui::Label::new(RichText::new(text).size(12.0).color(tokens.ink(ink))).wrap());
            }
            Row::Link { glyph, label, value, detail, tone, selects } => {
                let link = Link { glyph: *glyph, label, value, detail, tone: *tone, selects: *selects };
                if let Some(selection) = link.ui(ui, tokens) {
                    *action = Some(PanelAction::Select(selection));
                }
            }
            Row::Paste { text } => paste_ui(ui, text, tokens, action),
            Row::Rule { number, text, num_hidden, is_on } => rule_ui(ui, (*number, text, *num_hidden, *is_on), tokens, action),
            Row::NewRule => new_rule_ui(ui, tokens, action),
        }
    }
}

/// A line in the data face, and a button that copies it.
fn paste_ui(ui: &mut egui::Ui, text: &str, tokens: &DesignTokens, action: &mut Option<PanelAction>) {
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Card)).stroke(Stroke::new(1.0, tokens.ink(Ink::Line))).corner_radius(RADIUS_PT).inner_margin(8);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(egui::Label::new(RichText::new(text).font(fonts::data(TEXT_SMALL_PT)).color(tokens.ink(Ink::Text))).wrap());
        if ui.add(egui::Button::new(RichText::new("Copy line").size(TEXT_SMALL_PT))).clicked() {
            *action = Some(PanelAction::CopyText(text.to_owned()));
        }
    });
}

/// Whether a rule holds, what it hides and how much, and a button that removes it.
fn rule_ui(ui: &mut egui::Ui, (number, text, num_hidden, is_on): (usize, &str, u64, bool), tokens: &DesignTokens, action: &mut Option<PanelAction>) {
    ui.horizontal(|ui| {
        let mut holds = is_on;
        let shown = RichText::new(text).font(fonts::data(12.0)).color(tokens.ink(if is_on { Ink::Text } else { Ink::Dim }));
        if ui.checkbox(&mut holds, shown).changed() {
            *action = Some(PanelAction::SwitchRule(number, holds));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let button = egui::Button::new(RichText::new("Remove").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).frame(false);
            let response = ui.add(button);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Remove rule {text}")));
            if response.clicked() {
                *action = Some(PanelAction::RemoveRule(number));
            }
            if num_hidden > 0 {
                ui.label(RichText::new(crate::window::figures::count(num_hidden)).font(fonts::data(12.0)).color(tokens.ink(Ink::Dim)));
            }
        });
    });
}

/// What kind of thing, its name as a pattern, and a button that adds the rule.
fn new_rule_ui(ui: &mut egui::Ui, tokens: &DesignTokens, action: &mut Option<PanelAction>) {
    let place = egui::Id::unique("new noise rule");
    let (mut of, mut pattern) = ui.data(|data| data.get_temp::<(NoiseOf, String)>(place)).unwrap_or((NoiseOf::Service, String::new()));
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let button = ui.add(egui::Button::new(RichText::new(of.word()).size(12.0)).min_size(vec2(64.0, 24.0))).on_hover_text("Service, channel or group");
        if button.clicked() {
            let next = NoiseOf::ALL.iter().position(|other| *other == of).map_or(0, |at| (at + 1) % NoiseOf::ALL.len());
            of = NoiseOf::ALL[next];
        }
        let edit = egui::TextEdit::singleline(&mut pattern)
            .hint_text("name, as load-*")
            .font(fonts::data(12.0))
            .desired_width((ui.available_width() - 66.0).max(80.0));
        let response = ui.add(edit);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Pattern of a new rule"));
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let wanted = ui.add_enabled(!pattern.trim().is_empty(), egui::Button::new(RichText::new("Hide").size(12.0))).clicked() || entered;
        if wanted && !pattern.trim().is_empty() {
            *action = Some(PanelAction::AddRule(of, std::mem::take(&mut pattern)));
        }
    });
    let reset = egui::Button::new(RichText::new("As at first").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).frame(false);
    if ui.add(reset).on_hover_text("The rules that Switchboard came with").clicked() {
        *action = Some(PanelAction::ResetRules);
    }
    ui.data_mut(|data| data.insert_temp(place, (of, pattern)));
}

/// A label, its figure on the right, and the other end's figure right of it.
fn figure_ui(ui: &mut egui::Ui, label: &str, value: &str, other: &str, tone: Tone, tokens: &DesignTokens) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    response.widget_info(|| {
        let text = if other.is_empty() { format!("{label} {value}") } else { format!("{label} {value}, {other}") };
        WidgetInfo::labeled(Role::Label, true, text)
    });
    let painter = ui.painter();
    let ink = if tone == Tone::Quiet { Ink::Text } else { tone_inks(tone).0 };
    let column = (rect.width() * 0.3).clamp(72.0, 110.0);
    let value_right = if other.is_empty() { rect.right() } else { rect.right() - column };
    let value_galley = fitted(painter, value, &fonts::data(12.5), (value_right - rect.left()) * 0.64);
    let label_room = value_right - value_galley.size().x - 10.0 - rect.left();
    let label_galley = fitted(painter, label, &fonts::words(12.0), label_room.max(20.0));
    let middle = |galley: &egui::Galley| rect.center().y - galley.size().y / 2.0;
    painter.galley(pos2(rect.left(), middle(&label_galley)), label_galley, tokens.ink(Ink::Dim));
    painter.galley(pos2(value_right - value_galley.size().x, middle(&value_galley)), value_galley, tokens.ink(ink));
    if !other.is_empty() {
        let galley = fitted(painter, other, &fonts::data(12.5), column - 8.0);
        painter.galley(pos2(rect.right() - galley.size().x, middle(&galley)), galley, tokens.ink(Ink::Dim));
    }
}

struct Link<'a> {
    glyph: Option<Glyph>,
    label: &'a str,
    value: &'a str,
    detail: &'a str,
    tone: Tone,
    selects: Option<Selection>,
}

impl Link<'_> {
    /// Draws the row; what it selects if it was clicked.
    fn ui(&self, ui: &mut egui::Ui, tokens: &DesignTokens) -> Option<Selection> {
        let inset = if self.glyph.is_some() { 20.0 } else { 0.0 };
        let width = ui.available_width();
        let color = tokens.ink(if self.tone == Tone::Quiet { Ink::Text } else { tone_inks(self.tone).0 });
        let painter = ui.painter().clone();
        let value = fitted(&painter, self.value, &fonts::data(12.0), width * 0.5);
        let label = fitted(&painter, self.label, &fonts::words(TEXT_BODY_PT), width - inset - value.size().x - 10.0);
        let detail =
            (!self.detail.is_empty()).then(|| painter.layout(self.detail.to_owned(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim), width - inset));
        let height = 24.0 + detail.as_ref().map_or(0.0, |detail| detail.size().y + 2.0);
        let sense = if self.selects.is_some() { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, height), sense);
        if self.selects.is_some() && (response.hovered() || response.has_focus()) {
            painter.rect_filled(rect.expand2(vec2(8.0, 1.0)), RADIUS_PT, tokens.ink(Ink::Raised));
        }
        let first = Rect::from_min_size(rect.min, vec2(width, 24.0));
        if let Some(sign) = self.glyph {
            glyph::paint(&painter, sign, pos2(first.left() + 6.0, first.center().y), 5.0, color);
        }
        let middle = |galley: &egui::Galley| first.center().y - galley.size().y / 2.0;
        painter.galley(pos2(first.right() - value.size().x, middle(&value)), value, color);
        let label_color = if self.glyph.is_some() { color } else { tokens.ink(Ink::Text) };
        painter.galley(pos2(first.left() + inset, middle(&label)), label, label_color);
        if let Some(detail) = detail {
            painter.galley(pos2(first.left() + inset, first.bottom() - 1.0), detail, tokens.ink(Ink::Dim));
        }
        let role = if self.selects.is_some() { Role::Button } else { Role::Label };
        response.widget_info(|| {
            let parts: Vec<&str> = [self.label, self.value, self.detail].into_iter().filter(|part| !part.is_empty()).collect();
            WidgetInfo::labeled(role, true, parts.join(", "))
        });
        self.selects.filter(|_| response.clicked())
    }
}
