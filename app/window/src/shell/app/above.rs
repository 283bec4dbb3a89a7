//! Lines that stand above the views: what has stopped, which connections are lost, what changed while nobody looked.

use switchboard_desk::lab::LabState;

use super::Window;
use crate::{
    figures, fonts,
    sanitise::visible,
    shell::{
        notice::{self, Leads, NoticePart},
        notice_ui::{NoticeAction, notice_ui},
    },
    theme::{DesignTokens, Ink},
    view::{Target, UiCommand},
};

impl Window {
    /// A failed engine stands above everything until it is restarted.
    pub(super) fn failure_ui(&self, ui: &mut egui::Ui, commands: &mut Vec<UiCommand>) {
        let Some(failure) = &self.engine_failure else { return };
        let tokens = self.themes.tokens(ui.ctx().theme());
        let frame = egui::Frame::new().fill(tokens.ink(Ink::BadFill)).inner_margin(crate::theme::margin(18, 9));
        egui::Panel::top("engine failure").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.label(egui::RichText::new("The engine has stopped").font(fonts::strong(13.0)).color(tokens.ink(Ink::Bad)));
                ui.label(egui::RichText::new(visible(failure)).color(tokens.ink(Ink::Text)));
                ui.label(egui::RichText::new("What is shown is of before. Nothing is taken in until it runs again").color(tokens.ink(Ink::Dim)));
                if ui.button("Restart engine").clicked() {
                    commands.push(UiCommand::RestartEngine);
                }
            });
        });
    }

    /// A lab that ended by itself stands above everything until it is started again.
    pub(super) fn lab_ui(&self, ui: &mut egui::Ui, commands: &mut Vec<UiCommand>) {
        let words = match &self.lab {
            LabState::Well => return,
            LabState::Ended(how) => format!("The demo's lab has ended by itself ({}), and what is shown is of before", visible(how)),
            LabState::Starting => "The demo's lab is being started again…".to_owned(),
        };
        let tokens = self.themes.tokens(ui.ctx().theme());
        let frame = egui::Frame::new().fill(tokens.ink(Ink::BadFill)).inner_margin(crate::theme::margin(18, 9));
        egui::Panel::top("lab").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.label(egui::RichText::new(words).color(tokens.ink(Ink::Text)));
                if matches!(self.lab, LabState::Ended(_)) && ui.button("Start it again").on_hover_text(UiCommand::RestartLab.tooltip()).clicked() {
                    commands.push(UiCommand::RestartLab);
                }
            });
        });
    }

    /// Connections that are lost, as far as nobody closed the line.
    pub(super) fn lost(&self) -> Vec<NoticePart> {
        notice::lost(&self.snapshot, &self.lost_closed, self.now_ns)
    }

    /// What changed meanwhile, and which connections are lost: a line each.
    pub(super) fn notices_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens) {
        let ctx = ui.ctx().clone();
        let mut followed = None;
        if let Some((for_ns, parts)) = &self.away {
            let lead = format!("While you were away ({})", figures::age(*for_ns));
            match notice_ui(ui, "while you were away", &lead, parts, tokens) {
                Some(NoticeAction::Follow(leads)) => followed = Some(leads),
                Some(NoticeAction::Close) => self.away = None,
                None => {}
            }
        }
        for part in self.lost() {
            let name = match &part.leads {
                Leads::Object(Target::Source(name)) => name.clone(),
                _ => "lost connections".to_owned(),
            };
            match notice_ui(ui, &visible(&name), "", std::slice::from_ref(&part), tokens) {
                Some(NoticeAction::Follow(leads)) => followed = Some(leads),
                Some(NoticeAction::Close) => {
                    let all = notice::all_failed(&self.snapshot);
                    self.lost_closed.extend(all.into_iter().filter(|(failed, _)| *failed == name || matches!(part.leads, Leads::View(_))));
                }
                None => {}
            }
        }
        if let Some(leads) = followed {
            self.follow(&ctx, &leads);
        }
    }
}
