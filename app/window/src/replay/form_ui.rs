//! Draws what can be chosen of a replay, and the record that is edited.

use egui::{RichText, Stroke, WidgetInfo, accesskit::Role, vec2};
use switchboard_desk::send::{
    edit::Change,
    replay::{AskedLetters, ReplayBoard},
};

use super::{
    changed_ui::difference_ui,
    editor::{Editor, Form, HeaderField, HeaderFields, json_mistake},
    form::{ChangeKind, ReplayForm},
    panel::place_words,
    range_form::{RangeForm, Which},
};
use crate::{
    figures, fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_BODY_PT, TEXT_SMALL_PT},
    widgets::{
        json_look::{self, Look},
        text_field::{TextEntered, TextEntry, TextField},
    },
};

/// Size of what is typed, points.
const DATA_PT: f32 = 12.0;
/// Lines of a value that are seen at least.
const VALUE_LINES: usize = 16;
/// Characters of a change in its line.
const CHANGE_CHARS: usize = 160;

/// What was asked for in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormAsked {
    /// To preview what was chosen.
    Preview,
    /// To take over what was edited.
    Edited,
    /// To leave it.
    Leave,
}

fn framed_ui<R>(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui) -> R) -> R {
    let frame = egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 4, bottom: 12 });
    frame
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            content(ui)
        })
        .inner
}

fn heading_ui(ui: &mut egui::Ui, title: &str, tokens: &DesignTokens) {
    let heading = ui.label(RichText::new(title).font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
    heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, title));
}

fn label_ui(ui: &mut egui::Ui, text: &str, tokens: &DesignTokens) {
    ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
}

fn told_ui(ui: &mut egui::Ui, text: &str, ink: Ink, tokens: &DesignTokens) {
    ui.add(egui::Label::new(RichText::new(visible(text)).size(12.0).color(tokens.ink(ink))).wrap());
}

fn line_ui(ui: &mut egui::Ui, [name, hint]: [&str; 2], text: &mut String, is_first: bool, tokens: &DesignTokens) -> TextEntered {
    label_ui(ui, name, tokens);
    TextEntry::new(TextField::ReplayLine, text).named(name).hint(hint).first(is_first).font(fonts::data(DATA_PT)).ui(ui, tokens)
}

fn button_ui(ui: &mut egui::Ui, text: &str, is_primary: bool, tokens: &DesignTokens) -> bool {
    let ink = if is_primary { Ink::Accent } else { Ink::Text };
    let mut button = egui::Button::new(RichText::new(text).color(tokens.ink(ink))).min_size(vec2(0.0, 26.0));
    if is_primary {
        button = button.fill(tokens.accent_fill.0).stroke(Stroke::new(1.0, tokens.ink(Ink::Accent)));
    }
    let response = ui.add(button);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, text));
    response.clicked()
}

/// One of several.
fn choice_ui<T: Copy + PartialEq>(ui: &mut egui::Ui, of: &str, choices: &[(T, &str)], chosen: T, tokens: &DesignTokens) -> Option<T> {
    let mut other = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(2.0, 2.0);
        for (choice, text) in choices {
            let is_chosen = *choice == chosen;
            let ink = if is_chosen { Ink::Text } else { Ink::Dim };
            let fill = if is_chosen { tokens.ink(Ink::Raised) } else { egui::Color32::TRANSPARENT };
            let button = egui::Button::new(RichText::new(visible(text)).size(12.0).color(tokens.ink(ink))).stroke(Stroke::NONE).fill(fill);
            let response = ui.add(button.min_size(vec2(0.0, 22.0)));
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, format!("{of} {text}")));
            if response.clicked() && !is_chosen {
                other = Some(*choice);
            }
        }
    });
    other
}

fn check_ui(ui: &mut egui::Ui, text: &str, is_set: &mut bool, tokens: &DesignTokens) {
    ui.checkbox(is_set, RichText::new(text).size(12.5).color(tokens.ink(Ink::Text)));
}

