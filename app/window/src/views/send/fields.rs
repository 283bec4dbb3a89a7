//! Pieces that requests of all kinds are made of: fields that know what is wrong with them, choices, tabs.

use egui::{RichText, Sense, Stroke, WidgetInfo, accesskit::Role, vec2};
use switchboard_desk::send::{Mistake, draft::Payload};
use switchboard_model::Origin;

use crate::{
    fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_BODY_PT, TEXT_SMALL_PT},
    widgets::{
        json_look, json_text,
        text_field::{TextEntered, TextEntry, TextField},
    },
};

/// Size of what is typed, points.
const DATA_PT: f32 = 12.0;
/// Lines of a text of several that are seen at least.
pub(super) const LINES: usize = 9;

/// What stands around a text that has all the room, and a line of it, points.
const AROUND_TEXT_PT: f32 = 270.0;
const LINE_PT: f32 = 15.0;

/// What fields are drawn with, and what was done in them.
pub(super) struct Form<'a> {
    /// Colours.
    pub tokens: &'a DesignTokens,
    /// What is wrong with the request, as it was when it was to be sent.
    pub mistake: Option<&'a Mistake>,
    /// Secrets that can be named, each with the one server that it may go to.
    pub secrets: &'a [(String, Origin)],
    /// How high the part of the window is that they are in, points.
    pub height_pt: f32,
    /// Whether one of the fields has the keys.
    pub is_typing: bool,
    /// The field, by its name, that the keys go to; of several of that name, which are numbered, each.
    pub seeks: Option<&'a str>,
    /// Of what its texts are: nothing of another can be undone in them.
    pub of: u64,
    /// Whether that of the address has them.
    pub is_in_address: bool,
}

