//! Draws the settings of a source to be typed.

use egui::{RichText, TextEdit, WidgetInfo, accesskit::Role, vec2};
use switchboard_model::SourceKind;

use super::{
    detail_ui::trial_ui,
    form::{SecretField, SecretFrom, SourceForm},
    list::kind_word,
};
use crate::{
    fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::ViewContext,
};
use switchboard_desk::sources::SourceProfile;

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FormAction {
    Save(SourceProfile),
    Test(SourceProfile),
    CancelTest,
    Close,
}

/// Draws the form.
pub(super) fn form_ui(ui: &mut egui::Ui, form: &mut SourceForm, context: &ViewContext<'_>) -> Option<FormAction> {
    let tokens = context.tokens;
    let mut action = None;
    egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        egui::Frame::new().inner_margin(egui::Margin::symmetric(18, 14)).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 4.0);
            let title = match (&form.before, form.kind) {
                (Some(before), _) => visible(before.name()).into_owned(),
                (None, kind) => format!("New source: {}", kind_word(kind)),
            };
            let heading = ui.add(egui::Label::new(RichText::new(&title).font(fonts::strong(TEXT_HEADING_PT)).color(tokens.ink(Ink::Text))).wrap());
            heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &title));
            if form.before.is_none() {
                kinds_ui(ui, form);
            }
            ui.add_space(4.0);
            fields_ui(ui, form, tokens);
            ui.add_space(8.0);
            let read = form.read(&context.sources.profile);
            if let Err(reason) = &read {
                ui.add(egui::Label::new(RichText::new(visible(reason)).size(12.0).color(tokens.ink(Ink::Warn))).wrap());
            }
            ui.horizontal(|ui| {
                let saves = if form.before.is_some() { "Save" } else { "Add" };
                let save = ui.add_enabled(read.is_ok(), egui::Button::new(saves));
                let test = ui.add_enabled(read.is_ok(), egui::Button::new("Test")).on_hover_text("Tries to connect for at most 10 s and changes nothing");
                if let Ok(source) = &read {
                    if save.clicked() {
                        action = Some(FormAction::Save(source.clone()));
                    }
                    if test.clicked() {
                        action = Some(FormAction::Test(source.clone()));
                    }
                }
                if ui.button("Close").on_hover_text("Without saving").clicked() {
                    action = Some(FormAction::Close);
                }
            });
            let name = if form.kind == SourceKind::Otlp { switchboard_desk::sources::OTLP_NAME } else { form.name.trim() };
            if let Some(trial) = context.sources.trial.as_ref().filter(|trial| trial.name == name)
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
        for kind in [SourceKind::Kafka, SourceKind::Http, SourceKind::Grpc, SourceKind::Otlp] {
            let chosen = ui.selectable_label(form.kind == kind, kind_word(kind));
            chosen.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, form.kind == kind, format!("kind {}", kind_word(kind))));
            if chosen.clicked() && form.kind != kind {
                *form = SourceForm { name: std::mem::take(&mut form.name), ..SourceForm::new(kind) };
            }
        }
    });
}