/// Draws the form; what was asked for in it.
pub(super) fn form_ui(ui: &mut egui::Ui, form: &mut ReplayForm, board: &ReplayBoard, tokens: &DesignTokens) -> Option<FormAsked> {
    let mut asked = None;
    framed_ui(ui, |ui| {
        let mut is_done = range_ui(ui, &mut form.range, &form.of.letters, tokens);
        heading_ui(ui, "To where and how", tokens);
        is_done |= target_ui(ui, form, tokens);
        if is_done && form.is_whole() {
            asked = Some(FormAsked::Preview);
        }
        if board.clusters.len() > 1 {
            label_ui(ui, "On the cluster", tokens);
            let names: Vec<(usize, &str)> = board.clusters.iter().map(|cluster| cluster.name.as_str()).enumerate().collect();
            let to = form.to.clone().unwrap_or_else(|| form.of.cluster.clone());
            let chosen = names.iter().find(|(_, name)| *name == to).map_or(usize::MAX, |(place, _)| *place);
            if let Some(other) = choice_ui(ui, "cluster", &names, chosen, tokens) {
                form.to = Some(names[other].1.to_owned());
            }
        }
        check_ui(ui, "Each by its key, not to its old partition", &mut form.by_key, tokens);
        check_ui(ui, "Each keeps its time", &mut form.keeps_time, tokens);
        check_ui(ui, "Also what was sent before, or may have been", &mut form.again, tokens);
        ui.add_space(6.0);
        heading_ui(ui, "Changes to each", tokens);
        changes_ui(ui, form, tokens);
        if let Some(kind) = choice_ui(ui, "change", &ChangeKind::ALL, form.kind, tokens) {
            (form.kind, form.wrong) = (kind, None);
        }
        let mut is_done = line_ui(ui, form.kind.what(), &mut form.what, form.range.which == Which::AsAsked, tokens).is_done;
        if let Some(value) = form.kind.value() {
            is_done |= line_ui(ui, value, &mut form.value, false, tokens).is_done;
        }
        if let Some(wrong) = &form.wrong {
            told_ui(ui, wrong, Ink::Bad, tokens);
        }
        ui.horizontal_wrapped(|ui| {
            if button_ui(ui, "Add the change", false, tokens) || is_done {
                form.add();
            }
            if button_ui(ui, "Preview with this", true, tokens) {
                asked = Some(FormAsked::Preview);
            }
        });
    });
    asked
}

/// To which channels; whether what was typed of it is done.
fn target_ui(ui: &mut egui::Ui, form: &mut ReplayForm, tokens: &DesignTokens) -> bool {
    if form.offers_own()
        && let Some(is_own) = choice_ui(ui, "goes", &[(true, "each to its own topic"), (false, "all to one topic")], form.is_own, tokens)
    {
        form.is_own = is_own;
    }
    if !form.is_own {
        return line_ui(ui, ["Channel to send to", "a topic"], &mut form.target, false, tokens).is_done;
    }
    let mut is_done = false;
    for (own, other) in &mut form.others {
        let own = visible(own);
        is_done |= line_ui(ui, [&format!("{own} goes to"), &own], other, false, tokens).is_done;
    }
    is_done
}

/// Which records; whether what was typed of it is done.
fn range_ui(ui: &mut egui::Ui, range: &mut RangeForm, asked: &AskedLetters, tokens: &DesignTokens) -> bool {
    heading_ui(ui, "Which records", tokens);
    if let AskedLetters::File(file) = asked {
        told_ui(ui, &format!("Those of {}, as it is when it is previewed", file.path.display()), Ink::Dim, tokens);
        ui.add_space(6.0);
        return false;
    }
    if let Some(which) = choice_ui(ui, "records", &Which::all(asked), range.which, tokens) {
        range.which = which;
    }
    let mut is_done = false;
    let lines: &mut [([&str; 2], &mut String)] = match range.which {
        Which::AsAsked => return false,
        Which::Offsets => {
            &mut [(["Partition", "0"], &mut range.partition), (["First offset", "100"], &mut range.from), (["Last offset", "109"], &mut range.to)]
        }
        Which::Times => &mut [(["From", "2026-11-21T10:00:00Z"], &mut range.from_time), (["To before", "2026-11-21T10:01:00Z"], &mut range.to_time)],
    };
    // The keys go to the first one that says nothing yet.
    let first = lines.iter().position(|(_, text)| text.is_empty());
    for (place, (words, text)) in lines.iter_mut().enumerate() {
        is_done |= line_ui(ui, *words, text, first == Some(place), tokens).is_done;
    }
    told_ui(ui, &format!("Of {}, as it lies on the broker, whether it was read here or not", range.channel), Ink::Dim, tokens);
    ui.add_space(6.0);
    is_done
}

