//! Tables of names and values: a row each with a switch, and an empty last one that becomes a row once something is typed.

use egui::{RichText, WidgetInfo, accesskit::Role, vec2};
use switchboard_desk::send::draft::{HeaderDraft, Pair, Part, Payload};

use super::fields::{Form, PayloadForm};
use crate::theme::{Ink, TEXT_SMALL_PT};

/// Width of the switch and of the cross at the ends of a row, points.
const SWITCH_PT: f32 = 22.0;
const CROSS_PT: f32 = 24.0;
/// Rows that are drawn at most; of more the first ones are edited, all are sent.
const ROWS_MAX: usize = 200;

/// What a table is of: one, several.
pub(super) type Of<'a> = [&'a str; 2];

/// Draws the names of the columns. Room stands above the first row, so that a click there hits none.
fn columns_ui(ui: &mut egui::Ui, form: &Form<'_>, names: &[(&str, f32)]) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.add_space(SWITCH_PT);
        for (name, width_pt) in names {
            let label = egui::Label::new(RichText::new(*name).size(TEXT_SMALL_PT).color(form.tokens.ink(Ink::Faint))).selectable(false);
            ui.allocate_ui_with_layout(vec2(*width_pt, 16.0), egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.set_min_width(*width_pt);
                ui.add(label);
            });
        }
    });
}

fn switch_ui(ui: &mut egui::Ui, off: &mut bool, words: &str) {
    let mut is_on = !*off;
    // A switch is as wide as anything to be pressed is high, unless it is said otherwise: rows stand below one another.
    let pressed_pt = std::mem::replace(&mut ui.spacing_mut().interact_size.y, SWITCH_PT - 6.0);
    let switch = ui.add_sized(vec2(SWITCH_PT - 6.0, 20.0), egui::Checkbox::without_text(&mut is_on));
    ui.spacing_mut().interact_size.y = pressed_pt;
    switch.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, is_on, format!("{words} is sent")));
    switch.on_hover_text("Whether it is sent; it is kept all the same");
    *off = !is_on;
}

fn cross_ui(ui: &mut egui::Ui, form: &Form<'_>, words: &str) -> bool {
    let cross = egui::Button::new(RichText::new("×").color(form.tokens.ink(Ink::Dim))).frame(false).min_size(vec2(CROSS_PT - 6.0, 20.0));
    let response = ui.add(cross);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Take {words} away")));
    response.clicked()
}

/// Rows that are drawn one after another, of which the last is empty until something is typed in it.
fn rows_ui<T: Default>(ui: &mut egui::Ui, rows: &mut Vec<T>, of: &str, mut row_ui: impl FnMut(&mut egui::Ui, &mut T, &str, bool) -> (bool, bool)) {
    let mut taken_away = None;
    for index in 0..=rows.len().min(ROWS_MAX) {
        let words = format!("{of} {}", index + 1);
        let is_last = index == rows.len();
        let mut new = T::default();
        let row = if is_last { &mut new } else { &mut rows[index] };
        let (is_taken_away, is_empty) = ui
            .horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                row_ui(ui, row, &words, is_last)
            })
            .inner;
        if is_last && !is_empty {
            rows.push(new);
            break;
        }
        if is_taken_away {
            taken_away = Some(index);
        }
    }
    if let Some(index) = taken_away {
        rows.remove(index);
    }
    if rows.len() > ROWS_MAX {
        ui.label(format!("and {} more", rows.len() - ROWS_MAX));
    }
}

/// Names and values that are sent in their order.
pub(super) fn pairs_ui(ui: &mut egui::Ui, form: &mut Form<'_>, of: Of<'_>, pairs: &mut Vec<Pair>) {
    let room_pt = (ui.available_width() - SWITCH_PT - CROSS_PT - 18.0).max(120.0);
    let (name_pt, value_pt) = (room_pt * 0.38, room_pt * 0.62);
    columns_ui(ui, form, &[("name", name_pt), ("value", value_pt)]);
    rows_ui(ui, pairs, of[0], |ui, pair, words, is_last| {
        if is_last {
            ui.add_space(SWITCH_PT);
        } else {
            switch_ui(ui, &mut pair.off, words);
        }
        form.line(ui, [&format!("Name of {words}"), if is_last { of[1] } else { "" }], &mut pair.name, name_pt);
        form.line(ui, [&format!("Value of {words}"), ""], &mut pair.value, value_pt);
        let is_taken_away = !is_last && cross_ui(ui, form, words);
        (is_taken_away, pair.name.is_empty() && pair.value.is_empty())
    });
}

