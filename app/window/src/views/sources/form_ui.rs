//! Draws the settings of a source to be typed.

use egui::{Response, RichText, WidgetInfo, accesskit::Role, vec2};

use super::{detail_ui::trial_ui, form::SourceForm};
use crate::{
    fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::{UiCommand, ViewContext},
    widgets::text_field::{TextEntry, TextField},
};
use switchboard_desk::sources::{Family, SecretFrom, SourceProfile, Typed};

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FormAction {
    Save(SourceProfile),
    Test(SourceProfile),
    CancelTest,
    Close,
}

/// Draws the form. `saves`: it was told to be saved.
pub(super) fn form_ui(ui: &mut egui::Ui, form: &mut SourceForm, saves: bool, context: &ViewContext<'_>) -> Option<FormAction> {
    let tokens = context.tokens;
    let mut action = None;
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        egui::Frame::new().inner_margin(egui::Margin::symmetric(18, 14)).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 4.0);
            let title = match form.name_before() {
                Some(name) => visible(name).into_owned(),
                None => format!("New source: {}", form.family().word),
            };
            let heading = ui.add(egui::Label::new(RichText::new(&title).font(fonts::strong(TEXT_HEADING_PT)).color(tokens.ink(Ink::Text))).wrap());
            heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &title));
            if form.is_new {
                kinds_ui(ui, form);
            }
            ui.add_space(4.0);
            let entered = fields_ui(ui, form, tokens);
            ui.add_space(8.0);
            let read = form.read(&context.sources.profile);
            ui.horizontal(|ui| {
                let save = ui.add_enabled(read.is_ok(), egui::Button::new(if form.is_new { "Add" } else { "Save" }));
                let test = ui.add_enabled(read.is_ok(), egui::Button::new("Test")).on_hover_text("Tries to connect for at most 10 s and changes nothing");
                if let Ok(source) = &read {
                    if save.clicked() || saves || entered.is_some() {
                        action = Some(FormAction::Save(source.clone()));
                    }
                    if test.clicked() {
                        action = Some(FormAction::Test(source.clone()));
                    }
                }
                if ui.button("Close").on_hover_text(format!("Without saving ({})", UiCommand::ClearSelection.keys())).clicked() {
                    action = Some(FormAction::Close);
                }
            });
            // Below the buttons, so that these stand still while it is typed.
            if let Err(reason) = &read {
                ui.add(egui::Label::new(RichText::new(visible(reason)).size(12.0).color(tokens.ink(Ink::Warn))).wrap());
                if let Some(field) = entered {
                    field.request_focus();
                }
            }
            if let Some(trial) = context.sources.trial.as_ref().filter(|trial| trial.name == form.name_after())
                && trial_ui(ui, trial, context)
            {
                action = Some(FormAction::CancelTest);
            }
        });
    });
    action
}

/// Which family a new source is of.
fn kinds_ui(ui: &mut egui::Ui, form: &mut SourceForm) {
    ui.horizontal_wrapped(|ui| {
        for family in Family::menu() {
            let is_chosen = form.family() == family;
            let chosen = ui.selectable_label(is_chosen, family.word);
            chosen.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, format!("kind {}", family.word)));
            if chosen.clicked() && !is_chosen {
                form.turn_to(family.kind);
            }
        }
    });
}

/// Draws the fields; the one in which Enter was pressed.
fn fields_ui(ui: &mut egui::Ui, form: &mut SourceForm, tokens: &DesignTokens) -> Option<Response> {
    let family = form.family();
    let mut fields = Fields { tokens, is_first: true, entered: None };
    // The fields of another family are others, of which the first has the keys.
    ui.push_id((form.name_before().map(str::to_owned), family.word), |ui| {
        if family.only.is_none() {
            fields.line(ui, "name", "As it is shown, and unlike any other", &mut form.name);
        }
        for field in &mut form.fields {
            match &mut field.typed {
                Typed::Line(text) => fields.line(ui, field.label, field.help, text),
                Typed::Lines(text) => fields.lines(ui, field.label, field.help, text),
                Typed::Secret { from, text } => fields.secret(ui, field.label, from, text),
                Typed::Switch(is_on) => {
                    ui.checkbox(is_on, field.label);
                }
            }
        }
    });
    fields.entered
}

struct Fields<'a> {
    tokens: &'a DesignTokens,
    /// Whether none was drawn yet that is typed into.
    is_first: bool,
    entered: Option<Response>,
}

impl Fields<'_> {
    fn typed(&mut self, ui: &mut egui::Ui, entry: TextEntry<'_>) {
        let typed = entry.first(std::mem::take(&mut self.is_first)).ui(ui, self.tokens);
        if typed.is_done {
            self.entered = Some(typed.response);
        }
    }

    fn label(&self, ui: &mut egui::Ui, name: &str) {
        ui.add_space(2.0);
        ui.label(RichText::new(name).size(TEXT_SMALL_PT).color(self.tokens.ink(Ink::Dim)));
    }

    fn line(&mut self, ui: &mut egui::Ui, name: &str, hint: &str, text: &mut String) {
        self.label(ui, name);
        self.typed(ui, TextEntry::new(TextField::SourceLine, text).named(name).hint(hint));
    }

    fn lines(&mut self, ui: &mut egui::Ui, name: &str, hint: &str, text: &mut String) {
        self.label(ui, name);
        self.typed(ui, TextEntry::new(TextField::SourceLines, text).named(name).hint(hint).lines(2));
    }

    /// Where a secret comes from; the secret itself is never typed.
    fn secret(&mut self, ui: &mut egui::Ui, name: &str, from: &mut SecretFrom, place: &mut String) {
        self.label(ui, name);
        ui.horizontal(|ui| {
            for (one, text) in [(SecretFrom::None, "none"), (SecretFrom::Env, "environment"), (SecretFrom::Command, "command")] {
                let chosen = ui.selectable_label(*from == one, RichText::new(text).size(12.0));
                chosen.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, *from == one, format!("{name} from {text}")));
                if chosen.clicked() {
                    *from = one;
                }
            }
        });
        let hint = match *from {
            SecretFrom::None => return,
            SecretFrom::Env => "Name of the environment variable, not the secret",
            SecretFrom::Command => "What prints it, such as pass show shop/local",
        };
        self.typed(ui, TextEntry::new(TextField::SourceSecret, place).named(&format!("{name} comes from")).hint(hint));
    }
}