fn changes_ui(ui: &mut egui::Ui, form: &mut ReplayForm, tokens: &DesignTokens) {
    if form.changes.is_empty() {
        told_ui(ui, "None: records go as they are, but for headers of their failure", Ink::Dim, tokens);
    }
    let mut gone = None;
    for (place, change) in form.changes.to_all.iter().enumerate() {
        let words: String = change.to_string().chars().take(CHANGE_CHARS).collect();
        ui.horizontal(|ui| {
            let response = ui.add(egui::Button::new(RichText::new("✕").size(11.0).color(tokens.ink(Ink::Dim))).frame(false));
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Take out: {words}")));
            if response.clicked() {
                gone = Some(place);
            }
            ui.add(egui::Label::new(RichText::new(visible(&words)).font(fonts::data(DATA_PT)).color(tokens.ink(Ink::Text))).truncate());
        });
    }
    if let Some(gone) = gone {
        form.changes.to_all.remove(gone);
    }
    let are_of_several = form.others.len() > 1;
    let mut unedited = None;
    for (letter, changes) in form.changes.to_one.iter().filter(|(_, changes)| !changes.is_empty()) {
        ui.horizontal(|ui| {
            let words = format!("{} is edited by hand: {}", place_words(&letter.at, are_of_several), edited_parts(changes));
            let response = ui.add(egui::Button::new(RichText::new("✕").size(11.0).color(tokens.ink(Ink::Dim))).frame(false));
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Take out: {words}")));
            if response.clicked() {
                unedited = Some(letter.clone());
            }
            ui.label(RichText::new(words).size(12.5).color(tokens.ink(Ink::Text)));
        });
    }
    if let Some(letter) = unedited {
        form.changes.to_one.remove(&letter);
    }
}