/// Parts of a form, of which each has a value or a file.
pub(super) fn parts_ui(ui: &mut egui::Ui, form: &mut Form<'_>, parts: &mut Vec<Part>) {
    let room_pt = (ui.available_width() - SWITCH_PT - CROSS_PT - 30.0).max(160.0);
    let widths = [0.22, 0.3, 0.26, 0.22].map(|share| room_pt * share);
    columns_ui(ui, form, &[("name", widths[0]), ("value", widths[1]), ("or a file", widths[2]), ("its type", widths[3])]);
    rows_ui(ui, parts, "part", |ui, part, words, is_last| {
        ui.add_space(SWITCH_PT);
        form.line(ui, [&format!("Name of {words}"), if is_last { "another part" } else { "" }], &mut part.name, widths[0]);
        form.line(ui, [&format!("Value of {words}"), ""], &mut part.value, widths[1]);
        form.line(ui, [&format!("File of {words}"), ""], &mut part.file, widths[2]);
        form.line(ui, [&format!("Type of {words}"), ""], &mut part.content_type, widths[3]);
        let is_taken_away = !is_last && cross_ui(ui, form, words);
        (is_taken_away, *part == Part::default())
    });
}

/// A header of a record as it is typed: one that is added has a text.
struct TypedHeader(HeaderDraft);

impl Default for TypedHeader {
    fn default() -> Self {
        Self(HeaderDraft { name: String::new(), value: Payload::Text(String::new()), off: false })
    }
}

/// Headers of a record, whose values have a form each.
pub(super) fn headers_ui(ui: &mut egui::Ui, form: &mut Form<'_>, headers: &mut Vec<HeaderDraft>) {
    const FORM_PT: f32 = 74.0;
    let room_pt = (ui.available_width() - SWITCH_PT - CROSS_PT - FORM_PT - 30.0).max(120.0);
    let (name_pt, value_pt) = (room_pt * 0.4, room_pt * 0.6);
    columns_ui(ui, form, &[("name", name_pt), ("as", FORM_PT), ("value", value_pt)]);
    let mut typed: Vec<TypedHeader> = std::mem::take(headers).into_iter().map(TypedHeader).collect();
    rows_ui(ui, &mut typed, "header", |ui, TypedHeader(header), words, is_last| {
        if is_last {
            ui.add_space(SWITCH_PT);
        } else {
            switch_ui(ui, &mut header.off, words);
        }
        form.line(ui, [&format!("Name of {words}"), if is_last { "another header" } else { "" }], &mut header.name, name_pt);
        let mut chosen = PayloadForm::of(&header.value);
        let shown = PayloadForm::ALL.iter().find(|(form, _)| *form == chosen).map_or("", |(_, text)| text);
        let combo = egui::ComboBox::from_id_salt(("form of a header", words)).width(FORM_PT - 16.0).selected_text(shown).show_ui(ui, |ui| {
            for (form, text) in PayloadForm::ALL {
                ui.selectable_value(&mut chosen, form, text);
            }
        });
        combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("{words} as {shown}")));
        if chosen != PayloadForm::of(&header.value) {
            header.value = chosen.with(&header.value);
        }
        match &mut header.value {
            Payload::Null => ui.add_space(value_pt + 6.0),
            Payload::Text(text) | Payload::Json(text) | Payload::Hex(text) | Payload::File(text) => {
                form.line(ui, [&format!("Value of {words}"), ""], text, value_pt);
            }
        }
        let is_taken_away = !is_last && cross_ui(ui, form, words);
        let is_empty = header.name.is_empty() && header.value == Payload::Text(String::new());
        (is_taken_away, is_empty)
    });
    *headers = typed.into_iter().map(|TypedHeader(header)| header).collect();
}