impl Form<'_> {
    /// Whether something is wrong there.
    pub(super) fn is_wrong(&self, fields: &[&str]) -> bool {
        self.mistake.is_some_and(|mistake| fields.contains(&mistake.field))
    }

    /// What is wrong there, below the field.
    pub(super) fn mistake_ui(&self, ui: &mut egui::Ui, fields: &[&str]) {
        if let Some(mistake) = self.mistake.filter(|mistake| fields.contains(&mistake.field)) {
            self.told_ui(ui, &mistake.reason, Ink::Bad);
        }
    }

    /// A sentence below a field.
    pub(super) fn told_ui(&self, ui: &mut egui::Ui, text: &str, ink: Ink) {
        ui.add(egui::Label::new(RichText::new(visible(text)).size(12.0).color(self.tokens.ink(ink))).wrap());
    }

    /// What a field is called, above it.
    pub(super) fn label_ui(&self, ui: &mut egui::Ui, text: &str) {
        ui.add_space(2.0);
        ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(self.tokens.ink(Ink::Dim)));
    }

    /// Lines of a text that has all the room of the request.
    pub(super) fn lines_in_view(&self) -> usize {
        (((self.height_pt - AROUND_TEXT_PT) / LINE_PT) as usize).clamp(LINES, 60)
    }

    fn entered(&mut self, ui: &mut egui::Ui, entry: TextEntry<'_>) -> TextEntered {
        let is_sought = self.seeks.is_some_and(|sought| is_named(entry.name(), sought));
        let entered = entry.font(fonts::data(DATA_PT)).of(self.of).ui(ui, self.tokens);
        if is_sought {
            entered.response.request_focus();
        }
        self.is_typing |= entered.response.has_focus();
        entered
    }

    /// Where it is sent.
    pub(super) fn address(&mut self, ui: &mut egui::Ui, [name, hint]: [&str; 2], text: &mut String, width_pt: f32) {
        let entered = self.entered(ui, TextEntry::new(TextField::SendAddress, text).named(name).hint(hint).width(width_pt));
        self.is_in_address = entered.response.has_focus();
    }

    /// A line of the request.
    pub(super) fn line(&mut self, ui: &mut egui::Ui, [name, hint]: [&str; 2], text: &mut String, width_pt: f32) -> TextEntered {
        self.entered(ui, TextEntry::new(TextField::SendLine, text).named(name).hint(hint).width(width_pt))
    }

    /// The same with its name above it.
    pub(super) fn named_line(&mut self, ui: &mut egui::Ui, [name, hint]: [&str; 2], text: &mut String) -> TextEntered {
        self.label_ui(ui, name);
        self.line(ui, [name, hint], text, f32::INFINITY)
    }

    /// A text of several lines.
    pub(super) fn text(&mut self, ui: &mut egui::Ui, names: [&str; 2], text: &mut String, num_lines: usize) {
        let _response = self.lines_ui(ui, names, text, num_lines);
    }

    fn lines_ui(&mut self, ui: &mut egui::Ui, [name, hint]: [&str; 2], text: &mut String, num_lines: usize) -> egui::Response {
        self.entered(ui, TextEntry::new(TextField::SendText, text).named(name).hint(hint).lines(num_lines.max(2))).response
    }

    /// JSON, with its mistake below it and what puts it in order.
    pub(super) fn json(&mut self, ui: &mut egui::Ui, names: [&str; 2], text: &mut String, num_lines: usize) {
        let _response = self.json_ui(ui, names, text, num_lines);
    }

    /// The same; the field.
    pub(super) fn json_ui(&mut self, ui: &mut egui::Ui, [name, hint]: [&str; 2], text: &mut String, num_lines: usize) -> egui::Response {
        let response = self.lines_ui(ui, [name, hint], text, num_lines);
        ui.horizontal(|ui| {
            let look = json_look::look(ui.ctx(), ui.make_persistent_id(("what is wrong with", name)), text, json_text::mistake);
            // While it is looked at it can be tried; what was wrong a moment ago is taken to be so still.
            let is_wrong = look.is_wrong();
            let format = ui.add_enabled(!is_wrong && !text.trim().is_empty(), egui::Button::new(RichText::new("Format").size(TEXT_SMALL_PT)));
            format.widget_info(|| WidgetInfo::labeled(Role::Button, !is_wrong, format!("Format {name}")));
            if format.on_hover_text("A member a line; no value is changed").clicked()
                && let Ok(formatted) = json_text::format(text)
            {
                *text = formatted;
            }
            if let Some(words) = look.words() {
                let ink = if look.is_known() { Ink::Warn } else { Ink::Dim };
                ui.add(egui::Label::new(RichText::new(visible(words)).size(TEXT_SMALL_PT).color(self.tokens.ink(ink))).truncate());
            }
        });
        response
    }

    /// A number. What is no number is not taken; the number before stands there again once the field is left.
    pub(super) fn number<T: PartialEq>(
        &mut self,
        ui: &mut egui::Ui,
        [name, hint]: [&str; 2],
        number: &mut T,
        width_pt: f32,
        (show, read): (impl Fn(&T) -> String, impl Fn(&str) -> Option<T>),
    ) {
        let id = ui.make_persistent_id(("number as it is typed", name));
        let mut text = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_else(|| show(number));
        let entered = self.line(ui, [name, hint], &mut text, width_pt);
        if entered.response.changed()
            && let Some(typed) = read(text.trim())
        {
            *number = typed;
        }
        if entered.response.has_focus() {
            ui.data_mut(|data| data.insert_temp(id, text));
        } else {
            ui.data_mut(|data| data.remove::<String>(id));
        }
    }

    /// Seconds.
    pub(super) fn seconds(&mut self, ui: &mut egui::Ui, name: &str, seconds: &mut f64) {
        let show = |seconds: &f64| format!("{seconds}");
        let read = |text: &str| text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        self.number(ui, [name, "30"], seconds, 90.0, (show, read));
    }

    /// One of several; whether another was chosen.
    pub(super) fn choice<T: Copy + PartialEq>(&self, ui: &mut egui::Ui, of: &str, choices: &[(T, &str)], chosen: &mut T) -> bool {
        let mut is_changed = false;
        for (choice, text) in choices {
            let is_chosen = choice == chosen;
            let ink = if is_chosen { Ink::Text } else { Ink::Dim };
            let button = egui::Button::new(RichText::new(*text).size(12.0).color(self.tokens.ink(ink))).stroke(Stroke::NONE);
            let fill = if is_chosen { self.tokens.ink(Ink::Raised) } else { egui::Color32::TRANSPARENT };
            let response = ui.add(button.fill(fill).min_size(vec2(0.0, 22.0)));
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, format!("{of} {text}")));
            if response.clicked() && !is_chosen {
                (*chosen, is_changed) = (*choice, true);
            }
        }
        is_changed
    }

    /// A key, a value or a header's: its form, and the field for that.
    pub(super) fn payload(&mut self, ui: &mut egui::Ui, name: &str, payload: &mut Payload, num_lines: usize) {
        let mut form = PayloadForm::of(payload);
        let of = format!("{name} as");
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.label(RichText::new(name).size(TEXT_SMALL_PT).color(self.tokens.ink(Ink::Dim)));
            ui.add_space(6.0);
            if self.choice(ui, &of, &PayloadForm::ALL, &mut form) {
                *payload = form.with(payload);
            }
        });
        match payload {
            Payload::Null => {}
            Payload::Json(text) => self.json(ui, [name, "{ }"], text, num_lines),
            Payload::Text(text) if num_lines > 1 => self.text(ui, [name, "Sent as it is written"], text, num_lines),
            Payload::Text(text) => drop(self.line(ui, [name, "Sent as it is written"], text, f32::INFINITY)),
            Payload::Hex(text) if num_lines > 1 => self.text(ui, [name, "7b 22 61 22"], text, num_lines),
            Payload::Hex(text) => drop(self.line(ui, [name, "7b 22 61 22"], text, f32::INFINITY)),
            Payload::File(text) => drop(self.line(ui, [name, "A file in the folder of requests"], text, f32::INFINITY)),
        }
    }
}

