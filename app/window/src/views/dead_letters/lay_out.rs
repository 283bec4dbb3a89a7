//! Where list, letter and replay stand.

use egui::{RichText, vec2};

use super::{
    cards_ui::{cards_ui, height_pt},
    inbox::sentence,
    letter_detail::Letter,
    marks::Marks,
    note_ui::{NoteEnd, note_ui},
    state_filter::choices_ui,
    view::{DeadLettersView, Keys},
};
use switchboard_desk::send::replay::{ReplayBoard, ReplayCommand};

use crate::{
    figures, fonts,
    replay::{ReplayPanel, send},
    theme::{DesignTokens, Ink},
    view::{ViewAction, ViewContext},
    widgets::{
        blocks::blocks_ui,
        detail::{head_ui, section_ui},
        payload::payload_ui,
    },
};

/// From this width on list, letter and replay stand side by side, points.
const THREE_FROM_PT: f32 = 980.0;
/// From this width on two of them do, points.
const TWO_FROM_PT: f32 = 620.0;

impl DeadLettersView {
    pub(super) fn lay_out(
        &mut self,
        ui: &mut egui::Ui,
        context: &mut ViewContext<'_>,
        board: &ReplayBoard,
        shown: &ReplayPanel,
        actions: &mut Vec<ViewAction>,
    ) {
        let tokens = context.tokens;
        let room = ui.available_size();
        let side = egui::Frame::new().fill(tokens.ink(Ink::Panel));
        if room.x >= THREE_FROM_PT {
            let width = (room.x * 0.27).clamp(300.0, 420.0);
            egui::Panel::right("replay")
                .resizable(true)
                .default_size(width)
                .size_range(260.0..=520.0)
                .frame(side)
                .show(ui, |ui| self.panel_ui(ui, shown, board, tokens));
            let width = (room.x * 0.385).clamp(430.0, 640.0);
            egui::Panel::left("inbox").resizable(true).default_size(width).size_range(320.0..=720.0).frame(egui::Frame::new()).show(ui, |ui| {
                self.list_ui(ui, (board, context.now_ns), tokens, actions);
            });
            egui::CentralPanel::no_frame().show(ui, |ui| self.letter_ui(ui, context, actions));
        } else if room.x >= TWO_FROM_PT {
            let width = (room.x * 0.44).clamp(260.0, 420.0);
            egui::Panel::right("replay").resizable(true).default_size(width).size_range(240.0..=480.0).frame(side).show(ui, |ui| {
                if board.run.is_none() && board.preview.is_none() && board.preparing.is_none() {
                    egui::Panel::bottom("replay below")
                        .resizable(true)
                        .default_size(room.y * 0.42)
                        .frame(side)
                        .show(ui, |ui| self.panel_ui(ui, shown, board, tokens));
                    self.letter_ui(ui, context, actions);
                } else {
                    self.panel_ui(ui, shown, board, tokens);
                }
            });
            self.list_ui(ui, (board, context.now_ns), tokens, actions);
        } else {
            egui::Panel::bottom("replay").resizable(true).default_size(room.y * 0.48).frame(side).show(ui, |ui| self.panel_ui(ui, shown, board, tokens));
            self.list_ui(ui, (board, context.now_ns), tokens, actions);
        }
    }

    fn panel_ui(&mut self, ui: &mut egui::Ui, shown: &ReplayPanel, board: &ReplayBoard, tokens: &DesignTokens) {
        let selected = self.list.selected().map(|row| &row.key);
        let (command, actions) = self.room.ui(ui, shown, board, selected, tokens);
        if let Some(command) = command {
            self.pending.push(command);
            ui.ctx().request_repaint();
        }
        self.asked.extend(actions);
    }

