//! Draws what stands beside the list: the selected run with its sends, and one of these.

use egui::{RichText, Stroke, vec2};
use switchboard_desk::ledger::SendsPage;

use super::{
    details::sends_words,
    rows::{paint_send, send_columns},
};
use crate::{
    fonts,
    theme::{DesignTokens, Ink, TEXT_BODY_PT, TEXT_SMALL_PT, margin},
    view::ViewAction,
    widgets::{
        blocks::blocks_ui,
        detail::{self, Detail},
        split,
        table::{Order, Table, TableResponse, TableState, Way},
    },
};

/// Width of it at first, points.
const WIDTH_PT: f32 = 470.0;
/// From this width of the pane on it stands beside the list, else below it, points.
const BESIDE_FROM_PT: f32 = 720.0;
/// From this width on it has a width of its own, points.
const WIDE_FROM_PT: f32 = 1_700.0;

const ORDER: Order = Order::Asked { by: Some(("time, UTC", Way::Up)), can: &[], why: "Sends stand in the order in which they were sent" };

/// What is drawn.
pub(super) struct Beside<'a> {
    /// The run, or the refusal.
    pub run: &'a Detail,
    /// Its sends; `None` = they are not read yet, or there are none.
    pub sends: Option<&'a SendsPage>,
    /// The selected one.
    pub send: Option<&'a Detail>,
    /// Its row.
    pub selected: Option<usize>,
    /// Now, ns since the Unix epoch.
    pub now_ns: i64,
    /// Colours.
    pub tokens: &'a DesignTokens,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct BesideResponse {
    /// What was asked for.
    pub action: Option<ViewAction>,
    /// What was done with the table of sends; `None` = there is none.
    pub table: Option<TableResponse>,
}

impl Beside<'_> {
    /// Draws it at its edge of the room; what is left is the list's.
    pub(super) fn ui(&self, ui: &mut egui::Ui, table: &mut TableState) -> BesideResponse {
        let frame = egui::Frame::new().fill(self.tokens.ink(Ink::Panel));
        let room = ui.available_size();
        let content = |ui: &mut egui::Ui| self.content_ui(ui, table);
        if room.x >= BESIDE_FROM_PT {
            let is_wide = room.x >= WIDE_FROM_PT;
            let panel = egui::Panel::right(egui::Id::unique(("ledger", "beside", is_wide))).resizable(true).frame(frame);
            panel.default_size(split::beside_pt(room.x, WIDTH_PT)).size_range(240.0..=(room.x * 0.6).max(260.0)).show(ui, content).inner
        } else {
            let panel = egui::Panel::bottom(egui::Id::unique(("ledger", "below"))).resizable(true).frame(frame);
            panel.default_size((room.y * 0.55).max(80.0)).size_range(60.0..=(room.y * 0.8).max(80.0)).show(ui, content).inner
        }
    }

    fn content_ui(&self, ui: &mut egui::Ui, table: &mut TableState) -> BesideResponse {
        ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
        // One send is told with its run; of several there is a list.
        match self.sends.filter(|sends| sends.num_all > 1) {
            Some(sends) => self.list_ui(ui, sends, table),
            None => BesideResponse { action: self.one_ui(ui), table: None },
        }
    }

    /// A run and its only send, or none.
    fn one_ui(&self, ui: &mut egui::Ui) -> Option<ViewAction> {
        let sections: Vec<_> = self.send.iter().flat_map(|send| &send.sections).chain(&self.run.sections).collect();
        egui::ScrollArea::vertical()
            .id_salt("ledger run")
            .auto_shrink([false, false])
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
                let asked = detail::head_ui(ui, self.run, self.tokens);
                blocks_ui(ui, "ledger run", sections.len(), self.tokens, |ui, index| detail::section_ui(ui, sections[index], self.tokens)).or(asked)
            })
            .inner
    }

    /// A run, its sends, and the selected one below.
    fn list_ui(&self, ui: &mut egui::Ui, sends: &SendsPage, table: &mut TableState) -> BesideResponse {
        let tokens = self.tokens;
        let mut action = None;
        if let Some(send) = self.send {
            let height = ui.available_height();
            let panel = egui::Panel::bottom(egui::Id::unique(("ledger", "send"))).resizable(true).default_size(height * 0.52).show_separator_line(true);
            panel.size_range(80.0..=(height * 0.75).max(90.0)).frame(egui::Frame::new().fill(tokens.ink(Ink::Panel))).show(ui, |ui| {
                egui::ScrollArea::vertical().id_salt("ledger send").auto_shrink([false, false]).show(ui, |ui| {
                    ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
                    let asked = detail::head_ui(ui, send, tokens);
                    let sections = &send.sections;
                    let in_blocks = blocks_ui(ui, "ledger send", sections.len(), tokens, |ui, index| detail::section_ui(ui, &sections[index], tokens));
                    action = in_blocks.or(asked);
                });
            });
        }
        action = detail::head_ui(ui, self.run, tokens).or(action);
        // With one of its sends open the run is told by its heading.
        if self.send.is_none() {
            for section in &self.run.sections {
                action = detail::section_ui(ui, section, tokens).or(action);
            }
        }
        let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), egui::Sense::hover());
        ui.painter().hline(line.x_range(), line.center().y, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
        egui::Frame::new().inner_margin(margin(18, 6)).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.label(RichText::new("Sends").font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
                let words = RichText::new(sends_words(sends)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim));
                ui.add(egui::Label::new(words).truncate());
            });
        });
        let columns = send_columns(ui.available_width());
        let drawn = Table { name: "sends", columns, num_rows: sends.total, selected: self.selected, order: ORDER };
        let response = drawn.ui(ui, table, tokens, |row, index| {
            let send = index.checked_sub(sends.of.skip).and_then(|at| sends.rows.get(at));
            send.map_or_else(|| format!("send {}, not read yet", index + 1), |send| paint_send(row, send, columns, self.now_ns))
        });
        BesideResponse { action, table: Some(response) }
    }
}
