//! Draws how often a request or a call is sent, and as a probe.

use switchboard_desk::send::draft::RepeatDraft;

use super::{
    fields::{Form, button_ui, heading_ui},
    options_ui::rows_ui,
};
use crate::theme::Ink;

const NUMBER_PT: f32 = 120.0;

/// What its tab is called; `by_row`: whether each row is sent by itself.
pub(super) fn repeat_word(repeat: &RepeatDraft, by_row: bool) -> String {
    match (repeat.times, !by_row || repeat.rows.is_empty()) {
        (0, false) => "Repeat × rows".to_owned(),
        (0 | 1, _) => "Repeat".to_owned(),
        (times, _) => format!("Repeat × {times}"),
    }
}

/// Draws it; whether it is to be sent as a probe.
pub(super) fn repeat_ui(ui: &mut egui::Ui, form: &mut Form<'_>, repeat: &mut RepeatDraft, by_row: bool, why_not: Option<&str>) -> bool {
    let show = |num: &u32| num.to_string();
    let read = |text: &str| text.parse::<u32>().ok().filter(|num| *num > 0);
    let show_given = |num: &u32| if *num == 0 { String::new() } else { num.to_string() };
    let read_given = move |text: &str| if text.is_empty() { Some(0) } else { read(text) };
    form.label_ui(ui, "How many times, how many a second, how many at once");
    ui.horizontal(|ui| {
        let hint = if !by_row || repeat.rows.is_empty() { "once" } else { "once for each row" };
        form.number(ui, ["Times", hint], &mut repeat.times, NUMBER_PT, (show_given, read_given));
        form.number(ui, ["Times a second", "10"], &mut repeat.rate_per_s, NUMBER_PT, (show, read));
        form.number(ui, ["At once", "8"], &mut repeat.at_once, NUMBER_PT, (show, read));
    });
    form.mistake_ui(ui, &["repeat"]);
    form.told_ui(ui, "Each has a line in the ledger and begins a trace of its own; the answer tells how many failed and how long they took", Ink::Faint);
    if by_row {
        rows_ui(ui, form, &mut repeat.rows);
    }
    ui.add_space(10.0);
    heading_ui(ui, "As a probe", "ends with the session", form.tokens);
    form.told_ui(ui, "It is sent by itself, once in so many seconds, until it is stopped. Never to production", Ink::Dim);
    ui.horizontal(|ui| {
        let read = |text: &str| text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds >= 1.0);
        form.number(ui, ["Seconds between two", "30"], &mut repeat.every_s, NUMBER_PT, (|seconds: &f64| seconds.to_string(), read));
        button_ui(ui, ["Start the probe", ""], false, why_not, form.tokens)
    })
    .inner
}