    fn list_ui(&mut self, ui: &mut egui::Ui, (board, now_ns): (&ReplayBoard, i64), tokens: &DesignTokens, actions: &mut Vec<ViewAction>) {
        ui.spacing_mut().item_spacing.y = 0.0;
        egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 12, bottom: 6 }).show(ui, |ui| {
            ui.add(egui::Label::new(RichText::new(sentence(&self.inbox.value)).color(tokens.ink(Ink::Dim))).wrap());
        });
        let height = height_pt(self.inbox.value.len()).min(ui.available_height() * 0.42).max(72.0);
        let chosen = self.cause.clone();
        let has_keys = self.keys == Keys::Causes;
        let reveal = std::mem::take(&mut self.reveal_cause);
        let clicked = ui
            .allocate_ui_with_layout(vec2(ui.available_width(), height), egui::Layout::top_down(egui::Align::Min), |ui| {
                ui.set_min_height(height);
                cards_ui(ui, &self.inbox.value, chosen.as_ref(), has_keys, reveal, now_ns, tokens)
            })
            .inner;
        if let Some(index) = clicked {
            let cause = self.inbox.value.get(index).map(|row| row.cause.clone());
            self.choose(cause);
            self.keys = Keys::Letters;
        }
        ui.add_space(10.0);
        let choice = self.chosen().and_then(|of| {
            let frame = egui::Frame::new().inner_margin(egui::Margin { left: 14, right: 14, top: 0, bottom: 4 });
            frame.show(ui, |ui| choices_ui(ui, self.filter, of, tokens)).inner
        });
        if let Some(filter) = choice {
            self.list_only(filter);
            ui.ctx().request_repaint();
        }
        let marked = self.marked(board);
        let num_marked = if marked.is_selection { 0 } else { marked.num };
        let (note, mut ending) = (&mut self.note, None);
        let response = self.list.ui(ui, num_marked, now_ns, tokens, |ui| {
            if let Some(note) = note {
                ending = note_ui(ui, note, marked.num_open, tokens);
            }
        });
        if self.list.is_known() && self.list.selected().is_none() {
            ui.add_space(12.0);
            ui.vertical_centered(|ui| ui.label(RichText::new(self.filter.nothing_words()).color(tokens.ink(Ink::Dim))));
        }
        if let Some(command) = response.command {
            self.pending.push(command);
            ui.ctx().request_repaint();
        }
        if response.is_chosen {
            self.keys = Keys::Letters;
        }
        if let Some(ending) = ending {
            self.end_note(ending, board, actions);
            ui.ctx().request_repaint();
        }
    }

    fn end_note(&mut self, ending: NoteEnd, board: &ReplayBoard, actions: &mut Vec<ViewAction>) {
        let note = self.note.take().unwrap_or_default().trim().to_owned();
        let letters = self.cause.as_ref().and_then(|cause| self.list.marks.open(self.list.selected(), cause, board));
        if let (NoteEnd::Park, Some(letters)) = (ending, letters) {
            actions.push(send(ReplayCommand::Park { letters, note }));
        }
        self.list.marks = Marks::default();
    }

    fn letter_ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let Some(row) = self.list.selected() else { return };
        let Some(open) = self.open.as_mut().filter(|open| open.key == row.key) else { return };
        let letter = Letter::new(row, Some(open), context.replay);
        let (detail, is_preview) =
            (letter.detail(context.now_ns), letter.planned.is_some_and(|planned| context.replay.shown(planned).is_some_and(|shown| shown.is_ok())));
        let hash = letter.planned.map(|planned| format!("{} · hash {:032x}", figures::bytes(planned.size_bytes as u64), planned.hash.0));
        egui::ScrollArea::vertical().id_salt("letter").auto_shrink([false, false]).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
            actions.extend(head_ui(ui, &detail, context.tokens));
            let mut value_ui = |ui: &mut egui::Ui| {
                egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 0, bottom: 12 }).show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 6.0;
                    if let Some(hash) = &hash {
                        ui.add(egui::Label::new(RichText::new(hash).font(fonts::data(11.0)).color(context.tokens.ink(Ink::Dim))).truncate());
                    }
                    if is_preview || open.record.is_some() {
                        payload_ui(ui, &mut open.payload_ui, &mut open.payload, 220.0, context.tokens);
                    } else if open.is_known {
                        ui.label(
                            RichText::new("Its contents are no longer stored; a preview reads them again from the broker").color(context.tokens.ink(Ink::Dim)),
                        );
                    }
                })
            };
            // Contents first, what is known of them below or beside.
            let asked = blocks_ui(ui, "letter", detail.sections.len() + 1, context.tokens, |ui, index| {
                if index == 0 {
                    value_ui(ui);
                    return None;
                }
                section_ui(ui, &detail.sections[index - 1], context.tokens)
            });
            actions.extend(asked);
        });
    }
}
