//! Draws one source: how it is doing, what to do next, what it refused, and the buttons that change it.

use egui::{Align, Layout, RichText, Sense, Stroke, WidgetInfo, accesskit::Role, vec2};
use switchboard_engine::view::RefusalView;

use super::list::{SourceRow, address, by_kind, counts, kind_word};
use crate::{
    figures, fonts,
    ink::signs::phase_word,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_BODY_PT, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::ViewContext,
    widgets::{
        blocks::blocks_ui,
        detail::{Section, section_ui as section_of_rows_ui},
    },
};
use switchboard_desk::sources_desk::Trial;

/// What is shown.
pub(super) struct Detail<'a> {
    /// The selected source.
    pub row: Option<&'a SourceRow>,
    /// What sources refused.
    pub refused: &'a [RefusalView],
    /// The source that is about to be removed.
    pub removing: Option<&'a str>,
    /// What it is drawn with.
    pub context: &'a ViewContext<'a>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DetailAction {
    Edit,
    Test,
    CancelTest,
    Remove,
    Keep,
}

impl Detail<'_> {
    /// Draws it.
    pub(super) fn ui(&self, ui: &mut egui::Ui) -> Option<DetailAction> {
        let mut action = None;
        egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 5.0);
            if let Some(row) = self.row {
                section_ui(ui, |ui| action = self.head_ui(ui, row));
                let _asked: Option<()> = blocks_ui(ui, "source", 2, self.context.tokens, |ui, index| {
                    if index == 0 {
                        self.counts_ui(ui, row);
                    } else {
                        self.by_kind_ui(ui, row);
                    }
                    None
                });
                self.refused_ui(ui, Some(&row.name));
            } else {
                section_ui(ui, |ui| {
                    ui.label(RichText::new("No source is selected").color(self.ink(Ink::Dim)));
                });
                self.refused_ui(ui, None);
            }
        });
        action
    }

    fn ink(&self, ink: Ink) -> egui::Color32 {
        self.context.tokens.ink(ink)
    }

    fn head_ui(&self, ui: &mut egui::Ui, row: &SourceRow) -> Option<DetailAction> {
        let title = visible(&row.name).into_owned();
        let heading = ui.add(egui::Label::new(RichText::new(&title).font(fonts::strong(TEXT_HEADING_PT)).color(self.ink(Ink::Text))).wrap());
        heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &title));
        let place = address(row);
        let kind = if place.is_empty() { kind_word(row.kind).to_owned() } else { format!("{} · {}", kind_word(row.kind), visible(&place)) };
        ui.add(egui::Label::new(RichText::new(kind).size(TEXT_SMALL_PT).color(self.ink(Ink::Dim))).wrap());
        // Above what changes by itself, so that they stand still under the pointer.
        let action = self.buttons_ui(ui, row);
        ui.add_space(3.0);
        if let Some(live) = &row.live {
            let (word, ink) = phase_word(live.phase);
            let text = format!("{word} for {}", figures::age(self.context.now_ns - live.at_ns));
            ui.label(RichText::new(text).font(fonts::strong(TEXT_BODY_PT)).color(self.ink(ink)));
            for (text, ink) in [(&live.detail, Ink::Text), (&live.next_step, Ink::Dim)] {
                if !text.is_empty() {
                    ui.add(egui::Label::new(RichText::new(visible(text)).color(self.ink(ink))).wrap());
                }
            }
            if let Some(left_out) = live.left_out_words() {
                let text = format!("Each source has its share of what is kept: {left_out}");
                ui.add(egui::Label::new(RichText::new(visible(&text)).color(self.ink(Ink::Dim))).wrap());
            }
        } else {
            let text = if self.context.is_paused { "Not heard of before the window was paused" } else { "Not heard of in this session yet" };
            ui.label(RichText::new(text).color(self.ink(Ink::Dim)));
        }
        let trial = self.context.sources.trial.as_ref().filter(|trial| trial.name == row.name);
        let cancels = trial.is_some_and(|trial| trial_ui(ui, trial, self.context));
        if cancels { Some(DetailAction::CancelTest) } else { action }
    }

    fn buttons_ui(&self, ui: &mut egui::Ui, row: &SourceRow) -> Option<DetailAction> {
        if row.profile.is_none() {
            let text = "The profile does not have it, so it is changed where it was started";
            ui.add(egui::Label::new(RichText::new(text).size(TEXT_SMALL_PT).color(self.ink(Ink::Dim))).wrap());
            return None;
        }
        let mut action = None;
        ui.add_space(6.0);
        if self.removing == Some(row.name.as_str()) {
            let text = "Remove it from the profile and end it? What was observed stays";
            ui.add(egui::Label::new(RichText::new(text).color(self.ink(Ink::Text))).wrap());
            ui.horizontal(|ui| {
                if ui.button(RichText::new("Remove now").color(self.ink(Ink::Bad))).clicked() {
                    action = Some(DetailAction::Remove);
                }
                if ui.button("Keep it").clicked() {
                    action = Some(DetailAction::Keep);
                }
            });
            return action;
        }
        ui.horizontal(|ui| {
            for (text, asked, hover) in [
                ("Edit…", DetailAction::Edit, "Its settings"),
                ("Test", DetailAction::Test, "Tries to connect for at most 10 s and changes nothing"),
                ("Remove…", DetailAction::Remove, "Asks once more"),
            ] {
                if ui.button(text).on_hover_text(hover).clicked() {
                    action = Some(asked);
                }
            }
        });
        action
    }

    fn counts_ui(&self, ui: &mut egui::Ui, row: &SourceRow) {
        let Some(live) = &row.live else { return };
        hairline(ui, self.context.tokens);
        section_ui(ui, |ui| {
            title_ui(ui, "Items", self.context.tokens);
            for (name, n) in counts(&live.counts) {
                ui.horizontal(|ui| {
                    ui.label(RichText::new(name).size(12.0).color(self.ink(Ink::Dim)));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        ui.label(RichText::new(n).font(fonts::data(12.5)).color(self.ink(Ink::Text)));
                    });
                });
            }
        });
    }

    fn by_kind_ui(&self, ui: &mut egui::Ui, row: &SourceRow) {
        let rows = row.live.as_ref().map(by_kind).unwrap_or_default();
        if !rows.is_empty() {
            section_of_rows_ui(ui, &Section::new("By kind", rows).noted("received"), self.context.tokens);
        }
    }

    /// Refused connections, of one source or of all.
    fn refused_ui(&self, ui: &mut egui::Ui, source: Option<&str>) {
        let refused: Vec<&RefusalView> = self.refused.iter().filter(|refusal| source.is_none_or(|source| refusal.source == source)).collect();
        if refused.is_empty() {
            return;
        }
        hairline(ui, self.context.tokens);
        section_ui(ui, |ui| {
            title_ui(ui, "Refused", self.context.tokens);
            for refusal in refused {
                let age = figures::age(self.context.now_ns - refusal.at_ns);
                let text = format!("{} × {} from {}, last {age} ago", figures::count(refusal.count), visible(&refusal.rule), visible(&refusal.peer));
                ui.add(egui::Label::new(RichText::new(text).color(self.ink(Ink::Warn))).wrap());
                for (name, value) in [("Host", &refusal.host), ("Origin", &refusal.origin)] {
                    if let Some(value) = value {
                        let text = format!("{name} {}", visible(value));
                        ui.add(egui::Label::new(RichText::new(text).font(fonts::data(12.0)).color(self.ink(Ink::Text))).wrap());
                    }
                }
                ui.add(egui::Label::new(RichText::new(visible(&refusal.next_step)).size(TEXT_SMALL_PT).color(self.ink(Ink::Dim))).wrap());
                ui.add_space(4.0);
            }
        });
    }
}