fn fields_ui(ui: &mut egui::Ui, form: &mut SourceForm, tokens: &DesignTokens) {
    let fields = Fields { tokens };
    if form.kind != SourceKind::Otlp {
        fields.text(ui, "name", "As it is shown, and unlike any other", &mut form.name);
    }
    let [first, second, third] = &mut form.lists;
    let [username, password, bearer] = &mut form.secrets;
    match form.kind {
        SourceKind::Otlp => {
            let [grpc, http] = &mut form.ports;
            fields.text(ui, "port for gRPC", "0 turns it off", grpc);
            fields.text(ui, "port for HTTP", "0 turns it off", http);
            fields.text(ui, "hosts", "Accepted as Host besides loopback, with commas", first);
            fields.text(ui, "origins", "Browsers send Origin; only those named here may", second);
            fields.text(ui, "forward to", "Pass everything on, unchanged: http://host:port or grpc://host:port", &mut form.forward);
            ui.checkbox(&mut form.docker_bridge, "Listen on Docker's bridge too, and accept host.docker.internal");
        }
        SourceKind::Kafka => {
            fields.text(ui, "brokers", "host:port, several with commas", &mut form.address);
            fields.secret(ui, "user name", username);
            fields.secret(ui, "password", password);
            fields.lines(ui, "settings", "Of librdkafka, name = value, a line each: security.protocol = SASL_SSL", &mut form.properties);
            fields.text(ui, "tail", "Channels that are read besides those seen in spans, with commas", third);
            fields.text(ui, "dead-letter channels", "Besides those found by name, with commas", second);
            fields.text(ui, "groups", "Followed by their offsets where the broker lists none, with commas", first);
            fields.text(ui, "seconds between two looks", "From 0.1 to 3600", &mut form.poll_s);
        }
        SourceKind::Http => {
            fields.text(ui, "address", "The base of the actuator, on the management port if there is one", &mut form.address);
            fields.text(ui, "service", "The service behind it", &mut form.service);
            fields.text(ui, "instance", "The instance behind it", &mut form.instance);
            fields.secret(ui, "user name", username);
            fields.secret(ui, "password", password);
            fields.secret(ui, "bearer token", bearer);
            fields.text(ui, "seconds between two looks", "From 0.1 to 3600", &mut form.poll_s);
        }
        SourceKind::Grpc => {
            fields.text(ui, "address", "http://host:port or https://host:port", &mut form.address);
            fields.text(ui, "service", "The service behind it", &mut form.service);
            fields.text(ui, "names asked for", "With commas; empty asks for the whole server", first);
        }
    }
}

struct Fields<'a> {
    tokens: &'a DesignTokens,
}

impl Fields<'_> {
    fn label(&self, ui: &mut egui::Ui, name: &str) {
        ui.add_space(2.0);
        ui.label(RichText::new(name).size(TEXT_SMALL_PT).color(self.tokens.ink(Ink::Dim)));
    }

    fn text(&self, ui: &mut egui::Ui, name: &str, hint: &str, text: &mut String) {
        self.label(ui, name);
        let hint = RichText::new(hint).size(12.0).color(self.tokens.ink(Ink::Faint));
        let response = ui.add(TextEdit::singleline(text).hint_text(hint).desired_width(f32::INFINITY).margin(vec2(8.0, 5.0)));
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, name));
    }

    fn lines(&self, ui: &mut egui::Ui, name: &str, hint: &str, text: &mut String) {
        self.label(ui, name);
        let hint = RichText::new(hint).size(12.0).color(self.tokens.ink(Ink::Faint));
        let response = ui.add(TextEdit::multiline(text).hint_text(hint).desired_rows(2).desired_width(f32::INFINITY).margin(vec2(8.0, 5.0)));
        response.widget_info(|| WidgetInfo::labeled(Role::MultilineTextInput, true, name));
    }

    /// Where a secret comes from; the secret itself is never typed.
    fn secret(&self, ui: &mut egui::Ui, name: &str, field: &mut SecretField) {
        self.label(ui, name);
        ui.horizontal(|ui| {
            for (from, text) in [(SecretFrom::None, "none"), (SecretFrom::Env, "environment"), (SecretFrom::Command, "command")] {
                let chosen = ui.selectable_label(field.from == from, RichText::new(text).size(12.0));
                chosen.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, field.from == from, format!("{name} from {text}")));
                if chosen.clicked() {
                    field.from = from;
                }
            }
        });
        let hint = match field.from {
            SecretFrom::None => return,
            SecretFrom::Env => "Name of the environment variable, not the secret",
            SecretFrom::Command => "What prints it, such as pass show kafka/local",
        };
        let hint = RichText::new(hint).size(12.0).color(self.tokens.ink(Ink::Faint));
        let response = ui.add(TextEdit::singleline(&mut field.text).hint_text(hint).desired_width(f32::INFINITY).margin(vec2(8.0, 5.0)));
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, format!("{name} comes from")));
    }
}