/// Which parts of a record are edited, in words.
fn edited_parts(changes: &[Change]) -> String {
    let part = |change: &Change| match change {
        Change::Key(_) | Change::KeyAround(_) => "key",
        Change::Value(_) | Change::ValueAround(_) => "value",
        _ => "headers",
    };
    changes.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// Draws the headers of the record that is edited.
fn headers_ui(ui: &mut egui::Ui, headers: &mut HeaderFields, of: u64, tokens: &DesignTokens) {
    label_ui(ui, "Headers", tokens);
    let mut away = None;
    for (at, field) in headers.fields.iter_mut().enumerate() {
        let words = format!("header {}", at + 1);
        if header_ui(ui, field, of, &words, tokens) {
            away = Some(at);
        }
    }
    if let Some(at) = away {
        if headers.fields[at].is_new() {
            headers.fields.remove(at);
        } else {
            headers.fields[at].is_gone = true;
        }
    }
    if headers.num_more > 0 {
        told_ui(ui, &format!("{} more go out as they are; change them by a rule", headers.num_more), Ink::Dim, tokens);
    }
    if headers.num_planned > 0 {
        let num = figures::things(headers.num_planned as u64, "other", "others");
        told_ui(ui, &format!("{num} of its failure or of a replay: taken away or written anew by themselves"), Ink::Dim, tokens);
    }
    if button_ui(ui, "Add a header", false, tokens) {
        headers.add();
    }
}

/// Draws a header in two lines; whether it is to be taken away.
fn header_ui(ui: &mut egui::Ui, field: &mut HeaderField, of: u64, words: &str, tokens: &DesignTokens) -> bool {
    let sign_ui = |ui: &mut egui::Ui, sign: &str, label: String| {
        let response = ui.add(egui::Button::new(RichText::new(sign).size(11.0).color(tokens.ink(Ink::Dim))).frame(false));
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
        response.clicked()
    };
    if field.is_gone {
        ui.horizontal(|ui| {
            let gone = RichText::new(visible(&field.name)).font(fonts::data(DATA_PT)).color(tokens.ink(Ink::Dim)).strikethrough();
            field.is_gone = !sign_ui(ui, "+", format!("Keep {words}"));
            ui.add(egui::Label::new(gone).truncate());
        });
        return false;
    }
    let is_away = ui
        .horizontal(|ui| {
            let is_away = sign_ui(ui, "✕", format!("Take {words} away"));
            let name = TextEntry::new(TextField::ReplayLine, &mut field.name).hint("name").of(of);
            let _entered = name.named(&format!("Name of {words}")).font(fonts::data(DATA_PT)).ui(ui, tokens);
            is_away
        })
        .inner;
    if !field.value.is_masked()
        && let Some(form) = choice_ui(ui, &format!("{words} as"), &Form::ALL, field.value.form, tokens)
    {
        field.value.write_as(form);
    }
    if field.value.form != Form::Null {
        let value = TextEntry::new(TextField::ReplayLine, &mut field.value.text).hint("empty").of(of);
        let _entered = value.named(&format!("Value of {words}")).font(fonts::data(DATA_PT)).ui(ui, tokens);
    }
    is_away
}

/// Draws the record that is edited; what was asked for.
pub(super) fn editor_ui(ui: &mut egui::Ui, board: &ReplayBoard, editor: Option<&mut Editor>, tokens: &DesignTokens) -> Option<FormAsked> {
    let mut asked = None;
    framed_ui(ui, |ui| {
        let Some(editor) = editor else {
            heading_ui(ui, "Edit the record", tokens);
            let text = match board.editing.as_ref().and_then(|editing| editing.read.as_ref()) {
                Some(Err(why)) => format!("It cannot be edited: {why}"),
                Some(Ok(_)) => "It is too long to be edited here. Change it by a rule".to_owned(),
                None => "Reading it again from the broker".to_owned(),
            };
            told_ui(ui, &text, Ink::Dim, tokens);
            if button_ui(ui, "Leave it", false, tokens) {
                asked = Some(FormAsked::Leave);
            }
            return;
        };
        heading_ui(ui, &format!("Edit {}", visible(&editor.letter.to_string())), tokens);
        if !editor.can_be_edited() {
            told_ui(
                ui,
                "It holds secrets, which are masked everywhere else. To edit it as text they have to be shown; a rule changes it without showing them",
                Ink::Warn,
                tokens,
            );
            ui.horizontal_wrapped(|ui| {
                if button_ui(ui, "Show its secrets and edit", false, tokens) {
                    editor.reveal();
                }
                if button_ui(ui, "Leave it", false, tokens) {
                    asked = Some(FormAsked::Leave);
                }
            });
            return;
        }
        if !editor.is_revealed {
            told_ui(ui, "Its secrets are masked (redacted:…). Where a mask stays as it is, the secret goes out as it was", Ink::Dim, tokens);
            if button_ui(ui, "Show its secrets", false, tokens) {
                editor.reveal();
            }
        }
        // What was masked a moment ago, or is of the record before, is not to come back by undoing.
        let of = egui::Id::unique((&editor.letter, editor.is_revealed)).value();
        label_ui(ui, "Key", tokens);
        if !editor.key.is_masked()
            && let Some(form) = choice_ui(ui, "key as", &Form::ALL, editor.key.form, tokens)
        {
            editor.key.write_as(form);
        }
        if editor.key.form != Form::Null {
            let key = TextEntry::new(TextField::ReplayLine, &mut editor.key.text).named("Key of the record").hint("empty").of(of);
            let _entered = key.font(fonts::data(DATA_PT)).ui(ui, tokens);
        }
        label_ui(ui, "Value", tokens);
        if !editor.value.is_masked()
            && let Some(form) = choice_ui(ui, "value as", &Form::ALL, editor.value.form, tokens)
        {
            editor.value.write_as(form);
        }
        if editor.value.form != Form::Null {
            let value = TextEntry::new(TextField::ReplayText, &mut editor.value.text).hint("empty").lines(VALUE_LINES).first(true).of(of);
            let _entered = value.font(fonts::data(DATA_PT)).ui(ui, tokens);
        }
        if editor.is_json_meant() && editor.can_be_json() {
            match json_look::look(ui.ctx(), ui.make_persistent_id("what is wrong with the value"), &editor.value.text, json_mistake) {
                Look::Wrong(words) => told_ui(ui, &format!("{words}. It is sent as it stands"), Ink::Warn, tokens),
                look => look.words().into_iter().for_each(|words| told_ui(ui, words, Ink::Dim, tokens)),
            }
        }
        for (name, difference) in editor.differences() {
            difference_ui(ui, name, difference, tokens);
        }
        headers_ui(ui, &mut editor.headers, of, tokens);
        if let Some(wrong) = &editor.wrong {
            told_ui(ui, wrong, Ink::Bad, tokens);
        }
        ui.horizontal_wrapped(|ui| {
            if button_ui(ui, "Preview with this", true, tokens) {
                asked = Some(FormAsked::Edited);
            }
            if button_ui(ui, "Leave it", false, tokens) {
                asked = Some(FormAsked::Leave);
            }
        });
    });
    asked
}
