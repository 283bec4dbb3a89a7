//! Draws the forms that ask for a file, and what became of an export.

use egui::{RichText, WidgetInfo, accesskit::Role};
use switchboard_desk::send::{EXPORT_NOTE, RecordExportState, RecordsExported, replay::ReplayBoard};

use super::filing::FileForm;
use crate::{
    figures,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT},
    view::ViewAction,
    widgets::{
        strip::{StripAsk, strip_ui, told_strip_ui},
        text_field::{TextEntry, TextField},
    },
};

/// Reasons for leaving records out that are told.
const REASONS_MAX: usize = 3;

/// What was done above the records.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FilingAsk {
    /// What the form is for.
    Do,
    /// The form, or the word of the last export, goes.
    Close,
    /// To something else.
    Action(ViewAction),
}

fn told_ui(ui: &mut egui::Ui, text: &str, ink: Ink, tokens: &DesignTokens) {
    ui.add(egui::Label::new(RichText::new(visible(text)).size(TEXT_SMALL_PT).color(tokens.ink(ink))).wrap());
}

/// A line to type a file's name in, and what is done with it.
fn line_ui(ui: &mut egui::Ui, field: TextField, hint: &str, typed: &mut String, does: &str, tokens: &DesignTokens) -> Option<FilingAsk> {
    let mut asked = None;
    ui.horizontal(|ui| {
        let room = (ui.available_width() - 160.0).clamp(60.0, 560.0);
        let entered = TextEntry::new(field, typed).hint(hint).width(room).first(true).ui(ui, tokens).is_done;
        if ui.button(does).clicked() || entered {
            asked = Some(FilingAsk::Do);
        }
        if ui.button("Cancel").clicked() {
            asked = Some(FilingAsk::Close);
        }
    });
    asked
}

/// Draws the form that asks into which file records are written. `meant`: how many they are, and whether they are marked.
pub(super) fn export_form_ui(ui: &mut egui::Ui, typed: &mut String, meant: Option<&Result<(usize, bool), String>>, tokens: &DesignTokens) -> Option<FilingAsk> {
    let mut asked = None;
    strip_ui(ui, "records export form", tokens, |ui| {
        match meant {
            Some(Ok((num, is_marked))) => {
                let which = if *is_marked { "that are marked" } else { "that are listed; mark some for these alone" };
                let num = figures::things(*num as u64, "record", "records");
                told_ui(ui, &format!("{num} {which}. Each is read again from the broker, and becomes a line of JSON"), Ink::Text, tokens);
            }
            Some(Err(why)) => told_ui(ui, &format!("Nothing can be exported: {why}"), Ink::Bad, tokens),
            None => told_ui(ui, "Nothing can be exported: no topic is open", Ink::Bad, tokens),
        }
        let more = "A name alone lies in the folder exports beside the ledger; a whole path anywhere. Nothing is written over";
        told_ui(ui, &format!("{EXPORT_NOTE}. {more}"), Ink::Warn, tokens);
        ui.add_space(4.0);
        asked = line_ui(ui, TextField::RecordExport, "a name of the time", typed, "Export", tokens);
    });
    asked
}

/// Draws the form that asks which file is replayed, and to which cluster where there are several.
pub(super) fn file_form_ui(ui: &mut egui::Ui, form: &mut FileForm, open: Option<&str>, board: &ReplayBoard, tokens: &DesignTokens) -> Option<FilingAsk> {
    let mut asked = None;
    strip_ui(ui, "file to replay", tokens, |ui| {
        let what = "Replay the records of a file, one a line, as Export records… or kcat -J writes them. A preview comes first, and sends nothing";
        told_ui(ui, what, Ink::Text, tokens);
        ui.add_space(4.0);
        asked = line_ui(ui, TextField::ReplayFile, "its whole path", &mut form.path, "Preview", tokens);
        if board.clusters.len() > 1 {
            let chosen = form.cluster(open, board).map(str::to_owned);
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new("to").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
                for cluster in board.clusters.iter() {
                    let is_chosen = chosen.as_deref() == Some(&cluster.name);
                    let name = visible(&cluster.name);
                    let ink = if is_chosen { Ink::Text } else { Ink::Dim };
                    let text = RichText::new(name.as_ref()).size(TEXT_SMALL_PT).color(tokens.ink(ink));
                    let response = ui.add(egui::Button::new(text).selected(is_chosen).frame_when_inactive(false));
                    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, format!("to the cluster {name}")));
                    if response.clicked() {
                        form.to = Some(cluster.name.clone());
                    }
                }
            });
        }
        if let Some(wrong) = &form.wrong {
            told_ui(ui, wrong, Ink::Bad, tokens);
        }
    });
    asked
}

/// Draws what became of the last export.
pub(super) fn exported_ui(ui: &mut egui::Ui, export: &RecordExportState, tokens: &DesignTokens) -> Option<FilingAsk> {
    let (text, ink, path) = match export {
        RecordExportState::Writing { path, num_read, num_asked } => {
            let [read, asked] = [num_read, num_asked].map(|num| figures::count(*num as u64));
            (format!("{read} of {asked} records read again for {}…", visible(&path.display().to_string())), Ink::Dim, None)
        }
        RecordExportState::Done(done) => {
            let is_whole = done.skipped.is_empty() && done.num_cut == 0;
            (done_words(done), if is_whole { Ink::Text } else { Ink::Warn }, Some(done.path.display().to_string()))
        }
        RecordExportState::Failed(reason) => (format!("Nothing was exported: {}", visible(reason)), Ink::Bad, None),
    };
    let closes = !matches!(export, RecordExportState::Writing { .. });
    match told_strip_ui(ui, "records export", &text, ink, path.as_deref(), closes, tokens) {
        Some(StripAsk::Close) => Some(FilingAsk::Close),
        Some(StripAsk::CopyPath) => path.map(|path| FilingAsk::Action(ViewAction::Copy(path))),
        None => None,
    }
}

/// What was written, and what was not.
fn done_words(done: &RecordsExported) -> String {
    let path = done.path.display().to_string();
    let mut words = format!("{}, {}, in {}", figures::things(done.num_records, "record", "records"), figures::bytes(done.num_bytes), visible(&path));
    let num_skipped: u64 = done.skipped.values().sum();
    if num_skipped > 0 {
        let reasons = done.skipped.iter().take(REASONS_MAX).map(|(reason, num)| format!("{} {}", figures::count(*num), visible(reason)));
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        let more = if done.skipped.len() > REASONS_MAX { "; …" } else { "" };
        words = format!("{words} · {} left out: {reasons}{more}", figures::count(num_skipped));
    }
    if done.num_cut > 0 {
        words = format!("{words} · {} more found no room in it: export them into another file", figures::count(done.num_cut));
    }
    words
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_not_in_the_file_is_told_with_the_reason() {
        let done = RecordsExported { path: "/tmp/a.jsonl".into(), num_records: 2, num_bytes: 300, skipped: BTreeMap::new(), num_cut: 0 };
        assert_eq!(done_words(&done), "2 records, 300 B, in /tmp/a.jsonl");
        let skipped = BTreeMap::from([("gone: no record lies at this offset any more".to_owned(), 3)]);
        let told = done_words(&RecordsExported { skipped, num_cut: 7, ..done });
        assert!(
            told.ends_with("3 left out: 3 gone: no record lies at this offset any more · 7 more found no room in it: export them into another file"),
            "{told}"
        );
    }
}
