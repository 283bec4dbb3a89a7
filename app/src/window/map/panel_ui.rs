//! Draws the side panel.

use egui::{Align, Layout, Rect, RichText, Sense, Stroke, WidgetInfo, accesskit::Role, pos2, vec2};

use super::{
    glyph,
    noise::NoiseOf,
    paint::{fitted, tone_inks},
    panel::{Panel, Row, Section},
    scene::{Glyph, Tone},
};
use crate::window::{
    fonts,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_BODY_PT, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::Target,
};

/// What was done in the panel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PanelAction {
    /// Something was chosen from a list.
    Goto(Target),
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
            Row::Link { glyph, label, value, detail, tone, target } => {
                let link = Link { glyph: *glyph, label, value, detail, tone: *tone, target: target.as_ref() };
                if let Some(target) = link.ui(ui, tokens) {
                    *action = Some(PanelAction::Goto(target));
                }
            }
            Row::Spark { label, value, change, tone, points } => spark_ui(ui, (label, value, change), *tone, points, tokens),
            Row::Bar { label, detail, value, share, tone, target } => {
                if bar_ui(ui, (label, detail, value), *share, *tone, target.is_some(), tokens) {
                    *action = target.clone().map(PanelAction::Goto);
                }
            }
            Row::Paste { text } => paste_ui(ui, text, tokens, action),
            Row::Rule { number, text, num_hidden, is_on } => rule_ui(ui, (*number, text, *num_hidden, *is_on), tokens, action),
            Row::NewRule => new_rule_ui(ui, tokens, action),
        }
    }
}

/// A figure, how it changed, and the line of how it ran. Where nothing was measured the line has a gap.
fn spark_ui(ui: &mut egui::Ui, (label, value, change): (&str, &str, &str), tone: Tone, points: &[Option<f64>], tokens: &DesignTokens) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{label} {value} {change}").trim_end().to_owned()));
    let painter = ui.painter();
    let ink = if tone == Tone::Quiet { Ink::Dim } else { tone_inks(tone).0 };
    let line = Rect::from_min_max(pos2(rect.right() - rect.width() * 0.27, rect.top() + 3.0), pos2(rect.right(), rect.bottom() - 3.0));
    let columns = [rect.left(), rect.left() + rect.width() * 0.24, rect.left() + rect.width() * 0.50];
    for (text, at, font, ink, room) in [
        (label, columns[0], fonts::words(12.0), Ink::Dim, columns[1] - columns[0]),
        (value, columns[1], fonts::data(12.5), Ink::Text, columns[2] - columns[1]),
        (change, columns[2], fonts::data(11.5), ink, line.left() - columns[2]),
    ] {
        let galley = fitted(painter, text, &font, room - 6.0);
        painter.galley(pos2(at, rect.center().y - galley.size().y / 2.0), galley, tokens.ink(ink));
    }
    let largest = points.iter().flatten().fold(0.0_f64, |largest, value| largest.max(*value));
    let at = |index: usize, value: f64| {
        let across = if points.len() > 1 { index as f32 / (points.len() - 1) as f32 } else { 1.0 };
        let up = if largest > 0.0 { (value / largest) as f32 } else { 0.0 };
        pos2(line.left() + across * line.width(), line.bottom() - up * line.height())
    };
    let mut run = Vec::new();
    for (index, point) in points.iter().enumerate() {
        run.extend(point.map(|value| at(index, value)));
        if point.is_none() || index + 1 == points.len() {
            match run.as_slice() {
                [] => {}
                [alone] => drop(painter.circle_filled(*alone, 1.4, tokens.ink(ink))),
                _ => drop(painter.line(std::mem::take(&mut run), Stroke::new(1.4, tokens.ink(ink)))),
            }
            run.clear();
        }
    }
}

/// A part with its bar below; whether it was clicked.
fn bar_ui(ui: &mut egui::Ui, (label, detail, value): (&str, &str, &str), share: Option<f32>, tone: Tone, leads: bool, tokens: &DesignTokens) -> bool {
    let height = if share.is_some() { 30.0 } else { 24.0 };
    let sense = if leads { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), sense);
    let parts: Vec<&str> = [label, value, detail].into_iter().filter(|part| !part.is_empty()).collect();
    response.widget_info(|| WidgetInfo::labeled(if leads { Role::Button } else { Role::Label }, true, parts.join(", ")));
    let painter = ui.painter();
    if leads && (response.hovered() || response.has_focus()) {
        painter.rect_filled(rect.expand2(vec2(8.0, 0.0)), RADIUS_PT, tokens.ink(Ink::Raised));
    }
    let ink = if tone == Tone::Quiet { Ink::Text } else { tone_inks(tone).0 };
    let middle = rect.top() + 12.0;
    let value = fitted(painter, value, &fonts::data(12.0), rect.width() * 0.5);
    let label = fitted(painter, label, &fonts::words(TEXT_BODY_PT), (rect.width() - value.size().x - 10.0).max(20.0));
    let room = rect.width() - value.size().x - label.size().x - 24.0;
    let value_left = rect.right() - value.size().x;
    if !detail.is_empty() && room > 30.0 {
        let detail = fitted(painter, detail, &fonts::words(TEXT_SMALL_PT), room);
        painter.galley(pos2(rect.left() + label.size().x + 10.0, middle - detail.size().y / 2.0), detail, tokens.ink(Ink::Dim));
    }
    painter.galley(pos2(rect.left(), middle - label.size().y / 2.0), label, tokens.ink(Ink::Text));
    painter.galley(pos2(value_left, middle - value.size().y / 2.0), value, tokens.ink(ink));
    if let Some(share) = share {
        let track = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 5.0), pos2(rect.right(), rect.bottom() - 2.0));
        painter.rect_filled(track, 1.5, tokens.ink(Ink::Hairline));
        let filled = Rect::from_min_max(track.min, pos2(track.left() + track.width() * share.clamp(0.0, 1.0), track.bottom()));
        painter.rect_filled(filled, 1.5, tokens.ink(if tone == Tone::Quiet { Ink::Dim } else { tone_inks(tone).0 }));
    }
    response.clicked()
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
    target: Option<&'a Target>,
}

impl Link<'_> {
    /// Draws the row; where it leads if it was clicked.
    fn ui(&self, ui: &mut egui::Ui, tokens: &DesignTokens) -> Option<Target> {
        let inset = if self.glyph.is_some() { 20.0 } else { 0.0 };
        let width = ui.available_width();
        let color = tokens.ink(if self.tone == Tone::Quiet { Ink::Text } else { tone_inks(self.tone).0 });
        let painter = ui.painter().clone();
        let value = fitted(&painter, self.value, &fonts::data(12.0), width * 0.5);
        let label = fitted(&painter, self.label, &fonts::words(TEXT_BODY_PT), width - inset - value.size().x - 10.0);
        let detail =
            (!self.detail.is_empty()).then(|| painter.layout(self.detail.to_owned(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim), width - inset));
        let height = 24.0 + detail.as_ref().map_or(0.0, |detail| detail.size().y + 2.0);
        let sense = if self.target.is_some() { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, height), sense);
        if self.target.is_some() && (response.hovered() || response.has_focus()) {
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
        let role = if self.target.is_some() { Role::Button } else { Role::Label };
        response.widget_info(|| {
            let parts: Vec<&str> = [self.label, self.value, self.detail].into_iter().filter(|part| !part.is_empty()).collect();
            WidgetInfo::labeled(role, true, parts.join(", "))
        });
        self.target.filter(|_| response.clicked()).cloned()
    }
}