/// An attempt to connect; true if it is to be ended.
pub(super) fn trial_ui(ui: &mut egui::Ui, trial: &Trial, context: &ViewContext<'_>) -> bool {
    let tokens = context.tokens;
    let mut cancel = false;
    let (word, ink) = phase_word(trial.phase);
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        let text = match trial.ended_ns {
            None => format!("testing, {} so far", figures::age(context.clock_ns - trial.begun_ns)),
            Some(ended_ns) => format!("test: {word} after {}", figures::duration(ended_ns - trial.begun_ns)),
        };
        ui.label(RichText::new(text).font(fonts::strong(12.5)).color(tokens.ink(ink)));
        if trial.ended_ns.is_none() {
            cancel = ui.button("Cancel the test").clicked();
            if !context.in_place {
                ui.ctx().request_repaint_after(std::time::Duration::from_secs(1));
            }
        }
    });
    for (text, ink) in [(&trial.detail, Ink::Text), (&trial.next_step, Ink::Dim)] {
        if !text.is_empty() {
            ui.add(egui::Label::new(RichText::new(visible(text)).size(12.0).color(tokens.ink(ink))).wrap());
        }
    }
    cancel
}

fn section_ui(ui: &mut egui::Ui, add: impl FnOnce(&mut egui::Ui)) {
    egui::Frame::new().inner_margin(egui::Margin::symmetric(18, 12)).show(ui, add);
}

fn title_ui(ui: &mut egui::Ui, text: &str, tokens: &DesignTokens) {
    ui.label(RichText::new(text).font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
}

fn hairline(ui: &mut egui::Ui, tokens: &DesignTokens) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
}
