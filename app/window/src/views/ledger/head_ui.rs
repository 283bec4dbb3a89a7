//! Draws what stands above the list: what is looked for, what is chosen, and where it is exported to.

use egui::{Align, Layout, RichText, WidgetInfo, accesskit::Role, vec2};
use switchboard_desk::ledger::{ExportState, LedgerBoard, LedgerFilter};

use super::filter::{BECAME, KINDS, became_word, kind_word, target_words};
use crate::{
    figures,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT},
    view::{UiCommand, ViewAction},
    widgets::{
        strip::{StripAsk, strip_ui, told_strip_ui},
        text_field::{TextEntry, TextField},
        view_head::{told_ui, view_head_ui},
    },
};

/// Width of what is looked for, points.
const SEARCH_PT: f32 = 300.0;

/// What was done in the head.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum HeadAsk {
    /// What is listed changes.
    Filter(LedgerFilter),
    /// A command.
    Command(UiCommand),
}

/// Draws search and choices; what was asked for.
pub(super) fn head_ui(ui: &mut egui::Ui, filter: &LedgerFilter, board: &LedgerBoard, tokens: &DesignTokens) -> Option<HeadAsk> {
    let mut next = filter.clone();
    let mut asked = None;
    view_head_ui(ui, "ledger head", tokens, |ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        ui.horizontal(|ui| {
            let _typed = TextEntry::new(TextField::LedgerSearch, &mut next.text).width(SEARCH_PT.min(ui.available_width() * 0.4)).ui(ui, tokens);
            let (shown, all) = (figures::count(board.runs.total as u64), figures::things(board.runs.num_all as u64, "run or refusal", "runs and refusals"));
            let count = if board.runs.total == board.runs.num_all { all } else { format!("{shown} of {all}") };
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let button = egui::Button::new(RichText::new("Export…").size(12.5));
                if ui.add(button).on_hover_text(format!("{} ({})", UiCommand::ExportLedger.tooltip(), UiCommand::ExportLedger.keys())).clicked() {
                    asked = Some(HeadAsk::Command(UiCommand::ExportLedger));
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| told_ui(ui, &count, "newest first", tokens));
            });
        });
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(4.0, 2.0);
            for kind in KINDS {
                let hint = UiCommand::LedgerKind;
                if chip_ui(ui, kind_word(kind), &format!("sent to: {}", kind_word(kind)), filter.target_kind == kind, hint, tokens) {
                    next.target_kind = kind;
                }
            }
            ui.add_space(10.0);
            for became in BECAME {
                let word = became_word(became, filter.target_kind);
                if chip_ui(ui, word, &format!("what became of it: {word}"), filter.became == became, UiCommand::LedgerOutcome, tokens) {
                    next.became = became;
                }
            }
            if let Some(target) = &filter.target {
                ui.add_space(10.0);
                let words = target_words(target);
                if chip_ui(ui, &format!("to {words} ×"), &format!("only to {words}; all targets again"), true, UiCommand::LedgerTarget, tokens) {
                    next.target = None;
                }
            }
        });
    });
    if next == *filter { asked } else { Some(HeadAsk::Filter(next)) }
}

fn chip_ui(ui: &mut egui::Ui, text: &str, label: &str, is_chosen: bool, hint: UiCommand, tokens: &DesignTokens) -> bool {
    let ink = if is_chosen { Ink::Text } else { Ink::Dim };
    let shown = RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(ink));
    let response = ui.add(egui::Button::new(shown).selected(is_chosen).frame_when_inactive(false));
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, label));
    response.on_hover_text(format!("{} ({})", hint.tooltip(), hint.keys())).clicked()
}

/// What was done with the form or with what became of an export.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ExportAsk {
    /// Into the file that was named.
    Write,
    /// The form, or the word of the last export, goes.
    Close,
    /// To something else.
    Action(ViewAction),
}

/// Draws the form that asks where to; `typed` is the name.
pub(super) fn export_form_ui(ui: &mut egui::Ui, typed: &mut String, board: &LedgerBoard, what: &str, tokens: &DesignTokens) -> Option<ExportAsk> {
    let mut asked = None;
    strip_ui(ui, "ledger export form", tokens, |ui| {
        let folder = board.path.as_ref().and_then(|path| path.parent()).map(|folder| folder.join("exports").display().to_string()).unwrap_or_default();
        let lines = figures::things(board.runs.total as u64, "line", "lines");
        let told = format!("{lines}{what} and what they sent, as JSON, a line each. A name lies in {}; a whole path anywhere", visible(&folder));
        ui.add(egui::Label::new(RichText::new(told).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Text))).wrap());
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let room = (ui.available_width() - 160.0).clamp(60.0, 560.0);
            let entered = TextEntry::new(TextField::LedgerExport, typed).hint("a name of the time").width(room).first(true).ui(ui, tokens).is_done;
            if ui.button("Export").clicked() || entered {
                asked = Some(ExportAsk::Write);
            }
            if ui.button("Cancel").clicked() {
                asked = Some(ExportAsk::Close);
            }
        });
    });
    asked
}

/// Draws what became of the last export.
pub(super) fn exported_ui(ui: &mut egui::Ui, export: &ExportState, tokens: &DesignTokens) -> Option<ExportAsk> {
    let (text, ink, path) = match export {
        ExportState::Writing { path } => (format!("Writing {}…", visible(&path.display().to_string())), Ink::Dim, None),
        ExportState::Done(done) => {
            let cut = if done.is_cut { "; there are more, the newest are in it" } else { "" };
            let path = done.path.display().to_string();
            (
                format!("{} in {}{cut}", figures::things(done.num_lines, "line", "lines"), visible(&path)),
                if done.is_cut { Ink::Warn } else { Ink::Text },
                Some(path),
            )
        }
        ExportState::Failed(reason) => (format!("Nothing was exported: {}", visible(reason)), Ink::Bad, None),
    };
    match told_strip_ui(ui, "ledger export", &text, ink, path.as_deref(), !matches!(export, ExportState::Writing { .. }), tokens) {
        Some(StripAsk::Close) => Some(ExportAsk::Close),
        Some(StripAsk::CopyPath) => path.map(|path| ExportAsk::Action(ViewAction::Copy(path))),
        None => None,
    }
}