/// Whether a field is the one of this name, or one of several of it, which are numbered.
fn is_named(name: &str, sought: &str) -> bool {
    let rest = name.strip_prefix(sought);
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(' ').is_some_and(|number| number.parse::<usize>().is_ok()))
}

/// In which form a key, a value or a header's is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PayloadForm {
    Null,
    Text,
    Json,
    Hex,
    File,
}

impl PayloadForm {
    /// All of them, as they are called.
    pub(super) const ALL: [(Self, &str); 5] = [(Self::Null, "null"), (Self::Text, "text"), (Self::Json, "JSON"), (Self::Hex, "hex"), (Self::File, "file")];

    /// Of a payload.
    pub(super) fn of(payload: &Payload) -> Self {
        match payload {
            Payload::Null => Self::Null,
            Payload::Text(_) => Self::Text,
            Payload::Json(_) => Self::Json,
            Payload::Hex(_) => Self::Hex,
            Payload::File(_) => Self::File,
        }
    }

    /// A payload of this form with what another one has written.
    pub(super) fn with(self, payload: &Payload) -> Payload {
        let text = match payload {
            Payload::Null => String::new(),
            Payload::Text(text) | Payload::Json(text) | Payload::Hex(text) | Payload::File(text) => text.clone(),
        };
        match self {
            Self::Null => Payload::Null,
            Self::Text => Payload::Text(text),
            Self::Json => Payload::Json(text),
            Self::Hex => Payload::Hex(text),
            Self::File => Payload::File(text),
        }
    }
}

/// Tabs above what they show, the chosen one underlined. `wrong`: something is wrong behind it.
pub(super) fn tabs_ui<T: Copy + PartialEq>(ui: &mut egui::Ui, of: &str, tabs: &[(T, String, bool)], chosen: &mut T, tokens: &DesignTokens) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 16.0;
        for (tab, text, is_wrong) in tabs {
            let is_chosen = tab == chosen;
            let ink = match (is_wrong, is_chosen) {
                (true, _) => Ink::Bad,
                (false, true) => Ink::Text,
                (false, false) => Ink::Dim,
            };
            let shown = if *is_wrong { format!("{text} ✕") } else { text.clone() };
            let galley = ui.painter().layout_no_wrap(shown, fonts::words(TEXT_BODY_PT), tokens.ink(ink));
            let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x, 26.0), Sense::click());
            let ink = if response.hovered() && !is_wrong { Ink::Text } else { ink };
            ui.painter().galley_with_override_text_color(rect.left_center() - vec2(0.0, galley.size().y / 2.0), galley, tokens.ink(ink));
            if is_chosen {
                ui.painter().hline(rect.x_range(), rect.bottom() - 1.0, Stroke::new(2.0, tokens.ink(Ink::Accent)));
            }
            let words = format!("{of} {text}{}", if *is_wrong { ", something is wrong here" } else { "" });
            response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_chosen, &words));
            if response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked() {
                *chosen = *tab;
            }
        }
    });
}

/// A button that is the one to press, or one that is not.
pub(super) fn button_ui(ui: &mut egui::Ui, words: [&str; 2], is_primary: bool, why_not: Option<&str>, tokens: &DesignTokens) -> bool {
    sized_button_ui(ui, words, vec2(0.0, 28.0), is_primary, why_not, tokens)
}

/// The same, at least so large.
pub(super) fn sized_button_ui(
    ui: &mut egui::Ui,
    [text, keys]: [&str; 2],
    size: egui::Vec2,
    is_primary: bool,
    why_not: Option<&str>,
    tokens: &DesignTokens,
) -> bool {
    let is_available = why_not.is_none();
    let ink = match (is_available, is_primary) {
        (true, true) => Ink::Accent,
        (true, false) => Ink::Text,
        (false, _) => Ink::Faint,
    };
    let shown = if keys.is_empty() { text.to_owned() } else { format!("{text}  {keys}") };
    let mut button = egui::Button::new(RichText::new(shown).color(tokens.ink(ink))).min_size(size);
    if is_primary && is_available {
        button = button.fill(tokens.accent_fill.0).stroke(Stroke::new(1.0, tokens.ink(Ink::Accent)));
    }
    let response = ui.add_enabled(is_available, button);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, is_available, text));
    match why_not {
        Some(reason) => response.on_disabled_hover_text(reason).clicked(),
        None => response.clicked(),
    }
}

/// A heading of a part, with something faint at its right end.
pub(super) fn heading_ui(ui: &mut egui::Ui, title: &str, note: &str, tokens: &DesignTokens) {
    ui.horizontal(|ui| {
        let heading = ui.label(RichText::new(title).font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
        heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, title));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add(egui::Label::new(RichText::new(note).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint))).truncate());
        });
    });
}
