//! Draws the side panel: what is known of what is selected, and the rules for what is hidden.

use egui::{Align, Layout, RichText, WidgetInfo, accesskit::Role, vec2};

use super::{
    noise::NoiseOf,
    panel::{Panel, RuleRow},
};
use crate::{
    figures, fonts,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT},
    view::ViewAction,
    widgets::{
        detail::{framed_ui, head_ui, section_ui},
        text_field::{TextEntry, TextField},
    },
};

/// What was done in the panel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PanelAction {
    /// What any panel may ask for.
    Any(ViewAction),
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
        let mut asked = head_ui(ui, &panel.detail, tokens);
        if let Some(rules) = &panel.rules {
            framed_ui(ui, "Rules", "* any text · ? one character · # a number", tokens, |ui| {
                for rule in rules {
                    rule_ui(ui, rule, tokens, &mut action);
                }
                new_rule_ui(ui, tokens, &mut action);
            });
        }
        for section in &panel.detail.sections {
            asked = section_ui(ui, section, tokens).or(asked.take());
        }
        action = action.take().or(asked.map(PanelAction::Any));
    });
    action
}

/// Whether a rule holds, what it hides and how much, and a button that removes it.
fn rule_ui(ui: &mut egui::Ui, rule: &RuleRow, tokens: &DesignTokens, action: &mut Option<PanelAction>) {
    let RuleRow { number, text, num_hidden, is_on } = rule;
    ui.horizontal(|ui| {
        let mut holds = *is_on;
        let shown = RichText::new(text).font(fonts::data(12.0)).color(tokens.ink(if *is_on { Ink::Text } else { Ink::Dim }));
        if ui.checkbox(&mut holds, shown).changed() {
            *action = Some(PanelAction::SwitchRule(*number, holds));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let button = egui::Button::new(RichText::new("Remove").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).frame(false);
            let response = ui.add(button);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Remove rule {text}")));
            if response.clicked() {
                *action = Some(PanelAction::RemoveRule(*number));
            }
            if *num_hidden > 0 {
                ui.label(RichText::new(figures::count(*num_hidden)).font(fonts::data(12.0)).color(tokens.ink(Ink::Dim)));
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
        let room_pt = (ui.available_width() - 66.0).max(80.0);
        let entry = TextEntry::new(TextField::NoisePattern, &mut pattern).hint("name, as load-*").font(fonts::data(12.0)).width(room_pt);
        let entered = entry.ui(ui, tokens).is_done;
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
